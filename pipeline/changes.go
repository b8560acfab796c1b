package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A run that replaces another says which event ids are withdrawn and which are added, for consumers who have taken the
// replaced one's. A partition's ids are compared while its transitions are at hand, so no more than a partition is in memory.

// beginChanges reads the manifest of the run that stands and is to be replaced. Where it is damaged there is nothing to compare
// with, which the log says.
func (r *run) beginChanges(ctx context.Context) error {
	if r.current == nil {
		return nil
	}
	var err error
	r.replaced, err = r.Catalog.Load(ctx, catalog.RunRef{Date: r.Date, Run: r.current.Run})
	if err != nil {
		r.replaced = nil
		return r.loseChanges(ctx, err)
	}
	r.manifest.Events = &catalog.Events{Files: []catalog.File{}}
	return nil
}

// loseChanges goes on without the comparison where what the run replaces is damaged or gone: it must be possible to replace that
// above all. Any other error stops the run: what cannot be read now may be whole.
func (r *run) loseChanges(ctx context.Context, fault error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !isDamage(fault) {
		return fmt.Errorf("compare with the run that is replaced: %w", fault)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.changesLost {
		r.Log.Warn("there will be no changes.json: the run that is replaced cannot be read", "run", r.current.Run, "error", fault)
	}
	r.changesLost = true
	return nil
}

// writeChanges compares the events of a partition with those of the replaced run, and stores what differs.
func (r *run) writeChanges(ctx context.Context, at int, t *tables.Transitions) error {
	if r.replaced == nil || r.lostChanges() {
		return nil
	}
	old, err := r.eventsOf(ctx, r.replaced, at)
	if err != nil {
		return r.loseChanges(ctx, err)
	}
	found := compareEvents(old, t.EventID)
	n := int64(len(found.withdrawn) + len(found.added))
	var file catalog.File
	if n > 0 {
		if file, err = r.attempt.PutEvents(ctx, at, found.encode(), n); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.manifest.Events
	e.Withdrawn, e.Kept, e.Added = e.Withdrawn+int64(len(found.withdrawn)), e.Kept+found.kept, e.Added+int64(len(found.added))
	if n > 0 {
		e.Files = append(e.Files, file)
	}
	return nil
}

func (r *run) lostChanges() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changesLost
}

// completeChanges puts the files in order, or leaves the comparison out where a part of it is missing, and removes what there is.
func (r *run) completeChanges(ctx context.Context) error {
	e := r.manifest.Events
	switch {
	case e == nil:
		return nil
	case r.changesLost && r.waiting == nil: // what waited has its own
		r.manifest.Events = nil
		return r.attempt.DropEvents(ctx, e.Files)
	}
	slices.SortFunc(e.Files, func(a, b catalog.File) int { return cmp.Compare(a.Partition, b.Partition) })
	return nil
}

// eventsOf reads the event ids of an earlier run that belong to a partition of this one, in no particular order. Partitions of
// different numbers nest as they do in previous.
func (r *run) eventsOf(ctx context.Context, m *catalog.Manifest, at int) ([]uint64, error) {
	files, bits := m.Tables["transitions"], r.exchange.partitionBits
	first, n, keep := at, 1, (func(uint64) bool)(nil)
	if shift := bits - m.PartitionBits; shift > 0 {
		first, keep = at>>shift, func(hash uint64) bool { return ids.Partition(hash, bits) == at }
	} else if shift < 0 {
		first, n = at<<-shift, 1<<-shift
	}
	var out []uint64
	for i := first; i < first+n; i++ {
		if i >= len(files) || files[i].Partition != i {
			return nil, fmt.Errorf("the run of %s has no transitions file of partition %d; %w", m.Date, i, errManifest)
		}
		part, err := readStored(ctx, r.Catalog, files[i], func(file objects.Info) ([]uint64, error) {
			return r.State.ReadEvents(ctx, r.Catalog.Bucket(), file, keep)
		})
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// An event is the id of a transition.
type event [2]uint64

// eventChanges are the event ids of a partition that a replacement changes, sorted.
type eventChanges struct {
	withdrawn, added []event
	kept             int64
}

// compareEvents compares the event ids of a partition, two words each, with those of the run that is replaced.
func compareEvents(old, now []uint64) (out eventChanges) {
	was, is := sortedEvents(old), sortedEvents(now)
	for len(was) > 0 || len(is) > 0 {
		order := 0
		switch {
		case len(is) == 0:
			order = -1
		case len(was) == 0:
			order = 1
		default:
			order = slices.Compare(was[0][:], is[0][:])
		}
		switch {
		case order < 0:
			out.withdrawn, was = append(out.withdrawn, was[0]), was[1:]
		case order > 0:
			out.added, is = append(out.added, is[0]), is[1:]
		default:
			out.kept, was, is = out.kept+1, was[1:], is[1:]
		}
	}
	return out
}

func sortedEvents(words []uint64) []event {
	events := make([]event, 0, len(words)/2)
	for pair := range slices.Chunk(words, 2) {
		events = append(events, event(pair))
	}
	slices.SortFunc(events, func(a, b event) int { return slices.Compare(a[:], b[:]) })
	return events
}

// encode is the JSON of a file of changes, an id a line.
func (c *eventChanges) encode() []byte {
	out := []byte(`{"withdrawn": [`)
	out = appendEvents(out, c.withdrawn)
	out = append(out, `], "added": [`...)
	out = appendEvents(out, c.added)
	return append(out, "]}\n"...)
}

func appendEvents(dst []byte, events []event) []byte {
	for i, e := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, "\n\""...)
		dst = ids.AppendUUID(dst, e[0], e[1])
		dst = append(dst, '"')
	}
	if len(events) > 0 {
		dst = append(dst, '\n')
	}
	return dst
}
