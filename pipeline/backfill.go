package pipeline

import (
	"context"
	"errors"
	"fmt"

	"strata/pipeline/catalog"
)

// A Backfill is a range of dates whose runs are made one after the other.
type Backfill struct {
	From, To  catalog.Date // both included
	AllowGaps bool         // a date without a snapshot is passed over; else the backfill stops there
}

// A DateDone is what became of one date of a backfill or a cascade.
type DateDone struct {
	Date   catalog.Date
	Result *Result // nil: there is no snapshot
	// NewInputs: the snapshot is not the one that the replayed run had read, so the date was computed from today's objects.
	NewInputs bool
}

// Run makes the run of every date in order, each as Run does with today's definitions: dates that are up to date are left
// alone, so the same call goes on where one was stopped. job is that of any date. done is told of each date; what stops the
// backfill comes as a StoppedError. A range without any snapshot is an error even where gaps are allowed.
func (b Backfill) Run(ctx context.Context, job Job, done func(DateDone)) error {
	var gap error
	gaps := true // all dates so far
	for date := b.From; !b.To.Before(date); date = date.Add(1) {
		job.Date = date
		result, err := Run(ctx, job)
		if err != nil && !b.Passes(err) {
			return &StoppedError{Date: date, Err: err}
		}
		gap, gaps = err, gaps && err != nil
		job.unwarned = job.unwarned || result != nil && !result.UpToDate // once is enough
		done(DateDone{Date: date, Result: result})
	}
	if gaps && gap != nil {
		return fmt.Errorf("no date from %s to %s has a snapshot; of the last: %w", b.From, b.To, gap)
	}
	return nil
}

// Passes says whether a date that failed so is a gap that is allowed.
func (b Backfill) Passes(err error) bool { return b.AllowGaps && errors.Is(err, ErrNoSnapshot) }

// A DatePlan is what a backfill would do about one date.
type DatePlan struct {
	Date     catalog.Date
	Standing string   // the run that stands; empty where none does
	Runs     bool     // a run would be made
	Why      []string // of a run that stands and would be made again
	Err      error    // why no run can be made
}

// Plan tells of every date what Run would do, and writes nothing. It looks at all dates, whatever is wrong with some.
func (b Backfill) Plan(ctx context.Context, job Job) ([]DatePlan, error) {
	var plans []DatePlan
	var before catalog.Date // the newest date that would be made
	for date := b.From; !b.To.Before(date); date = date.Add(1) {
		job.Date = date
		plan := planDate(ctx, job, before)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if plan.Runs {
			before = date
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// planDate plans one date, where an earlier date would have been made before it (zero: none).
func planDate(ctx context.Context, job Job, before catalog.Date) DatePlan {
	out := DatePlan{Date: job.Date}
	r := newRun(job)
	defer r.close()
	if out.Err = r.makePlan(ctx); out.Err != nil {
		return out
	}
	r.describe()
	done, err := r.upToDate(ctx)
	if r.current != nil {
		out.Standing = r.current.Run
	}
	out.Err, out.Why = err, r.why
	out.Runs = err == nil && (done == nil || !before.IsZero())
	if done != nil && out.Runs {
		out.Why = []string{before.String() + " is made again before it"}
	}
	return out
}
