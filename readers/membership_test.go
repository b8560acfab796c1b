package readers

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
	"strata/writers"
)

// A membershipShape says what a random membership looks like.
type membershipShape struct {
	users, segments int
	typ             ids.Type
	form            ids.Form
	since, kept     bool
	stages          []int // of each lifecycle
}

func (s membershipShape) random(r *rand.Rand) *tables.Membership {
	m := newMembership(&tables.Names{}, s.typ, s.since)
	m.IDs = randomIDs(r, s.users, s.typ, s.form)
	for i := range s.segments {
		m.Names.Segments = append(m.Names.Segments, fmt.Sprintf("segment %d", i))
	}
	m.Sets.Width = max((s.segments+63)/64, 1)
	m.Sets.Words = make([]uint64, m.Len()*m.Sets.Width)
	for i := range m.Len() {
		for b := range s.segments {
			m.Sets.Row(i)[b>>6] |= uint64(r.IntN(2)) << (b & 63) // few sets, or many: both encodings of states
		}
		for range bits.OnesCount64(m.Sets.Row(i)[0]) {
			if s.since && s.segments <= 64 {
				m.Since = append(m.Since, int32(r.IntN(40000))-10)
			}
		}
	}
	m.Stages, m.StageSince = nil, nil
	for l, stages := range s.stages {
		s.randomStages(r, m, l, stages)
	}
	if s.kept {
		keepDates(r, m)
	}
	return m
}

// keepDates gives a membership dates that only strata_state holds: since-dates of all, unless they are all tracked, and last exits.
func keepDates(r *rand.Rand, m *tables.Membership) {
	days := func(has func(i int) bool) []int32 {
		out := make([]int32, m.Len())
		for i := range out {
			if out[i] = tables.NoDay; has(i) {
				out[i] = int32(r.IntN(30000))
			}
		}
		return out
	}
	for s, name := range m.Names.Segments {
		m.Names.Exits = append(m.Names.Exits, name)
		m.LastExits = append(m.LastExits, days(func(i int) bool { return !m.Sets.Has(i, s) && r.IntN(4) == 0 }))
		if m.Since == nil {
			m.Names.Dated = append(m.Names.Dated, name)
			m.KeptSince = append(m.KeptSince, days(func(i int) bool { return m.Sets.Has(i, s) }))
		}
	}
	for l := range m.Names.Lifecycles {
		if m.Since == nil {
			m.Names.Dated = append(m.Names.Dated, m.Names.Lifecycles[l].Name)
			m.KeptSince = append(m.KeptSince, days(func(i int) bool { return m.Stages[l][i] != 0 }))
		}
	}
}

func (s membershipShape) randomStages(r *rand.Rand, m *tables.Membership, l, stages int) {
	lifecycle := tables.Lifecycle{Name: fmt.Sprintf("cycle %d", l)}
	for j := range stages {
		lifecycle.Stages = append(lifecycle.Stages, fmt.Sprintf("stage %d", j))
	}
	m.Names.Lifecycles = append(m.Names.Lifecycles, lifecycle)
	codes, days := make([]uint16, m.Len()), make([]int32, m.Len())
	for i := range codes {
		if codes[i] = uint16(r.IntN(stages + 1)); codes[i] != 0 {
			days[i] = int32(r.IntN(30000))
		}
	}
	m.Stages = append(m.Stages, codes)
	if s.since {
		m.StageSince = append(m.StageSince, days)
	}
}

func randomIDs(r *rand.Rand, n int, typ ids.Type, form ids.Form) ids.Column {
	c := ids.Column{Type: typ, Form: form}
	var texts []string
	for range n {
		switch form {
		case ids.OneWord:
			v := r.Uint64()
			if typ == ids.Int32 {
				v = ids.Ordered(int64(int32(v)))
			}
			c.Words = append(c.Words, v)
		case ids.TwoWords:
			texts = append(texts, string(ids.AppendUUID(nil, r.Uint64(), r.Uint64())))
		default:
			texts = append(texts, fmt.Sprintf("user-%x", r.Uint64()), string(ids.AppendUUID(nil, r.Uint64(), r.Uint64())))
		}
	}
	slices.Sort(c.Words)
	slices.Sort(texts)
	for _, text := range texts {
		if form == ids.Bytes {
			c.AppendBytes([]byte(text))
			continue
		}
		high, low, _ := ids.ParseUUID([]byte(text))
		c.Words = append(c.Words, high, low)
	}
	return c
}

// published writes a membership as a run does, into a folder.
func published(t testing.TB, m *tables.Membership) (objects.Bucket, objects.Info) {
	t.Helper()
	f, err := new(writers.Writer).Membership(m)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	info, err := bucket.Create(t.Context(), "membership/00000.parquet", f.Data)
	if err != nil {
		t.Fatal(err)
	}
	return bucket, info
}

func TestMembershipComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i, s := range []membershipShape{
		{users: 0, segments: 3, typ: ids.Text, form: ids.TwoWords},
		{users: 5000, segments: 8, typ: ids.Text, form: ids.TwoWords, stages: []int{4}},
		{users: 5000, segments: 24, typ: ids.Text, form: ids.TwoWords, stages: []int{4}},
		{users: 3000, segments: 64, typ: ids.UUID, form: ids.TwoWords, stages: []int{1, 300}},
		{users: 3000, segments: 100, typ: ids.Int64, form: ids.OneWord},
		{users: 3000, segments: 0, typ: ids.Int32, form: ids.OneWord, stages: []int{2}},
		{users: 3000, segments: 5, typ: ids.Uint64, form: ids.OneWord, since: true, stages: []int{2}},
		{users: 3000, segments: 3, typ: ids.Text, form: ids.Bytes, since: true},
		{users: 3000, segments: 3, typ: ids.Binary, form: ids.Bytes},
		{users: 3000, segments: 3, typ: ids.Text, form: ids.Bytes, kept: true, stages: []int{2, 3}},
		{users: 3000, segments: 70, typ: ids.Int64, form: ids.OneWord, kept: true},
		{users: 3000, segments: 9, typ: ids.UUID, form: ids.TwoWords, since: true, kept: true, stages: []int{2}},
	} {
		want := s.random(r)
		bucket, info := published(t, want)
		got, err := State{Options{Allocator: checkedMemory(t)}}.ReadMembership(t.Context(), bucket, info, want.Names, s.typ, s.since)
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		if difference := membershipDifference(got, want); difference != "" {
			t.Errorf("%d (%+v): %s", i, s, difference)
		}
	}
}

