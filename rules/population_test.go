package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
	"strata/pipeline/tables"
)

// populationShapes are the columns that population functions take.
var populationShapes = []string{
	"int8", "int16", "int64", "uint8", "uint32", "uint64", "float32", "float64", "decimal", "dict_int", "date", "duration_ms", "ts_s", "ts_us", "ts_ns",
	"ts_local", "dict_i64", "dict_ts", "null",
}

// populationRule says something about a population function of an expression over column x, whose kind is k.
func populationRule(s *sampler, k kind) string {
	of := "x"
	switch s.rng.IntN(4) {
	case 0:
		literal := map[kind]string{kindInt: "2", kindUint: "2u", kindDouble: "0.5", kindDate: "today", kindTimestamp: "now", kindDuration: `duration("1h")`}[k]
		if literal != "" {
			of = fmt.Sprintf("coalesce(x, %s)", literal)
		}
	case 1:
		if k == kindInt || k == kindDouble {
			of = "x / y" // may fail
		}
	}
	rules := []string{
		"rank(%s) <= %d", "rank(%s) == %d", "math.abs(rank(%s)) > %d", "rank(%s) %% 3 == %d", "rank(%[1]s) < rank(y) + %[2]d",
		"ntile(%[1]s, %[2]d) == 1", "ntile(%[1]s, %[2]d) > 1 && ntile(%[1]s, %[2]d) < 4", "[1, 2].exists(i, ntile(%[1]s, %[2]d) == i)",
		"top(%s, %d)", "!top(%s, %d)", "is_null(rank(%[1]s)) || top(%[1]s, %[2]d)", "top(%[1]s, %[2]d) ? ntile(%[1]s, 3) == 2 : rank(%[1]s) > 5",
	}
	if isNumber(k) {
		q := one(s, []string{"0", "0.07", "0.25", "0.5", "0.9", "1"})
		rules = append(rules,
			"x >= quantile(%[1]s, "+q+")", "double(x) < quantile(%[1]s, "+q+")", "double(y) <= mean(%[1]s)", "is_null(quantile(%[1]s, 0.5))", "is_null(mean(x))",
			"coalesce(quantile(%[1]s, "+q+"), 7.0) > 0.0 || mean(%[1]s) > 1.0", "math.floor(mean(%[1]s)) < 3.0", "mean(%[1]s) == quantile(%[1]s, "+q+")")
	}
	text := one(s, rules)
	if !strings.Contains(text, "%d") && !strings.Contains(text, "[2]") {
		return fmt.Sprintf(text, of)
	}
	return fmt.Sprintf(text, of, 1+s.rng.IntN(7))
}

// checkPopulation compares engine and oracle on random population functions of random columns.
func checkPopulation(t *testing.T, seed uint64) (checked int) {
	s := newSampler(t, seed, []int{0, 10, 40, 100}[seed%4])
	rows := one(s, []int{0, 1, 2, 5, 63, 64, 65, 130})
	shape := one(s, populationShapes)
	x := s.column(shape, rows)
	columns := map[string]arrow.Array{"x": x.arr, "y": s.column("int8", rows).arr}
	s.nulls = one(s, []int{0, 20})
	columns["user_id"] = s.column(one(s, []string{"string", "int64", "uint64", "uuid", "binary", "dict32"}), rows).arr
	rec := record(t, columns)
	for range 12 {
		step := testStep(populationRule(s, x.typ.kind), nil)
		text := step.Definitions.Segments[0].When.Text
		oracle, err := newOracle(step, rec, "user_id")
		if err != nil {
			continue
		}
		got, _, err := engine(t, step, rec, "user_id", one(s, []int{0, 1, 7, 64}))
		if err != nil {
			t.Fatalf("seed %d: %s of %s: the oracle checks it, Compile does not: %v", seed, text, shape, err)
		}
		checked++
		want := []byte(oracle.answers())
		for i := range want {
			if id := (&oracleRow{oracle, i}).id(); isNull(id) || id.Value() == "" {
				want[i] = got[i] // a row without a user: nobody asks
			}
		}
		if got != string(want) {
			t.Fatalf("seed %d: %s of %s\n got %s\nwant %s", seed, text, shape, got, want)
		}
	}
	return checked
}

