package pipeline

import (
	"os"
	"slices"
	"sync"
)

// A keyRun is keys of one argument of population functions, ascending, each once, with how many users have it. It lies in
// memory, or in a file.
type keyRun struct {
	keys   []uint64
	counts []uint32

	file   *os.File // nil: in memory
	offset int64    // of the keys; the counts come behind them
	n      int
}

// keyBytes is what a key of a run takes.
const keyBytes = 12

// keyRuns are the runs that all workers have made for one argument.
type keyRuns struct {
	mu   sync.Mutex
	runs []keyRun
}

func (r *keyRuns) add(run keyRun) {
	r.mu.Lock()
	r.runs = append(r.runs, run)
	r.mu.Unlock()
}

// most is how many different keys there are at most.
func (r *keyRuns) most() (n int64) {
	for i := range r.runs {
		n += int64(r.runs[i].n)
	}
	return n
}

// A keyBuffer collects the keys that one worker has met.
type keyBuffer struct {
	into *keyRuns
	keys []uint64 // at most its capacity
}

// add adds a user's key. Who finds the buffer full flushes it first.
func (b *keyBuffer) add(key uint64) { b.keys = append(b.keys, key) }

func (b *keyBuffer) full() bool { return len(b.keys) == cap(b.keys) }

// flush makes a run of the keys.
func (b *keyBuffer) flush(held *allowance, spill *spillFile) error {
	if len(b.keys) == 0 {
		return nil
	}
	slices.Sort(b.keys)
	keys, counts := distinctKeys(b.keys)
	run := keyRun{n: len(keys)}
	if held.reserve(int64(len(keys)) * keyBytes) {
		run.keys, run.counts = slices.Clone(keys), counts
	} else {
		var err error
		if run.offset, err = spill.append(wordBytes(keys), wordBytes(counts)); err != nil {
			return err
		}
		run.file = spill.file
	}
	b.into.add(run)
	b.keys = b.keys[:0]
	return nil
}

// distinctKeys leaves of sorted keys each once, in place, and counts them.
func distinctKeys(sorted []uint64) (keys []uint64, counts []uint32) {
	keys = sorted[:0]
	counts = make([]uint32, 0, len(sorted)/4+1)
	for i, key := range sorted {
		if i == 0 || key != keys[len(keys)-1] {
			keys, counts = append(keys, key), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	return keys, counts
}

// A keyCursor walks over a run.
type keyCursor struct {
	run    *keyRun
	read   int // how many keys have been read
	keys   []uint64
	counts []uint32
	at     int // of the keys at hand
}

// next steps to the next key. It reports whether there is one.
func (c *keyCursor) next(from *spills, chunk int) (bool, error) {
	if c.at++; c.at < len(c.keys) {
		return true, nil
	}
	n := min(chunk, c.run.n-c.read)
	if n == 0 {
		return false, nil
	}
	c.at = 0
	if c.run.file == nil {
		c.keys, c.counts, c.read = c.run.keys, c.run.counts, c.run.n
		return true, nil
	}
	if c.keys == nil {
		c.keys, c.counts = make([]uint64, chunk), make([]uint32, chunk)
	}
	c.keys, c.counts = c.keys[:n], c.counts[:n]
	counts := c.run.offset + 8*int64(c.run.n)
	err := from.read(c.run.file, c.run.offset+8*int64(c.read), wordBytes(c.keys))
	if err == nil {
		err = from.read(c.run.file, counts+4*int64(c.read), wordBytes(c.counts))
	}
	c.read += n
	return true, err
}

// merge visits all keys in ascending order, each once, with how many users have it. Spilled runs are read in parts that take
// memory bytes together.
func (r *keyRuns) merge(from *spills, memory int64, visit func(key uint64, users int64) error) error {
	chunk := int(min(max(memory/keyBytes/int64(max(len(r.runs), 1)), 256), 64<<10))
	var heap []*keyCursor
	for i := range r.runs {
		c := &keyCursor{run: &r.runs[i], at: -1}
		if _, err := c.next(from, chunk); err != nil {
			return err
		}
		heap = append(heap, c)
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		sink(heap, i)
	}
	for len(heap) > 0 {
		key, users := heap[0].keys[heap[0].at], int64(0)
		for len(heap) > 0 && heap[0].keys[heap[0].at] == key {
			users += int64(heap[0].counts[heap[0].at])
			more, err := heap[0].next(from, chunk)
			if err != nil {
				return err
			}
			if !more {
				heap[0] = heap[len(heap)-1]
				heap = heap[:len(heap)-1]
			}
			sink(heap, 0)
		}
		if err := visit(key, users); err != nil {
			return err
		}
	}
	return nil
}

// sink moves a cursor down to where its key belongs: below no greater one.
func sink(heap []*keyCursor, i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if c, l := heap[child], heap[least]; c.keys[c.at] < l.keys[l.at] {
				least = child
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}
