package rules

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// lintSchema has nullable columns and one that is not.
var lintSchema = arrow.NewSchema([]arrow.Field{
	{Name: "opt_in", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "plan", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "country", Type: arrow.BinaryTypes.String},
	{Name: "score", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	{Name: "born", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
}, nil)

// warnings spells the warnings of one rule: place and message.
func warnings(t *testing.T, rule string, traits ...configs.Trait) string {
	t.Helper()
	step := testStep(rule, func(s *Step) { s.Definitions.Traits = traits })
	plan, err := Compile(lintSchema, []Step{step}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, w := range plan.Warnings() {
		if !w.Warning || w.Hint == "" {
			t.Errorf("%q: %#v is no warning with a hint", rule, w)
		}
		out = append(out, w.Pos.String()+" "+w.Message)
	}
	return strings.Join(out, "\n")
}

func TestWarnings(t *testing.T) {
	for _, tc := range []struct{ rule, want string }{
		{`score == 0.1`, `1:10 segment "it": column "score" has 32 bits, and none of its values equals 0.1`},
		{`score == 0.5 && score > 0.1`, ``},
		{`born.getMonth() == 11`, `1:14 segment "it": getMonth() counts from 0`},
		{`month(born) == 12`, ``},
		{`country == null || opt_in == null`, `1:9 segment "it": column "country" is never null in this snapshot`},
	} {
		if got := warnings(t, tc.rule); got != tc.want {
			t.Errorf("%s:\n got %q\nwant %q", tc.rule, got, tc.want)
		}
	}
}

// TestC022_LintOfNegations: a negation of what may be null leaves people out of both sides.
func TestC022_LintOfNegations(t *testing.T) {
	for _, tc := range []struct{ rule, want string }{
		{`opt_in == false`, ``},
		{`opt_in != true`, `1:8 segment "it": != leaves out users whose opt_in is null`},
		{`!opt_in`, `1:1 segment "it": ! leaves out users whose opt_in is null`},
		{`opt_in != true || opt_in == null`, ``},
		{`!is_true(opt_in)`, ``},
		{`country != "FR"`, ``},
		{`!(opt_in && plan == "a")`, `1:1 segment "it": ! leaves out users whose opt_in or plan is null`},
	} {
		if got := warnings(t, tc.rule); got != tc.want {
			t.Errorf("%s:\n got %q\nwant %q", tc.rule, got, tc.want)
		}
	}
}

// TestC025_LintOfNotIn: the same for a negated list, once, where it is written.
func TestC025_LintOfNotIn(t *testing.T) {
	if got, want := warnings(t, `!(plan in ["a", "b"])`), `1:1 segment "it": ! leaves out users whose plan is null`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	other := configs.Trait{Name: "other", Value: configs.NewExpr(`!(plan in ["a", "b"])`)}
	if got, want := warnings(t, `other && country == "FR"`, other), `1:1 trait "other": ! leaves out users whose plan is null`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
