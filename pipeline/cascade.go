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
		if some, err := cascadeAlong(ctx, job, chain, after, done); !some || err != nil {
			return err
		}
	}
}

// cascadeAlong refreshes the dates that are stale in a chain, and those that become so on the way. It says whether there were
// some. It ends early where the chain is no longer what stands: another process has made runs meanwhile.
func cascadeAlong(ctx context.Context, job Job, chain *catalog.Chain, after catalog.Date, done func(DateDone)) (some bool, _ error) {
	for {
		at, err := nextStale(chain, after)
		if at < 0 || err != nil {
			return some, err
		}
		out, err := replay(ctx, job, chain.Dates[at].Manifest)
		if err != nil {
			return some, &StoppedError{Date: chain.Dates[at].Date, Err: err}
		}
		chain.Replace(at, out.Result.Manifest)
		some = true
		done(*out)
		if chain.Dates[at].Stale != "" {
			return some, nil // of a run that the chain does not know
		}
	}
}

// nextStale is the place of the first stale date after a date; -1 where there is none. A date before it whose manifest cannot be
// read stops the cascade: nobody can tell whether that date is stale, and what follows is compared with it.
func nextStale(chain *catalog.Chain, after catalog.Date) (int, error) {
	at := chain.Stale(after)
	if i := chain.Damaged(after); i >= 0 && (at < 0 || i < at) {
		s := chain.Dates[i]
		return -1, &StoppedError{Date: s.Date, Err: fmt.Errorf("%s; make the date again with strata run --date %s --force", s.Damage[0], s.Date)}
	}
	return at, nil
}

// replay makes the run of a manifest again.
func replay(ctx context.Context, job Job, m *catalog.Manifest) (*DateDone, error) {
	result, err := Run(ctx, job.replaying(m))
	if errors.Is(err, errNotStored) {
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
