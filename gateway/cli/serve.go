package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/config"
)

func newServe(p Process) *cobra.Command {
	var from settings
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Run the gateway until SIGTERM or SIGINT. SIGHUP, and a change of the configuration's files,
reload the configuration: all of it that needs no restart, or with any fault nothing.`,
		Args: cobra.NoArgs,
		RunE: runs(func(ctx context.Context) error {
			var taken <-chan os.Signal
			if p.Hangups != nil {
				hangups, stop := p.Hangups()
				defer stop()
				taken = hangups
			}
			return serve(ctx, p, from.sources(p), taken, func(*gateway.Gateway) {})
		}),
	}
	from.register(command)
	return command
}

// serve runs a gateway to its end, and reloads it at each hangup. started is called once
// it listens.
func serve(ctx context.Context, p Process, from config.Sources, hangups <-chan os.Signal, started func(*gateway.Gateway)) (err error) {
	tuneMemory(p.Environ)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0)) // The process may go on without a gateway.
	settle := hashesOf(runtime.GOMAXPROCS(0))
	read := func() (*config.Config, error) {
		c, err := config.Load(from)
		if err != nil {
			return nil, err
		}
		return settle(c), nil
	}
	c, err := read()
	if err != nil {
		return err
	}
	tuneProcessors(p.Environ, c)
	out := newLogBuffer(p.Stderr)
	defer func() { err = errors.Join(err, out.Close()) }()
	level := new(slog.LevelVar)
	g, err := gateway.New(ctx, gateway.Options{
		Config: c, Reread: read, Files: filesOf(from),
		Log: newLog(c.Observability.Log, level, out), LogLevel: level, Build: gateway.ReadBuild(version),
	})
	if err != nil {
		return err
	}
	started(g)
	defer reloads(ctx, hangups, g)()
	return g.Run(ctx)
}

// filesOf are the files that a configuration is read from.
func filesOf(from config.Sources) []string {
	return slices.DeleteFunc([]string{from.File, from.FaveoEnv}, func(name string) bool { return name == "" })
}

// reloads reloads g at each hangup, until it is ended.
func reloads(ctx context.Context, hangups <-chan os.Signal, g *gateway.Gateway) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				_, _ = g.Reload(ctx) // It tells the log of its faults.
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}
