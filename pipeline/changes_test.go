package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// readJSON reads an object of the output.
func (b *bench) readJSON(key string, into any) {
	b.t.Helper()
	data, _, err := objects.ReadAll(b.t.Context(), b.output, key, "")
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		b.t.Fatalf("%s: %v", key, err)
	}
}

// events are the event ids of a run, from its transitions table.
func (b *bench) events(m *catalog.Manifest) map[string]bool {
	out := map[string]bool{}
	for _, row := range b.table(m, "transitions") {
		out[row["event_id"]] = true
	}
	return out
}

// changesAreRight holds changes.json against the transitions of the two runs that it speaks of.
func (b *bench) changesAreRight(m, replaced *catalog.Manifest) *catalog.Events {
	b.t.Helper()
	var list catalog.ChangeList
	b.readJSON(fmt.Sprintf("runs/date=%s/%s/changes.json", m.Date, m.Run), &list)
	if list.Run != m.Run || list.Replaces != replaced.Run || list.Date != m.Date || list.Format != catalog.Format {
		b.t.Errorf("changes.json speaks of %+v", list)
	}
	got := map[string][]string{}
	for _, f := range list.Files {
		var part map[string][]string
		b.readJSON(f.Key, &part)
		if rows := len(part["withdrawn"]) + len(part["added"]); int64(rows) != f.Rows || rows == 0 {
			b.t.Errorf("%s has %d events, it should have %d", f.Key, rows, f.Rows)
		}
		for what, ids := range part {
			if !slices.IsSorted(ids) {
				b.t.Errorf("%s: %s is not sorted", f.Key, what)
			}
			for _, id := range ids {
				got[what] = append(got[what], strings.ReplaceAll(id, "-", ""))
			}
		}
	}
	old, now := b.events(replaced), b.events(m)
	kept := 0
	want := map[string][]string{}
	for id := range old {
		if now[id] {
			kept++
		} else {
			want["withdrawn"] = append(want["withdrawn"], id)
		}
	}
	for id := range now {
		if !old[id] {
			want["added"] = append(want["added"], id)
		}
	}
	for _, what := range []string{"withdrawn", "added"} {
		slices.Sort(got[what])
		slices.Sort(want[what])
		if !slices.Equal(got[what], want[what]) {
			b.t.Errorf("%s: %q, want %q", what, got[what], want[what])
		}
	}
	counts := [3]int{len(want["withdrawn"]), kept, len(want["added"])}
	if said := [3]int{int(list.Withdrawn), int(list.Kept), int(list.Added)}; said != counts || m.Events.Withdrawn != list.Withdrawn {
		b.t.Errorf("withdrawn, kept and added: %v, want %v", said, counts)
	}
	return &list.Events
}

// A date is made again on another snapshot and in another number of partitions, then once more on the first one.
func TestChangesOfARerun(t *testing.T) {
	h := newHistory(t, 2)
	h.night(h.dates[0])
	first := h.night(h.dates[1])
	if first.Events != nil {
		t.Errorf("the first run replaces none: %+v", first.Events)
	}
	last, partitions := first, []int{4, 1, 8, 8}
	for i, n := range partitions {
		h.adjust = func(j *pipeline.Job) { *j = pipeline.WithPartitions(*j, n) }
		snapshot(h.bench, h.dates[1], visitors(1, (i+1)%2)...)
		m := h.night(h.dates[1])
		e := h.changesAreRight(m, last)
		if e.Withdrawn == 0 || e.Kept == 0 || e.Added == 0 {
			t.Errorf("%d partitions: %+v shows nothing", n, e)
		}
		last = m
	}
	h.adjust = func(j *pipeline.Job) { *j = pipeline.WithPartitions(*j, 8); j.Force = true }
	if e := h.changesAreRight(h.night(h.dates[1]), last); e.Withdrawn+e.Added != 0 || len(e.Files) > 0 {
		t.Errorf("nothing has changed, and it says %+v", e)
	}
}

