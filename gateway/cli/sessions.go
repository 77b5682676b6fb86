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

const sessionsPath = "/admin/v1/sessions"

func newSessions(p Process) *cobra.Command {
	var settings adminSettings
	return group(&cobra.Command{
		Use:   "sessions",
		Short: "List and end sessions",
		Long:  "List and end sessions." + aboutAdmin,
	}, &settings, newSessionsList(p, &settings), newSessionsRevoke(p, &settings))
}

func newSessionsList(p Process, settings *adminSettings) *cobra.Command {
	var (
		user  userFlag
		limit limitFlag
	)
	command := &cobra.Command{
		Use:   "list",
		Short: "List live sessions",
		Example: `  faveo-gateway sessions list --user 7
  faveo-gateway sessions list --limit 10000 -o json`,
		Args: cobra.NoArgs,
	}
	command.RunE = manages(p, settings, func([]string) question {
		query := url.Values{}
		user.addTo(query)
		limit.addTo(query)
		return question{method: "GET", path: sessionsPath, query: query}
	}, func(out io.Writer, l admin.SessionList, now time.Time) error {
		if l.More {
			fmt.Fprintf(p.Stderr, "warning: %s of more; --limit shows more of them, --user those of one user\n", counted(len(l.Sessions), "session"))
		}
		return printSessions(out, l.Sessions, now)
	})
	command.Flags().Var(&user, "user", "the user's `id` (default everybody)")
	command.Flags().Var(&limit, "limit", "how many at most, a `number` up to 10000 (default 1000)")
	return command
}

func printSessions(out io.Writer, sessions []admin.Session, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tUSER\tROLE\tCREATED\tAGE\tSEEN\tEXPIRES\tADDRESS\tAGENT")
	for _, s := range sessions {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			printable(s.ID), s.UserID, printable(s.Role), stamp(s.CreatedAt), since(now, s.CreatedAt), distance(now, s.SeenAt), distance(now, s.ExpiresAt),
			orDash(printable(s.Address)), orDash(cut(printable(s.Agent), 40)))
	}
	return table.Flush()
}

func newSessionsRevoke(p Process, settings *adminSettings) *cobra.Command {
	var (
		user userFlag
		all  bool
	)
	command := &cobra.Command{
		Use:   "revoke {ID [--user N] | --user N | --all}",
		Short: "End one session, all of a user, or all",
		Long: `End one session, all of a user, or all. Their tokens are refused from then on, on every
replica within a second. With --user one session is found without a search. An ID that
begins with a dash is written behind --.`,
		Example: `  faveo-gateway sessions revoke 3mHq0Rk2TZ6x9sVbYw1cQA
  faveo-gateway sessions revoke --user 7
  faveo-gateway sessions revoke --all`,
		Args: func(_ *cobra.Command, args []string) error { return checkWhom(args, user != 0, all) },
		RunE: manages(p, settings, func(args []string) question {
			query := url.Values{}
			user.addTo(query)
			switch {
			case len(args) == 1:
				return question{method: "DELETE", path: sessionsPath + "/" + args[0], query: query}
			case all:
				query.Set("all", "true")
			}
			return question{method: "DELETE", path: sessionsPath, query: query}
		}, func(out io.Writer, e admin.Ended, _ time.Time) error {
			_, err := fmt.Fprintf(out, "%s ended\n", counted(e.Ended, "session"))
			return err
		}),
	}
	command.SetFlagErrorFunc(hintAtDashes)
	command.Flags().Var(&user, "user", "the user's `id`")
	command.Flags().BoolVar(&all, "all", false, "end every session of everybody")
	return command
}

// checkWhom refuses a command that could mean more sessions than it should.
func checkWhom(args []string, user, all bool) error {
	switch {
	case len(args) > 1:
		return errors.New("one session at a time")
	case all && (user || len(args) > 0):
		return errors.New("--all goes with neither an id nor --user")
	case !all && !user && len(args) == 0:
		return errors.New("say which: an id, --user N, or --all")
	}
	return wantID(args)
}
