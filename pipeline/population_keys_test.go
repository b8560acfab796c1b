package pipeline

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestSpilledRunsAreReadInParts: runs longer than what is read of them at a time, some in memory and some in files.
func TestSpilledRunsAreReadInParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	spilled := &spills{dir: t.TempDir()}
	defer spilled.close()
	file := spillFile{spills: spilled}
	runs, want := &keyRuns{}, map[uint64]int64{}
	for i := range 4 {
		b := &keyBuffer{into: runs, keys: make([]uint64, 0, 3000)}
		for !b.full() {
			key := r.Uint64N(2000)
			want[key]++
			b.add(key)
		}
		if err := b.flush(&allowance{budget: int64(i%2) << 20}, &file); err != nil {
			t.Fatal(err)
		}
	}
	if spilled.bytes == 0 {
		t.Fatal("nothing was spilled")
	}
	last, n := int64(-1), 0
	err := runs.merge(spilled, 0, func(key uint64, users int64) error {
		if int64(key) <= last || users != want[key] {
			return fmt.Errorf("key %d after %d has %d users, want %d", key, last, users, want[key])
		}
		last = int64(key)
		n++
		return nil
	})
	if err != nil || n != len(want) {
		t.Errorf("%d keys of %d: %v", n, len(want), err)
	}
}
