package pipeline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strata/pipeline"
	"strata/pipeline/catalog"
)

// nightlyBench is the nightly workload: two nights of snapshots, with expected tables that another engine computed.
func nightlyBench(t testing.TB) *bench {
	b := newBench(t, filepath.Join(shared(t, "nightly"), "strata.yaml"))
	// The generated tags follow the order of rows, which differs from night to night, so most members leave the two
	// segments of tags: a guard trips, rightly.
	b.config.Guards.Exits.MaxShare.Off = true
	return b
}

// expected reads an expected table.
func expected(t testing.TB, name string) []map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(shared(t, "nightly/expected"), name+".parquet"))
	if err != nil {
		t.Fatal(err)
	}
	return rowsOf(t, data)
}

func sortSegments(rows []map[string]string) []map[string]string {
	for _, row := range rows {
		parts := strings.Split(row["segments"], ",")
		slices.Sort(parts)
		row["segments"] = strings.Join(parts, ",")
	}
	return rows
}

// checkNights compares both nights with the expected tables, in every row.
func checkNights(t *testing.T, b *bench, first, second *catalog.Manifest) {
	t.Helper()
	membership := []string{"user_id", "segments", "journey"}
	for _, m := range []*catalog.Manifest{first, second} {
		want := sortSegments(expected(t, "membership-"+m.Date.String()))
		sameLines(t, "membership of "+m.Date.String(), lines(sortSegments(b.table(m, "membership")), membership...), lines(want, membership...))
	}
	transitions := []string{"user_id", "segment", "change", "from", "to", "reason"}
	sameLines(t, "transitions", lines(b.table(second, "transitions"), transitions...), lines(expected(t, "transitions-2026-11-02"), transitions...))
	for _, row := range b.table(first, "transitions") {
		if row["change"] != "initial" || row["reason"] != "segment_added" {
			t.Fatalf("the first night has the transition %v", row)
		}
	}
}

func TestNightlyEqualsTheExpectedTables(t *testing.T) {
	b := nightlyBench(t)
	first, second := b.run("2026-11-01"), b.run("2026-11-02")
	checkNights(t, b, first, second)
}

func TestNightlyFilesAreTheSameHoweverTheyAreMade(t *testing.T) {
	type nights struct{ first, second map[string]string }
	tell := func(adjust func(*pipeline.Job)) nights {
		b := nightlyBench(t)
		b.adjust = adjust
		return nights{b.dataFiles(b.run("2026-11-01")), b.dataFiles(b.run("2026-11-02"))}
	}
	want := tell(nil)
	for name, adjust := range map[string]func(*pipeline.Job){
		"1 worker":          func(j *pipeline.Job) { j.Workers = 1 },
		"8 workers":         func(j *pipeline.Job) { j.Workers = 8 },
		"batches of 1":      func(j *pipeline.Job) { j.BatchRows = 1 },
		"batches of 1000":   func(j *pipeline.Job) { j.BatchRows = 1000 },
		"batches of 65536":  func(j *pipeline.Job) { j.BatchRows = 65536 },
		"no statistics":     func(j *pipeline.Job) { *j = pipeline.WithoutPruning(*j) },
		"a budget of 1 MiB": func(j *pipeline.Job) { j.Memory = 1 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			got := tell(adjust)
			sameFiles(t, "first night", got.first, want.first)
			sameFiles(t, "second night", got.second, want.second)
		})
	}
}

func TestNightlyOnAnyNumberOfPartitions(t *testing.T) {
	for _, before := range []int{1, 2, 32} {
		t.Run(fmt.Sprintf("8 after %d", before), func(t *testing.T) {
			b := nightlyBench(t)
			b.adjust = func(j *pipeline.Job) { *j = pipeline.WithPartitions(*j, before) }
			first := b.run("2026-11-01")
			b.adjust = func(j *pipeline.Job) { *j = pipeline.WithPartitions(*j, 8) }
			second := b.run("2026-11-02")
			if n := len(second.Tables["membership"]); n != 8 {
				t.Fatalf("%d partitions, want 8", n)
			}
			checkNights(t, b, first, second)
		})
	}
}
