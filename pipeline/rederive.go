package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A replay has to find again only what the run before decides. So a replayed run follows from stored files:
//   - Where the membership of the run before is what it was, byte by byte, all files are what they were, and are copied.
//   - Where the run before was itself made again from the same input, it has the same sets and stages if its definitions are
//     stateless, and differs in since-dates alone. So do the sets of this run if its own are, and the transitions between
//     the two are what they were. Only the since-dates are found again, from the two memberships.
//
// The run that follows a date with another snapshot or other definitions is computed in full: it has transitions that nobody has
// explained yet.

// errNotStored says that a replayed run does not follow from what is stored.
var errNotStored = errors.New("the run does not follow from stored files")

// A shortcut is how a replayed run follows from stored files.
type shortcut uint8

const (
	noShortcut shortcut = iota // it is computed from the snapshot
	copyAll                    // its files are those of the run that it replaces
	datesOnly                  // they are, but for since-dates
)

// findShortcut decides how to make a replayed run. One that does not follow from stored files needs its snapshot.
func (r *run) findShortcut(ctx context.Context) error {
	if r.replays == nil || r.inFull {
		return nil
	}
	why, err := r.whyNotStored(ctx)
	if why == "" || err != nil || r.missing == nil || r.waiting != nil {
		return err
	}
	return r.needsSnapshot(why)
}

// whyNotStored says why a replayed run does not follow from what is stored; nothing where it may, by the shortcut that it finds.
func (r *run) whyNotStored(ctx context.Context) (why string, _ error) {
	m := r.replays
	switch changed := r.manifest.ChangedFrom(m); {
	case m.Previous == nil:
		return "it was the first run, and nothing is known of what changed before it", nil
	case r.base == nil:
		return "it was compared with a run, and there is none before it any more", nil
	case m.Program != r.Version:
		return fmt.Sprintf("it was made by version %s of strata, which may have answered otherwise than this one", m.Program), nil
	case r.mayHold(m):
		return "its files may hold users who were forgotten", nil
	case !slices.Equal(changed, []string{catalog.TheRunBefore}):
		return "more than the run before it has changed: " + strings.Join(changed, ", "), nil
	}
	old, err := r.Catalog.Load(ctx, *m.Previous)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return fmt.Sprintf("the run that it was compared with, %s, is gone or damaged", m.Previous), r.orUnreachable(err)
	case old.Date != r.base.Date:
		return fmt.Sprintf("it was compared with the run of %s, and the one before it is that of %s now", old.Date, r.base.Date), nil
	case !sameQuestions(old, r.base):
		return fmt.Sprintf("the run of %s has other definitions, lists or instants than the one that it was compared with", old.Date), nil
	}
	return r.chooseShortcut(ctx, old)
}

// orUnreachable is an error of reading what is stored where it must be known whether that is whole.
func (r *run) orUnreachable(err error) error {
	if r.missing == nil || isDamage(err) {
		return nil
	}
	return err
}

// chooseShortcut chooses the way from stored files, where the run before was asked what the old one was.
func (r *run) chooseShortcut(ctx context.Context, old *catalog.Manifest) (why string, _ error) {
	same, err := r.sameMembership(ctx, old, r.base)
	switch {
	case err != nil:
		return "", err
	case same:
		r.shortcut = copyAll
	case r.isScoped():
		return "users who are out of its scope are as the run before it has them, and that has changed", nil
	case !r.replays.Stateless:
		return "its rules look at the run before it, and the membership of that has changed", nil
	case !sameSets(old, r.base):
		return fmt.Sprintf("the membership of %s has changed, and who enters, leaves or moves by that, and for which reason, is found in "+
			"the snapshot alone", old.Date), nil
	default:
		r.shortcut = datesOnly
	}
	return "", nil
}

// sameSets says whether two runs of one date put users into the same segments and stages, whatever was before them.
func sameSets(a, b *catalog.Manifest) bool {
	changed := a.ChangedFrom(b)
	return a.Stateless && a.Program == b.Program && a.Settings.Where == "" &&
		(len(changed) == 0 || slices.Equal(changed, []string{catalog.TheRunBefore}))
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
	if err := r.timed("derive", func() error { return r.deriveFiles(ctx) }); err != nil {
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

// notStored says that a replayed run must be computed from its snapshot, and logs why.
func (r *run) notStored(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.missing != nil {
		return r.withoutFiles(ctx, cause)
	}
	r.Log.Warn("the date is computed from its snapshot, since it could not be made from stored files", "date", r.Date, "error", cause)
	return fmt.Errorf("%w: %w", errNotStored, cause)
}

// deriveFiles copies what stays, and finds the since-dates of the rest.
func (r *run) deriveFiles(ctx context.Context) error {
	stays := *r.replays
	if r.shortcut == datesOnly {
		stays.Tables = maps.Clone(stays.Tables)
		delete(stays.Tables, "membership")
		delete(stays.Tables, "long") // which shows since-dates too
	}
	copied, err := r.attempt.Adopt(ctx, &stays)
	if err != nil {
		return err
	}
	if r.shortcut == datesOnly {
		if err := r.deriveDates(ctx); err != nil {
			return err
		}
	}
	maps.Copy(r.manifest.Tables, copied)
	r.sortFiles()
	if r.manifest.Events != nil {
		for _, f := range copied["transitions"] {
			r.manifest.Events.Kept += f.Rows
		}
	}
	return nil
}

// deriveDates compares the stored sets with the run before, a partition at a time.
func (r *run) deriveDates(ctx context.Context) error {
	n := 1 << r.exchange.partitionBits
	r.Progress.Stage("derive", int64(n))
	c := r.comparison()
	c.datesOnly = true
	return inParallel(ctx, r.Workers, n, r.NewEncoder, func(ctx context.Context, encoder Encoder, at int) error {
		defer r.Progress.Done(1)
		if err := r.derive(ctx, encoder, c, at); err != nil {
			return fmt.Errorf("partition %d: %w", at, err)
		}
		return nil
	}, func(Encoder) error { return nil })
}

// derive finds the since-dates of one partition.
func (r *run) derive(ctx context.Context, encoder Encoder, c *comparison, at int) error {
	var stored, previous *tables.Membership
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		stored, err = r.readMembership(groupCtx, r.replays, at)
		return err
	})
	group.Go(func() (err error) {
		previous, err = r.membership(groupCtx, r.base, at)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	all := &users{ids: stored.IDs, records: make([]uint32, stored.Len())}
	out := c.diff(all, []answers{r.storedAnswers(stored)}, newFormer(r.base, &all.ids, previous))
	m := out.membership
	m.ExtraNames, m.ExtraLogical = r.Config.Membership.Columns, r.exportLogical()
	var err error
	if m.Extra, err = r.readExports(ctx, r.replays.Tables["membership"][at]); err != nil {
		return err
	}
	defer m.Release()
	for _, table := range r.tables() {
		if table != "membership" && table != "long" {
			continue
		}
		if err := r.writeTable(ctx, encoder, table, at, out); err != nil {
			return err
		}
	}
	return nil
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
