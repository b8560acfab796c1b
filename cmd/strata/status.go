package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"strata/pipeline/catalog"
	"strata/pipeline/tables"
)

func statusCommand(shared *common) *cobra.Command {
	var output, date string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which dates there are, and which should be made again",
		Long: `Shows every date of the output: the run that stands for it, users, changes, and whether it is stale. A date is stale
when the run before it has been made again, or a date has been put in between, since it was compared with it.

Examples:
  strata status
  strata status --date 2026-11-02     sizes and changes of one date
  strata status --json                for programs`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := readStatus(cmd, shared, output)
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return printStatusJSON(cmd.OutOrStdout(), all)
			case date != "":
				return printDate(cmd.OutOrStdout(), all, date)
			}
			printStatus(cmd.OutOrStdout(), all)
			return nil
		},
	}
	cmd.Flags().StringVar(&output, "output", "", "the output `address`; overrides the configuration")
	cmd.Flags().StringVar(&date, "date", "", "show one `date` in detail")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func readStatus(cmd *cobra.Command, shared *common, output string) ([]catalog.DateStatus, error) {
	if output == "" {
		config, err := readConfig(shared.config)
		if err != nil {
			return nil, err
		}
		output = config.Resolve(config.Output)
	}
	bucket, err := openBucket(cmd.Context(), output)
	if err != nil {
		return nil, usageError{err}
	}
	return catalog.New(bucket, true).Status(cmd.Context())
}

func printStatus(w io.Writer, all []catalog.DateStatus) {
	if len(all) == 0 {
		fmt.Fprintln(w, "there are no runs yet; make one with strata run --date YYYY-MM-DD")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "date\tusers\tmembers\tentered\texited\tmoved\trun\tstate")
	for _, s := range all {
		if s.Manifest == nil {
			fmt.Fprintf(t, "%s\t-\t-\t-\t-\t-\t-\tnot committed%s\n", s.Date, others(s))
			continue
		}
		m := s.Manifest
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s%s\n", s.Date, count(m.Users), count(members(m)), count(changed(m, tables.Entered)),
			count(changed(m, tables.Exited)), count(changed(m, tables.Moved)), m.Run, staleness(s), others(s))
	}
	t.Flush()
}

func staleness(s catalog.DateStatus) string {
	if s.Stale != "" {
		return "stale: " + s.Stale
	}
	return "ok"
}

// others tells of the runs of a date that do not stand.
func others(s catalog.DateStatus) string {
	var parts []string
	for _, o := range s.Others {
		parts = append(parts, fmt.Sprintf("%s %s", o.Run, o.State))
	}
	if n := len(s.Strays); n > 0 {
		parts = append(parts, fmt.Sprintf("%d stray objects, such as %s", n, s.Strays[0]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (beside it: " + strings.Join(parts, ", ") + ")"
}

func members(m *catalog.Manifest) int64 {
	sum := int64(0)
	for _, s := range m.Segments {
		sum += s.Size
	}
	return sum
}

// changed is how many transitions of a change a run has, segments and lifecycles together.
func changed(m *catalog.Manifest, change tables.Change) int64 {
	sum := int64(0)
	for _, s := range m.Segments {
		sum += s.Changes.Sum(change)
	}
	for _, l := range m.Lifecycles {
		sum += l.Changes.Sum(change)
	}
	return sum
}

func printDate(w io.Writer, all []catalog.DateStatus, date string) error {
	for _, s := range all {
		if s.Date.String() != date {
			continue
		}
		if s.Manifest == nil {
			fmt.Fprintf(w, "%s is not committed%s\n", date, others(s))
			return nil
		}
		fmt.Fprintf(w, "%s: %s users, %s, run %s\n", date, count(s.Manifest.Users), staleness(s), s.Manifest.Run)
		printSegments(w, s.Manifest)
		printLifecycles(w, s.Manifest)
		return nil
	}
	return usageError{fmt.Errorf("there is no run of %s; see strata status", date)}
}

// dateJSON is one date of strata status --json.
type dateJSON struct {
	Date     catalog.Date      `json:"date"`
	Stale    string            `json:"stale,omitempty"`
	Manifest *catalog.Manifest `json:"manifest"`
	Others   []otherJSON       `json:"others,omitempty"`
}

type otherJSON struct {
	Run   string        `json:"run"`
	State catalog.State `json:"state"`
}

func printStatusJSON(w io.Writer, all []catalog.DateStatus) error {
	out := make([]dateJSON, 0, len(all))
	for _, s := range all {
		d := dateJSON{Date: s.Date, Stale: s.Stale, Manifest: s.Manifest}
		for _, o := range s.Others {
			d.Others = append(d.Others, otherJSON{o.Run, o.State})
		}
		out = append(out, d)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
