// Package objectstest holds what every driver of package objects must do, as one suite of tests.
package objectstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"strata/pipeline/objects"
)

// A Gap names a subtest that a test server cannot pass, and why. A real store passes all.
type Gap struct{ Test, Why string }

// Run runs the suite. open returns a bucket, new or used: every subtest works below a prefix of its own.
func Run(t *testing.T, open func(t *testing.T) objects.Bucket, gaps ...Gap) {
	b := open(t)
	for _, tc := range suite {
		t.Run(tc.name, func(t *testing.T) {
			for _, g := range gaps {
				if g.Test == tc.name {
					t.Skip(g.Why)
				}
			}
			tc.run(t, objects.Prefixed(b, fmt.Sprintf("suite/%s", tc.name)))
		})
	}
}

var suite = []struct {
	name string
	run  func(t *testing.T, b objects.Bucket)
}{
	{"create", testCreate},
	{"create race", testCreateRace},
	{"replace", testReplace},
	{"replace race", testReplaceRace},
	{"ranges", testRanges},
	{"pinned read", testPinnedRead},
	{"missing", testMissing},
	{"delete", testDelete},
	{"stale delete", testStaleDelete},
	{"copy", testCopy},
	{"copy onto another", testCopyOnto},
	{"list pages", testListPages},
	{"list folders", testListFolders},
	{"names", testNames},
	{"bad names", testBadNames},
	{"cancelled", testCancelled},
	{"large", testLarge},
}

func create(t *testing.T, b objects.Bucket, key, body string) objects.Info {
	t.Helper()
	info, err := b.Create(t.Context(), key, []byte(body))
	if err != nil {
		t.Fatalf("Create(%q): %v", key, err)
	}
	return info
}

// holds checks what an object holds.
func holds(t *testing.T, b objects.Bucket, key, want string) objects.Info {
	t.Helper()
	data, info, err := objects.ReadAll(t.Context(), b, key, "")
	if err != nil || string(data) != want {
		t.Fatalf("%s holds %.40q, %v; want %.40q", key, data, err, want)
	}
	return info
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
}

func testCreate(t *testing.T, b objects.Bucket) {
	info := create(t, b, "a/b", "one")
	if info.Key != "a/b" || info.Size != 3 || info.Version == "" || info.Modified.IsZero() {
		t.Errorf("Create = %+v", info)
	}
	if stat, err := b.Stat(t.Context(), "a/b"); err != nil || stat.Version != info.Version || stat.Size != 3 {
		t.Errorf("Stat = %+v, %v; want version %s", stat, err, info.Version)
	}
	_, err := b.Create(t.Context(), "a/b", []byte("two"))
	is(t, "a second Create", err, objects.ErrExists)
	holds(t, b, "a/b", "one")
	create(t, b, "empty", "")
	holds(t, b, "empty", "")
}

// race lets 16 writers do the same and returns their errors.
func race(write func(i int) error) []error {
	out := make([]error, 16)
	var wait sync.WaitGroup
	for i := range out {
		wait.Add(1)
		go func() {
			defer wait.Done()
			out[i] = write(i)
		}()
	}
	wait.Wait()
	return out
}