// membershipDifference says where two memberships differ; empty and nil slices are the same.
func membershipDifference(got, want *tables.Membership) string {
	switch {
	case got.Len() != want.Len():
		return fmt.Sprintf("%d users, want %d", got.Len(), want.Len())
	case !slices.Equal(got.IDs.Words, want.IDs.Words) || !slices.Equal(got.IDs.Data, want.IDs.Data):
		return "ids differ"
	case !slices.Equal(got.Sets.Words, want.Sets.Words):
		return "sets differ"
	case !slices.Equal(got.Since, want.Since) || (got.Since == nil) != (want.Since == nil):
		return "since-dates differ"
	case len(want.Stages) > 0 && !reflect.DeepEqual(got.Stages, want.Stages):
		return "stages differ"
	case len(want.StageSince) > 0 && !reflect.DeepEqual(got.StageSince, want.StageSince):
		return "since-dates of stages differ"
	case !slices.EqualFunc(got.KeptSince, want.KeptSince, slices.Equal) || !slices.EqualFunc(got.LastExits, want.LastExits, slices.Equal):
		return "kept dates differ"
	}
	return ""
}

func TestMembershipIsNotTrusted(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	m := membershipShape{users: 100, segments: 5, typ: ids.Text, form: ids.TwoWords, stages: []int{3}}.random(r)
	bucket, info := published(t, m)
	read := func(names tables.Names, typ ids.Type, since bool, info objects.Info) error {
		_, err := State{Options{Allocator: checkedMemory(t)}}.ReadMembership(t.Context(), bucket, info, &names, typ, since)
		return err
	}
	few, many, stage, cycle := *m.Names, *m.Names, *m.Names, *m.Names
	few.Segments = few.Segments[:4]
	many.Segments = append(slices.Clone(many.Segments), "x", "y", "z", "9th")
	stage.Lifecycles = []tables.Lifecycle{{Name: m.Names.Lifecycles[0].Name, Stages: []string{"stage 0", "stage 1"}}}
	cycle.Lifecycles = []tables.Lifecycle{{Name: "other"}}
	gone := info
	gone.Version = "older"
	for _, tc := range []struct {
		err  error
		want string
	}{
		{read(few, ids.Text, false, info), "past the 4 that there are"},
		{read(many, ids.Text, false, info), "9 segments need 2"},
		{read(stage, ids.Text, false, info), `stage "stage 2" is none of the run's`},
		{read(cycle, ids.Text, false, info), `no column "other"`},
		{read(*m.Names, ids.Int64, false, info), "of type string, and the run's of type int64"},
		{read(*m.Names, ids.Text, true, info), "ends within its dates"},
		{read(*m.Names, ids.Text, false, gone), objects.ErrChanged.Error()},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) || !strings.Contains(tc.err.Error(), "00000.parquet") {
			t.Errorf("got %v; want %q and the file's name", tc.err, tc.want)
		}
	}
}

// TestMembershipCutAnywhere reads a membership file that ends too early, and one with a flipped byte: an error or the same.
func TestMembershipDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	m := membershipShape{users: 50, segments: 5, typ: ids.Text, form: ids.TwoWords, stages: []int{3}}.random(r)
	bucket, info := published(t, m)
	data, _, err := objects.ReadAll(t.Context(), bucket, info.Key, "")
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		damaged := slices.Clone(data)
		damaged[r.IntN(len(damaged))] ^= 1 << r.IntN(8)
		if r.IntN(3) == 0 {
			damaged = damaged[:r.IntN(len(damaged))]
		}
		got, err := readMembershipBytes(t, damaged, m.Names)
		if err == nil && membershipDifference(got, m) != "" {
			t.Fatalf("a damaged file was read: %s", membershipDifference(got, m))
		}
		var format *FormatError
		if err != nil && !errors.As(err, &format) {
			t.Errorf("not a FormatError: %v", err)
		}
	}
}

func readMembershipBytes(t testing.TB, data []byte, names *tables.Names) (*tables.Membership, error) {
	t.Helper()
	bucket, info := stored(t, data)
	return State{}.ReadMembership(t.Context(), bucket, info, names, ids.Text, false)
}

// stored puts a file into a bucket of its own.
func stored(t testing.TB, data []byte) (objects.Bucket, objects.Info) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "m.parquet"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	bucket, err := objects.NewLocal(folder)
	if err != nil {
		t.Fatal(err)
	}
	info, err := bucket.Stat(t.Context(), "m.parquet")
	if err != nil {
		t.Fatal(err)
	}
	return bucket, info
}

func BenchmarkReadMembership(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	m := membershipShape{users: 1 << 17, segments: 12, typ: ids.Text, form: ids.TwoWords, stages: []int{4}}.random(r)
	bucket, info := published(b, m)
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		if _, err := (State{}).ReadMembership(context.Background(), bucket, info, m.Names, ids.Text, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N)/float64(m.Len()), "cpu-ns/row")
}
