package writers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"strata/pipeline/ids"
)

// python finds an interpreter with pyarrow, DuckDB and Polars, or skips.
func python(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("STRATA_PYTHON"); named != "" {
		return named
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for root != filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Dir(root)
	}
	found := filepath.Join(root, "build", "venv", "bin", "python")
	if _, err := os.Stat(found); err != nil {
		t.Skipf("no Python with pyarrow, duckdb and polars: set STRATA_PYTHON, or run make to get %s", found)
	}
	return found
}

// A crossRead is what the script says about one file.
type crossRead struct {
	File    string   `json:"file"`
	Columns []string `json:"columns"`
	Types   []string `json:"types"`
	Rows    [][]any  `json:"rows"`
	Faults  []string `json:"faults"`
}

// readElsewhere reads files with pyarrow, DuckDB and Polars, which must agree, and returns what they read.
func readElsewhere(t *testing.T, files map[string][]byte, skip map[string]string) map[string]crossRead {
	t.Helper()
	interpreter, folder := python(t), t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name+".parquet"), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range skip {
		if err := os.WriteFile(filepath.Join(folder, name+".skip.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), interpreter, filepath.Join("testdata", "crossread.py"), folder)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	read := map[string]crossRead{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<28)
	for lines.Scan() {
		var one crossRead
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		for _, fault := range one.Faults {
			t.Errorf("%s: %s", one.File, fault)
		}
		read[strings.TrimSuffix(one.File, ".parquet")] = one
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestOtherReadersAgree(t *testing.T) {
	var w Writer
	files, want := map[string][]byte{}, map[string]grid{}
	put := func(name string, data []byte, g grid) { files[name], want[name] = data, g }
	for name, s := range everyShape {
		m := s.random(5)
		transitions := randomTransitions(6, m.IDs, .5)
		put(name+"-membership", must(w.Membership(m))(t), expectMembership(m))
		if s.users > 5000 && s.ids != ids.Text {
			continue // enough of these
		}
		put(name+"-wide", must(w.Wide(m))(t), expectWide(m))
		put(name+"-long", must(w.Long(m))(t), expectLong(m))
		put(name+"-transitions", must(w.Transitions(transitions))(t), expectTransitions(transitions))
	}
	read := readElsewhere(t, files, nil)
	for name, g := range want {
		sameGrid(t, name, grid{columns: read[name].Columns, rows: read[name].Rows}, g)
	}
}
