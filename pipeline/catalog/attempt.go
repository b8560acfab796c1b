package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"time"

	"strata/pipeline/objects"
)

// An Attempt is one run on its way to a commit. Its Put methods may be called by many goroutines.
type Attempt struct {
	c        *Catalog
	Date     Date
	Run      string   // unique: it is part of every name that the attempt writes
	Replaces *Current // what stood for the date when the attempt began
	Previous *RunRef  // what it is compared with; checked again right before the commit

	mu    sync.Mutex
	wrote []string // keys, for Abort
}

// newRun makes a name that sorts by time and that no other attempt has.
func newRun() string {
	var random [5]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return time.Now().UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random[:])
}

// started is the contents of started.json and of a pending mark.
type started struct {
	Run     string    `json:"run"`
	Date    Date      `json:"date"`
	Started time.Time `json:"started"`
}

func pendingKey(r RunRef) string { return pendingPrefix + r.Date.String() + "_" + r.Run + ".json" }

// Begin starts an attempt at a date whose previous run is the given one (nil: none).
func (c *Catalog) Begin(ctx context.Context, date Date, previous *RunRef) (*Attempt, error) {
	current, err := c.Current(ctx, date)
	if err != nil {
		return nil, err
	}
	a := &Attempt{c: c, Date: date, Run: newRun(), Replaces: current, Previous: previous}
	mark := started{Run: a.Run, Date: date, Started: time.Now().UTC()}
	for _, key := range []string{pendingKey(a.ref()), runFolder(date, a.Run) + "started.json"} {
		a.note(key)
		if err := c.putJSON(ctx, key, "", mark); err != nil {
			return nil, fmt.Errorf("begin a run: %w", err)
		}
	}
	return a, nil
}

func (a *Attempt) ref() RunRef { return RunRef{Date: a.Date, Run: a.Run} }

func (a *Attempt) note(key string) {
	a.mu.Lock()
	a.wrote = append(a.wrote, key)
	a.mu.Unlock()
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Put stores a data file of a table's partition.
func (a *Attempt) Put(ctx context.Context, table string, partition int, data []byte, rows int64) (File, error) {
	key := fmt.Sprintf("%sdata/%s/%05d.parquet", runFolder(a.Date, a.Run), table, partition)
	a.note(key)
	info, err := a.c.bucket.Create(ctx, key, data)
	if err != nil {
		return File{}, err
	}
	sum := crc32.Checksum(data, castagnoli)
	return File{
		Partition: partition, Key: key, Rows: rows, Size: int64(len(data)), CRC32C: fmt.Sprintf("%08x", sum), Version: info.Version,
	}, nil
}

// PutList keeps the contents of a list file under its hash. Lists are shared by runs and stay when an attempt is aborted.
func (a *Attempt) PutList(ctx context.Context, sha256 string, data []byte) error {
	_, err := a.c.bucket.Create(ctx, listsPrefix+sha256, data)
	if lost(err) {
		return nil
	}
	return err
}

// Commit makes the run stand for its date: it checks that every file is there, writes the manifest, looks whether the previous
// run still is what it was, and puts current.json on the condition that it is what it was. ErrLostRace says that another
// run came first; Abort then clears up. After the put the rest is settled; what fails there does not undo the commit and the
// next command does it.
func (a *Attempt) Commit(ctx context.Context, m *Manifest, keepReplaced bool) error {
	m.Status = Committed
	if err := a.verify(ctx, m); err != nil {
		return err
	}
	if err := a.putManifest(ctx, m); err != nil {
		return err
	}
	previous, err := a.c.PreviousRef(ctx, a.Date)
	if err != nil {
		return err
	}
	if !sameRun(previous, a.Previous) {
		return fmt.Errorf("the run before %s is not %s any more: %w; run again", a.Date, a.Previous, ErrLostRace)
	}
	if err := a.stand(ctx, keepReplaced); err != nil {
		return err
	}
	return nil
}

// String names a run in messages.
func (r *RunRef) String() string {
	if r == nil {
		return "none"
	}
	return r.Run + " of " + r.Date.String()
}

func sameRun(a, b *RunRef) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func (a *Attempt) putManifest(ctx context.Context, m *Manifest) error {
	key := manifestKey(a.ref())
	a.note(key)
	return a.c.putJSON(ctx, key, "", m)
}

// verify looks for every file of the manifest, in the size that was handed over.
func (a *Attempt) verify(ctx context.Context, m *Manifest) error {
	sizes := map[string]int64{}
	for info, err := range objects.All(ctx, a.c.bucket, runFolder(a.Date, a.Run)+"data/") {
		if err != nil {
			return fmt.Errorf("verify the run's files: %w", err)
		}
		sizes[info.Key] = info.Size
	}
	for table, files := range m.Tables {
		for _, f := range files {
			if size, ok := sizes[f.Key]; !ok || size != f.Size {
				return fmt.Errorf("verify %s: %s has %d bytes in the store, %d were written", table, a.c.bucket.URL(f.Key), size, f.Size)
			}
		}
	}
	return nil
}

// stand is the commit itself.
func (a *Attempt) stand(ctx context.Context, keepReplaced bool) error {
	next, version := Current{Run: a.Run}, ""
	if a.Replaces != nil {
		next.Replaces, next.Kept, version = a.Replaces.Run, a.Replaces.Kept, a.Replaces.version
		if keepReplaced {
			next.Kept = append(next.Kept, a.Replaces.Run)
		}
	}
	err := a.c.putJSON(ctx, currentKey(a.Date), version, next)
	if lost(err) {
		return fmt.Errorf("commit %s: %w; this run left nothing", a.Date, ErrLostRace)
	}
	return err
}

// Quarantine keeps the manifest of a run that a guard stopped, and removes its data files.
func (a *Attempt) Quarantine(ctx context.Context, m *Manifest) error {
	m.Status = Guarded
	if err := a.putManifest(ctx, m); err != nil {
		return err
	}
	return a.remove(ctx, func(key string) bool { return strings.Contains(key, "/data/") || strings.HasPrefix(key, pendingPrefix) })
}

// Abort removes all that the attempt wrote, unless it turns out to be committed after all: then its answer was lost on the
// way, and Abort reports true.
func (a *Attempt) Abort(ctx context.Context) (committed bool, err error) {
	current, err := a.c.Current(ctx, a.Date)
	if err != nil {
		return false, err
	}
	if current != nil && current.Run == a.Run {
		return true, nil
	}
	return false, a.remove(ctx, func(string) bool { return true })
}

// remove deletes what the attempt wrote; the pending mark goes last, so that what stays behind can still be found.
func (a *Attempt) remove(ctx context.Context, which func(key string) bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := len(a.wrote) - 1; i >= 0; i-- {
		if which(a.wrote[i]) {
			if err := a.c.bucket.Delete(ctx, a.wrote[i], ""); err != nil {
				return err
			}
		}
	}
	return nil
}
