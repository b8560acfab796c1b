package pipeline

import (
	"math/bits"

	"strata/pipeline/tables"
)

// stats count what a run decided: sizes, and changes by reason. Every worker has its own; they are added up.
type stats struct {
	users   int64
	sizes   []int64                                 // by segment of today
	stages  [][]int64                               // by lifecycle of today and stage
	changes [][tables.Changes][tables.Reasons]int64 // by segment or lifecycle, as events name them

	// Of a run with a scope:
	inScope, outside int64   // users of the snapshot
	carried, before  int64   // users of the previous run: those who are carried, and the others
	stayed           []int64 // by segment of today: members who are carried
}

func newStats(v *vocabulary) *stats {
	s := &stats{
		sizes: make([]int64, len(v.names.Segments)), changes: make([][tables.Changes][tables.Reasons]int64, len(v.eventNames)),
		stayed: make([]int64, len(v.names.Segments)),
	}
	for _, l := range v.names.Lifecycles {
		s.stages = append(s.stages, make([]int64, len(l.Stages)))
	}
	return s
}

func (s *stats) change(segment int, change tables.Change, reason tables.Reason) {
	s.changes[segment][change][reason]++
}

// members counts the sizes of a partition.
func (s *stats) members(m *tables.Membership) {
	s.users += int64(m.Len())
	for i := range m.Len() {
		for w, word := range m.Sets.Row(i) {
			for ; word != 0; word &= word - 1 {
				s.sizes[w<<6|bits.TrailingZeros64(word)]++
			}
		}
	}
	for l, codes := range m.Stages {
		for _, code := range codes {
			if code != 0 {
				s.stages[l][code-1]++
			}
		}
	}
}

// scoped counts whom a scope takes and leaves of a partition.
func (s *stats) scoped(v *vocabulary, p *parting) {
	s.inScope += int64(p.len())
	s.outside += p.outside
	s.carried += int64(len(p.carried))
	s.before += int64(p.previous.Len() - len(p.carried))
	for _, j := range p.carried {
		for old, at := range v.fromOld {
			if at < len(s.stayed) && p.previous.Sets.Has(j, old) {
				s.stayed[at]++
			}
		}
	}
}

func (s *stats) add(other *stats) {
	s.users += other.users
	s.inScope += other.inScope
	s.outside += other.outside
	s.carried += other.carried
	s.before += other.before
	for i, n := range other.stayed {
		s.stayed[i] += n
	}
	for i, n := range other.sizes {
		s.sizes[i] += n
	}
	for l := range other.stages {
		for i, n := range other.stages[l] {
			s.stages[l][i] += n
		}
	}
	for i := range other.changes {
		for c := range other.changes[i] {
			for r, n := range other.changes[i][c] {
				s.changes[i][c][r] += n
			}
		}
	}
}
