package pipeline

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Export columns travel through the exchange value by value: 0 for a null, else 1 and the value. Fixed widths are little
// endian, texts and bytes have their length before them (an unsigned varint), lists the number of their elements.

// exportable tells whether a column's type can travel.
func exportable(t arrow.DataType) bool {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return exportable(t.ValueType)
	case *arrow.ListType:
		return exportable(t.Elem())
	case *arrow.BooleanType, *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Uint8Type, *arrow.Uint16Type,
		*arrow.Uint32Type, *arrow.Uint64Type, *arrow.Float16Type, *arrow.Float32Type, *arrow.Float64Type, *arrow.StringType, *arrow.BinaryType,
		*arrow.FixedSizeBinaryType, *arrow.Date32Type, *arrow.TimestampType, *arrow.Decimal128Type:
		return true
	}
	return false
}

// appendValue appends value i of an array of an exportable type.
func appendValue(dst []byte, col arrow.Array, i int) []byte {
	if col.IsNull(i) {
		return append(dst, 0)
	}
	if d, ok := col.(*array.Dictionary); ok {
		return appendValue(dst, d.Dictionary(), d.GetValueIndex(i))
	}
	dst = append(dst, 1)
	switch col := col.(type) {
	case *array.String:
		return appendField(dst, col.Value(i))
	case *array.Binary:
		return append(binary.AppendUvarint(dst, uint64(len(col.Value(i)))), col.Value(i)...)
	case *array.FixedSizeBinary:
		return append(dst, col.Value(i)...)
	case *array.List:
		return appendList(dst, col, i)
	default:
		return appendFixed(dst, col, i)
	}
}

func appendList(dst []byte, col *array.List, i int) []byte {
	start, end := col.ValueOffsets(i)
	dst = binary.AppendUvarint(dst, uint64(end-start))
	for at := start; at < end; at++ {
		dst = appendValue(dst, col.ListValues(), int(at))
	}
	return dst
}

func appendFixed(dst []byte, col arrow.Array, i int) []byte {
	le := binary.LittleEndian
	switch col := col.(type) {
	case *array.Boolean:
		if col.Value(i) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case *array.Decimal128:
		return le.AppendUint64(le.AppendUint64(dst, col.Value(i).LowBits()), uint64(col.Value(i).HighBits()))
	default:
		return le.AppendUint64(dst, fixedBits(col, i))
	}
}

// fixedBits is a number of up to 64 bits, as bits.
func fixedBits(col arrow.Array, i int) uint64 {
	switch col := col.(type) {
	case *array.Int8:
		return uint64(col.Value(i))
	case *array.Int16:
		return uint64(col.Value(i))
	case *array.Int32:
		return uint64(col.Value(i))
	case *array.Int64:
		return uint64(col.Value(i))
	case *array.Uint8:
		return uint64(col.Value(i))
	case *array.Uint16:
		return uint64(col.Value(i))
	case *array.Uint32:
		return uint64(col.Value(i))
	case *array.Uint64:
		return col.Value(i)
	case *array.Float16:
		return uint64(col.Value(i).Uint16())
	case *array.Float32:
		return uint64(math.Float32bits(col.Value(i)))
	case *array.Float64:
		return math.Float64bits(col.Value(i))
	case *array.Date32:
		return uint64(col.Value(i))
	case *array.Timestamp:
		return uint64(col.Value(i))
	}
	panic(fmt.Sprintf("no fixed bits in %s", col.DataType())) // exportable let it through: a bug
}

// plainType is a type as the membership table shows it: dictionaries are an encoding, not a type.
func plainType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return t.ValueType
	case *arrow.ListType:
		return arrow.ListOf(plainType(t.Elem()))
	}
	return t
}

// payloads decodes the export columns of n users from the values of each. The caller releases them.
func payloads(mem memory.Allocator, types []arrow.DataType, n int, values func(i int) []byte) []arrow.Array {
	builders := make([]array.Builder, len(types))
	for i, t := range types {
		builders[i] = array.NewBuilder(mem, plainType(t))
		builders[i].Reserve(n)
	}
	for i := range n {
		value := values(i)
		for _, b := range builders {
			value = buildValue(b, value)
		}
	}
	columns := make([]arrow.Array, len(builders))
	for i, b := range builders {
		columns[i] = b.NewArray()
		b.Release()
	}
	return columns
}

// buildValue appends the first value of data to a builder and returns the rest.
func buildValue(b array.Builder, data []byte) []byte {
	present, data := data[0], data[1:]
	if present == 0 {
		b.AppendNull()
		return data
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		text, rest := field(data)
		b.Append(string(text))
		return rest
	case *array.BinaryBuilder:
		value, rest := field(data)
		b.Append(value)
		return rest
	case *array.FixedSizeBinaryBuilder:
		width := b.Type().(*arrow.FixedSizeBinaryType).ByteWidth
		b.Append(data[:width])
		return data[width:]
	case *array.ListBuilder:
		return buildList(b, data)
	case *array.BooleanBuilder:
		b.Append(data[0] == 1)
		return data[1:]
	case *array.Decimal128Builder:
		b.Append(decimal128.New(int64(binary.LittleEndian.Uint64(data[8:])), binary.LittleEndian.Uint64(data)))
		return data[16:]
	default:
		buildFixed(b, binary.LittleEndian.Uint64(data))
		return data[8:]
	}
}

func buildList(b *array.ListBuilder, data []byte) []byte {
	n, width := binary.Uvarint(data)
	data = data[width:]
	b.Append(true)
	for range n {
		data = buildValue(b.ValueBuilder(), data)
	}
	return data
}

func buildFixed(b array.Builder, v uint64) {
	switch b := b.(type) {
	case *array.Int8Builder:
		b.Append(int8(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(int64(v))
	case *array.Uint8Builder:
		b.Append(uint8(v))
	case *array.Uint16Builder:
		b.Append(uint16(v))
	case *array.Uint32Builder:
		b.Append(uint32(v))
	case *array.Uint64Builder:
		b.Append(v)
	case *array.Float16Builder:
		b.Append(float16.FromBits(uint16(v)))
	case *array.Float32Builder:
		b.Append(math.Float32frombits(uint32(v)))
	case *array.Float64Builder:
		b.Append(math.Float64frombits(v))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v))
	}
}

// field splits off bytes with their length before them.
func field(data []byte) (value, rest []byte) {
	n, width := binary.Uvarint(data)
	return data[width : width+int(n)], data[width+int(n):]
}
