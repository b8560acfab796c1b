package servers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"strata/pipeline/objects"
)

// uploadDates writes five dates of one file each.
func uploadDates(t *testing.T, b objects.Bucket) {
	t.Helper()
	for day := range 5 {
		name := fmt.Sprintf("date=2026-11-%02d/part-%05d.parquet", 1+day%2, day/2)
		data, err := os.ReadFile(filepath.Join(nightly(t), "snapshots", name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Create(t.Context(), fmt.Sprintf("snapshots/date=2026-11-%02d/part-0.parquet", 1+day), data); err != nil {
			t.Fatal(err)
		}
	}
}

// someUser is a user of the first date, and of its first file.
const someUser = "7feb26a0-f046-3208-48dd-346325dba535"

// forgetAndCollect runs five dates, forgets a user and removes what is older than two days. It returns what the commands print.
func forgetAndCollect(t *testing.T, strata, config string, env []string) string {
	t.Helper()
	var shown strings.Builder
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(strata, append(args, "-c", config)...)
		cmd.Env = append(os.Environ(), env...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("strata %v: %v\n%s", args, err, &errs)
		}
		fmt.Fprintf(&shown, "%v\n%s", args, out)
	}
	for day := range 5 {
		run("run", "--date", fmt.Sprintf("2026-11-%02d", 1+day), "--quiet", "--accept")
	}
	run("forget", "--user", someUser, "--dry-run")
	run("forget", "--user", someUser)
	run("run", "--date", "2026-11-03", "--quiet", "--force", "--accept")
	run("gc", "--keep", "2d", "--dry-run")
	run("gc", "--keep", "2d")
	run("status")
	return regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{10}|[\d,]+ +(before the base)|total.*`).ReplaceAllString(shown.String(), "X $1")
}

// keysOf are the keys of an output, without the names of runs.
func keysOf(t *testing.T, b objects.Bucket) (keys []string) {
	t.Helper()
	for info, err := range objects.All(t.Context(), b, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{10}`).ReplaceAllString(info.Key, "RUN"))
	}
	slices.Sort(keys)
	return keys
}

// Forgetting and collecting through real protocols leave the objects that they leave in a local folder, and their bytes, with copies in
// hive folders and without.
func TestForgetAndCollectThroughStores(t *testing.T) {
	strata := buildStrata(t)
	for _, hive := range []bool{true, false} {
		folder := t.TempDir()
		local, err := objects.NewLocal(folder)
		if err != nil {
			t.Fatal(err)
		}
		uploadDates(t, local)
		want := forgetAndCollect(t, strata, hiveConfig(t, hive, folder+"/snapshots", folder+"/out"), nil)
		out := objects.Prefixed(local, "out")
		for name, tc := range map[string]struct {
			scheme string
			server func(testing.TB) Server
		}{"gcs": {"gs", FakeGCSProcess}, "s3": {"s3", Versity}} {
			t.Run(fmt.Sprintf("%s/hive=%v", name, hive), func(t *testing.T) {
				server := tc.server(t)
				b := server.Open(t, "lake")
				uploadDates(t, b)
				config := hiveConfig(t, hive, tc.scheme+"://lake/snapshots", tc.scheme+"://lake/out")
				if got := forgetAndCollect(t, strata, config, server.Env); got != want {
					t.Errorf("it prints\n%s\nand of a folder\n%s", got, want)
				}
				sameOutputs(t, objects.Prefixed(b, "out"), out)
			})
		}
	}
}

func sameOutputs(t *testing.T, got, want objects.Bucket) {
	t.Helper()
	if keys, others := keysOf(t, got), keysOf(t, want); !slices.Equal(keys, others) {
		t.Errorf("its objects are\n%s\nand of a folder\n%s", strings.Join(keys, "\n"), strings.Join(others, "\n"))
	}
	files := dataFiles(t, got)
	for name, data := range dataFiles(t, want) {
		if files[name] != data {
			t.Errorf("%s differs: %d bytes, want %d", name, len(files[name]), len(data))
		}
	}
}

// hiveConfig is config with copies in hive folders or without.
func hiveConfig(t *testing.T, hive bool, snapshots, output string) string {
	t.Helper()
	path := config(t, snapshots, output)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Appendf(text, "publish: {hive: %v}\n", hive)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
