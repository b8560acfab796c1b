package rules

import (
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// TestTextFunctionsByExample counts characters, not bytes, and refuses places that a text does not have.
func TestTextFunctionsByExample(t *testing.T) {
	columns := columnsOf{
		"s": texts(t, "ann@example.com", "é@ü", "", nil, "@@", "\xffa@b"), "n": int64s(t, 1, 0, -1, 2, nil, 9),
		"tags": listsOf(t, arrow.BinaryTypes.String, addText, []any{"a", "b"}, []any{}, nil, []any{"a", nil}, []any{"é"}, []any{""}),
	}
	question{}.wants(t, columns,
		`s.charAt(0) == "é"`, "FTFUFF", `s.charAt(3) == ""`, "FTEUEF", `s.charAt(n) == "n"`, "TFEUUE", `s.substring(1) == "@ü"`, "FTEUFF", `s.substring(0, 3) == "ann"`, "TFEUEF",
		`s.substring(n, 2) == "n"`, "TFEUUE", `s.substring(2, 1) == ""`, "EEEUEE", `s.indexOf("@") == 1`, "FTFUFF", `s.indexOf("@", 1) == 1`, "FTFUTF", `s.indexOf("@", n) == 0`, "FFEUUF",
		`s.indexOf("") == 0`, "TTTUTT", `s.indexOf("ü", 5) == -1`, "TTTUTT", `s.lastIndexOf("@") == 1`, "FTFUTF", `s.lastIndexOf("e", 5) == 4`, "TFFUFF", `s.lastIndexOf("", 9) == 2`, "FFFUTF",
		`s.lastIndexOf("@", -1) == 0`, "EEEUEE", `s.replace("@", "") == "éü"`, "FTFUFF", `s.replace("@", "-", 1) == "-@"`, "FFFUTF", `s.replace("", "-", n) == "-é@ü"`, "FFFUUF",
		`s.reverse() == "ü@é"`, "FTFUFF", `s.lowerAscii().upperAscii() == "É@Ü"`, "FFFUFF")
	question{}.wants(t, columns,
		`s.split("@")[1] == "example.com"`, "TFEUFF", `s.split("@").size() == 2`, "TTFUFT", `"ü" in s.split("@")`, "FTFUFF", `s.split("@", n).size() == 1`, "TFTUUF", `s.split("").size() == 2`, "FFFUTF",
		`s.split("@").exists(p, p.endsWith(".com"))`, "TFFUFF", `s.split("@").join("-") == "é-ü"`, "FTFUFF", `s.split("@")[n] == "ü"`, "FFEUUE", `empty(s.split("@"))`, "FFFTFF",
		`s.split("@").max(p, p.size()) == 11`, "TFFUFF", `s.split("@") == ["", "", ""]`, "FFFUTF", `s.split("@").all(p, p.split(".").size() > 1)`, "FFFUFF",
		`tags.join() == "ab"`, "TFUEFF", `tags.join("-") == "a-b"`, "TFUEFF", `tags.join(s) == "é"`, "FFUUTF", `tags.join(", ").size() == 0`, "FTUEFT")
}

func TestMathByExample(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	columns := columnsOf{
		"d": build(t, arrow.PrimitiveTypes.Float64, func(b *array.Float64Builder) {
			b.AppendValues([]float64{2.5, -2.5, nan, inf, 0, math.Copysign(0, -1)}, nil)
			b.AppendNull()
		}),
		"n": int64s(t, 3, -3, math.MinInt64, math.MaxInt64, 0, nil, 1),
		"u": build(t, arrow.PrimitiveTypes.Uint64, func(b *array.Uint64Builder) {
			b.AppendValues([]uint64{4, 0, 1 << 63, math.MaxUint64, 1, 9, 2}, nil)
		}),
	}
	question{}.wants(t, columns,
		`math.greatest(d, 0) == 2.5`, "TFEFFFU", `math.least(d, n) < 0`, "FTEFFUU", `math.greatest(n, 3, 5) == 5`, "TTTFTUT", `math.least(d, 1.5, 0) == 0`, "TFETTTU", `math.greatest(n) == 3`, "TFFFFUF",
		`math.greatest([n, 3]) == 3`, "TTTFTUT", `math.least(u, 5u) == 4u`, "TFFFFFF", `math.abs(n) == 3`, "TTEFFUF", `math.abs(d) == 2.5`, "TTFFFFU", `math.abs(u) == u`, "TTTTTTT",
		`math.ceil(d) == -2`, "FTFFFFU", `math.floor(d) == -3`, "FTFFFFU", `math.round(d) == -3`, "FTFFFFU", `math.trunc(d) == -2`, "FTFFFFU", `math.round(d) == 3`, "TFFFFFU",
		`math.sign(d) == -1`, "FTFFFFU", `math.sign(n) == 1`, "TFFTFUT", `math.sign(u) == 1u`, "TFTTTTT", `math.sqrt(u) == 2.0`, "TFFFFFF", `math.sqrt(n) == 0`, "FFFFTUF", `math.isNaN(math.sqrt(n))`, "FTTFFUF",
		`math.isNaN(d)`, "FFTFFFU", `math.isInf(d)`, "FFFTFFU", `math.isFinite(d)`, "TTFFTTU", `math.bitAnd(n, 1) == 1`, "TTFTFUT", `1.0 / math.sign(d) > 0`, "TFFTTTU")
	if got := (question{}).refuses(t, columns, `math.round(n) > 3`); !strings.Contains(got, "math.round does not take (int)") {
		t.Error(got)
	}
}
