package pipeline_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// calendar have gaps, and a change to summer time in Europe.
var calendar = []string{"2026-03-27", "2026-03-28", "2026-03-29", "2026-04-01", "2026-04-09", "2026-04-10"}

// A chronicle is a history: what happens to one output.
type chronicle struct {
	t     *witness
	seed  uint64
	steps []int // that are told
	r     *rand.Rand
	story *story // makes definitions, lists and people
	cases *cases

	inputs, output *objects.Memory
	clock          *atomic.Int64 // of the store, milliseconds
	hive           bool

	versions  []*version           // of the definitions; the last is today's
	snapshots map[string]*delivery // as they are now, by date
	script    []string

	seen      *observer
	unsettled bool   // a step was cut short: copies and marks may lag
	frozen    *clean // the clean history up to the base that gc has left; nil before
	next      *clean // up to the base that gc is about to leave
}

// A version is what an author wrote: definitions and list files.
type version struct {
	number      int
	definitions *definitions
	config      *configs.Config
	guarded     *configs.Config            // the same with a guard that trips easily
	lists       map[string]map[string]bool // by path
}

// A delivery is a snapshot.
type delivery struct {
	number int
	files  [][]byte
}

// small is the size of a history's snapshots and definitions.
var small = size{users: 26, arrivals: 9, segments: 6, parts: 2}

// newChronicle begins a history.
func newChronicle(t testing.TB, seed uint64, steps []int) *chronicle {
	h := &chronicle{
		t: &witness{TB: t}, seed: seed, steps: steps, cases: noCases(), clock: &atomic.Int64{},
		hive: seed%4 != 3, snapshots: map[string]*delivery{},
	}
	h.inputs, h.output = h.bucket(), h.bucket()
	h.seen = newObserver(h)
	kind := idKinds[seed%uint64(len(idKinds))]
	h.cases.count("ids", kind, 1)
	h.story = storyIn(&bench{t: h.t, snapshots: h.inputs, output: h.output}, small, seed, kind)
	h.story.scoped = seed%3 == 2
	h.draw(-1)
	return h
}

// bucket is a bucket whose clock is the history's.
func (h *chronicle) bucket() *objects.Memory {
	m := objects.NewMemory()
	m.Now = func() time.Time { return time.UnixMilli(h.clock.Add(1)).UTC() }
	return m
}

// draw gives a step random numbers of its own, so that leaving out other steps changes it as little as possible.
func (h *chronicle) draw(step int) {
	h.r = rand.New(rand.NewPCG(h.seed, uint64(step+1)))
	h.story.r = h.r
}

// tell tells the history of a seed, or only some of its steps.
func tell(t testing.TB, seed uint64, steps []int) *chronicle {
	h := newChronicle(t, seed, steps)
	h.guarded(func() {
		h.define()
		h.open()
		for _, step := range steps {
			h.draw(step)
			h.step(step)
			h.must()
		}
		h.draw(stepsOfHistory)
		h.end()
	})
	return h
}

// open runs some dates in order, so that there is something to do things to.
func (h *chronicle) open() {
	for _, date := range calendar[:1+h.r.IntN(4)] {
		h.note("   %s", h.deliver(date))
		d := h.runs(h.ask(h.r, date, h.today()), "")
		h.note("   %s", d.text)
		h.undisturbed(d)
	}
	h.seen.look(true)
	h.must()
}

