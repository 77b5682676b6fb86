// Package cli is the command line: it reads flags, turns signals into a context,
// and outcomes into exit codes. 0 is good, 1 refused or failed, 2 a command that
// was not understood.
//
// A failure prints one line that says what and, for a setting, which key.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitGood   = 0
	exitFailed = 1
	exitUsage  = 2
)

// version is set by the linker of a release: -X faveo-gateway/gateway/cli.version=v1.2.3.
var version string

// Process is what a command sees of the world outside.
type Process struct {
	// Args are the arguments without the program's name.
	Args []string
	// Environ is the environment as os.Environ gives it.
	Environ []string
	Stdout  io.Writer
	Stderr  io.Writer
	// Hangups begins to take the signals that mean reload, until stop, for the command
	// that does; every other one ends by them, as when its terminal goes. Nil takes none.
	Hangups func() (taken <-chan os.Signal, stop func())
}

// Main runs the program as the operating system started it and returns its exit
// code. SIGTERM and SIGINT end it gently; a second signal ends it at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // The second signal then finds Go's default: exit.
	return Run(ctx, Process{Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr, Hangups: hangups})
}

func hangups() (taken <-chan os.Signal, stop func()) {
	signals := make(chan os.Signal, 1) // One that waits stands for all that come meanwhile.
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// Run runs one command and returns its exit code.
func Run(ctx context.Context, p Process) int {
	command, err := newRoot(p).ExecuteContextC(ctx)
	var failed *failure
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &failed):
		fmt.Fprintf(p.Stderr, "faveo-gateway: %v\n", failed.cause)
		return exitFailed
	default:
		fmt.Fprintf(p.Stderr, "faveo-gateway: %v\nRun '%s --help' for usage.\n", err, command.CommandPath())
		return exitUsage
	}
}

// failure is an error of a command that was understood.
type failure struct{ cause error }

// Error implements error.
func (f *failure) Error() string { return f.cause.Error() }

// Unwrap gives the cause.
func (f *failure) Unwrap() error { return f.cause }

// runs marks what a command returns as failed, not misunderstood.
func runs(run func(ctx context.Context) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, _ []string) error {
		if err := run(command.Context()); err != nil {
			return &failure{err}
		}
		return nil
	}
}

func newRoot(p Process) *cobra.Command {
	root := &cobra.Command{
		Use:           "faveo-gateway",
		Short:         "The front door of a Faveo helpdesk: tokens, sessions and policy before PHP",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetArgs(p.Args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newServe(p), newDemo(p), newCheck(p), newDoctor(p), newPolicy(p),
		newKeys(p), newSessions(p), newAPIKeys(p), newLockouts(p), newAudit(p),
		newMigrate(p), newVersion(p))
	return root
}
