package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
	"strata/readers"
	"strata/writers"
)

// wire joins a job to the snapshots, the lists and the output of its configuration. A flag may name another output.
func wire(ctx context.Context, job *pipeline.Job, output string) error {
	if output == "" {
		output = job.Config.Resolve(job.Config.Output)
	}
	bucket, err := openBucket(ctx, output)
	if err != nil {
		return usageError{err}
	}
	s := source{job.Config}
	job.Source, job.State, job.ReadList = s, readers.State{}, s.readList
	job.NewEncoder = func() pipeline.Encoder { return &writers.Writer{} }
	job.Catalog = catalog.New(bucket, job.Config.Publish.Hive)
	return nil
}

// chooseDate gives a wired job the date that a flag names; without one the newest committed date, or else that of the newest
// snapshot. It returns the date as text, with which of them it is.
func chooseDate(ctx context.Context, job *pipeline.Job, flag string) (which string, err error) {
	if flag != "" {
		if job.Date, err = catalog.ParseDate(flag); err != nil {
			return "", usageError{fmt.Errorf("--date: %w", err)}
		}
		return flag, nil
	}
	latest, err := job.Catalog.Latest(ctx)
	if err != nil {
		return "", err
	}
	if latest != nil {
		job.Date = latest.Date
		return job.Date.String() + ", the newest committed date", nil
	}
	job.Date, err = source{job.Config}.newest(ctx)
	return job.Date.String() + ", the newest snapshot (nothing is committed yet)", err
}

// A source finds the snapshots that a configuration speaks of. It fits pipeline.Source.
type source struct{ config *configs.Config }

// Open lists, pins and opens the snapshot of a date.
func (s source) Open(ctx context.Context, date catalog.Date) (pipeline.Snapshot, error) {
	return s.OpenKeyed(ctx, date, nil)
}

// OpenKeyed is Open without the objects that their folders put out of scope.
func (s source) OpenKeyed(ctx context.Context, date catalog.Date, keys *tables.KeyFilter) (pipeline.Snapshot, error) {
	address := s.config.Resolve(s.config.Snapshot.PathOn(date.Time()))
	bucket, pattern, err := stores.Open(ctx, address)
	if err != nil {
		return nil, &pipeline.InputError{Err: err}
	}
	unready := s.ready(ctx, bucket, pattern) // first, so that what is listed then is complete
	pinned, err := readers.ListSnapshot(ctx, bucket, pattern)
	switch {
	case err == nil && len(pinned) == 0:
		err = fmt.Errorf("%w of %s: nothing matches %s; has it been delivered, and is snapshot.path right?", pipeline.ErrNoSnapshot, date, address)
	case unready != nil:
		err = unready
	}
	if err != nil {
		return nil, inputFault(ctx, err)
	}
	snapshot, err := readers.OpenWith(ctx, bucket, pinned, readers.Options{Pattern: pattern, Keys: keys})
	if err != nil {
		return nil, inputFault(ctx, err)
	}
	return snapshot, nil
}

// newest is the date of the newest snapshot that there is.
func (s source) newest(ctx context.Context) (newest catalog.Date, err error) {
	address := s.config.Resolve(s.config.Snapshot.AnyDate())
	bucket, pattern, err := stores.Open(ctx, address)
	if err != nil {
		return newest, &pipeline.InputError{Err: err}
	}
	found, err := readers.ListSnapshot(ctx, bucket, pattern)
	if err != nil {
		return newest, inputFault(ctx, err)
	}
	for _, object := range found {
		if day, ok := s.config.Snapshot.DateIn(object.Key); ok && newest.Before(catalog.DateOf(day)) {
			newest = catalog.DateOf(day)
		}
	}
	if newest.IsZero() {
		err = &pipeline.InputError{Err: fmt.Errorf("no run is committed and no snapshot of any date matches %s; has one been delivered, and is snapshot.path right? Name a date with --date", address)}
	}
	return newest, err
}

// inputFault marks an error as one of the input, unless the run was interrupted.
func inputFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &pipeline.InputError{Err: err}
}

// ready looks for the object that says that a snapshot is complete.
func (s source) ready(ctx context.Context, bucket objects.Bucket, pattern string) error {
	if s.config.Snapshot.Ready == "" {
		return nil
	}
	folder := path.Dir(pattern)
	if wild := strings.IndexAny(pattern, "*?["); wild >= 0 {
		folder = pattern[:strings.LastIndexByte(pattern[:wild], '/')+1]
	}
	key := path.Join(folder, s.config.Snapshot.Ready)
	_, err := bucket.Stat(ctx, key)
	if errors.Is(err, objects.ErrNotFound) {
		return fmt.Errorf("the snapshot is not ready: there is no %s yet; run again when it is there", bucket.URL(key))
	}
	return err
}

// readList reads a list file by its path in the configuration.
func (s source) readList(ctx context.Context, name string) ([]byte, error) {
	bucket, key, err := stores.Open(ctx, s.config.Resolve(name))
	if err != nil {
		return nil, err
	}
	data, _, err := objects.ReadAll(ctx, bucket, key, "")
	if errors.Is(err, objects.ErrNotFound) {
		err = fmt.Errorf("there is no %s", bucket.URL(key))
	}
	return data, err
}
