package rules

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// entries is a dictionary that columns point into, ready to be evaluated: its values and, in the last place, null. It
// holds a reference on the dictionary and is kept until the row group ends. The entries of a ranking hold none, and stay.
type entries struct {
	data  arrow.ArrayData // nil for those of a ranking
	n     int             // without the null
	frame *frame

	answers map[nodeID]*vec   // of the nodes evaluated over the entries, n+1 rows, in memory of their own
	tables  map[nodeID]*table // the same of bool nodes, a byte an entry
	packed  map[*bundle]*packed
}

// A table answers a bool node by dictionary code.
type table struct {
	value, fail []byte // 0 or 1 an entry
	known       []byte // nil: every entry has a value, but perhaps null
	nullKnown   bool   // null has a value
	fails       bool
}

// dictionary returns the entries that a column or element points into, if it is encoded so and it pays to evaluate once an
// entry.
func (e *Evaluator) dictionary(source nodeID, f *frame) (*entries, view, bool) {
	nd := &e.nodes[source]
	var in view
	switch {
	case nd.op == opColumn && f.depth < 0 && f.chosen == nil:
		in = f.views[e.columnOf[source]]
	case nd.op == opElement && nd.depth == f.depth && f.picked == nil:
		in = f.elements
	default:
		return nil, view{}, false
	}
	dict, encoded := in.arr.(*array.Dictionary)
	if !encoded {
		return nil, view{}, false
	}
	if !e.worthOnce(dict) {
		return nil, view{}, false
	}
	return e.entriesOf(source, nd, dict), in, true
}

// worthOnce says whether to evaluate once an entry: not where far more entries than rows are there.
func (e *Evaluator) worthOnce(dict *array.Dictionary) bool {
	return int64(dict.Data().Dictionary().Len()) <= 2*e.rows+1024
}

// dictionaryKey tells apart what was evaluated over which dictionary, read as what.
type dictionaryKey struct {
	source nodeID
	data   arrow.ArrayData
	kind   kind
	zone   *zone
}

// mostDictionaries bounds how many dictionaries an evaluator remembers.
const mostDictionaries = 256

// entriesOf returns the entries of a dictionary, loaded once a row group. With noSource they are only there to be gathered.
func (e *Evaluator) entriesOf(source nodeID, nd *node, dict *array.Dictionary) *entries {
	data := dict.Data().Dictionary()
	key := dictionaryKey{source, data, nd.typ.kind, nd.zone}
	if found := e.dictionaries[key]; found != nil {
		return found
	}
	if len(e.dictionaries) >= mostDictionaries {
		e.forgetDictionaries()
	}
	data.Retain()
	values := dict.Dictionary()
	found := e.newEntries(source, e.load(view{values, 0, values.Len()}, nd))
	found.data = data
	e.dictionaries[key] = found
	return found
}

// newEntries makes the entries that are the rows of a vec. Over them source is answered by that vec.
func (e *Evaluator) newEntries(source nodeID, values *vec) *entries {
	of := &entries{n: values.n, answers: map[nodeID]*vec{}, tables: map[nodeID]*table{}, packed: map[*bundle]*packed{}}
	of.frame = e.newFrame(of.n+1, -1)
	of.frame.source = source
	of.frame.bound = keep(e.withNull(values))
	of.answers[source] = of.frame.bound
	return of
}

// forgetDictionaries releases all entries. What was gathered from them stays valid until the slice ends, because texts are
// Go strings on memory that the caller's arrays hold.
func (e *Evaluator) forgetDictionaries() {
	for _, found := range e.dictionaries {
		found.data.Release()
	}
	clear(e.dictionaries)
}

// withNull is v with one more row, which is unknown.
func (e *Evaluator) withNull(v *vec) *vec {
	rows := e.arena.small.get(v.n + 1)
	for i := range rows {
		rows[i] = int32(i)
	}
	if v.n == 0 {
		return e.unknown(v.kind, 1)
	}
	rows[v.n] = 0
	out := e.gather(v, rows)
	if out.known == nil {
		out.known = e.arena.ones(out.n)
	}
	out.known[v.n>>6] &^= 1 << (v.n & 63)
	if out.fail != nil {
		out.fail[v.n>>6] &^= 1 << (v.n & 63)
	}
	return out
}

