package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStatusTells shows a date that is in order, one with each kind of run that does not stand, one that is stale, and what is
// damaged.
func TestStatusTells(t *testing.T) {
	s := newSite(t, smallConfig)
	const tomorrow = "2026-11-03"
	snapshot(s, yesterday, users(3000))
	snapshot(s, today, users(3000))
	snapshot(s, tomorrow, users(1000))
	s.run(0, "status")
	for _, date := range []string{yesterday, today} {
		s.run(0, "run", "--date", date)
	}
	s.run(exitGuard, "run", "--date", tomorrow)
	s.run(0, "run", "--date", yesterday, "--force", "--keep-replaced")
	s.write("out/runs/date="+today+"/20260101T000000Z-0123456789/started.json", []byte("{}"))
	s.write("out/runs/date="+today+"/notes.txt", nil)
	s.run(0, "status")
	s.run(0, "status", "--date", tomorrow)
	s.run(exitUsage, "status", "--date", "2025-01-01")

	remove(t, s, "out/runs/date="+today+"/*/data/transitions/00000.parquet")
	run, _ := filepath.Glob(s.path("out/membership/date=" + yesterday + "/*"))
	name := strings.TrimSuffix(filepath.Base(run[0]), "-00000.parquet")
	s.write("out/runs/date="+yesterday+"/"+name+"/manifest.json", []byte("{"))
	s.run(0, "status")
	s.run(exitInternal, "run", "--date", yesterday)
	s.run(0, "run", "--date", yesterday, "--force", "--keep-replaced")
	s.run(0, "run", "--date", today)
	s.run(0, "status")
	golden(t, "status", steady(s.shown.String(), s.folder))

	_, out, _ := cli(t, s.folder, "status", "--json")
	var dates []struct {
		Date, Run, Stale string
		Manifest         *struct{ Users int64 }
		Others           []struct{ Run, State string }
	}
	if err := json.Unmarshal([]byte(out), &dates); err != nil || len(dates) != 3 || dates[0].Manifest.Users != 3000 {
		t.Errorf("%v: %s", err, out)
	}
}

// remove removes the files that match a pattern; there must be some.
func remove(t *testing.T, s *site, pattern string) {
	t.Helper()
	names, _ := filepath.Glob(s.path(pattern))
	if len(names) == 0 {
		t.Fatalf("nothing matches %s", pattern)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// A run that a guard stopped in a cascade has the definitions of its date; status says which command publishes just that.
func TestStatusSaysHowToPublish(t *testing.T) {
	s := historySite(t, 3)
	s.run(0, "backfill", "--from", "2026-11-01", "--to", "2026-11-03")
	const plainly = "to publish it: strata run --date 2026-11-02 --accept (without"
	advises := func(want string) {
		t.Helper()
		if code, out, errs := cli(t, s.folder, "status", "--date", "2026-11-02"); code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, it does not say %q:\n%s%s", code, want, out, errs)
		}
	}
	snapshot(s, "2026-11-01", users(900))
	snapshot(s, "2026-11-02", users(300))
	code, _, errs := cli(t, s.folder, "run", "--date", "2026-11-01", "--cascade", "--quiet")
	if want := "cascade with --accept, which takes the definitions that the date has recorded"; code != exitGuard || !strings.Contains(errs, want) {
		t.Errorf("exit %d, it does not say %q:\n%s", code, want, errs)
	}
	advises(plainly)
	s.config(strings.Replace(smallConfig, "ltv > 800", "ltv > 700", 1))
	advises("to publish it: strata run --cascade --accept (it has the definitions that 2026-11-02 recorded, which are not today's")
	s.run(0, "run", "--cascade", "--accept", "--quiet")
	if accepted, _ := filepath.Glob(s.path("out/runs/date=2026-11-02/*/manifest.json")); len(accepted) == 0 || !hasAccepted(t, accepted) {
		t.Error("the run that waited is not what was published")
	}
	snapshot(s, "2026-11-02", users(30))
	s.run(exitGuard, "run", "--date", "2026-11-02", "--quiet")
	advises(plainly)
	s.config(smallConfig)
	advises("strata run --date 2026-11-02 --accept makes the run again, with today's")
}

// hasAccepted says whether one of some manifests is of a run that publishes what another had found.
func hasAccepted(t *testing.T, manifests []string) bool {
	t.Helper()
	for _, file := range manifests {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), `"accepts"`) {
			return true
		}
	}
	return false
}
