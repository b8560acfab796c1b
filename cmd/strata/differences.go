package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/rules"
)

// differences lists what differs between the definitions of two runs, their lists and the shape of their membership: a line with -
// for what was, one with + for what is.
func differences(old, now *catalog.Manifest) (lines []string) {
	was, is := outline(old), outline(now)
	for _, name := range slices.Concat(was.names, is.names) {
		before, after := was.lines[name], is.lines[name]
		if before == after {
			continue
		}
		was.lines[name], is.lines[name] = "", "" // told once
		if before != "" {
			lines = append(lines, fmt.Sprintf("- %s: %s", name, before))
		}
		if after != "" {
			lines = append(lines, fmt.Sprintf("+ %s: %s", name, after))
		}
	}
	return lines
}

// outlined are definitions as a line of text each, by what they define.
type outlined struct {
	names []string
	lines map[string]string
}

func (o *outlined) add(name string, parts ...string) {
	o.names = append(o.names, name)
	o.lines[name] = strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

func outline(m *catalog.Manifest) *outlined {
	o := &outlined{lines: map[string]string{}}
	o.addDefinitions(m.Definitions)
	used := rules.ListPaths(m.Definitions)
	for _, l := range m.Lists {
		if slices.Contains(used, l.Path) {
			o.add("list "+l.Path, plural(l.Entries, "id"), "sha256 "+l.SHA256[:min(len(l.SHA256), 12)])
		}
	}
	o.add("snapshot.where", oneLine(m.Settings.Where))
	shape := m.Settings.Membership
	o.add("membership.columns", strings.Join(shape.Columns, ", "))
	o.add("membership.since", strconv.FormatBool(shape.Since))
	o.add("membership.also", strings.Join(slices.Sorted(slices.Values(shape.Also)), ", "))
	return o
}

func (o *outlined) addDefinitions(d *configs.Definitions) {
	o.add("timezone", d.Timezone)
	o.add("now", d.Now)
	o.add("snapshot.user_id", d.UserID)
	o.add("snapshot.duplicates", d.Duplicates.Keep, d.Duplicates.By)
	for _, c := range d.Columns {
		o.add("column "+c.Name, "column: "+c.Column, part("as", c.As), part("null_text", strings.Join(c.NullText, ", ")))
	}
	for _, t := range d.Traits {
		o.add("trait "+t.Name, oneLine(t.Value.Text))
	}
	for _, s := range d.Segments {
		o.add("segment "+s.Name, part("when", oneLine(s.When.Text)), part("until", oneLine(s.Until.Text)), part("min_stay", daysText(s.MinStay)),
			part("cooldown", daysText(s.Cooldown)), part("include", s.Include), part("exclude", s.Exclude))
	}
	for _, l := range d.Lifecycles {
		var stages []string
		for _, stage := range l.Stages {
			stages = append(stages, stage.Name)
			o.add("lifecycle "+l.Name+", stage "+stage.Name, part("when", oneLine(stage.When.Text)))
		}
		o.add("lifecycle "+l.Name, strings.Join(stages, " | "), part("moves", movesText(l.Moves)))
	}
}

// daysText shows a length of time; empty for none.
func daysText(d configs.Days) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// movesText shows moves in the order of their names, which decides nothing.
func movesText(moves configs.Moves) string {
	var texts []string
	for _, m := range moves {
		texts = append(texts, m.String())
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func part(key, value string) string {
	if value == "" {
		return ""
	}
	return key + ": " + value
}

// lineBreaks are those of a rule, with what indents the next line, and tabs.
var lineBreaks = regexp.MustCompile(`[ ]*[\n\r\t]\s*`)

// oneLine shows a rule of several lines in one. Spaces within a line stay: they may stand in a text.
func oneLine(rule string) string { return lineBreaks.ReplaceAllString(strings.TrimSpace(rule), " ") }
