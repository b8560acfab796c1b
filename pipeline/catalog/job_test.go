package catalog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"strata/configs"
	"strata/pipeline/objects"
)

func day(n int) Date { return FromDays(int32(20_000 + n)) }

// A job is a run as the pipeline makes it, with files that name the run that wrote them.
type job struct {
	date   Date
	bits   int  // partitions are 1<<bits
	wide   bool // publish this table too
	keep   bool // replaced runs
	noHive bool
	list   string // contents of a list file
	stop   bool   // a guard stops it
	accept bool   // it publishes the run that waits, where one does
}

// run makes a run; it returns the attempt as far as it came.
func (j job) run(ctx context.Context, bucket objects.Bucket) (*Attempt, error) {
	c := New(bucket, !j.noHive)
	if err := c.Settle(ctx); err != nil {
		return nil, err
	}
	previous, err := c.PreviousRef(ctx, j.date)
	if err != nil {
		return nil, err
	}
	a, err := c.Begin(ctx, j.date, previous)
	if err != nil {
		return nil, err
	}
	m, err := j.make(ctx, a)
	if err == nil && j.stop {
		if err = a.Quarantine(ctx, m); err == nil {
			err = errStopped
		}
	}
	if err == nil {
		err = a.Commit(ctx, m, j.keep)
	}
	if err == nil {
		if err = a.Finish(ctx); err == nil {
			_, err = a.SweepAsOf(ctx)
		}
		return a, err
	}
	committed, abortErr := a.Abort(ctx)
	if committed {
		return a, nil
	}
	return a, errors.Join(err, abortErr)
}

// errStopped is what a job answers that a guard stops.
var errStopped = errors.New("a guard stopped the run")

// make writes the files of a run, or takes those of the run that waits.
func (j job) make(ctx context.Context, a *Attempt) (*Manifest, error) {
	waiting, err := a.c.Waiting(ctx, a.Date, a.Replaces)
	if err != nil {
		return nil, err
	}
	if waiting == nil || !j.accept || !sameRun(waiting.Previous, a.Previous) {
		return j.write(ctx, a)
	}
	m := *waiting
	m.Accepts = waiting.Run
	m.Tables, err = a.Adopt(ctx, waiting)
	return &m, err
}

func (j job) tables() []string {
	if j.wide {
		return []string{"membership", "transitions", "wide"}
	}
	return []string{"membership", "transitions"}
}

