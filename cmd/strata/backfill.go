package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"strata/pipeline"
	"strata/pipeline/catalog"
)

// backfillFlags are the flags of strata backfill.
type backfillFlags struct {
	*common
	jobFlags
	from, to          string
	allowGaps, dryRun bool
}

func backfillCommand(shared *common) *cobra.Command {
	f := &backfillFlags{common: shared}
	cmd := &cobra.Command{
		Use:   "backfill --from YYYY-MM-DD --to YYYY-MM-DD",
		Short: "Make the runs of a range of dates, in order",
		Long:  backfillHelp,
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "the first `date`, such as 2026-10-01 (required)")
	flags.StringVar(&f.to, "to", "", "the last `date`, such as 2026-11-02 (required)")
	flags.BoolVar(&f.allowGaps, "allow-gaps", false, "pass over dates that have no snapshot; the manifest of the next date says so")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show which dates would be run, and why; write nothing")
	f.add(cmd)
	return cmd
}

const backfillHelp = `Makes the run of every date of a range in order, each as strata run would, with the definitions as they are now. Dates
that are up to date are left alone, so that the same command goes on where it was stopped; stale dates, and those whose
definitions or snapshots have changed since, are made again.

A date without a snapshot stops it; --allow-gaps passes over such dates. A guard stops it at the date in question: look
at what it says, then publish that date with strata run --date DATE --accept and go on, or give --accept for all dates.
To make dates again with the definitions that they had, use strata run --cascade.

Examples:
  strata backfill --from 2026-09-01 --to 2026-11-02 --dry-run     which dates would be run, and why
  strata backfill --from 2026-09-01 --to 2026-11-02
  strata backfill --from 2026-09-01 --to 2026-11-02 --allow-gaps  snapshots of some days are missing for good`

func (f *backfillFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	job, dates, err := f.job()
	if err != nil {
		return err
	}
	if job.Config, err = loadConfig(ctx, f.config, dates.From); err != nil {
		return err
	}
	if err := wire(ctx, job, f.output); err != nil {
		return err
	}
	if f.dryRun {
		return f.plan(cmd, *job, dates)
	}
	job.Version, job.Log = version, newLog(cmd.ErrOrStderr(), f.logFormat, f.quiet)
	t := newDateTable(cmd, f.quiet)
	job.Progress = t
	err = dates.Run(ctx, *job, t.done)
	t.end(err)
	if err != nil {
		return stopped(cmd, err, f.again())
	}
	return stopped(cmd, f.tellStale(cmd, job.Catalog, dates.From), f.again())
}

// again is the command that goes on.
func (f *backfillFlags) again() string {
	text := fmt.Sprintf("strata backfill --from %s --to %s", f.from, f.to)
	if f.allowGaps {
		text += " --allow-gaps"
	}
	return text
}

// tellStale says how later dates follow, and those of the range that were passed over though a run of theirs stands.
func (f *backfillFlags) tellStale(cmd *cobra.Command, c *catalog.Catalog, first catalog.Date) error {
	chain, err := c.Chain(cmd.Context())
	if err != nil || f.quiet {
		return err
	}
	if at := chain.Stale(first.Add(-1)); at >= 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "\ndates from %s on are stale; make them again with the definitions that they had:\n  strata run --cascade%s\n",
			chain.Dates[at].Date, sharedFlags(cmd))
	}
	return nil
}

// job turns the flags into a job and its dates. It reports all that are wrong.
func (f *backfillFlags) job() (*pipeline.Job, pipeline.Backfill, error) {
	job, dates := &pipeline.Job{}, pipeline.Backfill{AllowGaps: f.allowGaps}
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, flag := range []struct {
		name, text string
		date       *catalog.Date
	}{{"--from", f.from, &dates.From}, {"--to", f.to, &dates.To}} {
		var err error
		if flag.text == "" {
			fault("%s is required, such as %s 2026-11-02", flag.name, flag.name)
		} else if *flag.date, err = catalog.ParseDate(flag.text); err != nil {
			fault("%s: %v", flag.name, err)
		}
	}
	if !dates.To.IsZero() && dates.To.Before(dates.From) {
		fault("--to: %s is before --from %s", dates.To, dates.From)
	}
	if f.logFormat != "text" && f.logFormat != "json" {
		fault("--log-format: %q is neither text nor json", f.logFormat)
	}
	f.fill(job, fault)
	return job, dates, usageFaults(faults)
}

// plan shows what would be done, and fails where a date could not be made.
func (f *backfillFlags) plan(cmd *cobra.Command, job pipeline.Job, dates pipeline.Backfill) error {
	plans, err := dates.Plan(cmd.Context(), job)
	if err != nil {
		return err
	}
	var stops error
	runs, until := 0, ""
	for _, p := range plans {
		if p.Err != nil && !dates.Passes(p.Err) {
			stops = fmt.Errorf("the backfill would stop at %s: %w", p.Date, p.Err)
			until = fmt.Sprintf(" before it stops at %s", p.Date)
			break
		}
		if p.Runs {
			runs++
		}
	}
	if !f.quiet {
		printDatePlans(cmd.OutOrStdout(), plans, dates)
		fmt.Fprintf(cmd.OutOrStdout(), "\n%s of %s would be run%s; nothing was written: this was a dry run\n", count(int64(runs)), plural(len(plans), "date"), until)
	}
	return stops
}

func printDatePlans(w io.Writer, plans []pipeline.DatePlan, dates pipeline.Backfill) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "date\twhat\twhy")
	for _, p := range plans {
		what, why := "up to date", ""
		switch {
		case p.Err != nil && dates.Passes(p.Err):
			what, why = "passed over", "there is no snapshot"
		case p.Err != nil:
			what, why = "would stop", firstLine(p.Err)
		case p.Runs && p.Standing == "":
			what, why = "run", "there is no run yet"
		case p.Runs:
			what, why = "run again", strings.Join(p.Why, "; ")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", p.Date, what, why)
	}
	t.Flush()
}

// firstLine is an error in one line.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
