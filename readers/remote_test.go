package readers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"strata/pipeline/objects"
	"strata/pipeline/tables"
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

func TestPrefetch(t *testing.T) {
	bucket, s := remoteNightly(t)
	columns := []string{"user_id", "country", "tags"}
	release := s.Prefetch(t.Context(), 0, columns)
	again := s.Prefetch(t.Context(), 0, columns)
	group, err := s.OpenRowGroup(t.Context(), 0, columns[:2])
	if err != nil {
		t.Fatal(err)
	}
	more, err := s.OpenRowGroup(t.Context(), 0, []string{"tags", "age"}) // one that was fetched, one that was not
	if err != nil {
		t.Fatal(err)
	}
	release() // what is open stays readable
	again()
	local := mustOpen(t, sharedPath(t, "nightly/snapshots"), s.Objects()[0].Key)
	for column, from := range map[string]int{"user_id": 0, "country": 0, "tags": 1, "age": 1} {
		want, err := readColumn(t, local, column, 1000)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readRows(t, []tables.Columns{group, more}[from], column, 500)
		if err != nil || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("column %q differs when it is fetched ahead: %v", column, err)
		}
	}
	group.Close()
	more.Close()
	if s.ahead.bytes != 0 || len(s.ahead.groups) != 0 {
		t.Errorf("%d bytes of %d row groups are still held", s.ahead.bytes, len(s.ahead.groups))
	}
	reads := len(bucket.ranges)
	s.Prefetch(t.Context(), 1, columns)() // there is none
	if len(bucket.ranges) != reads {
		t.Error("something was fetched for a row group that there is not")
	}
}

// TestPrefetchFaults: a fetch ahead that fails is tried again by who opens the row group, and one beyond the limit does not begin.
func TestPrefetchFaults(t *testing.T) {
	bucket, s := remoteNightly(t)
	bucket.fail = func(int64) error { return errors.New("503") }
	release := s.Prefetch(t.Context(), 0, []string{"country"})
	<-s.ahead.groups[0].done
	bucket.fail = nil
	group, err := s.OpenRowGroup(t.Context(), 0, []string{"country"})
	if err != nil {
		t.Fatal(err)
	}
	group.Close()
	release()
	s.opts.PrefetchBytes = 1
	reads := len(bucket.ranges)
	s.Prefetch(t.Context(), 0, []string{"country"})()
	if len(bucket.ranges) != reads {
		t.Error("more was fetched ahead than may be held")
	}
}

// TestArraysOutliveTheirRowGroup closes the row group and the snapshot before the values are looked at.
func TestArraysOutliveTheirRowGroup(t *testing.T) {
	_, s := remoteNightly(t)
	for _, column := range []string{"user_id", "country", "age", "ltv", "tags", "sms_opt_in"} {
		want, err := readColumn(t, s, column, 100)
		if err != nil {
			t.Fatal(err)
		}
		group, err := s.OpenRowGroup(t.Context(), 0, []string{column})
		if err != nil {
			t.Fatal(err)
		}
		a, err := group.Next(column, 100)
		if err != nil {
			t.Fatal(err)
		}
		b, err := group.Next(column, 100)
		if err != nil {
			t.Fatal(err)
		}
		group.Close()
		if got := renderValue(b, 0); got != want[a.Len()] {
			t.Errorf("column %q: %s, want %s", column, got, want[a.Len()])
		}
		a.Release()
		b.Release()
	}
}

// TestManyReaders reads one snapshot from many goroutines, which share the pool.
func TestManyReaders(t *testing.T) {
	local, err := objects.NewLocal(sharedPath(t, "nightly/snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := ListSnapshot(t.Context(), local, "date=2026-11-02/*.parquet")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), local, pinned[:1])
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	columns := []string{"user_id", "country", "age", "tags", "sms_opt_in", "last_seen_at"}
	want := map[string][]string{}
	for _, column := range columns {
		if want[column], err = readColumn(t, s, column, 1000); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			column := columns[i%len(columns)]
			if got, err := readColumn(t, s, column, 100+i); err != nil || !slices.Equal(got, want[column]) {
				t.Errorf("column %q differs: %v", column, err)
			}
		})
	}
	group.Wait()
}

// TestWrittenOver cuts a local file short while it is read: that is no fault of its format.
func TestWrittenOver(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "d.parquet")
	if err := os.WriteFile(path, readFixture(t, "dictionary.parquet"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, folder, "d.parquet")
	if err := os.WriteFile(path, []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := readColumn(t, s, "other", 1000)
	var format *FormatError
	if !errors.Is(err, objects.ErrChanged) || errors.As(err, &format) || !strings.Contains(err.Error(), "d.parquet") {
		t.Errorf("got %v", err)
	}
}
