package catalog

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/objects"
)

// A run that a guard stopped waits in its folder, data files included, until somebody accepts it or another run of the date is
// committed. Who accepts it makes a run of his own out of copies of its files: what waits is never changed, so any number may
// try at once, and a crash leaves nothing that a crash of another run would not leave.

// Quarantine keeps a run that a guard stopped: as whole as one that is committed, but for the commit.
func (a *Attempt) Quarantine(ctx context.Context, m *Manifest) error {
	a.sign(m, Guarded)
	if err := a.verify(ctx, m); err != nil {
		return fmt.Errorf("verify the run of %s that a guard stopped: %w", a.Date, err)
	}
	if err := a.putManifest(ctx, m); err != nil {
		return err
	}
	if err := a.c.CheckForgotten(ctx, m.Forgets); err != nil { // strata forget looks at what waits once it has written down whom
		return err
	}
	a.ending = quarantined
	return nil
}

// Waiting is the manifest of the run of a date that may be accepted: the newest one that a guard stopped, if its files are
// whole and current, what stands for the date, is what stood when it began. It is nil where there is none, and of the base and
// what is before it: those are not run any more, so nothing of theirs can be accepted.
func (c *Catalog) Waiting(ctx context.Context, date Date, current *Current) (*Manifest, error) {
	if base, err := c.Base(ctx); err != nil || !base.Before(date) {
		return nil, err
	}
	prefixes, err := objects.Prefixes(ctx, c.bucket, dateFolder(date))
	if err != nil {
		return nil, err
	}
	for _, prefix := range slices.Backward(prefixes) {
		run := path.Base(prefix)
		if !runName.MatchString(run) {
			continue
		}
		m, err := c.Load(ctx, RunRef{Date: date, Run: run})
		if err != nil && !isDamage(err) {
			return nil, err
		}
		if err != nil || m.Status != Guarded || m.Replaces != current.run() {
			continue
		}
		if whole, err := c.isWhole(ctx, m); whole || err != nil {
			return m, err
		}
	}
	return nil, nil
}

// isWhole tells whether the data files of a run are there.
func (c *Catalog) isWhole(ctx context.Context, m *Manifest) (bool, error) {
	missing := m.sizes()
	for info, err := range objects.All(ctx, c.bucket, runFolder(m.Date, m.Run)+"data/") {
		if err != nil {
			return false, err
		}
		if missing[info.Key] == info.Size {
			delete(missing, info.Key)
		}
	}
	return len(missing) == 0 && len(m.Tables) > 0, nil
}

// waits tells whether a run is the one of its date that may be accepted, where base is the base or about to be.
func (c *Catalog) waits(ctx context.Context, ref RunRef, current *Current, base Date) (bool, error) {
	if !base.Before(ref.Date) {
		return false, nil
	}
	m, err := c.Load(ctx, ref)
	if isDamage(err) {
		return false, nil
	}
	if err != nil || m.Status != Guarded {
		return false, err
	}
	waiting, err := c.Waiting(ctx, ref.Date, current)
	return waiting != nil && waiting.Run == ref.Run, err
}

// Adopt copies the data files of a waiting run into the attempt's folder. It returns them as the attempt's manifest names them.
func (a *Attempt) Adopt(ctx context.Context, waiting *Manifest) (map[string][]File, error) {
	adopted := map[string][]File{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for table, files := range waiting.Tables {
		adopted[table] = slices.Clone(files)
		for i := range files {
			file := &adopted[table][i]
			group.Go(func() error { return a.adopt(ctx, a.dataKey(table, file.Partition), file) })
		}
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("copy the files of run %s: %w", waiting.Run, err)
	}
	return adopted, nil
}

// adopt copies one file to a key and makes its entry that of the copy.
func (a *Attempt) adopt(ctx context.Context, to string, file *File) error {
	from := file.Key
	file.Key = to
	info, err := a.note(file.Key, func() (objects.Info, error) { return a.c.bucket.Copy(ctx, from, file.Key) })
	if errors.Is(err, objects.ErrExists) { // of an answer that was lost: nobody else has this name
		info, err = a.c.bucket.Stat(ctx, file.Key)
	}
	file.Version = info.Version
	if err != nil {
		return err
	}
	return a.verifyFile(*file, map[string]objects.Info{file.Key: info}) // the file may be damaged, and its copy with it
}
