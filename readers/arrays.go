package readers

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// makeDictionary makes a dictionary array and takes its buffers over. The dictionary is shared.
func makeDictionary(t *arrow.DictionaryType, n int, indexes, valid *memory.Buffer, nulls int, dictionary arrow.Array) arrow.Array {
	data := array.NewDataWithDictionary(t, n, []*memory.Buffer{valid, indexes}, nulls, 0, dictionary.Data().(*array.Data))
	defer data.Release()
	release(indexes, valid)
	return array.NewDictionaryData(data)
}

// expand spreads a dense array over the n entries that a bitmap says are there, and makes the others null. Slots of nulls
// hold zeros. It returns another reference to dense where there are no nulls; the bitmap stays the caller's.
func expand(mem memory.Allocator, dense arrow.Array, valid *memory.Buffer, n, nulls int) (arrow.Array, error) {
	if nulls == 0 || dense.DataType().ID() == arrow.NULL {
		if nulls == 0 {
			dense.Retain()
			return dense, nil
		}
		return array.NewNull(n), nil
	}
	if d, ok := dense.(*array.Dictionary); ok {
		indexes := newBuffer(mem, 4*n)
		spread(viewOf[uint32](indexes.Bytes()), viewOf[uint32](fixedBytes(d.Indices().Data(), 4)), valid.Bytes())
		valid.Retain()
		return makeDictionary(d.DataType().(*arrow.DictionaryType), n, indexes, valid, nulls, d.Dictionary()), nil
	}
	var buffers []*memory.Buffer
	switch t := dense.DataType().(type) {
	case *arrow.StringType, *arrow.BinaryType:
		buffers = spreadTexts(mem, dense.Data(), valid.Bytes(), n)
	case *arrow.BooleanType:
		buffers = []*memory.Buffer{spreadBits(mem, dense.(*array.Boolean), valid.Bytes(), n)}
	case arrow.FixedWidthDataType:
		buffers = []*memory.Buffer{spreadFixed(mem, dense.Data(), t.BitWidth()/8, valid.Bytes(), n)}
	default:
		return nil, fmt.Errorf("nulls in %s", t)
	}
	data := array.NewData(dense.DataType(), n, append([]*memory.Buffer{valid}, buffers...), nil, nulls, 0)
	defer data.Release()
	release(buffers...)
	return array.MakeFromData(data), nil
}

// fixedBytes is the memory of an array's values.
func fixedBytes(d arrow.ArrayData, width int) []byte {
	if d.Len() == 0 || d.Buffers()[1] == nil {
		return nil
	}
	return d.Buffers()[1].Bytes()[d.Offset()*width : (d.Offset()+d.Len())*width]
}

// spreadFixed spreads values of a width in bytes.
func spreadFixed(mem memory.Allocator, d arrow.ArrayData, width int, valid []byte, n int) *memory.Buffer {
	dense, out := fixedBytes(d, width), newBuffer(mem, n*width)
	switch width {
	case 4:
		spread(viewOf[uint32](out.Bytes()), viewOf[uint32](dense), valid)
		return out
	case 8:
		spread(viewOf[uint64](out.Bytes()), viewOf[uint64](dense), valid)
		return out
	}
	to := out.Bytes()
	clear(to)
	for i := range n {
		if valid[i>>3]>>(i&7)&1 != 0 {
			copy(to[i*width:(i+1)*width], dense)
			dense = dense[width:]
		}
	}
	return out
}

// spread puts dense values into the slots whose bit is set, and zeros into the others: 64 slots at a time, and where they are mixed,
// the next value goes into every slot, blanked where there is none, so that no branch can be mispredicted.
func spread[T uint32 | uint64](dst, dense []T, valid []byte) {
	for ; len(dst) >= 64; dst, valid = dst[64:], valid[8:] {
		switch word := binary.LittleEndian.Uint64(valid); {
		case word == math.MaxUint64:
			copy(dst[:64], dense[:64])
			dense = dense[64:]
		case word == 0:
			clear(dst[:64])
		case len(dense) >= 64:
			dense = dense[spreadWord((*[64]T)(dst), (*[64]T)(dense), word):]
		default:
			dense = spreadSlow(dst[:64], dense, valid)
		}
	}
	spreadSlow(dst, dense, valid)
}

func spreadWord[T uint32 | uint64](dst, dense *[64]T, word uint64) int {
	at := 0
	for i := range dst {
		bit := word & 1
		dst[i] = dense[at&63] & -T(bit)
		at += int(bit)
		word >>= 1
	}
	return at
}

func spreadSlow[T uint32 | uint64](dst, dense []T, valid []byte) []T {
	for i := range dst {
		dst[i] = 0
		if valid[i>>3]>>(i&7)&1 != 0 {
			dst[i], dense = dense[0], dense[1:]
		}
	}
	return dense
}

func spreadBits(mem memory.Allocator, dense *array.Boolean, valid []byte, n int) *memory.Buffer {
	out := zeroBuffer(mem, (n+7)/8)
	to, at := out.Bytes(), 0
	for i := range n {
		if valid[i>>3]>>(i&7)&1 != 0 {
			if dense.Value(at) {
				to[i>>3] |= 1 << (i & 7)
			}
			at++
		}
	}
	return out
}

// spreadTexts spreads the offsets; the bytes stay where they are.
func spreadTexts(mem memory.Allocator, d arrow.ArrayData, valid []byte, n int) []*memory.Buffer {
	offsets, data := []int32{0}, memory.NewBufferBytes(nil)
	if d.Len() > 0 {
		offsets = viewOf[int32](d.Buffers()[1].Bytes())[d.Offset() : d.Offset()+d.Len()+1]
		data = d.Buffers()[2]
	}
	out := newBuffer(mem, 4*(n+1))
	to, at := viewOf[int32](out.Bytes()), 0
	to[0] = offsets[0]
	for i := range n {
		at += int(valid[i>>3] >> (i & 7) & 1)
		to[i+1] = offsets[at]
	}
	data.Retain()
	return []*memory.Buffer{out, data}
}