func (j job) write(ctx context.Context, a *Attempt) (*Manifest, error) {
	m := j.manifest()
	m.Previous = a.Previous
	for _, table := range j.tables() {
		for p := range 1 << j.bits {
			f, err := a.Put(ctx, table, p, content(a.Run, table, p), 10)
			if err != nil {
				return nil, err
			}
			m.Tables[table] = append(m.Tables[table], f)
		}
	}
	m.Users = 10 << j.bits
	for _, l := range m.Lists {
		if err := a.PutList(ctx, l.SHA256, []byte(j.list)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (j job) manifest() *Manifest {
	m := &Manifest{
		Format: Format, Date: j.date, Now: j.date.Add(1).Time(), Today: j.date, IDColumn: "user_id", IDType: "string",
		Definitions: &configs.Definitions{Timezone: "UTC", UserID: "user_id"}, PartitionBits: j.bits, Tables: map[string][]File{},
		Clock: Clock{Started: time.Now(), Seconds: map[string]float64{"assign": 1}},
	}
	if j.list != "" {
		sum := sha256.Sum256([]byte(j.list))
		m.Lists = []List{{Path: "lists/vip.txt", SHA256: hex.EncodeToString(sum[:]), Entries: 1}}
	}
	return m
}

func content(run, table string, partition int) []byte {
	return fmt.Appendf(nil, "%s %s %d", run, table, partition)
}

// must makes a run that has to succeed.
func (j job) must(t *testing.T, bucket objects.Bucket) *Attempt {
	t.Helper()
	a, err := j.run(context.Background(), bucket)
	if err != nil {
		t.Fatalf("run of %s: %v", j.date, err)
	}
	return a
}

// readRun reads a date as a reader who follows current.json does: the run that stands, empty where none does, and a fault
// where it is not whole.
func readRun(bucket objects.Bucket, date Date) (string, error) {
	ctx := context.Background()
	c := New(bucket, true)
	current, err := c.Current(ctx, date)
	if err != nil || current == nil {
		return "", err
	}
	m, err := c.Load(ctx, RunRef{date, current.Run})
	if err != nil {
		return "", err
	}
	if err := m.whole(runFolder(date, current.Run)); err != nil {
		return "", err
	}
	for table, files := range m.Tables {
		for _, f := range files {
			data, info, err := objects.ReadAll(ctx, bucket, f.Key, "")
			if err != nil {
				return "", fmt.Errorf("run %s of %s is not whole: %w", current.Run, date, err)
			}
			if want := content(cmp.Or(m.Accepts, current.Run), table, f.Partition); string(data) != string(want) || info.Size != f.Size {
				return "", fmt.Errorf("%s holds %q, want %q", f.Key, data, want)
			}
		}
	}
	for _, l := range m.Lists {
		if _, err := c.List(ctx, l.SHA256); err != nil {
			return "", err
		}
	}
	return current.Run, nil
}

// hiveRuns are the runs that the hive folders of a date show, with how many files each.
func hiveRuns(t *testing.T, bucket objects.Bucket, date Date) map[string]int {
	t.Helper()
	runs := map[string]int{}
	for _, table := range Tables {
		for info, err := range objects.All(context.Background(), bucket, hiveFolder(table, date)) {
			if err != nil {
				t.Fatal(err)
			}
			found := hiveName.FindStringSubmatch(path.Base(info.Key))
			if found == nil {
				continue
			}
			data, _, err := objects.ReadAll(context.Background(), bucket, info.Key, "")
			if errors.Is(err, objects.ErrNotFound) {
				continue // removed since it was listed
			}
			runs[found[1]]++
			if err != nil || !strings.HasPrefix(string(data), writerOf(bucket, RunRef{date, found[1]})) {
				t.Errorf("%s holds %q, %v", info.Key, data, err)
			}
		}
	}
	return runs
}

// writerOf is the run that wrote the files of a run: itself, but for one that was accepted.
func writerOf(bucket objects.Bucket, ref RunRef) string {
	m, err := New(bucket, true).Load(context.Background(), ref)
	if err != nil {
		return ref.Run
	}
	return cmp.Or(m.Accepts, ref.Run)
}

// inOrder checks that an output is settled: readers see whole runs, each hive folder shows exactly the run that stands, and
// latest.json names the newest date. It returns the runs that stand, by date.
func inOrder(t *testing.T, bucket objects.Bucket) map[Date]string {
	t.Helper()
	ctx, c, stands := context.Background(), New(bucket, true), map[Date]string{}
	dates, err := c.Dates(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, date := range dates {
		run, err := readRun(bucket, date)
		if err != nil {
			t.Fatal(err)
		}
		stands[date] = run
		m, err := c.Load(ctx, RunRef{date, run})
		if err != nil {
			t.Fatal(err)
		}
		files := 0
		for _, f := range m.Tables {
			files += len(f)
		}
		if got := hiveRuns(t, bucket, date); len(got) != 1 || got[run] != files {
			t.Fatalf("hive folders of %s show %v, want %d files of %s", date, got, files, run)
		}
	}
	var latest RunRef
	_, err = c.readJSON(ctx, latestKey, &latest)
	if len(dates) == 0 {
		return stands
	}
	newest := dates[len(dates)-1]
	if want := (RunRef{newest, stands[newest]}); err != nil || latest != want {
		t.Fatalf("latest.json names %v (%v), want %v", latest, err, want)
	}
	return stands
}

// ownKeys are the keys that have a run's name in theirs.
func ownKeys(m *memory, run string) []string {
	return slices.DeleteFunc(m.keys(""), func(key string) bool { return !strings.Contains(key, run) })
}
