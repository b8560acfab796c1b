package readers

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// wider returns the narrowest type that holds all values of both; nil where there is none.
func wider(a, b arrow.DataType) arrow.DataType {
	if sameShape(a, b) {
		return a
	}
	if a.ID() == arrow.NULL {
		return b
	}
	if b.ID() == arrow.NULL {
		return a
	}
	if arrow.IsInteger(a.ID()) && arrow.IsInteger(b.ID()) {
		return widerInt(a, b)
	}
	if arrow.IsFloating(a.ID()) && arrow.IsFloating(b.ID()) {
		if a.(arrow.FixedWidthDataType).BitWidth() > b.(arrow.FixedWidthDataType).BitWidth() {
			return a
		}
		return b
	}
	if a.ID() == b.ID() && arrow.IsNested(a.ID()) {
		return widerNested(a, b)
	}
	return widerScaled(a, b)
}

func widerInt(a, b arrow.DataType) arrow.DataType {
	bitsA, bitsB := a.(arrow.FixedWidthDataType).BitWidth(), b.(arrow.FixedWidthDataType).BitWidth()
	signedA, signedB := arrow.IsSignedInteger(a.ID()), arrow.IsSignedInteger(b.ID())
	if signedA == signedB {
		if bitsA > bitsB {
			return a
		}
		return b
	}
	unsigned, signed := bitsA, b
	if signedA {
		unsigned, signed = bitsB, a
	}
	switch {
	case signed.(arrow.FixedWidthDataType).BitWidth() > unsigned:
		return signed
	case unsigned < 64:
		return map[int]arrow.DataType{8: arrow.PrimitiveTypes.Int16, 16: arrow.PrimitiveTypes.Int32, 32: arrow.PrimitiveTypes.Int64}[unsigned]
	}
	return nil
}

// widerScaled joins timestamps of two units, and decimals of two precisions.
func widerScaled(a, b arrow.DataType) arrow.DataType {
	switch a := a.(type) {
	case *arrow.TimestampType:
		if b, ok := b.(*arrow.TimestampType); ok && a.TimeZone == b.TimeZone {
			return &arrow.TimestampType{Unit: max(a.Unit, b.Unit), TimeZone: a.TimeZone}
		}
	case *arrow.Decimal128Type:
		if b, ok := b.(*arrow.Decimal128Type); ok && a.Scale == b.Scale {
			return &arrow.Decimal128Type{Precision: max(a.Precision, b.Precision), Scale: a.Scale}
		}
	}
	return nil
}

// sameShape tells whether two types differ in nothing but what may be null.
func sameShape(a, b arrow.DataType) bool {
	nestedA, okA := a.(arrow.NestedType)
	nestedB, okB := b.(arrow.NestedType)
	if !okA || !okB || a.ID() != b.ID() {
		return arrow.TypeEqual(a, b)
	}
	fieldsA, fieldsB := nestedA.Fields(), nestedB.Fields()
	if len(fieldsA) != len(fieldsB) {
		return false
	}
	for i, f := range fieldsA {
		if f.Name != fieldsB[i].Name || !sameShape(f.Type, fieldsB[i].Type) {
			return false
		}
	}
	return true
}

// widerNested joins lists, maps and structs part by part. A struct gets the fields of both; those that one lacks are null in it.
func widerNested(a, b arrow.DataType) arrow.DataType {
	switch a := a.(type) {
	case *arrow.StructType:
		return widerStruct(a, b.(*arrow.StructType))
	case *arrow.ListType:
		element, other := a.ElemField(), b.(*arrow.ListType).ElemField()
		if element.Type = wider(element.Type, other.Type); element.Type != nil {
			element.Nullable = element.Nullable || other.Nullable
			return arrow.ListOfField(element)
		}
	case *arrow.MapType:
		b := b.(*arrow.MapType)
		if item := wider(a.ItemType(), b.ItemType()); item != nil && sameShape(a.KeyType(), b.KeyType()) {
			m := arrow.MapOf(a.KeyType(), item)
			m.SetItemNullable(true)
			return m
		}
	}
	return nil
}

func widerStruct(a, b *arrow.StructType) arrow.DataType {
	fields := a.Fields()
	for i := range fields {
		other, ok := b.FieldByName(fields[i].Name)
		if !ok {
			fields[i].Nullable = true
			continue
		}
		if fields[i].Type = wider(fields[i].Type, other.Type); fields[i].Type == nil {
			return nil
		}
		fields[i].Nullable = fields[i].Nullable || other.Nullable
	}
	for _, f := range b.Fields() {
		if _, ok := a.FieldByName(f.Name); !ok {
			f.Nullable = true
			fields = append(fields, f)
		}
	}
	return arrow.StructOf(fields...)
}

// widening returns how arrays of a file's type become those of the snapshot's; nil where nothing is to do.
func widening(from, to arrow.DataType) func(memory.Allocator, arrow.Array) (arrow.Array, error) {
	if sameShape(from, to) {
		return nil
	}
	return func(mem memory.Allocator, a arrow.Array) (arrow.Array, error) { return widened(mem, a, from, to) }
}

