package readers

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// lookUp makes a plain array of a dictionary array.
func lookUp(mem memory.Allocator, d *array.Dictionary) (arrow.Array, error) {
	builder := array.NewBuilder(mem, d.Dictionary().DataType())
	defer builder.Release()
	builder.Reserve(d.Len())
	for i := range d.Len() {
		if d.IsNull(i) {
			builder.AppendNull()
			continue
		}
		if err := appendFrom(builder, d.Dictionary(), d.GetValueIndex(i)); err != nil {
			return nil, err
		}
	}
	return builder.NewArray(), nil
}

// appendFrom appends value i of an array to a builder of its type.
func appendFrom(b array.Builder, a arrow.Array, i int) error {
	switch a := a.(type) {
	case *array.String:
		b.(*array.StringBuilder).Append(a.Value(i))
	case *array.Binary:
		b.(*array.BinaryBuilder).Append(a.Value(i))
	case *array.FixedSizeBinary:
		b.(*array.FixedSizeBinaryBuilder).Append(a.Value(i))
	case *array.Boolean:
		b.(*array.BooleanBuilder).Append(a.Value(i))
	case *array.Int8:
		b.(*array.Int8Builder).Append(a.Value(i))
	case *array.Int16:
		b.(*array.Int16Builder).Append(a.Value(i))
	case *array.Int32:
		b.(*array.Int32Builder).Append(a.Value(i))
	case *array.Int64:
		b.(*array.Int64Builder).Append(a.Value(i))
	case *array.Uint8:
		b.(*array.Uint8Builder).Append(a.Value(i))
	case *array.Uint16:
		b.(*array.Uint16Builder).Append(a.Value(i))
	case *array.Uint32:
		b.(*array.Uint32Builder).Append(a.Value(i))
	case *array.Uint64:
		b.(*array.Uint64Builder).Append(a.Value(i))
	case *array.Float16:
		b.(*array.Float16Builder).Append(a.Value(i))
	case *array.Float32:
		b.(*array.Float32Builder).Append(a.Value(i))
	case *array.Float64:
		b.(*array.Float64Builder).Append(a.Value(i))
	case *array.Date32:
		b.(*array.Date32Builder).Append(a.Value(i))
	case *array.Timestamp:
		b.(*array.TimestampBuilder).Append(a.Value(i))
	case *array.Decimal128:
		b.(*array.Decimal128Builder).Append(a.Value(i))
	default:
		return fmt.Errorf("a dictionary of %s", a.DataType())
	}
	return nil
}
