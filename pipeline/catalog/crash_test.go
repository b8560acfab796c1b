package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"strata/pipeline/objects"
)

// A watch looks at an output after every single write, as a reader who follows current.json and one who lists folders do.
type watch struct {
	t     *testing.T
	m     *memory
	dates []Date
	mu    sync.Mutex
	stood map[string]bool // runs that were committed
	last  Date            // that latest.json named
}

func watchOver(t *testing.T, m *memory, dates ...Date) *watch {
	w := &watch{t: t, m: m, dates: dates, stood: map[string]bool{}}
	m.written = w.look
	return w
}

func (w *watch) look(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, date := range w.dates {
		run, err := readRun(w.m, date)
		if err != nil {
			w.t.Errorf("after the write of %s a reader finds: %v", key, err)
		}
		w.stood[run] = true
		for run := range hiveRuns(w.t, w.m, date) {
			if !w.stood[run] {
				w.t.Errorf("after the write of %s the hive folders show run %s, which is not committed", key, run)
			}
		}
		if _, err := w.m.Stat(w.t.Context(), key); err != nil && run != "" && strings.Contains(key, "/"+run+"-") {
			w.t.Errorf("%s was removed, and its run stands", key)
		}
	}
	w.lookAtLatest()
}

func (w *watch) lookAtLatest() {
	var latest RunRef
	if _, err := New(w.m, true).readJSON(w.t.Context(), latestKey, &latest); err != nil && !errors.Is(err, objects.ErrNotFound) {
		w.t.Error(err)
	}
	if latest.Date.Before(w.last) {
		w.t.Errorf("latest.json went back from %s to %s", w.last, latest.Date)
	}
	w.last = latest.Date
}

// world is an output with two committed dates, the second of which is about to be run again with fewer files.
func world(t *testing.T) (*memory, job) {
	m, j := newWorld(t)
	job{date: day(1), bits: 2, wide: true, list: "a"}.must(t, m)
	m.pass(48 * time.Hour)
	return m, j
}

// newWorld is an output with one committed date, and the next about to be run.
func newWorld(t *testing.T) (*memory, job) {
	m := newMemory()
	job{date: day(0), bits: 1, list: "a"}.must(t, m)
	m.pass(24 * time.Hour)
	return m, job{date: day(1), bits: 1, list: "b"}
}

// waitingWorld is newWorld in which a guard has stopped the next date's run, which is about to be accepted.
func waitingWorld(t *testing.T) (*memory, job) {
	m, j := newWorld(t)
	return m, j.stopped(t, m)
}

// waitingRerun is world in which the run that is about to be accepted replaces another.
func waitingRerun(t *testing.T) (*memory, job) {
	m, j := world(t)
	return m, j.stopped(t, m)
}

// stopped lets a guard stop a job and returns the one that accepts it.
func (j job) stopped(t *testing.T, bucket objects.Bucket) job {
	t.Helper()
	j.stop = true
	if _, err := j.run(t.Context(), bucket); !errors.Is(err, errStopped) {
		t.Fatalf("run of %s: %v", j.date, err)
	}
	j.stop, j.accept = false, true
	return j
}

// eachFault tries every fault of a kind at every write of a first run of a date, of a rerun, and of each where it accepts.
func eachFault(t *testing.T, dies bool, try func(t *testing.T, m *memory, j job, f *faulty)) {
	for name, make := range map[string]func(*testing.T) (*memory, job){
		"rerun": world, "first": newWorld, "accept": waitingWorld, "accept instead": waitingRerun,
	} {
		m, j := make(t)
		whole := &faulty{Bucket: m}
		j.must(t, whole)
		for n := range 2 * whole.writes {
			at, done := n/2+1, n%2 == 1
			t.Run(fmt.Sprintf("%s/write=%d/done=%v", name, at, done), func(t *testing.T) {
				m, j := make(t)
				try(t, m, j, &faulty{Bucket: m, fault: fault{at: at, done: done, dies: dies}})
			})
		}
	}
}

