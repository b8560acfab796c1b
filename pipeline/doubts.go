package pipeline

import (
	"context"

	"strata/rules"
)

// A doubter is one worker that counts for whom negations are unknown.
type doubter struct {
	eval    *rules.Evaluator
	unknown []int64 // by negation
	open    []bool  // by negation: the footer of the row group at hand does not answer it
}

// countDoubts counts for how many users each negation that is warned of is unknown, and tells the warnings. Where footers do not
// answer that, it reads the columns that they look at, and no other.
func (r *run) countDoubts(ctx context.Context, doubts *rules.Doubts) error {
	if err := r.measure(ctx, doubts.Plan.Population()); err != nil {
		return err
	}
	total := make([]int64, len(doubts.Plan.Cuts()))
	open := func() *doubter {
		return &doubter{doubts.Plan.NewEvaluator(r.BatchRows), make([]int64, len(total)), make([]bool, len(total))}
	}
	work := func(ctx context.Context, d *doubter, at int) error {
		if !d.pending(r.snapshot, at, doubts) {
			return nil
		}
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

// pending takes from a row group's footer what that answers, and says whether something is left to count.
func (d *doubter) pending(snapshot Snapshot, at int, doubts *rules.Doubts) (left bool) {
	for i := range d.open {
		column := doubts.Column(i)
		if d.open[i] = column == ""; column != "" {
			known := snapshot.Statistics(at, column)
			if d.open[i] = !known.Counted; known.Counted {
				d.unknown[i] += known.Nulls
			}
		}
		left = left || d.open[i]
	}
	return left
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
	return eachWindow(ctx, d.eval, func(answers *rules.Answers) {
		for i, open := range d.open {
			if open {
				d.unknown[i] += int64(answers.Cut(i).Unknown())
			}
		}
	})
}
