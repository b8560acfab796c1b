package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// What a rehearsal is compared with.
const (
	AgainstEither   = ""         // the run that stands for the date, or the previous one where none does
	AgainstStanding = "standing" // the run that stands for the date: nothing but the definitions need differ
	AgainstPrevious = "previous" // the newest committed run before the date, as a run would be
)

// A Rehearsal is a run of one date up to its commit: all that it would publish, counted.
type Rehearsal struct {
	Manifest *catalog.Manifest // what the run's would say, but for its name and files
	Base     *catalog.Manifest // what it was compared with; nil: there is no run
	UpToDate bool              // a run of the date would do nothing
	// NewInputs: the snapshot's objects are not those that the run that stands for the date has read.
	NewInputs  bool
	Moves      []Move
	Examples   []Example
	UsedBefore map[string]catalog.Date // by added segment or lifecycle: the newest date, before the base, whose run had it
	Warnings   configs.Problems        // of rules that do what they say, and perhaps not what was meant
}

// A Move counts the users who would change from one stage of a lifecycle to another. An empty From or To is no stage.
type Move struct {
	Lifecycle string `json:"lifecycle"`
	From      string `json:"from"`
	To        string `json:"to"`
	Users     int64  `json:"users"`
}

// An Example names some of the users with one transition: those whose ids have the least hashes.
type Example struct {
	Segment string   `json:"segment"` // or lifecycle
	Change  string   `json:"change"`
	Reason  string   `json:"reason"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	Users   []string `json:"users"`
}

// Rehearse makes a run of one date up to its commit and writes nothing, whatever the outcome. against is one of the
// constants above; examples is how many users to name of every kind of transition. NewEncoder and Version of the job are not
// used. A guard that would stop the run is no error: the manifest has it.
func Rehearse(ctx context.Context, job Job, against string, examples int) (*Rehearsal, error) {
	r := newRun(job)
	defer r.close()
	if err := r.planRehearsal(ctx, against); err != nil {
		return nil, err
	}
	r.describe()
	if err := r.checkRows(); err != nil {
		return nil, err
	}
	all := &watchers{words: r.words, examples: examples}
	if err := r.compute(ctx, func() taker { return r.newWatcher(all) }); err != nil {
		return nil, err
	}
	out := &Rehearsal{Manifest: r.manifest, Base: r.base, UsedBefore: map[string]catalog.Date{}, Warnings: r.plan.Warnings()}
	out.Moves, out.Examples = all.result()
	return out, r.lookBack(ctx, out)
}

// planRehearsal is makePlan with a choice of what to compare with.
func (r *run) planRehearsal(ctx context.Context, against string) error {
	r.Progress.Stage("plan", 0)
	var err error
	if err = r.open(ctx, r.Config.Snapshot.Where); err != nil {
		return err
	}
	if r.base, err = r.rehearsalBase(ctx, against); err != nil {
		return err
	}
	if r.past, err = r.Catalog.Previous(ctx, r.Date); err != nil {
		return err
	}
	return r.prepare(ctx)
}

func (r *run) rehearsalBase(ctx context.Context, against string) (*catalog.Manifest, error) {
	if against == AgainstPrevious {
		return r.Catalog.Previous(ctx, r.Date)
	}
	standing, err := r.standing(ctx)
	switch {
	case err != nil || standing != nil:
		return standing, err
	case against == AgainstStanding:
		return nil, inputFault("no run stands for %s; compare with the previous one (--against previous)", r.Date)
	}
	return r.Catalog.Previous(ctx, r.Date)
}

// standing reads the manifest of the run that stands for the date; nil where none does.
func (r *run) standing(ctx context.Context) (*catalog.Manifest, error) {
	current, err := r.Catalog.Current(ctx, r.Date)
	if current == nil || err != nil {
		return nil, err
	}
	m, err := r.Catalog.Load(ctx, catalog.RunRef{Date: r.Date, Run: current.Run})
	if err != nil {
		return nil, fmt.Errorf("the run that stands for %s cannot be read: %w; make it again with strata run --force", r.Date, err)
	}
	return m, nil
}

// lookBack finds what earlier runs tell about a rehearsal.
func (r *run) lookBack(ctx context.Context, out *Rehearsal) error {
	standing, err := r.standing(ctx)
	if err != nil {
		return err
	}
	if standing != nil {
		out.NewInputs = !standing.ReadFrom(r.manifest.Inputs)
		out.UpToDate = r.manifest.Fingerprint() == standing.Fingerprint() // never where that run is the base
	}
	if r.base != nil {
		out.UsedBefore, err = r.Catalog.LastWith(ctx, r.base.Date, r.added())
	}
	return err
}

// added are the segments and lifecycles that the base does not have.
func (r *run) added() (names []string) {
	for i, added := range r.words.added {
		if added {
			names = append(names, r.words.segments[i])
		}
	}
	for i, added := range r.words.newLife {
		if added {
			names = append(names, r.words.lifecycles[i].Name)
		}
	}
	return names
}

// A transitionKind is what two transitions have in common whose users are examples of the same.
type transitionKind struct {
	segment  uint16
	change   tables.Change
	reason   tables.Reason
	from, to uint16
}

// A stageMove is a pair of stages of one lifecycle; as transitions have them.
type stageMove struct{ segment, from, to uint16 }

// A watcher takes the outcomes of one worker's partitions and counts what no manifest does.
type watcher struct {
	moves    map[stageMove]int64
	examples map[transitionKind]*picker
}

// watchers are those of all workers, to be added up.
type watchers struct {
	words    *vocabulary
	examples int // of every kind of transition
	each     []*watcher
}

// newWatcher opens the taker of a rehearsal.
func (r *run) newWatcher(all *watchers) taker {
	w := &watcher{moves: map[stageMove]int64{}, examples: map[transitionKind]*picker{}}
	r.mu.Lock()
	all.each = append(all.each, w)
	r.mu.Unlock()
	return func(_ context.Context, _ int, out *outcome) error {
		w.count(out.transitions, len(all.words.segments))
		if all.examples > 0 {
			w.pick(out.transitions, all.examples)
		}
		return nil
	}
}

func (w *watcher) count(t *tables.Transitions, segments int) {
	for i, segment := range t.Segment {
		if int(segment) >= segments {
			w.moves[stageMove{segment, t.From[i], t.To[i]}]++
		}
	}
}

func (w *watcher) pick(t *tables.Transitions, most int) {
	var text []byte
	hash, user := uint64(0), -1
	for i := range t.Len() {
		if int(t.User[i]) != user {
			user = int(t.User[i])
			text = t.IDs.AppendText(text[:0], user)
			hash = ids.Hash(text)
		}
		kind := transitionKind{t.Segment[i], t.Change[i], t.Reason[i], t.From[i], t.To[i]}
		p := w.examples[kind]
		if p == nil {
			p = &picker{most: most}
			w.examples[kind] = p
		}
		if p.wants(hash) {
			p.add(string(text))
		}
	}
}

// result adds all up, in the order of the definitions.
func (w *watchers) result() ([]Move, []Example) {
	moves, examples := map[stageMove]int64{}, map[transitionKind]*picker{}
	for _, one := range w.each {
		for move, n := range one.moves {
			moves[move] += n
		}
		for kind, p := range one.examples {
			if examples[kind] == nil {
				examples[kind] = &picker{most: w.examples}
			}
			examples[kind].merge(p)
		}
	}
	return w.namedMoves(moves), w.namedExamples(examples)
}

func (w *watchers) namedMoves(moves map[stageMove]int64) (out []Move) {
	for _, move := range sortedBy(moves, func(a, b stageMove) int {
		return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	}) {
		out = append(out, Move{w.words.eventNames[move.segment], w.words.stageName(move.from), w.words.stageName(move.to), moves[move]})
	}
	return out
}

func (w *watchers) namedExamples(examples map[transitionKind]*picker) (out []Example) {
	for _, kind := range sortedBy(examples, func(a, b transitionKind) int {
		return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.change, b.change), cmp.Compare(a.reason, b.reason),
			cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	}) {
		out = append(out, Example{
			Segment: w.words.eventNames[kind.segment], Change: kind.change.String(), Reason: kind.reason.String(),
			From: w.words.stageName(kind.from), To: w.words.stageName(kind.to), Users: examples[kind].ids(),
		})
	}
	return out
}

// sortedBy are the keys of a map in some order.
func sortedBy[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compare)
	return keys
}
