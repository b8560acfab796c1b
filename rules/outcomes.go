package rules

import "strings"

// An OutcomeSet holds the outcomes that a rule may have in some rows, a bit each. It may hold more than occur, never fewer.
type OutcomeSet uint8

// The outcomes, in the order of the letters T, F, U, E.
const (
	MayBeTrue OutcomeSet = 1 << iota
	MayBeFalse
	MayBeUnknown
	MayFail

	outcomeCount = 4
	truths       = MayBeTrue | MayBeFalse
	noValue      = MayBeUnknown | MayFail
)

// Has says whether one of some outcomes may occur.
func (s OutcomeSet) Has(some OutcomeSet) bool { return s&some != 0 }

// Settled says whether only one outcome is possible: every row has it.
func (s OutcomeSet) Settled() bool { return s != 0 && s&(s-1) == 0 }

// String spells the outcomes by their letters.
func (s OutcomeSet) String() string {
	var b strings.Builder
	for i, letter := range "TFUE" {
		if s>>i&1 != 0 {
			b.WriteRune(letter)
		}
	}
	return b.String()
}

// mapped is what becomes of each outcome of a set.
func (s OutcomeSet) mapped(yes, no, unknown, fail OutcomeSet) (out OutcomeSet) {
	for i, to := range [outcomeCount]OutcomeSet{yes, no, unknown, fail} {
		if s>>i&1 != 0 {
			out |= to
		}
	}
	return out
}

// Each outcome of a && b, and of a || b, is one of an argument's: the first of these that one has (RULES.md 3.2).
var (
	andOrder = [outcomeCount]OutcomeSet{MayBeFalse, MayBeUnknown, MayFail, MayBeTrue}
	orOrder  = [outcomeCount]OutcomeSet{MayBeTrue, MayBeUnknown, MayFail, MayBeFalse}
)

// strongest is the outcomes of && or || over two sets: one of a's is the answer where b may have one that is no stronger.
func strongest(order [outcomeCount]OutcomeSet, a, b OutcomeSet) (out OutcomeSet) {
	weaker := truths | noValue
	for _, o := range order {
		if a.Has(o) && b.Has(weaker) || b.Has(o) && a.Has(weaker) {
			out |= o
		}
		weaker &^= o
	}
	return out
}
