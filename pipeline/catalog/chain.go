package catalog

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
)

// A Chain is the committed dates of an output in order, each with the manifest of the run that stands. It knows which of them
// are stale, and, unlike Status, nothing of files and of other runs, so it costs two small objects a date.
type Chain struct {
	Dates []DateStatus
	base  Date
}

// Chain reads the committed dates. A manifest that is damaged is told of in Damage.
func (c *Catalog) Chain(ctx context.Context) (*Chain, error) {
	all, base, err := c.eachDate(ctx, func(ctx context.Context, date Date) (DateStatus, error) {
		s, _, err := c.stands(ctx, date)
		return s, err
	})
	if err != nil {
		return nil, err
	}
	chain := &Chain{base: base}
	for _, s := range all {
		if s.Run != "" {
			chain.Dates = append(chain.Dates, s)
		}
	}
	markStale(chain.Dates, base)
	return chain, nil
}

// eachDate reads all dates that have a folder, several at a time, in order; and the base.
func (c *Catalog) eachDate(ctx context.Context, read func(ctx context.Context, date Date) (DateStatus, error)) ([]DateStatus, Date, error) {
	base, err := c.Base(ctx)
	if err != nil {
		return nil, base, err
	}
	dates, err := c.Folders(ctx)
	if err != nil {
		return nil, base, err
	}
	all := make([]DateStatus, len(dates))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, date := range dates {
		group.Go(func() (err error) {
			all[i], err = read(groupCtx, date)
			return err
		})
	}
	return all, base, group.Wait()
}

// stands reads which run stands for a date, and its manifest.
func (c *Catalog) stands(ctx context.Context, date Date) (DateStatus, *Current, error) {
	s := DateStatus{Date: date}
	current, err := c.Current(ctx, date)
	if current == nil || err != nil {
		return s, nil, err
	}
	s.Run, s.Committed = current.Run, current.since
	s.Manifest, err = c.Load(ctx, RunRef{date, current.Run})
	if isDamage(err) {
		s.Damage, err = append(s.Damage, err.Error()), nil
	}
	return s, current, err
}

// Stale is the place of the first stale date after a date (zero: of all); -1 where there is none.
func (c *Chain) Stale(after Date) int {
	for i, s := range c.Dates {
		if s.Stale != "" && after.Before(s.Date) {
			return i
		}
	}
	return -1
}

// Damaged is the place of the first date after a date (zero: of all) that can be run and whose manifest cannot be read; -1 where
// there is none.
func (c *Chain) Damaged(after Date) int {
	return slices.IndexFunc(c.Dates, func(s DateStatus) bool {
		return s.Manifest == nil && c.base.Before(s.Date) && after.Before(s.Date)
	})
}

// Replace puts another run in the place of one, after which other dates are stale.
func (c *Chain) Replace(at int, m *Manifest) {
	s := &c.Dates[at]
	s.Run, s.Manifest, s.Stale = m.Run, m, ""
	markStale(c.Dates, c.base)
}
