package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/doctor"
)

func newDoctor(p Process) *cobra.Command {
	var (
		from settings
		form string
	)
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Look at Redis, the databases, PHP and the site's address, and say what is wrong",
		Long: `Ask everything that the gateway stands on whether it answers and is set up as it
has to be, and whether somebody can go around the gateway. Nothing is changed. It takes
10 seconds at the most, and says 1 when something fails; warnings are allowed.`,
		Args: cobra.NoArgs,
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := checkForm(form); err != nil {
			return err
		}
		return runs(func(ctx context.Context) error { return examine(ctx, p, from, form) })(command, args)
	}
	from.register(command)
	command.Flags().StringVarP(&form, "output", "o", outputTable, "`form` of the output: table or json")
	return command
}

func examine(ctx context.Context, p Process, from settings, form string) error {
	c, err := from.load(p)
	if err != nil {
		return err
	}
	facts, err := config.ReadFaveoFacts(from.faveoEnv)
	if err != nil {
		return err
	}
	report, err := gateway.Examine(ctx, gateway.ExamineOptions{Config: c, Faveo: facts})
	if err != nil {
		return err
	}
	if form == outputJSON {
		err = printJSON(p.Stdout, report)
	} else {
		err = printReport(p.Stdout, report)
	}
	if err == nil && !report.Healthy() {
		err = errors.New(counted(report.Count(doctor.Failed), "check") + " failed")
	}
	return err
}

// The columns of the table, in characters, 119 in all.
const (
	resultWidth = 7
	idWidth     = 22
	textWidth   = 84
)

// printReport prints the findings by part: what there is, and below it what to do.
func printReport(out io.Writer, r doctor.Report) error {
	var (
		b    strings.Builder
		part doctor.Part
	)
	for rest := r.Checks; len(rest) > 0; {
		f, n := rest[0], alike(rest)
		rest = rest[n:]
		if f.Part != part {
			if part != "" {
				b.WriteByte('\n')
			}
			part = f.Part
			fmt.Fprintln(&b, strings.ToUpper(string(part)))
		}
		id := string(f.ID)
		if n > 1 {
			id = counted(n, "other check")
		}
		printFinding(&b, f, id)
	}
	fmt.Fprintf(&b, "\n%s: %d ok, %s, %d failed, %d skipped\n", counted(len(r.Checks), "check"),
		r.Count(doctor.Good), counted(r.Count(doctor.Unwise), "warning"), r.Count(doctor.Failed), r.Count(doctor.Skipped))
	_, err := io.WriteString(out, b.String())
	return err
}

// alike counts the findings at the front that one line is enough for: what was skipped for
// one reason.
func alike(findings []doctor.Finding) int {
	first, n := findings[0], 1
	for first.Result == doctor.Skipped && n < len(findings) {
		if next := findings[n]; next.Part != first.Part || next.Result != first.Result || next.Found != first.Found {
			break
		}
		n++
	}
	return n
}

func printFinding(b *strings.Builder, f doctor.Finding, id string) {
	const indent = 2 + resultWidth + 2 + idWidth + 2
	fmt.Fprintf(b, "  %-*s  %-*s  ", resultWidth, f.Result, idWidth, id)
	hang(b, printable(f.Found), indent)
	if f.Advice != "" {
		fmt.Fprintf(b, "%*s", indent, "→ ")
		hang(b, printable(f.Advice), indent)
	}
}

// hang writes a text in lines of textWidth, each but the first behind an indent. A word
// that is longer has a line of its own.
func hang(b *strings.Builder, text string, indent int) {
	width := 0
	for i, word := range strings.Fields(text) {
		length := len([]rune(word))
		switch {
		case i == 0:
		case width+1+length > textWidth:
			fmt.Fprintf(b, "\n%*s", indent, "")
			width = 0
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += length
	}
	b.WriteByte('\n')
}
