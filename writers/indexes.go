package writers

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// indexes are values as places in a dictionary.
type indexes struct {
	typ     leafType
	places  []uint32
	entries entries
	sorted  bool // the entries rise, and so do the places
}

// entries are those of a dictionary.
type entries struct {
	plain []byte             // in plain encoding
	n     int                //
	at    func(i int) []byte // entry i, as a bound
}

// entriesOf makes a dictionary of byte strings, which it shares.
func entriesOf(typ *leafType, list [][]byte) entries {
	var plain []byte
	for _, entry := range list {
		if typ.physical == format.ByteArray {
			plain = binary.LittleEndian.AppendUint32(plain, uint32(len(entry)))
		}
		plain = append(plain, entry...)
	}
	return entries{plain: plain, n: len(list), at: func(i int) []byte { return list[i] }}
}

// namesOf makes a dictionary of texts.
func namesOf(names []string) entries {
	list := make([][]byte, len(names))
	for i, name := range names {
		list[i] = []byte(name)
	}
	return entriesOf(&stringType, list)
}

// numbersOf makes a dictionary of integers or floats.
func numbersOf(typ *leafType, list []int64) entries {
	var plain []byte
	for _, value := range list {
		plain = typ.appendInteger(plain, value)
	}
	width := typ.width()
	return entries{plain: plain, n: len(list), at: func(i int) []byte { return plain[i*width : (i+1)*width] }}
}

// encoding is plain where there is no entry, and so no value: a dictionary page without entries confuses readers.
func (v *indexes) encoding() format.Encoding {
	if v.entries.n == 0 {
		return format.Plain
	}
	return format.RLEDictionary
}

func (v *indexes) dictionary() *entries { return &v.entries }

func (v *indexes) weight(s span) int { return (s.to - s.from) * v.width() / 8 }

// width is the bits of a place: as few as will do, but at least one.
func (v *indexes) width() int { return indexWidth(v.entries.n) }

func indexWidth(entries int) int { return max(1, bits.Len(uint(max(entries, 1)-1))) }

func (v *indexes) append(dst []byte, s span) []byte {
	if v.entries.n == 0 {
		return dst
	}
	part, width := v.places[s.from:s.to], v.width()
	dst = append(dst, byte(width))
	if len(part) == 0 {
		return dst
	}
	if constant(part) {
		dst = binary.AppendUvarint(dst, uint64(len(part))<<1)
		return append(dst, binary.LittleEndian.AppendUint32(nil, part[0])[:(width+7)/8]...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(part)+7)/8<<1|1)
	return packPlaces(dst, part, width)
}

func constant(part []uint32) bool {
	for _, place := range part {
		if place != part[0] {
			return false
		}
	}
	return true
}

// packPlaces packs values of at most 32 bits, lowest bit first, up to whole groups of eight.
func packPlaces(dst []byte, part []uint32, width int) []byte {
	want := len(dst) + (len(part)+7)/8*width
	dst = slices.Grow(dst, want-len(dst)+8)
	var word uint64
	n := 0
	for _, place := range part {
		word |= uint64(place) << n
		if n += width; n >= 64 {
			dst = binary.LittleEndian.AppendUint64(dst, word)
			n -= 64
			word = uint64(place) >> (width - n)
		}
	}
	dst = binary.LittleEndian.AppendUint64(dst, word)
	for len(dst) < want {
		dst = append(dst, 0)
	}
	return dst[:want]
}

func (v *indexes) bounds(s span) (low, high []byte) {
	part := v.places[s.from:s.to]
	if v.sorted {
		return v.entries.at(int(part[0])), v.entries.at(int(part[len(part)-1]))
	}
	used := make([]uint64, v.entries.n/64+1)
	for _, place := range part {
		used[place>>6] |= 1 << (place & 63)
	}
	return v.entries.boundsOf(&v.typ, used)
}

// boundsOf are those of the entries whose bits are set, of which there is at least one.
func (e *entries) boundsOf(typ *leafType, used []uint64) (low, high []byte) {
	if typ.order == floating {
		return typ.integerBounds(e.numbers(typ, used))
	}
	first := true
	for w, word := range used {
		for ; word != 0; word &= word - 1 {
			value := e.at(w<<6 + bits.TrailingZeros64(word))
			if first || typ.order.compare(value, low) < 0 {
				low = value
			}
			if first || typ.order.compare(value, high) > 0 {
				high = value
			}
			first = false
		}
	}
	return low, high
}

// numbers are the entries whose bits are set, as integers or the bits of floats.
func (e *entries) numbers(typ *leafType, used []uint64) (list []int64) {
	for w, word := range used {
		for ; word != 0; word &= word - 1 {
			value := e.at(w<<6 + bits.TrailingZeros64(word))
			if typ.width() == 4 {
				list = append(list, int64(binary.LittleEndian.Uint32(value)))
			} else {
				list = append(list, int64(binary.LittleEndian.Uint64(value)))
			}
		}
	}
	return list
}