func TestRandomPopulations(t *testing.T) {
	checked := 0
	for seed := range uint64(240) {
		checked += checkPopulation(t, seed)
	}
	if checked < 1800 {
		t.Errorf("only %d of the random rules check", checked)
	}
}

func FuzzPopulations(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkPopulation(t, seed) })
}

// populationRecord has a user for every value; text ids that name their place.
func populationRecord(t testing.TB, values []float64, valid []bool) arrow.Record {
	numbers := array.NewFloat64Builder(memory.DefaultAllocator)
	names := array.NewStringBuilder(memory.DefaultAllocator)
	for i := range values {
		names.Append(fmt.Sprintf("u%02d", i))
	}
	numbers.AppendValues(values, valid)
	return record(t, map[string]arrow.Array{"v": numbers.NewArray(), "user_id": names.NewArray()})
}

// answersTo asks rules about a record, each by itself.
func answersTo(t *testing.T, rec arrow.Record, rule string) string {
	t.Helper()
	got, _, err := engine(t, testStep(rule, nil), rec, "user_id", 0)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestC073TiesShareAGroup(t *testing.T) {
	rec := populationRecord(t, []float64{0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 0}, []bool{true, true, true, true, true, true, true, true, true, true, false})
	for group, want := range []string{"TTTFFFFFFFU", "FFFFFFFFFFU", "FFFTTTFFFFU", "FFFFFFTTFFU", "FFFFFFFFTTU"} {
		if got := answersTo(t, rec, fmt.Sprintf("ntile(v, 5) == %d", group+1)); got != want {
			t.Errorf("group %d: %s, want %s", group+1, got, want)
		}
	}
}

func TestPopulationFunctionsByHand(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	values := []float64{3, 1, 2, 2, 0, math.Copysign(0, -1), nan, inf, -inf, 7}
	rec := populationRecord(t, values, []bool{true, true, true, true, true, true, true, true, true, false})
	for rule, want := range map[string]string{
		"rank(v) == 1":               "FFFFFFUTFU",
		"rank(v) == 3":               "FFTTFFUFFU", // two are equal, so nobody is fourth
		"rank(v) == 4":               "FFFFFFUFFU",
		"rank(v) == 6":               "FFFFTTUFFU", // -0.0 is 0.0
		"top(v, 3)":                  "TFTFFFUTFU", // of two users with 2 the one with the smaller id
		"top(v, 100)":                "TTTTTTUTTU",
		"v == quantile(v, 0)":        "FFFFFFFFTU",
		"v == quantile(v, 0.5)":      "FTFFFFFFFU",
		"v <= quantile(v, 1)":        "TTTTTTFTTU",
		"is_null(mean(v))":           "FFFFFFFFFF",
		"mean(v) == mean(v)":         "FFFFFFFFFF", // infinity and its opposite have no mean
		"quantile(v + 1.0, 1) > 4.0": "TTTTTTTTTT",
	} {
		if got := answersTo(t, rec, rule); got != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
	none := populationRecord(t, []float64{nan, 0}, []bool{true, false})
	for rule, want := range map[string]string{
		"v > quantile(v, 0.5)": "UU", "mean(v) > 0.0": "UU", "rank(v) == 1": "UU", "ntile(v, 5) == 1": "UU", "top(v, 1)": "UU",
		"is_null(quantile(v, 0.5)) && is_null(mean(v))": "TT",
	} {
		if got := answersTo(t, none, rule); got != want {
			t.Errorf("nobody has a value, %s: %s, want %s", rule, got, want)
		}
	}
}

func TestQuantileReadsItsShareAsADecimalNumber(t *testing.T) {
	for _, tc := range []struct {
		q    float64
		n    int64
		want int64
	}{
		{0.07, 100, 7}, {0.9, 10, 9}, {0.1, 10, 1}, {0.1, 11, 2}, {0, 5, 1}, {1, 5, 5}, {0.5, 4, 2}, {1e-300, 4, 1}, {0.3, 10, 3}, {0.29, 100, 29},
	} {
		if got := quantilePlace(tc.q, tc.n); got != tc.want {
			t.Errorf("the place of %v of %d is %d, want %d", tc.q, tc.n, got, tc.want)
		}
	}
}

func TestGroupsOfMoreUsersThanFitIntoWords(t *testing.T) {
	const n = int64(1) << 60
	if got := tile(10_000, n-1, 1, n); got != 10_000 {
		t.Errorf("the last of %d users is in group %d, want 10000", n, got)
	}
}

// TestKeysSortAsInstants: around the seams of the resolutions, and at both ends.
func TestKeysSortAsInstants(t *testing.T) {
	var seconds []int64
	for _, seam := range []int64{firstSecond, fineFrom, 0, fineTo, lastSecond} {
		seconds = append(seconds, seam-1, seam, seam+1)
	}
	last := uint64(0)
	for _, second := range append([]int64{math.MinInt64}, append(seconds, math.MaxInt64)...) {
		for _, nanos := range []int32{0, 1000, 999_999_000} {
			key := instantKey(second, nanos)
			inside := second > firstSecond-1 && second <= lastSecond
			if key < last || inside && key == last {
				t.Fatalf("the key %d of %d.%09d s is not above %d", key, second, nanos, last)
			}
			last = key
		}
	}
	if instantKey(fineFrom, 1) == instantKey(fineFrom, 0) || instantKey(fineTo-1, 999_999_999) == instantKey(fineTo-1, 999_999_998) {
		t.Error("nanoseconds are not told apart")
	}
}

func TestRankTableLooksUpAnyKey(t *testing.T) {
	s := newSampler(t, 1, 0)
	for _, most := range []uint64{3, 1000, math.MaxUint64} {
		for _, n := range []int{0, 1, 2, 9, 1000} {
			keys := make([]uint64, n)
			for i := range keys {
				keys[i] = s.rng.Uint64N(most)
			}
			slices.Sort(keys)
			table := NewRankTable(int64(n))
			for i, key := range keys {
				if i+1 == n || keys[i+1] != key {
					table.Add(key, int64(n-i-1))
				}
			}
			table.Index()
			for range 200 {
				key := s.rng.Uint64N(most)
				if n > 0 && s.rng.IntN(2) == 0 {
					key = keys[s.rng.IntN(n)] + s.rng.Uint64N(3) - 1
				}
				want := int64(0)
				for _, other := range keys {
					if other > key {
						want++
					}
				}
				if got, err := table.Above(key); err != nil || got != want {
					t.Fatalf("%d keys below %d: %d above %d, want %d (%v)", n, most, got, key, want, err)
				}
			}
		}
	}
}

// TestStepsShareWhatTheyAskAlike: one argument, whatever group is asked for; one with now in it is another population.
func TestStepsShareWhatTheyAskAlike(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "user_id", Type: arrow.BinaryTypes.String},
		{Name: "ltv", Type: arrow.PrimitiveTypes.Float64},
		{Name: "seen", Type: arrow.FixedWidthTypes.Timestamp_us},
	}, nil)
	d := &configs.Definitions{Timezone: "UTC", Segments: []configs.Segment{
		{Name: "first", When: configs.NewExpr("ntile(ltv, 5) == 1")},
		{Name: "second", When: configs.NewExpr("ntile(ltv, 5) == 2 && ltv > quantile(ltv, 0.5)")},
		{Name: "late", When: configs.NewExpr("rank(now - seen) < 10")},
	}}
	old, today := testStep("true", nil), testStep("true", nil)
	old.Definitions, today.Definitions = d, d
	old.Now = old.Now.AddDate(0, 0, -1)
	plan, err := Compile(schema, []Step{old, today}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	if n := plan.Population().Arguments(); n != 3 {
		t.Errorf("%d expressions are looked at, want ltv and two times of now - seen", n)
	}
	if got := plan.Population().Columns(); !slices.Equal(got, []string{"ltv", "seen"}) {
		t.Errorf("the population reads %v", got)
	}
	var calls []string
	for _, f := range plan.Population().Findings() {
		calls = append(calls, f.Call)
	}
	if got := strings.Join(calls, "; "); got != `ntile(ltv, 5); quantile(ltv, 0.5); rank(timestamp("2026-03-29T22:00:00Z") - seen)` {
		t.Errorf("the last step's calls are %s", got)
	}
}

