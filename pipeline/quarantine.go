package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"strata/pipeline/catalog"
)

// guard stops the run if a guard has tripped and was not accepted. What the run has found waits to be accepted.
func (r *run) guard(ctx context.Context) error {
	var tripped []catalog.Guard
	for i := range r.manifest.Guards {
		g := &r.manifest.Guards[i]
		if g.Accepted = g.Tripped && (r.Accept || r.acceptedBefore(g)); g.Tripped && !g.Accepted {
			tripped = append(tripped, *g)
		}
	}
	if len(tripped) == 0 {
		return nil
	}
	stopped := &GuardError{Tripped: tripped, Cascade: r.replays != nil}
	if err := r.quarantine(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(stopped, err)
	}
	stopped.Waiting = r.attempt.Run
	return stopped
}

// acceptedBefore says whether a guard was accepted, as bad or worse, for the run that is replayed.
func (r *run) acceptedBefore(now *catalog.Guard) bool {
	return r.replays != nil && slices.ContainsFunc(r.replays.Guards, func(g catalog.Guard) bool {
		return g.Accepted && g.Name == now.Name && g.Of == now.Of && now.Value <= g.Value
	})
}

func (r *run) quarantine(ctx context.Context) error {
	if err := r.keepLists(ctx); err != nil {
		return err
	}
	return r.attempt.Quarantine(ctx, r.manifest)
}

// findWaiting finds the run to accept. One whose files would be others today is not published; this run then takes its place,
// and the log says why.
func (r *run) findWaiting(ctx context.Context) error {
	if !r.Accept || r.Force {
		return nil
	}
	m, err := r.Catalog.Waiting(ctx, r.Date, r.current)
	if m == nil || err != nil {
		return err
	}
	changed := r.manifest.ChangedFrom(m)
	if m.Program != r.Version {
		changed = append(changed, "the version of strata")
	}
	if r.mayHold(m) {
		changed = append(changed, "who was forgotten")
	}
	if len(changed) == 0 {
		r.waiting = m
		return nil
	}
	r.Log.Warn("the run that a guard stopped is not published as it is but made again, since what it depends on has changed",
		"run", m.Run, "changed", strings.Join(changed, ", "))
	return nil
}

// adopt takes what the run that waited has found for this run's own. It asks what today's configuration asks of a run beside
// its files: guards and rejects may have other limits by now.
func (r *run) adopt(ctx context.Context) error {
	r.exchange.Close()
	r.Progress.Stage("copy", 0)
	found, now := *r.waiting, r.manifest
	found.Accepts, found.Erases, found.Run, found.Clock, found.Forgets = found.Run, "", now.Run, now.Clock, now.Forgets
	found.Definitions, found.Settings = now.Definitions, now.Settings // descriptions and the like are today's
	r.manifest, r.rejected = &found, found.Rejects
	if err := r.checkRejects(); err != nil {
		return err
	}
	err := r.timed("copy", func() error {
		var ofTables, ofEvents error
		found.Tables, ofTables = r.attempt.Adopt(ctx, r.waiting)
		found.Events, ofEvents = r.attempt.AdoptEvents(ctx, r.waiting)
		return errors.Join(ofTables, ofEvents)
	})
	found.Guards = r.guards(&found)
	found.Clock.Finished = time.Now().UTC()
	return err
}
