package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/readers"
	"strata/rules"
	"strata/writers"
)

// forgetFlags are the flags of strata forget.
type forgetFlags struct {
	*common
	users        []string
	file, output string
	dryRun       bool
}

func forgetCommand(shared *common) *cobra.Command {
	f := &forgetFlags{common: shared}
	cmd := &cobra.Command{
		Use:   "forget --user ID | --users FILE",
		Short: "Erase users from all that was published, for good",
		Long:  forgetHelp,
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.users, "user", nil, "the `id` of a user; give it again for more of them; bytes are written in hexadecimal")
	flags.StringVar(&f.file, "users", "", "a `file` of ids, one a line")
	flags.StringVar(&f.output, "output", "", "the output `address`; overrides the configuration")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show where the users are, and change nothing")
	return cmd
}

const forgetHelp = `Erases users: from membership and transitions of all dates, from the tables that follow from them and their copies in
hive folders, from runs that were replaced or wait to be accepted, and from the list files that runs have kept. All other
rows stay as they are, and no date goes stale. Sizes and counts of the runs are corrected.

Each date is committed on its own, as a run that takes the place of the one it is made of; that one is removed at once, so
a reader that was at it finds its files gone, and follows current.json again. A run at the same time is safe: it begins anew
if it has read a user who is forgotten meanwhile. After an interrupt the same command, or strata forget without users, goes
on.

Snapshots and your own list files stay as they are; erase the users there, too. As long as they are in a snapshot, runs
leave them out and count their rows as forgotten: what tells them is an HMAC-SHA-256 of the id in runs/forgotten.json of the
output, under the random key in runs/forgotten_key.json. The ids themselves are not kept.

Examples:
  strata forget --user 4711 --dry-run     show what is kept of a user
  strata forget --user 4711 --user 4712
  strata forget --users erased.txt`

func (f *forgetFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	config, err := readConfig(f.config)
	if err != nil {
		return err
	}
	users, err := f.readUsers()
	if err != nil {
		return err
	}
	bucket, err := openBucket(ctx, cmp.Or(f.output, config.Resolve(config.Output)))
	if err != nil {
		return usageError{err}
	}
	forgot, err := pipeline.Forget(ctx, pipeline.Forgetting{
		Catalog: catalog.New(bucket, config.Publish.Hive), State: readers.State{}, Open: openFile, Users: users, DryRun: f.dryRun,
		NewEncoder: func() pipeline.Encoder { return &writers.Writer{} },
	})
	if err != nil {
		return f.explain(err)
	}
	if !f.quiet {
		printForgot(cmd.OutOrStdout(), forgot, f.dryRun)
	}
	return nil
}

// readUsers are the ids of both flags.
func (f *forgetFlags) readUsers() ([]string, error) {
	users := slices.Clone(f.users)
	if f.file == "" {
		if len(users) == 0 && f.dryRun {
			return nil, usageError{errors.New("--user or --users is required, such as --user 4711")}
		}
		return users, nil
	}
	data, err := os.ReadFile(f.file)
	if err != nil {
		return nil, usageError{fmt.Errorf("--users: %w", err)}
	}
	list, err := rules.NewList(data)
	if err != nil {
		return nil, usageError{fmt.Errorf("--users: %s: %w", f.file, err)}
	}
	if list.Len() == 0 {
		return nil, usageError{fmt.Errorf("--users: %s has no id", f.file)}
	}
	return append(users, list.Lines()...), nil
}

// explain makes errors about what the flags say those of usage.
func (f *forgetFlags) explain(err error) error {
	var notID *pipeline.NotIDError
	var input *pipeline.InputError
	switch {
	case errors.As(err, &notID):
		return usageError{err}
	case errors.Is(err, pipeline.ErrNobody):
		return usageError{errors.New("--user or --users is required, such as --user 4711: no earlier call was interrupted that could go on")}
	case errors.Is(err, errInterrupted), errors.As(err, &input):
		return err
	}
	return fmt.Errorf("not all is erased; the same command goes on: %w", err)
}

// openFile opens a data file of a run.
func openFile(ctx context.Context, bucket objects.Bucket, file objects.Info) (pipeline.Snapshot, error) {
	opened, err := readers.OpenWith(ctx, bucket, []objects.Info{file}, readers.Options{})
	if err != nil {
		return nil, err
	}
	return opened, nil
}

func printForgot(w io.Writer, forgot *pipeline.Forgot, dryRun bool) {
	who := "users of an earlier call"
	if len(forgot.Users) > 0 {
		who = plural(len(forgot.Users), "user")
	}
	if len(forgot.Runs) == 0 {
		fmt.Fprintf(w, "%s: not found in any run\n", who)
	} else {
		fmt.Fprintf(w, "%s\n\n", who)
		printHeld(w, forgot.Runs, dryRun)
	}
	for _, note := range forgot.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	switch {
	case dryRun:
		fmt.Fprintln(w, "nothing was changed: this was a dry run")
	case len(forgot.Runs) == 0:
		fmt.Fprintln(w, "later runs leave them out")
	case forgot.Lists > 0:
		fmt.Fprintf(w, "all this was erased, and %s of before; later runs leave them out\n", plural(forgot.Lists, "kept list"))
	default:
		fmt.Fprintln(w, "all this was erased; later runs leave them out")
	}
}

func printHeld(w io.Writer, runs []pipeline.Held, dryRun bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "date\trun\tstate\tusers\ttransitions\tchanges\tlists"
	if !dryRun {
		head += "\tnow"
	}
	fmt.Fprintln(t, head)
	for _, r := range runs {
		line := fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", r.Date, r.Run, cmp.Or(string(r.State), "stands"), count(r.Users), count(r.Transitions),
			count(r.Changes), cmp.Or(strings.Join(r.Lists, " "), "-"))
		if !dryRun {
			line += "\t" + cmp.Or(r.By, "removed")
		}
		fmt.Fprintln(t, line)
	}
	t.Flush()
	fmt.Fprintln(w)
}
