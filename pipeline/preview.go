package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/rules"
)

// A Proposal is a rule that somebody thinks of, and what to tell about it.
type Proposal struct {
	Rule     configs.Expr
	Overlap  bool    // with the segments and stages of the definitions
	Examples int     // how many users to name
	Sample   float64 // the share of row groups to look at, at least ten; 0 looks at all
}

// A Previewed says how many users a rule would take.
type Previewed struct {
	Date       catalog.Date
	Rows       int64 // of the snapshot
	RowGroups  int
	Users      int64  // that were looked at: all, or the rows of a sample
	Where      string // the scope; empty: all users
	Outside    int64  // users who are not in it
	Rejects    catalog.Rejects
	Duplicates int64

	Members int64 // users for whom the rule is true
	Unknown int64
	Errors  int64

	Segments []Overlap // in definition order
	Stages   []Overlap
	Examples []string        // users for whom the rule is true: those whose ids have the least hashes
	Sample   *Sample         // nil: all users were looked at, and the numbers are exact
	Previous *catalog.RunRef // the run that the rules were asked about; nil where they ask about none, or there is none

	Columns  []string // of the snapshot, that the answer rests on
	Warnings configs.Problems
}

// An Overlap compares a segment, or a stage of a lifecycle, with the rule.
type Overlap struct {
	Lifecycle string // empty: it is a segment
	Name      string
	Size      int64
	Both      int64 // users of it for whom the rule is true
}

// RuleFile is the file that places in the text of a preview's rule name.
const RuleFile = "rule"

// theRule is what the definitions of a preview call the rule: a name that no file can give.
const theRule = "the rule"

// Preview tells how many users of one date a rule would take. It reads the snapshot as a run would and writes nothing. Faults of the
// rule have their place in its text. Where the rule, or what it is compared with, looks at the previous run, that run's membership
// is read, and no sample is taken. NewEncoder and Version of the job are not used.
func Preview(ctx context.Context, job Job, asked Proposal) (*Previewed, error) {
	if strings.TrimSpace(asked.Rule.Text) == "" {
		return nil, configs.Problems{{Message: "the rule is empty", Hint: "write true for everybody"}}
	}
	config, definitions := *job.Config, job.Config.Definitions()
	job.Config = &config
	where := config.Snapshot.Where
	propose(&config, asked)
	r := newRun(job)
	defer r.close()
	r.Progress.Stage("plan", 0)
	err := r.askBefore(ctx)
	if err != nil {
		return nil, err
	}
	if err = r.open(ctx, where); err != nil {
		return nil, err
	}
	if err = r.prepare(ctx); err != nil {
		return nil, aboutTheScope(aboutTheRule(err))
	}
	p := &previewing{run: r, proposal: asked, definitions: definitions, where: where}
	if p.where.Text != "" && r.plan.Surveys(0) {
		return nil, noSurvey(p.where)
	}
	return p.answer(ctx)
}

// propose adds the rule to the definitions as their last segment, the scope as the last but one, and takes away what the answer does not need.
func propose(config *configs.Config, asked Proposal) {
	where := config.Snapshot.Where
	config.Snapshot.Where = configs.Expr{}
	config.Membership = configs.Membership{}
	config.Segments = append(append([]configs.Segment{}, config.Segments...), configs.Segment{Name: theRule, When: asked.Rule})
	if !asked.Overlap {
		needed := rules.Needed(config.Definitions(), theRule)
		config.Segments, config.Lifecycles = needed.Segments, needed.Lifecycles
	}
	if where.Text != "" {
		last := len(config.Segments) - 1
		config.Segments = slices.Insert(slices.Clone(config.Segments), last, configs.Segment{Name: whereName, When: where})
	}
}

// aboutTheRule words the faults of the rule as what they are: about no segment of a file.
func aboutTheRule(err error) error {
	var problems configs.Problems
	if errors.As(err, &problems) {
		placeInRule(problems)
	}
	return err
}

func placeInRule(problems configs.Problems) {
	for _, p := range problems {
		rest, ours := strings.CutPrefix(p.Message, fmt.Sprintf("segment %q: ", theRule))
		if p.Message = rest; ours {
			p.File = RuleFile
		}
	}
}

// A previewing is a preview under way.
type previewing struct {
	*run
	proposal    Proposal
	definitions *configs.Definitions // without the rule
	where       configs.Expr         // the scope, which is the last segment but one; without text: all users
	sizes       *catalog.Manifest    // of a run that tells the sizes of all segments and stages; nil: they are to be counted
}

