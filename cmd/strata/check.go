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
	config, err := loadConfig(shared.config)
	if err != nil {
		return err
	}
	for _, w := range config.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), w)
	}
	summary := fmt.Sprintf("%d segments, %d lifecycles, %d traits", len(config.Segments), len(config.Lifecycles), len(config.Traits))
	if date == "" {
		fmt.Fprintf(cmd.OutOrStdout(), "%s is well formed: %s; give --date to check the rules against a snapshot\n", shared.config, summary)
		return nil
	}
	day, err := catalog.ParseDate(date)
	if err != nil {
		return usageError{fmt.Errorf("--date: %w", err)}
	}
	s := source{config}
	found, err := pipeline.Check(cmd.Context(), pipeline.Job{Config: config, Date: day, Source: s, ReadList: s.readList})
	var problems configs.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if err != nil {
		return problems
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s fits the snapshot of %s: %s over %d of its %d columns (%s); %s rows\n", shared.config, date, summary,
		len(found.Columns), found.All, strings.Join(found.Columns, ", "), count(found.Rows))
	for _, note := range found.Notes {
		fmt.Fprintf(cmd.OutOrStdout(), "note: %s\n", note)
	}
	return nil
}
