package readers

import (
	"os"
	"path/filepath"
	"testing"

	"strata/pipeline/objects"
)

// sharedPath is the folder of public test data beside the checkout.
func sharedPath(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is absent: %v", path, err)
	}
	return path
}

func TestNightlySnapshotIsReadWhole(t *testing.T) {
	folder := sharedPath(t, "nightly/snapshots")
	bucket, err := objects.NewLocal(folder)
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := ListSnapshot(t.Context(), bucket, "date=2026-11-02/*.parquet")
	if err != nil || len(pinned) != 4 {
		t.Fatalf("ListSnapshot = %v, %v; want 4 objects", pinned, err)
	}
	s, err := Open(t.Context(), bucket, pinned)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Rows() != 20128 || s.Schema().NumFields() != 23 {
		t.Fatalf("%d rows of %d columns; want 20128 of 23", s.Rows(), s.Schema().NumFields())
	}
	for at, rows := range s.RowGroupRows() {
		names := make([]string, 0, 23)
		for _, f := range s.Schema().Fields() {
			names = append(names, f.Name)
		}
		group, err := s.OpenRowGroup(t.Context(), at, names)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			n := int64(0)
			for n < rows {
				a, err := group.Next(name, 1000)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				n += int64(a.Len())
				a.Release()
			}
		}
		group.Close()
	}
}
