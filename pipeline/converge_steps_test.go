package pipeline_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/pipeline/objects/objectstest"
)

// A deed is one thing that somebody does to an output. All that is random about it is drawn before.
type deed struct {
	text string
	date string // of the run that is asked for; empty: none, or several
	// before is done first, and nothing happens to it.
	before func()
	// act does it, on the output as one process sees it; nil where nothing is written.
	act func(output objects.Bucket) error
	// after checks what must hold when nothing came in between.
	after func()
	// brings in order what is left undone: every writing verb does
	settles bool
	// alone says that nothing else may happen while it is under way.
	alone bool
}

// verbs are what histories are made of. A verb makes a deed, or nil where there is nothing to do it to.
var verbs = []struct {
	name   string
	weight int
	make   func(h *chronicle) *deed
}{
	{"define", 6, func(h *chronicle) *deed { return h.offstage(h.define()) }},
	{"define again", 2, func(h *chronicle) *deed { return h.offstage(h.goBack()) }},
	{"deliver", 2, func(h *chronicle) *deed { return h.offstage(h.deliver(h.anyDate())) }},
	{"run the next date", 6, (*chronicle).runNext},
	{"run any date", 3, (*chronicle).runAny},
	{"run before the base", 8, (*chronicle).runBeforeBase},
	{"run again", 2, (*chronicle).runAgain},
	{"run again by force", 2, (*chronicle).runByForce},
	{"run again with other definitions", 3, (*chronicle).runRedefined},
	{"run again on another snapshot", 3, (*chronicle).runRedelivered},
	{"run, guarded", 2, (*chronicle).runGuarded},
	{"run, guarded, and accept", 3, (*chronicle).runAndAccept},
	{"refresh", 2, (*chronicle).refresh},
	{"run and cascade", 3, (*chronicle).runAndCascade},
	{"cascade", 2, (*chronicle).cascade},
	{"backfill", 3, (*chronicle).backfill},
	{"settle", 1, (*chronicle).settle},
	{"sweep", 2, (*chronicle).sweep},
	{"gc", 5, (*chronicle).gc},
	{"status", 2, (*chronicle).status},
}

func verbNames() (names []string) {
	for _, v := range verbs {
		names = append(names, v.name)
	}
	return names
}

// choose draws a verb and makes a deed of it.
func (h *chronicle) choose() (name string, d *deed) {
	for d == nil {
		v := verbs[weighted(h.r, len(verbs), func(i int) int { return verbs[i].weight })]
		name, d = v.name, v.make(h)
	}
	return name, d
}

// weighted draws one of n things that have weights.
func weighted(r *rand.Rand, n int, weight func(i int) int) int {
	all := 0
	for i := range n {
		all += weight(i)
	}
	at := r.IntN(all)
	for i := range n {
		if at -= weight(i); at < 0 {
			return i
		}
	}
	panic("the weights have changed")
}

// step does one deed, or two at once, perhaps with a mishap, and looks at what is published then.
func (h *chronicle) step(n int) {
	name, d := h.choose()
	disturbance := disturbances[h.disturbance(d)]
	h.note("%2d %s", n, d.text)
	h.pass(time.Duration(h.r.IntN(12)) * time.Hour)
	if d.before != nil {
		d.before()
	}
	said := disturbance.do(h, d)
	h.script[len(h.script)-1] += said
	h.cases.count("verb", name, 1)
	h.cases.count("disturbance", disturbance.name, 1)
	h.seen.look(!h.unsettled)
	if slices.ContainsFunc(h.committed(), h.seen.stale) {
		h.cases.count("outcome", "stale", 1)
	}
	h.freeze()
}

// disturbance draws what happens to a deed. Those that are rare are killed more often.
func (h *chronicle) disturbance(d *deed) int {
	if d.act == nil {
		return 0
	}
	return weighted(h.r, len(disturbances), func(i int) int {
		if d.alone && disturbances[i].name == "killed" {
			return 3 * disturbances[i].weight
		}
		return disturbances[i].weight
	})
}

// offstage is a deed of authors and of those who deliver snapshots: it is done already.
func (h *chronicle) offstage(text string) *deed { return &deed{text: text} }

func (h *chronicle) anyDate() string { return calendar[h.r.IntN(len(calendar))] }

