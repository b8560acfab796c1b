package readers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"strata/pipeline/objects"
)

// A listedBucket is nothing but a listing.
type listedBucket struct {
	objects.Bucket
	keys []string
}

func (b *listedBucket) info(key string) objects.Info {
	if strings.HasSuffix(key, "/") || strings.HasSuffix(strings.TrimSuffix(key, ".parquet"), "0") {
		return objects.Info{Key: key}
	}
	return objects.Info{Key: key, Size: 100}
}

func (b *listedBucket) Stat(_ context.Context, key string) (objects.Info, error) {
	if slices.Contains(b.keys, key) {
		return b.info(key), nil
	}
	return objects.Info{}, objects.ErrNotFound
}

// List pages two keys at a time.
func (b *listedBucket) List(_ context.Context, opts objects.ListOptions) (page objects.Page, err error) {
	for _, key := range slices.Sorted(slices.Values(b.keys)) {
		if !strings.HasPrefix(key, opts.Prefix) || key <= opts.Token && opts.Token != "" {
			continue
		}
		if len(page.Objects) == 2 {
			page.Next = page.Objects[1].Key
			return page, nil
		}
		page.Objects = append(page.Objects, b.info(key))
	}
	return page, nil
}

// A remoteBucket hides that a bucket is local and keeps the ranges that are read.
type remoteBucket struct {
	objects.Bucket

	mu     sync.Mutex
	ranges [][2]int64
	fail   func(offset int64) error // what a read returns instead
	short  bool                     // bodies end early
}

func (b *remoteBucket) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	b.mu.Lock()
	b.ranges = append(b.ranges, [2]int64{offset, length})
	b.mu.Unlock()
	if b.fail != nil {
		if err := b.fail(offset); err != nil {
			return nil, err
		}
	}
	if b.short {
		length /= 2
	}
	return b.Bucket.Read(ctx, key, version, offset, length)
}

// remoteNightly opens a part of the nightly workload as if it were far away.
func remoteNightly(t *testing.T) (*remoteBucket, *Snapshot) {
	t.Helper()
	local, err := objects.NewLocal(sharedPath(t, "nightly/snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	bucket := &remoteBucket{Bucket: local}
	pinned, err := ListSnapshot(t.Context(), bucket, "date=2026-11-02/*.parquet")
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenWith(t.Context(), bucket, pinned[:1], Options{Allocator: checkedMemory(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return bucket, s
}

func TestRemoteReadsAreFewAndNarrow(t *testing.T) {
	bucket, s := remoteNightly(t)
	if n := len(bucket.ranges); n != 1 {
		t.Errorf("the footer took %d reads: %v", n, bucket.ranges)
	}
	bucket.ranges = nil
	group, err := s.OpenRowGroup(t.Context(), 0, []string{"country", "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	total := int64(0)
	for _, r := range bucket.ranges {
		total += r[1]
	}
	size := s.RowGroups()[0].CompressedBytes
	if len(bucket.ranges) > 2 || total == 0 || total > size*3/4 {
		t.Errorf("%d reads of %d bytes for two columns of a row group of %d: %v", len(bucket.ranges), total, size, bucket.ranges)
	}
	local := mustOpen(t, sharedPath(t, "nightly/snapshots"), s.Objects()[0].Key)
	for _, column := range []string{"country", "user_id"} {
		want, err := readColumn(t, local, column, 1000)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readRows(t, group, column, 777)
		if err != nil || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("column %q differs when it is read from afar: %v", column, err)
		}
	}
	if len(bucket.ranges) > 2 {
		t.Errorf("decoding read again: %v", bucket.ranges)
	}
}

func TestRemoteFaultsAreNamed(t *testing.T) {
	bucket, s := remoteNightly(t)
	url := bucket.URL(s.Objects()[0].Key)
	bucket.fail = func(int64) error { return objects.ErrChanged }
	_, err := s.OpenRowGroup(t.Context(), 0, []string{"country"})
	if !errors.Is(err, objects.ErrChanged) || !strings.Contains(err.Error(), url) {
		t.Errorf("a replaced object: %v", err)
	}
	var format *FormatError
	if errors.As(err, &format) {
		t.Errorf("a replaced object is no fault of its format: %v", err)
	}
	bucket.fail, bucket.short = nil, true
	if _, err = s.OpenRowGroup(t.Context(), 0, []string{"country"}); err == nil || !strings.Contains(err.Error(), url) {
		t.Errorf("a body that ends early: %v", err)
	}
	bucket.short = false
	ctx, cancel := context.WithCancel(t.Context())
	bucket.fail = func(int64) error { cancel(); <-ctx.Done(); return ctx.Err() }
	if _, err = s.OpenRowGroup(ctx, 0, []string{"country"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read: %v", err)
	}
}

func TestRemoteFooterFaults(t *testing.T) {
	bucket, s := remoteNightly(t)
	pinned := s.Objects()
	for _, want := range []error{objects.ErrChanged, objects.ErrNotFound, errors.New("503 slow down")} {
		bucket.fail = func(int64) error { return want }
		_, err := OpenWith(t.Context(), bucket, pinned, Options{})
		var format *FormatError
		if !errors.Is(err, want) || errors.As(err, &format) {
			t.Errorf("got %v; want %v", err, want)
		}
	}
	bucket.fail = nil
	pinned[0].Version = "another"
	if _, err := OpenWith(t.Context(), bucket, pinned, Options{}); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("got %v", err)
	}
}

// TestReplacedLocally replaces a file between its pinning, its opening and the end of the run.
func TestReplacedLocally(t *testing.T) {
	bucket, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := readFixture(t, "units.parquet")
	info, err := bucket.Create(t.Context(), "u.parquet", data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenWith(t.Context(), bucket, []objects.Info{info}, Options{Allocator: checkedMemory(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Unchanged(t.Context()); err != nil {
		t.Error(err)
	}
	time.Sleep(time.Millisecond)
	if _, err := bucket.Replace(t.Context(), "u.parquet", info.Version, bytes.Repeat(data, 2)); err != nil {
		t.Fatal(err)
	}
	if got, err := readColumn(t, s, "ms", 10); err != nil || len(got) != 2 {
		t.Errorf("the pinned version is open and readable: %v, %v", got, err)
	}
	if err := s.Unchanged(t.Context()); !errors.Is(err, objects.ErrChanged) || !strings.Contains(err.Error(), "u.parquet") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(t.Context(), bucket, []objects.Info{info}); !errors.Is(err, objects.ErrChanged) || !strings.Contains(err.Error(), "u.parquet") {
		t.Errorf("got %v", err)
	}
}