// guarded does what may end the history, on whatever goroutine.
func (h *chronicle) guarded(do func()) {
	defer func() {
		if p := recover(); p != nil && p != (over{}) {
			h.t.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	do()
}

// must ends the history where a check has failed.
func (h *chronicle) must() {
	if h.t.Failed() {
		h.t.FailNow()
	}
}

// note writes a line of the script.
func (h *chronicle) note(format string, args ...any) {
	h.script = append(h.script, fmt.Sprintf(format, args...))
}

// text is the history as people read it.
func (h *chronicle) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "history %d: %s ids, hive folders %v, scopes %v\n", h.seed, h.story.kind, h.hive, h.story.scoped)
	for _, line := range h.script {
		fmt.Fprintf(&out, "  %s\n", line)
	}
	for _, v := range h.versions {
		fmt.Fprintf(&out, "definitions %d, lists %s:\n", v.number, strings.ReplaceAll(fmt.Sprint(v.listTexts()), "\n", " "))
		_, text, _ := strings.Cut(v.definitions.yaml(), "by: updated}\n")
		fmt.Fprintf(&out, "  %s\n", strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  "))
	}
	return out.String()
}

// today is the version that the author has written last.
func (h *chronicle) today() *version { return h.versions[len(h.versions)-1] }

// define lets the author write another version: other definitions, other lists, or both.
func (h *chronicle) define() string {
	if what := h.r.IntN(4); what > 0 || len(h.versions) == 0 {
		h.story.last = nil
		if len(h.versions) > 0 && h.r.IntN(3) > 0 { // then the zone and its like stay
			h.story.last = &night{}
		}
		h.story.changeDefinitions()
	}
	h.story.changeLists()
	d := h.story.world.definitions
	text := d.yaml()
	v := &version{number: len(h.versions) + 1, definitions: d, config: h.parse(text), lists: maps.Clone(h.story.lists)}
	v.guarded = h.parse(strings.Replace(text, "max_drop: none", "max_drop: 0%, max_growth: 0%", 1))
	h.versions = append(h.versions, v)
	return fmt.Sprintf("definitions %d", v.number)
}

func (h *chronicle) parse(yaml string) *configs.Config {
	config, err := configs.Parse("strata.yaml", []byte(yaml))
	if err != nil {
		h.t.Fatalf("%v\n%s", err, yaml)
	}
	return config
}

// goBack lets the author take an earlier version again.
func (h *chronicle) goBack() string {
	old := h.versions[h.r.IntN(len(h.versions))]
	v := *old
	v.number = len(h.versions) + 1
	h.versions = append(h.versions, &v)
	h.story.world = h.worldOf(&v)
	h.story.lists = maps.Clone(v.lists)
	return fmt.Sprintf("definitions %d, which are %d again", v.number, old.number)
}

// worldOf answers with the definitions of a version.
func (h *chronicle) worldOf(v *version) *world {
	w := *h.story.world
	w.definitions = v.definitions
	return &w
}

// listTexts are the contents of the list files.
func (v *version) listTexts() map[string]string {
	texts := map[string]string{}
	for path, list := range v.lists {
		texts[path] = strings.Join(slices.Sorted(maps.Keys(list)), "\n")
	}
	return texts
}

// deliver writes a snapshot of a date, or another in its place.
func (h *chronicle) deliver(date string) string {
	day, err := time.Parse("2006-01-02", date)
	if err != nil {
		h.t.Fatal(err)
	}
	old, number := h.snapshots[date], 1
	if old != nil {
		number = old.number + 1
	}
	if h.r.IntN(4) == 0 { // few are left
		maps.DeleteFunc(h.story.people, func(n int, _ attributes) bool { return (n+number)%3 > 0 })
	}
	h.story.size.parts, h.story.size.arrivals = 1+h.r.IntN(2), 1+h.r.IntN(15)
	d := &delivery{number: number, files: h.story.changePeople(date, day)}
	for h.story.scoped && !h.inEveryScope() { // nobody in scope is no snapshot
		d.files = h.story.changePeople(date, day)
	}
	for i := len(d.files); old != nil && i < len(old.files); i++ {
		if err := h.inputs.Delete(h.t.Context(), fmt.Sprintf("users/%s/part-%d.parquet", date, i), ""); err != nil {
			h.t.Fatal(err)
		}
	}
	h.snapshots[date] = d
	return fmt.Sprintf("snapshot %d of %s: %d users in %d files", number, date, len(h.story.people), len(d.files))
}

// inEveryScope says whether each scope that a version may have has somebody in it.
func (h *chronicle) inEveryScope() bool {
	for _, scope := range scopes {
		somebody := false
		for _, a := range h.story.people {
			somebody = somebody || h.story.world.eval(scope, &person{attributes: a}, moment{}) == yes
		}
		if !somebody {
			return false
		}
	}
	return true
}

// A request is a run that someone asks for.
type request struct {
	date    string
	version *version
	lists   map[string]string // contents by path; nil: those of the version
	force   bool
	keep    bool // the replaced run's files
	guarded bool // by a guard that trips easily
	accept  bool
	workers int
	batch   int
	memory  int64
}

// ask makes a request with whatever resources.
func (h *chronicle) ask(r *rand.Rand, date string, v *version) *request {
	return &request{
		date: date, version: v, workers: 1 + r.IntN(3), batch: 1 + r.IntN(40), memory: int64(r.IntN(2)), keep: r.IntN(10) == 0,
	}
}

// job turns a request into a job on the output as one process sees it.
func (h *chronicle) job(q *request, output objects.Bucket) pipeline.Job {
	b := &bench{t: h.t, config: q.version.config, snapshots: h.inputs, output: output}
	if q.guarded {
		b.config = q.version.guarded
	}
	job := b.job(q.date)
	job.Accept = q.accept
	job.Catalog = catalog.New(output, h.hive)
	job.Version = label(q.version)
	job.Workers, job.BatchRows, job.Memory, job.Force, job.KeepReplaced = q.workers, q.batch, q.memory, q.force, q.keep
	job.ReadList = q.readList
	return pipeline.WithPartitionsOf(job, 9) // rows
}

// label is what a run's manifest gives as the program, so that a reader can tell which definitions were asked.
func label(v *version) string { return fmt.Sprintf("definitions %d", v.number) }

// readList reads a list file as it was then.
func (q *request) readList(_ context.Context, path string) ([]byte, error) {
	text, there := q.listTexts()[path]
	if !there {
		return nil, fmt.Errorf("%s: %w", path, objects.ErrNotFound)
	}
	return []byte(text), nil
}

func (q *request) listTexts() map[string]string {
	if q.lists == nil {
		return q.version.listTexts()
	}
	return q.lists
}

// listSets are the lists that there are, as the twin reads them.
func (q *request) listSets() map[string]map[string]bool {
	sets := map[string]map[string]bool{}
	for path, text := range q.listTexts() {
		sets[path] = map[string]bool{}
		for _, line := range strings.Fields(text) {
			sets[path][line] = true
		}
	}
	return sets
}

// run makes the run that is asked for.
func (h *chronicle) run(q *request, output objects.Bucket) (*pipeline.Result, error) {
	return pipeline.Run(h.t.Context(), h.job(q, output))
}

// errLost is what a store answers where a history wants it to fail.
var errLost = errors.New("the store is out of order")

// replay asks for a date again as the run that stands for it was asked: with its definitions and the lists that it read.
func (h *chronicle) replay(r *rand.Rand, date string) *request {
	stands := h.seen.stands[date]
	q := h.ask(r, date, stands.version)
	q.lists = h.listsOf(stands)
	return q
}

// listsOf are the lists that a run has read, by the hashes that its manifest has of them. Their contents are not from there.
func (h *chronicle) listsOf(p *published) map[string]string {
	lists := map[string]string{}
	for _, l := range p.Lists {
		for _, v := range h.versions {
			if text := v.listTexts()[l.Path]; fmt.Sprintf("%x", sha256.Sum256([]byte(text))) == l.SHA256 {
				lists[l.Path] = text
			}
		}
		if _, found := lists[l.Path]; !found {
			h.t.Fatalf("run %s of %s has read %s with hash %s, and no such list was ever written", p.Run, p.Date, l.Path, l.SHA256)
		}
	}
	return lists
}

// replayed is what the manifest of a run gives as the program that a cascade has made: it was asked what the run that it
// replaces was asked.
const replayed = "as before"

// versionOf is what a run was asked.
func (h *chronicle) versionOf(p *published) *version {
	for _, v := range h.versions {
		if label(v) == p.Program {
			return v
		}
	}
	if old := h.seen.runs[p.Replaces]; old != nil && p.Program == replayed {
		return old.version
	}
	replaced := &published{}
	if p.Program != replayed || !h.seen.read("runs/date="+p.Date+"/"+p.Replaces+"/manifest.json", replaced) {
		h.t.Fatalf("run %s of %s was made by %q, which nobody has asked for", p.Run, p.Date, p.Program)
	}
	return h.versionOf(replaced)
}

// committed are the dates that have a run, from the base on, in order.
func (h *chronicle) committed() []string { return slices.Sorted(maps.Keys(h.seen.stands)) }

// runnable says whether a date can be run: it is not the base, or before it.
func (h *chronicle) runnable(date string) bool { return h.frozen == nil || date > h.frozen.through }
