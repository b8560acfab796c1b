package rules

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// comprehend answers exists, all, exists_one and count: the body is evaluated over all elements of the slice's lists at
// once, then folded list by list.
func (e *Evaluator) comprehend(nd *node, f *frame) *vec {
	lists := e.eval(nd.args[0], f)
	out := e.arena.new(nd.typ.kind, f.n)
	out.known, out.fail = lists.known, lists.fail
	e.blank(out)
	body, starts, ok := e.overElements(lists, nd.body, nd.depth, f)
	if !ok {
		return out
	}
	var folded *vec
	switch nd.op {
	case opExists:
		folded = e.foldAny(body, starts)
	case opAll:
		folded = e.foldAll(body, starts)
	case opExistsOne:
		folded = e.foldOne(body, starts)
	default:
		folded = e.foldCount(body, starts)
	}
	folded.known, folded.fail = e.within(lists, folded)
	return folded
}

// within is the state of an answer that stands only where the list has a value.
func (e *Evaluator) within(lists, answer *vec) (known, fail []uint64) {
	if lists.known == nil {
		return answer.known, answer.fail
	}
	known = e.arena.both(lists.known, answer.known)
	if answer.fail != nil {
		fail = e.arena.both(lists.known, answer.fail)
	}
	if lists.fail != nil {
		fail = e.arena.either(fail, lists.fail)
	}
	return known, fail
}

// overElements evaluates a body over the elements of lists. The elements of row i are those from starts[i] to starts[i+1].
// ok is false where there are no lists at all.
func (e *Evaluator) overElements(lists *vec, body nodeID, depth int, f *frame) (m Mask, starts []int32, ok bool) {
	inner, starts, ok := e.flatten(lists, depth, f)
	if !ok {
		return Mask{}, nil, false
	}
	m = e.evalMask(body, inner)
	if m.known == nil { // the folds that look at three states read it
		m.known = e.arena.ones(m.n)
	}
	return m, starts, true
}

// A flattening is the frame of the elements of some lists: the elements of row i are those from starts[i] to starts[i+1].
type flattening struct {
	lists  *vec
	depth  int
	serial int // of the frame around
	frame  *frame
	starts []int32
}

// flatten makes the frame of the elements of lists, once a slice for all bodies of one depth. A null list has no elements,
// whatever its offsets say.
func (e *Evaluator) flatten(lists *vec, depth int, f *frame) (*frame, []int32, bool) {
	for i := range e.flat {
		if have := &e.flat[i]; have.lists == lists && have.depth == depth && have.serial == f.serial {
			return have.frame, have.starts, true
		}
	}
	arr, ok := lists.nested.(array.ListLike)
	if !ok {
		return nil, nil, false
	}
	starts := e.arena.small.get(lists.n + 1)
	inner := e.newFrame(0, depth)
	inner.parent, inner.starts = f, starts
	if !e.flattenDense(lists, arr, inner) {
		e.flattenRows(lists, arr, inner)
	}
	e.flat = append(e.flat, flattening{lists, depth, f.serial, inner, starts})
	return inner, starts, true
}

// flattenDense takes the elements as they lie, where the lists follow each other and null ones are empty.
func (e *Evaluator) flattenDense(lists *vec, arr array.ListLike, inner *frame) bool {
	plain, ok := arr.(*array.List)
	if !ok || lists.rows != nil || lists.n == 0 {
		return false
	}
	from := plain.Data().Offset() + lists.base
	offsets := plain.Offsets()[from : from+lists.n+1]
	if !nullsEmpty(offsets, lists.known) {
		return false
	}
	first, starts := offsets[0], inner.starts[:len(offsets)]
	for i, at := range offsets {
		starts[i] = at - first
	}
	inner.n = int(offsets[lists.n] - first)
	inner.elements = view{plain.ListValues(), int(first), inner.n}
	return true
}

// nullsEmpty says whether the null ones among lists have no elements.
func nullsEmpty(offsets []int32, known []uint64) bool {
	n := len(offsets) - 1
	for w, word := range known {
		for null := ^word; null != 0; null &= null - 1 {
			i := w<<6 + bits.TrailingZeros64(null)
			if i >= n {
				break
			}
			if offsets[i] != offsets[i+1] {
				return false
			}
		}
	}
	return true
}

// flattenRows picks the elements list by list.
func (e *Evaluator) flattenRows(lists *vec, arr array.ListLike, inner *frame) {
	span := spanOf(lists, arr)
	for i := range lists.n {
		inner.starts[i] = int32(inner.n)
		if lists.knows(i) {
			start, end := arr.ValueOffsets(lists.rowAt(i))
			inner.n += int(end - start)
		}
	}
	inner.starts[lists.n] = int32(inner.n)
	inner.elements, inner.picked = span, e.arena.small.get(inner.n)
	for i := range lists.n {
		if lists.knows(i) {
			start, _ := arr.ValueOffsets(lists.rowAt(i))
			for j := inner.starts[i]; j < inner.starts[i+1]; j++ {
				inner.picked[j] = int32(int(start)-span.from) + j - inner.starts[i]
			}
		}
	}
}

