package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/rules"
)

// checkFlags are the flags of strata check.
type checkFlags struct {
	*common
	date, format     string
	allow            []string
	strict, noCounts bool
}

func checkCommand(shared *common) *cobra.Command {
	f := &checkFlags{common: shared}
	cmd := &cobra.Command{
		Use:   "check [--date YYYY-MM-DD]",
		Short: "Check the configuration, and the definitions against a snapshot's schema",
		Long:  checkHelp,
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.date, "date", "", "the `date` whose snapshot the definitions must fit")
	flags.BoolVar(&f.strict, "strict", false, "make every warning an error, for CI")
	flags.StringSliceVar(&f.allow, "allow", nil, "pass over warnings with these short `names`, such as no-way-out")
	flags.BoolVar(&f.noCounts, "no-counts", false, "do not read columns to count the users that negations leave out")
	flags.StringVar(&f.format, "format", "text", "how faults and warnings look on the standard output: text or json")
	return cmd
}

const checkHelp = `Checks the configuration and prints every fault with its place and a way out. With --date it also opens that date's
snapshot, reads the footers of its files and compiles all rules against its columns. It warns of rules that do what
they say and perhaps not what was meant, each with a short name in brackets that rules/docs/lints.md explains, such as
warning[negation-null]; --allow passes over what is meant all the same, by that name. For negations of what may be null
it reads the columns that they look at, to count the users that they leave out; --no-counts spares that. It lists the
columns that came, went or changed their type since the run before the date.
Nothing is written.

Exit codes: 0 no fault; 2 a fault, or a warning with --strict; 3 the snapshot is missing or broken, or has changed
since the run before so that the definitions, which have not, do not fit it any more.

Examples:
  strata check
  strata check --date 2026-11-02
  strata check --date 2026-11-02 --strict --format json > problems.json
  strata check --date 2026-11-02 --strict --allow no-way-out,whole-split`

func (f *checkFlags) run(cmd *cobra.Command) error {
	var day catalog.Date
	var err error
	if f.date != "" {
		if day, err = catalog.ParseDate(f.date); err != nil {
			return usageError{fmt.Errorf("--date: %w", err)}
		}
	}
	if f.format != "text" && f.format != "json" {
		return usageError{fmt.Errorf("--format: %q is neither text nor json", f.format)}
	}
	if err := checkLints(f.allow); err != nil {
		return usageError{err}
	}
	said, warnings, err := f.check(cmd, day)
	warnings = warnings.Without(f.allow)
	if f.strict && err == nil {
		err = warnings.Strict().Err()
	}
	if f.format == "json" {
		printProblems(cmd.OutOrStdout(), warnings, err)
		return err
	}
	if err == nil {
		fmt.Fprintln(cmd.OutOrStdout(), said)
		printWarnings(cmd.OutOrStdout(), warnings)
	}
	return err
}

// checkLints reports names that no warning has.
func checkLints(names []string) error {
	known := slices.Concat(rules.LintNames(), configs.LintNames())
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		hint := fmt.Sprintf("they are %s", strings.Join(known, ", "))
		if near := configs.Nearest(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		return fmt.Errorf("--allow: there is no warning %q; %s", name, hint)
	}
	return nil
}

// check returns what it found in a sentence, and the warnings.
func (f *checkFlags) check(cmd *cobra.Command, day catalog.Date) (string, configs.Problems, error) {
	config, err := loadConfig(cmd.Context(), f.config, day)
	if err != nil {
		return "", nil, err
	}
	summary := strings.Join([]string{
		plural(len(config.Segments), "segment"), plural(len(config.Lifecycles), "lifecycle"), plural(len(config.Traits), "trait"),
	}, ", ")
	if day.IsZero() {
		return fmt.Sprintf("%s is well formed: %s; give --date to check the rules against a snapshot", f.config, summary), config.Warnings, nil
	}
	s := source{config}
	job := pipeline.Job{Config: config, Date: day, Source: s, ReadList: s.readList, CountDoubts: !f.noCounts}
	output, noOutput := openBucket(cmd.Context(), config.Resolve(config.Output)) // who checks may have no right to it
	if noOutput == nil {
		job.Catalog, job.CompareColumns = catalog.New(output, config.Publish.Hive), true
	}
	found, err := pipeline.Check(cmd.Context(), job)
	if err != nil {
		return "", nil, err
	}
	said := fmt.Sprintf("%s fits the snapshot of %s: %s over %d of its %d columns (%s); %s rows", f.config, day, summary,
		len(found.Columns), found.All, strings.Join(found.Columns, ", "), count(found.Rows))
	if noOutput != nil {
		found.Notes = append(found.Notes, fmt.Sprintf("the columns are compared with no other date's, since the output cannot be opened: %v", noOutput))
	}
	for _, note := range found.Notes {
		said += "\nnote: " + note
	}
	for _, sentence := range found.Drift {
		said += "\n" + sentence
	}
	return said, append(config.Warnings, found.Warnings...).Sorted(), nil
}

// printWarnings prints warnings for a person, and how many there are.
func printWarnings(w io.Writer, warnings configs.Problems) {
	for _, warning := range warnings {
		fmt.Fprintln(w, warning)
	}
	if len(warnings) > 0 {
		fmt.Fprintf(w, "%s; a run goes on in spite of them, check --strict does not\n", plural(len(warnings), "warning"))
	}
}

// A shownProblem is a problem as JSON shows it.
type shownProblem struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"` // error or warning
	Lint     string `json:"lint,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

// printProblems prints warnings, or the faults of an error, as a JSON list. A fault without a place in a file has no place there either.
func printProblems(w io.Writer, problems configs.Problems, err error) {
	var faults configs.Problems
	if errors.As(err, &faults) {
		problems = faults
	}
	shown := []shownProblem{}
	if err != nil && faults == nil {
		shown = append(shown, shownProblem{Severity: "error", Message: err.Error()})
	}
	for _, p := range problems {
		one := shownProblem{File: p.File, Line: p.Line, Column: p.Column, Severity: "error", Lint: p.Lint, Message: p.Message, Hint: p.Hint}
		if p.Warning {
			one.Severity = "warning"
		}
		shown = append(shown, one)
	}
	_ = printJSON(w, shown) // to a terminal or a pipe
}

// plural writes a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
