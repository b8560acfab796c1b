package pipeline_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// A clean history is the dates in order, each once, with its last definitions and today's objects.
type clean struct {
	through string // its last date
	output  *objects.Memory
	night   *night // what the twin says of that date
}

// end brings the output in order as its owner would, and compares it with the clean history.
func (h *chronicle) end() {
	h.note("   at the end: refresh")
	h.bringInOrder()
	h.compare(calendar[len(calendar)-1])
	h.must()
	h.pass(25 * time.Hour)
	d := &deed{text: "gc of leftovers", settles: true, act: func(output objects.Bucket) error { return h.collect(output, 10_000) }}
	h.note("   a day later: %s", d.text)
	if h.r.IntN(4) > 0 {
		h.script[len(h.script)-1] += h.killed(d) + ", and again"
		h.seen.look(false)
	}
	h.undisturbed(d)
	h.note("   another day later, which lists that were put aside wait for: %s", d.text)
	h.pass(25 * time.Hour)
	h.undisturbed(d)
	h.seen.look(true)
	h.checkLeftovers()
}

// bringInOrder refreshes until nothing is stale.
func (h *chronicle) bringInOrder() {
	if d := h.refresh(); d != nil {
		h.undisturbed(d)
	}
	h.seen.look(!h.unsettled)
	for _, date := range h.committed() {
		if h.seen.stale(date) {
			h.t.Errorf("%s is still stale after all dates were run again in order", date)
		}
	}
	h.must()
}

// compare makes the clean history up to a date and holds the output against it, and against the twin.
func (h *chronicle) compare(through string) *clean {
	c := &clean{output: h.bucket()}
	if h.frozen != nil {
		c.output, c.night = h.frozen.output.Clone(), h.frozen.night
	}
	for _, date := range h.committed() {
		if !h.runnable(date) || date > through {
			continue
		}
		h.compareDate(c, date)
		c.through = date
	}
	return c
}

func (h *chronicle) compareDate(c *clean, date string) {
	q := h.replay(h.r, date)
	result, err := h.run(q, c.output)
	if err != nil {
		h.t.Fatalf("clean run of %s: %v", date, err)
	}
	b := &bench{t: h.t, output: c.output}
	stands := h.seen.stands[date]
	sameFiles(h.t, date+" beside the clean run", stands.bytes, b.dataFiles(result.Manifest))
	h.sameManifest(result.Manifest, stands)
	h.must()
	c.night = h.twin(q, c.night)
	story := *h.story
	story.bench, story.world = b, h.worldOf(q.version)
	story.check(c.night, result.Manifest)
}

// sameManifest compares what two manifests say of the data.
func (h *chronicle) sameManifest(want *catalog.Manifest, stands *published) {
	m, err := catalog.New(h.output, h.hive).Load(h.t.Context(), catalog.RunRef{Date: want.Date, Run: stands.Run})
	if err != nil {
		h.t.Fatal(err)
	}
	m.Guards = want.Guards // the limits of the day decide nothing
	got, gotErr := m.Data()
	clean, wantErr := want.Data()
	if !bytes.Equal(got, clean) || gotErr != nil || wantErr != nil {
		h.t.Errorf("%s: the manifest says\n%s\nand that of the clean run\n%s", want.Date, got, clean)
	}
}

// twin asks the twin about a date.
func (h *chronicle) twin(q *request, last *night) *night {
	day, err := time.Parse("2006-01-02", q.date)
	if err != nil {
		h.t.Fatal(err)
	}
	var rows []person
	for _, data := range h.snapshots[q.date].files {
		rows = append(rows, decodeRows(h.t, data)...)
	}
	story := *h.story
	story.world = h.worldOf(q.version)
	return tonight(story.world, q.date, story.now(day), q.listSets(), rows, last)
}

// checkLeftovers looks whether all is gone that does not stand and is not to be kept.
func (h *chronicle) checkLeftovers() {
	used := map[string]bool{"latest.json": true, "runs/base.json": true}
	runs := map[string]bool{}
	for _, date := range calendar {
		if run := h.waits(date); run != "" {
			runs[run], used["runs/pending/"+date+"_"+run+".json"] = true, true
			for _, l := range h.hashesOf(date, run) {
				used["runs/lists/"+l] = true
			}
		}
	}
	for date, p := range h.seen.stands {
		var current struct{ Kept []string }
		h.seen.read("runs/date="+date+"/current.json", &current)
		used["runs/date="+date+"/current.json"] = true
		for _, run := range append(current.Kept, p.Run) {
			runs[run] = true
			for _, l := range h.hashesOf(date, run) {
				used["runs/lists/"+l] = true
			}
		}
	}
	for info, err := range objects.All(h.t.Context(), h.output, "") {
		if err != nil {
			h.t.Fatal(err)
		}
		if !used[info.Key] && !runs[runIn(info.Key)] {
			h.t.Errorf("%s is left over", info.Key)
		}
	}
}

