package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
)

// runFlags are the flags of strata run.
type runFlags struct {
	*common
	jobFlags
	date, now, metricsFile string
	force, cascade         bool
}

// jobFlags are the flags of all verbs that make runs.
type jobFlags struct {
	output, memory       string
	workers, batchRows   int
	accept, keepReplaced bool
}

// add adds them to a verb.
func (f *jobFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.output, "output", "", "the output `address`; overrides the configuration")
	flags.IntVar(&f.workers, "workers", 0, "how many row groups and partitions to work on at once (default: one a core)")
	flags.StringVar(&f.memory, "memory", "", "how much memory to use, such as 512MB; the rest goes to temporary files (default: a quarter of the machine's)")
	flags.IntVar(&f.batchRows, "batch-rows", 4096, "rows that expressions over several columns take at a time, 1 to 1048576")
	flags.BoolVar(&f.accept, "accept", false, "publish in spite of a guard")
	flags.BoolVar(&f.keepReplaced, "keep-replaced", false, "do not remove the files of a replaced run after 24 hours")
}

// fill turns them into those of a job, and tells fault of all that are wrong.
func (f *jobFlags) fill(job *pipeline.Job, fault func(format string, args ...any)) {
	job.Workers, job.BatchRows, job.Accept, job.KeepReplaced = f.workers, f.batchRows, f.accept, f.keepReplaced
	if f.memory != "" {
		var err error
		if job.Memory, err = parseSize(f.memory); err != nil {
			fault("--memory: %v", err)
		}
	}
	if f.workers < 0 {
		fault("--workers: %d is negative", f.workers)
	}
	if f.batchRows < 1 || f.batchRows > 1<<20 {
		fault("--batch-rows: %d is outside 1..1048576", f.batchRows)
	}
}

func runCommand(shared *common) *cobra.Command {
	f := &runFlags{common: shared}
	cmd := &cobra.Command{
		Use:   "run --date YYYY-MM-DD",
		Short: "Make the run of a date and publish it",
		Long:  runHelp,
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.date, "date", "", "the logical `date`, such as 2026-11-02 (required, but for --cascade)")
	flags.StringVar(&f.now, "now", "", "the `instant` that rules call now, such as 2026-11-03T00:00:00Z; overrides the configuration")
	flags.BoolVar(&f.force, "force", false, "make the run again even if nothing has changed")
	flags.BoolVar(&f.cascade, "cascade", false, "then make later dates again that are stale; without --date, all stale dates and nothing else")
	f.add(cmd)
	flags.StringVar(&f.metricsFile, "metrics-file", "", "write metrics in Prometheus text format to this `file`")
	return cmd
}

const runHelp = `Reads the snapshot of a date, decides who is in what, compares with the newest committed date before it, and
publishes membership and transitions. All is published or nothing: a reader of current.json, or of the folders
membership/ and transitions/, never sees a part of a run.

A run of a date that is up to date (same snapshot objects, definitions, lists, now and previous run) does nothing
and says so. Guards stop a run whose results look like a broken input, and nothing is published. The run is kept under
runs/ and waits: --accept publishes it without computing it again, as long as all that it depends on is what it was;
else the run is made again, and the log says why. --accept publishes in spite of any guard that trips then.

When a date is made again, later ones are stale: they were compared with the run that it replaces. --cascade makes them again
in order, each with the definitions, lists and now that its own run has recorded, so that all ends as if the dates had been
run in order. A guard that was accepted for a date is accepted again, unless it is worse. After an interrupt, strata run
--cascade goes on.

Examples:
  strata run --date 2026-11-02
  strata run --date 2026-11-02 --accept     publish what a guard has stopped, once you have looked at it
  strata run --date 2026-11-02 --cascade    the snapshot of that date was mended: later dates follow
  strata run --cascade                      all stale dates
  strata run -c prod.yaml --date 2026-11-02 --memory 2GB --metrics-file /var/lib/node_exporter/strata.prom`

