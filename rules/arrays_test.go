package rules

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/decimal256"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A sample is a column in two shapes: the Arrow array and the plain values that the reference evaluator reads. Values are
// bool, int64 (int, date, duration), uint64, float64, string, instant, []any (list, struct), map[string]any, nil (null).
type sample struct {
	typ    valueType
	arr    arrow.Array
	values []any
}

// A sampler makes random columns. Everything it makes is released when the test ends, and then nothing may be left.
type sampler struct {
	t       testing.TB
	rng     *rand.Rand
	mem     *memory.CheckedAllocator
	nulls   int // percent
	release []func()
}

func newSampler(t testing.TB, seed uint64, nulls int) *sampler {
	s := &sampler{t: t, rng: rand.New(rand.NewPCG(seed, 7)), mem: memory.NewCheckedAllocator(memory.DefaultAllocator), nulls: nulls}
	t.Cleanup(func() {
		for _, release := range slices.Backward(s.release) {
			release()
		}
		s.mem.AssertSize(t, 0)
	})
	return s
}

func (s *sampler) null() bool { return s.rng.IntN(100) < s.nulls }

// keep releases an array when the test ends.
func (s *sampler) keep(arr arrow.Array) arrow.Array {
	s.release = append(s.release, arr.Release)
	return arr
}

// sliced hides a few rows before an array, which must all be filled: skip of them.
func (s *sampler) sliced(arr arrow.Array, skip int) arrow.Array {
	s.keep(arr)
	return s.keep(array.NewSlice(arr, int64(skip), int64(arr.Len())))
}

// withNulls replaces the validity of an array whose rows all have values: null slots hold values, then.
func (s *sampler) withNulls(arr arrow.Array, null []bool) arrow.Array {
	if arr.Len() == 0 || arr.DataType().ID() == arrow.NULL {
		return arr
	}
	bitmap := memory.NewResizableBuffer(s.mem)
	bitmap.Resize((len(null) + 7) / 8)
	clear(bitmap.Bytes())
	for i, is := range null {
		if !is {
			bitmap.Bytes()[i/8] |= 1 << (i % 8)
		}
	}
	data := arr.Data().(*array.Data)
	buffers := slices.Clone(data.Buffers())
	buffers[0] = bitmap
	var fresh *array.Data
	if dict, is := arr.(*array.Dictionary); is {
		codes := data.Buffers()[1].Bytes()
		width := dict.Indices().DataType().(arrow.FixedWidthDataType).Bytes()
		for i, is := range null {
			if is && s.rng.IntN(2) == 0 {
				fill(codes[i*width:(i+1)*width], 0x7f) // a code that does not exist; others keep one that does
			}
		}
		fresh = array.NewDataWithDictionary(data.DataType(), data.Len(), buffers, array.UnknownNullCount, 0, data.Dictionary().(*array.Data))
	} else {
		fresh = array.NewData(data.DataType(), data.Len(), buffers, data.Children(), array.UnknownNullCount, 0)
	}
	out := array.MakeFromData(fresh)
	fresh.Release()
	bitmap.Release()
	arr.Release()
	return out
}

var someInts = []int64{0, 1, 2, 3, -1, 5, 48, 49, 50, 51, 100, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, 1 << 53, 1<<53 + 1, -(1<<53 + 1)}

var someTexts = []string{
	"", "a", "b", "ab", "FR", "fr", "DE", "vip", "VIP", " x ", "héllo", "HÉLLO", "zz", "12", "1.5", "true", "2024-04-18T20:47:17.945Z",
	"2024-02-29", "2023-02-29", "7h3m", "nope", "00000000-0000-0000-0000-000000000001",
	"ABCDEF00-0000-0000-0000-00000000000a", "0123456789abcdef",
}

var someFloats = []float64{
	0, math.Copysign(0, -1), 1, 1.5, 2.5, -1, 50, 49.99, 50.000001, 0.1, 1e30, -1e30, 1 << 53, 1<<63 - 1024, 1 << 63, 1 << 64,
	math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, 5e-324,
}

// someSeconds are instants around changes of the clock in Europe/Paris, in leap years and far away.
var someSeconds = []int64{
	0, -1, 1711846799, 1711846800, 1711850399, 1729990799, 1729990800, 1729994400, 1709164800, 951782400, 1700000000, -2208988800, 4102444800,
	1541300399, 1541300400, 1325239199, 1325239200, 1325282400, 1714082399, 1714082400, // where other zones skip midnight, or a day
}

