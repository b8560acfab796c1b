package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"strata/pipeline/objects"
)

// SweepAfter is how long a run that does not stand for its date is left alone: it may still be under way, or be read.
const SweepAfter = 24 * time.Hour

// Sweep removes the runs that never stood, or do not any more, and that were marked longer than SweepAfter ago. Ages are by the
// store's clock: now is the modification time of an object that was just written. It returns what it removed.
func (c *Catalog) Sweep(ctx context.Context, now time.Time) ([]RunRef, error) {
	marks, err := c.pending(ctx)
	if err != nil {
		return nil, err
	}
	var swept []RunRef
	for ref, mark := range marks {
		if now.Sub(mark.Modified) < SweepAfter {
			continue
		}
		removed, err := c.sweepRun(ctx, ref, now)
		if err != nil {
			return swept, fmt.Errorf("sweep run %s: %w", &ref, err)
		}
		if removed {
			swept = append(swept, ref)
		}
	}
	slices.SortFunc(swept, func(a, b RunRef) int { return a.Date.Compare(b.Date) })
	return swept, nil
}

// sweepRun removes a run's folder and mark, unless the run stands for its date, is to be kept, or was replaced just now.
func (c *Catalog) sweepRun(ctx context.Context, ref RunRef, now time.Time) (bool, error) {
	current, err := c.Current(ctx, ref.Date)
	if err != nil {
		return false, err
	}
	if current != nil && (current.Run == ref.Run || slices.Contains(current.Kept, ref.Run)) {
		return false, nil
	}
	if current != nil && now.Sub(current.since) < SweepAfter {
		return false, nil
	}
	for info, err := range objects.All(ctx, c.bucket, runFolder(ref.Date, ref.Run)) {
		if err != nil {
			return false, err
		}
		if err := c.bucket.Delete(ctx, info.Key, ""); err != nil {
			return false, err
		}
	}
	return true, c.bucket.Delete(ctx, pendingKey(ref), "")
}

// SweepAsOf sweeps by the store's clock as the attempt's own first object shows it.
func (a *Attempt) SweepAsOf(ctx context.Context) ([]RunRef, error) {
	info, err := a.c.bucket.Stat(ctx, runFolder(a.Date, a.Run)+"started.json")
	if err != nil {
		return nil, err
	}
	return a.c.Sweep(ctx, info.Modified)
}
