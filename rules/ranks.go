package rules

import (
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Leaves that compare one column of numbers with constants change their answers only at a few bounds. So a value need be told
// apart only by its rank, which is how many bounds are not above it; then the column is as good as encoded by a dictionary of
// ranks. A rank is found in one step: the bounds lie in buckets of equal width, at most two in each. Where the first and the
// last bound are near each other, every whole number between them is made a bound, and the rank is a difference.

// A ranking finds the ranks of values.
type ranking struct {
	entries *entries // a value of each rank; of doubles, then NaN

	whole   []rankBucket[int64] // nil also where every whole number from low to high is a bound
	doubles []rankBucket[float64]
	low     int64 // the first bound
	high    int64 // the last
	shift   uint
	lowest  float64
	highest float64
	scale   float64
}

// A rankBucket holds up to two bounds. In the place of one that is missing stands a bound that no value is below, and first
// is one less.
type rankBucket[T int64 | float64] struct {
	bounds [2]T
	first  int32 // the rank of values below both
}

// mostBuckets keeps a ranking in the first two caches, mostDirect the answers by rank.
const (
	mostBuckets = 4096
	mostDirect  = 512
)

// everyWhole is the whole numbers from the first to the last bound, where they are few.
func everyWhole(bounds []int64) []int64 {
	low, high := bounds[0], bounds[len(bounds)-1]
	if uint64(high-low) >= mostDirect {
		return bounds
	}
	bounds = nil
	for bound := low; ; bound++ {
		if bounds = append(bounds, bound); bound == high {
			return bounds
		}
	}
}

// fewest is from how many leaves on the ranking pays.
func (r *ranking) fewest() int {
	switch {
	case r.doubles != nil:
		return fewestDoubles
	case r.whole != nil:
		return fewestWhole
	}
	return fewestDirect
}

// newWholeRanking makes buckets for sorted bounds, each once; nil where more than two would share a bucket.
func newWholeRanking(bounds []int64) *ranking {
	r := &ranking{low: bounds[0], high: bounds[len(bounds)-1]}
	if uint64(r.high-r.low) == uint64(len(bounds)-1) {
		return r
	}
	for uint64(r.high-r.low)>>r.shift >= mostBuckets {
		r.shift++
	}
	r.whole = fillBuckets(bounds, math.MinInt64, int(uint64(r.high-r.low)>>r.shift)+1, func(bound int64) int {
		return int(uint64(bound-r.low) >> r.shift)
	})
	if r.whole == nil {
		return nil
	}
	return r
}

// newDoubleRanking is newWholeRanking for doubles, none of them NaN.
func newDoubleRanking(bounds []float64) *ranking {
	r := &ranking{lowest: bounds[0], highest: bounds[len(bounds)-1]}
	switch span := r.highest - r.lowest; {
	case math.IsInf(span, 0) || math.IsNaN(span):
		return nil
	case span > 0:
		r.scale = (mostBuckets - 1) / span
	}
	if math.IsInf(r.scale, 0) {
		return nil
	}
	r.doubles = fillBuckets(bounds, math.Inf(-1), mostBuckets, func(bound float64) int { return int((bound - r.lowest) * r.scale) })
	if r.doubles == nil {
		return nil
	}
	return r
}

func fillBuckets[T int64 | float64](bounds []T, none T, n int, place func(bound T) int) []rankBucket[T] {
	out := make([]rankBucket[T], n)
	at := 0
	for b := range out {
		out[b] = rankBucket[T]{bounds: [2]T{none, none}, first: int32(at - 2)}
		for slot := range out[b].bounds {
			if at < len(bounds) && place(bounds[at]) == b {
				out[b].bounds[slot] = bounds[at]
				out[b].first++
				at++
			}
		}
	}
	if at < len(bounds) {
		return nil
	}
	return out
}

// ranks finds the ranks of a view's values; those of null rows are ranks too. It reports false for an array of other values.
func (r *ranking) ranks(out []int32, in view) bool {
	lo, hi := in.from, in.from+in.n
	switch arr := in.arr.(type) {
	case *array.Int64:
		wholeRanks(r, out, arr.Int64Values()[lo:hi])
	case *array.Int32:
		wholeRanks(r, out, arr.Int32Values()[lo:hi])
	case *array.Int16:
		wholeRanks(r, out, arr.Int16Values()[lo:hi])
	case *array.Int8:
		wholeRanks(r, out, arr.Int8Values()[lo:hi])
	case *array.Uint32:
		wholeRanks(r, out, arr.Uint32Values()[lo:hi])
	case *array.Uint16:
		wholeRanks(r, out, arr.Uint16Values()[lo:hi])
	case *array.Uint8:
		wholeRanks(r, out, arr.Uint8Values()[lo:hi])
	case *array.Date32:
		wholeRanks(r, out, arr.Date32Values()[lo:hi])
	case *array.Timestamp:
		wholeRanks(r, out, arr.TimestampValues()[lo:hi])
	case *array.Float64:
		doubleRanks(r, out, arr.Float64Values()[lo:hi])
	case *array.Float32:
		doubleRanks(r, out, arr.Float32Values()[lo:hi])
	default:
		return false
	}
	return true
}

func wholeRanks[T integer](r *ranking, out []int32, values []T) {
	if r.whole == nil {
		below, high := r.low-1, r.high
		for i, value := range values {
			out[i] = int32(min(max(int64(value), below), high) - below)
		}
		return
	}
	buckets, low, high, shift := r.whole, r.low, r.high, r.shift&63
	for i, value := range values {
		v := int64(value)
		bucket := &buckets[uint64(min(max(v, low), high)-low)>>shift]
		out[i] = bucket.first + int32(bit(v >= bucket.bounds[0])) + int32(bit(v >= bucket.bounds[1]))
	}
}

// doubleRanks gives NaN the rank after the last.
func doubleRanks[T float32 | float64](r *ranking, out []int32, values []T) {
	buckets, low, high, scale := r.doubles, r.lowest, r.highest, r.scale
	notANumber := int32(r.entries.n - 1)
	for i, value := range values {
		v := float64(value)
		if v != v {
			out[i] = notANumber
			continue
		}
		bucket := &buckets[int((min(max(v, low), high)-low)*scale)]
		out[i] = bucket.first + int32(bit(v >= bucket.bounds[0])) + int32(bit(v >= bucket.bounds[1]))
	}
}

// comparesWith says whether a node is made of comparisons of one column with constants, and nothing else.
func (x *executable) comparesWith(id, column nodeID) bool {
	n := &x.nodes[id]
	switch n.op {
	case opAnd, opOr, opNot:
		return !slices.ContainsFunc(n.args, func(arg nodeID) bool { return !x.comparesWith(arg, column) })
	case opEq, opLt, opLe:
		lit, of := x.constantOf(n)
		return of == column && lit != nil
	case opInSet:
		return n.args[0] == column
	}
	return false
}

// constantOf returns the constant of a comparison and what it is compared with; nil where there is none, or it is null.
func (x *executable) constantOf(n *node) (lit *node, of nodeID) {
	for i, arg := range n.args {
		if lit := &x.nodes[arg]; lit.op == opConst && lit.typ.kind != kindNull {
			return lit, n.args[1-i]
		}
	}
	return nil, noSource
}

// boundsFor collects the bounds of nodes that compare a column with constants, for arrays of a type.
func (x *executable) boundsFor(ids []nodeID, column nodeID, dt arrow.DataType) *boundsOf {
	b := &boundsOf{executable: x, kind: x.nodes[column].typ.kind}
	if t, ok := dt.(*arrow.TimestampType); ok {
		b.unit = t.Unit
	}
	for _, id := range ids {
		b.collect(id)
	}
	slices.Sort(b.whole)
	slices.Sort(b.doubles)
	b.whole, b.doubles = slices.Compact(b.whole), slices.Compact(b.doubles)
	if len(b.whole) > 0 {
		b.whole = everyWhole(b.whole)
	}
	return b
}

// newRanking makes the ranking of some bounds; nil where there is none.
func (e *Evaluator) newRanking(b *boundsOf, source nodeID) *ranking {
	var r *ranking
	switch {
	case len(b.whole) > 0:
		r = newWholeRanking(b.whole)
	case len(b.doubles) > 0:
		r = newDoubleRanking(b.doubles)
	}
	if r != nil {
		r.entries = e.newEntries(source, e.represent(b))
	}
	return r
}

// boundsOf collects the bounds of comparisons.
type boundsOf struct {
	*executable
	kind    kind
	unit    arrow.TimeUnit // of timestamps
	whole   []int64
	doubles []float64
}

func (b *boundsOf) collect(id nodeID) {
	n := &b.nodes[id]
	switch n.op {
	case opAnd, opOr, opNot:
		for _, arg := range n.args {
			b.collect(arg)
		}
	case opInSet:
		for _, value := range n.set.values {
			b.add(opEq, false, &node{typ: valueType{kind: b.kind}, lit: value})
		}
	default:
		lit, of := b.constantOf(n)
		b.add(n.op, of == n.args[1], lit)
	}
}

// add adds the bounds of x op lit, or of lit op x when swapped.
func (b *boundsOf) add(op opcode, swapped bool, lit *node) {
	switch b.kind {
	case kindTimestamp:
		b.addTest(timeTest(op, swapped, lit.lit, b.unit))
	case kindDouble:
		b.addDouble(doubleTest(op, swapped, lit))
	default:
		b.addTest(wholeTest(op, swapped, lit))
	}
}

func (b *boundsOf) addTest(t test) {
	if t.shape != less && t.shape != equal {
		return
	}
	if t.lit > math.MinInt64 { // no value is below
		b.whole = append(b.whole, t.lit)
	}
	if t.shape == equal && t.lit < math.MaxInt64 {
		b.whole = append(b.whole, t.lit+1)
	}
}

func (b *boundsOf) addDouble(t floatTest) {
	if t.never || math.IsNaN(t.lit) {
		return
	}
	at, after := t.lit+0, math.Nextafter(t.lit, math.Inf(1)) // of the two zeros the positive one
	switch fromLit := (t.op == opLt) != t.swapped; {         // x < lit and lit <= x change at lit, lit < x and x <= lit after it
	case t.op == opEq:
		b.doubles = append(b.doubles, at, after)
	case fromLit:
		b.doubles = append(b.doubles, at)
	default:
		b.doubles = append(b.doubles, after)
	}
	b.doubles = slices.DeleteFunc(b.doubles, func(bound float64) bool { return math.IsInf(bound, -1) }) // no value is below
}

// represent makes a vec of a value of each rank; of doubles, then NaN.
func (e *Evaluator) represent(b *boundsOf) *vec {
	if b.kind == kindDouble {
		values := slices.Concat([]float64{math.Nextafter(b.doubles[0], math.Inf(-1))}, b.doubles, []float64{math.NaN()})
		out := e.arena.new(b.kind, len(values))
		out.floats = values
		return out
	}
	values := slices.Concat([]int64{b.whole[0] - 1}, b.whole)
	out := e.arena.new(b.kind, len(values))
	if b.kind == kindTimestamp {
		splitUnits(e, out, values, unitsPerSecond(b.unit))
	} else {
		out.ints = values
	}
	return out
}
