package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"strata/pipeline/objects"
)

// A DateStatus is what there is to say about one date of an output.
type DateStatus struct {
	Date      Date
	Run       string    // that stands; empty where none does
	Manifest  *Manifest // of the run that stands; nil where none does, or where it is damaged
	Committed time.Time // when it came to stand, by the store's clock
	Stale     string    // why the run should be made again; empty where it is in order
	Base      bool      // all before this date was removed: it cannot be run again
	Doomed    bool      // it is before the base: strata gc was stopped, and removes what is left
	Others    []Other   // runs of the date that do not stand, oldest first
	Damage    []string  // what the run that stands has lost, in sentences; it must be made again with --force
	Strays    []string  // addresses of objects among the runs that no run accounts for; readers ignore them

	strays []objects.Info
}

// An Other is a run that does not stand for its date.
type Other struct {
	Run     string
	State   State
	Objects int
	Size    int64     // bytes
	Last    time.Time // when it last wrote, by the store's clock

	lists []List // that its manifest names, where it has one
}

// A State is what is known about a run that does not stand.
type State string

// The states.
const (
	Replaced   State = "replaced"             // it stood; a sweep removes it
	Kept       State = "kept"                 // it stood, and its files are to stay
	Waits      State = "waiting for --accept" // a guard stopped it
	Accepted   State = "accepted"             // a guard stopped it, and the run that stands has its files; a sweep removes it
	Stopped    State = "guarded"              // a guard stopped it, and it cannot be accepted any more; a sweep removes it
	Unfinished State = "under way or lost"    // it never stood; a sweep removes it if it is lost
)

// Status tells about all dates that have a run, in order.
func (c *Catalog) Status(ctx context.Context) ([]DateStatus, error) {
	all, base, err := c.eachDate(ctx, c.status)
	if err != nil {
		return nil, err
	}
	markStale(all, base)
	return all, nil
}

// status reads the folder of a date: one listing, current.json, and the manifests.
func (c *Catalog) status(ctx context.Context, date Date) (DateStatus, error) {
	s, current, err := c.stands(ctx, date)
	if err != nil {
		return s, err
	}
	if err := c.account(ctx, &s, current); err != nil {
		return s, err
	}
	return s, c.nameStates(ctx, &s, current)
}

