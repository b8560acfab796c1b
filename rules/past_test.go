package rules

import (
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
)

// TestStateless: whatever asks something of the previous run is found, wherever it stands.
func TestStateless(t *testing.T) {
	expr := configs.NewExpr
	stages := func(rule string, moves ...configs.Move) []configs.Lifecycle {
		return []configs.Lifecycle{{Name: "life", Stages: []configs.Stage{{Name: "a", When: expr(rule)}}, Moves: moves}}
	}
	for name, tc := range map[string]struct {
		definitions configs.Definitions
		stateless   bool
		dated       []string
	}{
		"plain":      {configs.Definitions{Segments: []configs.Segment{{Name: "s", When: expr(`segment("t") && stage("life") == "a"`)}}, Lifecycles: stages("true")}, true, nil},
		"a method":   {configs.Definitions{Segments: []configs.Segment{{Name: "s", When: expr(`x.was("s")`)}}}, true, nil},
		"a text":     {configs.Definitions{Segments: []configs.Segment{{Name: "s", When: expr(`x == "was('s')"`)}}}, true, nil},
		"was":        {configs.Definitions{Segments: []configs.Segment{{Name: "s", When: expr(`a > 1 || !was("s")`)}}}, false, nil},
		"since":      {configs.Definitions{Traits: []configs.Trait{{Name: "long", Value: expr(`since("life") < today`)}}, Lifecycles: stages("true")}, false, []string{"life"}},
		"prev_stage": {configs.Definitions{Lifecycles: stages(`prev_stage("life") == null`)}, false, nil},
		"first_run":  {configs.Definitions{Lifecycles: stages("first_run")}, false, nil},
		"moves":      {configs.Definitions{Lifecycles: stages("true", configs.Move{From: "a", To: "b"})}, false, nil},
		"until":      {configs.Definitions{Segments: []configs.Segment{{Name: "s", When: expr("a > 1"), Until: expr(`days_since(since("s")) > 3`)}}}, false, []string{"s"}},
		"min_stay":   {configs.Definitions{Segments: []configs.Segment{{Name: "s", When: expr("a > 1"), MinStay: 3}}}, false, []string{"s"}},
		"cooldown":   {configs.Definitions{Segments: []configs.Segment{{Name: "s", When: expr("a > 1"), Cooldown: 3}}}, false, nil},
	} {
		if got := Stateless(&tc.definitions); got != tc.stateless {
			t.Errorf("%s: stateless %v, want %v", name, got, tc.stateless)
		}
		if got := DatedNames(&tc.definitions); !slices.Equal(got, tc.dated) {
			t.Errorf("%s: dates of %v, want %v", name, got, tc.dated)
		}
	}
}

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
