package rules

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// entries is a dictionary that columns point into, ready to be evaluated: its values and, in the last place, null. It
// holds a reference on the dictionary and is kept until the row group ends.
type entries struct {
	data  arrow.ArrayData
	n     int // without the null
	frame *frame

	answers map[nodeID]*vec   // of the nodes evaluated over the entries, n+1 rows, in memory of their own
	tables  map[nodeID]*table // the same of bool nodes, a byte an entry
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
	case nd.op == opColumn && f.depth < 0:
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
	found := &entries{data: data, n: values.Len(), answers: map[nodeID]*vec{}, tables: map[nodeID]*table{}}
	found.frame = e.newFrame(found.n+1, -1)
	found.frame.source = source
	found.frame.bound = keep(e.withNull(e.load(view{values, 0, found.n}, nd)))
	found.answers[source] = found.frame.bound
	e.dictionaries[key] = found
	return found
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
	codes, known, ok := e.codesOf(source, in, of.n)
	if !ok {
		return e.unknown(e.nodes[id].typ.kind, in.n)
	}
	answers := of.answers[id]
	if answers == nil {
		e.serial++
		of.frame.serial = e.serial // what earlier slices left in the memo lies in memory used again
		answers = keep(e.eval(id, of.frame))
		of.answers[id] = answers
	}
	if answers.kind != kindBool {
		return e.gather(answers, codes)
	}
	lookup := of.tables[id]
	if lookup == nil {
		lookup = newTable(answers)
		of.tables[id] = lookup
	}
	return e.lookUp(lookup, codes, known == nil)
}

// newTable spells the answers out, a byte an entry.
func newTable(v *vec) *table {
	t := &table{value: spell(v.bits, v.n), fails: v.fail != nil, nullKnown: v.knows(v.n - 1)}
	for i := range v.n - 1 {
		if !v.knows(i) {
			t.known = spell(v.known, v.n)
			break
		}
	}
	if t.known == nil && !t.nullKnown {
		t.value[v.n-1] = 0
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

// lookUp answers rows by their codes. dense says that no row is null.
func (e *Evaluator) lookUp(t *table, codes []int32, dense bool) *vec {
	out := e.arena.new(kindBool, len(codes))
	out.bits = e.lookUpBits(t.value, codes)
	switch {
	case t.known != nil:
		out.known = e.lookUpBits(t.known, codes)
	case !dense && !t.nullKnown:
		out.known = e.notNull(codes, int32(len(t.value)-1))
	}
	if t.fails {
		out.fail = e.lookUpBits(t.fail, codes)
	}
	return out
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

// slicedCodes are the codes of the rows of a view, kept while the slice of rows is evaluated.
type slicedCodes struct {
	in    view
	codes []int32
	known []uint64
}

// codesOf returns the codes of a view's rows, n for null, and which rows are not null (nil: none is null).
func (e *Evaluator) codesOf(source nodeID, in view, n int) ([]int32, []uint64, bool) {
	if found := e.sliced[source]; found.in == in {
		return found.codes, found.known, true
	}
	known := e.knownOf(in)
	codes, ok := e.codes(in.arr.(*array.Dictionary), in, known, n)
	if ok {
		e.sliced[source] = slicedCodes{in, codes, known}
	}
	return codes, known, ok
}

// codes reads dictionary codes; null rows, and rows whose code the dictionary does not have, get null.
func (e *Evaluator) codes(dict *array.Dictionary, in view, known []uint64, null int) ([]int32, bool) {
	lo, hi := in.from, in.from+in.n
	if arr, ok := dict.Indices().(*array.Int32); ok && known == nil && codesExist(arr.Int32Values()[lo:hi], null) {
		return arr.Int32Values()[lo:hi], true
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
		return nil, false
	}
	maskCodes(out, known, int32(null))
	return out, true
}

// codesExist reports whether all codes are below n: then rows may use them as they are.
func codesExist(codes []int32, n int) bool {
	most := [4]uint32{}
	for ; len(codes) >= 4; codes = codes[4:] {
		c := (*[4]int32)(codes)
		most[0], most[1] = max(most[0], uint32(c[0])), max(most[1], uint32(c[1]))
		most[2], most[3] = max(most[2], uint32(c[2])), max(most[3], uint32(c[3]))
	}
	for _, code := range codes {
		most[0] = max(most[0], uint32(code))
	}
	return max(most[0], most[1], most[2], most[3]) < uint32(n)
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
