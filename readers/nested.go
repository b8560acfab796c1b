package readers

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A nestedSource assembles lists, maps and structs from the levels of their leaves, as the Dremel paper describes (Melnik et al.,
// "Dremel: Interactive Analysis of Web-Scale Datasets", 2010, section 4.3), for whole rows at a time. Pages of different
// leaves end at different rows, and a page of the first format may end within a row.
type nestedSource struct {
	node   *node
	leaves []*leafBuffer
	mem    memory.Allocator
}

// errSplitRow is a row that begins within a list.
var errSplitRow = errors.New("the first row begins within a list; the file is damaged")

// A leafBuffer holds the entries of a leaf that were read and not yet used.
type leafBuffer struct {
	pages *leafPages
	keep  bool // dictionaries stay dictionaries: there is no second leaf to agree with
	parts []*piece
	begun bool
	ended bool

	held         int // entries of the parts
	entry, value int // what is used of the first part: entries and values
	longest      int // text of the chunk's dictionary; -1: not known yet
}

func newNestedSource(n *node, leaves []*leafPages, mem memory.Allocator) *nestedSource {
	s := &nestedSource{node: n, mem: mem}
	for _, l := range leaves {
		s.leaves = append(s.leaves, &leafBuffer{pages: l, keep: len(leaves) == 1, longest: -1})
	}
	return s
}

func (s *nestedSource) close() {
	for _, l := range s.leaves {
		for _, p := range l.parts {
			p.release()
		}
		l.parts = nil
		l.pages.close()
	}
}

// nestedRows bounds how many rows are assembled at once.
const nestedRows = 16 << 10

// nestedEntries bounds how many entries of a leaf are read at once.
const nestedEntries = 64 << 10

// mostRowEntries bounds the lists of one row, which has to be held whole.
const mostRowEntries = 16 << 20

// lookUpBytes bounds the texts of a dictionary that are written out at once.
const lookUpBytes = 8 << 20

func (s *nestedSource) next(limit int) (arrow.Array, error) {
	rows := min(limit, nestedRows)
	for _, l := range s.leaves {
		n, err := l.ready(rows)
		if err != nil {
			return nil, err
		}
		rows = min(rows, n)
	}
	if rows == 0 {
		return nil, io.EOF
	}
	for _, l := range s.leaves {
		rows = min(rows, l.affordable(rows))
	}
	runs := make([]*run, len(s.leaves))
	defer func() {
		for _, r := range runs {
			if r != nil && r.values != nil {
				r.values.Release()
			}
		}
	}()
	for i, l := range s.leaves {
		var err error
		if runs[i], err = l.take(rows); err != nil {
			return nil, err
		}
	}
	return s.node.assemble(s.mem, runs)
}

// affordable returns how many rows can be looked up in the leaf's dictionary within bounds: at least one.
func (l *leafBuffer) affordable(rows int) int {
	texts, ok := l.pages.dictionary.(interface{ ValueLen(i int) int })
	if l.keep || !ok {
		return rows
	}
	if l.longest < 0 {
		for i := range l.pages.dictionary.Len() {
			l.longest = max(l.longest, texts.ValueLen(i))
		}
	}
	if worst := l.longest * l.held; worst > lookUpBytes {
		return max(1, int(float64(rows)*lookUpBytes/float64(worst)))
	}
	return rows
}

// A run holds the entries of some rows of one leaf.
type run struct {
	def, rep []byte // an entry each
	values   arrow.Array
}

// ready reads until so many rows are complete, or as many as one page brings, and returns how many there are. A row is
// complete when the next one has begun, or at the end.
func (l *leafBuffer) ready(rows int) (int, error) {
	for {
		if n := l.complete(rows); n > 0 || l.ended {
			return n, nil
		}
		p, err := l.pages.next(nestedEntries)
		if errors.Is(err, io.EOF) {
			l.ended = true
			continue
		}
		if err != nil {
			return 0, err
		}
		if !l.begun && len(p.rep) > 0 && p.rep[0] != 0 {
			p.release()
			return 0, errSplitRow
		}
		l.begun = true
		if l.held += p.n; l.held > mostRowEntries {
			p.release()
			return 0, fmt.Errorf("one row has more than %d values in its lists", mostRowEntries)
		}
		l.parts = append(l.parts, p)
	}
}

// complete counts the complete rows that are held, up to limit.
func (l *leafBuffer) complete(limit int) int {
	rows := -1 // the row that begins first is complete when the second begins
	for i, p := range l.parts {
		from := 0
		if i == 0 {
			from = l.entry
		}
		if len(p.rep) == 0 {
			rows += p.n - from
			if rows >= limit {
				return limit
			}
			continue
		}
		for _, level := range p.rep[from:] {
			if level == 0 {
				if rows++; rows == limit {
					return limit
				}
			}
		}
	}
	if l.ended {
		rows++
	}
	return max(min(rows, limit), 0)
}

// take removes the entries of so many rows. They may lie in several pages; values of one encoding are joined.
func (l *leafBuffer) take(rows int) (*run, error) {
	r := &run{}
	var values []arrow.Array
	defer func() {
		for _, v := range values {
			v.Release()
		}
	}()
	started := 0
	for len(l.parts) > 0 {
		p := l.parts[0]
		end := p.n
		for i := l.entry; i < p.n; i++ {
			if len(p.rep) == 0 || p.rep[i] == 0 {
				if started == rows {
					end = i
					break
				}
				started++
			}
		}
		values = append(values, l.move(r, p, end))
		if end < p.n {
			break
		}
		l.held -= p.n
		p.release()
		l.parts, l.entry, l.value = l.parts[1:], 0, 0
	}
	var err error
	if r.values, err = joined(l.pages.mem, values); err == nil && !l.keep {
		r.values, err = plain(l.pages.mem, r.values)
	}
	return r, err
}

// move copies the levels of the entries of a page up to end, and returns their values.
func (l *leafBuffer) move(r *run, p *piece, end int) arrow.Array {
	n, dense := end-l.entry, end-l.entry
	if len(p.def) == 0 {
		r.def = append(r.def, make([]byte, n)...) // required all the way: level 0 is the only one
	} else {
		r.def = joinLevels(r.def, p.def[l.entry:end:end])
		dense = countLevel(p.def[l.entry:end], l.pages.node.def)
	}
	if len(p.rep) == 0 {
		r.rep = append(r.rep, make([]byte, n)...)
	} else {
		r.rep = joinLevels(r.rep, p.rep[l.entry:end:end])
	}
	values := array.NewSlice(p.values, int64(l.value), int64(l.value+dense))
	l.entry, l.value = end, l.value+dense
	return values
}

// joinLevels appends levels; the first ones are shared.
func joinLevels(levels, more []byte) []byte {
	if levels == nil {
		return more
	}
	return append(levels, more...)
}

// joined makes one array of several. Where dictionaries and plain values meet, all become plain.
func joined(mem memory.Allocator, parts []arrow.Array) (arrow.Array, error) {
	if len(parts) == 1 {
		parts[0].Retain()
		return parts[0], nil
	}
	if d, ok := oneDictionary(parts); ok {
		return joinIndexes(mem, d, parts), nil
	}
	for i, p := range parts {
		flat, err := plain(mem, p)
		if err != nil {
			return nil, err
		}
		parts[i] = flat
	}
	return array.Concatenate(parts, mem)
}

// oneDictionary tells whether all parts index into the same dictionary.
func oneDictionary(parts []arrow.Array) (*array.Dictionary, bool) {
	first, ok := parts[0].(*array.Dictionary)
	for _, p := range parts[1:] {
		d, same := p.(*array.Dictionary)
		ok = ok && same && d.Data().Dictionary() == first.Data().Dictionary()
	}
	return first, ok
}

// joinIndexes joins dense dictionary arrays of one dictionary.
func joinIndexes(mem memory.Allocator, d *array.Dictionary, parts []arrow.Array) arrow.Array {
	n := 0
	for _, p := range parts {
		n += p.Len()
	}
	indexes := newBuffer(mem, 4*n)
	at := 0
	for _, p := range parts {
		at += copy(indexes.Bytes()[at:], fixedBytes(p.(*array.Dictionary).Indices().Data(), 4))
	}
	return makeDictionary(d.DataType().(*arrow.DictionaryType), n, indexes, nil, 0, d.Dictionary())
}

// plain looks the values of a dictionary array up. It takes over the reference to it.
func plain(mem memory.Allocator, a arrow.Array) (arrow.Array, error) {
	d, ok := a.(*array.Dictionary)
	if !ok {
		return a, nil
	}
	defer a.Release()
	return lookUp(mem, d)
}

// assemble builds the array of a node from the entries of its leaves.
func (n *node) assemble(mem memory.Allocator, runs []*run) (arrow.Array, error) {
	switch {
	case len(n.children) == 0:
		return n.assembleLeaf(mem, runs[0])
	case n.typ.ID() == arrow.STRUCT:
		return n.assembleStruct(mem, runs)
	default:
		return n.assembleList(mem, runs)
	}
}

// begins tells whether an entry begins a slot of this node: it does not continue a list inside it, and the list around it has an
// element there. It is 1 or 0, so that loops over millions of entries need no branch.
func (n *node) begins(rep, def byte) int { return oneIf(rep <= n.rep && def >= n.slot) }

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// present finds which slots of this node are not null. The bitmap is nil where all are.
func (n *node) present(mem memory.Allocator, r *run) (valid *memory.Buffer, count, missing int) {
	there := 0
	for i, rep := range r.rep {
		begins := n.begins(rep, r.def[i])
		count += begins
		there += begins & oneIf(r.def[i] >= n.def)
	}
	if count == there {
		return nil, count, 0
	}
	valid = zeroBuffer(mem, (count+7)/8)
	bitmap, at := valid.Bytes(), 0
	for i, rep := range r.rep {
		if n.begins(rep, r.def[i]) != 0 {
			bitmap[at>>3] |= byte(oneIf(r.def[i] >= n.def)) << (at & 7)
			at++
		}
	}
	return valid, count, count - there
}

func (n *node) assembleLeaf(mem memory.Allocator, r *run) (arrow.Array, error) {
	valid, count, missing := n.present(mem, r)
	defer release(valid)
	return expand(mem, r.values, valid, count, missing)
}

func (n *node) assembleStruct(mem memory.Allocator, runs []*run) (arrow.Array, error) {
	children, err := n.assembleChildren(mem, runs)
	if err != nil {
		return nil, err
	}
	defer releaseAll(children)
	valid, count, missing := n.present(mem, runs[0])
	data := make([]arrow.ArrayData, len(children))
	for i, c := range children {
		data[i] = c.Data()
	}
	t := n.typ
	if hasDictionary(children) {
		t = retyped(n.typ.(*arrow.StructType), children)
	}
	return makeNested(t, count, missing, []*memory.Buffer{valid}, data), nil
}

// assembleList builds a list or map: a slot's list has the entries that begin an element until the next slot begins.
func (n *node) assembleList(mem memory.Allocator, runs []*run) (arrow.Array, error) {
	children, err := n.assembleChildren(mem, runs)
	if err != nil {
		return nil, err
	}
	defer releaseAll(children)
	valid, count, missing := n.present(mem, runs[0])
	buffers := []*memory.Buffer{valid, n.offsets(mem, runs[0], count)}
	if n.typ.ID() == arrow.MAP {
		return n.makeMap(count, missing, buffers, children), nil
	}
	t := n.typ
	if hasDictionary(children) {
		t = arrow.ListOf(children[0].DataType())
	}
	return makeNested(t, count, missing, buffers, []arrow.ArrayData{children[0].Data()}), nil
}

// offsets counts the elements before each slot of a list.
func (n *node) offsets(mem memory.Allocator, r *run, count int) *memory.Buffer {
	out := newBuffer(mem, 4*(count+1))
	to, at, elements := viewOf[int32](out.Bytes()), 0, 0
	for i, rep := range r.rep {
		to[at] = int32(elements)
		at += n.begins(rep, r.def[i])
		elements += oneIf(rep <= n.rep+1 && r.def[i] >= n.itemDef)
	}
	to[at] = int32(elements)
	return out
}

// makeMap puts the entries of a map, a struct of key and value, together.
func (n *node) makeMap(count, missing int, buffers []*memory.Buffer, children []arrow.Array) arrow.Array {
	t := n.typ.(*arrow.MapType)
	entries := makeNested(t.Elem(), children[0].Len(), 0, []*memory.Buffer{nil}, []arrow.ArrayData{children[0].Data(), children[1].Data()})
	defer entries.Release()
	return makeNested(t, count, missing, buffers, []arrow.ArrayData{entries.Data()})
}

func (n *node) assembleChildren(mem memory.Allocator, runs []*run) ([]arrow.Array, error) {
	var out []arrow.Array
	for _, child := range n.children {
		first := child.first - n.first
		a, err := child.assemble(mem, runs[first:first+child.leaves])
		if err != nil {
			releaseAll(out)
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func makeNested(t arrow.DataType, n, nulls int, buffers []*memory.Buffer, children []arrow.ArrayData) arrow.Array {
	data := array.NewData(t, n, buffers, children, nulls, 0)
	defer data.Release()
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	return array.MakeFromData(data)
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		a.Release()
	}
}

func hasDictionary(arrays []arrow.Array) bool {
	for _, a := range arrays {
		if a.DataType().ID() == arrow.DICTIONARY {
			return true
		}
	}
	return false
}

// retyped is a struct type whose fields have the types that their arrays have.
func retyped(t *arrow.StructType, children []arrow.Array) arrow.DataType {
	fields := t.Fields()
	for i := range fields {
		fields[i].Type = children[i].DataType()
	}
	return arrow.StructOf(fields...)
}