// anyCommitted is a date that has a run and can be run again.
func (h *chronicle) anyCommitted() (string, bool) {
	dates := slices.DeleteFunc(h.committed(), func(date string) bool { return !h.runnable(date) })
	if len(dates) == 0 {
		return "", false
	}
	return dates[h.r.IntN(len(dates))], true
}

// runs is the deed of a request.
func (h *chronicle) runs(q *request, how string) *deed {
	d := &deed{text: fmt.Sprintf("run %s with %s%s", q.date, label(q.version), how), date: q.date, settles: true}
	var result *pipeline.Result
	d.act = func(output objects.Bucket) (err error) {
		result, err = h.run(q, output)
		return h.expected(q, err)
	}
	d.after = func() {
		var current struct{ Run string }
		if result != nil && (!h.seen.read("runs/date="+q.date+"/current.json", &current) || current.Run != result.Manifest.Run) {
			h.t.Errorf("run %s of %s says that it stands, and %q does", result.Manifest.Run, q.date, current.Run)
		}
	}
	return d
}

// expected takes away the error that a request must meet, and makes one where it does not.
func (h *chronicle) expected(q *request, err error) error {
	var input *pipeline.InputError
	var base *catalog.BaseError
	switch {
	case !h.runnable(q.date) && (err == nil || errors.As(err, &base)):
		h.cases.count("outcome", "before the base", 1)
		if err == nil {
			return fmt.Errorf("%s was run, and the base is %s", q.date, h.frozen.through)
		}
		return nil
	case h.snapshots[q.date] == nil && errors.As(err, &input):
		h.cases.count("outcome", "no snapshot", 1)
		return nil
	}
	return err
}

// runNext runs the first date that has no run, when its snapshot has arrived.
func (h *chronicle) runNext() *deed {
	for _, date := range calendar {
		if h.seen.stands[date] == nil && h.runnable(date) {
			how := ""
			if h.snapshots[date] == nil && h.r.IntN(8) > 0 {
				how = ", " + h.deliver(date)
			}
			return h.runs(h.ask(h.r, date, h.today()), how)
		}
	}
	return nil
}

// runAny runs a date in whatever order, before the base too.
func (h *chronicle) runAny() *deed {
	date, how := h.anyDate(), ""
	if h.snapshots[date] == nil {
		how = ", " + h.deliver(date)
	}
	return h.runs(h.ask(h.r, date, h.today()), how)
}

// runBeforeBase runs a date that is gone, which must be refused.
func (h *chronicle) runBeforeBase() *deed {
	if h.frozen == nil {
		return nil
	}
	at := slices.Index(calendar, h.frozen.through)
	return h.runs(h.ask(h.r, calendar[h.r.IntN(at+1)], h.today()), "")
}

// runAgain makes a run as it was made, twice: the second time, nothing is left to do.
func (h *chronicle) runAgain() *deed {
	date, ok := h.anyCommitted()
	if !ok {
		return nil
	}
	q := h.replay(h.r, date)
	d := h.runs(q, ", as before, twice")
	after := d.after
	d.after = func() {
		after()
		result, err := h.run(q, h.output)
		if err != nil || !result.UpToDate {
			h.t.Errorf("%s was just run, and is run again: %v", date, err)
		}
		h.cases.count("outcome", "up to date", 1)
	}
	return d
}

func (h *chronicle) runByForce() *deed {
	date, ok := h.anyCommitted()
	if !ok {
		return nil
	}
	q := h.replay(h.r, date)
	q.force = true
	return h.runs(q, ", as before, by force")
}

func (h *chronicle) runRedefined() *deed {
	date, ok := h.anyCommitted()
	if !ok {
		return nil
	}
	return h.runs(h.ask(h.r, date, h.today()), ", again")
}

func (h *chronicle) runRedelivered() *deed {
	date, ok := h.anyCommitted()
	if !ok {
		return nil
	}
	how := ", again, on " + h.deliver(date)
	return h.runs(h.replay(h.r, date), how)
}

// runGuarded runs a date under a guard that trips where the number of users is another. Then nothing is published.
func (h *chronicle) runGuarded() *deed {
	d := h.runAny()
	q := h.ask(h.r, d.date, h.today())
	q.guarded = true
	d.text += ", guarded"
	d.act = func(output objects.Bucket) error {
		_, err := h.stopped(q, output)
		return err
	}
	d.after = func() {}
	return d
}

