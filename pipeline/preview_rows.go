package pipeline

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/ids"
	"strata/rules"
)

// A looker is one worker of a preview that counts rows where they stand.
type looker struct {
	*tally
	previewing *previewing
	eval       *rules.Evaluator
	packer     *ids.Packer
	words      []uint64 // of 64 rows, one a bit of theirs
	members    []uint64 // of a row group: the rows for which the rule is true
}

// allOf are the numbers below n.
func allOf(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// countRows counts the rows of some row groups. told, where it is not nil, hears how many rows each has, and for how many of them
// the rule is true.
func (p *previewing) countRows(ctx context.Context, groups []int, told func(i int, rows, members int64)) (*tally, error) {
	all, rows := p.snapshot.RowGroupRows(), int64(0)
	for _, at := range groups {
		rows += all[at]
	}
	p.Progress.Stage("assign", rows)
	p.planReadings(len(all))
	total := p.newTally()
	open := func() *looker {
		l := &looker{
			tally: p.newTally(), previewing: p, eval: p.plan.NewEvaluator(p.BatchRows), packer: ids.NewPacker(p.idType),
			words: make([]uint64, p.plan.Bits()),
		}
		l.packer.SkipHashes = p.forgotten.Len() == 0 // most rules take few of the users
		return l
	}
	ahead := p.newAhead(p.columnsAhead)
	defer ahead.close()
	work := func(ctx context.Context, l *looker, i int) error {
		if len(groups) == len(all) {
			ahead.begin(ctx, i)
			defer ahead.done(i)
		}
		defer p.Progress.Done(all[groups[i]])
		before := l.tally.members
		err := l.rowGroup(ctx, groups[i])
		if told != nil {
			told(i, all[groups[i]], l.tally.members-before)
		}
		return err
	}
	into := p.into(total)
	err := inParallel(ctx, p.Workers, len(groups), open, work, func(l *looker) error { return into(l.tally) })
	return total, err
}

// columnsAhead are the columns of a row group that are going to be read: that of the user ids too where the rule may take somebody.
func (p *previewing) columnsAhead(at int) []string {
	pruning := p.readings[at]().pruning
	rule := p.outcomes(pruning)
	if p.skips(rule) {
		return nil
	}
	columns := slices.Clone(pruning.Columns())
	if p.proposal.Examples > 0 && rule.Has(rules.MayBeTrue) {
		columns = append(columns, p.idColumn)
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// outcomes are those that the rule may have in a row group. The rule is the last segment.
func (p *previewing) outcomes(pruning *rules.Pruning) rules.OutcomeSet {
	segments := p.plan.Segments(0)
	return pruning.Cut(segments[len(segments)-1].When)
}

// rowGroup counts one row group, and looks for examples where it has any.
func (l *looker) rowGroup(ctx context.Context, at int) error {
	before := l.tally.members
	if err := l.count(ctx, at); err != nil {
		return err
	}
	if l.examples.most == 0 || l.tally.members == before {
		return nil
	}
	return l.pick(ctx, at)
}

func (l *looker) count(ctx context.Context, at int) error {
	plan, pruning := l.previewing.plan, l.previewing.readings[at]().pruning
	if rule := l.previewing.outcomes(pruning); l.previewing.skips(rule) {
		l.skip(rule, l.previewing.snapshot.RowGroupRows()[at])
		return nil
	}
	src, err := l.previewing.openRowGroup(ctx, at, pruning.Columns())
	if err != nil {
		return err
	}
	defer src.Close()
	defer l.eval.Close()
	l.eval.StartPruned(src, pruning)
	l.members = l.members[:0]
	return eachWindow(ctx, l.eval, func(answers *rules.Answers) {
		for row := 0; row < answers.Len(); row += 64 {
			answers.Words(row/64, l.words)
			l.members = append(l.members, l.add(plan, l.words, min(64, answers.Len()-row)))
		}
	})
}

// eachWindow visits the answers about the row group that an evaluator has begun, a window of rows at a time.
func eachWindow(ctx context.Context, eval *rules.Evaluator, visit func(*rules.Answers)) error {
	for {
		answers, err := eval.Next(windowRows)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		visit(answers)
	}
}

// skips says whether a row group need not be looked at, since the rule has the same outcome in all its rows, takes none of them, and
// nothing else is to be counted there.
func (p *previewing) skips(rule rules.OutcomeSet) bool {
	return p.where.Text == "" && rule.Settled() && !rule.Has(rules.MayBeTrue) && (p.sizes != nil || !p.proposal.Overlap)
}

// skip counts the rows of such a row group.
func (t *tally) skip(rule rules.OutcomeSet, rows int64) {
	t.users += rows
	if rule.Has(rules.MayBeUnknown) {
		t.unknown += rows
	}
	if rule.Has(rules.MayFail) {
		t.failed += rows
	}
}

// pick offers the users of a row group for whom the rule is true.
func (l *looker) pick(ctx context.Context, at int) error {
	column := l.previewing.idColumn
	src, err := l.previewing.openRowGroup(ctx, at, []string{column})
	if err != nil {
		return err
	}
	defer src.Close()
	defer l.packer.Close()
	return eachArray(src, column, int(src.Rows()), func(array arrow.Array, from int) error {
		packed, err := l.packer.Pack(array)
		if err != nil {
			return err
		}
		for row := range array.Len() {
			if l.members[(from+row)>>6]>>((from+row)&63)&1 != 0 && !packed.Rejected(row) && !l.leavesOut(packed, row) {
				column, i := l.id(packed, row)
				l.offer(column, i)
			}
		}
		return nil
	})
}

// leavesOut tells whether a user was forgotten.
func (l *looker) leavesOut(packed *ids.Packed, row int) bool {
	return leavesOut(l.previewing.forgotten.Forgotten, l.packer, packed, row)
}

// id shows a packed id as one of a column.
func (l *looker) id(packed *ids.Packed, i int) (*ids.Column, int) {
	if packed.Fits(i) {
		return &ids.Column{Type: l.previewing.idType, Form: l.previewing.exchange.lanes[0].form, Words: packed.Words}, i
	}
	one := &ids.Column{Type: l.previewing.idType, Form: ids.Bytes}
	one.AppendBytes(packed.Text(i))
	return one, 0
}
