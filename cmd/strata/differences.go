package main

import (
	"fmt"
	"slices"
	"strings"

	"strata/configs"
)

// differences lists what differs between two sets of definitions: a line with - for what was, one with + for what is.
func differences(old, now *configs.Definitions) (lines []string) {
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

func outline(d *configs.Definitions) *outlined {
	o := &outlined{lines: map[string]string{}}
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
		o.add("segment "+s.Name, part("when", oneLine(s.When.Text)), part("include", s.Include), part("exclude", s.Exclude))
	}
	for _, l := range d.Lifecycles {
		var stages []string
		for _, stage := range l.Stages {
			stages = append(stages, stage.Name)
			o.add("lifecycle "+l.Name+", stage "+stage.Name, part("when", oneLine(stage.When.Text)))
		}
		o.add("lifecycle "+l.Name, strings.Join(stages, " | "))
	}
	return o
}

func part(key, value string) string {
	if value == "" {
		return ""
	}
	return key + ": " + value
}

// oneLine shows a rule of several lines in one.
func oneLine(rule string) string { return strings.Join(strings.Fields(rule), " ") }
