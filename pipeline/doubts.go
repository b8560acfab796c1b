package pipeline

import (
	"context"
	"errors"
	"io"

	"strata/rules"
)

// A doubter is one worker that counts for whom negations are unknown.
type doubter struct {
	eval    *rules.Evaluator
	unknown []int64 // by negation
}

// countDoubts counts for how many users each negation that is warned of is unknown, and tells the warnings. It reads the columns
// that they look at, and no other.
func (r *run) countDoubts(ctx context.Context, doubts *rules.Doubts) error {
	total := make([]int64, len(doubts.Plan.Cuts()))
	open := func() *doubter {
		return &doubter{doubts.Plan.NewEvaluator(r.BatchRows), make([]int64, len(total))}
	}
	work := func(ctx context.Context, d *doubter, at int) error {
		if err := d.rowGroup(ctx, r.snapshot, at, doubts.Plan.Columns()); err != nil {
			return asInput(ctx, err)
		}
		return nil
	}
	err := inParallel(ctx, r.Workers, len(r.snapshot.RowGroupRows()), open, work, func(d *doubter) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, n := range d.unknown {
			total[i] += n
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, n := range total {
		doubts.Count(i, n, r.snapshot.Rows())
	}
	return nil
}

// rowGroup counts in one row group.
func (d *doubter) rowGroup(ctx context.Context, snapshot Snapshot, at int, columns []string) error {
	group, err := snapshot.OpenRowGroup(ctx, at, columns)
	if err != nil {
		return err
	}
	defer group.Close()
	d.eval.Start(group)
	defer d.eval.Close()
	for {
		answers, err := d.eval.Next(windowRows)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range d.unknown {
			d.unknown[i] += int64(answers.Cut(i).Unknown())
		}
	}
}
