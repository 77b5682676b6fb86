package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/admin"
)

const lockoutsPath = "/admin/v1/lockouts"

func newLockouts(p Process) *cobra.Command {
	var settings adminSettings
	return group(&cobra.Command{
		Use:   "lockouts",
		Short: "List and clear the lockouts of the login",
		Long:  "List and clear the lockouts of the login." + aboutAdmin,
	}, &settings, newLockoutsList(p, &settings), newLockoutsClear(p, &settings))
}

func newLockoutsList(p Process, settings *adminSettings) *cobra.Command {
	var limit limitFlag
	command := &cobra.Command{
		Use:   "list",
		Short: "List who has no login attempt left, those that last longest first",
		Long: `List who has no login attempt left, those that last longest first: an account, a name that no
account has (by its digest, for people type passwords there), an address, or a pair of an
account and an address.`,
		Example: `  faveo-gateway lockouts list
  faveo-gateway lockouts list --limit 10000 -o json`,
		Args: cobra.NoArgs,
		RunE: manages(p, settings, func([]string) question {
			query := url.Values{}
			limit.addTo(query)
			return question{method: "GET", path: lockoutsPath, query: query}
		}, func(out io.Writer, l admin.LockoutList, now time.Time) error {
			if l.More {
				fmt.Fprintf(p.Stderr, "warning: %s of more; --limit shows more of them\n", counted(len(l.Lockouts), "lockout"))
			}
			return printLockouts(out, l.Lockouts, now)
		}),
	}
	command.Flags().Var(&limit, "limit", "how many at most, a `number` up to 10000 (default 1000)")
	return command
}

func printLockouts(out io.Writer, lockouts []admin.Lockout, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tUSER\tNAME\tADDRESS\tUNTIL\tENDS")
	for _, l := range lockouts {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n",
			printable(l.Kind), userOrDash(l.UserID), orDash(printable(l.Name)), orDash(printable(l.Address)), stamp(l.Until), distance(now, l.Until))
	}
	return table.Flush()
}

func newLockoutsClear(p Process, settings *adminSettings) *cobra.Command {
	var (
		user    userFlag
		address addressFlag
		all     bool
	)
	command := &cobra.Command{
		Use:   "clear {--user N | --address A | --all}",
		Short: "Give a user, an address or everybody their login attempts back",
		Long: `Give a user, an address or everybody their login attempts back. --user ends the lockout of
the account and of its pairs, --address that of the address and of its pairs.`,
		Example: `  faveo-gateway lockouts clear --user 7
  faveo-gateway lockouts clear --address 192.0.2.7
  faveo-gateway lockouts clear --address 2001:db8::/64
  faveo-gateway lockouts clear --all`,
		Args: cobra.MatchAll(cobra.NoArgs, func(*cobra.Command, []string) error {
			return checkWhose(user != 0, address != "", all)
		}),
		RunE: manages(p, settings, func([]string) question {
			query := url.Values{}
			user.addTo(query)
			if address != "" {
				query.Set("address", address.String())
			}
			if all {
				query.Set("all", "true")
			}
			return question{method: "DELETE", path: lockoutsPath, query: query}
		}, func(out io.Writer, c admin.Cleared, _ time.Time) error {
			_, err := fmt.Fprintf(out, "%s cleared\n", counted(c.Cleared, "lockout"))
			return err
		}),
	}
	command.Flags().Var(&user, "user", "the user's `id`")
	command.Flags().Var(&address, "address", "an IP `address`, or an IPv6 network as the list shows it")
	command.Flags().BoolVar(&all, "all", false, "clear every lockout of everybody")
	return command
}

// checkWhose refuses a command that could mean more lockouts than it should.
func checkWhose(user, address, all bool) error {
	switch {
	case all && (user || address):
		return errors.New("--all goes with neither --user nor --address")
	case user && address:
		return errors.New("--user and --address are two commands")
	case !all && !user && !address:
		return errors.New("say whose: --user N, --address A, or --all")
	}
	return nil
}
