package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
)

// A Forgetting is what Forget is asked. Log may be nil.
type Forgetting struct {
	Catalog    *catalog.Catalog
	State      StateReader
	NewEncoder func() Encoder
	// Open opens a data file of a run, of any table.
	Open    func(ctx context.Context, bucket objects.Bucket, file objects.Info) (Snapshot, error)
	Users   []string // ids, as the type of the runs' user ids has them
	DryRun  bool     // change nothing
	Workers int      // 0: one a core
	Log     *slog.Logger
}

// A Forgot is what Forget has found and, unless it was a dry run, erased.
type Forgot struct {
	Users []string // canonical
	Runs  []Held   // in order of dates
	Lists int      // contents of lists, which no run names any more, that were removed
	Notes []string // what is left for now, in sentences
}

// A Held is what a run holds of users who are to be forgotten.
type Held struct {
	Date        catalog.Date
	Run         string
	State       catalog.State // empty: the run stands
	Users       int64         // rows of membership
	Transitions int64
	Changes     int64    // event ids in its change list
	Lists       []string // paths of list files
	By          string   // the run that took its place; empty: it is removed
}

// A forgetting is Forget under way.
type forgetting struct {
	Forgetting
	users     []string // canonical
	forgotten *ids.Forgotten
	known     int  // tombstones, as a run counts them
	everyone  bool // users whose ids are not known are to be found, too, so every partition is looked at
	types     []ids.Type
	segments  map[string]bool            // names that any run has had
	stages    map[string]map[string]bool // by lifecycle
	mu        sync.Mutex
	open      bool // not all can be found by this call
	out       *Forgot
}

// Forget erases users from all that was published, and sees to it that no later run brings them back. The dates keep their
// runs, under new names, so that nothing goes stale, and the rows of all others stay as they are. Whoever is interrupted calls it again,
// with or without the same users. An id that cannot be one is a NotIDError.
func Forget(ctx context.Context, asked Forgetting) (*Forgot, error) {
	if asked.Log == nil {
		asked.Log = slog.New(slog.DiscardHandler)
	}
	f := &forgetting{Forgetting: asked, out: &Forgot{}, segments: map[string]bool{}, stages: map[string]map[string]bool{}}
	if err := f.begin(ctx); err != nil {
		return nil, err
	}
	dates, err := f.lookAround(ctx)
	if err != nil || f.DryRun {
		return f.out, err
	}
	var faults []error
	for _, d := range dates {
		if err := f.erase(ctx, d); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", d.date, err))
		}
		if ctx.Err() != nil {
			return f.out, context.Cause(ctx)
		}
	}
	if len(faults) > 0 {
		return f.out, errors.Join(faults...)
	}
	if f.out.Lists, err = f.Catalog.DropLists(ctx, f.listHolds); err != nil {
		return f.out, err
	}
	if f.open {
		return f.out, nil
	}
	return f.out, f.Catalog.Erased(ctx, f.known)
}

// begin reads the ids and writes down that they are forgotten: from now on no run that begins brings them back.
func (f *forgetting) begin(ctx context.Context) error {
	if !f.DryRun {
		if err := f.Catalog.Settle(ctx); err != nil {
			return err
		}
	}
	if err := f.readIDs(ctx); err != nil {
		return err
	}
	if f.DryRun {
		var err error
		f.forgotten, err = ids.ForgottenOf(ids.NewKey(), f.users)
		return err
	}
	forgotten, err := f.Catalog.Forget(ctx, f.users)
	if err != nil {
		return err
	}
	f.forgotten, f.known, f.everyone = forgotten.Forgotten, forgotten.Known, !forgotten.Covered(f.users)
	if len(f.users) == 0 && !f.everyone {
		return ErrNobody
	}
	return f.Catalog.NobodyCommits(ctx, f.known)
}

// ErrNobody says that Forget was asked about nobody, and there is nothing that an earlier call has left.
var ErrNobody = errors.New("nobody is named, and no earlier call was interrupted")

// readIDs makes the ids canonical. All that cannot be ids are reported.
func (f *forgetting) readIDs(ctx context.Context) error {
	var err error
	if f.types, err = f.idTypes(ctx); err != nil {
		return err
	}
	var faults []error
	for _, user := range f.Users {
		canonical, err := canonicalOf(f.types, user)
		if err != nil {
			faults = append(faults, &NotIDError{err})
		}
		f.users = append(f.users, canonical)
	}
	f.users = slices.Compact(slices.Sorted(slices.Values(f.users)))
	f.out.Users = f.users
	return errors.Join(faults...)
}

// idTypes are the types that the user ids of the runs have, the newest first.
func (f *forgetting) idTypes(ctx context.Context) (types []ids.Type, err error) {
	dates, err := f.Catalog.Dates(ctx)
	if err != nil {
		return nil, err
	}
	slices.Reverse(dates)
	for _, m := range f.Catalog.Standing(ctx, dates) {
		if m == nil {
			continue
		}
		f.learnNames(m)
		typ, err := ids.ParseType(m.IDType)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(types, typ) {
			types = append(types, typ)
		}
	}
	if len(types) == 0 {
		return nil, inputFault("the output has no run, so there is nobody to forget, and it is not known what an id looks like; forget after the first run")
	}
	return types, nil
}

// canonicalOf is the canonical text of an id of the first type that it can be of.
func canonicalOf(types []ids.Type, text string) (canonical string, err error) {
	for _, typ := range slices.Backward(types) { // the error is that of the newest
		var one string
		if one, err = typ.Canonical(text); err == nil {
			canonical = one
		}
	}
	if canonical != "" {
		err = nil
	}
	return canonical, err
}

// partitionsOf are the partitions of a run that may hold the users.
func (f *forgetting) partitionsOf(m *catalog.Manifest) []int {
	if f.everyone {
		return allOf(1 << m.PartitionBits)
	}
	var out []int
	for _, user := range f.users {
		out = append(out, ids.Partition(ids.Hash([]byte(user)), m.PartitionBits))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// listHolds tells whether a list of user ids names somebody.
func (f *forgetting) listHolds(data []byte) bool {
	return slices.ContainsFunc(f.types, func(typ ids.Type) bool { return len(listWithout(data, typ, f.forgotten)) < len(data) })
}
