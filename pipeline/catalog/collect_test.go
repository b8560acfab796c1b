package catalog

import (
	"errors"
	"fmt"
	"slices"
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
		if _, err := New(m, true).SweepAll(t.Context(), m.pass(25*time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, key := range m.keys(pendingPrefix + "clock_") { // a probe that was not taken back
			_ = m.Delete(t.Context(), key, "")
		}
		collected(t, m)
		if t.Failed() {
			t.Fatalf("killed at write %d (%s), done %v", n/2+1, f.keys[n/2], n%2 == 1)
		}
	}
}
