package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/zeebo/xxh3"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/pipeline/objects/objectstest"
)

// The dates of an output that holds zoe wherever a user can be.
const (
	plainDate  = "2026-01-01"
	keptDate   = "2026-01-02" // whose first run was replaced, and is kept
	stoppedToo = "2026-01-03" // for which a guard has stopped another run
	onlyWaits  = "2026-01-04" // for which a guard has stopped the only run
	goneDate   = "2026-01-05" // on which she is gone
	afterwards = "2026-01-06"
)

var standingDates = []string{plainDate, keptDate, stoppedToo, goneDate}

const zoeHead = `
snapshot: {path: "users/{date}.parquet", user_id: id}
output: out
membership: {columns: [grp], since: true, also: [wide, long]}
guards: {snapshot_rows: {max_drop: 20%, max_growth: none}}
segments:
  - {name: s, when: 'grp == "a"', include: always.txt}
  - {name: listed, when: 'id in file("users.txt")'}
  - {name: grouped, when: 'grp in file("groups.txt")'}
lifecycles: [{name: life, stages: [{name: one, when: 'grp == "a"'}, {name: two, when: "true"}]}]
`

// zoeBench makes that output in memory.
func zoeBench(t testing.TB, hive bool) *bench {
	t.Helper()
	b := benchOf(t, zoeHead)
	b.output, b.config.Publish.Hive = objects.NewMemory(), hive
	b.list("always.txt", "ann", "zoe", "bob")
	b.list("users.txt", "zoe", "user-3")
	b.list("groups.txt", "zoe", "b") // no user ids: the line stays
	b.adjust = func(j *pipeline.Job) { *j = pipeline.WithPartitions(*j, 4) }
	snapshot(b, plainDate, zoeRows("a", 40, true)...)
	b.run(plainDate)
	snapshot(b, keptDate, zoeRows("b", 40, true)...)
	b.run(keptDate)
	b.adjust = func(j *pipeline.Job) { j.Force, j.KeepReplaced = true, true; *j = pipeline.WithPartitions(*j, 4) }
	snapshot(b, keptDate, zoeRows("a", 40, true)...) // her event ids are in the change list
	b.run(keptDate)
	b.adjust = func(j *pipeline.Job) { *j = pipeline.WithPartitions(*j, 4) }
	snapshot(b, stoppedToo, zoeRows("a", 40, true)...)
	b.run(stoppedToo)
	snapshot(b, stoppedToo, zoeRows("a", 20, true)...)
	b.stopped(stoppedToo)
	snapshot(b, onlyWaits, zoeRows("a", 20, true)...)
	b.stopped(onlyWaits)
	snapshot(b, goneDate, zoeRows("a", 39, false)...)
	b.run(goneDate)
	return b
}

// stopped makes a run that a guard must stop.
func (b *bench) stopped(date string) {
	b.t.Helper()
	var guard *pipeline.GuardError
	if _, err := pipeline.Run(b.t.Context(), b.job(date)); !errors.As(err, &guard) {
		b.t.Fatalf("run of %s: %v; a guard must stop it", date, err)
	}
}

// zoeRows are some users, with zoe or without.
func zoeRows(group string, n int, zoe bool) []textID {
	rows := []textID{{"ann", "a"}, {"bob", "b"}}
	for i := range n {
		rows = append(rows, textID{fmt.Sprintf("user-%d", i), []string{group, "c"}[i%2]})
	}
	if zoe {
		rows = append(rows, textID{"zoe", group})
	}
	return rows
}

// published is all that readers find: the rows of the tables of all dates, by date and table, but for event ids.
func (b *bench) published(dates ...string) map[string][]string {
	b.t.Helper()
	out := map[string][]string{}
	for _, date := range dates {
		m := b.stands(date)
		for _, table := range []string{"membership", "transitions"} {
			for _, row := range b.table(m, table) {
				if row["user_id"] != "zoe" {
					out[date+" "+table] = append(out[date+" "+table], fmt.Sprint(row))
				}
			}
		}
	}
	return out
}

func samePublished(t testing.TB, what string, got, want map[string][]string) {
	t.Helper()
	for name, rows := range want {
		sameLines(t, what+": "+name, got[name], rows)
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d tables, want %d", what, len(got), len(want))
	}
}

