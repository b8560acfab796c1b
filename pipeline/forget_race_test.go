package pipeline_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// A stageHook does something once, when a run begins a stage.
type stageHook struct {
	stage string
	act   func()
	once  sync.Once
}

func (h *stageHook) Stage(name string, _ int64) {
	if name == h.stage {
		h.once.Do(h.act)
	}
}

func (*stageHook) Done(int64) {}

// TestForgetBesideARun forgets a user in the middle of a run that has read her: of a date that is new, of one that stands, and of the
// one after that. The run begins anew and leaves her out, and nothing of the others is lost.
func TestForgetBesideARun(t *testing.T) {
	for _, date := range []string{afterwards, goneDate, stoppedToo, plainDate} {
		want := zoeBench(t, true)
		snapshot(want, stoppedToo, zoeRows("a", 40, true)...)
		snapshot(want, afterwards, zoeRows("a", 41, true)...)
		want.forget("zoe")
		want.forced(date)
		for _, stage := range []string{"plan", "assign", "diff", "commit"} {
			t.Run(date+"/"+stage, func(t *testing.T) {
				b := zoeBench(t, true)
				snapshot(b, stoppedToo, zoeRows("a", 40, true)...)
				snapshot(b, afterwards, zoeRows("a", 41, true)...)
				hook := &stageHook{stage: stage, act: func() { b.forget("zoe") }}
				b.adjust = func(j *pipeline.Job) {
					j.Progress, j.Force = hook, true
					*j = pipeline.WithPartitions(*j, 4)
				}
				if m := b.run(date); m.Forgets != 1 {
					t.Errorf("the run knew of %d users who were forgotten", m.Forgets)
				}
				b.adjust = nil
				if left := b.where(); len(left) > 0 {
					t.Errorf("she is in %v", left)
				}
				dates := slices.Compact(append(slices.Clone(standingDates), date))
				samePublished(t, "beside a run", b.published(dates...), want.published(dates...))
			})
		}
	}
}

// forced makes a run of a date that may stand.
func (b *bench) forced(date string) {
	b.t.Helper()
	b.adjust = func(j *pipeline.Job) { j.Force = true; *j = pipeline.WithPartitions(*j, 4) }
	b.run(date)
	b.adjust = nil
}

// TestForgottenBeforeErased: a run that begins when a user is written down as forgotten, and nothing of her is erased yet, makes what it
// makes afterwards. Neither does it say that she is gone.
func TestForgottenBeforeErased(t *testing.T) {
	for _, date := range []string{goneDate, afterwards} {
		var files []map[string]string
		for _, erased := range []bool{true, false} {
			b := zoeBench(t, true)
			snapshot(b, afterwards, zoeRows("a", 41, true)...)
			if erased {
				b.forget("zoe")
			} else if _, err := b.forgetting().Catalog.Forget(t.Context(), []string{"zoe"}); err != nil {
				t.Fatal(err)
			}
			b.forced(date)
			files = append(files, b.dataFiles(b.stands(date)))
		}
		for name := range files[0] {
			if len(name) > 8 && name[:7] == "changes" {
				delete(files[0], name)
				delete(files[1], name)
			}
		}
		sameFiles(t, "before erasing: "+date, files[1], files[0])
	}
}

// TestForgetAllKindsOfIDs takes ids as the type of the column has them, in any spelling, and refuses what is none.
func TestForgetAllKindsOfIDs(t *testing.T) {
	type binaryID struct {
		ID  []byte `parquet:"id"`
		Grp string `parquet:"grp"`
	}
	for name, tc := range map[string]struct {
		write     func(b *bench)
		user, bad string
	}{
		"integer": {func(b *bench) { snapshot(b, plainDate, grouped{7, "a"}, grouped{8, "a"}) }, "007", "seven"},
		"binary":  {func(b *bench) { snapshot(b, plainDate, binaryID{[]byte{0xAB, 1}, "a"}, binaryID{[]byte{2}, "a"}) }, "AB01", "xyz"},
		"text": {func(b *bench) {
			snapshot(b, plainDate, textID{"CAFE0000-0000-0000-0000-000000000007", "a"}, textID{"x", "a"})
		}, "cafe0000-0000-0000-0000-000000000007", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]\nmembership: {columns: [grp]}")
			tc.write(b)
			b.run(plainDate)
			var notID *pipeline.NotIDError
			if _, err := pipeline.Forget(t.Context(), b.forgetting(tc.user, tc.bad)); !errors.As(err, &notID) {
				t.Errorf("%q is taken: %v", tc.bad, err)
			}
			if m := b.stands(plainDate); m.Users != 2 {
				t.Fatalf("%d users before", m.Users)
			}
			b.forget(tc.user)
			m := b.stands(plainDate)
			if m.Users != 1 || m.Segments[0].Size != 1 || m.Forgotten != 1 || len(b.table(m, "transitions")) != 1 {
				t.Errorf("%d users and %d members are left, %d transitions", m.Users, m.Segments[0].Size, len(b.table(m, "transitions")))
			}
		})
	}
}

// TestForgetWaitsForACommit: a run that has looked who is forgotten before a user was, and is about to commit, must be over first.
func TestForgetWaitsForACommit(t *testing.T) {
	b := zoeBench(t, true)
	c := b.forgetting().Catalog
	a, err := c.Begin(t.Context(), b.job(afterwards).Date, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"format": 1, "run": %q, "date": %q, "status": "committed", "definitions": {}}`, a.Run, afterwards)
	if _, err := b.output.Create(t.Context(), "runs/date="+afterwards+"/"+a.Run+"/manifest.json", []byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Forget(t.Context(), b.forgetting("zoe")); !errors.Is(err, catalog.ErrLostRace) {
		t.Errorf("forget beside a run that is about to commit: %v", err)
	}
	if forgotten, err := c.Forgotten(t.Context()); err != nil || forgotten.Known != 1 || forgotten.Erased != 0 || !forgotten.Has([]byte("zoe")) {
		t.Errorf("%+v, %v", forgotten, err)
	}
	if _, err := a.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.output.Delete(t.Context(), "runs/date="+afterwards+"/"+a.Run+"/manifest.json", ""); err != nil {
		t.Fatal(err)
	}
	b.forget() // goes on without her id, but for the change list
	b.forget("zoe")
	b.nothingOfZoe()
}

// BenchmarkRunWithForgotten is a run in which nobody is forgotten, and one in which ten thousand others are.
func BenchmarkRunWithForgotten(b *testing.B) {
	rows := make([]grouped, 200_000)
	for i := range rows {
		rows[i] = grouped{int64(i), string(rune('a' + i%3))}
	}
	users := make([]string, 10_000)
	for i := range users {
		users[i] = fmt.Sprint(1_000_000 + i)
	}
	for _, n := range []int{0, len(users)} {
		b.Run(fmt.Sprintf("forgotten=%d", n), func(b *testing.B) {
			bench := benchOf(b, caseHead+"segments: [{name: s, when: 'grp == \"a\"'}]")
			bench.output = objects.NewMemory()
			snapshot(bench, plainDate, rows...)
			bench.run(plainDate)
			if n > 0 {
				bench.forget(users[:n]...)
			}
			bench.adjust = func(j *pipeline.Job) { j.Force = true }
			for b.Loop() {
				bench.run(plainDate)
			}
		})
	}
}
