package pipeline

import (
	"bytes"
	"cmp"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// Of the users with the largest values only those can matter that are among the largest of what one worker has seen, so a
// worker keeps so many, and what it drops raises the floor for all: nobody below it is looked at any more.

// A topEntry is a user's key and where its id lies.
type topEntry struct {
	key      uint64
	from, to uint32 // in the arena
}

// A topRun is users in the order of top: the largest key first, of equal ones the smallest id. It lies in memory, or in a file.
type topRun struct {
	entries []topEntry
	arena   []byte

	file   *os.File // nil: in memory. There, entries are two words each: key, from<<32 | to; the arena comes behind them
	offset int64
	n      int
}

// topRuns are the runs that all workers have made for one argument.
type topRuns struct {
	size  int64 // how many are asked for
	floor atomic.Uint64

	mu   sync.Mutex
	runs []topRun
}

// raise lifts the floor.
func (r *topRuns) raise(floor uint64) {
	for {
		have := r.floor.Load()
		if have >= floor || r.floor.CompareAndSwap(have, floor) {
			return
		}
	}
}

// A topBuffer keeps the largest that one worker has seen.
type topBuffer struct {
	into    *topRuns
	entries []topEntry // at most its capacity
	arena   []byte
	limit   int // bytes of the arena
}

// add adds a user whose key is not below the floor.
func (b *topBuffer) add(key uint64, id []byte) {
	from := uint32(len(b.arena))
	b.arena = append(b.arena, id...)
	b.entries = append(b.entries, topEntry{key, from, uint32(len(b.arena))})
}

func (b *topBuffer) full() bool { return len(b.entries) == cap(b.entries) || len(b.arena) >= b.limit }

// cut drops those that are not among the largest. If that does not make room, it hands over a run.
func (b *topBuffer) cut(held *allowance, spill *spillFile) error {
	b.sort()
	if int64(len(b.entries)) >= b.into.size {
		b.entries = b.entries[:b.into.size]
		b.into.raise(b.entries[len(b.entries)-1].key)
	}
	b.pack()
	if len(b.entries) > cap(b.entries)/2 || len(b.arena) > b.limit/2 {
		return b.flush(held, spill)
	}
	return nil
}

// sort sorts the entries as top counts them.
func (b *topBuffer) sort() {
	slices.SortFunc(b.entries, func(x, y topEntry) int {
		return cmp.Or(cmp.Compare(y.key, x.key), bytes.Compare(b.arena[x.from:x.to], b.arena[y.from:y.to]))
	})
}

// pack lays the ids of the entries one after the other.
func (b *topBuffer) pack() {
	arena := make([]byte, 0, len(b.arena))
	for i, e := range b.entries {
		from := uint32(len(arena))
		arena = append(arena, b.arena[e.from:e.to]...)
		b.entries[i].from, b.entries[i].to = from, uint32(len(arena))
	}
	b.arena = arena
}

// flush makes a run of the entries, which are sorted and packed.
func (b *topBuffer) flush(held *allowance, spill *spillFile) error {
	run := topRun{n: len(b.entries)}
	if held.reserve(int64(16*len(b.entries) + len(b.arena))) {
		run.entries, run.arena = slices.Clone(b.entries), slices.Clone(b.arena)
	} else {
		words := make([]uint64, 0, 2*len(b.entries))
		for _, e := range b.entries {
			words = append(words, e.key, uint64(e.from)<<32|uint64(e.to))
		}
		var err error
		if run.offset, err = spill.append(wordBytes(words), b.arena); err != nil {
			return err
		}
		run.file = spill.file
	}
	b.entries, b.arena = b.entries[:0], b.arena[:0]
	b.into.mu.Lock()
	b.into.runs = append(b.into.runs, run)
	b.into.mu.Unlock()
	return nil
}

// finish hands over what is left.
func (b *topBuffer) finish(held *allowance, spill *spillFile) error {
	if len(b.entries) == 0 {
		return nil
	}
	b.sort()
	b.pack()
	return b.flush(held, spill)
}

// A topCursor walks over a run.
type topCursor struct {
	run     *topRun
	read    int
	entries []topEntry
	arena   []byte
	base    uint32 // where the arena at hand begins in the run's
	at      int
}

func (c *topCursor) key() uint64 { return c.entries[c.at].key }

func (c *topCursor) id() []byte {
	e := c.entries[c.at]
	return c.arena[e.from-c.base : e.to-c.base]
}

// topChunk is how many entries of a spilled run are read at a time.
const topChunk = 256

// next steps to the next entry. It reports whether there is one.
func (c *topCursor) next(from *spills) (bool, error) {
	if c.at++; c.at < len(c.entries) {
		return true, nil
	}
	n := min(topChunk, c.run.n-c.read)
	switch {
	case n == 0:
		return false, nil
	case c.run.file == nil:
		c.entries, c.arena, c.at, c.read = c.run.entries, c.run.arena, 0, c.run.n
		return true, nil
	}
	words := make([]uint64, 2*n)
	if err := from.read(c.run.file, c.run.offset+16*int64(c.read), wordBytes(words)); err != nil {
		return false, err
	}
	c.entries, c.at = c.entries[:0], 0
	for i := range n {
		c.entries = append(c.entries, topEntry{words[2*i], uint32(words[2*i+1] >> 32), uint32(words[2*i+1])})
	}
	c.base, c.read = c.entries[0].from, c.read+n
	c.arena = make([]byte, c.entries[n-1].to-c.base)
	return true, from.read(c.run.file, c.run.offset+16*int64(c.run.n)+int64(c.base), c.arena)
}

// lasts tells for each of some sizes, ascending, who is the last one in: the key and the id.
func (r *topRuns) lasts(from *spills, sizes []int64, tell func(size int64, key uint64, id string)) error {
	var open []*topCursor
	for i := range r.runs {
		c := &topCursor{run: &r.runs[i], at: -1}
		if _, err := c.next(from); err != nil {
			return err
		}
		open = append(open, c)
	}
	for place := int64(1); len(sizes) > 0 && len(open) > 0; place++ {
		first := firstOf(open)
		for len(sizes) > 0 && sizes[0] == place {
			tell(place, open[first].key(), string(open[first].id()))
			sizes = sizes[1:]
		}
		more, err := open[first].next(from)
		if err != nil {
			return err
		}
		if !more {
			open = slices.Delete(open, first, first+1)
		}
	}
	return nil
}

// firstOf is the cursor whose entry counts first.
func firstOf(open []*topCursor) int {
	best := 0
	for i, c := range open[1:] {
		if cmp.Or(cmp.Compare(open[best].key(), c.key()), bytes.Compare(c.id(), open[best].id())) < 0 {
			best = i + 1
		}
	}
	return best
}
