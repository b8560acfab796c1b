package readers

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// lookUp makes a plain array of a dictionary array, whose dictionary has no nulls.
func lookUp(mem memory.Allocator, d *array.Dictionary) (arrow.Array, error) {
	valid, missing := validity(mem, d), d.NullN()
	defer release(valid)
	values, indexes := d.Dictionary(), indexesOf(d)
	if missing > 0 {
		indexes = withoutNulls(d, indexes)
	}
	var dense []*memory.Buffer
	switch t := values.DataType().(type) {
	case *arrow.StringType, *arrow.BinaryType:
		dense = lookUpTexts(mem, values.Data(), indexes)
	case *arrow.BooleanType:
		dense = lookUpBits(mem, values.(*array.Boolean), indexes)
	case arrow.FixedWidthDataType:
		dense = lookUpFixed(mem, values.Data(), t.BitWidth()/8, indexes)
	default:
		return nil, fmt.Errorf("a dictionary of %s", t)
	}
	flat := makeArray(values.DataType(), len(indexes), 0, dense...)
	defer flat.Release()
	return expand(mem, flat, valid, d.Len(), missing)
}

// validity is the bitmap of an array, from its first row on; nil if it has no nulls.
func validity(mem memory.Allocator, a arrow.Array) *memory.Buffer {
	if a.NullN() == 0 {
		return nil
	}
	valid := zeroBuffer(mem, (a.Len()+7)/8)
	copyBits(valid.Bytes(), 0, a.NullBitmapBytes(), a.Data().Offset(), a.Len())
	return valid
}

func withoutNulls(d *array.Dictionary, indexes []int32) []int32 {
	out := make([]int32, 0, len(indexes))
	for i, index := range indexes {
		if d.IsValid(i) {
			out = append(out, index)
		}
	}
	return out
}

func lookUpTexts(mem memory.Allocator, d arrow.ArrayData, indexes []int32) []*memory.Buffer {
	var at []int32
	var from []byte
	if d.Len() > 0 {
		at, from = viewOf[int32](d.Buffers()[1].Bytes())[d.Offset():], d.Buffers()[2].Bytes()
	}
	offsets, total := newBuffer(mem, 4*(len(indexes)+1)), int32(0)
	ends := viewOf[int32](offsets.Bytes())
	ends[0] = 0
	for i, index := range indexes {
		total += at[index+1] - at[index]
		ends[i+1] = total
	}
	data := newBuffer(mem, int(total))
	to := data.Bytes()
	for i, index := range indexes {
		copy(to[ends[i]:], from[at[index]:at[index+1]])
	}
	return []*memory.Buffer{offsets, data}
}

func lookUpBits(mem memory.Allocator, values *array.Boolean, indexes []int32) []*memory.Buffer {
	out := zeroBuffer(mem, (len(indexes)+7)/8)
	to := out.Bytes()
	for i, index := range indexes {
		to[i>>3] |= byte(oneIf(values.Value(int(index)))) << (i & 7)
	}
	return []*memory.Buffer{out}
}

func lookUpFixed(mem memory.Allocator, d arrow.ArrayData, width int, indexes []int32) []*memory.Buffer {
	from, out := fixedBytes(d, width), newBuffer(mem, len(indexes)*width)
	to := out.Bytes()
	for i, index := range indexes {
		copy(to[i*width:(i+1)*width], from[int(index)*width:])
	}
	return []*memory.Buffer{out}
}
