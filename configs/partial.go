package configs

import "slices"

// leaveOutFaulty leaves out what the decoder could not read, so that what is left can be checked: definitions without a name
// or with that of another, traits without a value, moves of stages that are not there. A stage keeps its place without its rule.
func (c *Config) leaveOutFaulty() {
	traits, columns := len(c.Traits), len(c.Snapshot.Columns)
	c.Traits = named(c.Traits, func(t Trait) string { return t.Name })
	c.Traits = slices.DeleteFunc(c.Traits, func(t Trait) bool { return t.Value.Text == "" })
	c.Snapshot.Columns = slices.DeleteFunc(c.Snapshot.Columns, func(d ColumnDecl) bool { return d.Column == "" })
	c.Partial = len(c.Traits) < traits || len(c.Snapshot.Columns) < columns
	c.Segments = named(c.Segments, func(s Segment) string { return s.Name })
	c.Lifecycles = named(c.Lifecycles, func(l Lifecycle) string { return l.Name })
	for i := range c.Lifecycles {
		l := &c.Lifecycles[i]
		l.Stages = named(l.Stages, func(s Stage) string { return s.Name })
		for j := range l.Stages {
			if l.Stages[j].When.Text == "" {
				l.Stages[j].When = NewExpr("false")
			}
		}
		l.Moves = slices.DeleteFunc(l.Moves, func(m Move) bool { return !l.has(m.From) || !l.has(m.To) })
	}
}

// has says whether the lifecycle has a stage of that name.
func (l *Lifecycle) has(stage string) bool {
	return slices.ContainsFunc(l.Stages, func(s Stage) bool { return s.Name == stage })
}

// named keeps the first of every name.
func named[T any](all []T, name func(T) string) (kept []T) {
	seen := map[string]bool{"": true}
	for _, one := range all {
		if !seen[name(one)] {
			seen[name(one)] = true
			kept = append(kept, one)
		}
	}
	return kept
}
