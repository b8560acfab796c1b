package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
	"strata/pipeline/tables"
)

// spellTerm writes a term and what is below it, a line each.
func spellTerm(b *strings.Builder, term Term, depth int) {
	fmt.Fprintf(b, "%s%s = %s", strings.Repeat("  ", depth), term.Text, term.Value)
	if term.Note != "" {
		fmt.Fprintf(b, " [%s]", term.Note)
	}
	if term.Cause != "" && term.Value != ValueNull {
		fmt.Fprintf(b, " (%s)", term.Cause)
	}
	b.WriteString("\n")
	for _, part := range term.Terms {
		spellTerm(b, part, depth+1)
	}
}

// explainedRecord has one user: a few columns, some of them null.
func explainedRecord(t *testing.T) arrow.Record {
	ltv := build(t, arrow.PrimitiveTypes.Float64, func(b *array.Float64Builder) { b.Append(900) })
	tags := build(t, arrow.ListOf(arrow.BinaryTypes.String), func(b *array.ListBuilder) {
		b.Append(true)
		for _, tag := range []string{"beta", "vip", "web", "app"} {
			b.ValueBuilder().(*array.StringBuilder).Append(tag)
		}
	})
	counts := build(t, arrow.ListOf(arrow.PrimitiveTypes.Int64), func(b *array.ListBuilder) {
		b.Append(true)
		b.ValueBuilder().(*array.Int64Builder).AppendValues([]int64{4, 0, 2}, []bool{true, false, true})
	})
	return record(t, map[string]arrow.Array{
		"user_id": texts(t, "ann"), "counts": counts, "country": texts(t, nil), "plan": texts(t, "pro"), "ltv": ltv,
		"age": int64s(t, nil), "visits": int64s(t, 0), "n": int64s(t, 7), "tags": tags,
	})
}

// TestExplainTree: each sub-expression stands below the one it is a part of, with its value; unknown and error name what caused
// them; a trait and a segment are opened once.
func TestExplainTree(t *testing.T) {
	for _, tc := range []struct{ rule, want string }{
		{`plan == "pro"  &&  (ltv > 800 && n != 7)`, `
plan == "pro" && ltv > 800 && n != 7 = false
  plan == "pro" = true
    plan = "pro"
  ltv > 800 = true
    ltv = 900.0
  n != 7 = false
    n = 7
`},
		{`country == "FR" && age < 25`, `
country == "FR" && age < 25 = unknown (country is null, age is null)
  country == "FR" = unknown (country is null)
    country = null
  age < 25 = unknown (age is null)
    age = null
`},
		{`n / visits > 2 || age == null`, `
n / visits > 2 || age == null = true
  n / visits > 2 = error (n / visits: division by zero)
    n / visits = error (n / visits: division by zero)
      n = 7
      visits = 0
  age == null = true
    age = null
`},
		{`tags.exists(t, t.startsWith("v"))`, `
tags.exists(t, t.startsWith("v")) = true
  tags = ["beta", "vip", "web", "app"]
  t.startsWith("v") = false [element 1 of 4]
    t = "beta"
  t.startsWith("v") = true [element 2 of 4]
    t = "vip"
  t.startsWith("v") = false [element 3 of 4]
    t = "web"
`},
		{`!paid || segment("rich")`, `
!paid || segment("rich") = true
  !paid = false
    paid = true [trait]
      plan in ["basic", "pro"] = true
        plan = "pro"
  segment("rich") = true
    ltv > 100 && segment("all") = true
      ltv > 100 = true
        ltv = 900.0
      segment("all") = true
    on its exclude list = false
`},
		{`stage("journey") == "customer"`, `
stage("journey") == "customer" = true
  stage("journey") = "customer"
    lost: age > 3 = unknown (age is null)
      age = null
    customer: paid = true [trait]
    prospect: true = true
`},
		{`n in [1, age, 7]`, `
n in [1, age, 7] = true
  n = 7
  age = null
`},
		{`counts.sum(c, c) > 5 && variant("exp", {"a": 1}) == "a"`, `
counts.sum(c, c) > 5 && variant("exp", {"a": 1}) == "a" = true
  counts.sum(c, c) > 5 = true
    counts.sum(c, c) = 6
      counts = [4, null, 2]
      c = 4 [element 1 of 3]
      c = null [element 2 of 3]
      c = 2 [element 3 of 3]
  variant("exp", {"a": 1}) == "a" = true
    variant("exp", {"a": 1}) = "a"
`},
		{`tags.filter(t, t != "vip").size() == 3`, `
tags.filter(t, t != "vip").size() == 3 = true
  tags.filter(t, t != "vip").size() = 3
    tags.filter(t, t != "vip") = ["beta", "web", "app"]
      tags = ["beta", "vip", "web", "app"]
`},
	} {
		got := explained(t, tc.rule).Segments[0]
		var b strings.Builder
		spellTerm(&b, got.Rule, 0)
		if b.String() != strings.TrimPrefix(tc.want, "\n") {
			t.Errorf("%s:\n%swant:%s", tc.rule, &b, tc.want)
		}
	}
}

