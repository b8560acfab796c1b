package rules

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// A formerUser is what the previous run left of a row's user.
type formerUser struct {
	in     map[string]bool   // by segment
	stages map[string]string // by lifecycle
	since  map[string]int32  // by segment that the user was in, or lifecycle
	exits  map[string]int32  // by segment
}

// pastRecord makes the columns that a plan asks for.
func pastRecord(t testing.TB, columns []PastColumn, users []formerUser) arrow.Record {
	t.Helper()
	out := map[string]arrow.Array{}
	for _, c := range columns {
		if c.Kind == Was || c.Kind == StageWas || c.Kind == FirstRun {
			var values []any
			for _, u := range users {
				values = append(values, c.Kind == Was && u.in[c.Of] || c.Kind == StageWas && u.stages[c.Of] == c.Stage)
			}
			out[c.Name()] = bools(t, values...)
			continue
		}
		out[c.Name()] = build(t, arrow.FixedWidthTypes.Date32, func(b *array.Date32Builder) {
			for _, u := range users {
				dates := u.since
				if c.Kind == LastExits {
					dates = u.exits
				}
				if day, ok := dates[c.Of]; ok {
					b.Append(arrow.Date32(day))
				} else {
					b.AppendNull()
				}
			}
		})
	}
	rec := record(t, out)
	return array.NewRecord(rec.Schema(), rec.Columns(), int64(len(users)))
}