// stopped makes a run that a guard may stop. It returns the run that waits then.
func (h *chronicle) stopped(q *request, output objects.Bucket) (waiting string, err error) {
	_, err = h.run(q, output)
	var guard *pipeline.GuardError
	if errors.As(err, &guard) && guard.Waiting != "" {
		h.cases.count("outcome", "stopped by a guard", 1)
		return guard.Waiting, nil
	}
	return "", h.expected(q, err)
}

// runAndAccept does so and publishes what waits.
func (h *chronicle) runAndAccept() *deed {
	d := h.runAny()
	q := h.ask(h.r, d.date, h.today())
	q.guarded = true
	accepting := *q
	accepting.accept = true
	d.text += ", guarded, and accept"
	others := h.waits(d.date) != "" // of the same second, perhaps, which tells nobody which is the newest
	waiting, result := "", (*pipeline.Result)(nil)
	d.act = func(output objects.Bucket) (err error) {
		if waiting, err = h.stopped(q, output); err != nil {
			return err
		}
		result, err = h.run(&accepting, output)
		return h.expected(q, err)
	}
	d.after = func() {
		if waiting == "" || others {
			return
		}
		if h.cases.count("outcome", "accepted", 1); result.Manifest.Accepts != waiting {
			h.t.Errorf("run %s waits, and is made again as %s", waiting, result.Manifest.Run)
		}
	}
	return d
}

// refresh runs the dates that are stale, in order, each as it was asked before.
func (h *chronicle) refresh() *deed {
	if len(h.committed()) == 0 {
		return nil
	}
	seed := h.r.Uint64()
	return &deed{text: "refresh", settles: true, act: func(output objects.Bucket) error {
		r := rand.New(rand.NewPCG(seed, 0)) // its own: two of them may be under way at once
		for _, date := range h.committed() {
			if !h.runnable(date) {
				continue
			}
			if _, err := h.run(h.replay(r, date), output); err != nil {
				return err
			}
		}
		return nil
	}}
}

// runAndCascade is a run whose cascade follows.
func (h *chronicle) runAndCascade() *deed {
	date, ok := h.anyCommitted()
	if !ok {
		return nil
	}
	d, after := h.runs(h.ask(h.r, date, h.today()), " and cascade"), catalogDate(h.t, date)
	run, check := d.act, d.after
	q := h.ask(h.r, date, h.today())
	d.act = func(output objects.Bucket) error {
		if err := run(output); err != nil {
			return err
		}
		return pipeline.Cascade(h.t.Context(), h.cascading(q, output), after, func(pipeline.DateDone) {})
	}
	d.after = func() {
		check()
		h.noneStale(date)
	}
	return d
}

// cascade refreshes all that is stale.
func (h *chronicle) cascade() *deed {
	if len(h.committed()) == 0 {
		return nil
	}
	q := h.ask(h.r, calendar[0], h.today())
	return &deed{
		text: "cascade with " + label(q.version) + " at hand", // the run before it settles; alone, it may have nothing to do
		act: func(output objects.Bucket) error {
			return pipeline.Cascade(h.t.Context(), h.cascading(q, output), catalog.Date{}, func(pipeline.DateDone) {})
		},
		after: func() { h.noneStale("") },
	}
}

// cascading is the job of a cascade: whatever configuration is at hand, each date is asked what it was asked before.
func (h *chronicle) cascading(q *request, output objects.Bucket) pipeline.Job {
	job := h.job(q, output)
	job.Version = replayed
	return job
}

// noneStale checks that no date after a date is stale.
func (h *chronicle) noneStale(after string) {
	h.seen.look(false)
	for _, date := range h.committed() {
		if date > after && h.seen.stale(date) {
			h.t.Errorf("%s is stale behind a cascade", date)
		}
	}
}

// backfill runs a range of dates with today's definitions. A date without a snapshot stops it, unless gaps are allowed.
func (h *chronicle) backfill() *deed {
	dates := slices.DeleteFunc(slices.Clone(calendar), func(date string) bool { return !h.runnable(date) })
	if len(dates) == 0 {
		return nil
	}
	from := h.r.IntN(len(dates))
	to := from + h.r.IntN(len(dates)-from)
	b := pipeline.Backfill{From: catalogDate(h.t, dates[from]), To: catalogDate(h.t, dates[to]), AllowGaps: h.r.IntN(4) > 0}
	q := h.ask(h.r, dates[from], h.today())
	return &deed{
		text: fmt.Sprintf("backfill %s to %s with %s, gaps allowed %v", b.From, b.To, label(q.version), b.AllowGaps), settles: true,
		act: func(output objects.Bucket) error {
			err := b.Run(h.t.Context(), h.job(q, output), func(pipeline.DateDone) {})
			if errors.Is(err, pipeline.ErrNoSnapshot) && (!b.AllowGaps || !h.anySnapshot(dates[from:to+1])) {
				h.cases.count("outcome", "stopped at a gap", 1)
				return nil
			}
			return err
		},
		after: func() { h.backfilled(b) },
	}
}

