package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// home stands in the README for the folder that a test works in.
const home = "/home/you"

// readable replaces what differs from run to run by what stands in the README.
func readable(text, folder string) string {
	text = strings.ReplaceAll(text, folder, home)
	text = regexp.MustCompile(`passed in [0-9.]+ s`).ReplaceAllString(text, "passed in 0.1 s")
	return regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{10}`).ReplaceAllString(text, "20261104T020000Z-0a1b2c3d4e")
}

// TestReadme runs every command of the README's console blocks, in order, in one folder, and compares what they print. Blocks that are
// marked cdnow need the purchases of CDNOW, and stay as they are where those are not. With -update it writes what commands print
// into the README.
func TestReadme(t *testing.T) {
	folder := t.TempDir()
	buildInto(t, folder)
	kinds := "()"
	if purchases, python, err := cdnowPurchases(); err != nil {
		t.Logf("SKIPPED: the commands over CDNOW's purchases: %v; make test fetches them", err)
	} else {
		layCDNOW(t, folder, purchases, python)
		kinds = "(| cdnow)"
	}
	runPage(t, filepath.Join(root, "..", "..", "README.md"), folder, kinds, 8)
}

// TestNightlyTour does the same with a page of commands over the two nights of the nightly workload, where they are at hand.
func TestNightlyTour(t *testing.T) {
	nightly := filepath.Join(root, "..", "..", "..", "shared", "nightly")
	if _, err := os.Stat(filepath.Join(nightly, "strata.yaml")); err != nil {
		t.Skip("the nightly workload is not beside the checkout")
	}
	folder := t.TempDir()
	buildInto(t, folder)
	if err := os.CopyFS(folder, os.DirFS(nightly)); err != nil {
		t.Fatal(err)
	}
	runPage(t, filepath.Join(root, "testdata", "nightly_tour.md"), folder, "()", 7)
}

// TestReadmeCounts holds what the README says of the conformance suite against what its test counts.
func TestReadmeCounts(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	counts, err := os.ReadFile(filepath.Join(root, "..", "..", "rules", "testdata", "conformance", "counts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(string(readme), ",", "")
	for _, counted := range regexp.MustCompile(`(?m)^(written|columns) +(\d+ of \d+) pass`).FindAllStringSubmatch(string(counts), -1) {
		if !strings.Contains(plain, counted[2]) {
			t.Errorf("the README does not say that %s tests pass as %s", counted[2], counted[1])
		}
	}
}

// TestReadmeTimeline holds the timeline that is drawn in the README against the one of the example, which its test checks.
func TestReadmeTimeline(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, "..", "..", "configs", "examples", "timeline", "strata.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, drawn, found := strings.Cut(string(readme), "```text\nNovember")
	drawn, _, closed := strings.Cut("November"+drawn, "```")
	if !found || !closed {
		t.Fatal("the README draws no timeline")
	}
	for _, line := range strings.Split(strings.TrimSpace(drawn), "\n") {
		if line != "" && !strings.Contains(string(example), "#     "+line+"\n") {
			t.Errorf("the example does not have the line\n%s", line)
		}
	}
}

// buildInto builds the program into bin of a folder.
func buildInto(t *testing.T, folder string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "bin", "strata"), ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// cdnowPurchases finds the purchases of CDNOW and the Python that makes snapshots of them.
func cdnowPurchases() (purchases, python string, err error) {
	purchases, python = os.Getenv("STRATA_CDNOW"), os.Getenv("STRATA_PYTHON")
	if purchases == "" {
		purchases = filepath.Join(root, "..", "..", "build", "data", "lifetimes")
	}
	if python == "" {
		python = filepath.Join(root, "..", "..", "build", "venv", "bin", "python")
	}
	purchases = filepath.Join(purchases, "datasets")
	_, noPurchases := os.Stat(purchases)
	_, noPython := os.Stat(python)
	return purchases, python, errors.Join(noPurchases, noPython)
}

// layCDNOW makes the folder that make cdnow makes.
func layCDNOW(t *testing.T, folder, purchases, python string) {
	t.Helper()
	source := filepath.Join(root, "..", "..", "pipeline", "testdata", "cdnow")
	made, into := t.TempDir(), filepath.Join(folder, "strata-cdnow")
	if out, err := exec.Command(python, filepath.Join(source, "snapshots.py"), purchases, made).CombinedOutput(); err != nil {
		t.Fatalf("make snapshots of CDNOW: %v\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(made, "all"), into); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"strata.yaml", "strata_test.yaml"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(into, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// runPage runs the commands of a page's console blocks of some kinds, and compares what they print or, with -update, writes it into
// the page. A page with fewer commands than it should have fails.
func runPage(t *testing.T, path, folder, kinds string, fewest int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	blocks := regexp.MustCompile("(?s)```console" + kinds + "\n(.*?)```")
	got := blocks.ReplaceAllStringFunc(string(text), func(block string) string {
		first, rest, _ := strings.Cut(block, "\n")
		out := first + "\n"
		for _, line := range strings.Split(rest, "\n") {
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				continue
			}
			ran++
			out += line + "\n" + readable(shell(t, folder, command), folder)
		}
		return out + "```"
	})
	if ran < fewest {
		t.Errorf("%s has %d commands, want %d", filepath.Base(path), ran, fewest)
	}
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(text) {
		t.Errorf("%s does not show what its commands print (go test ./cmd/strata -run '%s' -update mends it):\n%s",
			filepath.Base(path), t.Name(), firstDifference(got, string(text)))
	}
}

// shell runs a command line as a user would, without the log lines of strata.
func shell(t *testing.T, folder, command string) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", "set -o pipefail; { "+command+"; } 2>&1 | sed '/^time=/d'")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(folder, "bin")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "prints: " + a[i] + "\nREADME: " + b[i]
		}
	}
	return "one is longer"
}
