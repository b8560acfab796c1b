package rules

import (
	"math"
	"math/big"
)

// whole is a value as an integer: of a timestamp, in nanoseconds.
func whole(k kind, v literal) *big.Int {
	switch k {
	case kindUint:
		return new(big.Int).SetUint64(v.Uint)
	case kindTimestamp:
		seconds := new(big.Int).Mul(big.NewInt(v.Sec), big.NewInt(1e9))
		return seconds.Add(seconds, big.NewInt(int64(v.Nanos)))
	case kindDate: // in nanoseconds too, so that two dates make a duration
		return new(big.Int).Mul(big.NewInt(v.Int), big.NewInt(86_400e9))
	}
	return big.NewInt(v.Int)
}

// fromWhole is the inverse of whole, for integers that fit.
func fromWhole(k kind, v *big.Int) literal {
	switch k {
	case kindUint:
		return literal{Uint: v.Uint64()}
	case kindTimestamp:
		seconds, nanos := new(big.Int).DivMod(v, big.NewInt(1e9), new(big.Int))
		return literal{Sec: seconds.Int64(), Nanos: int32(nanos.Int64())}
	}
	return literal{Int: v.Int64()}
}

// limits are the ends of what checked arithmetic may result in: beyond them it fails.
func limits(k kind) (lo, hi *big.Int) {
	switch k {
	case kindUint:
		return new(big.Int), new(big.Int).SetUint64(math.MaxUint64)
	case kindTimestamp:
		return whole(k, literal{Sec: firstSecond}), whole(k, literal{Sec: lastSecond, Nanos: 999_999_999})
	}
	return big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64)
}

// computed is checked arithmetic.
func (g *guesser) computed(nd *node) estimate {
	e, k, args := g.strict(nd), nd.typ.kind, g.args(nd)
	if !e.valued(k) {
		return e
	}
	switch {
	case k == kindString || k == kindBytes:
	case k == kindDouble && nd.op == opNeg:
		s := args[0].span
		e.span = span{lo: literal{Double: -s.hi.Double}, hi: literal{Double: -s.lo.Double}, nan: s.nan}
	case k == kindDouble:
		e.span = doubleSpan(nd.op, args[0].span, args[1].span)
	case nd.op == opNeg:
		s := args[0].span
		e = e.checked(k, new(big.Int).Neg(whole(k, s.lo)), new(big.Int).Neg(whole(k, s.hi))).passing(args)
	default:
		e = g.wholeArithmetic(nd, e, args[0].span, args[1].span).passing(args)
	}
	return e
}

// checked makes the estimate of arithmetic with these exact results at its corners: what lies beyond the limits fails.
func (e estimate) checked(k kind, corners ...*big.Int) estimate {
	lo, hi := corners[0], corners[0]
	for _, corner := range corners[1:] {
		if corner.Cmp(lo) < 0 {
			lo = corner
		}
		if corner.Cmp(hi) > 0 {
			hi = corner
		}
	}
	least, most := limits(k)
	if e.set &^= MayFail; lo.Cmp(least) < 0 || hi.Cmp(most) > 0 {
		e.set |= MayFail
	}
	if hi.Cmp(least) < 0 || lo.Cmp(most) > 0 {
		e.set &^= hasValue
		return e
	}
	if lo.Cmp(least) < 0 {
		lo = least
	}
	if hi.Cmp(most) > 0 {
		hi = most
	}
	e.span = span{lo: fromWhole(k, lo), hi: fromWhole(k, hi)}
	return e
}

// wholeArithmetic is + - * / % of integers, and of instants, days and durations as integers.
func (g *guesser) wholeArithmetic(nd *node, e estimate, a, b span) estimate {
	ka, kb, k := g.kindOf(nd.args[0]), g.kindOf(nd.args[1]), nd.typ.kind
	xs, ys := [2]*big.Int{whole(ka, a.lo), whole(ka, a.hi)}, [2]*big.Int{whole(kb, b.lo), whole(kb, b.hi)}
	switch nd.op {
	case opAdd:
		return e.checked(k, corners((*big.Int).Add, xs, ys)...)
	case opSub:
		e = e.checked(k, corners((*big.Int).Sub, xs, ys)...)
		e.set |= subtractionFails(ka, kb, a, b)
		return e
	case opMul:
		return e.checked(k, corners((*big.Int).Mul, xs, ys)...)
	}
	return e.divided(nd.op, k, xs, ys)
}

