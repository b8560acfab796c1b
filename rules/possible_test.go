package rules

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/tables"
)

func TestOutcomesOfAndAndOr(t *testing.T) {
	for a := OutcomeSet(1); a < 16; a++ {
		for b := OutcomeSet(1); b < 16; b++ {
			var wantAnd, wantOr OutcomeSet
			for _, x := range a.String() {
				for _, y := range b.String() {
					left, right := mask(string(x)), mask(string(y))
					for _, tc := range []struct {
						op  func(*Mask, Mask, Mask)
						out *OutcomeSet
					}{{and, &wantAnd}, {or, &wantOr}} {
						m := freshLike(1, left, right)
						tc.op(&m, left, right)
						*tc.out |= outcomesOf(m.String())
					}
				}
			}
			if got := strongest(andOrder, a, b); got != wantAnd {
				t.Errorf("%s && %s = %s, want %s", a, b, got, wantAnd)
			}
			if got := strongest(orOrder, a, b); got != wantOr {
				t.Errorf("%s || %s = %s, want %s", a, b, got, wantOr)
			}
		}
	}
}

// outcomesOf is the set of the letters of a mask.
func outcomesOf(letters string) (out OutcomeSet) {
	for _, letter := range letters {
		out |= map[rune]OutcomeSet{'T': MayBeTrue, 'F': MayBeFalse, 'U': MayBeUnknown, 'E': MayFail}[letter]
	}
	return out
}

// A statistician tells of the columns of a record what the footer of a file may tell: all, a part, or nothing.
type statistician struct {
	*sampler
	rec   arrow.Record
	types map[string]valueType
	told  map[string]tables.Statistics
}

func newStatistician(s *sampler, rec arrow.Record) *statistician {
	st := &statistician{sampler: s, rec: rec, types: map[string]valueType{}, told: map[string]tables.Statistics{}}
	for _, f := range rec.Schema().Fields() {
		typ, err := typeOf(f.Name, f)
		if err != nil { // a long decimal, which rules may declare as a double
			typ = scalarKind(kindDouble)
		}
		st.types[f.Name] = typ
	}
	return st
}

func (s *statistician) of(column string) tables.Statistics {
	if _, told := s.told[column]; !told {
		s.told[column] = s.tell(column)
	}
	return s.told[column]
}

func (s *statistician) tell(column string) (out tables.Statistics) {
	arr := s.rec.Column(s.rec.Schema().FieldIndices(column)[0])
	out.Rows = s.rec.NumRows()
	if s.rng.IntN(4) > 0 {
		out.Counted, out.Nulls = true, int64(arr.NullN())
	}
	typ := s.types[column]
	if !typ.scalar() || typ.kind == kindNull || s.rng.IntN(6) == 0 {
		return out
	}
	places := s.sorted(arr, typ)
	if len(places) > 0 && s.rng.IntN(5) > 0 {
		out.Bounds = s.widened(s.rows(arr, places[0], places[len(places)-1]))
	}
	if s.rng.IntN(4) == 0 {
		out.Values = s.rows(arr, s.occurring(arr)...)
	}
	return out
}

// sorted are the rows with a value that has a place in the order of its type, in that order.
func (s *statistician) sorted(arr arrow.Array, typ valueType) (places []int) {
	for i := range arr.Len() {
		v, isDouble := arrowValue(arr, i, typ, nil).(types.Double)
		if arr.IsValid(i) && !(isDouble && math.IsNaN(float64(v))) {
			places = append(places, i)
		}
	}
	slices.SortStableFunc(places, func(a, b int) int {
		return int(arrowValue(arr, a, typ, nil).(traits.Comparer).Compare(arrowValue(arr, b, typ, nil)).(types.Int))
	})
	return places
}

// occurring are rows that have all values between them, some more than once.
func (s *statistician) occurring(arr arrow.Array) (places []int) {
	seen := map[string]bool{}
	for i := range arr.Len() {
		if arr.IsValid(i) && (!seen[arr.ValueStr(i)] || s.rng.IntN(10) == 0) {
			seen[arr.ValueStr(i)] = true
			places = append(places, i)
		}
	}
	return places
}

// rows copies some rows of an array.
func (s *statistician) rows(arr arrow.Array, places ...int) arrow.Array {
	if len(places) == 0 {
		return s.keep(array.NewSlice(arr, 0, 0))
	}
	var parts []arrow.Array
	for _, at := range places {
		parts = append(parts, s.keep(array.NewSlice(arr, int64(at), int64(at)+1)))
	}
	out, err := array.Concatenate(parts, memory.DefaultAllocator)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.keep(out)
}