func (f *runFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	job, err := f.job()
	if err != nil {
		return err
	}
	if job.Config, err = f.load(ctx, job.Date); err != nil {
		return err
	}
	if err := wire(ctx, job, f.output); err != nil {
		return err
	}
	job.Version, job.Log = version, newLog(cmd.ErrOrStderr(), f.logFormat, f.quiet)
	if !job.Date.IsZero() {
		if err := f.runDate(cmd, job); err != nil {
			return err
		}
	}
	if f.cascade {
		return f.runCascade(cmd, *job)
	}
	return nil
}

// load reads the configuration, and checks it against the snapshot of a date; without one only as far as it is used.
func (f *runFlags) load(ctx context.Context, date catalog.Date) (*configs.Config, error) {
	if date.IsZero() {
		return readConfig(f.config)
	}
	return loadConfig(ctx, f.config, date)
}

// runDate makes the run of one date.
func (f *runFlags) runDate(cmd *cobra.Command, job *pipeline.Job) error {
	progress, end := newProgress(cmd.ErrOrStderr(), job.Log, f.quiet)
	job.Progress = progress
	result, err := pipeline.Run(cmd.Context(), *job)
	end(err)
	if err != nil {
		return err
	}
	if !f.quiet {
		printResult(cmd.OutOrStdout(), result, job.Catalog.Bucket())
	}
	if f.metricsFile != "" {
		return writeMetrics(f.metricsFile, result.Manifest)
	}
	return nil
}

// runCascade makes stale dates again: those after the job's, or all where it has none.
func (f *runFlags) runCascade(cmd *cobra.Command, job pipeline.Job) error {
	t := newDateTable(cmd, f.quiet)
	job.Progress = t
	if !job.Date.IsZero() && !f.quiet {
		fmt.Fprintln(cmd.OutOrStdout())
	}
	err := pipeline.Cascade(cmd.Context(), job, job.Date, t.done)
	t.end(err)
	if err != nil {
		return stopped(cmd, err, "strata run --cascade")
	}
	if t.rows == 0 && !f.quiet {
		fmt.Fprintln(cmd.OutOrStdout(), map[bool]string{true: "no date is stale", false: "no later date is stale"}[job.Date.IsZero()])
	}
	return nil
}

// job turns the flags into a job. It reports all that are wrong.
func (f *runFlags) job() (*pipeline.Job, error) {
	job := &pipeline.Job{Force: f.force}
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	var err error
	if f.date == "" && !f.cascade {
		fault("--date is required, such as --date 2026-11-02")
	} else if f.date == "" {
		f.checkDateless(fault)
	} else if job.Date, err = catalog.ParseDate(f.date); err != nil {
		fault("--date: %v", err)
	}
	if f.now != "" {
		if job.Now, err = time.Parse(time.RFC3339, f.now); err != nil {
			fault("--now: %q is not an instant such as 2026-11-03T00:00:00Z", f.now)
		}
	}
	if f.logFormat != "text" && f.logFormat != "json" {
		fault("--log-format: %q is neither text nor json", f.logFormat)
	}
	if folder := filepath.Dir(f.metricsFile); f.metricsFile != "" {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			fault("--metrics-file: there is no folder %s", folder)
		}
	}
	f.fill(job, fault)
	return job, usageFaults(faults)
}

// checkDateless tells of the flags that are those of one date.
func (f *runFlags) checkDateless(fault func(format string, args ...any)) {
	for _, flag := range []struct {
		name  string
		given bool
	}{{"--now", f.now != ""}, {"--force", f.force}, {"--metrics-file", f.metricsFile != ""}} {
		if flag.given {
			fault("%s goes with --date", flag.name)
		}
	}
}

// usageFaults makes one error of all that is wrong with a command line.
func usageFaults(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return usageError{errors.New(strings.Join(faults, "\nstrata: "))}
}

// sizeUnits are what a size may end in, in bytes.
var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"K", 1e3},
	{"M", 1e6},
	{"G", 1e9},
	{"T", 1e12},
	{"B", 1},
	{"", 1},
}

// parseSize reads a size such as 512MB; KiB and the like are powers of two.
func parseSize(text string) (int64, error) {
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || n*u.bytes < 1<<20 || n*u.bytes > 1<<50 {
			break
		}
		return int64(n * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is not a size of at least 1MiB, such as 512MB or 2GiB", text)
}
