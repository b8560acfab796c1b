package pipeline_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// rehearse rehearses a date, and makes sure that the output is as it was before, byte by byte.
func (b *bench) rehearse(date, against string, examples int) *pipeline.Rehearsal {
	b.t.Helper()
	before := allObjects(b.t, b.output)
	out, err := pipeline.Rehearse(b.t.Context(), b.job(date), against, examples)
	if err != nil {
		b.t.Fatalf("rehearse %s: %v", date, err)
	}
	if after := allObjects(b.t, b.output); !maps.Equal(before, after) {
		b.t.Fatalf("the rehearsal of %s has left its mark on the output:\n%v\nbefore it:\n%v", date, slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
	}
	return out
}

// allObjects are the contents of a bucket, by key and version.
func allObjects(t testing.TB, bucket objects.Bucket) map[string]string {
	t.Helper()
	all := map[string]string{}
	for info, err := range objects.All(t.Context(), bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		data, _, err := objects.ReadAll(t.Context(), bucket, info.Key, "")
		if err != nil {
			t.Fatal(err)
		}
		all[info.Key+" "+info.Version] = string(data)
	}
	return all
}

// told is what a manifest says that does not depend on there being files.
func told(t testing.TB, m *catalog.Manifest) string {
	t.Helper()
	plain := *m
	plain.Tables, plain.Status, plain.Replaces = nil, "", ""
	data, err := plain.Data()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// kindOf is what makes a line of transitions one of a kind of examples.
func kindOf(line string) string {
	parts := strings.Split(line, "|")
	return strings.Join(parts[1:6], "|")
}

// checkRehearsal compares the counts, moves and examples of a rehearsal with the transitions that there should be.
func (s *story) checkRehearsal(what string, p *pipeline.Rehearsal, lines []string, lifecycles map[string]bool, examples int) {
	s.t.Helper()
	byKind, users := map[string]int64{}, map[string][]string{}
	moves := map[string]int64{}
	for _, line := range lines {
		parts := strings.Split(line, "|")
		byKind[strings.Join([]string{parts[1], parts[2], parts[5]}, "|")]++
		users[kindOf(line)] = append(users[kindOf(line)], parts[0])
		if lifecycles[parts[1]] {
			moves[strings.Join([]string{parts[1], parts[3], parts[4]}, "|")]++
		}
	}
	got := map[string]int64{}
	count := func(name string, changes catalog.Changes) {
		for change, reasons := range changes {
			for reason, n := range reasons {
				got[strings.Join([]string{name, change, reason}, "|")] += n
			}
		}
	}
	for _, segment := range p.Manifest.Segments {
		count(segment.Name, segment.Changes)
	}
	for _, l := range p.Manifest.Lifecycles {
		count(l.Name, l.Changes)
	}
	if !maps.Equal(got, byKind) {
		s.t.Errorf("%s: changes\n%v\nwant\n%v", what, got, byKind)
	}
	gotMoves := map[string]int64{}
	for _, m := range p.Moves {
		gotMoves[strings.Join([]string{m.Lifecycle, m.From, m.To}, "|")] += m.Users
	}
	if !maps.Equal(gotMoves, moves) {
		s.t.Errorf("%s: moves\n%v\nwant\n%v", what, gotMoves, moves)
	}
	if len(p.Examples) != len(users) {
		s.t.Errorf("%s: examples of %d kinds, want %d", what, len(p.Examples), len(users))
	}
	for _, e := range p.Examples {
		want := leastHashes(users[strings.Join([]string{e.Segment, e.Change, e.From, e.To, e.Reason}, "|")], examples)
		var have []string
		for _, id := range e.Users {
			have = append(have, canonical(id))
		}
		if !slices.Equal(have, want) {
			s.t.Errorf("%s: the examples of %s are %v, want %v", what, fmt.Sprint(e.Segment, e.Change, e.Reason), have, want)
		}
	}
}

// leastHashes are the few ids with the least hashes.
func leastHashes(ids []string, most int) []string {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(xxh3.HashString(a), xxh3.HashString(b)) })
	return ids[:min(len(ids), most)]
}

// lifecyclesOf are the lifecycles of two sets of definitions.
func lifecyclesOf(nights ...*night) map[string]bool {
	names := map[string]bool{}
	for _, n := range nights {
		if n != nil {
			for _, l := range n.definitions.lifecycles {
				names[l.name] = true
			}
		}
	}
	return names
}

// TestRehearsalsTellWhatRunsThenDo: a rehearsal against the previous run says what the run after it says; one against the run
// that stands says what the twin says of the same night under other definitions. Neither leaves a mark.
func TestRehearsalsTellWhatRunsThenDo(t *testing.T) {
	reasons := map[string]int{}
	for seed := range 6 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newStory(t, uint64(1000+seed), idKinds[seed%len(idKinds)])
			for _, date := range storyDates {
				s.rehearseNight(date, reasons)
			}
		})
	}
	for _, reason := range []string{"rule_changed", "list_changed", "segment_added", "segment_removed"} {
		if reasons[reason] < 3 {
			t.Errorf("reason %s occurred %d times on the same night; the stories do not test it", reason, reasons[reason])
		}
	}
}

