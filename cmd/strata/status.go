package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
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
		Long: `Shows every date of the output: the run that stands for it, users, changes, the date it was compared with, dates that are
missing between the two, and whether it is stale. A date is stale when the run before it has been made again, or a date
has been put in between, since it was compared with it; strata run --cascade makes stale dates again.

Examples:
  strata status
  strata status --date 2026-11-02     sizes and changes of one date
  strata status --json                for programs`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := openCatalog(cmd.Context(), shared, output)
			if err != nil {
				return err
			}
			all, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return printStatusJSON(cmd.OutOrStdout(), all)
			case date != "":
				return printDate(cmd, c, shared, all, date)
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

// openCatalog opens the output that a flag names, or else the configuration.
func openCatalog(ctx context.Context, shared *common, output string) (*catalog.Catalog, error) {
	if output == "" {
		config, err := readConfig(shared.config)
		if err != nil {
			return nil, err
		}
		output = config.Resolve(config.Output)
	}
	bucket, err := openBucket(ctx, output)
	if err != nil {
		return nil, usageError{err}
	}
	return catalog.New(bucket, true), nil
}

func printStatus(w io.Writer, all []catalog.DateStatus) {
	if len(all) == 0 {
		fmt.Fprintln(w, "there are no runs yet; make one with strata run --date YYYY-MM-DD")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "date\tusers\tmembers\tentered\texited\tmoved\trun\tprevious\tstate")
	for _, s := range all {
		if m := s.Manifest; m != nil {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Date, count(m.Users), count(members(m)), count(changed(m, tables.Entered)),
				count(changed(m, tables.Exited)), count(changed(m, tables.Moved)), s.Run, previousDate(m), state(s))
			continue
		}
		fmt.Fprintf(t, "%s\t-\t-\t-\t-\t-\t%s\t-\t%s\n", s.Date, cmp.Or(s.Run, "-"), state(s))
	}
	t.Flush()
	printDamage(w, all)
	if slices.ContainsFunc(all, func(s catalog.DateStatus) bool { return s.Stale != "" }) {
		fmt.Fprintln(w, "\nmake stale dates again with strata run --cascade, each with the definitions that it had,\nor with strata backfill, with those of today")
	}
}

// previousDate is the date that a run was compared with.
func previousDate(m *catalog.Manifest) string {
	if m.Previous == nil {
		return "-"
	}
	return m.Previous.Date.String()
}

// printDamage tells what the runs that stand have lost.
func printDamage(w io.Writer, all []catalog.DateStatus) {
	for _, s := range all {
		if len(s.Damage) == 0 {
			continue
		}
		fmt.Fprintf(w, "\nthe run of %s is damaged:\n", s.Date)
		for _, sentence := range s.Damage[:min(len(s.Damage), maxShown)] {
			fmt.Fprintf(w, "  %s\n", sentence)
		}
		if more := len(s.Damage) - maxShown; more > 0 {
			fmt.Fprintf(w, "  and %d more\n", more)
		}
		fmt.Fprintf(w, "make it again with strata run --date %s --force\n", s.Date)
	}
}

// maxShown is how many objects a message names.
const maxShown = 5

