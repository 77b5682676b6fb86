package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
)

func newCheck(p Process) *cobra.Command {
	var from settings
	command := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and the policy, offline",
		Args:  cobra.NoArgs,
		RunE: runs(func(context.Context) error {
			c, err := from.load(p)
			if err != nil {
				return err
			}
			if err := gateway.Check(c); err != nil {
				return err
			}
			for _, warning := range c.Warnings(time.Now()) {
				fmt.Fprintln(p.Stdout, "warning:", warning)
			}
			_, err = fmt.Fprintln(p.Stdout, "configuration and policy are good")
			return err
		}),
	}
	from.register(command)
	return command
}
