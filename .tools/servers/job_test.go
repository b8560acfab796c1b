package servers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"strata/pipeline/objects"
)

// repository is the folder of the main module.
func repository() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

func nightly(t *testing.T) string {
	t.Helper()
	path := filepath.Join(repository(), "..", "shared", "nightly")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is absent: %v", path, err)
	}
	return path
}

// buildStrata builds the program as users run it.
func buildStrata(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "strata")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/strata")
	cmd.Dir = repository()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// config writes the nightly definitions with another snapshot path and output.
func config(t *testing.T, snapshots, output string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(nightly(t), "strata.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	yaml := strings.NewReplacer("path: snapshots/", "path: "+snapshots+"/", "output: out", "output: "+output).Replace(string(text))
	path := filepath.Join(t.TempDir(), "strata.yaml")
	yaml += "\nguards: {exits: {max_share: none}}\n" // the generated tags change with the order of rows
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func bothNights(t *testing.T, strata, config string, env []string) {
	t.Helper()
	for _, date := range []string{"2026-11-01", "2026-11-02"} {
		cmd := exec.Command(strata, "run", "-c", config, "--date", date, "--quiet")
		cmd.Env = append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("strata run --date %s: %v\n%s", date, err, out)
		}
	}
}

// dataFiles are the data files of an output by table, date and partition, and the hive copies, which must be the same.
func dataFiles(t *testing.T, b objects.Bucket) map[string]string {
	t.Helper()
	files := map[string]string{}
	for info, err := range objects.All(t.Context(), b, "") {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(info.Key, ".parquet") {
			continue
		}
		data, _, err := objects.ReadAll(t.Context(), b, info.Key, "")
		if err != nil {
			t.Fatal(err)
		}
		name := info.Key
		if parts := strings.Split(name, "/"); parts[0] == "runs" { // runs/date=D/RUN/data/TABLE/00000.parquet
			name = parts[4] + "/" + parts[1] + "/" + parts[5]
		} else { // TABLE/date=D/RUN-00000.parquet
			name = parts[0] + "/" + parts[1] + "/copy" + name[strings.LastIndexByte(name, '-'):]
		}
		files[name] = string(data)
	}
	return files
}

func upload(t *testing.T, b objects.Bucket) {
	t.Helper()
	root := filepath.Join(nightly(t), "snapshots")
	names, err := filepath.Glob(filepath.Join(root, "*", "*.parquet"))
	if err != nil || len(names) != 8 {
		t.Fatalf("%d snapshot files, %v", len(names), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := filepath.Rel(root, name)
		if _, err := b.Create(context.Background(), "snapshots/"+filepath.ToSlash(key), data); err != nil {
			t.Fatal(err)
		}
	}
}

// Both nights of the nightly data through real protocols give the files that a local folder gives, byte for byte.
func TestNightlyThroughStores(t *testing.T) {
	strata := buildStrata(t)
	folder := t.TempDir()
	bothNights(t, strata, config(t, filepath.Join(nightly(t), "snapshots"), folder), nil)
	local, err := objects.NewLocal(folder)
	if err != nil {
		t.Fatal(err)
	}
	want := dataFiles(t, local)
	if len(want) != 8 {
		t.Fatalf("the local run has %d files, want 8", len(want))
	}
	for name, tc := range map[string]struct {
		scheme string
		server func(testing.TB) Server
	}{"gcs": {"gs", FakeGCSProcess}, "s3": {"s3", Versity}} {
		t.Run(name, func(t *testing.T) {
			server := tc.server(t)
			b := server.Open(t, "lake")
			upload(t, b)
			bothNights(t, strata, config(t, tc.scheme+"://lake/snapshots", tc.scheme+"://lake/out"), server.Env)
			got := dataFiles(t, objects.Prefixed(b, "out"))
			if len(got) != len(want) {
				t.Errorf("%d files, want %d", len(got), len(want))
			}
			for name, data := range want {
				if got[name] != data {
					t.Errorf("%s differs: %d bytes, want %d", name, len(got[name]), len(data))
				}
			}
		})
	}
}
