package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
	"strata/pipeline/tables"
)

// pruneSchema is what the tables of this file are about.
func pruneSchema() *arrow.Schema {
	field := func(name string, t arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true}
	}
	return arrow.NewSchema([]arrow.Field{
		{Name: "user_id", Type: arrow.PrimitiveTypes.Int64},
		field("age", arrow.PrimitiveTypes.Int64), field("visits", arrow.PrimitiveTypes.Int32), field("ltv", arrow.PrimitiveTypes.Float64),
		field("price", &arrow.Decimal128Type{Precision: 9, Scale: 2}), field("country", arrow.BinaryTypes.String),
		field("seen", arrow.FixedWidthTypes.Timestamp_us), field("local", &arrow.TimestampType{Unit: arrow.Second}),
		field("born", arrow.FixedWidthTypes.Date32), field("active", arrow.FixedWidthTypes.Boolean), field("tags", arrow.ListOf(arrow.BinaryTypes.String)),
	}, nil)
}

// valuesAs makes an array of a type of texts.
func valuesAs(t testing.TB, typ arrow.DataType, texts ...string) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, typ)
	for _, text := range texts {
		if err := b.AppendValueFromString(text); err != nil {
			t.Fatal(err)
		}
	}
	return b.NewArray()
}

// told reads what a test says of columns, such as "age 10..20, ltv 1..2 null, country FR|DE": a range or values, and "null"
// where some of 100 rows are null, "all null", "nulls?" where it is not known how many are.
func told(t *testing.T, schema *arrow.Schema, text string) func(column string) tables.Statistics {
	out := map[string]tables.Statistics{}
	for _, part := range strings.Split(text, ", ") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		fields, _ := schema.FieldsByName(words[0])
		s := tables.Statistics{Rows: 100, Counted: true}
		for _, word := range words[1:] {
			switch {
			case word == "null":
				s.Nulls++
			case word == "all":
				s.Nulls = 99
			case word == "nulls?":
				s.Counted = false
			case strings.Contains(word, ".."):
				s.Bounds = valuesAs(t, fields[0].Type, strings.Split(word, "..")...)
			default:
				s.Values = valuesAs(t, fields[0].Type, strings.Split(word, "|")...)
			}
		}
		out[words[0]] = s
	}
	return func(column string) tables.Statistics { return out[column] }
}

