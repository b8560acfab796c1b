package pipeline

import (
	"math/bits"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// A comparison is what diff needs to know besides a partition's users: the same for all partitions of a run.
type comparison struct {
	words   *vocabulary
	reasons []tables.Reason // by step: why what it changes has changed
	maps    []stepMap       // by step

	date      string // of this run, as event ids see it
	day       int32  // the same, in days since 1970-01-01
	at        int64  // the run's now, microseconds
	keepSince bool   // since-dates are tracked
	dated     []datedName
	exits     []exitsOf
	eventIDs  ids.Type

	datesOnly bool // transitions are known, and none is looked for
}

// An outcome is what diff makes of a partition.
type outcome struct {
	membership  *tables.Membership
	transitions *tables.Transitions
	stats       *stats
}

// diff merges a partition's users with those of the previous run and finds who entered, left and moved. The extra columns of the
// membership are the caller's to add.
func (c *comparison) diff(u *users, steps []answers, before *former) *outcome {
	d := &differ{comparison: c, users: u, steps: steps, today: &steps[len(steps)-1], former: before, stats: newStats(c.words)}
	d.prepare()
	d.walk()
	d.out.IDs = *d.out.IDs.Narrow() // how they are encoded follows from them alone
	return &outcome{membership: d.membership, transitions: &d.out, stats: d.stats}
}

// A differ walks over one partition.
type differ struct {
	*comparison
	users *users
	steps []answers
	today *answers
	*former
	membership *tables.Membership
	out        tables.Transitions
	stats      *stats

	oldSet  []uint64 // the previous user's set, in today's order
	text    []byte   // scratch of event ids
	emitted bool     // the user at hand is in out.IDs
}

func (d *differ) prepare() {
	v := d.words
	d.membership = &tables.Membership{Names: v.names, IDs: d.users.ids, Sets: trimmed(d.today.sets, len(v.names.Segments))}
	d.membership.Stages = d.today.stages[:len(v.names.Lifecycles)]
	if d.keepSince {
		d.membership.Since = []int32{}
		for range v.names.Lifecycles {
			d.membership.StageSince = append(d.membership.StageSince, make([]int32, d.users.len()))
		}
	}
	for range d.dated {
		d.membership.KeptSince = append(d.membership.KeptSince, make([]int32, d.users.len()))
	}
	for range d.exits {
		d.membership.LastExits = append(d.membership.LastExits, make([]int32, d.users.len()))
	}
	d.out = tables.Transitions{Segments: v.eventNames, Stages: v.stageNames, At: d.at}
	d.out.IDs.Type, d.out.IDs.Form = d.eventIDs, d.ids.Form
	d.oldSet = make([]uint64, v.setWords)
}

// trimmed narrows a matrix to today's segments, which come first in each row; the bits behind them are zero.
func trimmed(m tables.BitMatrix, segments int) tables.BitMatrix {
	width := max((segments+63)/64, 1)
	if width == m.Width {
		return m
	}
	out := tables.BitMatrix{Width: width}
	for at := 0; at < len(m.Words); at += m.Width {
		out.Words = append(out.Words, m.Words[at:at+width]...)
	}
	return out
}

// walk visits all users, today's and those that are gone, in the order of their ids.
func (d *differ) walk() {
	j := 0
	gone := func(end int) {
		for ; j < end; j++ {
			d.emitted = false
			d.left(j)
		}
	}
	for i, at := range d.pairs {
		if at < 0 {
			gone(int(^at))
			d.emitted = false
			d.arrived(i)
			continue
		}
		gone(int(at))
		d.emitted = false
		d.stayed(i, j)
		j++
	}
	gone(d.previous.Len())
}

// arrived is a user that the previous run did not have.
func (d *differ) arrived(i int) {
	row := d.today.sets.Row(i)
	forEach(row, func(s int) {
		if d.words.added[s] {
			d.add(d.ids, i, s, tables.Initial, tables.SegmentAdded, 0, 0)
		} else {
			d.add(d.ids, i, s, tables.Entered, tables.UserNew, 0, 0)
		}
	})
	for l, codes := range d.today.stages {
		if codes[i] == 0 {
			continue
		}
		if d.words.newLife[l] {
			d.move(d.ids, i, l, tables.Initial, tables.SegmentAdded, 0, codes[i])
		} else {
			d.move(d.ids, i, l, tables.Entered, tables.UserNew, 0, codes[i])
		}
	}
	d.since(i, -1)
}

// left is a user that the snapshot does not have any more.
func (d *differ) left(j int) {
	d.words.oldSet(d.oldSet, d.previous.Sets.Row(j))
	forEach(d.oldSet, func(s int) {
		d.add(d.oldIDs, j, s, tables.Exited, d.lossReason(s >= len(d.words.names.Segments), tables.UserDeleted), 0, 0)
	})
	for l, old := range d.words.lifeOld {
		if old < 0 || d.previous.Stages[old][j] == 0 {
			continue
		}
		reason := d.lossReason(l >= len(d.words.names.Lifecycles), tables.UserDeleted)
		d.move(d.oldIDs, j, l, tables.Exited, reason, d.words.stageOld[l][d.previous.Stages[old][j]], 0)
	}
}

// lossReason prefers the end of a segment to any other reason of leaving it, as its beginning is preferred on entering.
func (d *differ) lossReason(removed bool, reason tables.Reason) tables.Reason {
	if removed {
		return tables.SegmentRemoved
	}
	return reason
}

// stayed is a user of both runs.
func (d *differ) stayed(i, j int) {
	d.words.oldSet(d.oldSet, d.previous.Sets.Row(j))
	row := d.today.sets.Row(i)
	for w, word := range row {
		for changed := word ^ d.oldSet[w]; changed != 0; changed &= changed - 1 {
			bit := bits.TrailingZeros64(changed)
			d.changed(i, w<<6|bit, word>>bit&1 != 0)
		}
	}
	for l, codes := range d.today.stages {
		was := uint16(0)
		if old := d.words.lifeOld[l]; old >= 0 {
			was = d.words.stageOld[l][d.previous.Stages[old][j]]
		}
		if was != codes[i] {
			d.moved(i, l, was, codes[i])
		}
	}
	d.since(i, j)
}

// changed records that a user who stayed is in segment s now, or is not any more.
func (d *differ) changed(i, s int, in bool) {
	switch {
	case d.words.added[s]:
		d.add(d.ids, i, s, tables.Initial, tables.SegmentAdded, 0, 0)
	case s >= len(d.words.names.Segments):
		d.add(d.ids, i, s, tables.Exited, tables.SegmentRemoved, 0, 0)
	case in:
		d.add(d.ids, i, s, tables.Entered, d.setReason(i, s), 0, 0)
	default:
		d.add(d.ids, i, s, tables.Exited, d.setReason(i, s), 0, 0)
	}
}

// setReason walks from the last step back to the one that changed this membership last.
func (d *differ) setReason(i, s int) tables.Reason {
	w, bit := s>>6, uint64(1)<<(s&63)
	at := func(step int) uint64 {
		for ; step >= 0; step-- {
			if d.maps[step].broken[w]&bit == 0 {
				return d.steps[step].sets.Row(i)[w] & bit
			}
		}
		return d.oldSet[w] & bit
	}
	for step := len(d.steps) - 1; step > 0; step-- {
		if at(step) != at(step-1) {
			return d.reasons[step]
		}
	}
	return d.reasons[0]
}

// moved records another stage of a user who stayed; 0 is none.
func (d *differ) moved(i, l int, from, to uint16) {
	change, reason := tables.Moved, tables.Reason(0)
	switch {
	case from == 0:
		change = tables.Entered
	case to == 0:
		change = tables.Exited
	}
	switch {
	case d.words.newLife[l]:
		change, reason = tables.Initial, tables.SegmentAdded
	case l >= len(d.words.names.Lifecycles):
		reason = tables.SegmentRemoved
	default:
		reason = d.stageReason(i, l, from)
	}
	d.move(d.ids, i, l, change, reason, from, to)
}

func (d *differ) stageReason(i, l int, from uint16) tables.Reason {
	at := func(step int) uint16 {
		for ; step >= 0; step-- {
			if !d.maps[step].noLife[l] {
				return d.steps[step].stages[l][i]
			}
		}
		return from
	}
	for step := len(d.steps) - 1; step > 0; step-- {
		if at(step) != at(step-1) {
			return d.reasons[step]
		}
	}
	return d.reasons[0]
}

func (d *differ) move(id *ids.Column, i, l int, change tables.Change, reason tables.Reason, from, to uint16) {
	codes := d.words.stageCode[l]
	d.add(id, i, len(d.words.segments)+l, change, reason, codes[from], codes[to])
}

// add appends one transition of user i of a column of ids.
func (d *differ) add(id *ids.Column, i, segment int, change tables.Change, reason tables.Reason, from, to uint16) {
	if d.datesOnly {
		return
	}
	t := &d.out
	if !d.emitted {
		t.IDs.Append(id, i)
		d.emitted = true
	}
	t.User = append(t.User, uint32(t.IDs.Len()-1))
	t.Segment = append(t.Segment, uint16(segment))
	t.Change = append(t.Change, change)
	t.Reason = append(t.Reason, reason)
	t.From, t.To = append(t.From, from), append(t.To, to)
	high, low := d.eventID(id, i, segment, change, from, to)
	t.EventID = append(t.EventID, high, low)
	d.stats.change(segment, change, reason)
}

// forEach calls visit for every bit of a set, in order.
func forEach(set []uint64, visit func(bit int)) {
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			visit(w<<6 | bits.TrailingZeros64(word))
		}
	}
}
