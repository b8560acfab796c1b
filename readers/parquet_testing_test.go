package readers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// An expectedFile is what testdata/expect.py wrote about a file.
type expectedFile struct {
	Fault   string
	Columns map[string]expectedColumn
}

type expectedColumn struct {
	Rows   int
	Digest string
	First  []string
	Fault  string
}

// differs are the files that pyarrow reads otherwise, by the test that knows what is right.
var differs = map[string]string{"data/int96_from_spark.parquet": "TestC096"}

// TestParquetTesting reads every column of every file of the format's own collection. What pyarrow reads must come out equal, or
// be refused; the golden file shows which.
func TestParquetTesting(t *testing.T) {
	compareFolder(t, sharedPath(t, "parquet-testing"), "testdata/parquet_testing")
}

// TestFixtures does the same with the files that testdata/fixtures.py writes.
func TestFixtures(t *testing.T) {
	folder, err := filepath.Abs("testdata/fixtures")
	if err != nil {
		t.Fatal(err)
	}
	compareFolder(t, folder, "testdata/fixtures")
}

// compareFolder compares all files of a folder with the .json of a name, and the table of them with its .txt.
func compareFolder(t *testing.T, folder, name string) {
	var expected map[string]expectedFile
	data, err := os.ReadFile(name + ".json")
	if err == nil {
		err = json.Unmarshal(data, &expected)
	}
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, file := range parquetFiles(t, folder) {
		start, before := time.Now(), allocated()
		lines := tableOf(t, folder, file, expected[file])
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %s", file, took)
		}
		if grew := allocated() - before; grew > 400<<20 {
			t.Errorf("%s took %d MiB of memory", file, grew>>20)
		}
		fmt.Fprintf(&table, "%s: %s\n", file, strings.Join(lines, "\n    "))
	}
	golden(t, name+".txt", table.String())
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func parquetFiles(t *testing.T, folder string) (names []string) {
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".parquet") {
			name, _ := filepath.Rel(folder, path)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// tableOf reads all columns of a file. It returns a line that counts the columns read, and a line for each that is not.
func tableOf(t *testing.T, folder, name string, want expectedFile) (lines []string) {
	s, err := openLocal(t, folder, Options{}, name)
	if err != nil {
		return []string{"refused: " + strings.ReplaceAll(err.Error(), folder, "")}
	}
	read := 0
	for i, f := range s.Schema().Fields() {
		key := fmt.Sprintf("%d %s", i, f.Name)
		rows, err := readColumn(t, s, f.Name, 1000)
		if err != nil {
			lines = append(lines, fmt.Sprintf("column %q refused: %s", f.Name, strings.ReplaceAll(err.Error(), folder, "")))
			continue
		}
		again, err := readColumn(t, s, f.Name, 7)
		if err != nil || !slices.Equal(rows, again) {
			t.Errorf("%s, column %q differs when it is read 7 rows at a time: %v", name, f.Name, err)
		}
		read++
		if line := compareColumn(rows, want, key); line != "" {
			lines = append(lines, fmt.Sprintf("column %q (%s): %s", f.Name, f.Type, line))
			if strings.HasPrefix(line, "DIFFERS") && differs[name] == "" {
				t.Errorf("%s, column %q: %s", name, f.Name, line)
			}
		}
	}
	s.Close()
	return append([]string{fmt.Sprintf("%d columns of %d rows read", read, s.Rows())}, lines...)
}

// compareColumn says how rows differ from what pyarrow reads; nothing if they do not.
func compareColumn(rows []string, want expectedFile, key string) string {
	column, ok := want.Columns[key]
	if !ok {
		return fmt.Sprintf("pyarrow does not read the file (%s); first rows %v", want.Fault, rows[:min(3, len(rows))])
	}
	if column.Fault != "" {
		return fmt.Sprintf("pyarrow does not read it (%s); first rows %v", column.Fault, rows[:min(3, len(rows))])
	}
	sum := sha256.Sum256([]byte(strings.Join(rows, "\n")))
	if len(rows) != column.Rows || hex.EncodeToString(sum[:8]) != column.Digest {
		return fmt.Sprintf("DIFFERS: %d rows, first %v; pyarrow %d rows, first %v", len(rows), rows[:min(3, len(rows))], column.Rows, column.First)
	}
	return ""
}

// golden compares text with a file, or writes the file anew with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
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
		t.Errorf("differs from %s (run with -update to accept):\n%s", path, got)
	}
}
