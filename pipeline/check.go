package pipeline

import (
	"context"

	"strata/configs"
	"strata/rules"
)

// A Fit is what Check found: definitions that compile against a snapshot.
type Fit struct {
	Columns []string // of the snapshot, that a run would read, sorted
	All     int      // how many columns the snapshot has
	Rows    int64
	Notes   []string
	// Warnings are of rules that do what they say, and perhaps not what was meant.
	Warnings configs.Problems
	Plan     *rules.Plan // what would be evaluated
}

// Check compiles a job's definitions against the snapshot of its date, as Run would. It reads no user, unless the
// job asks to count whom negations leave out: then it reads the columns of those that warnings are about. Config, Date, Source
// and ReadList of the job must be set.
func Check(ctx context.Context, job Job) (*Fit, error) {
	r := newRun(job)
	defer r.close()
	var err error
	if r.snapshot, err = r.Source.Open(ctx, r.Date); err != nil {
		return nil, err
	}
	if err = r.makeSteps(ctx); err != nil {
		return nil, err
	}
	if err = r.compile(); err != nil {
		return nil, err
	}
	if err = r.chooseColumns(); err != nil {
		return nil, err
	}
	if doubts := r.plan.Doubts(); doubts != nil {
		if err = r.countDoubts(ctx, doubts); err != nil {
			return nil, err
		}
	}
	return &Fit{
		Columns: r.columnsRead(), All: r.snapshot.Schema().NumFields(), Rows: r.snapshot.Rows(), Notes: r.snapshot.Notes(),
		Warnings: r.plan.Warnings(), Plan: r.plan,
	}, nil
}
