package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestExamples: every strata.yaml among the examples loads without a warning.
func TestExamples(t *testing.T) {
	files, _ := filepath.Glob("examples/strata*.yaml")
	more, _ := filepath.Glob("examples/*/strata*.yaml")
	if len(files) == 0 || len(more) == 0 {
		t.Fatal("no examples")
	}
	files = append(files, more...)
	for _, file := range files {
		c, err := Load(file)
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
		} else if len(c.Warnings) > 0 {
			t.Errorf("%s:\n%v", file, c.Warnings)
		}
	}
}

// TestExampleIsComplete: the example shows every key that this version has.
func TestExampleIsComplete(t *testing.T) {
	text, err := os.ReadFile("examples/strata.yaml")
	if err != nil {
		t.Fatal(err)
	}
	checkShown(t, string(text), reflect.TypeFor[Config]())
}

func checkShown(t *testing.T, text string, typ reflect.Type) {
	t.Helper()
	for _, key := range keysOf(typ) {
		if !strings.Contains(text, key+":") {
			t.Errorf("%s: the key %q is not in the example", typ.Name(), key)
		}
		f, _ := fieldOf(typ, key)
		elem := f.Type
		if elem.Kind() == reflect.Slice {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Struct && elem != reflect.TypeFor[Expr]() && elem != reflect.TypeFor[Limit]() {
			checkShown(t, text, elem)
		}
	}
}

// TestTimelineIsDrawnAsTested: the drawing of the timeline has a user in just the segments and stages that the tests beside it expect.
func TestTimelineIsDrawnAsTested(t *testing.T) {
	text, err := os.ReadFile("examples/timeline/strata.yaml")
	if err != nil {
		t.Fatal(err)
	}
	suite, err := LoadSuite("examples/timeline/timeline_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string][]rune{} // rows, by their first word
	for line := range strings.Lines(string(text)) {
		if row, ok := strings.CutPrefix(line, "#     "); ok && strings.Fields(row) != nil {
			drawn[strings.Fields(row)[0]] = []rune(strings.TrimRight(row, "\n") + strings.Repeat(" ", 99))
		}
	}
	nights := suite.Cases[0].Nights()
	if len(nights) < 9 {
		t.Fatalf("%d dates", len(nights))
	}
	for _, night := range nights {
		day := fmt.Sprint(night.Date.Time().Day())
		at := strings.Index(string(drawn["November"]), " "+day+" ") + 1
		var in []string
		for _, name := range []string{"rich", "loyal", "guest", "called", "lapsed"} {
			if drawn[name][at] == '█' {
				in = append(in, name)
			}
		}
		want := night.Expect[0]
		if !slices.Equal(in, want.In.Names) {
			t.Errorf("November %s: drawn in %v, tested in %v", day, in, want.In.Names)
		}
		if tier := strings.Fields(string(drawn["tier"][at:]))[0]; tier != want.Stages[0].Text {
			t.Errorf("November %s: drawn %s, tested %s", day, tier, want.Stages[0].Text)
		}
		if spend := strings.Fields(string(drawn["spend"][at:]))[0]; spend != night.Users.Rows[0].Cells[1].Value.Text {
			t.Errorf("November %s: drawn %s, tested %s", day, spend, night.Users.Rows[0].Cells[1].Value.Text)
		}
	}
}

// TestCronJobIsYAML: the Kubernetes example is YAML and runs the verb with its required flag.
func TestCronJobIsYAML(t *testing.T) {
	text, err := os.ReadFile("examples/cronjob.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var job map[string]any
	if err := yaml.Unmarshal(text, &job); err != nil || job["kind"] != "CronJob" {
		t.Errorf("kind %v: %v", job["kind"], err)
	}
	for _, file := range []string{"cronjob.yaml", "airflow_dag.py", "strata.service"} {
		text, err := os.ReadFile(filepath.Join("examples", file))
		if err != nil || !strings.Contains(string(text), "--date") || !strings.Contains(string(text), "run") {
			t.Errorf("%s does not run strata for a date: %v", file, err)
		}
	}
}

// TestNightly: the workload that all of us measure loads, and its definitions survive a manifest.
func TestNightly(t *testing.T) {
	file := "../../shared/nightly/strata.yaml"
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the shared workload is not here: %v", err)
	}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Segments) != 24 || len(c.Lifecycles) != 1 || len(c.Traits) != 1 || c.Now != StartOfDate || c.Timezone != "UTC" {
		t.Errorf("%d segments, %d lifecycles, %d traits, now %s, zone %s", len(c.Segments), len(c.Lifecycles), len(c.Traits), c.Now, c.Timezone)
	}
	checkRoundTrip(t, c.Definitions())
}