func TestPossible(t *testing.T) {
	schema := pruneSchema()
	for _, tc := range []struct{ rule, told, want string }{
		// Comparisons, at the very ends.
		{`age > 20`, "age 10..20", "F"},
		{`age >= 20`, "age 10..20", "TF"},
		{`age >= 10`, "age 10..20", "T"},
		{`age < 10`, "age 10..20", "F"},
		{`age > 20`, "age 10..20 null", "FU"},
		{`age >= 10`, "age 10..20 null", "TU"},
		{`age >= 10`, "age 10..20 nulls?", "TU"},
		{`age > 20`, "age all null", "U"},
		{`age > 20`, "", "TFU"},
		{`age == 21`, "age 10..20", "F"},
		{`age == 15`, "age 10..20", "TF"},
		{`age != 21`, "age 10..20", "T"},
		{`age == 10`, "age 10..10", "T"},
		{`age == visits`, "age 10..20, visits 21..30", "F"},
		{`age < visits`, "age 10..20, visits 21..30 null", "TU"},
		{`age > 19.5`, "age 20..30", "T"},
		{`age in [1, 5, 40]`, "age 10..20", "F"},
		{`age in [1, 15, 40]`, "age 10..20", "TF"},
		{`age in [1, 15, 40]`, "age 15..15", "T"},
		{`country in ["ES", "IT"]`, "country DE..DK null", "FU"},
		{`country == "FR"`, "country DE|ES", "F"},
		{`country == "FR"`, "country DE|FR", "TF"},
		{`country.matches("^[A-F]")`, "country DE|ES", "T"},
		{`active`, "active true..true", "T"},
		{`!active`, "active true..true null", "FU"},
		{`active`, "active false..true", "TF"},
		// NaN is in no order: a bound of doubles never makes a comparison true everywhere.
		{`ltv > 800`, "ltv 1..500", "F"},
		{`ltv > 800`, "ltv 900..1000", "TF"},
		{`!(ltv > 800)`, "ltv 1..500", "T"},
		{`price > 8`, "price 9.01..10.00", "T"},
		{`price == 9.01`, "price 9.01..9.01", "T"},
		// Prefixes.
		{`country.startsWith("F")`, "country FA..FZ", "T"},
		{`country.startsWith("F")`, "country FA..G", "TF"},
		{`country.startsWith("F")`, "country G..H", "F"},
		{`country.like("F%")`, "country G..H", "F"},
		{`country.like("%F")`, "country G..H", "TF"},
		{`country.matches("^FR")`, "country G..H null", "FU"},
		// Algebra and null tests.
		{`age > 20 && country == "FR"`, "age 10..20", "F"},
		{`age > 20 && country == "FR"`, "age 10..20 null", "FU"},
		{`age > 5 || country == "FR"`, "age 10..20", "T"},
		{`age > 20 || country == "FR"`, "age 10..20, country DE..DK", "F"},
		{`age == null`, "age 10..20", "F"},
		{`age == null`, "age all null", "T"},
		{`age == null`, "age 10..20 nulls?", "TF"},
		{`is_true(age > 20)`, "age 10..20 null", "F"},
		{`coalesce(age, 0) > 20`, "age 10..20 null", "F"},
		{`coalesce(age, 30) > 25`, "age 10..20 null", "TF"},
		{`coalesce(age, 30) > 25`, "age 26..28 null", "T"},
		{`(age > 20 ? visits : 0) > 5`, "age 10..20", "F"},
		{`(age > 20 ? visits : 0) > 5`, "age 21..22, visits 6..7 null", "TU"},
		// Arithmetic, checked.
		{`age + 1 > 21`, "age 10..20", "F"},
		{`age + 1 > 10`, "age 10..9223372036854775807", "TE"},
		{`age * visits >= 50`, "age 5..6, visits 10..11", "T"},
		{`age - visits < 0`, "age 5..6, visits 10..11", "T"},
		{`age / visits == 0`, "age 5..6, visits 10..11", "T"},
		{`age / visits == 0`, "age 5..6, visits 0..11", "TFE"},
		{`age % 7 < 7`, "age 5..600", "T"},
		{`age / 0 > 1`, "age 5..6", "E"},
		{`-age < 0`, "age 5..6", "T"},
		{`double(age) > 4.5`, "age 5..6", "T"},
		{`ltv + 1.0 > 500.0`, "ltv 1..400", "F"},
		// Time: the run's now is 2026-11-02T23:00Z, midnight in Paris; today is 2026-11-02.
		{`older_than(seen, "30d")`, "seen 2026-10-20T00:00:00Z..2026-11-01T00:00:00Z", "F"},
		{`older_than(seen, "30d")`, "seen 2026-01-20T00:00:00Z..2026-03-01T00:00:00Z", "T"},
		{`within(seen, "30d")`, "seen 2026-10-20T00:00:00Z..2026-11-01T00:00:00Z null", "TU"},
		{`within(local, "30d")`, "local 2026-10-20T00:00:00..2026-10-29T00:00:00", "T"},
		{`within(local, "30d")`, "local 2026-10-20T00:00:00..2026-11-02T22:00:00", "TF"},
		{`year(seen) == 2025`, "seen 2026-01-20T00:00:00Z..2026-03-01T00:00:00Z", "F"},
		{`month(seen) <= 12`, "seen 2024-01-20T00:00:00Z..2026-03-01T00:00:00Z", "T"},
		{`month(seen) < 5`, "seen 2026-01-20T00:00:00Z..2026-03-01T00:00:00Z", "T"},
		{`days_since(seen) > 300`, "seen 2026-10-01T00:00:00Z..2026-11-01T00:00:00Z", "F"},
		{`age_years(born) >= 18`, "born 2010-01-01..2020-01-01", "F"},
		{`age_years(born) >= 18`, "born 1990-01-01..2008-11-02", "T"},
		{`age_years(born) >= 18`, "born 1990-01-01..2008-11-03", "TF"},
		{`add_days(born, 10) < today`, "born 2010-01-01..2020-01-01", "T"},
		{`seen - duration("24h") > now`, "seen 2026-01-20T00:00:00Z..2026-03-01T00:00:00Z", "F"},
		{`date(seen) == date("2026-05-01")`, "seen 2026-01-20T00:00:00Z..2026-03-01T00:00:00Z", "F"},
		// What has no rule may be anything.
		{`"vip" in tags`, "", "TFU"},
		{`tags.size() >= 0`, "", "TU"},
		{`country.size() < 0`, "", "FU"},
		{`bucket("s", 4) < 4`, "", "T"},
	} {
		step := testStep(tc.rule, func(s *Step) {
			s.Now = time.Date(2026, 11, 2, 23, 0, 0, 0, time.UTC)
			s.Today = int32(dayOf(s.Now))
		})
		plan, err := Compile(schema, []Step{step}, Options{UserID: "user_id"})
		if err != nil {
			t.Fatalf("%s: %v", tc.rule, err)
		}
		if got := plan.Possible(told(t, schema, tc.told))[0].String(); got != tc.want {
			t.Errorf("%s where %s: {%s}, want {%s}", tc.rule, tc.told, got, tc.want)
		}
	}
}

