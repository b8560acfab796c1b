package pipeline

import (
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// sampleArrays are arrays of all exportable types, each with a null in the middle.
func sampleArrays(mem memory.Allocator) []arrow.Array {
	build := func(t arrow.DataType, values ...func(array.Builder)) arrow.Array {
		b := array.NewBuilder(mem, t)
		defer b.Release()
		for i, v := range values {
			if i == 1 {
				b.AppendNull()
			}
			v(b)
		}
		return b.NewArray()
	}
	fixed16 := &arrow.FixedSizeBinaryType{ByteWidth: 16}
	list := arrow.ListOf(arrow.BinaryTypes.String)
	return []arrow.Array{
		build(arrow.FixedWidthTypes.Boolean, func(b array.Builder) { b.(*array.BooleanBuilder).Append(true) }, func(b array.Builder) { b.(*array.BooleanBuilder).Append(false) }),
		build(arrow.PrimitiveTypes.Int8, func(b array.Builder) { b.(*array.Int8Builder).Append(-128) }, func(b array.Builder) { b.(*array.Int8Builder).Append(7) }),
		build(arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).Append(math.MinInt64) }, func(b array.Builder) { b.(*array.Int64Builder).Append(1) }),
		build(arrow.PrimitiveTypes.Uint64, func(b array.Builder) { b.(*array.Uint64Builder).Append(math.MaxUint64) }, func(b array.Builder) { b.(*array.Uint64Builder).Append(0) }),
		build(arrow.FixedWidthTypes.Float16, func(b array.Builder) { b.(*array.Float16Builder).Append(float16.New(1.5)) }, func(b array.Builder) { b.(*array.Float16Builder).Append(float16.New(-2)) }),
		build(arrow.PrimitiveTypes.Float32, func(b array.Builder) { b.(*array.Float32Builder).Append(0.1) }, func(b array.Builder) { b.(*array.Float32Builder).Append(-0.5) }),
		build(arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(math.Inf(1)) }, func(b array.Builder) { b.(*array.Float64Builder).Append(0.1) }),
		build(arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).Append("") }, func(b array.Builder) { b.(*array.StringBuilder).Append("né") }),
		build(arrow.BinaryTypes.Binary, func(b array.Builder) { b.(*array.BinaryBuilder).Append([]byte{0, 255}) }, func(b array.Builder) { b.(*array.BinaryBuilder).Append([]byte{}) }),
		build(fixed16, func(b array.Builder) { b.(*array.FixedSizeBinaryBuilder).Append(make([]byte, 16)) }, func(b array.Builder) { b.(*array.FixedSizeBinaryBuilder).Append([]byte("0123456789abcdef")) }),
		build(arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).Append(-1) }, func(b array.Builder) { b.(*array.Date32Builder).Append(20000) }),
		build(arrow.FixedWidthTypes.Timestamp_us, func(b array.Builder) { b.(*array.TimestampBuilder).Append(math.MaxInt64) }, func(b array.Builder) { b.(*array.TimestampBuilder).Append(-5) }),
		build(&arrow.Decimal128Type{Precision: 29, Scale: 2}, func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.FromI64(-1234567)) },
			func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.New(5, 6)) }),
		build(list, func(b array.Builder) {
			l := b.(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().(*array.StringBuilder).Append("vip")
			l.ValueBuilder().AppendNull()
		}, func(b array.Builder) { b.(*array.ListBuilder).Append(true) }),
	}
}

func TestExportValuesComeBackAsTheyWere(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	for _, col := range sampleArrays(mem) {
		if !exportable(col.DataType()) {
			t.Errorf("%s is not exportable", col.DataType())
		}
		b := array.NewBuilder(mem, col.DataType())
		for i := range col.Len() {
			if rest := buildValue(b, appendValue(nil, col, i)); len(rest) != 0 {
				t.Errorf("%s: %d bytes left", col.DataType(), len(rest))
			}
		}
		back := b.NewArray()
		if !array.Equal(col, back) {
			t.Errorf("%s: %v came back as %v", col.DataType(), col, back)
		}
		back.Release()
		b.Release()
		col.Release()
	}
}
