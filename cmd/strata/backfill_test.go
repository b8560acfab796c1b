package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// show runs a command line and keeps what it printed, but for how long things took.
func (s *site) show(args ...string) {
	s.t.Helper()
	code, out, errs := cli(s.t, s.folder, args...)
	out = regexp.MustCompile(`(?m) +\d+\.\d\d(  |$)`).ReplaceAllString(out, " SECONDS$1")
	errs = regexp.MustCompile(`(?m)^time=.*\n`).ReplaceAllString(errs, "")
	fmt.Fprintf(&s.shown, "$ strata %s\n%s%sexit %d\n\n", strings.Join(args, " "), out, errs, code)
}

// days are the dates of snapshots of these tests.
func days(n int) (dates []string) {
	for day := range n {
		dates = append(dates, fmt.Sprintf("2026-11-%02d", day+1))
	}
	return dates
}

// historySite has a snapshot of a few dates, in which some users change every day.
func historySite(t *testing.T, dates int) *site {
	s := newSite(t, smallConfig)
	s.inMemory()
	s.config(smallConfig)
	for day, date := range days(dates) {
		rows := users(900 + day)
		for i := range rows {
			rows[i].LTV += float64((i*7 + day*13) % 40)
		}
		snapshot(s, date, rows)
	}
	return s
}

// TestBackfillAsAUserMeetsIt: what a range of dates needs, a gap, an edit, dates that are made stale and made again.
func TestBackfillAsAUserMeetsIt(t *testing.T) {
	s := historySite(t, 5)
	if err := os.RemoveAll(s.path("users/date=2026-11-03")); err != nil {
		t.Fatal(err)
	}
	all := []string{"--from", "2026-11-01", "--to", "2026-11-05"}
	s.show("backfill")
	s.show("backfill", "--from", "2026-11-05", "--to", "2026-11-01", "--workers", "-1")
	s.show(append([]string{"backfill", "--dry-run"}, all...)...)
	s.show(append([]string{"backfill"}, all...)...)
	s.show(append([]string{"backfill", "--allow-gaps"}, all...)...)
	s.show("backfill", "--from", "2027-11-01", "--to", "2027-11-02", "--allow-gaps")
	s.config(strings.Replace(smallConfig, "ltv > 800", "ltv > 700", 1))
	s.show("backfill", "--from", "2026-11-01", "--to", "2026-11-02", "--dry-run")
	s.show("backfill", "--from", "2026-11-01", "--to", "2026-11-02")
	s.show("status")
	s.show("run", "--cascade", "--force")
	s.show("run", "--cascade")
	s.show("run", "--cascade")
	golden(t, "backfill", steady(s.shown.String(), s.folder))
}

// A guard stops a backfill at one date, and it is said how to go on; then it goes on.
func TestBackfillStoppedByAGuard(t *testing.T) {
	s := historySite(t, 4)
	snapshot(s, "2026-11-03", users(300))
	s.show("backfill", "--from", "2026-11-01", "--to", "2026-11-04")
	s.show("run", "--date", "2026-11-03", "--accept", "--quiet")
	s.show("backfill", "--from", "2026-11-01", "--to", "2026-11-04", "--accept")
	snapshot(s, "2026-11-01", users(10))
	s.show("run", "--date", "2026-11-01", "--cascade", "--quiet")
	golden(t, "backfill_guard", steady(s.shown.String(), s.folder))
}

// Dates that a backfill has made stand when it is interrupted, and the same command goes on.
func TestBackfillInterrupted(t *testing.T) {
	s := historySite(t, 4)
	p := s.start(s.held("2026-11-03"), "backfill", "--from", "2026-11-01", "--to", "2026-11-04")
	s.waitFor(1, "ready-*")
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.end(); code != exitInterrupted {
		t.Errorf("exit %d, want %d", code, exitInterrupted)
	}
	said := p.errs.String()
	for _, want := range []string{"interrupted at 2026-11-03, of which nothing was published", "strata backfill --from 2026-11-01 --to 2026-11-04"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if standing, _ := filepath.Glob(s.path("out/runs/*/current.json")); len(standing) != 2 {
		t.Errorf("these stand: %q", standing)
	}
	s.run(0, "backfill", "--from", "2026-11-01", "--to", "2026-11-04")
	if standing, _ := filepath.Glob(s.path("out/runs/*/2*/manifest.json")); len(standing) != 4 {
		t.Errorf("these runs were made: %q", standing)
	}
}

// What to type next holds the flags that it needs, quoted; dates that a backfill has passed over are not forgotten where a run of
// theirs stands.
func TestBackfillSaysWhatToTypeNext(t *testing.T) {
	s := historySite(t, 4)
	in := []string{"--output", "the output's", "--memory", "64MB", "--keep-replaced"}
	s.show(append([]string{"backfill", "--from", "2026-11-01", "--to", "2026-11-03"}, in...)...)
	if err := os.RemoveAll(s.path("users/date=2026-11-02")); err != nil {
		t.Fatal(err)
	}
	snapshot(s, "2026-11-01", users(890))
	s.show(append([]string{"backfill", "--from", "2026-11-01", "--to", "2026-11-03", "--accept"}, in...)...)
	s.show(append([]string{"backfill", "--from", "2026-11-01", "--to", "2026-11-03", "--allow-gaps"}, in...)...)
	snapshot(s, "2026-11-04", users(10))
	s.show(append([]string{"backfill", "--from", "2026-11-04", "--to", "2026-11-04"}, in...)...)
	s.run(0, append([]string{"run", "--date", "2026-11-04", "--accept", "--quiet"}, in...)...)
	s.run(0, "gc", "--output", "the output's", "--keep", "1d", "--quiet")
	s.show(append([]string{"backfill", "--from", "2026-11-01", "--to", "2026-11-03"}, in...)...)
	golden(t, "backfill_next", steady(s.shown.String(), s.folder))
}

// An interrupt between two dates does not say that nothing was published.
func TestInterruptedBetweenDates(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cmd := backfillCommand(&common{})
	cmd.Flags().String("config", "", "")
	cmd.SetContext(ctx)
	if err := stopped(cmd, nil, "again"); err != nil {
		t.Error(err)
	}
	cancel(errInterrupted)
	err := stopped(cmd, fmt.Errorf("list: %w", errInterrupted), "again")
	if want := "interrupted between two dates; what was made stands. Go on with\n  again"; err == nil || err.Error() != want || exitCode(err) != exitInterrupted {
		t.Errorf("%v, want %s", err, want)
	}
}