// state says in a few words how a date is, and what lies beside the run that stands.
func state(s catalog.DateStatus) string {
	first := "ok"
	switch {
	case s.Run == "":
		first = "no run stands"
	case len(s.Damage) > 0:
		first = "damaged"
	case s.Stale != "":
		first = "stale: " + s.Stale
	case s.Manifest.Gap != nil:
		first = fmt.Sprintf("ok; there is no run of %s", s.Manifest.Gap)
	}
	if s.Base {
		first += "; the base, before which all is removed"
	}
	if s.Doomed {
		first = "before the base; strata gc removes it"
	}
	parts := []string{first}
	if s.Manifest != nil && s.Manifest.Scope != nil {
		parts = append(parts, "scope: "+oneLine(s.Manifest.Scope.Where))
	}
	for _, o := range s.Others {
		parts = append(parts, fmt.Sprintf("run %s is %s", o.Run, o.State))
	}
	switch n := len(s.Strays); {
	case s.Run != "" && s.Manifest == nil: // nothing tells them from the run's own
	case n == 1:
		parts = append(parts, "a stray object, "+s.Strays[0])
	case n > 1:
		parts = append(parts, fmt.Sprintf("%d stray objects, such as %s", n, s.Strays[0]))
	}
	return strings.Join(parts, "; ")
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

// printDate tells of one date in full.
func printDate(cmd *cobra.Command, c *catalog.Catalog, shared *common, all []catalog.DateStatus, date string) error {
	w := cmd.OutOrStdout()
	for _, s := range all {
		if s.Date.String() != date {
			continue
		}
		if s.Manifest != nil {
			fmt.Fprintf(w, "%s: %s users, run %s, %s\n", date, count(s.Manifest.Users), s.Run, state(s))
			if s.Manifest.Scope != nil {
				fmt.Fprintln(w, scopeSentence(s.Manifest))
			}
			printSegments(w, s.Manifest)
			printLifecycles(w, s.Manifest)
			printGuards(w, s.Manifest)
			printDrift(w, s.Manifest)
		} else {
			fmt.Fprintf(w, "%s: %s\n", date, state(s))
		}
		printDamage(w, []catalog.DateStatus{s})
		return printStopped(cmd.Context(), w, c, shared, s)
	}
	return usageError{fmt.Errorf("there is no run of %s; see strata status", date)}
}

// printStopped says why guards stopped runs of a date.
func printStopped(ctx context.Context, w io.Writer, c *catalog.Catalog, shared *common, s catalog.DateStatus) error {
	for _, other := range s.Others {
		if other.State != catalog.Stopped && other.State != catalog.Waits {
			continue
		}
		m, err := c.Load(ctx, catalog.RunRef{Date: s.Date, Run: other.Run})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\nrun %s was stopped by a guard:\n", other.Run)
		for _, g := range catalog.Tripped(m.Guards) {
			fmt.Fprintf(w, "  %s\n", g.Sentence)
		}
		for _, look := range catalog.Looks(m.Guards) {
			fmt.Fprintf(w, "  look at: %s\n", look)
		}
		if other.State == catalog.Waits {
			fmt.Fprintln(w, "  "+howToPublish(shared, s, m))
		}
	}
	return nil
}

// howToPublish says which command publishes a run that waits. strata run takes today's definitions, as the configuration has them,
// and a cascade those of the run that stands for the date.
func howToPublish(shared *common, s catalog.DateStatus, waiting *catalog.Manifest) string {
	today, err := readConfig(shared.config)
	switch definitions := waiting.Definitions; {
	case err != nil || today.Definitions().Equal(definitions): // without a configuration nobody knows better
		return fmt.Sprintf("to publish it: strata run --date %s --accept (without computing it again, if its inputs are what they were)", s.Date)
	case s.Stale != "" && s.Manifest != nil && s.Manifest.Definitions.Equal(definitions):
		return fmt.Sprintf("to publish it: strata run --cascade --accept (it has the definitions that %s recorded, which are not today's; "+
			"other stale dates are made again, too)", s.Date)
	}
	return fmt.Sprintf("it has other definitions than today's: strata run --date %s --accept makes the run again, with today's", s.Date)
}

// dateJSON is one date of strata status --json.
type dateJSON struct {
	Date     catalog.Date      `json:"date"`
	Run      string            `json:"run,omitempty"` // that stands
	Stale    string            `json:"stale,omitempty"`
	Damage   []string          `json:"damage,omitempty"`
	Manifest *catalog.Manifest `json:"manifest"` // null where none stands, or where it is damaged
	Others   []otherJSON       `json:"others,omitempty"`
	Strays   []string          `json:"strays,omitempty"`
}

type otherJSON struct {
	Run   string        `json:"run"`
	State catalog.State `json:"state"`
}

func printStatusJSON(w io.Writer, all []catalog.DateStatus) error {
	out := make([]dateJSON, 0, len(all))
	for _, s := range all {
		d := dateJSON{Date: s.Date, Run: s.Run, Stale: s.Stale, Damage: s.Damage, Manifest: s.Manifest, Strays: s.Strays}
		for _, o := range s.Others {
			d.Others = append(d.Others, otherJSON{o.Run, o.State})
		}
		out = append(out, d)
	}
	return printJSON(w, out)
}
