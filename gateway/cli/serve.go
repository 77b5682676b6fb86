package cli

import (
	"context"
	"errors"
	"log/slog"
	"runtime"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/config"
)

func newServe(p Process) *cobra.Command {
	var from settings
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Args:  cobra.NoArgs,
		RunE: runs(func(ctx context.Context) error {
			c, err := from.load(p)
			if err != nil {
				return err
			}
			return serve(ctx, p, c, func(*gateway.Gateway) {})
		}),
	}
	from.register(command)
	return command
}

// serve runs a gateway to its end. started is called once it listens.
func serve(ctx context.Context, p Process, c *config.Config, started func(*gateway.Gateway)) (err error) {
	tuneMemory(p.Environ)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0)) // The process may go on without a gateway.
	c = tuneProcessors(p.Environ, c)
	out := newLogBuffer(p.Stderr)
	defer func() { err = errors.Join(err, out.Close()) }()
	level := new(slog.LevelVar)
	g, err := gateway.New(ctx, gateway.Options{
		Config: c, Log: newLog(c.Observability.Log, level, out), LogLevel: level, Build: gateway.ReadBuild(version),
	})
	if err != nil {
		return err
	}
	started(g)
	return g.Run(ctx)
}
