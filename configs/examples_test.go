package configs

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestExamples: every strata.yaml among the examples loads without a warning.
func TestExamples(t *testing.T) {
	files, _ := filepath.Glob("examples/strata*.yaml")
	if len(files) == 0 {
		t.Fatal("no examples")
	}
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
