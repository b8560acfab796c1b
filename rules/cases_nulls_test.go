package rules

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
)

// Group B of CASES.md: null, negation, types, expressions.

func TestC017_SetNullEmptyAndTheWordNull(t *testing.T) {
	columns := columnsOf{"p": texts(t, nil, "null", "", "v")}
	question{}.wants(t, columns, `p != null`, "FTTT", `p == null`, "TFFF", `nonempty(p)`, "FTFT", `has(p)`, "FTTT", `null == p`, "TFFF", `is_null(p)`, "TFFF")
	declared := question{declare: []configs.ColumnDecl{{Name: "p", NullText: []string{"null"}}}}
	declared.wants(t, columns, `p != null`, "FFTT", `p == null`, "TTFF", `nonempty(p)`, "FFFT", `p == "null"`, "UUFF", `coalesce(p, "-") == "-"`, "TTFF")
}

func TestC019_NegatingAnOr(t *testing.T) {
	columns := columnsOf{"a": int64s(t, 1, 0, 0, 1, nil), "b": int64s(t, 0, 1, 0, 1, 0)}
	question{}.wants(t, columns, `!(a == 1 || b == 1)`, "FFTFU", `a != 1 && b != 1`, "FFTFU")
}

func TestC020_NotInASegment(t *testing.T) {
	columns := columnsOf{"id": int64s(t, 1, 2, 3, 4, 5), "country": texts(t, "DE", "DE", "DE", "FR", nil)}
	got := question{}.segments(t, columns, "b", `!segment("a")`, "a", `id in [1, 2]`, "c", `country == "DE" && !segment("a")`)
	if want := "FFTTT,TTFFF,FFTFU"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestC020_UnknownIsNotAMember: segment("x") is two-valued, so its negation holds for those whom the rule does not know.
func TestC020_UnknownIsNotAMember(t *testing.T) {
	columns := columnsOf{"n": int64s(t, 10, nil, 0)}
	got := question{}.segments(t, columns, "a", `n > 5`, "b", `!segment("a")`, "failing", `10 / n > 1`, "c", `segment("failing")`)
	if want := "TUF,FTT,FUE,FFF"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestC022_BooleanNull(t *testing.T) {
	columns := columnsOf{"opt_in": bools(t, true, false, nil)}
	question{}.wants(t, columns, `opt_in == false`, "FTU", `opt_in != true`, "FTU", `!opt_in`, "FTU", `is_true(opt_in)`, "TFF", `!is_true(opt_in)`, "FTT")
}

func TestC023_EmptyNullAndBlank(t *testing.T) {
	columns := columnsOf{"v": texts(t, nil, "", " ", "a")}
	question{}.wants(t, columns, `empty(v)`, "TTFF", `empty(v.trim())`, "TTTF", `nonempty(v)`, "FFTT", `empty(trim(v))`, "TTTF")
}

func TestC025_NotInWithNull(t *testing.T) {
	columns := columnsOf{"plan": texts(t, "a", "z", nil), "other": texts(t, nil, "z", "q")}
	question{}.wants(t, columns, `!(plan in ["a", "b"])`, "FTU", `plan in ["a", "b"]`, "TFU",
		`plan in ["a", other]`, "TTU", `plan in [other, "a"]`, "TTU", `plan in ["b", other]`, "UTU", `plan in []`, "FFU")
}

func TestC026_EndToEnd(t *testing.T) {
	columns := columnsOf{"id": int64s(t, 7, 8), "company_id": texts(t, nil, "acme")}
	got := question{}.segments(t, columns, "it", `hash_split("s", 0.5, company_id)`, "all", `hash_split("s", 1.0, company_id)`, "none", `hash_split("s", 0, company_id)`)
	if got[0][0] != 'U' || got[0][1] == 'U' || got[1] != "UT" || got[2] != "UF" {
		t.Errorf("got %v: a user without the key is in no bucket", got)
	}
}

func TestC028_TextsAsInstants(t *testing.T) {
	columns := columnsOf{"ts": texts(t, "2024-04-18T20:47:17.945Z", "18/04/2024", nil), "at": instants(t, "2024-04-18T20:47:17.945Z", "", "")}
	question{}.wants(t, columns, `date(timestamp(ts)) < date("2024-04-19")`, "TEU", `date(at) < date("2024-04-19")`, "TUU")
	for rule, hint := range map[string]string{
		`timestamp(ts) < date("2024-04-19")`: "date(x) to compare days",
		`at < "2024-04-19"`:                  `timestamp("2026-11-02T00:00:00Z")`,
		`at < date("2024-04-19")`:            "date(x) to compare days",
	} {
		if got := (question{}).refuses(t, columns, rule); !strings.Contains(got, hint) {
			t.Errorf("%s\n%s\nhas no hint %q", rule, got, hint)
		}
	}
}

func TestC029_FromTextToAnswer(t *testing.T) {
	columns := columnsOf{"x": int64s(t, 9007199254740993, 9007199254740992, 9223372036854775807), "d": build(t, arrow.PrimitiveTypes.Float64, func(b *array.Float64Builder) {
		b.AppendValues([]float64{9007199254740992, 9007199254740992, 9223372036854775808}, nil)
	})}
	for rule, want := range map[string]string{
		`x == 9007199254740992.0`: "FTF", `x < 9223372036854775808.0`: "TTT", `x in [9007199254740992.0]`: "FTF",
		`9223372036854775807 < 9223372036854775808.0`: "TTT", `x == d`: "FTF", `x > d`: "TFF", `d < x`: "TFF", `x >= d`: "TTF", `x != d`: "TFT",
		`d == 9007199254740992`: "TTF",
		// What follows has no kernel: cel-go's interpreter evaluates it.
		`[x].map(i, i)[0] > d`: "TFF", `[x].exists(i, i == d)`: "FTF", `[d].all(i, i > x)`: "FFT", `x in [d].map(i, i)`: "FTF", `[x].map(i, i)[0] != d`: "TFT",
		`[x, 5].filter(i, i in [9007199254740992.0]).size() == 1`: "FTF",
	} {
		if got := (question{}).segments(t, columns, "it", rule)[0]; got != want {
			t.Errorf("%s: got %s, want %s", rule, got, want)
		}
	}
}

func TestC030_ComparisonsWithNull(t *testing.T) {
	question{}.wants(t, columnsOf{"v": texts(t, nil, "t"), "n": int64s(t, nil, 5)}, `v == null`, "TF", `n > 3`, "UT", `n == null`, "TF", `!(n == null)`, "FT")
}

func TestC031_ErrorBesideOr(t *testing.T) {
	columns := columnsOf{"plan": texts(t, "pro", "free", "free"), "logins": int64s(t, 1, 1, 9), "days": int64s(t, 0, 0, 3)}
	question{}.wants(t, columns, `plan == "pro" || logins / days > 2`, "TET", `logins / days > 2 || plan == "pro"`, "TET",
		`plan == "free" && logins / days > 2`, "FET", `logins / days > 2 && plan == "free"`, "FET", `!(logins / days > 2) || plan == "pro"`, "TEF")
}

func TestC033_Overflow(t *testing.T) {
	columns := columnsOf{"cents": int64s(t, 9223372036854775807, 5, nil), "least": int64s(t, -9223372036854775808, 1, 1)}
	question{}.wants(t, columns, `cents + 1 > 0`, "ETU", `1 + cents > 0`, "ETU", `cents * 2 > 0`, "ETU", `-least != 0`, "ETT", `least - 1 < 0`, "EFF",
		`least / -1 > 0`, "EFF", `least % -1 == 0`, "ETT")
}

// TestC034_LargeIDs: 64-bit ids are exact beside nulls, in comparisons and in lists.
func TestC034_LargeIDs(t *testing.T) {
	list, err := NewList([]byte("9007199254740993\n5\n"))
	if err != nil {
		t.Fatal(err)
	}
	columns := columnsOf{"id": int64s(t, 9007199254740993, nil, 5, 9007199254740992)}
	question{lists: map[string]*List{"a.txt": list}}.wants(t, columns, `id in file("a.txt")`, "TUTF", `id == 9007199254740993`, "TUFF", `id in [9007199254740993, 7]`, "TUFF")
}

func TestC126_BytesAgainstText(t *testing.T) {
	columns := columnsOf{"country": build(t, arrow.BinaryTypes.Binary, func(b *array.BinaryBuilder) { b.Append([]byte("DE")); b.Append([]byte("FR")); b.AppendNull() })}
	if got := (question{}).refuses(t, columns, `country == "DE"`); !strings.Contains(got, "as: string") {
		t.Error(got)
	}
	question{declare: []configs.ColumnDecl{{Name: "country", As: "string"}}}.wants(t, columns, `country == "DE"`, "TFU", `country in ["DE", "IT"]`, "TFU")
}

// TestC152_LeadingZeros: a text column is compared with texts only.
func TestC152_LeadingZeros(t *testing.T) {
	columns := columnsOf{"zip": texts(t, "01234", "1234", nil)}
	question{}.wants(t, columns, `zip == "01234"`, "TFU")
	if got := (question{}).refuses(t, columns, `zip == 01234`); !strings.Contains(got, "in quotes") {
		t.Error(got)
	}
}
