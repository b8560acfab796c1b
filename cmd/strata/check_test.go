package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// doubtfulConfig has something to warn of in every definition.
const doubtfulConfig = `snapshot:
  path: "users/date={date}/*.parquet"
  user_id: user_id
  columns:
    tariff: {column: plan}
output: out
traits:
  - {name: seen_once, value: seen != null}
segments:
  - {name: gone, when: "!within(seen, '30d')"}
  - {name: gone_or_poor, when: "ltv < 3 || !within(seen, '30d')"}
  - {name: nobody, when: ltv > 800 && ltv < 100}
  - {name: rich, when: ltv > 800}
  - {name: wealthy, when: ltv > 800}
lifecycles:
  - name: journey
    stages:
      - {name: customer, when: ltv > 10}
      - {name: regular, when: ltv > 100}
`

// doubtfulSite is a site whose snapshot has 1,000 users, of whom 334 were never seen.
func doubtfulSite(t *testing.T) *site {
	s := newSite(t, doubtfulConfig)
	rows := users(1000)
	for i := range rows {
		if i%3 == 0 {
			rows[i].Seen = nil
		}
	}
	snapshot(s, today, rows)
	return s
}

func TestCheckWarns(t *testing.T) {
	s := doubtfulSite(t)
	s.run(0, "check")
	s.run(0, "check", "--date", today)
	s.run(0, "check", "--date", today, "--no-counts")
	s.run(exitUsage, "check", "--date", today, "--strict")
	s.run(exitUsage, "check", "--format", "xml")
	s.run(0, "check", "--date", today, "--allow", "same-rule,negation-null", "--allow", "unreachable-stage")
	s.run(exitUsage, "check", "--date", today, "--strict", "--allow", "same-rule")
	s.run(exitUsage, "check", "--allow", "same-rul")
	s.run(exitUsage, "check", "--allow", "anything")
	golden(t, "check", steady(s.shown.String(), s.folder))
}

// TestCheckAsJSON: warnings and faults are lists of objects, and the exit code is what it is without.
func TestCheckAsJSON(t *testing.T) {
	s := doubtfulSite(t)
	read := func(want int, args ...string) (problems []shownProblem) {
		t.Helper()
		code, out, _ := cli(t, s.folder, append([]string{"check", "--format", "json"}, args...)...)
		if err := json.Unmarshal([]byte(out), &problems); err != nil || code != want {
			t.Fatalf("exit %d, want %d; %v\n%s", code, want, err, out)
		}
		return problems
	}
	if none := read(0); len(none) > 0 {
		t.Errorf("%v; nothing is wrong that needs no snapshot", none)
	}
	if missing := read(exitInput, "--date", "2020-01-01"); len(missing) != 1 || missing[0].Severity != "error" || missing[0].Message == "" {
		t.Errorf("%v; a date without a snapshot is one error without a place", missing)
	}
	first := read(0, "--date", today)[2]
	want := shownProblem{
		"strata.yaml", 10, 25, "warning", "negation-null", `segment "gone": ! leaves out 334 of 1,000 users, because their seen is null`,
		"write || seen == null to take them in, or && seen != null to say that they are left out",
	}
	if first != want {
		t.Errorf("got  %v\nwant %v", first, want)
	}
	for _, p := range read(exitUsage, "--date", today, "--strict") {
		if p.Severity != "error" || p.Lint == "" {
			t.Errorf("%v is no warning made an error", p)
		}
	}
	s.config("snapshot: 3\n")
	if faults := read(exitUsage); len(faults) != 2 || faults[0].Severity != "error" || faults[0].Lint != "" {
		t.Errorf("%v; want two faults", faults)
	}
}

// TestRunWarnsOnce: a run logs each warning, and an up to date run none.
func TestRunWarnsOnce(t *testing.T) {
	s := doubtfulSite(t)
	_, _, log := cli(t, s.folder, "run", "--date", today)
	if n := strings.Count(log, "level=WARN"); n != 7 || strings.Count(log, "lint=same-rule") != 1 {
		t.Errorf("%d warnings, want 7:\n%s", n, log)
	}
	if _, _, log = cli(t, s.folder, "run", "--date", today); strings.Contains(log, "level=WARN") {
		t.Errorf("warned again: %s", log)
	}
}

// TestFaultsOfFileAndRulesComeTogether: who mends what is printed once has mended all.
func TestFaultsOfFileAndRulesComeTogether(t *testing.T) {
	s := newSite(t, `snapshot: {path: "users/date={date}/*.parquet", user_id: user_id}
output: out
colour: blue
segments:
  - {name: vip, when: ltvv > 800}
  - {name: vip, when: ltv > 900}
  - {name: a, when: ltv > > 3}
  - {name: b, when: segment("vipp")}
  - {name: c, when: true}
lifecycles:
  - name: journey
    stages:
      - {name: new, when: 3}
      - {name: old, when: seen > 30}
guards: {exits: {max_share: 7}}
`)
	snapshot(s, today, users(10))
	s.run(exitUsage, "check")
	s.run(exitUsage, "check", "--date", today)
	golden(t, "faults", steady(s.shown.String(), s.folder))
}

// TestCheckReadsNoPageWhereFootersTell: the pages are destroyed, and the nulls of a column are counted all the same; what needs
// two columns has to read them.
func TestCheckReadsNoPageWhereFootersTell(t *testing.T) {
	s := doubtfulSite(t)
	name := "users/date=" + today + "/part-0.parquet"
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		t.Fatal(err)
	}
	footer := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	clear(data[4:footer])
	s.write(name, data)
	if code, out, errs := cli(t, s.folder, "check", "--date", today); code != 0 || !strings.Contains(out, "leaves out 334 of 1,000 users") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	s.config(strings.ReplaceAll(doubtfulConfig, "!within(seen, '30d')", "!(within(seen, '30d') && seen == timestamp(plan))"))
	if code, out, _ := cli(t, s.folder, "check", "--date", today); code != exitInput {
		t.Errorf("exit %d, want %d: the page was not read: %s", code, exitInput, out)
	}
}

// TestCheckNeedsNoOutput: who may not open the output, as in a pull request's checks, can check definitions all the same.
func TestCheckNeedsNoOutput(t *testing.T) {
	s := newSite(t, strings.Replace(smallConfig, "output: out", "output: gs://bucket/out", 1))
	snapshot(s, today, users(10))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", s.path("nothing.json"))
	code, out, errs := cli(t, s.folder, "check", "--date", today)
	if code != 0 || !strings.Contains(out, "fits the snapshot") || !strings.Contains(out, "note: the columns are compared with no other date's, since the output") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}