// widened are bounds further out than they need be, as those of cut texts are.
func (s *statistician) widened(bounds arrow.Array) arrow.Array {
	if s.rng.IntN(3) > 0 {
		return bounds
	}
	switch bounds := bounds.(type) {
	case *array.String:
		lo, hi := bounds.Value(0), bounds.Value(1)
		lo = lo[:s.rng.IntN(len(lo)+1)]
		if after, ok := afterPrefix(hi[:s.rng.IntN(len(hi)+1)]); ok {
			hi = after
		}
		b := array.NewStringBuilder(memory.DefaultAllocator)
		b.AppendValues([]string{lo, hi}, nil)
		return b.NewArray()
	case *array.Int64:
		b := array.NewInt64Builder(memory.DefaultAllocator)
		b.AppendValues([]int64{saturating(bounds.Value(0), -int64(s.rng.IntN(100))), saturating(bounds.Value(1), int64(s.rng.IntN(100)))}, nil)
		return b.NewArray()
	}
	return bounds
}

// onlyColumns refuses to read other columns than some. It has pages that can be passed over.
type onlyColumns struct {
	tables.Columns
	names  []string
	s      *sampler
	rec    arrow.Record
	at     map[string]int64
	passed *int
}

func (c onlyColumns) Next(column string, limit int) (arrow.Array, error) {
	if !slices.Contains(c.names, column) {
		return nil, fmt.Errorf("column %q is read, and it need not be", column)
	}
	return c.Columns.Next(column, limit)
}

// SkipPage makes pages of random length as it goes. It tells of them what files may tell.
func (c onlyColumns) SkipPage(column string, settled func(tables.Statistics) bool) (int64, error) {
	from := c.at[column]
	if !slices.Contains(c.names, column) || from == c.rec.NumRows() || c.s.rng.IntN(4) == 0 {
		return 0, nil
	}
	page := c.rec.NewSlice(from, min(from+1+c.s.rng.Int64N(40), c.rec.NumRows()))
	defer page.Release()
	if !settled(newStatistician(c.s, page).of(column)) {
		return 0, nil
	}
	*c.passed++
	c.at[column] += page.NumRows()
	return page.NumRows(), nil
}

// prunedString spells the answers to all cuts that an evaluator gives after pruning, in windows.
func prunedString(t *testing.T, s *sampler, e *Evaluator, p *Pruning, rec arrow.Record, passed *int) []string {
	t.Helper()
	out, window, at := make([]string, len(e.cuts)), 1+s.rng.IntN(150), map[string]int64{}
	whole := &pagedColumns{rec: rec, at: at, page: func() int { return 1 + s.rng.IntN(40) }}
	e.StartPruned(onlyColumns{whole, p.Columns(), s, rec, at, passed}, p)
	for {
		answers, err := e.Next(window)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range out {
			out[i] += answers.Cut(i).String()
		}
	}
}

// possibleTally counts what random rules have shown.
type possibleTally struct{ cuts, narrowed, settled, exact, passed int }

// checkPossible compares what statistics of a part of a record tell of a graph with what its rows answer: of every node that
// looks at rows, and of every cut, with pruning and without.
func checkPossible(t *testing.T, s *sampler, x *executable, rec arrow.Record, what func(id nodeID) string, tally *possibleTally) {
	t.Helper()
	if rec.NumRows() == 0 {
		return
	}
	st := newStatistician(s, rec)
	found := x.estimates(st.of)
	checkNodes(t, x, rec, found, st, what)
	p := x.prune(st.of)
	whole := newEvaluator(x, 0)
	answers, err := whole.EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	pruned := prunedString(t, s, newEvaluator(x, 1+s.rng.IntN(100)), p, rec, &tally.passed)
	unpruned := (&guesser{executable: x})
	for i, cut := range x.cuts {
		want := answers.Cut(i).String()
		if pruned[i] != want {
			t.Fatalf("%s\npruned  %s\nwhole   %s", what(cut), pruned[i], want)
		}
		tally.cuts++
		tally.narrowed += int(bit(p.Cut(i) != unpruned.any(&x.nodes[cut]).set))
		tally.settled += int(bit(p.Cut(i).Settled()))
		tally.exact += int(bit(p.Cut(i) == outcomesOf(want)))
	}
}

func checkNodes(t *testing.T, x *executable, rec arrow.Record, found []estimate, st *statistician, what func(id nodeID) string) {
	t.Helper()
	e := newEvaluator(x, 0)
	defer e.Close()
	e.rows = rec.NumRows()
	f := e.newFrame(int(rec.NumRows()), -1)
	for _, column := range x.columns {
		f.views = append(f.views, view{rec.Column(rec.Schema().FieldIndices(column)[0]), 0, f.n})
	}
	for id := range x.nodes {
		k := x.nodes[id].typ.kind
		if x.free[id] != 0 || !x.nodes[id].typ.scalar() {
			continue
		}
		got := estimateOf(e.eval(nodeID(id), f))
		if e.err != nil {
			t.Fatal(e.err)
		}
		if may := found[id]; got.set&^may.set != 0 || k != kindBool && k != kindNull && got.valued(k) && !may.span.covers(k, got.span) {
			t.Fatalf("%s\nis %s %+v\nand may be %s %+v\nstatistics %v", what(nodeID(id)), got.set, got.span, may.set, may.span, st.told)
		}
	}
}

