package rules

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// arrowValue is row i of an array as a CEL value of a type. A null is unknown. Timestamps without a zone are local to zone.
func arrowValue(arr arrow.Array, i int, typ valueType, zone *time.Location) ref.Val {
	if arr.IsNull(i) || typ.kind == kindNull {
		return unknown
	}
	if dict, ok := arr.(*array.Dictionary); ok {
		return arrowValue(dict.Dictionary(), dict.GetValueIndex(i), typ, zone)
	}
	switch typ.kind {
	case kindBool:
		if arr, ok := arr.(*array.Boolean); ok {
			return types.Bool(arr.Value(i))
		}
	case kindInt, kindDate:
		if v, ok := arrowInt(arr, i); ok && typ.kind == kindDate {
			return date(v)
		} else if ok {
			return types.Int(v)
		}
	case kindUint:
		if arr, ok := arr.(*array.Uint64); ok {
			return types.Uint(arr.Value(i))
		}
	case kindDouble:
		if v, ok := arrowDouble(arr, i); ok {
			return types.Double(v)
		}
	case kindString, kindBytes:
		return arrowText(arr, i, typ.kind)
	case kindDuration:
		return arrowDuration(arr, i)
	case kindTimestamp:
		if arr, ok := arr.(*array.Timestamp); ok {
			return types.Timestamp{Time: arrowTime(arr, i, zone)}
		}
	default:
		return arrowNested(arr, i, typ, zone)
	}
	return misfit(arr)
}

func misfit(arr arrow.Array) ref.Val {
	return types.NewErr("values of Arrow type %s do not fit the type the rules were compiled for", arr.DataType())
}

func arrowInt(arr arrow.Array, i int) (int64, bool) {
	switch arr := arr.(type) {
	case *array.Int8:
		return int64(arr.Value(i)), true
	case *array.Int16:
		return int64(arr.Value(i)), true
	case *array.Int32:
		return int64(arr.Value(i)), true
	case *array.Int64:
		return arr.Value(i), true
	case *array.Uint8:
		return int64(arr.Value(i)), true
	case *array.Uint16:
		return int64(arr.Value(i)), true
	case *array.Uint32:
		return int64(arr.Value(i)), true
	case *array.Date32:
		return int64(arr.Value(i)), true
	case *array.Date64:
		return floorDiv(int64(arr.Value(i)), 86_400_000), true
	}
	return 0, false
}

func arrowDouble(arr arrow.Array, i int) (float64, bool) {
	switch arr := arr.(type) {
	case *array.Float16:
		return float64(arr.Value(i).Float32()), true
	case *array.Float32:
		return float64(arr.Value(i)), true
	case *array.Float64:
		return arr.Value(i), true
	case *array.Decimal128:
		return roundedQuotient(arr.Value(i).BigInt(), arr.DataType().(*arrow.Decimal128Type).Scale), true
	case *array.Decimal256:
		return roundedQuotient(arr.Value(i).BigInt(), arr.DataType().(*arrow.Decimal256Type).Scale), true
	}
	v, ok := arrowInt(arr, i)
	return float64(v), ok
}

func arrowText(arr arrow.Array, i int, k kind) ref.Val {
	var text []byte
	switch arr := arr.(type) {
	case *array.String:
		text = []byte(arr.Value(i))
	case *array.LargeString:
		text = []byte(arr.Value(i))
	case *array.Binary:
		text = arr.Value(i)
	case *array.LargeBinary:
		text = arr.Value(i)
	case *array.FixedSizeBinary:
		text = arr.Value(i)
		if k == kindString && len(text) == 16 {
			text = make([]byte, 36)
			putUUID(text, arr.Value(i))
		}
	default:
		return misfit(arr)
	}
	if k == kindString {
		return types.String(text)
	}
	return types.Bytes(text)
}

// arrowDuration is an error where the duration does not fit into nanoseconds.
func arrowDuration(of arrow.Array, i int) ref.Val {
	arr, ok := of.(*array.Duration)
	if !ok {
		return misfit(of)
	}
	scale := 1_000_000_000 / unitsPerSecond(arr.DataType().(*arrow.DurationType).Unit)
	v := int64(arr.Value(i))
	if v*scale/scale != v {
		return types.NewErr("duration out of range")
	}
	return types.Duration{Duration: time.Duration(v * scale)}
}

func arrowTime(arr *array.Timestamp, i int, zone *time.Location) time.Time {
	t := arr.DataType().(*arrow.TimestampType)
	perSecond := unitsPerSecond(t.Unit)
	second := floorDiv(int64(arr.Value(i)), perSecond)
	at := time.Unix(second, (int64(arr.Value(i))-second*perSecond)*(1_000_000_000/perSecond)).UTC()
	if t.TimeZone == "" && zone != nil {
		at = onDay(at, floorDiv(at.Unix(), 86400), zone).UTC()
	}
	return at
}

func arrowNested(arr arrow.Array, i int, typ valueType, zone *time.Location) ref.Val {
	switch arr := arr.(type) {
	case *array.Map:
		if typ.kind == kindMap {
			return arrowMap(arr, i, typ, zone)
		}
	case array.ListLike:
		if typ.kind == kindList {
			start, end := arr.ValueOffsets(i)
			values := make([]ref.Val, 0, end-start)
			for j := start; j < end; j++ {
				values = append(values, arrowValue(arr.ListValues(), int(j), *typ.elem, zone))
			}
			return types.NewRefValList(types.DefaultTypeAdapter, values)
		}
	case *array.Struct:
		if typ.kind == kindStruct {
			s := &structure{typ: typ, fields: make([]ref.Val, arr.NumField())}
			for f := range s.fields {
				s.fields[f] = arrowValue(arr.Field(f), i, typ.fields[f].typ, zone)
			}
			return s
		}
	}
	return misfit(arr)
}

func arrowMap(arr *array.Map, i int, typ valueType, zone *time.Location) ref.Val {
	start, end := arr.ValueOffsets(i)
	values := make(map[ref.Val]ref.Val, end-start)
	for j := start; j < end; j++ {
		key := arrowValue(arr.Keys(), int(j), valueType{kind: kindString}, zone)
		values[key] = arrowValue(arr.Items(), int(j), *typ.elem, zone)
	}
	return lenient{types.NewRefValMap(types.DefaultTypeAdapter, values)}
}