// A run that a guard stopped and that is accepted has the changes too, and so has each date of a cascade.
func TestChangesOfAnAcceptedRunAndOfACascade(t *testing.T) {
	h := newHistory(t, 4)
	h.backfill(h.dates[0], h.dates[3])
	before := maps.Clone(h.standing())
	guarded := strings.Replace(caseHead, "max_drop: none", "max_drop: 10%", 1)
	snapshot(h.bench, h.dates[1], visitors(1, 1)[:40]...)
	config := h.config
	h.config = benchOf(t, guarded+h.now.yaml).config
	h.config.File = config.File
	if _, err := pipeline.Run(t.Context(), h.job(h.dates[1])); err == nil {
		t.Fatal("the guard lets it pass")
	}
	h.adjust = func(j *pipeline.Job) { j.Accept = true }
	m := h.night(h.dates[1])
	if m.Accepts == "" {
		t.Error("it was computed again")
	}
	h.changesAreRight(m, before[h.dates[1]])
	h.cascade(h.dates[1])
	after := h.standing()
	for _, day := range h.dates[2:] {
		h.changesAreRight(after[day], before[day])
	}
}

// What stands is damaged: it can be replaced, without a list of changes.
func TestChangesOfADamagedRun(t *testing.T) {
	h := newHistory(t, 2)
	h.night(h.dates[0])
	for _, damage := range []func(m *catalog.Manifest) string{
		func(m *catalog.Manifest) string { return m.Tables["transitions"][0].Key },
		func(m *catalog.Manifest) string { return fmt.Sprintf("runs/date=%s/%s/manifest.json", m.Date, m.Run) },
	} {
		h.adjust = nil
		m := h.night(h.dates[1])
		if err := h.output.Delete(t.Context(), damage(m), ""); err != nil {
			t.Fatal(err)
		}
		h.adjust = func(j *pipeline.Job) { j.Force = true }
		if m = h.night(h.dates[1]); m.Events != nil || m.Replaces == "" {
			t.Errorf("replaces %q, events %+v", m.Replaces, m.Events)
		}
	}
}

// unreachable is a bucket that does not let some objects be read.
type unreachable struct {
	objects.Bucket
	part string // of their keys
}

var errNetwork = errors.New("the network is down")

func (b unreachable) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if strings.Contains(key, b.part) {
		return nil, fmt.Errorf("read %s: %w", key, errNetwork)
	}
	return b.Bucket.Read(ctx, key, version, offset, length)
}

// What stands cannot be read for now: that is no damage, so nothing takes its place without a list of changes.
func TestChangesOfARunOutOfReach(t *testing.T) {
	h := newHistory(t, 2)
	h.night(h.dates[0])
	first := h.night(h.dates[1])
	all := h.output
	h.adjust = func(j *pipeline.Job) { j.Force = true }
	for _, part := range []string{"/data/transitions/00000.parquet", "/manifest.json"} {
		h.output = unreachable{all, first.Run + part}
		if result, err := pipeline.Run(t.Context(), h.job(h.dates[1])); !errors.Is(err, errNetwork) {
			t.Errorf("%s is out of reach: %v, %v", part, result, err)
		}
		h.output = all
		if m := h.standing()[h.dates[1]]; m.Run != first.Run {
			t.Errorf("%s is out of reach, and run %s stands", part, m.Run)
		}
	}
}

// Damage that shows late leaves no lists of changes behind that no manifest names.
func TestChangesThatAreLostLate(t *testing.T) {
	h := newHistory(t, 2)
	h.night(h.dates[0])
	h.adjust = func(j *pipeline.Job) { *j = pipeline.WithPartitions(*j, 8); j.Workers = 1 }
	m := h.night(h.dates[1])
	if err := h.output.Delete(t.Context(), m.Tables["transitions"][5].Key, ""); err != nil {
		t.Fatal(err)
	}
	snapshot(h.bench, h.dates[1], visitors(1, 1)...)
	m = h.night(h.dates[1])
	if m.Events != nil || m.Replaces == "" {
		t.Errorf("replaces %q, events %+v", m.Replaces, m.Events)
	}
	for info, err := range objects.All(t.Context(), h.output, fmt.Sprintf("runs/date=%s/%s/", m.Date, m.Run)) {
		if err != nil || strings.Contains(info.Key, "changes") {
			t.Errorf("left: %s, %v", info.Key, err)
		}
	}
}