func one[T any](s *sampler, of []T) T { return of[s.rng.IntN(len(of))] }

// column makes a column of n rows; shape is one of the names in shapes.
func (s *sampler) column(shape string, n int) sample {
	skip := s.rng.IntN(70)
	null := make([]bool, n+skip)
	for i := range null {
		null[i] = s.null()
	}
	typ, build, value := s.builder(shape)
	arr, values := build(n+skip, value)
	if s.nulls > 0 && s.rng.IntN(8) > 0 {
		arr = s.withNulls(arr, null)
		for i, is := range null {
			if is {
				values[i] = nil
			}
		}
	}
	for i, v := range values {
		if d, is := v.(decimalSample); is {
			values[i] = d.double()
		}
	}
	return sample{typ, s.sliced(arr, skip), values[skip:]}
}

var shapes = []string{
	"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64", "decimal",
	"string", "large_string", "dict8", "dict32", "dict_int", "binary", "uuid", "date", "duration_ms", "ts_s", "ts_ms", "ts_us", "ts_ns",
	"ts_local", "null", "decimal38", "decimal256", "dict_u8", "dict_i64", "dict_ts", "large_binary", "fixed_binary", "date64", "duration_ns",
	"large_list", "fixed_list", "list_string", "list_dict", "list_int", "list_struct", "list_list", "map", "map_dict", "struct",
	"list_bool", "list_double", "list_uint", "list_decimal", "list_bytes", "list_date", "list_ts", "list_local", "list_duration", "list_wide",
	"map_string", "map_double", "map_bool", "map_ts", "map_date", "struct_wide",
}

// inside names the shape of what a list or a map holds.
var inside = map[string]string{
	"list_string": "string", "list_dict": "dict8", "list_int": "int64", "list_struct": "struct", "list_list": "list_int",
	"list_bool": "bool", "list_double": "float64", "list_uint": "uint64", "list_decimal": "decimal", "list_bytes": "binary",
	"list_date": "date", "list_ts": "ts_ms", "list_local": "ts_local", "list_duration": "duration_ms", "list_wide": "struct_wide",
	"map": "int32", "map_dict": "int32", "map_string": "dict32", "map_double": "float32", "map_bool": "bool", "map_ts": "ts_ns", "map_date": "date",
}

type buildFunc func(n int, value func() any) (arrow.Array, []any)

func scalarKind(k kind) valueType { return valueType{kind: k} }

