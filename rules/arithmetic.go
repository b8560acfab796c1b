package rules

import (
	"math"
	"time"
)

// arithmetic answers + - * / %: checked, the leftmost argument without a value decides.
func (e *Evaluator) arithmetic(nd *node, f *frame) *vec {
	a, b := e.eval(nd.args[0], f), e.eval(nd.args[1], f)
	out := e.arena.new(nd.typ.kind, f.n)
	out.known, out.fail = e.arena.strictOf(nd, a, b)
	e.blank(out)
	if a.kind == kindNull || b.kind == kindNull {
		return out
	}
	failed := e.arena.words.zeros(words(f.n))
	done := true
	switch {
	case a.kind == kindInt && b.kind == kindInt || a.kind == kindDuration && b.kind == kindDuration:
		done = intArithmetic(nd.op, out.ints, failed, a.ints, b.ints)
	case a.kind == kindUint && b.kind == kindUint:
		done = uintArithmetic(nd.op, out.uints, failed, a.uints, b.uints)
	case a.kind == kindDouble && b.kind == kindDouble:
		done = doubleArithmetic(nd.op, out.floats, a.floats, b.floats)
	case a.kind == kindString || a.kind == kindBytes:
		for i := range out.texts {
			if out.knows(i) {
				out.texts[i] = a.texts[i] + b.texts[i]
			}
		}
	case a.kind == kindTimestamp || b.kind == kindTimestamp:
		timeArithmetic(nd.op, out, failed, a, b)
	case a.kind == kindDate || b.kind == kindDate:
		done = dateArithmetic(nd.op, out, failed, a, b)
	default:
		done = false
	}
	if !done {
		e.fault("no kernel for this arithmetic (operation %d): a bug in the rules package", nd.op)
	}
	e.arena.failing(out, failed)
	return out
}

// intArithmetic sets the bit of failed where the result does not fit into 64 bits or the divisor is 0.
func intArithmetic(op opcode, out []int64, failed []uint64, a, b []int64) bool {
	var one func(x, y int64) (int64, bool)
	switch op {
	case opAdd:
		one = addInts
	case opSub:
		one = subInts
	case opMul:
		one = mulInts
	case opDiv:
		one = func(x, y int64) (int64, bool) {
			if y == 0 || x == math.MinInt64 && y == -1 {
				return 0, false
			}
			return x / y, true
		}
	case opMod:
		one = func(x, y int64) (int64, bool) {
			if y == 0 || x == math.MinInt64 && y == -1 {
				return 0, false
			}
			return x % y, true
		}
	default:
		return false
	}
	for i := range out {
		value, ok := one(a[i], b[i])
		if out[i] = value; !ok {
			setBit(failed, i)
		}
	}
	return true
}

func addInts(x, y int64) (int64, bool) {
	sum := x + y
	return sum, (sum > x) == (y > 0)
}

func subInts(x, y int64) (int64, bool) {
	difference := x - y
	return difference, (difference < x) == (y > 0)
}

func mulInts(x, y int64) (int64, bool) {
	if x == 0 || y == 0 {
		return 0, true
	}
	product := x * y
	if x == -1 && y == math.MinInt64 || y == -1 && x == math.MinInt64 {
		return 0, false
	}
	return product, product/y == x
}

func uintArithmetic(op opcode, out []uint64, failed []uint64, a, b []uint64) bool {
	for i := range out {
		x, y := a[i], b[i]
		var ok bool
		switch op {
		case opAdd:
			out[i] = x + y
			ok = out[i] >= x
		case opSub:
			out[i] = x - y
			ok = y <= x
		case opMul:
			out[i] = x * y
			ok = x == 0 || out[i]/x == y
		case opDiv:
			if ok = y != 0; ok {
				out[i] = x / y
			}
		case opMod:
			if ok = y != 0; ok {
				out[i] = x % y
			}
		default:
			return false
		}
		if !ok {
			setBit(failed, i)
		}
	}
	return true
}

func doubleArithmetic(op opcode, out, a, b []float64) bool {
	for i := range out {
		switch op {
		case opAdd:
			out[i] = a[i] + b[i]
		case opSub:
			out[i] = a[i] - b[i]
		case opMul:
			out[i] = a[i] * b[i]
		case opDiv:
			out[i] = a[i] / b[i]
		default:
			return false
		}
	}
	return true
}

// negate is unary minus: the smallest integer has no opposite.
func (e *Evaluator) negate(nd *node, f *frame) *vec {
	a := e.eval(nd.args[0], f)
	out := e.arena.new(nd.typ.kind, f.n)
	out.known, out.fail = a.known, a.fail
	e.blank(out)
	if a.kind == kindDouble {
		for i, v := range a.floats {
			out.floats[i] = -v
		}
		return out
	}
	failed := e.arena.words.zeros(words(f.n))
	for i, v := range a.ints {
		if out.ints[i] = -v; v == math.MinInt64 {
			setBit(failed, i)
		}
	}
	e.arena.failing(out, failed)
	return out
}

// The instants that CEL knows: years 1 to 9999.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// timeArithmetic is timestamp plus or minus duration, duration plus timestamp, and timestamp minus timestamp.
func timeArithmetic(op opcode, out *vec, failed []uint64, a, b *vec) {
	if b.kind == kindTimestamp && a.kind == kindDuration {
		a, b = b, a
	}
	for i := range out.n {
		ok := true
		switch {
		case !out.knows(i):
		case b.kind == kindTimestamp:
			out.ints[i], ok = between(a.ints[i], a.nanosAt(i), b.ints[i], b.nanosAt(i))
		case op == opSub && b.ints[i] == math.MinInt64: // it has no opposite
			ok = false
		case op == opSub:
			out.ints[i], out.nanos[i], ok = shift(a.ints[i], a.nanosAt(i), b.ints[i], -1)
		default:
			out.ints[i], out.nanos[i], ok = shift(a.ints[i], a.nanosAt(i), b.ints[i], 1)
		}
		if !ok {
			setBit(failed, i)
		}
	}
}

// shift adds sign times a duration to an instant; false where the sum leaves the years 1 to 9999.
func shift(seconds int64, nanos int32, duration int64, sign int64) (int64, int32, bool) {
	whole, part := duration/1e9, duration%1e9 // of one sign
	seconds += sign * whole
	rest := int64(nanos) + sign*part
	seconds, rest = seconds+floorDiv(rest, 1e9), floorMod(rest, 1e9)
	return seconds, int32(rest), firstSecond <= seconds && seconds <= lastSecond
}

// between is one instant minus another in nanoseconds; false where that does not fit into 64 bits.
func between(seconds int64, nanos int32, fromSeconds int64, fromNanos int32) (int64, bool) {
	whole, ok := subInts(seconds, fromSeconds)
	if !ok {
		return 0, false
	}
	product, ok := mulInts(whole, int64(time.Second))
	if !ok {
		return 0, false
	}
	return addInts(product, int64(nanos)-int64(fromNanos))
}

// dateArithmetic is date minus date, as a duration.
func dateArithmetic(op opcode, out *vec, failed []uint64, a, b *vec) bool {
	if op != opSub || a.kind != kindDate || b.kind != kindDate || out.kind != kindDuration {
		return false
	}
	for i := range out.ints {
		days, ok := mulInts(a.ints[i]-b.ints[i], 86_400e9)
		if out.ints[i] = days; !ok {
			setBit(failed, i)
		}
	}
	return true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
