package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// A ColumnChange is one column of the snapshot that the previous run's did not have, or had otherwise.
type ColumnChange struct {
	Column string `json:"column"`
	Was    string `json:"was,omitempty"` // its type; empty: it is new
	Now    string `json:"now,omitempty"` // empty: it is gone
	Used   bool   `json:"used"`          // the run reads it
}

// Drift lists the columns that came, went or changed their type, by name. read are the columns that the run reads.
func Drift(before, now []Column, read []string) (out []ColumnChange) {
	was := map[string]string{}
	for _, c := range before {
		was[c.Name] = c.Type
	}
	for _, c := range now {
		if was[c.Name] != c.Type {
			out = append(out, ColumnChange{Column: c.Name, Was: was[c.Name], Now: c.Type, Used: slices.Contains(read, c.Name)})
		}
		delete(was, c.Name)
	}
	for name, t := range was {
		out = append(out, ColumnChange{Column: name, Was: t})
	}
	slices.SortFunc(out, func(a, b ColumnChange) int { return strings.Compare(a.Column, b.Column) })
	return out
}

// mostColumns is how many columns a sentence about drift names.
const mostColumns = 10

// DriftSentences tell of a drift since a date: one sentence of what came, one of what went, one of other types.
func DriftSentences(drift []ColumnChange, since Date) (out []string) {
	var came, went, changed []string
	for _, c := range drift {
		used := ""
		if c.Used {
			used = ", in use"
		}
		switch {
		case c.Was == "":
			came = append(came, fmt.Sprintf("%q (%s%s)", c.Column, c.Now, used))
		case c.Now == "":
			went = append(went, fmt.Sprintf("%q (%s)", c.Column, c.Was))
		default:
			changed = append(changed, fmt.Sprintf("%q (%s, now %s%s)", c.Column, c.Was, c.Now, used))
		}
	}
	add := func(what string, columns []string) {
		if len(columns) > mostColumns {
			columns = append(columns[:mostColumns:mostColumns], fmt.Sprintf("%d more", len(columns)-mostColumns))
		}
		if len(columns) > 0 {
			out = append(out, fmt.Sprintf("columns that %s since %s: %s", what, since, strings.Join(columns, ", ")))
		}
	}
	add("came", came)
	add("went", went)
	add("changed their type", changed)
	return out
}

// DriftSentences tell of the drift since the run that this one was compared with.
func (m *Manifest) DriftSentences() []string {
	if m.Previous == nil {
		return nil
	}
	return DriftSentences(m.Drift, m.Previous.Date)
}
