package rules

import (
	"cmp"
	"math"
	"math/big"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// aggregate answers sum, avg, min and max: the body is evaluated over all elements of the slice's lists at once, then folded
// list by list. Elements whose body is unknown do not count; one that failed makes its list's answer an error.
func (e *Evaluator) aggregate(nd *node, f *frame) *vec {
	lists := e.eval(nd.args[0], f)
	inner, starts, ok := e.flatten(lists, nd.depth, f)
	if !ok {
		out := e.unknown(nd.typ.kind, f.n)
		out.fail = lists.fail
		return out
	}
	body := e.eval(nd.body, inner)
	if body.kind == kindNull {
		body = e.unknown(nd.typ.kind, body.n)
	}
	var out *vec
	switch nd.op {
	case opSum:
		out = e.sumLists(nd, body, starts)
	case opAvg:
		out = e.averageLists(nd, body, starts)
	default:
		out = e.pickFrom(body, e.extremes(nd.op == opMax, body, starts))
	}
	if body.fail != nil {
		failed := e.arena.words.zeros(words(f.n))
		anyIn(failed, body.fail, starts)
		e.arena.overrule(out, failed)
	}
	out.known, out.fail = e.within(lists, out)
	return out
}

// overrule makes rows errors, whether they are known or not.
func (a *arena) overrule(v *vec, failed []uint64) {
	have := v.known
	if have == nil {
		have = a.ones(v.n)
	}
	v.known, v.fail = a.words.get(len(failed)), a.either(v.fail, failed)
	for w := range v.known {
		v.known[w] = have[w] &^ failed[w]
	}
}

// sumLists adds up what each list holds; none is 0.
func (e *Evaluator) sumLists(nd *node, body *vec, starts []int32) *vec {
	n := len(starts) - 1
	out := e.arena.new(nd.typ.kind, n)
	e.blank(out)
	failed := e.arena.words.zeros(words(n))
	for i := range n {
		from, to := int(starts[i]), int(starts[i+1])
		fits := true
		switch body.kind {
		case kindInt:
			out.ints[i], fits = sumOfInts(body, from, to)
		case kindUint:
			out.uints[i], fits = sumOfUints(body, from, to)
		default:
			out.floats[i], _ = e.sumOfDoubles(nd, body, from, to)
		}
		if !fits {
			setBit(failed, i)
		}
	}
	e.arena.failing(out, failed)
	return out
}

// sumOfInts adds up elements; false where the sum does not fit, whatever it was on the way.
func sumOfInts(body *vec, from, to int) (int64, bool) {
	var high, low, carry uint64
	for j := from; j < to; j++ {
		if body.knows(j) {
			v := body.ints[j]
			low, carry = bits.Add64(low, uint64(v), 0)
			high += uint64(v>>63) + carry
		}
	}
	return int64(low), int64(high) == int64(low)>>63
}

func sumOfUints(body *vec, from, to int) (uint64, bool) {
	var high, low, carry uint64
	for j := from; j < to; j++ {
		if body.knows(j) {
			low, carry = bits.Add64(low, body.uints[j], 0)
			high += carry
		}
	}
	return low, high == 0
}

// sumOfDoubles adds up elements, exactly, and counts them. The result is rounded once: so that of two is what hardware makes
// of them. Decimals are added as such.
func (e *Evaluator) sumOfDoubles(nd *node, body *vec, from, to int) (float64, uint64) {
	if nd.lit.Int > 0 {
		total, count := decimalSum(body, from, to, int(nd.lit.Int)-1)
		return decimalDouble(total, int32(nd.lit.Int)-1), count
	}
	count, few := uint64(0), [2]float64{}
	for j := from; j < to; j++ {
		if !body.knows(j) {
			continue
		}
		if v := body.floats[j]; count < 2 {
			few[count] = v
		} else {
			if count == 2 {
				e.total.reset()
				e.total.add(few[0])
				e.total.add(few[1])
			}
			e.total.add(v)
		}
		count++
	}
	if count <= 2 {
		return few[0] + few[1] + 0, count // no negative zero
	}
	return e.total.value(), count
}

// decimalSum adds up doubles that are decimals of so many places and at most 15 digits: each tells its decimal exactly.
func decimalSum(body *vec, from, to, places int) (total decimal128.Num, count uint64) {
	for j := from; j < to; j++ {
		if body.knows(j) {
			total = total.Add(decimal128.FromI64(int64(math.Round(body.floats[j] * exactPowers[places]))))
			count++
		}
	}
	return total, count
}

// averageLists is the mean of what each list holds, rounded once; of nothing there is none.
func (e *Evaluator) averageLists(nd *node, body *vec, starts []int32) *vec {
	n := len(starts) - 1
	out := e.arena.new(kindDouble, n)
	e.blank(out)
	out.known = e.arena.words.zeros(words(n))
	for i := range n {
		mean, count := e.averageOf(nd, body, int(starts[i]), int(starts[i+1]))
		if out.floats[i] = mean; count > 0 {
			setBit(out.known, i)
		}
	}
	return out
}

func (e *Evaluator) averageOf(nd *node, body *vec, from, to int) (mean float64, count uint64) {
	if nd.lit.Int > 0 {
		total, count := decimalSum(body, from, to, int(nd.lit.Int)-1)
		return decimalMean(total, count, int(nd.lit.Int)-1), count
	}
	e.total.reset()
	for j := from; j < to; j++ {
		if !body.knows(j) {
			continue
		}
		count++
		switch body.kind {
		case kindInt:
			e.total.addInt(body.ints[j])
		case kindUint:
			e.total.addUint(body.uints[j])
		default:
			e.total.add(body.floats[j])
		}
	}
	return e.total.over(max(count, 1)), count
}

// decimalMean is total / (count * 10^places), rounded once.
func decimalMean(total decimal128.Num, count uint64, places int) float64 {
	by := new(big.Int).Mul(new(big.Int).SetUint64(max(count, 1)), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil))
	if low := int64(total.LowBits()); total.HighBits() == low>>63 && -1<<53 <= low && low <= 1<<53 && by.BitLen() <= 53 {
		return float64(low) / float64(by.Int64())
	}
	mean, _ := new(big.Rat).SetFrac(total.BigInt(), by).Float64()
	return mean
}