// where are the keys of all objects that hold zoe.
func (b *bench) where() (keys []string) {
	b.t.Helper()
	events := zoeEvents()
	for info, err := range objects.All(b.t.Context(), b.output, "") {
		if err != nil {
			b.t.Fatal(err)
		}
		data, _, err := objects.ReadAll(b.t.Context(), b.output, info.Key, "")
		if err != nil {
			b.t.Fatal(err)
		}
		holds := bytes.Contains(data, []byte("zoe")) || slices.ContainsFunc(events, func(id string) bool { return bytes.Contains(data, []byte(id)) })
		if strings.HasSuffix(info.Key, ".parquet") {
			holds = slices.ContainsFunc(rowsOf(b.t, data), func(row map[string]string) bool { return row["user_id"] == "zoe" })
		}
		if holds && !bytes.Equal(data, []byte("zoe\nb")) { // groups.txt
			keys = append(keys, info.Key)
		}
	}
	return keys
}

// zoeEvents are the event ids of the transitions that she can have.
func zoeEvents() (all []string) {
	spell := func(parts ...string) {
		var text []byte
		for _, part := range parts {
			text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
		}
		all = append(all, uuid.UUID(xxh3.Hash128(text).Bytes()).String())
	}
	for _, date := range append(standingDates, onlyWaits) {
		for _, change := range []string{"initial", "entered", "exited", "moved"} {
			for _, segment := range []string{"s", "listed", "grouped"} {
				spell(date, segment, "zoe", change, "", "")
			}
			for _, from := range []string{"", "one", "two"} {
				for _, to := range []string{"", "one", "two"} {
					spell(date, "life", "zoe", change, from, to)
				}
			}
		}
	}
	return all
}

