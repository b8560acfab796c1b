package rules

import (
	"fmt"

	"strata/pipeline/tables"
)

// A passage is a page that was passed over: its rows are answered without having been read.
type passage struct {
	left     int          // rows that are still to be answered
	outcomes []OutcomeSet // by leaf of the component
}

// passOver answers up to most rows of a component from row at of the window on, if its only column has a page at hand whose
// statistics settle all leaves. It returns how many rows it answered. A surveyor wants values, not answers.
func (e *Evaluator) passOver(c *component, at, most int) (int, error) {
	if len(c.columns) != 1 || e.take != nil {
		return 0, nil
	}
	s := &e.streams[c.columns[0]]
	if s.passed.left == 0 && s.arr == nil {
		if err := e.askPage(c, s); err != nil {
			return 0, err
		}
	}
	rows := min(s.passed.left, most)
	if rows == 0 {
		return 0, nil
	}
	e.arena.reset()
	for i, leaf := range c.leaves {
		if e.work.level[leaf] == 0 {
			e.windows[leaf].put(at, e.arena.settled(rows, s.passed.outcomes[i]))
		}
	}
	if e.work.isKept(c) {
		e.kept[c] = append(e.kept[c], keptSlice{outcomes: s.passed.outcomes, at: at, rows: rows})
	}
	s.passed.left -= rows
	return rows, nil
}

// mostWait is how many arrays in a row are read without asking: where rows are in no order, asking every page costs a few percent.
const mostWait = 8

// askPage passes over the next page of a component's column, if it may. After pages that had to be read it asks less often.
func (e *Evaluator) askPage(c *component, s *stream) error {
	if s.wait > 0 {
		s.wait--
		return nil
	}
	if err := e.skipPage(c, s); err != nil {
		return err
	}
	if s.misses++; s.passed.left > 0 {
		s.misses = 0
	}
	s.wait = min(s.misses*s.misses, mostWait)
	return nil
}

// skipPage asks about the next page of a component's column, and passes over it where that settles all leaves.
func (e *Evaluator) skipPage(c *component, s *stream) error {
	pages, ok := e.src.(tables.PageSkipper)
	if !ok {
		return nil
	}
	column := e.columns[c.columns[0]]
	var outcomes []OutcomeSet
	rows, err := pages.SkipPage(column, func(stats tables.Statistics) bool {
		outcomes = e.settledLeaves(c, stats)
		return outcomes != nil
	})
	if err != nil {
		return fmt.Errorf("column %q: %w", column, err)
	}
	s.passed = passage{int(rows), outcomes}
	return nil
}

// settledLeaves are the outcomes of a component's leaves where each has only one, by statistics of its column; else nil.
func (e *Evaluator) settledLeaves(c *component, stats tables.Statistics) []OutcomeSet {
	if e.guesses == nil {
		e.guesses = newGuesser(e.executable)
	}
	if e.under[c] == nil {
		e.under[c] = e.nodesUnder(c.leaves)
	}
	found := e.guesses.run(e.under[c], func(string) tables.Statistics { return stats })
	out := make([]OutcomeSet, len(c.leaves))
	for i, leaf := range c.leaves {
		if out[i] = found[leaf].set; !out[i].Settled() {
			return nil
		}
	}
	return out
}

// nodesUnder are some nodes and all below them, arguments first.
func (x *executable) nodesUnder(roots []nodeID) (out []nodeID) {
	needed := make([]bool, len(x.nodes))
	for _, root := range roots {
		needed[root] = true
	}
	for id := len(x.nodes) - 1; id >= 0; id-- {
		if nd := &x.nodes[id]; needed[id] {
			for _, arg := range nd.args {
				needed[arg] = true
			}
			if comprehends(nd.op) {
				needed[nd.body] = true
			}
		}
	}
	for id, is := range needed {
		if is {
			out = append(out, nodeID(id))
		}
	}
	return out
}

// settled is a mask of n rows with one outcome.
func (a *arena) settled(n int, outcome OutcomeSet) Mask {
	m := Mask{value: a.words.zeros(words(n)), n: n, fails: outcome == MayFail}
	if outcome.Has(MayBeTrue | MayFail) {
		putOnes(m.value, 0, n)
	}
	if outcome.Has(noValue) {
		m.known = a.words.zeros(words(n))
	}
	return m
}
