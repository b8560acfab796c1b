package writers

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// a shapeOf says what a random membership looks like.
type shapeOf struct {
	users, segments int
	ids             ids.Type
	form            ids.Form
	since           bool
	member          float64 // share of set bits
	noStage         float64 // share of users without a stage
	stages          []int   // of each lifecycle
}

// random makes a membership with sorted, distinct ids.
func (s shapeOf) random(seed uint64) *tables.Membership {
	r := rand.New(rand.NewPCG(seed, 7))
	m := &tables.Membership{Names: &tables.Names{}, IDs: s.randomIDs(r)}
	for i := range s.segments {
		m.Names.Segments = append(m.Names.Segments, fmt.Sprintf("segment_%03d", (i*7919)%s.segments)+strings.Repeat("é", i%3))
	}
	n := m.Len()
	m.Sets = tables.BitMatrix{Width: max(1, (s.segments+63)/64)}
	m.Sets.Words = make([]uint64, n*m.Sets.Width)
	for i := range n {
		for b := range s.segments {
			if r.Float64() < s.member*float64(b%5)/2 {
				m.Sets.Row(i)[b>>6] |= 1 << (b & 63)
			}
		}
	}
	for l, stages := range s.stages {
		m.Names.Lifecycles = append(m.Names.Lifecycles, tables.Lifecycle{Name: fmt.Sprintf("cycle %d ☂", l)})
		for j := range stages {
			m.Names.Lifecycles[l].Stages = append(m.Names.Lifecycles[l].Stages, fmt.Sprintf("stage-%d", stages-j))
		}
		codes := make([]uint16, n)
		for i := range codes {
			if stages > 0 && r.Float64() >= s.noStage {
				codes[i] = uint16(1 + r.IntN(stages))
			}
		}
		m.Stages = append(m.Stages, codes)
	}
	if s.since {
		s.randomSince(r, m)
	}
	return m
}

func (s shapeOf) randomSince(r *rand.Rand, m *tables.Membership) {
	m.Since = make([]int32, 0)
	for _, word := range m.Sets.Words {
		for range bits.OnesCount64(word) {
			m.Since = append(m.Since, 20000+int32(r.IntN(400)))
		}
	}
	for _, codes := range m.Stages {
		days := make([]int32, len(codes))
		for i, code := range codes {
			if code != 0 {
				days[i] = -3 + int32(r.IntN(30000))
			}
		}
		m.StageSince = append(m.StageSince, days)
	}
}

func (s shapeOf) randomIDs(r *rand.Rand) ids.Column {
	c := ids.Column{Type: s.ids, Form: s.form}
	switch s.form {
	case ids.OneWord:
		for range s.users {
			switch v := r.Uint64(); s.ids {
			case ids.Int32:
				c.Words = append(c.Words, ids.Ordered(int64(int32(v))))
			default:
				c.Words = append(c.Words, v)
			}
		}
		slices.Sort(c.Words)
		c.Words = slices.Compact(c.Words)
	case ids.TwoWords:
		pairs := make([][2]uint64, s.users)
		for i := range pairs {
			pairs[i] = [2]uint64{r.Uint64(), r.Uint64()}
		}
		slices.SortFunc(pairs, func(a, b [2]uint64) int { return slices.Compare(a[:], b[:]) })
		for _, p := range pairs {
			c.Words = append(c.Words, p[0], p[1])
		}
	default:
		texts := make([]string, s.users)
		for i := range texts {
			texts[i] = s.randomText(r)
		}
		slices.Sort(texts)
		for _, text := range slices.Compact(texts) {
			c.AppendBytes([]byte(text))
		}
	}
	return c
}

func (s shapeOf) randomText(r *rand.Rand) string {
	if s.ids == ids.Binary {
		b := binary.BigEndian.AppendUint64(nil, r.Uint64())
		return string(append(b, b...)[:1+r.IntN(16)])
	}
	text := fmt.Sprintf("user-%d-ü", r.Uint64())
	if r.IntN(50) == 0 {
		text += strings.Repeat("€", r.IntN(100))
	}
	return text
}

func randomTransitions(seed uint64, id ids.Column, perUser float64) *tables.Transitions {
	r := rand.New(rand.NewPCG(seed, 8))
	t := &tables.Transitions{IDs: id, Segments: []string{"a", "b", "cycle", "gone"}, Stages: []string{"lead", "customer"}, At: 1793577600000000}
	for i := range id.Len() {
		for k := 0; k == 0 || (k < 4 && r.Float64() < perUser); k++ {
			t.User = append(t.User, uint32(i))
			t.Segment = append(t.Segment, uint16(r.IntN(4)))
			t.Change = append(t.Change, tables.Change(r.IntN(tables.Changes)))
			t.Reason = append(t.Reason, tables.Reason(r.IntN(tables.Reasons)))
			t.From = append(t.From, uint16(r.IntN(3)))
			t.To = append(t.To, uint16(r.IntN(3)))
			t.EventID = append(t.EventID, r.Uint64(), r.Uint64())
		}
	}
	return t
}
