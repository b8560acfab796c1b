package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/objects"
)

// commitWait bounds the write of current.json, which an interrupt does not stop: its outcome would stay open.
const commitWait = 30 * time.Second

// Commit makes the run stand for its date: it checks that every file is there, writes the manifest, looks whether the previous
// run still is what it was, and puts current.json on the condition that it is what it was. ErrLostRace says that another
// run came first, ErrUnsure that the store gave no answer; after any error Abort clears up. Finish does what follows a
// commit. keepReplaced leaves the files of the replaced run where they are, for good.
func (a *Attempt) Commit(ctx context.Context, m *Manifest, keepReplaced bool) error {
	a.sign(m, Committed)
	if err := a.verify(ctx, m); err != nil {
		return fmt.Errorf("verify the run of %s: %w", a.Date, err)
	}
	if err := errors.Join(a.putManifest(ctx, m), a.putChanges(ctx, m)); err != nil {
		return err
	}
	previous, err := a.c.PreviousRef(ctx, a.Date)
	if err != nil {
		return err
	}
	if !sameRun(previous, a.Previous) {
		return fmt.Errorf("commit %s: it was compared with %s, and the run before it is now %s: %w; run again",
			a.Date, a.Previous, previous, ErrLostRace)
	}
	if err := a.c.CheckForgotten(ctx, m.Forgets); err != nil {
		return fmt.Errorf("commit %s: %w", a.Date, err)
	}
	return a.stand(ctx, a.next(keepReplaced))
}

// next is current.json as the commit of a run writes it.
func (a *Attempt) next(keepReplaced bool) Current {
	next := Current{Run: a.Run}
	if old := a.Replaces; old != nil {
		next.Replaces, next.Kept = old.Run, slices.Clone(old.Kept)
		if keepReplaced {
			next.Kept = append(next.Kept, old.Run)
		}
	}
	return next
}

// sign writes into a manifest what the attempt knows of itself.
func (a *Attempt) sign(m *Manifest, status Status) {
	m.Run, m.Date, m.Status, m.Replaces = a.Run, a.Date, status, a.Replaces.run()
}

// verify checks that the manifest names every partition of every table once and that the store holds the files in the
// size, and where it tells it, with the checksum, of what was handed over.
func (a *Attempt) verify(ctx context.Context, m *Manifest) error {
	if !sameRun(m.Previous, a.Previous) {
		return fmt.Errorf("the manifest names %s as the previous run, the attempt began with %s", m.Previous, a.Previous)
	}
	if err := m.whole(a.folder()); err != nil {
		return err
	}
	stored := map[string]objects.Info{}
	for info, err := range objects.All(ctx, a.c.bucket, a.folder()+"data/") {
		if err != nil {
			return err
		}
		stored[info.Key] = info
	}
	var faults []error
	for _, f := range m.files() {
		faults = append(faults, a.verifyFile(f, stored))
	}
	return errors.Join(append(faults, a.verifyLists(ctx, m))...)
}

func (a *Attempt) verifyFile(f File, stored map[string]objects.Info) error {
	info, ok := stored[f.Key]
	url := a.c.bucket.URL(f.Key)
	switch {
	case !ok:
		return fmt.Errorf("%s is missing; something else deletes files in the output", url)
	case info.Size != f.Size:
		return fmt.Errorf("%s has %d bytes in the store, %d were written", url, info.Size, f.Size)
	case info.CRC32C != "" && info.CRC32C != f.CRC32C:
		return fmt.Errorf("%s has checksum %s in the store, %s was written", url, info.CRC32C, f.CRC32C)
	}
	return nil
}

