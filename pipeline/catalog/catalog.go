// Package catalog keeps the runs of an output: which there are, which one stands for each date, and how a new one comes
// to stand.
//
// The commit is one conditional write of current.json. Before it nothing of a run can be seen by a reader that follows
// current.json or lists the hive folders; after it everything that remains (hive copies, the replaced run's, latest.json)
// can be done again by anyone. A mark under runs/pending/ names each run that something remains to be done about, so that
// the next command finds it with one listing.
package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"strata/pipeline/objects"
)

// ErrLostRace: another run of the date, or of the date before it, was committed meanwhile.
var ErrLostRace = errors.New("another run was committed meanwhile")

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
	Replaces string   `json:"replaces,omitempty"`
	Kept     []string `json:"kept,omitempty"` // replaced runs whose files stay
	version  string
	since    time.Time // by the store's clock
}

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

// readJSON reads an object that this program wrote. One that was replaced between look-up and reading is read again.
func (c *Catalog) readJSON(ctx context.Context, key string, into any) (objects.Info, error) {
	for {
		data, info, err := objects.ReadAll(ctx, c.bucket, key, "")
		if errors.Is(err, objects.ErrChanged) {
			continue
		}
		if err != nil {
			return info, err
		}
		if err := json.Unmarshal(data, into); err != nil {
			return info, fmt.Errorf("%s is damaged: %w", c.bucket.URL(key), err)
		}
		return info, nil
	}
}

// Load reads a run's manifest.
func (c *Catalog) Load(ctx context.Context, r RunRef) (*Manifest, error) {
	var m Manifest
	if _, err := c.readJSON(ctx, manifestKey(r), &m); err != nil {
		return nil, err
	}
	if m.Format > Format {
		return nil, fmt.Errorf("%s was written by a later strata (format %d, this one reads up to %d); use that version",
			c.bucket.URL(manifestKey(r)), m.Format, Format)
	}
	return &m, nil
}

// folders are the dates that have a folder under runs/, in order. Not all of them need be committed.
func (c *Catalog) folders(ctx context.Context) ([]Date, error) {
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

// PreviousRef names the run of the newest committed date before a date; nil where there is none.
func (c *Catalog) PreviousRef(ctx context.Context, date Date) (*RunRef, error) {
	dates, err := c.folders(ctx)
	if err != nil {
		return nil, err
	}
	for _, before := range slices.Backward(dates) {
		if !before.Before(date) {
			continue
		}
		current, err := c.Current(ctx, before)
		if err != nil {
			return nil, err
		}
		if current != nil {
			return &RunRef{Date: before, Run: current.Run}, nil
		}
	}
	return nil, nil
}

// Previous reads the manifest of the run before a date; nil where there is none.
func (c *Catalog) Previous(ctx context.Context, date Date) (*Manifest, error) {
	ref, err := c.PreviousRef(ctx, date)
	if ref == nil || err != nil {
		return nil, err
	}
	return c.Load(ctx, *ref)
}

// List returns the contents of a list file as a run kept them, by hash.
func (c *Catalog) List(ctx context.Context, sha256 string) ([]byte, error) {
	data, _, err := objects.ReadAll(ctx, c.bucket, listsPrefix+sha256, "")
	return data, err
}

// putJSON creates (version empty) or replaces an object.
func (c *Catalog) putJSON(ctx context.Context, key, version string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if version == "" {
		_, err = c.bucket.Create(ctx, key, data)
	} else {
		_, err = c.bucket.Replace(ctx, key, version, data)
	}
	return err
}

// lost tells whether a conditional write found something else than it expected.
func lost(err error) bool {
	return errors.Is(err, objects.ErrExists) || errors.Is(err, objects.ErrChanged) || errors.Is(err, objects.ErrNotFound)
}
