package rules

import (
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
)

// Group D of CASES.md: references between segments, precedence, splits.

func TestC059_OrderOfNamesDoesNotCount(t *testing.T) {
	columns := columnsOf{"country": texts(t, "DE", "DE", "FR"), "email": texts(t, "a@corp", "b@home", "c@corp")}
	staff, buyers := `email.endsWith("@corp")`, `country == "DE" && !segment("%s")`
	for _, names := range [][2]string{{"a_buyers", "z_staff"}, {"z_buyers", "a_staff"}} {
		rule := strings.ReplaceAll(buyers, "%s", names[1])
		for _, both := range [][]string{{names[0], rule, names[1], staff}, {names[1], staff, names[0], rule}} {
			got := question{}.segments(t, columns, both...)
			if both[0] == names[1] {
				got[0], got[1] = got[1], got[0]
			}
			if want := "FTF,TFT"; strings.Join(got, ",") != want {
				t.Errorf("%v: got %v, want %s", both, got, want)
			}
		}
	}
}

// TestC061_ADiamondIsNoCycle: and D's rule is one node, however many segments use it.
func TestC061_ADiamondIsNoCycle(t *testing.T) {
	columns := columnsOf{"n": int64s(t, 1, 5, 9, nil)}
	got := question{}.segments(t, columns, "a", `segment("d") && segment("c")`, "c", `segment("d") && n < 8`, "d", `n > 3`)
	if want := "FTFF,FTFF,FTTU"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	definitions := &configs.Definitions{Timezone: "UTC", UserID: "id", Segments: []configs.Segment{
		{Name: "a", When: configs.NewExpr(`segment("d") && segment("c")`)},
		{Name: "c", When: configs.NewExpr(`segment("d") && n < 8`)},
		{Name: "d", When: configs.NewExpr(`n > 3`)},
	}}
	plan, err := Compile(record(t, columns).Schema(), []Step{{Definitions: definitions}, {Definitions: definitions}}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	comparisons := 0
	for _, n := range plan.nodes {
		if n.op == opLt {
			comparisons++
		}
	}
	if comparisons != 2 || len(plan.Cuts()) != 3 {
		t.Errorf("%d comparisons and %d cuts for two steps, want 2 and 3", comparisons, len(plan.Cuts()))
	}
}

func TestC062_Circles(t *testing.T) {
	definitions := &configs.Definitions{Timezone: "UTC", UserID: "id", Segments: []configs.Segment{
		{Name: "self", When: configs.NewExpr(`!segment("self")`)},
		{Name: "a", When: configs.NewExpr(`n > 1 && segment("b")`)},
		{Name: "b", When: configs.NewExpr(`segment("c")`)},
		{Name: "c", When: configs.NewExpr(`segment("a") || n == 0`)},
		{Name: "user_of_circle", When: configs.NewExpr(`segment("a")`)},
	}}
	_, err := Compile(record(t, columnsOf{"n": int64s(t, 1)}).Schema(), []Step{{Definitions: definitions}}, Options{UserID: "id"})
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{"refers to itself", "a -> b -> c -> a"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%v\nsays %q %d times", err, want, strings.Count(err.Error(), want))
		}
	}
}

// TestC064_PrecedenceAndBrackets asks all combinations, in several glues of the same conditions.
func TestC064_PrecedenceAndBrackets(t *testing.T) {
	var p, q, c, e []any
	for i := range 81 {
		three := []any{true, false, nil}
		country := []any{"FR", "", nil}
		p, q, c = append(p, three[i%3]), append(q, three[i/3%3]), append(c, country[i/9%3])
		e = append(e, []any{"A", "B", nil}[i/27])
	}
	columns := columnsOf{"p": bools(t, p...), "q": bools(t, q...), "c": texts(t, c...), "t": texts(t, e...)}
	for _, rule := range []string{
		`!p && !q && (c == "FR" && t == "A" || c == "" && t == "A")`, `!p && !q && c == "FR" && t == "A" || c == "" && t == "A"`,
		`!(p || q) && t == "A" && (c == "FR" || c == "")`, `(c == "FR" && t == "A") || (c == "" && t == "A")`, `p || q && c == "FR" ? t == "A" : !q`,
	} {
		question := question{}
		if got, want := question.segments(t, columns, "it", rule)[0], question.oracle(t, columns, rule); got != want {
			t.Errorf("%s\n got %s\nwant %s", rule, got, want)
		}
	}
}

