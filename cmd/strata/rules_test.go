package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRulesVerb shows the reference: all of it a line each, one entry whole, a topic, and what is near to a name that there is not.
func TestRulesVerb(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"rules"}, 0, []string{"Dates and times\n", "\n  within        Whether it lies in the period", "strata rules NAME tells more."}},
		{[]string{"rules", "within"}, 0, []string{"within(timestamp | date, string) -> bool\n", "Time zone: ", `Example: within(last_seen_at, "30d")`}},
		{[]string{"rules", "WITHIN", "!="}, 0, []string{"within(timestamp", "\n\na == b\na != b\n"}},
		{[]string{"rules", "splits"}, 0, []string{"hash_split(string, double) -> bool", "variant(string, map(string, double)) -> string"}},
		{[]string{"rules", "greatest"}, 0, []string{"math.greatest(number"}},
		{[]string{"rules", "witin"}, 2, []string{`rules have no "witin"; did you mean "within"?`}},
		{[]string{"rules", "between"}, 2, []string{`rules have no "between"; strata rules lists all that they have`}},
	} {
		var out, problems bytes.Buffer
		code := execute(t.Context(), tc.args, &out, &problems)
		said := out.String() + problems.String()
		for _, want := range tc.want {
			if code != tc.code || !strings.Contains(said, want) {
				t.Errorf("%v: code %d, want %d and %q in\n%s", tc.args, code, tc.code, want, said)
			}
		}
	}
}

// TestC062_CirclesStopBeforeData: there is no snapshot to read, and none is missed.
func TestC062_CirclesStopBeforeData(t *testing.T) {
	folder := t.TempDir()
	config := `snapshot: {path: "users/{date}.parquet", user_id: id}
output: out
segments:
  - {name: self, when: '!segment("self")'}
  - {name: a, when: 'segment("b")'}
  - {name: b, when: 'stage("l") == "x"'}
lifecycles: [{name: l, stages: [{name: x, when: 'segment("a")'}]}]
`
	if err := os.WriteFile(filepath.Join(folder, "strata.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check"}, {"run", "--date", "2026-01-01"}} {
		code, _, said := cli(t, folder, args...)
		for _, want := range []string{"strata.yaml:4:26: segment \"self\": the segment refers to itself", "strata.yaml:5:22: segment \"a\"", "a -> b -> l -> a"} {
			if code != exitUsage || strings.Count(said, want) != 1 {
				t.Errorf("%v: code %d, and %q is not said once in\n%s", args, code, want, said)
			}
		}
	}
}