// corners are the results of an operation on the ends of two spans. Where it rises or falls with each argument, all results
// lie between.
func corners(op func(z, x, y *big.Int) *big.Int, xs, ys [2]*big.Int) (out []*big.Int) {
	for _, x := range xs {
		for _, y := range ys {
			out = append(out, op(new(big.Int), x, y))
		}
	}
	return out
}

// divided is a quotient or a remainder.
func (e estimate) divided(op opcode, k kind, xs, ys [2]*big.Int) estimate {
	least, _ := limits(k)
	byZero := ys[0].Sign() <= 0 && ys[1].Sign() >= 0
	switch {
	case ys[0].Sign() == 0 && ys[1].Sign() == 0:
		e.set = e.set&^hasValue | MayFail
		return e
	case op == opMod:
		e = e.checked(k, remainders(xs, largest(ys))...)
		byZero = byZero || xs[0].Cmp(least) == 0 && ys[0].Sign() < 0 // divided by -1, the least integer fails
	case byZero:
		most := largest(xs)
		e = e.checked(k, new(big.Int).Neg(most), most)
	default:
		e = e.checked(k, corners((*big.Int).Quo, xs, ys)...)
	}
	if byZero {
		e.set |= MayFail
	}
	return e
}

// subtractionFails is what fails in the kernels although its exact result fits: an instant minus the least duration, and two
// instants whose distance fits by less than their parts of a second.
func subtractionFails(ka, kb kind, a, b span) OutcomeSet {
	const most = (math.MaxInt64 - 2_000_000_000) / 1_000_000_000 // seconds
	switch {
	case ka == kindTimestamp && kb == kindDuration && b.lo.Int == math.MinInt64:
		return MayFail
	case ka == kindTimestamp && kb == kindTimestamp:
		low, high := saturating(a.lo.Sec, -b.hi.Sec), saturating(a.hi.Sec, -b.lo.Sec)
		if b.lo.Sec == math.MinInt64 || low < -most || high > most {
			return MayFail
		}
	}
	return 0
}

// largest is the largest distance from 0 between two integers.
func largest(ends [2]*big.Int) *big.Int {
	a, b := new(big.Int).Abs(ends[0]), new(big.Int).Abs(ends[1])
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}

// remainders are the ends of what a remainder may be: it has the sign of the dividend, is no further from 0, and nearer than
// the divisor.
func remainders(xs [2]*big.Int, divisor *big.Int) []*big.Int {
	below := new(big.Int).Sub(divisor, big.NewInt(1))
	lo, hi := new(big.Int), new(big.Int)
	if xs[0].Sign() < 0 {
		if lo.Neg(below); xs[0].Cmp(lo) > 0 {
			lo = xs[0]
		}
	}
	if xs[1].Sign() > 0 {
		if hi = below; xs[1].Cmp(hi) < 0 {
			hi = xs[1]
		}
	}
	return []*big.Int{lo, hi}
}

// doubleSpan is the span of + - * / of doubles: rounding keeps the order, so corners bound it. Where infinities meet what makes
// NaN of them, it is all doubles.
func doubleSpan(op opcode, a, b span) span {
	if op == opDiv && b.lo.Double <= 0 && b.hi.Double >= 0 {
		return anything(kindDouble)
	}
	out := span{lo: literal{Double: math.Inf(1)}, hi: literal{Double: math.Inf(-1)}, nan: a.nan || b.nan}
	for _, x := range []float64{a.lo.Double, a.hi.Double} {
		for _, y := range []float64{b.lo.Double, b.hi.Double} {
			v := []float64{0}
			doubleArithmetic(op, v, []float64{x}, []float64{y})
			if v[0] != v[0] || math.IsInf(x, 0) && op != opAdd && op != opSub || math.IsInf(y, 0) && op != opAdd && op != opSub {
				return anything(kindDouble)
			}
			out.lo.Double, out.hi.Double = min(out.lo.Double, v[0]), max(out.hi.Double, v[0])
		}
	}
	if infinite(a) && infinite(b) {
		return anything(kindDouble)
	}
	return out
}

