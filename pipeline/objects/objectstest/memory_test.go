package objectstest_test

import (
	"errors"
	"fmt"
	"testing"

	"strata/pipeline/objects"
	"strata/pipeline/objects/objectstest"
)

func TestMemory(t *testing.T) {
	objectstest.Run(t, func(*testing.T) objects.Bucket { return objects.NewMemory() })
}

func TestMemoryWithSmallPages(t *testing.T) {
	objectstest.Run(t, func(*testing.T) objects.Bucket {
		m := objects.NewMemory()
		m.PageSize = 2
		return m
	})
}

// What happens to a clone does not happen to the bucket, and versions of the one are versions of the other.
func TestMemoryClone(t *testing.T) {
	m := objects.NewMemory()
	info, err := m.Create(t.Context(), "a", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Clone().Replace(t.Context(), "a", info.Version, []byte("two")); err != nil {
		t.Error(err)
	}
	if data, _, err := objects.ReadAll(t.Context(), m, "a", info.Version); err != nil || string(data) != "one" {
		t.Errorf("%q, %v", data, err)
	}
}

// A bucket without faults is a bucket.
func TestFaultyWithoutFaults(t *testing.T) {
	objectstest.Run(t, func(*testing.T) objects.Bucket { return &objectstest.Faulty{Bucket: objects.NewMemory()} })
}

func TestFaulty(t *testing.T) {
	broken := errors.New("broken")
	memory := objects.NewMemory()
	f := &objectstest.Faulty{Bucket: memory, Before: objectstest.FailAt(1, broken), After: objectstest.FailAt(2, broken)}
	for n, there := range []bool{false, true, true} {
		key := fmt.Sprint(n)
		_, err := f.Create(t.Context(), key, nil)
		if (n < 2) != errors.Is(err, broken) {
			t.Errorf("step %d: %v", n+1, err)
		}
		if _, err := memory.Stat(t.Context(), key); (err == nil) != there {
			t.Errorf("step %d: the object is there: %t; want %t", n+1, err == nil, there)
		}
	}
	f.KillAt(4, true)
	if err := f.Delete(t.Context(), "1", ""); !errors.Is(err, objectstest.ErrDead) {
		t.Errorf("the last act of a process: %v", err)
	}
	if _, err := f.Stat(t.Context(), "2"); !errors.Is(err, objectstest.ErrDead) {
		t.Errorf("Stat of a dead process: %v", err)
	}
	if got, want := fmt.Sprint(f.Steps()), "[{1 create 0} {2 create 1} {3 create 2} {4 delete 1}]"; got != want {
		t.Errorf("steps %s; want %s", got, want)
	}
	if _, err := memory.Stat(t.Context(), "1"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("the last act did not happen: %v", err)
	}
}
