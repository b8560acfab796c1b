package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"strata/pipeline/objects"
)

// A stage lets several actors take one step at a time: each call of the store waits until it is chosen.
type stage struct {
	mu      sync.Mutex
	waiting []step
}

type step struct {
	actor, label string
	gone         chan struct{}
}

// stepped is a bucket as one actor on the stage sees it.
type stepped struct {
	objects.Bucket
	stage *stage
	actor string
}

func (s *stepped) wait(what, key string) {
	gone := make(chan struct{})
	s.stage.mu.Lock()
	s.stage.waiting = append(s.stage.waiting, step{s.actor, fmt.Sprintf("%s %s %s", s.actor, what, key), gone})
	s.stage.mu.Unlock()
	<-gone
}

// play goes on until nobody waits any more, and returns the steps it took. Now this actor has the stage for a while, now that
// one, so that some stand still for long in the middle of what they do.
func (s *stage) play(random *rand.Rand) (taken []string) {
	favourite := ""
	for {
		synctest.Wait()
		if len(s.waiting) == 0 {
			return taken
		}
		slices.SortFunc(s.waiting, func(a, b step) int { return strings.Compare(a.label, b.label) })
		at := random.IntN(len(s.waiting))
		if random.IntN(12) == 0 {
			favourite = s.waiting[at].actor
		}
		if i := slices.IndexFunc(s.waiting, func(w step) bool { return w.actor == favourite }); i >= 0 {
			at = i
		}
		chosen := s.waiting[at]
		s.waiting = slices.Delete(s.waiting, at, at+1)
		taken = append(taken, chosen.label)
		close(chosen.gone)
	}
}

func (s *stepped) Stat(ctx context.Context, key string) (objects.Info, error) {
	s.wait("stat", key)
	return s.Bucket.Stat(ctx, key)
}

func (s *stepped) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	s.wait("read", key)
	return s.Bucket.Read(ctx, key, version, offset, length)
}

func (s *stepped) Create(ctx context.Context, key string, body []byte) (objects.Info, error) {
	s.wait("create", key)
	return s.Bucket.Create(ctx, key, body)
}

func (s *stepped) Replace(ctx context.Context, key, version string, body []byte) (objects.Info, error) {
	s.wait("replace", key)
	return s.Bucket.Replace(ctx, key, version, body)
}

func (s *stepped) List(ctx context.Context, opts objects.ListOptions) (objects.Page, error) {
	s.wait("list", opts.Prefix+opts.Token)
	return s.Bucket.List(ctx, opts)
}

func (s *stepped) Delete(ctx context.Context, key, version string) error {
	s.wait("delete", key)
	return s.Bucket.Delete(ctx, key, version)
}

func (s *stepped) Copy(ctx context.Context, from, to string) (objects.Info, error) {
	s.wait("copy", to)
	return s.Bucket.Copy(ctx, from, to)
}

// An act is what one actor does, and how it ended.
type act struct {
	job     job
	attempt *Attempt
	err     error
}

// Any order of the steps of several runs, of one date or of neighbours, with one that only settles beside them, and with one
// killed at some step: readers see whole runs all the time; each run stands, stood, or lost and left nothing.
func TestInterleavings(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { interleave(t, seed) })
		})
		if t.Failed() {
			return
		}
	}
}

func interleave(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	m := newMemory()
	w := watchOver(t, m, day(0), day(1), day(2))
	for n := range random.IntN(3) {
		job{date: day(n), bits: random.IntN(2)}.must(t, m)
	}
	for random.IntN(2) == 0 {
		job{date: day(random.IntN(3)), bits: random.IntN(2)}.stopped(t, m)
	}
	if random.IntN(3) == 0 { // somebody was killed here before
		dead := &faulty{Bucket: m, fault: fault{at: 1 + random.IntN(12), dies: true}}
		_, _ = job{date: day(random.IntN(3))}.run(t.Context(), dead)
	}
	m.pass(time.Hour)
	scene := &stage{}
	acts := make([]*act, 2+random.IntN(2))
	for i := range acts {
		acts[i] = &act{job: job{date: day(random.IntN(3)), bits: random.IntN(2), keep: random.IntN(4) == 0}}
		acts[i].job.accept = random.IntN(2) == 0
		acts[i].job.stop = !acts[i].job.accept && random.IntN(2) == 0 // no guard stops what is accepted
		var bucket objects.Bucket = m
		if i == 2 {
			bucket = &faulty{Bucket: m, fault: fault{at: 1 + random.IntN(20), done: random.IntN(2) == 0, dies: true}}
		}
		bucket = &stepped{bucket, scene, fmt.Sprint("run ", i)}
		go func() { acts[i].attempt, acts[i].err = acts[i].job.run(context.Background(), bucket) }()
	}
	go func() {
		if err := New(&stepped{m, scene, "settle"}, true).Settle(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	taken := scene.play(random)
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(taken, "\n"))
		}
	}()
	m.written = nil
	if len(acts) == 2 {
		inOrder(t, m) // nobody was killed, so nobody has to settle
	}
	checkActs(t, m, w, acts)
}

