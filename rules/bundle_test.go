package rules

import (
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
)

// growBundle grows many leaves over one column: comparisons with constants, ranges and sets of them, and some of other kinds.
func growBundle(t testing.TB, seed uint64, shape string) *grown {
	s := newSampler(t, seed, []int{0, 20, 100}[seed%3])
	g := &grown{grower: &grower{sampler: s, columns: map[string]valueType{}}, samples: map[string]sample{}}
	g.rows = one(s, []int{1, 63, 64, 65, 200, 321})
	column := s.column(shape, g.rows)
	g.samples["c"], g.columns["c"] = column, column.typ
	g.rec = record(t, map[string]arrow.Array{"c": column.arr})
	if k := column.typ.kind; k < kindList && k != kindBool && k != kindNull {
		x := g.sources(k)[0]
		for range one(s, []int{3, 8, 9, 40, 130}) {
			g.cut(g.overColumn(x, k))
		}
	}
	return g
}

// overColumn makes a leaf over the one column.
func (g *grower) overColumn(x nodeID, k kind) nodeID {
	compare := func() nodeID {
		args := []nodeID{x, g.constant(k)}
		if k == kindInt && g.pick(4) == 0 {
			args[1] = g.constant(one(g.sampler, []kind{kindUint, kindDouble}))
		}
		if at := g.pick(2); at == 1 {
			args[0], args[1] = args[1], args[0]
		}
		return g.boolOp(one(g.sampler, []opcode{opEq, opLt, opLe}), args...)
	}
	switch g.pick(8) {
	case 0:
		return g.add(node{op: opInSet, typ: scalarKind(kindBool), args: []nodeID{x}, set: g.set(k)})
	case 1:
		return g.boolOp(opIsNull, x)
	case 2:
		return g.boolOp(opAnd, g.boolOp(opNot, compare()), compare())
	case 3:
		return g.boolOp(opLt, g.op(opCoalesce, k, x, g.constant(k)), g.constant(k))
	}
	return compare()
}

// TestBundles compares many leaves over one column, answered together, with the reference.
func TestBundles(t *testing.T) {
	for _, shape := range shapes {
		for seed := range uint64(12) {
			g := growBundle(t, seed, shape)
			want := g.want()
			e := newEvaluator(g.executable(), one(g.sampler, []int{1, 7, 64, 100, 4096}))
			got, err := g.paged(e)
			if err != nil {
				t.Fatal(err)
			}
			for i := range g.cuts {
				if got[i] != want[i] {
					t.Fatalf("%s, seed %d: %s\n got %s\nwant %s", shape, seed, spellNode(g.nodes, g.cuts[i]), got[i], want[i])
				}
			}
		}
	}
}

// TestRanks compares the ranks of extreme and neighbouring values with counted ones.
func TestRanks(t *testing.T) {
	whole := []int64{math.MinInt64 + 1, -5, -4, 0, 1, 100, 1 << 40, 1<<40 + 1, math.MaxInt64}
	doubles := []float64{-math.MaxFloat64 / 4, -1.5, 0, 5e-324, 1, math.Nextafter(1, 2), 1e300, math.MaxFloat64 / 4}
	for from := range whole {
		for to := from + 1; to <= len(whole); to++ {
			checkWholeRanks(t, whole[from:to], whole)
		}
	}
	for from := range doubles {
		for to := from + 1; to <= len(doubles); to++ {
			checkDoubleRanks(t, doubles[from:to], doubles)
		}
	}
}

func checkWholeRanks(t *testing.T, bounds, around []int64) {
	t.Helper()
	r := newWholeRanking(bounds)
	if r == nil {
		return // three bounds in a bucket
	}
	values := []int64{math.MinInt64, math.MaxInt64}
	for _, v := range around {
		values = append(values, v, v-1, v+1)
	}
	out := make([]int32, len(values))
	wholeRanks(r, out, values)
	for i, v := range values {
		want := int32(0)
		for _, bound := range bounds {
			want += int32(bit(v >= bound))
		}
		if out[i] != want {
			t.Errorf("the rank of %d among %d is %d, want %d", v, bounds, out[i], want)
		}
	}
}

