package rules

import (
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/pipeline/tables"
)

// An estimate is what a node may be in rows of which only statistics are known. It may allow for more than occurs, never
// for less.
type estimate struct {
	set  OutcomeSet // what a bool may be; of other kinds MayBeTrue stands for any value
	span span       // of the values; not of bools, whose set says more
}

// hasValue is the outcome that stands for the values of all kinds but bool.
const hasValue = MayBeTrue

// values are the outcomes of a kind that are a value.
func values(k kind) OutcomeSet {
	if k == kindBool {
		return truths
	}
	return hasValue
}

// valued says whether there may be a value.
func (e estimate) valued(k kind) bool { return e.set.Has(values(k)) }

// bounds is the span, for bools too.
func (e estimate) bounds(k kind) span {
	if k != kindBool {
		return e.span
	}
	return span{lo: literal{Bool: !e.set.Has(MayBeFalse)}, hi: literal{Bool: e.set.Has(MayBeTrue)}}
}

// A guesser interprets a graph over statistics instead of rows: every node gets an estimate that holds whatever the rows are.
// What it has no rule for may be anything.
type guesser struct {
	*executable
	stats func(column string) tables.Statistics
	eval  *Evaluator // evaluates what depends on one column of few values
	found []estimate // by node
	exact map[nodeID]*frame
}

func newGuesser(x *executable) *guesser {
	return &guesser{executable: x, eval: newEvaluator(x, 0), found: make([]estimate, len(x.nodes)), exact: map[nodeID]*frame{}}
}

// estimates are what every node of a graph may be.
func (x *executable) estimates(stats func(column string) tables.Statistics) []estimate {
	all := make([]nodeID, len(x.nodes))
	for id := range all {
		all[id] = nodeID(id)
	}
	return newGuesser(x).run(all, stats)
}

// run is what some nodes may be, arguments first. It is valid until the next run.
func (g *guesser) run(ids []nodeID, stats func(column string) tables.Statistics) []estimate {
	defer g.eval.Close()
	g.stats = stats
	clear(g.exact)
	g.eval.arena.reset()
	for _, id := range ids {
		nd := &g.nodes[id]
		e, ok := g.overValues(id)
		if !ok {
			e = g.transfer(id)
		}
		if e.set = g.trimmed(nd, e.set); e.set == 0 { // rows without a user id are rejected: what is left is nobody
			e = g.any(nd)
		}
		g.found[id] = e
	}
	return g.found
}

// trimmed leaves out what the node can never be.
func (g *guesser) trimmed(nd *node, set OutcomeSet) OutcomeSet {
	if !nd.canUnknown {
		set &^= MayBeUnknown
	}
	if !nd.canFail {
		set &^= MayFail
	}
	return set
}

// any is the estimate of a node of which nothing is known.
func (g *guesser) any(nd *node) estimate {
	return estimate{set: g.trimmed(nd, values(nd.typ.kind)|noValue), span: anything(nd.typ.kind)}
}

// args are the estimates of a node's arguments.
func (g *guesser) args(nd *node) []estimate {
	out := make([]estimate, len(nd.args))
	for i, arg := range nd.args {
		out[i] = g.found[arg]
	}
	return out
}

func (g *guesser) kindOf(id nodeID) kind { return g.nodes[id].typ.kind }

// strict is what a node is that has a value only where all its arguments have: any value, what the arguments lack, and what
// the operation itself may do.
func (g *guesser) strict(nd *node) estimate {
	e := estimate{set: values(nd.typ.kind), span: anything(nd.typ.kind)}
	for _, arg := range nd.args {
		if !g.found[arg].valued(g.kindOf(arg)) {
			e.set &^= values(nd.typ.kind)
		}
	}
	for _, arg := range nd.args {
		e.set |= g.found[arg].set & noValue
	}
	own := (&graph{nodes: g.nodes}).outcomes(nd)
	if own.unknown {
		e.set |= MayBeUnknown
	}
	if own.fail && e.valued(nd.typ.kind) {
		e.set |= MayFail
	}
	return e
}

