package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A graph grows by hash-consing: adding a node that it has already gives the old one's id. Its methods fold constants of the
// algebra and order what may be ordered, so that rules that mean the same share their nodes.
type graph struct {
	nodes []node
	ids   map[string]nodeID

	asWritten bool // nothing is folded, ordered or rewritten: Options.AsWritten
}

func newGraph() *graph { return &graph{ids: map[string]nodeID{}} }

// add adds a node, or finds it.
func (g *graph) add(n node) nodeID {
	key := n.key()
	if id, ok := g.ids[key]; ok {
		return id
	}
	g.attribute(&n)
	id := nodeID(len(g.nodes))
	g.nodes = append(g.nodes, n)
	g.ids[key] = id
	return id
}

// key is equal for two nodes of one graph that mean the same.
func (n *node) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %v %v %q", n.op, n.typ.key(), n.args, n.lit, n.name)
	if n.set != nil {
		fmt.Fprintf(&b, " set %s", n.set.key())
	}
	if n.regex != nil {
		fmt.Fprintf(&b, " regex %q", n.regex)
	}
	if n.zone != nil {
		fmt.Fprintf(&b, " zone %q", n.zone.location)
	}
	if comprehends(n.op) || n.op == opElement {
		fmt.Fprintf(&b, " body %d depth %d", n.body, n.depth)
	}
	if n.interp != nil {
		fmt.Fprintf(&b, " interpreted %s", n.interp.key)
	}
	if n.swapped {
		b.WriteString(" swapped")
	}
	if n.past != nil {
		b.WriteString(" past")
	}
	if surveys(n.op) {
		fmt.Fprintf(&b, " over %d", n.over)
	}
	return b.String()
}

// below are the nodes right below one.
func (n *node) below() []nodeID {
	if comprehends(n.op) {
		return append(slices.Clone(n.args), n.body)
	}
	return n.args
}

// unbound has bit d set when an opElement of depth d at or below the node is not bound there; of says the same of those below.
func (n *node) unbound(of func(below nodeID) uint64) (free uint64) {
	for _, arg := range n.args {
		free |= of(arg)
	}
	if n.op == opElement {
		free |= 1 << n.depth
	}
	if comprehends(n.op) {
		free |= of(n.body) &^ (1 << n.depth)
	}
	return free
}

// attribute fills in what follows from the arguments.
func (g *graph) attribute(n *node) {
	unknown, fail := false, false
	n.free = n.unbound(func(below nodeID) uint64 { return g.nodes[below].free })
	for _, arg := range n.below() {
		n.columns = append(n.columns, g.nodes[arg].columns...)
		unknown = unknown || g.nodes[arg].canUnknown
		fail = fail || g.nodes[arg].canFail
		n.surveyed, n.surveys = append(n.surveyed, g.nodes[arg].surveyed...), n.surveys || g.nodes[arg].surveys
		n.looksBack = n.looksBack || g.nodes[arg].looksBack
	}
	if surveys(n.op) {
		n.surveyed, n.surveys = append(n.surveyed, g.nodes[n.over].columns...), true
	}
	slices.Sort(n.surveyed)
	n.surveyed = slices.Compact(n.surveyed)
	switch {
	case n.past != nil:
		n.looksBack = true
	case n.op == opColumn:
		n.columns = append(n.columns, n.name)
	}
	slices.Sort(n.columns)
	n.columns = slices.Compact(n.columns)
	own := g.outcomes(n)
	n.canUnknown, n.canFail = unknown || n.canUnknown || own.unknown, fail || own.fail
	switch n.op {
	case opIsNull, opIsTrue:
		n.canUnknown = false
	case opMember:
		n.canUnknown, n.canFail = false, false
	case opCoalesce:
		n.canUnknown = g.nodes[n.args[0]].canUnknown && g.nodes[n.args[1]].canUnknown
	case opCount, opSum:
		n.canUnknown = g.nodes[n.args[0]].canUnknown
	case opAvg, opMin, opMax:
		n.canUnknown = true
	}
}

type outcomes struct{ unknown, fail bool }

// outcomes says what an operation can add to its arguments' outcomes by itself.
func (g *graph) outcomes(n *node) outcomes {
	from := kindNull
	if len(n.args) > 0 {
		from = g.nodes[n.args[0]].typ.kind
	}
	switch n.op {
	case opConst:
		return outcomes{unknown: n.typ.kind == kindNull}
	case opElement, opField, opKey, opNullText, opQuantile, opMean:
		return outcomes{unknown: true}
	case opRank, opNtile, opTop:
		return outcomes{unknown: from == kindDouble} // NaN has no place among the values
	case opIndex, opInterpreted:
		return outcomes{unknown: true, fail: true}
	case opAdd:
		return outcomes{fail: from != kindString && from != kindBytes && from != kindDouble}
	case opSub, opMul, opDiv, opMod, opNeg:
		return outcomes{fail: from != kindDouble}
	case opNative:
		fails := natives[n.name].fails
		return outcomes{fail: fails != nil && fails(g.kinds(n.args))}
	case opJoin:
		return outcomes{fail: true}
	case opSum:
		return outcomes{fail: n.typ.kind != kindDouble}
	case opToInt, opToUint, opToBool, opToTimestamp, opToDuration, opToUUID, opAddDays, opAddMonths:
		return outcomes{fail: true}
	case opToDate, opToDouble:
		return outcomes{fail: from == kindString}
	case opToString:
		return outcomes{fail: from == kindBytes}
	}
	return outcomes{}
}