// anySnapshot says whether a date has one: allowed gaps or not, a backfill of none is refused.
func (h *chronicle) anySnapshot(dates []string) bool {
	return slices.ContainsFunc(dates, func(date string) bool { return h.snapshots[date] != nil })
}

// backfilled checks that the dates of a backfill were asked today's definitions, up to a gap, and are not stale.
func (h *chronicle) backfilled(b pipeline.Backfill) {
	h.seen.look(false)
	for date := b.From; !b.To.Before(date); date = date.Add(1) {
		p := h.seen.stands[date.String()]
		switch {
		case h.snapshots[date.String()] == nil && !b.AllowGaps:
			return
		case h.snapshots[date.String()] == nil:
		case p == nil:
			h.t.Errorf("%s is not run by a backfill", date)
		case h.seen.stale(date.String()):
			h.t.Errorf("%s is stale behind a backfill", date)
		}
	}
}

func catalogDate(t testing.TB, text string) catalog.Date {
	date, err := catalog.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return date
}

func (h *chronicle) settle() *deed {
	return &deed{text: "settle", settles: true, act: func(output objects.Bucket) error {
		return catalog.New(output, h.hive).Settle(h.t.Context())
	}}
}

// sweep lets a day pass and removes what does not stand.
func (h *chronicle) sweep() *deed {
	return &deed{text: "sweep, a day later", settles: true, alone: true, act: func(output objects.Bucket) error {
		c := catalog.New(output, h.hive)
		if err := c.Settle(h.t.Context()); err != nil {
			return err
		}
		_, err := c.SweepAll(h.t.Context(), h.pass(25*time.Hour))
		return err
	}}
}

// pass lets time pass.
func (h *chronicle) pass(d time.Duration) time.Time {
	return time.UnixMilli(h.clock.Add(d.Milliseconds())).UTC()
}

