package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
)

// dependenciesOfNote are the modules that a security bulletin would name.
var dependenciesOfNote = []string{
	"cel.dev/cel-go",
	"github.com/caddyserver/certmagic",
	"github.com/go-sql-driver/mysql",
	"github.com/labstack/echo/v4",
	"github.com/lestrrat-go/jwx/v2",
	"github.com/prometheus/client_golang",
	"github.com/redis/go-redis/v9",
	"go.opentelemetry.io/otel",
	"golang.org/x/crypto",
}

func newVersion(p Process) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit, Go and the dependencies of note",
		Args:  cobra.NoArgs,
		RunE: runs(func(context.Context) error {
			b := gateway.ReadBuild(version)
			fmt.Fprintf(p.Stdout, "faveo-gateway %s\n", b.Version)
			if b.Commit != "" {
				fmt.Fprintf(p.Stdout, "commit %s\n", b.Commit)
			}
			fmt.Fprintln(p.Stdout, runtime.Version())
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return nil
			}
			for _, module := range info.Deps {
				if slices.Contains(dependenciesOfNote, module.Path) {
					fmt.Fprintln(p.Stdout, module.Path, module.Version)
				}
			}
			return nil
		}),
	}
}
