package rules

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/tables"
)

// An Evaluator evaluates a plan's cuts over row groups, a window of rows at a time. It is one goroutine's scratch: its
// buffers are used again for every window and every row group. Close releases what it still holds of the last one.
type Evaluator struct {
	*executable
	batchRows int // rows of one slice
	arena     arena
	memo      []memoized // by node
	serial    int        // of the last frame
	err       error      // the first thing that went wrong in this slice

	dictionaries map[dictionaryKey]*entries
	sliced       map[nodeID]*slicedCodes
	flat         []flattening
	valid        []validity
	clocks       map[*zone]*clock
	total        exactSum
	rankings     map[rankingKey]*ranking
	bitmaps      [][]uint64 // of the bundle at hand
	kept         map[*component][]keptSlice
	open         []uint64 // the rows in which the late leaf at hand counts

	src     tables.Columns
	work    *workload
	guesses *guesser                // of pages; nil before the first
	under   map[*component][]nodeID // of the row group: what its leaves need
	rows    int64                   // of the row group
	done    int64                   // rows
	streams []stream
	windows []window // by node: the answers of leaves and algebra for the window
	answers Answers

	take func(leaf nodeID, at int, f *frame) // takes the values of a slice; nil: leaves are bool, and go into the windows
}

// defaultBatchRows keeps the values of a slice in the first two caches.
const defaultBatchRows = 4096

func newEvaluator(x *executable, batchRows int) *Evaluator {
	if batchRows < 1 {
		batchRows = defaultBatchRows
	}
	e := &Evaluator{
		executable: x, batchRows: batchRows, memo: make([]memoized, len(x.nodes)),
		dictionaries: map[dictionaryKey]*entries{}, sliced: map[nodeID]*slicedCodes{}, clocks: map[*zone]*clock{}, rankings: map[rankingKey]*ranking{},
		kept:    map[*component][]keptSlice{},
		streams: make([]stream, len(x.columns)), windows: make([]window, len(x.nodes)),
	}
	e.answers = Answers{place: x.place, width: x.width}
	return e
}

// Start begins a row group. The caller closes src after the last Next, or after Close; until then the evaluator reads from
// it. After the last row the evaluator holds nothing of it any more.
func (e *Evaluator) Start(src tables.Columns) {
	e.start(src, e.whole)
}

// StartPruned begins a row group of which the plan's Prune has settled a part: only the pruning's Columns are read of src. The
// answers are those that Start leads to.
func (e *Evaluator) StartPruned(src tables.Columns, p *Pruning) { e.start(src, p.work) }

func (e *Evaluator) start(src tables.Columns, work *workload) {
	e.Close()
	e.src, e.work, e.rows, e.done = src, work, src.Rows(), 0
	e.under = map[*component][]nodeID{}
}

// Close releases what the evaluator holds of the row group. It may be used again.
func (e *Evaluator) Close() {
	for i := range e.streams {
		e.streams[i].release()
		e.streams[i] = stream{}
	}
	e.releaseKept()
	e.forgetDictionaries()
	e.src = nil
}

// Next evaluates the next rows of every column, fewer at the end, and returns the answers of every cut. They are valid
// until the next call. After the last row it returns io.EOF. The answers do not depend on how many rows a call asks for,
// on the size of slices, or on where the pages of a column end.
func (e *Evaluator) Next(rows int) (*Answers, error) {
	n := int(min(int64(rows), e.rows-e.done))
	if e.src == nil || n <= 0 {
		e.Close()
		return nil, io.EOF
	}
	for _, c := range e.work.components {
		if err := e.runComponent(c, n); err != nil {
			e.Close()
			return nil, err
		}
	}
	if err := e.combineWindow(n); err != nil {
		e.Close()
		return nil, err
	}
	if e.done += int64(n); e.done == e.rows {
		e.Close()
	}
	return e.finish(n), nil
}

// EvalRecord evaluates one record of the schema that the plan was compiled for. The answers are valid until the next call.
func (e *Evaluator) EvalRecord(rec arrow.Record) (*Answers, error) {
	e.Start(&recordColumns{rec: rec, at: map[string]int64{}})
	defer e.Close()
	if rec.NumRows() == 0 {
		err := e.combineWindow(0)
		return e.finish(0), err
	}
	return e.Next(int(rec.NumRows()))
}

// recordColumns shows a record as Columns.
type recordColumns struct {
	rec arrow.Record
	at  map[string]int64
}

func (r *recordColumns) Rows() int64  { return r.rec.NumRows() }
func (r *recordColumns) Close() error { return nil }

func (r *recordColumns) Next(column string, _ int) (arrow.Array, error) {
	places := r.rec.Schema().FieldIndices(column)
	if len(places) == 0 {
		return nil, fmt.Errorf("the record has no such column")
	}
	if r.at[column] > 0 {
		return nil, io.EOF
	}
	arr := r.rec.Column(places[0])
	r.at[column] += int64(arr.Len())
	arr.Retain()
	return arr, nil
}

// A window is where the answers of one node are collected for a window of rows.
type window struct {
	mask         Mask
	known, value []uint64 // the memory of the mask
}

// start empties the window: false in n rows.
func (w *window) start(n int) {
	if cap(w.value) < words(n)+1 {
		w.value = make([]uint64, words(n)+1)
	}
	w.value = w.value[:words(n)]
	clear(w.value)
	w.mask = Mask{value: w.value, n: n}
}

