package pipeline

import (
	"fmt"
	"os"
	"sync"

	"strata/pipeline/ids"
)

// A layout says what one record of the exchange holds, in 64-bit words:
//
//	key      1 word (integers) or 2 (UUIDs: the 16 bytes; other ids: their first 8 bytes, then where the whole id is)
//	bits     the user's cut bits
//	latest   only under `duplicates: {keep: latest}`: the column `by`, as a word that sorts as its values do, and whether
//	         it is there at all; then the hash of the row
//	payload  only with export columns: where their values are
//
// "Where" is a place in the arena of the record's block: offset<<32 | length.
type layout struct {
	form    ids.Form
	keys    int // words
	bits    int // words
	latest  bool
	payload bool
}

const latestWords = 3 // present, value, row hash

func newLayout(form ids.Form, bitWords int, latest, payload bool) layout {
	l := layout{form: form, keys: 2, bits: bitWords, latest: latest, payload: payload}
	if form == ids.OneWord {
		l.keys = 1
	}
	return l
}

// stride is the number of words of a record.
func (l layout) stride() int {
	words := l.keys + l.bits
	if l.latest {
		words += latestWords
	}
	if l.payload {
		words++
	}
	return words
}

func (l layout) latestAt() int  { return l.keys + l.bits }
func (l layout) payloadAt() int { return l.stride() - 1 }

// A block is a run of records of one partition, with the bytes that they point to. One worker fills it; then it does not
// change any more.
type block struct {
	words []uint64
	arena []byte
}

func (b *block) bytes() int64 { return int64(cap(b.words))*8 + int64(cap(b.arena)) }

// addBytes puts bytes into the arena and returns where they are.
func (b *block) addBytes(data []byte) uint64 {
	at := uint64(len(b.arena))<<32 | uint64(len(data))
	b.arena = append(b.arena, data...)
	return at
}

// A lane is the part of the exchange for ids of one form. Text ids have two: one for UUIDs, one for the others.
type lane struct {
	layout
	partitions []lanePartition
}

// lanePartition collects the full blocks of one partition: those in memory, then those on disk.
type lanePartition struct {
	mu      sync.Mutex
	blocks  []*block
	spilled []spilledBlock
	records int
}

// spilledBlock is where a block lies in a worker's temporary file.
type spilledBlock struct {
	file         *os.File
	offset       int64
	words, arena int // words and bytes
}

// An exchange carries every user's id and bits from the workers of assign to the partition where diff finds them. Workers add
// records through a scatter each, without locks until a block is full; when the full blocks outgrow the budget, further
// ones go to temporary files.
type exchange struct {
	partitionBits int
	lanes         []*lane
	blockRecords  int
	blockArena    int // bytes

	held   allowance // of full blocks in memory
	spills *spills
}

// newExchange makes an exchange of 1<<partitionBits partitions for the layouts, which differ in their form.
func newExchange(partitionBits, workers int, budget int64, tempDir string, layouts ...layout) *exchange {
	x := &exchange{partitionBits: partitionBits, held: allowance{budget: budget}, spills: &spills{dir: tempDir}}
	for _, l := range layouts {
		x.lanes = append(x.lanes, &lane{layout: l, partitions: make([]lanePartition, 1<<partitionBits)})
	}
	// Blocks that are being filled are not counted as held, so all of them together take at most a quarter of the budget.
	open := int64(workers) * int64(len(layouts)) << partitionBits
	perBlock := budget / 4 / open
	x.blockRecords = int(min(max(perBlock/int64(8*x.lanes[0].stride()), 16), 2048))
	x.blockArena = int(min(max(perBlock, 4<<10), 256<<10))
	return x
}

// full takes a block that its worker has filled. The worker's spill file is made when it is first needed.
func (x *exchange) full(l *lane, partition int, b *block, spill *spillFile) error {
	part := &l.partitions[partition]
	size := b.bytes()
	if x.held.reserve(size) {
		part.mu.Lock()
		part.blocks = append(part.blocks, b)
		part.records += len(b.words) / l.stride()
		part.mu.Unlock()
		return nil
	}
	where, err := b.spill(spill)
	if err != nil {
		return err
	}
	part.mu.Lock()
	part.spilled = append(part.spilled, where)
	part.records += len(b.words) / l.stride()
	part.mu.Unlock()
	return nil
}

// Close removes the temporary files.
func (x *exchange) Close() { x.spills.close() }

// spill appends a block to a worker's temporary file; the block may be used again afterwards.
func (b *block) spill(file *spillFile) (spilledBlock, error) {
	offset, err := file.append(wordBytes(b.words), b.arena)
	where := spilledBlock{file: file.file, offset: offset, words: len(b.words), arena: len(b.arena)}
	b.words, b.arena = b.words[:0], b.arena[:0]
	return where, err
}