func TestPruningLeavesColumnsOut(t *testing.T) {
	schema := pruneSchema()
	step := stepOf("adults", `age >= 18 && country == "FR"`, "rich", `ltv > 800`, "seen", `older_than(seen, "30d") && visits > 3`)
	plan, err := Compile(schema, []Step{step}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ told, columns string }{
		{"", "age country ltv seen visits"},
		{"age 1..17", "ltv seen visits"},
		{"age 18..90", "country ltv seen visits"},
		{"age 18..90, country FR|FR, ltv 1..2", "seen visits"},
		{"age 1..17, ltv 1..2, visits 1..3", ""},
		{"age 1..17 null, ltv 1..2, visits 1..3", "age country"},
	} {
		if got := strings.Join(plan.Prune(told(t, schema, tc.told)).Columns(), " "); got != tc.columns {
			t.Errorf("where %s, columns %q are read, want %q", tc.told, got, tc.columns)
		}
	}
	if !slices.Equal(plan.Prune(func(string) tables.Statistics { return tables.Statistics{} }).Columns(), plan.Columns()) {
		t.Error("without statistics, other columns are read than the plan's")
	}
}

// BenchmarkPrune asks statistics about the nightly rules: once a row group, of a hundred thousand rows or more.
func BenchmarkPrune(b *testing.B) {
	config, err := configs.Load(shared(b, "nightly/strata.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	schema := nightlySchema()
	plan, err := Compile(schema, []Step{{Definitions: config.Definitions(), Now: time.Unix(1762041600, 0), Today: 20394}}, Options{UserID: "user_id"})
	if err != nil {
		b.Fatal(err)
	}
	stats := map[string]tables.Statistics{}
	for _, f := range schema.Fields() {
		bounds := map[arrow.Type][]string{arrow.STRING: {"A", "Z"}, arrow.INT32: {"0", "90"}, arrow.FLOAT64: {"0", "900"}, arrow.TIMESTAMP: {"2020-01-01T00:00:00Z", "2026-11-01T00:00:00Z"}}
		s := tables.Statistics{Rows: 1000, Counted: true, Nulls: 10}
		if ends := bounds[f.Type.ID()]; ends != nil {
			s.Bounds = valuesAs(b, f.Type, ends...)
		}
		stats[f.Name] = s
	}
	for b.Loop() {
		plan.Prune(func(column string) tables.Statistics { return stats[column] })
	}
}
