package rules

import (
	"math/bits"
	"strings"
)

// A Mask holds one four-valued answer a row: true, false, unknown or error.
//
// Both bitmaps are (n+63)/64 words, lowest bit first; bits past n are zero. (known, value) is true (1,1), false (1,0),
// unknown (0,0) or error (0,1). Where every row is known, known may be nil: the two-valued loops look at value alone.
// Who made a Mask owns its words; many goroutines may read it. The operations panic on unequal lengths: a bug.
type Mask struct {
	known, value []uint64
	fails        bool // some row may be an error: the four-valued loops are needed
	n            int  // rows
}

// Len returns the number of rows.
func (m Mask) Len() int { return m.n }

// words is how many words n bits take.
func words(n int) int { return (n + 63) >> 6 }

// tail is the word of bits that the last of words(n) words has; all ones where it is full.
func tail(n int) uint64 {
	if n&63 == 0 {
		return ^uint64(0)
	}
	return 1<<(n&63) - 1
}

// knownWord returns word w of known, with the bits past n zero.
func (m Mask) knownWord(w int) uint64 {
	if m.known != nil {
		return m.known[w]
	}
	if w == len(m.value)-1 {
		return tail(m.n)
	}
	return ^uint64(0)
}

// True returns how many rows are true.
func (m Mask) True() int {
	count := 0
	for w, value := range m.value {
		count += bits.OnesCount64(m.knownWord(w) & value)
	}
	return count
}

// Unknown returns how many rows are unknown.
func (m Mask) Unknown() int {
	if m.known == nil {
		return 0
	}
	settled := 0
	for w, known := range m.known {
		settled += bits.OnesCount64(known | m.value[w])
	}
	return m.n - settled
}

// Failed returns how many rows are an error.
func (m Mask) Failed() int {
	if m.known == nil || !m.fails {
		return 0
	}
	count := 0
	for w, known := range m.known {
		count += bits.OnesCount64(m.value[w] &^ known)
	}
	return count
}

// At returns the answer of one row: T, F, U or E.
func (m Mask) At(row int) byte {
	known, value := m.knownWord(row>>6)>>(row&63)&1, m.value[row>>6]>>(row&63)&1
	return "UEFT"[known<<1|value]
}

// String spells a Mask a letter a row: T, F, U or E.
func (m Mask) String() string {
	var b strings.Builder
	for row := range m.n {
		b.WriteByte(m.At(row))
	}
	return b.String()
}

// MembersWord returns which of the rows 64*w to 64*w+63 are true.
func (m Mask) MembersWord(w int) uint64 { return m.knownWord(w) & m.value[w] }

// and is F if any is F, else U if any is U, else E if any is E, else T. It writes into out, which may be a.
func and(out *Mask, a, b Mask) {
	mustMatch(a, b)
	switch {
	case out.known == nil: // nor has a or b
		andWords(out.value, a.value, b.value)
	case a.known == nil && b.known == nil: // another argument has
		andWords(out.value, a.value, b.value)
		allKnown(out)
	case !a.fails && !b.fails && a.known == nil:
		orNotWords(out.known, b.known, a.value)
		andWords(out.value, a.value, b.value)
		trim(out.known, out.n)
	case !a.fails && !b.fails && b.known == nil:
		and(out, b, a)
	case !a.fails && !b.fails:
		andKleene(out.known, out.value, a, b)
	default:
		for w := range out.value {
			av, bv, ak, bk := a.value[w], b.value[w], a.knownWord(w), b.knownWord(w)
			dominates, both := ak&^av|bk&^bv, ak&av&bk&bv
			unknown := ^(ak | av) | ^(bk | bv)
			known := dominates | both
			out.known[w], out.value[w] = known, both|^known&^unknown
		}
	}
}

