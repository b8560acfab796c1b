package rules

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// A view is n rows of an Arrow array. It holds no reference.
type view struct {
	arr     arrow.Array
	from, n int
}

// slice returns a view of rows [from, from+n) of v.
func (v view) slice(from, n int) view { return view{v.arr, v.from + from, n} }

// offset is where the rows start in the array's buffers.
func (v view) offset() int { return v.arr.Data().Offset() + v.from }

// A frame is what nodes are evaluated over: a slice of rows, the elements of lists of such a slice, or the entries of a
// dictionary.
type frame struct {
	serial int // tells the frames of an evaluator apart
	n      int
	depth  int // of the elements; -1 for rows

	views  []view  // rows: by place in executable.columns
	chosen []int32 // rows: n of those of the views; nil: all

	parent   *frame  // elements: the frame of the comprehension
	starts   []int32 // elements: where those of each of the parent's rows start, and the end
	rowOf    []int32 // elements: the parent's row of each, once asked for
	elements view    // elements: n of them, or where picked says
	picked   []int32 // elements: the places in elements; nil: place i is element i

	source nodeID // dictionary: the node that stands for its entries, else noSource
	bound  *vec   // dictionary: the entries and, last, null
}

func (e *Evaluator) newFrame(n, depth int) *frame {
	e.serial++
	return &frame{serial: e.serial, n: n, depth: depth, source: noSource}
}

// memoized is the last answer of a node, for the frame it was evaluated over.
type memoized struct {
	serial int
	vec    *vec
}

// eval answers a node for every row of a frame.
func (e *Evaluator) eval(id nodeID, f *frame) *vec {
	if memo := e.memo[id]; memo.serial == f.serial {
		return memo.vec
	}
	v := e.evalNew(id, f)
	e.memo[id] = memoized{f.serial, v}
	return v
}

func (e *Evaluator) evalNew(id nodeID, f *frame) *vec {
	nd := &e.nodes[id]
	switch {
	case nd.op == opConst:
		return e.constant(nd, f.n)
	case f.source == id:
		return f.bound
	case f.source != noSource:
		return e.apply(id, f)
	case f.depth >= 0 && e.scope(id) <= f.depth:
		return e.gather(e.eval(id, f.parent), e.rowsOf(f))
	}
	if source := e.source[id]; source != noSource {
		if entries, in, ok := e.dictionary(source, f); ok {
			return e.overDictionary(id, source, entries, in)
		}
	}
	switch nd.op {
	case opColumn:
		v := e.load(f.views[e.columnOf[id]], nd)
		if f.chosen != nil {
			v = e.gather(v, f.chosen)
		}
		return v
	case opElement:
		return e.loadElements(f, nd)
	}
	return e.apply(id, f)
}

// evalMask answers a bool node.
func (e *Evaluator) evalMask(id nodeID, f *frame) Mask { return e.arena.mask(e.eval(id, f)) }

// raw returns the Arrow rows that a node stands for, if it is a column or an element as it came: no dictionary, no zone to
// apply, not broadcast.
func (e *Evaluator) raw(id nodeID, f *frame) (view, bool) {
	nd := &e.nodes[id]
	if f.source != noSource {
		return view{}, false
	}
	var v view
	switch {
	case nd.op == opColumn && f.depth < 0 && f.chosen == nil:
		v = f.views[e.columnOf[id]]
	case nd.op == opElement && nd.depth == f.depth && f.picked == nil:
		v = f.elements
	default:
		return view{}, false
	}
	_, encoded := v.arr.(*array.Dictionary)
	return v, !encoded && !isLocal(v.arr, nd.zone)
}

