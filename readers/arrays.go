package readers

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// makeDictionary makes a dictionary array and hands its buffers over to it. The dictionary is shared.
func makeDictionary(t *arrow.DictionaryType, n int, indexes, valid *memory.Buffer, nulls int, dictionary arrow.Array) arrow.Array {
	data := array.NewDataWithDictionary(t, n, []*memory.Buffer{valid, indexes}, nulls, 0, dictionary.Data().(*array.Data))
	defer data.Release()
	indexes.Release()
	if valid != nil {
		valid.Release()
	}
	return array.NewDictionaryData(data)
}

// copyArray copies an array out of memory that others own.
func copyArray(a arrow.Array) (arrow.Array, error) {
	return array.Concatenate([]arrow.Array{a}, memory.DefaultAllocator)
}

// validity packs which entries of a page are there into a bitmap. It returns how many are not.
func validity(def []byte, level byte) (bitmap []byte, nulls int) {
	bitmap = make([]byte, bitutil.BytesForBits(int64(len(def))))
	present := 0
	for i, l := range def {
		if l == level {
			bitmap[i>>3] |= 1 << (i & 7)
			present++
		}
	}
	return bitmap, len(def) - present
}

// expand spreads a dense array over the n entries that a bitmap says are there, and makes the others null. Slots of nulls
// hold zeros. It returns another reference to dense where there are no nulls.
func expand(dense arrow.Array, valid []byte, n, nulls int) (arrow.Array, error) {
	if nulls == 0 {
		dense.Retain()
		return dense, nil
	}
	bitmap := memory.NewBufferBytes(valid)
	if d, ok := dense.(*array.Dictionary); ok {
		indexes := d.Indices().Data()
		spread := spreadFixed(fixedBytes(indexes, 4), 4, valid, n)
		return makeDictionary(dense.DataType().(*arrow.DictionaryType), n, memory.NewBufferBytes(spread), bitmap, nulls, d.Dictionary()), nil
	}
	var buffers []*memory.Buffer
	switch t := dense.DataType().(type) {
	case *arrow.NullType:
		return array.NewNull(n), nil
	case *arrow.StringType, *arrow.BinaryType:
		buffers = spreadTexts(dense.Data(), valid, n)
	case *arrow.BooleanType:
		buffers = []*memory.Buffer{memory.NewBufferBytes(spreadBits(dense.(*array.Boolean), valid, n))}
	case arrow.FixedWidthDataType:
		width := t.BitWidth() / 8
		buffers = []*memory.Buffer{memory.NewBufferBytes(spreadFixed(fixedBytes(dense.Data(), width), width, valid, n))}
	default:
		return nil, fmt.Errorf("nulls in %s", t)
	}
	data := array.NewData(dense.DataType(), n, append([]*memory.Buffer{bitmap}, buffers...), nil, nulls, 0)
	defer data.Release()
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
func spreadFixed(dense []byte, width int, valid []byte, n int) []byte {
	switch width {
	case 4:
		return bytesOf(spread(view[uint32](dense), valid, n))
	case 8:
		return bytesOf(spread(view[uint64](dense), valid, n))
	}
	out := make([]byte, n*width)
	at := 0
	for i := range n {
		if valid[i>>3]>>(i&7)&1 != 0 {
			copy(out[i*width:(i+1)*width], dense[at:])
			at += width
		}
	}
	return out
}

func view[T uint32 | uint64](data []byte) []T {
	if len(data) == 0 {
		return nil
	}
	return unsafeView[T](data)
}

// spread puts the next dense value into every slot and moves on only where the slot is valid: no branch to mispredict. What
// is left in the others is the value that follows, which nobody reads.
func spread[T uint32 | uint64](dense []T, valid []byte, n int) []T {
	out := make([]T, n)
	if len(dense) == 0 {
		return out
	}
	at, last := 0, len(dense)-1
	for i := range out {
		out[i] = dense[min(at, last)]
		at += int(valid[i>>3] >> (i & 7) & 1)
	}
	return out
}

func spreadBits(dense *array.Boolean, valid []byte, n int) []byte {
	out := make([]byte, bitutil.BytesForBits(int64(n)))
	at := 0
	for i := range n {
		if valid[i>>3]>>(i&7)&1 != 0 {
			if dense.Value(at) {
				out[i>>3] |= 1 << (i & 7)
			}
			at++
		}
	}
	return out
}

// spreadTexts spreads the offsets; the bytes stay where they are.
func spreadTexts(d arrow.ArrayData, valid []byte, n int) []*memory.Buffer {
	offsets := []int32{0}
	var data *memory.Buffer
	if d.Len() > 0 {
		offsets = arrow.Int32Traits.CastFromBytes(d.Buffers()[1].Bytes())[d.Offset() : d.Offset()+d.Len()+1]
		data = d.Buffers()[2]
	}
	if data == nil {
		data = memory.NewBufferBytes(nil)
	} else {
		data.Retain()
	}
	out := make([]int32, n+1)
	at := 0
	out[0] = offsets[0]
	for i := range n {
		at += int(valid[i>>3] >> (i & 7) & 1)
		out[i+1] = offsets[at]
	}
	return []*memory.Buffer{memory.NewBufferBytes(bytesOf(out)), data}
}