// TestAQuantileAloneReadsItsColumnOnce: rows are then compared with a constant, and the column is not read again for them.
func TestAQuantileAloneReadsItsColumnOnce(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "ltv", Type: arrow.PrimitiveTypes.Float64}, {Name: "spent", Type: arrow.PrimitiveTypes.Float64}}, nil)
	plan, err := Compile(schema, []Step{testStep("spent > quantile(ltv, 0.9)", nil)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Columns(); !slices.Equal(got, []string{"spent"}) {
		t.Errorf("rows are answered from %v", got)
	}
	if got := plan.StepColumns(0); !slices.Equal(got, []string{"ltv", "spent"}) {
		t.Errorf("the step looks at %v", got)
	}
}

func TestRowsBeforeTheirPopulationAreAnError(t *testing.T) {
	rec := populationRecord(t, []float64{1}, []bool{true})
	plan, err := Compile(rec.Schema(), []Step{testStep("ntile(v, 5) == 1", nil)}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.NewEvaluator(0).EvalRecord(rec); err == nil || !strings.Contains(err.Error(), "not measured") {
		t.Errorf("the error is %v", err)
	}
}

func TestFaultsOfPopulationFunctions(t *testing.T) {
	rec := populationRecord(t, []float64{1}, []bool{true})
	for rule, want := range map[string]string{
		"v > quantile(v, 1.5)":                      `1:17: segment "it": the share must be between 0 and 1`,
		"v > quantile(v, v)":                        `1:17: segment "it": this must be a number, not an expression`,
		"ntile(v, 0) == 1":                          `1:10: segment "it": there must be at least one group`,
		"ntile(v, 20000) == 1":                      `1:10: segment "it": ntile makes at most 10000 groups`,
		"top(v, -1)":                                `1:8: segment "it": top takes at least one user`,
		"ntile(v, 2.5) == 1":                        `1:1: segment "it": ntile does not take (double, double)`,
		"rank(user_id) == 1":                        `1:1: segment "it": rank does not take (string)`,
		"mean(v)":                                   `1:1: segment "it": the rule gives a double, not true or false`,
		"rank(ntile(v, 5)) == 1":                    `1:1: segment "it": rank() looks at the values of all users, which may not depend on another such function`,
		"[1, 2].exists(i, rank(i) == 1)":            `1:18: segment "it": rank() looks at one value of every user, and i is an element of a list`,
		`rank(segment("other") ? v : 0.0) == 1`:     `1:1: segment "it": rank() looks at the values of all users, which may not depend on another such function`,
		`top(v, 3) && math.abs(rank(mean(v))) == 1`: `1:23: segment "it": rank() looks at the values of all users`,
	} {
		step := testStep(rule, func(s *Step) {
			s.Definitions.Segments = append(s.Definitions.Segments, configs.Segment{Name: "other", When: configs.NewExpr("top(v, 3)")})
		})
		_, err := Compile(rec.Schema(), []Step{step}, Options{UserID: "user_id"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", rule, err, want)
		}
	}
}

// BenchmarkPopulation is what rows cost once the population is measured.
func BenchmarkPopulation(b *testing.B) {
	rec := nightlyRecord(b, 1<<18)
	for _, rule := range []string{"ltv > 100.0", "ltv > quantile(ltv, 0.9)", "ntile(ltv, 5) == 5", "ntile(orders_90d, 5) == 5", "top(ltv, 1000)", "rank(ltv) <= 1000", "rank(orders_90d) <= 1000"} {
		b.Run(strings.ReplaceAll(rule, " ", ""), func(b *testing.B) {
			plan, err := Compile(rec.Schema(), []Step{testStep(rule, nil)}, Options{UserID: "user_id"})
			if err != nil {
				b.Fatal(err)
			}
			if err := plan.Population().Measure(rec); err != nil {
				b.Fatal(err)
			}
			e := plan.NewEvaluator(0)
			var rows tables.BitMatrix
			for b.Loop() {
				answers, err := e.EvalRecord(rec)
				if err != nil {
					b.Fatal(err)
				}
				answers.Rows(&rows)
			}
			b.ReportMetric(float64(rec.NumRows())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
