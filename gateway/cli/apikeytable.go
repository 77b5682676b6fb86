package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"faveo-gateway/gateway/admin"
)

func printAPIKeys(out io.Writer, keys []admin.APIKey, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tSTATE\tUSER\tSCOPES\tNETWORKS\tRATE\tCREATED\tAGE\tUSED\tEXPIRES")
	for _, k := range keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			printable(k.ID), cut(printable(k.Name), 40), printable(k.State), userOrDash(k.UserID), cut(listed(k.Scopes), 40), orDash(cut(listed(k.Networks), 40)),
			orDash(printable(k.Rate)), stamp(k.CreatedAt), since(now, k.CreatedAt), distance(now, k.LastUsedAt), distance(now, k.ExpiresAt))
	}
	return table.Flush()
}

// printAPIKey prints all that is known of one key, and what its gaps mean.
func printAPIKey(out io.Writer, k admin.APIKey, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(table, "%s\t%s\n", name, value) }
	row("id", printable(k.ID))
	row("name", printable(k.Name))
	row("state", printable(k.State))
	row("user", userOrDash(k.UserID))
	row("scopes", listed(k.Scopes))
	row("networks", cmp.Or(listed(k.Networks), "everywhere"))
	row("rate", cmp.Or(printable(k.Rate), "that of limits.per_api_key"))
	row("created", when(now, k.CreatedAt))
	row("used", whenOrNever(now, k.LastUsedAt))
	row("expires", whenOrNever(now, k.ExpiresAt))
	if !k.OldSecretUntil.IsZero() {
		row("old secret", endOfOld(k, now))
	}
	if !k.RevokedAt.IsZero() {
		row("revoked", when(now, k.RevokedAt))
	}
	return table.Flush()
}

// titleOf names a key for people and programs.
func titleOf(k admin.APIKey) string { return printable(k.ID) + " (" + printable(k.Name) + ")" }

// endOfOld says what becomes of the secret before a rotation.
func endOfOld(k admin.APIKey, now time.Time) string {
	if k.OldSecretUntil.IsZero() {
		return "is refused from now on"
	}
	return "ends " + when(now, k.OldSecretUntil)
}

func whenOrNever(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return when(now, t)
}

// listed is a list in one column.
func listed(texts []string) string { return printable(strings.Join(texts, ", ")) }

func userOrDash(id uint64) string {
	if id == 0 {
		return "-"
	}
	return strconv.FormatUint(id, 10)
}
