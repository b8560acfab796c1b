package rules

import (
	"cmp"
	"math"
	"math/big"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/uuid"
)

// compare answers ==, < and <=. A column or element against a constant is read where it lies; all else goes by vecs.
func (e *Evaluator) compare(id nodeID, f *frame) *vec {
	nd := &e.nodes[id]
	left, right := nd.args[0], nd.args[1]
	if lit := &e.nodes[right]; lit.op == opConst && lit.typ.kind != kindNull {
		if in, ok := e.raw(left, f); ok {
			if v := e.compareConst(nd.op, in, e.nodes[left].typ.kind, lit, false); v != nil {
				return v
			}
		}
	}
	if lit := &e.nodes[left]; lit.op == opConst && lit.typ.kind != kindNull {
		if in, ok := e.raw(right, f); ok {
			if v := e.compareConst(nd.op, in, e.nodes[right].typ.kind, lit, true); v != nil {
				return v
			}
		}
	}
	return e.compareVecs(nd, e.eval(left, f), e.eval(right, f))
}

// compareConst answers x op lit, or lit op x when swapped, over Arrow values; nil where there is no kernel for the pair.
func (e *Evaluator) compareConst(op opcode, in view, k kind, lit *node, swapped bool) *vec {
	out := e.arena.new(kindBool, in.n)
	out.bits = e.arena.words.get(words(in.n))
	if in.n == 0 { // an empty array may lack its buffers
		return out
	}
	found := false
	switch k {
	case kindInt, kindDate:
		found = testInts(out.bits, in, wholeTest(op, swapped, lit))
	case kindTimestamp:
		if t, ok := in.arr.DataType().(*arrow.TimestampType); ok {
			found = testInts(out.bits, in, timeTest(op, swapped, lit.lit, t.Unit))
		}
	case kindDouble:
		found = testFloats(out.bits, in, doubleTest(op, swapped, lit))
	case kindString, kindBytes:
		found = testTexts(out.bits, in, k, op, swapped, lit.lit.String)
	}
	if !found {
		return nil
	}
	if out.known = e.knownOf(in); out.known != nil {
		andWords(out.bits, out.bits, out.known)
	}
	return out
}

// A test is a comparison of x with a constant in the column's own unit: never, always, x < lit or x == lit, perhaps
// inverted. NaN takes part in no comparison, inverted or not: it is never.
type test struct {
	shape  testShape
	lit    int64
	invert bool
}

type testShape uint8

const (
	never testShape = iota
	always
	less
	equal
)

// bound is a constant between the integers: the largest one that is not above it, and whether it is that one. below and
// above say that it is beyond all 64-bit integers.
type bound struct {
	floor        int64
	exact        bool
	below, above bool
}

// against makes a test of a comparison with a bound.
func (b bound) against(op opcode, swapped bool) test {
	if op == opEq {
		if !b.exact || b.below || b.above {
			return test{shape: never}
		}
		return test{shape: equal, lit: b.floor}
	}
	orEqual := (op == opLe) != swapped // lit < x is !(x <= lit), lit <= x is !(x < lit)
	t := test{invert: swapped, shape: less, lit: b.floor}
	switch {
	case b.below:
		t.shape = never
	case b.above:
		t.shape = always
	case b.exact && !orEqual: // x < floor
	case b.floor == math.MaxInt64:
		t.shape = always
	default:
		t.lit++
	}
	return t
}

// wholeTest compares an int column with an int, uint or double constant.
func wholeTest(op opcode, swapped bool, lit *node) test {
	switch lit.typ.kind {
	case kindUint:
		if lit.lit.Uint > math.MaxInt64 {
			return bound{above: true}.against(op, swapped)
		}
		return bound{floor: int64(lit.lit.Uint), exact: true}.against(op, swapped)
	case kindDouble:
		if math.IsNaN(lit.lit.Double) {
			return test{shape: never}
		}
		return doubleBound(lit.lit.Double).against(op, swapped)
	}
	return bound{floor: lit.lit.Int, exact: true}.against(op, swapped)
}

func doubleBound(d float64) bound {
	switch {
	case d < -1<<63:
		return bound{below: true}
	case d >= 1<<63:
		return bound{above: true}
	}
	floor := math.Floor(d)
	return bound{floor: int64(floor), exact: floor == d}
}