func infinite(s span) bool { return math.IsInf(s.lo.Double, 0) || math.IsInf(s.hi.Double, 0) }

// saturating is a sum that stops at the ends of 64 bits.
func saturating(a, b int64) int64 {
	sum, ok := addInts(a, b)
	switch {
	case ok || b == 0:
		return sum
	case b > 0:
		return math.MaxInt64
	}
	return math.MinInt64
}

// converted is a conversion between kinds.
func (g *guesser) converted(nd *node) estimate {
	e, from, to := g.strict(nd), g.kindOf(nd.args[0]), nd.typ.kind
	args := g.args(nd)
	s, toWhole := args[0].span, to == kindInt || to == kindUint
	switch {
	case from == to:
		return args[0]
	case !e.valued(to):
	case to == kindInt && from == kindTimestamp:
		e = e.sure(span{lo: literal{Int: s.lo.Sec}, hi: literal{Int: s.hi.Sec}}).passing(args)
	case to == kindInt && (from == kindDate || from == kindDuration), to == kindDuration && from == kindInt:
		e = e.sure(s).passing(args)
	case toWhole && (from == kindInt || from == kindUint):
		e = e.checked(to, whole(from, s.lo), whole(from, s.hi)).passing(args)
	case toWhole && from == kindDouble:
		e = e.truncated(to, s).passing(args)
	case to == kindDouble && from == kindInt:
		e.span = span{lo: literal{Double: float64(s.lo.Int)}, hi: literal{Double: float64(s.hi.Int)}}
	case to == kindDouble && from == kindUint:
		e.span = span{lo: literal{Double: float64(s.lo.Uint)}, hi: literal{Double: float64(s.hi.Uint)}}
	case to == kindTimestamp && from == kindInt:
		e = e.checked(to, whole(to, literal{Sec: s.lo.Int}), whole(to, literal{Sec: s.hi.Int})).passing(args)
	case to == kindTimestamp && from == kindDate:
		e = e.midnights(nd, s).passing(args)
	case to == kindDate && from == kindTimestamp:
		e.span = localDays(nd, s)
	}
	return e
}

// sure is a conversion that never fails.
func (e estimate) sure(s span) estimate {
	e.set &^= MayFail
	e.span = s
	return e
}

// passing adds the errors of arguments.
func (e estimate) passing(args []estimate) estimate {
	for _, arg := range args {
		e.set |= arg.set & MayFail
	}
	return e
}

// truncated is a double as an integer, towards 0.
func (e estimate) truncated(k kind, s span) estimate {
	least, most := -float64(1<<63), float64(1<<63)
	if k == kindUint {
		least, most = -1, 1<<64 // -1 itself is out: what is above it, and below 0, fails all the same
	}
	if e.set &^= MayFail; s.nan || s.lo.Double <= least || s.hi.Double >= most || k == kindUint && s.lo.Double < 0 {
		e.set |= MayFail
	}
	lo, hi := math.Trunc(max(s.lo.Double, least)), math.Trunc(min(s.hi.Double, most))
	if s.hi.Double <= least || s.lo.Double >= most {
		e.set &^= hasValue
		return e
	}
	wholeOf := func(v float64) *big.Int {
		out, _ := new(big.Float).SetFloat64(v).Int(nil)
		return out
	}
	fails := e.set & MayFail
	e = e.checked(k, wholeOf(lo), wholeOf(hi))
	e.set = e.set&^MayFail | fails
	return e
}