func checkActs(t *testing.T, m *memory, w *watch, acts []*act) {
	committed, stopped := 0, 0
	for i, a := range acts {
		switch {
		case i == 2: // killed
		case errors.Is(a.err, errStopped):
			stopped++
			if w.stood[a.attempt.Run] {
				t.Errorf("run %d stood, and a guard has stopped it", i)
			}
		case a.err == nil:
			committed++
			if !w.stood[a.attempt.Run] {
				t.Errorf("run %d says that it is committed, and it never stood", i)
			}
		case !errors.Is(a.err, ErrLostRace):
			t.Errorf("run %d: %v", i, a.err)
		case len(ownKeys(m, a.attempt.Run)) > 0:
			t.Errorf("run %d lost and left %v", i, ownKeys(m, a.attempt.Run))
		case w.stood[a.attempt.Run]:
			t.Errorf("run %d stood and says that it lost", i)
		}
	}
	if committed == 0 && len(acts) == 2 && stopped == 0 {
		t.Error("nobody won")
	}
	if err := New(m, true).Settle(t.Context()); err != nil {
		t.Error(err)
	}
	inOrder(t, m)
	kept := slices.ContainsFunc(acts, func(a *act) bool { return a.job.keep })
	if !kept {
		nothingLeft(t, m)
	}
}

// Two at once: one wins, the other stops with ErrLostRace and leaves nothing.
func TestC011(t *testing.T) {
	for _, again := range []bool{false, true} {
		m := newMemory()
		if again {
			job{date: day(1)}.must(t, m)
		}
		c := New(m, true)
		j := job{date: day(1), bits: 1}
		var attempts [2]*Attempt
		var manifests [2]*Manifest
		for i := range attempts {
			var err error
			if attempts[i], err = c.Begin(t.Context(), day(1), nil); err != nil {
				t.Fatal(err)
			}
			if manifests[i], err = j.write(t.Context(), attempts[i]); err != nil {
				t.Fatal(err)
			}
		}
		winner, loser := attempts[1], attempts[0]
		if err := winner.Commit(t.Context(), manifests[1], false); err != nil {
			t.Fatal(err)
		}
		if err := loser.Commit(t.Context(), manifests[0], false); !errors.Is(err, ErrLostRace) {
			t.Fatalf("the second commit: %v", err)
		}
		if isCommitted, err := loser.Abort(t.Context()); isCommitted || err != nil {
			t.Fatal(isCommitted, err)
		}
		if err := winner.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := ownKeys(m, loser.Run); len(left) > 0 {
			t.Errorf("the loser left %v", left)
		}
		if inOrder(t, m)[day(1)] != winner.Run {
			t.Error("the winner does not stand")
		}
	}
}

// The same on a disk, with real threads.
func TestC011_LocalFolder(t *testing.T) {
	bucket, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	job{date: day(0)}.must(t, bucket)
	for range 5 {
		var group sync.WaitGroup
		var errs [3]error
		for i := range errs {
			group.Go(func() { _, errs[i] = job{date: day(1), bits: 2, wide: i == 1}.run(t.Context(), bucket) })
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrLostRace) {
				t.Fatal(err)
			}
		}
		if won == 0 {
			t.Fatal("nobody won")
		}
		inOrder(t, bucket)
	}
}

// Who read current.json before may begin on that.
func TestBeginOn(t *testing.T) {
	m := newMemory()
	c := New(m, true)
	read, err := c.Current(t.Context(), day(1))
	if err != nil || read != nil {
		t.Fatal(read, err)
	}
	job{date: day(1)}.must(t, m)
	if _, err := c.BeginOn(t.Context(), day(1), nil, read); !errors.Is(err, ErrLostRace) {
		t.Fatalf("BeginOn: %v", err)
	}
	if read, err = c.Current(t.Context(), day(1)); err != nil {
		t.Fatal(err)
	}
	if a, err := c.BeginOn(t.Context(), day(1), nil, read); err != nil || a.Replaces.Run != read.Run {
		t.Fatal(a, err)
	}
}

