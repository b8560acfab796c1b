package rules

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"

	"strata/pipeline/ids"
)

// A Population is what a plan's rules ask of all users together: the answers of quantile, mean, rank, ntile and top. It is
// measured once, before any evaluator starts:
//
//  1. Surveyors read the arguments' values, and who calls them counts each user once: Tally.Add, and what Needs says.
//  2. Then, for every argument, Distribute makes what is told of all its values in order, and End settles the answers.
//
// Only the answers are kept. They follow from the values alone, in whatever order they were read.
type Population struct {
	exec      *executable
	arguments []*argument
	reported  []*measure // those of the last step, in the order of its rules
	userID    string     // the snapshot's column
}

// An argument is one expression whose values population functions look at.
type argument struct {
	text     string
	root     nodeID // of exec
	kind     kind
	measures []*measure
	needs    Needs
	tally    Tally
}

// Needs says what must be known of an argument's values besides their tally.
type Needs struct {
	Order bool  // all of them in order
	Ranks bool  // how many are above each, for any value
	Top   int64 // the so many largest, with their users; 0: none
}

// A measure is one population function and what it found.
type measure struct {
	op    opcode
	lit   literal
	of    *argument
	ready bool

	empty bool    // quantile, mean: nobody has a value
	value float64 // quantile, mean

	firsts []uint64 // ntile: the least key of each group that somebody is in, ascending
	groups []int64  // ntile: which groups these are, from 1
	sizes  []int64  // ntile: how many users are in each of these

	ranks Ranking // rank

	everyone bool   // top: there are no more users than asked for
	last     uint64 // top: the key of the last one in
	lastID   string // top: the greatest user id of those with this key that are in
}

// population gathers the population functions among some nodes, and links them to what will be found. Their arguments are in the
// compiler's graph. It is nil where there are none.
func (c *compiler) population(nodes []node, needed func(at int) bool) *Population {
	pop := &Population{userID: c.opts.UserID}
	var overs []nodeID
	for i := range nodes {
		if n := &nodes[i]; surveys(n.op) && needed(i) {
			at := slices.Index(overs, n.over)
			if at < 0 {
				at = len(overs)
				overs = append(overs, n.over)
				all := speller{nodes: c.graph.nodes}
				pop.arguments = append(pop.arguments, &argument{kind: c.graph.kind(n.over), text: all.spell(n.over, bindsCond)})
			}
			n.measure = pop.arguments[at].add(n)
		}
	}
	if len(overs) == 0 {
		return nil
	}
	below, roots := c.graph.reach(overs)
	for i, root := range roots {
		pop.arguments[i].root = root
	}
	pop.exec = newExecutable(below, roots, nil, c.opts.AsWritten)
	pop.report(c, overs)
	return pop
}

// add adds what a node asks.
func (a *argument) add(n *node) *measure {
	m := &measure{op: n.op, lit: n.lit, of: a}
	a.measures = append(a.measures, m)
	switch m.op {
	case opRank:
		a.needs.Ranks, a.needs.Order = true, true
	case opQuantile, opNtile:
		a.needs.Order = true
	case opTop:
		a.needs.Top = max(a.needs.Top, m.lit.Int)
	}
	return m
}

// report keeps what the last step asks, if its nodes are in use.
func (p *Population) report(c *compiler, overs []nodeID) {
	for _, id := range c.steps[len(c.steps)-1].surveyed {
		n := &c.graph.nodes[id]
		at := slices.Index(overs, n.over)
		if at < 0 {
			continue
		}
		for _, m := range p.arguments[at].measures {
			if m.op == n.op && m.lit == n.lit && !slices.Contains(p.reported, m) {
				p.reported = append(p.reported, m)
			}
		}
	}
}

// String is the call as rules write it.
func (m *measure) String() string {
	switch m.op {
	case opQuantile:
		return fmt.Sprintf("quantile(%s, %s)", m.of.text, spellDouble(m.lit.Double))
	case opMean:
		return fmt.Sprintf("mean(%s)", m.of.text)
	case opRank:
		return fmt.Sprintf("rank(%s)", m.of.text)
	case opNtile:
		return fmt.Sprintf("ntile(%s, %d)", m.of.text, m.lit.Int)
	}
	return fmt.Sprintf("top(%s, %d)", m.of.text, m.lit.Int)
}

// Columns returns the snapshot's columns that surveyors read, sorted.
func (p *Population) Columns() []string { return slices.Sorted(slices.Values(p.exec.columns)) }

// Arguments returns how many expressions are looked at.
func (p *Population) Arguments() int { return len(p.arguments) }

// Needs says what must be known of an argument.
func (p *Population) Needs(argument int) Needs { return p.arguments[argument].needs }

// A Tally counts the users of one argument. Tallies of different workers add up.
type Tally struct {
	Users int64 // who have a value
	Nulls int64 // who have none, or NaN
	sum   exactSum
}

// Count counts one user: a key of Values, or none.
func (p *Population) Count(argument int, t *Tally, key uint64, has bool) {
	if !has {
		t.Nulls++
		return
	}
	t.Users++
	a := p.arguments[argument]
	if !slices.ContainsFunc(a.measures, func(m *measure) bool { return m.op == opMean }) {
		return
	}
	switch a.kind {
	case kindDouble:
		t.sum.add(ids.FromOrderedFloat(key))
	case kindUint:
		t.sum.addUint(key)
	default:
		t.sum.addInt(ids.FromOrdered(key))
	}
}

