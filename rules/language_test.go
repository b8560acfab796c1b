package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"strata/configs"
)

// The language by example: answers written by hand, so that a fault which engine and oracle share (they have the same front
// end) shows. T true, F false, U unknown, E error, a letter a row.

// doubles is a float64 column; nil is null.
func doubles(t testing.TB, values ...any) arrow.Array {
	return build(t, arrow.PrimitiveTypes.Float64, func(b *array.Float64Builder) {
		for _, v := range values {
			if v == nil {
				b.AppendNull()
			} else {
				b.Append(v.(float64))
			}
		}
	})
}

// textLists is a column of lists of texts; a nil list, and a nil text, is null.
func textLists(t testing.TB, rows ...[]any) arrow.Array {
	return build(t, arrow.ListOf(arrow.BinaryTypes.String), func(b *array.ListBuilder) {
		for _, row := range rows {
			b.Append(row != nil)
			for _, v := range row {
				if v == nil {
					b.ValueBuilder().AppendNull()
				} else {
					b.ValueBuilder().(*array.StringBuilder).Append(v.(string))
				}
			}
		}
	})
}

func scalarColumns(t testing.TB) columnsOf {
	return columnsOf{
		"n": int64s(t, 1, 2, 3, nil), "ltv": doubles(t, 100., .5, 3., nil), "s": texts(t, "a", "B", nil, "é"), "b": bools(t, true, false, nil, true),
		"tags": textLists(t, []any{"vip", nil}, []any{}, []any{"x"}, nil),
		"u": build(t, arrow.PrimitiveTypes.Uint64, func(b *array.Uint64Builder) {
			b.AppendValues([]uint64{1 << 63, 5, 0, 0}, []bool{true, true, true, false})
		}),
		"f32": build(t, arrow.PrimitiveTypes.Float32, func(b *array.Float32Builder) {
			b.AppendValues([]float32{.1, .5, 3, 0}, []bool{true, true, true, false})
		}),
	}
}

func TestNumbersByExample(t *testing.T) {
	question{}.wants(t, scalarColumns(t),
		`ltv == 100`, "TFFU", `ltv in [1, 3]`, "FFTU", `ltv in [1, 0.5]`, "FTFU", `ltv * 2 > 3`, "TFTU", `(ltv > 0 ? ltv : 0) == 100`, "TFFU", `-ltv < 0`, "TTTU",
		`ltv - 1 < n`, "FTTU", `ltv / 0.0 > 1.0`, "TTTU", `n == ltv`, "FFTU", `double(n) == ltv`, "FFTU", `int(ltv) == 100`, "TFFU", `n in [1.0, 2.5]`, "TFFU",
		`u == 5`, "FTFU", `u > -1`, "TTTU", `u in [5, 0]`, "FTTU", `u == n`, "FFFU", `u > n`, "TTFU", `f32 == 0.1`, "FFFU", `f32 < 0.2`, "TFFU",
		`n / 2 * 2 == n`, "FTFU", `n % 2 == 1`, "TFTU", `7 / n > 2`, "TTFU", `1 / (n - 2) > 0`, "FETU", `-n < 0`, "TTTU", `-7 / 2 == -3 && -7 % 2 == -1`, "TTTT",
		`math.greatest(n, 2) == 2`, "TTFU", `math.abs(n) == 1`, "TFFU", `string(n) == "1"`, "TFFU", `type(n) == int`, "TTTU", `1/0 == 1`, "EEEE", `n in [2, 3, 2]`, "FTTU")
}

func TestLogicByExample(t *testing.T) {
	question{}.wants(t, scalarColumns(t),
		`b`, "TFUT", `b == true`, "TFUT", `b in [true]`, "TFUT", `b == (n == 1)`, "TTUU", `b ? n == 1 : s == "B"`, "TTUU", `is_true(b) ? n == 1 : n == 3`, "TFTU",
		`n > 1 || true`, "TTTT", `n > 1 && false`, "FFFF", `1 / (n - 2) > 0 && false`, "FFFF", `true`, "TTTT", `null == null`, "TTTT", `null != null`, "FFFF",
		`coalesce(b, n == 3)`, "TFTT", `coalesce(n, 0) + 1 == 1`, "FFFT", `coalesce(ltv, 0) == 0`, "FFFT", `coalesce(s, "x") == "x"`, "FFTF", `coalesce(s, coalesce(s, "y")) == "y"`, "FFTF",
		`has(n)`, "TTTF", `n != null && s != null`, "TTFF", `!(n in [1])`, "FTTU", `!(n in [1, n])`, "FFFU", `n in [n]`, "TTTU", `is_null(n) || n > 2`, "FFTT")
}

