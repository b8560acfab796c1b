package catalog

import (
	"slices"
	"testing"
	"time"

	"strata/pipeline/objects"
)

// The 24 hours of a replaced run begin when it was replaced, by the store's clock.
func TestSweepReplaced(t *testing.T) {
	m := newMemory()
	c := New(m, true)
	old := job{date: day(0), bits: 1}.must(t, m)
	m.pass(72 * time.Hour)
	now := job{date: day(0), bits: 1}.must(t, m)
	if swept, err := c.SweepAll(t.Context(), m.pass(23*time.Hour)); err != nil || len(swept.Runs) > 0 {
		t.Fatalf("swept %v, %v", swept, err)
	}
	if len(ownKeys(m, old.Run)) == 0 {
		t.Fatal("the replaced run is gone")
	}
	swept, err := c.Sweep(t.Context(), m.pass(2*time.Hour))
	if err != nil || !slices.Equal(swept, []RunRef{old.ref()}) {
		t.Fatalf("swept %v, %v", swept, err)
	}
	if left := ownKeys(m, old.Run); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if inOrder(t, m)[day(0)] != now.Run || len(m.keys(pendingPrefix)) > 0 {
		t.Error(m.keys(""))
	}
}

// The next night's run sweeps by itself.
func TestSweepByTheNextRun(t *testing.T) {
	m := newMemory()
	job{date: day(0)}.must(t, m)
	old := job{date: day(0)}.must(t, m)
	job{date: day(0)}.must(t, m)
	m.pass(25 * time.Hour)
	job{date: day(1)}.must(t, m)
	if left := ownKeys(m, old.Run); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	nothingLeft(t, m)
}

func TestKeepReplaced(t *testing.T) {
	m := newMemory()
	c := New(m, true)
	old := job{date: day(0)}.must(t, m)
	job{date: day(0), keep: true}.must(t, m)
	job{date: day(0)}.must(t, m)
	if _, err := c.SweepAll(t.Context(), m.pass(100*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Load(t.Context(), old.ref()); err != nil {
		t.Error(err)
	}
	status, err := c.Status(t.Context())
	if err != nil || len(status[0].Others) != 1 || status[0].Others[0].State != Kept {
		t.Errorf("%+v, %v", status, err)
	}
	if got := hiveRuns(t, m, day(0)); len(got) != 1 {
		t.Error("the folders show the kept run too")
	}
}

// A run that still writes is not swept however long ago it began, nor is one that somebody else's object is in.
func TestSweepUncommitted(t *testing.T) {
	m := newMemory()
	c := New(m, true)
	a, err := c.Begin(t.Context(), day(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	m.pass(30 * time.Hour)
	if _, err := a.Put(t.Context(), "membership", 0, []byte("x"), 1); err != nil {
		t.Fatal(err)
	}
	if swept, err := c.SweepAll(t.Context(), m.pass(time.Hour)); err != nil || len(swept.Runs) > 0 {
		t.Fatalf("swept %v, %v", swept, err)
	}
	foreign := a.folder() + "notes.txt"
	if _, err := m.Create(t.Context(), foreign, []byte("mine")); err != nil {
		t.Fatal(err)
	}
	swept, err := c.Sweep(t.Context(), m.pass(25*time.Hour))
	if err != nil || len(swept) != 1 {
		t.Fatalf("swept %v, %v", swept, err)
	}
	if left := m.keys("runs/date="); !slices.Equal(left, []string{foreign}) {
		t.Errorf("left: %v", left)
	}
}

// SweepAll finds what has lost its mark: a run that crashed, and copies in a folder.
func TestSweepAllWithoutMarks(t *testing.T) {
	m := newMemory()
	c := New(m, true)
	now := job{date: day(0)}.must(t, m)
	a, err := c.Begin(t.Context(), day(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Delete(t.Context(), pendingKey(a.ref()), ""); err != nil {
		t.Fatal(err)
	}
	stray, foreign := hiveKey("membership", a.ref(), 0), hiveFolder("membership", day(0))+"theirs.parquet"
	for _, key := range []string{stray, foreign} {
		if _, err := m.Create(t.Context(), key, []byte(a.Run)); err != nil {
			t.Fatal(err)
		}
	}
	swept, err := c.SweepAll(t.Context(), m.pass(25*time.Hour))
	if err != nil || !slices.Equal(swept.Runs, []RunRef{a.ref()}) {
		t.Fatalf("swept %v, %v", swept, err)
	}
	if left := ownKeys(m, a.Run); len(left) > 0 || !slices.Contains(m.keys(""), foreign) {
		t.Errorf("left %v", left)
	}
	if inOrder(t, m)[day(0)] != now.Run {
		t.Error("another run stands")
	}
}

func TestWithoutHive(t *testing.T) {
	m := newMemory()
	job{date: day(0), bits: 1}.must(t, m)
	job{date: day(0), noHive: true}.must(t, m)
	if got := hiveRuns(t, m, day(0)); len(got) > 0 {
		t.Errorf("copies: %v", got)
	}
	if run, err := readRun(m, day(0)); run == "" || err != nil {
		t.Error(run, err)
	}
	if _, err := New(m, true).SweepAll(t.Context(), m.pass(time.Hour)); err != nil {
		t.Fatal(err)
	}
	inOrder(t, m) // wanted again, they are made for all dates
}

// The copies of a local folder are hard links.
func TestLocalCopies(t *testing.T) {
	bucket, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	job{date: day(0), bits: 1, wide: true, list: "a"}.must(t, bucket)
	a := job{date: day(0), bits: 2}.must(t, bucket)
	if inOrder(t, bucket)[day(0)] != a.Run {
		t.Error("another run stands")
	}
	if _, err := New(bucket, true).SweepAll(t.Context(), time.Now().Add(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	inOrder(t, bucket)
	if status, err := New(bucket, true).Status(t.Context()); err != nil || len(status[0].Others) > 0 {
		t.Errorf("%+v, %v", status, err)
	}
}
