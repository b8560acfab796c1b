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
	if !errors.As(err, &at) {
		return err
	}
	goOn = goOn + sharedFlags(cmd)
	if context.Cause(cmd.Context()) != nil {
		return interruption{fmt.Sprintf("interrupted at %s, of which nothing was published; what was made before it stands. Go on with\n  %s", at.Date, goOn)}
	}
	advice := fmt.Sprintf("stopped at %s; what was made before it stands. Go on with\n  %s", at.Date, goOn)
	var guard *pipeline.GuardError
	switch {
	case errors.Is(err, pipeline.ErrNoSnapshot) && cmd.Flags().Lookup("allow-gaps") != nil:
		advice += fmt.Sprintf("\nor, where there will be no snapshot of a date, with\n  %s --allow-gaps", goOn)
	case errors.As(err, &guard) && !guard.Final:
		advice += fmt.Sprintf("\nor, where all is as it should be, with\n  %s --accept", goOn)
	}
	return errors.Join(at.Err, errors.New(advice))
}

// sharedFlags are those flags of a command line that say where everything is.
func sharedFlags(cmd *cobra.Command) string {
	var out strings.Builder
	for _, name := range []string{"config", "output"} {
		if f := cmd.Flags().Lookup(name); f.Changed {
			fmt.Fprintf(&out, " --%s %s", name, f.Value)
		}
	}
	return out.String()
}
