package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"faveo-gateway/gateway/admin"
)

// entryRow is a row of the trail. Its columns have fixed widths, for rows that come
// later stand under those that are printed.
const entryRow = "%-8s  %-20s  %-15s  %-7s  %-20s  %-7s  %-6s  %-15s  %-5s  %-22s  %s\n"

// newEntryPrinter returns what prints entries in a form of --output, as they come in
// one or more portions.
func newEntryPrinter(out io.Writer, form string) func([]admin.AuditEntry) error {
	if form == outputJSON {
		return func(entries []admin.AuditEntry) error { return printEntryLines(out, entries) }
	}
	headed := false
	return func(entries []admin.AuditEntry) error {
		if !headed {
			headed = true
			if _, err := fmt.Fprintf(out, entryRow,
				"SEQUENCE", "TIME", "KIND", "OUTCOME", "REASON", "ACTOR", "USER", "ADDRESS", "COUNT", "SUBJECT", "DETAIL"); err != nil {
				return err
			}
		}
		return printEntries(out, entries)
	}
}

func printEntries(out io.Writer, entries []admin.AuditEntry) error {
	for _, e := range entries {
		_, err := fmt.Fprintf(out, entryRow,
			strconv.FormatUint(e.Sequence, 10), stamp(e.Time), printable(e.Kind), printable(e.Outcome), orDash(printable(e.Reason)),
			orDash(printable(e.Actor)), userOrDash(e.UserID), orDash(printable(e.Address)), strconv.Itoa(e.Count),
			orDash(printable(e.Subject)), orDash(printable(e.Detail)))
		if err != nil {
			return err
		}
	}
	return nil
}

func printEntryLines(out io.Writer, entries []admin.AuditEntry) error {
	lines := json.NewEncoder(out)
	for _, e := range entries {
		if err := lines.Encode(e); err != nil {
			return err
		}
	}
	return nil
}
