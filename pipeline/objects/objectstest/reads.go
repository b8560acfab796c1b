package objectstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"strata/pipeline/objects"
)

func testRanges(t *testing.T, b objects.Bucket) {
	info := create(t, b, "a", "0123456789")
	for _, tc := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "0123456789"}, {3, 4, "3456"}, {7, -1, "789"}, {8, 100, "89"}, {10, 5, ""}, {50, 5, ""}, {4, 0, ""}} {
		body, err := b.Read(t.Context(), "a", info.Version, tc.offset, tc.length)
		if err != nil {
			t.Errorf("Read(%d, %d): %v", tc.offset, tc.length, err)
			continue
		}
		got, err := io.ReadAll(body)
		body.Close()
		if err != nil || string(got) != tc.want {
			t.Errorf("Read(%d, %d) = %q, %v; want %q", tc.offset, tc.length, got, err, tc.want)
		}
	}
}

func testPinnedRead(t *testing.T, b objects.Bucket) {
	first := create(t, b, "a", "one")
	if _, err := b.Replace(t.Context(), "a", first.Version, []byte("two")); err != nil {
		t.Fatal(err)
	}
	body, err := b.Read(t.Context(), "a", first.Version, 0, -1)
	if err == nil {
		_, err = io.ReadAll(body)
		body.Close()
	}
	is(t, "a read of the replaced version", err, objects.ErrChanged)
}

func testMissing(t *testing.T, b objects.Bucket) {
	_, err := b.Stat(t.Context(), "absent")
	is(t, "Stat", err, objects.ErrNotFound)
	_, err = b.Read(t.Context(), "absent", "", 0, -1)
	is(t, "Read", err, objects.ErrNotFound)
	_, err = b.Copy(t.Context(), "absent", "b")
	is(t, "Copy", err, objects.ErrNotFound)
	if page, err := b.List(t.Context(), objects.ListOptions{Prefix: "absent/"}); err != nil || len(page.Objects) > 0 {
		t.Errorf("List = %v, %v", page, err)
	}
}

func testLarge(t *testing.T, b objects.Bucket) {
	body := strings.Repeat("0123456789abcde\n", 5<<20/16)
	info := create(t, b, "large", body)
	if info.Size != int64(len(body)) {
		t.Errorf("size %d, want %d", info.Size, len(body))
	}
	holds(t, b, "large", body)
	_, err := b.Create(t.Context(), "large", []byte(body)[1:])
	is(t, "a second Create", err, objects.ErrExists) // not what a connection says that the store closes early
	_, err = b.Replace(t.Context(), "large", info.Version, []byte(body)[1:])
	if err != nil {
		t.Errorf("Replace: %v", err)
	}
	_, err = b.Replace(t.Context(), "large", info.Version, []byte(body)[2:])
	is(t, "a second Replace", err, objects.ErrChanged)
	holds(t, b, "large", body[1:])
}

func testEmpty(t *testing.T, b objects.Bucket) {
	if info := create(t, b, "empty", ""); info.Size != 0 {
		t.Errorf("size %d", info.Size)
	}
	info := holds(t, b, "empty", "")
	for _, length := range []int64{-1, 0, 10} {
		body, err := b.Read(t.Context(), "empty", info.Version, 0, length)
		if err != nil {
			t.Errorf("Read(0, %d): %v", length, err)
			continue
		}
		if got, err := io.ReadAll(body); err != nil || len(got) != 0 {
			t.Errorf("Read(0, %d) = %q, %v", length, got, err)
		}
		body.Close()
	}
}

// What Create, Stat, ReadAll and List say of an object is the same.
func testDescriptions(t *testing.T, b objects.Bucket) {
	made := create(t, b, "a", "one")
	stat, err := b.Stat(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	page, err := b.List(t.Context(), objects.ListOptions{Prefix: "a"})
	if err != nil || len(page.Objects) != 1 {
		t.Fatalf("List = %v, %v", page, err)
	}
	for from, info := range map[string]objects.Info{"Create": made, "ReadAll": holds(t, b, "a", "one"), "List": page.Objects[0]} {
		if info.Key != "a" || info.Size != 3 || info.Version != stat.Version || info.Modified.IsZero() {
			t.Errorf("%s = %+v; Stat = %+v", from, info, stat)
		}
		if sum := objects.Checksum([]byte("one")); info.CRC32C != "" && info.CRC32C != sum {
			t.Errorf("%s has CRC32C %s; want %s", from, info.CRC32C, sum)
		}
	}
}

// Who reads the newest version while it is replaced sees one version or another, whole, and never an error.
func testReadsDuringReplaces(t *testing.T, b objects.Bucket) {
	contents := func(i int) string { return strings.Repeat(fmt.Sprintf("%03d", i), 1000) }
	info := create(t, b, "a", contents(0))
	var done sync.WaitGroup
	done.Go(func() {
		for i := 1; i <= 30; i++ {
			var err error
			if info, err = b.Replace(t.Context(), "a", info.Version, []byte(contents(i))); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 2 {
		done.Go(func() {
			for seen := ""; seen != contents(30) && !t.Failed(); {
				data, _, err := objects.ReadAll(t.Context(), b, "a", "")
				if err != nil || len(data) != 3000 || string(data) != strings.Repeat(string(data[:3]), 1000) || string(data) < seen {
					t.Errorf("read %d bytes, %.9q after %.9q, %v", len(data), data, seen, err)
					return
				}
				seen = string(data)
			}
		})
	}
	done.Wait()
}

func testPinned(t *testing.T, b objects.Bucket) {
	first := create(t, b, "a", "one")
	if data, info, err := objects.ReadAll(t.Context(), b, "a", first.Version); err != nil || string(data) != "one" || info.Version != first.Version {
		t.Errorf("ReadAll = %q, %v, %v", data, info, err)
	}
	if _, err := b.Replace(t.Context(), "a", first.Version, []byte("two")); err != nil {
		t.Fatal(err)
	}
	_, _, err := objects.ReadAll(t.Context(), b, "a", first.Version)
	is(t, "ReadAll of the replaced version", err, objects.ErrChanged)
	if err := b.Delete(t.Context(), "a", ""); err != nil {
		t.Fatal(err)
	}
	_, err = b.Read(t.Context(), "a", first.Version, 0, -1)
	if !errors.Is(err, objects.ErrNotFound) && !errors.Is(err, objects.ErrChanged) {
		t.Errorf("Read of a version of a deleted object: %v", err)
	}
}

// MissingBucket checks that a bucket that does not exist is told by name, in every method.
func MissingBucket(t *testing.T, b objects.Bucket) {
	ctx, version := context.Background(), "1"
	for act, err := range map[string]error{
		"Stat":   second(b.Stat(ctx, "a")),
		"Read":   second(b.Read(ctx, "a", "", 0, -1)),
		"Create": second(b.Create(ctx, "a", nil)),
		"List":   second(b.List(ctx, objects.ListOptions{})),
		"Copy":   second(b.Copy(ctx, "a", "b")),
	} {
		is(t, act, err, objects.ErrNotFound)
		if err != nil && !strings.Contains(err.Error(), strings.TrimSuffix(b.URL("x"), "/x")) {
			t.Errorf("%s: %v does not name the bucket", act, err)
		}
	}
	is(t, "Replace", second(b.Replace(ctx, "a", version, nil)), objects.ErrNotFound)
}
