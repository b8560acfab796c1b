package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"sync"
	"time"

	"strata/pipeline/objects"
)

// An Attempt is one run on its way to a commit. Its Put methods may be called by many goroutines. It ends with Commit and
// Finish, with Quarantine, or with Abort.
type Attempt struct {
	c        *Catalog
	Date     Date
	Run      string    // unique: it is part of every name that the attempt writes
	Replaces *Current  // what stood for the date when the attempt began; nil: nothing
	Previous *RunRef   // what it is compared with; checked again right before the commit
	began    time.Time // by the store's clock

	mu       sync.Mutex
	wrote    []string // keys, for Abort
	doubtful bool     // a write failed: the object may still appear
	ending   ending
}

// An ending is how far an attempt's commit got.
type ending uint8

const (
	open        ending = iota // nothing was decided
	committed                 // the run stands, or stood until another replaced it
	unsure                    // current.json was written, without an answer
	quarantined               // a guard stopped it
)

// runName is what newRun makes. Nothing is ever deleted that has no such name in its own.
var runName = regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{10}$`)

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

// Begin starts an attempt at a date whose previous run is the given one (nil: none).
func (c *Catalog) Begin(ctx context.Context, date Date, previous *RunRef) (*Attempt, error) {
	current, err := c.Current(ctx, date)
	if err != nil {
		return nil, err
	}
	return c.begin(ctx, date, previous, current)
}

// BeginOn is Begin for a caller who has read current.json before, say to see whether there is anything to do: ErrLostRace
// if it has changed since.
func (c *Catalog) BeginOn(ctx context.Context, date Date, previous *RunRef, read *Current) (*Attempt, error) {
	current, err := c.Current(ctx, date)
	if err != nil {
		return nil, err
	}
	if !current.same(read) {
		return nil, fmt.Errorf("begin a run of %s: %w; run again", date, ErrLostRace)
	}
	return c.begin(ctx, date, previous, current)
}

// begin settles first, so that the run which this one may replace has no work left that only its own mark tells of.
func (c *Catalog) begin(ctx context.Context, date Date, previous *RunRef, current *Current) (*Attempt, error) {
	if err := c.Settle(ctx); err != nil {
		return nil, err
	}
	a := &Attempt{c: c, Date: date, Run: newRun(), Replaces: current, Previous: previous}
	note, err := encode(started{Run: a.Run, Date: date, Started: time.Now().UTC()})
	if err != nil {
		return nil, err
	}
	for _, key := range []string{pendingKey(a.ref()), a.folder() + "started.json"} {
		info, err := a.create(ctx, key, note)
		if err != nil {
			_, abortErr := a.Abort(context.WithoutCancel(ctx))
			return nil, errors.Join(fmt.Errorf("begin a run of %s: %w", date, err), abortErr)
		}
		a.began = info.Modified
	}
	return a, nil
}

func (a *Attempt) ref() RunRef    { return RunRef{Date: a.Date, Run: a.Run} }
func (a *Attempt) folder() string { return runFolder(a.Date, a.Run) }

// create writes an object of the attempt's own.
func (a *Attempt) create(ctx context.Context, key string, data []byte) (objects.Info, error) {
	return a.note(key, func() (objects.Info, error) { return a.c.bucket.Create(ctx, key, data) })
}

// note minds that an object of the attempt's own is being written.
func (a *Attempt) note(key string, write func() (objects.Info, error)) (objects.Info, error) {
	a.mu.Lock()
	a.wrote = append(a.wrote, key)
	a.mu.Unlock()
	info, err := write()
	if err != nil {
		a.mu.Lock()
		a.doubtful = true
		a.mu.Unlock()
	}
	return info, err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Tables are the names of the tables that a run may publish. The hive folders of the last two are membership_wide and
// membership_long.
var Tables = []string{"membership", "transitions", "wide", "long"}

// Put stores a data file of a table's partition.
func (a *Attempt) Put(ctx context.Context, table string, partition int, data []byte, rows int64) (File, error) {
	if !slices.Contains(Tables, table) {
		return File{}, fmt.Errorf("there is no table %q", table)
	}
	return a.put(ctx, a.dataKey(table, partition), partition, data, rows)
}

// put stores one data file of the run.
func (a *Attempt) put(ctx context.Context, key string, partition int, data []byte, rows int64) (File, error) {
	info, err := a.create(ctx, key, data)
	if err != nil {
		return File{}, err
	}
	sum := crc32.Checksum(data, castagnoli)
	return File{
		Partition: partition, Key: key, Rows: rows, Size: int64(len(data)), CRC32C: fmt.Sprintf("%08x", sum), Version: info.Version,
	}, nil
}

func (a *Attempt) dataKey(table string, partition int) string {
	return fmt.Sprintf("%sdata/%s/%05d.parquet", a.folder(), table, partition)
}

// PutReport stores the run's page for people.
func (a *Attempt) PutReport(ctx context.Context, html []byte) error {
	_, err := a.create(ctx, a.folder()+"report.html", html)
	return err
}

// PutList keeps the contents of a list file under its hash. Lists are shared by runs and stay when an attempt is aborted.
func (a *Attempt) PutList(ctx context.Context, sha256 string, data []byte) error {
	_, err := a.c.bucket.Create(ctx, listsPrefix+sha256, data)
	if errors.Is(err, objects.ErrExists) {
		return nil
	}
	return err
}

func (a *Attempt) putManifest(ctx context.Context, m *Manifest) error {
	data, err := encode(m)
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	_, err = a.create(ctx, manifestKey(a.ref()), data)
	return err
}
