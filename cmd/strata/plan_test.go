package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// demoSite makes a demo, and returns its folder.
func demoSite(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if code, _, errs := cli(t, folder, "demo", "--dir", "demo", "--users", "2000", "--quiet"); code != 0 {
		t.Fatalf("demo: exit %d, %s", code, errs)
	}
	return filepath.Join(folder, "demo")
}

// edit changes the configuration of a folder, by pairs of what is there and what is to be there.
func edit(t *testing.T, folder string, pairs ...string) {
	t.Helper()
	file := filepath.Join(folder, "strata.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(text), pairs[i]) {
			t.Fatalf("the configuration has no %q", pairs[i])
		}
		text = []byte(strings.Replace(string(text), pairs[i], pairs[i+1], 1))
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// contents are all files of a folder.
func contents(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		data := []byte{}
		if !e.IsDir() {
			data, err = os.ReadFile(path)
		}
		all.WriteString(path + "\n" + string(data) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestPlanShowsWhatAnEditDoes(t *testing.T) {
	folder := demoSite(t)
	edit(t, folder, "ltv > 800", "ltv > 500", "  - name: never_bought\n    when: last_order_at == null\n", "",
		"orders_90d > 0\n", "orders_90d > 1\n", "lifecycles:", "  - name: gold\n    when: ltv > 900 && (age > 30 || country == \"FR\")\nlifecycles:")
	before := contents(t, folder)
	for _, tc := range []struct{ name, args string }{
		{"text", "plan --examples 2"},
		{"markdown", "plan --format markdown"},
		{"previous", "plan --date 2026-11-02 --against previous"},
	} {
		code, out, errs := cli(t, folder, strings.Fields(tc.args)...)
		if code != 0 || errs != "" {
			t.Errorf("strata %s: exit %d, %s", tc.args, code, errs)
		}
		golden(t, "plan/"+tc.name, out)
	}
	if contents(t, folder) != before {
		t.Error("strata plan has changed a file")
	}
	code, out, errs := cli(t, folder, "plan", "--format", "json")
	var told struct {
		Segments []plannedSegment `json:"segments"`
	}
	if err := json.Unmarshal([]byte(out), &told); err != nil || code != 0 {
		t.Fatalf("plan --format json: exit %d, %s, %v", code, errs, err)
	}
	if _, text, _ := cli(t, folder, "plan"); len(told.Segments) != 11 || !strings.Contains(text, signed(told.Segments[1].Then-told.Segments[1].Now)) {
		t.Errorf("%d segments in JSON; vip changes from %d to %d", len(told.Segments), told.Segments[1].Now, told.Segments[1].Then)
	}
}

func TestPlanOfAnUnchangedFile(t *testing.T) {
	folder := demoSite(t)
	code, out, _ := cli(t, folder, "plan")
	if code != 0 || !strings.Contains(out, "no user would enter, leave or move") || strings.Contains(out, "why:") {
		t.Errorf("exit %d\n%s", code, out)
	}
	code, out, _ = cli(t, folder, "plan", "--against", "previous")
	if code != 0 || !strings.Contains(out, "is up to date: strata run --date 2026-11-03 would do nothing") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestPlanBeforeAnyRun(t *testing.T) {
	folder := demoSite(t)
	if err := os.RemoveAll(filepath.Join(folder, "out")); err != nil {
		t.Fatal(err)
	}
	code, out, errs := cli(t, folder, "plan")
	if code != 0 || !strings.Contains(out, "plan of 2026-11-03, the newest snapshot (nothing is committed yet): ") {
		t.Errorf("exit %d, %s\n%s", code, errs, out)
	}
	if _, err := os.Stat(filepath.Join(folder, "out")); err == nil {
		t.Error("the output was made")
	}
}

func TestPlanFailsOnGuardsWhenAsked(t *testing.T) {
	folder := demoSite(t)
	edit(t, folder, "lifecycles:", "guards: {exits: {ignore_below: 1}}\nlifecycles:", "ltv > 800", "ltv > 80000")
	code, out, errs := cli(t, folder, "plan")
	if code != 0 || !strings.Contains(out, "guards that would stop the run") || !strings.Contains(out, "look at:\n") || !strings.Contains(out, `members would leave segment "vip" (limit 50%)`) {
		t.Errorf("exit %d, %s\n%s", code, errs, out)
	}
	code, _, errs = cli(t, folder, "plan", "--fail-on-guard")
	if code != exitGuard || !strings.Contains(errs, "2 guards would stop this run") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestPlanTellsThatANameWasUsedBefore(t *testing.T) {
	folder := demoSite(t)
	edit(t, folder, "  - name: never_bought\n    when: last_order_at == null\n", "")
	if code, _, errs := cli(t, folder, "run", "--date", "2026-11-03", "--accept", "--quiet"); code != 0 {
		t.Fatalf("exit %d, %s", code, errs)
	}
	edit(t, folder, "lifecycles:", "  - name: never_bought\n    when: ltv == 0\nlifecycles:")
	code, out, _ := cli(t, folder, "plan")
	if code != 0 || !strings.Contains(out, `the name "never_bought" was in use before, last on 2026-11-02, and then removed`) {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestWrongPlans(t *testing.T) {
	folder := demoSite(t)
	for _, tc := range []struct {
		args string
		code int
		want string
	}{
		{"plan --against tomorrow --format pdf --examples -1", exitUsage, "--examples: -1 is outside"},
		{"plan --against tomorrow", exitUsage, `--against: "tomorrow" is neither standing nor previous`},
		{"plan --date 2026-11-31", exitUsage, "is not a date"},
		{"plan --date 2026-12-01", exitInput, "there is no snapshot of 2026-12-01"},
		{"plan vip", exitUsage, "takes no argument"},
		{"plan -c nowhere.yaml", exitUsage, "there is no configuration nowhere.yaml"},
	} {
		code, _, errs := cli(t, folder, strings.Fields(tc.args)...)
		if code != tc.code || !strings.Contains(errs, tc.want) {
			t.Errorf("strata %s: exit %d, %q; want %d and %q", tc.args, code, errs, tc.code, tc.want)
		}
	}
	edit(t, folder, "ltv > 800", "ltvv > 800")
	code, _, errs := cli(t, folder, "plan")
	if code != exitUsage || !strings.Contains(errs, `did you mean "ltv"?`) || !strings.Contains(errs, "strata.yaml:") {
		t.Errorf("a typo: exit %d, %s", code, errs)
	}
}
