package catalog

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"strata/pipeline/objects"
)

// A Collection is what strata gc removes. It holds the dates behind the base, runs that do not stand, strays, and lists that no
// manifest names any more. There are no open uploads to look for: every driver stores an object with one request.
type Collection struct {
	Newest   Date // committed; zero: there is nothing
	First    Date // of the window that is kept
	Base     Date // all before it goes; zero: nothing does
	Removals []Removal
	Notes    []string // what stays that one would expect to go, in sentences

	now time.Time
}

// A Removal is what goes together, for one reason.
type Removal struct {
	Date    Date // zero: of no date
	Runs    []string
	Why     string
	Objects int
	Size    int64 // bytes

	keys []string
}

func (r *Removal) add(infos ...objects.Info) {
	for _, info := range infos {
		r.Objects++
		r.Size += info.Size
		r.keys = append(r.keys, info.Key)
	}
}

// Collect finds what is older than some days before the newest committed date, and what else is not needed. It changes
// nothing. Ages are by the store's clock: now is the modification time of an object that was just written.
func (c *Catalog) Collect(ctx context.Context, keepDays int, now time.Time) (*Collection, error) {
	all, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	found := &Collection{now: now}
	if found.Base, err = c.Base(ctx); err != nil {
		return nil, err
	}
	found.chooseBase(all, keepDays)
	for i := range all {
		if err := c.collectDate(ctx, found, &all[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", all[i].Date, err)
		}
	}
	return found, c.collectLists(ctx, found, all)
}

// chooseBase takes the newest committed date before the window whose run is whole, if anything committed is older still.
func (f *Collection) chooseBase(all []DateStatus, keepDays int) {
	for _, s := range all {
		if s.Run != "" {
			f.Newest = s.Date
		}
	}
	f.First = f.Newest.Add(-keepDays)
	var oldest Date
	for _, s := range all {
		if s.Run == "" || !s.Date.Before(f.First) || s.Doomed {
			continue
		}
		switch {
		case oldest.IsZero():
			oldest = s.Date
		case len(s.Damage) == 0 && f.Base.Before(s.Date):
			f.Base = s.Date
		}
	}
	for _, s := range all {
		if len(s.Damage) > 0 && s.Date.Before(f.First) && !f.Base.IsZero() && f.Base.Before(s.Date) {
			f.Notes = append(f.Notes, fmt.Sprintf("the run of %s is damaged, so it stays, and the base is before it; make it again", s.Date))
		}
		if s.Stale != "" && !f.Base.Before(s.Date) {
			f.Notes = append(f.Notes, fmt.Sprintf("%s is stale and can no longer be made again: %s", s.Date, s.Stale))
		}
	}
}

func (c *Catalog) collectDate(ctx context.Context, found *Collection, s *DateStatus) error {
	if s.Date.Before(found.Base) {
		return c.collectOld(ctx, found, s)
	}
	for _, other := range s.Others {
		if other.State == Waits && s.Date == found.Base {
			other.State = Stopped // the base is not run any more
		}
		if other.State == Waits {
			found.Notes = append(found.Notes, fmt.Sprintf("run %s of %s waits for --accept; it stays", other.Run, s.Date))
		}
		doomed, _, err := c.sweepable(ctx, RunRef{s.Date, other.Run}, found.Base, found.now)
		if err != nil {
			return err
		}
		if len(doomed) > 0 {
			r := Removal{Date: s.Date, Runs: []string{other.Run}, Why: whyNotStanding[other.State]}
			r.add(doomed...)
			found.Removals = append(found.Removals, r)
		}
	}
	if strays := s.sweepableStrays(found.now); len(strays) > 0 {
		r := Removal{Date: s.Date, Why: "strays: no manifest names them"}
		r.add(strays...)
		found.Removals = append(found.Removals, r)
	}
	return nil
}

// whyNotStanding says why a run goes, by its state.
var whyNotStanding = map[State]string{
	Replaced: "the run was replaced", Stopped: "a guard stopped the run", Accepted: "the run was accepted",
	Unfinished: "the run was never finished",
}

// collectOld finds all that strata wrote for a date, but for runs that may be under way.
func (c *Catalog) collectOld(ctx context.Context, found *Collection, s *DateStatus) error {
	r := Removal{Date: s.Date, Why: "before the base"}
	busy := map[string]bool{}
	for _, other := range s.Others {
		busy[other.Run] = other.State == Unfinished && found.now.Sub(other.Last) < SweepAfter
		if busy[other.Run] {
			found.Notes = append(found.Notes, fmt.Sprintf("run %s of %s may be under way; it stays", other.Run, s.Date))
		} else {
			r.Runs = append(r.Runs, other.Run)
		}
	}
	if s.Run != "" {
		r.Runs = append(r.Runs, s.Run)
	}
	copies, err := c.listHive(ctx, s.Date)
	if err != nil {
		return err
	}
	r.add(copies...)
	for info, err := range objects.All(ctx, c.bucket, dateFolder(s.Date)) {
		if err != nil {
			return err
		}
		run := runOf(s.Date, info.Key)
		if info.Key == currentKey(s.Date) || isOwn(s.Date, run, info.Key) && !busy[run] {
			r.add(info)
		}
	}
	if r.Objects > 0 {
		found.Removals = append(found.Removals, r)
	}
	return nil
}

// collectLists finds the lists that no manifest names which is left, and what was put aside of such lists long ago. While a run
// may be under way, which may be about to name one of them, all stay.
func (c *Catalog) collectLists(ctx context.Context, found *Collection, all []DateStatus) error {
	gone := map[string]bool{}
	for _, r := range found.Removals {
		for _, run := range r.Runs {
			gone[run] = true
		}
	}
	for _, s := range all {
		if s.Manifest == nil && s.Run != "" && !gone[s.Run] {
			found.Notes = append(found.Notes, fmt.Sprintf("the manifest of %s is damaged, so all lists stay", s.Date))
			return nil
		}
	}
	r, named := Removal{Why: "lists that no run uses any more"}, listsNamed(all, gone)
	for _, prefix := range []string{listsPrefix, asidePrefix} {
		for info, err := range objects.All(ctx, c.bucket, prefix) {
			if err != nil {
				return err
			}
			if !named[path.Base(info.Key)] && found.now.Sub(info.Modified) >= SweepAfter {
				r.add(info)
			}
		}
	}
	if r.Objects == 0 {
		return nil
	}
	busy, err := c.busy(ctx, found.now)
	if busy {
		found.Notes = append(found.Notes, "a run may be under way, so lists that no run uses any more stay for now")
		return err
	}
	found.Removals = append(found.Removals, r)
	return err
}

// listsNamed are the hashes of the lists that runs name, but for runs that are to go.
func listsNamed(all []DateStatus, gone map[string]bool) map[string]bool {
	named := map[string]bool{}
	for i := range all {
		for _, l := range all[i].lists(gone) {
			named[l.SHA256] = true
		}
	}
	return named
}

// lists are those that the runs of a date name, but for runs that are to go.
func (s *DateStatus) lists(gone map[string]bool) (lists []List) {
	if s.Manifest != nil && !gone[s.Run] {
		lists = s.Manifest.Lists
	}
	for _, o := range s.Others {
		if !gone[o.Run] {
			lists = append(slices.Clip(lists), o.lists...)
		}
	}
	return lists
}

// busy tells whether a run has begun within SweepAfter and is not settled.
func (c *Catalog) busy(ctx context.Context, now time.Time) (bool, error) {
	marks, err := c.pending(ctx)
	return slices.ContainsFunc(marks, func(m mark) bool {
		return m.key == pendingKey(m.RunRef) && now.Sub(m.modified) < SweepAfter
	}), err
}

// CollectNow is Collect by the store's clock, for Remove: it settles what earlier runs left first.
func (c *Catalog) CollectNow(ctx context.Context, keepDays int) (*Collection, error) {
	if err := c.Settle(ctx); err != nil {
		return nil, err
	}
	if err := c.restoreLists(ctx); err != nil {
		return nil, fmt.Errorf("put lists back that a run has taken up: %w", err)
	}
	now, err := c.storeTime(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the store's time: %w", err)
	}
	return c.Collect(ctx, keepDays, now)
}

// storeTime tells the store's time by an object that it writes, and removes with those that were left by a crash.
func (c *Catalog) storeTime(ctx context.Context) (time.Time, error) {
	probe, err := c.bucket.Create(ctx, probePrefix+newRun()+".json", []byte("{}\n"))
	if err != nil {
		return time.Time{}, err
	}
	doomed := []string{probe.Key}
	for info, err := range objects.All(ctx, c.bucket, probePrefix) {
		if err != nil {
			return time.Time{}, err
		}
		if probe.Modified.Sub(info.Modified) >= SweepAfter {
			doomed = append(doomed, info.Key)
		}
	}
	return probe.Modified, c.deleteAll(context.WithoutCancel(ctx), doomed)
}

const probePrefix = pendingPrefix + "clock_"

// Remove removes what Collect has found. The base comes first: from then on nothing is compared with what goes. Of each date
// current.json goes first, so that no reader who follows it finds a part of a run; then the copies, the runs and their marks.
// Who is interrupted, or meets an error, calls Collect and Remove again.
func (c *Catalog) Remove(ctx context.Context, found *Collection) error {
	if !found.Base.IsZero() {
		if err := c.raiseBase(ctx, found.Base); err != nil {
			return err
		}
	}
	var faults []error
	for _, r := range found.Removals {
		if err := c.removeOne(ctx, found, r); err != nil {
			faults = append(faults, fmt.Errorf("remove %s: %w", r.Date, err))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	_, err := c.Sweep(ctx, found.now) // marks whose runs are gone
	return errors.Join(append(faults, err)...)
}

func (c *Catalog) removeOne(ctx context.Context, found *Collection, r Removal) error {
	switch {
	case r.Date.IsZero():
		return c.removeLists(ctx, r.keys)
	case r.Date.Before(found.Base):
		return c.removeOld(ctx, r)
	case len(r.Runs) == 0:
		return c.deleteAll(ctx, r.keys)
	}
	for _, run := range r.Runs {
		if _, err := c.sweepRun(ctx, RunRef{r.Date, run}, found.now); err != nil { // it looks again
			return err
		}
	}
	return nil
}

func (c *Catalog) removeOld(ctx context.Context, r Removal) error {
	if err := c.bucket.Delete(ctx, currentKey(r.Date), ""); err != nil {
		return err
	}
	if _, err := c.settleHive(ctx, r.Date); err != nil {
		return err
	}
	if err := c.deleteAll(ctx, r.keys); err != nil {
		return err
	}
	var marks []string
	for _, run := range r.Runs {
		marks = append(marks, marksOf(RunRef{r.Date, run})...)
	}
	return c.deleteAll(ctx, marks)
}

// removeLists removes lists. A run may take one up that was looked at before it began, so what a list holds is put aside first,
// and goes for good when it has lain there for SweepAfter and still no run names it. Until then List finds it there.
func (c *Catalog) removeLists(ctx context.Context, keys []string) error {
	faults := make([]error, len(keys))
	for i, key := range keys {
		if strings.HasPrefix(key, listsPrefix) {
			faults[i] = c.putAside(ctx, path.Base(key))
		}
		if faults[i] == nil {
			faults[i] = c.bucket.Delete(ctx, key, "")
		}
	}
	return errors.Join(faults...)
}

// asidePrefix is where lists lie that were removed and may yet be wanted.
const asidePrefix = "runs/lists_removed/"

func (c *Catalog) putAside(ctx context.Context, sha256 string) error {
	data, err := c.readOnce(ctx, listsPrefix+sha256)
	if err != nil {
		return ignoreMissing(err)
	}
	_, err = c.bucket.Create(ctx, asidePrefix+sha256, data) // no copy, which locally has the age of the list
	if errors.Is(err, objects.ErrExists) {
		return nil
	}
	return err
}

// restoreLists puts those lists back that were put aside and that a run names.
func (c *Catalog) restoreLists(ctx context.Context) error {
	var aside []string
	for info, err := range objects.All(ctx, c.bucket, asidePrefix) {
		if err != nil {
			return err
		}
		aside = append(aside, path.Base(info.Key))
	}
	if len(aside) == 0 {
		return nil
	}
	all, err := c.Status(ctx)
	if err != nil {
		return err
	}
	named := listsNamed(all, nil)
	for _, hash := range slices.DeleteFunc(aside, func(hash string) bool { return !named[hash] }) {
		data, err := c.readOnce(ctx, asidePrefix+hash)
		if err == nil {
			_, err = c.bucket.Create(ctx, listsPrefix+hash, data)
		}
		if ignoreMissing(err) != nil && !errors.Is(err, objects.ErrExists) {
			return err
		}
		if err := c.bucket.Delete(ctx, asidePrefix+hash, ""); err != nil {
			return err
		}
	}
	return nil
}
