package catalog

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"strata/pipeline/objects"
)

// killedFolder names, to the process that is to be killed, the folder that it works in.
const killedFolder = "STRATA_TEST_KILLED_FOLDER"

// TestKilledWorker is no test: it is the process that TestC008_KilledProcess kills. It runs two dates again and again.
func TestKilledWorker(t *testing.T) {
	folder := os.Getenv(killedFolder)
	if folder == "" {
		t.Skip("only as the other process of TestC008_KilledProcess")
	}
	bucket, err := objects.NewLocal(folder)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		_, _ = job{date: day(n % 2), bits: 1 + n%3, wide: n%2 == 0, list: "a"}.run(context.Background(), bucket)
	}
}

// A process is killed at any moment, on a real disk: readers see a whole run of each date, the folders show nothing that
// was not committed, and the next run puts all in order.
func TestC008_KilledProcess(t *testing.T) {
	bucket, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(8, 0))
	for range 12 {
		killAfter(t, bucket.URL(""), 40*time.Millisecond+time.Duration(random.IntN(100))*time.Millisecond)
		for n := range 2 {
			if _, err := readRun(bucket, day(n)); err != nil {
				t.Fatal(err)
			}
			committedOnly(t, bucket, day(n))
		}
		job{date: day(random.IntN(2)), bits: 1}.must(t, bucket)
		inOrder(t, bucket)
	}
}

func killAfter(t *testing.T, folder string, wait time.Duration) {
	t.Helper()
	worker := exec.Command(os.Args[0], "-test.run=^TestKilledWorker$")
	worker.Env = append(os.Environ(), killedFolder+"="+folder)
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(wait)
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = worker.Wait() // says that it was killed
}

// committedOnly checks that each run in the hive folders of a date stands, or stood.
func committedOnly(t *testing.T, bucket objects.Bucket, date Date) {
	t.Helper()
	c := New(bucket, true)
	current, err := c.Current(t.Context(), date)
	if err != nil {
		t.Fatal(err)
	}
	for run := range hiveRuns(t, bucket, date) {
		if stood, err := c.stood(t.Context(), date, current, run); err != nil || !stood {
			t.Errorf("the folders of %s show run %s, which never stood (%v)", date, run, err)
		}
	}
}