// oneWinner checks that exactly one writer won, and the others were told.
func oneWinner(t *testing.T, outcome []error, loses error) (winner int) {
	t.Helper()
	winner = -1
	for i, err := range outcome {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("writers %d and %d both won", winner, i)
		case err == nil:
			winner = i
		default:
			is(t, fmt.Sprintf("writer %d", i), err, loses)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	return winner
}

func testCreateRace(t *testing.T, b objects.Bucket) {
	for round := range 5 {
		key := fmt.Sprintf("round-%d", round)
		outcome := race(func(i int) error {
			_, err := b.Create(t.Context(), key, fmt.Appendf(nil, "writer %d", i))
			return err
		})
		holds(t, b, key, fmt.Sprintf("writer %d", oneWinner(t, outcome, objects.ErrExists)))
	}
}

func testReplace(t *testing.T, b objects.Bucket) {
	first := create(t, b, "a", "one")
	second, err := b.Replace(t.Context(), "a", first.Version, []byte("two"))
	if err != nil || second.Version == first.Version {
		t.Fatalf("Replace = %+v, %v; want another version than %s", second, err, first.Version)
	}
	holds(t, b, "a", "two")
	_, err = b.Replace(t.Context(), "a", first.Version, []byte("three"))
	is(t, "Replace of a stale version", err, objects.ErrChanged)
	holds(t, b, "a", "two")
	_, err = b.Replace(t.Context(), "absent", first.Version, []byte("x"))
	is(t, "Replace of nothing", err, objects.ErrNotFound)
}

func testReplaceRace(t *testing.T, b objects.Bucket) {
	info := create(t, b, "a", "start")
	outcome := race(func(i int) error {
		_, err := b.Replace(t.Context(), "a", info.Version, fmt.Appendf(nil, "writer %d", i))
		return err
	})
	holds(t, b, "a", fmt.Sprintf("writer %d", oneWinner(t, outcome, objects.ErrChanged)))
}

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

func testDelete(t *testing.T, b objects.Bucket) {
	info := create(t, b, "a/b/c", "one")
	if err := b.Delete(t.Context(), "a/b/c", info.Version); err != nil {
		t.Fatal(err)
	}
	_, err := b.Stat(t.Context(), "a/b/c")
	is(t, "Stat after Delete", err, objects.ErrNotFound)
	if err := b.Delete(t.Context(), "a/b/c", ""); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	create(t, b, "a/b/c", "two")
	if err := b.Delete(t.Context(), "a/b/c", ""); err != nil {
		t.Fatal(err)
	}
}

func testStaleDelete(t *testing.T, b objects.Bucket) {
	first := create(t, b, "a", "one")
	if _, err := b.Replace(t.Context(), "a", first.Version, []byte("two")); err != nil {
		t.Fatal(err)
	}
	is(t, "Delete of a stale version", b.Delete(t.Context(), "a", first.Version), objects.ErrChanged)
	holds(t, b, "a", "two")
}

func testCopy(t *testing.T, b objects.Bucket) {
	create(t, b, "from", "one")
	info, err := b.Copy(t.Context(), "from", "deep/to")
	if err != nil || info.Key != "deep/to" || info.Size != 3 {
		t.Fatalf("Copy = %+v, %v", info, err)
	}
	holds(t, b, "deep/to", "one")
	if err := b.Delete(t.Context(), "from", ""); err != nil {
		t.Fatal(err)
	}
	holds(t, b, "deep/to", "one")
}

func testCopyOnto(t *testing.T, b objects.Bucket) {
	create(t, b, "from", "one")
	create(t, b, "to", "two")
	_, err := b.Copy(t.Context(), "from", "to")
	is(t, "Copy onto another object", err, objects.ErrExists)
	holds(t, b, "to", "two")
}

func testListPages(t *testing.T, b objects.Bucket) {
	var want []string
	for i := range 250 {
		want = append(want, fmt.Sprintf("d/%03d", (i*7)%250))
	}
	race(func(w int) error {
		for i := w; i < len(want); i += 16 {
			create(t, b, want[i], "x")
		}
		return nil
	})
	create(t, b, "e", "beside")
	slices.Sort(want)
	var got []string
	pages := 0
	for opts := (objects.ListOptions{Prefix: "d/", Limit: 60}); ; pages++ {
		page, err := b.List(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Objects) > 60 {
			t.Errorf("a page has %d objects", len(page.Objects))
		}
		for _, o := range page.Objects {
			got = append(got, o.Key)
		}
		if opts.Token = page.Next; opts.Token == "" {
			break
		}
	}
	if !slices.Equal(got, want) || pages < 4 {
		t.Errorf("%d keys in %d pages, want %d in order in 5", len(got), pages+1, len(want))
	}
}

func testListFolders(t *testing.T, b objects.Bucket) {
	for _, key := range []string{"x/a", "x/b/1", "x/b/2", "x/b-c", "x/c/1/2", "xy"} {
		create(t, b, key, key)
	}
	page, err := b.List(t.Context(), objects.ListOptions{Prefix: "x/", Delimiter: "/"})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range page.Objects {
		keys = append(keys, o.Key)
	}
	if !slices.Equal(keys, []string{"x/a", "x/b-c"}) || !slices.Equal(page.Prefixes, []string{"x/b/", "x/c/"}) {
		t.Errorf("List = %v and %v; want [x/a x/b-c] and [x/b/ x/c/]", keys, page.Prefixes)
	}
	var all []string
	for o, err := range objects.All(t.Context(), b, "x") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.Key)
	}
	if want := []string{"x/a", "x/b-c", "x/b/1", "x/b/2", "x/c/1/2", "xy"}; !slices.Equal(all, want) {
		t.Errorf("All = %v, want %v", all, want)
	}
}

func testNames(t *testing.T, b objects.Bucket) {
	for _, key := range []string{"date=2026-11-02/part 1.parquet", "été/ü", "a+b&c#d?e", "100%", "_SUCCESS"} {
		create(t, b, key, key)
		holds(t, b, key, key)
		if _, err := b.Copy(t.Context(), key, "copy of/"+key); err != nil {
			t.Errorf("Copy(%q): %v", key, err)
		}
		holds(t, b, "copy of/"+key, key)
	}
}

func testBadNames(t *testing.T, b objects.Bucket) {
	for _, key := range []string{"a/../b", "a//b", "a/./b", "a\x00b", "a/"} {
		if _, err := b.Create(t.Context(), key, nil); err == nil {
			t.Errorf("Create(%q) succeeded", key)
		}
	}
}

func testCancelled(t *testing.T, b objects.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Create(ctx, "a", bytes.Repeat([]byte("x"), 1<<20)); err == nil {
		t.Error("a cancelled Create succeeded")
	}
	_, err := b.Stat(t.Context(), "a")
	is(t, "Stat after a cancelled Create", err, objects.ErrNotFound)
}

func testLarge(t *testing.T, b objects.Bucket) {
	body := strings.Repeat("0123456789abcde\n", 5<<20/16)
	info := create(t, b, "large", body)
	if info.Size != int64(len(body)) {
		t.Errorf("size %d, want %d", info.Size, len(body))
	}
	holds(t, b, "large", body)
}