// builder returns a shape's type and how to make n rows of it, all with values.
func (s *sampler) builder(shape string) (valueType, buildFunc, func() any) {
	ints := func(lo, hi int64) func() any {
		return func() any { return min(max(one(s, someInts), lo), hi) }
	}
	simple := func(dt arrow.DataType, add func(b array.Builder, v any)) buildFunc {
		return func(n int, value func() any) (arrow.Array, []any) {
			b := array.NewBuilder(s.mem, dt)
			defer b.Release()
			values := make([]any, n)
			for i := range values {
				values[i] = value()
				add(b, values[i])
			}
			return b.NewArray(), values
		}
	}
	text := func() any { return one(s, someTexts) }
	switch shape {
	case "bool":
		return scalarKind(kindBool), simple(arrow.FixedWidthTypes.Boolean, func(b array.Builder, v any) { b.(*array.BooleanBuilder).Append(v.(bool)) }),
			func() any { return s.rng.IntN(2) == 0 }
	case "int8":
		return scalarKind(kindInt), simple(arrow.PrimitiveTypes.Int8, func(b array.Builder, v any) { b.(*array.Int8Builder).Append(int8(v.(int64))) }), ints(-128, 127)
	case "int16":
		return scalarKind(kindInt), simple(arrow.PrimitiveTypes.Int16, func(b array.Builder, v any) { b.(*array.Int16Builder).Append(int16(v.(int64))) }), ints(-1<<15, 1<<15-1)
	case "int32":
		return scalarKind(kindInt), simple(arrow.PrimitiveTypes.Int32, func(b array.Builder, v any) { b.(*array.Int32Builder).Append(int32(v.(int64))) }), ints(-1<<31, 1<<31-1)
	case "int64":
		return scalarKind(kindInt), simple(arrow.PrimitiveTypes.Int64, func(b array.Builder, v any) { b.(*array.Int64Builder).Append(v.(int64)) }), ints(math.MinInt64, math.MaxInt64)
	case "uint8":
		return scalarKind(kindInt), simple(arrow.PrimitiveTypes.Uint8, func(b array.Builder, v any) { b.(*array.Uint8Builder).Append(uint8(v.(int64))) }), ints(0, 255)
	case "uint16":
		return scalarKind(kindInt), simple(arrow.PrimitiveTypes.Uint16, func(b array.Builder, v any) { b.(*array.Uint16Builder).Append(uint16(v.(int64))) }), ints(0, 1<<16-1)
	case "uint32":
		return scalarKind(kindInt), simple(arrow.PrimitiveTypes.Uint32, func(b array.Builder, v any) { b.(*array.Uint32Builder).Append(uint32(v.(int64))) }), ints(0, 1<<32-1)
	case "uint64":
		return scalarKind(kindUint), simple(arrow.PrimitiveTypes.Uint64, func(b array.Builder, v any) { b.(*array.Uint64Builder).Append(v.(uint64)) }),
			func() any { return uint64(one(s, someInts)) }
	case "float64":
		return scalarKind(kindDouble), simple(arrow.PrimitiveTypes.Float64, func(b array.Builder, v any) { b.(*array.Float64Builder).Append(v.(float64)) }),
			func() any { return one(s, someFloats) }
	case "float32":
		return scalarKind(kindDouble), simple(arrow.PrimitiveTypes.Float32, func(b array.Builder, v any) { b.(*array.Float32Builder).Append(float32(v.(float64))) }),
			func() any { return float64(float32(one(s, someFloats))) }
	case "float16":
		return scalarKind(kindDouble), simple(arrow.FixedWidthTypes.Float16, func(b array.Builder, v any) { b.(*array.Float16Builder).Append(float16.New(float32(v.(float64)))) }),
			func() any { return float64(float16.New(float32(s.rng.IntN(200)) / 4).Float32()) }
	case "decimal":
		return scalarKind(kindDouble), simple(&arrow.Decimal128Type{Precision: 9, Scale: 2}, func(b array.Builder, v any) {
				b.(*array.Decimal128Builder).Append(decimal128.FromI64(int64(math.Round(v.(float64) * 100))))
			}),
			func() any { return float64(s.rng.IntN(20001)-10000) / 100 }
	case "string":
		return scalarKind(kindString), simple(arrow.BinaryTypes.String, func(b array.Builder, v any) { b.(*array.StringBuilder).Append(v.(string)) }), text
	case "large_string":
		return scalarKind(kindString), simple(arrow.BinaryTypes.LargeString, func(b array.Builder, v any) { b.(*array.LargeStringBuilder).Append(v.(string)) }), text
	case "binary":
		return scalarKind(kindBytes), simple(arrow.BinaryTypes.Binary, func(b array.Builder, v any) { b.(*array.BinaryBuilder).Append([]byte(v.(string))) }), text
	case "uuid":
		return scalarKind(kindString), simple(&arrow.FixedSizeBinaryType{ByteWidth: 16}, func(b array.Builder, v any) {
				id := make([]byte, 16)
				fmt.Sscanf(v.(string)[24:], "%x", &id[15])
				b.(*array.FixedSizeBinaryBuilder).Append(append(make([]byte, 15), v.(string)[35]-'0'))
			}),
			func() any { return fmt.Sprintf("00000000-0000-0000-0000-00000000000%d", s.rng.IntN(4)) }
	case "dict8":
		return scalarKind(kindString), s.encoded(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}), text
	case "dict32":
		return scalarKind(kindString), s.encoded(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}), text
	case "dict_int":
		return scalarKind(kindInt), s.encoded(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.PrimitiveTypes.Int64}), ints(math.MinInt64, math.MaxInt64)
	case "dict_u8", "dict_i64", "dict_ts":
		dt := map[string]*arrow.DictionaryType{
			"dict_u8":  {IndexType: arrow.PrimitiveTypes.Uint8, ValueType: arrow.BinaryTypes.String},
			"dict_i64": {IndexType: arrow.PrimitiveTypes.Int64, ValueType: arrow.BinaryTypes.String},
			"dict_ts":  {IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.FixedWidthTypes.Timestamp_s},
		}[shape]
		if shape == "dict_ts" {
			return scalarKind(kindTimestamp), s.encoded(dt), func() any { return instant{one(s, someSeconds), 0} }
		}
		return scalarKind(kindString), s.encoded(dt), text
	case "ts_local":
		_, build, _ := s.builder("ts_s")
		return valueType{kind: kindTimestamp, local: true}, func(n int, _ func() any) (arrow.Array, []any) { return s.localTimes(n, build) }, nil
	case "null":
		return scalarKind(kindNull), func(n int, _ func() any) (arrow.Array, []any) { return array.NewNull(n), make([]any, n) }, nil
	case "decimal38":
		return scalarKind(kindDouble), simple(&arrow.Decimal128Type{Precision: 38, Scale: 3}, func(b array.Builder, v any) {
				b.(*array.Decimal128Builder).Append(decimal128.FromBigInt(wholeDecimal(v)))
			}),
			s.largeDecimal
	case "decimal256":
		return scalarKind(kindDouble), simple(&arrow.Decimal256Type{Precision: 50, Scale: 3}, func(b array.Builder, v any) {
				b.(*array.Decimal256Builder).Append(decimal256.FromBigInt(wholeDecimal(v)))
			}),
			s.largeDecimal
	case "large_binary":
		return scalarKind(kindBytes), simple(arrow.BinaryTypes.LargeBinary, func(b array.Builder, v any) { b.(*array.BinaryBuilder).Append([]byte(v.(string))) }), text
	case "fixed_binary":
		return scalarKind(kindBytes), simple(&arrow.FixedSizeBinaryType{ByteWidth: 2}, func(b array.Builder, v any) { b.(*array.FixedSizeBinaryBuilder).Append([]byte(v.(string))) }),
			func() any { return one(s, []string{"ab", "FR", "zz", "\x00\xff"}) }
	case "date64":
		return scalarKind(kindDate), simple(arrow.FixedWidthTypes.Date64, func(b array.Builder, v any) { b.(*array.Date64Builder).Append(arrow.Date64(v.(int64) * 86_400_000)) }),
			func() any { return floorDiv(one(s, someSeconds), 86400) }
	case "duration_ns":
		return scalarKind(kindDuration), simple(arrow.FixedWidthTypes.Duration_ns, func(b array.Builder, v any) { b.(*array.DurationBuilder).Append(arrow.Duration(v.(int64))) }),
			ints(math.MinInt64, math.MaxInt64)
	case "date":
		return scalarKind(kindDate), simple(arrow.FixedWidthTypes.Date32, func(b array.Builder, v any) { b.(*array.Date32Builder).Append(arrow.Date32(v.(int64))) }),
			func() any { return floorDiv(one(s, someSeconds), 86400) }
	case "duration_ms":
		return scalarKind(kindDuration), simple(arrow.FixedWidthTypes.Duration_ms, func(b array.Builder, v any) {
				b.(*array.DurationBuilder).Append(arrow.Duration(v.(int64) / 1_000_000))
			}),
			func() any { return int64(s.rng.IntN(7)-3) * 86_400_000_000_000 }
	case "ts_s", "ts_ms", "ts_us", "ts_ns":
		unit := map[string]arrow.TimeUnit{"ts_s": arrow.Second, "ts_ms": arrow.Millisecond, "ts_us": arrow.Microsecond, "ts_ns": arrow.Nanosecond}[shape]
		per := unitsPerSecond(unit)
		return scalarKind(kindTimestamp), simple(&arrow.TimestampType{Unit: unit, TimeZone: "UTC"}, func(b array.Builder, v any) {
				at := v.(instant)
				b.(*array.TimestampBuilder).Append(arrow.Timestamp(at.seconds*per + int64(at.nanos)/(1_000_000_000/per)))
			}),
			func() any {
				return instant{one(s, someSeconds), int32(s.rng.IntN(int(per))) * int32(1_000_000_000/per)}
			}
	}
	return s.nestedBuilder(shape)
}