// extremes is the place of the smallest or largest element of each list, the first of equal ones, or -1.
func (e *Evaluator) extremes(largest bool, body *vec, starts []int32) []int32 {
	out := e.arena.small.get(len(starts) - 1)
	switch body.kind {
	case kindUint:
		extremesOf(out, largest, body, body.uints, starts)
	case kindDouble:
		extremesOf(out, largest, body, body.floats, starts)
	case kindString:
		extremesOf(out, largest, body, body.texts, starts)
	case kindInt, kindDate, kindDuration, kindTimestamp:
		extremesOf(out, largest, body, body.ints, starts)
	default:
		fill(out, -1)
	}
	return out
}

// extremesOf passes over NaN, which has no order.
func extremesOf[T cmp.Ordered](out []int32, largest bool, body *vec, values []T, starts []int32) {
	for i := range out {
		best := int32(-1)
		for j := starts[i]; j < starts[i+1]; j++ {
			switch v := values[j]; {
			case !body.knows(int(j)) || v != v:
			case best < 0:
				best = j
			case v == values[best] && body.nanos != nil:
				if less := body.nanos[j] < body.nanos[best]; less != largest && body.nanos[j] != body.nanos[best] {
					best = j
				}
			case v < values[best] != largest && v != values[best]:
				best = j
			}
		}
		out[i] = best
	}
}

// pickFrom is row places[i] of v in row i, and nothing where that is negative.
func (e *Evaluator) pickFrom(v *vec, places []int32) *vec {
	if v.n == 0 {
		return e.unknown(v.kind, len(places))
	}
	missing := e.arena.words.zeros(words(len(places)))
	for i, place := range places {
		if place < 0 {
			setBit(missing, i)
			places[i] = 0
		}
	}
	out := e.gather(v, places)
	known := e.arena.words.get(len(missing))
	for w, have := range e.knownBits(out) {
		known[w] = have &^ missing[w]
	}
	out.known, out.fail = known, nil
	return out
}
