package writers

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/decimal256"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// An extraCase makes random values of one Arrow type: one appends a value and returns it in plain terms.
type extraCase struct {
	name    string
	typ     arrow.DataType
	logical string
	one     func(r *rand.Rand, b array.Builder) any
}

func integerText[T ~int8 | ~int16 | ~int32 | ~int64](v T) any { return strconv.FormatInt(int64(v), 10) }

func unsignedText[T uint8 | uint16 | uint32 | uint64](v T) any {
	return strconv.FormatUint(uint64(v), 10)
}

func integerCases() []extraCase {
	return []extraCase{
		{"int8", arrow.PrimitiveTypes.Int8, "", func(r *rand.Rand, b array.Builder) any {
			v := int8(r.Uint64())
			b.(*array.Int8Builder).Append(v)
			return integerText(v)
		}},
		{"int16", arrow.PrimitiveTypes.Int16, "", func(r *rand.Rand, b array.Builder) any {
			v := int16(r.Uint64())
			b.(*array.Int16Builder).Append(v)
			return integerText(v)
		}},
		{"int32", arrow.PrimitiveTypes.Int32, "", func(r *rand.Rand, b array.Builder) any {
			v := int32(r.Uint64())
			b.(*array.Int32Builder).Append(v)
			return integerText(v)
		}},
		{"int64", arrow.PrimitiveTypes.Int64, "", func(r *rand.Rand, b array.Builder) any {
			v := []int64{int64(r.Uint64()), math.MinInt64, math.MaxInt64, 3}[r.IntN(4)]
			b.(*array.Int64Builder).Append(v)
			return integerText(v)
		}},
		{"uint8", arrow.PrimitiveTypes.Uint8, "", func(r *rand.Rand, b array.Builder) any {
			v := uint8(r.Uint64())
			b.(*array.Uint8Builder).Append(v)
			return unsignedText(v)
		}},
		{"uint16", arrow.PrimitiveTypes.Uint16, "", func(r *rand.Rand, b array.Builder) any {
			v := uint16(r.Uint64())
			b.(*array.Uint16Builder).Append(v)
			return unsignedText(v)
		}},
		{"uint32", arrow.PrimitiveTypes.Uint32, "", func(r *rand.Rand, b array.Builder) any {
			v := uint32(r.Uint64())
			b.(*array.Uint32Builder).Append(v)
			return unsignedText(v)
		}},
		{"uint64", arrow.PrimitiveTypes.Uint64, "", func(r *rand.Rand, b array.Builder) any {
			v := r.Uint64()
			b.(*array.Uint64Builder).Append(v)
			return unsignedText(v)
		}},
		{"bool", arrow.FixedWidthTypes.Boolean, "", func(r *rand.Rand, b array.Builder) any {
			v := r.IntN(3) == 0
			b.(*array.BooleanBuilder).Append(v)
			return v
		}},
	}
}

func floatCases() []extraCase {
	return []extraCase{
		{"float16", arrow.FixedWidthTypes.Float16, "", func(r *rand.Rand, b array.Builder) any {
			v := float16.New(float32(r.IntN(2000)-1000) / 8)
			b.(*array.Float16Builder).Append(v)
			return fmt.Sprintf("x%02x%02x", byte(v.Uint16()), v.Uint16()>>8)
		}},
		{"float32", arrow.PrimitiveTypes.Float32, "", func(r *rand.Rand, b array.Builder) any {
			v := []float32{r.Float32() - .5, 0, float32(math.Copysign(0, -1)), float32(math.Inf(-1)), float32(math.NaN())}[r.IntN(5)]
			b.(*array.Float32Builder).Append(v)
			return plainFloat(v == v, fmt.Sprintf("f%08x", math.Float32bits(v)))
		}},
		{"float64", arrow.PrimitiveTypes.Float64, "", func(r *rand.Rand, b array.Builder) any {
			v := r.NormFloat64()
			b.(*array.Float64Builder).Append(v)
			return fmt.Sprintf("f%016x", math.Float64bits(v))
		}},
		{"zeros", arrow.PrimitiveTypes.Float64, "", func(r *rand.Rand, b array.Builder) any {
			v := []float64{0, math.Copysign(0, -1), math.NaN()}[r.IntN(3)]
			b.(*array.Float64Builder).Append(v)
			return plainFloat(v == v, fmt.Sprintf("f%016x", math.Float64bits(v)))
		}},
		{"nan", arrow.PrimitiveTypes.Float64, "", func(_ *rand.Rand, b array.Builder) any {
			b.(*array.Float64Builder).Append(math.NaN())
			return "fnan"
		}},
	}
}