// timeTest compares a timestamp column, in its unit, with an instant.
func timeTest(op opcode, swapped bool, lit literal, unit arrow.TimeUnit) test {
	perSecond := unitsPerSecond(unit)
	part := int64(lit.Nanos) * perSecond
	at := new(big.Int).Mul(big.NewInt(lit.Sec), big.NewInt(perSecond))
	at.Add(at, big.NewInt(part/1_000_000_000))
	if !at.IsInt64() {
		return bound{below: at.Sign() < 0, above: at.Sign() > 0}.against(op, swapped)
	}
	return bound{floor: at.Int64(), exact: part%1_000_000_000 == 0}.against(op, swapped)
}

func unitsPerSecond(unit arrow.TimeUnit) int64 {
	switch unit {
	case arrow.Second:
		return 1
	case arrow.Millisecond:
		return 1_000
	case arrow.Microsecond:
		return 1_000_000
	}
	return 1_000_000_000
}

// testInts runs a test over whole numbers; false where the array holds none.
func testInts(out []uint64, in view, t test) bool {
	lo, hi := in.from, in.from+in.n
	switch arr := in.arr.(type) {
	case *array.Int64:
		t.run(out, in.n, func() { lessInts(out, arr.Int64Values()[lo:hi], t.lit) }, func() { equalInts(out, arr.Int64Values()[lo:hi], t.lit) })
	case *array.Int32:
		t.run(out, in.n, func() { lessInts(out, arr.Int32Values()[lo:hi], t.lit) }, func() { equalInts(out, arr.Int32Values()[lo:hi], t.lit) })
	case *array.Int16:
		t.run(out, in.n, func() { lessInts(out, arr.Int16Values()[lo:hi], t.lit) }, func() { equalInts(out, arr.Int16Values()[lo:hi], t.lit) })
	case *array.Int8:
		t.run(out, in.n, func() { lessInts(out, arr.Int8Values()[lo:hi], t.lit) }, func() { equalInts(out, arr.Int8Values()[lo:hi], t.lit) })
	case *array.Uint32:
		t.run(out, in.n, func() { lessInts(out, arr.Uint32Values()[lo:hi], t.lit) }, func() { equalInts(out, arr.Uint32Values()[lo:hi], t.lit) })
	case *array.Uint16:
		t.run(out, in.n, func() { lessInts(out, arr.Uint16Values()[lo:hi], t.lit) }, func() { equalInts(out, arr.Uint16Values()[lo:hi], t.lit) })
	case *array.Uint8:
		t.run(out, in.n, func() { lessInts(out, arr.Uint8Values()[lo:hi], t.lit) }, func() { equalInts(out, arr.Uint8Values()[lo:hi], t.lit) })
	case *array.Date32:
		t.run(out, in.n, func() { lessInts(out, arr.Date32Values()[lo:hi], t.lit) }, func() { equalInts(out, arr.Date32Values()[lo:hi], t.lit) })
	case *array.Timestamp:
		t.run(out, in.n, func() { lessInts(out, arr.TimestampValues()[lo:hi], t.lit) }, func() { equalInts(out, arr.TimestampValues()[lo:hi], t.lit) })
	default:
		return false
	}
	return true
}

// run fills out by the shape of the test, then inverts it where asked.
func (t test) run(out []uint64, n int, runLess, runEqual func()) {
	switch t.shape {
	case never:
		clear(out)
	case always:
		clear(out)
		flip(out, n)
	case less:
		runLess()
	case equal:
		runEqual()
	}
	if t.invert {
		flip(out, n)
	}
}

// A floatTest is a comparison of a double x with a constant.
type floatTest struct {
	op      opcode // opLt: x < lit, opLe: x <= lit, opEq
	swapped bool   // lit < x, lit <= x
	never   bool
	lit     float64
}

