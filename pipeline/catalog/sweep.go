package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/objects"
)

// SweepAfter is how long a run that does not stand for its date is left alone: it may still be under way, or be read.
const SweepAfter = 24 * time.Hour

// ownName is what strata writes into the folder of a run; a sweep deletes nothing else there.
var ownName = regexp.MustCompile(`^(started\.json|manifest\.json|changes\.json|report\.html|data/(membership|transitions|wide|long)/\d{5}\.parquet|data/changes/\d{5}\.json)$`)

// Sweep removes the runs that lost, crashed or were guarded, and those that were replaced, after SweepAfter; a guarded one that
// may be accepted stays. It finds them by
// their marks, so it costs one listing where there are none. Ages are by the store's clock: now is the modification time of
// an object that was just written. It returns what it removed, also beside an error.
func (c *Catalog) Sweep(ctx context.Context, now time.Time) ([]RunRef, error) {
	marks, err := c.pending(ctx)
	if err != nil {
		return nil, err
	}
	var swept []RunRef
	var faults []error
	for _, m := range marks {
		if now.Sub(m.modified) < SweepAfter {
			continue
		}
		removed, err := c.sweepRun(ctx, m.RunRef, now)
		if err != nil {
			faults = append(faults, fmt.Errorf("sweep run %s: %w", &m.RunRef, err))
		}
		if removed > 0 {
			swept = append(swept, m.RunRef) // once: of its other mark nothing is left to remove
		}
	}
	return swept, errors.Join(faults...)
}

// SweepAsOf sweeps by the store's clock as the attempt's own first object shows it.
func (a *Attempt) SweepAsOf(ctx context.Context) ([]RunRef, error) { return a.c.Sweep(ctx, a.began) }

// sweepRun removes a run's folder and marks and returns how many objects that were, unless the run stands for its date, is to
// be kept, was replaced just now, still writes, or waits to be accepted.
func (c *Catalog) sweepRun(ctx context.Context, ref RunRef, now time.Time) (int, error) {
	doomed, settled, err := c.sweepable(ctx, ref, Date{}, now)
	if err != nil || !settled {
		return 0, err
	}
	if err := c.deleteAll(ctx, keysOf(doomed)); err != nil {
		return 0, err
	}
	return len(doomed), c.deleteAll(ctx, marksOf(ref))
}

// sweepable lists what a sweep removes of a run, and says whether its marks may go with that. base is the date that is about to
// be the base; zero where none is.
func (c *Catalog) sweepable(ctx context.Context, ref RunRef, base Date, now time.Time) (doomed []objects.Info, settled bool, err error) {
	current, err := c.Current(ctx, ref.Date)
	if err != nil || current.stands(ref.Run) {
		return nil, false, err
	}
	if current.keeps(ref.Run) {
		return nil, true, nil
	}
	if current != nil && now.Sub(current.since) < SweepAfter {
		return nil, false, nil
	}
	for info, err := range objects.All(ctx, c.bucket, runFolder(ref.Date, ref.Run)) {
		if err != nil || now.Sub(info.Modified) < SweepAfter {
			return nil, false, err
		}
		if ownName.MatchString(strings.TrimPrefix(info.Key, runFolder(ref.Date, ref.Run))) {
			doomed = append(doomed, info)
		}
	}
	if waits, err := c.waits(ctx, ref, current, base); waits || err != nil {
		return nil, false, err
	}
	return doomed, true, nil
}

func marksOf(ref RunRef) []string { return []string{pendingKey(ref), replacedKey(ref)} }

// Swept is what a sweep of everything removed.
type Swept struct {
	Runs   []RunRef // whole runs
	Strays []string // keys of data files in the folder of a run that stands, which its manifest does not name
}

// SweepAll goes through every date, marks or not: it settles the hive folders, removes what Sweep removes also where marks
// were lost, and stray data files beside those of a run that stands. It costs some listings a date.
func (c *Catalog) SweepAll(ctx context.Context, now time.Time) (*Swept, error) {
	dates, err := c.Folders(ctx)
	if err != nil {
		return nil, err
	}
	marked, err := c.Sweep(ctx, now)
	swept := &Swept{Runs: marked}
	if err != nil {
		return swept, err
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, date := range dates {
		group.Go(func() error {
			found, err := c.sweepDate(groupCtx, date, now)
			mu.Lock()
			defer mu.Unlock()
			swept.Runs, swept.Strays = append(swept.Runs, found.Runs...), append(swept.Strays, found.Strays...)
			return err
		})
	}
	err = group.Wait()
	slices.SortFunc(swept.Runs, func(a, b RunRef) int { return cmp.Or(a.Date.Compare(b.Date), strings.Compare(a.Run, b.Run)) })
	slices.Sort(swept.Strays)
	return swept, err
}

func (c *Catalog) sweepDate(ctx context.Context, date Date, now time.Time) (found Swept, err error) {
	if _, err := c.settleHive(ctx, date); err != nil && !isDamage(err) {
		return found, err
	}
	s, err := c.status(ctx, date)
	if err != nil {
		return found, err
	}
	for _, other := range s.Others {
		ref := RunRef{Date: date, Run: other.Run}
		removed, err := c.sweepRun(ctx, ref, now)
		if err != nil {
			return found, err
		}
		if removed > 0 {
			found.Runs = append(found.Runs, ref)
		}
	}
	found.Strays = keysOf(s.sweepableStrays(now))
	return found, c.deleteAll(ctx, found.Strays)
}

// sweepableStrays are those strays that strata itself has written, and not just now.
func (s *DateStatus) sweepableStrays(now time.Time) (doomed []objects.Info) {
	for _, stray := range s.strays {
		run := runOf(s.Date, stray.Key)
		if isOwn(s.Date, run, stray.Key) && now.Sub(stray.Modified) >= SweepAfter {
			doomed = append(doomed, stray)
		}
	}
	return doomed
}

// isOwn tells whether strata gives objects of a run such a name.
func isOwn(date Date, run, key string) bool {
	return runName.MatchString(run) && ownName.MatchString(strings.TrimPrefix(key, runFolder(date, run)))
}
