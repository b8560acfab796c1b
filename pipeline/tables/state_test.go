package tables

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomMembership has sets, stages and dates, but no ids: a state holds none.
func randomMembership(r *rand.Rand, users, segments int, cycles []int, since bool) *Membership {
	m := &Membership{Names: &Names{Segments: make([]string, segments)}, Sets: BitMatrix{Width: max(1, (segments+63)/64)}}
	m.Sets.Words = make([]uint64, users*m.Sets.Width)
	if since {
		m.Since = []int32{}
	}
	day := func() int32 { return []int32{0, -1, 20000, 1<<31 - 1, -1 << 31, r.Int32()}[r.IntN(6)] }
	share := r.Float64()
	for i := range users {
		for s := range segments {
			if r.Float64() >= share {
				continue
			}
			m.Sets.Row(i)[s>>6] |= 1 << (s & 63)
			if since {
				m.Since = append(m.Since, day())
			}
		}
	}
	for _, stages := range cycles {
		m.Names.Lifecycles = append(m.Names.Lifecycles, Lifecycle{Stages: make([]string, stages)})
		codes, days := make([]uint16, users), make([]int32, users)
		for i := range codes {
			if codes[i] = uint16(r.IntN(stages + 1)); since && codes[i] != 0 {
				days[i] = day()
			}
		}
		m.Stages = append(m.Stages, codes)
		if since {
			m.StageSince = append(m.StageSince, days)
		}
	}
	return m
}

// keepDates gives a membership kept dates of every third segment and lifecycle, and last exits of every second segment.
func (m *Membership) keepDates(r *rand.Rand, users int) {
	for s := range m.Names.Segments {
		m.Names.Segments[s] = fmt.Sprint("s", s)
		if s%2 == 0 {
			m.Names.Exits, m.LastExits = append(m.Names.Exits, m.Names.Segments[s]), append(m.LastExits, keptDays(r, users, func(i int) bool { return !m.Sets.Has(i, s) && r.IntN(3) == 0 }))
		}
		if s%3 == 0 {
			m.Names.Dated, m.KeptSince = append(m.Names.Dated, m.Names.Segments[s]), append(m.KeptSince, keptDays(r, users, func(i int) bool { return m.Sets.Has(i, s) }))
		}
	}
	for l := range m.Names.Lifecycles {
		m.Names.Lifecycles[l].Name = fmt.Sprint("l", l)
		if l%3 == 0 {
			m.Names.Dated, m.KeptSince = append(m.Names.Dated, m.Names.Lifecycles[l].Name), append(m.KeptSince, keptDays(r, users, func(i int) bool { return m.Stages[l][i] != 0 }))
		}
	}
}

func keptDays(r *rand.Rand, users int, has func(i int) bool) []int32 {
	days := make([]int32, users)
	for i := range days {
		if days[i] = NoDay; has(i) {
			days[i] = []int32{0, -1, 20000, 1<<31 - 1, -1<<31 + 1}[r.IntN(5)]
		}
	}
	return days
}

// emptyLike is what a reader fills: the stages are known, the rest is not.
func emptyLike(m *Membership, users int) *Membership {
	out := &Membership{Names: m.Names, Stages: m.Stages, Sets: BitMatrix{Width: m.Sets.Width, Words: make([]uint64, len(m.Sets.Words))}}
	if m.Since != nil {
		out.Since = []int32{}
		for range m.Stages {
			out.StageSince = append(out.StageSince, make([]int32, users))
		}
	}
	for range m.Names.Dated {
		out.KeptSince = append(out.KeptSince, make([]int32, users))
	}
	for range m.Names.Exits {
		out.LastExits = append(out.LastExits, make([]int32, users))
	}
	return out
}

func TestStateRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, segments := range []int{0, 1, 7, 8, 9, 24, 63, 64, 65, 127, 128, 129, 300} {
		for _, cycles := range [][]int{nil, {4}, {1, 300, 0}} {
			for mode := range 4 {
				const users = 20
				since := mode&1 != 0
				m := randomMembership(r, users, segments, cycles, since)
				if mode&2 != 0 {
					m.keepDates(r, users)
				}
				got := emptyLike(m, users)
				at := 0
				for i := range users {
					var state []byte
					state, at = m.AppendState([]byte("before"), i, at)
					if err := got.ReadState(state[len("before"):], i); err != nil {
						t.Fatal(err)
					}
				}
				who := fmt.Sprintf("%d segments, lifecycles %v, since %v", segments, cycles, since)
				if since && at != len(m.Since) {
					t.Errorf("%s: %d dates used of %d", who, at, len(m.Since))
				}
				if !slices.Equal(got.Sets.Words, m.Sets.Words) || !slices.Equal(got.Since, m.Since) {
					t.Errorf("%s: sets or dates changed", who)
				}
				if !slices.EqualFunc(got.KeptSince, m.KeptSince, slices.Equal) || !slices.EqualFunc(got.LastExits, m.LastExits, slices.Equal) {
					t.Errorf("%s: kept dates or last exits changed", who)
				}
				for l := range m.StageSince {
					if !slices.Equal(got.StageSince[l], m.StageSince[l]) {
						t.Errorf("%s: dates of lifecycle %d changed", who, l)
					}
				}
			}
		}
	}
}

// Whatever is cut off, added or out of range is an error that names the row; nothing panics.
func TestStateOfOtherShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	m := randomMembership(r, 1, 70, []int{3}, true)
	m.Sets.Row(0)[0], m.Sets.Row(0)[1], m.Since = 3, 1, []int32{20000, 20100, 5}
	m.Stages[0][0], m.StageSince[0][0] = 2, 1
	state, _ := m.AppendState(nil, 0, 0)
	for name, broken := range map[string][]byte{
		"empty":   nil,
		"longer":  append(slices.Clone(state), 0),
		"bit 70":  append(append(slices.Clone(state[:8]), state[8]|1<<6), state[9:]...),
		"endless": append(slices.Clone(state[:9]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"too far": append(slices.Clone(state[:9]), 0xfe, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0),
	} {
		if err := emptyLike(m, 1).ReadState(broken, 0); err == nil || !strings.Contains(err.Error(), "row 0") {
			t.Errorf("%s: %v, want an error that names row 0", name, err)
		}
	}
	m.Names.Exits, m.LastExits = make([]string, 9), slices.Repeat([][]int32{{5}}, 9)
	withExits, _ := m.AppendState(nil, 0, 0)
	for name, broken := range map[string][]byte{"exits cut": withExits[:len(withExits)-1], "only bits": withExits[:len(state)+2], "bit 9": append(slices.Clone(state), 0, 2, 0)} {
		if err := emptyLike(m, 1).ReadState(broken, 0); err == nil || !strings.Contains(err.Error(), "row 0") {
			t.Errorf("%s: %v, want an error that names row 0", name, err)
		}
	}
	m.Names.Exits, m.LastExits = nil, nil
	for n := range state {
		if err := emptyLike(m, 1).ReadState(state[:n], 0); err == nil {
			t.Errorf("the first %d bytes of %d pass", n, len(state))
		}
	}
}

func FuzzReadState(f *testing.F) {
	f.Add([]byte{7, 0, 2, 4, 6}, uint8(9), true, false)
	f.Add([]byte{1, 2, 3, 2, 4, 6}, uint8(3), false, true)
	f.Fuzz(func(t *testing.T, state []byte, segments uint8, since, kept bool) {
		r := rand.New(rand.NewPCG(1, 1))
		m := randomMembership(r, 1, int(segments), []int{2}, since)
		if kept {
			m.keepDates(r, 1)
		}
		got := emptyLike(m, 1)
		if got.ReadState(state, 0) != nil {
			return
		}
		again, _ := got.AppendState(nil, 0, 0)
		back := emptyLike(m, 1)
		if err := back.ReadState(again, 0); err != nil || !slices.Equal(back.Sets.Words, got.Sets.Words) || !slices.Equal(back.Since, got.Since) ||
			!slices.EqualFunc(got.KeptSince, back.KeptSince, slices.Equal) || !slices.EqualFunc(got.LastExits, back.LastExits, slices.Equal) {
			t.Fatalf("%x reads as %v %v, and that as %v %v: %v", state, got.Sets.Words, got.Since, back.Sets.Words, back.Since, err)
		}
	})
}
