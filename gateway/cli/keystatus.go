package cli

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"faveo-gateway/gateway/admin"
)

// printKeyStatus prints what an operator asks during a rotation: what comes next,
// what it waits for, and who is there.
func printKeyStatus(out io.Writer, s admin.KeyStatus, now time.Time) error {
	fmt.Fprintln(out, "ROTATION")
	if err := printRotation(out, s.Rotation, now); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nKEYS\n")
	if err := printKeys(out, s.Keys, now); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nREPLICAS\n")
	return printReplicas(out, s, now)
}

func printRotation(out io.Writer, r admin.Rotation, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	switch {
	case r.Pending != "": // The next one is on its way; the schedule was that of the key before it.
	case r.NextAt.IsZero():
		fmt.Fprintln(table, "next\tnot scheduled")
	default:
		fmt.Fprintf(table, "next\t%s signs another key\n", when(now, r.NextAt))
	}
	if r.Pending != "" {
		fmt.Fprintf(table, "pending\t%s\n", printable(r.Pending))
	}
	if !r.SignsAt.IsZero() {
		fmt.Fprintf(table, "signs\t%s at the earliest\n", when(now, r.SignsAt))
	}
	if r.Waiting != "" {
		fmt.Fprintf(table, "waiting\t%s\n", printable(r.Waiting))
	}
	if r.Fault != "" {
		fmt.Fprintf(table, "fault\t%s, since %s\n", printable(r.Fault), when(now, r.FaultSince))
	}
	return table.Flush()
}

func printKeys(out io.Writer, keys []admin.Key, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KID\tALGORITHM\tSTATE\tCREATED\tAGE\tNOTE")
	for _, k := range keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n",
			printable(k.KID), printable(k.Algorithm), printable(k.State), stamp(k.CreatedAt), since(now, k.CreatedAt), noteOf(k, now))
	}
	return table.Flush()
}

// noteOf says what matters most about a key in its state.
func noteOf(k admin.Key, now time.Time) string {
	switch k.State {
	case "pending":
		return "does not sign yet"
	case "active":
		return "signs since " + stamp(k.ActivatedAt)
	case "retiring":
		return "verifies until " + when(now, k.VerifyUntil)
	default:
		return "ended " + when(now, k.EndedAt)
	}
}

func printReplicas(out io.Writer, s admin.KeyStatus, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tHOST\tVERSION\tSTARTED\tAGE\tALGORITHM\tHOLDS\tSIGNS WITH\tEXPIRES")
	for _, r := range s.Replicas {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			printable(r.ID), printable(r.Host), orDash(printable(r.Version)), stamp(r.StartedAt), since(now, r.StartedAt),
			printable(r.Algorithm), holds(s.Keys, r), orDash(printable(r.Signing)), distance(now, r.ExpiresAt))
	}
	return table.Flush()
}

// holds says how many of the keys whose tokens are good a replica accepts.
func holds(keys []admin.Key, r admin.Replica) string {
	good, held := 0, 0
	for _, k := range keys {
		if k.State == "pending" || k.State == "active" || k.State == "retiring" {
			good++
			if slices.Contains(r.Keys, k.KID) {
				held++
			}
		}
	}
	return fmt.Sprintf("%d of %d", held, good)
}
