package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"faveo-gateway/gateway/admin"
)

// asks makes the RunE of a command that talks to the admin API, once its flags can
// be meant.
func asks(
	p Process, from *adminSettings, talk func(ctx context.Context, client *adminClient, args []string) error,
) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, args []string) error {
		if err := from.check(); err != nil {
			return err
		}
		run := runs(func(ctx context.Context) error {
			client, err := from.connect(p)
			if err != nil {
				return err
			}
			return talk(ctx, client, args)
		})
		return run(command, args)
	}
}

// manages makes the RunE of a command that asks the admin API one question. The
// answer is printed as it came, or as show makes it, by the gateway's clock.
func manages[T any](
	p Process, from *adminSettings, ask func(args []string) question, show func(out io.Writer, document T, now time.Time) error,
) func(*cobra.Command, []string) error {
	return asks(p, from, func(ctx context.Context, client *adminClient, args []string) error {
		var document T
		answer, err := client.ask(ctx, ask(args), &document)
		if err != nil {
			return err
		}
		if from.output == outputJSON {
			_, err = fmt.Fprintf(p.Stdout, "%s\n", strings.TrimSuffix(string(answer.body), "\n"))
			return err
		}
		return show(p.Stdout, document, answer.now)
	})
}

// reads is the question for a document.
func reads(path string) func([]string) question {
	return func([]string) question { return question{method: "GET", path: path} }
}

// group is a command that only holds others, with their flags.
func group(command *cobra.Command, from *adminSettings, commands ...*cobra.Command) *cobra.Command {
	command.Args = cobra.NoArgs
	command.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	from.register(command)
	command.AddCommand(commands...)
	return command
}

// hintAtDashes explains what becomes of an id that looks like a flag; one in 64
// does.
func hintAtDashes(_ *cobra.Command, err error) error {
	if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) {
		return fmt.Errorf("%w (an id that begins with a dash is written behind --)", err)
	}
	return err
}

// oneID is the Args of a command that is about one key.
func oneID(command *cobra.Command, args []string) error {
	if err := cobra.ExactArgs(1)(command, args); err != nil {
		return err
	}
	return wantID(args)
}

// wantID refuses what cannot be an id before it becomes part of a path.
func wantID(args []string) error {
	for _, id := range args {
		if !admin.IsID(id) {
			return fmt.Errorf("%q is not an id", id)
		}
	}
	return nil
}

// printable keeps what others have chosen from moving the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// cut shortens a text to a column.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
