package rules

import (
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"sync"
	"unicode/utf8"

	"strata/pipeline/tables"
)

// A Pruning is what statistics say about the answers in some rows before they are read: which cuts have one outcome only, and
// which columns nobody needs to look at. It does not change.
type Pruning struct {
	cuts    []OutcomeSet
	columns []string
	work    *workload
}

// Prune finds out what is known of the answers in some rows, a row group or a page, from statistics of its columns. stats
// tells what is known of a column of the snapshot; the zero value where nothing is.
func (p *Plan) Prune(stats func(column string) tables.Statistics) *Pruning {
	return p.exec.prune(stats)
}

// Possible returns the outcomes that every cut may have in some rows, from statistics of their columns. Where the set is
// Settled, every row has that outcome: with MayBeTrue all of them are members, and there are as many as rows; with any other
// none is, and nothing needs to be read to know it. Without MayBeTrue in the set, none of the rows is a member.
func (p *Plan) Possible(stats func(column string) tables.Statistics) []OutcomeSet {
	return p.Prune(stats).cuts
}

// Cut returns the outcomes that a cut may have.
func (p *Pruning) Cut(i int) OutcomeSet { return p.cuts[i] }

// Columns returns the snapshot's columns that are still to be read, sorted.
func (p *Pruning) Columns() []string { return p.columns }

func (x *executable) prune(stats func(column string) tables.Statistics) *Pruning {
	found := x.estimates(stats)
	p := &Pruning{work: x.remaining(found)}
	for _, cut := range x.cuts {
		p.cuts = append(p.cuts, found[cut].set)
	}
	for _, c := range p.work.components {
		for _, column := range c.columns {
			p.columns = append(p.columns, x.columns[column])
		}
	}
	slices.Sort(p.columns)
	return p
}

// A workload is what an evaluator does in a row group: leaves, then algebra, and what is settled without looking.
type workload struct {
	components []*component
	algebra    []nodeID
	settled    []settled

	// By schedule:
	late    []lateLeaf
	stages  [][]nodeID // the algebra
	level   []int      // by node: how many late leaves come before its answer
	parents [][]nodeID // by node: the algebra that it is an argument of
}

// A settled node has one outcome in every row.
type settled struct {
	id      nodeID
	outcome OutcomeSet
}

// remaining is the part of the work that estimates do not settle.
func (x *executable) remaining(found []estimate) *workload {
	w := &workload{}
	live := make([]bool, len(x.nodes))
	for _, cut := range x.cuts {
		live[cut] = true
	}
	for id := nodeID(len(x.nodes)) - 1; id >= 0; id-- {
		switch {
		case !live[id]:
		case found[id].set.Settled():
			live[id] = false
			w.settled = append(w.settled, settled{id, found[id].set})
		case x.isAlgebra(id):
			for _, arg := range x.nodes[id].args {
				live[arg] = true
			}
		}
	}
	for _, id := range x.algebra {
		if live[id] {
			w.algebra = append(w.algebra, id)
		}
	}
	for _, c := range x.components {
		if left := x.partOf(c, live); len(left.leaves) > 0 {
			w.components = append(w.components, left)
		}
	}
	x.schedule(w)
	return w
}

// partOf is a component with the live leaves alone, and the columns that they look at.
func (x *executable) partOf(c *component, live []bool) *component {
	out := &component{}
	for _, leaf := range c.leaves {
		if live[leaf] {
			out.leaves = append(out.leaves, leaf)
			out.columns = append(out.columns, x.below[leaf]...)
		}
	}
	slices.Sort(out.columns)
	out.columns = slices.Compact(out.columns)
	for _, b := range c.bundles {
		if left := slices.DeleteFunc(slices.Clone(b.leaves), func(leaf nodeID) bool { return !live[leaf] }); len(left) >= fewestPacked {
			out.bundles = append(out.bundles, b) // with what is settled, because its answers are made ready once
		}
	}
	return out
}

// settle answers n rows of a window with one outcome.
func (w *window) settle(n int, outcome OutcomeSet) {
	w.start(n)
	if outcome.Has(MayBeTrue | MayFail) {
		putOnes(w.value, 0, n)
	}
	if outcome.Has(noValue) {
		w.allocateKnown()
		clear(w.known)
		w.mask.known, w.mask.fails = w.known, outcome == MayFail
	}
}

// notes are what pruning makes of a graph once, when it first asks.
type notes struct {
	mu        sync.Mutex
	constants map[nodeID][]literal
	prefixes  map[*regexp.Regexp]string
}

// constantsOf are the constants of a node's set, sorted, without NaN, which nothing equals.
func (n *notes) constantsOf(x *executable, id nodeID, k kind) []literal {
	n.mu.Lock()
	defer n.mu.Unlock()
	found, made := n.constants[id]
	if !made {
		for _, c := range x.nodes[id].set.constants(k) {
			if !math.IsNaN(c.Double) {
				found = append(found, c)
			}
		}
		slices.SortFunc(found, func(a, b literal) int { return order(k, a, k, b) })
		if n.constants == nil {
			n.constants = map[nodeID][]literal{}
		}
		n.constants[id] = found
	}
	return found
}

// prefixOf is a text that everything begins with which a regular expression matches; empty where there is none.
func (n *notes) prefixOf(expr *regexp.Regexp) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	found, made := n.prefixes[expr]
	if !made {
		if n.prefixes == nil {
			n.prefixes = map[*regexp.Regexp]string{}
		}
		found = anchoredPrefix(expr)
		n.prefixes[expr] = found
	}
	return found
}

func anchoredPrefix(expr *regexp.Regexp) string {
	parsed, err := syntax.Parse(expr.String(), syntax.Perl)
	if err != nil {
		return ""
	}
	parsed = parsed.Simplify()
	if parsed.Op != syntax.OpConcat || len(parsed.Sub) < 2 || parsed.Sub[0].Op != syntax.OpBeginText {
		return ""
	}
	begin := parsed.Sub[1]
	if begin.Op != syntax.OpLiteral || begin.Flags&syntax.FoldCase != 0 || slices.Contains(begin.Rune, utf8.RuneError) {
		return "" // the last stands for bytes that are no text
	}
	return string(begin.Rune)
}
