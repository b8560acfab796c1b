package readers

import (
	"slices"
	"strings"
	"testing"

	"strata/pipeline/objects"
)

// keysOf lists a pattern in a bucket of small objects; those whose name ends in 0 are empty.
func keysOf(t *testing.T, pattern string, keys ...string) []string {
	t.Helper()
	bucket := &listedBucket{keys: keys}
	found, err := ListSnapshot(t.Context(), bucket, pattern)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, info := range found {
		out = append(out, info.Key)
	}
	return out
}

func TestListSnapshot(t *testing.T) {
	keys := []string{
		"users/date=2026-11-01/a.parquet", "users/date=2026-11-02/_SUCCESS", "users/date=2026-11-02/_temporary/x.parquet",
		"users/date=2026-11-02/.b.parquet", "users/date=2026-11-02/b.parquet", "users/date=2026-11-02/a.parquet",
		"users/date=2026-11-02/deep/er/c.parquet", "users/date=2026-11-02/notes.txt", "users/date=2026-11-020/a.parquet",
	}
	for pattern, want := range map[string][]string{
		"users/date=2026-11-02/*.parquet":    {"users/date=2026-11-02/a.parquet", "users/date=2026-11-02/b.parquet"},
		"users/date=2026-11-02/**/*.parquet": {"users/date=2026-11-02/a.parquet", "users/date=2026-11-02/b.parquet", "users/date=2026-11-02/deep/er/c.parquet"},
		"users/date=2026-11-02":              {"users/date=2026-11-02/a.parquet", "users/date=2026-11-02/b.parquet", "users/date=2026-11-02/deep/er/c.parquet"},
		"users/date=2026-11-02/":             {"users/date=2026-11-02/a.parquet", "users/date=2026-11-02/b.parquet", "users/date=2026-11-02/deep/er/c.parquet"},
		"users/date=2026-11-02/[ab].parquet": {"users/date=2026-11-02/a.parquet", "users/date=2026-11-02/b.parquet"},
		"users/*/a.parquet":                  {"users/date=2026-11-01/a.parquet", "users/date=2026-11-02/a.parquet", "users/date=2026-11-020/a.parquet"},
		"users/date=2026-11-02/a.parquet":    {"users/date=2026-11-02/a.parquet"},
		"users/date=2026-11-02/_*/x.parquet": {"users/date=2026-11-02/_temporary/x.parquet"},
		"users/date=2026-11-03/*.parquet":    nil,
		"users/date=2026-11-02/*":            {"users/date=2026-11-02/a.parquet", "users/date=2026-11-02/b.parquet", "users/date=2026-11-02/notes.txt"},
	} {
		if got := keysOf(t, pattern, keys...); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
}

// TestC137 leaves out empty objects that mark folders, and keeps an empty *.parquet, which Open refuses.
func TestC137(t *testing.T) {
	keys := []string{"t/dt=2026-01-00", "t/dt=2026-01-00/", "t/dt=2026-01-00/part-1.parquet", "t/dt=2026-01-00/sub/"}
	for _, pattern := range []string{"t/dt=2026-01-00/*.parquet", "t/dt=2026-01-00", "t/*/*", "t/**"} {
		if got := keysOf(t, pattern, keys...); !slices.Equal(got, []string{"t/dt=2026-01-00/part-1.parquet"}) {
			t.Errorf("%s: got %q", pattern, got)
		}
	}
	if got := keysOf(t, "t/*.parquet", "t/EMPTY0.parquet"); len(got) != 1 {
		t.Errorf("an empty file was left out: %q", got)
	}
}

func TestListSnapshotOfABadPattern(t *testing.T) {
	local, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, err = ListSnapshot(t.Context(), local, "a/[b")
	if err == nil || !strings.Contains(err.Error(), "a/[b") {
		t.Errorf("got %v", err)
	}
}

var _ objects.Bucket = (*listedBucket)(nil)