// A scatter is one worker's way into the exchange: a block that is being filled for every lane and partition.
type scatter struct {
	x     *exchange
	open  [][]*block // by lane and partition
	spill spillFile
}

func (x *exchange) newScatter() *scatter {
	s := &scatter{x: x, spill: spillFile{spills: x.spills}}
	for range x.lanes {
		s.open = append(s.open, make([]*block, 1<<x.partitionBits))
	}
	return s
}

// record returns the block of a partition and the words of a new record in it, for the caller to fill in. Bytes it adds
// to the block's arena must be added before the next call.
func (s *scatter) record(laneAt, partition int) (*block, []uint64, error) {
	l := s.x.lanes[laneAt]
	stride := l.stride()
	b := s.open[laneAt][partition]
	if b == nil || len(b.words) == cap(b.words) || len(b.arena) >= s.x.blockArena {
		var err error
		if b, err = s.next(l, laneAt, partition); err != nil {
			return nil, nil, err
		}
	}
	at := len(b.words)
	b.words = b.words[:at+stride]
	return b, b.words[at : at+stride], nil
}

// next hands the open block over, if there is one, and opens another.
func (s *scatter) next(l *lane, laneAt, partition int) (*block, error) {
	b := s.open[laneAt][partition]
	if b != nil {
		if err := s.x.full(l, partition, b, &s.spill); err != nil {
			return nil, err
		}
	}
	if b == nil || len(b.words) > 0 { // a spilled block is empty again
		b = &block{words: make([]uint64, 0, s.x.blockRecords*l.stride())}
		s.open[laneAt][partition] = b
	}
	return b, nil
}

// flush hands over all open blocks, partly filled as they are.
func (s *scatter) flush() error {
	for laneAt, blocks := range s.open {
		for partition, b := range blocks {
			if b == nil || len(b.words) == 0 {
				continue
			}
			if err := s.x.full(s.x.lanes[laneAt], partition, b, &s.spill); err != nil {
				return err
			}
			s.open[laneAt][partition] = nil
		}
	}
	return nil
}

// A gathered lane holds all records of one partition in one piece, in no order.
type gathered struct {
	layout
	words []uint64
	arena []byte
}

func (g *gathered) len() int { return len(g.words) / g.stride() }

func (g *gathered) record(i int) []uint64 { return g.words[i*g.stride() : (i+1)*g.stride()] }

// at returns the bytes that a word of a record points to.
func (g *gathered) at(where uint64) []byte { return g.arena[where>>32 : where>>32+where&0xffffffff] }

// gather takes the records of a partition out of the exchange: of memory and of disk. No worker adds to it any more.
func (x *exchange) gather(l *lane, partition int) (*gathered, error) {
	part := &l.partitions[partition]
	g := &gathered{layout: l.layout, words: make([]uint64, 0, part.records*l.stride())}
	for _, b := range part.blocks {
		if err := g.add(b.words, b.arena); err != nil {
			return nil, err
		}
		x.held.release(b.bytes())
	}
	for _, s := range part.spilled {
		if err := g.addSpilled(x.spills, s); err != nil {
			return nil, err
		}
	}
	part.blocks, part.spilled = nil, nil
	return g, nil
}

// gatherAll takes the records of a partition out of all lanes.
func (x *exchange) gatherAll(partition int) ([]*gathered, error) {
	lanes := make([]*gathered, len(x.lanes))
	for i, l := range x.lanes {
		var err error
		if lanes[i], err = x.gather(l, partition); err != nil {
			return nil, err
		}
	}
	return lanes, nil
}

// maxArena keeps offsets within the 32 bits that a record has for them.
const maxArena = 1 << 32

// add copies the records of a block and turns their places in the block's arena into places in the common one.
func (g *gathered) add(words []uint64, arena []byte) error {
	base, from := uint64(len(g.arena))<<32, len(g.words)
	g.words = append(g.words, words...)
	if len(arena) == 0 {
		return nil
	}
	if len(g.arena)+len(arena) >= maxArena {
		return fmt.Errorf("one hash partition holds over 4 GiB of ids and export columns; export fewer or shorter columns")
	}
	g.arena = append(g.arena, arena...)
	g.rebase(from, base)
	return nil
}

func (g *gathered) rebase(from int, base uint64) {
	stride := g.stride()
	for at := from; at < len(g.words); at += stride {
		if g.form == ids.Bytes {
			g.words[at+1] += base
		}
		if g.payload {
			g.words[at+g.payloadAt()] += base
		}
	}
}

func (g *gathered) addSpilled(from *spills, s spilledBlock) error {
	words, arena := make([]uint64, s.words), make([]byte, s.arena)
	if err := from.read(s.file, s.offset, wordBytes(words), arena); err != nil {
		return err
	}
	return g.add(words, arena)
}
