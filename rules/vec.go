package rules

import (
	"github.com/apache/arrow/go/v17/arrow"
)

// A vec holds one value a row of one node: bitmaps that say which rows have a value, and the values in the slice that its
// kind calls for. Where a row has none, the slices hold anything.
//
// It may share memory with an Arrow array and with other vecs: nobody writes to one once it is made. It lives as long as
// the slice of rows that it was made for; what lives longer is a copy (keep).
type vec struct {
	kind kind
	n    int

	known []uint64 // nil: every row has a value
	fail  []uint64 // nil: no row is an error. Rows that are neither known nor failed are unknown

	bits   []uint64    // bool
	ints   []int64     // int; date: days; duration: nanoseconds; timestamp: seconds
	nanos  []int32     // timestamp: 0..999999999 after the second; nil: all zero
	uints  []uint64    // uint
	floats []float64   // double
	texts  []string    // string, bytes
	nested arrow.Array // list, map, struct: rows of it
	rows   []int32     // nested: the row of the array that each row is; nil: row i is base+i
	base   int         // nested
}

// knows reports whether row i has a value.
func (v *vec) knows(i int) bool { return v.known == nil || hasBit(v.known, i) }

// nanosAt is the part of a timestamp after its second.
func (v *vec) nanosAt(i int) int32 {
	if v.nanos == nil {
		return 0
	}
	return v.nanos[i]
}

// rowAt is the row of the nested array that row i is.
func (v *vec) rowAt(i int) int {
	if v.rows == nil {
		return v.base + i
	}
	return int(v.rows[i])
}

// An arena hands out scratch memory for the vecs of one slice of rows and takes all of it back at once.
type arena struct {
	vecs   []*vec
	vec    int // how many of vecs are handed out
	words  pool[uint64]
	ints   pool[int64]
	small  pool[int32]
	floats pool[float64]
	texts  pool[string]
}

// reset takes everything back.
func (a *arena) reset() {
	a.vec, a.words.used, a.ints.used, a.small.used, a.floats.used, a.texts.used = 0, 0, 0, 0, 0, 0
}

// new returns a vec of n rows without data, known everywhere.
func (a *arena) new(k kind, n int) *vec {
	if a.vec == len(a.vecs) {
		a.vecs = append(a.vecs, new(vec))
	}
	v := a.vecs[a.vec]
	a.vec++
	*v = vec{kind: k, n: n}
	return v
}

// A pool keeps the slices that it handed out, in order, for the next round.
type pool[T any] struct {
	slices [][]T
	used   int
}

// get returns n values that hold anything.
func (p *pool[T]) get(n int) []T {
	if p.used == len(p.slices) {
		p.slices = append(p.slices, nil)
	}
	if s := p.slices[p.used]; s == nil || cap(s) < n { // an empty bitmap must not be nil: that says all rows
		p.slices[p.used] = make([]T, n, n+n/8+8)
	}
	p.used++
	return p.slices[p.used-1][:n]
}

// zeros returns n zero values.
func (p *pool[T]) zeros(n int) []T {
	values := p.get(n)
	clear(values)
	return values
}

// ones returns the bitmap of n rows with every bit set.
func (a *arena) ones(n int) []uint64 {
	bitmap := a.words.get(words(n))
	for w := range bitmap {
		bitmap[w] = ^uint64(0)
	}
	if n > 0 {
		bitmap[len(bitmap)-1] = tail(n)
	}
	return bitmap
}

// both is the rows of two known bitmaps that both know; nil stands for all rows.
func (a *arena) both(x, y []uint64) []uint64 {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	out := a.words.get(len(x))
	andWords(out, x, y)
	return out
}

// either is the rows of two fail bitmaps that one of them has; nil stands for none.
func (a *arena) either(x, y []uint64) []uint64 {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	out := a.words.get(len(x))
	orWords(out, x, y)
	return out
}

// strict2 gives the state of a call with two arguments: the leftmost argument without a value decides.
func (a *arena) strict2(x, y *vec) (known, fail []uint64) {
	known, fail = a.both(x.known, y.known), x.fail
	if y.fail != nil {
		fail = a.either(x.fail, a.both(y.fail, x.known))
	}
	return known, fail
}

// strictOf is strict2 for a node's two arguments: the rule may have them the other way round.
func (a *arena) strictOf(nd *node, x, y *vec) (known, fail []uint64) {
	if nd.swapped {
		x, y = y, x
	}
	return a.strict2(x, y)
}

// strictAll gives the state of a call in which an error wins over unknown, wherever it stands: == and calls of three or
// more arguments.
func (a *arena) strictAll(args ...*vec) (known, fail []uint64) {
	for _, arg := range args {
		known, fail = a.both(known, arg.known), a.either(fail, arg.fail)
	}
	return known, fail
}

// failing takes rows that a kernel found to be errors out of the known ones. failed may have bits of rows without a value.
func (a *arena) failing(v *vec, failed []uint64) {
	failed = a.both(v.known, failed)
	for _, word := range failed {
		if word != 0 {
			v.fail = a.either(v.fail, failed)
			known := a.words.get(len(failed))
			have := v.known
			if have == nil {
				have = a.ones(v.n)
			}
			for w := range known {
				known[w] = have[w] &^ failed[w]
			}
			v.known = known
			return
		}
	}
}

// mask is the four-valued answer of a bool vec, bits past n zero.
func (a *arena) mask(v *vec) Mask {
	m := Mask{known: v.known, n: v.n, fails: v.fail != nil}
	switch {
	case v.kind == kindNull:
		m.known, m.value = a.words.zeros(words(v.n)), a.words.zeros(words(v.n))
	case v.known == nil:
		m.value = v.bits
	case v.fail == nil:
		m.value = a.both(v.bits, v.known)
	default:
		m.value = a.either(a.both(v.bits, v.known), v.fail)
	}
	return m
}

// boolVec is the inverse of mask.
func (a *arena) boolVec(m Mask) *vec {
	v := a.new(kindBool, m.n)
	v.known, v.bits = m.known, m.value
	if m.known != nil && m.fails {
		v.fail = a.words.get(len(m.value))
		for w, known := range m.known {
			v.fail[w] = m.value[w] &^ known
		}
	}
	return v
}

// maskLike makes a Mask of n rows for the answer of an operation on args: with a known bitmap if one of them has it.
func (a *arena) maskLike(n int, args ...Mask) Mask {
	out := Mask{value: a.words.get(words(n)), n: n}
	for _, arg := range args {
		if arg.known != nil && out.known == nil {
			out.known = a.words.get(words(n))
		}
		out.fails = out.fails || arg.fails
	}
	return out
}
