package rules

import (
	"encoding/binary"
	"math"
)

// The kernels of comparisons set bit i of out where the test holds for value i, and clear it elsewhere. They never ask for
// validity: null slots hold anything and the caller masks them. out has words(len(values)) words.

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

type number interface {
	~int64 | ~uint64 | ~float64
}

// blockAt returns values 64*w to 64*w+63; the last ones, if they are fewer, from a copy in rest.
func blockAt[T any](values []T, w int, rest *[64]T) *[64]T {
	if len(values)-w*64 >= 64 {
		return (*[64]T)(values[w*64:])
	}
	copy(rest[:], values[w*64:])
	return rest
}

// trim clears the bits past n.
func trim(out []uint64, n int) {
	if n > 0 {
		out[len(out)-1] &= tail(n)
	}
}

func lessInts[T integer](out []uint64, values []T, lit int64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(int64(v[0]) < lit)|bit(int64(v[1]) < lit)<<1|bit(int64(v[2]) < lit)<<2|bit(int64(v[3]) < lit)<<3|
				bit(int64(v[4]) < lit)<<4|bit(int64(v[5]) < lit)<<5|bit(int64(v[6]) < lit)<<6|bit(int64(v[7]) < lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

func equalInts[T integer](out []uint64, values []T, lit int64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(int64(v[0]) == lit)|bit(int64(v[1]) == lit)<<1|bit(int64(v[2]) == lit)<<2|bit(int64(v[3]) == lit)<<3|
				bit(int64(v[4]) == lit)<<4|bit(int64(v[5]) == lit)<<5|bit(int64(v[6]) == lit)<<6|bit(int64(v[7]) == lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

// withinInts sets the bits of the values from low on, up to span of them.
func withinInts[T integer](out []uint64, values []T, low int64, span uint64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(uint64(int64(v[0])-low) < span)|bit(uint64(int64(v[1])-low) < span)<<1|
				bit(uint64(int64(v[2])-low) < span)<<2|bit(uint64(int64(v[3])-low) < span)<<3|
				bit(uint64(int64(v[4])-low) < span)<<4|bit(uint64(int64(v[5])-low) < span)<<5|
				bit(uint64(int64(v[6])-low) < span)<<6|bit(uint64(int64(v[7])-low) < span)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

// withinFloats sets the bits of the values from low to high, both included.
func withinFloats[T float32 | float64](out []uint64, values []T, low, high float64) {
	n := len(values)
	for w := range out {
		var word uint64
		for i, value := range values[w*64 : min(w*64+64, n)] {
			v := float64(value)
			word |= bit(v >= low) & bit(v <= high) << i
		}
		out[w] = word
	}
}

func lessFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(float64(v[0]) < lit)|bit(float64(v[1]) < lit)<<1|bit(float64(v[2]) < lit)<<2|bit(float64(v[3]) < lit)<<3|
				bit(float64(v[4]) < lit)<<4|bit(float64(v[5]) < lit)<<5|bit(float64(v[6]) < lit)<<6|bit(float64(v[7]) < lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

func greaterFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(float64(v[0]) > lit)|bit(float64(v[1]) > lit)<<1|bit(float64(v[2]) > lit)<<2|bit(float64(v[3]) > lit)<<3|
				bit(float64(v[4]) > lit)<<4|bit(float64(v[5]) > lit)<<5|bit(float64(v[6]) > lit)<<6|bit(float64(v[7]) > lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

func equalFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(float64(v[0]) == lit)|bit(float64(v[1]) == lit)<<1|bit(float64(v[2]) == lit)<<2|bit(float64(v[3]) == lit)<<3|
				bit(float64(v[4]) == lit)<<4|bit(float64(v[5]) == lit)<<5|bit(float64(v[6]) == lit)<<6|bit(float64(v[7]) == lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

func lessPairs[T number | string](out []uint64, a, b []T) {
	for w := range out {
		var word uint64
		bs := b[w*64:]
		for i, v := range a[w*64 : min(w*64+64, len(a))] {
			word |= bit(v < bs[i]) << i
		}
		out[w] = word
	}
}

func lessOrEqualPairs[T number | string](out []uint64, a, b []T) {
	for w := range out {
		var word uint64
		bs := b[w*64:]
		for i, v := range a[w*64 : min(w*64+64, len(a))] {
			word |= bit(v <= bs[i]) << i
		}
		out[w] = word
	}
}

func equalPairs[T number | string](out []uint64, a, b []T) {
	for w := range out {
		var word uint64
		bs := b[w*64:]
		for i, v := range a[w*64 : min(w*64+64, len(a))] {
			word |= bit(v == bs[i]) << i
		}
		out[w] = word
	}
}

// setWhere sets bit i of out where test(i) holds.
func setWhere(out []uint64, n int, test func(i int) bool) {
	for w := range out {
		var word uint64
		for i := w * 64; i < min(w*64+64, n); i++ {
			word |= bit(test(i)) << (i & 63)
		}
		out[w] = word
	}
}

// A wanted is a text to look for at the start or the end of others, or as a whole. Its first and last eight bytes are compared
// as words, without a branch.
type wanted struct {
	text        string
	fromEnd     int    // -1: at the end; 0: at the start
	slack       uint64 // how many bytes more the others may have
	first, last uint64
	mask        uint64 // of both, where the text is shorter than a word
	skip        int    // from the first word to the last
}

// newWanted makes ready to look for a text as startsWith, endsWith or == does.
func newWanted(op opcode, text string) *wanted {
	w := &wanted{text: text, slack: math.MaxInt64, mask: ^uint64(0), skip: max(len(text)-8, 0)}
	switch op {
	case opEndsWith:
		w.fromEnd = -1
	case opEq:
		w.slack = 0
	}
	if len(text) < 8 {
		w.mask = 1<<(8*len(text)) - 1
	}
	bytes := append([]byte(text), make([]byte, 8)...)
	w.first, w.last = binary.LittleEndian.Uint64(bytes), binary.LittleEndian.Uint64(bytes[w.skip:])
	return w
}

// find sets the bits of the texts in which the wanted one stands.
func find[T int32 | int64](w *wanted, out []uint64, offsets []T, data []byte) {
	n := len(offsets) - 1
	for i := range out {
		block := offsets[i*64 : min(i*64+64, n)+1]
		if int(block[len(block)-1])+w.skip+8 > len(data) { // words would reach past the end
			out[i] = findSlowly(w, block, data, ^uint64(0))
			continue
		}
		out[i] = findWords(w, block, data)
		if len(w.text) > 16 {
			out[i] = findSlowly(w, block, data, out[i])
		}
	}
}

func findWords[T int32 | int64](w *wanted, offsets []T, data []byte) (word uint64) {
	fromEnd, slack, first, last, mask, skip, size := w.fromEnd, w.slack, w.first, w.last, w.mask, w.skip, len(w.text)
	start := int(offsets[0])
	for i, offset := range offsets[1:] {
		end := int(offset)
		more := end - start - size
		place := max(start+more&fromEnd, 0)
		is := bit(binary.LittleEndian.Uint64(data[place:])&mask == first) & bit(binary.LittleEndian.Uint64(data[place+skip:])&mask == last)
		word |= is & bit(uint64(more) <= slack) << i
		start = end
	}
	return word
}

// findSlowly looks at the texts whose bit is set.
func findSlowly[T int32 | int64](w *wanted, offsets []T, data []byte, among uint64) (word uint64) {
	for i, offset := range offsets[1:] {
		text := data[offsets[i]:offset]
		if among>>i&1 == 0 || uint64(len(text)-len(w.text)) > w.slack {
			continue
		}
		at := (len(text) - len(w.text)) & w.fromEnd
		word |= bit(string(text[at:at+len(w.text)]) == w.text) << i
	}
	return word
}

// flip inverts n bits.
func flip(out []uint64, n int) {
	for w := range out {
		out[w] = ^out[w]
	}
	trim(out, n)
}
