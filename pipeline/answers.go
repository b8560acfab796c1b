package pipeline

import (
	"math/bits"

	"strata/pipeline/tables"
	"strata/rules"
)

// A reasonStep is one step of the walk from the previous run's answer to today's, with the reason of what it changes.
type reasonStep struct {
	rules.Step
	reason tables.Reason
}

// answers are what one step says about the users of a partition, in the order of a vocabulary.
type answers struct {
	sets   tables.BitMatrix // n rows of vocabulary.setWords
	stages [][]uint16       // by lifecycle, n codes
}

// counts are what a run reports of its own answer, summed over users.
type counts struct {
	unknown, failed                    []int64 // by segment
	stageUnknown, stageFailed, blocked []int64 // by lifecycle
}

func newCounts(names *tables.Names) *counts {
	return &counts{
		unknown: make([]int64, len(names.Segments)), failed: make([]int64, len(names.Segments)),
		stageUnknown: make([]int64, len(names.Lifecycles)), stageFailed: make([]int64, len(names.Lifecycles)),
		blocked: make([]int64, len(names.Lifecycles)),
	}
}

func (c *counts) add(other *counts) {
	for _, pair := range [][2][]int64{
		{c.unknown, other.unknown},
		{c.failed, other.failed},
		{c.stageUnknown, other.stageUnknown},
		{c.stageFailed, other.stageFailed},
		{c.blocked, other.blocked},
	} {
		for i, n := range pair[1] {
			pair[0][i] += n
		}
	}
}

// A stepMap places what a step answers into the order of a vocabulary.
type stepMap struct {
	segments []int      // by the step's segments: place in the vocabulary; -1 where the step does not know it (Broken)
	life     []int      // by the step's lifecycles: the same
	stages   [][]uint16 // by the step's lifecycles and stages: the code
	broken   []uint64   // a set of the vocabulary's segments that this step cannot answer
	noLife   []bool     // by the vocabulary's lifecycles: the same
}

func newStepMap(v *vocabulary, plan *rules.Plan, step int) stepMap {
	segments, lifecycles := plan.Segments(step), plan.Lifecycles(step)
	m := stepMap{broken: make([]uint64, v.setWords), noLife: make([]bool, len(v.lifecycles))}
	for i := range v.segments {
		m.broken[i>>6] |= 1 << (i & 63) // until the step turns out to answer it
	}
	for i := range m.noLife {
		m.noLife[i] = true
	}
	for _, s := range segments {
		at := indexOf(v.segments, s.Name)
		if s.Broken != "" {
			at = -1
		} else {
			m.broken[at>>6] &^= 1 << (at & 63)
		}
		m.segments = append(m.segments, at)
	}
	for _, l := range lifecycles {
		m.addLifecycle(v, l)
	}
	return m
}

func (m *stepMap) addLifecycle(v *vocabulary, l rules.Lifecycle) {
	at := -1
	var codes []uint16
	if l.Broken == "" {
		for i, known := range v.lifecycles {
			if known.Name == l.Name {
				at, m.noLife[i] = i, false
			}
		}
		for _, stage := range l.Stages {
			codes = append(codes, v.stage(at, stage.Name))
		}
	}
	m.life, m.stages = append(m.life, at), append(m.stages, codes)
}

func indexOf(names []string, name string) int {
	for i, known := range names {
		if known == name {
			return i
		}
	}
	return -1
}

// resolve answers every step for the users of a partition, 64 at a time. The counts are those of the last step.
func resolve(plan *rules.Plan, v *vocabulary, maps []stepMap, u *users, before *former) ([]answers, *counts, error) {
	past, release, err := before.answers(plan)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	out := make([]answers, len(maps))
	for s := range out {
		out[s].sets = tables.BitMatrix{Width: v.setWords, Words: make([]uint64, u.len()*v.setWords)}
		for range v.lifecycles {
			out[s].stages = append(out[s].stages, make([]uint16, u.len()))
		}
	}
	c, last := newCounts(v.names), len(maps)-1
	cuts := make([]uint64, max(u.from.bits*64, plan.Words()))
	var resolved rules.Resolved
	for at := 0; at < u.len(); at += 64 {
		n := min(64, u.len()-at)
		u.columns(at, n, cuts)
		past.Words(at>>6, cuts)
		for s := range maps {
			plan.Resolve(s, cuts, &resolved)
			out[s].place(&maps[s], &resolved, at, n)
			if s == last {
				c.count(&resolved, n)
			}
		}
	}
	return out, c, nil
}

// columns turns the bits of up to 64 users into one word a bit.
func (u *users) columns(at, n int, cuts []uint64) {
	for w := range u.from.bits {
		square := (*[64]uint64)(cuts[64*w:])
		for i := range n {
			square[i] = u.record(at + i)[u.from.keys+w]
		}
		clear(square[n:])
		rules.Transpose64(square)
	}
}

// place writes what a step says of n users from at on.
func (a *answers) place(m *stepMap, r *rules.Resolved, at, n int) {
	for w := range a.sets.Width {
		var square [64]uint64
		for i, to := range m.segments {
			if to>>6 == w {
				square[to&63] = r.Segments[i]
			}
		}
		rules.Transpose64(&square)
		for i := range n {
			a.sets.Words[(at+i)*a.sets.Width+w] = square[i]
		}
	}
	for l, to := range m.life {
		if to < 0 {
			continue
		}
		for stage, word := range r.Stages[l] {
			for ; word != 0; word &= word - 1 {
				if i := bits.TrailingZeros64(word); i < n {
					a.stages[to][at+i] = m.stages[l][stage]
				}
			}
		}
	}
}

// count adds the unknown and error answers of n users, and their blocked moves.
func (c *counts) count(r *rules.Resolved, n int) {
	rows := ^uint64(0) >> (64 - n)
	for _, pair := range []struct {
		sums  []int64
		words []uint64
	}{
		{c.unknown, r.Unknown},
		{c.failed, r.Failed},
		{c.stageUnknown, r.StageUnknown},
		{c.stageFailed, r.StageFailed},
		{c.blocked, r.Blocked},
	} {
		for i, word := range pair.words {
			pair.sums[i] += int64(bits.OnesCount64(word & rows))
		}
	}
}
