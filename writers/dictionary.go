package writers

import (
	"github.com/parquet-go/parquet-go/bloom/xxhash"
)

// Limits of dictionaries. Whether one pays is seen from the values alone, so that the same column always looks the same.
const (
	dictionaryEntries = 1 << 18 // entries at most
	dictionaryBytes   = 4 << 20 // bytes of the entries at most
	dictionaryTrial   = 4096    // values after which a dictionary with hardly a repeat is given up
)

// A distinct numbers values by their first appearance.
type distinct struct {
	slots    []uint32 // place+1 by hash, open addressing
	hashes   []uint32
	list     [][]byte
	bytes    int
	maxBytes int
}

func newDistinct(maxBytes int) *distinct {
	return &distinct{slots: make([]uint32, 1024), maxBytes: maxBytes}
}

// place returns the number of a value; a new one is kept as keep makes it, for the caller may use its bytes again.
func (d *distinct) place(value []byte, keep func([]byte) []byte) uint32 {
	hash := uint32(xxhash.Sum64(value))
	mask := uint32(len(d.slots) - 1)
	at := hash & mask
	for ; d.slots[at] != 0; at = (at + 1) & mask {
		if have := d.slots[at] - 1; d.hashes[have] == hash && string(d.list[have]) == string(value) {
			return have
		}
	}
	d.list, d.hashes = append(d.list, keep(value)), append(d.hashes, hash)
	d.slots[at] = uint32(len(d.list))
	d.bytes += len(value) + 4
	if 2*len(d.list) > len(d.slots) {
		d.grow()
	}
	return uint32(len(d.list) - 1)
}

func (d *distinct) grow() {
	d.slots = make([]uint32, 4*len(d.slots))
	mask := uint32(len(d.slots) - 1)
	for place, hash := range d.hashes {
		at := hash & mask
		for d.slots[at] != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = uint32(place + 1)
	}
}

// hopeless tells after so many values that a dictionary will not pay.
func (d *distinct) hopeless(values int) bool {
	return len(d.list) > dictionaryEntries || d.bytes > d.maxBytes || (values == dictionaryTrial && len(d.list) > dictionaryTrial*3/4)
}

// smaller tells whether entries and places take less than the values themselves would.
func (d *distinct) smaller(values, valueBytes int) bool {
	return len(d.list) > 0 && d.bytes+values*indexWidth(len(d.list))/8 < valueBytes
}

func keepAsIs(value []byte) []byte { return value }

// stringValues encodes byte strings by dictionary where that pays. It keeps the values.
func stringValues(typ *leafType, list [][]byte, maxBytes int) values {
	plain := byteStrings{typ: *typ, values: list}
	d, places, total := newDistinct(maxBytes), make([]uint32, 0, len(list)), 0
	for i, value := range list {
		places = append(places, d.place(value, keepAsIs))
		total += len(value)
		if d.hopeless(i + 1) {
			return plain
		}
	}
	if !d.smaller(len(list), total) {
		return plain
	}
	return &indexes{typ: *typ, places: places, entries: entriesOf(typ, d.list)}
}

// numberValues encodes integers, or the bits of floats, by dictionary where that pays. It keeps the values.
func numberValues(typ *leafType, list []int64) values {
	plain := integers{typ: *typ, values: list}
	seen, entries, places := map[int64]uint32{}, []int64(nil), make([]uint32, 0, len(list))
	limit := max(len(list)/4, 16)
	for _, value := range list {
		place, ok := seen[value]
		if !ok {
			place = uint32(len(entries))
			seen[value], entries = place, append(entries, value)
		}
		places = append(places, place)
		if len(entries) > min(limit, 1<<16) {
			return plain
		}
	}
	return &indexes{typ: *typ, places: places, entries: numbersOf(typ, entries)}
}
