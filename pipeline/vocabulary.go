package pipeline

import (
	"fmt"
	"slices"

	"strata/pipeline/tables"
)

// A vocabulary maps the names of two runs onto one another, so that both speak in one order: all segments of today in
// definition order, then those that only the previous run had; the same for lifecycles, and for the stages of each.
type vocabulary struct {
	names    *tables.Names // today's
	previous *tables.Names // the previous run's; empty on the first run

	segments   []string // today's, then those that left
	lifecycles []tables.Lifecycle

	added      []bool     // by segment: today's definitions have it, the previous run's do not
	newLife    []bool     // by lifecycle: the same
	fromOld    []int      // by the previous run's segments: place in segments
	toOld      []int      // the inverse; -1 for one that was added
	lifeOld    []int      // by lifecycle: place in the previous run's, or -1
	stageOld   [][]uint16 // by lifecycle: from the previous run's stage code to today's
	sameOrder  bool       // the previous segments are the first ones of segments, in their order
	setWords   int        // words of a set of segments
	eventNames []string   // segments, then lifecycles: what a transition's Segment means
	stageNames []string   // what From and To mean, less one
	stageCode  [][]uint16 // by lifecycle and stage code: place in stageNames plus 1; code 0 is 0
}

func newVocabulary(names, previous *tables.Names) *vocabulary {
	if previous == nil {
		previous = &tables.Names{}
	}
	v := &vocabulary{names: names, previous: previous}
	v.joinSegments()
	v.joinLifecycles()
	v.nameEvents()
	return v
}

// check refuses more names than the 16 bits of a transition can tell apart.
func (v *vocabulary) check() error {
	if most := 1<<16 - 1; len(v.eventNames) > most || len(v.stageNames) > most {
		return fmt.Errorf("the definitions of this date and of the previous run have %d segments and lifecycles and %d stages; the most is %d of each",
			len(v.eventNames), len(v.stageNames), most)
	}
	return nil
}

func (v *vocabulary) joinSegments() {
	v.segments = slices.Clone(v.names.Segments)
	for _, name := range v.previous.Segments {
		if !slices.Contains(v.segments, name) {
			v.segments = append(v.segments, name)
		}
	}
	v.toOld, v.added = make([]int, len(v.segments)), make([]bool, len(v.segments))
	for i, name := range v.segments {
		v.toOld[i] = slices.Index(v.previous.Segments, name)
		v.added[i] = v.toOld[i] < 0
	}
	v.sameOrder = true
	for old, name := range v.previous.Segments {
		at := slices.Index(v.segments, name)
		v.fromOld = append(v.fromOld, at)
		v.sameOrder = v.sameOrder && at == old
	}
	v.setWords = max((len(v.segments)+63)/64, 1)
}

func (v *vocabulary) joinLifecycles() {
	old := func(name string) int {
		return slices.IndexFunc(v.previous.Lifecycles, func(l tables.Lifecycle) bool { return l.Name == name })
	}
	for _, l := range v.names.Lifecycles {
		v.lifecycles = append(v.lifecycles, tables.Lifecycle{Name: l.Name, Stages: slices.Clone(l.Stages)})
	}
	for _, l := range v.previous.Lifecycles {
		if !slices.ContainsFunc(v.lifecycles, func(have tables.Lifecycle) bool { return have.Name == l.Name }) {
			v.lifecycles = append(v.lifecycles, tables.Lifecycle{Name: l.Name})
		}
	}
	for i := range v.lifecycles {
		at := old(v.lifecycles[i].Name)
		v.lifeOld, v.newLife = append(v.lifeOld, at), append(v.newLife, at < 0)
		codes := []uint16{0}
		if at >= 0 {
			for _, stage := range v.previous.Lifecycles[at].Stages {
				codes = append(codes, v.stage(i, stage))
			}
		}
		v.stageOld = append(v.stageOld, codes)
	}
}

// stage returns the code of a stage of lifecycle i, which it adds if need be.
func (v *vocabulary) stage(i int, name string) uint16 {
	l := &v.lifecycles[i]
	at := slices.Index(l.Stages, name)
	if at < 0 {
		at = len(l.Stages)
		l.Stages = append(l.Stages, name)
	}
	return uint16(at + 1)
}

func (v *vocabulary) nameEvents() {
	v.eventNames = slices.Clone(v.segments)
	for _, l := range v.lifecycles {
		v.eventNames = append(v.eventNames, l.Name)
		codes := []uint16{0}
		for _, stage := range l.Stages {
			at := slices.Index(v.stageNames, stage)
			if at < 0 {
				at = len(v.stageNames)
				v.stageNames = append(v.stageNames, stage)
			}
			codes = append(codes, uint16(at+1))
		}
		v.stageCode = append(v.stageCode, codes)
	}
}

// stageName is the stage that From or To of a transition means; empty for none.
func (v *vocabulary) stageName(code uint16) string {
	if code == 0 {
		return ""
	}
	return v.stageNames[code-1]
}

// oldSet writes the set of segments of a previous user in today's order.
func (v *vocabulary) oldSet(dst, row []uint64) {
	clear(dst)
	if v.sameOrder {
		copy(dst, row)
		return
	}
	for old, at := range v.fromOld {
		dst[at>>6] |= row[old>>6] >> (old & 63) & 1 << (at & 63)
	}
}
