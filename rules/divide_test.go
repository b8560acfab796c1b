package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
)

// dividedPlan compiles segments: s0, which the previous run may have had users in, and some others.
func dividedPlan(t *testing.T, schema *arrow.Schema, others ...configs.Segment) *Plan {
	t.Helper()
	d := &configs.Definitions{Timezone: "UTC", Segments: append([]configs.Segment{{Name: "s0", When: configs.NewExpr("n > 0"), MinStay: 3}}, others...)}
	plan, err := Compile(schema, []Step{{Definitions: d, Now: time.Unix(20_001*86400, 0), Today: 20_000, Date: 20_000}}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

var numberSchema = arrow.NewSchema([]arrow.Field{
	{Name: "user_id", Type: arrow.BinaryTypes.String}, {Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
}, nil)

// TestNodesThatRulesShareAreDividedOnce has each segment ask thrice about the one before it: 3^60 ways down, of some hundred nodes.
func TestNodesThatRulesShareAreDividedOnce(t *testing.T) {
	var others []configs.Segment
	for i := range 60 {
		when := configs.NewExpr(fmt.Sprintf(`segment("s%d") ? n > %d : (n < %d || !segment("s%d"))`, i, i, 3*i, i))
		others = append(others, configs.Segment{Name: fmt.Sprintf("s%d", i+1), When: when, MinStay: 3})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		dividedPlan(t, numberSchema, others...)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("60 segments that refer to each other are not compiled within a minute")
	}
}

// TestOnlyWhatLooksBackIsDivided adds up points of the snapshot and one of the previous run: two branches, not 2^13.
func TestOnlyWhatLooksBackIsDivided(t *testing.T) {
	var points strings.Builder
	for i := range 12 {
		fmt.Fprintf(&points, "(is_true(n > %d) ? 1 : 0) + ", i)
	}
	rule := configs.NewExpr(points.String() + `(was("s0") ? 1 : 0) > 6`)
	plan := dividedPlan(t, numberSchema, configs.Segment{Name: "points", When: rule})
	if most := 20; plan.Words() > most {
		t.Errorf("the answers take %d words; %d are enough", plan.Words(), most)
	}
}

// TestNoBranchIsMadeOfAnElement has a bool within a list's comprehension that is never unknown and says something of the element alone.
func TestNoBranchIsMadeOfAnElement(t *testing.T) {
	list := func(rows ...[]any) arrow.Array {
		return listsOf(t, arrow.BinaryTypes.String, func(b array.Builder, v any) { b.(*array.StringBuilder).Append(v.(string)) }, rows...)
	}
	a, b := []any{"x", "y"}, []any{"y"}
	rec := record(t, map[string]arrow.Array{
		"user_id": texts(t, "1", "2", "3", "4"), "n": texts(t, "1", "1", "1", "1"), "a": list(a, a, b, b), "b": list(b, []any{"z"}, b, b),
	})
	rule := configs.NewExpr(`a.exists(x, coalesce(b.exists(y, y == x), false) && was("s0"))`)
	d := &configs.Definitions{Timezone: "UTC", Segments: []configs.Segment{
		{Name: "s0", When: configs.NewExpr(`n == "1"`), MinStay: 3}, {Name: "both", When: rule},
	}}
	step := Step{Definitions: d, Now: time.Unix(20_001*86400, 0), Today: 20_000, Date: 20_000}
	plan, err := Compile(rec.Schema(), []Step{step}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	plain := newPlainStep(t, step, step, rec)
	plain.past = make([]formerUser, 4)
	for i := range 3 {
		plain.past[i] = formerUser{in: map[string]bool{"s0": true}, since: map[string]int32{"s0": 19_990}}
	}
	compareSteps(t, 0, plan, []*plainStep{plain}, rec)
}

// TestAListsOwnElementsAreNoObstacle: what a comprehension binds below a value does not keep the value from being divided.
func TestAListsOwnElementsAreNoObstacle(t *testing.T) {
	step := stepOf("away", `has(l.max(x, x)) && days_since(since("away")) > 2`)
	step.Definitions.Lifecycles = []configs.Lifecycle{{
		Name: "life", Moves: configs.Moves{{From: "a", To: "b"}},
		Stages: []configs.Stage{{Name: "a", When: configs.NewExpr(`n > 1 && !segment("away")`)}, {Name: "b", When: configs.NewExpr("true")}},
	}}
	step.Definitions.Segments = append(step.Definitions.Segments, configs.Segment{Name: "staged", When: configs.NewExpr(`coalesce(stage("life"), "none") == "none"`)})
	schema := arrow.NewSchema([]arrow.Field{{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true}, {Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	if _, err := Compile(schema, []Step{step}, Options{}); err != nil {
		t.Error(err)
	}
}
