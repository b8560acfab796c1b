package main

import (
	"strings"
	"testing"
)

// stateConfig has all that looks at the run before.
const stateConfig = `snapshot: {path: "users/date={date}/*.parquet", user_id: user_id}
output: out
segments:
  - {name: vip, when: ltv > 800, min_stay: 7d}
  - {name: dormant, when: ltv < 3, until: ltv > 50, cooldown: 5d}
  - {name: loyal, when: 'segment("vip") && was("vip") && days_since(since("vip")) >= 1'}
lifecycles:
  - name: journey
    stages:
      - {name: customer, when: ltv > 500}
      - {name: lead, when: ltv > 10}
      - {name: prospect, when: "true"}
    moves: [prospect -> lead, lead -> customer]
`

// TestState shows what a person reads of rules that look at the run before: user-00900 stays, user-00001 stays and then waits, and
// the move of user-00700 is blocked.
func TestState(t *testing.T) {
	s := newSite(t, stateConfig)
	rows := users(1000)
	snapshot(s, yesterday, rows)
	rows[900].LTV, rows[1].LTV, rows[700].LTV = 100, 100, 100
	snapshot(s, today, rows)
	rows[1].LTV = 1
	snapshot(s, "2026-11-04", rows)
	s.run(0, "preview", `was("vip") || first_run`, "--date", yesterday, "--no-overlap")
	s.run(0, "run", "--date", yesterday)
	s.run(0, "run", "--date", today)
	s.run(0, "status", "--date", today)
	s.run(0, "explain", "--user", "user-00900", "--segment", "vip")
	s.run(0, "explain", "--user", "user-00900", "--segment", "loyal")
	s.run(0, "explain", "--user", "user-00001", "--segment", "dormant")
	s.run(0, "explain", "--user", "user-00700", "--lifecycle", "journey")
	s.run(0, "run", "--date", "2026-11-04")
	s.run(0, "explain", "--user", "user-00001", "--segment", "dormant")
	s.run(0, "explain", "--user", "user-00001")
	s.run(0, "preview", `was("vip") && ltv < 500`, "--sample", "5%")
	s.run(0, "preview", `prev_stage("journey") == "customer"`, "--date", today, "--no-overlap", "--json")
	s.run(exitUsage, "preview", `days_since(since("vip")) > ltv`)
	s.config(strings.Replace(stateConfig, ", min_stay: 7d", "", 1))
	s.run(0, "plan", "--date", "2026-11-04")
	golden(t, "state", steady(s.shown.String(), s.folder))
}
