package objects_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/pipeline/objects"
	"strata/pipeline/objects/objectstest"
)

func TestLocal(t *testing.T) {
	objectstest.Run(t, func(t *testing.T) objects.Bucket {
		b, err := objects.NewLocal(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func TestLocalShowsNoFileOfItsOwn(t *testing.T) {
	root := t.TempDir()
	b, err := objects.NewLocal(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, ".strata-123"), []byte("a crash left it"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := b.Create(t.Context(), "a", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Replace(t.Context(), "a", info.Version, []byte("two")); err != nil {
		t.Fatal(err)
	}
	page, err := b.List(t.Context(), objects.ListOptions{})
	if err != nil || len(page.Objects) != 1 {
		t.Errorf("List = %v, %v; want a alone", page, err)
	}
}

func TestLocalNamesAnUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := objects.NewLocal(filepath.Join(file, "below"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(t.Context(), "a", nil); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Create below a file = %v; want its path", err)
	}
}

func TestParseURL(t *testing.T) {
	for address, want := range map[string][3]string{
		"gs://lake/users/date=2026-11-02/*.parquet": {"gs", "lake", "users/date=2026-11-02/*.parquet"},
		"s3://lake":                    {"s3", "lake", ""},
		"/data/users/date=1/*.parquet": {"file", "/data/users/date=1", "*.parquet"},
		"/data/*/date=1/a.parquet":     {"file", "/data", "*/date=1/a.parquet"},
		"users/a.parquet":              {"file", "users", "a.parquet"},
		"file:///data/users/a.parquet": {"file", "/data/users", "a.parquet"},
		"/a.parquet":                   {"file", "/", "a.parquet"},
		"a.parquet":                    {"file", ".", "a.parquet"},
	} {
		scheme, bucket, key, err := objects.ParseURL(address)
		if got := [3]string{scheme, bucket, key}; err != nil || got != want {
			t.Errorf("ParseURL(%q) = %v, %v; want %v", address, got, err, want)
		}
	}
	if _, _, _, err := objects.ParseURL("gs:///x"); err == nil {
		t.Error("an address without a bucket is taken")
	}
	if _, _, err := (objects.Resolver{"file": objects.OpenLocal}).Open(t.Context(), "azblob://x/y"); err == nil || errors.Is(err, objects.ErrNotFound) {
		t.Errorf("an unknown scheme: %v", err)
	}
}