func (g *graph) kinds(ids []nodeID) (out []kind) {
	for _, id := range ids {
		out = append(out, g.kind(id))
	}
	return out
}

func (g *graph) kind(id nodeID) kind { return g.nodes[id].typ.kind }

func (g *graph) constant(typ valueType, lit literal) nodeID {
	return g.add(node{op: opConst, typ: typ, lit: lit})
}

// null is what is unknown in every row.
func (g *graph) null() nodeID { return g.constant(valueType{kind: kindNull}, literal{}) }

func (g *graph) bool(v bool) nodeID {
	return g.constant(valueType{kind: kindBool}, literal{Bool: v})
}

// isBool says whether a node is a constant bool, and which.
func (g *graph) isBool(id nodeID) (value, constant bool) {
	n := &g.nodes[id]
	return n.lit.Bool, n.op == opConst && n.typ.kind == kindBool
}

func (g *graph) boolOp(op opcode, args ...nodeID) nodeID {
	return g.add(node{op: op, typ: valueType{kind: kindBool}, args: args})
}

// and is true where all are: flat, sorted, each once.
func (g *graph) and(args ...nodeID) nodeID { return g.logic(opAnd, true, args) }

// or is true where one is: flat, sorted, each once.
func (g *graph) or(args ...nodeID) nodeID { return g.logic(opOr, false, args) }

// logic makes && (neutral true) or || (neutral false). Both are the greatest of their arguments in an order of the four
// outcomes, so neither order nor repetition counts.
func (g *graph) logic(op opcode, neutral bool, args []nodeID) nodeID {
	if g.asWritten && len(args) > 1 {
		return g.boolOp(op, args...)
	}
	var flat []nodeID
	for _, arg := range args {
		if value, constant := g.isBool(arg); constant {
			if value != neutral {
				return arg
			}
			continue
		}
		flat = g.flatten(op, arg, flat)
	}
	slices.Sort(flat)
	flat = slices.Compact(flat)
	if op == opAnd {
		flat = g.pairBounds(flat)
	}
	switch len(flat) {
	case 0:
		return g.bool(neutral)
	case 1:
		return flat[0]
	}
	return g.boolOp(op, flat...)
}

// flatten appends the arguments below a node of an operation, or the node.
func (g *graph) flatten(op opcode, id nodeID, into []nodeID) []nodeID {
	if g.nodes[id].op != op {
		return append(into, id)
	}
	for _, arg := range g.nodes[id].args {
		into = g.flatten(op, arg, into)
	}
	return into
}

func (g *graph) not(arg nodeID) nodeID {
	if g.asWritten {
		return g.boolOp(opNot, arg)
	}
	if value, constant := g.isBool(arg); constant {
		return g.bool(!value)
	}
	if g.nodes[arg].op == opNot {
		return g.nodes[arg].args[0]
	}
	return g.boolOp(opNot, arg)
}

func (g *graph) cond(typ valueType, c, yes, no nodeID) nodeID {
	if g.asWritten {
		return g.add(node{op: opCond, typ: typ, args: []nodeID{c, yes, no}})
	}
	if value, constant := g.isBool(c); constant {
		if value {
			return yes
		}
		return no
	}
	if typ.kind == kindBool && !g.nodes[c].canUnknown && !g.nodes[c].canFail {
		if value, constant := g.isBool(yes); constant && value {
			return g.or(c, no)
		} else if constant {
			return g.and(g.not(c), no)
		}
	}
	return g.add(node{op: opCond, typ: typ, args: []nodeID{c, yes, no}})
}

func (g *graph) member(arg nodeID) nodeID {
	n := &g.nodes[arg]
	if !n.canUnknown && !n.canFail && !g.asWritten {
		return arg
	}
	return g.boolOp(opMember, arg)
}

// eq is ==, in which the order of arguments does not count.
func (g *graph) eq(a, b nodeID) nodeID {
	if g.asWritten {
		return g.boolOp(opEq, a, b)
	}
	if g.nodes[a].op == opConst {
		a, b = b, a
	}
	if g.nodes[b].op == opConst && g.isChoice(a) {
		return g.overChoice(a, g.null(), func(text nodeID) nodeID { return g.bool(text == b) })
	}
	return g.boolOp(opEq, min(a, b), max(a, b))
}

