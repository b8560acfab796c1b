package pipeline_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/tables"
)

// cdnow is the folder of CDNOW's purchases, which make test fetches; their rows are never committed.
func cdnow(t testing.TB) string {
	t.Helper()
	folder := os.Getenv("STRATA_CDNOW")
	if folder == "" {
		folder, _ = filepath.Abs(filepath.Join("..", "build", "data", "lifetimes"))
	}
	folder = filepath.Join(folder, "datasets")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the purchases of CDNOW are not at %s; make test fetches them", folder)
	}
	return folder
}

// script runs a Python script of testdata and returns what it printed.
func script(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(python(t), args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// cdnowBench is a bench of one of the configurations of testdata/cdnow, with its snapshots.
func cdnowBench(t *testing.T, snapshots, config string) *bench {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "cdnow", config))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(snapshots, "strata.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, file)
	b.adjust = func(j *pipeline.Job) { j.Accept = true } // a month is longer than what the guards are set for
	return b
}

// TestCDNOW runs segments by recency, frequency and money over real purchases: 23,570 customers at 18 month ends. An SQL
// script that knows only the purchases counts the same members and the same changes; and the published summary of the 2,357
// customers comes out as sizes of segments.
func TestCDNOW(t *testing.T) {
	datasets, folder := cdnow(t), t.TempDir()
	script(t, "testdata/cdnow/snapshots.py", datasets, folder)
	t.Run("months", func(t *testing.T) {
		want := map[string]map[string][]int64{}
		if err := json.Unmarshal(script(t, "testdata/cdnow/totals.py", filepath.Join(datasets, "CDNOW_master.txt")), &want); err != nil {
			t.Fatal(err)
		}
		if len(want) != 18 {
			t.Fatalf("%d months, want 18", len(want))
		}
		b := cdnowBench(t, filepath.Join(folder, "all"), "strata.yaml")
		for _, date := range sortedKeys(want) {
			compareTotals(t, b.run(date), want[date])
		}
	})
	t.Run("summary", func(t *testing.T) {
		m := cdnowBench(t, filepath.Join(folder, "sample"), "summary.yaml").run("1997-09-30")
		var sizes []int64
		for _, s := range m.Segments {
			sizes = append(sizes, s.Size)
		}
		if want := []int64{946, 1411, 439, 214, 100, 62, 38, 29, 64}; m.Users != 2357 || !slices.Equal(sizes, want) {
			t.Errorf("%d users, sizes %d; the literature has 2357 and %d", m.Users, sizes, want)
		}
	})
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// compareTotals compares a run's sizes and changes with those of SQL; of what SQL does not name nobody is a member.
func compareTotals(t *testing.T, m *catalog.Manifest, want map[string][]int64) {
	t.Helper()
	if m.Users != 23_570 {
		t.Errorf("%s: %d users, want 23570", m.Date, m.Users)
	}
	same := func(what string, got, want []int64) {
		if want == nil {
			want = make([]int64, len(got))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s is %d, SQL says %d", m.Date, what, got, want)
		}
	}
	for _, s := range m.Segments {
		same(s.Name, []int64{s.Size, s.Changes.Sum(tables.Entered), s.Changes.Sum(tables.Exited)}, want[s.Name])
	}
	journey := m.Lifecycles[0]
	same("journey", []int64{journey.Changes.Sum(tables.Moved)}, want["journey"])
	for _, stage := range journey.Stages {
		size := want["journey/"+stage.Name]
		same("journey/"+stage.Name, []int64{stage.Size}, append(size, 0)[:1])
	}
}