// encoded makes dictionary columns; some entries are used by no row, and null rows may have codes that do not exist.
func (s *sampler) encoded(dt *arrow.DictionaryType) buildFunc {
	return func(n int, value func() any) (arrow.Array, []any) {
		b := array.NewDictionaryBuilder(s.mem, dt)
		defer b.Release()
		values := make([]any, n)
		for i := range values {
			values[i] = value()
			switch b := b.(type) {
			case *array.BinaryDictionaryBuilder:
				b.AppendString(values[i].(string))
			case *array.TimestampDictionaryBuilder:
				b.Append(arrow.Timestamp(values[i].(instant).seconds))
			case *array.Int64DictionaryBuilder:
				b.Append(values[i].(int64))
			}
		}
		return b.NewArray(), values
	}
}

func (s *sampler) nestedBuilder(shape string) (valueType, buildFunc, func() any) {
	if inner := inside[shape]; strings.HasPrefix(shape, "list_") {
		typ, build, value := s.builder(inner)
		return valueType{kind: kindList, elem: &typ}, func(n int, _ func() any) (arrow.Array, []any) { return s.lists(n, build, value) }, nil
	} else if inner != "" {
		typ, build, value := s.builder(inner)
		return valueType{kind: kindMap, elem: &typ}, func(n int, _ func() any) (arrow.Array, []any) { return s.maps(n, shape == "map_dict", build, value) }, nil
	}
	switch shape {
	case "large_list", "fixed_list":
		typ, build, value := s.builder("int64")
		return valueType{kind: kindList, elem: &typ}, func(n int, _ func() any) (arrow.Array, []any) { return s.otherLists(n, shape, build, value) }, nil
	case "struct":
		return s.structs([]string{"a", "b"}, []string{"int64", "dict8"})
	case "struct_wide":
		return s.structs([]string{"f", "d", "l", "e", "s", "m", "t"}, []string{"bool", "date", "ts_local", "decimal", "list_string", "map", "struct"})
	}
	s.t.Fatalf("no shape %q", shape)
	return valueType{}, nil, nil
}