// transfer is what a node may be, from what its arguments may be.
func (g *guesser) transfer(id nodeID) estimate {
	nd := &g.nodes[id]
	switch nd.op {
	case opConst:
		return constantEstimate(nd)
	case opColumn:
		return g.column(id)
	case opQuantile, opMean:
		return g.measured(nd)
	case opAnd, opOr, opNot, opIsTrue, opMember, opIsNull:
		return estimate{set: g.algebraOf(nd)}
	case opCond:
		return g.choice(nd)
	case opCoalesce:
		return g.coalesced(nd)
	case opEq, opLt, opLe:
		return g.comparison(nd)
	case opInSet, opInFile:
		return g.membership(id)
	case opNullText:
		return g.withoutTexts(id)
	case opStartsWith:
		return g.prefixed(nd)
	case opMatches, opLike:
		return g.matched(id)
	case opAdd, opSub, opMul, opDiv, opMod, opNeg:
		return g.computed(nd)
	case opToInt, opToUint, opToDouble, opToTimestamp, opToDuration, opToDate:
		return g.converted(nd)
	case opYear, opMonth, opDay, opWeekday, opYearDay, opHour, opMinute, opSecond, opMillisecond:
		return g.calendarPart(nd)
	case opDaysBetween, opAgeYears, opAddDays, opAddMonths:
		return g.calendarStep(nd)
	case opSize, opBucket:
		return g.counted(nd)
	case opEndsWith, opContains, opEqualFold, opLower, opUpper, opTrim, opToString, opToBool, opHashSplit, opToUUID, opIDText:
		return g.strict(nd)
	}
	return g.any(nd)
}

func constantEstimate(nd *node) estimate {
	switch {
	case nd.typ.kind == kindNull:
		return estimate{set: MayBeUnknown}
	case nd.typ.kind == kindBool && nd.lit.Bool:
		return estimate{set: MayBeTrue}
	case nd.typ.kind == kindBool:
		return estimate{set: MayBeFalse}
	case nd.typ.kind == kindDouble && math.IsNaN(nd.lit.Double):
		return estimate{set: hasValue, span: anything(kindDouble)}
	}
	return estimate{set: hasValue, span: span{lo: nd.lit, hi: nd.lit}}
}

// column is what statistics say of a column, where they do not list its values.
func (g *guesser) column(id nodeID) estimate {
	nd := &g.nodes[id]
	stats, e := g.stats(nd.name), g.any(nd)
	if stats.Counted && stats.Nulls == 0 {
		e.set &^= MayBeUnknown
	}
	if stats.Counted && stats.Nulls >= stats.Rows {
		e.set = MayBeUnknown
	}
	if s, ok := g.boundsOf(nd, stats.Bounds); ok {
		e = e.within(nd.typ.kind, s)
	}
	return e
}

// within narrows an estimate to values of a span.
func (e estimate) within(k kind, s span) estimate {
	if e.span = s; k == kindBool {
		e.span = span{}
		if s.lo.Bool {
			e.set &^= MayBeFalse
		}
		if !s.hi.Bool {
			e.set &^= MayBeTrue
		}
	}
	return e
}

// boundsOf reads bounds as the column's values are read; false where they cannot be.
func (g *guesser) boundsOf(nd *node, bounds arrow.Array) (span, bool) {
	if bounds == nil || bounds.Len() != 2 || !nd.typ.scalar() || nd.typ.kind == kindNull {
		return span{}, false
	}
	v := g.eval.load(view{bounds, 0, 2}, nd)
	if g.eval.err != nil || !v.knows(0) || !v.knows(1) {
		g.eval.err = nil
		return span{}, false
	}
	s := span{lo: v.literalAt(0), hi: v.literalAt(1), nan: nd.typ.kind == kindDouble && arrow.IsFloating(bounds.DataType().ID())}
	if nd.typ.kind == kindDouble && (math.IsNaN(s.lo.Double) || math.IsNaN(s.hi.Double)) || order(nd.typ.kind, s.lo, nd.typ.kind, s.hi) > 0 {
		return span{}, false
	}
	if isLocal(bounds, nd.zone) {
		s = s.shifted(2 * mostOffset)
	}
	return s, true
}

// literalAt is the value of row i as a constant.
func (v *vec) literalAt(i int) literal {
	switch v.kind {
	case kindBool:
		return literal{Bool: hasBit(v.bits, i)}
	case kindUint:
		return literal{Uint: v.uints[i]}
	case kindDouble:
		return literal{Double: v.floats[i]}
	case kindString, kindBytes:
		return literal{String: v.texts[i]}
	case kindTimestamp:
		return literal{Sec: v.ints[i], Nanos: v.nanosAt(i)}
	}
	return literal{Int: v.ints[i]}
}

