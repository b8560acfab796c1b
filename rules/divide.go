package rules

import "slices"

// Rules that look at the previous run are divided: what looks at the snapshot alone travels as cuts, what looks at the previous run
// alone is answered in the diff from past columns, and words of bits combine the two. A node that is no combination may therefore
// not look at both; a divider rewrites those that do. `(was("vip") ? ltv : spend) > 10` becomes `was("vip") ? ltv > 10 : spend > 10`.

// A divider rewrites the nodes of rules.
type divider struct {
	*graph
	branches int // that it has made
}

// mostBranches bounds what one rule becomes.
const mostBranches = 256

// mixes says whether a node looks at the snapshot and at the previous run.
func (g *graph) mixes(id nodeID) bool {
	n := &g.nodes[id]
	return n.looksBack && (len(n.columns) > 0 || n.surveys)
}

// combines says whether words of bits answer a node from its arguments.
func (g *graph) combines(n *node) bool {
	switch n.op {
	case opAnd, opOr, opNot, opIsTrue, opMember:
		return true
	case opCond:
		return n.typ.kind == kindBool
	case opIsNull:
		return g.kind(n.args[0]) == kindBool
	case opCoalesce:
		return g.kind(n.args[0]) == kindBool && g.kind(n.args[1]) == kindBool
	}
	return false
}

// divide rewrites a bool node. It fails where a value of the previous run, such as a since-date, meets one of the snapshot.
func (d *divider) divide(id nodeID) (nodeID, bool) {
	n := d.nodes[id]
	switch {
	case !d.mixes(id):
		return id, true
	case d.combines(&n):
		n.args = slices.Clone(n.args)
		for i, arg := range n.args {
			var ok bool
			if n.args[i], ok = d.divide(arg); !ok {
				return id, false
			}
		}
		return d.remake(n), true
	}
	choice, found := d.choice(id)
	if d.branches++; !found || d.branches > mostBranches {
		return id, false
	}
	condition, ok1 := d.divide(choice)
	yes, ok2 := d.divide(d.replace(id, choice, d.bool(true), map[nodeID]nodeID{}))
	no, ok3 := d.divide(d.replace(id, choice, d.bool(false), map[nodeID]nodeID{}))
	return d.cond(valueType{kind: kindBool}, condition, yes, no), ok1 && ok2 && ok3
}

// choice finds a bool below a node that is true or false for every user, and the same for all elements of a list.
func (d *divider) choice(id nodeID) (nodeID, bool) {
	below := d.nodes[id].args
	if comprehends(d.nodes[id].op) {
		below = append(slices.Clone(below), d.nodes[id].body)
	}
	for _, arg := range below {
		n := &d.nodes[arg]
		if n.typ.kind == kindBool && n.op != opConst && !n.canUnknown && !n.canFail && !d.hasElement(arg) {
			return arg, true
		}
		if found, ok := d.choice(arg); ok {
			return found, true
		}
	}
	return 0, false
}

// hasElement says whether an element of a list is looked at by a node or below it.
func (d *divider) hasElement(id nodeID) bool {
	n := &d.nodes[id]
	return n.op == opElement || slices.ContainsFunc(n.args, d.hasElement)
}

// replace is a node with another in place of one below it.
func (g *graph) replace(id, below, by nodeID, made map[nodeID]nodeID) nodeID {
	if id == below {
		return by
	}
	if out, done := made[id]; done {
		return out
	}
	n := g.nodes[id]
	n.args = slices.Clone(n.args)
	for i, arg := range n.args {
		n.args[i] = g.replace(arg, below, by, made)
	}
	if comprehends(n.op) {
		n.body = g.replace(n.body, below, by, made)
	}
	out := id
	if !slices.Equal(n.args, g.nodes[id].args) || n.body != g.nodes[id].body {
		out = g.remake(n)
	}
	made[id] = out
	return out
}

// remake adds a node that has got other arguments.
func (g *graph) remake(n node) nodeID {
	n.columns, n.surveyed, n.canUnknown, n.canFail, n.surveys, n.looksBack = nil, nil, false, false, false, false
	switch n.op {
	case opAnd:
		return g.and(n.args...)
	case opOr:
		return g.or(n.args...)
	case opNot:
		return g.not(n.args[0])
	case opMember:
		return g.member(n.args[0])
	case opCond:
		return g.remakeChoice(n)
	case opEq:
		return g.eq(n.args[0], n.args[1])
	}
	return g.add(n)
}

// remakeChoice takes the branch of a condition that has become constant. One that is null keeps its type: operations know none without.
func (g *graph) remakeChoice(n node) nodeID {
	value, constant := g.isBool(n.args[0])
	if !constant {
		return g.cond(n.typ, n.args[0], n.args[1], n.args[2])
	}
	taken := n.args[2]
	if value {
		taken = n.args[1]
	}
	if g.kind(taken) != kindNull || !n.typ.scalar() {
		return taken
	}
	n.args = []nodeID{g.bool(false), g.constant(n.typ, literal{}), taken}
	return g.add(n)
}
