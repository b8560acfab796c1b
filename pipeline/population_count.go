package pipeline

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
	"strata/rules"
)

// A counter is one worker's share of a census: it counts users, and collects what must be known of their values.
type counter struct {
	*census
	tally []rules.Tally
	sorts []*keyBuffer // by argument; nil where the order does not count
	most  []*topBuffer // by argument; nil where nobody asks for the largest
	spill spillFile
	text  []byte
}

// The least that a worker collects before it makes a run, whatever the memory.
const leastKeys, leastBytes = 256, 16 << 10

func (c *census) newCounter() *counter {
	k := &counter{census: c, tally: make([]rules.Tally, c.asked.Arguments()), spill: spillFile{spills: &c.spilled}}
	for i := range c.asked.Arguments() {
		k.sorts, k.most = append(k.sorts, nil), append(k.most, nil)
		if c.keys[i] != nil {
			n := int(min(max(c.bufferBytes/(8+keyBytes), leastKeys), 1<<20)) // what is sorted, and the run made of it
			k.sorts[i] = &keyBuffer{into: c.keys[i], keys: make([]uint64, 0, n)}
		}
		if c.tops[i] != nil {
			bytes := int(min(max(c.bufferBytes/4, leastBytes), 64<<20)) // of ids, of entries, and of both in a run
			n := max(2*min(c.tops[i].size, int64(bytes/32)), leastKeys)
			k.most[i] = &topBuffer{into: c.tops[i], entries: make([]topEntry, 0, n), limit: bytes}
		}
	}
	return k
}

// count counts a user's value of one argument. The id is asked for only if it can matter.
func (k *counter) count(argument int, key uint64, has bool, id func(dst []byte) []byte) error {
	k.asked.Count(argument, &k.tally[argument], key, has)
	if !has {
		return nil
	}
	if b := k.sorts[argument]; b != nil {
		if b.full() {
			if err := b.flush(&k.held, &k.spill); err != nil {
				return err
			}
		}
		b.add(key)
	}
	if b := k.most[argument]; b != nil && key >= b.into.floor.Load() {
		if b.full() {
			if err := b.cut(&k.held, &k.spill); err != nil {
				return err
			}
		}
		k.text = id(k.text[:0])
		b.add(key, k.text)
	}
	return nil
}

// finish hands over what the worker has collected.
func (k *counter) finish() error {
	k.mu.Lock()
	for i := range k.tally {
		k.total[i].Merge(&k.tally[i])
	}
	k.mu.Unlock()
	for i := range k.tally {
		if b := k.sorts[i]; b != nil {
			if err := b.flush(&k.held, &k.spill); err != nil {
				return err
			}
		}
		if b := k.most[i]; b != nil {
			if err := b.finish(&k.held, &k.spill); err != nil {
				return err
			}
		}
	}
	return nil
}

// A counting counts all rows that have a user id: where a run does not go on with duplicates, each is a user.
type counting struct {
	*counter
	packer *ids.Packer
	own    tables.Columns // the user id's column; nil where every row has one and nobody asks which
}

func (c *census) newCounting() rowTaker {
	packer := ids.NewPacker(c.idType)
	packer.SkipHashes = true
	return &counting{counter: c.newCounter(), packer: packer}
}

// everyRowCounts says whether no row lacks a user id, by the schema, and whose value it is does not matter.
func (c *census) everyRowCounts() bool {
	at := c.snapshot.Schema().FieldIndices(c.idColumn)
	if c.idType == ids.Text || c.idType == ids.Binary || c.snapshot.Schema().Field(at[0]).Nullable {
		return false
	}
	for _, t := range c.tops {
		if t != nil {
			return false
		}
	}
	return true
}

func (k *counting) open(ctx context.Context, at int) (err error) {
	if !k.everyRowCounts() {
		k.own, err = k.openRowGroup(ctx, at, []string{k.idColumn})
	}
	return err
}

func (k *counting) close() {
	k.packer.Close()
	if k.own != nil {
		_ = k.own.Close() // it was read, not written
		k.own = nil
	}
}

func (k *counting) take(values []rules.Values, n int) error {
	if k.own == nil {
		return k.rows(values, 0, n, nil)
	}
	return eachArray(k.own, k.idColumn, n, func(column arrow.Array, at int) error {
		packed, err := k.packer.Pack(column)
		if err != nil {
			return err
		}
		return k.rows(values, at, column.Len(), packed)
	})
}

// rows counts n rows of the window from row at on; packed are their ids, if they are needed.
func (k *counting) rows(values []rules.Values, at, n int, packed *ids.Packed) error {
	row := 0
	id := func(dst []byte) []byte { return k.packer.AppendText(dst, packed, row) }
	for argument := range values {
		v := &values[argument]
		for row = range n {
			if packed != nil && packed.Rejected(row) {
				continue
			}
			if err := k.count(argument, v.Keys[at+row], v.Has(at+row), id); err != nil {
				return err
			}
		}
	}
	return nil
}

// A scattering sends the values of all rows to the partitions of their users, where one row of each will stand.
type scattering struct {
	*assigner
	own tables.Columns
	ctx context.Context // of the row group at hand
}

func (c *census) newScattering() rowTaker {
	return &scattering{assigner: &assigner{
		run: c.run, exchange: c.by, scatter: c.by.newScatter(), packer: ids.NewPacker(c.idType), own: []string{c.idColumn},
	}}
}

func (s *scattering) open(ctx context.Context, at int) (err error) {
	s.ctx = ctx
	if s.own, err = s.run.openRowGroup(ctx, at, s.assigner.own); err != nil {
		return err
	}
	s.hashColumns, err = s.run.openRowGroup(ctx, at, s.run.hashed)
	return err
}

func (s *scattering) close() {
	s.packer.Close()
	for _, columns := range []tables.Columns{s.own, s.hashColumns} {
		if columns != nil {
			_ = columns.Close() // it was read, not written
		}
	}
	s.own, s.hashColumns = nil, nil
}

// take lays two words an argument into each row: whether there is a value, and its key.
func (s *scattering) take(values []rules.Values, n int) error {
	width := 2 * len(values)
	s.rows = tables.BitMatrix{Width: width, Words: make([]uint64, n*width)}
	for i := range values {
		for row := range n {
			if values[i].Has(row) {
				s.rows.Words[row*width+2*i], s.rows.Words[row*width+2*i+1] = 1, values[i].Keys[row]
			}
		}
	}
	if err := s.readLatest(n); err != nil {
		return err
	}
	return s.scatterUsers(s.ctx, s.own, n)
}

func (s *scattering) finish() error { return s.scatter.flush() }

// countStanding counts the row of each user that stands for it, partition by partition.
func (c *census) countStanding(ctx context.Context) error {
	work := func(_ context.Context, k *counter, at int) error {
		lanes, err := c.by.gatherAll(at)
		if err != nil {
			return err
		}
		return k.users(sortUsers(lanes, c.idType))
	}
	return inParallel(ctx, c.Workers, 1<<c.by.partitionBits, c.newCounter, work, (*counter).finish)
}

// users counts the users of a partition.
func (k *counter) users(u *users) error {
	at := 0
	id := func(dst []byte) []byte { return u.ids.AppendText(dst, at) }
	for at = range u.len() {
		record := u.record(at)[u.from.keys:]
		for argument := range k.tally {
			if err := k.count(argument, record[2*argument+1], record[2*argument] == 1, id); err != nil {
				return err
			}
		}
	}
	return nil
}