// overValues evaluates a node that depends on nothing but one column of few values: over each of them, and over null. That is
// exact, whatever the operations are.
func (g *guesser) overValues(id nodeID) (estimate, bool) {
	source := g.source[id]
	if source == noSource || g.nodes[source].op != opColumn || !g.nodes[id].typ.scalar() || g.nodes[id].surveys {
		return estimate{}, false // what the whole snapshot decides may not be measured yet
	}
	f, tried := g.exact[source]
	if !tried {
		f = g.valuesOf(source)
		g.exact[source] = f
	}
	if f == nil {
		return estimate{}, false
	}
	v := g.eval.eval(id, f)
	if g.eval.err != nil {
		g.eval.err = nil
		return estimate{}, false
	}
	return estimateOf(v), true
}

// mostValues is how many values of a column are tried one by one.
const mostValues = 1024

// valuesOf is a frame of the values of a column, null among them where it may be; nil where they are not known.
func (g *guesser) valuesOf(source nodeID) *frame {
	nd := &g.nodes[source]
	stats := g.stats(nd.name)
	in, ok := g.listed(nd, stats)
	if !ok || in.n > mostValues {
		return nil
	}
	bound := g.eval.load(in, nd)
	if !stats.Counted || stats.Nulls > 0 {
		bound = g.eval.withNull(bound)
	}
	if g.eval.err != nil || bound.n == 0 {
		g.eval.err = nil
		return nil
	}
	f := g.eval.newFrame(bound.n, -1)
	f.source, f.bound = source, bound
	return f
}

// listed are the values of a column, if statistics list them: where there is one, or none, the bounds do.
func (g *guesser) listed(nd *node, stats tables.Statistics) (view, bool) {
	s, bounded := g.boundsOf(nd, stats.Bounds)
	switch {
	case !nd.typ.scalar() || nd.typ.kind == kindNull:
		return view{}, false
	case stats.Values != nil:
		return view{stats.Values, 0, stats.Values.Len()}, stats.Values.NullN() == 0
	case stats.Counted && stats.Nulls >= stats.Rows:
		return view{arr: array.NewNull(0)}, true
	}
	return view{stats.Bounds, 0, 1}, bounded && s.point(nd.typ.kind)
}

// estimateOf sums up the rows of a vec.
func estimateOf(v *vec) (e estimate) {
	nan := false
	for i := range v.n {
		switch {
		case v.fail != nil && hasBit(v.fail, i):
			e.set |= MayFail
		case !v.knows(i) || v.kind == kindNull:
			e.set |= MayBeUnknown
		case v.kind == kindBool && !hasBit(v.bits, i):
			e.set |= MayBeFalse
		case v.kind == kindBool:
			e.set |= MayBeTrue
		case v.kind == kindDouble && math.IsNaN(v.floats[i]):
			nan = true
		default:
			at := span{lo: v.literalAt(i), hi: v.literalAt(i)}
			if e.set.Has(hasValue) {
				at = at.hull(v.kind, e.span)
			}
			e.set, e.span = e.set|hasValue, at
		}
	}
	if nan && !e.set.Has(hasValue) {
		e.set, e.span = e.set|hasValue, anything(kindDouble)
	}
	e.span.nan = e.span.nan || nan
	return e
}

// algebraOf combines outcomes by the tables of RULES.md 3.2.
func (g *guesser) algebraOf(nd *node) OutcomeSet {
	first := g.found[nd.args[0]].set
	switch nd.op {
	case opNot:
		return first.mapped(MayBeFalse, MayBeTrue, MayBeUnknown, MayFail)
	case opIsTrue:
		return first.mapped(MayBeTrue, MayBeFalse, MayBeFalse, MayFail)
	case opMember:
		return first.mapped(MayBeTrue, MayBeFalse, MayBeFalse, MayBeFalse)
	case opIsNull:
		return first.mapped(MayBeFalse, MayBeFalse, MayBeTrue, MayFail)
	}
	order := andOrder
	if nd.op == opOr {
		order = orOrder
	}
	for _, arg := range nd.args[1:] {
		first = strongest(order, first, g.found[arg].set)
	}
	return first
}

// choice is c ? a : b.
func (g *guesser) choice(nd *node) (e estimate) {
	args := g.args(nd)
	e.set = args[0].set & noValue
	if args[0].set.Has(MayBeTrue) {
		e = e.or(nd.typ.kind, args[1])
	}
	if args[0].set.Has(MayBeFalse) {
		e = e.or(nd.typ.kind, args[2])
	}
	return e
}

// coalesced is the first argument, or the second where that is unknown.
func (g *guesser) coalesced(nd *node) (e estimate) {
	args := g.args(nd)
	first := args[0]
	if first.set &^= MayBeUnknown; args[0].set == first.set {
		return first
	}
	return first.or(nd.typ.kind, args[1])
}

