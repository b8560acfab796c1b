package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
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

// A visitor is a user of the snapshots of these tests.
type visitor struct {
	ID      string    `parquet:"id"`
	LTV     float64   `parquet:"ltv"`
	Country string    `parquet:"country,dict"`
	Seen    time.Time `parquet:"seen,timestamp(microsecond)"`

	// These are for membership to show.
	Small  int8     `parquet:"small"`
	Tags   []string `parquet:"tags,list"`
	Device [16]byte `parquet:"device,uuid"`
	Price  int64    `parquet:"price,decimal(2:18)"`
	Born   int32    `parquet:"born,date"`
	Opted  *bool    `parquet:"opted,optional"`
}

// historyRules are definitions that look at data, time, lists and each other. %d is a threshold.
const historyRules = `segments:
  - {name: vip, when: ltv > %d}
  - {name: quiet, when: 'older_than(seen, "2d")'}
  - {name: asked, when: segment("vip") && segment("quiet"), include: asked.txt}
lifecycles:
  - name: journey
    stages: [{name: gone, when: 'older_than(seen, "4d")'}, {name: big, when: segment("vip")}, {name: small, when: "true"}]
membership: {since: true, columns: [country, ltv, seen, small, tags, device, price, born, opted], also: [long]}
`

// historyDates are the days of these histories.
func historyDates(n int) (dates []string) {
	first, _ := catalog.ParseDate("2026-11-01")
	for i := range n {
		dates = append(dates, first.Add(i).String())
	}
	return dates
}

// visitors are the users of a date: some new, some gone, all changing a little; another seed is another snapshot.
func visitors(day, seed int) (rows []visitor) {
	midnight := time.Date(2026, 11, 1+day, 0, 0, 0, 0, time.UTC)
	for i := range 90 {
		if mix := i*7 + day*13 + seed*31; mix%11 != 0 {
			rows = append(rows, visitor{
				ID: fmt.Sprintf("u%02d", i), LTV: float64(mix % 200), Country: []string{"FR", "DE", "IT"}[mix%3],
				Seen:  midnight.Add(-time.Duration(i*5%160) * time.Hour),
				Small: int8(mix), Tags: []string{"a", "b", "c"}[:mix%4%3], Device: [16]byte{byte(mix), 15: byte(i)}, Price: int64(mix) - 500,
				Born: int32(mix), Opted: []*bool{nil, new(bool)}[mix%2],
			})
		}
	}
	return rows
}

// A past is what a date's last run was asked: its configuration and lists.
type past struct {
	yaml  string
	lists map[string][]string
}

// A history is a bench with many dates, which remembers the past of each.
type history struct {
	*bench
	dates []string
	past  map[string]past
	now   past
}

func newHistory(t *testing.T, days int) *history {
	h := &history{bench: caseBench(t, fmt.Sprintf(historyRules, 100)), dates: historyDates(days), past: map[string]past{}}
	h.ask(100, "u01", "u02")
	for i, date := range h.dates {
		snapshot(h.bench, date, visitors(i, 0)...)
	}
	return h
}

// ask changes today's definitions and lists.
func (h *history) ask(threshold int, asked ...string) {
	h.now = past{fmt.Sprintf(historyRules, threshold), map[string][]string{"asked.txt": asked}}
	h.restore(h.now)
}

func (h *history) restore(p past) {
	h.define(p.yaml)
	for name, ids := range p.lists {
		h.list(name, ids...)
	}
}

// night makes a run of a date as of today.
func (h *history) night(date string) *catalog.Manifest {
	h.t.Helper()
	h.past[date] = h.now
	return h.run(date)
}

