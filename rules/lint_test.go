package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// lintSchema has nullable columns and two that are not.
var lintSchema = arrow.NewSchema([]arrow.Field{
	{Name: "opt_in", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "plan", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "country", Type: arrow.BinaryTypes.String},
	{Name: "score", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	{Name: "ltv", Type: arrow.PrimitiveTypes.Float64},
	{Name: "age", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
	{Name: "visits", Type: arrow.PrimitiveTypes.Int64},
	{Name: "born", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
}, nil)

// warned spells the warnings of definitions: name, place and message.
func warned(t *testing.T, step Step) string {
	t.Helper()
	plan, err := Compile(lintSchema, []Step{step}, Options{UserID: "id", Columns: []string{"shown"}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, w := range plan.Warnings() {
		if !w.Warning || w.Hint == "" || w.Lint == "" {
			t.Errorf("%#v is no warning with a name and a hint", w)
		}
		out = append(out, fmt.Sprintf("%s %s %s", w.Lint, w.Pos, w.Message))
	}
	return strings.Join(out, "\n")
}

// warnings spells the warnings of one rule.
func warnings(t *testing.T, rule string, traits ...configs.Trait) string {
	t.Helper()
	return warned(t, testStep(rule, func(s *Step) {
		s.Definitions.Traits = traits
		s.Lists = map[string]*List{"ids.txt": list(t, "1\n2\n"), "none.txt": list(t, " \n"), "names.txt": list(t, "id\n1\n2\nanna\n")}
	}))
}

func list(t *testing.T, text string) *List {
	t.Helper()
	l, err := NewList([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWarnings(t *testing.T) {
	for _, tc := range []struct{ rule, want string }{
		{`country == null || opt_in == null`, `never-null 1:9 segment "it": column "country" is never null in this snapshot`},
		{`has(id)`, `never-null 1:1 segment "it": column "id" is never null in this snapshot` + "\n" +
			`always-true 1:1 segment "it": the rule is true for every user`},
		{`coalesce(plan, "x") == "x"`, ``},

		{`born.getMonth() == 11`, `zero-based 1:6 segment "it": getMonth() counts from 0`},
		{`born.getDayOfWeek() == 1`, `zero-based 1:6 segment "it": getDayOfWeek() is 0 on Sunday and 6 on Saturday`},
		{`month(born) == 12 && born.getDate() == 3`, ``},

		{`score == 0.1`, `float32-literal 1:10 segment "it": column "score" has 32 bits and cannot hold 0.1: the nearest that it holds is not equal to it`},
		{`score in [0.5, 0.1]`, `float32-literal 1:16 segment "it": column "score" has 32 bits and cannot hold 0.1: the nearest that it holds is not equal to it`},
		{`score > 0.1`, `float32-literal 1:9 segment "it": column "score" has 32 bits and cannot hold 0.1: the nearest that it holds is not equal to it`},
		{`0.7 > score`, `float32-literal 1:1 segment "it": column "score" has 32 bits and cannot hold 0.7: the nearest that it holds is not equal to it`},
		{`score >= 0.1 && score > 0.7 && score != 0.5 && score != null && ltv > 0.1`, ``}, // 0.1 becomes more, 0.7 less

		{`plan > "10"`, `text-order 1:8 segment "it": "10" is text, and text is ordered letter by letter: "9" comes after "10"`},
		{`"1.10.2" <= country`, `text-order 1:1 segment "it": "1.10.2" is text, and text is ordered letter by letter: "9" comes after "10"`},
		{`plan == "10" && country > "b"`, ``},

		{`hash_split("a", 1)`, `whole-split 1:17 segment "it": this split takes everybody`},
		{`hash_split("a", 0.0) && ltv > 1`, `whole-split 1:17 segment "it": this split takes nobody`},
		{`hash_split("a", 0.5)`, ``},

		{`id in file("none.txt")`, `empty-list 1:12 segment "it": the list file "none.txt" is empty`},
		{`id in file("names.txt")`, `list-type 1:12 segment "it": the list file "names.txt": 2 of 4 lines are not an int, such as "id"`},
		{`id in file("ids.txt") || country in file("names.txt")`, ``},
	} {
		if got := warnings(t, tc.rule); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.rule, got, tc.want)
		}
	}
}

// TestWarningsOfRulesThatDataCannotChange: rules that are never true, and those that are always.
func TestWarningsOfRulesThatDataCannotChange(t *testing.T) {
	const never, always = `always-false 1:1 segment "it": the rule can never be true`, `always-true 1:1 segment "it": the rule is true for every user`
	excluding := func(place, first string) string {
		return fmt.Sprintf(`excluding-conditions 1:%s segment "it": this is never true together with %s`, place, first)
	}
	for _, tc := range []struct{ rule, want string }{
		{`true`, ``},
		{`false`, ``},
		{`1 > 2`, never},
		{`1 < 2 || ltv > 3.0`, always},
		{`ltv > 5 && ltv < 3`, excluding("12", "ltv > 5")},
		{`country == "FR" && ltv > 1 && country in ["DE", "IT"]`, excluding("31", `country == "FR"`)},
		{`(ltv > 5 || visits > 2) && ltv < 3 && visits < 2`, never},
		{`visits > 1 && visits < 2`, excluding("15", "visits > 1")}, // a whole number
		{`ltv > 1 && ltv < 2`, ``},
		{`visits > 1 || visits < 2`, always},
		{`ltv > 1 || ltv < 2`, ``},                    // NaN is neither
		{`age > 1 || age < 2`, ``},                    // unknown where it is null
		{`age > 1 || age < 2 || age == null`, always}, // and here it is not
		{`opt_in || !opt_in || opt_in == null`, always},
		{`age < 200`, ``}, // null
		{`age > 127`, never},
		{`age > 127 || ltv > 3`, ``}, // a part of a rule says nothing of the whole
		{`age == 2.5`, never},
		{`month(born) == 13`, never},
		{`month(born) >= 12`, ``},
		{`size(country) >= 0`, always},
		{`bucket("a", 10) == 10`, never},
		{`country > "a" && country < "b"`, ``},
		{`country in []`, never},
		{`born == null && within(born, "30d")`, excluding("17", "born == null")},
		{`tags.exists(t, t == "a") && tags.exists(t, t == "b")`, ``},
	} {
		if got := warnings(t, tc.rule); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.rule, got, tc.want)
		}
	}
}

// TestTruthTablesAgreeWithEvaluation holds the tables of lints against evaluation over every case there is: a record with all
// combinations of values on, between and beside the constants, and of nulls.
func TestTruthTablesAgreeWithEvaluation(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	columns := everyCase(t)
	rec := record(t, columns)
	found := map[string]int{}
	for range 3000 {
		rule := logicOf(rng, 1+rng.IntN(4))
		step := testStep(rule, func(*Step) {})
		schema := rec.Schema()
		plan, err := Compile(schema, []Step{step}, Options{UserID: "id"})
		if err != nil {
			t.Fatal(err)
		}
		answers, err := plan.NewEvaluator(0).EvalRecord(rec)
		if err != nil {
			t.Fatal(err)
		}
		got := answers.Cut(plan.Segments(0)[0].When)
		want := ""
		switch {
		case rule == "true" || rule == "false":
		case got.True() == 0:
			want = "never"
		case got.True() == got.Len():
			want = "always"
		}
		said := ""
		for _, w := range plan.Warnings() {
			said += map[string]string{lintAlwaysFalse: "never", lintExcluding: "never", lintAlwaysTrue: "always"}[w.Lint]
		}
		if said != want {
			t.Errorf("%s: said %q, and evaluation says %q", rule, said, want)
		}
		found[want]++
	}
	if found["never"] < 100 || found["always"] < 50 || found[""] < 100 {
		t.Errorf("too few of a kind: %v", found)
	}
}

func everyCase(t *testing.T) columnsOf {
	var a, s, b, d []any
	for _, i := range []any{-1, 0, 1, 2, 3, 4, 5, nil} {
		for _, text := range []any{"", "a", "aa", "b", "c", nil} {
			for _, truth := range []any{true, false, nil} {
				for _, number := range []any{-1.0, 0.0, 0.5, 1.0, 1.5, math.NaN(), nil} {
					a, s, b, d = append(a, i), append(s, text), append(b, truth), append(d, number)
				}
			}
		}
	}
	return columnsOf{"a": int64s(t, a...), "s": texts(t, s...), "b": bools(t, b...), "d": doubles(t, d...)}
}

// logicOf makes up a rule over the columns of everyCase.
func logicOf(rng *rand.Rand, depth int) string {
	if depth == 0 {
		leaves := []string{`a == null`, `s == null`, `b == null`, `d == null`, `b`, `!b`, `b == false`, `a in [1, 3]`, `s in ["a", "b"]`, `d in [0.0, 1.0]`}
		for _, compared := range []string{`a @ 1`, `a @ 2`, `a @ 4`, `2 @ a`, `a @ 1.5`, `s @ "a"`, `s @ "b"`, `d @ 0.0`, `d @ 1`, `1 @ d`} {
			leaves = append(leaves, strings.Replace(compared, "@", []string{"<", "<=", ">", ">=", "==", "!="}[rng.IntN(6)], 1))
		}
		return leaves[rng.IntN(len(leaves))]
	}
	x, y := logicOf(rng, depth-1), logicOf(rng, rng.IntN(depth))
	return []string{
		fmt.Sprintf("(%s && %s)", x, y), fmt.Sprintf("(%s || %s)", x, y), fmt.Sprintf("!(%s)", x), fmt.Sprintf("is_true(%s)", x),
		fmt.Sprintf("(%s ? %s : %s)", x, y, logicOf(rng, 0)), fmt.Sprintf("(%s && %s)", y, x), fmt.Sprintf("(%s || %s)", y, x),
		fmt.Sprintf("(%s || %s || %s)", x, y, logicOf(rng, 0)), fmt.Sprintf("(%s || a == null || b == null)", x),
	}[rng.IntN(9)]
}

// TestC022_LintOfNegations: a negation of what may be null leaves people out of both sides.
func TestC022_LintOfNegations(t *testing.T) {
	for _, tc := range []struct{ rule, want string }{
		{`opt_in == false`, ``},
		{`opt_in != true`, `negation-null 1:8 segment "it": != leaves out users whose opt_in is null`},
		{`!opt_in`, `negation-null 1:1 segment "it": ! leaves out users whose opt_in is null`},
		{`opt_in != true || opt_in == null`, ``},
		{`!opt_in || ltv > 3`, `negation-null 1:1 segment "it": ! is unknown for users whose opt_in is null`},
		{`ltv > 3 && !opt_in`, `negation-null 1:12 segment "it": ! leaves out users whose opt_in is null`},
		{`!is_true(opt_in)`, ``},
		{`country != "FR" && id != 3`, ``},
		{`!(opt_in && plan == "a")`, `negation-null 1:1 segment "it": ! leaves out users whose opt_in or plan is null`},
	} {
		if got := warnings(t, tc.rule); got != tc.want {
			t.Errorf("%s:\n got %q\nwant %q", tc.rule, got, tc.want)
		}
	}
}

// TestC025_LintOfNotIn: the same for a negated list, once, where it is written.
func TestC025_LintOfNotIn(t *testing.T) {
	if got, want := warnings(t, `!(plan in ["a", "b"])`), `negation-null 1:1 segment "it": not in leaves out users whose plan is null`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	other := configs.Trait{Name: "other", Value: configs.NewExpr(`!(plan in ["a", "b"])`)}
	if got, want := warnings(t, `other && country == "FR"`, other), `negation-null 1:1 trait "other": not in leaves out users whose plan is null`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWarningsOfDefinitions: what rules say together.
func TestWarningsOfDefinitions(t *testing.T) {
	const yaml = `snapshot:
  path: users/date={date}/*.parquet
  user_id: id
  columns:
    shown: {column: country}
    old: {column: plan}
output: out
traits:
  - {name: adult, value: age >= 18}
  - {name: old_adult, value: adult && age >= 60}
  - {name: rich, value: ltv > 800}
segments:
  - {name: vip, when: rich && visits > 3}
  - {name: best, when: visits > 3 && ltv > 800}
  - {name: listed, when: ltv > 800 && visits > 3, include: ids.txt}
  - {name: lists_only, include: ids.txt, exclude: names.txt}
lifecycles:
  - name: journey
    stages:
      - {name: customer, when: visits > 3}
      - {name: regular, when: visits > 10}
      - {name: lead, when: visits > 0 && ltv < 5}
      - {name: reader, when: visits > 0 && !(ltv < 5)}
      - {name: visitor, when: visits >= 1}
      - {name: gone, when: visits < 0 && visits > 3}
      - {name: rest, when: "true"}
      - {name: more, when: ltv > 3}
`
	config, err := configs.Parse("strata.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	lists := map[string]*List{"ids.txt": list(t, "1\n"), "names.txt": list(t, "anna\n")}
	got := warned(t, Step{Definitions: config.Definitions(), Lists: lists})
	want := `unused-column strata.yaml:6:5 nothing uses the declared column "old"
unused-trait strata.yaml:9:12 no rule uses trait "adult"
unused-trait strata.yaml:10:12 no rule uses trait "old_adult"
same-rule strata.yaml:14:24 segment "best": this is the rule of segment "vip" too: both always have the same members
list-type strata.yaml:16:51 segment "lists_only": the list file "names.txt": 1 of 1 lines are not an int, such as "anna"
unreachable-stage strata.yaml:21:31 lifecycle "journey", stage "regular": nobody reaches this stage: whoever matches it stands in stage "customer" before
unreachable-stage strata.yaml:24:31 lifecycle "journey", stage "visitor": nobody reaches this stage: whoever matches it stands in an earlier one
excluding-conditions strata.yaml:25:42 lifecycle "journey", stage "gone": this is never true together with visits < 0
unreachable-stage strata.yaml:27:28 lifecycle "journey", stage "more": nobody reaches this stage: whoever matches it stands in stage "rest" before`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDoubtsAreCounted: a snapshot tells how many users a negation leaves out.
func TestDoubtsAreCounted(t *testing.T) {
	rec := record(t, everyCase(t))
	step := testStep(`!b && a > 0 && !(a == 1 && s == "a") || tags_are_missing`, func(s *Step) {
		s.Definitions.Traits = []configs.Trait{{Name: "tags_are_missing", Value: configs.NewExpr(`s != "x"`)}}
		s.Definitions.Segments = append(s.Definitions.Segments, configs.Segment{Name: "more", When: configs.NewExpr("!b"), Until: configs.NewExpr("!b && was('it')")})
	})
	plan, err := Compile(rec.Schema(), []Step{step}, Options{Doubts: true})
	if err != nil {
		t.Fatal(err)
	}
	doubts := plan.Doubts()
	answers, err := doubts.Plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	for i := range doubts.Plan.Cuts() {
		doubts.Count(i, int64(answers.Cut(i).Unknown()), rec.NumRows())
	}
	var got []string
	for _, w := range plan.Warnings() {
		got = append(got, w.Message)
	}
	want := []string{
		`segment "it": ! is unknown for 336 of 1,008 users, because their b is null`,
		`segment "more", until: ! is unknown for 336 of 1,008 users, because their b is null`, // they stay
		`segment "more": ! leaves out 336 of 1,008 users, because their b is null`,
		`trait "tags_are_missing": != leaves out 168 of 1,008 users, because their s is null`,
		`segment "it": ! is unknown for 63 of 1,008 users, because their a or s is null`, // a null, and s null or "a"; or a is 1 and s null
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestNullsAnswerDoubts: where a column's nulls are said to answer a negation, it is unknown in these rows and in no other.
func TestNullsAnswerDoubts(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	rec := record(t, everyCase(t))
	answered := 0
	for range 500 {
		rule := "!(" + logicOf(rng, rng.IntN(3)) + ")"
		plan, err := Compile(rec.Schema(), []Step{testStep(rule, nil)}, Options{Doubts: true})
		if err != nil {
			t.Fatal(err)
		}
		doubts := plan.Doubts()
		if doubts == nil || doubts.Column(0) == "" {
			continue
		}
		answers, err := doubts.Plan.NewEvaluator(0).EvalRecord(rec)
		if err != nil {
			t.Fatal(err)
		}
		column := rec.Column(rec.Schema().FieldIndices(doubts.Column(0))[0])
		for row := range int(rec.NumRows()) {
			if got := answers.Cut(0).At(row) == 'U'; got != column.IsNull(row) {
				t.Fatalf("%s: unknown in row %d is %v, and %s is null is %v", rule, row, got, doubts.Column(0), column.IsNull(row))
			}
		}
		answered++
	}
	if answered < 50 {
		t.Errorf("only %d negations are answered by nulls", answered)
	}
}
