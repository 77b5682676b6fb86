package cli

import (
	"context"

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
			g, err := open(ctx, p, c)
			if err != nil {
				return err
			}
			return g.Run(ctx)
		}),
	}
	from.register(command)
	return command
}

// open makes the gateway of a command that serves.
func open(ctx context.Context, p Process, c *config.Config) (*gateway.Gateway, error) {
	tuneMemory(p.Environ)
	return gateway.New(ctx, gateway.Options{
		Config: c, Log: newLog(c.Observability.Log, p.Stderr), Build: gateway.ReadBuild(version),
	})
}
