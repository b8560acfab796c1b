package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"strata/pipeline"
	"strata/pipeline/cases"
	"strata/rules"
)

// report prints what failed, a line a file, and the sum. It is an error if anything failed.
func (f *testFlags) report(cmd *cobra.Command, tested []testedFile) error {
	w, failed, all := cmd.OutOrStdout(), 0, 0
	var took time.Duration
	for _, file := range tested {
		bad := 0
		for i := range file.results {
			if r := &file.results[i]; !r.Passed() {
				bad++
				printFailedCase(w, r)
			}
		}
		if !f.quiet {
			fmt.Fprintf(w, "%s: %s\n", file.name, tally(len(file.results), bad))
		}
		failed, all, took = failed+bad, all+len(file.results), took+file.took
	}
	switch {
	case all == 0:
		return usageError{fmt.Errorf("no case has a name that matches --run %q", f.match)}
	case failed > 0:
		return usageError{fmt.Errorf("%d of %s failed", failed, plural(all, "test"))}
	}
	if !f.quiet {
		fmt.Fprintf(w, "%s passed in %.2f s\n", plural(all, "test"), took.Seconds())
	}
	return nil
}

// tally says how the cases of a file went.
func tally(all, failed int) string {
	switch {
	case all == 0:
		return "no case of this name"
	case failed == 0:
		return fmt.Sprintf("%d passed", all)
	}
	return fmt.Sprintf("%d passed, %d failed", all-failed, failed)
}

// printFailedCase prints a case that did not pass.
func printFailedCase(w io.Writer, r *cases.Result) {
	fmt.Fprintf(w, "FAIL %s (%s)\n", r.Name, r.Pos)
	if r.Err != nil {
		for _, line := range caseFault(r.Err) {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	for i := range r.Failures {
		printFailure(w, &r.Failures[i])
	}
	fmt.Fprintln(w)
}

// caseFault is why a case could not be run, in lines.
func caseFault(err error) []string {
	text := err.Error()
	var guard *pipeline.GuardError
	if errors.As(err, &guard) && guard.Final {
		text = "a snapshot of no users is never published, in tests as at night"
	}
	return strings.Split(text, "\n")
}

// printFailure prints one thing that is not as expected, and how the rule came to its answer.
func printFailure(w io.Writer, f *cases.Failure) {
	fmt.Fprintf(w, "  %s: on %s, user %s, %s: expected %s, got %s\n", f.Pos, f.Date, plainID(f.User), f.What, f.Expected, f.Got)
	if f.Explanation == nil {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := range f.Explanation.Segments {
		s := &f.Explanation.Segments[i]
		printListLine(t, "    on the exclude list", s.Exclude)
		printListLine(t, "    on the include list", s.Include)
		printTerm(t, &s.Rule, 2)
	}
	for _, l := range f.Explanation.Lifecycles {
		printStages(t, &l)
	}
	t.Flush()
}

// printStages prints the rules of stages up to the first that matches.
func printStages(w io.Writer, l *rules.ExplainedLifecycle) {
	for i := range l.Stages {
		stage := &l.Stages[i]
		fmt.Fprintf(w, "    stage %s\n", stage.Name)
		printTerm(w, &stage.Rule, 3)
		if stage.Name == l.Stage {
			return
		}
	}
}

// failureText is a failure as JUnit's readers show it.
func failureText(f *cases.Failure) string {
	var b strings.Builder
	printFailure(&b, f)
	return b.String()
}
