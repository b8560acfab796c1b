package rules

import "slices"

// Rules that look at the previous run are divided: what looks at the snapshot alone travels as cuts, what looks at the previous run
// alone is answered in the diff from past columns, and words of bits combine the two. A node that is no combination may therefore
// not look at both; a divider rewrites those that do. `(was("vip") ? ltv : spend) > 10` becomes `was("vip") ? ltv > 10 : spend > 10`.

// A divider rewrites the nodes of rules. Rules share nodes, so each is rewritten once.
type divider struct {
	*graph
	branches int               // that it has made of one rule
	made     map[nodeID]nodeID // by node: what it has become
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

// rule divides the node of a rule.
func (d *divider) rule(id nodeID) (nodeID, bool) {
	d.branches = 0
	return d.divide(id)
}

// divide rewrites a bool node. It fails where a value of the previous run, such as a since-date, meets one of the snapshot.
func (d *divider) divide(id nodeID) (nodeID, bool) {
	if !d.mixes(id) {
		return id, true
	}
	if out, done := d.made[id]; done {
		return out, true
	}
	divide := d.branch
	if d.combines(&d.nodes[id]) {
		divide = d.arguments
	}
	out, ok := divide(id)
	if ok {
		d.made[id] = out
	}
	return out, ok
}

// arguments divides what a combination combines.
func (d *divider) arguments(id nodeID) (nodeID, bool) {
	n := d.nodes[id]
	n.args = slices.Clone(n.args)
	for i, arg := range n.args {
		var ok bool
		if n.args[i], ok = d.divide(arg); !ok {
			return id, false
		}
	}
	return d.remake(n), true
}

// branch makes of a node one for those of whom a bool below it is true, and one for the others.
func (d *divider) branch(id nodeID) (nodeID, bool) {
	choice, found := d.choice(id)
	if d.branches++; !found || d.branches > mostBranches {
		return id, false
	}
	branches := []nodeID{choice, d.replace(id, choice, d.bool(true), map[nodeID]nodeID{}), d.replace(id, choice, d.bool(false), map[nodeID]nodeID{})}
	for i, branch := range branches {
		var ok bool
		if branches[i], ok = d.divide(branch); !ok {
			return id, false
		}
	}
	return d.cond(valueType{kind: kindBool}, branches[0], branches[1], branches[2]), true
}

// choice finds a bool below a node that is true or false for every user, and the same for all elements of a list. One that looks at
// the previous run goes first: once there is none left, nothing is left to divide.
func (d *divider) choice(id nodeID) (nodeID, bool) {
	if found, ok := d.choiceOf(id, true, map[nodeID]bool{}); ok {
		return found, true
	}
	return d.choiceOf(id, false, map[nodeID]bool{})
}

// choiceOf finds the first such bool that is not seen yet.
func (d *divider) choiceOf(id nodeID, looksBack bool, seen map[nodeID]bool) (nodeID, bool) {
	for _, arg := range d.nodes[id].below() {
		if seen[arg] {
			continue
		}
		seen[arg] = true
		n := &d.nodes[arg]
		if n.typ.kind == kindBool && n.op != opConst && !n.canUnknown && !n.canFail && (n.looksBack || !looksBack) && n.free == 0 {
			return arg, true
		}
		if found, ok := d.choiceOf(arg, looksBack, seen); ok {
			return found, true
		}
	}
	return 0, false
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