// status asks what there is to say, and holds it against what the observer sees.
func (h *chronicle) status() *deed {
	if len(h.committed()) == 0 {
		return nil
	}
	return &deed{text: "status", after: func() {
		all, err := catalog.New(h.output, h.hive).Status(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		h.checkStatus(all)
	}}
}

func (h *chronicle) checkStatus(all []catalog.DateStatus) {
	for _, s := range all {
		date := s.Date.String()
		if h.seen.stands[date] == nil {
			continue
		}
		if stale := h.seen.stale(date); stale != (s.Stale != "") || len(s.Damage) > 0 {
			h.t.Errorf("status says of %s %q, damage %q; stale is %v", date, s.Stale, s.Damage, stale)
		}
	}
}

// outcomeNames are ways in which deeds end.
var outcomeNames = []string{
	"no snapshot", "up to date", "stale", "before the base", "killed", "answer lost", "write refused", "lost the race", "unsure",
	"snapshot changed meanwhile", "base moved", "stopped at a gap", "stopped by a guard", "accepted",
}

// disturbances are what happens to a deed under way. The first is nothing.
var disturbances = []struct {
	name   string
	weight int
	do     func(h *chronicle, d *deed) (said string)
}{
	{"none", 5, (*chronicle).undisturbed},
	{"killed", 8, (*chronicle).killed},
	{"a write fails", 4, (*chronicle).failed},
	{"meanwhile", 2, (*chronicle).meanwhile},
	{"at once", 1, (*chronicle).atOnce},
	{"watched", 1, (*chronicle).watched},
}

func disturbanceNames() (names []string) {
	for _, d := range disturbances {
		names = append(names, d.name)
	}
	return names
}

// undisturbed does a deed, which must succeed.
func (h *chronicle) undisturbed(d *deed) string {
	if d.act != nil {
		if err := d.act(h.output); err != nil {
			h.t.Fatalf("%s: %v", d.text, err)
		}
	}
	h.unsettled = h.unsettled && !d.settles
	if d.after != nil {
		d.after()
	}
	return ""
}

// points are the kinds of writes at which a process may die; rare ones have more weight.
var points = []struct {
	name, act, start, within string
	weight                   int
}{
	{"mark of a run", "create", "runs/pending/2", "Z-", 5},
	{"started.json", "create", "runs/date=", "/started.json", 7},
	{"list", "create", "runs/lists/", "", 8},
	{"data file", "create", "runs/date=", "/data/", 6},
	{"manifest", "create", "runs/date=", "/manifest.json", 5},
	{"first commit", "create", "runs/date=", "/current.json", 18},
	{"replacing commit", "replace", "runs/date=", "/current.json", 18},
	{"hive copy", "copy", "", "", 7},
	{"removal of a hive copy", "delete", "membership", "/date=", 6},
	{"removal of a hive copy", "delete", "transitions", "/date=", 6},
	{"mark of a replaced run", "create", "runs/pending/2", "_replaced.json", 1},
	{"latest.json", "", "latest.json", "", 6},
	{"removal of a mark", "delete", "runs/pending/2", "", 2},
	{"removal of a run's file", "delete", "runs/date=", "", 5},
	{"removal of current.json", "delete", "runs/date=", "/current.json", 35},
	{"removal of a list", "create", "runs/lists_removed/", "", 60},
	{"removal of a list", "delete", "runs/lists", "", 60},
	{"base", "", "runs/base.json", "", 40},
}

// started is the point at which a run begins.
var started = slices.Index(pointNames(), "started.json")

// pointOf is the kind of a write: of those that fit, the one that says most. Others are -1.
func pointOf(s objectstest.Step) int {
	best, length := -1, -1
	for i, p := range points {
		fits := (p.act == "" || p.act == s.Act) && strings.HasPrefix(s.Key, p.start) && strings.Contains(s.Key, p.within)
		if n := len(p.start) + len(p.within); fits && n > length {
			best, length = i, n
		}
	}
	return best
}

func pointNames() (names []string) {
	for _, p := range points {
		names = append(names, p.name)
	}
	return names
}

// A mishap is a write of some kind, after some others of the kind, that something happens at.
type mishap struct {
	point int
	after bool
	skip  int
	met   string // the write, when it has come to it
}

// mishap chooses a write of a deed, which is rehearsed on a copy of the output. There is none in a deed that writes nothing.
func (h *chronicle) mishap(d *deed) *mishap {
	rehearsal, counted := &objectstest.Faulty{Bucket: h.output.Clone()}, h.cases
	h.cases = noCases()
	if err := d.act(rehearsal); err != nil {
		h.t.Fatalf("%s, rehearsed: %v", d.text, err)
	}
	h.cases = counted
	times := map[int]int{}
	for _, s := range rehearsal.Steps() {
		times[pointOf(s)]++
	}
	delete(times, -1)
	m := &mishap{point: -1, after: h.r.IntN(2) == 0}
	if kinds := slices.Sorted(maps.Keys(times)); len(kinds) > 0 {
		m.point = kinds[weighted(h.r, len(kinds), func(i int) int { return points[kinds[i]].weight })]
		m.skip = h.r.IntN(min(times[m.point], 6))
	}
	return m
}

// is says whether it is about a write. It is so once.
func (m *mishap) is(s objectstest.Step) bool {
	if m.met != "" || m.point < 0 || pointOf(s) != m.point {
		return false
	}
	if m.skip > 0 {
		m.skip--
		return false
	}
	m.met = s.Act + " " + s.Key
	return true
}

func (m *mishap) String() string {
	if m.after {
		return "after " + points[m.point].name
	}
	return "before " + points[m.point].name
}

// killed lets the process die at some write. One that does not come to such a write lives.
func (h *chronicle) killed(d *deed) string {
	m := h.mishap(d)
	process := &objectstest.Faulty{Bucket: h.output}
	process.KillWhen(m.is, m.after)
	err := d.act(process)
	if m.met == "" {
		return h.unharmed(d, err)
	}
	if err != nil && !errors.Is(err, objectstest.ErrDead) {
		h.t.Errorf("%s, killed %s: %v", d.text, m, err)
	}
	h.unsettled = true
	h.cases.count("outcome", "killed", 1)
	h.cases.count("killed", points[m.point].name, 1)
	return fmt.Sprintf(" -- killed %s (%s)", m, m.met)
}

// unharmed is a deed that nothing happened to after all.
func (h *chronicle) unharmed(d *deed, err error) string {
	if err != nil {
		h.t.Errorf("%s: %v", d.text, err)
	}
	h.unsettled = h.unsettled && !d.settles
	return ""
}

// failed answers one write with an error, whether it took place or not.
func (h *chronicle) failed(d *deed) string {
	m := h.mishap(d)
	process := &objectstest.Faulty{Bucket: h.output}
	fail := func(s objectstest.Step) error {
		if m.is(s) {
			return errLost
		}
		return nil
	}
	if process.Before = fail; m.after {
		process.Before, process.After = nil, fail
	}
	err := d.act(process)
	if m.met == "" {
		return h.unharmed(d, err)
	}
	if err != nil && !errors.Is(err, errLost) {
		h.t.Errorf("%s, and %s was answered with an error: %v", d.text, m.met, err)
	}
	if errors.Is(err, catalog.ErrUnsure) {
		h.cases.count("outcome", "unsure", 1)
	}
	h.unsettled = true
	if m.after {
		h.cases.count("outcome", "answer lost", 1)
		return fmt.Sprintf(" -- the answer to %s is lost", m.met)
	}
	h.cases.count("outcome", "write refused", 1)
	return fmt.Sprintf(" -- %s is refused", m.met)
}

// partner chooses what happens while a deed is under way: often a run of the same date.
func (h *chronicle) partner(d *deed) *deed {
	if d.date != "" && h.r.IntN(2) == 0 {
		return h.runs(h.ask(h.r, d.date, h.today()), "")
	}
	for {
		if _, other := h.choose(); !other.alone {
			return other
		}
	}
}

// alongside does a deed while another one waits. Nothing comes in between of it.
func (h *chronicle) alongside(d *deed) {
	if d.act == nil {
		return
	}
	if err := d.act(h.output); err != nil {
		h.t.Errorf("%s, while another is under way: %v", d.text, err)
	}
}

// lostRace takes away the errors of a deed that another one came in between of.
func (h *chronicle) lostRace(d *deed, err error) (said string) {
	var input *pipeline.InputError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, catalog.ErrLostRace):
		h.cases.count("outcome", "lost the race", 1)
		return ", which loses the race"
	case errors.As(err, &input):
		h.cases.count("outcome", "snapshot changed meanwhile", 1)
		return ", whose snapshot changes"
	}
	h.t.Errorf("%s: %v", d.text, err)
	return ""
}