func checkDoubleRanks(t *testing.T, bounds, around []float64) {
	t.Helper()
	r := newDoubleRanking(bounds)
	if r == nil {
		return
	}
	r.entries = &entries{n: len(bounds) + 2}
	values := []float64{math.Inf(-1), math.Inf(1), math.NaN(), math.Copysign(0, -1)}
	for _, v := range around {
		values = append(values, v, math.Nextafter(v, math.Inf(-1)), math.Nextafter(v, math.Inf(1)))
	}
	out := make([]int32, len(values))
	doubleRanks(r, out, values)
	for i, v := range values {
		want := int32(0)
		for _, bound := range bounds {
			want += int32(bit(v >= bound))
		}
		if math.IsNaN(v) {
			want = int32(len(bounds) + 1)
		}
		if out[i] != want {
			t.Errorf("the rank of %v among %v is %d, want %d", v, bounds, out[i], want)
		}
	}
}

// BenchmarkBundle shows from how many leaves on it pays to answer them together.
func BenchmarkBundle(b *testing.B) {
	for _, shape := range []string{"int32", "float64", "ts_us", "dict32"} {
		for _, leaves := range []int{2, 3, 4, 6, 8, 12, 16, 32, 64} {
			b.Run(fmt.Sprintf("type=%s/leaves=%d", shape, leaves), func(b *testing.B) {
				s := newSampler(b, 1, 10)
				column := s.column(shape, 65536)
				g := &grower{sampler: s, columns: map[string]valueType{"c": column.typ}}
				x := g.graphBuilder.column("c", column.typ.kind)
				for i := range leaves {
					g.cut(g.boolOp(opLt, x, g.threshold(column.typ.kind, i)))
				}
				rec := record(b, map[string]arrow.Array{"c": column.arr})
				together, apart := newEvaluator(g.executable(), 0), newEvaluator(g.executable(), 0)
				for _, c := range apart.components {
					c.bundles = nil
				}
				for _, e := range []*Evaluator{together, apart} {
					if _, err := e.EvalRecord(rec); err != nil {
						b.Fatal(err)
					}
				}
				var short, long float64
				for b.Loop() {
					short += cpu(func() { _, _ = together.EvalRecord(rec) }).Seconds()
					long += cpu(func() { _, _ = apart.EvalRecord(rec) }).Seconds()
				}
				b.ReportMetric(short*1e9/float64(b.N)/65536, "together-ns/row")
				b.ReportMetric(long*1e9/float64(b.N)/65536, "apart-ns/row")
			})
		}
	}
}

// threshold makes constants of a kind, all different.
func (g *grower) threshold(k kind, i int) nodeID {
	switch k {
	case kindDouble:
		return g.double(float64(i) * 1.5)
	case kindString:
		return g.text(fmt.Sprint("k", i))
	case kindTimestamp:
		return g.lit(k, literal{Sec: 1_700_000_000 + int64(i)*86400})
	}
	return g.int(int64(i))
}

// TestBundleOfNulls: null rows point at entries that exist, and some leaves answer null with true.
func TestBundleOfNulls(t *testing.T) {
	rec := typicalRecord(t, 500)
	rules := []string{
		`country == "US"`, `country == "FR"`, `coalesce(country, "FR") == "FR"`, `coalesce(country, "US").startsWith("F")`, `is_null(country)`, `country in ["GB", "US"]`,
	}
	plan, written := typicalPlan(t, rec.Schema(), rules), planWith(t, rec.Schema(), rules, Options{UserID: "user_id", AsWritten: true})
	got, err := plan.NewEvaluator(100).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	want, err := written.NewEvaluator(100).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	for i, rule := range rules {
		if got, want := got.Cut(plan.Segments(0)[i].When).String(), want.Cut(written.Segments(0)[i].When).String(); got != want {
			t.Errorf("%s\n got %.100s\nwant %.100s", rule, got, want)
		}
	}
}
