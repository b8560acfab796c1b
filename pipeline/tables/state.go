package tables

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The strata_state of a user is what the next night needs and the other columns do not hold in compact form:
//
//	set    ceil(segments/8) bytes, bit s of them (lowest first) for segment s
//	since  only where since-dates are tracked: for each set bit in order, then for each lifecycle with a stage, a day
//	kept   for each of Names.Dated that the user is in, or in a stage of: the day since when
//	exits  nothing for who has none; else ceil(Names.Exits/8) bytes, bit e for who has a last exit from that segment,
//	       then the day of each
//
// A day is the days since 1970-01-01 as a zig-zag varint, each after the first as the difference to the one before. How many
// segments and lifecycles there are, in which order, and of what dates are kept, is in the run's manifest.

// AppendState appends the state of user i; sinceAt is where the user's dates start in m.Since, and the place after them
// is returned.
func (m *Membership) AppendState(dst []byte, i, sinceAt int) ([]byte, int) {
	row := m.Sets.Row(i)
	for b := 0; b < len(m.Names.Segments); b += 8 {
		dst = append(dst, byte(row[b>>6]>>(b&63)))
	}
	w := dayWriter{dst: dst}
	if m.Since != nil {
		sinceAt = m.appendSince(&w, i, sinceAt)
	}
	for _, days := range m.KeptSince {
		if days[i] != NoDay {
			w.day(days[i])
		}
	}
	m.appendExits(&w, i)
	return w.dst, sinceAt
}

// Plain says whether a user's state is the set alone.
func (m *Membership) Plain() bool {
	return m.Since == nil && len(m.Names.Dated) == 0 && len(m.Names.Exits) == 0
}

func (m *Membership) appendSince(w *dayWriter, i, sinceAt int) int {
	for _, word := range m.Sets.Row(i) {
		for range bits.OnesCount64(word) {
			w.day(m.Since[sinceAt])
			sinceAt++
		}
	}
	for l := range m.Stages {
		if m.Stages[l][i] != 0 {
			w.day(m.StageSince[l][i])
		}
	}
	return sinceAt
}

func (m *Membership) appendExits(w *dayWriter, i int) {
	var has []byte
	for e, days := range m.LastExits {
		if days[i] == NoDay {
			continue
		}
		if has == nil {
			has = make([]byte, (len(m.LastExits)+7)/8)
		}
		has[e>>3] |= 1 << (e & 7)
	}
	w.dst = append(w.dst, has...)
	for _, days := range m.LastExits {
		if days[i] != NoDay {
			w.day(days[i])
		}
	}
}

// A dayWriter appends days.
type dayWriter struct {
	dst  []byte
	last int64
}

func (w *dayWriter) day(day int32) {
	w.dst = binary.AppendVarint(w.dst, int64(day)-w.last)
	w.last = int64(day)
}

// ReadState is the inverse of AppendState for user i, whose stages are in m already and whose set is empty. It appends to
// m.Since; the columns of kept dates have room for the user. A state that AppendState would not have made is an error that names the row.
func (m *Membership) ReadState(state []byte, i int) error {
	row, setBytes := m.Sets.Row(i), (len(m.Names.Segments)+7)/8
	if len(state) < setBytes {
		return fmt.Errorf("strata_state of row %d has %d bytes; %d segments need %d", i, len(state), len(m.Names.Segments), setBytes)
	}
	for b, v := range state[:setBytes] {
		row[b>>3] |= uint64(v) << (8 * (b & 7))
	}
	if last := len(m.Names.Segments) & 7; last != 0 && state[setBytes-1]>>last != 0 {
		return fmt.Errorf("strata_state of row %d names a segment past the %d that there are", i, len(m.Names.Segments))
	}
	r := dayReader{state: state[setBytes:], row: i}
	if m.Since != nil {
		m.readSince(&r, i)
	}
	m.readKept(&r, i)
	m.readExits(&r, i)
	if r.err == nil && len(r.state) > 0 {
		r.err = fmt.Errorf("strata_state of row %d has %d bytes too many", i, len(r.state))
	}
	return r.err
}

// readSince reads the dates of a user whose set is known.
func (m *Membership) readSince(r *dayReader, i int) {
	for _, word := range m.Sets.Row(i) {
		for range bits.OnesCount64(word) {
			m.Since = append(m.Since, r.day())
		}
	}
	for l := range m.Stages {
		if m.Stages[l][i] != 0 {
			m.StageSince[l][i] = r.day()
		}
	}
}

// readKept reads the dates of what the user is in.
func (m *Membership) readKept(r *dayReader, i int) {
	for k, name := range m.Names.Dated {
		m.KeptSince[k][i] = NoDay
		if at := m.Names.Segment(name); at >= 0 && m.Sets.Has(i, at) {
			m.KeptSince[k][i] = r.keptDay()
		} else if l := m.Names.Lifecycle(name); l >= 0 && m.Stages[l][i] != 0 {
			m.KeptSince[k][i] = r.keptDay()
		}
	}
}

// readExits reads the last exits; of a user who has none there is nothing to read.
func (m *Membership) readExits(r *dayReader, i int) {
	for _, days := range m.LastExits {
		days[i] = NoDay
	}
	size := (len(m.LastExits) + 7) / 8
	if len(r.state) == 0 || size == 0 || r.err != nil {
		return
	}
	if len(r.state) <= size {
		r.err = fmt.Errorf("strata_state of row %d ends within its last exits", i)
		return
	}
	has := r.state[:size]
	r.state = r.state[size:]
	if last := len(m.LastExits) & 7; last != 0 && has[size-1]>>last != 0 {
		r.err = fmt.Errorf("strata_state of row %d names a last exit past the %d segments that keep it", i, len(m.LastExits))
	}
	for e, days := range m.LastExits {
		if has[e>>3]>>(e&7)&1 != 0 {
			days[i] = r.keptDay()
		}
	}
}

// A dayReader reads days until the first fault.
type dayReader struct {
	state []byte
	row   int
	last  int64
	err   error
}

func (r *dayReader) day() int32 {
	if r.err != nil {
		return 0
	}
	delta, n := binary.Varint(r.state)
	if n <= 0 {
		r.err = fmt.Errorf("strata_state of row %d ends within its dates", r.row)
		return 0
	}
	r.state, r.last = r.state[n:], r.last+delta
	if r.last != int64(int32(r.last)) {
		r.err = fmt.Errorf("strata_state of row %d has day %d, which is no date", r.row, r.last)
	}
	return int32(r.last)
}

// keptDay is a day that may not be NoDay.
func (r *dayReader) keptDay() int32 {
	day := r.day()
	if day == NoDay && r.err == nil {
		r.err = fmt.Errorf("strata_state of row %d has day %d, which is no date", r.row, day)
	}
	return day
}