// doubleTest compares a double column with a double, int or uint constant, exactly: where no double equals the constant, its
// neighbour on the right side takes its place.
func doubleTest(op opcode, swapped bool, lit *node) floatTest {
	t := floatTest{op: op, swapped: swapped, lit: lit.lit.Double}
	var order int
	switch lit.typ.kind {
	case kindInt:
		t.lit = float64(lit.lit.Int)
		order = compareIntDouble(lit.lit.Int, t.lit)
	case kindUint:
		t.lit = float64(lit.lit.Uint)
		order = compareUintDouble(lit.lit.Uint, t.lit)
	}
	if order == 0 {
		return t
	}
	t.never, t.op = op == opEq, opLe
	if down := t.lit; !swapped && order < 0 {
		t.lit = math.Nextafter(down, math.Inf(-1))
	} else if swapped && order > 0 {
		t.lit = math.Nextafter(down, math.Inf(1))
	}
	return t
}

func testFloats(out []uint64, in view, t floatTest) bool {
	lo, hi := in.from, in.from+in.n
	switch arr := in.arr.(type) {
	case *array.Float64:
		runFloats(out, arr.Float64Values()[lo:hi], t)
	case *array.Float32:
		runFloats(out, arr.Float32Values()[lo:hi], t)
	default:
		return false
	}
	return true
}

func runFloats[T float32 | float64](out []uint64, values []T, t floatTest) {
	switch {
	case t.never || math.IsNaN(t.lit):
		clear(out)
	case t.op == opEq:
		equalFloats(out, values, t.lit)
	case t.op == opLt && !t.swapped:
		lessFloats(out, values, t.lit)
	case t.op == opLt:
		greaterFloats(out, values, t.lit)
	case math.IsInf(t.lit, 1) && !t.swapped, math.IsInf(t.lit, -1) && t.swapped:
		setWhere(out, len(values), func(i int) bool { return values[i] == values[i] }) // all but NaN
	case !t.swapped:
		lessFloats(out, values, math.Nextafter(t.lit, math.Inf(1)))
	default:
		greaterFloats(out, values, math.Nextafter(t.lit, math.Inf(-1)))
	}
}

// testTexts compares strings or bytes with a constant where they lie. Text in 16 bytes is a UUID.
func testTexts(out []uint64, in view, k kind, op opcode, swapped bool, lit string) bool {
	holds := textOrder(op, swapped)
	lo, hi := in.from, in.from+in.n
	switch arr := in.arr.(type) {
	case *array.String:
		runTexts(out, arr.ValueOffsets()[lo:hi+1], valueBytes(arr), op, lit, holds)
	case *array.LargeString:
		runTexts(out, arr.ValueOffsets()[lo:hi+1], valueBytes(arr), op, lit, holds)
	case *array.Binary:
		runTexts(out, arr.ValueOffsets()[lo:hi+1], valueBytes(arr), op, lit, holds)
	case *array.FixedSizeBinary:
		if op != opEq || k != kindString || arr.DataType().(*arrow.FixedSizeBinaryType).ByteWidth != 16 {
			return false
		}
		equalUUIDs(out, arr, in, lit)
	default:
		return false
	}
	return true
}

// textOrder says which results of strings.Compare(x, lit) satisfy a comparison.
func textOrder(op opcode, swapped bool) (holds [3]bool) {
	holds[1] = op != opLt
	if op != opEq {
		holds[0], holds[2] = !swapped, swapped
	}
	return holds
}

func runTexts[T int32 | int64](out []uint64, offsets []T, data []byte, op opcode, lit string, holds [3]bool) {
	if op == opEq {
		find(newWanted(opEq, lit), out, offsets, data)
		return
	}
	setWhere(out, len(offsets)-1, func(i int) bool {
		return holds[strings.Compare(shareText(data[offsets[i]:offsets[i+1]]), lit)+1]
	})
}

// equalUUIDs compares 16 bytes a row with a text: only a UUID in canonical form, lower case, equals one.
func equalUUIDs(out []uint64, arr *array.FixedSizeBinary, in view, lit string) {
	want, err := uuid.Parse(lit)
	if err != nil || want.String() != lit {
		clear(out)
		return
	}
	data := arr.Data().Buffers()[1].Bytes()[in.offset()*16:]
	setWhere(out, in.n, func(i int) bool { return [16]byte(data[i*16:]) == [16]byte(want) })
}

// equality is an == that stands in no graph.
var equality = &node{op: opEq}

