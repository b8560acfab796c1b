package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// A pastPlan answers what stands above the cuts that travel: first, over a record of past columns, what looks at the previous run
// alone; then the combinations, on words of 64 users. It does not change; many goroutines share it.
type pastPlan struct {
	columns []PastColumn
	exec    *executable   // of the conditions on past columns alone
	steps   []combination // in order
	words   int           // of one block of users: a word a bit

	nodes []node // of all that stands above the cuts that travel, and of what is below it: for the plan's text
	roots []nodeID
}

// A combination makes the answer of one node out of others.
type combination struct {
	op   opcode
	to   Cut
	args []Cut
	lit  literal // opConst
	null bool    // opConst: it is unknown
}

// The parts of a graph below some roots.
type graphParts struct {
	travel   []nodeID // what looks at the snapshot alone
	past     []nodeID // what looks at the previous run alone
	combined []nodeID // what combines the two, and constants among its arguments; arguments first

	at map[nodeID]int // the place of a node among all of them
}

// parts divides what is below some roots, which a divider has rewritten.
func (g *graph) parts(roots []nodeID) *graphParts {
	p, reached, travels := &graphParts{at: map[nodeID]int{}}, make([]bool, len(g.nodes)), make([]bool, len(g.nodes))
	for _, root := range roots {
		if g.nodes[root].looksBack {
			reached[root] = true
		} else {
			p.travel = append(p.travel, root)
			travels[root] = true
		}
	}
	for id := nodeID(len(g.nodes)) - 1; id >= 0; id-- {
		if reached[id] && g.mixes(id) {
			for _, arg := range g.nodes[id].args {
				reached[arg] = true
			}
		}
	}
	for id := range nodeID(len(g.nodes)) {
		switch n := &g.nodes[id]; {
		case !reached[id]:
		case g.mixes(id) || n.op == opConst:
			p.combined = append(p.combined, id)
		case n.looksBack:
			p.past = append(p.past, id)
		case !travels[id]:
			p.travel = append(p.travel, id)
		}
	}
	for at, id := range slices.Concat(p.travel, p.past, p.combined) {
		if _, twice := p.at[id]; !twice {
			p.at[id] = at
		}
	}
	return p
}

// planPast plans what stands above the cuts that travel, and gives it places behind theirs.
func (c *compiler) planPast(p *Plan, parts *graphParts) {
	past := &pastPlan{}
	nodes, cuts := c.graph.reach(parts.past)
	place := c.graph.places(parts.past, p.bits)
	past.exec = newExecutable(nodes, cuts, place, c.opts.AsWritten)
	for _, n := range nodes {
		if n.past != nil {
			past.columns = append(past.columns, *n.past)
		}
	}
	slices.SortFunc(past.columns, func(a, b PastColumn) int { return cmp.Compare(a.Name(), b.Name()) })
	p.place = append(p.place, place...)
	p.place = append(p.place, c.graph.places(parts.combined, bitsOf(p.place, p.bits))...)
	past.words = bitsOf(p.place, p.bits)
	past.nodes, past.roots = c.graph.reach(slices.Concat(parts.past, parts.combined))
	for _, id := range parts.combined {
		n := &c.graph.nodes[id]
		step := combination{op: n.op, to: p.place[parts.at[id]], lit: n.lit, null: n.typ.kind == kindNull}
		for _, arg := range n.args {
			step.args = append(step.args, p.place[parts.at[arg]])
		}
		past.steps = append(past.steps, step)
	}
	p.past = past
}

// Past returns the columns that the plan needs of the previous run, sorted by name; none where no rule looks at it.
func (p *Plan) Past() []PastColumn {
	if p.past == nil {
		return nil
	}
	return p.past.columns
}

// Words returns how many words the answers about 64 users take, all told.
func (p *Plan) Words() int {
	if p.past == nil {
		return p.bits
	}
	return p.past.words
}

// PastAnswers are the answers of what a plan asks of the previous run, for some users in order.
type PastAnswers struct {
	plan    *pastPlan
	answers *Answers
}

// EvalPast answers what the plan asks of the previous run: the record has the columns of Past under their names, a row a user. The
// answers are valid until the record is released. Where the plan asks nothing they are empty, and the record may be nil.
func (p *Plan) EvalPast(rec arrow.Record) (*PastAnswers, error) {
	if p.past == nil {
		return &PastAnswers{}, nil
	}
	answers, err := newEvaluator(p.past.exec, 0).EvalRecord(rec)
	if err != nil {
		return nil, fmt.Errorf("evaluate what the previous run left: %w", err)
	}
	return &PastAnswers{plan: p.past, answers: answers}, nil
}

// Words completes the words of users 64w to 64w+63: what travelled is in the first of Plan.Bits, what is asked of the previous run,
// and what follows from both, goes behind it. bits has Plan.Words words.
func (a *PastAnswers) Words(w int, bits []uint64) {
	if a.plan == nil {
		return
	}
	a.answers.Words(w, bits)
	for i := range a.plan.steps {
		a.plan.steps[i].run(bits)
	}
}

// run combines words, as the operations of a Mask do.
func (c *combination) run(bits []uint64) {
	known, value := ^uint64(0), uint64(0)
	switch c.op {
	case opConst:
		if known = ^uint64(0); c.null {
			known = 0
		} else if c.lit.Bool {
			value = ^uint64(0)
		}
	case opAnd, opOr:
		known, value = c.logic(bits)
	case opNot:
		k, v := c.args[0].words(bits)
		known, value = k, k&^v|v&^k
	case opIsTrue: // an error stays one
		k, v := c.args[0].words(bits)
		known, value = k|^v, v
	case opMember:
		k, v := c.args[0].words(bits)
		value = k & v
	case opIsNull:
		k, v := c.args[0].words(bits)
		known, value = k|^v, ^k
	case opCoalesce: // the second where the first is unknown
		k, v := c.args[0].words(bits)
		k2, v2 := c.args[1].words(bits)
		open := ^(k | v)
		known, value = k|open&k2, v|open&v2
	case opCond:
		known, value = c.choose(bits)
	default:
		panic(fmt.Sprintf("operation %d combines no words", c.op)) // parts let it through: a bug
	}
	if c.to.FourValued {
		bits[c.to.Bit], bits[c.to.Bit+1] = known, value
		return
	}
	bits[c.to.Bit] = known & value
}

// logic is && or ||: one that settles it, then unknown, then an error.
func (c *combination) logic(bits []uint64) (known, value uint64) {
	settled, unknown, failed := uint64(0), uint64(0), uint64(0)
	for _, arg := range c.args {
		k, v := arg.words(bits)
		if unknown |= ^(k | v); c.op == opAnd {
			settled |= k &^ v
		} else {
			settled |= k & v
		}
		failed |= v &^ k
	}
	all := ^(settled | unknown | failed)
	known = settled | all
	if c.op == opAnd {
		value = all
	} else {
		value = settled
	}
	return known, value | failed&^(settled|unknown)
}

// choose is ?:, unknown or an error where its condition is.
func (c *combination) choose(bits []uint64) (known, value uint64) {
	k, v := c.args[0].words(bits)
	ky, vy := c.args[1].words(bits)
	kn, vn := c.args[2].words(bits)
	yes, no := k&v, k&^v
	return yes&ky | no&kn, yes&vy | no&vn | v&^k
}

// words are the known and value words of a cut, from one word a bit.
func (c Cut) words(bits []uint64) (known, value uint64) {
	if c.FourValued {
		return bits[c.Bit], bits[c.Bit+1]
	}
	return ^uint64(0), bits[c.Bit]
}
