package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"strata/configs"
	"strata/pipeline"
	"strata/readers"
)

// explainFlags are the flags of strata explain.
type explainFlags struct {
	*common
	user, segment, lifecycle string
	date, output             string
	asJSON, plan             bool
}

func explainCommand(shared *common) *cobra.Command {
	f := &explainFlags{common: shared}
	cmd := &cobra.Command{
		Use:   "explain --user ID [--segment NAME | --lifecycle NAME] [--date YYYY-MM-DD]",
		Short: "Say why a user is in a segment or not, or in a stage",
		Long:  explainHelp,
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.user, "user", "", "the `id` of the user; bytes are written in hexadecimal")
	flags.StringVar(&f.segment, "segment", "", "explain the rule of this segment, by `name`")
	flags.StringVar(&f.lifecycle, "lifecycle", "", "explain the stages of this lifecycle, by `name`")
	flags.StringVar(&f.date, "date", "", "the `date` whose snapshot to look at (default: the newest committed one, else that of the newest snapshot)")
	flags.StringVar(&f.output, "output", "", "the output `address`; overrides the configuration")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.plan, "plan", false, "print how the rules are evaluated, instead of explaining a user")
	return cmd
}

const explainHelp = `Explains one user: with --segment, each part of the segment's rule with its value for the user; with --lifecycle, the
same of the stages up to the one that matches first; without either, all segments and lifecycles in a line each.

The values are those that a run computes from the user's row in the snapshot of the date, with the definitions as they are
now. Below them stands what the run of that date has published, since when, and the last transition with its reason. null
is a column without a value, and makes what is computed from it unknown: the column is named.

Nothing is written. An id that the snapshot does not have is exit code 3.

Examples:
  strata explain --user 0b5f7c1e-8d5a-4f0e-9a51-2f1d3c6b7a88
  strata explain --user 4711 --segment vip --date 2026-11-02
  strata explain --user 4711 --lifecycle journey --json
  strata explain --plan --date 2026-11-02`

func (f *explainFlags) run(cmd *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	job := &pipeline.Job{}
	var err error
	if job.Config, err = readConfig(f.config); err != nil {
		return err
	}
	if err = wire(ctx, job, f.output); err != nil {
		return err
	}
	if _, err = chooseDate(ctx, job, f.date); err != nil {
		return err
	}
	if err = checkRules(ctx, job.Config, job.Date); err != nil {
		return err
	}
	if f.plan {
		return printPlan(cmd, *job)
	}
	return f.explain(cmd, *job)
}

// check reports all flags that are wrong.
func (f *explainFlags) check() error {
	switch {
	case f.plan && (f.user != "" || f.segment != "" || f.lifecycle != "" || f.asJSON):
		return usageError{errors.New("--plan is about all rules; it takes no --user, --segment, --lifecycle or --json")}
	case !f.plan && f.user == "":
		return usageError{errors.New("--user is required, such as --user 4711; or --plan, which prints how the rules are evaluated")}
	case f.segment != "" && f.lifecycle != "":
		return usageError{errors.New("--segment and --lifecycle do not go together; give one, or neither for all")}
	}
	return nil
}

// names are the segments and lifecycles that the flags name, which must exist.
func (f *explainFlags) names(config *configs.Config) ([]string, error) {
	var segments, lifecycles []string
	for _, s := range config.Segments {
		segments = append(segments, s.Name)
	}
	for _, l := range config.Lifecycles {
		lifecycles = append(lifecycles, l.Name)
	}
	if f.segment != "" {
		return known("--segment", "segment", f.segment, segments)
	}
	if f.lifecycle != "" {
		return known("--lifecycle", "lifecycle", f.lifecycle, lifecycles)
	}
	return nil, nil
}

// known is a name as a list, if it is among those that there are.
func known(flag, what, name string, among []string) ([]string, error) {
	for _, have := range among {
		if have == name {
			return []string{name}, nil
		}
	}
	hint := ""
	if near := configs.Nearest(name, among); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, usageError{fmt.Errorf("%s: there is no %s %q%s", flag, what, name, hint)}
}

func (f *explainFlags) explain(cmd *cobra.Command, job pipeline.Job) error {
	names, err := f.names(job.Config)
	if err != nil {
		return err
	}
	answer, err := pipeline.Explain(cmd.Context(), job, pipeline.Question{User: f.user, Names: names, History: readers.State{}})
	var notID *pipeline.NotIDError
	if errors.As(err, &notID) {
		return usageError{fmt.Errorf("--user: %w", err)}
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), answer)
	}
	printAnswer(cmd.OutOrStdout(), answer, job.Config, len(names) == 0)
	return nil
}

// printPlan prints how the rules are evaluated over the snapshot of a date.
func printPlan(cmd *cobra.Command, job pipeline.Job) error {
	found, err := pipeline.Check(cmd.Context(), job)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), found.Plan.Text())
	return err
}
