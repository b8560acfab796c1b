package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/rules"
)

// A run is a Job under way: what plan decided, and what the stages after it share.
type run struct {
	*Job
	snapshot Snapshot
	base     *catalog.Manifest // the previous run; nil on the first
	past     *catalog.Manifest // what the rules' was() and the like look at: base, unless a rehearsal compares with another run
	current  *catalog.Current  // what stood for the date when the run began; nil: nothing
	waiting  *catalog.Manifest // the run to accept; nil: this one finds out for itself
	shortcut shortcut          // of a replayed run
	missing  error             // of a replayed run: its snapshot is gone, so it must follow from stored files
	why      []string          // the run is made though one stands
	replaced *catalog.Manifest // the run that stands, where its events are to be compared; nil: there is none
	attempt  *catalog.Attempt
	manifest *catalog.Manifest

	forgotten *catalog.Forgotten // users who are left out
	lists     []pinnedList       // of today's definitions, and of the previous run's as they are today
	steps     []reasonStep
	plan      *rules.Plan
	words     *vocabulary
	idType    ids.Type
	eventIDs  ids.Type // of transitions, which name the previous run's users too

	idColumn string   // the snapshot's
	exports  []string // columns of the snapshot that membership shows
	by       string   // the column that settles duplicates, or empty
	scope    *scope   // nil: all users
	hashed   []string // the columns whose values settle ties

	alone bool // only today's answer is asked for: no reasons, no transitions

	readings []func() *reading // by row group: made when first asked for
	exchange *exchange
	spilled  spills // of the population, until all users are answered

	mu           sync.Mutex // of all below, and of manifest.Tables
	rejected     catalog.Rejects
	leftOut      int64            // rows of users who were forgotten
	nulls        map[string]int64 // by column that a rule uses
	duplicates   int64
	duplicateIDs []string // a few
	changesLost  bool     // the replaced run cannot be read
	stats        *stats
	counts       *counts
}

// A pinnedList is a list file that the definitions use, with its contents.
type pinnedList struct {
	path string
	data []byte
	list *rules.List
}

// newRun begins a run of a job.
func newRun(job Job) *run { return &run{Job: job.withDefaults(), nulls: map[string]int64{}} }

// latest says whether duplicates are settled by a column.
func (r *run) latest() bool { return r.by != "" }

// withDefaults fills in what the caller left open.
func (j Job) withDefaults() *Job {
	if j.Workers <= 0 {
		j.Workers = runtime.GOMAXPROCS(0)
	}
	if j.Memory <= 0 {
		j.Memory = defaultMemory()
	}
	if j.BatchRows <= 0 {
		j.BatchRows = 4096
	}
	if j.perPartition == 0 {
		j.perPartition = usersPerPartition
	}
	if j.TempDir == "" {
		j.TempDir = os.TempDir()
	}
	if j.Progress == nil {
		j.Progress = silent{}
	}
	if j.Log == nil {
		j.Log = slog.New(slog.DiscardHandler)
	}
	return &j
}

// silent is the Progress of who does not ask for any.
type silent struct{}

func (silent) Stage(string, int64) {}
func (silent) Done(int64)          {}

// Run makes one run of one date and publishes it whole, or publishes nothing and says why: an InputError, an OutputError, a GuardError,
// catalog.ErrLostRace, configs.Problems, or the cause that ctx was cancelled with.
//
// If users are forgotten meanwhile, what was computed with them is of no use, and the run begins anew.
func Run(ctx context.Context, job Job) (*Result, error) {
	for again := 0; ; again++ {
		result, err := runOnce(ctx, job)
		if again == mostAgain || !errors.Is(err, catalog.ErrForgotten) {
			return result, err
		}
		if job.Log != nil {
			job.Log.Info("users were forgotten meanwhile; the run begins anew", "date", job.Date)
		}
	}
}

// mostAgain is how often a run begins anew since users were forgotten.
const mostAgain = 3

func runOnce(ctx context.Context, job Job) (*Result, error) {
	r := newRun(job)
	defer r.close()
	if err := r.Catalog.Settle(ctx); err != nil {
		return nil, err
	}
	if err := r.makePlan(ctx); err != nil {
		return nil, err
	}
	r.describe()
	if done, err := r.upToDate(ctx); done != nil || err != nil {
		return done, err
	}
	if err := r.checkRows(); err != nil {
		return nil, err
	}
	if err := errors.Join(r.findWaiting(ctx), r.findShortcut(ctx)); err != nil {
		return nil, err
	}
	r.warn()
	return r.try(ctx)
}