func TestTextsByExample(t *testing.T) {
	question{}.wants(t, scalarColumns(t),
		`s == "é" || n == null`, "FFUT", `s.size() == 1`, "TTUT", `s.lowerAscii() == "b"`, "FTUF", `s.iequals("É")`, "FFUT", `s.like("_")`, "TTUT", `s.like("%a")`, "TFUF",
		`s.startsWith("a") || s.endsWith("B")`, "TTUF", `s + "x" == "ax"`, "TFUF", `s > "a"`, "FFUT", `s < "a"`, "FTUF", `int(s) == 1`, "EEUE", `s.matches("^[a-z]$")`, "TFUF",
		`s.contains("")`, "TTUT", `s.replace("a", "z") == "z"`, "TFUF", `s.charAt(0) == "é"`, "FFUT", `"a" in ["a"]`, "TTTT")
}

func TestListsByExample(t *testing.T) {
	question{}.wants(t, scalarColumns(t),
		`tags.exists(t, t == "vip")`, "TFFU", `tags.exists(t, t == "zzz")`, "UFFU", `"zzz" in tags`, "FFFU", `"vip" in tags`, "TFFU", `tags.all(t, t != "zzz")`, "UTTU",
		`tags.count(t, t == "vip") == 1`, "TFFU", `tags.exists_one(t, t == "vip")`, "UFFU", `size(tags) == 0`, "FTFU", `empty(tags)`, "FTFT", `nonempty(tags)`, "TFTF", `tags == null`, "FFFT",
		`tags[0] == "vip"`, "TEFU", `tags[1] == "vip"`, "UEEU", `tags.exists(t, t == null)`, "TFFU", `tags.exists(t, has(t) && t == s)`, "FFUU", `tags.filter(t, t == "vip").size() == 1`, "UFFU",
		`s in tags`, "FFUU", `[1, 2, 3].exists(x, x == n)`, "TTTU", `[1, 2, 3].exists(x, n > x)`, "FTTU", `tags.exists(t, tags.exists(v, t == v))`, "TFTU",
		`tags.map(t, t + "1").exists(t, t == "x1")`, "UFTU", `{"a": 1}["a"] == n`, "TFFU", `tags == ["x"]`, "FFTU")
}

// TestTraitsKeepTheirMacros: what a trait's macros were called with is copied with it, so that a part that is interpreted can be
// spelled.
func TestTraitsKeepTheirMacros(t *testing.T) {
	columns := columnsOf{"l": listsOf(t, arrow.PrimitiveTypes.Int64, addInt, []any{1, 2, 3}, []any{}, nil)}
	few := configs.Trait{Name: "few", Value: configs.NewExpr(`l.filter(x, l.exists(y, y > x)).size() < 3`)}
	some := configs.Trait{Name: "some", Value: configs.NewExpr(`l.map(x, l.filter(y, y > x).size())`)}
	both := question{traits: []configs.Trait{few, some}}
	both.wants(t, columns, `few && few || few`, "TTU", `few == (l.sum(x, x) > 5)`, "TFU", `some.exists(n, n == 2) || few`, "TTU", `some == [2, 1, 0] && few`, "TFU")
}

func TestTraitsByExample(t *testing.T) {
	value := configs.NewExpr
	question{traits: []configs.Trait{
		{Name: "either", Value: value("b || n == 2")},
		{Name: "neither", Value: value("!either")},
		{Name: "total", Value: value("n + 1")},
		{Name: "list", Value: value("tags")},
		{Name: "vip", Value: value(`tags.exists(t, t == "vip")`)},
		{Name: "limit", Value: value("2")},
	}}.wants(t, scalarColumns(t),
		`either && n < 10`, "TTUU", `!either && n < 10`, "FFUF", `neither`, "FFUF", `total * 2 == 6`, "FTFU", `-total == -2`, "TFFU", `list.size() == 2`, "TFFU", `vip`, "TFFU", `!vip`, "FTTU",
		`list.exists(t, t == "x") || vip`, "TFTU", `[total].exists(total_, total_ == 3)`, "FTFU", `ltv > limit`, "TFTU")
}

func TestNestedByExample(t *testing.T) {
	address := build(t, arrow.StructOf(
		arrow.Field{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true}, arrow.Field{Name: "zip", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	), func(b *array.StructBuilder) {
		city, zip := b.FieldBuilder(0).(*array.StringBuilder), b.FieldBuilder(1).(*array.Int32Builder)
		b.Append(true)
		city.Append("Paris")
		zip.Append(75000)
		b.Append(true)
		city.AppendNull()
		zip.Append(1)
		b.AppendNull()
	})
	props := build(t, arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String), func(b *array.MapBuilder) {
		key, item := b.KeyBuilder().(*array.StringBuilder), b.ItemBuilder().(*array.StringBuilder)
		b.Append(true)
		key.Append("plan")
		item.Append("pro")
		key.Append("none")
		item.AppendNull()
		b.Append(true)
		b.AppendNull()
	})
	question{}.wants(t, columnsOf{"address": address, "props": props},
		`address.city == "Paris"`, "TUU", `has(address.city)`, "TFF", `address.zip > 1`, "TFU", `address == null`, "FFT", `address.city == null`, "FTT",
		`props["plan"] == "pro"`, "TUU", `props.plan == "pro"`, "TUU", `has(props.plan)`, "TFF", `"plan" in props`, "TFU", `"none" in props`, "TFU", `is_null(props["none"])`, "TTT",
		`props.size() == 2`, "TFU", `props == null`, "FFT", `props.exists(k, k == "plan")`, "TFU")
}

