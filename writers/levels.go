package writers

import (
	"encoding/binary"
	"math/bits"

	"strata/pipeline/tables"
)

// A span is some consecutive rows of a column with their slots, one for each value, null or empty list. The values that
// are there are those from place from to place to among all values of the column.
type span struct {
	row, rows int
	slots     int
	from, to  int
}

// levels say where the values of a column stand in its rows.
type levels interface {
	// span measures rows rows, the first value of which has place from.
	span(row, rows, from int) span
	// append encodes the levels of a span behind dst: repetition levels and definition levels, which may share memory.
	append(dst []byte, s span) (repetition, definition []byte)
}

// everywhere is a column without nulls.
type everywhere struct{}

func (everywhere) span(row, rows, from int) span {
	return span{row: row, rows: rows, slots: rows, from: from, to: from + rows}
}

func (everywhere) append(dst []byte, _ span) (repetition, definition []byte) { return dst, nil }

// nullable has a value where the bit of the row is set.
type nullable struct{ valid []uint64 }

func (l nullable) span(row, rows, from int) span {
	there := 0
	for i := 0; i < rows; i += 64 {
		there += bits.OnesCount64(bitsAt(l.valid, row+i, min(64, rows-i)))
	}
	return span{row: row, rows: rows, slots: rows, from: from, to: from + there}
}

func (l nullable) append(dst []byte, s span) (repetition, definition []byte) {
	var w bitWriter
	for i := 0; i < s.rows; i += 64 {
		n := min(64, s.rows-i)
		w.write(bitsAt(l.valid, s.row+i, n), n)
	}
	return dst, appendBits(dst[len(dst):], w.bytes(), s.rows)
}

// bitsAt returns n bits, at most 64, from bit at.
func bitsAt(words []uint64, at, n int) uint64 {
	v := words[at>>6] >> (at & 63)
	if used := 64 - at&63; used < n {
		v |= words[at>>6+1] << used
	}
	return v & (^uint64(0) >> (64 - n))
}

// setLists has one value a bit set, as a list that may be empty and is never null.
type setLists struct {
	sets          *tables.BitMatrix
	starts, there *bitWriter // used again from page to page
}

func (l setLists) span(row, rows, from int) span {
	s := span{row: row, rows: rows, from: from, to: from}
	width := l.sets.Width
	if width == 1 {
		for _, word := range l.sets.Words[row : row+rows] {
			n := bits.OnesCount64(word)
			s.to += n
			s.slots += max(n, 1)
		}
		return s
	}
	for i := row; i < row+rows; i++ {
		n := onesIn(l.sets.Row(i))
		s.to += n
		s.slots += max(n, 1)
	}
	return s
}

func onesIn(row []uint64) (n int) {
	for _, word := range row {
		n += bits.OnesCount64(word)
	}
	return n
}

// append writes repetition 0 1 1 1 and definition 1 1 1 1 for a list of four, and 0 and 0 for an empty one.
func (l setLists) append(dst []byte, s span) (repetition, definition []byte) {
	starts, there := l.starts, l.there
	starts.reset()
	there.reset()
	for i := s.row; i < s.row+s.rows; i++ {
		n := onesIn(l.sets.Row(i))
		if n == 0 {
			starts.write(0, 1)
			there.write(0, 1)
			continue
		}
		starts.write(^uint64(1)&ones(min(n, 64)), min(n, 64))
		there.write(ones(min(n, 64)), min(n, 64))
		for n -= 64; n > 0; n -= 64 {
			starts.write(ones(min(n, 64)), min(n, 64))
			there.write(ones(min(n, 64)), min(n, 64))
		}
	}
	repetition = appendBits(dst, starts.bytes(), s.slots)
	return repetition, appendBits(repetition[len(repetition):], there.bytes(), s.slots)
}

// ones is a word whose lowest n bits are set, n from 1 to 64.
func ones(n int) uint64 { return ^uint64(0) >> (64 - n) }

// nested are levels of any list, one of each a slot.
type nested struct {
	repetition, definition []uint8
	starts                 []int // of each row, and the end
	full                   uint8 // the definition level of a value that is there
}

func (l *nested) span(row, rows, from int) span {
	s := span{row: row, rows: rows, slots: l.starts[row+rows] - l.starts[row], from: from, to: from}
	for _, level := range l.definition[l.starts[row]:l.starts[row+rows]] {
		if level == l.full {
			s.to++
		}
	}
	return s
}

func (l *nested) append(dst []byte, s span) (repetition, definition []byte) {
	from, to := l.starts[s.row], l.starts[s.row+s.rows]
	var starts, depth bitWriter
	width := bits.Len8(l.full)
	for i := from; i < to; i++ {
		starts.write(uint64(l.repetition[i]), 1)
		depth.write(uint64(l.definition[i]), width)
	}
	repetition = appendBits(dst, starts.bytes(), s.slots)
	definition = binary.AppendUvarint(repetition[len(repetition):], uint64(s.slots+7)/8<<1|1)
	return repetition, appendGroups(definition, depth.bytes(), s.slots, width)
}

// A bitWriter packs bits, lowest first.
type bitWriter struct {
	out  []byte
	word uint64
	n    int // bits in word, below 64
}

func (w *bitWriter) reset() { *w = bitWriter{out: w.out[:0]} }

// write adds the lowest n bits of v, n from 1 to 64; v has no others.
func (w *bitWriter) write(v uint64, n int) {
	w.word |= v << w.n
	if w.n+n < 64 {
		w.n += n
		return
	}
	w.out = binary.LittleEndian.AppendUint64(w.out, w.word)
	w.word = v >> (64 - w.n)
	w.n += n - 64
}

// bytes returns all bits, in whole bytes.
func (w *bitWriter) bytes() []byte {
	for ; w.n > 0; w.n -= 8 {
		w.out = append(w.out, byte(w.word))
		w.word >>= 8
	}
	w.n = 0
	return w.out
}

// uniformBytes is how many equal bytes of bits make a run of their own.
const uniformBytes = 8

// appendBits appends n levels of one bit in Parquet's hybrid of runs and packed groups. It may change the bits of packed
// past n.
func appendBits(dst, packed []byte, n int) []byte {
	if last := byte(ones(n & 7)); n&7 != 0 && packed[n>>3] == last {
		packed[n>>3] = 0xff // so that the last byte can belong to a run
	}
	for at := 0; at < len(packed); {
		if run := uniformRun(packed[at:]); run >= uniformBytes || run == len(packed) {
			dst = binary.AppendUvarint(dst, uint64(min(run*8, n-at*8))<<1)
			dst = append(dst, packed[at]&1)
			at += run
			continue
		}
		from := at
		for at < len(packed) && uniformRun(packed[at:]) < uniformBytes {
			at++
		}
		dst = binary.AppendUvarint(dst, uint64(at-from)<<1|1)
		dst = append(dst, packed[from:at]...)
	}
	return dst
}

// uniformRun returns how many bytes at the front are all zeros or all ones.
func uniformRun(packed []byte) int {
	if packed[0] != 0 && packed[0] != 0xff {
		return 0
	}
	run := 1
	for run < len(packed) && packed[run] == packed[0] {
		run++
	}
	return run
}

// appendGroups appends bits that are packed already, filled up to whole groups of eight values.
func appendGroups(dst, packed []byte, n, width int) []byte {
	dst = append(dst, packed...)
	for range (n+7)/8*width - len(packed) {
		dst = append(dst, 0)
	}
	return dst
}
