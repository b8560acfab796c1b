package tables

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The strata_state of a user is what the next night needs and the other columns do not hold in compact form:
//
//	set    ceil(segments/8) bytes, bit s of them (lowest first) for segment s
//	since  only where since-dates are tracked: for each set bit in order, then for each lifecycle with a stage,
//	       the days since 1970-01-01 as a zig-zag varint, each after the first as the difference to the one before
//
// How many segments and lifecycles there are, in which order, and whether since-dates are tracked, is in the run's manifest.

// AppendState appends the state of user i; sinceAt is where the user's dates start in m.Since, and the place after them
// is returned.
func (m *Membership) AppendState(dst []byte, i, sinceAt int) ([]byte, int) {
	row := m.Sets.Row(i)
	for b := 0; b < len(m.Names.Segments); b += 8 {
		dst = append(dst, byte(row[b>>6]>>(b&63)))
	}
	if m.Since == nil {
		return dst, sinceAt
	}
	last := int64(0)
	for _, word := range row {
		for range bits.OnesCount64(word) {
			dst = binary.AppendVarint(dst, int64(m.Since[sinceAt])-last)
			last = int64(m.Since[sinceAt])
			sinceAt++
		}
	}
	for l := range m.Stages {
		if m.Stages[l][i] != 0 {
			dst = binary.AppendVarint(dst, int64(m.StageSince[l][i])-last)
			last = int64(m.StageSince[l][i])
		}
	}
	return dst, sinceAt
}

// ReadState is the inverse of AppendState for user i, whose stages are in m already and whose set is empty. It appends to
// m.Since. A state that AppendState would not have made is an error that names the row.
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
	state = state[setBytes:]
	if m.Since != nil {
		var err error
		if state, err = m.readSince(state, row, i); err != nil {
			return err
		}
	}
	if len(state) > 0 {
		return fmt.Errorf("strata_state of row %d has %d bytes too many", i, len(state))
	}
	return nil
}

// readSince reads the dates of a user whose set is known and returns what follows them.
func (m *Membership) readSince(state []byte, row []uint64, i int) ([]byte, error) {
	last := int64(0)
	next := func() (int32, error) {
		delta, n := binary.Varint(state)
		if n <= 0 {
			return 0, fmt.Errorf("strata_state of row %d ends within its since-dates", i)
		}
		state, last = state[n:], last+delta
		if last != int64(int32(last)) {
			return 0, fmt.Errorf("strata_state of row %d has day %d, which is no date", i, last)
		}
		return int32(last), nil
	}
	for _, word := range row {
		for range bits.OnesCount64(word) {
			day, err := next()
			if err != nil {
				return nil, err
			}
			m.Since = append(m.Since, day)
		}
	}
	for l := range m.Stages {
		if m.Stages[l][i] == 0 {
			continue
		}
		day, err := next()
		if err != nil {
			return nil, err
		}
		m.StageSince[l][i] = day
	}
	return state, nil
}
