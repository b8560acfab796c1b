package writers

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"strata/pipeline/ids"
)

// FuzzTables writes tables of any small shape and reads them back row by row.
func FuzzTables(f *testing.F) {
	for seed, users := range []uint16{0, 1, 7, 8, 9, 63, 64, 65, 300} {
		f.Add(uint64(seed), users, uint16(seed*9), uint8(seed), uint8(seed*40), seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, users, segments uint16, kind, density uint8, since bool) {
		s := shapeOf{
			users: int(users % 1500), segments: int(segments % 200), member: float64(density) / 255, noStage: float64(density^0xff) / 255,
			stages: []int{int(kind % 5), 2}[:1+kind%2], since: since,
		}
		s.ids = []ids.Type{ids.Text, ids.Int32, ids.Int64, ids.Uint64, ids.UUID, ids.Binary, ids.Text}[kind%7]
		s.form = []ids.Form{ids.TwoWords, ids.OneWord, ids.OneWord, ids.OneWord, ids.TwoWords, ids.Bytes, ids.Bytes}[kind%7]
		m := s.random(seed)
		transitions := randomTransitions(seed, m.IDs, float64(density)/255)
		var w Writer
		sameGrid(t, "membership", readBack(t, must(w.Membership(m))(t)), expectMembership(m))
		sameGrid(t, "wide", readBack(t, must(w.Wide(m))(t)), expectWide(m))
		sameGrid(t, "long", readBack(t, must(w.Long(m))(t)), expectLong(m))
		sameGrid(t, "transitions", readBack(t, must(w.Transitions(transitions))(t)), expectTransitions(transitions))
	})
}

// FuzzLevels packs levels of one bit and reads the runs back by the letter of the format.
func FuzzLevels(f *testing.F) {
	f.Add(uint64(1), uint16(65), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, stretch uint8) {
		if n == 0 {
			return
		}
		r, level := rand.New(rand.NewPCG(seed, 1)), false
		want := make([]bool, n)
		var w bitWriter
		for i := range want {
			if r.IntN(int(stretch)+1) == 0 {
				level = !level
			}
			want[i] = level
			if level {
				w.write(1, 1)
			} else {
				w.write(0, 1)
			}
		}
		got := readRuns(t, appendBits(nil, w.bytes(), int(n)), 1)
		for i, v := range want {
			if i >= len(got) || (got[i] == 1) != v {
				t.Fatalf("level %d of %d is wrong, or one of %d", i, n, len(got))
			}
		}
		if len(got) > int(n)+7 {
			t.Fatalf("%d levels, want %d", len(got), n)
		}
	})
}

// FuzzPlaces packs places of a dictionary and reads the runs back.
func FuzzPlaces(f *testing.F) {
	f.Add(uint64(1), uint16(65), uint32(70000))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, entries uint32) {
		if entries == 0 || n == 0 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 1))
		v := &indexes{places: make([]uint32, n), entries: entries32(int(entries))}
		for i := range v.places {
			v.places[i] = r.Uint32N(entries)
		}
		body := v.append(nil, span{from: 0, to: int(n)})
		if int(body[0]) < bits.Len32(entries-1) {
			t.Fatalf("places of %d bits for %d entries", body[0], entries)
		}
		got := readRuns(t, body[1:], int(body[0]))
		for i, place := range v.places {
			if i >= len(got) || got[i] != place {
				t.Fatalf("place %d of %d is wrong, or one of %d", i, n, len(got))
			}
		}
	})
}

func entries32(n int) entries { return entries{n: n} }

// readRuns reads runs and packed groups.
func readRuns(t *testing.T, body []byte, width int) (values []uint32) {
	t.Helper()
	for len(body) > 0 {
		header, shift := uint64(0), 0
		for {
			b := body[0]
			body = body[1:]
			header |= uint64(b&0x7f) << shift
			if shift += 7; b < 0x80 {
				break
			}
		}
		if header&1 == 0 {
			value := uint32(0)
			for i := range (width + 7) / 8 {
				value |= uint32(body[i]) << (8 * i)
			}
			for range header >> 1 {
				values = append(values, value)
			}
			body = body[(width+7)/8:]
			continue
		}
		for i := range int(header>>1) * 8 {
			value := uint32(0)
			for b := range width {
				at := i*width + b
				value |= uint32(body[at/8]>>(at%8)&1) << b
			}
			values = append(values, value)
		}
		body = body[int(header>>1)*width:]
	}
	return values
}