// put adds the answers of a slice that starts at row at. The first slice with an unknown row or an error brings a known
// bitmap, in which all rows before it are known.
func (w *window) put(at int, m Mask) {
	putBits(w.value, at, m.value, m.n)
	if m.known == nil && w.mask.known == nil {
		return
	}
	if w.mask.known == nil {
		w.allocateKnown()
		clear(w.known)
		w.mask.known = w.known
		putOnes(w.known, 0, at)
	}
	if m.known == nil {
		putOnes(w.known, at, m.n)
	} else {
		putBits(w.known, at, m.known, m.n)
	}
	w.mask.fails = w.mask.fails || m.fails
}

func (w *window) allocateKnown() {
	if cap(w.known) < len(w.value) {
		w.known = make([]uint64, len(w.value), cap(w.value))
	}
	w.known = w.known[:len(w.value)]
}

// like readies the window for the answer of an operation of the algebra on args.
func (w *window) like(n int, args ...Mask) Mask {
	if cap(w.value) < words(n)+1 {
		w.value = make([]uint64, words(n)+1)
	}
	w.value = w.value[:words(n)]
	out := Mask{value: w.value, n: n}
	for _, arg := range args {
		if arg.known != nil && out.known == nil {
			w.allocateKnown()
			out.known = w.known
		}
		out.fails = out.fails || arg.fails
	}
	return out
}

// combineWindow runs the algebra over the window's leaves, and answers the late ones in between.
func (e *Evaluator) combineWindow(n int) error {
	if n == 0 {
		for i := range e.windows {
			e.windows[i].start(0)
		}
	}
	for _, s := range e.work.settled {
		e.windows[s.id].settle(n, s.outcome)
	}
	for stage, nodes := range e.work.stages {
		if stage > 0 {
			if err := e.runLate(stage-1, n); err != nil {
				return err
			}
		}
		for _, id := range nodes {
			w := &e.windows[id]
			w.mask = e.combine(&e.nodes[id], e.answered, w.like)
		}
	}
	e.releaseKept()
	return nil
}

// answered is the answer of a node in the window.
func (e *Evaluator) answered(id nodeID) Mask { return e.windows[id].mask }

// finish collects the answers of the cuts.
func (e *Evaluator) finish(n int) *Answers {
	e.answers.n = n
	e.answers.masks = e.answers.masks[:0]
	for _, cut := range e.cuts {
		e.answers.masks = append(e.answers.masks, e.windows[cut].mask)
	}
	return &e.answers
}

// Answers are the cuts' answers for a window of rows. They belong to the evaluator.
type Answers struct {
	n     int
	masks []Mask
	place []Cut
	width int // bits

	bitmaps [][]uint64 // by bit
	ones    []uint64
}

// Len returns the number of rows.
func (a *Answers) Len() int { return a.n }

// Cut returns the answers of one cut.
func (a *Answers) Cut(i int) Mask { return a.masks[i] }

// Rows turns the answers into one row of bits a user, as the cuts' places say. It sizes dst and overwrites it.
func (a *Answers) Rows(dst *tables.BitMatrix) {
	dst.Width = max(words(a.width), 1)
	if cap(dst.Words) < a.n*dst.Width {
		dst.Words = make([]uint64, a.n*dst.Width)
	}
	dst.Words = dst.Words[:a.n*dst.Width]
	a.spread()
	var block [64]uint64
	for w := range words(a.n) {
		rows := dst.Words[w*64*dst.Width:]
		for part := range dst.Width {
			bitmaps := a.bitmaps[min(part*64, len(a.bitmaps)):min(part*64+64, len(a.bitmaps))]
			for i, bitmap := range bitmaps {
				block[i] = bitmap[w]
			}
			clear(block[len(bitmaps):])
			Transpose64(&block)
			for u := range min(64, a.n-w*64) {
				rows[u*dst.Width+part] = block[u]
			}
		}
	}
}

// spread lists the bitmap of every bit of a row. One that is known in every row has no bitmap that says so: it gets one.
func (a *Answers) spread() {
	a.bitmaps = sized(a.bitmaps, a.width)
	a.ones = sized(a.ones, words(a.n))
	for w := range a.ones {
		a.ones[w] = ^uint64(0)
	}
	trim(a.ones, a.n)
	for i, cut := range a.place {
		m := a.masks[i]
		if !cut.FourValued {
			a.bitmaps[cut.Bit] = m.value // no row is an error
			continue
		}
		a.bitmaps[cut.Bit], a.bitmaps[cut.Bit+1] = m.known, m.value
		if m.known == nil {
			a.bitmaps[cut.Bit] = a.ones
		}
	}
}

// Words writes the answers of rows 64w to 64w+63, one word a bit of theirs, as Plan.Resolve takes them. dst has a word for each of
// Plan.Bits.
func (a *Answers) Words(w int, dst []uint64) {
	for i, cut := range a.place {
		m := a.masks[i]
		if !cut.FourValued {
			dst[cut.Bit] = m.MembersWord(w)
			continue
		}
		dst[cut.Bit], dst[cut.Bit+1] = m.knownWord(w), m.value[w]
	}
}