func TestColumnTypesByExample(t *testing.T) {
	decimal := func(precision int32, values ...int64) arrow.Array {
		return build(t, &arrow.Decimal128Type{Precision: precision, Scale: 2}, func(b *array.Decimal128Builder) {
			for _, v := range values {
				b.Append(decimal128.FromI64(v))
			}
		})
	}
	local := build(t, &arrow.TimestampType{Unit: arrow.Second}, func(b *array.TimestampBuilder) {
		b.Append(1774746000) // 2026-03-29 01:00 on the wall
		b.Append(1774753200) // 03:00
	})
	coded := build(t, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, func(b *array.BinaryDictionaryBuilder) {
		if err := b.AppendString("x"); err != nil {
			t.Fatal(err)
		}
		b.AppendNull()
	})
	columns := columnsOf{"price": decimal(9, 1999, -5), "huge": decimal(29, 1999, -5), "local": local, "plan": coded, "nothing": array.NewNull(2), "text": texts(t, "2026-03-29", "no"), "number": texts(t, "12", "n/a")}
	declare := []configs.ColumnDecl{
		{Name: "about", Column: "huge", As: "double"}, {Name: "day", Column: "text", As: "date"}, {Name: "count", Column: "number", As: "int", NullText: []string{"n/a"}},
	}
	question{zone: "Europe/Paris", declare: declare}.wants(t, columns,
		`price == 19.99`, "TF", `price < 0`, "FT", `about > 19.0`, "TF", `local == timestamp("2026-03-29T00:00:00Z")`, "TF", `local == timestamp("2026-03-29T01:00:00Z")`, "FT", `hour(local) == 3`, "FT",
		`plan == "x"`, "TU", `nothing == null`, "TT", `nothing > 3`, "UU", `day == date("2026-03-29")`, "TE", `count == 12`, "TU", `count == null`, "FT")
}

func TestUUIDsByExample(t *testing.T) {
	uuids := build(t, &arrow.FixedSizeBinaryType{ByteWidth: 16}, func(b *array.FixedSizeBinaryBuilder) {
		b.Append([]byte("\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00"))
		b.AppendNull()
	})
	columns := columnsOf{"id": uuids, "typed": texts(t, "123E4567-E89B-12D3-A456-426614174000", "x")}
	if got := (question{}).refuses(t, columns, `id == "123e4567-e89b-12d3-a456-426614174000"`); got == "" {
		t.Error("bytes are compared with text")
	}
	question{declare: []configs.ColumnDecl{{Name: "key", Column: "id", As: "uuid"}, {Name: "canonical", Column: "typed", As: "uuid"}}}.wants(t, columns,
		`key == "123e4567-e89b-12d3-a456-426614174000"`, "TU", `canonical == "123e4567-e89b-12d3-a456-426614174000"`, "TE", `key == canonical`, "TE")
}

// TestNodesThatPrintAlikeStayApart: a text that spells the end of one constant and the start of another is one constant.
func TestNodesThatPrintAlikeStayApart(t *testing.T) {
	columns := columnsOf{"s": texts(t, "a", "b", "a 0 0} {false 0 0 0 b")}
	got := question{}.segments(t, columns, "two", `s in ["a", "b"]`, "one", `s in ["a 0 0} {false 0 0 0 b"]`)
	if got[0] != "TTF" || got[1] != "FFT" {
		t.Errorf("got %v", got)
	}
}

// TestRulesThatGrow: what grows when it is rewritten is refused, not copied until memory ends.
func TestRulesThatGrow(t *testing.T) {
	columns := columnsOf{"n": int64s(t, 1)}
	long := "(" + strings.Repeat("n>1||", 2_000) + "n>1)"
	if got := (question{}).refuses(t, columns, long+" in ["+strings.Repeat("n>2,", 10_000)+"true]"); !strings.Contains(got, "too long") {
		t.Error(got)
	}
	doubling := question{traits: []configs.Trait{{Name: "t0", Value: configs.NewExpr("n > 1")}}}
	for i := range 40 {
		doubling.traits = append(doubling.traits, configs.Trait{Name: fmt.Sprint("t", i+1), Value: configs.NewExpr(fmt.Sprintf("is_true(t%d) || t%d", i, i))})
	}
	if got := doubling.refuses(t, columns, "t40"); !strings.Contains(got, "more than 100000 parts") {
		t.Error(got)
	}
}
