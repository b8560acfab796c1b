package catalog

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"strata/pipeline/objects"
)

// A Holder is a run of a date whose files may hold users who are to be forgotten.
type Holder struct {
	*Manifest
	State State // empty: the run stands for the date
}

// Stays tells whether the run is made again without the users. Any other is of no more use to anybody, and goes.
func (h *Holder) Stays() bool { return h.State == "" || h.State == Kept || h.State == Waits }

// Holders are the runs of a date that have a manifest: the one that stands first. It also returns what stands, and the names of
// runs without a manifest, which may be under way.
func (c *Catalog) Holders(ctx context.Context, date Date) (current *Current, holders []Holder, unfinished []Other, err error) {
	if current, err = c.Current(ctx, date); err != nil {
		return nil, nil, nil, err
	}
	s, err := c.status(ctx, date)
	if err != nil {
		return nil, nil, nil, err
	}
	if current != nil && s.Run != current.Run {
		return nil, nil, nil, fmt.Errorf("look at %s: %w", date, ErrLostRace)
	}
	if current != nil {
		if s.Manifest == nil {
			return nil, nil, nil, fmt.Errorf("%s: %s; make it again with strata run --force --date %s", date, strings.Join(s.Damage, "; "), date)
		}
		holders = append(holders, Holder{Manifest: s.Manifest})
	}
	for _, other := range s.Others {
		m, err := c.Load(ctx, RunRef{date, other.Run})
		switch {
		case isDamage(err):
			unfinished = append(unfinished, other)
		case err != nil:
			return nil, nil, nil, err
		default:
			holders = append(holders, Holder{m, other.State})
		}
	}
	return current, holders, unfinished, nil
}

// Take makes a data file of another run of the date one of the attempt's own, by a copy within the store, and its entry that of
// the copy.
func (a *Attempt) Take(ctx context.Context, table string, file *File) error {
	return a.adopt(ctx, a.dataKey(table, file.Partition), file)
}

// TakeEvents is Take for a file of a change list.
func (a *Attempt) TakeEvents(ctx context.Context, file *File) error {
	return a.adopt(ctx, a.eventsKey(file.Partition), file)
}

// EraseIn makes the attempt stand in the place of the run that stands: the same run to other dates, whose files it holds without
// some users. Replaced runs that are kept and were made again so go by their new names, which renamed has.
func (a *Attempt) EraseIn(ctx context.Context, m *Manifest, renamed map[string]string) error {
	if err := a.putChanges(ctx, m); err != nil { // for who has taken what the run without them, the same run, has replaced
		return err
	}
	m.Run, m.Date, m.Status, m.Replaces, m.Erases = a.Run, a.Date, Committed, a.Replaces.Run, a.Replaces.origin()
	if err := a.verify(ctx, m); err != nil {
		return fmt.Errorf("verify the run of %s: %w", a.Date, err)
	}
	if err := a.putManifest(ctx, m); err != nil {
		return err
	}
	next := Current{Run: a.Run, Replaces: a.Replaces.Run, Erases: a.Replaces.origin(), Kept: slices.Clone(a.Replaces.Kept)}
	for i, kept := range next.Kept {
		if name, ok := renamed[kept]; ok {
			next.Kept[i] = name
		}
	}
	return a.stand(ctx, next)
}

// EraseBeside keeps the attempt as what a run in some state, which does not stand, is without some users. One in quarantine waits
// to take the place of a run that is about to stand.
func (a *Attempt) EraseBeside(ctx context.Context, m *Manifest, state State, stands string) error {
	if state == Kept {
		if err := a.putChanges(ctx, m); err != nil {
			return err
		}
	}
	m.Run, m.Erases = a.Run, m.Origin().Run
	if state == Waits {
		m.Replaces = stands
	}
	if err := a.verify(ctx, m); err != nil {
		return fmt.Errorf("verify the run of %s: %w", a.Date, err)
	}
	return a.putManifest(ctx, m)
}

// RemoveRun removes what a run wrote that does not stand. The manifest goes last but for the marks, so that whoever is stopped
// on the way finds it again.
func (c *Catalog) RemoveRun(ctx context.Context, ref RunRef) error {
	var files []string
	for info, err := range objects.All(ctx, c.bucket, runFolder(ref.Date, ref.Run)) {
		if err != nil {
			return err
		}
		if isOwn(ref.Date, ref.Run, info.Key) && info.Key != manifestKey(ref) {
			files = append(files, info.Key)
		}
	}
	for _, keys := range [][]string{files, {manifestKey(ref)}, marksOf(ref)} {
		if err := c.deleteAll(ctx, keys); err != nil {
			return err
		}
	}
	return nil
}

// SweepLost removes a run that was never finished, if it can no longer be under way.
func (c *Catalog) SweepLost(ctx context.Context, ref RunRef) (gone bool, err error) {
	now, err := c.storeTime(ctx)
	if err != nil {
		return false, err
	}
	removed, err := c.sweepRun(ctx, ref, now)
	return removed > 0, err
}

// DropLists removes lists that no run names any more, if they hold something that must go. It returns how many that were.
func (c *Catalog) DropLists(ctx context.Context, holds func(data []byte) bool) (dropped int, err error) {
	all, err := c.Status(ctx)
	if err != nil {
		return 0, err
	}
	named := listsNamed(all, nil)
	for _, prefix := range []string{listsPrefix, asidePrefix} {
		n, err := c.dropListsIn(ctx, prefix, named, holds)
		if dropped += n; err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}

// dropListsIn is DropLists for one folder.
func (c *Catalog) dropListsIn(ctx context.Context, prefix string, named map[string]bool, holds func(data []byte) bool) (dropped int, err error) {
	for info, err := range objects.All(ctx, c.bucket, prefix) {
		if err != nil {
			return dropped, err
		}
		if named[path.Base(info.Key)] {
			continue
		}
		data, err := c.readOnce(ctx, info.Key)
		if err == nil && holds(data) {
			dropped++
			err = c.bucket.Delete(ctx, info.Key, "")
		}
		if ignoreMissing(err) != nil {
			return dropped, err
		}
	}
	return dropped, nil
}
