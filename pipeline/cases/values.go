package cases

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"strata/configs"
	"strata/pipeline/ids"
)

// A misfit is a value that is not of its column's type.
type misfit struct {
	pos        configs.Pos
	text, hint string
}

func misfitOf(v *configs.Value, hint, format string, args ...any) *misfit {
	return &misfit{v.Pos, fmt.Sprintf(format, args...), hint}
}

// appendValue adds what is written for a column.
func appendValue(b array.Builder, v *configs.Value) *misfit {
	switch b := b.(type) {
	case *array.ListBuilder, *array.MapBuilder, *array.StructBuilder:
		return appendNested(b, v)
	default:
		if v.IsList || v.IsMap {
			return misfitOf(v, "", "a single value is wanted here, not a list or mapping")
		}
	}
	if v.Null {
		b.AppendNull()
		return nil
	}
	if bits, ok := integerBits[b.Type().ID()]; ok {
		return appendInteger(b, v, bits)
	}
	return appendScalar(b, v)
}

// appendNested adds a list, map or struct.
func appendNested(b array.Builder, v *configs.Value) *misfit {
	if v.Null {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.MapBuilder: // before ListBuilder, which it is as well
		return appendMap(b, v)
	case *array.ListBuilder:
		if !v.IsList {
			return misfitOf(v, "write [a, b]", "a list is wanted here")
		}
		b.Append(true)
		for i := range v.List {
			if fault := appendValue(b.ValueBuilder(), &v.List[i]); fault != nil {
				return fault
			}
		}
		return nil
	}
	return appendStruct(b.(*array.StructBuilder), v)
}

func appendMap(b *array.MapBuilder, v *configs.Value) *misfit {
	if !v.IsMap {
		return misfitOf(v, "write {key: value}", "a map is wanted here")
	}
	b.Append(true)
	for i := range v.Map {
		b.KeyBuilder().(*array.StringBuilder).Append(v.Map[i].Name)
		if fault := appendValue(b.ItemBuilder(), &v.Map[i].Value); fault != nil {
			return fault
		}
	}
	return nil
}

func appendStruct(b *array.StructBuilder, v *configs.Value) *misfit {
	if !v.IsMap {
		return misfitOf(v, "write {field: value}", "a struct is wanted here")
	}
	t, given := b.Type().(*arrow.StructType), map[string]*configs.Value{}
	for i := range v.Map {
		cell := &v.Map[i]
		if _, known := t.FieldIdx(cell.Name); !known {
			return &misfit{cell.NamePos, fmt.Sprintf("the struct has no field %q", cell.Name), didYouMean(cell.Name, fieldNames(t))}
		}
		given[cell.Name] = &cell.Value
	}
	b.Append(true)
	for i, f := range t.Fields() {
		value := given[f.Name]
		if value == nil {
			value = &configs.Value{Pos: v.Pos, Null: true}
		}
		if fault := appendValue(b.FieldBuilder(i), value); fault != nil {
			return fault
		}
	}
	return nil
}

