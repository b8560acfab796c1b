package writers

import (
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// A leafType is the type of a column's values: physical, logical, and how they compare.
type leafType struct {
	physical  format.Type
	length    int // bytes of a value where physical is FixedLenByteArray
	logical   format.LogicalTypeValue
	converted thrift.Null[deprecated.ConvertedType]
	order     order
}

// An order says how the bounds of a column compare.
type order uint8

const (
	signed    order = iota // integers
	unsigned               // integers
	lexical                // bytes
	text                   // bytes that are UTF-8
	floating               // float and double
	bigEndian              // two's complement in bytes
	unordered              // no bounds are written
)

// A shape is the nesting of a column.
type shape uint8

const (
	required     shape = iota
	optional           // a value or null
	list               // a list that is never null, of values that never are
	optionalList       // a list or null, of values or nulls
)

func convertedTo(t deprecated.ConvertedType) thrift.Null[deprecated.ConvertedType] {
	return thrift.New(t)
}

var (
	stringType    = leafType{physical: format.ByteArray, logical: &format.StringType{}, converted: convertedTo(deprecated.UTF8), order: text}
	enumType      = leafType{physical: format.ByteArray, logical: &format.EnumType{}, converted: convertedTo(deprecated.Enum), order: text}
	jsonType      = leafType{physical: format.ByteArray, logical: &format.JsonType{}, converted: convertedTo(deprecated.Json), order: text}
	binaryType    = leafType{physical: format.ByteArray, order: lexical}
	booleanType   = leafType{physical: format.Boolean, order: unsigned}
	floatType     = leafType{physical: format.Float, order: floating}
	doubleType    = leafType{physical: format.Double, order: floating}
	float16Type   = leafType{physical: format.FixedLenByteArray, length: 2, logical: &format.Float16Type{}, order: unordered}
	dateType      = leafType{physical: format.Int32, logical: &format.DateType{}, converted: convertedTo(deprecated.Date), order: signed}
	uuidType      = leafType{physical: format.FixedLenByteArray, length: 16, logical: &format.UUIDType{}, order: lexical}
	nullType      = leafType{physical: format.Int32, logical: &format.NullType{}, order: unordered}
	convertedInts = map[bool][4]deprecated.ConvertedType{
		true:  {deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64},
		false: {deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64},
	}
)

// fixedType is that of byte strings of one length.
func fixedType(length int) leafType {
	return leafType{physical: format.FixedLenByteArray, length: length, order: lexical}
}

// intType is that of an integer of 8<<log bits.
func intType(log int, isSigned bool) leafType {
	t := leafType{
		physical: format.Int32, logical: &format.IntType{BitWidth: 8 << log, IsSigned: isSigned},
		converted: convertedTo(convertedInts[isSigned][log]), order: unsigned,
	}
	if log == 3 {
		t.physical = format.Int64
	}
	if isSigned {
		t.order = signed
	}
	return t
}

// timestampType is that of an instant, or of a local time where utc is false.
func timestampType(unit format.TimeUnitValue, utc bool) leafType {
	t := leafType{physical: format.Int64, order: signed}
	t.logical = &format.TimestampType{IsAdjustedToUTC: utc, Unit: format.TimeUnit{Value: unit}}
	switch unit.(type) { // the converted types mean UTC
	case *format.MilliSeconds:
		t.converted = thrift.Null[deprecated.ConvertedType]{V: deprecated.TimestampMillis, Valid: utc}
	case *format.MicroSeconds:
		t.converted = thrift.Null[deprecated.ConvertedType]{V: deprecated.TimestampMicros, Valid: utc}
	}
	return t
}

// timeType is that of a time of day.
func timeType(unit format.TimeUnitValue) leafType {
	t := leafType{physical: format.Int64, order: signed}
	t.logical = &format.TimeType{Unit: format.TimeUnit{Value: unit}}
	if _, ok := unit.(*format.MilliSeconds); ok {
		t.physical = format.Int32
	}
	return t
}

// decimalType is that of a number of so many digits in all, so many of them after the point.
func decimalType(precision, scale int32) leafType {
	t := leafType{converted: convertedTo(deprecated.Decimal), order: signed}
	t.logical = &format.DecimalType{Scale: scale, Precision: precision}
	switch {
	case precision <= 9:
		t.physical = format.Int32
	case precision <= 18:
		t.physical = format.Int64
	default:
		t.physical, t.order, t.length = format.FixedLenByteArray, bigEndian, decimalBytes(precision)
	}
	return t
}

// decimalBytes is the least number of bytes whose two's complement holds every number of so many digits.
func decimalBytes(precision int32) int {
	bitsNeeded := float64(precision)*3.3219280948873626 + 1
	return int(bitsNeeded/8) + 1
}

// path is the place of a column's values in the schema.
func (s shape) path(name string) []string {
	if s == list || s == optionalList {
		return []string{name, "list", "element"}
	}
	return []string{name}
}

// elements are the schema elements of a column, its root first.
func (s shape) elements(name string, t *leafType) []format.SchemaElement {
	leaf := format.SchemaElement{
		Type: thrift.New(t.physical), ConvertedType: t.converted, LogicalType: format.LogicalType{Value: t.logical},
		RepetitionType: thrift.New(format.Required), Name: name,
	}
	if t.physical == format.FixedLenByteArray {
		leaf.TypeLength = thrift.New(int32(t.length))
	}
	if d, ok := t.logical.(*format.DecimalType); ok {
		leaf.Scale, leaf.Precision = thrift.New(d.Scale), thrift.New(d.Precision)
	}
	switch s {
	case optional:
		leaf.RepetitionType = thrift.New(format.Optional)
	case list:
		return listElements(name, format.Required, leaf)
	case optionalList:
		return listElements(name, format.Optional, leaf)
	}
	return []format.SchemaElement{leaf}
}

// listElements are the three levels of a list whose rows and values are both of the given repetition.
func listElements(name string, repetition format.FieldRepetitionType, leaf format.SchemaElement) []format.SchemaElement {
	leaf.Name, leaf.RepetitionType = "element", thrift.New(repetition)
	return []format.SchemaElement{
		{
			Name: name, RepetitionType: thrift.New(repetition), NumChildren: thrift.New(int32(1)),
			ConvertedType: convertedTo(deprecated.List), LogicalType: format.LogicalType{Value: &format.ListType{}},
		},
		{Name: "list", RepetitionType: thrift.New(format.Repeated), NumChildren: thrift.New(int32(1))},
		leaf,
	}
}
