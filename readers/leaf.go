package readers

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/tables"
)

// leafType decides what the values of a leaf column are, from its physical type and its annotation in either form.
func (n *node) leafType(c *element) {
	switch c.Type.V {
	case format.Boolean:
		n.set(arrow.FixedWidthTypes.Boolean, shared)
	case format.Int32:
		n.int32Type(c)
	case format.Int64:
		n.int64Type(c)
	case format.Int96:
		n.set(&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, int96s)
	case format.Float:
		n.set(arrow.PrimitiveTypes.Float32, shared)
	case format.Double:
		n.set(arrow.PrimitiveTypes.Float64, shared)
	case format.ByteArray:
		n.byteArrayType(c)
	case format.FixedLenByteArray:
		n.fixedLenType(c)
	default:
		n.unreadable("physical type %d is unknown", c.Type.V)
	}
	if _, ok := c.logicalType().(*format.NullType); ok && n.typ != nil {
		n.set(arrow.Null, nil)
		n.nullable = true
	}
}

func (n *node) set(t arrow.DataType, c converter) { n.typ, n.convert = t, c }

func (n *node) int32Type(c *element) {
	switch lt := c.logicalType().(type) {
	case *format.IntType:
		n.smallInt(lt.BitWidth, lt.IsSigned)
		return
	case *format.DateType:
		n.set(arrow.FixedWidthTypes.Date32, shared)
		return
	case *format.TimeType:
		n.unreadable("times of day are not supported")
		return
	case *format.DecimalType:
		n.decimal(lt.Precision, lt.Scale, decimalInts[int32])
		return
	}
	switch {
	case c.converted(deprecated.Int8):
		n.smallInt(8, true)
	case c.converted(deprecated.Int16):
		n.smallInt(16, true)
	case c.converted(deprecated.Uint8):
		n.smallInt(8, false)
	case c.converted(deprecated.Uint16):
		n.smallInt(16, false)
	case c.converted(deprecated.Uint32):
		n.smallInt(32, false)
	case c.converted(deprecated.Date):
		n.set(arrow.FixedWidthTypes.Date32, shared)
	case c.converted(deprecated.TimeMillis):
		n.unreadable("times of day are not supported")
	case c.converted(deprecated.Decimal):
		n.decimal(c.Precision.V, c.Scale.V, decimalInts[int32])
	default:
		n.set(arrow.PrimitiveTypes.Int32, shared)
	}
}

// smallInt is an integer of up to 32 bits, stored in 32.
func (n *node) smallInt(bits int8, signed bool) {
	switch {
	case bits == 8 && signed:
		n.set(arrow.PrimitiveTypes.Int8, narrow[int8])
	case bits == 16 && signed:
		n.set(arrow.PrimitiveTypes.Int16, narrow[int16])
	case bits == 8:
		n.set(arrow.PrimitiveTypes.Uint8, narrow[uint8])
	case bits == 16:
		n.set(arrow.PrimitiveTypes.Uint16, narrow[uint16])
	case signed:
		n.set(arrow.PrimitiveTypes.Int32, shared)
	default:
		n.set(arrow.PrimitiveTypes.Uint32, shared)
	}
}

func (n *node) int64Type(c *element) {
	switch lt := c.logicalType().(type) {
	case *format.IntType:
		if lt.IsSigned {
			n.set(arrow.PrimitiveTypes.Int64, shared)
		} else {
			n.set(arrow.PrimitiveTypes.Uint64, shared)
		}
		return
	case *format.TimestampType:
		n.timestamp(lt)
		return
	case *format.TimeType:
		n.unreadable("times of day are not supported")
		return
	case *format.DecimalType:
		n.decimal(lt.Precision, lt.Scale, decimalInts[int64])
		return
	}
	switch {
	case c.converted(deprecated.Uint64):
		n.set(arrow.PrimitiveTypes.Uint64, shared)
	case c.converted(deprecated.TimestampMillis):
		n.set(&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, shared)
	case c.converted(deprecated.TimestampMicros):
		n.set(&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, shared)
	case c.converted(deprecated.TimeMicros):
		n.unreadable("times of day are not supported")
	case c.converted(deprecated.Decimal):
		n.decimal(c.Precision.V, c.Scale.V, decimalInts[int64])
	default:
		n.set(arrow.PrimitiveTypes.Int64, shared)
	}
}

// timestamp keeps the column's unit. Its zone is UTC, or empty for local times, which mean the job's zone.
func (n *node) timestamp(lt *format.TimestampType) {
	t := &arrow.TimestampType{}
	if lt.IsAdjustedToUTC {
		t.TimeZone = "UTC"
	}
	switch lt.Unit.Value.(type) {
	case *format.MilliSeconds:
		t.Unit = arrow.Millisecond
	case *format.MicroSeconds:
		t.Unit = arrow.Microsecond
	case *format.NanoSeconds:
		t.Unit = arrow.Nanosecond
	default:
		n.unreadable("timestamps of an unknown unit")
		return
	}
	n.set(t, shared)
}

func (n *node) byteArrayType(c *element) {
	switch lt := c.logicalType().(type) {
	case *format.StringType:
		n.set(arrow.BinaryTypes.String, shared)
		return
	case *format.EnumType:
		n.text(tables.LogicalEnum)
		return
	case *format.JsonType:
		n.text(tables.LogicalJSON)
		return
	case *format.DecimalType:
		n.decimal(lt.Precision, lt.Scale, decimalBytes)
		return
	}
	switch {
	case c.converted(deprecated.UTF8):
		n.set(arrow.BinaryTypes.String, shared)
	case c.converted(deprecated.Enum):
		n.text(tables.LogicalEnum)
	case c.converted(deprecated.Json):
		n.text(tables.LogicalJSON)
	case c.converted(deprecated.Decimal):
		n.decimal(c.Precision.V, c.Scale.V, decimalBytes)
	default:
		n.set(arrow.BinaryTypes.Binary, shared)
	}
}

func (n *node) text(logical string) {
	n.set(arrow.BinaryTypes.String, shared)
	n.metadata = logicalMetadata(logical)
}

func (n *node) fixedLenType(c *element) {
	width := int(c.TypeLength.V)
	if width <= 0 || width > 1<<20 {
		n.unreadable("fixed-length bytes of length %d", width)
		return
	}
	switch lt := c.logicalType().(type) {
	case *format.UUIDType:
		if width == 16 {
			n.set(&arrow.FixedSizeBinaryType{ByteWidth: 16}, shared)
			n.metadata = logicalMetadata(tables.LogicalUUID)
			return
		}
	case *format.Float16Type:
		if width == 2 {
			n.set(arrow.FixedWidthTypes.Float16, shared)
			return
		}
	case *format.DecimalType:
		n.decimal(lt.Precision, lt.Scale, decimalFixed(width))
		return
	}
	switch {
	case c.converted(deprecated.Decimal):
		n.decimal(c.Precision.V, c.Scale.V, decimalFixed(width))
	case c.converted(deprecated.Interval):
		n.unreadable("intervals are not supported")
	default:
		n.set(&arrow.FixedSizeBinaryType{ByteWidth: width}, shared)
	}
}

func (n *node) decimal(precision, scale int32, c converter) {
	if precision < 1 || precision > 38 || scale < 0 || scale > precision {
		n.unreadable("decimals of precision %d and scale %d are not supported", precision, scale)
		return
	}
	n.set(&arrow.Decimal128Type{Precision: precision, Scale: scale}, c)
}