// spanOf is the part of a list array's elements that the lists of a vec reach into.
func spanOf(lists *vec, arr array.ListLike) view {
	lo, hi := int64(-1), int64(0)
	for i := range lists.n {
		if !lists.knows(i) {
			continue
		}
		start, end := arr.ValueOffsets(lists.rowAt(i))
		if lo < 0 || start < lo {
			lo = start
		}
		hi = max(hi, end)
	}
	lo = max(lo, 0)
	return view{arr.ListValues(), int(lo), int(max(hi-lo, 0))}
}

// rowsOf spells out the parent's row of each element.
func (e *Evaluator) rowsOf(f *frame) []int32 {
	if f.rowOf != nil {
		return f.rowOf
	}
	f.rowOf = e.arena.small.get(f.n)
	for i := range len(f.starts) - 1 {
		for j := f.starts[i]; j < f.starts[i+1]; j++ {
			f.rowOf[j] = int32(i)
		}
	}
	return f.rowOf
}

// anyIn sets the bit of every list that has an element whose bit is set.
func anyIn(out, elements []uint64, starts []int32) {
	list := 0
	for w, word := range elements {
		for word != 0 {
			at := int32(w<<6 + bits.TrailingZeros64(word))
			for starts[list+1] <= at {
				list++
			}
			setBit(out, list)
			end := int(starts[list+1])
			if end >= (w+1)<<6 {
				break
			}
			word &= ^uint64(0) << (end & 63)
		}
	}
}

// foldAny is exists: true if an element is, else unknown, else an error, else false.
func (e *Evaluator) foldAny(body Mask, starts []int32) *vec {
	n := len(starts) - 1
	yes, unknown, failed := e.threeWays(body, starts, false)
	out := e.arena.new(kindBool, n)
	out.bits = yes
	e.settle(out, yes, unknown, failed)
	return out
}

// foldAll is the opposite: false if an element is, else unknown, else an error, else true.
func (e *Evaluator) foldAll(body Mask, starts []int32) *vec {
	n := len(starts) - 1
	no, unknown, failed := e.threeWays(body, starts, true)
	out := e.arena.new(kindBool, n)
	out.bits = e.arena.words.get(words(n))
	copy(out.bits, no)
	flip(out.bits, n)
	e.settle(out, no, unknown, failed)
	return out
}

// threeWays finds the lists with an element that decides (a true one, or a false one), that is unknown, that failed.
func (e *Evaluator) threeWays(body Mask, starts []int32, onFalse bool) (decided, unknown, failed []uint64) {
	n := len(starts) - 1
	parts := [3][]uint64{}
	for i := range parts {
		parts[i] = e.arena.words.zeros(words(n))
	}
	elements := e.arena.words.get(len(body.value))
	for w, value := range body.value {
		if onFalse {
			value = ^value
		}
		elements[w] = body.known[w] & value
	}
	anyIn(parts[0], elements, starts)
	for w, value := range body.value {
		elements[w] = body.knownTail(w) &^ (body.known[w] | value)
	}
	anyIn(parts[1], elements, starts)
	if body.fails {
		for w, value := range body.value {
			elements[w] = value &^ body.known[w]
		}
		anyIn(parts[2], elements, starts)
	}
	return parts[0], parts[1], parts[2]
}

// knownTail is all ones, up to the last row.
func (m Mask) knownTail(w int) uint64 {
	if w == len(m.value)-1 {
		return tail(m.n)
	}
	return ^uint64(0)
}

// settle makes a fold's answer unknown where an element is and none decided, and an error where one failed and none of
// that is so.
func (e *Evaluator) settle(out *vec, decided, unknown, failed []uint64) {
	out.known = e.arena.words.get(len(decided))
	fail := e.arena.words.get(len(decided))
	some := uint64(0)
	for w := range decided {
		fail[w] = failed[w] &^ (decided[w] | unknown[w])
		out.known[w] = ^((unknown[w] | failed[w]) &^ decided[w])
		some |= fail[w]
	}
	if out.n > 0 {
		out.known[len(out.known)-1] &= tail(out.n)
	}
	if some != 0 {
		out.fail = fail
	}
}