// Merge adds another tally.
func (t *Tally) Merge(other *Tally) {
	t.Users += other.Users
	t.Nulls += other.Nulls
	t.sum.merge(&other.sum)
}

// number is a key of an argument of numbers as a double.
func (k kind) number(key uint64) float64 {
	switch k {
	case kindDouble:
		return ids.FromOrderedFloat(key)
	case kindUint:
		return float64(key)
	}
	return float64(ids.FromOrdered(key))
}

// A Ranking tells for any key how many users have a greater one. Many goroutines ask it.
type Ranking interface {
	Above(key uint64) (int64, error)
}

// A Distribution is told the keys of one argument in ascending order, and settles what its functions ask.
type Distribution struct {
	argument *argument
	below    int64   // users with smaller keys than the next
	wanted   []place // of quantiles, ascending
}

// A place is which user, from 1 in ascending order, has the value of a quantile.
type place struct {
	at      int64
	measure *measure
}

// Distribute begins to measure an argument. The tally is that of all users.
func (p *Population) Distribute(argument int, total *Tally) *Distribution {
	a := p.arguments[argument]
	a.tally = *total
	d := &Distribution{argument: a}
	for _, m := range a.measures {
		*m = measure{op: m.op, lit: m.lit, of: a, empty: total.Users == 0}
		if m.op == opQuantile {
			d.wanted = append(d.wanted, place{quantilePlace(m.lit.Double, total.Users), m})
		}
	}
	slices.SortStableFunc(d.wanted, func(a, b place) int { return int(min(max(a.at-b.at, -1), 1)) })
	return d
}

// quantilePlace is the first place whose share of n is at least q. The q is the decimal number that the rule has, not the double
// beside it: 0.07 of 100 users are 7.
func quantilePlace(q float64, n int64) int64 {
	share, _ := new(big.Rat).SetString(strconv.FormatFloat(q, 'g', -1, 64))
	share.Mul(share, new(big.Rat).SetInt64(n))
	whole, rest := new(big.Int).QuoRem(share.Num(), share.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return max(whole.Int64(), 1)
}

// Add tells the next key and how many users have it.
func (d *Distribution) Add(key uint64, users int64) {
	d.below += users
	for len(d.wanted) > 0 && d.wanted[0].at <= d.below {
		d.wanted[0].measure.value = d.argument.kind.number(key)
		d.wanted = d.wanted[1:]
	}
	for _, m := range d.argument.measures {
		if m.op == opNtile {
			m.group(key, tile(m.lit.Int, d.below-users, users, d.argument.tally.Users), users)
		}
	}
}

// Above is how many users have greater keys than the last one told.
func (d *Distribution) Above() int64 { return d.argument.tally.Users - d.below }

// group adds users to a group, which is the last one or a later one.
func (m *measure) group(key uint64, group, users int64) {
	if last := len(m.groups) - 1; last >= 0 && m.groups[last] == group {
		m.sizes[last] += users
		return
	}
	m.firsts, m.groups, m.sizes = append(m.firsts, key), append(m.groups, group), append(m.sizes, users)
}

// Top tells the last one in of the so many largest: the key, and the greatest id of those with this key that are in. It is
// told for all sizes that TopSizes lists and that are smaller than the number of users.
func (d *Distribution) Top(size int64, key uint64, id string) {
	for _, m := range d.argument.measures {
		if m.op == opTop && m.lit.Int == size {
			m.last, m.lastID = key, id
		}
	}
}

// TopSizes lists the sizes that top is asked for and that leave somebody out, ascending.
func (d *Distribution) TopSizes() (sizes []int64) {
	for _, m := range d.argument.measures {
		if m.op == opTop && m.lit.Int < d.argument.tally.Users {
			sizes = append(sizes, m.lit.Int)
		}
	}
	slices.Sort(sizes)
	return sizes
}

// End settles the answers. The ranking is nil where none is needed.
func (d *Distribution) End(ranks Ranking) {
	total := &d.argument.tally
	for _, m := range d.argument.measures {
		switch m.op {
		case opMean:
			if !m.empty {
				m.value = total.sum.over(uint64(total.Users))
			}
		case opRank:
			m.ranks = ranks
		case opTop:
			m.everyone = m.lit.Int >= total.Users
		}
		m.ready = true
	}
}

// A Finding is what one population function of the rules found, for a report.
type Finding struct {
	Call   string  // as the rule has it
	Users  int64   // who have a value
	Nulls  int64   // who have none, or NaN
	Value  string  // of quantile and mean; empty where nobody has a value
	Groups []int64 // of ntile: the users of every group
}

// Findings lists what the functions of the last step's rules found, in the order of the rules.
func (p *Population) Findings() []Finding {
	var out []Finding
	for _, m := range p.reported {
		f := Finding{Call: m.String(), Users: m.of.tally.Users, Nulls: m.of.tally.Nulls}
		switch m.op {
		case opQuantile, opMean:
			if !m.empty {
				f.Value = strconv.FormatFloat(m.value, 'g', -1, 64)
			}
		case opNtile:
			f.Groups = make([]int64, m.lit.Int)
			for i, group := range m.groups {
				f.Groups[group-1] = m.sizes[i]
			}
		}
		out = append(out, f)
	}
	return out
}
