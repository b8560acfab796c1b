package main

import (
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
	return regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{10}`).ReplaceAllString(text, "20261104T020000Z-0a1b2c3d4e")
}

// TestReadme runs every command of the README's console blocks, in order, in one folder, and compares what they print. With -update it
// writes what they print into the README.
func TestReadme(t *testing.T) {
	path := filepath.Join(root, "..", "..", "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "bin", "strata"), ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	blocks := regexp.MustCompile("(?s)```console\n(.*?)```")
	ran := 0
	got := blocks.ReplaceAllStringFunc(string(text), func(block string) string {
		out := "```console\n"
		for _, line := range strings.Split(strings.TrimPrefix(block, "```console\n"), "\n") {
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				continue
			}
			ran++
			out += line + "\n" + readable(shell(t, folder, command), folder)
		}
		return out + "```"
	})
	if ran < 8 {
		t.Errorf("the README has %d commands", ran)
	}
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(text) {
		t.Errorf("the README does not show what its commands print (go test ./cmd/strata -run Readme -update mends it):\n%s", firstDifference(got, string(text)))
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