// meanwhile does another deed, in whole, before some write of the first one. That always goes the same way.
func (h *chronicle) meanwhile(d *deed) string {
	if d.alone {
		return h.undisturbed(d)
	}
	m, partner := h.mishap(d), h.partner
	if d.date != "" && h.r.IntN(4) == 0 {
		m.point, m.skip = started, 0 // the run has listed its snapshot, and has not read it
		partner = func(*deed) *deed { return h.offstage(h.deliver(d.date)) }
	}
	process := &objectstest.Faulty{Bucket: h.output}
	said := ""
	process.Before = func(s objectstest.Step) error {
		if m.is(s) {
			h.guarded(func() {
				other := partner(d)
				said = fmt.Sprintf(" -- before it can %s: %s", m.met, other.text)
				h.alongside(other)
			})
		}
		return nil
	}
	err := d.act(process)
	if m.met == "" {
		return h.unharmed(d, err)
	}
	said += h.lostRace(d, err)
	h.unsettled = h.unsettled && !d.settles
	return said
}

// atOnce starts two deeds side by side. Which one is first is not for us to say.
func (h *chronicle) atOnce(d *deed) string {
	other := h.partner(d)
	if d.alone || other.act == nil {
		return h.undisturbed(d)
	}
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i, one := range []*deed{d, other} {
		both.Go(func() { errs[i] = one.act(h.output) })
	}
	both.Wait()
	said := " -- at once: " + other.text
	said += h.lostRace(d, errs[0]) + h.lostRace(other, errs[1])
	h.unsettled = h.unsettled && !d.settles
	return said
}

// watched looks at what is published after each write of a deed.
func (h *chronicle) watched(d *deed) string {
	process := &objectstest.Faulty{Bucket: h.output}
	process.After = func(objectstest.Step) error {
		h.guarded(func() { h.seen.look(false) })
		return nil
	}
	if err := d.act(process); err != nil {
		h.t.Errorf("%s: %v", d.text, err)
	}
	h.unsettled = h.unsettled && !d.settles
	return " -- watched"
}