// TestC064_BracketsAreWritten: what the plan writes of such rules means the same, so it has the brackets that it needs.
func TestC064_BracketsAreWritten(t *testing.T) {
	columns := columnsOf{}
	names := []string{"p", "q", "r", "s"}
	for place, name := range names {
		var values []any
		for row := range 81 {
			values = append(values, []any{true, false, nil}[row/int(math.Pow(3, float64(place)))%3])
		}
		columns[name] = bools(t, values...)
	}
	rec := record(t, columns)
	for _, rule := range []string{
		`!p && !q && (r || s)`, `(p && q) || (r && s)`, `(p || q) && (r || s)`, `!(p && (q || !r)) || s`, `p && (q ? r : s)`, `(p ? q : r) || s`, `(p == q) == (r != s)`, `!(p == (q && r)) && s`,
		`is_true(p || q) && !(r && s || p)`, `p && q || r && !(s || q)`,
	} {
		want, plan, err := engine(t, testStep(rule, nil), rec, "id", 0)
		if err != nil {
			t.Fatal(err)
		}
		written := (&speller{nodes: plan.nodes}).spell(plan.cuts[0], bindsCond)
		if got, _, err := engine(t, testStep(written, nil), rec, "id", 0); err != nil || got != want {
			t.Errorf("%s\nis written %s\nwhich says %s, %v\n     want %s", rule, written, got, err, want)
		}
		if o, err := newOracle(testStep(written, nil), rec, "id"); err != nil || o.answers() != want {
			t.Errorf("%s: cel-go reads %s differently: %v", rule, written, err)
		}
	}
}

// TestC065_AUnionLosesItsMembersAtOnce: what a segment is made of is answered in the same run.
func TestC065_AUnionLosesItsMembersAtOnce(t *testing.T) {
	for _, day := range []struct {
		a, b int
		want string
	}{{5, 5, "T"}, {0, 5, "T"}, {0, 0, "F"}} {
		columns := columnsOf{"x": int64s(t, day.a), "y": int64s(t, day.b)}
		if got := (question{}).segments(t, columns, "u", `segment("a") || segment("b")`, "a", `x > 1`, "b", `y > 1`); got[0] != day.want {
			t.Errorf("%v: got %s", day, got[0])
		}
	}
}

func TestC068_EndToEnd(t *testing.T) {
	const users = 100_000
	ids := build(t, arrow.PrimitiveTypes.Int64, func(b *array.Int64Builder) {
		for i := range users {
			b.Append(int64(i))
		}
	})
	got := question{}.segments(t, columnsOf{"id": ids}, "r", `hash_split("r1", 0.1)`, "a", `hash_split("t1", 0.5)`, "more", `hash_split("r1", 0.2)`, "bucket", `bucket("r1", 10) == 0`)
	rollout, inA := 0, 0
	for i := range users {
		if got[0][i] != 'T' {
			continue
		}
		rollout++
		if got[1][i] == 'T' {
			inA++
		}
		if got[2][i] != 'T' || got[3][i] != 'T' {
			t.Fatalf("user %d is in 10 %% and not in 20 %%, or not in the first bucket", i)
		}
	}
	if share := float64(inA) / float64(rollout); rollout < 9500 || rollout > 10500 || share < .485 || share > .515 {
		t.Errorf("%d in the rollout, %.3f of them in A", rollout, share)
	}
}