func fieldNames(t *arrow.StructType) (names []string) {
	for _, f := range t.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// didYouMean is the hint that offers the nearest name.
func didYouMean(name string, among []string) string {
	if near := configs.Nearest(name, among); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

var integerBits = map[arrow.Type]int{
	arrow.INT8: 8, arrow.INT16: 16, arrow.INT32: 32, arrow.INT64: 64, arrow.UINT8: 8, arrow.UINT16: 16, arrow.UINT32: 32, arrow.UINT64: 64,
}

func appendInteger(b array.Builder, v *configs.Value, bits int) *misfit {
	signed, err := strconv.ParseInt(v.Text, 10, bits)
	unsigned, unsignedErr := strconv.ParseUint(v.Text, 10, bits)
	if !arrow.IsSignedInteger(b.Type().ID()) {
		err = unsignedErr
	}
	switch {
	case v.Quoted:
		return misfitOf(v, "write it without quotes", "the column is a number, and %q is text", v.Text)
	case err != nil:
		return misfitOf(v, "", "%q is not a whole number of type %s", v.Text, b.Type())
	}
	switch b := b.(type) {
	case *array.Int8Builder:
		b.Append(int8(signed))
	case *array.Int16Builder:
		b.Append(int16(signed))
	case *array.Int32Builder:
		b.Append(int32(signed))
	case *array.Int64Builder:
		b.Append(signed)
	case *array.Uint8Builder:
		b.Append(uint8(unsigned))
	case *array.Uint16Builder:
		b.Append(uint16(unsigned))
	case *array.Uint32Builder:
		b.Append(uint32(unsigned))
	case *array.Uint64Builder:
		b.Append(unsigned)
	}
	return nil
}

// appendScalar adds a value that is neither an integer nor nested.
func appendScalar(b array.Builder, v *configs.Value) *misfit {
	switch b := b.(type) {
	case *array.StringBuilder:
		if !v.Quoted && v.Kind != "str" {
			return misfitOf(v, fmt.Sprintf("quote it: %q", v.Text), "the column is text, and YAML reads %s as %s", v.Text, kindName(v.Kind))
		}
		b.Append(v.Text)
	case *array.BooleanBuilder:
		if v.Quoted || v.Text != "true" && v.Text != "false" {
			return misfitOf(v, "write true or false, without quotes", "%q is not true or false", v.Text)
		}
		b.Append(v.Text == "true")
	case *array.Float64Builder, *array.Float32Builder:
		return appendFloat(b, v)
	case *array.Date32Builder:
		t, err := time.Parse(time.DateOnly, v.Text)
		if err != nil {
			return misfitOf(v, "for example 2026-11-02", "%q is not a date", v.Text)
		}
		b.Append(arrow.Date32FromTime(t))
	case *array.TimestampBuilder:
		return appendTimestamp(b, v)
	case *array.Decimal128Builder:
		t := b.Type().(*arrow.Decimal128Type)
		n, err := decimal128.FromString(v.Text, t.Precision, t.Scale)
		if exact, ok := new(big.Rat).SetString(v.Text); err != nil || v.Quoted || !ok || exact.Cmp(decimalRat(n, t.Scale)) != 0 {
			return misfitOf(v, "for example 12.50", "%q is not a number of type %s", v.Text, t)
		}
		b.Append(n)
	case *array.BinaryBuilder:
		data, err := hex.DecodeString(v.Text)
		if err != nil {
			return misfitOf(v, `for example "00ff1a"`, "%q is not hexadecimal, as bytes are written", v.Text)
		}
		b.Append(data)
	case *array.FixedSizeBinaryBuilder:
		return appendFixed(b, v)
	default:
		return misfitOf(v, "leave the column out; it is null then", "tests cannot write values of type %s", b.Type())
	}
	return nil
}

// kindName names what YAML takes a scalar for.
func kindName(kind string) string {
	switch kind {
	case "int", "float":
		return "a number"
	case "bool":
		return "a boolean"
	case "timestamp":
		return "a date"
	}
	return kind
}

// decimalRat is a decimal as a fraction.
func decimalRat(n decimal128.Num, scale int32) *big.Rat {
	return new(big.Rat).SetFrac(n.BigInt(), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
}

func appendFloat(b array.Builder, v *configs.Value) *misfit {
	n, err := strconv.ParseFloat(v.Text, 64)
	if err != nil || v.Quoted {
		return misfitOf(v, "for example 12.5", "%q is not a number", v.Text)
	}
	if small, ok := b.(*array.Float32Builder); ok {
		small.Append(float32(n))
	} else {
		b.(*array.Float64Builder).Append(n)
	}
	return nil
}

// timestampForms are the ways to write an instant. Without an offset it is UTC, or local where the column is.
var timestampForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", time.DateOnly}

func appendTimestamp(b *array.TimestampBuilder, v *configs.Value) *misfit {
	typ := b.Type().(*arrow.TimestampType)
	for i, form := range timestampForms {
		t, err := time.Parse(form, v.Text)
		if err != nil || i == 0 && typ.TimeZone == "" {
			continue
		}
		at, err := arrow.TimestampFromTime(t.UTC(), typ.Unit)
		if err != nil {
			return misfitOf(v, "", "%s does not fit into a %s", v.Text, typ)
		}
		b.Append(at)
		return nil
	}
	if typ.TimeZone == "" {
		return misfitOf(v, "for example 2026-11-02 09:30:00", "%q is not a local time", v.Text)
	}
	return misfitOf(v, "for example 2026-11-02T09:30:00Z", "%q is not an instant", v.Text)
}

// appendFixed adds a UUID, or bytes of a fixed length.
func appendFixed(b *array.FixedSizeBinaryBuilder, v *configs.Value) *misfit {
	width := b.Type().(*arrow.FixedSizeBinaryType).ByteWidth
	if high, low, ok := ids.ParseUUID([]byte(v.Text)); ok && width == 16 {
		data, _ := hex.DecodeString(fmt.Sprintf("%016x%016x", high, low))
		b.Append(data)
		return nil
	}
	data, err := hex.DecodeString(v.Text)
	if err != nil || len(data) != width {
		return misfitOf(v, `for example "0b5f7c1e-8d5a-4f0e-9a51-2f1d3c6b7a88"`, "%q is not a UUID", v.Text)
	}
	b.Append(data)
	return nil
}
