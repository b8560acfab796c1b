package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// printResult prints what a run did, for a person.
func printResult(w io.Writer, result *pipeline.Result, output objects.Bucket) {
	m := result.Manifest
	if result.UpToDate {
		fmt.Fprintf(w, "%s is up to date: run %s stands, and nothing it depends on has changed (--force makes it again)\n", m.Date, m.Run)
		return
	}
	previous := "the first run"
	if m.Previous != nil {
		previous = "compared with " + m.Previous.Date.String()
	}
	if m.Gap != nil {
		previous += fmt.Sprintf(" (there is no run of %s)", m.Gap)
	}
	fmt.Fprintf(w, "%s: %s users, %s; %s\n", m.Date, count(m.Users), previous, sideRows(m))
	if m.Scope != nil {
		fmt.Fprintln(w, scopeSentence(m))
	}
	if m.Accepts != "" {
		fmt.Fprintf(w, "published what run %s had found, which a guard had stopped; nothing was computed again\n", m.Accepts)
	}
	printSegments(w, m)
	printLifecycles(w, m)
	printPopulation(w, m)
	printGuards(w, m)
	for _, note := range m.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	printDrift(w, m)
	fmt.Fprintf(w, "\nmembership   %s\ntransitions  %s\nmanifest     %s\n", tablePlace(output, m, "membership"), tablePlace(output, m, "transitions"),
		output.URL("runs/date="+m.Date.String()+"/"+m.Run+"/manifest.json"))
	if e := m.Events; e != nil {
		fmt.Fprintf(w, "changes      %s (events of the run that it replaces: %s withdrawn, %s kept; %s added)\n",
			output.URL("runs/date="+m.Date.String()+"/"+m.Run+"/changes.json"), count(e.Withdrawn), count(e.Kept), count(e.Added))
	}
}

// scopeSentence says to whom a run with a scope was limited.
func scopeSentence(m *catalog.Manifest) string {
	s := m.Scope
	return fmt.Sprintf("scope (%s): %s users in it, %s read and out of it; %s of the previous run stay as they were",
		oneLine(s.Where), count(s.Users), count(s.Outside), count(s.Carried))
}

func sideRows(m *catalog.Manifest) string {
	text := fmt.Sprintf("%s rejects, %s duplicates", count(m.Rejects.Total()), count(m.Duplicates))
	if m.Forgotten > 0 {
		text += fmt.Sprintf(", %s of users who were forgotten", count(m.Forgotten))
	}
	return text
}

// tablePlace is where to read a table.
func tablePlace(output objects.Bucket, m *catalog.Manifest, table string) string {
	return output.URL(table + "/date=" + m.Date.String())
}

func printSegments(w io.Writer, m *catalog.Manifest) {
	if len(m.Segments) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nsegment\tsize\tentered\texited\tinitial\tunknown\terrors\t")
	for _, s := range m.Segments {
		name := s.Name
		if s.Removed {
			name += " (removed)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, count(s.Size), count(s.Changes.Sum(tables.Entered)),
			count(s.Changes.Sum(tables.Exited)), count(s.Changes.Sum(tables.Initial)), count(s.Unknown), count(s.Errors))
	}
	t.Flush()
}

func printLifecycles(w io.Writer, m *catalog.Manifest) {
	for _, l := range m.Lifecycles {
		if l.Removed {
			fmt.Fprintf(w, "\nlifecycle %s (removed): %s users left it\n", l.Name, count(l.Changes.Sum(tables.Exited)))
			continue
		}
		fmt.Fprintf(w, "\nlifecycle %s: %s moved, %s entered, %s exited, %s initial\n", l.Name, count(l.Changes.Sum(tables.Moved)),
			count(l.Changes.Sum(tables.Entered)), count(l.Changes.Sum(tables.Exited)), count(l.Changes.Sum(tables.Initial)))
		if l.Blocked > 0 {
			fmt.Fprintf(w, "%s blocked: no move that is listed leads from their stage to the one whose rule is true\n", count(l.Blocked))
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "stage\tsize\t")
		for _, s := range l.Stages {
			fmt.Fprintf(t, "%s\t%s\t\n", s.Name, count(s.Size))
		}
		t.Flush()
	}
}

// printPopulation prints what the population functions of the rules found.
func printPopulation(w io.Writer, m *catalog.Manifest) {
	if len(m.Population) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nover all users\twith a value\twithout\tfound")
	for _, s := range m.Population {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Call, count(s.Users), count(s.Nulls), foundOverAll(&s))
	}
	t.Flush()
	for _, s := range m.Population {
		if warning := s.Warning(); warning != "" {
			fmt.Fprintf(w, "warning: %s\n", warning)
		}
	}
}

// foundOverAll is a population function's answer in a few words.
func foundOverAll(s *catalog.Surveyed) string {
	if len(s.Groups) == 0 {
		return s.Value
	}
	least, most := slices.Min(s.Groups), slices.Max(s.Groups)
	if least == most {
		return fmt.Sprintf("%s of %s users", plural(len(s.Groups), "group"), count(least))
	}
	return fmt.Sprintf("%s of %s to %s users", plural(len(s.Groups), "group"), count(least), count(most))
}

func printGuards(w io.Writer, m *catalog.Manifest) {
	for _, g := range catalog.Tripped(m.Guards) {
		fmt.Fprintf(w, "accepted in spite of a guard: %s\n", g.Sentence)
	}
}

// printDrift tells of columns that came, went or changed their type.
func printDrift(w io.Writer, m *catalog.Manifest) {
	for _, sentence := range m.DriftSentences() {
		fmt.Fprintln(w, sentence)
	}
}

// count writes a number with commas between the thousands.
func count(n int64) string {
	if n < 0 {
		return "-" + count(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", count(n/1000), n%1000)
}

// printJSON prints a value as JSON to read.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
