package configs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestSuiteFaults: every fault of a test file at once, each with its place and a way out.
func TestSuiteFaults(t *testing.T) {
	s, err := LoadSuite("testdata/suites/faults.yaml")
	problems, ok := errors.AsType[Problems](err)
	if s != nil || !ok {
		t.Fatalf("%v, %v; want Problems", s, err)
	}
	checkPlaces(t, problems)
	golden(t, "testdata/suites/faults.golden", err.Error()+"\n")
}

// TestIdleExpectations: what could not fail is a fault.
func TestIdleExpectations(t *testing.T) {
	_, err := LoadSuite("testdata/suites/idle.yaml")
	golden(t, "testdata/suites/idle.golden", fmt.Sprintln(err))
	if _, err = ParseSuite("x.yaml", []byte("cases: []")); err == nil || !strings.Contains(err.Error(), "there are no cases") {
		t.Error(err)
	}
}

// TestSuiteNames: a test may only speak of segments, lifecycles and stages that there are.
func TestSuiteNames(t *testing.T) {
	c, err := Parse("strata.yaml", []byte(`snapshot: {path: x, user_id: id}
output: out
segments: [{name: vip, when: 'n > 1'}, {name: called, when: 'n > 2', cooldown: 7d}]
lifecycles: [{name: journey, stages: [{name: lead, when: 'true'}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSuite("strata_test.yaml", []byte(`cases:
  - name: names
    date: 2026-11-03
    users: [{id: ann}]
    previous: {users: [{user: ann, in: [vib], stages: {journey: none}, since: {vipp: 2026-01-01, vip: soon, journey: 2026-01-01}},
      {user: bob, in: [called], left: {called: 2026-01-01, vip: 2026-01-01, caled: soon, journey: 2026-01-01}}]}
    expect:
      - {user: ann, in: [vip], not_in: [journey], stages: {journey: none}}
      - {user: bob, stages: {jorney: lead, journey: leed}, transitions: [{moved: vip}, {entered: journey, to: laed}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/suites/names.golden", s.CheckAgainst(c).Error()+"\n")
}

// TestSuiteSchemaDescribesEverything: every key of a test file has a description, and nothing unknown is allowed.
func TestSuiteSchemaDescribesEverything(t *testing.T) {
	text, err := SuiteSchema()
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	describeAll(t, "#", s)
	for name, def := range s["$defs"].(map[string]any) {
		describeAll(t, name, def.(map[string]any))
	}
}
