package rules

import (
	"math/bits"
	"sort"
)

// A RankTable is a Ranking in memory: every key that a user has, with how many users have greater ones. Add it in ascending
// order, then Index it.
type RankTable struct {
	users int64 // all
	keys  []uint64
	above []int64

	shift  int      // a bucket is the keys that agree in what is above these bits of their distance from the first
	starts []uint32 // by bucket: where its keys begin
}

// RankBytes is about how much memory a table takes for a key.
const RankBytes = 18

// NewRankTable returns an empty table of so many users.
func NewRankTable(users int64) *RankTable { return &RankTable{users: users} }

// Add adds the next key.
func (t *RankTable) Add(key uint64, above int64) {
	t.keys, t.above = append(t.keys, key), append(t.above, above)
}

// Index makes the table ready to be asked, and returns it. A look-up begins in the bucket of its key, of which there is one for
// every eight keys.
func (t *RankTable) Index() *RankTable {
	if len(t.keys) == 0 {
		return t
	}
	first, last := t.keys[0], t.keys[len(t.keys)-1]
	t.shift = max(bits.Len64(last-first)-max(bits.Len(uint(len(t.keys)/8)), 1), 0)
	t.starts = make([]uint32, (last-first)>>t.shift+2)
	for i := range t.starts {
		t.starts[i] = uint32(len(t.keys))
	}
	for i := len(t.keys) - 1; i >= 0; i-- {
		t.starts[(t.keys[i]-first)>>t.shift] = uint32(i)
	}
	for b := len(t.starts) - 2; b >= 0; b-- {
		t.starts[b] = min(t.starts[b], t.starts[b+1])
	}
	return t
}

// Above returns how many users have greater keys.
func (t *RankTable) Above(key uint64) (int64, error) {
	switch n := len(t.keys); {
	case n == 0 || key < t.keys[0]:
		return t.users, nil
	case key >= t.keys[n-1]:
		return 0, nil
	}
	bucket := (key - t.keys[0]) >> t.shift
	from, to := int(t.starts[bucket]), int(t.starts[bucket+1])
	at := from + sort.Search(to-from, func(i int) bool { return t.keys[from+i] > key })
	return t.above[at-1], nil
}
