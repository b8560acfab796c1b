package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRestoredOutput: an output that was copied, or came back from a backup, goes on as if it were the first. A file in it that does
// not hold what its run wrote stops whatever reads it.
func TestRestoredOutput(t *testing.T) {
	s := newSite(t, smallConfig)
	for _, date := range []string{"2026-11-01", "2026-11-02", "2026-11-03"} {
		snapshot(s, date, users(100))
	}
	s.run(0, "run", "--date", "2026-11-01")
	s.run(0, "run", "--date", "2026-11-02")
	if err := os.CopyFS(s.path("restored"), os.DirFS(s.path("out"))); err != nil {
		t.Fatal(err)
	}
	s.run(0, "run", "--date", "2026-11-03")
	s.run(0, "run", "--date", "2026-11-03", "--output", "restored")
	s.run(0, "run", "--date", "2026-11-02", "--force", "--output", "restored")
	s.run(0, "run", "--date", "2026-11-02", "--cascade", "--output", "restored")
	s.run(0, "forget", "--user", "user-00001", "--output", "restored")

	found, err := filepath.Glob(s.path("restored/runs/date=2026-11-03/*/data/membership/00000.parquet"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, file := range found {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	snapshot(s, "2026-11-04", users(100))
	code, _, errs := cli(t, s.folder, "run", "--date", "2026-11-04", "--output", "restored")
	if code == 0 || !strings.Contains(errs, "does not hold what its run wrote") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
