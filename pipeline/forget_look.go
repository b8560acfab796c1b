package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/rules"
)

// A heldDate is a date some of whose runs hold users who are to be forgotten.
type heldDate struct {
	date    catalog.Date
	current *catalog.Current
	runs    []*heldRun
}

// A heldRun is one of them, and where it holds them.
type heldRun struct {
	catalog.Holder
	members     []int // partitions whose membership holds users
	transitions []int
	changes     []heldChanges
	lists       []heldList
	told        Held
}

// A heldList is a list file without the users.
type heldList struct {
	at   int // in the manifest's lists
	data []byte
	list *rules.List
}

// lookAround looks at all runs of all dates, several dates at a time, and notes what they hold.
func (f *forgetting) lookAround(ctx context.Context) ([]*heldDate, error) {
	dates, err := f.Catalog.Folders(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]*heldDate, len(dates))
	nothing := func() struct{} { return struct{}{} }
	work := func(ctx context.Context, _ struct{}, i int) (err error) {
		if found[i], err = f.look(ctx, dates[i]); err != nil {
			err = fmt.Errorf("%s: %w", dates[i], err)
		}
		return err
	}
	if err := inParallel(ctx, datesAtOnce, len(dates), nothing, work, func(struct{}) error { return nil }); err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(d *heldDate) bool { return len(d.runs) == 0 })
	for _, d := range found {
		for _, run := range d.runs {
			f.out.Runs = append(f.out.Runs, run.told)
		}
	}
	slices.Sort(f.out.Notes)
	return found, nil
}

// datesAtOnce bounds what is in memory: of every date a partition of membership.
const datesAtOnce = 4

// look looks at all runs of a date.
func (f *forgetting) look(ctx context.Context, date catalog.Date) (*heldDate, error) {
	current, holders, unfinished, err := f.Catalog.Holders(ctx, date)
	if err != nil {
		return nil, err
	}
	d := &heldDate{date: date, current: current}
	for _, h := range holders {
		f.learnNames(h.Manifest)
	}
	for _, h := range holders {
		run := &heldRun{Holder: h, told: Held{Date: date, Run: h.Run, State: h.State}}
		holds, err := f.lookAt(ctx, run)
		if !h.Stays() && errors.Is(err, objects.ErrNotFound) { // its removal was begun
			holds, err = true, nil
		}
		if err != nil {
			return nil, err
		}
		if holds {
			d.runs = append(d.runs, run)
		}
	}
	return d, f.sweepUnfinished(ctx, date, unfinished)
}

// lookAt finds out what a run holds.
func (f *forgetting) lookAt(ctx context.Context, run *heldRun) (bool, error) {
	for _, at := range f.partitionsOf(run.Manifest) {
		if err := f.lookAtPartition(ctx, run, at); err != nil {
			return false, err
		}
	}
	if err := f.lookAtLists(ctx, run); err != nil {
		return false, err
	}
	if err := f.lookAtChanges(ctx, run); err != nil {
		return false, err
	}
	return len(run.members)+len(run.transitions)+len(run.lists)+len(run.changes) > 0, nil
}

func (f *forgetting) lookAtPartition(ctx context.Context, run *heldRun, at int) error {
	members, err := f.countUsers(ctx, run, "membership", at)
	if err != nil {
		return err
	}
	transitions, err := f.countUsers(ctx, run, "transitions", at)
	if members > 0 {
		run.members = append(run.members, at)
	}
	if transitions > 0 {
		run.transitions = append(run.transitions, at)
	}
	run.told.Users, run.told.Transitions = run.told.Users+members, run.told.Transitions+transitions
	return err
}

// openFile opens a file of a run.
func (f *forgetting) openFile(ctx context.Context, file catalog.File) (Snapshot, error) {
	return readStored(ctx, f.Catalog, file, func(file objects.Info) (Snapshot, error) {
		return f.Open(ctx, f.Catalog.Bucket(), file)
	})
}

