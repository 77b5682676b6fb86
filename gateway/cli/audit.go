package cli

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/admin"
)

const auditPath = "/admin/v1/audit"

func newAudit(p Process) *cobra.Command {
	var settings adminSettings
	return group(&cobra.Command{
		Use:   "audit",
		Short: "Show the audit trail, and prove it unbroken",
		Long:  "Show the audit trail, and prove it unbroken." + aboutAdmin,
	}, &settings, newAuditTail(p, &settings), newAuditVerify(p, &settings))
}

// Tailing shows as much as fits a screen; following asks for what came in between,
// and for no more at once than one answer may have.
const (
	tailLimit   = 20
	followEvery = time.Second
)

func newAuditTail(p Process, settings *adminSettings) *cobra.Command {
	var (
		limit  = limitFlag(tailLimit)
		follow bool
	)
	command := &cobra.Command{
		Use:   "tail",
		Short: "Show the last entries of the audit trail, the oldest first",
		Long: `Show the last entries of the audit trail, the oldest first, and with --follow those that come
until it is interrupted. With -o json each entry is an object on a line of its own, with
the client's agent, the request id and the entry's hash, which the table leaves out.`,
		Example: `  faveo-gateway audit tail --limit 100
  faveo-gateway audit tail --follow -o json`,
		Args: cobra.NoArgs,
		RunE: asks(p, settings, func(ctx context.Context, client *adminClient, _ []string) error {
			t := tail{client: client, print: newEntryPrinter(p.Stdout, settings.output)}
			query := url.Values{}
			limit.addTo(query)
			if err := t.show(ctx, query); err != nil || !follow {
				return err
			}
			return t.follow(ctx)
		}),
	}
	command.Flags().Var(&limit, "limit", "how many at most, a `number` up to 10000")
	command.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the entries that come")
	return command
}

// tail is one reader of the trail.
type tail struct {
	client *adminClient
	print  func([]admin.AuditEntry) error
	last   uint64 // the number of the last entry that was printed, 0 for none
}

func (t *tail) show(ctx context.Context, query url.Values) error {
	var answer admin.AuditEntries
	if _, err := t.client.ask(ctx, question{method: "GET", path: auditPath, query: query}, &answer); err != nil {
		return err
	}
	if n := len(answer.Entries); n > 0 {
		t.last = answer.Entries[n-1].Sequence
	}
	return t.print(answer.Entries)
}

// follow prints what comes until it is interrupted, which is how it ends. A fault ends
// it too: nobody shall take a gateway that does not answer for a quiet one.
func (t *tail) follow(ctx context.Context) error {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := t.show(ctx, url.Values{
			"after": {strconv.FormatUint(t.last, 10)},
			"limit": {strconv.Itoa(admin.MaxLimit)},
		})
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}
