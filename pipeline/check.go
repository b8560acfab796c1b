package pipeline

import (
	"context"
	"fmt"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/rules"
)

// A Fit is what Check found: definitions that compile against a snapshot.
type Fit struct {
	Columns []string // of the snapshot, that a run would read, sorted
	All     int      // how many columns the snapshot has
	Rows    int64
	Notes   []string
	Drift   []string // sentences: how the columns differ from those of the run before the date
	// Warnings are of rules that do what they say, and perhaps not what was meant.
	Warnings configs.Problems
	Plan     *rules.Plan // what would be evaluated
}

// Check compiles a job's definitions against the snapshot of its date, as Run would. It reads no user, unless the
// job asks to count whom negations leave out: then it reads the columns of those that warnings are about. Config, Date, Source
// and ReadList of the job must be set. CompareColumns needs a Catalog too.
func Check(ctx context.Context, job Job) (*Fit, error) {
	r := newRun(job)
	defer r.close()
	var err error
	if err = r.open(ctx, r.Config.Snapshot.Where); err != nil {
		return nil, err
	}
	if err = r.makeSteps(ctx); err != nil {
		return nil, err
	}
	notes := r.lookAtBase(ctx)
	if err = r.compile(); err != nil {
		return nil, err
	}
	if err = r.chooseColumns(); err != nil {
		return nil, err
	}
	if err = r.makeScope(); err != nil {
		return nil, err
	}
	if doubts := r.plan.Doubts(); doubts != nil {
		if err = r.countDoubts(ctx, doubts); err != nil {
			return nil, err
		}
	}
	fit := &Fit{
		Columns: r.columnsRead(), All: r.snapshot.Schema().NumFields(), Rows: r.snapshot.Rows(), Notes: append(r.snapshot.Notes(), notes...),
		Warnings: r.plan.Warnings(), Plan: r.plan,
	}
	if r.base != nil {
		fit.Drift = catalog.DriftSentences(catalog.Drift(r.base.Columns, columnsOf(r.snapshot.Schema()), fit.Columns), r.base.Date)
	}
	return fit, nil
}

// lookAtBase finds the run before the date, to compare columns with. Without one, definitions are checked all the same: a note
// says why.
func (r *run) lookAtBase(ctx context.Context) []string {
	if !r.CompareColumns {
		return nil
	}
	var err error
	if r.base, err = r.Catalog.Previous(ctx, r.Date); err != nil {
		return []string{fmt.Sprintf("the columns are compared with no other date's, since the previous run cannot be read: %v", err)}
	}
	return nil
}
