package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A replay has to find again only what the run before decides. Where that run was asked what the one it replaces was asked,
// reasons stay: a transition that was published has the reason that it had. So a replayed run follows from stored files:
//   - Where the membership of the run before is what it was, byte by byte, all files are what they were, and are copied.
//   - Else, for stateless definitions, the sets and stages are the stored ones. Transitions and since-dates come from
//     comparing them with those of the run before. A transition that was not published before has no known reason: then
//     the date is computed from its snapshot, and so it is where stored files cannot be read.

// errUnexplained says that a reason can only come from the snapshot.
var errUnexplained = errors.New("the reason of a transition is not known without the snapshot")

// errNotStored says that a replayed run does not follow from what is stored.
var errNotStored = errors.New("the run does not follow from stored files")

// A shortcut is how a replayed run follows from stored files.
type shortcut uint8

const (
	noShortcut shortcut = iota // it is computed from the snapshot
	copyAll                    // its files are those of the run that it replaces
	deriveAll                  // its sets are
)

// findShortcut decides how to make a replayed run.
func (r *run) findShortcut(ctx context.Context) error {
	m := r.replays
	if m == nil || r.inFull || r.base == nil || m.Previous == nil || m.Program != r.Version || r.mayHold(m) {
		return nil
	}
	if changed := r.manifest.ChangedFrom(m); !slices.Equal(changed, []string{catalog.TheRunBefore}) {
		return nil
	}
	old, err := r.Catalog.Load(ctx, *m.Previous)
	if err != nil || !sameQuestions(old, r.base) {
		return context.Cause(ctx) // gone or damaged, it is of no use
	}
	same, err := r.sameMembership(ctx, old, r.base)
	switch {
	case err != nil:
		return err
	case same:
		r.shortcut = copyAll
	case r.scope == nil && old.Stateless && m.Stateless:
		r.shortcut = deriveAll
	}
	return nil
}

// sameQuestions says whether two runs of one date were asked the same: they differ at most in what they read, in what else they
// show, and in the run before.
func sameQuestions(a, b *catalog.Manifest) bool {
	other := slices.DeleteFunc(a.ChangedFrom(b), func(name string) bool {
		return name == catalog.TheSnapshot || name == catalog.TheRunBefore || name == catalog.TheSettings
	})
	return len(other) == 0 && a.Date == b.Date && a.IDType == b.IDType && a.Since == b.Since && reflect.DeepEqual(a.Names, b.Names)
}

