package rules

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// A bundle is leaves that are a function of one column alone. Over a dictionary, or over ranks, they are answered together: a
// row's code finds the answers of up to 64 of them in one word, and a transpose turns 64 rows' words into bitmaps.
type bundle struct {
	source nodeID   // the column
	leaves []nodeID // all of them
	ranked []nodeID // those that compare the column with constants: all that is known of a number is its rank
}

// From how many leaves on it pays to answer them together, as measured: over codes that are there, over ranks that are
// differences, and over those that lie in buckets of doubles and of whole numbers.
const (
	fewestPacked  = 3
	fewestDirect  = 5
	fewestDoubles = 10
	fewestWhole   = 20
)

// bundle groups the leaves of a component that are enough.
func (x *executable) bundle(c *component) {
	bySource := map[nodeID]*bundle{}
	for _, leaf := range c.leaves {
		source := x.source[leaf]
		if source == noSource || source == leaf || x.nodes[source].op != opColumn {
			continue
		}
		b := bySource[source]
		if b == nil {
			b = &bundle{source: source}
			bySource[source] = b
			c.bundles = append(c.bundles, b)
		}
		b.leaves = append(b.leaves, leaf)
		if hasRanks(x.nodes[source].typ.kind) && x.comparesWith(leaf, source) {
			b.ranked = append(b.ranked, leaf)
		}
	}
	c.bundles = slices.DeleteFunc(c.bundles, func(b *bundle) bool { return len(b.leaves) < fewestPacked })
}

func hasRanks(k kind) bool {
	return k == kindInt || k == kindDouble || k == kindTimestamp || k == kindDate
}

// packed are the answers of a bundle's leaves over some entries: leaf i's in bit i%64 of word i/64.
type packed struct {
	leaves []nodeID   // those that every entry answers, but perhaps null
	bytes  []byte     // by entry, where there are at most 8 leaves
	words  [][]uint64 // by 64 leaves, then by entry
}

// answerTogether answers a bundle's leaves over a slice of rows, and leaves the answers in the memo. Those that it cannot
// answer it leaves out.
func (e *Evaluator) answerTogether(b *bundle, f *frame) {
	if of, in, encoded := e.dictionary(b.source, f); encoded {
		if rows, ok := e.codesOf(b.source, in, of.n); ok {
			e.unpack(e.pack(b, b.leaves, of), of, rows, f)
		}
		return
	}
	in, plain := e.raw(b.source, f)
	if len(b.ranked) < fewestDirect || !plain || in.n == 0 {
		return
	}
	r := e.rankingOf(b, in.arr.DataType())
	if r == nil || len(b.ranked) < r.fewest() {
		return
	}
	rows := &slicedCodes{codes: e.arena.small.get(in.n), known: e.knownOf(in)}
	if r.ranks(rows.codes, in) {
		e.unpack(e.pack(b, b.ranked, r.entries), r.entries, rows, f)
	}
}

// A rankingKey tells rankings apart: the bounds of timestamps depend on their unit.
type rankingKey struct {
	bundle *bundle
	typ    arrow.Type
	unit   arrow.TimeUnit
}

// rankingOf returns the ranking of a bundle for arrays of a type, made once; nil where there is none.
func (e *Evaluator) rankingOf(b *bundle, dt arrow.DataType) *ranking {
	key := rankingKey{bundle: b, typ: dt.ID()}
	if t, ok := dt.(*arrow.TimestampType); ok {
		key.unit = t.Unit
	}
	r, made := e.rankings[key]
	if !made {
		r = e.newRanking(e.boundsFor(b.ranked, b.source, dt), b.source)
		e.rankings[key] = r
	}
	return r
}

// pack makes the answers of leaves over entries.
func (e *Evaluator) pack(b *bundle, leaves []nodeID, of *entries) *packed {
	if made := of.packed[b]; made != nil {
		return made
	}
	made := &packed{}
	for _, leaf := range leaves {
		if t := e.tableOf(leaf, of); t.known == nil && !t.fails {
			made.leaves = append(made.leaves, leaf)
		}
	}
	if len(made.leaves) <= 8 {
		made.bytes = make([]byte, of.n+1)
	}
	for i, leaf := range made.leaves {
		if i&63 == 0 {
			made.words = append(made.words, make([]uint64, of.n+1))
		}
		for entry, value := range of.tables[leaf].value {
			made.words[i>>6][entry] |= uint64(value) << (i & 63)
			if made.bytes != nil {
				made.bytes[entry] |= value << i
			}
		}
	}
	of.packed[b] = made
	return made
}

// unpack looks up the answers of rows and puts them in the memo.
func (e *Evaluator) unpack(p *packed, of *entries, rows *slicedCodes, f *frame) {
	for first := 0; first < len(p.leaves); first += 64 {
		leaves := p.leaves[first:min(first+64, len(p.leaves))]
		if len(leaves) < fewestPacked {
			return
		}
		out := e.bundleBits(len(leaves), f.n)
		if p.bytes != nil {
			unpackBytes(out, p.bytes, rows.codes)
		} else {
			unpackWords(out, p.words[first>>6], rows.codes)
		}
		for i, leaf := range leaves {
			e.memo[leaf] = memoized{f.serial, e.unpacked(of.tables[leaf], rows, out[i])}
		}
	}
}

// unpacked is the answer of one leaf, of which bitmap says what its rows' codes found.
func (e *Evaluator) unpacked(t *table, rows *slicedCodes, bitmap []uint64) *vec {
	n := len(rows.codes)
	out := e.arena.new(kindBool, n)
	trim(bitmap, n)
	out.bits = forNull(bitmap, rows.known, t.value, n)
	if !t.nullKnown {
		out.known = rows.known
	}
	return out
}

// bundleBits makes room for some bitmaps.
func (e *Evaluator) bundleBits(count, n int) [][]uint64 {
	for len(e.bitmaps) < count {
		e.bitmaps = append(e.bitmaps, nil)
	}
	for i := range count {
		e.bitmaps[i] = e.arena.words.get(words(n))
	}
	return e.bitmaps[:count]
}

// unpackWords looks up a word a row and transposes 64 of them.
func unpackWords(out [][]uint64, words []uint64, codes []int32) {
	var block [64]uint64
	var rest [64]int32
	for w := range out[0] {
		for i, code := range blockAt(codes, w, &rest) {
			block[i] = words[code]
		}
		Transpose64(&block)
		for i, bitmap := range out {
			bitmap[w] = block[i]
		}
	}
}

// unpackBytes looks up a byte a row and transposes 64 of them.
func unpackBytes(out [][]uint64, bytes []byte, codes []int32) {
	var block [8]uint64
	var rest [64]int32
	for w := range out[0] {
		rows := blockAt(codes, w, &rest)
		for i := range block {
			c := (*[8]int32)(rows[8*i:])
			block[i] = uint64(bytes[c[0]]) | uint64(bytes[c[1]])<<8 | uint64(bytes[c[2]])<<16 | uint64(bytes[c[3]])<<24 |
				uint64(bytes[c[4]])<<32 | uint64(bytes[c[5]])<<40 | uint64(bytes[c[6]])<<48 | uint64(bytes[c[7]])<<56
		}
		transpose8(&block)
		for i, bitmap := range out {
			bitmap[w] = block[i]
		}
	}
}
