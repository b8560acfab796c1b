package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/rules"
)

// printAnswer prints why a user is in what it is in, for a person.
func printAnswer(w io.Writer, a *pipeline.Answer, config *configs.Config, summary bool) {
	switch {
	case summary:
		fmt.Fprintf(w, "user %s on %s, members first\n", plainID(a.User), a.Date)
		printSummary(w, a)
	case len(a.Segments) > 0:
		printSegmentAnswer(w, a, &a.Segments[0], config)
	case len(a.Lifecycles) > 0:
		printLifecycleAnswer(w, a, &a.Lifecycles[0])
	}
	printPublished(w, a, summary)
	fmt.Fprintf(w, "now          %s\n", a.Now.Format(time.RFC3339))
	fmt.Fprintf(w, "row          %s, row group %d, row %d%s\n", a.Where.Object, a.Where.RowGroup, a.Where.Row, gaveWay(a.Where.Others))
	for _, note := range a.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
}

// gaveWay tells of rows that gave way.
func gaveWay(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; it stands for the user, and %s gave way to it", plural(n, "row"))
}

// printSegmentAnswer prints one segment: the lists that decide before the rule, and the rule.
func printSegmentAnswer(w io.Writer, a *pipeline.Answer, s *rules.ExplainedSegment, config *configs.Config) {
	in := "not in"
	if s.Member {
		in = "in"
	}
	fmt.Fprintf(w, "user %s is %s segment %s on %s%s\n\n", plainID(a.User), in, s.Name, a.Date, because(s))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, definition := range config.Segments {
		if definition.Name == s.Name {
			printListLine(t, "  on the exclude list "+definition.Exclude, s.Exclude)
			printListLine(t, "  on the include list "+definition.Include, s.Include)
		}
	}
	printTerm(t, &s.Rule, 1)
	t.Flush()
	if s.State != nil {
		printState(w, s)
	}
	fmt.Fprintln(w)
}

// printState prints what until, min_stay and cooldown had to do with a segment.
func printState(w io.Writer, s *rules.ExplainedSegment) {
	state := s.State
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if state.Until != nil {
		fmt.Fprintln(t, "\nuntil, which ends the membership of who was in it")
		printTerm(t, state.Until, 1)
	}
	fmt.Fprintln(t, "\nthe run before")
	fmt.Fprintf(t, "  had the user in it\t%s\n", yesNo(state.Was))
	for _, line := range [][2]string{
		{"since", state.Since}, {"min_stay is over on", state.StaysTo}, {"last exit", state.LastExit}, {"cooldown is over on", state.WaitsTo},
	} {
		if line[1] != "" {
			fmt.Fprintf(t, "  %s\t%s\n", line[0], line[1])
		}
	}
	t.Flush()
}

// because says what decided, where it was not plainly the rule.
func because(s *rules.ExplainedSegment) string {
	switch {
	case s.By == rules.ByInclude || s.By == rules.ByExclude:
		return fmt.Sprintf(": the %s list decides", s.By)
	case s.State != nil && (s.By != rules.ByRule || s.State.Was):
		return ": " + stateText(s)
	case s.Rule.Value == rules.ValueError:
		return ": the rule fails, " + s.Rule.Cause
	case s.Rule.Value == rules.ValueUnknown || s.Rule.Value == rules.ValueNull:
		return ": the rule is unknown, " + s.Rule.Cause
	}
	return ""
}

// stateText is what until, min_stay, cooldown or the end of the rule did.
func stateText(s *rules.ExplainedSegment) string {
	switch {
	case s.By == rules.ByMinStay:
		return "it stays, min_stay is over on " + s.State.StaysTo
	case s.By == rules.ByCooldown:
		return "it waits, the cooldown is over on " + s.State.WaitsTo
	case s.By == rules.ByUntil && s.Member:
		return "it stays until the rule of until is true"
	case s.By == rules.ByUntil:
		return "it leaves, the rule of until is true"
	case s.Member:
		return "it stays, the rule is true"
	}
	return "it leaves, the rule is not true"
}