// countUsers counts the rows of a file that are of the users. Only the column of ids is read.
func (f *forgetting) countUsers(ctx context.Context, run *heldRun, table string, at int) (rows int64, err error) {
	file, err := fileAt(run.Manifest, table, at)
	if err != nil || file.Rows == 0 {
		return 0, err
	}
	opened, err := f.openFile(ctx, file)
	if err != nil {
		return 0, err
	}
	defer opened.Close()
	err = eachUser(ctx, opened, func(_ int, packer *ids.Packer, packed *ids.Packed, i int) {
		if leavesOut(f.forgotten, packer, packed, i) {
			rows++
		}
	})
	return rows, err
}

// eachUser visits the id of every row of a data file.
func eachUser(ctx context.Context, file Snapshot, visit func(row int, packer *ids.Packer, packed *ids.Packed, i int)) error {
	fields, ok := file.Schema().FieldsByName(userColumn)
	if !ok {
		return fmt.Errorf("%s has no column %q; no run has written it", file.Address(0), userColumn)
	}
	typ, err := ids.TypeOf(fields[0])
	if err != nil {
		return err
	}
	packer := ids.NewPacker(typ)
	defer packer.Close()
	return eachRow(ctx, file, userColumn, func(column arrow.Array, from int) error {
		packed, err := packer.Pack(column)
		for i := 0; err == nil && i < column.Len(); i++ {
			visit(from+i, packer, packed, i)
		}
		return err
	})
}

// userColumn is the column of ids in the tables of a run.
const userColumn = "user_id"

// eachRow visits the arrays of a column of a data file, with the row that each begins at.
func eachRow(ctx context.Context, file Snapshot, name string, visit func(column arrow.Array, from int) error) error {
	before := 0
	for group, rows := range file.RowGroupRows() {
		columns, err := file.OpenRowGroup(ctx, group, []string{name})
		if err != nil {
			return err
		}
		err = eachArray(columns, name, int(rows), func(column arrow.Array, at int) error { return visit(column, before+at) })
		_ = columns.Close() // it was read, not written
		if err != nil {
			return fmt.Errorf("read %s, column %q: %w", file.Address(0), name, err)
		}
		before += int(rows)
	}
	return nil
}

// lookAtLists finds the lists that name the users, and what they hold without them.
func (f *forgetting) lookAtLists(ctx context.Context, run *heldRun) error {
	typ, err := ids.ParseType(run.IDType)
	if err != nil {
		return err
	}
	own, users := rules.ListPaths(run.Definitions), rules.UserLists(run.Definitions)
	for at, kept := range run.Lists {
		if slices.Contains(own, kept.Path) && !slices.Contains(users, kept.Path) {
			continue // what it holds is compared with other columns
		}
		data, err := f.Catalog.List(ctx, kept.SHA256)
		if err != nil {
			return fmt.Errorf("list %s: %w", kept.Path, err)
		}
		without := listWithout(data, typ, f.forgotten)
		if len(without) == len(data) {
			continue
		}
		list, err := rules.NewList(without)
		if err != nil {
			return fmt.Errorf("list %s: %w", kept.Path, err)
		}
		run.lists = append(run.lists, heldList{at: at, data: without, list: list})
		run.told.Lists = append(run.told.Lists, kept.Path)
	}
	return nil
}

// sweepUnfinished is about runs without a manifest. Those that cannot be under way any more go; of the others it is said what
// becomes of their files.
func (f *forgetting) sweepUnfinished(ctx context.Context, date catalog.Date, unfinished []catalog.Other) error {
	for _, other := range unfinished {
		gone := false
		if !f.DryRun {
			var err error
			if gone, err = f.Catalog.SweepLost(ctx, catalog.RunRef{Date: date, Run: other.Run}); err != nil {
				return err
			}
		}
		if !gone && other.Objects > 0 {
			f.note(fmt.Sprintf("run %s of %s is under way or was lost, and nobody reads its files; it removes them when it ends, "+
				"or else strata forget does, once they are 24 hours old", other.Run, date))
		}
	}
	return nil
}

func (f *forgetting) note(sentence string) {
	f.mu.Lock()
	f.out.Notes = append(f.out.Notes, sentence)
	f.mu.Unlock()
}

// leave notes something that another call has to find.
func (f *forgetting) leave(sentence string) {
	f.note(sentence)
	f.mu.Lock()
	f.open = true
	f.mu.Unlock()
}
