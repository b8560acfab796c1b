package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPreviewShowsWhatARuleTakes(t *testing.T) {
	folder := demoSite(t)
	before := contents(t, folder)
	code, out, errs := cli(t, folder, "preview", `country == "FR" && ltv > 300`)
	if code != 0 || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	golden(t, "preview/text", out)
	_, out, _ = cli(t, folder, "preview", `segment("vip")`, "--sample", "5%", "--examples", "2")
	for _, want := range []string{"exact after all", "exactly the same users: vip", "100%"} {
		if !strings.Contains(out, want) {
			t.Errorf("preview of a segment does not say %q:\n%s", want, out)
		}
	}
	if _, out, _ = cli(t, folder, "preview", "true", "--no-overlap", "--examples", "0"); strings.HasSuffix(out, "\n\n") {
		t.Errorf("an empty paragraph ends it:\n%s", out)
	}
	code, out, errs = cli(t, folder, "preview", "age < 25", "--no-overlap", "--json", "--date", "2026-11-02")
	var told previewJSON
	if err := json.Unmarshal([]byte(out), &told); err != nil || code != 0 {
		t.Fatalf("exit %d, %s, %v", code, errs, err)
	}
	if told.Date.String() != "2026-11-02" || strings.Join(told.Columns, " ") != "age" || told.Members == 0 || told.Unknown == 0 || len(told.Examples) != 10 {
		t.Errorf("preview --json: %+v", told)
	}
	if contents(t, folder) != before {
		t.Error("a preview has changed a file")
	}
}

func TestPreviewEqualsTheSegmentOfARun(t *testing.T) {
	folder := demoSite(t)
	edit(t, folder, "lifecycles:", "  - name: asked\n    when: age / (orders_90d - 1) > 20 || country in [\"FR\", \"DE\"]\nlifecycles:")
	_, out, _ := cli(t, folder, "preview", `age / (orders_90d - 1) > 20 || country in ["FR", "DE"]`)
	if !strings.Contains(out, "exactly the same users: asked") {
		t.Errorf("the rule and a segment of the same rule differ:\n%s", out)
	}
}

func TestWrongPreviews(t *testing.T) {
	folder := demoSite(t)
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "preview needs a rule, in quotes"},
		{[]string{" "}, exitUsage, "the rule is empty"},
		{[]string{"ltv", ">", "3"}, exitUsage, "put the rule in single quotes"},
		{[]string{"ltv > 3", "--sample", "200%"}, exitUsage, "is not a share"},
		{[]string{"ltv > 3", "--examples", "-1"}, exitUsage, "--examples: -1"},
		{[]string{"ltv > 3", "--date", "soon"}, exitUsage, "is not a date"},
		{[]string{"ltv > 3", "--date", "2026-12-01"}, exitInput, "there is no snapshot of 2026-12-01"},
		{[]string{`contry == "FR"`}, exitUsage, "rule:1:1: the snapshot has no column \"contry\"\n  1 | contry == \"FR\"\n    | ^ hint: did you mean \"country\"?"},
		{[]string{"ltv"}, exitUsage, "rule:1:1: the rule gives a double, not true or false"},
		{[]string{`segment("vipp")`}, exitUsage, `did you mean "vip"?`},
		{[]string{`country in file("none.txt")`}, exitInput, "list none.txt cannot be read"},
	} {
		code, _, errs := cli(t, folder, append([]string{"preview"}, tc.args...)...)
		if code != tc.code || !strings.Contains(errs, tc.want) || strings.Contains(errs, "the rule\"") {
			t.Errorf("strata preview %q: exit %d, %q; want %d and %q", tc.args, code, errs, tc.code, tc.want)
		}
	}
}
