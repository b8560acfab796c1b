package rules

import (
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// A caseTable lists every case that users can be in as far as some conditions look at them, a row a case: what is said of one
// value (age > 30, age < 18, age == null) goes by where that value lies, and what is said of different values goes together
// in every way. So there may be rows for no user, but no user without a row.
type caseTable struct {
	*graph
	schema    *arrow.Schema
	subjects  []*subject
	bySubject map[nodeID]*subject
	masks     map[nodeID]Mask
	rows      int // 0: there are too many
}

// A subject is a value, and the conditions on it that one look at the value answers.
type subject struct {
	value      nodeID
	conditions []nodeID
	answers    []string // by case: a letter (T, F, U, E) a condition
}

// maxCases bounds a table.
const maxCases = 1 << 16

// tableOf makes the table of some bool nodes.
func tableOf(g *graph, schema *arrow.Schema, roots ...nodeID) *caseTable {
	t := &caseTable{graph: g, schema: schema, bySubject: map[nodeID]*subject{}, masks: map[nodeID]Mask{}, rows: 1}
	seen := map[nodeID]bool{}
	for _, root := range roots {
		t.collect(root, seen)
	}
	for _, s := range t.subjects {
		s.answers = t.answersOf(s)
		if t.rows *= len(s.answers); t.rows > maxCases {
			t.rows = 0
			return t
		}
	}
	t.spell()
	return t
}

// never says whether no user can make a condition true, whatever the data.
func (g *graph) never(schema *arrow.Schema, id nodeID) bool {
	return slices.ContainsFunc(g.apart(id), func(part nodeID) bool { return !tableOf(g, schema, part).can(part, 'T') })
}

// always says whether a condition is true for every user, whatever the data.
func (g *graph) always(schema *arrow.Schema, id nodeID) bool {
	return !slices.ContainsFunc(g.apart(id), func(part nodeID) bool {
		t := tableOf(g, schema, part)
		return t.can(part, 'F') || t.can(part, 'U') || t.can(part, 'E')
	})
}

// apart takes an && apart into what looks at different values, so that tables stay small.
func (g *graph) apart(id nodeID) (parts []nodeID) {
	if g.nodes[id].op != opAnd {
		return []nodeID{id}
	}
	type group struct{ values, conditions []nodeID }
	var groups []group
	for _, arg := range g.nodes[id].args {
		joined := group{conditions: []nodeID{arg}}
		t := &caseTable{graph: g, bySubject: map[nodeID]*subject{}}
		t.collect(arg, map[nodeID]bool{})
		for _, s := range t.subjects {
			joined.values = append(joined.values, s.value)
		}
		var others []group
		for _, other := range groups {
			if slices.ContainsFunc(other.values, func(v nodeID) bool { return slices.Contains(joined.values, v) }) {
				joined = group{append(other.values, joined.values...), append(other.conditions, joined.conditions...)}
			} else {
				others = append(others, other)
			}
		}
		groups = append(others, joined)
	}
	for _, one := range groups {
		parts = append(parts, g.and(one.conditions...))
	}
	return parts
}

// can says whether a node has an answer in some case; where there are too many cases it has.
func (t *caseTable) can(id nodeID, answer byte) bool {
	return t.rows == 0 || strings.IndexByte(t.mask(id).String(), answer) >= 0
}

// connective says whether a node only connects answers, so that the table computes it from them.
func (t *caseTable) connective(id nodeID) bool {
	n := &t.nodes[id]
	switch n.op {
	case opAnd, opOr, opNot, opIsTrue, opMember:
		return true
	case opCond:
		return n.typ.kind == kindBool && !slices.ContainsFunc(n.args, func(arg nodeID) bool { return t.kind(arg) != kindBool })
	case opConst:
		return n.typ.kind == kindBool
	}
	return false
}

// collect finds the conditions below a node, and what they look at.
func (t *caseTable) collect(id nodeID, seen map[nodeID]bool) {
	if seen[id] {
		return
	}
	seen[id] = true
	if t.connective(id) {
		for _, arg := range t.nodes[id].args {
			t.collect(arg, seen)
		}
		return
	}
	value := t.looksAt(id)
	s := t.bySubject[value]
	if s == nil {
		s = &subject{value: value}
		t.bySubject[value] = s
		t.subjects = append(t.subjects, s)
	}
	s.conditions = append(s.conditions, id)
}

// looksAt is the one value that a condition compares with constants or tests for null; the condition itself when there is none.
func (t *caseTable) looksAt(id nodeID) nodeID {
	n := &t.nodes[id]
	switch n.op {
	case opEq, opLt, opLe:
		for i, arg := range n.args {
			if other := n.args[1-i]; t.isPoint(arg, t.kind(other)) && !t.isPoint(other, t.kind(arg)) {
				return other
			}
		}
	case opInSet, opIsNull:
		return n.args[0]
	}
	return id
}

// isPoint says whether a node is a constant that lies somewhere among the values of a kind.
func (t *caseTable) isPoint(id nodeID, among kind) bool {
	n := &t.nodes[id]
	if n.op != opConst || n.typ.kind == kindDouble && math.IsNaN(n.lit.Double) {
		return false
	}
	return among < kindList && (n.typ.kind == among || isNumber(n.typ.kind) && isNumber(among))
}

// answersOf lists the different answers that the conditions on a value can have together.
func (t *caseTable) answersOf(s *subject) (answers []string) {
	add := func(answer func(condition nodeID) byte) {
		row := make([]byte, len(s.conditions))
		for i, condition := range s.conditions {
			row[i] = answer(condition)
		}
		if text := string(row); !slices.Contains(answers, text) {
			answers = append(answers, text)
		}
	}
	line := t.lineOf(s)
	for _, at := range line.places() {
		add(func(condition nodeID) byte { return t.answerAt(s.value, condition, line, at) })
	}
	value := &t.nodes[s.value]
	all := func(letter, ofNullTest byte) func(nodeID) byte {
		return func(condition nodeID) byte {
			if condition != s.value && t.nodes[condition].op == opIsNull {
				return ofNullTest
			}
			return letter
		}
	}
	if value.typ.kind == kindDouble { // NaN is not null, and what is asked of it is false
		add(all('F', 'F'))
	}
	if value.canUnknown {
		add(all('U', 'T'))
	}
	if value.canFail {
		add(all('E', 'E'))
	}
	return answers
}

// answerAt answers a condition for a value that lies at a place of its line.
func (t *caseTable) answerAt(value, condition nodeID, line *line, at int) byte {
	n := &t.nodes[condition]
	where := func(constant nodeID) int {
		return line.placeOf(pointOf(t.nodes[constant].typ.kind, t.nodes[constant].lit))
	}
	holds := false
	switch {
	case condition == value:
		holds = at == line.placeOf(pointOf(kindBool, literal{Bool: true}))
	case n.op == opIsNull:
	case n.op == opInSet:
		holds = slices.ContainsFunc(pointsOf(n.set, t.kind(value)), func(p point) bool { return line.placeOf(p) == at })
	case n.op == opEq && n.args[0] == value:
		holds = at == where(n.args[1])
	case n.op == opEq:
		holds = at == where(n.args[0])
	case n.args[0] == value: // < or <=
		holds = at < where(n.args[1]) || n.op == opLe && at == where(n.args[1])
	default:
		holds = where(n.args[0]) < at || n.op == opLe && at == where(n.args[0])
	}
	if holds {
		return 'T'
	}
	return 'F'
}

// lineOf puts the constants that conditions compare a value with on a line.
func (t *caseTable) lineOf(s *subject) *line {
	value := &t.nodes[s.value]
	out := &line{}
	out.whole, out.low, out.high = t.rangeOf(s.value)
	if value.typ.kind == kindBool {
		out.add(pointOf(kindInt, literal{Int: 1}))
	}
	for _, condition := range s.conditions {
		n := &t.nodes[condition]
		if condition == s.value {
			continue
		}
		for _, arg := range n.args {
			if arg != s.value {
				out.add(pointOf(t.kind(arg), t.nodes[arg].lit))
			}
		}
		if n.op == opInSet {
			for _, p := range pointsOf(n.set, value.typ.kind) {
				out.add(p)
			}
		}
	}
	return out
}

// spell makes the masks of all conditions: the answers of one subject take turns faster than those of the next.
func (t *caseTable) spell() {
	stride := 1
	for _, s := range t.subjects {
		for i, condition := range s.conditions {
			m := t.blank()
			for row := range t.rows {
				m.set(row, s.answers[row/stride%len(s.answers)][i])
			}
			t.masks[condition] = m
		}
		stride *= len(s.answers)
	}
}

func (t *caseTable) blank() Mask {
	return Mask{known: make([]uint64, words(t.rows)), value: make([]uint64, words(t.rows)), fails: true, n: t.rows}
}

// set writes the answer of a row that has none yet.
func (m Mask) set(row int, answer byte) {
	if answer == 'T' || answer == 'F' {
		setBit(m.known, row)
	}
	if answer == 'T' || answer == 'E' {
		setBit(m.value, row)
	}
}

// mask answers a node in every case, by the operations that answer rules.
func (t *caseTable) mask(id nodeID) Mask {
	if m, done := t.masks[id]; done {
		return m
	}
	n, out := &t.nodes[id], t.blank()
	args := make([]Mask, len(n.args))
	for i, arg := range n.args {
		args[i] = t.mask(arg)
	}
	switch n.op {
	case opConst:
		putOnes(out.known, 0, t.rows)
		if n.lit.Bool {
			putOnes(out.value, 0, t.rows)
		}
	case opAnd:
		and(&out, args[0], args[1])
		for _, arg := range args[2:] {
			and(&out, out, arg)
		}
	case opOr:
		or(&out, args[0], args[1])
		for _, arg := range args[2:] {
			or(&out, out, arg)
		}
	case opNot:
		not(&out, args[0])
	case opIsTrue:
		isTrue(&out, args[0])
	case opMember:
		putOnes(out.known, 0, t.rows)
		member(&out, args[0])
	case opCond:
		cond(&out, args[0], args[1], args[2])
	}
	t.masks[id] = out
	return out
}
