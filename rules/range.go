package rules

import (
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// A lower and an upper bound of one value, as in 18 <= age && age < 25, are a node of their own, which is a leaf: one pass
// over the column answers both.

// pairBounds makes a node of a lower and an upper bound of the same value, wherever both are among the arguments of an &&.
func (g *graph) pairBounds(args []nodeID) []nodeID {
	var out, pairs []nodeID
	used := map[nodeID]bool{}
	for i, first := range args {
		of, side := boundOf(g.nodes, first)
		if used[first] || side == noBound {
			continue
		}
		for _, second := range args[i+1:] {
			if also, other := boundOf(g.nodes, second); also == of && other == -side && !used[second] {
				used[first], used[second] = true, true
				pairs = append(pairs, g.boolOp(opAnd, first, second))
				break
			}
		}
	}
	for _, arg := range args {
		if !used[arg] {
			out = append(out, arg)
		}
	}
	out = append(out, pairs...)
	slices.Sort(out)
	return out
}

// A boundSide says whether a comparison bounds a value from below or from above.
type boundSide int

const (
	noBound    boundSide = 0
	lowerBound boundSide = 1
	upperBound boundSide = -1
)

// boundOf says what a node bounds, if it orders a value and a constant.
func boundOf(nodes []node, id nodeID) (of nodeID, side boundSide) {
	n := &nodes[id]
	switch n.op {
	case opNot:
		if inner := nodes[n.args[0]].op; inner != opLt && inner != opLe {
			return noSource, noBound
		}
		of, side = boundOf(nodes, n.args[0])
		return of, -side
	case opLt, opLe:
		switch a, b := &nodes[n.args[0]], &nodes[n.args[1]]; {
		case b.op == opConst && b.typ.kind != kindNull && a.op != opConst:
			return n.args[0], upperBound
		case a.op == opConst && a.typ.kind != kindNull && b.op != opConst:
			return n.args[1], lowerBound
		}
	}
	return noSource, noBound
}

// isRange says whether a node is what pairBounds makes, of a column or an element.
func (x *executable) isRange(nd *node) bool {
	if x.asWritten || nd.op != opAnd || len(nd.args) != 2 {
		return false
	}
	of, side := boundOf(x.nodes, nd.args[0])
	also, other := boundOf(x.nodes, nd.args[1])
	return side != noBound && of == also && side == -other && (x.nodes[of].op == opColumn || x.nodes[of].op == opElement)
}

// between answers a range over Arrow values in one pass; nil where there is no kernel for them.
func (e *Evaluator) between(nd *node, f *frame) *vec {
	if !e.isRange(nd) {
		return nil
	}
	of, _ := boundOf(e.nodes, nd.args[0])
	in, ok := e.raw(of, f)
	if !ok || in.n == 0 {
		return nil
	}
	out := e.arena.new(kindBool, in.n)
	out.bits = e.arena.words.get(words(in.n))
	found := false
	switch k := e.nodes[of].typ.kind; k {
	case kindInt, kindDate, kindTimestamp:
		found = e.betweenWhole(out.bits, in, nd, k)
	case kindDouble:
		found = e.betweenDoubles(out.bits, in, nd)
	}
	if !found {
		return nil
	}
	if out.known = e.knownOf(in); out.known != nil {
		andWords(out.bits, out.bits, out.known)
	}
	return out
}

// betweenWhole answers low <= x && x < high by one unsigned comparison.
func (e *Evaluator) betweenWhole(out []uint64, in view, nd *node, k kind) bool {
	var low, high test
	for _, arg := range nd.args {
		t := e.boundTest(arg, k, in.arr.DataType())
		if t.shape != less {
			return false
		}
		if t.invert {
			low = t
		} else {
			high = t
		}
	}
	if high.shape != less || low.shape != less {
		return false
	}
	span := uint64(high.lit - low.lit)
	if high.lit <= low.lit {
		span = 0
	}
	lo, hi := in.from, in.from+in.n
	switch arr := in.arr.(type) {
	case *array.Int64:
		withinInts(out, arr.Int64Values()[lo:hi], low.lit, span)
	case *array.Int32:
		withinInts(out, arr.Int32Values()[lo:hi], low.lit, span)
	case *array.Int16:
		withinInts(out, arr.Int16Values()[lo:hi], low.lit, span)
	case *array.Int8:
		withinInts(out, arr.Int8Values()[lo:hi], low.lit, span)
	case *array.Uint32:
		withinInts(out, arr.Uint32Values()[lo:hi], low.lit, span)
	case *array.Uint16:
		withinInts(out, arr.Uint16Values()[lo:hi], low.lit, span)
	case *array.Uint8:
		withinInts(out, arr.Uint8Values()[lo:hi], low.lit, span)
	case *array.Date32:
		withinInts(out, arr.Date32Values()[lo:hi], low.lit, span)
	case *array.Timestamp:
		withinInts(out, arr.TimestampValues()[lo:hi], low.lit, span)
	default:
		return false
	}
	return true
}

// boundTest is the test of one bound, in the column's unit.
func (e *Evaluator) boundTest(id nodeID, k kind, dt arrow.DataType) test {
	n, negated := &e.nodes[id], false
	if n.op == opNot {
		n, negated = &e.nodes[n.args[0]], true
	}
	lit, of := e.constantOf(n)
	t := test{}
	if stamp, ok := dt.(*arrow.TimestampType); ok {
		t = timeTest(n.op, of == n.args[1], lit.lit, stamp.Unit)
	} else if k != kindTimestamp {
		t = wholeTest(n.op, of == n.args[1], lit)
	}
	t.invert = t.invert != negated
	return t
}

// betweenDoubles answers low <= x && x <= high, where an open end is moved to the next double.
func (e *Evaluator) betweenDoubles(out []uint64, in view, nd *node) bool {
	low, high := math.NaN(), math.NaN()
	for _, arg := range nd.args {
		n := &e.nodes[arg]
		if n.op == opNot {
			return false
		}
		lit, of := e.constantOf(n)
		switch t := doubleTest(n.op, of == n.args[1], lit); {
		case t.never || math.IsNaN(t.lit) || math.IsInf(t.lit, 0):
			return false
		case t.swapped && t.op == opLt:
			low = math.Nextafter(t.lit, math.Inf(1))
		case t.swapped:
			low = t.lit
		case t.op == opLt:
			high = math.Nextafter(t.lit, math.Inf(-1))
		default:
			high = t.lit
		}
	}
	lo, hi := in.from, in.from+in.n
	switch arr := in.arr.(type) {
	case *array.Float64:
		withinFloats(out, arr.Float64Values()[lo:hi], low, high)
	case *array.Float32:
		withinFloats(out, arr.Float32Values()[lo:hi], low, high)
	default:
		return false
	}
	return true
}