// structs makes structs of fields of these shapes.
func (s *sampler) structs(names, shapes []string) (valueType, buildFunc, func() any) {
	typ := valueType{kind: kindStruct}
	builds, values := make([]buildFunc, len(names)), make([]func() any, len(names))
	for i, name := range names {
		inner, build, value := s.builder(shapes[i])
		typ.fields, builds[i], values[i] = append(typ.fields, field{name: name, typ: inner}), build, value
	}
	return typ, func(n int, _ func() any) (arrow.Array, []any) {
		rows := make([]any, n)
		for i := range rows {
			rows[i] = make([]any, len(names))
		}
		arrays := make([]arrow.Array, len(names))
		for at, build := range builds {
			var column []any
			arrays[at], column = s.nullable(build(n, values[at]))
			defer arrays[at].Release()
			for i := range rows {
				rows[i].([]any)[at] = column[i]
			}
		}
		arr, err := array.NewStructArray(arrays, names)
		if err != nil {
			s.t.Fatal(err)
		}
		return arr, rows
	}, nil
}

// nullable gives an array nulls of its own.
func (s *sampler) nullable(arr arrow.Array, values []any) (arrow.Array, []any) {
	null := make([]bool, arr.Len())
	for i := range null {
		if null[i] = s.null(); null[i] {
			values[i] = nil
		}
	}
	return s.withNulls(arr, null), values
}

func (s *sampler) offsets(n int) (*memory.Buffer, []int32) {
	buffer := memory.NewResizableBuffer(s.mem)
	buffer.Resize(4 * (n + 1))
	offsets := arrow.Int32Traits.CastFromBytes(buffer.Bytes())
	for i := range n {
		offsets[i+1] = offsets[i] + int32(s.rng.IntN(4))
	}
	return buffer, offsets
}

func (s *sampler) lists(n int, build buildFunc, value func() any) (arrow.Array, []any) {
	buffer, offsets := s.offsets(n)
	child, elements := s.nullable(build(int(offsets[n]), value))
	data := array.NewData(arrow.ListOf(child.DataType()), n, []*memory.Buffer{nil, buffer}, []arrow.ArrayData{child.Data()}, 0, 0)
	arr := array.NewListData(data)
	values := make([]any, n)
	for i := range values {
		values[i] = elements[offsets[i]:offsets[i+1]:offsets[i+1]]
	}
	data.Release()
	buffer.Release()
	child.Release()
	return arr, values
}

