package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/tables"
)

// planFlags are the flags of strata plan.
type planFlags struct {
	*common
	date, output, against, format string
	examples                      int
	failOnGuard                   bool
}

func planCommand(shared *common) *cobra.Command {
	f := &planFlags{common: shared}
	cmd := &cobra.Command{
		Use:   "plan [--date YYYY-MM-DD]",
		Short: "Show what a change of definitions would do, before it is published",
		Long:  planHelp,
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.plan(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.date, "date", "", "the `date` to plan (default: the newest committed one, else that of the newest snapshot)")
	flags.StringVar(&f.against, "against", "", "compare with the `run` that is standing for the date, or with the previous one")
	flags.IntVar(&f.examples, "examples", 0, "name so `many` users of every kind of change")
	flags.StringVar(&f.format, "format", "text", "text, markdown (for a pull request) or json")
	flags.BoolVar(&f.failOnGuard, "fail-on-guard", false, "exit with 4 if a guard would stop the run")
	flags.StringVar(&f.output, "output", "", "the output `address`; overrides the configuration")
	return cmd
}

const planHelp = `Makes the run of a date up to its commit, with the definitions as they are in the file now, and shows what it would
publish: who would enter, leave and move, for which reasons, and which guards would stop it. Nothing is written.

It compares with the run that stands for the date where there is one. Data and date are then the same on both sides, so
what shows is what the definitions and lists change (reasons rule_changed, list_changed, segment_added and
segment_removed). Where no run stands for the date, or with --against previous, it compares with the newest committed
date before it: exactly what strata run --date would publish, and the guards that would stop it.

Examples:
  strata plan                                                  after an edit: what does it change?
  strata plan --date 2026-11-03 --against previous             what would tonight's run do?
  strata plan --examples 5                                     with users to look at
  strata plan --format markdown --fail-on-guard > comment.md   in a pull request's checks`

func (f *planFlags) plan(cmd *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	job := &pipeline.Job{}
	var err error
	if job.Config, err = readConfig(f.config); err != nil {
		return err
	}
	if err = wire(ctx, job, f.output); err != nil {
		return err
	}
	which, err := chooseDate(ctx, job, f.date)
	if err != nil {
		return err
	}
	if err = checkRules(ctx, job.Config, job.Date); err != nil {
		return err
	}
	progress, end := newProgress(cmd.ErrOrStderr(), newLog(cmd.ErrOrStderr(), f.logFormat, true), f.quiet)
	job.Progress = progress
	found, err := pipeline.Rehearse(ctx, *job, f.against, f.examples)
	end(err)
	if err != nil {
		return err
	}
	p := newForecast(found, which)
	if err := p.print(cmd, f.format); err != nil {
		return err
	}
	if tripped := p.tripped(); len(tripped) > 0 && f.failOnGuard {
		return plannedGuard{&pipeline.GuardError{Tripped: tripped}}
	}
	return nil
}

// check reports all flags that are wrong.
func (f *planFlags) check() error {
	var faults []string
	if f.against != pipeline.AgainstEither && f.against != pipeline.AgainstStanding && f.against != pipeline.AgainstPrevious {
		faults = append(faults, fmt.Sprintf("--against: %q is neither %s nor %s", f.against, pipeline.AgainstStanding, pipeline.AgainstPrevious))
	}
	if !slices.Contains([]string{"text", "markdown", "json"}, f.format) {
		faults = append(faults, fmt.Sprintf("--format: %q is none of text, markdown and json", f.format))
	}
	if f.examples < 0 || f.examples > 1000 {
		faults = append(faults, fmt.Sprintf("--examples: %d is outside 0..1000", f.examples))
	}
	return usageFaults(faults)
}

// A plannedGuard is a guard that would stop a run.
type plannedGuard struct{ guard *pipeline.GuardError }

func (g plannedGuard) Error() string {
	return plural(len(g.guard.Tripped), "guard") + " would stop this run (--fail-on-guard)"
}
func (g plannedGuard) Unwrap() error { return g.guard }

// A forecast is what strata plan says, ready to be shown.
type forecast struct {
	*pipeline.Rehearsal
	which    string // date it is, and why
	segments []plannedSegment
}

// A plannedSegment is a segment before and after.
type plannedSegment struct {
	Name        string          `json:"name"`
	Added       bool            `json:"added,omitempty"`
	Removed     bool            `json:"removed,omitempty"`
	Now         int64           `json:"size_now"`
	Then        int64           `json:"size_then"`
	UnknownNow  int64           `json:"unknown_now"`
	UnknownThen int64           `json:"unknown_then"`
	ErrorsNow   int64           `json:"errors_now"`
	ErrorsThen  int64           `json:"errors_then"`
	Changes     catalog.Changes `json:"changes"`
}

// steady says that nothing about the segment changes.
func (s plannedSegment) steady() bool {
	return !s.Added && !s.Removed && len(s.Changes) == 0 && s.UnknownNow == s.UnknownThen && s.ErrorsNow == s.ErrorsThen
}

func newForecast(found *pipeline.Rehearsal, which string) *forecast {
	f := &forecast{Rehearsal: found, which: which}
	before := map[string]catalog.Segment{}
	if found.Base != nil {
		for _, s := range found.Base.Segments {
			if !s.Removed {
				before[s.Name] = s
			}
		}
	}
	for _, s := range found.Manifest.Segments {
		old, known := before[s.Name]
		f.segments = append(f.segments, plannedSegment{
			Name: s.Name, Added: !known, Removed: s.Removed, Now: old.Size, Then: s.Size, UnknownNow: old.Unknown, UnknownThen: s.Unknown,
			ErrorsNow: old.Errors, ErrorsThen: s.Errors, Changes: s.Changes,
		})
	}
	return f
}

func (f *forecast) tripped() []catalog.Guard { return catalog.Tripped(f.Manifest.Guards) }

func (f *forecast) print(cmd *cobra.Command, format string) error {
	w := cmd.OutOrStdout()
	switch format {
	case "json":
		return printJSON(w, f.json())
	case "markdown":
		f.page().markdown(w)
	default:
		f.page().text(w)
	}
	return nil
}

// page lays the forecast out for people.
func (f *forecast) page() page {
	p := page{{title: fmt.Sprintf("plan of %s: %s users; nothing is written", f.which, count(f.Manifest.Users)), sentences: f.standpoint()}}
	if lines := f.definitions(); len(lines) > 0 {
		p = append(p, paragraph{title: "what was edited:", quoted: lines})
	}
	p = append(p, f.segmentsTable()...)
	p = append(p, f.reasonsTable()...)
	p = append(p, f.matrices()...)
	p = append(p, f.guardsAndWarnings()...)
	return append(p, f.examplesTable()...)
}

// standpoint says what is compared with what.
func (f *forecast) standpoint() (sentences []string) {
	date := f.Manifest.Date
	switch {
	case f.Base == nil:
		sentences = append(sentences, "there is no run before it: all is initial")
	case f.Base.Date == date:
		sentences = append(sentences, fmt.Sprintf("compared with the run that stands for %s: what differs is what definitions and lists change", date))
	default:
		sentences = append(sentences, fmt.Sprintf("compared with the previous run, of %s, as strata run --date %s would be", f.Base.Date, date))
	}
	if f.NewInputs {
		sentences = append(sentences, fmt.Sprintf("the snapshot's objects are not those that the run that stands for %s has read", date))
	}
	switch {
	case f.UpToDate:
		sentences = append(sentences, fmt.Sprintf("the run that stands for %s is up to date: strata run --date %s would do nothing", date, date))
	case f.Base != nil && f.changes() == 0:
		sentences = append(sentences, "no user would enter, leave or move")
	}
	sentences = append(sentences, fmt.Sprintf("the snapshot has %s", sideRows(f.Manifest)))
	if f.Manifest.Scope != nil {
		sentences = append(sentences, scopeSentence(f.Manifest))
	}
	for _, note := range f.Manifest.Notes {
		sentences = append(sentences, "note: "+note)
	}
	return append(sentences, f.Manifest.DriftSentences()...)
}

// changes is how many transitions there would be.
func (f *forecast) changes() (sum int64) {
	for change := range tables.Change(tables.Changes) {
		sum += changed(f.Manifest, change)
	}
	return sum
}

func (f *forecast) definitions() []string {
	if f.Base == nil {
		return nil
	}
	return differences(f.Base, f.Manifest)
}

// segmentsTable shows the segments that change.
func (f *forecast) segmentsTable() page {
	t := paragraph{head: []string{"segment", "size now", "size then", "change", "entered", "exited", "initial", "unknown", "errors"}}
	steady := 0
	for _, s := range f.segments {
		if s.steady() {
			steady++
			continue
		}
		name, now, then := s.Name, count(s.Now), count(s.Then)
		if s.Added {
			now = "-"
		}
		if s.Added && f.Base != nil {
			name += " (new)"
		}
		if s.Removed {
			name, then = name+" (removed)", "-"
		}
		t.rows = append(t.rows, []string{
			name, now, then, signed(s.Then - s.Now), count(s.Changes.Sum(tables.Entered)), count(s.Changes.Sum(tables.Exited)),
			count(s.Changes.Sum(tables.Initial)), rise(s.UnknownNow, s.UnknownThen), rise(s.ErrorsNow, s.ErrorsThen),
		})
	}
	out := page{}
	if len(t.rows) > 0 {
		out = append(out, t)
	}
	if steady > 0 {
		out = append(out, paragraph{title: fmt.Sprintf("%s would stay as they are", others(steady, len(t.rows)))})
	}
	return out
}

func others(n, besides int) string {
	if besides == 0 {
		return fmt.Sprintf("all %s", plural(n, "segment"))
	}
	return fmt.Sprintf("%d of %s", n, plural(n+besides, "segment"))
}

// signed writes a change of a number.
func signed(n int64) string {
	if n > 0 {
		return "+" + count(n)
	}
	return count(n)
}

// rise writes a number, with what has changed about it.
func rise(now, then int64) string {
	if now == then {
		return count(then)
	}
	return fmt.Sprintf("%s (%s)", count(then), signed(then-now))
}

// reasonsTable shows why.
func (f *forecast) reasonsTable() page {
	t := paragraph{title: "why:", head: []string{"segment or lifecycle", "change", "reason", "users"}}
	add := func(name string, changes catalog.Changes) {
		for _, change := range tables.ChangeNames {
			for _, reason := range tables.ReasonNames {
				if n := changes[change][reason]; n > 0 {
					t.rows = append(t.rows, []string{name, change, reason, count(n)})
				}
			}
		}
	}
	for _, s := range f.Manifest.Segments {
		add(s.Name, s.Changes)
	}
	for _, l := range f.Manifest.Lifecycles {
		add(l.Name, l.Changes)
	}
	if len(t.rows) == 0 {
		return nil
	}
	return page{t}
}

// matrices show every lifecycle with a change, stages now by stages then.
func (f *forecast) matrices() (out page) {
	for _, l := range f.Manifest.Lifecycles {
		moves := map[[2]string]int64{}
		sum := int64(0)
		for _, m := range f.Moves {
			if m.Lifecycle == l.Name {
				moves[[2]string{m.From, m.To}] = m.Users
				sum += m.Users
			}
		}
		if sum > 0 {
			out = append(out, f.matrix(l, moves, sum))
		}
	}
	return out
}

// matrix shows one lifecycle. On the diagonal are those who stay.
func (f *forecast) matrix(l catalog.Lifecycle, moves map[[2]string]int64, sum int64) paragraph {
	from, to := f.stagesOf(l)
	t := paragraph{
		title: fmt.Sprintf("lifecycle %s: %s of %s users change (down: the stage now, across: the stage then)", l.Name, count(sum), count(f.Manifest.Users)),
		head:  []string{"now \\ then"},
	}
	for _, stage := range to {
		t.head = append(t.head, cmp.Or(stage, "none"))
		if at := slices.IndexFunc(l.Stages, func(s catalog.Stage) bool { return s.Name == stage }); at >= 0 {
			stay := l.Stages[at].Size
			for _, other := range from {
				stay -= moves[[2]string{other, stage}]
			}
			moves[[2]string{stage, stage}] = stay
		}
	}
	for _, stage := range from {
		row := []string{cmp.Or(stage, "none")}
		for _, other := range to {
			if stage == "" && other == "" {
				row = append(row, "-")
				continue
			}
			row = append(row, count(moves[[2]string{stage, other}]))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// stagesOf are the stages that users of a lifecycle come from and go to; empty for none.
func (f *forecast) stagesOf(l catalog.Lifecycle) (from, to []string) {
	for _, s := range l.Stages {
		to = append(to, s.Name)
	}
	if f.Base != nil {
		for _, old := range f.Base.Names.Lifecycles {
			if old.Name == l.Name {
				from = slices.Clone(old.Stages)
			}
		}
	}
	return append(from, ""), append(to, "")
}

// guardsAndWarnings are what should make an author think.
func (f *forecast) guardsAndWarnings() (out page) {
	var guards []string
	for _, g := range f.tripped() {
		guards = append(guards, g.Sentence)
	}
	switch {
	case len(guards) > 0:
		out = append(out, paragraph{title: "guards that would stop the run (strata run --accept publishes all the same):", sentences: guards},
			paragraph{title: "look at:", sentences: catalog.Looks(f.Manifest.Guards)})
	case f.Base != nil:
		out = append(out, paragraph{title: "no guard would stop it"})
	}
	if warnings := f.warnings(); len(warnings) > 0 {
		out = append(out, paragraph{title: "warnings:", sentences: warnings})
	}
	return out
}

func (f *forecast) warnings() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(f.UsedBefore)) {
		out = append(out, fmt.Sprintf("the name %q was in use before, last on %s, and then removed: readers of older tables may take the new one for the old; its members begin anew",
			name, f.UsedBefore[name]))
	}
	for _, s := range f.segments {
		out = append(out, f.rises(fmt.Sprintf("segment %q", s.Name), s.UnknownNow, s.UnknownThen, s.ErrorsNow, s.ErrorsThen)...)
	}
	for _, l := range f.Manifest.Lifecycles {
		old := f.lifecycleNow(l.Name)
		out = append(out, f.rises(fmt.Sprintf("lifecycle %q", l.Name), old.Unknown, l.Unknown, old.Errors, l.Errors)...)
	}
	for _, w := range f.Warnings {
		out = append(out, w.Error())
	}
	return out
}

// rises tells where rules have become unknown, or fail, for more users. Between two dates the data alone does the first, and guards
// watch over it.
func (f *forecast) rises(of string, unknownNow, unknownThen, errorsNow, errorsThen int64) (out []string) {
	if f.Base == nil {
		return nil
	}
	if unknownThen > unknownNow && f.Base.Date == f.Manifest.Date {
		out = append(out, fmt.Sprintf("the rules of %s are unknown for %s users (%s)", of, count(unknownThen), signed(unknownThen-unknownNow)))
	}
	if errorsThen > errorsNow {
		out = append(out, fmt.Sprintf("the rules of %s fail for %s users (%s)", of, count(errorsThen), signed(errorsThen-errorsNow)))
	}
	return out
}

// lifecycleNow is what the base says of a lifecycle; nothing where it has none.
func (f *forecast) lifecycleNow(name string) catalog.Lifecycle {
	if f.Base != nil {
		for _, l := range f.Base.Lifecycles {
			if l.Name == name {
				return l
			}
		}
	}
	return catalog.Lifecycle{}
}

// examplesTable names users.
func (f *forecast) examplesTable() page {
	t := paragraph{title: "users to look at:", head: []string{"segment or lifecycle", "change", "reason", "now", "then", "user"}}
	for _, e := range f.Examples {
		now, then := cmp.Or(e.From, "none"), cmp.Or(e.To, "none")
		if slices.ContainsFunc(f.segments, func(s plannedSegment) bool { return s.Name == e.Segment }) {
			now, then = "out", "in"
			if e.Change == tables.Exited.String() {
				now, then = then, now
			}
		}
		for _, user := range e.Users {
			t.rows = append(t.rows, []string{e.Segment, e.Change, e.Reason, now, then, plainID(user)})
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	return page{t}
}

// planJSON is what strata plan --format json prints.
type planJSON struct {
	Date       catalog.Date            `json:"date"`
	Against    *catalog.RunRef         `json:"against"` // null: there is no run
	Users      int64                   `json:"users"`
	Rejects    catalog.Rejects         `json:"rejects"`
	Duplicates int64                   `json:"duplicates"`
	UpToDate   bool                    `json:"up_to_date"`
	NewInputs  bool                    `json:"new_inputs"`
	Difference []string                `json:"definitions"`
	Segments   []plannedSegment        `json:"segments"`
	Lifecycles []catalog.Lifecycle     `json:"lifecycles"`
	Moves      []pipeline.Move         `json:"moves"`
	Guards     []catalog.Guard         `json:"guards"`
	Drift      []catalog.ColumnChange  `json:"drift"` // of the columns, since the run that it is compared with
	UsedBefore map[string]catalog.Date `json:"used_before"`
	Warnings   []string                `json:"warnings"`
	Examples   []pipeline.Example      `json:"examples"`
}

func (f *forecast) json() planJSON {
	m := f.Manifest
	return planJSON{
		Date: m.Date, Against: m.Previous, Users: m.Users, Rejects: m.Rejects, Duplicates: m.Duplicates, UpToDate: f.UpToDate,
		NewInputs: f.NewInputs, Difference: append([]string{}, f.definitions()...), Segments: append([]plannedSegment{}, f.segments...),
		Lifecycles: append([]catalog.Lifecycle{}, m.Lifecycles...), Moves: append([]pipeline.Move{}, f.Moves...),
		Guards: append([]catalog.Guard{}, m.Guards...), Drift: append([]catalog.ColumnChange{}, m.Drift...), UsedBefore: f.UsedBefore, Warnings: append([]string{}, f.warnings()...),
		Examples: append([]pipeline.Example{}, f.Examples...),
	}
}
