package catalog

import (
	"context"
	"errors"
	"path"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/objects"
)

// A DateStatus is what there is to say about one date of an output.
type DateStatus struct {
	Date     Date
	Manifest *Manifest // of the run that stands; nil where none does
	Stale    string    // why the run should be made again; empty where it is in order
	Others   []Other   // runs of the date that do not stand
}

// An Other is a run that does not stand for its date.
type Other struct {
	Run   string
	State string // under way or lost, replaced, guarded
}

// Status tells about all dates, in order.
func (c *Catalog) Status(ctx context.Context) ([]DateStatus, error) {
	dates, err := c.folders(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]DateStatus, len(dates))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, date := range dates {
		group.Go(func() (err error) {
			all[i], err = c.status(groupCtx, date)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	markStale(all)
	return all, nil
}

func (c *Catalog) status(ctx context.Context, date Date) (DateStatus, error) {
	s := DateStatus{Date: date}
	current, err := c.Current(ctx, date)
	if err != nil {
		return s, err
	}
	standing := ""
	if current != nil {
		standing = current.Run
		if s.Manifest, err = c.Load(ctx, RunRef{date, standing}); err != nil {
			return s, err
		}
	}
	folders, err := objects.Prefixes(ctx, c.bucket, dateFolder(date))
	if err != nil {
		return s, err
	}
	for _, folder := range folders {
		run := path.Base(folder)
		if run == standing {
			continue
		}
		state, err := c.otherState(ctx, RunRef{date, run})
		if err != nil {
			return s, err
		}
		s.Others = append(s.Others, Other{Run: run, State: state})
	}
	return s, nil
}

func (c *Catalog) otherState(ctx context.Context, ref RunRef) (string, error) {
	m, err := c.Load(ctx, ref)
	switch {
	case errors.Is(err, objects.ErrNotFound):
		return "under way or lost", nil
	case err != nil:
		return "", err
	case m.Status == Guarded:
		return "guarded", nil
	}
	return "replaced", nil
}

// markStale compares what each run was made on with what stands before it now.
func markStale(all []DateStatus) {
	var before *RunRef
	for i := range all {
		m := all[i].Manifest
		if m == nil {
			continue
		}
		if !sameRun(m.Previous, before) {
			all[i].Stale = "it was compared with " + m.Previous.String() + ", and the run before it is now " + before.String()
		}
		before = &RunRef{Date: m.Date, Run: m.Run}
	}
}
