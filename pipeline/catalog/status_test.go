package catalog

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"strata/pipeline/objects"
)

func staleness(t *testing.T, m *memory) (out []string) {
	t.Helper()
	status, err := New(m, true).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range status {
		if s.Stale != "" {
			out = append(out, s.Date.String()+": "+s.Stale)
		}
	}
	return out
}

func TestStale(t *testing.T) {
	m := newMemory()
	first := job{date: day(1)}.must(t, m)
	job{date: day(2)}.must(t, m)
	job{date: day(4)}.must(t, m)
	if got := staleness(t, m); len(got) > 0 {
		t.Fatal(got)
	}
	again := job{date: day(1)}.must(t, m)
	job{date: day(3)}.must(t, m)
	job{date: day(0)}.must(t, m)
	want := []string{
		day(1).String() + ": it was the first run, and there is one of " + day(0).String() + " now",
		day(2).String() + ": " + day(1).String() + " was run again: it was compared with run " + first.Run + ", and " + again.Run + " stands now",
		day(4).String() + ": it was compared with the run of " + day(2).String() + ", and " + day(3).String() + " has come in between",
	}
	if got := staleness(t, m); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	chain, err := New(m, true).Chain(t.Context())
	if err != nil || len(chain.Dates) != 5 || chain.Stale(Date{}) != 1 || chain.Stale(day(1)) != 2 || chain.Stale(day(4)) != -1 {
		t.Errorf("%+v, %v", chain, err)
	}
	job{date: day(1)}.must(t, m)
	job{date: day(2)}.must(t, m)
	job{date: day(3)}.must(t, m)
	job{date: day(4)}.must(t, m)
	if got := staleness(t, m); len(got) > 0 {
		t.Error("refreshed in order, and still stale:", got)
	}
}

func TestStatusOfOthers(t *testing.T) {
	m, j := world(t)
	old := inOrder(t, m)[day(1)]
	middle := j.must(t, m)
	c := New(m, true)
	dead, err := c.Begin(t.Context(), day(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dead.Put(t.Context(), "transitions", 0, []byte("12345"), 1); err != nil {
		t.Fatal(err)
	}
	now := j.must(t, m)
	status, err := c.Status(t.Context())
	if err != nil || len(status) != 2 || status[1].Manifest.Run != now.Run || status[1].Committed.IsZero() {
		t.Fatalf("%+v, %v", status, err)
	}
	states := map[string]State{}
	for _, o := range status[1].Others {
		states[o.Run] = o.State
		if o.Run == dead.Run && (o.Objects != 2 || o.Size < 5 || o.Last.IsZero()) {
			t.Errorf("%+v", o)
		}
	}
	if len(states) != 3 || states[old] != Replaced || states[middle.Run] != Replaced || states[dead.Run] != Unfinished {
		t.Errorf("%v", states)
	}
}

func TestDatesAndPrevious(t *testing.T) {
	m := newMemory()
	c := New(m, true)
	if dates, err := c.Dates(t.Context()); err != nil || len(dates) > 0 {
		t.Fatal(dates, err)
	}
	if latest, err := c.Latest(t.Context()); err != nil || latest != nil {
		t.Fatal(latest, err)
	}
	first := job{date: day(0)}.must(t, m)
	third := job{date: day(5)}.must(t, m)
	if _, err := c.Begin(t.Context(), day(3), nil); err != nil { // is never committed
		t.Fatal(err)
	}
	if dates, err := c.Dates(t.Context()); err != nil || !slices.Equal(dates, []Date{day(0), day(5)}) {
		t.Error(dates, err)
	}
	for date, want := range map[Date]*RunRef{day(0): nil, day(1): ref(first), day(5): ref(first), day(6): ref(third)} {
		if got, err := c.PreviousRef(t.Context(), date); err != nil || !sameRun(got, want) {
			t.Errorf("before %s: %s, %v; want %s", date, got, err, want)
		}
	}
	if m, err := c.Previous(t.Context(), day(4)); err != nil || m.Run != first.Run {
		t.Error(m, err)
	}
	if latest, err := c.Latest(t.Context()); err != nil || latest.Run != third.Run {
		t.Error(latest, err)
	}
}

func ref(a *Attempt) *RunRef { r := a.ref(); return &r }

// latest.json is a hint: whatever became of it, the next command mends it.
func TestLatestIsMended(t *testing.T) {
	for name, damage := range map[string]func(m *memory){
		"gone":      func(m *memory) { delete(m.objects, latestKey) },
		"garbage":   func(m *memory) { m.put(latestKey, []byte("{")) },
		"empty":     func(m *memory) { m.put(latestKey, nil) },
		"other run": func(m *memory) { m.put(latestKey, []byte(`{"date": "`+day(1).String()+`", "run": "x"}`)) },
		"no run":    func(m *memory) { m.put(latestKey, []byte(`{"date": "2031-01-01", "run": "x"}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := world(t)
			m.mu.Lock()
			damage(m)
			m.mu.Unlock()
			if err := New(m, true).Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			inOrder(t, m)
		})
	}
}

// An older date does not move latest.json.
func TestLatestNeverGoesBack(t *testing.T) {
	m, _ := world(t)
	m.written = func(key string) {
		if key == latestKey {
			t.Error("latest.json was written")
		}
	}
	job{date: day(-3)}.must(t, m)
	m.written = nil
	inOrder(t, m)
}

// counting counts requests.
type counting struct {
	objects.Bucket
	lists int
}

func (c *counting) List(ctx context.Context, opts objects.ListOptions) (objects.Page, error) {
	c.lists++
	return c.Bucket.List(ctx, opts)
}

func TestSettleIsCheap(t *testing.T) {
	m := newMemory()
	for n := range 20 {
		job{date: day(n)}.must(t, m)
	}
	counted := &counting{Bucket: m}
	if err := New(counted, true).Settle(t.Context()); err != nil || counted.lists != 1 {
		t.Errorf("%d listings, %v; want 1", counted.lists, err)
	}
}

// A run that stands and has lost files is told of, and does not keep the date from being run again.
func TestDamagedRun(t *testing.T) {
	for want, damage := range map[string]func(m *memory, a *Attempt){
		"is missing":     func(m *memory, a *Attempt) { delete(m.objects, a.folder()+"data/membership/00000.parquet") },
		"3 bytes":        func(m *memory, a *Attempt) { m.put(a.folder()+"data/membership/00000.parquet", []byte("cut")) },
		"no such object": func(m *memory, a *Attempt) { delete(m.objects, manifestKey(a.ref())) },
		"is damaged":     func(m *memory, a *Attempt) { m.put(manifestKey(a.ref()), []byte("{")) },
	} {
		m, j := world(t)
		c := New(m, true)
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
		damage(m, a)
		if err := c.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		status, err := c.Status(t.Context())
		if err != nil || status[1].Run != a.Run || len(status[1].Damage) != 1 || !strings.Contains(status[1].Damage[0], want) {
			t.Errorf("%v %v, want %q", err, status[1].Damage, want)
		}
		if _, err := c.SweepAll(t.Context(), m.pass(time.Hour)); err != nil {
			t.Error(err)
		}
		j.must(t, m)
		inOrder(t, m)
	}
}
