package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"strata/pipeline/catalog"
)

func gcCommand(shared *common) *cobra.Command {
	var keep, output string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "gc --keep 90d",
		Short: "Remove old dates, replaced runs and what crashes left behind",
		Long: `Removes dates that are older than some days before the newest committed date, runs that were replaced or never
finished more than 24 hours ago, and lists that no run uses any more.

The newest committed date before that window stays: it is the base, which the first date of the window is compared
with. The base and what was before it cannot be run again. A run at the same time is safe, and after an interrupt the
same command goes on.

Examples:
  strata gc --keep 90d --dry-run     show what would go, and why
  strata gc --keep 90d`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			days, err := parseDays(keep)
			if err != nil {
				return usageError{fmt.Errorf("--keep: %w", err)}
			}
			return collect(cmd, shared, output, days, dryRun)
		},
	}
	cmd.Flags().StringVar(&keep, "keep", "", "how many `days` before the newest committed date to keep, such as 90d (required)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be removed, and remove nothing")
	cmd.Flags().StringVar(&output, "output", "", "the output `address`; overrides the configuration")
	return cmd
}

// parseDays reads 90d.
func parseDays(text string) (int, error) {
	if text == "" {
		return 0, fmt.Errorf("it is required, such as --keep 90d")
	}
	number, ok := strings.CutSuffix(text, "d")
	days, err := strconv.Atoi(number)
	if !ok || err != nil || days < 1 || days > 100_000 {
		return 0, fmt.Errorf("%q is not a number of days such as 90d", text)
	}
	return days, nil
}

func collect(cmd *cobra.Command, shared *common, output string, days int, dryRun bool) error {
	ctx := cmd.Context()
	config, err := readConfig(shared.config)
	if err != nil {
		return err
	}
	if output == "" {
		output = config.Resolve(config.Output)
	}
	bucket, err := openBucket(ctx, output)
	if err != nil {
		return usageError{err}
	}
	c := catalog.New(bucket, config.Publish.Hive)
	var found *catalog.Collection
	if dryRun {
		found, err = c.Collect(ctx, days, time.Now())
	} else {
		found, err = c.CollectNow(ctx, days)
	}
	if err != nil {
		return err
	}
	if !shared.quiet {
		printCollection(cmd.OutOrStdout(), found)
	}
	last := "nothing was removed: this was a dry run"
	if !dryRun {
		if err := c.Remove(ctx, found); err != nil {
			return fmt.Errorf("not all was removed; the same command goes on: %w", err)
		}
		last = "all this was removed"
	}
	if !shared.quiet && len(found.Removals) > 0 {
		fmt.Fprintln(cmd.OutOrStdout(), last)
	}
	return nil
}

func printCollection(w io.Writer, found *catalog.Collection) {
	if !found.Newest.IsZero() {
		fmt.Fprintf(w, "kept: %s to %s\n", found.First, found.Newest)
	}
	if !found.Base.IsZero() {
		fmt.Fprintf(w, "base: %s; it and earlier dates cannot be run again\n", found.Base)
	}
	for _, note := range found.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	if len(found.Removals) == 0 {
		fmt.Fprintln(w, "there is nothing to remove")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ndate\truns\tfiles\tbytes\twhy")
	runs, files, bytes := 0, 0, int64(0)
	for _, r := range found.Removals {
		date := r.Date.String()
		if date == "" {
			date = "-"
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", date, len(r.Runs), count(int64(r.Objects)), count(r.Size), r.Why)
		runs, files, bytes = runs+len(r.Runs), files+r.Objects, bytes+r.Size
	}
	fmt.Fprintf(t, "total\t%d\t%s\t%s\t\n", runs, count(int64(files)), count(bytes))
	t.Flush()
	fmt.Fprintln(w)
}
