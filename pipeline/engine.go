package pipeline

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"golang.org/x/sync/errgroup"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// inParallel runs work(i) for i in [0, n) on the run's workers: each takes the next number from a queue when it is free. open
// builds what one worker owns; finish ends it when the queue is empty. After an error nothing more is begun, and what was
// begun before ends by itself, so that of several errors the one of the least number is told, whoever is faster.
func inParallel[W any](ctx context.Context, workers, n int, open func() W, work func(context.Context, W, int) error, finish func(W) error) error {
	var group errgroup.Group
	var next atomic.Int64
	var failed atomic.Bool
	faults := make([]error, n)
	for range min(workers, max(n, 1)) {
		group.Go(func() error {
			worker := open()
			for !failed.Load() {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				at := int(next.Add(1)) - 1
				if at >= n {
					return finish(worker)
				}
				if faults[at] = work(ctx, worker, at); faults[at] != nil {
					failed.Store(true)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	for _, fault := range faults {
		if fault != nil {
			return fault
		}
	}
	return err
}

// assign answers the rules for all row groups and fills the exchange.
func (r *run) assign(ctx context.Context) error {
	rows := r.snapshot.RowGroupRows()
	r.Progress.Stage("assign", r.snapshot.Rows())
	open := func() *assigner {
		return &assigner{
			run: r, eval: r.plan.NewEvaluator(r.BatchRows), exchange: r.exchange, scatter: r.exchange.newScatter(),
			packer: ids.NewPacker(r.idType), nulls: map[string]int64{}, own: r.ownColumns(),
			forgotten: r.forgotten.Forgotten,
		}
	}
	r.planReadings(len(rows))
	ahead := r.newAhead(r.columnsOf)
	defer ahead.close()
	work := func(ctx context.Context, a *assigner, at int) error {
		ahead.begin(ctx, at)
		defer ahead.done(at)
		defer r.Progress.Done(rows[at])
		return a.rowGroup(ctx, at)
	}
	return inParallel(ctx, r.Workers, len(rows), open, work, func(a *assigner) error {
		r.addAssigned(a)
		return a.scatter.flush()
	})
}

// ownColumns are the columns that an assigner reads beside those of the rules: the user id first.
func (r *run) ownColumns() []string { return append([]string{r.idColumn}, r.exports...) }

// addAssigned adds up what a worker of assign has counted.
func (r *run) addAssigned(a *assigner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rejected.Nulls += a.rejected.Nulls
	r.rejected.Unusable += a.rejected.Unusable
	r.leftOut += a.leftOut
	for column, n := range a.nulls {
		r.nulls[column] += n
	}
}

// A partitioner is one worker of the diff stage.
type partitioner struct {
	take   taker
	stats  *stats
	counts *counts
}

// diffAll compares all partitions with the previous run. A worker hands what it found to the taker that take opens for it.
func (r *run) diffAll(ctx context.Context, take func() taker) error {
	n := 1 << r.exchange.partitionBits
	r.Progress.Stage("diff", int64(n))
	comparison := r.comparison()
	open := func() *partitioner {
		return &partitioner{take: take(), stats: newStats(r.words), counts: newCounts(r.words.names)}
	}
	work := func(ctx context.Context, p *partitioner, at int) error {
		defer r.Progress.Done(1)
		if err := r.partition(ctx, p, comparison, at); err != nil {
			return fmt.Errorf("partition %d: %w", at, err)
		}
		return nil
	}
	err := inParallel(ctx, r.Workers, n, open, work, func(p *partitioner) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stats.add(p.stats)
		r.counts.add(p.counts)
		return nil
	})
	if err == nil {
		err = r.checkDuplicates()
	}
	return err
}

func (r *run) comparison() *comparison {
	c := &comparison{
		words: r.words, date: r.Date.String(), day: r.Date.Days(),
		keepSince: r.Config.Membership.Since, eventIDs: r.eventIDs,
	}
	for i, s := range r.steps {
		c.reasons = append(c.reasons, s.reason)
		if r.plan != nil { // else no step is asked
			c.maps = append(c.maps, newStepMap(r.words, r.plan, i))
		}
	}
	c.at = r.steps[len(r.steps)-1].Now.UnixMicro()
	for _, name := range r.words.names.Dated {
		c.dated = append(c.dated, datedName{r.words.names.Segment(name), r.words.names.Lifecycle(name)})
	}
	for _, name := range r.words.names.Exits {
		at := r.words.names.Segment(name)
		c.exits = append(c.exits, exitsOf{at, int32(r.Config.Segments[at].Cooldown), indexOf(r.words.previous.Exits, name)})
	}
	return c
}

// sorted takes the users of a partition out of the exchange. It returns none where their duplicates are going to end the run, with an
// error that counts them all.
func (r *run) sorted(at int) (*users, error) {
	lanes, err := r.exchange.gatherAll(at)
	if err != nil {
		return nil, err
	}
	u := sortUsers(lanes, r.idType)
	if u.duplicates > 0 && !r.addDuplicates(u) {
		return nil, nil
	}
	return u, nil
}

// partition sorts, answers and compares one partition, and hands it on.
func (r *run) partition(ctx context.Context, p *partitioner, c *comparison, at int) error {
	u, err := r.sorted(at)
	if u == nil || err != nil {
		return err
	}
	previous, err := r.membership(ctx, r.base, at)
	if err != nil {
		return err
	}
	a, err := r.answer(ctx, c, u, previous, at)
	if err != nil {
		return err
	}
	if a.before == nil {
		a.before = newFormer(r.base, &a.users.ids, previous)
	}
	out := c.diff(a.users, a.steps, a.before)
	out.membership.ExtraNames, out.membership.ExtraLogical = r.Config.Membership.Columns, r.exportLogical()
	if len(r.exports) > 0 {
		out.membership.Extra = payloads(memory.DefaultAllocator, r.exportTypes(), a.users.len(), a.exported)
		defer out.membership.Release()
	}
	out.stats.members(out.membership)
	if a.part != nil {
		out.stats.scoped(r.words, a.part)
	}
	p.stats.add(out.stats)
	p.counts.add(a.counts)
	return p.take(ctx, at, out)
}

// An answered partition is what the steps say of its users.
type answered struct {
	users    *users
	steps    []answers
	counts   *counts
	before   *former            // what the run that they are compared with left of them; nil: it is still to be made
	exported func(i int) []byte // the values of the columns that membership shows of user i
	part     *parting           // nil: all users are in scope
}

// answer answers every step for the users of a partition. With a scope these are the users in it, and beside them those of the
// previous run who are carried.
func (r *run) answer(ctx context.Context, c *comparison, u *users, previous *tables.Membership, at int) (*answered, error) {
	var part *parting
	var err error
	if r.scope != nil {
		if part, err = r.part(ctx, u, previous); err != nil {
			return nil, err
		}
		u = part.users
	}
	past, err := r.pastOf(ctx, u, previous, at)
	if err != nil {
		return nil, err
	}
	steps, counted, err := resolve(r.plan, r.words, c.maps, u, past)
	if err != nil {
		return nil, err
	}
	if part == nil {
		out := &answered{users: u, steps: steps, counts: counted, exported: u.exported}
		if r.past == r.base {
			out.before = past
		}
		return out, nil
	}
	all := part.rejoin(r.memberIDs())
	return &answered{users: all.users, steps: part.answers(r.words, steps, all), counts: counted, exported: all.exported, part: part}, nil
}

// pastOf is what rules may ask of some users of a partition; nil where they ask nothing. previous is the membership of base, if it was read.
func (r *run) pastOf(ctx context.Context, u *users, previous *tables.Membership, at int) (*former, error) {
	if len(r.plan.Past()) == 0 {
		return nil, nil
	}
	if r.past != r.base || previous == nil {
		var err error
		if previous, err = r.membership(ctx, r.past, at); err != nil {
			return nil, err
		}
	}
	return newFormer(r.past, &u.ids, previous), nil
}

// addDuplicates counts the duplicates of a partition. It reports whether the run can go on with them.
func (r *run) addDuplicates(u *users) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.duplicates += u.duplicates
	r.duplicateIDs = append(r.duplicateIDs, u.examples...)
	return r.latest()
}

// exportLogical are the logical types of the export columns that Arrow has no type for.
func (r *run) exportLogical() []string {
	logical := make([]string, len(r.exports))
	for i, column := range r.exports {
		fields, _ := r.snapshot.Schema().FieldsByName(column)
		logical[i], _ = fields[0].Metadata.GetValue(tables.LogicalKey)
	}
	return logical
}

func (r *run) exportTypes() []arrow.DataType {
	types := make([]arrow.DataType, len(r.exports))
	for i, column := range r.exports {
		field, _ := r.snapshot.Schema().FieldsByName(column)
		types[i] = field[0].Type
	}
	return types
}

// newWriter opens the taker of a run that publishes.
func (r *run) newWriter() taker {
	encoder := r.NewEncoder()
	return func(ctx context.Context, at int, out *outcome) error { return r.write(ctx, encoder, at, out) }
}

// write encodes and stores the files of a partition.
func (r *run) write(ctx context.Context, encoder Encoder, at int, out *outcome) error {
	for _, table := range r.tables() {
		if err := r.writeTable(ctx, encoder, table, at, out); err != nil {
			return err
		}
	}
	return r.writeChanges(ctx, at, out.transitions)
}

// writeTable encodes and stores the file of one table.
func (r *run) writeTable(ctx context.Context, encoder Encoder, table string, at int, out *outcome) error {
	var file tables.File
	var err error
	switch table {
	case "membership":
		file, err = encoder.Membership(out.membership)
	case "transitions":
		file, err = encoder.Transitions(out.transitions)
	case "wide":
		file, err = encoder.Wide(out.membership)
	case "long":
		file, err = encoder.Long(out.membership)
	}
	if err != nil {
		return fmt.Errorf("encode %s: %w", table, err)
	}
	info, err := r.attempt.Put(ctx, table, at, file.Data, file.Rows)
	if err != nil {
		return err
	}
	r.addFile(table, info)
	return nil
}

// tables are the names of the tables that this run publishes.
func (r *run) tables() []string {
	return append([]string{"membership", "transitions"}, r.Config.Membership.Also...)
}
