// Package catalog keeps the runs of an output: which there are, which one stands for each date, and how a new one comes
// to stand. Its keys are laid out as DESIGN.md section 4 says.
//
// The commit is one conditional write of current.json. Before it nothing of a run can be seen by a reader that follows
// current.json or lists the hive folders; after it everything that remains (hive copies, the replaced run's, latest.json)
// can be done again by anyone. A mark under runs/pending/ names each run that something remains to be done about, so that
// the next command finds it with one listing.
package catalog

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/objects"
)

// What Commit and Abort may answer; test for them with errors.Is.
var (
	// ErrLostRace: another run of the date, or of the date before it, was committed meanwhile.
	ErrLostRace = errors.New("another run was committed meanwhile")
	// ErrUnsure: the store did not say whether the commit took place, and it may still do so. The run's files stay until
	// the next command finds out.
	ErrUnsure = errors.New("the store has not said whether the run is committed; `strata status` tells, and the next command settles it")
)

// A Catalog reads and writes the runs below an output. It may be used by many goroutines.
type Catalog struct {
	bucket objects.Bucket
	hive   bool // copies into hive folders are wanted
}

// New returns the catalog of an output. hive says whether committed files are copied into hive folders.
func New(output objects.Bucket, hive bool) *Catalog { return &Catalog{bucket: output, hive: hive} }

// Bucket is the output.
func (c *Catalog) Bucket() objects.Bucket { return c.bucket }

const (
	latestKey     = "latest.json"
	pendingPrefix = "runs/pending/"
	listsPrefix   = "runs/lists/"
)

func dateFolder(date Date) string            { return "runs/date=" + date.String() + "/" }
func runFolder(date Date, run string) string { return dateFolder(date) + run + "/" }
func currentKey(date Date) string            { return dateFolder(date) + "current.json" }
func manifestKey(r RunRef) string            { return runFolder(r.Date, r.Run) + "manifest.json" }

// A Current is the contents of current.json: which run stands for a date.
type Current struct {
	Run      string   `json:"run"`
	Replaces string   `json:"replaces,omitempty"` // the run that stood before
	Erases   string   `json:"erases,omitempty"`   // the run that it is, to later dates: it holds the same, but for users who were forgotten
	Kept     []string `json:"kept,omitempty"`     // replaced runs whose files stay
	version  string
	since    time.Time // by the store's clock
}

// same tells whether two readings of current.json saw the same version of it; nil is its absence.
func (c *Current) same(other *Current) bool {
	if c == nil || other == nil {
		return c == other
	}
	return c.version == other.version
}

// run is the run that stands; empty where none does.
func (c *Current) run() string {
	if c == nil {
		return ""
	}
	return c.Run
}

// origin is the run that later dates were compared with.
func (c *Current) origin() string { return cmp.Or(c.Erases, c.Run) }

// stands tells whether a run is the one that current.json names.
func (c *Current) stands(run string) bool { return c != nil && c.Run == run }

// keeps tells whether the files of a replaced run are to stay.
func (c *Current) keeps(run string) bool { return c != nil && slices.Contains(c.Kept, run) }

// Current tells which run stands for a date; nil where none does.
func (c *Catalog) Current(ctx context.Context, date Date) (*Current, error) {
	var current Current
	info, err := c.readJSON(ctx, currentKey(date), &current)
	if errors.Is(err, objects.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	current.version, current.since = info.Version, info.Modified
	return &current, nil
}

// readJSON reads an object that this program wrote. One that was replaced between look-up and reading is read again. A
// damaged object comes with its Info.
func (c *Catalog) readJSON(ctx context.Context, key string, into any) (objects.Info, error) {
	for try := 0; ; try++ {
		data, info, err := objects.ReadAll(ctx, c.bucket, key, "")
		if errors.Is(err, objects.ErrChanged) && try < contention {
			continue
		}
		if err != nil {
			return info, err
		}
		return info, c.decode(key, data, into)
	}
}

// contention is how often something is tried again that another process has come in between.
const contention = 20

func (c *Catalog) decode(key string, data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s %w: %w", c.bucket.URL(key), errDamaged, err)
	}
	return nil
}

// errDamaged: an object that this program wrote does not say what it should.
var errDamaged = errors.New("is damaged")

// readOnce reads an object that nobody replaces.
func (c *Catalog) readOnce(ctx context.Context, key string) ([]byte, error) {
	body, err := c.bucket.Read(ctx, key, "", 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.bucket.URL(key), err)
	}
	return data, nil
}

// Load reads a run's manifest; objects.ErrNotFound where it has none.
func (c *Catalog) Load(ctx context.Context, r RunRef) (*Manifest, error) {
	key, m := manifestKey(r), &Manifest{}
	data, err := c.readOnce(ctx, key)
	if err == nil {
		err = c.decode(key, data, m)
	}
	switch {
	case err != nil:
		return nil, err
	case m.Format > Format:
		return nil, fmt.Errorf("%s was written by a later strata (format %d, this one reads up to %d); use that version",
			c.bucket.URL(key), m.Format, Format)
	case m.Run != r.Run || m.Date != r.Date || m.Definitions == nil:
		return nil, fmt.Errorf("%s %w: it is not the manifest of run %s", c.bucket.URL(key), errDamaged, &r)
	}
	return m, nil
}

