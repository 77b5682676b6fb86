package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
)

func newMigrate(p Process) *cobra.Command {
	var from settings
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Create or upgrade the gateway's own tables",
		Args:  cobra.NoArgs,
		RunE: runs(func(ctx context.Context) error {
			c, err := from.load(p)
			if err != nil {
				return err
			}
			applied, err := gateway.Migrate(ctx, c)
			if err != nil {
				return err
			}
			for _, name := range applied {
				fmt.Fprintln(p.Stdout, "applied", name)
			}
			if len(applied) == 0 {
				fmt.Fprintln(p.Stdout, "nothing to do: the tables are up to date")
			}
			return nil
		}),
	}
	from.register(command)
	return command
}