func (s *story) rehearseNight(date string, reasons map[string]int) {
	s.changeDefinitions()
	s.changeLists()
	day, _ := time.Parse("2006-01-02", date)
	files := s.changePeople(date, day)
	rows := func() (rows []person) {
		for _, data := range files {
			rows = append(rows, decodeRows(s.t, data)...)
		}
		return rows
	}
	want := tonight(s.world, date, s.now(day), s.lists, rows(), s.last)
	s.configure()
	p := s.bench.rehearse(date, pipeline.AgainstEither, 3)
	m := s.bench.run(date)
	if got, want := told(s.t, p.Manifest), told(s.t, m); got != want {
		s.t.Errorf("%s: the rehearsal says\n%s\nand the run\n%s", date, got, want)
	}
	if p.UpToDate || p.NewInputs {
		s.t.Errorf("%s: up to date %t, new inputs %t before the run", date, p.UpToDate, p.NewInputs)
	}
	s.checkRehearsal(date, p, want.transitions, lifecyclesOf(want, s.last), 3)
	if p := s.bench.rehearse(date, pipeline.AgainstPrevious, 0); !p.UpToDate || p.NewInputs || len(p.Examples) > 0 {
		s.t.Errorf("%s: up to date %t, new inputs %t after the run, %d examples", date, p.UpToDate, p.NewInputs, len(p.Examples))
	}
	s.changeDefinitions()
	if len(s.world.definitions.segments) > 1 {
		d := *s.world.definitions
		s.removeSegment(&d)
		s.world.definitions = &d
	}
	s.changeLists()
	again := instead(s.world, date, s.now(day), s.lists, rows(), s.last, want)
	s.configure()
	p = s.bench.rehearse(date, pipeline.AgainstStanding, 2)
	s.checkRehearsal(date+" again", p, again.transitions, lifecyclesOf(want, again), 2)
	for _, line := range again.transitions {
		reasons[strings.Split(line, "|")[5]]++
	}
	if s.t.Failed() {
		s.t.Logf("definitions:\n%s", s.world.definitions.yaml())
		s.t.FailNow()
	}
	s.last = want
}

func TestRehearsalOfTheSecondNight(t *testing.T) {
	b := nightlyBench(t)
	b.run("2026-11-01")
	p := b.rehearse("2026-11-02", pipeline.AgainstEither, 0)
	m := b.run("2026-11-02")
	if got, want := told(t, p.Manifest), told(t, m); got != want {
		t.Errorf("the rehearsal says\n%s\nand the run\n%s", got, want)
	}
}

func TestRehearsalShowsGuardsAndDoesNotStop(t *testing.T) {
	b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]")
	b.config.Guards.Exits = configs.ExitsGuard{MaxShare: configs.Limit{Share: 0.5}}
	snapshot(b, "2026-01-01", groupsOf("aaab")...)
	b.run("2026-01-01")
	b.config.Segments[0].When = configs.NewExpr(`grp == "b"`)
	p := b.rehearse("2026-01-01", pipeline.AgainstEither, 0)
	i := slices.IndexFunc(p.Manifest.Guards, func(g catalog.Guard) bool { return g.Tripped })
	if i < 0 || !strings.Contains(p.Manifest.Guards[i].Sentence, `3 of 3 members would leave segment "s"`) {
		t.Errorf("guards: %v", p.Manifest.Guards)
	}
	if p.Base == nil || p.Base.Date != p.Manifest.Date || p.Manifest.Segments[0].Changes["exited"]["rule_changed"] != 3 {
		t.Errorf("base %v, changes %v", p.Base, p.Manifest.Segments[0].Changes)
	}
}

func TestRehearsalThatCannotBe(t *testing.T) {
	b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]")
	snapshot(b, "2026-01-01", groupsOf("aaab")...)
	for _, tc := range []struct{ date, against, want string }{
		{"2026-01-01", pipeline.AgainstStanding, "no run stands for 2026-01-01"},
		{"2026-01-02", pipeline.AgainstEither, "no object matches"},
	} {
		_, err := pipeline.Rehearse(t.Context(), b.job(tc.date), tc.against, 0)
		var input *pipeline.InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s against %q: %v; want an InputError with %q", tc.date, tc.against, err, tc.want)
		}
	}
}

func TestRehearsalSeesThatObjectsWereReplaced(t *testing.T) {
	b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]")
	snapshot(b, "2026-01-01", groupsOf("aaab")...)
	b.run("2026-01-01")
	snapshot(b, "2026-01-01", groupsOf("aabb")...)
	p := b.rehearse("2026-01-01", pipeline.AgainstEither, 0)
	if !p.NewInputs || p.Manifest.Segments[0].Changes["exited"]["user_changed"] != 1 {
		t.Errorf("new inputs %t, changes %v", p.NewInputs, p.Manifest.Segments[0].Changes)
	}
}
