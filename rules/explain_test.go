package rules

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/apache/arrow/go/v17/arrow"
)

// An explainOracle finds the value of every sub-expression with cel-go, which knows nothing of nodes and kernels.
type explainOracle struct {
	t    *testing.T
	env  *cel.Env
	tree *ast.AST
}

// elementRow binds the variables of comprehensions before the columns.
type elementRow struct {
	*oracleRow
	names  []string
	values []ref.Val
}

func (r *elementRow) ResolveName(name string) (any, bool) {
	for i := len(r.names) - 1; i >= 0; i-- {
		if r.names[i] == name {
			return r.values[i], true
		}
	}
	return r.oracleRow.ResolveName(name)
}

func (r *elementRow) Parent() cel.Activation { return nil }

func (o *explainOracle) value(e ast.Expr, row *elementRow) ref.Val {
	o.t.Helper()
	program, err := o.env.PlanProgram(withVariables(o.tree, e), exactly)
	if err != nil {
		return types.WrapErr(err)
	}
	out, _, err := program.Eval(row)
	if out == nil {
		return types.WrapErr(err)
	}
	return out
}

// compare walks over what is told and the term together.
func (o *explainOracle) compare(told *telling, term Term, row *elementRow) (compared int) {
	if !strings.HasPrefix(told.text, "on its ") {
		want := valueText(o.value(told.expr, row))
		if want == ValueUnknown && told.column {
			want = ValueNull
		}
		if want != term.Value {
			o.t.Errorf("%s: got %s, want %s", told.text, term.Value, want)
		}
		if (term.Value == ValueError) != (term.Cause != "" && term.Value == ValueError) {
			o.t.Errorf("%s: an error without a cause", told.text)
		}
		compared++
	}
	if told.note != "" {
		return compared // a trait or segment has a tree of its own
	}
	for i, part := range told.terms {
		compared += o.compare(part, term.Terms[i], row)
	}
	for _, element := range term.Terms[len(told.terms):] {
		var at, of int
		if _, err := fmt.Sscanf(element.Note, "element %d of %d", &at, &of); err != nil {
			o.t.Fatalf("%s: note %q", told.text, element.Note)
		}
		c := told.expr.AsComprehension()
		list, ok := o.value(c.IterRange(), row).(traits.Lister)
		if !ok || list.Size() != types.Int(of) {
			o.t.Fatalf("%s: no list of %d", told.text, of)
		}
		inner := *row
		inner.names = append(append([]string{}, row.names...), c.IterVar())
		inner.values = append(append([]ref.Val{}, row.values...), list.Get(types.Int(at-1)))
		compared += o.compare(told.body, element, &inner)
	}
	return compared
}

// TestExplainRandomRules compares every sub-expression of random rules, for some rows of random records, with cel-go's answer.
func TestExplainRandomRules(t *testing.T) {
	rounds, compared := 60, 0
	if testing.Short() {
		rounds = 15
	}
	values := map[string]int{}
	for seed := range uint64(rounds) {
		s := newSampler(t, seed+1000, []int{0, 10, 30}[seed%3])
		rec, columns := fuzzRecord(t, s, 12)
		list, err := NewList([]byte("FR\nvip\n50\n12\n"))
		if err != nil {
			t.Fatal(err)
		}
		for range 12 {
			sp := &speaker{sampler: s, columns: maps.Clone(columns)}
			named := sp.traits()
			text := sp.bool(1 + s.rng.IntN(3))
			step := testStep(text, func(step *Step) {
				step.Lists = map[string]*List{"ids.txt": list}
				step.Definitions.Traits = named
				step.Definitions.Timezone = one(s, someHomes)
				step.Now = time.Unix(one(s, someSeconds), 0)
				step.Today = int32(floorDiv(step.Now.Unix(), 86400))
			})
			compared += compareExplanations(t, seed, step, rec, values)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d sub-expressions: %v", compared, values)
	if compared < rounds*200 || values[ValueUnknown] < 100 || values[ValueError] < 100 {
		t.Errorf("only %d sub-expressions were compared: %v", compared, values)
	}
}

func compareExplanations(t *testing.T, seed uint64, step Step, rec arrow.Record, values map[string]int) (compared int) {
	t.Helper()
	rows, err := newOracle(step, rec, "user_id")
	if err != nil {
		return 0
	}
	c := &compiler{schema: rec.Schema(), opts: Options{UserID: "user_id"}, graph: newGraph(), zones: map[string]*zone{}}
	if problems, err := c.step(step, step); err != nil || problems.Err() != nil {
		t.Fatalf("seed %d: %s: %v %v", seed, step.Definitions.Segments[0].When.Text, err, problems)
	}
	x := explainerOf(c, nil)
	if err := x.Population().Measure(rec); err != nil {
		t.Fatal(err)
	}
	for row := range int(rec.NumRows()) {
		one := rec.NewSlice(int64(row), int64(row)+1)
		got, err := x.Explain(one)
		if err != nil {
			t.Fatal(err)
		}
		one.Release()
		term := got.Segments[0].Rule
		want := map[byte]string{'T': valueTrue, 'F': "false", 'U': ValueUnknown, 'E': ValueError}[rows.row(row)]
		if term.Value == ValueNull {
			term.Value = ValueUnknown // the rule is a column
		}
		if term.Value != want {
			t.Errorf("seed %d, row %d: %s is %s, want %s", seed, row, term.Text, term.Value, want)
		}
		o := &explainOracle{t: t, env: c.latest.front.env.env, tree: c.latest.rules["it"].native()}
		compared += o.compare(x.segments[0].rule, got.Segments[0].Rule, &elementRow{oracleRow: &oracleRow{rows, row}})
		values[term.Value]++
		if t.Failed() {
			t.Fatalf("seed %d: %s\n%s", seed, step.Definitions.Segments[0].When.Text, spellRow(rec, row))
		}
	}
	return compared
}