// keep copies a vec into memory of its own.
func keep(v *vec) *vec {
	out := *v
	out.known, out.fail, out.bits = slices.Clone(v.known), slices.Clone(v.fail), slices.Clone(v.bits)
	out.ints, out.nanos, out.uints = slices.Clone(v.ints), slices.Clone(v.nanos), slices.Clone(v.uints)
	out.floats, out.texts, out.rows = slices.Clone(v.floats), slices.Clone(v.texts), slices.Clone(v.rows)
	return &out
}

// overDictionary evaluates a node once an entry and looks the rows' answers up.
func (e *Evaluator) overDictionary(id, source nodeID, of *entries, in view) *vec {
	rows, ok := e.codesOf(source, in, of.n)
	if !ok {
		return e.unknown(e.nodes[id].typ.kind, in.n)
	}
	answers := e.overEntries(id, of)
	if answers.kind != kindBool {
		return e.gather(answers, e.nullCodes(rows, of.n))
	}
	return e.lookUp(e.tableOf(id, of), rows)
}

// overEntries answers a node for every entry and for null.
func (e *Evaluator) overEntries(id nodeID, of *entries) *vec {
	answers := of.answers[id]
	if answers == nil {
		e.serial++
		of.frame.serial = e.serial // what earlier slices left in the memo lies in memory used again
		answers = keep(e.eval(id, of.frame))
		of.answers[id] = answers
	}
	return answers
}

// tableOf is the same for a bool node, as a table.
func (e *Evaluator) tableOf(id nodeID, of *entries) *table {
	lookup := of.tables[id]
	if lookup == nil {
		lookup = newTable(e.overEntries(id, of))
		of.tables[id] = lookup
	}
	return lookup
}

// newTable spells the answers out, a byte an entry.
func newTable(v *vec) *table {
	null := v.n - 1
	t := &table{value: spell(v.bits, v.n), fails: v.fail != nil, nullKnown: v.knows(null)}
	for i := range null {
		if !v.knows(i) {
			t.known = spell(v.known, v.n)
			break
		}
	}
	if !t.nullKnown {
		t.value[null] = 0
	}
	if t.fails {
		t.fail = spell(v.fail, v.n)
	}
	return t
}

func spell(bitmap []uint64, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(bitmap[i>>6] >> (i & 63) & 1)
	}
	return out
}

// lookUp answers rows by their codes.
func (e *Evaluator) lookUp(t *table, rows *slicedCodes) *vec {
	n := len(rows.codes)
	out := e.arena.new(kindBool, n)
	out.bits = forNull(e.lookUpBits(t.value, rows.codes), rows.known, t.value, n)
	if t.known != nil {
		out.known = forNull(e.lookUpBits(t.known, rows.codes), rows.known, t.known, n)
	} else if !t.nullKnown {
		out.known = rows.known
	}
	if t.fails {
		out.fail = forNull(e.lookUpBits(t.fail, rows.codes), rows.known, t.fail, n)
	}
	return out
}

// forNull puts the table's last entry, which is that of null, in place of what the null ones of n rows found; known says which
// are not, nil: none is. It changes the bitmap.
func forNull(bitmap, known []uint64, table []byte, n int) []uint64 {
	null := -uint64(table[len(table)-1])
	for w, word := range known {
		bitmap[w] = bitmap[w]&word | null&^word
	}
	if null != 0 && known != nil {
		trim(bitmap, n)
	}
	return bitmap
}

