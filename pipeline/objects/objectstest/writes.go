package objectstest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"strata/pipeline/objects"
)

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

func testCancelled(t *testing.T, b objects.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Create(ctx, "a", bytes.Repeat([]byte("x"), 1<<20)); err == nil {
		t.Error("a cancelled Create succeeded")
	}
	_, err := b.Stat(t.Context(), "a")
	is(t, "Stat after a cancelled Create", err, objects.ErrNotFound)
}

// A body belongs to the caller again when the call returns.
func testBodyIsCopied(t *testing.T, b objects.Bucket) {
	body := []byte("one")
	info, err := b.Create(t.Context(), "a", body)
	if err != nil {
		t.Fatal(err)
	}
	copy(body, "xxx")
	holds(t, b, "a", "one")
	copy(body, "two")
	if _, err := b.Replace(t.Context(), "a", info.Version, body); err != nil {
		t.Fatal(err)
	}
	copy(body, "xxx")
	holds(t, b, "a", "two")
}

func testDeleteRace(t *testing.T, b objects.Bucket) {
	info := create(t, b, "x/y/a", "one")
	for i, err := range race(func(int) error { return b.Delete(t.Context(), "x/y/a", info.Version) }) {
		if err != nil {
			t.Errorf("Delete %d: %v", i, err)
		}
	}
	_, err := b.Stat(t.Context(), "x/y/a")
	is(t, "Stat", err, objects.ErrNotFound)
}

func testCopyRace(t *testing.T, b objects.Bucket) {
	for i := range 16 {
		create(t, b, fmt.Sprintf("from-%d", i), fmt.Sprintf("writer %d", i))
	}
	outcome := race(func(i int) error {
		_, err := b.Copy(t.Context(), fmt.Sprintf("from-%d", i), "to")
		return err
	})
	holds(t, b, "to", fmt.Sprintf("writer %d", oneWinner(t, outcome, objects.ErrExists)))
}

// No method works under a context that has ended, and none leaves a trace.
func testEnded(t *testing.T, b objects.Bucket) {
	info := create(t, b, "a", "one")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for act, err := range map[string]error{
		"Stat":    second(b.Stat(ctx, "a")),
		"Read":    second(b.Read(ctx, "a", info.Version, 0, -1)),
		"Create":  second(b.Create(ctx, "b", []byte("two"))),
		"Replace": second(b.Replace(ctx, "a", info.Version, []byte("two"))),
		"List":    second(b.List(ctx, objects.ListOptions{})),
		"Delete":  b.Delete(ctx, "a", info.Version),
		"Copy":    second(b.Copy(ctx, "a", "b")),
	} {
		is(t, act, err, context.Canceled)
	}
	holds(t, b, "a", "one")
	_, err := b.Stat(t.Context(), "b")
	is(t, "Stat", err, objects.ErrNotFound)
}

func second[T any](_ T, err error) error { return err }
