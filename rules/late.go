package rules

import (
	"cmp"
	"math/bits"
	"slices"
)

// A leaf that is dear, such as a regular expression over texts that are no dictionary, is answered late: after the cheap ones,
// and only in the rows where it can still change the answer of a cut. Below an && those are the rows in which no sibling is
// false, below an || those in which none is true: where one is, the four-valued answer is settled, whatever the others are. So
// counts of unknown rows and of errors are what they would be.

// A lateLeaf is one of them.
type lateLeaf struct {
	leaf nodeID
	of   *component
}

// isLate says whether a leaf is answered late: one that is a cut has every row asked of it.
func (x *executable) isLate(leaf nodeID) bool {
	return !x.asWritten && x.cost[leaf] >= dear && len(x.below[leaf]) > 0 && !slices.Contains(x.cuts, leaf)
}

// schedule puts the late leaves in order, the cheapest first, and the algebra in stages: those of stage i wait for the first
// i late leaves.
func (x *executable) schedule(w *workload) {
	w.level = make([]int, len(x.nodes))
	for _, c := range w.components {
		for _, leaf := range c.leaves {
			if x.isLate(leaf) {
				w.late = append(w.late, lateLeaf{leaf, c})
			}
		}
	}
	slices.SortStableFunc(w.late, func(a, b lateLeaf) int { return cmp.Compare(x.cost[a.leaf], x.cost[b.leaf]) })
	for i, l := range w.late {
		w.level[l.leaf] = i + 1
	}
	w.stages = make([][]nodeID, len(w.late)+1)
	w.parents = make([][]nodeID, len(x.nodes))
	for _, id := range w.algebra {
		for _, arg := range x.nodes[id].args {
			w.level[id] = max(w.level[id], w.level[arg])
			w.parents[arg] = append(w.parents[arg], id)
		}
		w.stages[w.level[id]] = append(w.stages[w.level[id]], id)
	}
}

// A keptSlice is a slice of rows whose arrays are kept until the late leaves are answered, or one of a page that was passed over.
type keptSlice struct {
	views    []view       // nil: the page was passed over
	outcomes []OutcomeSet // of that page, by leaf of the component
	at, rows int
}

// keepSlice keeps the arrays of a component's slice.
func (e *Evaluator) keepSlice(c *component, views []view, at, rows int) {
	for _, column := range c.columns {
		views[column].arr.Retain()
	}
	e.kept[c] = append(e.kept[c], keptSlice{views: slices.Clone(views), at: at, rows: rows})
}

// releaseKept gives all kept arrays back.
func (e *Evaluator) releaseKept() {
	for c, kept := range e.kept {
		for _, s := range kept {
			if s.views == nil {
				continue
			}
			for _, column := range c.columns {
				s.views[column].arr.Release()
			}
		}
		delete(e.kept, c)
	}
}

// isKept says whether a component has late leaves.
func (w *workload) isKept(c *component) bool {
	return slices.ContainsFunc(w.late, func(l lateLeaf) bool { return l.of == c })
}

// runLate answers the late leaf of a place in the order, over a window.
func (e *Evaluator) runLate(place, n int) error {
	l := e.work.late[place]
	e.windows[l.leaf].start(n)
	e.arena.reset()
	e.open = append(e.open[:0], e.openRows(l.leaf, place, n, map[nodeID][]uint64{})...)
	for _, s := range e.kept[l.of] {
		e.beginSlice()
		if s.views == nil {
			e.windows[l.leaf].put(s.at, e.arena.settled(s.rows, s.outcomes[slices.Index(l.of.leaves, l.leaf)]))
			continue
		}
		m := e.evalOpen(l.leaf, s)
		if e.err != nil {
			return e.columnFault(l.leaf)
		}
		e.windows[l.leaf].put(s.at, m)
	}
	return nil
}

// openRows is the rows of a window in which a node's answer counts, as far as what is answered before a late leaf tells. found
// holds what is known already.
func (e *Evaluator) openRows(id nodeID, place, n int, found map[nodeID][]uint64) []uint64 {
	if rows := found[id]; rows != nil {
		return rows
	}
	out := e.arena.words.zeros(words(n))
	if slices.Contains(e.cuts, id) {
		out = e.arena.ones(n)
	}
	for _, parent := range e.work.parents[id] {
		of := e.arena.words.get(words(n))
		copy(of, e.openRows(parent, place, n, found))
		e.closeRows(of, id, &e.nodes[parent], place)
		orWords(out, out, of)
	}
	found[id] = out
	return out
}

// closeRows takes out the rows in which the other arguments of an operation settle its answer.
func (e *Evaluator) closeRows(rows []uint64, id nodeID, parent *node, place int) {
	for i, sibling := range parent.args {
		if sibling == id || e.work.level[sibling] > place {
			continue
		}
		m := e.windows[sibling].mask
		switch {
		case parent.op == opAnd:
			for w, value := range m.value {
				rows[w] &^= m.knownWord(w) &^ value
			}
		case parent.op == opOr:
			for w := range m.value {
				rows[w] &^= m.MembersWord(w)
			}
		case parent.op == opCond && i == 0: // one branch is taken where the condition is true, the other where it is false
			for w, value := range m.value {
				taken := m.knownWord(w)
				if parent.args[1] != id {
					taken &^= value
				} else if parent.args[2] != id {
					taken &= value
				}
				rows[w] &= taken
			}
		}
	}
}

// evalOpen answers a leaf in the open rows of a slice; in the others the answer is false and means nothing.
func (e *Evaluator) evalOpen(leaf nodeID, s keptSlice) Mask {
	open := e.arena.words.get(words(s.rows))
	takeBits(open, e.open, s.at, s.rows)
	count := 0
	for _, word := range open {
		count += bits.OnesCount64(word)
	}
	f := e.newFrame(s.rows, -1)
	f.views = s.views
	if count == 0 {
		clear(open)
		return Mask{value: open, n: s.rows}
	}
	if count*4 > s.rows*3 || e.onceAnEntry(leaf, f) {
		return e.evalMask(leaf, f)
	}
	f.n, f.chosen = count, e.arena.small.get(count)
	at := 0
	for w, word := range open {
		for ; word != 0; word &= word - 1 {
			f.chosen[at] = int32(w<<6 + bits.TrailingZeros64(word))
			at++
		}
	}
	return e.scatter(e.evalMask(leaf, f), f.chosen, s.rows)
}

// onceAnEntry says whether a leaf over a slice of rows is answered over a dictionary.
func (e *Evaluator) onceAnEntry(leaf nodeID, f *frame) bool {
	source := e.source[leaf]
	if source == noSource {
		return false
	}
	_, _, encoded := e.dictionary(source, f)
	return encoded
}

// scatter puts the answers of chosen rows in their places among n.
func (e *Evaluator) scatter(m Mask, chosen []int32, n int) Mask {
	out := Mask{value: e.arena.words.zeros(words(n)), n: n, fails: m.fails}
	if m.known != nil {
		out.known = e.arena.ones(n)
	}
	for i, row := range chosen {
		at, shift := row>>6, row&63
		out.value[at] |= m.value[i>>6] >> (i & 63) & 1 << shift
		if m.known != nil {
			out.known[at] &^= (m.known[i>>6]>>(i&63)&1 ^ 1) << shift
		}
	}
	return out
}
