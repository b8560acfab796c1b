package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// cli runs a command line in a folder and returns its exit code and what it printed.
func cli(t *testing.T, folder string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(folder)
	var out, err bytes.Buffer
	code = execute(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(root, "testdata", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was:\n%s\nwant:\n%s", name, got, want)
	}
}

// root is the folder of this package; tests change the working folder.
var root, _ = os.Getwd()

// steady replaces what differs from run to run: run ids and folders of tests.
func steady(text, folder string) string {
	text = strings.ReplaceAll(text, folder, "FOLDER")
	return regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{10}`).ReplaceAllString(text, "RUN")
}

func TestHelpTeaches(t *testing.T) {
	for _, verb := range []string{"", "run", "status", "check", "preview", "plan", "explain", "test", "gc", "forget", "backfill", "demo", "rules", "schema", "version"} {
		args := []string{"--help"}
		if verb != "" {
			args = []string{verb, "--help"}
		}
		code, out, errs := cli(t, t.TempDir(), args...)
		if code != 0 || errs != "" {
			t.Errorf("strata %v: exit %d, %s", args, code, errs)
		}
		golden(t, "help/strata"+verb, out)
	}
}

func TestDemoThenWhatItTellsToTry(t *testing.T) {
	folder := t.TempDir()
	code, out, errs := cli(t, folder, "demo", "--users", "2000", "--quiet=false")
	if code != 0 {
		t.Fatalf("demo: exit %d, %s", code, errs)
	}
	golden(t, "demo", steady(out, folder))
	code, out, _ = cli(t, folder, "status", "-c", "strata-demo/strata.yaml")
	if code != 0 || strings.Count(out, " ok") != 3 {
		t.Errorf("status: exit %d\n%s", code, out)
	}
	code, out, _ = cli(t, folder, "run", "-c", "strata-demo/strata.yaml", "--date", "2026-11-03")
	if code != 0 || !strings.Contains(out, "up to date") {
		t.Errorf("a second run: exit %d\n%s", code, out)
	}
	code, out, _ = cli(t, folder, "check", "-c", "strata-demo/strata.yaml", "--date", "2026-11-03")
	if code != 0 || !strings.Contains(out, "fits the snapshot of 2026-11-03: 10 segments") {
		t.Errorf("check: exit %d\n%s", code, out)
	}
	code, _, errs = cli(t, folder, "demo", "--dir", ".")
	if code != exitUsage || !strings.Contains(errs, "no demo made it") {
		t.Errorf("demo in a foreign folder: exit %d, %s", code, errs)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, tc := range []struct {
		args string
		want string
	}{
		{"run", "--date is required"},
		{"run --date 2026-13-01", "is not a date"},
		{"run --date 2026-11-01 --memory 12potatoes --batch-rows 0", "--batch-rows: 0 is outside"},
		{"run --date 2026-11-01 --now yesterday", "is not an instant"},
		{"run --dat 2026-11-01", "unknown flag: --dat"},
		{"rum", `there is no verb "rum"; did you mean "run"?`},
		{"run tomorrow", "takes no argument"},
		{"status --output azblob://x/y", "there is no driver for azblob://"},
	} {
		code, _, errs := cli(t, t.TempDir(), strings.Fields(tc.args)...)
		if code != exitUsage || !strings.Contains(errs, tc.want) {
			t.Errorf("strata %s: exit %d, %q; want %d and %q", tc.args, code, errs, exitUsage, tc.want)
		}
	}
}
