package pipeline

import (
	"context"
	"errors"

	"strata/pipeline/tables"
)

// PublishGiven makes a run of a job's date whose membership is given, not computed: what a test of definitions says was
// published before. Definitions, lists and now are the job's, there are no transitions, and no run may stand for the date or
// before it. The ids of the membership are of the type of the snapshot's, and its users fit into one partition.
func PublishGiven(ctx context.Context, job Job, given *tables.Membership) error {
	r := newRun(job)
	defer r.close()
	if err := r.makePlan(ctx); err != nil {
		return err
	}
	if r.base != nil || r.exchange.partitionBits > 0 {
		return errors.New("a membership can be given only before all runs, and for one partition")
	}
	r.exchange.Close()
	r.describe()
	r.stats, r.counts = newStats(r.words), newCounts(r.words.names)
	r.stats.members(given)
	var err error
	if r.attempt, err = r.Catalog.Begin(ctx, r.Date, nil); err != nil {
		return err
	}
	none := &tables.Transitions{Segments: r.words.eventNames, Stages: r.words.stageNames, At: r.manifest.Now.UnixMicro()}
	none.IDs.Type, none.IDs.Form = given.IDs.Type, given.IDs.Form
	if err = r.write(ctx, r.NewEncoder(), 0, &outcome{membership: given, transitions: none}); err != nil {
		return err
	}
	r.complete()
	return r.commit(ctx)
}