// Folders are the dates that have a folder under runs/, in order. Not all of them need be committed.
func (c *Catalog) Folders(ctx context.Context) ([]Date, error) {
	prefixes, err := objects.Prefixes(ctx, c.bucket, "runs/")
	if err != nil {
		return nil, err
	}
	var dates []Date
	for _, p := range prefixes {
		text, ok := strings.CutPrefix(strings.Trim(p, "/"), "runs/date=")
		if date, err := ParseDate(text); ok && err == nil {
			dates = append(dates, date)
		}
	}
	slices.SortFunc(dates, Date.Compare)
	return dates, nil
}

// Dates are the committed dates, in order.
func (c *Catalog) Dates(ctx context.Context) ([]Date, error) {
	dates, err := c.Folders(ctx)
	if err != nil {
		return nil, err
	}
	committed := make([]bool, len(dates))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, date := range dates {
		group.Go(func() error {
			_, err := c.bucket.Stat(groupCtx, currentKey(date))
			committed[i] = err == nil
			if errors.Is(err, objects.ErrNotFound) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []Date
	for i, date := range dates {
		if committed[i] {
			out = append(out, date)
		}
	}
	return out, nil
}

// parallel is how many requests are under way at once.
const parallel = 16

// PreviousRef names the run of the newest committed date before a date, by its Origin; nil where there is none. Of the base and
// of dates before it nobody can tell any more: a BaseError.
func (c *Catalog) PreviousRef(ctx context.Context, date Date) (*RunRef, error) {
	before, current, err := c.before(ctx, date)
	if current == nil || err != nil {
		return nil, err
	}
	return &RunRef{Date: before, Run: current.origin()}, nil
}

func (c *Catalog) before(ctx context.Context, date Date) (Date, *Current, error) {
	if err := c.checkBase(ctx, date); err != nil {
		return Date{}, nil, err
	}
	return c.newest(ctx, func(d Date) bool { return d.Before(date) })
}

// Latest names the run of the newest committed date; nil where there is none. It does not trust latest.json.
func (c *Catalog) Latest(ctx context.Context) (*RunRef, error) {
	date, current, err := c.newest(ctx, func(Date) bool { return true })
	if current == nil || err != nil {
		return nil, err
	}
	return &RunRef{Date: date, Run: current.Run}, nil
}

// newest is the newest committed date among some, and what stands for it; nil where there is none.
func (c *Catalog) newest(ctx context.Context, among func(Date) bool) (Date, *Current, error) {
	dates, err := c.Folders(ctx)
	if err != nil {
		return Date{}, nil, err
	}
	for _, date := range slices.Backward(dates) {
		if !among(date) {
			continue
		}
		current, err := c.Current(ctx, date)
		if current != nil || err != nil {
			return date, current, err
		}
	}
	return Date{}, nil, nil
}

// Previous reads the manifest of the run before a date; nil where there is none.
func (c *Catalog) Previous(ctx context.Context, date Date) (*Manifest, error) {
	before, current, err := c.before(ctx, date)
	if current == nil || err != nil {
		return nil, err
	}
	return c.Load(ctx, RunRef{Date: before, Run: current.Run})
}

// LastWith looks among the committed dates before a date for segments and lifecycles of given names: by name, the newest date
// whose run had one. It is for warnings, so a manifest that cannot be read is passed over.
func (c *Catalog) LastWith(ctx context.Context, before Date, names []string) (map[string]Date, error) {
	found := map[string]Date{}
	if len(names) == 0 {
		return found, nil
	}
	dates, err := c.Folders(ctx)
	if err != nil {
		return nil, err
	}
	dates = slices.DeleteFunc(dates, func(d Date) bool { return !d.Before(before) })
	slices.Reverse(dates)
	for some := range slices.Chunk(dates, parallel) {
		for i, m := range c.Standing(ctx, some) {
			for _, name := range names {
				if _, known := found[name]; m != nil && !known && m.has(name) {
					found[name] = some[i]
				}
			}
		}
		if ctx.Err() != nil || len(found) == len(names) {
			break
		}
	}
	return found, context.Cause(ctx)
}

// Standing reads the manifests of the runs that stand for some dates; nil where none does, or where it cannot be read.
func (c *Catalog) Standing(ctx context.Context, dates []Date) []*Manifest {
	out := make([]*Manifest, len(dates))
	var group errgroup.Group
	for i, date := range dates {
		group.Go(func() error {
			if current, err := c.Current(ctx, date); err == nil && current != nil {
				out[i], _ = c.Load(ctx, RunRef{Date: date, Run: current.Run})
			}
			return nil
		})
	}
	_ = group.Wait() // nothing in it fails
	return out
}

// List returns the contents of a list file as a run kept them, by hash.
func (c *Catalog) List(ctx context.Context, sha256 string) ([]byte, error) {
	data, err := c.readOnce(ctx, listsPrefix+sha256)
	if errors.Is(err, objects.ErrNotFound) {
		if aside, asideErr := c.readOnce(ctx, asidePrefix+sha256); asideErr == nil {
			return aside, nil
		}
	}
	return data, err
}

// putJSON creates (version empty) or replaces an object.
func (c *Catalog) putJSON(ctx context.Context, key, version string, value any) error {
	data, err := encode(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", c.bucket.URL(key), err)
	}
	if version == "" {
		_, err = c.bucket.Create(ctx, key, data)
	} else {
		_, err = c.bucket.Replace(ctx, key, version, data)
	}
	return err
}

// encode writes JSON for people too: a rule keeps its > and &.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(value)
	return out.Bytes(), err
}

// lost tells whether a conditional write found something else than it expected.
func lost(err error) bool {
	return errors.Is(err, objects.ErrExists) || errors.Is(err, objects.ErrChanged) || errors.Is(err, objects.ErrNotFound)
}
