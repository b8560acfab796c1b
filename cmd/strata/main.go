// Command strata decides, once a night, which segments every user belongs to, and publishes who entered, left and moved.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
)

// version is stamped by the Makefile.
var version = "dev"

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted; nothing was published")

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // a second one kills
		cancel(errInterrupted)
	}()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs a command line and returns its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var between interruption
	if cause := context.Cause(ctx); cause != nil && !errors.As(err, &between) && (errors.Is(err, context.Canceled) || errors.Is(err, cause)) {
		err = cause // whatever it came in between
	}
	report(stderr, err)
	return exitCode(err)
}

// Exit codes.
const (
	exitInternal    = 1
	exitUsage       = 2
	exitInput       = 3
	exitGuard       = 4
	exitLostRace    = 5
	exitInterrupted = 130
)

// A usageError is a command line that cannot be followed.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var (
		problems configs.Problems
		usage    usageError
		input    *pipeline.InputError
		guard    *pipeline.GuardError
		output   *pipeline.OutputError
		base     *catalog.BaseError
	)
	switch {
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &guard):
		return exitGuard
	case errors.Is(err, catalog.ErrLostRace):
		return exitLostRace
	case errors.As(err, &input):
		return exitInput
	case errors.As(err, &problems), errors.As(err, &usage), errors.As(err, &output), errors.As(err, &base):
		return exitUsage
	}
	return exitInternal
}

// report prints an error: the faults of a configuration as they are, since each names its place; others behind the
// program's name, one after the other.
func report(w io.Writer, err error) {
	for _, fault := range faults(err) {
		if problems, ok := fault.(configs.Problems); ok { //nolint:errorlint // faults has unwrapped it
			fmt.Fprintln(w, problems)
			continue
		}
		fmt.Fprintf(w, "strata: %v\n", fault)
	}
}

// faults takes apart what errors.Join has put together.
func faults(err error) []error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if inner.Error() != err.Error() {
			break // it was given words of its own
		}
		if problems, ok := inner.(configs.Problems); ok { //nolint:errorlint // this loop unwraps
			return []error{problems}
		}
		joined, ok := inner.(interface{ Unwrap() []error })
		if !ok || errors.Join(joined.Unwrap()...).Error() != inner.Error() {
			continue
		}
		var all []error
		for _, part := range joined.Unwrap() {
			all = append(all, faults(part)...)
		}
		return all
	}
	return []error{err}
}

// common are the flags that every verb has.
type common struct {
	config    string
	logFormat string
	quiet     bool
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "strata",
		Short:         "Who is in which segment today, who entered, who left, and why",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := &common{}
	root.PersistentFlags().StringVarP(&flags.config, "config", "c", "strata.yaml", "the configuration `file`")
	root.PersistentFlags().StringVar(&flags.logFormat, "log-format", "text", "how log lines look: text or json")
	root.PersistentFlags().BoolVar(&flags.quiet, "quiet", false, "print errors only")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	root.AddCommand(
		runCommand(flags), backfillCommand(flags), statusCommand(flags), checkCommand(flags), previewCommand(flags), planCommand(flags), explainCommand(flags),
		testCommand(flags), gcCommand(flags), forgetCommand(flags), demoCommand(flags), rulesCommand(), schemaCommand(), versionCommand(),
	)
	return root
}

// noArgs refuses arguments: of strata itself they are verbs that there are not.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasParent() {
		return usageError{fmt.Errorf("%s takes no argument such as %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())}
	}
	hint := "; see strata --help"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usageError{fmt.Errorf("there is no verb %q%s", args[0], hint)}
}

const rootHelp = `strata decides for every user of a snapshot which segments the user belongs to and in which stage of each
lifecycle the user stands, compares that with the previous run, and publishes two tables: membership
(who is in what) and transitions (who entered, left or moved, and why). It publishes all of a run or nothing.

Start with:
  strata demo                        see it work on generated users; needs no configuration
  strata check                       is the configuration right, and does it fit the snapshot?
  strata preview 'ltv > 800'         how many users would a rule take?
  strata plan                        what would a change of definitions do?
  strata test                        do the definitions do what their tests expect?
  strata run --date 2026-11-02       the nightly job
  strata backfill --from 2026-09-01 --to 2026-11-02   the runs of many dates, in order
  strata status                      which dates there are, and which should be made again
  strata gc --keep 90d --dry-run     which old dates and runs would go?
  strata explain --user 4711         why is this user in a segment, or not?
  strata forget --user 4711          erase a user from all that was published

Exit codes: 0 committed, or already up to date; 1 internal; 2 usage or configuration; 3 input;
4 a guard stopped it; 5 another run of the date was faster; 130 interrupted.`
