package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"strata/pipeline/catalog"
)

// demoConfig is the configuration that the demo runs with.
//
//go:embed demo.yaml
var demoConfig []byte

// demoCases are tests of the demo's configuration.
//
//go:embed demo_cases.yaml
var demoCases []byte

// demoDates are the dates of the demo.
var demoDates = []string{"2026-11-01", "2026-11-02", "2026-11-03"}

func demoCommand(shared *common) *cobra.Command {
	var dir string
	var users int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See strata work on generated users",
		Long: `Makes snapshots of about 200,000 users on three dates, a configuration with ten segments and a lifecycle, and the three
runs, all in one folder. Nothing else is needed. What it writes can be looked at with any tool that reads Parquet.

Example:
  strata demo --dir strata-demo`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return demo(cmd, shared, dir, users) },
	}
	cmd.Flags().StringVar(&dir, "dir", "strata-demo", "the `folder` to work in; one that a demo made before is made anew")
	cmd.Flags().IntVar(&users, "users", 200_000, "how many users the first date has")
	return cmd
}

func demo(cmd *cobra.Command, shared *common, dir string, users int) error {
	if users < 100 || users > 10_000_000 {
		return usageError{fmt.Errorf("--users: %d is outside 100..10000000", users)}
	}
	w := cmd.OutOrStdout()
	if shared.quiet {
		w = io.Discard
	}
	if err := clearDemo(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usageError{err}
	}
	config := filepath.Join(dir, "strata.yaml")
	for name, text := range map[string][]byte{config: demoConfig, filepath.Join(dir, "strata_test.yaml"): demoCases} {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return usageError{err}
		}
	}
	fmt.Fprintf(w, "generating snapshots of %s users on %d dates in %s\n", count(int64(users)), len(demoDates), dir)
	if err := generateDemo(cmd.Context(), dir, users); err != nil {
		return err
	}
	for _, date := range demoDates {
		f := &runFlags{common: &common{config: config, logFormat: shared.logFormat, quiet: shared.quiet}, date: date, jobFlags: jobFlags{batchRows: 4096}}
		fmt.Fprintf(w, "\n$ strata run -c %s --date %s\n", config, date)
		if err := f.run(cmd); err != nil {
			return err
		}
	}
	printDemoEnd(w, dir, config)
	return nil
}

// demoMark is what a folder of a demo is known by.
const demoMark = "# The configuration of strata demo."

// clearDemo empties a folder that an earlier demo made, and refuses any other that is not empty.
func clearDemo(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return usageError{err}
	}
	config, err := os.ReadFile(filepath.Join(dir, "strata.yaml"))
	if err != nil || len(config) < len(demoMark) || string(config[:len(demoMark)]) != demoMark {
		return usageError{fmt.Errorf("%s is not empty, and no demo made it; name another folder with --dir", dir)}
	}
	for _, name := range []string{"users", "out", "strata.yaml", "strata_test.yaml"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// generateDemo writes the snapshot of every date.
func generateDemo(ctx context.Context, dir string, users int) error {
	people := newPeople(users)
	for day, text := range demoDates {
		date, err := catalog.ParseDate(text)
		if err != nil {
			return err
		}
		people.live(day, date.Time())
		if err := people.write(ctx, filepath.Join(dir, "users", "date="+text)); err != nil {
			return err
		}
	}
	return nil
}

func printDemoEnd(w io.Writer, dir, config string) {
	fmt.Fprintf(w, `
The three runs are in %[1]s:
  %[1]s/users/            the snapshots that were read
  %[2]s       the definitions
  %[1]s/strata_test.yaml  unit tests of the definitions, with made-up users
  %[1]s/out/membership/   who is in what, a folder a date
  %[1]s/out/transitions/  who entered, left or moved, and why
  %[1]s/out/runs/         manifests: all about every run

Try next:
  strata status -c %[2]s
  strata run -c %[2]s --date 2026-11-03      nothing has changed, so it does nothing
  edit a rule in %[2]s and run the date again: the reason becomes rule_changed
  strata check -c %[2]s --date 2026-11-03
  strata test -c %[2]s      its tests pass; change a rule and see what fails
  duckdb -c "select segment, change, reason, count(*) from '%[1]s/out/transitions/**/*.parquet' group by all order by all"
`, filepath.ToSlash(dir), filepath.ToSlash(config))
}