// fault keeps the first thing that went wrong; the slice's answers are then thrown away.
func (e *Evaluator) fault(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// apply evaluates the operation of a node; its arguments are looked up or evaluated over the same frame.
func (e *Evaluator) apply(id nodeID, f *frame) *vec {
	nd := &e.nodes[id]
	switch nd.op {
	case opAnd, opOr, opNot, opIsTrue, opMember:
		if v := e.between(nd, f); v != nil {
			return v
		}
		return e.arena.boolVec(e.combine(nd, func(arg nodeID) Mask { return e.evalMask(arg, f) }, e.arena.maskLike))
	case opCond:
		return e.choose(nd, f)
	case opIsNull:
		return e.nullTest(nd, f)
	case opCoalesce:
		return e.coalesce(nd, f)
	case opEq, opLt, opLe:
		return e.compare(id, f)
	case opInSet, opInFile:
		return e.inSet(id, f)
	case opInList:
		return e.inList(id, f)
	case opInMap:
		return e.inMap(nd, f)
	case opAdd, opSub, opMul, opDiv, opMod:
		return e.arithmetic(nd, f)
	case opNeg:
		return e.negate(nd, f)
	case opStartsWith, opEndsWith, opContains, opMatches, opLike, opEqualFold:
		return e.textTest(id, f)
	case opSize:
		return e.size(nd, f)
	case opLower, opUpper, opTrim:
		return e.textChange(nd, f)
	case opNative:
		return e.native(nd, f)
	case opSplit:
		return e.split(nd, f)
	case opJoin:
		return e.join(nd, f)
	case opToInt, opToUint, opToDouble, opToString, opToBool, opToTimestamp, opToDuration, opToDate:
		return e.convert(nd, f)
	case opYear, opMonth, opDay, opWeekday, opYearDay, opHour, opMinute, opSecond, opMillisecond:
		return e.calendarPart(nd, f)
	case opDaysBetween, opAgeYears, opAddDays, opAddMonths:
		return e.calendarStep(nd, f)
	case opIndex:
		return e.index(nd, f)
	case opField:
		return e.field(nd, f)
	case opKey:
		return e.key(nd, f)
	case opExists, opAll, opExistsOne, opCount:
		return e.comprehend(nd, f)
	case opSum, opAvg, opMin, opMax:
		return e.aggregate(nd, f)
	case opHashSplit, opBucket:
		return e.hashed(id, f)
	case opVariant:
		return e.variants(nd, f)
	case opNullText:
		return e.nullText(id, f)
	case opQuantile, opMean, opRank, opNtile, opTop:
		return e.surveyed(nd, f)
	case opToUUID, opIDText:
		return e.idText(nd, f)
	case opInterpreted:
		return e.interpret(nd, f)
	}
	e.fault("operation %d has no kernel: a bug in the rules package", nd.op)
	return e.unknown(nd.typ.kind, f.n)
}

// combine applies an operation of the algebra. Masks of the answers are made by alloc, which sizes them for the arguments.
func (e *Evaluator) combine(nd *node, eval func(nodeID) Mask, alloc func(n int, args ...Mask) Mask) Mask {
	first := eval(nd.args[0])
	if nd.op == opAnd || nd.op == opOr {
		return e.combineMany(nd, first, eval, alloc)
	}
	switch nd.op {
	case opNot:
		out := alloc(first.n, first)
		not(&out, first)
		return out
	case opIsTrue:
		return isTrueOf(first, alloc)
	case opMember:
		out := alloc(first.n)
		member(&out, first)
		return out
	}
	yes, no := eval(nd.args[1]), eval(nd.args[2])
	out := alloc(first.n, first, yes, no)
	cond(&out, first, yes, no)
	return out
}

func (e *Evaluator) combineMany(nd *node, first Mask, eval func(nodeID) Mask, alloc func(n int, args ...Mask) Mask) Mask {
	masks := append(make([]Mask, 0, 8), first)
	for _, arg := range nd.args[1:] {
		masks = append(masks, eval(arg))
	}
	out := alloc(first.n, masks...)
	operation := and
	if nd.op == opOr {
		operation = or
	}
	sofar := first
	for _, next := range masks[1:] {
		operation(&out, sofar, next)
		sofar = out
	}
	if len(masks) == 1 {
		operation(&out, first, first)
	}
	return out
}

// isTrueOf is known everywhere, unless an error may be among the rows.
func isTrueOf(a Mask, alloc func(n int, args ...Mask) Mask) Mask {
	if a.fails {
		out := alloc(a.n, a)
		isTrue(&out, a)
		return out
	}
	out := alloc(a.n)
	member(&out, a)
	return out
}

// nullTest is true where the argument is unknown; an error passes.
func (e *Evaluator) nullTest(nd *node, f *frame) *vec {
	out := e.arena.new(kindBool, f.n)
	var known, fail []uint64
	if in, ok := e.raw(nd.args[0], f); ok {
		known = e.knownOf(in)
	} else {
		arg := e.eval(nd.args[0], f)
		known, fail = arg.known, arg.fail
	}
	out.bits = e.arena.words.zeros(words(f.n))
	if known == nil {
		return out
	}
	copy(out.bits, known)
	flip(out.bits, f.n)
	if fail != nil {
		e.arena.failing(out, fail)
	}
	return out
}

// coalesce is the first argument where it has a value or failed, else the second.
func (e *Evaluator) coalesce(nd *node, f *frame) *vec {
	a, b := e.eval(nd.args[0], f), e.eval(nd.args[1], f)
	if a.known == nil {
		return a
	}
	first := a.known
	if a.fail != nil {
		first = e.arena.either(first, a.fail)
	}
	return e.selectRows(nd.typ.kind, first, a, b)
}

// choose is one argument or the other, by the first, over a frame.
func (e *Evaluator) choose(nd *node, f *frame) *vec {
	c := e.evalMask(nd.args[0], f)
	a, b := e.eval(nd.args[1], f), e.eval(nd.args[2], f)
	yes := e.arena.words.get(words(f.n))
	for w := range yes {
		yes[w] = c.MembersWord(w)
	}
	out := e.selectRows(nd.typ.kind, yes, a, b)
	if c.known != nil {
		out.known = e.arena.both(out.known, c.known)
		if out.fail != nil {
			out.fail = e.arena.both(out.fail, c.known)
		}
		if c.fails {
			failed := e.arena.words.get(words(f.n))
			for w := range failed {
				failed[w] = c.value[w] &^ c.known[w]
			}
			out.fail = e.arena.either(out.fail, failed)
		}
	}
	return out
}
