package configs

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./configs -update writes it anew); got\n%s\nwant\n%s", name, got, want)
	}
}

// faultsOf loads a file that must be refused, and returns all that is said about it.
func faultsOf(t *testing.T, file string) (Problems, string) {
	t.Helper()
	_, err := Load(file)
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("Load(%s) = %v; want Problems", file, err)
	}
	checkPlaces(t, problems)
	return problems, err.Error() + "\n"
}

// checkPlaces checks that every problem stands inside its file.
func checkPlaces(t *testing.T, problems Problems) {
	t.Helper()
	for _, p := range problems {
		if p.File == "" || p.Line < 1 || p.Column < 1 {
			t.Errorf("a problem without a place: %v", p)
		}
	}
}

func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, text := faultsOf(t, filepath.ToSlash(file))
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", text)
		})
	}
}

// TestTenFaults: one file with many different faults tells them all, sorted by place.
func TestTenFaults(t *testing.T) {
	problems, _ := faultsOf(t, "testdata/faults/ten_faults.yaml")
	if len(problems) < 10 {
		t.Errorf("%d problems, want 10 at least", len(problems))
	}
	for i := 1; i < len(problems); i++ {
		if problems[i-1].Line > problems[i].Line {
			t.Errorf("%v comes before %v", problems[i-1], problems[i])
		}
	}
}

func TestIncludeFaults(t *testing.T) {
	_, text := faultsOf(t, "testdata/include_faults/strata.yaml")
	golden(t, "testdata/include_faults/strata.golden", text)
}

// seeds are all files that are at fault.
func seeds() (texts [][]byte) {
	files, _ := filepath.Glob("testdata/faults/*.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			texts = append(texts, text)
		}
	}
	return texts
}