func (p *previewing) answer(ctx context.Context) (*Previewed, error) {
	if err := p.population(ctx); err != nil {
		return nil, err
	}
	total, sample, err := p.count(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.snapshot.Unchanged(ctx); err != nil {
		return nil, asInput(ctx, err)
	}
	out := p.told(total)
	out.Sample = sample
	if p.base != nil && len(p.plan.Past()) > 0 {
		out.Previous = &catalog.RunRef{Date: p.base.Date, Run: p.base.Run}
	}
	return out, nil
}

// count counts in the least costly way that gives what is asked for.
func (p *previewing) count(ctx context.Context) (total *tally, sample *Sample, err error) {
	all := len(p.snapshot.RowGroupRows())
	if len(p.plan.Past()) > 0 {
		total, err = p.countUsers(ctx)
		return total, nil, err
	}
	if drawn := draw(all, p.proposal.Sample); p.proposal.Sample > 0 && len(drawn) < all {
		return p.sampled(ctx, drawn)
	}
	stands, err := p.standing(ctx)
	if err != nil {
		return nil, nil, err
	}
	if stands == nil || !p.eachRowOnce(stands) {
		total, err = p.countUsers(ctx)
		return total, nil, err
	}
	if p.where.Text == "" && stands.Scope == nil && p.asksTheSame(stands) {
		p.sizes = stands
	}
	total, err = p.countRows(ctx, allOf(all), nil)
	return total, nil, err
}

// eachRowOnce says whether every row is a user of its own, because the run that stands for the date found so in the same objects.
// Rows can then be counted where they stand.
func (p *previewing) eachRowOnce(stands *catalog.Manifest) bool {
	return stands.ReadFrom(p.inputs()) && stands.IDColumn == p.idColumn && stands.Rejects.Total() == 0 && stands.Duplicates == 0 &&
		stands.Forgotten == 0 && !p.mayHold(stands)
}

// asksTheSame says whether the run that stands for the date asked what the definitions ask now, with the same lists.
func (p *previewing) asksTheSame(stands *catalog.Manifest) bool {
	now, paths := p.steps[0], rules.ListPaths(p.definitions)
	for _, l := range p.lists {
		if slices.Contains(paths, l.path) && !slices.ContainsFunc(stands.Lists, func(kept catalog.List) bool {
			return kept.Path == l.path && kept.SHA256 == l.list.Hash()
		}) {
			return false
		}
	}
	return stands.Definitions.Equal(p.definitions) && stands.Now.Equal(now.Now) && stands.Today.Days() == now.Today
}

// told is the answer that a tally gives.
func (p *previewing) told(t *tally) *Previewed {
	warnings := p.plan.Warnings()
	placeInRule(warnings)
	out := &Previewed{
		Date: p.Date, Rows: p.snapshot.Rows(), RowGroups: len(p.snapshot.RowGroupRows()), Users: t.users, Where: p.where.Text, Outside: t.outside, Rejects: p.rejected, Duplicates: p.duplicates,
		Members: t.members, Unknown: t.unknown, Errors: t.failed, Examples: t.examples.ids(),
		Columns: p.plan.StepColumns(0), Warnings: warnings,
	}
	if p.proposal.Overlap {
		out.Segments, out.Stages = p.overlaps(t)
	}
	return out
}

// overlaps are all segments and stages but the rule itself. Where their sizes are known, they need not have been counted everywhere.
func (p *previewing) overlaps(t *tally) (segments, stages []Overlap) {
	for i, s := range p.plan.Segments(0)[:t.others] {
		one := Overlap{Name: s.Name, Size: t.segments[i].size, Both: t.segments[i].both}
		if p.sizes != nil {
			one.Size = segmentOf(p.sizes, s.Name).Size
		}
		segments = append(segments, one)
	}
	for i, l := range p.plan.Lifecycles(0) {
		for j, stage := range l.Stages {
			one := Overlap{Lifecycle: l.Name, Name: stage.Name, Size: t.stages[i][j].size, Both: t.stages[i][j].both}
			if p.sizes != nil {
				one.Size = p.sizes.Lifecycles[i].Stages[j].Size // of equal definitions, in their order
			}
			stages = append(stages, one)
		}
	}
	return segments, stages
}

// A tally counts the users for whom a rule is true, alone and together with everything else. Every worker has its own.
type tally struct {
	rule     int // its place among the segments
	others   int // how many segments there are beside it
	users    int64
	outside  int64 // users who are not in scope
	members  int64
	unknown  int64
	failed   int64
	segments []overlapping
	stages   [][]overlapping
	examples picker

	resolved rules.Resolved // scratch
}

type overlapping struct{ size, both int64 }

func (p *previewing) newTally() *tally {
	segments := len(p.plan.Segments(0))
	t := &tally{rule: segments - 1, others: segments - 1, segments: make([]overlapping, segments), examples: picker{most: p.proposal.Examples}}
	if p.where.Text != "" {
		t.others--
	}
	for _, l := range p.plan.Lifecycles(0) {
		t.stages = append(t.stages, make([]overlapping, len(l.Stages)))
	}
	return t
}

// add counts n users from their bits, one word a bit, and returns the word of those for whom the rule is true.
func (t *tally) add(plan *rules.Plan, words []uint64, n int) uint64 {
	plan.Resolve(0, words, &t.resolved)
	rows := ^uint64(0) >> (64 - n)
	if t.others < t.rule {
		rows &= t.resolved.Segments[t.others]
		t.outside += int64(n - bits.OnesCount64(rows))
	}
	members := t.resolved.Segments[t.rule] & rows
	t.users += int64(bits.OnesCount64(rows))
	t.members += int64(bits.OnesCount64(members))
	t.unknown += int64(bits.OnesCount64(t.resolved.Unknown[t.rule] & rows))
	t.failed += int64(bits.OnesCount64(t.resolved.Failed[t.rule] & rows))
	for i, word := range t.resolved.Segments {
		t.segments[i].count(word&rows, members)
	}
	for i, stages := range t.resolved.Stages {
		for j, word := range stages {
			t.stages[i][j].count(word&rows, members)
		}
	}
	return members
}

func (o *overlapping) count(word, members uint64) {
	o.size += int64(bits.OnesCount64(word))
	o.both += int64(bits.OnesCount64(word & members))
}

// merge adds what another worker has counted.
func (t *tally) merge(other *tally) {
	t.users += other.users
	t.outside += other.outside
	t.members += other.members
	t.unknown += other.unknown
	t.failed += other.failed
	t.examples.merge(&other.examples)
	for i, o := range other.segments {
		t.segments[i].add(o)
	}
	for i, stages := range other.stages {
		for j, o := range stages {
			t.stages[i][j].add(o)
		}
	}
}

func (o *overlapping) add(other overlapping) {
	o.size += other.size
	o.both += other.both
}

// countUsers settles rejects and duplicates as a run does, and counts users.
func (p *previewing) countUsers(ctx context.Context) (*tally, error) {
	defer p.exchange.Close()
	if err := p.fill(ctx); err != nil {
		return nil, err
	}
	n := 1 << p.exchange.partitionBits
	p.Progress.Stage("diff", int64(n))
	total := p.newTally()
	work := func(ctx context.Context, t *tally, at int) error {
		defer p.Progress.Done(1)
		u, err := p.sorted(at)
		if u == nil || err != nil {
			return err
		}
		before, err := p.pastOf(ctx, u, nil, at)
		if err != nil {
			return err
		}
		return t.countPartition(p.plan, u, before)
	}
	if err := inParallel(ctx, p.Workers, n, p.newTally, work, p.into(total)); err != nil {
		return nil, err
	}
	return total, p.checkDuplicates()
}

// into ends a worker: what it has counted goes into the total.
func (p *previewing) into(total *tally) func(*tally) error {
	return func(t *tally) error {
		p.mu.Lock()
		total.merge(t)
		p.mu.Unlock()
		return nil
	}
}

func (t *tally) countPartition(plan *rules.Plan, u *users, before *former) error {
	past, release, err := before.answers(plan)
	if err != nil {
		return err
	}
	defer release()
	words := make([]uint64, max(u.from.bits*64, plan.Words()))
	for at := 0; at < u.len(); at += 64 {
		n := min(64, u.len()-at)
		u.columns(at, n, words)
		past.Words(at>>6, words)
		for members := t.add(plan, words, n); members != 0; members &= members - 1 {
			if t.examples.most > 0 {
				t.offer(&u.ids, at+bits.TrailingZeros64(members))
			}
		}
	}
	return nil
}

// offer takes user i of a column of ids among the examples, if the hash is low enough.
func (t *tally) offer(column *ids.Column, i int) {
	var space [64]byte
	text := column.AppendText(space[:0], i)
	if t.examples.wants(ids.Hash(text)) {
		t.examples.add(string(text))
	}
}
