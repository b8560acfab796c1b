package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strata/pipeline/objects"
)

// oldWorld is an output of five dates, one of them run twice, each with a list of its own.
func oldWorld(t *testing.T) *memory {
	m := newMemory()
	for n := range 5 {
		job{date: day(n), bits: 1, wide: n == 1, list: fmt.Sprint(n)}.must(t, m)
		m.pass(24 * time.Hour)
	}
	job{date: day(4), bits: 1, list: "again"}.must(t, m)
	m.pass(25 * time.Hour)
	return m
}

// gc keeps two days, so day(2) is the window's first and day(1) the base.
func gc(t *testing.T, bucket objects.Bucket) (*Collection, error) {
	t.Helper()
	c := New(bucket, true)
	found, err := c.CollectNow(t.Context(), 2)
	if err != nil {
		return nil, err
	}
	return found, c.Remove(t.Context(), found)
}

func collected(t *testing.T, m *memory) {
	t.Helper()
	stands := inOrder(t, m)
	if _, ok := stands[day(0)]; ok || len(stands) != 4 {
		t.Errorf("%v stand", stands)
	}
	for _, prefix := range []string{dateFolder(day(0)), hiveFolder("membership", day(0)), hiveFolder("transitions", day(0)), pendingPrefix} {
		if left := m.keys(prefix); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	if lists := m.keys(listsPrefix); len(lists) != 4 {
		t.Errorf("lists: %v", lists)
	}
	all, err := New(m, true).Status(t.Context())
	if err != nil || !all[0].Base || slices.ContainsFunc(all, func(s DateStatus) bool { return s.Stale != "" || len(s.Others) > 0 }) {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestCollect(t *testing.T) {
	m := oldWorld(t)
	before := m.keys("")
	found, err := New(m, true).Collect(t.Context(), 2, m.pass(time.Second))
	if err != nil || found.Base != day(1) || len(found.Removals) != 3 || !slices.Equal(before, m.keys("")) {
		t.Fatalf("%+v, %v", found, err)
	}
	if _, err := gc(t, m); err != nil {
		t.Fatal(err)
	}
	collected(t, m)
	if found, err := gc(t, m); err != nil || len(found.Removals) > 0 {
		t.Errorf("again: %+v, %v", found, err)
	}
	var refused *BaseError
	for n := range 2 {
		if _, err := (job{date: day(n)}).run(t.Context(), m); !errors.As(err, &refused) {
			t.Errorf("run of %s: %v", day(n), err)
		}
	}
	job{date: day(2), bits: 1, list: "2"}.must(t, m)
}

func TestCollectKilledAtEveryWrite(t *testing.T) {
	m := oldWorld(t)
	whole := &faulty{Bucket: m}
	if _, err := gc(t, whole); err != nil {
		t.Fatal(err)
	}
	for n := range 2 * whole.writes {
		m := oldWorld(t)
		watch := watchOver(t, m, day(0), day(1), day(2), day(3), day(4))
		watch.look("nothing")
		f := &faulty{Bucket: m, fault: fault{at: n/2 + 1, done: n%2 == 1, dies: true}}
		if _, err := gc(t, f); err == nil {
			t.Fatalf("write %d: the fault was not met", n/2+1)
		}
		m.pass(25 * time.Hour)
		if _, err := gc(t, m); err != nil {
			t.Fatal(err)
		}
		collected(t, m)
		if t.Failed() {
			t.Fatalf("killed at write %d (%s), done %v", n/2+1, f.keys[n/2], n%2 == 1)
		}
	}
}

// A meddler lets something happen right before one of the writes.
type meddler struct {
	objects.Bucket
	left   int
	meddle func()
}

func (b *meddler) count() {
	if b.left--; b.left == 0 {
		b.meddle()
	}
}

func (b *meddler) Create(ctx context.Context, key string, body []byte) (objects.Info, error) {
	b.count()
	return b.Bucket.Create(ctx, key, body)
}

func (b *meddler) Replace(ctx context.Context, key, version string, body []byte) (objects.Info, error) {
	b.count()
	return b.Bucket.Replace(ctx, key, version, body)
}

func (b *meddler) Delete(ctx context.Context, key, version string) error {
	if strings.HasPrefix(key, listsPrefix) { // the only deletes that must not meet a run
		b.count()
	}
	return b.Bucket.Delete(ctx, key, version)
}

// A collection that comes before any write of a run, and a run that comes before any write of a collection, end in an output
// that is in order. Of a run behind the base nothing stands after the next collection.
func TestCollectBesideARun(t *testing.T) {
	for _, date := range []int{0, 1, 2, 4, 5} {
		for _, gcInside := range []bool{true, false} {
			for n := 1; n < 100; n++ {
				m := oldWorld(t)
				collection := func(b objects.Bucket) { _, _ = gc(t, b) }
				night := func(b objects.Bucket) {
					_, err := job{date: day(date), bits: 1, list: "0"}.run(context.Background(), b)
					var refused *BaseError
					if err != nil && !errors.As(err, &refused) && !errors.Is(err, ErrLostRace) {
						t.Errorf("day %d, write %d, gc inside: %v: %v", date, n, gcInside, err)
					}
				}
				b := &meddler{Bucket: m, left: n}
				if gcInside {
					b.meddle = func() { collection(m) }
					night(b)
				} else {
					b.meddle = func() { night(m) }
					collection(b)
				}
				if b.left > 0 {
					break
				}
				inOrder(t, m)
				m.pass(25 * time.Hour)
				collection(m)
				if _, ok := inOrder(t, m)[day(0)]; ok {
					t.Errorf("day 0 stands")
				}
			}
		}
	}
}

// A dying bucket lets a run happen right before the first list is deleted, and is dead from then on.
type dying struct {
	objects.Bucket
	meddle func()
	dead   bool
}

func (b *dying) Delete(ctx context.Context, key, version string) error {
	if b.dead {
		return errors.New("the process is dead")
	}
	if b.dead = strings.HasPrefix(key, listsPrefix); b.dead {
		b.meddle()
	}
	return b.Bucket.Delete(ctx, key, version)
}

// A list that a run takes up while a collection is about to delete it, which then dies, is not lost: it lies aside, and the next
// collection puts it back.
func TestCollectDiesWithAListThatARunTakesUp(t *testing.T) {
	m := oldWorld(t)
	night := func() { job{date: day(5), bits: 1, list: "4"}.must(t, m) }
	if _, err := gc(t, &dying{Bucket: m, meddle: night}); err == nil {
		t.Fatal("the collection did not die")
	}
	taken := New(m, true).Standing(t.Context(), []Date{day(5)})[0].Lists[0]
	read := func(when string) {
		t.Helper()
		if data, err := New(m, true).List(t.Context(), taken.SHA256); err != nil || len(data) == 0 {
			t.Errorf("%s: %q, %v", when, data, err)
		}
	}
	if keys := m.keys(listsPrefix); slices.Contains(keys, listsPrefix+taken.SHA256) {
		t.Fatalf("the list was not deleted: %v", keys)
	}
	read("after the death")
	m.pass(48 * time.Hour)
	if _, err := gc(t, m); err != nil {
		t.Fatal(err)
	}
	read("after the next collection")
	if aside := m.keys(asidePrefix); slices.Contains(aside, asidePrefix+taken.SHA256) || !slices.Contains(m.keys(listsPrefix), listsPrefix+taken.SHA256) {
		t.Errorf("it was not put back: %v", aside)
	}
}

// What was put aside goes when it has lain there for a day, and nobody names it.
func TestCollectWhatWasPutAside(t *testing.T) {
	m := oldWorld(t)
	if _, err := gc(t, m); err != nil {
		t.Fatal(err)
	}
	if aside := m.keys(asidePrefix); len(aside) != 2 {
		t.Fatalf("aside: %v", aside)
	}
	m.pass(25 * time.Hour)
	found, err := gc(t, m)
	if err != nil || len(found.Removals) != 1 || len(m.keys(asidePrefix)) > 0 {
		t.Errorf("%+v, %v; aside: %v", found, err, m.keys(asidePrefix))
	}
}

// What a guard stopped of the date that becomes the base can never be accepted: the same collection removes it.
func TestCollectWhatWaitsAtTheBase(t *testing.T) {
	m := newMemory()
	for n := range 5 {
		job{date: day(n), bits: 1, list: fmt.Sprint(n)}.must(t, m)
	}
	job{date: day(1), bits: 1, list: "waits"}.stopped(t, m)
	m.pass(25 * time.Hour)
	run := waiting(t, m)
	if run == "" || len(ownKeys(m, run)) == 0 {
		t.Fatal("nothing waits")
	}
	found, err := gc(t, m)
	if err != nil || found.Base != day(1) || slices.ContainsFunc(found.Notes, func(note string) bool { return strings.Contains(note, run) }) {
		t.Errorf("%+v, %v", found, err)
	}
	if left := ownKeys(m, run); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	collected(t, m)
}

// Where a collection left such a run, as it was young or the collection older than this rule, the run is known to be lost.
func TestNothingWaitsAtTheBase(t *testing.T) {
	m := newMemory()
	for n := range 5 {
		job{date: day(n), bits: 1, list: fmt.Sprint(n)}.must(t, m)
		m.pass(25 * time.Hour)
	}
	job{date: day(1), bits: 1}.stopped(t, m)
	run := waiting(t, m)
	if _, err := gc(t, m); err != nil || len(ownKeys(m, run)) == 0 {
		t.Fatalf("a run that may be looked at is removed at once, %v", err)
	}
	all, err := New(m, true).Status(t.Context())
	if err != nil || !all[0].Base || len(all[0].Others) != 1 || all[0].Others[0].State != Stopped || waiting(t, m) != "" {
		t.Errorf("%+v, %v", all, err)
	}
	m.pass(25 * time.Hour)
	if swept, err := New(m, true).Sweep(t.Context(), m.pass(0)); err != nil || len(swept) != 1 || len(ownKeys(m, run)) > 0 {
		t.Errorf("swept %v, %v", swept, err)
	}
}