// widened makes an array of type to of one of type from, whose texts may be in dictionaries.
func widened(mem memory.Allocator, a arrow.Array, from, to arrow.DataType) (arrow.Array, error) {
	switch {
	case sameShape(from, to):
		a.Retain()
		return a, nil
	case from.ID() == arrow.NULL:
		return nulls(mem, to, a.Len()), nil
	}
	switch a := a.(type) {
	case *array.Struct:
		return widenedStruct(mem, a, from.(*arrow.StructType), to.(*arrow.StructType))
	case *array.Map:
		entries, err := widened(mem, a.Items(), from.(*arrow.MapType).ItemType(), to.(*arrow.MapType).ItemType())
		if err != nil {
			return nil, err
		}
		defer entries.Release()
		parts := makeNested(to.(*arrow.MapType).Elem(), entries.Len(), 0, []*memory.Buffer{nil}, []arrow.ArrayData{a.Keys().Data(), entries.Data()})
		defer parts.Release()
		return renested(a, to, parts), nil
	case *array.List:
		elements, err := widened(mem, a.ListValues(), from.(*arrow.ListType).Elem(), to.(*arrow.ListType).Elem())
		if err != nil {
			return nil, err
		}
		defer elements.Release()
		return renested(a, to, elements), nil
	}
	return widenedValues(mem, a, to)
}

// renested is a list or map with other elements.
func renested(a arrow.Array, to arrow.DataType, elements arrow.Array) arrow.Array {
	if to.ID() == arrow.LIST {
		to = arrow.ListOf(elements.DataType())
	}
	data := array.NewData(to, a.Len(), a.Data().Buffers(), []arrow.ArrayData{elements.Data()}, a.NullN(), a.Data().Offset())
	defer data.Release()
	return array.MakeFromData(data)
}

func widenedStruct(mem memory.Allocator, a *array.Struct, from, to *arrow.StructType) (arrow.Array, error) {
	children := make([]arrow.Array, 0, to.NumFields())
	defer func() { releaseAll(children) }()
	for _, f := range to.Fields() {
		at, ok := from.FieldIdx(f.Name)
		if !ok {
			children = append(children, nulls(mem, f.Type, a.Len()))
			continue
		}
		child, err := widened(mem, a.Field(at), from.Field(at).Type, f.Type)
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	data := make([]arrow.ArrayData, len(children))
	for i, c := range children {
		data[i] = c.Data()
	}
	valid := validity(mem, a)
	return makeNested(retyped(to, children), a.Len(), a.NullN(), []*memory.Buffer{valid}, data), nil
}

// widenedValues widens numbers and times.
func widenedValues(mem memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	a.Retain()
	flat, err := plain(mem, a)
	if err != nil {
		return nil, err
	}
	defer flat.Release()
	builder := array.NewBuilder(mem, to)
	defer builder.Release()
	builder.Reserve(flat.Len())
	for i := range flat.Len() {
		if flat.IsNull(i) {
			builder.AppendNull()
		} else if err := appendWide(builder, flat, i); err != nil {
			return nil, err
		}
	}
	return builder.NewArray(), nil
}

// appendWide appends value i to a builder of a wider type.
func appendWide(b array.Builder, a arrow.Array, i int) error {
	switch b := b.(type) {
	case *array.Int16Builder:
		b.Append(int16(integer(a, i)))
	case *array.Int32Builder:
		b.Append(int32(integer(a, i)))
	case *array.Int64Builder:
		b.Append(integer(a, i))
	case *array.Uint16Builder:
		b.Append(uint16(integer(a, i)))
	case *array.Uint32Builder:
		b.Append(uint32(integer(a, i)))
	case *array.Uint64Builder:
		b.Append(uint64(integer(a, i)))
	case *array.Float32Builder:
		b.Append(a.(*array.Float16).Value(i).Float32())
	case *array.Float64Builder:
		b.Append(floating(a, i))
	case *array.TimestampBuilder:
		return appendTimestamp(b, a.(*array.Timestamp), i)
	case *array.Decimal128Builder:
		b.Append(a.(*array.Decimal128).Value(i))
	default:
		return fmt.Errorf("%s cannot be read as %s", a.DataType(), b.Type())
	}
	return nil
}

func appendTimestamp(b *array.TimestampBuilder, a *array.Timestamp, i int) error {
	from, to := a.DataType().(*arrow.TimestampType).Unit, b.Type().(*arrow.TimestampType).Unit
	v := int64(a.Value(i))
	for ; from < to; from++ {
		if v > (1<<63-1)/1000 || v < (-1<<63)/1000 {
			return fmt.Errorf("timestamp %d does not fit into %s", v, b.Type())
		}
		v *= 1000
	}
	b.Append(arrow.Timestamp(v))
	return nil
}

func integer(a arrow.Array, i int) int64 {
	switch a := a.(type) {
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Uint8:
		return int64(a.Value(i))
	case *array.Uint16:
		return int64(a.Value(i))
	case *array.Uint32:
		return int64(a.Value(i))
	case *array.Uint64:
		return int64(a.Value(i))
	}
	return 0
}

func floating(a arrow.Array, i int) float64 {
	switch a := a.(type) {
	case *array.Float16:
		return float64(a.Value(i).Float32())
	case *array.Float32:
		return float64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	}
	return 0
}
