package rules

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
)

// A machine answers whether a regular expression matches, with one table look-up a byte. It is built whole, from the program
// that package regexp would run, and knows ASCII only: of other texts, and of patterns with word boundaries, lines or very many
// states, package regexp decides. It does not change; many goroutines use it.
type machine struct {
	next  [][128]uint8 // by state, then by byte
	atEnd []bool       // by state: the text matches if it ends here
	start uint8
}

// The first two states: no text matches any more, every text matches.
const (
	machineDead uint8 = iota
	machineDone
	machineOthers
)

// mostStates is how many states a machine may have.
const mostStates = 250

// newMachine builds the machine of a pattern; nil where it has none.
func newMachine(pattern *regexp.Regexp) *machine {
	parsed, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil
	}
	for _, inst := range program.Inst {
		if flags := syntax.EmptyOp(inst.Arg); inst.Op == syntax.InstEmptyWidth && flags&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 {
			return nil
		}
	}
	b := &machineBuilder{program: program, states: map[string]uint8{}, machine: &machine{
		next: make([][128]uint8, machineOthers), atEnd: []bool{machineDead: false, machineDone: true},
	}}
	b.start = b.state(b.closure([]uint32{uint32(program.Start)}, syntax.EmptyBeginText), true)
	for at := int(machineOthers); at < len(b.next); at++ {
		b.fill(at)
	}
	if b.tooMany {
		return nil
	}
	return b.machine
}

// matches answers for a text; sure is false where it cannot tell.
func (m *machine) matches(text string) (is, sure bool) {
	state := m.start
	for i := 0; i < len(text) && state >= machineOthers; i++ {
		c := text[i]
		if c >= 128 {
			return false, false
		}
		state = m.next[state][c]
	}
	return m.atEnd[state], true
}

// A machineBuilder finds the states: each is a set of instructions that the program may be at.
type machineBuilder struct {
	*machine
	program *syntax.Prog
	states  map[string]uint8 // by set
	sets    [][]uint32       // by state, from machineOthers on
	tooMany bool
}

// closure follows what takes no text. The result has the instructions that wait for a character, for the end, or that match.
func (b *machineBuilder) closure(from []uint32, holds syntax.EmptyOp) (out []uint32) {
	seen := map[uint32]bool{}
	for len(from) > 0 {
		pc := from[len(from)-1]
		from = from[:len(from)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch inst := &b.program.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			from = append(from, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			from = append(from, inst.Out)
		case syntax.InstEmptyWidth:
			if wants := syntax.EmptyOp(inst.Arg); wants&^holds == 0 {
				from = append(from, inst.Out)
			} else if wants&syntax.EmptyEndText != 0 {
				out = append(out, pc)
			}
		case syntax.InstFail:
		default:
			out = append(out, pc)
		}
	}
	slices.Sort(out)
	return out
}

// state finds the state of a set, or makes one.
func (b *machineBuilder) state(set []uint32, first bool) uint8 {
	switch {
	case slices.ContainsFunc(set, b.isMatch):
		return machineDone
	case len(set) == 0 && b.anchored():
		return machineDead
	}
	key := fmt.Sprint(set, first)
	if at, made := b.states[key]; made {
		return at
	}
	if len(b.next) == mostStates {
		b.tooMany = true
		return machineDead
	}
	holds := syntax.EmptyEndText
	if first {
		holds |= syntax.EmptyBeginText
	}
	at := uint8(len(b.next))
	b.states[key], b.sets, b.next = at, append(b.sets, set), append(b.next, [128]uint8{})
	b.atEnd = append(b.atEnd, slices.ContainsFunc(b.closure(slices.Concat(set, b.restart()), holds), b.isMatch))
	return at
}

func (b *machineBuilder) isMatch(pc uint32) bool { return b.program.Inst[pc].Op == syntax.InstMatch }

// anchored says whether a match can begin at the start of the text only.
func (b *machineBuilder) anchored() bool { return b.program.StartCond()&syntax.EmptyBeginText != 0 }

// restart is where a match that begins later begins.
func (b *machineBuilder) restart() []uint32 {
	if b.anchored() {
		return nil
	}
	return []uint32{uint32(b.program.Start)}
}

// fill finds where each character leads from a state. Neighbours mostly lead to the same.
func (b *machineBuilder) fill(state int) {
	var before []uint32
	var next uint8
	for c := range rune(128) {
		reached := b.reach(b.sets[state-int(machineOthers)], c)
		if c == 0 || !slices.Equal(reached, before) {
			next, before = b.state(b.closure(slices.Concat(reached, b.restart()), 0), false), reached
		}
		b.next[state][c] = next
	}
}

// reach lists the instructions after those of a set that take a character.
func (b *machineBuilder) reach(set []uint32, c rune) (out []uint32) {
	for _, pc := range set {
		if inst := &b.program.Inst[pc]; inst.Op != syntax.InstEmptyWidth && inst.MatchRune(c) {
			out = append(out, inst.Out)
		}
	}
	return out
}
