package rules

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// lateRules have dear leaves below every operation, beside siblings that are true, false, unknown and errors.
var lateRules = []string{
	`sms_opt_in && email.matches("1")`, `!(sms_opt_in || email.matches("1"))`, `sms_opt_in ? email.matches("1") : age > 30`,
	`sms_opt_in ? age > 30 : email.matches("1")`, `email.matches("2") ? sms_opt_in : push_opt_in`,
	`age / orders_90d > 10 && email.matches("3")`, `age / orders_90d > 10 || email.matches("3")`,
	`email.matches("1") && email.matches("2") && age > 30`, `(email.matches("1") || age > 60) && (email.matches("4") || push_opt_in)`,
	`is_true(email.matches("5") && sms_opt_in) || country == "FR"`, `segment("s0") && email.matches("2") && age < 50`,
	`age > 30 && is_null(email.matches("1")) || int(email) > 3`, `push_opt_in && int(app_version) > orders_90d`,
	`country == "FR" && hash_split("autumn", 0.5)`, `country == "FR" && tags.exists(t, t.matches("v|b") && email.contains(t))`,
}

// TestLate compares answers with those of the rules as they are written, over pages of many lengths.
func TestLate(t *testing.T) {
	rec := typicalRecord(t, 3000)
	for _, batch := range []int{64, 100, 4096} {
		want := lateAnswers(t, Options{UserID: "user_id", AsWritten: true}, batch)
		got := lateAnswers(t, Options{UserID: "user_id"}, batch)
		for i, rule := range lateRules {
			if got[i] != want[i] {
				t.Errorf("%s\n got %.200s\nwant %.200s", rule, got[i], want[i])
			}
		}
		all := strings.Join(want, "")
		for _, letter := range []string{"T", "F", "U", "E"} {
			if strings.Count(all, letter) < len(all)/50 {
				t.Errorf("hardly any answer is %s", letter)
			}
		}
	}
	plan := typicalPlan(t, rec.Schema(), lateRules)
	if late := len(plan.exec.whole.late); late < 8 {
		t.Errorf("%d leaves are late", late)
	}
}

func lateAnswers(t *testing.T, opts Options, batch int) []string {
	t.Helper()
	rec := typicalRecord(t, 3000)
	plan := planWith(t, rec.Schema(), lateRules, opts)
	pages, sizes := 0, []int{1, 700, 33, 64, 250}
	src := &pagedColumns{rec: rec, at: map[string]int64{}, page: func() int { pages++; return sizes[pages%len(sizes)] }}
	e := plan.NewEvaluator(batch)
	e.Start(src)
	out := make([]string, len(lateRules))
	for {
		answers, err := e.Next(900)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range out {
			out[i] += answers.Cut(plan.Segments(0)[i].When).String()
		}
	}
}

// TestLateLooksAtOpenRows: a leaf is late only below something that may settle the answer, and sees no other rows.
func TestLateLooksAtOpenRows(t *testing.T) {
	rec := typicalRecord(t, 1000)
	for rule, open := range map[string]string{
		`sms_opt_in && email.matches("1")`: `is_null(sms_opt_in) || sms_opt_in`, `sms_opt_in || email.matches("1")`: `is_null(sms_opt_in) || !sms_opt_in`,
		`!(sms_opt_in || !email.matches("1"))`: `is_null(sms_opt_in) || !sms_opt_in`, `sms_opt_in ? email.matches("1") : age > 3`: `is_true(sms_opt_in)`,
		`sms_opt_in ? age > 3 : email.matches("1")`: `is_true(!sms_opt_in)`,
	} {
		e := typicalPlan(t, rec.Schema(), []string{rule, open}).NewEvaluator(0)
		answers, err := e.EvalRecord(rec)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := (Mask{value: e.open, n: 1000}).String(), answers.Cut(1).String(); got != want {
			t.Errorf("%s\nlooks at %.100s\nwant     %.100s", rule, got, want)
		}
	}
	for _, rule := range []string{`email.matches("1")`, `sms_opt_in && country.matches("F") && age > 3`} {
		e := typicalPlan(t, rec.Schema(), []string{rule, `email.matches("1")`}).NewEvaluator(0)
		for _, l := range e.whole.late {
			if e.nodes[l.leaf].columns[0] == "email" {
				t.Errorf("%s: a leaf that is a cut is late", rule)
			}
		}
	}
}

// BenchmarkLate evaluates rules with a dear leaf among their conjuncts, as they are planned and as they are written.
func BenchmarkLate(b *testing.B) {
	rec := typicalRecord(b, 65536)
	for _, rule := range []string{
		`sms_opt_in && email.matches("^[a-z]+[0-9]{2,4}@(mail|post)[.]")`, `country == "FR" && email.matches("^[a-z]+[0-9]{2,4}@(mail|post)[.]")`,
		`country == "FR" && hash_split("autumn", 0.5)`, `sms_opt_in && email.iequals("ANN12@EXAMPLE.COM")`,
	} {
		b.Run(rule, func(b *testing.B) {
			planned, written := planWith(b, rec.Schema(), []string{rule}, Options{UserID: "user_id"}), planWith(b, rec.Schema(), []string{rule}, Options{UserID: "user_id", AsWritten: true})
			e, all := planned.NewEvaluator(0), written.NewEvaluator(0)
			var short, long float64
			for b.Loop() {
				short += cpu(func() { _, _ = e.EvalRecord(rec) }).Seconds()
				long += cpu(func() { _, _ = all.EvalRecord(rec) }).Seconds()
			}
			rows := 65536 * float64(b.N)
			b.ReportMetric(short*1e9/rows, "open-ns/row")
			b.ReportMetric(long*1e9/rows, "all-ns/row")
		})
	}
}
