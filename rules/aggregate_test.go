package rules

import (
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// listsOf is a column of lists; a nil list is null, and so is a nil element.
func listsOf(t testing.TB, of arrow.DataType, add func(b array.Builder, v any), rows ...[]any) arrow.Array {
	return build(t, arrow.ListOf(of), func(b *array.ListBuilder) {
		for _, row := range rows {
			b.Append(row != nil)
			for _, v := range row {
				if v == nil {
					b.ValueBuilder().AppendNull()
				} else {
					add(b.ValueBuilder(), v)
				}
			}
		}
	})
}

func addDouble(b array.Builder, v any) { b.(*array.Float64Builder).Append(v.(float64)) }
func addInt(b array.Builder, v any)    { b.(*array.Int64Builder).Append(int64(v.(int))) }
func addUint(b array.Builder, v any)   { b.(*array.Uint64Builder).Append(v.(uint64)) }
func addText(b array.Builder, v any)   { b.(*array.StringBuilder).Append(v.(string)) }
func addDay(b array.Builder, v any)    { b.(*array.Date32Builder).Append(arrow.Date32(v.(int))) }
func addCents(b array.Builder, v any) {
	b.(*array.Decimal128Builder).Append(decimal128.FromI64(int64(v.(int))))
}

func TestListAggregates(t *testing.T) {
	columns := columnsOf{
		"amounts": listsOf(t, arrow.PrimitiveTypes.Float64, addDouble, []any{12.0, nil, 50.0}, []any{}, nil, []any{nil}, []any{7.5}),
		"n":       listsOf(t, arrow.PrimitiveTypes.Int64, addInt, []any{3, 4}, []any{}, nil, []any{nil}, []any{-2, -2, nil, 5}),
		"u":       listsOf(t, arrow.PrimitiveTypes.Uint64, addUint, []any{uint64(3), uint64(4)}, []any{}, nil, []any{nil}, []any{uint64(1<<64 - 1)}),
		"names":   listsOf(t, arrow.BinaryTypes.String, addText, []any{"b", "a", nil}, []any{}, nil, []any{nil}, []any{"z"}),
		"days":    listsOf(t, arrow.FixedWidthTypes.Date32, addDay, []any{20000, 20001}, []any{}, nil, []any{nil}, []any{1}),
		"at":      instantLists(t, []string{"2026-01-01T00:00:00.000002Z", "2026-01-01T00:00:00.000001Z", ""}, []string{}, nil, []string{""}, []string{"2025-01-01T00:00:00Z"}),
		"floor":   int64s(t, 4, 0, 0, 0, 0),
	}
	question{}.wants(t, columns,
		`amounts.sum(a, a) == 62`, "TFUFF", `amounts.sum(a, a) == 0`, "FTUTF", `amounts.avg(a, a) == 31.0`, "TUUUF", `amounts.min(a, a) < 10`, "FUUUT", `amounts.max(a, a) == 50`, "TUUUF",
		`amounts.max(amounts, amounts) == 50`, "TUUUF", // the element hides the list
		`amounts.avg(a, a) == null`, "FTTTF", `amounts.sum(a, a) == null`, "FFTFF", `amounts.sum(a, a * 2) > 100`, "TFUFF", `amounts.sum(a, coalesce(a, 1.0)) == 63`, "TFUFF",
		`n.sum(x, x) == 7`, "TFUFF", `n.avg(x, x) == 3.5`, "TUUUF", `n.avg(x, x) < 0.34 && n.avg(x, x) > 0.33`, "FUUUT", `n.min(x, x) == -2`, "FUUUT", `n.max(x, x) == 5`, "FUUUT",
		`n.max(x, x) == floor`, "TUUUF", `n.sum(x, x > floor ? x : 0) == 5`, "FFUFT", `n.sum(x, 1) == 2`, "TFUFF", `n.sum(x, 10 / (x - 4)) > 0`, "EFUFT",
		`n.min(x, string(x)) == "-2"`, "FUUUT",
		`u.sum(x, x) == 7u`, "TFUFF", `u.sum(x, x + 1u) == 9u`, "TFUFE", `u.sum(x, x == x ? 18446744073709551615u : x) > 0u`, "EFUFT", `u.max(x, x) == 18446744073709551615u`, "FUUUT",
		`u.avg(x, x) == 18446744073709551615.0`, "FUUUT",
		`names.min(x, x) == "a"`, "TUUUF", `names.max(x, x) == "b"`, "TUUUF", `names.max(x, x.size()) == 1`, "TUUUT", `names.sum(x, x.size()) == 2`, "TFUFF",
		`days.max(d, d) == date("2024-10-05")`, "TUUUF", `days.min(d, d) < date("1970-01-03")`, "FUUUT",
		`at.min(x, x) == timestamp("2026-01-01T00:00:00.000001Z")`, "TUUUF", `at.max(x, x) == timestamp("2026-01-01T00:00:00.000002Z")`, "TUUUF",
		`at.max(x, now - x) > duration("1h")`, "TUUUT", `has(amounts.min(a, a))`, "TFFFT", `coalesce(amounts.max(a, a), 0.0) == 0.0`, "FTTTF",
		`amounts.filter(a, a > 20).sum(a, a) == 50`, "UFUUF", `[1, 2, 3].sum(x, x) == 6`, "TTTTT")
}

// TestSumsAreExact: the sum is rounded once, whatever the order; integers may leave 64 bits on the way, and not at the end.
func TestSumsAreExact(t *testing.T) {
	most, least := math.MaxInt64, math.MinInt64
	columns := columnsOf{
		"d": listsOf(t, arrow.PrimitiveTypes.Float64, addDouble,
			[]any{1e16, 1.0, -1e16}, []any{1.0, 1e16, -1e16}, []any{0.1, 0.2, 0.3}, []any{math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64}, []any{math.Inf(1), 1.0, math.Inf(-1)},
			[]any{math.NaN(), 1.0}, []any{math.Copysign(0, -1), math.Copysign(0, -1)}),
		"n": listsOf(t, arrow.PrimitiveTypes.Int64, addInt, []any{most, 1, -2}, []any{most, 1}, []any{least, -1}, []any{most, most, least, least, 2}, []any{}, []any{most, most}, []any{1}),
	}
	question{}.wants(t, columns, `d.sum(x, x) == 1.0`, "TTFFFFF", `d.sum(x, x) == 0.6`, "FFTFFFF", `d.sum(x, x) > 1e300`, "FFFTFFF", `d.sum(x, x) != d.sum(x, x)`, "FFFFTTF",
		`d.avg(x, x) == 0.2`, "FFTFFFF", `d.avg(x, x) == 1.0 / 3.0`, "TTFFFFF", `1.0 / d.sum(x, x) > 1e308`, "FFFFFFT", `d.min(x, x) == 1.0`, "FFFFFTF", `d.max(x, x) == 1.0`, "FFFFFTF",
		`n.sum(x, x) == 9223372036854775806`, "TEEFFEF", `n.sum(x, x) == 0`, "FEETTEF", `n.avg(x, x) == 9223372036854775807.0`, "FFFFUTF")
}

// TestSumsOfDecimals: decimals are added as decimals, where they come from a column and through choices, but not after arithmetic.
func TestSumsOfDecimals(t *testing.T) {
	cents := &arrow.Decimal128Type{Precision: 15, Scale: 2}
	orders := build(t, arrow.ListOf(arrow.StructOf(arrow.Field{Name: "amount", Type: cents, Nullable: true}, arrow.Field{Name: "paid", Type: arrow.FixedWidthTypes.Boolean})), func(b *array.ListBuilder) {
		for _, row := range [][]int64{{10, 20}, {3333, 3333, 3334}, {999999999999999, 1}, {-10, 0, 9999}, {}} {
			b.Append(true)
			for _, v := range row {
				s := b.ValueBuilder().(*array.StructBuilder)
				s.Append(v != 9999)
				s.FieldBuilder(0).(*array.Decimal128Builder).Append(decimal128.FromI64(v))
				s.FieldBuilder(1).(*array.BooleanBuilder).Append(v != 20)
			}
		}
	})
	columns := columnsOf{
		"orders": orders,
		"list":   listsOf(t, cents, addCents, []any{10, 20}, []any{3333, 3333, 3334}, []any{999999999999999, 1}, []any{-10, 0}, nil),
	}
	question{}.wants(t, columns, `orders.sum(o, o.amount) == 0.3`, "TFFFF", `orders.sum(o, o.amount) >= 100`, "FTTFF", `list.sum(x, x) == 0.3`, "TFFFU", `list.sum(x, x) == 100.0`, "FTFFU",
		`orders.sum(o, o.paid ? o.amount : 0.0) == 0.1`, "TFFFF", `orders.sum(o, o.paid ? o.amount : 0) == 0.1`, "TFFFF", `orders.sum(o, coalesce(o.amount, 0.05)) == -0.05`, "FFFTF", `orders.sum(o, -o.amount) == -0.3`, "TFFFF",
		`list.avg(x, x) == 0.15`, "TFFFU", `orders.avg(o, o.amount) == -0.05`, "FFFTU", `list.sum(x, x) == 10000000000000.0`, "FFTFU",
		`orders.sum(o, o.amount * 1.0) == 0.3`, "FFFFF")
}

func TestAggregatesAreRefused(t *testing.T) {
	columns := columnsOf{"tags": listsOf(t, arrow.BinaryTypes.String, addText, []any{"a"}), "n": int64s(t, 1)}
	for rule, want := range map[string]string{
		`tags.sum(x, x) > 1`:    "sum does not take (string)",
		`tags.avg(x, x) > 1`:    "avg does not take (string)",
		`tags.max(x, x > "a")`:  "max does not take (bool)",
		`tags.sum(x) > 1`:       "write l.sum(x, x.amount)",
		`tags.min(x.y, x) > 1`:  "names the element",
		`sum(tags) > 1`:         "sum() is a list's",
		`n.sum(x, x) > 1`:       "is no list",
		`tags.sum(x, null) > 1`: "sum does not take (null)",
	} {
		if got := (question{}).refuses(t, columns, rule); !strings.Contains(got, want) {
			t.Errorf("%s\n%s\ndoes not say %q", rule, got, want)
		}
	}
}