func stringCases() []extraCase {
	long := strings.Repeat("\U0010ffff", 20)
	pick := func(r *rand.Rand) string {
		return []string{"", "é", "plan", strings.Repeat("z", 70), strings.Repeat("€", 30), "\ud7ff" + long, long, strconv.Itoa(r.IntN(1e6))}[r.IntN(8)]
	}
	return []extraCase{
		{"string", arrow.BinaryTypes.String, "", func(r *rand.Rand, b array.Builder) any {
			v := pick(r)
			b.(*array.StringBuilder).Append(v)
			return v
		}},
		{"large string", arrow.BinaryTypes.LargeString, "", func(r *rand.Rand, b array.Builder) any {
			v := pick(r) + "x"
			b.(*array.LargeStringBuilder).Append(v)
			return v
		}},
		{"enum", arrow.BinaryTypes.String, tables.LogicalEnum, func(r *rand.Rand, b array.Builder) any {
			v := []string{"basic", "pro"}[r.IntN(2)]
			b.(*array.StringBuilder).Append(v)
			return v
		}},
		{"json", arrow.BinaryTypes.String, tables.LogicalJSON, func(r *rand.Rand, b array.Builder) any {
			v := fmt.Sprintf(`{"a":%d}`, r.IntN(1000))
			b.(*array.StringBuilder).Append(v)
			return v
		}},
		{"binary", arrow.BinaryTypes.Binary, "", func(r *rand.Rand, b array.Builder) any {
			v := bytes.Repeat([]byte{byte(r.Uint64() | 0xf0)}, r.IntN(90))
			b.(*array.BinaryBuilder).Append(v)
			return "x" + hex.EncodeToString(v)
		}},
		{"fixed", &arrow.FixedSizeBinaryType{ByteWidth: 5}, "", func(r *rand.Rand, b array.Builder) any {
			v := fmt.Appendf(nil, "%05d", r.IntN(300))
			b.(*array.FixedSizeBinaryBuilder).Append(v)
			return "x" + hex.EncodeToString(v)
		}},
		{"uuid", &arrow.FixedSizeBinaryType{ByteWidth: 16}, tables.LogicalUUID, func(r *rand.Rand, b array.Builder) any {
			v := fmt.Appendf(nil, "%016x", r.Uint64())
			b.(*array.FixedSizeBinaryBuilder).Append(v)
			return "x" + hex.EncodeToString(v)
		}},
		{"null", arrow.Null, "", func(_ *rand.Rand, b array.Builder) any {
			b.AppendNull()
			return nil
		}},
	}
}

func timeCases() []extraCase {
	cases := []extraCase{
		{"date", arrow.FixedWidthTypes.Date32, "", func(r *rand.Rand, b array.Builder) any {
			v := arrow.Date32(r.IntN(40000) - 10000)
			b.(*array.Date32Builder).Append(v)
			return integerText(v)
		}},
		{"date64", arrow.FixedWidthTypes.Date64, "", func(r *rand.Rand, b array.Builder) any {
			v := int64(r.IntN(40000) - 10000)
			b.(*array.Date64Builder).Append(arrow.Date64(v*dayMillis + int64(r.IntN(2))))
			return integerText(v)
		}},
	}
	for _, zone := range []string{"", "UTC"} {
		for unit, scale := range map[arrow.TimeUnit]int64{arrow.Second: 1000, arrow.Millisecond: 1, arrow.Microsecond: 1, arrow.Nanosecond: 1} {
			cases = append(cases, extraCase{"timestamp " + unit.String() + zone, &arrow.TimestampType{Unit: unit, TimeZone: zone}, "", func(r *rand.Rand, b array.Builder) any {
				v := int64(r.IntN(4e9)) - 2e9
				b.(*array.TimestampBuilder).Append(arrow.Timestamp(v))
				return integerText(v * scale)
			}})
		}
	}
	return append(cases, extraCase{"time ms", arrow.FixedWidthTypes.Time32ms, "", func(r *rand.Rand, b array.Builder) any {
		v := arrow.Time32(r.IntN(dayMillis))
		b.(*array.Time32Builder).Append(v)
		return integerText(v)
	}}, extraCase{"time s", arrow.FixedWidthTypes.Time32s, "", func(r *rand.Rand, b array.Builder) any {
		v := arrow.Time32(r.IntN(86400))
		b.(*array.Time32Builder).Append(v)
		return integerText(v * 1000)
	}}, extraCase{"time us", arrow.FixedWidthTypes.Time64us, "", func(r *rand.Rand, b array.Builder) any {
		v := arrow.Time64(r.IntN(dayMillis) * 1000)
		b.(*array.Time64Builder).Append(v)
		return integerText(v)
	}}, extraCase{"time ns", arrow.FixedWidthTypes.Time64ns, "", func(r *rand.Rand, b array.Builder) any {
		v := arrow.Time64(r.IntN(dayMillis) * 1000000)
		b.(*array.Time64Builder).Append(v)
		return integerText(v)
	}})
}

func decimalCases() (cases []extraCase) {
	for _, precision := range []int32{1, 9, 10, 18, 19, 28, 29, 38} {
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
		cases = append(cases, extraCase{fmt.Sprintf("decimal %d", precision), &arrow.Decimal128Type{Precision: precision, Scale: precision / 3}, "", func(r *rand.Rand, b array.Builder) any {
			v := randomBig(r, limit)
			b.(*array.Decimal128Builder).Append(decimal128.FromBigInt(v))
			return v.String()
		}})
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(76), nil)
	return append(cases, extraCase{"decimal 76", &arrow.Decimal256Type{Precision: 76, Scale: 4}, "", func(r *rand.Rand, b array.Builder) any {
		v := randomBig(r, limit)
		b.(*array.Decimal256Builder).Append(decimal256.FromBigInt(v))
		return v.String()
	}})
}

