package pipeline

import (
	"context"
	"errors"
	"fmt"

	"strata/configs"
	"strata/pipeline/catalog"
)

// Cascade refreshes all stale dates after a date (zero: all) in order. Each is made again with the definitions, lists and now
// that its own manifest recorded, against the run that stands before it now. What was published is then what runs in the
// order of dates would have left. job is that of any date; its Config says where snapshots are and what guards check. done
// is told of each date; what stops the cascade comes as a StoppedError, and the same call goes on from there.
func Cascade(ctx context.Context, job Job, after catalog.Date, done func(DateDone)) error {
	for {
		chain, err := job.Catalog.Chain(ctx)
		if err != nil {
			return err
		}
		if chain.Stale(after) < 0 {
			return nil
		}
		if err := cascadeAlong(ctx, job, chain, after, done); err != nil {
			return err
		}
	}
}

// cascadeAlong refreshes the dates that are stale in a chain, and those that become so on the way. It ends early where the chain
// is no longer what stands: another process has made runs meanwhile.
func cascadeAlong(ctx context.Context, job Job, chain *catalog.Chain, after catalog.Date, done func(DateDone)) error {
	for at := chain.Stale(after); at >= 0; at = chain.Stale(after) {
		out, err := replay(ctx, job, chain.Dates[at].Manifest)
		if err != nil {
			return &StoppedError{Date: chain.Dates[at].Date, Err: err}
		}
		chain.Replace(at, out.Result.Manifest)
		done(*out)
		if chain.Dates[at].Stale != "" {
			return nil // of a run that the chain does not know
		}
		if err := damageAfter(chain, at); err != nil {
			return err
		}
	}
	return nil
}

// damageAfter stops at a date whose manifest cannot be read, and which therefore cannot follow the date before it.
func damageAfter(chain *catalog.Chain, at int) error {
	if at+1 == len(chain.Dates) || chain.Dates[at+1].Manifest != nil {
		return nil
	}
	next := chain.Dates[at+1]
	return &StoppedError{Date: next.Date, Err: fmt.Errorf("%s; make the date again with strata run --date %s --force", next.Damage[0], next.Date)}
}

// replay makes the run of a manifest again.
func replay(ctx context.Context, job Job, m *catalog.Manifest) (*DateDone, error) {
	result, err := Run(ctx, job.replaying(m))
	if errors.Is(err, errUnexplained) {
		job.inFull = true
		result, err = Run(ctx, job.replaying(m))
	}
	if err != nil {
		return nil, err
	}
	return &DateDone{Date: m.Date, Result: result, NewInputs: !m.ReadFrom(result.Manifest.Inputs)}, nil
}

// replaying is the job that makes the run of a manifest again.
func (j Job) replaying(m *catalog.Manifest) Job {
	read, lists := j.ReadList, m.Lists
	j.replays, j.Date, j.Force, j.unwarned = m, m.Date, false, true
	j.Config = j.Config.With(m.Definitions, m.Settings.Membership)
	j.Config.Snapshot.Where = configs.NewExpr(m.Settings.Where)
	j.ReadList = func(ctx context.Context, path string) ([]byte, error) {
		for _, l := range lists {
			if l.Path == path {
				return j.Catalog.List(ctx, l.SHA256)
			}
		}
		return read(ctx, path) // only the definitions of the run before ask for it, and did not before
	}
	return j
}

// checkReplayed looks whether the run that is replayed still stands.
func (r *run) checkReplayed() error {
	if r.replays == nil || r.current != nil && r.current.Run == r.replays.Run {
		return nil
	}
	return fmt.Errorf("replay run %s of %s: %w", r.replays.Run, r.Date, catalog.ErrLostRace)
}