// printListLine prints whether the user is on a list, if there is one.
func printListLine(w io.Writer, what, listed string) {
	if listed != "" {
		fmt.Fprintf(w, "%s\t%s\n", what, listed)
	}
}

// maxText and maxValue are how many characters of a sub-expression, and of its value, a line shows; --json shows all.
const (
	maxText  = 100
	maxValue = 80
)

// printTerm prints a sub-expression and its value, and below it what it is made of.
func printTerm(w io.Writer, term *rules.Term, depth int) {
	text := cut(term.Text, maxText)
	if term.Note != "" {
		text += "  (" + term.Note + ")"
	}
	value := cut(term.Value, maxValue)
	if term.Cause != "" && term.Value != rules.ValueNull {
		value += ": " + term.Cause
	}
	fmt.Fprintf(w, "%s%s\t%s\n", strings.Repeat("  ", depth), text, value)
	for i := range term.Terms {
		printTerm(w, &term.Terms[i], depth+1)
	}
}

// cut shortens a text to so many characters, on one line.
func cut(text string, most int) string {
	runes := []rune(oneLine(text))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

// printLifecycleAnswer prints the stages in order, up to the first that matches; later ones are not asked.
func printLifecycleAnswer(w io.Writer, a *pipeline.Answer, l *rules.ExplainedLifecycle) {
	if l.Stage == "" {
		fmt.Fprintf(w, "user %s is in no stage of lifecycle %s on %s\n", plainID(a.User), l.Name, a.Date)
	} else {
		fmt.Fprintf(w, "user %s is in stage %s of lifecycle %s on %s\n", plainID(a.User), l.Stage, l.Name, a.Date)
	}
	if l.Blocked != "" {
		fmt.Fprintf(w, "the rules say %s, and no move %s -> %s is listed: the user keeps the stage\n", l.Blocked, l.Stage, l.Blocked)
	}
	chosen := false
	for i := range l.Stages {
		stage := &l.Stages[i]
		if chosen {
			fmt.Fprintf(w, "\nstage %s: not asked\n", stage.Name)
			continue
		}
		chosen = stage.Name == cmp.Or(l.Blocked, l.Stage)
		verdict := "does not match"
		if chosen {
			verdict = "the first that matches"
		}
		fmt.Fprintf(w, "\nstage %s: %s\n", stage.Name, verdict)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		printTerm(t, &stage.Rule, 1)
		t.Flush()
	}
	fmt.Fprintln(w)
}

// printSummary prints a line for each segment, members first, and for each lifecycle.
func printSummary(w io.Writer, a *pipeline.Answer) {
	segments := slices.Clone(a.Segments)
	slices.SortStableFunc(segments, func(x, y rules.ExplainedSegment) int { return cmp.Compare(yesNo(y.Member), yesNo(x.Member)) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(segments) > 0 {
		fmt.Fprintln(t, "\nsegment\tmember\tsince\tlast change\twhy")
	}
	for i := range segments {
		s := &segments[i]
		since, last := publishedSegment(a.Published, s.Name)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Name, yesNo(s.Member), since, last, cut(why(s), maxText))
	}
	t.Flush()
	if len(a.Lifecycles) > 0 {
		fmt.Fprintln(t, "\nlifecycle\tstage\tsince\tlast change")
	}
	for _, l := range a.Lifecycles {
		since, last := publishedLifecycle(a.Published, l.Name)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.Name, cmp.Or(l.Stage, "none"), since, last)
	}
	t.Flush()
	fmt.Fprintln(w)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// why is in a few words what decided about a segment.
func why(s *rules.ExplainedSegment) string {
	switch s.By {
	case rules.ByInclude, rules.ByExclude:
		return "on the " + s.By + " list"
	case rules.ByMinStay, rules.ByCooldown, rules.ByUntil:
		return stateText(s)
	}
	term := &s.Rule
	for term.Note == rules.NoteTrait && len(term.Terms) > 0 {
		term = &term.Terms[0]
	}
	if term.Value == "false" {
		term = failing(term)
	}
	if term.Cause != "" {
		return fmt.Sprintf("%s is %s: %s", term.Text, term.Value, term.Cause)
	}
	return fmt.Sprintf("%s is %s", term.Text, term.Value)
}

// failing is the part of && that is false, where there is just one. What is told for an element of a list is no such part.
func failing(term *rules.Term) *rules.Term {
	var found *rules.Term
	for i := range term.Terms {
		if part := &term.Terms[i]; part.Value == "false" && (part.Note == "" || part.Note == rules.NoteTrait) && strings.Contains(term.Text, "&&") {
			if found != nil {
				return term
			}
			found = part
		}
	}
	if found == nil || strings.Contains(term.Text, "||") {
		return term
	}
	return found
}

// publishedSegment is since when a run has a user in a segment, and the last change, as a table shows them.
func publishedSegment(p *pipeline.Published, name string) (since, last string) {
	if p != nil {
		for _, s := range p.Segments {
			if s.Name == name {
				return dateOr(s.Since), change(s.Last)
			}
		}
	}
	return "-", "-"
}

// publishedLifecycle is the same of a lifecycle.
func publishedLifecycle(p *pipeline.Published, name string) (since, last string) {
	if p != nil {
		for _, l := range p.Lifecycles {
			if l.Name == name {
				return dateOr(l.Since), change(l.Last)
			}
		}
	}
	return "-", "-"
}

func dateOr(date catalog.Date) string { return cmp.Or(date.String(), "-") }

// change writes a transition in a few words.
func change(c *pipeline.LastChange) string {
	switch {
	case c == nil:
		return "-"
	case c.From != "" && c.To != "":
		return fmt.Sprintf("%s %s from %s to %s, %s", c.Date, c.Change, c.From, c.To, c.Reason)
	case c.From+c.To != "":
		return fmt.Sprintf("%s %s %s, %s", c.Date, c.Change, c.From+c.To, c.Reason)
	}
	return fmt.Sprintf("%s %s, %s", c.Date, c.Change, c.Reason)
}

// printPublished prints what the run of the date says.
func printPublished(w io.Writer, a *pipeline.Answer, summary bool) {
	p := a.Published
	switch {
	case p == nil:
		fmt.Fprintf(w, "published    no run of %s stands\n", a.Date)
		return
	case !p.Known:
		fmt.Fprintf(w, "published    run %s does not have the user\n", p.Run)
		return
	case summary:
		fmt.Fprintf(w, "published    run %s%s\n", p.Run, disagreements(a))
		return
	}
	for _, s := range p.Segments {
		fmt.Fprintf(w, "published    run %s: %s\nlast change  %s\n", p.Run, standing(s.Member, "a member", "not a member", s.Since), change(s.Last))
	}
	for _, l := range p.Lifecycles {
		fmt.Fprintf(w, "published    run %s: %s\nlast change  %s\n", p.Run, standing(l.Stage != "", "stage "+l.Stage, "no stage", l.Since), change(l.Last))
	}
	if len(p.Segments)+len(p.Lifecycles) == 0 {
		fmt.Fprintf(w, "published    run %s does not know it\n", p.Run)
	}
}

// standing says since when something stands.
func standing(stands bool, yes, no string, since catalog.Date) string {
	switch {
	case !stands:
		return no
	case since.IsZero():
		return yes
	}
	return yes + " since " + since.String()
}

// disagreements names what the run says otherwise.
func disagreements(a *pipeline.Answer) string {
	var names []string
	for _, s := range a.Segments {
		for _, p := range a.Published.Segments {
			if p.Name == s.Name && p.Member != s.Member {
				names = append(names, s.Name)
			}
		}
	}
	for _, l := range a.Lifecycles {
		for _, p := range a.Published.Lifecycles {
			if p.Name == l.Name && p.Stage != l.Stage {
				names = append(names, l.Name)
			}
		}
	}
	if len(names) == 0 {
		return " says the same"
	}
	return " says otherwise of " + strings.Join(names, ", ")
}