// waits is the newest run of a date that a guard has stopped since the run that stands came to stand.
func (h *chronicle) waits(date string) (newest string) {
	stands := ""
	if p := h.seen.stands[date]; p != nil {
		stands = p.Run
	}
	for info, err := range objects.All(h.t.Context(), h.output, "runs/date="+date+"/") {
		if err != nil {
			h.t.Fatal(err)
		}
		var m published
		if strings.HasSuffix(info.Key, "/manifest.json") && h.seen.read(info.Key, &m) && m.Status == "guarded" && m.Replaces == stands {
			newest = max(newest, m.Run)
		}
	}
	return newest
}

// hashesOf are the hashes of the lists that a run's manifest names.
func (h *chronicle) hashesOf(date, run string) (hashes []string) {
	var p published
	h.seen.read("runs/date="+date+"/"+run+"/manifest.json", &p)
	for _, l := range p.Lists {
		hashes = append(hashes, l.SHA256)
	}
	return hashes
}

// runIn is the run that a key belongs to: a name in the folder of a date, or the beginning of one in a hive folder. A mark
// belongs to none.
func runIn(key string) string {
	if strings.HasPrefix(key, "runs/pending/") {
		return ""
	}
	_, rest, _ := strings.Cut(key, "/date=")
	_, name, _ := strings.Cut(rest, "/")
	if strings.HasPrefix(key, "runs/") {
		run, _, _ := strings.Cut(name, "/")
		return run
	}
	at := strings.LastIndexByte(name, '-')
	return name[:max(at, 0)]
}

// gc removes what is older than some days. Where the base is going to move, the output is brought in order first: what is stale
// then could never be made again.
func (h *chronicle) gc() *deed {
	keep, later := 1, h.r.IntN(2) == 0
	for h.r.IntN(4) > 0 && h.baseAfter(keep+1) != h.seen.base {
		keep++
	}
	base := h.baseAfter(keep)
	d := &deed{settles: true, act: func(output objects.Bucket) error { return h.collect(output, keep) }}
	if base == h.seen.base {
		d.text, keep = "gc --keep 10000d", 10_000 // nor does it move when a newer date comes in between
		if later {
			d.text, d.before = "a day later, "+d.text, func() { h.pass(25 * time.Hour) }
		}
	} else {
		d.text, d.alone = fmt.Sprintf("refresh, then gc --keep %dd, which makes %s the base", keep, base), true
		d.before = func() {
			h.bringInOrder()
			h.pass(25 * time.Hour) // so that no run seems to be under way, and lists may go
			h.next = h.compare(base)
			h.must()
		}
	}
	d.after = func() {
		h.seen.lookAtBase()
		if h.seen.base != base {
			h.t.Errorf("the base is %q, and should be %q", h.seen.base, base)
		}
	}
	return d
}

// baseAfter is the newest committed date before the window, if anything older is left.
func (h *chronicle) baseAfter(keep int) string {
	dates := h.committed()
	if len(dates) == 0 {
		return h.seen.base
	}
	newest, err := time.Parse("2006-01-02", dates[len(dates)-1])
	if err != nil {
		h.t.Fatal(err)
	}
	var before []string
	for _, date := range dates {
		if date < newest.AddDate(0, 0, -keep).Format("2006-01-02") {
			before = append(before, date)
		}
	}
	if len(before) < 2 {
		return h.seen.base
	}
	return before[len(before)-1]
}

func (h *chronicle) collect(output objects.Bucket, keep int) error {
	c := catalog.New(output, h.hive)
	found, err := c.CollectNow(h.t.Context(), keep)
	if err != nil {
		return err
	}
	return c.Remove(h.t.Context(), found)
}

// freeze takes note of a base that has moved: what is up to it can only stay as it is.
func (h *chronicle) freeze() {
	if was := h.frozen; h.seen.base != "" && (was == nil || was.through != h.seen.base) {
		if h.next == nil || h.next.through != h.seen.base {
			h.t.Fatalf("the base is %s, and nobody has moved it there", h.seen.base)
		}
		h.frozen = h.next
		h.cases.count("outcome", "base moved", 1)
	}
	h.next = nil
}