// explained explains a rule for the user of explainedRecord, beside a few other definitions.
func explained(t *testing.T, rule string) *Explanation {
	t.Helper()
	x, err := NewExplainer(explainedRecord(t).Schema(), explainedStep(t, rule), Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Explain(explainedRecord(t))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func explainedStep(t *testing.T, rule string) Step {
	t.Helper()
	list, err := NewList([]byte("bob\n"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := NewList([]byte("ann\n"))
	if err != nil {
		t.Fatal(err)
	}
	return testStep(rule, func(s *Step) {
		s.Lists = map[string]*List{"bob.txt": list, "ann.txt": own}
		d := s.Definitions
		d.Traits = []configs.Trait{{Name: "paid", Value: configs.NewExpr(`plan in ["basic", "pro"]`)}}
		d.Segments = append(d.Segments,
			configs.Segment{Name: "rich", When: configs.NewExpr(`ltv > 100 && segment("all")`), Exclude: "bob.txt"},
			configs.Segment{Name: "all", When: configs.NewExpr("true")},
			configs.Segment{Name: "told", When: configs.NewExpr("ltv < 100"), Include: "ann.txt"},
			configs.Segment{Name: "kept_out", When: configs.NewExpr("true"), Include: "ann.txt", Exclude: "ann.txt"},
			configs.Segment{Name: "unsure", When: configs.NewExpr("age > 3")})
		d.Lifecycles = []configs.Lifecycle{{Name: "journey", Stages: []configs.Stage{
			{Name: "lost", When: configs.NewExpr("age > 3")}, {Name: "customer", When: configs.NewExpr("paid")}, {Name: "prospect", When: configs.NewExpr("true")},
		}}, {Name: "nowhere", Stages: []configs.Stage{{Name: "x", When: configs.NewExpr("n < 7")}}}}
	})
}

// TestExplainDecides: what decides is what a run finds, and the explanation says what it was.
func TestExplainDecides(t *testing.T) {
	rec, step := explainedRecord(t), explainedStep(t, "n == 7")
	got := explained(t, "n == 7")
	plan, err := Compile(rec.Schema(), []Step{step}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	var rows tables.BitMatrix
	answers.Rows(&rows)
	cuts := make([]uint64, 64*rows.Width)
	TransposeRows(&rows, 0, cuts)
	var resolved Resolved
	plan.Resolve(0, cuts, &resolved)
	by := map[string]string{"it": ByRule, "rich": ByRule, "all": ByRule, "told": ByInclude, "kept_out": ByExclude, "unsure": ByRule}
	for i, s := range got.Segments {
		if run := resolved.Segments[i]&1 != 0; s.Member != run || s.By != by[s.Name] {
			t.Errorf("%s: member %v by %s, and a run says %v", s.Name, s.Member, s.By, run)
		}
	}
	for i, l := range got.Lifecycles {
		stage := ""
		for j, word := range resolved.Stages[i] {
			if word&1 != 0 {
				stage = l.Stages[j].Name
			}
		}
		if l.Stage != stage {
			t.Errorf("%s: stage %q, and a run says %q", l.Name, l.Stage, stage)
		}
	}
	if got.Lifecycles[0].Stage != "customer" || got.Lifecycles[1].Stage != "" {
		t.Errorf("stages %q and %q", got.Lifecycles[0].Stage, got.Lifecycles[1].Stage)
	}
}

// TestExplainColumns: only what is asked for is looked at.
func TestExplainColumns(t *testing.T) {
	rec, step := explainedRecord(t), explainedStep(t, "n == 7")
	for _, tc := range []struct{ name, want string }{{"it", "[n]"}, {"rich", "[ltv user_id]"}, {"journey", "[age plan]"}, {"all", "[]"}} {
		x, err := NewExplainer(rec.Schema(), step, Options{UserID: "user_id"}, tc.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(x.Columns()); got != tc.want {
			t.Errorf("%s looks at %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestExplainLeavesOutLiteralsOfMacros(t *testing.T) {
	rule := explained(t, "math.greatest(size(user_id), 3) == 3").Segments[0].Rule
	if terms := rule.Terms[0].Terms; len(terms) != 1 || terms[0].Text != "size(user_id)" {
		t.Errorf("%+v", terms)
	}
}