// or is T if any is T, else U, then E, then F. It writes into out, which may be a.
func or(out *Mask, a, b Mask) {
	mustMatch(a, b)
	switch {
	case out.known == nil: // nor has a or b
		orWords(out.value, a.value, b.value)
	case a.known == nil && b.known == nil: // another argument has
		orWords(out.value, a.value, b.value)
		allKnown(out)
	case !a.fails && !b.fails && a.known == nil:
		orWords(out.known, a.value, b.known)
		orWords(out.value, a.value, b.value)
	case !a.fails && !b.fails && b.known == nil:
		or(out, b, a)
	case !a.fails && !b.fails:
		orKleene(out.known, out.value, a, b)
	default:
		for w := range out.value {
			av, bv, ak, bk := a.value[w], b.value[w], a.knownWord(w), b.knownWord(w)
			dominates, both := ak&av|bk&bv, ak&^av&bk&^bv
			unknown := ^(ak | av) | ^(bk | bv)
			known := dominates | both
			out.known[w], out.value[w] = known, dominates|^known&^unknown
		}
	}
}

// not swaps T and F and keeps U and E. It writes into out, which may be a.
func not(out *Mask, a Mask) {
	for w := range out.value {
		known, value := a.knownWord(w), a.value[w]
		out.value[w] = known ^ value
		if out.known != nil {
			out.known[w] = known
		}
	}
}

// isTrue is F where a is U, and keeps E.
func isTrue(out *Mask, a Mask) {
	last := len(out.value) - 1
	for w := range out.value {
		value, known := a.value[w], a.knownWord(w)
		out.value[w] = value
		if out.known != nil {
			out.known[w] = known | ^value
		}
		if w == last && out.known != nil {
			out.known[w] &= tail(a.n)
		}
	}
}

// member is T where a is T and F elsewhere.
func member(out *Mask, a Mask) {
	for w := range out.value {
		out.value[w] = a.MembersWord(w)
	}
}

// cond is a where c is T and b where it is F; where c is U or E, so is the answer. It writes into out, which may be c.
func cond(out *Mask, c, a, b Mask) {
	mustMatch(c, a)
	mustMatch(c, b)
	for w := range out.value {
		ck, cv := c.knownWord(w), c.value[w]
		yes, no := ck&cv, ck&^cv
		out.value[w] = yes&a.value[w] | no&b.value[w] | cv&^ck
		if out.known != nil {
			out.known[w] = yes&a.knownWord(w) | no&b.knownWord(w)
		}
	}
}

// allKnown says that every row is known.
func allKnown(out *Mask) {
	for w := range out.known {
		out.known[w] = ^uint64(0)
	}
	trim(out.known, out.n)
}

// andKleene is and without errors, where both masks say which rows are known: the loop that most words go through.
func andKleene(known, value []uint64, a, b Mask) {
	av, ak, bv, bk := a.value[:len(value)], a.known[:len(value)], b.value[:len(value)], b.known[:len(value)]
	known = known[:len(value)]
	for w := range value {
		both := av[w] & bv[w]
		known[w] = ak[w]&^av[w] | bk[w]&^bv[w] | both
		value[w] = both
	}
}

// orKleene is the same for or.
func orKleene(known, value []uint64, a, b Mask) {
	av, ak, bv, bk := a.value[:len(value)], a.known[:len(value)], b.value[:len(value)], b.known[:len(value)]
	known = known[:len(value)]
	for w := range value {
		either := av[w] | bv[w]
		known[w] = ak[w]&bk[w] | either
		value[w] = either
	}
}

// orNotWords is a | !b.
func orNotWords(out, a, b []uint64) {
	b, out = b[:len(a)], out[:len(a)]
	for w, word := range a {
		out[w] = word | ^b[w]
	}
}

func andWords(out, a, b []uint64) {
	b, out = b[:len(a)], out[:len(a)]
	for w, word := range a {
		out[w] = word & b[w]
	}
}

func orWords(out, a, b []uint64) {
	b, out = b[:len(a)], out[:len(a)]
	for w, word := range a {
		out[w] = word | b[w]
	}
}

func mustMatch(a, b Mask) {
	if a.n != b.n {
		panic("rules: masks of unequal length")
	}
}