func TestC008_KilledAtEveryWrite(t *testing.T) {
	eachFault(t, true, func(t *testing.T, m *memory, j job, f *faulty) {
		before := inOrder(t, m)
		w := watchOver(t, m, day(0), day(1))
		w.look("nothing")
		dead, err := j.run(t.Context(), f)
		if err == nil {
			t.Fatal("the fault was not met")
		}
		if err := New(m, true).Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := inOrder(t, m)
		if after[day(0)] != before[day(0)] || after[day(1)] != before[day(1)] && (dead == nil || after[day(1)] != dead.Run) {
			t.Fatalf("%v stood, now %v, the killed run is %v", before, after, dead)
		}
		next := j.must(t, m)
		if inOrder(t, m)[day(1)] != next.Run {
			t.Fatal("the next run does not stand")
		}
		nothingLeft(t, m)
	})
}

// nothingLeft sweeps after a day and a while and checks that only standing runs are left, and those that wait to be accepted.
func nothingLeft(t *testing.T, m *memory) {
	t.Helper()
	c := New(m, true)
	if _, err := c.Sweep(t.Context(), m.pass(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	stands := inOrder(t, m)
	status, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waits := func(key string) bool {
		return slices.ContainsFunc(status, func(s DateStatus) bool {
			return slices.ContainsFunc(s.Others, func(o Other) bool { return o.State == Waits && strings.Contains(key, o.Run) })
		})
	}
	for _, key := range m.keys("") {
		if waits(key) || strings.HasPrefix(key, listsPrefix) || key == latestKey || strings.HasSuffix(key, "/current.json") {
			continue
		}
		owned := false
		for _, run := range stands {
			owned = owned || strings.Contains(key, run)
		}
		if !owned || strings.HasPrefix(key, pendingPrefix) {
			t.Errorf("%s is left after the sweep; %v stand", key, stands)
		}
	}
}

// C141: a write that fails once, or whose answer is lost, ends in a run that stands or in one that left nothing.
func TestC141_AnswerLostAtEveryWrite(t *testing.T) {
	eachFault(t, false, func(t *testing.T, m *memory, j job, f *faulty) {
		before := inOrder(t, m)
		w := watchOver(t, m, day(0), day(1))
		w.look("nothing")
		a, err := j.run(t.Context(), f)
		at := f.keys[f.at-1]
		run, readErr := readRun(m, day(1))
		switch {
		case readErr != nil:
			t.Fatal(readErr)
		case at == currentKey(day(1)) && f.done && err != nil:
			t.Fatalf("the commit took place and the run says: %v", err)
		case at == currentKey(day(1)) && !f.done && !errors.Is(err, ErrUnsure):
			t.Fatalf("the store gave no answer to the commit and the run says: %v", err)
		case err == nil && run != a.Run:
			t.Fatalf("run %s says that it is committed, %s stands", a.Run, run)
		case run == before[day(1)] && a != nil && !errors.Is(err, ErrUnsure):
			left := ownKeys(m, a.Run)
			for _, key := range left {
				if !strings.HasPrefix(key, pendingPrefix) {
					t.Errorf("the failed run left %s", key)
				}
			}
		}
		j.must(t, m)
		inOrder(t, m)
		nothingLeft(t, m)
	})
}

// A commit that nobody answered may come true later: the run's files are there then.
func TestC141_CommitComesTrueLater(t *testing.T) {
	m, j := world(t)
	late := &lateCommit{Bucket: m}
	a, err := j.run(t.Context(), late)
	if !errors.Is(err, ErrUnsure) {
		t.Fatal(err)
	}
	late.arrive()
	if run, err := readRun(m, day(1)); err != nil || run != a.Run {
		t.Fatalf("run %s stands, %v; want %s", run, err, a.Run)
	}
	if err := New(m, true).Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	inOrder(t, m)
}

// Once another run has been committed, it cannot come true any more, and the run is known to have lost.
func TestC141_CommitOvertaken(t *testing.T) {
	m, j := world(t)
	late := &lateCommit{Bucket: m}
	a, err := j.run(t.Context(), late)
	if !errors.Is(err, ErrUnsure) {
		t.Fatal(err)
	}
	j.must(t, m)
	if isCommitted, err := a.Abort(t.Context()); isCommitted || err != nil {
		t.Fatal(isCommitted, err)
	}
	late.arrive()
	if inOrder(t, m); len(ownKeys(m, a.Run)) > 1 {
		t.Fatalf("left: %v", ownKeys(m, a.Run))
	}
}

// A run whose commit was not answered, and which another, and another yet, replaced before it could look, did stand.
func TestC141_ReplacedBeforeTheLook(t *testing.T) {
	for _, others := range []int{1, 2, 3} {
		m, j := world(t)
		late := &lateCommit{Bucket: m}
		late.then = func() {
			late.arrive()
			for range others {
				j.must(t, m)
			}
		}
		a, err := j.run(t.Context(), late)
		if err != nil {
			t.Fatalf("%d others: %v", others, err)
		}
		if len(ownKeys(m, a.Run)) == 0 {
			t.Error("its readers in flight have lost their files")
		}
		inOrder(t, m)
		nothingLeft(t, m)
	}
}

// lateCommit holds the write of current.json back and answers with an error.
type lateCommit struct {
	objects.Bucket
	arrive func()
	then   func() // before the answer
}

func (l *lateCommit) Replace(ctx context.Context, key, version string, body []byte) (objects.Info, error) {
	if !strings.HasSuffix(key, "current.json") {
		return l.Bucket.Replace(ctx, key, version, body)
	}
	l.arrive = func() { _, _ = l.Bucket.Replace(context.Background(), key, version, body) }
	if l.then != nil {
		l.then()
	}
	return objects.Info{}, errStore
}

// A data file may appear after its upload was given up.
func TestC134(t *testing.T) {
	m, j := world(t)
	before := inOrder(t, m)
	f := &faulty{Bucket: m, fault: fault{at: 4}}
	a, err := j.run(t.Context(), f)
	if err == nil {
		t.Fatal("the fault was not met")
	}
	m.mu.Lock()
	m.put(f.keys[3], []byte("late"))
	m.mu.Unlock()
	if got := inOrder(t, m); got[day(1)] != before[day(1)] {
		t.Fatalf("%v", got)
	}
	next := j.must(t, m)
	if next.Run == a.Run || inOrder(t, m)[day(1)] != next.Run {
		t.Fatal("the next run does not have a name of its own, or does not stand")
	}
	nothingLeft(t, m)
}

// A stray, truncated part in a run's folder is ignored, reported, and swept later.
func TestC135(t *testing.T) {
	m, j := world(t)
	a := j.must(t, m)
	stray := runFolder(day(1), a.Run) + "data/membership/00002.parquet"
	foreign := runFolder(day(1), a.Run) + "data/notes.txt"
	m.mu.Lock()
	m.put(stray, []byte("PAR1"))
	m.put(foreign, []byte("mine"))
	m.mu.Unlock()
	inOrder(t, m)
	status, err := New(m, true).Status(t.Context())
	if err != nil || len(status[1].Strays) != 2 || status[1].Strays[0] != m.URL(stray) {
		t.Fatalf("status reports %v, %v", status[1].Strays, err)
	}
	c := New(m, true)
	if swept, err := c.SweepAll(t.Context(), m.pass(time.Hour)); err != nil || len(swept.Strays) != 0 {
		t.Fatalf("swept too early: %v, %v", swept, err)
	}
	swept, err := c.SweepAll(t.Context(), m.pass(24*time.Hour))
	if err != nil || len(swept.Strays) != 1 || swept.Strays[0] != stray {
		t.Fatalf("swept %v, %v", swept, err)
	}
	if _, err := m.Stat(t.Context(), foreign); err != nil {
		t.Error("somebody else's file is gone")
	}
	inOrder(t, m)
}