// isChoice says whether a node is a choice between constant texts, as a lifecycle's stage is.
func (g *graph) isChoice(id nodeID) bool {
	n := &g.nodes[id]
	for n.op == opCond && n.typ.kind == kindString && g.nodes[n.args[1]].op == opConst {
		if n = &g.nodes[n.args[2]]; n.op == opConst {
			return true
		}
	}
	return false
}

// overChoice asks a question of the texts of a choice, and of null: so that words of bits are combined, and no texts compared.
func (g *graph) overChoice(id, ofNull nodeID, ask func(text nodeID) nodeID) nodeID {
	n := g.nodes[id]
	switch {
	case n.typ.kind == kindNull:
		return ofNull
	case n.op == opConst:
		return ask(id)
	}
	return g.cond(valueType{kind: kindBool}, n.args[0], g.overChoice(n.args[1], ofNull, ask), g.overChoice(n.args[2], ofNull, ask))
}

// isDecided says whether no row leaves a choice open.
func (g *graph) isDecided(id nodeID) bool {
	for n := &g.nodes[id]; n.op == opCond; n = &g.nodes[n.args[2]] {
		if c := &g.nodes[n.args[0]]; c.canUnknown || c.canFail {
			return false
		}
	}
	return true
}

// less is a < b, or a <= b; swapped says that the rule has b first. All but doubles, of which one may be NaN, are written with
// < and ! alone, whole numbers with the constant on the right, so that comparisons that mean the same, or the opposite, share
// a node.
func (g *graph) less(op opcode, a, b nodeID, swapped bool) nodeID {
	if canFail := g.nodes[a].canFail || g.nodes[b].canFail; !canFail || g.isConstant(a) || g.isConstant(b) {
		swapped = false
	}
	if !g.asWritten && g.kind(a) == g.kind(b) && g.kind(a) != kindDouble {
		if next, whole := g.nextWhole(b); whole && op == opLe {
			return g.lessNode(opLt, a, next, false)
		}
		if next, whole := g.nextWhole(a); whole && op == opLt {
			return g.not(g.lessNode(opLt, b, next, false))
		}
		if op == opLe {
			return g.not(g.less(opLt, b, a, !swapped))
		}
	}
	return g.lessNode(op, a, b, swapped)
}

// isConstant says whether a node has the same value in every row.
func (g *graph) isConstant(id nodeID) bool {
	return g.nodes[id].op == opConst && g.kind(id) != kindNull
}

func (g *graph) lessNode(op opcode, a, b nodeID, swapped bool) nodeID {
	return g.add(node{op: op, typ: valueType{kind: kindBool}, args: []nodeID{a, b}, swapped: swapped})
}

// nextWhole is the constant after one of whole numbers, if there is one.
func (g *graph) nextWhole(id nodeID) (nodeID, bool) {
	n := &g.nodes[id]
	if n.op != opConst || n.typ.kind != kindInt && n.typ.kind != kindDate && n.typ.kind != kindDuration || n.lit.Int == math.MaxInt64 {
		return id, false
	}
	return g.constant(n.typ, literal{Int: n.lit.Int + 1}), true
}

// commute orders the arguments of + and * where neither can fail: of an unknown and an error the first wins.
func (g *graph) commute(op opcode, args []nodeID) []nodeID {
	a, b := &g.nodes[args[0]], &g.nodes[args[1]]
	numbers := a.typ.kind == b.typ.kind && (a.typ.kind == kindInt || a.typ.kind == kindUint || a.typ.kind == kindDouble)
	if !g.asWritten && (op == opAdd || op == opMul) && numbers && !a.canFail && !b.canFail && args[0] > args[1] {
		return []nodeID{args[1], args[0]}
	}
	return args
}

// needed marks the nodes that roots need: themselves, and all below them.
func (g *graph) needed(roots []nodeID) []bool {
	needed := make([]bool, len(g.nodes))
	for _, root := range roots {
		needed[root] = true
	}
	for id := len(g.nodes) - 1; id >= 0; id-- {
		if !needed[id] {
			continue
		}
		for _, arg := range g.nodes[id].args {
			needed[arg] = true
		}
		if comprehends(g.nodes[id].op) {
			needed[g.nodes[id].body] = true
		}
	}
	return needed
}

// reach returns the graph without what no root needs, and the roots in it.
func (g *graph) reach(roots []nodeID) ([]node, []nodeID) {
	needed := g.needed(roots)
	var kept []node
	place := make([]nodeID, len(g.nodes))
	for id, n := range g.nodes {
		if !needed[id] {
			continue
		}
		n.args = slices.Clone(n.args)
		for i, arg := range n.args {
			n.args[i] = place[arg]
		}
		if comprehends(n.op) {
			n.body = place[n.body]
		}
		place[id] = nodeID(len(kept))
		kept = append(kept, n)
	}
	out := make([]nodeID, len(roots))
	for i, root := range roots {
		out[i] = place[root]
	}
	return kept, out
}