func (e *Evaluator) lookUpBits(table []byte, codes []int32) []uint64 {
	out := e.arena.words.get(words(len(codes)))
	var rest [64]int32
	for w := range out {
		block := blockAt(codes, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			c := (*[8]int32)(block[i:])
			word = word>>8 | (uint64(table[c[0]])|uint64(table[c[1]])<<1|uint64(table[c[2]])<<2|uint64(table[c[3]])<<3|
				uint64(table[c[4]])<<4|uint64(table[c[5]])<<5|uint64(table[c[6]])<<6|uint64(table[c[7]])<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(codes))
	return out
}

// notNull is the rows whose code is not that of null.
func (e *Evaluator) notNull(codes []int32, null int32) []uint64 {
	out := e.arena.words.get(words(len(codes)))
	for w := range out {
		var word uint64
		for i, code := range codes[w*64 : min(w*64+64, len(codes))] {
			word |= bit(code != null) << i
		}
		out[w] = word
	}
	return out
}

// slicedCodes are the codes of the rows of a view, kept while the slice of rows is evaluated. A row that is not known is null,
// whatever its code.
type slicedCodes struct {
	in    view
	codes []int32
	known []uint64 // nil: no row is null
	nulls []int32  // the codes with that of null where a row is null; nil until asked for
}

// codesOf returns the codes of a view's rows, all of them at most n, which is the code of null.
func (e *Evaluator) codesOf(source nodeID, in view, n int) (*slicedCodes, bool) {
	found := e.sliced[source]
	if found != nil && found.in == in {
		return found, true
	}
	dict, known := in.arr.(*array.Dictionary), e.knownOf(in)
	codes, exist, ok := e.codes(dict, in, n)
	if !exist && ok { // a code that the dictionary does not have is null
		known = e.arena.both(known, e.notNull(codes, int32(n)))
	}
	found = &slicedCodes{in: in, codes: codes, known: known}
	e.sliced[source] = found
	return found, ok
}

// nullCodes are the codes of rows, that of null where a row is null.
func (e *Evaluator) nullCodes(rows *slicedCodes, null int) []int32 {
	switch {
	case rows.known == nil:
		return rows.codes
	case rows.nulls == nil:
		rows.nulls = e.arena.small.get(len(rows.codes))
		copy(rows.nulls, rows.codes)
		maskCodes(rows.nulls, rows.known, int32(null))
	}
	return rows.nulls
}

// codes reads dictionary codes. exist says that the dictionary has them all; else those that it lacks become that of null.
func (e *Evaluator) codes(dict *array.Dictionary, in view, null int) (codes []int32, exist, ok bool) {
	lo, hi := in.from, in.from+in.n
	if arr, ok := dict.Indices().(*array.Int32); ok && codesExist(arr.Int32Values()[lo:hi], null) {
		return arr.Int32Values()[lo:hi], true, true
	}
	out := e.arena.small.get(in.n)
	switch arr := dict.Indices().(type) {
	case *array.Int32:
		readCodes(out, arr.Int32Values()[lo:hi], int32(null))
	case *array.Uint32:
		readCodes(out, arr.Uint32Values()[lo:hi], int32(null))
	case *array.Int16:
		readCodes(out, arr.Int16Values()[lo:hi], int32(null))
	case *array.Uint16:
		readCodes(out, arr.Uint16Values()[lo:hi], int32(null))
	case *array.Int8:
		readCodes(out, arr.Int8Values()[lo:hi], int32(null))
	case *array.Uint8:
		readCodes(out, arr.Uint8Values()[lo:hi], int32(null))
	case *array.Int64:
		readCodes(out, arr.Int64Values()[lo:hi], int32(null))
	case *array.Uint64:
		readCodes(out, arr.Uint64Values()[lo:hi], int32(null))
	default:
		e.fault("a dictionary with codes of Arrow type %s", dict.Indices().DataType())
		return nil, false, false
	}
	return out, codesExist(out, null), true
}

// codesExist reports whether all codes are below n: then rows may use them as they are.
func codesExist(codes []int32, n int) bool {
	var a, b, c, d uint32 // the largest
	for len(codes) >= 8 {
		block := (*[8]int32)(codes)
		a, b = max(a, uint32(block[0]), uint32(block[4])), max(b, uint32(block[1]), uint32(block[5]))
		c, d = max(c, uint32(block[2]), uint32(block[6])), max(d, uint32(block[3]), uint32(block[7]))
		codes = codes[8:]
	}
	for _, code := range codes {
		a = max(a, uint32(code))
	}
	return max(a, b, c, d) < uint32(n)
}

func readCodes[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](out []int32, codes []T, null int32) {
	for i, code := range codes {
		out[i] = int32(min(uint64(int64(code)), uint64(null)))
	}
}

func maskCodes(codes []int32, known []uint64, null int32) {
	for w, word := range known {
		if word == ^uint64(0) {
			continue
		}
		block := codes[w*64 : min(w*64+64, len(codes))]
		for i := range block {
			valid := -int32(word >> i & 1)
			block[i] = block[i]&valid | null&^valid
		}
	}
}