// nothingOfZoe checks that she is nowhere, and that nothing is stale.
func (b *bench) nothingOfZoe() {
	b.t.Helper()
	for _, key := range b.where() {
		b.t.Errorf("%s holds a user who was forgotten", key)
	}
	all, err := catalog.New(b.output, b.config.Publish.Hive).Status(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range all {
		if s.Stale != "" || len(s.Damage) > 0 || len(s.Strays) > 0 {
			b.t.Errorf("%s: stale %q, damage %v, strays %v", s.Date, s.Stale, s.Damage, s.Strays)
		}
	}
}

// TestC093 erases a person from all history: of every date, of a replaced run that is kept, of runs that wait, of lists. Reruns do
// not bring her back, a run that waits can be accepted, and the others' rows are what they were.
func TestC093(t *testing.T) {
	for _, hive := range []bool{true, false} {
		b := zoeBench(t, hive)
		before := b.published(standingDates...)
		if places := len(b.where()); places < 20 {
			t.Fatalf("she is in %d objects", places)
		}
		asked := b.forgetting("zoe")
		asked.DryRun = true
		forgot, err := pipeline.Forget(t.Context(), asked)
		if err != nil || len(forgot.Runs) != 7 {
			t.Fatalf("a dry run finds %v, %v", forgot, err)
		}
		if m := b.stands(keptDate); !slices.ContainsFunc(b.where(), func(key string) bool { return strings.Contains(key, m.Run+"/data/changes/") }) {
			t.Fatal("she is not in the change list")
		}
		kept, events := b.stands(keptDate).Events, b.zoeIn(keptDate)
		b.forget("zoe")
		b.nothingOfZoe()
		if now := b.stands(keptDate).Events; now == nil || now.Added+now.Kept != kept.Added+kept.Kept-events || now.Withdrawn >= kept.Withdrawn {
			t.Errorf("the change list counts %+v, it was %+v", now, kept)
		}
		samePublished(t, "forget", b.published(standingDates...), before)
		b.upToDate()
		b.acceptWaiting()
		b.adjust = func(j *pipeline.Job) { j.Force = true; *j = pipeline.WithPartitions(*j, 4) }
		snapshot(b, stoppedToo, zoeRows("a", 40, true)...)
		for _, date := range standingDates {
			if m := b.run(date); m.Forgotten != map[bool]int64{true: 1}[date != goneDate] || m.Forgets != 1 {
				t.Errorf("the rerun of %s left out %d rows of %d users", date, m.Forgotten, m.Forgets)
			}
		}
		if len(b.where()) > 0 {
			t.Errorf("reruns brought her back: %v", b.where())
		}
	}
}

// zoeIn is how many transitions she has on a date.
func (b *bench) zoeIn(date string) (n int64) {
	b.t.Helper()
	for _, row := range b.table(b.stands(date), "transitions") {
		if row["user_id"] == "zoe" {
			n++
		}
	}
	return n
}

// upToDate: erasing has changed nothing that a run depends on.
func (b *bench) upToDate() {
	b.t.Helper()
	for _, date := range []string{plainDate, keptDate, goneDate} {
		if result, err := pipeline.Run(b.t.Context(), b.job(date)); err != nil || !result.UpToDate {
			b.t.Errorf("%s is not up to date: %v", date, err)
		}
	}
}

// acceptWaiting publishes the runs that wait, as they are.
func (b *bench) acceptWaiting() {
	b.t.Helper()
	b.adjust = func(j *pipeline.Job) { j.Accept = true; *j = pipeline.WithPartitions(*j, 4) }
	if m := b.run(stoppedToo); m.Accepts == "" || m.Erases != "" || m.Users != 22 {
		b.t.Errorf("%s was accepted with %d users, of the run %q", stoppedToo, m.Users, m.Accepts)
	}
	if got := b.where(); len(got) > 0 {
		b.t.Errorf("accepting brought her back: %v", got)
	}
}

// TestC093_KilledAtEveryWrite kills strata forget at its writes, in turn before and after; of those that are alike and follow one another,
// such as the copies of files, at the first. Readers see whole runs, and all rows of the others, at any time; the next call erases
// what is left, also where it is not told whom.
func TestC093_KilledAtEveryWrite(t *testing.T) {
	for _, hive := range []bool{true, false} {
		b := zoeBench(t, hive)
		before, want := b.output.(*objects.Memory), b.published(standingDates...)
		steps := b.stepsOfForgetting()
		for i, step := range steps {
			if !hive && i%3 > 0 { // nearly the same steps
				continue
			}
			b.output = before.Clone()
			b.killedForgetting(step, i%4 < 2, want)
		}
		if t.Logf("killed at %d steps", len(steps)); len(steps) < 60 {
			t.Errorf("forget was killed at %d steps only", len(steps))
		}
	}
}

// stepsOfForgetting are the writes at which to kill strata forget: twice the number of the write, plus 1 for after it.
func (b *bench) stepsOfForgetting() (steps []int) {
	faulty := &objectstest.Faulty{Bucket: b.output.(*objects.Memory).Clone()}
	all := *b
	all.output = faulty
	all.forget("zoe")
	last := ""
	for _, s := range faulty.Steps() {
		kind := s.Act + " " + regexp.MustCompile(`[0-9a-f]{10,}|\d+|membership|transitions|wide|long`).ReplaceAllString(s.Key, "")
		if kind != last {
			steps = append(steps, 2*s.N+len(steps)%2)
		}
		last = kind
	}
	return steps
}

// killedForgetting kills strata forget at a step, and calls it again, with the user or without.
func (b *bench) killedForgetting(step int, named bool, want map[string][]string) {
	t, whole := b.t, b.output
	t.Helper()
	faulty := &objectstest.Faulty{Bucket: whole}
	faulty.KillAt(step/2, step%2 == 1)
	b.output = faulty
	if _, err := pipeline.Forget(t.Context(), b.forgetting("zoe")); err == nil {
		t.Fatalf("there is no step %d", step/2)
	}
	b.output = whole
	what := fmt.Sprintf("killed at step %d (%v)", step, faulty.Steps()[len(faulty.Steps())-1])
	samePublished(t, what, b.published(standingDates...), want)
	again := b.forgetting("zoe")
	if forgotten, err := again.Catalog.Forgotten(t.Context()); err != nil || forgotten.Known > 0 && !named {
		again.Users = nil
	}
	forgot, err := pipeline.Forget(t.Context(), again)
	if err != nil && !errors.Is(err, pipeline.ErrNobody) {
		t.Fatalf("%s: the next call: %v", what, err)
	}
	if forgot != nil && len(forgot.Notes) > 0 && len(again.Users) == 0 { // event ids in change lists are only found by the user's own
		b.forget("zoe")
	}
	b.nothingOfZoe()
	samePublished(t, what+", and called again", b.published(standingDates...), want)
	if t.Failed() {
		t.Fatal(what)
	}
}
