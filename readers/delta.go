package readers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// The delta encodings, bounded: no more values than the page header promises, no more bytes than a page may have.

var errShortDeltas = errors.New("the deltas end early")

// deltas decodes DELTA_BINARY_PACKED: blocks of miniblocks of packed differences. It returns the values, at most limit and of at most
// mostBytes, and what follows them in src.
func deltas[T int32 | int64](src []byte, limit, mostBytes int) (values []T, rest []byte, err error) {
	var header [3]uint64
	for i := range header {
		n := 0
		if header[i], n = binary.Uvarint(src); n <= 0 {
			return nil, nil, errShortDeltas
		}
		src = src[n:]
	}
	first, n := binary.Varint(src)
	if n <= 0 {
		return nil, nil, errShortDeltas
	}
	src = src[n:]
	block, minis, count := header[0], header[1], header[2]
	if minis == 0 || block == 0 || block > 1<<20 || block%minis != 0 || block/minis%8 != 0 {
		return nil, nil, fmt.Errorf("blocks of %d values in %d parts", block, minis)
	}
	if count > uint64(limit) {
		return nil, nil, fmt.Errorf("%d deltas where the page header says %d values", count, limit)
	}
	if count > uint64(mostBytes/sizeOf[T]()) { // a few bytes can stand for a million equal steps
		return nil, nil, fmt.Errorf("a page unpacks to %d values, more than the limit of %d bytes; write smaller pages", count, mostBytes)
	}
	if count == 0 {
		return nil, src, nil
	}
	values = append(make([]T, 0, min(int(count), 16*len(src)+1)), T(first))
	for len(values) < int(count) {
		if values, src, err = deltaBlock(values, src, int(count), int(minis), int(block/minis)); err != nil {
			return nil, nil, err
		}
	}
	return values, src, nil
}

// deltaBlock appends the values of one block.
func deltaBlock[T int32 | int64](values []T, src []byte, count, minis, miniValues int) ([]T, []byte, error) {
	least, n := binary.Varint(src)
	if n <= 0 || len(src)-n < minis {
		return nil, nil, errShortDeltas
	}
	widths, src := src[n:n+minis], src[n+minis:]
	for _, width := range widths {
		take := min(count-len(values), miniValues)
		if take == 0 {
			break
		}
		size := miniValues / 8 * int(width)
		if width > 64 {
			return nil, nil, fmt.Errorf("deltas of %d bits", width)
		}
		if size > len(src) {
			if size = (take*int(width) + 7) / 8; size > len(src) { // the last one may be cut off where it is not used
				return nil, nil, errShortDeltas
			}
		}
		last := values[len(values)-1]
		for i := range take {
			last += T(least) + T(packedAt(src[:size], i*int(width), uint(width)))
			values = append(values, last)
		}
		src = src[size:]
	}
	return values, src, nil
}

// packedAt reads a number of up to 64 bits.
func packedAt(src []byte, bit int, width uint) uint64 {
	if width == 0 {
		return 0
	}
	at, shift := bit>>3, uint(bit&7)
	mask := ^uint64(0) >> (64 - width)
	if at+9 <= len(src) {
		return (binary.LittleEndian.Uint64(src[at:])>>shift | uint64(src[at+8])<<1<<(63-shift)) & mask
	}
	var tail [9]byte
	copy(tail[:], src[at:])
	return (binary.LittleEndian.Uint64(tail[:])>>shift | uint64(tail[8])<<1<<(63-shift)) & mask
}

// deltaLengths decodes DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes, which the texts share.
func deltaLengths(mem memory.Allocator, data *memory.Buffer, limit, mostBytes int) (*texts, error) {
	lengths, rest, err := deltas[int32](data.Bytes(), limit, mostBytes)
	if err != nil {
		return nil, err
	}
	offsets := newBuffer(mem, 4*(len(lengths)+1))
	at := viewOf[int32](offsets.Bytes())
	at[0] = 0
	for i, n := range lengths {
		if n < 0 || int(n) > len(rest)-int(at[i]) {
			offsets.Release()
			return nil, fmt.Errorf("text %d of %d bytes where the page has %d left", i, n, len(rest)-int(at[i]))
		}
		at[i+1] = at[i] + n
	}
	return &texts{data: memory.SliceBuffer(data, data.Len()-len(rest), len(rest)), offsets: offsets, n: len(lengths)}, nil
}

// deltaTexts decodes DELTA_BYTE_ARRAY: each value is a part of the one before and what follows it.
func deltaTexts(mem memory.Allocator, data *memory.Buffer, limit, mostBytes int) (*texts, error) {
	prefixes, rest, err := deltas[int32](data.Bytes(), limit, mostBytes)
	if err != nil {
		return nil, err
	}
	suffixes, rest, err := deltas[int32](rest, limit, mostBytes)
	if err != nil {
		return nil, err
	}
	total, err := deltaTotal(prefixes, suffixes, len(rest), mostBytes)
	if err != nil {
		return nil, err
	}
	out, offsets := newBuffer(mem, total), newBuffer(mem, 4*(len(prefixes)+1))
	to, at := out.Bytes(), viewOf[int32](offsets.Bytes())
	at[0] = 0
	for i, prefix := range prefixes {
		begin, last := at[i], at[max(i-1, 0)]
		copy(to[begin:begin+prefix], to[last:])
		copy(to[begin+prefix:], rest[:suffixes[i]])
		rest = rest[suffixes[i]:]
		at[i+1] = begin + prefix + suffixes[i]
	}
	return &texts{data: out, offsets: offsets, n: len(prefixes)}, nil
}

// deltaTotal checks lengths and adds them up.
func deltaTotal(prefixes, suffixes []int32, have, mostBytes int) (int, error) {
	if len(prefixes) != len(suffixes) {
		return 0, fmt.Errorf("%d prefixes and %d suffixes", len(prefixes), len(suffixes))
	}
	total, last := 0, 0
	for i, prefix := range prefixes {
		suffix := suffixes[i]
		if prefix < 0 || int(prefix) > last || suffix < 0 || int(suffix) > have {
			return 0, fmt.Errorf("text %d is said to share %d bytes with one of %d and to add %d of %d", i, prefix, last, suffix, have)
		}
		have -= int(suffix)
		last = int(prefix) + int(suffix)
		if total += last; total > min(mostBytes, math.MaxInt32) {
			return 0, fmt.Errorf("a page unpacks to more than the limit of %d bytes; write smaller pages", mostBytes)
		}
	}
	return total, nil
}

// unsplit decodes BYTE_STREAM_SPLIT: the first bytes of all values, then all second ones.
func unsplit(mem memory.Allocator, data *memory.Buffer, width int) *memory.Buffer {
	src := data.Bytes()
	n := len(src) / width
	out := newBuffer(mem, n*width)
	dst := out.Bytes()
	for k := range width {
		for i, b := range src[k*n : (k+1)*n] {
			dst[i*width+k] = b
		}
	}
	return out
}
