package rules

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Columns of the values of conformance tests.

// columnType is the type of the column that holds a value, or nil.
func columnType(value ref.Val) arrow.DataType {
	switch v := value.(type) {
	case types.Null:
		return arrow.Null
	case types.Bool:
		return arrow.FixedWidthTypes.Boolean
	case types.Int:
		return arrow.PrimitiveTypes.Int64
	case types.Uint:
		return arrow.PrimitiveTypes.Uint64
	case types.Double:
		return arrow.PrimitiveTypes.Float64
	case types.String:
		return arrow.BinaryTypes.String
	case types.Bytes:
		return arrow.BinaryTypes.Binary
	case types.Duration:
		return arrow.FixedWidthTypes.Duration_ns
	case types.Timestamp:
		return instantType(v.Time)
	case traits.Mapper, traits.Lister:
		return nestedType(v)
	}
	return nil
}

// instantType is the type of the column for an instant: seconds reach from year 1 to 9999, nanoseconds do not.
func instantType(t time.Time) arrow.DataType {
	switch {
	case t.Nanosecond() == 0:
		return arrow.FixedWidthTypes.Timestamp_s
	case t.Nanosecond()%1000 == 0:
		return arrow.FixedWidthTypes.Timestamp_us
	case time.Unix(0, t.UnixNano()).Equal(t):
		return arrow.FixedWidthTypes.Timestamp_ns
	}
	return nil
}

func nestedType(value ref.Val) arrow.DataType {
	keys, elements, ok := elementsOf(value)
	if !ok || len(elements) == 0 {
		return nil
	}
	first := columnType(elements[0])
	if first == arrow.Null {
		return nil
	}
	for _, element := range elements {
		if typ := columnType(element); typ == nil || !arrow.TypeEqual(typ, first) {
			return nil
		}
	}
	if keys != nil {
		return arrow.MapOf(arrow.BinaryTypes.String, first)
	}
	return arrow.ListOf(first)
}

// appendValue appends a value to a column of its type; nil is null.
func appendValue(b array.Builder, value ref.Val) {
	if value == nil || value == types.NullValue {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(bool(value.(types.Bool)))
	case *array.Int64Builder:
		b.Append(int64(value.(types.Int)))
	case *array.Uint64Builder:
		b.Append(uint64(value.(types.Uint)))
	case *array.Float64Builder:
		b.Append(float64(value.(types.Double)))
	case *array.StringBuilder:
		b.Append(string(value.(types.String)))
	case *array.BinaryBuilder:
		b.Append(value.(types.Bytes))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(value.(types.Duration).Duration))
	case *array.TimestampBuilder:
		appendInstant(b, value.(types.Timestamp).Time)
	case *array.MapBuilder:
		keys, elements, _ := elementsOf(value)
		b.Append(true)
		for i, key := range keys {
			b.KeyBuilder().(*array.StringBuilder).Append(key)
			appendValue(b.ItemBuilder(), elements[i])
		}
	case *array.ListBuilder:
		_, elements, _ := elementsOf(value)
		b.Append(true)
		for _, element := range elements {
			if types.IsUnknown(element) {
				element = nil
			}
			appendValue(b.ValueBuilder(), element)
		}
	}
}

func appendInstant(b *array.TimestampBuilder, t time.Time) {
	at, err := arrow.TimestampFromTime(t, b.Type().(*arrow.TimestampType).Unit)
	if err != nil {
		panic(err) // instantType chose the unit
	}
	b.Append(at)
}

// suiteExtremes are values that random rows have beside those of the tests.
var suiteExtremes = func() (out []ref.Val) {
	for _, v := range someInts {
		out = append(out, types.Int(v), types.Uint(v))
	}
	for _, v := range someFloats {
		out = append(out, types.Double(v))
	}
	for _, v := range someTexts {
		out = append(out, types.String(v), types.Bytes(v))
	}
	for _, v := range someSeconds {
		out = append(out, types.Timestamp{Time: time.Unix(v, 0).UTC()}, types.Duration{Duration: time.Duration(v)})
	}
	return append(out, types.True, types.False)
}()

// A suiteBatch is the tests that are one rule: the first rows have their values, the others random ones and nulls.
type suiteBatch struct {
	rule  *suiteRule
	tests []suiteTest
	wants []byte
	rows  [][]ref.Val
	typs  []arrow.DataType
}

func newSuiteBatch(rule *suiteRule) *suiteBatch {
	b := &suiteBatch{rule: rule}
	for _, value := range rule.values {
		b.typs = append(b.typs, columnType(value))
	}
	return b
}

// add makes a row of a test.
func (b *suiteBatch) add(test suiteTest, rule *suiteRule) {
	b.tests, b.wants, b.rows = append(b.tests, test), append(b.wants, rule.want), append(b.rows, rule.values)
}

// key is equal for rules that are rows of one batch.
func (r *suiteRule) key() string {
	key := r.text
	for i, value := range r.values {
		key += fmt.Sprint("\n", r.names[i], " ", columnType(value))
	}
	return key
}

// suiteRows is how many rows a batch has: beyond two words.
const suiteRows = 130

// fill adds random rows: own values and extreme ones, one in four null.
func (b *suiteBatch) fill(rng *rand.Rand) {
	own := len(b.rows)
	for len(b.rows) < own+suiteRows {
		row := make([]ref.Val, len(b.typs))
		for at, typ := range b.typs {
			if rng.IntN(4) > 0 {
				row[at] = b.random(rng, at, own, typ)
			}
		}
		b.rows = append(b.rows, row)
	}
}

func (b *suiteBatch) random(rng *rand.Rand, at, own int, typ arrow.DataType) ref.Val {
	if value := suiteExtremes[rng.IntN(len(suiteExtremes))]; rng.IntN(2) == 0 && arrow.TypeEqual(columnType(value), typ) {
		return value
	}
	value := b.rows[rng.IntN(own)][at]
	if list, ok := value.(traits.Lister); ok && rng.IntN(3) == 0 {
		_, elements, _ := elementsOf(list)
		elements[rng.IntN(len(elements))] = unknown // a null element
		return types.DefaultTypeAdapter.NativeToValue(elements)
	}
	return value
}

// record makes columns of the rows; one more column makes rows where there are no others.
func (b *suiteBatch) record(t testing.TB) arrow.Record {
	columns := map[string]arrow.Array{"unused": ints(t, make([]int64, len(b.rows)), nil)}
	for at, typ := range b.typs {
		builder := array.NewBuilder(memory.DefaultAllocator, typ)
		for _, row := range b.rows {
			appendValue(builder, row[at])
		}
		columns[b.rule.names[at]] = builder.NewArray()
		builder.Release()
		t.Cleanup(columns[b.rule.names[at]].Release)
	}
	return record(t, columns)
}
