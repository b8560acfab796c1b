package main

import (
	"encoding/json"
	"strings"
	"testing"

	"strata/rules"
)

// explainConfig has lists, a trait, a lifecycle and a rule that can be unknown or fail.
const explainConfig = `snapshot: {path: "users/date={date}/*.parquet", user_id: user_id}
output: out
traits: [{name: paid, value: 'plan == "pro"'}]
segments:
  - name: vip
    when: ltv > 800
    exclude: never.txt
  - name: both
    when: segment("vip") && paid
  - name: asleep
    when: older_than(seen, "20d")
  - name: odd
    when: 100 / int(ltv - 2.0) > 1
lifecycles:
  - name: journey
    stages:
      - {name: customer, when: paid && ltv > 10}
      - {name: lead, when: 'within(seen, "15d") || ltv > 900'}
      - {name: prospect, when: "true"}
`

// TestExplain shows what a person reads: each kind of answer, then everything that can be asked wrongly.
func TestExplain(t *testing.T) {
	s := newSite(t, explainConfig)
	s.write("never.txt", []byte("user-00903\n"))
	rows := users(1000)
	snapshot(s, yesterday, rows)
	rows[2].Seen, rows[903].LTV, rows[900].Plan = nil, 1000, "free"
	snapshot(s, today, rows)
	s.run(0, "explain", "--user", "user-00900", "--segment", "both")
	s.run(0, "run", "--date", yesterday)
	s.run(0, "run", "--date", today)
	s.run(0, "explain", "--user", "user-00900")
	s.run(0, "explain", "--user", "user-00900", "--segment", "both")
	s.run(0, "explain", "--user", "user-00903", "--segment", "vip")
	s.run(0, "explain", "--user", "user-00002", "--segment", "asleep")
	s.run(0, "explain", "--user", "user-00002", "--segment", "odd", "--date", yesterday)
	s.run(0, "explain", "--user", "user-00900", "--lifecycle", "journey")
	s.config(strings.Replace(explainConfig, "ltv > 800", "ltv > 950", 1))
	s.run(0, "explain", "--user", "user-00900", "--segment", "vip")
	s.run(0, "explain", "--user", "user-00900")

	s.run(exitInput, "explain", "--user", "user-99999")
	s.run(exitInput, "explain", "--user", "user-00900", "--date", "2026-12-24")
	s.run(exitUsage, "explain", "--user", "user-00900", "--date", "yesterday")
	s.run(exitUsage, "explain", "--user", "user-00900", "--segment", "vips")
	s.run(exitUsage, "explain", "--user", "user-00900", "--lifecycle", "vip")
	s.run(exitUsage, "explain", "--user", "user-00900", "--lifecycle", "journey", "--segment", "vip")
	s.run(exitUsage, "explain")
	s.run(exitUsage, "explain", "--user", "")
	s.run(exitUsage, "explain", "--plan", "--user", "x")
	s.config(strings.Replace(explainConfig, "ltv > 800", "ltvv > 800", 1))
	s.run(exitUsage, "explain", "--user", "user-00900")
	golden(t, "explain", steady(s.shown.String(), s.folder))
}

// TestExplainForPrograms reads the JSON, and the plan.
func TestExplainForPrograms(t *testing.T) {
	s := newSite(t, explainConfig)
	s.write("never.txt", nil)
	snapshot(s, today, users(10))
	code, out, errs := cli(t, s.folder, "explain", "--user", "user-00003", "--date", today, "--json")
	var answer struct {
		Segments []struct {
			Name   string
			Member bool
			Rule   struct{ Text, Value string }
		}
		Lifecycles []struct{ Stage string }
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != 0 || len(answer.Segments) != 4 || answer.Segments[3].Rule.Value != "true" {
		t.Errorf("exit %d, %v: %s%s", code, err, out, errs)
	}
	if code, out, errs = cli(t, s.folder, "explain", "--plan", "--date", today); code != 0 || !strings.Contains(out, "ltv > 800") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestWhyNamesNoElement(t *testing.T) {
	element := rules.Term{Text: `t == "a" && ltv > 3`, Value: "false", Note: "element 1 of 1"}
	rule := rules.Term{Text: `tags.exists(t, t == "a" && ltv > 3)`, Value: "false", Terms: []rules.Term{{Text: "tags", Value: `["b"]`}, element}}
	if got := why(&rules.ExplainedSegment{By: rules.ByRule, Rule: rule}); got != rule.Text+" is false" {
		t.Error(got)
	}
}