// compareVecs answers a comparison of two vecs; an error wins over unknown in ==, the leftmost argument in the others.
func (e *Evaluator) compareVecs(nd *node, a, b *vec) *vec {
	op := nd.op
	out := e.arena.new(kindBool, a.n)
	if op == opEq {
		out.known, out.fail = e.arena.strictAll(a, b)
	} else {
		out.known, out.fail = e.arena.strictOf(nd, a, b)
	}
	out.bits = e.arena.words.get(words(a.n))
	switch {
	case a.kind == kindNull || b.kind == kindNull:
		clear(out.bits)
	case a.kind != b.kind:
		compareMixed(out.bits, op, a, b)
	default:
		if !compareAlike(out.bits, op, a, b) {
			e.fault("lists, maps and structs have no comparison kernel: a bug in the rules package")
		}
	}
	return out
}

func compareAlike(out []uint64, op opcode, a, b *vec) bool {
	switch a.kind {
	case kindInt, kindDate, kindDuration:
		comparePairs(out, op, a.ints, b.ints)
	case kindUint:
		comparePairs(out, op, a.uints, b.uints)
	case kindDouble:
		comparePairs(out, op, a.floats, b.floats)
	case kindString, kindBytes:
		comparePairs(out, op, a.texts, b.texts)
	case kindTimestamp:
		holds := textOrder(op, false)
		setWhere(out, a.n, func(i int) bool {
			return holds[1+cmp.Or(cmp.Compare(a.ints[i], b.ints[i]), cmp.Compare(a.nanosAt(i), b.nanosAt(i)))]
		})
	case kindBool: // false < true
		for w := range out {
			x, y := a.bits[w], b.bits[w]
			switch op {
			case opEq:
				out[w] = ^(x ^ y)
			case opLt:
				out[w] = ^x & y
			default:
				out[w] = ^x | y
			}
		}
		if a.n > 0 {
			out[len(out)-1] &= tail(a.n)
		}
	default:
		return false
	}
	return true
}

func comparePairs[T number | string](out []uint64, op opcode, a, b []T) {
	switch op {
	case opEq:
		equalPairs(out, a, b)
	case opLt:
		lessPairs(out, a, b)
	default:
		lessOrEqualPairs(out, a, b)
	}
}

// compareMixed compares numbers of different kinds exactly.
func compareMixed(out []uint64, op opcode, a, b *vec) {
	holds := textOrder(op, false)
	setWhere(out, a.n, func(i int) bool {
		order, ordered := compareNumbers(a, b, i)
		return ordered && holds[order+1]
	})
}

func compareNumbers(a, b *vec, i int) (order int, ordered bool) {
	switch {
	case a.kind == kindDouble:
		order, ordered = compareNumbers(b, a, i)
		return -order, ordered
	case b.kind == kindDouble && math.IsNaN(b.floats[i]):
		return 0, false
	case a.kind == kindInt && b.kind == kindDouble:
		return compareIntDouble(a.ints[i], b.floats[i]), true
	case a.kind == kindUint && b.kind == kindDouble:
		return compareUintDouble(a.uints[i], b.floats[i]), true
	case a.kind == kindInt:
		if a.ints[i] < 0 {
			return -1, true
		}
		return cmp.Compare(uint64(a.ints[i]), b.uints[i]), true
	}
	if b.ints[i] < 0 {
		return 1, true
	}
	return cmp.Compare(a.uints[i], uint64(b.ints[i])), true
}

// compareIntDouble orders an integer and a double that is not NaN, exactly.
func compareIntDouble(i int64, d float64) int {
	switch {
	case d < -1<<63:
		return 1
	case d >= 1<<63:
		return -1
	}
	whole := math.Floor(d)
	if order := cmp.Compare(i, int64(whole)); order != 0 || whole == d {
		return order
	}
	return -1
}

// compareUintDouble is compareIntDouble for unsigned integers.
func compareUintDouble(u uint64, d float64) int {
	switch {
	case d < 0:
		return 1
	case d >= 1<<64:
		return -1
	}
	whole := math.Floor(d)
	if order := cmp.Compare(u, uint64(whole)); order != 0 || whole == d {
		return order
	}
	return -1
}
