package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
	"strata/readers"
	"strata/writers"
)

// shared is the folder of test data beside the checkout.
func shared(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is absent: %v", path, err)
	}
	return path
}

// A source opens snapshots of a configuration below a bucket.
type source struct {
	bucket objects.Bucket
	prefix string // before the pattern
	config *configs.Config
}

func (s source) Open(ctx context.Context, date catalog.Date) (pipeline.Snapshot, error) {
	return s.OpenKeyed(ctx, date, nil)
}

func (s source) OpenKeyed(ctx context.Context, date catalog.Date, keys *tables.KeyFilter) (pipeline.Snapshot, error) {
	pattern := s.prefix + s.config.Snapshot.PathOn(date.Time())
	pinned, err := readers.ListSnapshot(ctx, s.bucket, pattern)
	if err != nil {
		return nil, err
	}
	if len(pinned) == 0 {
		return nil, &pipeline.InputError{Err: fmt.Errorf("%w: no object matches %s", pipeline.ErrNoSnapshot, pattern)}
	}
	return readers.OpenWith(ctx, s.bucket, pinned, readers.Options{Pattern: pattern, Keys: keys})
}

// A bench is where a test runs jobs: a configuration, a bucket of snapshots and a bucket for outputs.
type bench struct {
	t         testing.TB
	config    *configs.Config
	snapshots objects.Bucket
	output    objects.Bucket
	adjust    func(*pipeline.Job)
}

// newBench makes a bench of a configuration that stands in a folder with its snapshots; outputs go to a fresh folder.
func newBench(t testing.TB, configFile string) *bench {
	t.Helper()
	config, err := configs.Load(configFile)
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := objects.NewLocal(filepath.Dir(configFile))
	if err != nil {
		t.Fatal(err)
	}
	output, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, config: config, snapshots: snapshots, output: output}
}

// benchOf makes a bench of a configuration given as text, with an empty folder for snapshots.
func benchOf(t testing.TB, yaml string) *bench {
	t.Helper()
	file := filepath.Join(t.TempDir(), "strata.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return newBench(t, file)
}

// job is a job of a date with whatever the test adjusts.
func (b *bench) job(date string) pipeline.Job {
	b.t.Helper()
	day, err := catalog.ParseDate(date)
	if err != nil {
		b.t.Fatal(err)
	}
	job := pipeline.Job{
		Config: b.config, Date: day, Source: source{b.snapshots, "", b.config}, State: readers.State{},
		NewEncoder: func() pipeline.Encoder { return &writers.Writer{} },
		Catalog:    catalog.New(b.output, b.config.Publish.Hive),
		ReadList: func(ctx context.Context, path string) ([]byte, error) {
			data, _, err := objects.ReadAll(ctx, b.snapshots, path, "")
			return data, err
		},
	}
	if b.adjust != nil {
		b.adjust(&job)
	}
	return job
}

// put writes an object beside the snapshots, or replaces it.
func (b *bench) put(key string, data []byte) {
	b.t.Helper()
	info, err := b.snapshots.Stat(b.t.Context(), key)
	switch {
	case err == nil:
		_, err = b.snapshots.Replace(b.t.Context(), key, info.Version, data)
	case errors.Is(err, objects.ErrNotFound):
		_, err = b.snapshots.Create(b.t.Context(), key, data)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// run makes a run that must succeed.
func (b *bench) run(date string) *catalog.Manifest {
	b.t.Helper()
	result, err := pipeline.Run(b.t.Context(), b.job(date))
	if err != nil {
		b.t.Fatalf("run of %s: %v", date, err)
	}
	return result.Manifest
}

// dataFiles are the bytes of a run's data files by table and partition.
func (b *bench) dataFiles(m *catalog.Manifest) map[string]string {
	b.t.Helper()
	files := map[string]string{}
	for table, list := range m.Tables {
		for _, f := range list {
			data, _, err := objects.ReadAll(b.t.Context(), b.output, f.Key, "")
			if err != nil {
				b.t.Fatal(err)
			}
			files[fmt.Sprintf("%s/%05d", table, f.Partition)] = string(data)
		}
	}
	return files
}

// sameFiles compares the data files of two runs.
func sameFiles(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d data files, want %d", what, len(got), len(want))
	}
	for name, data := range want {
		if got[name] != data {
			t.Errorf("%s: %s differs (%d bytes, want %d)", what, name, len(got[name]), len(data))
		}
	}
}
