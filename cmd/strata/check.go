package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
)

func checkCommand(shared *common) *cobra.Command {
	var date string
	cmd := &cobra.Command{
		Use:   "check [--date YYYY-MM-DD]",
		Short: "Check the configuration, and the definitions against a snapshot's schema",
		Long: `Checks the configuration and prints every fault with its place and a way out. With --date it also opens that date's
snapshot, reads the footers of its files and compiles all rules against its columns. No user is read and nothing is
written.

Examples:
  strata check
  strata check --date 2026-11-02`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return check(cmd, shared, date) },
	}
	cmd.Flags().StringVar(&date, "date", "", "the `date` whose snapshot the definitions must fit")
	return cmd
}

func check(cmd *cobra.Command, shared *common, date string) error {
	var day catalog.Date
	var err error
	if date != "" {
		if day, err = catalog.ParseDate(date); err != nil {
			return usageError{fmt.Errorf("--date: %w", err)}
		}
	}
	config, err := loadConfig(cmd.Context(), shared.config, day)
	if err != nil {
		return err
	}
	for _, w := range config.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), w)
	}
	summary := strings.Join([]string{
		plural(len(config.Segments), "segment"), plural(len(config.Lifecycles), "lifecycle"), plural(len(config.Traits), "trait"),
	}, ", ")
	if date == "" {
		fmt.Fprintf(cmd.OutOrStdout(), "%s is well formed: %s; give --date to check the rules against a snapshot\n", shared.config, summary)
		return nil
	}
	return checkSnapshot(cmd, shared, config, day, summary)
}

// checkSnapshot compiles the definitions against a date's snapshot and prints what they use of it.
func checkSnapshot(cmd *cobra.Command, shared *common, config *configs.Config, day catalog.Date, summary string) error {
	s := source{config}
	found, err := pipeline.Check(cmd.Context(), pipeline.Job{Config: config, Date: day, Source: s, ReadList: s.readList})
	var problems configs.Problems
	if errors.As(err, &problems) {
		return problems
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s fits the snapshot of %s: %s over %d of its %d columns (%s); %s rows\n", shared.config, day, summary,
		len(found.Columns), found.All, strings.Join(found.Columns, ", "), count(found.Rows))
	for _, w := range found.Warnings {
		fmt.Fprintln(cmd.OutOrStdout(), w)
	}
	for _, note := range found.Notes {
		fmt.Fprintf(cmd.OutOrStdout(), "note: %s\n", note)
	}
	return nil
}

// plural writes a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
