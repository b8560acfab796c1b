package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strata/pipeline/objects"
)

// waiting is the run of day 1 that may be accepted; empty where there is none.
func waiting(t *testing.T, bucket objects.Bucket) string {
	t.Helper()
	c := New(bucket, true)
	current, err := c.Current(t.Context(), day(1))
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Waiting(t.Context(), day(1), current)
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		return ""
	}
	return m.Run
}

// A guard's run is in no folder and waits however long it takes; the status tells. Once accepted it is of no more use.
func TestQuarantine(t *testing.T) {
	for name, make := range map[string]func(*testing.T) (*memory, job){"first": waitingWorld, "rerun": waitingRerun} {
		t.Run(name, func(t *testing.T) {
			m, j := make(t)
			c := New(m, true)
			run, stood := waiting(t, m), inOrder(t, m)[day(1)]
			if run == "" || run == stood {
				t.Fatalf("%q waits, %q stands", run, stood)
			}
			if _, err := c.SweepAll(t.Context(), m.pass(100*time.Hour)); err != nil || waiting(t, m) != run {
				t.Fatalf("%q waits, want %s; %v", waiting(t, m), run, err)
			}
			status, err := c.Status(t.Context())
			others := status[1].Others
			if err != nil || others[len(others)-1].State != Waits {
				t.Errorf("%+v, %v", status[1], err)
			}
			found, err := c.Collect(t.Context(), 90, m.pass(0))
			if want := fmt.Sprintf("run %s of %s waits for --accept; it stays", run, day(1)); err != nil || !slices.Contains(found.Notes, want) {
				t.Errorf("gc says %q, want %q; %v", found.Notes, want, err)
			}
			a := j.must(t, m)
			if got, err := c.Load(t.Context(), a.ref()); err != nil || got.Accepts != run || got.Replaces != stood || waiting(t, m) != "" {
				t.Errorf("%+v, %v; %q waits", got, err, waiting(t, m))
			}
			if status, err := c.Status(t.Context()); err != nil || !slices.ContainsFunc(status[1].Others, func(o Other) bool {
				return o.Run == run && o.State == Accepted
			}) {
				t.Errorf("%+v, %v", status, err)
			}
			inOrder(t, m)
			nothingLeft(t, m)
		})
	}
}

// The newest waits; those before it go after a day.
func TestNewestWaits(t *testing.T) {
	m, j := waitingWorld(t)
	old := waiting(t, m)
	m.pass(time.Hour)
	for waiting(t, m) == old {
		j.accept = false
		j.stopped(t, m) // the names of runs sort by the second they began in
	}
	if _, err := New(m, true).Sweep(t.Context(), m.pass(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if waiting(t, m) == "" || len(ownKeys(m, old)) > 0 {
		t.Errorf("%q waits; of the older one there is %v", waiting(t, m), ownKeys(m, old))
	}
	nothingLeft(t, m)
}

// A run that was committed meanwhile, or a file that is gone, ends the wait.
func TestWaitsNoMore(t *testing.T) {
	m, j := waitingWorld(t)
	j.accept = false
	j.must(t, m)
	if run := waiting(t, m); run != "" {
		t.Errorf("%s waits, and another was committed", run)
	}
	nothingLeft(t, m)

	m, _ = waitingWorld(t)
	if err := m.Delete(t.Context(), runFolder(day(1), waiting(t, m))+"data/transitions/00001.parquet", ""); err != nil {
		t.Fatal(err)
	}
	if run := waiting(t, m); run != "" {
		t.Errorf("%s waits, and has lost a file", run)
	}
	nothingLeft(t, m)
}

// Killed at any write, or without an answer to one, a run that a guard would stop waits whole or not at all.
func TestC008_QuarantineAtEveryWrite(t *testing.T) {
	for name, make := range map[string]func(*testing.T) (*memory, job){"rerun": world, "first": newWorld} {
		m, j := make(t)
		j.stop = true
		whole := &faulty{Bucket: m}
		if _, err := j.run(t.Context(), whole); !errors.Is(err, errStopped) {
			t.Fatal(err)
		}
		for n := range 4 * whole.writes {
			f := fault{at: n/4 + 1, done: n%2 == 1, dies: n%4 > 1}
			t.Run(fmt.Sprintf("%s/%+v", name, f), func(t *testing.T) {
				m, j := make(t)
				before := inOrder(t, m)
				w := watchOver(t, m, day(0), day(1))
				w.look("nothing")
				j.stop = true
				stopped, err := j.run(t.Context(), &faulty{Bucket: m, fault: f})
				run := waiting(t, m)
				if quarantined := errors.Is(err, errStopped); !f.dies && quarantined != (run != "") || run != "" && run != stopped.Run {
					t.Fatalf("%v; %q waits", err, run)
				}
				if after := inOrder(t, m); after[day(1)] != before[day(1)] {
					t.Fatalf("%v stood, now %v", before, after)
				}
				j.stop, j.accept = false, true
				next := j.must(t, m)
				if got, err := New(m, true).Load(t.Context(), next.ref()); err != nil || got.Accepts != run {
					t.Errorf("%+v, %v; %q waited", got, err, run)
				}
				inOrder(t, m)
				nothingLeft(t, m)
			})
		}
	}
}

// Two accept at once: one wins, the other leaves nothing, and neither has touched what waited.
func TestC011_AcceptedTwice(t *testing.T) {
	m, j := waitingRerun(t)
	c, run := New(m, true), waiting(t, m)
	before := ownKeys(m, run)
	attempts, manifests := [2]*Attempt{}, [2]*Manifest{}
	for i := range attempts {
		var err error
		if attempts[i], err = c.Begin(t.Context(), day(1), &RunRef{day(0), inOrder(t, m)[day(0)]}); err != nil {
			t.Fatal(err)
		}
		if manifests[i], err = j.make(t.Context(), attempts[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := attempts[1].Commit(t.Context(), manifests[1], false); err != nil {
		t.Fatal(err)
	}
	if err := attempts[0].Commit(t.Context(), manifests[0], false); !errors.Is(err, ErrLostRace) {
		t.Fatalf("the second commit: %v", err)
	}
	if isCommitted, err := attempts[0].Abort(t.Context()); isCommitted || err != nil {
		t.Fatal(isCommitted, err)
	}
	if err := attempts[1].Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if inOrder(t, m)[day(1)] != attempts[1].Run || len(ownKeys(m, attempts[0].Run)) > 0 || !slices.Equal(ownKeys(m, run), before) {
		t.Errorf("left: %s", strings.Join(m.keys("runs/"), "\n"))
	}
	nothingLeft(t, m)
}