// account assigns each object of a date's folder to the run that stands, to another run, or to the strays.
func (c *Catalog) account(ctx context.Context, s *DateStatus, current *Current) error {
	named := s.Manifest.sizes()
	for info, err := range objects.All(ctx, c.bucket, dateFolder(s.Date)) {
		if err != nil {
			return err
		}
		run := runOf(s.Date, info.Key)
		own := ownName.MatchString(strings.TrimPrefix(info.Key, runFolder(s.Date, run)))
		size, ok := named[info.Key]
		if delete(named, info.Key); ok && size != info.Size {
			s.Damage = append(s.Damage, fmt.Sprintf("%s has %d bytes, %d were written", c.bucket.URL(info.Key), info.Size, size))
		}
		switch {
		case ok, info.Key == currentKey(s.Date), own && current.stands(run) && !strings.Contains(info.Key, "/data/"):
		case own && runName.MatchString(run) && !current.stands(run):
			s.other(run).add(info)
		default:
			s.strays = append(s.strays, info)
			s.Strays = append(s.Strays, c.bucket.URL(info.Key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(named)) {
		s.Damage = append(s.Damage, c.bucket.URL(key)+" is missing")
	}
	return nil
}

// sizes are the keys of all data files with their bytes. Of no manifest there are none.
func (m *Manifest) sizes() map[string]int64 {
	sizes := map[string]int64{}
	if m == nil {
		return sizes
	}
	for _, f := range m.files() {
		sizes[f.Key] = f.Size
	}
	return sizes
}

// runOf is the folder right below a date's that a key is in.
func runOf(date Date, key string) string {
	run, _, _ := strings.Cut(strings.TrimPrefix(key, dateFolder(date)), "/")
	return run
}

// other is the entry of a run, made when it is first met.
func (s *DateStatus) other(run string) *Other {
	if n := len(s.Others); n == 0 || s.Others[n-1].Run != run {
		s.Others = append(s.Others, Other{Run: run, State: Unfinished})
	}
	return &s.Others[len(s.Others)-1]
}

func (o *Other) add(info objects.Info) {
	o.Objects++
	o.Size += info.Size
	if info.Modified.After(o.Last) {
		o.Last = info.Modified
	}
}

// nameStates tells the runs that stood once, which are those that the one that stands replaced, one after the other, from
// those that did not.
func (c *Catalog) nameStates(ctx context.Context, s *DateStatus, current *Current) error {
	replaces := map[string]string{}
	for i := range s.Others {
		m, err := c.Load(ctx, RunRef{s.Date, s.Others[i].Run})
		switch {
		case isDamage(err):
			continue
		case err != nil:
			return err
		case m.Status == Guarded:
			s.Others[i].State = Stopped
		}
		replaces[s.Others[i].Run], s.Others[i].lists = m.Replaces, m.Lists
	}
	if err := c.nameWaiting(ctx, s, current); err != nil {
		return err
	}
	if current == nil {
		return nil
	}
	stood := map[string]bool{}
	for next := current.Replaces; next != "" && !stood[next]; next = replaces[next] {
		stood[next] = true
	}
	for i, o := range s.Others {
		switch {
		case current.keeps(o.Run):
			s.Others[i].State = Kept
		case stood[o.Run]:
			s.Others[i].State = Replaced
		}
	}
	return nil
}

// nameWaiting finds, among the runs that a guard stopped, the one that may be accepted, and the one that was.
func (c *Catalog) nameWaiting(ctx context.Context, s *DateStatus, current *Current) error {
	if !slices.ContainsFunc(s.Others, func(o Other) bool { return o.State == Stopped }) {
		return nil
	}
	waiting, err := c.Waiting(ctx, s.Date, current)
	for i := range s.Others {
		switch o := &s.Others[i]; {
		case waiting != nil && o.Run == waiting.Run:
			o.State = Waits
		case s.Manifest != nil && o.Run == s.Manifest.Accepts:
			o.State = Accepted
		}
	}
	return err
}

// markStale compares what each run was compared with to what stands before it now. The base is in order without those.
func markStale(all []DateStatus, base Date) {
	var before *RunRef
	for i := range all {
		s := &all[i]
		s.Base, s.Doomed = s.Date == base, s.Date.Before(base)
		if s.Doomed {
			continue
		}
		if s.Manifest != nil && !s.Base {
			s.Stale = whyStale(s.Manifest.Previous, before)
		}
		if s.Run != "" {
			before = s.origin()
		}
	}
}

// origin names the run that stands as other dates do.
func (s *DateStatus) origin() *RunRef {
	ref := RunRef{Date: s.Date, Run: s.Run}
	if s.Manifest != nil {
		ref = s.Manifest.Origin()
	}
	return &ref
}

// whyStale says why a run should be made again, given the run it was compared with and the one that stands before it now.
func whyStale(was, now *RunRef) string {
	cause := staleCause(was, now)
	if cause != "" && was != nil && now != nil && was.Date == now.Date {
		return fmt.Sprintf("%s: it was compared with run %s, and %s stands now", cause, was.Run, now.Run)
	}
	return cause
}

// staleCause is whyStale without the names of runs.
func staleCause(was, now *RunRef) string {
	switch {
	case sameRun(was, now):
		return ""
	case was == nil:
		return fmt.Sprintf("it was the first run, and there is one of %s now", now.Date)
	case now == nil:
		return fmt.Sprintf("it was compared with the run of %s, which is gone", was.Date)
	case was.Date == now.Date:
		return fmt.Sprintf("%s was run again", was.Date)
	case was.Date.Before(now.Date):
		return fmt.Sprintf("it was compared with the run of %s, and %s has come in between", was.Date, now.Date)
	}
	return fmt.Sprintf("it was compared with the run of %s, which is gone; the one before it is that of %s", was.Date, now.Date)
}