func date(t testing.TB, text string) catalog.Date {
	t.Helper()
	d, err := catalog.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// backfill makes the runs of some dates as of today. It returns what became of each.
func (h *history) backfill(from, to string) (done []pipeline.DateDone) {
	h.t.Helper()
	b := pipeline.Backfill{From: date(h.t, from), To: date(h.t, to)}
	err := b.Run(h.t.Context(), h.job(from), func(d pipeline.DateDone) {
		h.past[d.Date.String()] = h.now
		done = append(done, d)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return done
}

// cascade refreshes the dates after a date (empty: all).
func (h *history) cascade(after string) (done []string) {
	h.t.Helper()
	var first catalog.Date
	if after != "" {
		first = date(h.t, after)
	}
	err := pipeline.Cascade(h.t.Context(), h.job(h.dates[0]), first, func(d pipeline.DateDone) { done = append(done, d.Date.String()) })
	if err != nil {
		h.t.Fatal(err)
	}
	return done
}

// standing are the manifests of the runs that stand, by date.
func (h *history) standing() map[string]*catalog.Manifest {
	h.t.Helper()
	chain, err := catalog.New(h.output, true).Chain(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]*catalog.Manifest{}
	for _, s := range chain.Dates {
		out[s.Date.String()] = s.Manifest
		if s.Stale != "" {
			h.t.Errorf("%s is stale: %s", s.Date, s.Stale)
		}
	}
	return out
}

// isClean compares what stands with the dates run in order, each as it was asked last, into an output of their own.
func (h *history) isClean() {
	h.t.Helper()
	got, now := h.standing(), h.now
	clean := &history{bench: &bench{t: h.t, config: h.config, snapshots: h.snapshots, output: objects.NewMemory(), adjust: h.adjust}}
	for _, day := range slices.Sorted(maps.Keys(got)) {
		clean.restore(h.past[day])
		want := clean.run(day)
		sameFiles(h.t, day, h.dataFiles(got[day]), clean.dataFiles(want))
		sameData(h.t, got[day], want)
	}
	h.restore(now)
}

// sameData compares what two manifests say of data.
func sameData(t testing.TB, got, want *catalog.Manifest) {
	t.Helper()
	a, err := got.Data()
	b, err2 := want.Data()
	if err != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("%s: the manifest says\n%s\nwant\n%s\n%v %v", want.Date, a, b, err, err2)
	}
}

func TestBackfillIsRunsInOrder(t *testing.T) {
	h := newHistory(t, 5)
	done := h.backfill(h.dates[0], h.dates[4])
	if len(done) != 5 || done[4].Result.UpToDate || done[4].Date.String() != h.dates[4] {
		t.Fatalf("%+v", done)
	}
	h.isClean()
	for _, d := range h.backfill(h.dates[0], h.dates[4]) {
		if !d.Result.UpToDate {
			t.Errorf("%s is made again: %q", d.Date, d.Result.Why)
		}
	}
	h.ask(120, "u03") // today's definitions, for the dates of the range
	done = h.backfill(h.dates[1], h.dates[3])
	if got := done[0].Result.Why; !slices.Equal(got, []string{"changed: the definitions, the contents of lists"}) {
		t.Errorf("%q", got)
	}
	if got := h.cascade(h.dates[3]); !slices.Equal(got, h.dates[4:]) {
		t.Errorf("cascaded %q", got)
	}
	h.isClean()
}

// Dates before the range, in it and after it were run before, out of order.
func TestBackfillRefreshesStaleDates(t *testing.T) {
	h := newHistory(t, 5)
	for _, i := range []int{3, 1, 4, 0} {
		h.night(h.dates[i])
	}
	var why []string
	for _, d := range h.backfill(h.dates[0], h.dates[4]) {
		why = append(why, strings.Join(d.Result.Why, "; "))
	}
	want := []string{
		"", "it was the first run, and there is one of 2026-11-01 now", "",
		"it was the first run, and there is one of 2026-11-03 now", "2026-11-04 was run again",
	}
	if !slices.Equal(why, want) {
		t.Errorf("%q, want %q", why, want)
	}
	h.isClean()
}

// Every date has definitions and lists of its own; a middle one is replaced, in data and definitions.
func TestCascadeReplaysWhatWasRecorded(t *testing.T) {
	h := newHistory(t, 6)
	for i, day := range h.dates {
		h.ask(90+10*i, "u01", fmt.Sprintf("u%02d", 10+i))
		h.night(day)
	}
	before := h.standing()
	snapshot(h.bench, h.dates[2], visitors(2, 1)...)
	h.ask(60, "u40")
	h.night(h.dates[2])
	if got := h.cascade(h.dates[2]); !slices.Equal(got, h.dates[3:]) {
		t.Errorf("cascaded %q", got)
	}
	h.isClean()
	after := h.standing()
	if !before[h.dates[4]].Definitions.Equal(after[h.dates[4]].Definitions) || before[h.dates[1]].Run != after[h.dates[1]].Run {
		t.Error("a cascade changes definitions, or an earlier date")
	}
	if got := h.cascade(""); len(got) > 0 {
		t.Errorf("cascaded %q once more", got)
	}
}

// A cascade is not told from where: it goes on where one was stopped.
func TestCascadeGoesOn(t *testing.T) {
	h := newHistory(t, 5)
	h.backfill(h.dates[0], h.dates[4])
	snapshot(h.bench, h.dates[1], visitors(1, 1)...)
	h.night(h.dates[1])
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	err := pipeline.Cascade(ctx, h.job(h.dates[1]), date(t, h.dates[1]), func(pipeline.DateDone) { cancel(enough) })
	var stopped *pipeline.StoppedError
	if !errors.Is(err, enough) || !errors.As(err, &stopped) || stopped.Date.String() != h.dates[3] {
		t.Fatal(err)
	}
	if got := h.cascade(""); !slices.Equal(got, h.dates[3:]) {
		t.Errorf("cascaded %q", got)
	}
	h.isClean()
}

// Another process makes a date again behind the cascade, which looks again at what stands then, and ends.
func TestCascadeBesideAnotherRun(t *testing.T) {
	h := newHistory(t, 4)
	h.backfill(h.dates[0], h.dates[3])
	snapshot(h.bench, h.dates[0], visitors(0, 1)...)
	h.night(h.dates[0])
	ctx, cancel := context.WithCancelCause(t.Context())
	var done []string
	err := pipeline.Cascade(ctx, h.job(h.dates[0]), date(t, h.dates[0]), func(d pipeline.DateDone) {
		done = append(done, d.Date.String())
		switch len(done) {
		case 1:
			h.adjust = func(j *pipeline.Job) { j.Force = true }
			h.night(h.dates[1])
			h.adjust = nil
		case 20:
			cancel(errors.New("it does not end"))
		}
	})
	if err != nil || !slices.Equal(done, h.dates[1:]) {
		t.Errorf("cascaded %q: %v", done, err)
	}
	h.isClean()
}

// A snapshot was replaced after its date was run: a replay reads what is there, and says so.
func TestCascadeTellsOfOtherObjects(t *testing.T) {
	h := newHistory(t, 4)
	h.backfill(h.dates[0], h.dates[3])
	snapshot(h.bench, h.dates[2], visitors(2, 1)...)
	h.ask(50)
	h.night(h.dates[1])
	var told []string
	err := pipeline.Cascade(t.Context(), h.job(h.dates[1]), date(t, h.dates[1]), func(d pipeline.DateDone) {
		if d.NewInputs {
			told = append(told, d.Date.String())
		}
	})
	if err != nil || !slices.Equal(told, h.dates[2:3]) {
		t.Errorf("%q, %v", told, err)
	}
	h.isClean()
}

// The run before uses a list that the replayed run did not: its contents are today's, as a run's would be.
func TestCascadeReadsListsThatItDidNotRecord(t *testing.T) {
	h := newHistory(t, 3)
	plain := past{"segments: [{name: asked, when: ltv > 150}]\nmembership: {since: true}\n", nil}
	h.now = plain
	h.restore(plain)
	h.backfill(h.dates[0], h.dates[2])
	listed := past{"segments: [{name: asked, when: ltv > 150, include: asked.txt}]\nmembership: {since: true}\n", map[string][]string{"asked.txt": {"u03", "u04", "u05"}}}
	h.now = listed
	h.restore(listed)
	h.night(h.dates[1])
	h.cascade(h.dates[1])
	h.isClean()
}

// shortcuts tells of the dates that stand how they were made: F in full, D derived from stored files.
func (h *history) shortcuts() (out string) {
	standing := h.standing()
	for _, day := range slices.Sorted(maps.Keys(standing)) {
		if _, derived := standing[day].Clock.Seconds["derive"]; derived {
			out += "D"
		} else {
			out += "F"
		}
	}
	return out
}

// Where the run before was asked what the one it replaces was, a date follows from stored files, and is what it is in full.
func TestCascadeDerives(t *testing.T) {
	plain := "segments: [{name: vip, when: ltv > 100}, {name: listed, when: segment('vip'), exclude: asked.txt}]\n"
	for _, tc := range []struct {
		name, yaml string
		edit       func(h *history) // before the second date is made again
		after      string
	}{
		{"data", fmt.Sprintf(historyRules, 100), func(h *history) { snapshot(h.bench, h.dates[1], visitors(1, 1)...) }, "FFFDDD"},
		{"data, no dates", plain, func(h *history) { snapshot(h.bench, h.dates[1], visitors(1, 1)...) }, "FFFDDD"},
		{"state", "segments: [{name: vip, when: ltv > 100, min_stay: 3d}]\n", func(h *history) { snapshot(h.bench, h.dates[1], visitors(1, 1)...) }, "FFFFFF"},
		{"nothing, with state", "segments: [{name: vip, when: ltv > 100, min_stay: 3d}]\n", func(h *history) { h.adjust = func(j *pipeline.Job) { j.Force = true } }, "FFDDDD"},
		{"a user", plain, func(h *history) { snapshot(h.bench, h.dates[1], visitors(1, 0)[:80]...) }, "FFFDDD"},
		{"nothing", fmt.Sprintf(historyRules, 100), func(h *history) { h.adjust = func(j *pipeline.Job) { j.Force = true } }, "FFDDDD"},
		{"definitions", fmt.Sprintf(historyRules, 100), func(h *history) { h.ask(90) }, "FFFDDD"},
		{"membership", plain, func(h *history) { h.now.yaml += "membership: {since: true}\n"; h.restore(h.now) }, "FFFDDD"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHistory(t, 6)
			h.now.yaml = tc.yaml
			h.restore(h.now)
			h.backfill(h.dates[0], h.dates[5])
			tc.edit(h)
			h.night(h.dates[1])
			h.adjust = nil
			h.cascade(h.dates[1])
			if got := h.shortcuts(); got != tc.after {
				t.Errorf("made by %s, want %s", got, tc.after)
			}
			before := h.standing()
			h.isClean()
			h.adjust = func(j *pipeline.Job) { *j = pipeline.InFull(*j) }
			for range 2 { // the clean runs of isClean have no shortcuts, and neither has this cascade
				h.past[h.dates[1]] = h.now
				h.run(h.dates[1])
			}
			h.cascade("")
			for day, m := range h.standing() {
				sameFiles(t, day, h.dataFiles(m), h.dataFiles(before[day]))
			}
		})
	}
}

// Who was new is not new any more when the date before turns out to have had the user, and the other way round.
func TestCascadeDerivesNoReasonOfAUserThatCame(t *testing.T) {
	b := caseBench(t, "segments: [{name: vip, when: ltv > 100}]\n")
	one, other := visitor{ID: "a", LTV: 1}, visitor{ID: "x", LTV: 1}
	member := visitor{ID: "x", LTV: 200}
	for _, tc := range []struct {
		before, after []visitor
		want          string
	}{
		{[]visitor{one}, []visitor{one, other}, "x vip entered user_changed"},
		{[]visitor{one, other}, []visitor{one}, "x vip entered user_new"},
	} {
		b.output = objects.NewMemory()
		snapshot(b, "2026-11-01", tc.before...)
		snapshot(b, "2026-11-02", one, member)
		b.run("2026-11-01")
		b.run("2026-11-02")
		snapshot(b, "2026-11-01", tc.after...)
		b.run("2026-11-01")
		var m *catalog.Manifest
		err := pipeline.Cascade(t.Context(), b.job("2026-11-01"), date(t, "2026-11-01"), func(d pipeline.DateDone) { m = d.Result.Manifest })
		if err != nil {
			t.Fatal(err)
		}
		sameTexts(t, "changes", b.changes(m), tc.want)
	}
}

// What a date was made from, and what it would follow from, is damaged: it is computed from its snapshot.
func TestCascadeDerivesNothingFromDamagedFiles(t *testing.T) {
	manifest := func(m *catalog.Manifest) string { return fmt.Sprintf("runs/date=%s/%s/manifest.json", m.Date, m.Run) }
	file := func(table string) func(m *catalog.Manifest) string {
		return func(m *catalog.Manifest) string { return m.Tables[table][0].Key }
	}
	for _, tc := range []struct {
		name string
		day  int // whose run is damaged, as it stood at first
		key  func(m *catalog.Manifest) string
		want map[bool]string // by same
	}{
		{"membership", 3, file("membership"), map[bool]string{true: "FFDFD", false: "FFFFD"}},
		{"transitions", 3, file("transitions"), map[bool]string{true: "FFDFD", false: "FFFFD"}},
		{"the run before, as it was", 1, manifest, map[bool]string{true: "FFFDD", false: "FFFDD"}},
	} {
		for _, same := range []bool{false, true} { // the second date is made again as it was, or as another
			h := newHistory(t, 5)
			h.backfill(h.dates[0], h.dates[4])
			damaged := h.standing()[h.dates[tc.day]]
			if !same {
				snapshot(h.bench, h.dates[1], visitors(1, 0)[:80]...)
			}
			h.adjust = func(j *pipeline.Job) { j.Force = true }
			h.night(h.dates[1])
			h.adjust = nil
			h.damage(tc.key(damaged))
			h.cascade("")
			if got := h.shortcuts(); got != tc.want[same] {
				t.Errorf("%s, %v: made by %s, want %s", tc.name, same, got, tc.want[same])
			}
			h.isClean()
		}
	}
}

// damage puts something else in the place of an object of the output.
func (b *bench) damage(key string) {
	b.t.Helper()
	err := b.output.Delete(b.t.Context(), key, "")
	if err == nil {
		_, err = b.output.Create(b.t.Context(), key, []byte("{"))
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// A mute store has lost a key once the run of a date has begun.
type mute struct {
	objects.Bucket
	date, key string
	begun     atomic.Bool
}

func (m *mute) Create(ctx context.Context, key string, body []byte) (objects.Info, error) {
	if strings.HasPrefix(key, "runs/date="+m.date) && strings.HasSuffix(key, "/started.json") {
		m.begun.Store(true)
	}
	return m.Bucket.Create(ctx, key, body)
}

func (m *mute) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if m.begun.Load() && key == m.key {
		return nil, fmt.Errorf("read %s: %w", key, objects.ErrNotFound)
	}
	return m.Bucket.Read(ctx, key, version, offset, length)
}

// All files are taken over, and what is replaced cannot be read any more: there are no changes to tell of.
func TestCascadeTakesOverWithoutChanges(t *testing.T) {
	h := newHistory(t, 3)
	h.backfill(h.dates[0], h.dates[2])
	last := h.standing()[h.dates[2]]
	h.adjust = func(j *pipeline.Job) { j.Force = true }
	h.night(h.dates[1])
	h.adjust = nil
	h.output = &mute{Bucket: h.output, date: h.dates[2], key: fmt.Sprintf("runs/date=%s/%s/manifest.json", last.Date, last.Run)}
	h.cascade("")
	if m := h.standing()[h.dates[2]]; m.Events != nil || m.Replaces != last.Run || h.shortcuts() != "FFD" {
		t.Errorf("%s: %+v", h.shortcuts(), m.Events)
	}
	h.isClean()
}

// What a person has accepted is not asked again by a cascade, unless it has become worse.
func TestCascadeAcceptsWhatWasAccepted(t *testing.T) {
	h := newHistory(t, 3)
	snapshot(h.bench, h.dates[1], visitors(1, 0)[:40]...)
	h.config.Guards.SnapshotRows.MaxDrop = configs.Limit{Share: 0.1}
	h.adjust = func(j *pipeline.Job) { j.Accept = true }
	for _, day := range h.dates {
		h.run(day)
	}
	h.adjust = nil
	for _, users := range []int{70, 60} { // a smaller and smaller drop to 40
		snapshot(h.bench, h.dates[0], visitors(0, 1)[:users]...)
		h.run(h.dates[0])
		h.cascade("")
	}
	snapshot(h.bench, h.dates[0], append(visitors(0, 1), visitor{ID: "x"}, visitor{ID: "y"}, visitor{ID: "z"})...)
	h.run(h.dates[0])
	err := pipeline.Cascade(t.Context(), h.job(h.dates[0]), catalog.Date{}, func(pipeline.DateDone) {})
	if guard := (*pipeline.GuardError)(nil); !errors.As(err, &guard) {
		t.Error(err)
	}
}

func TestCascadeStopsAtADamagedManifest(t *testing.T) {
	h := newHistory(t, 4)
	h.backfill(h.dates[0], h.dates[3])
	third := h.standing()[h.dates[2]]
	snapshot(h.bench, h.dates[0], visitors(0, 1)...)
	h.night(h.dates[0])
	if err := h.output.Delete(t.Context(), fmt.Sprintf("runs/date=%s/%s/manifest.json", third.Date, third.Run), ""); err != nil {
		t.Fatal(err)
	}
	err := pipeline.Cascade(t.Context(), h.job(h.dates[0]), date(t, h.dates[0]), func(pipeline.DateDone) {})
	var stopped *pipeline.StoppedError
	if !errors.As(err, &stopped) || stopped.Date != third.Date || !strings.Contains(err.Error(), "make the date again with strata run --date 2026-11-03 --force") {
		t.Fatal(err)
	}
	again := pipeline.Cascade(t.Context(), h.job(h.dates[0]), catalog.Date{}, func(d pipeline.DateDone) { t.Errorf("%s is made again", d.Date) })
	if again == nil || again.Error() != err.Error() { // no date is known to be stale, and of this one nobody knows
		t.Errorf("once more: %v", again)
	}
	h.adjust = func(j *pipeline.Job) { j.Force = true }
	h.night(h.dates[2])
	h.adjust = nil
	h.cascade("")
	h.isClean()
}

func TestC077(t *testing.T) { // a duplicate stops a date; when it is mended the history goes on, and nobody is there twice
	b := caseBench(t, "segments: [{name: x, when: ltv > 1}]\n")
	snapshot(b, "2026-11-01", visitor{ID: "1", LTV: 2}, visitor{ID: "1", LTV: 3})
	snapshot(b, "2026-11-02", visitor{ID: "1", LTV: 2})
	both := pipeline.Backfill{From: date(t, "2026-11-01"), To: date(t, "2026-11-02")}
	err := both.Run(t.Context(), b.job("2026-11-01"), func(pipeline.DateDone) {})
	var stopped *pipeline.StoppedError
	if !errors.As(err, &stopped) || stopped.Date != both.From || !strings.Contains(err.Error(), `1 rows repeat the user id of another row, such as "1"`) {
		t.Fatal(err)
	}
	b.config.Snapshot.Duplicates.Keep, b.config.Snapshot.Duplicates.By = "latest", "ltv"
	if err := both.Run(t.Context(), b.job("2026-11-01"), func(pipeline.DateDone) {}); err != nil {
		t.Fatal(err)
	}
	m := b.run("2026-11-02")
	first, err := b.job("2026-11-01").Catalog.Previous(t.Context(), m.Date)
	if err != nil || first.Duplicates != 1 {
		t.Fatal(first, err)
	}
	sameTexts(t, "members", b.members(m, "x"), "1")
	sameTexts(t, "changes", b.changes(m))
}

func TestC090_Gaps(t *testing.T) { // a date without a snapshot stops a backfill; a gap is allowed when asked for, and written down
	h := newHistory(t, 5)
	for _, day := range h.dates[1:3] {
		if err := os.Remove(filepath.Join(filepath.Dir(h.config.File), "users", day+".parquet")); err != nil {
			t.Fatal(err)
		}
	}
	b := pipeline.Backfill{From: date(t, h.dates[0]), To: date(t, h.dates[4])}
	made := 0
	err := b.Run(t.Context(), h.job(h.dates[0]), func(pipeline.DateDone) { made++ })
	var stopped *pipeline.StoppedError
	if !errors.Is(err, pipeline.ErrNoSnapshot) || !errors.As(err, &stopped) || stopped.Date.String() != h.dates[1] || made != 1 {
		t.Fatalf("%v after %d dates", err, made)
	}
	b.AllowGaps = true
	var gaps []string
	err = b.Run(t.Context(), h.job(h.dates[0]), func(d pipeline.DateDone) {
		h.past[d.Date.String()] = h.now
		if d.Result == nil {
			gaps = append(gaps, d.Date.String())
		}
	})
	if err != nil || !slices.Equal(gaps, h.dates[1:3]) {
		t.Fatal(gaps, err)
	}
	standing := h.standing()
	if gap := standing[h.dates[3]].Gap; gap == nil || gap.String() != "2026-11-02 to 2026-11-03" {
		t.Errorf("the gap is %v", gap)
	}
	if gap := standing[h.dates[4]].Gap; gap != nil {
		t.Errorf("a gap of %s where none is", gap)
	}
	h.isClean()
}

func TestC089_FromTheMiddle(t *testing.T) { // a middle date is made again: what follows is put back to its state first
	h := newHistory(t, 5)
	h.backfill(h.dates[0], h.dates[4])
	h.ask(20, "u88")
	h.night(h.dates[2])
	h.cascade(h.dates[2])
	h.isClean()
}

func TestBackfillPlan(t *testing.T) {
	h := newHistory(t, 5)
	h.backfill(h.dates[0], h.dates[2])
	if err := os.Remove(filepath.Join(filepath.Dir(h.config.File), "users", h.dates[3]+".parquet")); err != nil {
		t.Fatal(err)
	}
	snapshot(h.bench, h.dates[1], visitors(1, 1)...)
	plans, err := pipeline.Backfill{From: date(t, h.dates[0]), To: date(t, h.dates[4])}.Plan(t.Context(), h.job(h.dates[0]))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range plans {
		got = append(got, fmt.Sprintf("%s %v %v %q %v", p.Date, p.Standing != "", p.Runs, p.Why, errors.Is(p.Err, pipeline.ErrNoSnapshot)))
	}
	want := []string{
		`2026-11-01 true false [] false`,
		`2026-11-02 true true ["changed: the objects of the snapshot"] false`,
		`2026-11-03 true true ["2026-11-02 is made again before it"] false`,
		`2026-11-04 false false [] true`,
		`2026-11-05 false true [] false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(h.standing()) != 3 {
		t.Error("a plan makes runs")
	}
}

// hide takes the snapshots of some dates away, and returns what brings them back as they were.
func (h *history) hide(dates ...string) (back func()) {
	h.t.Helper()
	move := func(from, to string) {
		for _, day := range dates {
			file := filepath.Join(filepath.Dir(h.config.File), "users", day+".parquet")
			if err := os.Rename(file+from, file+to); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	move("", ".hidden")
	return func() { move(".hidden", "") }
}

// A date whose snapshot is gone follows from stored files where it would with the snapshot there; it then has the same bytes.
func TestCascadeWithoutSnapshots(t *testing.T) {
	again := func(h *history) { h.adjust = func(j *pipeline.Job) { j.Force = true } }
	stateful := "segments: [{name: vip, when: ltv > 100, min_stay: 2d}]\nmembership: {columns: [ltv]}\n"
	for _, tc := range []struct {
		name, yaml string
		edit       func(h *history) // before the second date is made again
		stored     int              // the first date that follows from stored files
	}{
		{"dates", fmt.Sprintf(historyRules, 100), func(h *history) { snapshot(h.bench, h.dates[1], visitors(1, 1)...) }, 3},
		{"copied", fmt.Sprintf(historyRules, 100), again, 2},
		{"copied, stateful", stateful, again, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHistory(t, 6)
			h.now.yaml = tc.yaml
			h.restore(h.now)
			h.backfill(h.dates[0], h.dates[5])
			tc.edit(h)
			h.night(h.dates[1])
			h.adjust = nil
			back := h.hide(h.dates[tc.stored:]...)
			h.cascade(h.dates[1])
			if got, want := h.shortcuts()[tc.stored:], strings.Repeat("D", 6-tc.stored); got != want {
				t.Errorf("made by %s, want %s", got, want)
			}
			back()
			h.isClean()
		})
	}
}

// Where a date does not follow from stored files, a cascade says what its snapshot is needed for, and goes on when it is back.
func TestCascadeNeedsASnapshot(t *testing.T) {
	other := func(h *history) { snapshot(h.bench, h.dates[1], visitors(1, 1)...) }
	for _, tc := range []struct {
		name, yaml string
		edit       func(h *history)
		want       string
	}{
		{"reasons", fmt.Sprintf(historyRules, 100), other, "the membership of 2026-11-02 has changed, and who enters"},
		{"definitions", fmt.Sprintf(historyRules, 100), func(h *history) { h.ask(90) }, "the run of 2026-11-02 has other definitions"},
		{"state", "segments: [{name: vip, when: ltv > 100, min_stay: 2d}]\n", other, "its rules look at the run before it"},
		{"version", fmt.Sprintf(historyRules, 100), func(h *history) { h.adjust = func(j *pipeline.Job) { j.Force, j.Version = true, "v2" } }, "made by version "},
		{"damage", fmt.Sprintf(historyRules, 100), func(h *history) {
			h.adjust = func(j *pipeline.Job) { j.Force = true }
			if err := h.output.Delete(h.t.Context(), h.standing()[h.dates[2]].Tables["membership"][0].Key, ""); err != nil {
				h.t.Fatal(err)
			}
		}, "stored files cannot be read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHistory(t, 4)
			h.now.yaml = tc.yaml
			h.restore(h.now)
			h.backfill(h.dates[0], h.dates[3])
			tc.edit(h)
			h.night(h.dates[1])
			back := h.hide(h.dates[2])
			err := pipeline.Cascade(t.Context(), h.job(h.dates[1]), date(t, h.dates[1]), func(pipeline.DateDone) {})
			var input *pipeline.InputError
			if !errors.Is(err, pipeline.ErrNoSnapshot) || !errors.As(err, &input) || !strings.Contains(err.Error(), tc.want) ||
				!strings.Contains(err.Error(), "put the files of the snapshot back") {
				t.Errorf("%v does not say %q", err, tc.want)
			}
			back()
			if got := h.cascade(h.dates[1]); !slices.Equal(got, h.dates[2:]) {
				t.Errorf("cascaded %q", got)
			}
			h.isClean()
		})
	}
}