// randomBig is within the limit either way, and often one short of it.
func randomBig(r *rand.Rand, limit *big.Int) *big.Int {
	v := new(big.Int)
	for range 5 {
		v.Add(v.Lsh(v, 63), big.NewInt(r.Int64()))
	}
	v.Mod(v, limit)
	if r.IntN(4) == 0 {
		v.Sub(limit, big.NewInt(1))
	}
	if r.IntN(2) == 0 {
		v.Neg(v)
	}
	return v
}

func extraCases() []extraCase {
	all := append(integerCases(), floatCases()...)
	all = append(all, stringCases()...)
	return append(append(all, timeCases()...), decimalCases()...)
}

// withExtras adds a column of every type to a membership, as a slice of a longer array, and its values to the grid.
func withExtras(t *testing.T, mem memory.Allocator, m *tables.Membership, g *grid, nulls float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(21, 22))
	add := func(name, logical string, column arrow.Array, rows []any) {
		m.Extra = append(m.Extra, array.NewSlice(column, 2, int64(column.Len())))
		column.Release()
		m.ExtraNames, m.ExtraLogical = append(m.ExtraNames, name), append(m.ExtraLogical, logical)
		g.columns = append(g.columns, name)
		for i := range g.rows {
			g.rows[i] = append(g.rows[i], rows[i+2])
		}
	}
	for _, c := range extraCases() {
		column, rows := randomColumn(r, mem, c, m.Len()+2, nulls)
		add(c.name, c.logical, column, rows)
		if c.typ.ID() == arrow.NULL {
			continue
		}
		column, rows = randomLists(r, mem, c, m.Len()+2, nulls)
		add("list "+c.name, c.logical, column, rows)
	}
}

func randomColumn(r *rand.Rand, mem memory.Allocator, c extraCase, n int, nulls float64) (arrow.Array, []any) {
	b := array.NewBuilder(mem, c.typ)
	defer b.Release()
	rows := make([]any, n)
	for i := range rows {
		if r.Float64() < nulls {
			b.AppendNull()
		} else {
			rows[i] = c.one(r, b)
		}
	}
	return b.NewArray(), rows
}

func randomLists(r *rand.Rand, mem memory.Allocator, c extraCase, n int, nulls float64) (arrow.Array, []any) {
	b := array.NewListBuilder(mem, c.typ)
	defer b.Release()
	rows := make([]any, n)
	for i := range rows {
		if r.Float64() < nulls {
			b.AppendNull()
			continue
		}
		b.Append(true)
		list := []any{}
		for range r.IntN(4) {
			if r.Float64() < nulls {
				b.ValueBuilder().AppendNull()
				list = append(list, nil)
			} else {
				list = append(list, c.one(r, b.ValueBuilder()))
			}
		}
		rows[i] = list
	}
	return b.NewArray(), rows
}

// extraFiles has every type with no, some and only nulls, short and longer than a page of lists.
func extraFiles(t *testing.T) (files map[string][]byte, want map[string]grid) {
	var w Writer
	files, want = map[string][]byte{}, map[string]grid{}
	for name, c := range map[string]struct {
		users int
		nulls float64
	}{"full": {300, 0}, "nulls": {1000, .3}, "null": {70, 1}, "one": {1, 0}} {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		m := shapeOf{users: c.users, segments: 3, ids: ids.Int64, member: .4, stages: []int{2}}.random(1)
		g := expectMembership(m)
		withExtras(t, mem, m, &g, c.nulls)
		files[name], want[name] = must(w.Membership(m))(t), g
		m.Release()
		mem.AssertSize(t, 0)
	}
	return files, want
}

func TestExtraColumnsReadBack(t *testing.T) {
	files, want := extraFiles(t)
	for name := range files {
		sameGrid(t, name, readBack(t, files[name]), want[name])
	}
}

// notElsewhere names what these engines have no type for.
const notElsewhere = `{"duckdb": ["decimal 76", "list decimal 76"],
	"polars": ["null", "decimal 76", "list decimal 76", "json", "list json"]}`

// enumsAsBytes is how pyarrow sees ENUM.
func enumsAsBytes(v any) any {
	switch v := v.(type) {
	case string:
		return "x" + hex.EncodeToString([]byte(v))
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = enumsAsBytes(v[i])
		}
		return list
	}
	return v
}

func TestOtherReadersAgreeOnExtraColumns(t *testing.T) {
	files, want := extraFiles(t)
	skip := map[string]string{}
	for name := range files {
		skip[name] = notElsewhere
	}
	read := readElsewhere(t, files, skip)
	for name, g := range want {
		for c, column := range g.columns {
			if !strings.HasSuffix(column, "enum") {
				continue
			}
			for i := range g.rows {
				g.rows[i][c] = enumsAsBytes(g.rows[i][c])
			}
		}
		sameGrid(t, name, grid{columns: read[name].Columns, rows: read[name].Rows}, g)
	}
}