// warn logs what is worth saying about the rules.
func (r *run) warn() {
	if r.unwarned {
		return
	}
	for _, w := range r.plan.Warnings() {
		r.Log.Warn(w.Message, "at", w.Pos.String(), "lint", w.Lint)
	}
}

// close lets go of the snapshot.
func (r *run) close() {
	r.spilled.close()
	if r.snapshot != nil {
		r.snapshot.Close()
	}
}

// try does the work between the first object and the commit, and clears up after itself if it does not get there.
func (r *run) try(ctx context.Context) (*Result, error) {
	var err error
	if r.attempt, err = r.Catalog.BeginOn(ctx, r.Date, r.manifest.Previous, r.current); err != nil {
		if errors.Is(err, objects.ErrRefused) || errors.Is(err, objects.ErrNotFound) { // there is no such bucket
			err = &OutputError{err}
		}
		return nil, err
	}
	if err = r.stages(ctx); err != nil {
		committed, abortErr := r.abort(ctx, err)
		if !committed {
			return nil, abortErr
		}
	}
	r.afterwards(ctx)
	return &Result{Manifest: r.manifest, Why: r.why}, nil
}

// abort removes what a failed attempt wrote. It reports whether the attempt is committed after all.
func (r *run) abort(ctx context.Context, cause error) (bool, error) {
	ctx = context.WithoutCancel(ctx)
	committed, err := r.attempt.Abort(ctx)
	if err != nil {
		cause = fmt.Errorf("%w (and its own files could not be removed; a later run sweeps them: %w)", cause, err)
	}
	if guard := (*GuardError)(nil); errors.As(cause, &guard) {
		r.sweep(ctx) // a date that guards stop again and again does not pile runs up
	}
	return committed, cause
}

// stages are assign, exchange, diff, guard and commit. Of a run that waited, nothing but the commit is left.
func (r *run) stages(ctx context.Context) error {
	r.manifest.Run = r.attempt.Run
	if err := r.beginChanges(ctx); err != nil {
		return err
	}
	work := func(ctx context.Context) error { return r.compute(ctx, r.newWriter) }
	switch {
	case r.waiting != nil:
		work = r.adopt
	case r.shortcut != noShortcut:
		work = r.rederive
	}
	if err := work(ctx); err != nil {
		return err
	}
	if err := r.completeChanges(ctx); err != nil {
		return err
	}
	if err := r.guard(ctx); err != nil {
		return err
	}
	return r.commit(ctx)
}

// A taker does with the outcome of a partition what there is to do with it. One goroutine uses it.
type taker func(ctx context.Context, at int, out *outcome) error

// compute is all that a run decides, guards included, and none of what it writes: every worker of diff hands its outcomes to
// a taker of its own.
func (r *run) compute(ctx context.Context, open func() taker) error {
	defer r.exchange.Close()
	r.stats, r.counts = newStats(r.words), newCounts(r.words.names)
	if r.plan.Population() != nil {
		if err := r.timed("population", func() error { return r.population(ctx) }); err != nil {
			return err
		}
	}
	if err := r.timed("assign", func() error { return r.fill(ctx) }); err != nil {
		return err
	}
	if err := r.timed("diff", func() error { return r.diffAll(ctx, open) }); err != nil {
		return err
	}
	r.complete()
	return r.checkScope()
}

// fill is assign, and what must hold of the snapshot before anyone looks at what is in the exchange.
func (r *run) fill(ctx context.Context) error {
	if err := r.assign(ctx); err != nil {
		return err
	}
	if err := r.snapshot.Unchanged(ctx); err != nil {
		return asInput(ctx, err)
	}
	return r.checkRejects()
}

// afterwards settles and sweeps behind a commit. The commit stands whatever happens here, and the next command finishes what
// is left, so a failure is a warning.
func (r *run) afterwards(ctx context.Context) {
	if err := r.attempt.Finish(ctx); err != nil {
		r.Log.Warn("the run is committed; copying its files into the hive folders is left to the next command", "error", err)
		return
	}
	r.sweep(ctx)
}

// sweep removes runs that nobody needs any more.
func (r *run) sweep(ctx context.Context) {
	swept, err := r.attempt.SweepAsOf(ctx)
	for _, ref := range swept {
		r.Log.Info("removed a run that does not stand", "date", ref.Date, "run", ref.Run)
	}
	if err != nil {
		r.Log.Warn("old runs could not be removed; the next command tries again", "error", err)
	}
}