// verifyLists checks that the contents of all list files are kept.
func (a *Attempt) verifyLists(ctx context.Context, m *Manifest) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, list := range m.Lists {
		group.Go(func() error {
			_, err := a.c.bucket.Stat(ctx, listsPrefix+list.SHA256)
			if errors.Is(err, objects.ErrNotFound) { // strata gc has just put it aside
				_, err = a.c.bucket.Stat(ctx, asidePrefix+list.SHA256)
			}
			if err != nil {
				return fmt.Errorf("list %s: %w", list.Path, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// stand is the commit itself.
func (a *Attempt) stand(ctx context.Context, next Current) error {
	version := ""
	if a.Replaces != nil {
		version = a.Replaces.version
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWait)
	defer cancel()
	a.ending = unsure
	err := a.c.putJSON(ctx, currentKey(a.Date), version, next)
	if err == nil {
		a.ending = committed
		return nil
	}
	return a.learn(ctx, err)
}

// learn finds out what became of a commit that got no, or no good, answer: the write may have happened in spite of it, it
// may have happened and been replaced since, and as long as current.json is what it was, it may happen yet.
func (a *Attempt) learn(ctx context.Context, cause error) error {
	current, err := a.c.Current(ctx, a.Date)
	stood := false
	if err == nil {
		stood, err = a.c.stood(ctx, a.Date, current, a.Run)
	}
	switch {
	case err != nil:
		return fmt.Errorf("commit %s: %w (%w; %w)", a.Date, ErrUnsure, cause, err)
	case stood:
		a.ending = committed
		return nil
	case current.same(a.Replaces):
		return fmt.Errorf("commit %s: %w (%w)", a.Date, ErrUnsure, cause)
	}
	a.ending = open
	return fmt.Errorf("commit %s: %w; run again", a.Date, ErrLostRace)
}

// stood tells whether a run stands for its date or did so before it was replaced, by following what each run replaced.
func (c *Catalog) stood(ctx context.Context, date Date, current *Current, run string) (bool, error) {
	if current == nil {
		return false, nil
	}
	if current.Run == run || current.Replaces == run || current.keeps(run) {
		return true, nil
	}
	for next := current.Replaces; next != ""; {
		m, err := c.Load(ctx, RunRef{Date: date, Run: next})
		if errors.Is(err, objects.ErrNotFound) {
			return false, nil // swept, and all before it
		}
		if err != nil || m.Replaces == run {
			return err == nil, err
		}
		next = m.Replaces
	}
	return false, nil
}

// Abort removes all that the attempt wrote, unless it is committed after all (an answer was lost on the way): then it
// reports true. A run in quarantine stays. Where the store still may commit the run, nothing is removed:
// ErrUnsure.
func (a *Attempt) Abort(ctx context.Context) (isCommitted bool, err error) {
	if a.ending == unsure {
		if err := a.learn(ctx, errors.New("asked again")); err != nil && !errors.Is(err, ErrLostRace) {
			return false, err
		}
	}
	switch a.ending {
	case committed:
		return true, nil
	case quarantined:
		return false, nil
	}
	return false, a.remove(ctx)
}

// remove deletes what the attempt wrote. The pending mark goes last, so that what stays behind is found by a sweep; it stays
// as well where a write that failed may still come true.
func (a *Attempt) remove(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	mark := pendingKey(a.ref())
	doomed := slices.DeleteFunc(slices.Clone(a.wrote), func(key string) bool { return key == mark })
	if err := a.c.deleteAll(ctx, doomed); err != nil {
		return err
	}
	if a.doubtful {
		return nil
	}
	return a.c.bucket.Delete(ctx, mark, "")
}

// deleteAll deletes objects of unique names, several at a time. It tries all of them.
func (c *Catalog) deleteAll(ctx context.Context, keys []string) error {
	faults := make([]error, len(keys))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, key := range keys {
		group.Go(func() error {
			faults[i] = c.bucket.Delete(ctx, key, "")
			return nil
		})
	}
	_ = group.Wait() // the errors are in faults
	return errors.Join(faults...)
}

// String names a run in messages.
func (r *RunRef) String() string {
	if r == nil {
		return "none"
	}
	return r.Run + " of " + r.Date.String()
}

func sameRun(a, b *RunRef) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
