package rules

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// TestFoundByFuzzing holds rules that random ones found answered wrongly, whole and row by row. The columns: a list of structs
// with none, a null, one and two of them; a map; an instant.
func TestFoundByFuzzing(t *testing.T) {
	pair := arrow.StructOf(arrow.Field{Name: "f", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		arrow.Field{Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64), Nullable: true})
	columns := columnsOf{
		"l": build(t, arrow.ListOf(pair), func(b *array.ListBuilder) {
			for _, elements := range []int{0, -1, 1, 2} {
				b.Append(elements >= 0)
				for range elements {
					one := b.ValueBuilder().(*array.StructBuilder)
					one.Append(true)
					one.FieldBuilder(0).(*array.BooleanBuilder).Append(true)
					one.FieldBuilder(1).AppendNull()
				}
			}
		}),
		"s": texts(t, nil, "a", "b", ""),
		"at": build(t, arrow.FixedWidthTypes.Timestamp_s, func(b *array.TimestampBuilder) {
			b.AppendValues([]arrow.Timestamp{0, 1, 2, 3}, []bool{true, false, true, true})
		}),
	}
	rec := record(t, columns)
	for rule, want := range map[string]string{
		`l[1].f`:                                      "EUET", // the error of the index was lost where no row of a slice had a struct
		`l[1].m.plan == 3`:                            "EUEU",
		`l[5].m["a"] == 3`:                            "EUEE",
		`[s in []].map(x, x)[0]`:                      "UFFF", // the interpreter's optimization made false of unknown
		`at.getHours("no" + "where") == 0`:            "EUEE", // a zone that does not exist was UTC
		`date(at, "no" + "where") == today`:           "EUEE",
		`math.greatest(size(s), 0.5) == null`:         "TFFF", // no vec holds what may be an int or a double
		`at.getHours("UT" + "C") == 0`:                "TUTT",
		`at.getHours("Lo" + "cal") == 0`:              "EUEE", // the zone of the machine
		`at.getHours(s == "" ? "UTC" : "Local") == 0`: "UUET",
		`at.getHours("01:00") == 1`:                   "TUTT", // offsets go without a sign, too
		`at.getHours("-08" + ":00") == 16`:            "TUTT",
		`s.split("")[0] in ["a"] && 1u <= 1`:          "UTFE",
	} {
		for _, batch := range []int{0, 1} {
			if got, _, err := engine(t, testStep(rule, nil), rec, "", batch); err != nil || got != want {
				t.Errorf("%s in slices of %d: got %s, %v, want %s", rule, batch, got, err, want)
			}
		}
		if o, err := newOracle(testStep(rule, nil), rec, ""); err != nil || o.answers() != want {
			t.Errorf("%s: the oracle says %s, %v, want %s", rule, o.answers(), err, want)
		}
	}
}

// TestPopulationOfNoOneType: what may be an int or a double has no order of its own, and the fault says so.
func TestPopulationOfNoOneType(t *testing.T) {
	rec := record(t, columnsOf{"n": int64s(t, 1, nil), "d": doubles(t, 0.5, nil)})
	_, err := Compile(rec.Schema(), []Step{testStep(`rank(math.greatest(n, d)) == 1`, nil)}, Options{})
	if err == nil || !strings.Contains(err.Error(), "are of no one type") {
		t.Errorf("Compile() = %v", err)
	}
}
