package rules

import (
	"cmp"
	"math"
	"math/big"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// A line is the values of one kind in their order, cut at some constants. Its places are, from the lowest: before the first
// point, the first point, between it and the second, and so on to what lies after the last: odd places are points.
type line struct {
	points    []point    // sorted, each once
	whole     bool       // there is nothing between two neighbouring whole numbers
	low, high *big.Float // nil: no bound
}

// A point is a constant on a line: a number (of seconds, for a timestamp, with nanoseconds) or a text.
type point struct {
	number *big.Float
	nanos  int32
	text   string
}

// pointOf is where a constant of a kind lies. Numbers of all kinds are exact, so they are compared as rules compare them.
func pointOf(k kind, lit literal) point {
	number := new(big.Float).SetPrec(64)
	switch k {
	case kindBool:
		return point{number: number.SetInt64(int64(bit(lit.Bool)))}
	case kindDouble:
		return point{number: number.SetFloat64(lit.Double)}
	case kindUint:
		return point{number: number.SetUint64(lit.Uint)}
	case kindTimestamp:
		return point{number: number.SetInt64(lit.Sec), nanos: lit.Nanos}
	case kindString, kindBytes:
		return point{number: number, text: lit.String}
	}
	return point{number: number.SetInt64(lit.Int)}
}

// pointsOf are the constants of a set; NaN is none, since nothing equals it.
func pointsOf(set *List, k kind) (points []point) {
	for _, lit := range set.values {
		if !math.IsNaN(lit.Double) {
			points = append(points, pointOf(k, lit))
		}
	}
	return points
}

func comparePoints(a, b point) int {
	return cmp.Or(a.number.Cmp(b.number), cmp.Compare(a.nanos, b.nanos), cmp.Compare(a.text, b.text))
}

// add puts a point on the line.
func (l *line) add(p point) {
	if at, found := slices.BinarySearchFunc(l.points, p, comparePoints); !found {
		l.points = slices.Insert(l.points, at, p)
	}
}

// placeOf is the place of one of the line's points.
func (l *line) placeOf(p point) int {
	at, _ := slices.BinarySearchFunc(l.points, p, comparePoints)
	return 2*at + 1
}

// places lists the places where some value lies.
func (l *line) places() (places []int) {
	for at := range 2*len(l.points) + 1 {
		if l.holds(at) {
			places = append(places, at)
		}
	}
	return places
}

// holds says whether some value lies at a place.
func (l *line) holds(at int) bool {
	if !l.whole {
		return true
	}
	if at%2 == 1 {
		p := l.points[at/2].number
		return p.IsInt() && (l.low == nil || l.low.Cmp(p) <= 0) && (l.high == nil || p.Cmp(l.high) <= 0)
	}
	first, last := l.low, l.high // the whole numbers of the place
	if at > 0 {
		first = higher(first, above(l.points[at/2-1].number))
	}
	if at < 2*len(l.points) {
		last = lower(last, below(l.points[at/2].number))
	}
	return first == nil || last == nil || first.Cmp(last) <= 0
}

// above is the first whole number after one.
func above(n *big.Float) *big.Float {
	if n.IsInf() {
		return n
	}
	whole, _ := n.Int(nil) // cut towards zero
	out := new(big.Float).SetInt(whole)
	if out.Cmp(n) <= 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return new(big.Float).SetInt(whole)
}

// below is the last whole number before one.
func below(n *big.Float) *big.Float {
	out := above(new(big.Float).Neg(n))
	return out.Neg(out)
}

// higher is the greater of two bounds; nil is none.
func higher(a, b *big.Float) *big.Float {
	if a == nil || a.Cmp(b) < 0 {
		return b
	}
	return a
}

// lower is the smaller of two bounds; nil is none.
func lower(a, b *big.Float) *big.Float {
	if a == nil || a.Cmp(b) > 0 {
		return b
	}
	return a
}

// widths are the least and the greatest value of columns of small integers.
var widths = map[arrow.Type][2]int64{
	arrow.INT8: {-1 << 7, 1<<7 - 1}, arrow.INT16: {-1 << 15, 1<<15 - 1}, arrow.INT32: {-1 << 31, 1<<31 - 1},
	arrow.UINT8: {0, 1<<8 - 1}, arrow.UINT16: {0, 1<<16 - 1}, arrow.UINT32: {0, 1<<32 - 1}, arrow.INT64: {-1 << 63, 1<<63 - 1},
}

// rangeOf is what a node's type and operation say of its values: whether they are whole, the least and the greatest.
func (t *caseTable) rangeOf(id nodeID) (whole bool, low, high *big.Float) {
	n := &t.nodes[id]
	bounds := func(least, most int64) (bool, *big.Float, *big.Float) {
		return true, pointOf(kindInt, literal{Int: least}).number, pointOf(kindInt, literal{Int: most}).number
	}
	if n.op == opColumn && n.typ.kind == kindInt {
		if at := t.schema.FieldIndices(n.name); len(at) > 0 {
			if width, known := widths[t.schema.Field(at[0]).Type.ID()]; known {
				return bounds(width[0], width[1])
			}
		}
	}
	if part, known := partRanges[n.op]; known {
		return bounds(part[0], part[1])
	}
	switch {
	case n.op == opHashSplit && n.lit.Double <= 0:
		return bounds(0, 0)
	case n.op == opHashSplit && n.lit.Double >= 1:
		return bounds(1, 1)
	case n.op == opBucket:
		return bounds(0, n.lit.Int-1)
	case n.op == opNtile:
		return bounds(1, n.lit.Int)
	case n.op == opRank:
		return bounds(1, math.MaxInt64)
	case n.typ.kind == kindBool:
		return bounds(0, 1)
	case n.op == opSize || n.op == opCount || n.typ.kind == kindUint:
		return true, new(big.Float), nil
	}
	return n.typ.kind == kindInt || n.typ.kind == kindDate || n.typ.kind == kindDuration, nil, nil
}
