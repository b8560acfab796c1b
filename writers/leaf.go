package writers

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/tables"
)

// A leaf reads the values of an Arrow array, be it a dictionary or not, as Parquet holds them. One of number, bytes, boolean
// and null is set.
type leaf struct {
	typ     leafType
	number  func(place int) int64 // the bits of a float; an error is remembered in err
	bytes   func(place int) []byte
	boolean func(place int) bool
	indexes *array.Dictionary // nil without a dictionary
	array   arrow.Array       // of the values themselves
	null    bool              // nothing is ever there, which the array does not tell
	err     error             // the first value that its type cannot hold
}

// leafOf returns how to read an array, or an error for a type that has no columns of scalars to match.
func leafOf(column arrow.Array, logical string) (*leaf, error) {
	l := &leaf{array: column}
	if extension, ok := l.array.(array.ExtensionArray); ok {
		l.array = extension.Storage()
	}
	if dictionary, ok := l.array.(*array.Dictionary); ok {
		l.indexes, l.array = dictionary, dictionary.Dictionary()
	}
	if l.integers() || l.floats() || l.times() || l.decimals() || l.strings(logical) {
		return l, nil
	}
	return nil, fmt.Errorf("type %s cannot be published; only scalars and lists of them can: "+
		"take it out of membership.columns, or flatten it in the snapshot", column.DataType())
}

// place returns where the value of a row is in the array of the values, or false for null.
func (l *leaf) place(i int) (int, bool) {
	if l.indexes == nil {
		return i, !l.null && l.array.IsValid(i)
	}
	if l.null || l.indexes.IsNull(i) {
		return 0, false
	}
	i = l.indexes.GetValueIndex(i)
	return i, l.array.IsValid(i)
}

// values reads what stands at the places and chooses an encoding by the values alone: the same values in another array,
// with a dictionary or without, give the same bytes.
func (l *leaf) values(places []int, maxBytes int) (values, error) {
	switch {
	case l.bytes != nil:
		list := make([][]byte, len(places))
		for i, place := range places {
			list[i] = l.bytes(place)
		}
		return stringValues(&l.typ, list, maxBytes), l.err
	case l.boolean != nil:
		bits := make([]uint64, (len(places)+63)/64)
		for i, place := range places {
			if l.boolean(place) {
				bits[i>>6] |= 1 << (i & 63)
			}
		}
		return booleans{bits: bits}, l.err
	}
	list := make([]int64, len(places))
	for i, place := range places {
		list[i] = l.number(place)
	}
	return numberValues(&l.typ, list), l.err
}

func (l *leaf) integers() bool {
	switch a := l.array.(type) {
	case *array.Int8:
		l.typ, l.number = intType(0, true), func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int16:
		l.typ, l.number = intType(1, true), func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int32:
		l.typ, l.number = intType(2, true), func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int64:
		l.typ, l.number = intType(3, true), a.Value
	case *array.Uint8:
		l.typ, l.number = intType(0, false), func(i int) int64 { return int64(a.Value(i)) }
	case *array.Uint16:
		l.typ, l.number = intType(1, false), func(i int) int64 { return int64(a.Value(i)) }
	case *array.Uint32:
		l.typ, l.number = intType(2, false), func(i int) int64 { return int64(a.Value(i)) }
	case *array.Uint64:
		l.typ, l.number = intType(3, false), func(i int) int64 { return int64(a.Value(i)) }
	case *array.Boolean:
		l.typ, l.boolean = booleanType, a.Value
	case *array.Null:
		l.typ, l.null = nullType, true
	default:
		return false
	}
	return true
}

func (l *leaf) floats() bool {
	switch a := l.array.(type) {
	case *array.Float16:
		l.typ = float16Type
		l.bytes = func(i int) []byte { return float16Bytes(a.Value(i)) }
	case *array.Float32:
		l.typ, l.number = floatType, func(i int) int64 { return int64(math.Float32bits(a.Value(i))) }
	case *array.Float64:
		l.typ, l.number = doubleType, func(i int) int64 { return int64(math.Float64bits(a.Value(i))) }
	default:
		return false
	}
	return true
}

func float16Bytes(v float16.Num) []byte { return binary.LittleEndian.AppendUint16(nil, v.Uint16()) }

var timeUnits = map[arrow.TimeUnit]format.TimeUnitValue{
	arrow.Second: &format.MilliSeconds{}, arrow.Millisecond: &format.MilliSeconds{}, // there are no seconds
	arrow.Microsecond: &format.MicroSeconds{}, arrow.Nanosecond: &format.NanoSeconds{},
}

