package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/tables"
)

// A dateTable shows the runs of many dates: a row for each as soon as it is made and, on a terminal, bars for the date at
// hand. It fits pipeline.Progress.
type dateTable struct {
	out, stderr io.Writer
	quiet       bool
	rows        int
	began       time.Time // the date at hand
	bars        *bars
	notes       []string
}

func newDateTable(cmd *cobra.Command, quiet bool) *dateTable {
	return &dateTable{out: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(), quiet: quiet, began: time.Now()}
}

// Stage begins another bar.
func (t *dateTable) Stage(name string, total int64) {
	if t.bars == nil && !t.quiet && isTerminal(t.stderr) {
		t.bars = newBars(t.stderr)
	}
	if t.bars != nil {
		t.bars.Stage(name, total)
	}
}

// Done moves the bar at hand.
func (t *dateTable) Done(units int64) {
	if t.bars != nil {
		t.bars.Done(units)
	}
}

// done adds a row.
func (t *dateTable) done(d pipeline.DateDone) {
	seconds := time.Since(t.began).Seconds()
	t.began = time.Now()
	t.endBars(nil)
	t.rows++
	if t.quiet {
		return
	}
	if t.rows == 1 {
		fmt.Fprintf(t.out, "%-10s  %-11s %12s %10s %10s %10s %8s  %s\n", "date", "outcome", "users", "entered", "exited", "moved", "seconds", "why")
	}
	if d.Result == nil {
		fmt.Fprintf(t.out, "%s  no snapshot\n", d.Date)
		return
	}
	m, outcome := d.Result.Manifest, "committed"
	if d.Result.UpToDate {
		outcome = "up to date"
	}
	row := fmt.Sprintf("%s  %-11s %12s %10s %10s %10s %8.2f  %s", d.Date, outcome, count(m.Users), count(changed(m, tables.Entered)),
		count(changed(m, tables.Exited)), count(changed(m, tables.Moved)), seconds, whyMade(d))
	fmt.Fprintln(t.out, strings.TrimRight(row, " "))
	if d.NewInputs {
		t.notes = append(t.notes, fmt.Sprintf("the snapshot of %s is not the one that its run had read; it was computed from today's objects", d.Date))
	}
}

// whyMade says why a date was made again, and what is missing before it.
func whyMade(d pipeline.DateDone) string {
	why := slices.Clone(d.Result.Why)
	if gap := d.Result.Manifest.Gap; gap != nil {
		why = append(why, fmt.Sprintf("no run of %s before it", gap))
	}
	return strings.Join(why, "; ")
}

// end waits for what is on its way to the terminal, and tells the notes.
func (t *dateTable) end(failed error) {
	t.endBars(failed)
	for _, note := range t.notes {
		fmt.Fprintln(t.out, "note: "+note)
	}
}

func (t *dateTable) endBars(failed error) {
	if t.bars != nil {
		t.bars.end(failed)
		t.bars = nil
	}
}

// An interruption is an interrupt between the runs of many dates.
type interruption struct{ text string }

func (i interruption) Error() string { return i.text }
func (i interruption) Unwrap() error { return errInterrupted }

// stopped says how a command over many dates that stopped at one goes on.
func stopped(cmd *cobra.Command, err error, goOn string) error {
	var at *pipeline.StoppedError
	var base *catalog.BaseError
	goOn += sharedFlags(cmd)
	if cmd.Flags().Changed("accept") {
		goOn += " --accept"
	}
	interrupted, known := context.Cause(cmd.Context()) != nil, errors.As(err, &at)
	switch {
	case err != nil && interrupted && !known:
		return interruption{"interrupted between two dates; what was made stands. Go on with\n  " + goOn}
	case !known:
		return err
	case errors.As(err, &base): // nor would the same command get any further
		return at.Err
	case interrupted:
		return interruption{fmt.Sprintf("interrupted at %s, of which nothing was published; what was made before it stands. Go on with\n  %s", at.Date, goOn)}
	}
	advice := fmt.Sprintf("stopped at %s; what was made before it stands. Go on with\n  %s", at.Date, goOn)
	return errors.Join(at.Err, errors.New(advice+otherwise(cmd, at, goOn)))
}

// otherwise is what a user can do about a date that stopped a command beside putting it right.
func otherwise(cmd *cobra.Command, at *pipeline.StoppedError, goOn string) string {
	var guard *pipeline.GuardError
	isBackfill := cmd.Flags().Lookup("allow-gaps") != nil
	switch {
	case errors.Is(at, pipeline.ErrNoSnapshot) && isBackfill:
		return fmt.Sprintf("\nor, where there will be no snapshot of a date, with\n  %s --allow-gaps", goOn)
	case !errors.As(at, &guard) || guard.Final:
		return ""
	case isBackfill:
		return fmt.Sprintf("\nor, where all is as it should be, publish this date first, with\n  strata run --date %s --accept%s", at.Date, sharedFlags(cmd))
	}
	return fmt.Sprintf("\nor, where all is as it should be, here and in later dates, with\n  %s --accept", goOn)
}

// sharedFlags are those flags of a command line that a command which follows it needs too: where everything is, and how to work.
func sharedFlags(cmd *cobra.Command) string {
	var out strings.Builder
	for _, name := range []string{"config", "output", "workers", "memory", "batch-rows", "keep-replaced"} {
		switch f := cmd.Flags().Lookup(name); {
		case !f.Changed || f.Value.String() == f.DefValue:
		case f.Value.Type() == "bool":
			out.WriteString(" --" + name)
		default:
			fmt.Fprintf(&out, " --%s %s", name, quoted(f.Value.String()))
		}
	}
	return out.String()
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n\"'`$&|;<>()*?[]{}#~!\\") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
