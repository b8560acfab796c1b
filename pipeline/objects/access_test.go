package objects_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"strata/pipeline/objects"
)

var ctx = context.Background()

func timeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
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