func (l *leaf) times() bool {
	switch a := l.array.(type) {
	case *array.Date32:
		l.typ, l.number = dateType, func(i int) int64 { return int64(a.Value(i)) }
	case *array.Date64:
		l.typ, l.number = dateType, func(i int) int64 { return floorDays(int64(a.Value(i))) }
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		l.typ, l.number = timestampType(timeUnits[t.Unit], t.TimeZone != ""), func(i int) int64 { return int64(a.Value(i)) }
		if t.Unit == arrow.Second {
			l.number = func(i int) int64 { return l.milliseconds(int64(a.Value(i))) }
		}
	case *array.Time32:
		t := a.DataType().(*arrow.Time32Type)
		l.typ, l.number = timeType(timeUnits[t.Unit]), func(i int) int64 { return int64(a.Value(i)) }
		if t.Unit == arrow.Second {
			l.number = func(i int) int64 { return l.milliseconds(int64(a.Value(i))) }
		}
	case *array.Time64:
		t := a.DataType().(*arrow.Time64Type)
		l.typ, l.number = timeType(timeUnits[t.Unit]), func(i int) int64 { return int64(a.Value(i)) }
	default:
		return false
	}
	return true
}

const dayMillis = 24 * 60 * 60 * 1000

func floorDays(millis int64) int64 {
	return (millis - (millis%dayMillis+dayMillis)%dayMillis) / dayMillis
}

func (l *leaf) milliseconds(seconds int64) int64 {
	if seconds > math.MaxInt64/1000 || seconds < math.MinInt64/1000 {
		l.fail("%d seconds are beyond what milliseconds can hold", seconds)
	}
	return seconds * 1000
}

func (l *leaf) fail(text string, values ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(text, values...)
	}
}

func (l *leaf) decimals() bool {
	switch a := l.array.(type) {
	case *array.Decimal128:
		t := a.DataType().(*arrow.Decimal128Type)
		l.decimal(t.Precision, t.Scale, func(i int) []uint64 {
			v := a.Value(i)
			return []uint64{uint64(v.HighBits()), v.LowBits()}
		})
	case *array.Decimal256:
		t := a.DataType().(*arrow.Decimal256Type)
		l.decimal(t.Precision, t.Scale, func(i int) []uint64 {
			v := a.Value(i).Array()
			return []uint64{v[3], v[2], v[1], v[0]}
		})
	default:
		return false
	}
	return l.typ.length <= 32
}

// decimal reads numbers that are given as words, high one first, in the fewest bytes that hold the precision.
func (l *leaf) decimal(precision, scale int32, words func(i int) []uint64) {
	l.typ = decimalType(precision, scale)
	width := l.typ.width()
	fitted := func(i int) []byte {
		var wide []byte
		for _, word := range words(i) {
			wide = binary.BigEndian.AppendUint64(wide, word)
		}
		cut := len(wide) - width
		for _, b := range wide[:cut] {
			if b != byte(int8(wide[cut])>>7) {
				l.fail("row %d of the array has more digits than its type decimal(%d,%d)", i, precision, scale)
			}
		}
		return wide[cut:]
	}
	if l.typ.physical == format.FixedLenByteArray {
		l.bytes = fitted
		return
	}
	l.number = func(i int) (v int64) {
		for at, b := range fitted(i) {
			if at == 0 {
				v = int64(int8(b))
				continue
			}
			v = v<<8 | int64(b)
		}
		return v
	}
}

func (l *leaf) strings(logical string) bool {
	l.typ = map[string]leafType{"": stringType, tables.LogicalEnum: enumType, tables.LogicalJSON: jsonType}[logical]
	switch a := l.array.(type) {
	case *array.String:
		l.bytes = func(i int) []byte {
			return textBytes(a.ValueBytes(), a.ValueOffset(0), a.ValueOffset(i), a.ValueOffset(i+1))
		}
	case *array.LargeString:
		l.bytes = func(i int) []byte {
			return textBytes(a.ValueBytes(), a.ValueOffset(0), a.ValueOffset(i), a.ValueOffset(i+1))
		}
	case *array.StringView:
		l.bytes = func(i int) []byte { return []byte(a.Value(i)) }
	case *array.Binary:
		l.typ, l.bytes = binaryType, a.Value
	case *array.LargeBinary:
		l.typ, l.bytes = binaryType, a.Value
	case *array.BinaryView:
		l.typ, l.bytes = binaryType, a.Value
	case *array.FixedSizeBinary:
		l.typ, l.bytes = fixedType(a.DataType().(*arrow.FixedSizeBinaryType).ByteWidth), a.Value
		if logical == tables.LogicalUUID {
			l.typ = uuidType
		}
	default:
		return false
	}
	return true
}

// textBytes cuts a value out of the bytes of an array's values, which begin at offset base.
func textBytes[T int | int64](data []byte, base, start, end T) []byte {
	return data[start-base : end-base]
}
