package writers

import (
	"math/bits"
	"slices"

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

// numberValues encodes integers, or the bits of floats, by dictionary where that pays: where there are no more than a
// quarter as many entries as values. It keeps the values.
func numberValues[T int32 | int64](typ *leafType, list []T) values {
	entries, places, ok := distinctNumbers(list, min(1<<16, max(len(list)/4, 16)))
	if ok {
		return &indexes{typ: *typ, places: places, entries: numbersOf(typ, widened(entries))}
	}
	return integers{typ: *typ, values: widened(list)}
}

func widened[T int32 | int64](list []T) []int64 {
	if wide, ok := any(list).([]int64); ok {
		return wide
	}
	wide := make([]int64, len(list))
	for i, value := range list {
		wide[i] = int64(value)
	}
	return wide
}

// maxRange is the range of numbers up to which a table beats hashing.
const maxRange = 1 << 16

// distinctNumbers numbers values by their first appearance, unless there are more than limit different ones.
func distinctNumbers[T int32 | int64 | uint64](list []T, limit int) (entries []T, places []uint32, ok bool) {
	if len(list) == 0 {
		return nil, nil, true
	}
	least, most := slices.Min(list), slices.Max(list)
	places = make([]uint32, len(list))
	if span := uint64(most) - uint64(least); span < maxRange {
		seen := make([]uint32, span+1) // place+1
		for i, value := range list {
			at := &seen[uint64(value)-uint64(least)]
			if *at == 0 {
				entries = append(entries, value)
				*at = uint32(len(entries))
			}
			places[i] = *at - 1
		}
		return entries, places, len(entries) <= limit
	}
	return hashedNumbers(list, places, limit)
}

// hashedNumbers is distinctNumbers with open addressing.
func hashedNumbers[T int32 | int64 | uint64](list []T, places []uint32, limit int) (entries []T, _ []uint32, ok bool) {
	slots := make([]uint32, 1<<12) // place+1
	for i, value := range list {
		at := slotOf(slots, entries, value)
		if slots[at] == 0 {
			if len(entries) == limit {
				return nil, nil, false
			}
			entries = append(entries, value)
			slots[at] = uint32(len(entries))
		}
		places[i] = slots[at] - 1
		if 2*len(entries) > len(slots) {
			slots = make([]uint32, 4*len(slots))
			for place, entry := range entries {
				slots[slotOf(slots, entries, entry)] = uint32(place + 1)
			}
		}
	}
	return entries, places, true
}

// slotOf finds a value, or the free slot where it belongs. Nothing is beside an entry but what hashes alike, so growing
// puts entries that are not in yet into free slots.
func slotOf[T int32 | int64 | uint64](slots []uint32, entries []T, value T) int {
	shift := 64 - bits.Len(uint(len(slots)-1))
	at := int(uint64(value) * prime1 >> shift)
	for slots[at] != 0 && entries[slots[at]-1] != value {
		at = (at + 1) & (len(slots) - 1)
	}
	return at
}