// The run before was made again, or one came in between, while this one worked: it stops. A gap is written in the manifest.
func TestC090_PreviousChanges(t *testing.T) {
	for name, meanwhile := range map[string]Date{"again": day(0), "between": day(1)} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			first := job{date: day(0)}.must(t, m)
			c := New(m, true)
			a, err := c.Begin(t.Context(), day(2), &RunRef{day(0), first.Run})
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := job{date: day(2)}.write(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			job{date: meanwhile}.must(t, m)
			if err := a.Commit(t.Context(), manifest, false); !errors.Is(err, ErrLostRace) {
				t.Fatalf("commit: %v", err)
			}
			if isCommitted, err := a.Abort(t.Context()); isCommitted || err != nil || len(ownKeys(m, a.Run)) > 0 {
				t.Fatal(isCommitted, err, ownKeys(m, a.Run))
			}
			next := job{date: day(2)}.must(t, m)
			if got, err := c.Load(t.Context(), next.ref()); err != nil || got.Previous.Date != meanwhile {
				t.Fatalf("%+v, %v", got, err)
			}
			inOrder(t, m)
		})
	}
}

// Every date run three times: folders show one run, whose rows are there once.
func TestC081(t *testing.T) {
	m := newMemory()
	for n := range 3 {
		for range 3 {
			job{date: day(n), bits: 1}.must(t, m)
		}
	}
	if stands := inOrder(t, m); len(stands) != 3 {
		t.Fatal(stands)
	}
	nothingLeft(t, m)
}

// A rerun with fewer files and tables leaves nothing of the one it replaced in the folders.
func TestC138(t *testing.T) {
	m, j := world(t)
	old := inOrder(t, m)[day(1)]
	a := j.must(t, m)
	inOrder(t, m)
	for key := range hiveRuns(t, m, day(1)) {
		if key == old {
			t.Errorf("the folders show %s still", old)
		}
	}
	if keys := m.keys("membership/"); len(keys) != 2+2 {
		t.Errorf("membership: %v", keys)
	}
	if keys := ownKeys(m, old); len(keys) == 0 {
		t.Error("readers in flight have lost their files")
	}
	if got, err := readRun(m, day(1)); got != a.Run || err != nil {
		t.Error(got, err)
	}
}

// Who settled before another's run was committed, and replaces that run before it is settled, settles it.
func TestReplacesAnUnsettledRun(t *testing.T) {
	m, j := world(t)
	c := New(m, true)
	if err := c.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := c.Begin(t.Context(), day(1), &RunRef{day(0), inOrder(t, m)[day(0)]})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := j.write(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(t.Context(), manifest, false); err != nil { // and is killed
		t.Fatal(err)
	}
	next, err := c.Begin(t.Context(), day(1), a.Previous)
	if err != nil {
		t.Fatal(err)
	}
	if manifest, err = j.write(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if err := next.Commit(t.Context(), manifest, false); err != nil {
		t.Fatal(err)
	}
	if err := next.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, m)
}

// Who was killed while he copied a run that had been replaced meanwhile leaves copies that the next command removes.
func TestLateCopies(t *testing.T) {
	m, j := world(t)
	old := inOrder(t, m)[day(1)]
	j.must(t, m)
	from := runFolder(day(1), old) + "data/membership/00003.parquet"
	if _, err := m.Copy(t.Context(), from, hiveKey("membership", RunRef{day(1), old}, 3)); err != nil {
		t.Fatal(err)
	}
	if err := New(m, true).Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	inOrder(t, m)
}

// An interrupt during the commit does not leave its outcome open; one before it stops it.
func TestInterrupt(t *testing.T) {
	for _, during := range []bool{true, false} {
		m, j := world(t)
		before := inOrder(t, m)[day(1)]
		ctx, cancel := context.WithCancel(t.Context())
		a, err := j.run(ctx, &interrupted{m, cancel, during})
		if want := map[bool]string{true: a.Run, false: before}[during]; during != (err == nil || a.ending == committed) {
			t.Errorf("%v; %s must stand", err, want)
		} else if run, err := readRun(m, day(1)); run != want || err != nil {
			t.Errorf("%s stands, %v; want %s", run, err, want)
		}
	}
}

// interrupted cancels at the write of the manifest or of current.json, and minds whether it was.
type interrupted struct {
	*memory
	cancel context.CancelFunc
	during bool
}

func (i *interrupted) Create(ctx context.Context, key string, body []byte) (objects.Info, error) {
	if !i.during && strings.HasSuffix(key, "manifest.json") {
		defer i.cancel()
	}
	return i.memory.Create(ctx, key, body)
}

func (i *interrupted) Replace(ctx context.Context, key, version string, body []byte) (objects.Info, error) {
	if i.during {
		i.cancel()
	}
	if ctx.Err() != nil {
		return objects.Info{}, ctx.Err()
	}
	return i.memory.Replace(ctx, key, version, body)
}