// or is one or the other.
func (e estimate) or(k kind, other estimate) estimate {
	switch {
	case !other.valued(k):
	case !e.valued(k):
		e.span = other.span
	default:
		e.span = e.span.hull(k, other.span)
	}
	e.set |= other.set
	return e
}

// comparison is ==, < or <= of two spans.
func (g *guesser) comparison(nd *node) estimate {
	e := g.strict(nd)
	ka, kb := g.kindOf(nd.args[0]), g.kindOf(nd.args[1])
	if !e.valued(kindBool) || !canCompare(ka, kb) {
		return e
	}
	a, b := g.found[nd.args[0]].bounds(ka), g.found[nd.args[1]].bounds(kb)
	lowest, highest := order(ka, a.lo, kb, b.hi), order(ka, a.hi, kb, b.lo) // how a's ends stand to the far ends of b
	if b.open {
		lowest = -1
	}
	if a.open {
		highest = 1
	}
	yes, no := lowest < 0, highest >= 0
	switch nd.op {
	case opLe:
		yes, no = lowest <= 0, highest > 0
	case opEq:
		yes, no = lowest <= 0 && highest >= 0, lowest != 0 || highest != 0
	}
	return e.only(yes, no || a.nan || b.nan)
}

// only leaves true and false out where they cannot be.
func (e estimate) only(yes, no bool) estimate {
	if !yes {
		e.set &^= MayBeTrue
	}
	if !no {
		e.set &^= MayBeFalse
	}
	return e
}

// membership is whether a value is one of a set of constants.
func (g *guesser) membership(id nodeID) estimate {
	nd := &g.nodes[id]
	e, k := g.strict(nd), g.kindOf(nd.args[0])
	if !e.valued(kindBool) || !canCompare(k, k) {
		return e
	}
	s := g.found[nd.args[0]].bounds(k)
	some := g.hasConstantIn(id, k, s)
	return e.only(some, !some || !s.point(k))
}

// hasConstantIn says whether a constant of the node's set lies within a span.
func (g *guesser) hasConstantIn(id nodeID, k kind, s span) bool {
	constants := g.notes.constantsOf(g.executable, id, k)
	at, _ := slices.BinarySearchFunc(constants, s.lo, func(c, lo literal) int { return order(k, c, k, lo) })
	return at < len(constants) && s.has(k, constants[at])
}

// withoutTexts is a text, but null where it is one of a set.
func (g *guesser) withoutTexts(id nodeID) estimate {
	e := g.found[g.nodes[id].args[0]]
	if e.valued(kindString) && g.hasConstantIn(id, kindString, e.span) {
		e.set |= MayBeUnknown
	}
	return e
}

// prefixed is startsWith with a constant.
func (g *guesser) prefixed(nd *node) estimate {
	e := g.strict(nd)
	prefix := &g.nodes[nd.args[1]]
	if !e.valued(kindBool) || prefix.op != opConst || prefix.typ.kind != kindString {
		return e
	}
	some, all := g.found[nd.args[0]].span.prefix(prefix.lit.String)
	return e.only(some, !all)
}

// prefix says whether some text of a span may begin with a prefix, and whether all do.
func (s span) prefix(prefix string) (some, all bool) {
	after, bounded := afterPrefix(prefix)
	some = (s.open || s.hi.String >= prefix) && (!bounded || s.lo.String < after)
	all = s.lo.String >= prefix && (!bounded || !s.open && s.hi.String < after)
	return some, all
}

// matched is a regular expression, which tells something where all that match begin alike.
func (g *guesser) matched(id nodeID) estimate {
	nd := &g.nodes[id]
	e := g.strict(nd)
	if !e.valued(kindBool) {
		return e
	}
	some, _ := g.found[nd.args[0]].span.prefix(g.notes.prefixOf(nd.regex))
	return e.only(some, true)
}

// counted is a number that starts at 0.
func (g *guesser) counted(nd *node) estimate {
	e := g.strict(nd)
	if e.span.lo.Int = 0; nd.op == opBucket && nd.lit.Int > 0 {
		e.span.hi.Int = nd.lit.Int - 1
	}
	return e
}

// measured is what a population function is whose answer is the same in every row, once it is known.
func (g *guesser) measured(nd *node) estimate {
	switch m := nd.measure; {
	case !m.ready || math.IsNaN(m.value):
		return g.any(nd)
	case m.empty:
		return estimate{set: MayBeUnknown}
	default:
		return constantEstimate(&node{typ: nd.typ, lit: literal{Double: m.value}})
	}
}
