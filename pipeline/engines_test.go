package pipeline_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// python is the interpreter of the environment that the Makefile makes.
func python(t testing.TB) string {
	t.Helper()
	path := os.Getenv("STRATA_PYTHON")
	if path == "" {
		path, _ = filepath.Abs(filepath.Join("..", "build", "venv", "bin", "python"))
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no Python environment at %s; make test makes one", path)
	}
	return path
}

func TestDuckDBPyarrowAndPolarsReadTheOutputsBackEqual(t *testing.T) {
	b := nightlyBench(t)
	b.run("2026-11-01")
	b.run("2026-11-02")
	out, err := exec.Command(python(t), "testdata/engines.py", b.output.URL(""), shared(t, "nightly/expected")).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("%v", err)
	}
}
