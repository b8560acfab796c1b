package pipeline_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
)

const stoppedRules = `
segments:
- {name: s, when: 'grp == "a"', include: l.txt, guards: {exits: {max_share: 50%, ignore_below: 1}}}
- {name: other, when: 'grp == "b"'}
`

// stoppedBench is a bench whose second date a guard has stopped.
func stoppedBench(t *testing.T) (*bench, *catalog.Manifest) {
	t.Helper()
	b := caseBench(t, stoppedRules)
	b.list("l.txt", "1", "9")
	snapshot(b, "2026-01-01", groupsOf("aaab")...)
	b.run("2026-01-01")
	snapshot(b, "2026-01-02", groupsOf("ab")...)
	m, err := pipeline.Run(t.Context(), b.job("2026-01-02"))
	var guard *pipeline.GuardError
	if !errors.As(err, &guard) || guard.Waiting == "" || m != nil {
		t.Fatalf("run = %v, %v, want a GuardError and a run that waits", m, err)
	}
	waits, err := catalog.New(b.output, true).Load(t.Context(), catalog.RunRef{Date: b.job("2026-01-02").Date, Run: guard.Waiting})
	if err != nil {
		t.Fatal(err)
	}
	return b, waits
}

// accept runs the second date with --accept and returns what the log says.
func (b *bench) accept(force bool) (*catalog.Manifest, string) {
	b.t.Helper()
	var log bytes.Buffer
	b.adjust = func(j *pipeline.Job) {
		j.Accept, j.Force, j.Log = true, force, slog.New(slog.NewTextHandler(&log, nil))
	}
	return b.run("2026-01-02"), log.String()
}

// What was accepted later is what would have been published with --accept from the start.
func TestAcceptedLater(t *testing.T) {
	b, waits := stoppedBench(t)
	got, log := b.accept(false)
	if got.Accepts != waits.Run || strings.Contains(log, "made again") {
		t.Fatalf("accepts %q, want %q: %s", got.Accepts, waits.Run, log)
	}
	if again, _ := b.accept(false); again.Run != got.Run {
		t.Error("accepted, it is not up to date")
	}
	fresh, log := b.accept(true)
	if fresh.Accepts != "" || strings.Contains(log, "made again") {
		t.Errorf("forced, it accepts %q: %s", fresh.Accepts, log)
	}
	sameFiles(t, "accepted", b.dataFiles(got), b.dataFiles(fresh))
	if dataOf(t, got) != dataOf(t, fresh) {
		t.Errorf("the manifest says\n%s\nwant\n%s", dataOf(t, got), dataOf(t, fresh))
	}
}

func dataOf(t *testing.T, m *catalog.Manifest) string {
	t.Helper()
	data, err := m.Data()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Whatever a run depends on may change before it is accepted: it is made again then, and the log says what has changed. What it
// does not depend on may change as it likes.
func TestAcceptedAfterAChange(t *testing.T) {
	for want, change := range map[string]func(b *bench){
		"the objects of the snapshot": func(b *bench) { snapshot(b, "2026-01-02", groupsOf("abb")...) },
		"the definitions":             func(b *bench) { b.define(strings.Replace(stoppedRules, `"b"`, `"c"`, 1)) },
		"the contents of lists":       func(b *bench) { b.list("l.txt", "1") },
		"what the rules call now":     func(b *bench) { b.define("now: start_of_date\n" + stoppedRules) },
		"the run before": func(b *bench) {
			b.adjust = func(j *pipeline.Job) { j.Force = true }
			b.run("2026-01-01")
		},
		"what membership shows": func(b *bench) { b.define("membership: {columns: [grp]}\n" + stoppedRules) },
		"":                      func(b *bench) { b.define(strings.Replace(stoppedRules, "max_share: 50%", "max_share: 1%", 1)) },
	} {
		b, waits := stoppedBench(t)
		change(b)
		got, log := b.accept(false)
		if made := got.Accepts != waits.Run; made != (want != "") || made && !strings.Contains(log, want) {
			t.Errorf("%q: accepts %q: %s", want, got.Accepts, log)
		}
		forced, _ := b.accept(true)
		sameFiles(t, want, b.dataFiles(got), b.dataFiles(forced))
		if dataOf(t, got) != dataOf(t, forced) {
			t.Errorf("%q: the manifest says\n%s\nwant\n%s", want, dataOf(t, got), dataOf(t, forced))
		}
	}
}

// A limit of rejects that was lowered meanwhile stops what waits, as it would stop a run.
func TestAcceptedWithTooManyRejects(t *testing.T) {
	b, _ := stoppedBench(t)
	b.config.Snapshot.MaxRejects = configs.Limit{Share: -1} // there are none, and that is too many
	b.adjust = func(j *pipeline.Job) { j.Accept = true }
	_, err := pipeline.Run(t.Context(), b.job("2026-01-02"))
	var input *pipeline.InputError
	if !errors.As(err, &input) {
		t.Errorf("run = %v, want an InputError", err)
	}
}

// Without its files, a run that waits is made again.
func TestAcceptedWithoutItsFiles(t *testing.T) {
	b, waits := stoppedBench(t)
	if err := os.Remove(filepath.FromSlash(b.output.URL(waits.Tables["membership"][0].Key))); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.accept(false); got.Accepts != "" {
		t.Errorf("it accepts %q", got.Accepts)
	}
}
