package configs

import (
	"fmt"
	"slices"
	"strings"
)

// validate reports what single values cannot show: names that clash, missing rules, zones, addresses. It changes nothing.
// It says nothing about what may only seem to be missing: when not the whole was read, or the decoder found faults (unsound).
func (c *Config) validate(whole, sound bool) Problems {
	problems := c.checkNames()
	if whole {
		problems = append(problems, c.checkSegments()...)
		problems = append(problems, c.checkMoves()...)
	}
	if sound && len(c.Segments)+len(c.Lifecycles) == 0 {
		none := c.Problem(Pos{File: c.File, Line: 1, Column: 1}, "no segment and no lifecycle: every user will be in none", "")
		none.Warning, none.Lint = true, lintNoSegments
		problems = append(problems, none)
	}
	problems = append(problems, c.checkZone()...)
	problems = append(problems, c.checkPaths()...)
	return append(problems, c.checkColumns()...)
}

// checkSegments reports segments and lifecycles that can have nobody.
func (c *Config) checkSegments() (problems Problems) {
	for _, s := range c.Segments {
		if s.When.Text == "" && s.Include == "" && s.WhenPos.Line == 0 && s.IncludePos.Line == 0 && s.NamePos.Line > 0 {
			problems = append(problems, c.Problem(s.NamePos, fmt.Sprintf("segment %q has neither a rule nor a list", s.Name),
				"add when, or include for a list of ids"))
		}
	}
	for _, l := range c.Lifecycles {
		if l.Stages != nil && len(l.Stages) == 0 {
			problems = append(problems, c.Problem(l.StagesPos, fmt.Sprintf("lifecycle %q has no stage", l.Name),
				"add one: - {name: customer, when: orders > 0}"))
		}
	}
	return problems
}

// checkZone reports a time zone that the linked database does not have.
func (c *Config) checkZone() Problems {
	_, err := LoadZone(c.Timezone)
	if err == nil {
		return nil
	}
	return Problems{c.Problem(c.TimezonePos, fmt.Sprintf("timezone: there is no zone %q", c.Timezone), ZoneHint(c.Timezone))}
}

// ZoneHint is the way out of a zone that there is not: the nearest name, or what a name looks like.
func ZoneHint(name string) string {
	hint := didYouMean(name, zoneNames())
	switch {
	case name == "Local" || name == "":
		return "name it, for example Europe/Paris: the machine's own zone would change results from machine to machine"
	case hint == "" && strings.ContainsAny(name, "+-"):
		return "name a place, for example Europe/Paris; Etc/GMT-2 is two hours ahead of UTC"
	case hint == "":
		return "for example Europe/Paris"
	}
	return hint
}

// checkColumns reports membership columns that say nothing new.
func (c *Config) checkColumns() (problems Problems) {
	shown := map[string]string{} // by the column's name in the files
	for i, name := range c.Membership.Columns {
		column := c.ColumnOf(name)
		if name == "" {
			problems = append(problems, c.Problem(c.Membership.ColumnsPos[i], fmt.Sprintf("membership.columns[%d] is empty", i), "write a column's name"))
		}
		if other, again := shown[column]; again && other != name && name != "" {
			p := c.Problem(c.Membership.ColumnsPos[i], fmt.Sprintf("membership columns %q and %q are both column %q of the snapshot", other, name, column), "keep one of them")
			problems = append(problems, p)
		}
		shown[column] = name
		if column == c.Snapshot.UserID && !slices.Contains(reserved, name) {
			p := c.Problem(c.Membership.ColumnsPos[i], fmt.Sprintf("membership column %q is the user id", name), "membership has it as user_id; remove it")
			problems = append(problems, p)
		}
	}
	return problems
}

// ColumnOf is the name in the files of a column by the name that rules use.
func (c *Config) ColumnOf(name string) string {
	for _, col := range c.Snapshot.Columns {
		if col.Name == name && col.Column != "" {
			return col.Column
		}
	}
	return name
}