func (s *sampler) maps(n int, encoded bool, buildItems buildFunc, item func() any) (arrow.Array, []any) {
	buffer, offsets := s.offsets(n)
	_, buildKeys, _ := s.builder("string")
	if encoded {
		_, buildKeys, _ = s.builder("dict8")
	}
	keys, ks := buildKeys(int(offsets[n]), func() any { return one(s, []string{"a", "b", "plan"}) })
	items, vs := s.nullable(buildItems(int(offsets[n]), item))
	entries, err := array.NewStructArray([]arrow.Array{keys, items}, []string{"key", "value"})
	if err != nil {
		s.t.Fatal(err)
	}
	typ := arrow.MapOf(keys.DataType(), items.DataType())
	data := array.NewData(typ, n, []*memory.Buffer{nil, buffer}, []arrow.ArrayData{entries.Data()}, 0, 0)
	arr := array.NewMapData(data)
	values := make([]any, n)
	for i := range values {
		m := map[string]any{}
		for j := offsets[i]; j < offsets[i+1]; j++ {
			m[ks[j].(string)] = vs[j]
		}
		values[i] = m
	}
	data.Release()
	buffer.Release()
	entries.Release()
	keys.Release()
	items.Release()
	return arr, values
}

// record puts columns together.
func record(t testing.TB, columns map[string]arrow.Array) arrow.Record {
	t.Helper()
	var fields []arrow.Field
	var arrays []arrow.Array
	rows := 0
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		fields = append(fields, arrow.Field{Name: name, Type: columns[name].DataType(), Nullable: true})
		arrays = append(arrays, columns[name])
		rows = columns[name].Len()
	}
	rec := array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(rows))
	t.Cleanup(rec.Release)
	return rec
}

// ints makes an int64 column; null, where given, says which rows are.
func ints(t testing.TB, values []int64, valid []bool) arrow.Array {
	t.Helper()
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(values, valid)
	arr := b.NewArray()
	t.Cleanup(arr.Release)
	return arr
}

// localTimes makes timestamps without a zone; the values are the instants that they are in Europe/Paris.
func (s *sampler) localTimes(n int, build buildFunc) (arrow.Array, []any) {
	zoned, values := build(n, func() any { return instant{one(s, someSeconds), 0} })
	data := zoned.Data()
	plain := array.NewData(&arrow.TimestampType{Unit: arrow.Second}, n, data.Buffers(), nil, 0, 0)
	arr := array.MakeFromData(plain)
	plain.Release()
	zoned.Release()
	for i, v := range values {
		t := time.Unix(v.(instant).seconds, 0).UTC()
		values[i] = instant{refWall(time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, paris.location), t).Unix(), 0}
	}
	return arr, values
}

// largeDecimal is the double nearest to a decimal with three places and more digits than a double has.
func (s *sampler) largeDecimal() any {
	whole := new(big.Int).Mul(big.NewInt(s.rng.Int64()), big.NewInt(s.rng.Int64N(1000)-500))
	return decimalSample{whole}
}

// A decimalSample is a decimal with three places; its value is the double nearest to it.
type decimalSample struct{ whole *big.Int }

func wholeDecimal(v any) *big.Int { return v.(decimalSample).whole }

func (d decimalSample) double() float64 {
	f, _ := new(big.Rat).SetFrac(d.whole, big.NewInt(1000)).Float64()
	return f
}

// otherLists makes lists with 64-bit offsets, or of two elements each.
func (s *sampler) otherLists(n int, shape string, build buildFunc, value func() any) (arrow.Array, []any) {
	child, elements := s.nullable(build(2*n, value))
	defer child.Release()
	values := make([]any, n)
	for i := range values {
		values[i] = elements[2*i : 2*i+2]
	}
	if shape == "fixed_list" {
		data := array.NewData(arrow.FixedSizeListOf(2, child.DataType()), n, []*memory.Buffer{nil}, []arrow.ArrayData{child.Data()}, 0, 0)
		defer data.Release()
		return array.NewFixedSizeListData(data), values
	}
	buffer := memory.NewResizableBuffer(s.mem)
	defer buffer.Release()
	buffer.Resize(8 * (n + 1))
	for i := range arrow.Int64Traits.CastFromBytes(buffer.Bytes()) {
		arrow.Int64Traits.CastFromBytes(buffer.Bytes())[i] = int64(2 * i)
	}
	data := array.NewData(arrow.LargeListOf(child.DataType()), n, []*memory.Buffer{nil, buffer}, []arrow.ArrayData{child.Data()}, 0, 0)
	defer data.Release()
	return array.NewLargeListData(data), values
}