// foldOne is exists_one: strict, so that the last element without an answer decides.
func (e *Evaluator) foldOne(body Mask, starts []int32) *vec {
	out := e.foldCount(body, starts)
	n := out.n
	known, failed := e.arena.ones(n), e.arena.words.zeros(words(n))
	one := e.arena.new(kindBool, n)
	one.bits = e.arena.words.zeros(words(n))
	for i := range n {
		if out.ints[i] == 1 {
			setBit(one.bits, i)
		}
		for j := starts[i+1] - 1; j >= starts[i]; j-- {
			if !hasBit(body.known, int(j)) {
				known[i>>6] &^= 1 << (i & 63)
				if hasBit(body.value, int(j)) {
					setBit(failed, i)
				}
				break
			}
		}
	}
	one.known, one.fail = known, failed
	return one
}

// foldCount counts the elements that are true. An element that failed makes the count an error; an unknown one does not count.
func (e *Evaluator) foldCount(body Mask, starts []int32) *vec {
	n := len(starts) - 1
	out := e.arena.new(kindInt, n)
	out.ints = e.arena.ints.zeros(n)
	failed := e.arena.words.zeros(words(n))
	for i := range n {
		for j := starts[i]; j < starts[i+1]; j++ {
			out.ints[i] += int64(body.known[j>>6] & body.value[j>>6] >> (j & 63) & 1)
		}
	}
	if body.fails {
		elements := e.arena.words.get(len(body.value))
		for w, value := range body.value {
			elements[w] = value &^ body.known[w]
		}
		anyIn(failed, elements, starts)
	}
	e.arena.failing(out, failed)
	return out
}

// inList is membership in a list: elements that are null do not count, and none of them makes it unknown.
func (e *Evaluator) inList(id nodeID, f *frame) *vec {
	nd := &e.nodes[id]
	lists := e.eval(nd.args[1], f)
	out := e.arena.new(kindBool, f.n)
	out.known, out.fail = lists.known, lists.fail
	out.bits = e.arena.words.zeros(words(f.n))
	lit := &e.nodes[nd.args[0]]
	constant := lit.op == opConst && lit.typ.kind != kindNull
	if !constant {
		out.known, out.fail = e.arena.strictOf(nd, e.eval(nd.args[0], f), lists)
	}
	inner, starts, ok := e.flatten(lists, maxDepth, f)
	if !ok || lit.typ.kind == kindNull {
		return out
	}
	equal, done := Mask{}, false
	if constant {
		equal, done = e.elementsEqual(id, nd, lit, inner)
	}
	if !done {
		elements := e.loadElements(inner, e.elementOf(nd.args[1]))
		values := e.gather(e.eval(nd.args[0], f), e.rowsOf(inner))
		equal = e.arena.mask(e.compareVecs(equality, values, elements))
	}
	members := e.arena.words.get(len(equal.value))
	for w := range members {
		members[w] = equal.MembersWord(w)
	}
	anyIn(out.bits, members, starts)
	return out
}

// maxDepth is deeper than the elements of any comprehension: it keeps those that inList looks at apart from them.
const maxDepth = 1 << 20

// elementOf stands for the elements of lists.
func (e *Evaluator) elementOf(id nodeID) *node {
	lists := &e.nodes[id]
	return &node{op: opElement, typ: *lists.typ.elem, zone: lists.zone}
}

// elementsEqual compares every element with a constant where it lies: once an entry, if the elements point into a
// dictionary. It reports false where there is no such way.
func (e *Evaluator) elementsEqual(id nodeID, nd, lit *node, inner *frame) (Mask, bool) {
	element := e.elementOf(nd.args[1])
	if inner.picked != nil || isLocal(inner.elements.arr, element.zone) {
		return Mask{}, false
	}
	dict, encoded := inner.elements.arr.(*array.Dictionary)
	if !encoded {
		v := e.compareConst(opEq, inner.elements, element.typ.kind, lit, false)
		if v == nil {
			return Mask{}, false
		}
		return e.arena.mask(v), true
	}
	if !e.worthOnce(dict) {
		return Mask{}, false
	}
	return e.arena.mask(e.entriesEqual(id, element, lit, dict, inner)), true
}

// entriesEqual answers element == constant by dictionary code. The answers are kept with the dictionary under id.
func (e *Evaluator) entriesEqual(id nodeID, element, lit *node, dict *array.Dictionary, inner *frame) *vec {
	of := e.entriesOf(id, element, dict)
	rows, ok := e.codesOf(id, inner.elements, of.n)
	if !ok {
		return e.unknown(kindBool, inner.n)
	}
	lookup := of.tables[id]
	if lookup == nil {
		lookup = newTable(e.compareVecs(equality, of.frame.bound, e.constant(lit, of.n+1)))
		of.tables[id] = lookup
	}
	return e.lookUp(lookup, rows)
}