// covers says whether a span has all of another.
func (s span) covers(k kind, other span) bool {
	return (s.nan || !other.nan) && (order(k, s.lo, k, other.lo) <= 0 || other.nan) && (s.open || order(k, s.hi, k, other.hi) >= 0 || other.nan)
}

// part is a random stretch of rows.
func part(s *sampler, rec arrow.Record) arrow.Record {
	n := rec.NumRows()
	if n == 0 {
		return rec
	}
	from := s.rng.Int64N(n)
	out := rec.NewSlice(from, from+1+min(s.rng.Int64N(n-from), int64(1)<<s.rng.IntN(8)))
	s.release = append(s.release, out.Release)
	return out
}

// checkPossibleGraphs takes random graphs; those have operations in places where no rule puts them.
func checkPossibleGraphs(t *testing.T, seed uint64, tally *possibleTally) {
	g := grow(t, seed)
	attributes := &graph{nodes: g.nodes}
	for id := range g.nodes {
		if g.nodes[id].op == opColumn {
			g.nodes[id].canUnknown = true
		}
		attributes.attribute(&g.nodes[id])
	}
	what := func(id nodeID) string { return fmt.Sprintf("seed %d: %s", seed, spellNode(g.nodes, id)) }
	x := g.executable()
	for range 3 {
		checkPossible(t, g.sampler, x, part(g.sampler, g.rec), what, tally)
	}
}

// checkPossibleRules takes random rules, under random declarations.
func checkPossibleRules(t *testing.T, seed uint64, tally *possibleTally) {
	s := newSampler(t, seed, []int{0, 10, 30, 100}[seed%4])
	rec, columns := fuzzRecord(t, s, one(s, []int{1, 64, 130, 300}))
	list, err := NewList([]byte("FR\nvip\n50\n12\n00000000-0000-0000-0000-000000000001\n"))
	if err != nil {
		t.Fatal(err)
	}
	declared := declareColumns(s, rec.Schema())
	for name, v := range variablesOf(rec.Schema(), declared) {
		if v.fault == nil {
			columns[name] = v.typ
		}
	}
	for range 6 {
		text := (&speaker{sampler: s, columns: maps.Clone(columns)}).bool(1 + s.rng.IntN(3))
		step := testStep(text, func(step *Step) {
			step.Lists = map[string]*List{"ids.txt": list}
			step.Definitions.Columns = declared
			step.Definitions.Timezone = one(s, someHomes)
			step.Now = time.Unix(one(s, someSeconds), 0)
			step.Today = int32(floorDiv(step.Now.Unix(), 86400))
		})
		plan, err := Compile(rec.Schema(), []Step{step}, Options{UserID: "user_id"})
		if err != nil {
			continue
		}
		if err := plan.Population().Measure(rec); err != nil {
			t.Fatal(err)
		}
		what := func(id nodeID) string {
			return fmt.Sprintf("seed %d: %s\ncolumns %v\n%s", seed, text, declared, spellNode(plan.nodes, id))
		}
		checkPossible(t, s, plan.exec, part(s, rec), what, tally)
	}
}

func TestStatisticsAllowWhatRowsAnswer(t *testing.T) {
	rounds := 600
	if testing.Short() {
		rounds = 100
	}
	for name, tc := range map[string]struct {
		check            func(t *testing.T, seed uint64, tally *possibleTally)
		narrowed, settle int // least shares, in percent
	}{
		"graphs": {checkPossibleGraphs, 30, 20},
		"rules":  {checkPossibleRules, 30, 20},
	} {
		t.Run(name, func(t *testing.T) {
			var tally possibleTally
			for seed := range uint64(rounds) {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { tc.check(t, seed, &tally) })
				if t.Failed() {
					return
				}
			}
			t.Logf("%+v", tally)
			if tally.narrowed*100 < tally.cuts*tc.narrowed || tally.settled*100 < tally.cuts*tc.settle || tally.passed < rounds/10 {
				t.Errorf("statistics told too little: %+v", tally)
			}
		})
	}
}

func FuzzPossible(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, graphs bool) {
		if graphs {
			checkPossibleGraphs(t, seed, &possibleTally{})
		} else {
			checkPossibleRules(t, seed, &possibleTally{})
		}
	})
}
