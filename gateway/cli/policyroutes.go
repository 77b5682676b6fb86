package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
	"faveo-gateway/policy"
)

func newPolicyRoutes(p Process) *cobra.Command {
	var from policySettings
	command := &cobra.Command{
		Use:   "routes",
		Short: "List every rule in the order in which they are tried",
		Example: `  faveo-gateway policy routes
  faveo-gateway policy routes -c config.yaml
  faveo-gateway policy routes -f deploy/policies/partner.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: runs(func(context.Context) error {
			if err := from.check(); err != nil {
				return err
			}
			e, err := from.engine(p)
			if err != nil {
				return err
			}
			if from.output == outputJSON {
				return printJSON(p.Stdout, routesOf(e))
			}
			return printRoutes(p.Stdout, routesOf(e))
		}),
	}
	from.register(command)
	return command
}

// routeRow is one rule as it is printed.
type routeRow struct {
	Methods []string `json:"methods"` // empty: all
	Path    string   `json:"path"`
	Class   string   `json:"class"`
	Effect  string   `json:"effect"`
	Roles   []string `json:"roles"` // empty: everybody
	Objects []string `json:"objects,omitempty"`
	When    string   `json:"when,omitempty"`
	Filters []string `json:"filters,omitempty"`
	Mode    string   `json:"mode,omitempty"`
	Rule    string   `json:"rule"`
	Reason  string   `json:"reason,omitempty"`
	Source  string   `json:"source"`
	Line    int      `json:"line"`
}

func routesOf(e *policy.Engine) []routeRow {
	rules := e.Rules()
	rows := make([]routeRow, len(rules))
	for i, r := range rules {
		rows[i] = routeRow{
			Methods: r.Methods, Path: r.Path, Class: string(r.Class), Effect: string(r.Effect), Roles: r.Roles,
			Objects: gateway.ObjectsOf(r), When: r.Condition, Filters: texts(r.Filters), Mode: string(r.Mode),
			Rule: r.Name, Reason: r.Explanation, Source: r.Source, Line: r.Line,
		}
	}
	return rows
}

// texts turns a closed set's members into texts.
func texts[S ~string](set []S) []string {
	var list []string
	for _, s := range set {
		list = append(list, string(s))
	}
	return list
}

func printRoutes(out io.Writer, rows []routeRow) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "METHODS\tPATH\tCLASS\tOBJECT\tWHEN\tRULE\tSOURCE")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s:%d\n",
			methodsOf(r), r.Path, whom(r), orDash(strings.Join(r.Objects, ", ")), condition(r), r.Rule, r.Source, r.Line)
	}
	return table.Flush()
}

func methodsOf(r routeRow) string {
	if r.Methods == nil {
		return "all"
	}
	return strings.Join(r.Methods, ",")
}

// whom is a rule's class, or the roles of a rule without one.
func whom(r routeRow) string {
	if r.Class != string(policy.ClassRoles) {
		return r.Class
	}
	roles := strings.Join(r.Roles, ",")
	if roles == "" {
		roles = "everybody"
	}
	return r.Effect + " " + roles
}

// condition says that there is a condition; the text is in the JSON.
func condition(r routeRow) string {
	switch {
	case r.Mode != "" && r.When != "":
		return "if, " + r.Mode
	case r.When != "":
		return "if"
	default:
		return orDash(r.Mode)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
