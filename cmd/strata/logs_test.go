package main

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every line of the log is a JSON object, and on no terminal nothing else is printed there: no bar, no colour.
func TestLogLinesAreJSON(t *testing.T) {
	s := newSite(t, smallConfig)
	snapshot(s, today, users(100))
	_, out, errs := cli(t, s.folder, "run", "--date", today, "--log-format", "json")
	stages := map[string]bool{}
	lines := bufio.NewScanner(strings.NewReader(errs))
	for lines.Scan() {
		var line struct{ Time, Level, Msg, Stage string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Time == "" || line.Level != "INFO" || line.Msg == "" {
			t.Errorf("%s: %v", lines.Text(), err)
		}
		stages[line.Stage] = true
	}
	for _, stage := range []string{"plan", "assign", "diff", "commit"} {
		if !stages[stage] {
			t.Errorf("no line of stage %s in\n%s", stage, errs)
		}
	}
	if strings.ContainsAny(out+errs, "\x1b\r") {
		t.Errorf("terminal codes where there is no terminal: %q", out+errs)
	}
}

func TestQuietPrintsErrorsOnly(t *testing.T) {
	s := newSite(t, smallConfig)
	snapshot(s, today, users(100))
	if code, out, errs := cli(t, s.folder, "run", "--date", today, "--quiet"); code != 0 || out+errs != "" {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// A stage that failed is not said to be done.
func TestFailedStageIsNotDone(t *testing.T) {
	s := newSite(t, smallConfig)
	_, _, errs := cli(t, s.folder, "run", "--date", today)
	if strings.Contains(errs, "stage done") {
		t.Errorf("%s", errs)
	}
}

func TestMetricsFileIsPrometheusText(t *testing.T) {
	s := newSite(t, richConfig)
	s.write("always.txt", nil)
	snapshot(s, yesterday, users(1000))
	snapshot(s, today, users(950))
	s.run(0, "run", "--date", yesterday)
	s.run(0, "run", "--date", today, "--metrics-file", "strata.prom")
	families := parseMetrics(t, s.path("strata.prom"))
	for name, want := range map[string]float64{
		"strata_users": 950, "strata_rejects{null}": 0, "strata_segment_size{paying}": 317, "strata_stage_size{journey,customer}": 317,
		"strata_transitions{exited,paying,user_deleted}": 17, "strata_duplicates": 0,
	} {
		if got, ok := families[name]; !ok || got != want {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
	before, _ := os.ReadFile(s.path("strata.prom"))
	s.run(0, "run", "--date", today, "--metrics-file", "strata.prom")
	if after, _ := os.ReadFile(s.path("strata.prom")); len(after) != len(before) {
		t.Errorf("a run that is up to date changes the metrics from\n%s\nto\n%s", before, after)
	}
}

// metricLine is a line of Prometheus text format: what a metric is, or one value of it.
var metricLine = regexp.MustCompile(`^(?:# HELP (\w+) \S.*|# TYPE (\w+) gauge|(\w+)(?:\{((?:\w+="[^"\\]*",?)+)\})? (\S+))$`)

// parseMetrics reads a file as a collector does: values by name and the values of the labels, which are in the order of
// their names. Every metric comes with a help and a type of its own before its values.
func parseMetrics(t *testing.T, path string) map[string]float64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	values, help, typ := map[string]float64{}, "", ""
	for line := range strings.Lines(string(data)) {
		m := metricLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		switch {
		case m == nil:
			t.Errorf("%q is no line of Prometheus text format", line)
		case m[1] != "":
			help = m[1]
		case m[2] != "":
			typ = m[2]
		default:
			value, err := strconv.ParseFloat(m[5], 64)
			key := m[3] + labels(m[4])
			if _, twice := values[key]; err != nil || twice || help != m[3] || typ != m[3] {
				t.Errorf("%q: %v, twice: %v, after the help of %s and the type of %s", line, err, twice, help, typ)
			}
			values[key] = value
		}
	}
	return values
}

// labels turns a="b",c="d" into {b,d}.
func labels(text string) string {
	if text == "" {
		return ""
	}
	var values []string
	for _, pair := range strings.Split(text, ",") {
		_, value, _ := strings.Cut(pair, "=")
		values = append(values, strings.Trim(value, `"`))
	}
	return "{" + strings.Join(values, ",") + "}"
}