// sameMembership says whether the membership files of two runs are the same, byte by byte.
func (r *run) sameMembership(ctx context.Context, a, b *catalog.Manifest) (bool, error) {
	files, others := a.Tables["membership"], b.Tables["membership"]
	if len(files) != len(others) {
		return false, nil
	}
	for i := range files {
		if files[i].Size != others[i].Size || files[i].CRC32C != others[i].CRC32C {
			return false, nil
		}
	}
	for i := range files {
		same, err := sameBytes(ctx, r.Catalog.Bucket(), files[i].Key, others[i].Key)
		if !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// sameBytes compares two objects of a size that fits into memory. One that is gone is another.
func sameBytes(ctx context.Context, bucket objects.Bucket, a, b string) (bool, error) {
	one, _, err := objects.ReadAll(ctx, bucket, a, "")
	if err == nil {
		var other []byte
		if other, _, err = objects.ReadAll(ctx, bucket, b, ""); err == nil {
			return slices.Equal(one, other), nil
		}
	}
	if errors.Is(err, objects.ErrNotFound) {
		err = nil
	}
	return false, err
}

// rederive makes a replayed run from stored files. All that follows from the snapshot alone is as its manifest has it.
func (r *run) rederive(ctx context.Context) error {
	defer r.exchange.Close()
	found, now := *r.replays, r.manifest
	found.Run, found.Previous, found.Gap, found.Drift = now.Run, now.Previous, now.Gap, now.Drift
	found.Erases, found.Forgets = "", now.Forgets
	found.Events, found.Accepts, found.Clock, found.Tables = now.Events, "", now.Clock, now.Tables
	found.Definitions, found.Settings, found.Lists, found.Notes = now.Definitions, now.Settings, now.Lists, now.Notes
	r.manifest = &found
	work := r.copyAll
	if r.shortcut == deriveAll {
		work = r.deriveAll
	}
	if err := r.timed("derive", func() error { return work(ctx) }); err != nil {
		return r.notStored(ctx, err)
	}
	r.rejected = found.Rejects
	if err := r.checkRejects(); err != nil {
		return err
	}
	found.Guards = r.guards(&found)
	found.Clock.Finished = time.Now().UTC()
	return nil
}

// notStored says that a replayed run must be computed from its snapshot, and logs why if that is a surprise.
func (r *run) notStored(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !errors.Is(cause, errUnexplained) {
		r.Log.Warn("the date is computed from its snapshot, since it could not be made from stored files", "date", r.Date, "error", cause)
	}
	return fmt.Errorf("%w: %w", errNotStored, cause)
}

// copyAll takes all files over.
func (r *run) copyAll(ctx context.Context) error {
	r.Progress.Stage("copy", 0)
	var err error
	if r.manifest.Tables, err = r.attempt.Adopt(ctx, r.replays); err != nil {
		return err
	}
	if r.manifest.Events == nil { // what stands could not be read
		return nil
	}
	for _, f := range r.replays.Tables["transitions"] {
		r.manifest.Events.Kept += f.Rows
	}
	return nil
}

// deriveAll compares the stored sets with the run before, a partition at a time.
func (r *run) deriveAll(ctx context.Context) error {
	n := 1 << r.exchange.partitionBits
	r.Progress.Stage("derive", int64(n))
	r.stats = newStats(r.words)
	c := r.comparison()
	open := func() *partitioner { return &partitioner{take: r.newWriter(), stats: newStats(r.words)} }
	work := func(ctx context.Context, p *partitioner, at int) error {
		defer r.Progress.Done(1)
		if err := r.derive(ctx, p, *c, at); err != nil {
			return fmt.Errorf("partition %d: %w", at, err)
		}
		return nil
	}
	err := inParallel(ctx, r.Workers, n, open, work, func(p *partitioner) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stats.add(p.stats)
		return nil
	})
	if err != nil {
		return err
	}
	r.sortFiles()
	r.completeChanges()
	r.recount()
	return nil
}

// recount puts this comparison's changes into the counts of the manifest.
func (r *run) recount() {
	m := r.manifest
	m.Segments, m.Lifecycles = slices.Clone(m.Segments), slices.Clone(m.Lifecycles)
	for i := range m.Segments {
		m.Segments[i].Changes = r.changes(i)
	}
	for i := range m.Lifecycles {
		m.Lifecycles[i].Changes = r.changes(len(r.words.segments) + i)
	}
}

// derive compares the stored sets of one partition with the run before.
func (r *run) derive(ctx context.Context, p *partitioner, c comparison, at int) error {
	stored, err := r.readMembership(ctx, r.replays, at)
	if err != nil {
		return err
	}
	events, err := r.eventsOf(ctx, r.replays, at)
	if err != nil {
		return err
	}
	c.known = reasonsOf(events)
	previous, err := r.membership(ctx, r.base, at)
	if err != nil {
		return err
	}
	all := &users{ids: stored.IDs, records: make([]uint32, stored.Len())}
	out := c.diff(all, []answers{r.storedAnswers(stored)}, newFormer(r.base, &all.ids, previous))
	if out.unexplained {
		return errUnexplained
	}
	out.membership.ExtraNames, out.membership.ExtraLogical = r.Config.Membership.Columns, r.exportLogical()
	if out.membership.Extra, err = r.readExports(ctx, r.replays.Tables["membership"][at]); err != nil {
		return err
	}
	defer out.membership.Release()
	p.stats.add(out.stats)
	return p.take(ctx, at, out)
}

// reasonsOf are the reasons of events that a step has explained. The others say whom and what the run before had, and are
// found again.
func reasonsOf(events *tables.Events) map[event]tables.Reason {
	known := map[event]tables.Reason{}
	for i, reason := range events.Reasons {
		switch reason {
		case tables.UserChanged, tables.TimePassed, tables.ListChanged, tables.RuleChanged:
			known[event(events.IDs[2*i:2*i+2])] = reason
		}
	}
	return known
}

// storedAnswers are the sets and stages of a membership, in the order of the vocabulary.
func (r *run) storedAnswers(m *tables.Membership) answers {
	out := answers{sets: widened(m.Sets, r.words.setWords), stages: slices.Clone(m.Stages)}
	for range r.words.lifecycles[len(m.Stages):] {
		out.stages = append(out.stages, make([]uint16, m.Len()))
	}
	return out
}

// widened is the inverse of trimmed.
func widened(m tables.BitMatrix, width int) tables.BitMatrix {
	if width == m.Width {
		return m
	}
	out := tables.BitMatrix{Width: width}
	for at := 0; at < len(m.Words); at += m.Width {
		out.Words = append(append(out.Words, m.Words[at:at+m.Width]...), make([]uint64, width-m.Width)...)
	}
	return out
}
