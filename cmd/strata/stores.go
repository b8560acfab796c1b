package main

import (
	"context"
	"path/filepath"
	"strings"

	"strata/pipeline/objects"
	"strata/pipeline/objects/gcs"
	"strata/pipeline/objects/s3"
)

// stores are the drivers of this binary, by the scheme of an address.
var stores = objects.Resolver{
	"file": objects.OpenLocal,
	"gs":   gcs.Open,
	"s3":   s3.Open,
}

// openLocal opens a folder as a bucket.
var openLocal = func(folder string) (objects.Bucket, error) { return objects.NewLocal(folder) }

// openBucket opens an address as a bucket of its own: what is below it.
func openBucket(ctx context.Context, address string) (objects.Bucket, error) {
	if !strings.Contains(address, "://") || strings.HasPrefix(address, "file://") {
		return openLocal(filepath.FromSlash(strings.TrimPrefix(address, "file://")))
	}
	bucket, prefix, err := stores.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	return objects.Prefixed(bucket, prefix), nil
}
