package catalog

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/objects"
)

// hiveName is how a copy in a hive folder is named: the run, then the partition.
var hiveName = regexp.MustCompile(`^(\d{8}T\d{6}Z-[0-9a-f]{10})-\d{5}\.parquet$`)

// hiveFolder is the folder of a table and date that tools which list folders look at.
func hiveFolder(table string, date Date) string {
	if table == "wide" || table == "long" {
		table = "membership_" + table
	}
	return table + "/date=" + date.String() + "/"
}

func hiveKey(table string, r RunRef, partition int) string {
	return fmt.Sprintf("%s%s-%05d.parquet", hiveFolder(table, r.Date), r.Run, partition)
}

// pending lists the runs that something remains to be done about, with their marks.
func (c *Catalog) pending(ctx context.Context) (map[RunRef]objects.Info, error) {
	marks := map[RunRef]objects.Info{}
	for info, err := range objects.All(ctx, c.bucket, pendingPrefix) {
		if err != nil {
			return nil, err
		}
		day, run, ok := strings.Cut(strings.TrimSuffix(path.Base(info.Key), ".json"), "_")
		if date, err := ParseDate(day); ok && err == nil {
			marks[RunRef{Date: date, Run: run}] = info
		}
	}
	return marks, nil
}

// Settle finishes what a crash left undone after a commit: hive copies, the removal of a replaced run's, latest.json. It
// does nothing about runs that are not committed: they may be under way.
func (c *Catalog) Settle(ctx context.Context) error {
	marks, err := c.pending(ctx)
	if err != nil {
		return fmt.Errorf("settle earlier runs: %w", err)
	}
	for ref := range marks {
		if err := c.settleRun(ctx, ref); err != nil {
			return fmt.Errorf("settle run %s: %w", &ref, err)
		}
	}
	return nil
}

// settleRun settles the date of a run if the run stands for it, and takes its mark away.
func (c *Catalog) settleRun(ctx context.Context, ref RunRef) error {
	current, err := c.Current(ctx, ref.Date)
	if err != nil || current == nil || current.Run != ref.Run {
		return err
	}
	if err := c.settleDate(ctx, ref.Date); err != nil {
		return err
	}
	if err := c.markReplaced(ctx, ref.Date, current); err != nil {
		return err
	}
	if err := c.raiseLatest(ctx, ref); err != nil {
		return err
	}
	return c.bucket.Delete(ctx, pendingKey(ref), "")
}

// markReplaced leaves a mark for the sweep, which waits for readers in flight.
func (c *Catalog) markReplaced(ctx context.Context, date Date, current *Current) error {
	if current.Replaces == "" || slices.Contains(current.Kept, current.Replaces) {
		return nil
	}
	old := RunRef{Date: date, Run: current.Replaces}
	if _, err := c.bucket.Stat(ctx, manifestKey(old)); errors.Is(err, objects.ErrNotFound) {
		return nil // swept already
	}
	err := c.putJSON(ctx, pendingKey(old), "", started{Run: old.Run, Date: date, Started: time.Now().UTC()})
	if lost(err) {
		return nil
	}
	return err
}

// settleDate makes the hive folders of a date hold exactly the run that stands for it. Others may settle the same date, or
// commit it again, meanwhile: it goes on until what it did is still what is wanted.
func (c *Catalog) settleDate(ctx context.Context, date Date) error {
	for {
		current, err := c.Current(ctx, date)
		if err != nil || current == nil {
			return err
		}
		m, err := c.Load(ctx, RunRef{Date: date, Run: current.Run})
		if err != nil {
			return err
		}
		if err := c.copyHive(ctx, m); err != nil {
			return err
		}
		if err := c.clearHive(ctx, m); err != nil {
			return err
		}
		if now, err := c.Current(ctx, date); err != nil || now.version == current.version {
			return err
		}
	}
}

// copyHive copies a run's files into the hive folders; those that are there already stay.
func (c *Catalog) copyHive(ctx context.Context, m *Manifest) error {
	if !c.hive {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for table, files := range m.Tables {
		for _, f := range files {
			group.Go(func() error {
				_, err := c.bucket.Copy(ctx, f.Key, hiveKey(table, RunRef{m.Date, m.Run}, f.Partition))
				if errors.Is(err, objects.ErrExists) {
					return nil
				}
				return err
			})
		}
	}
	return group.Wait()
}

// hiveTables are the tables that a run may publish.
var hiveTables = []string{"membership", "transitions", "wide", "long"}

// clearHive removes copies of other runs from the hive folders of a date. The folders are listed before current.json is read again,
// so a copy of a run that is committed meanwhile is either not in the list or of the run that is read.
func (c *Catalog) clearHive(ctx context.Context, m *Manifest) error {
	var keys []string
	for _, table := range hiveTables {
		for info, err := range objects.All(ctx, c.bucket, hiveFolder(table, m.Date)) {
			if err != nil {
				return err
			}
			keys = append(keys, info.Key)
		}
	}
	current, err := c.Current(ctx, m.Date)
	if err != nil {
		return err
	}
	for _, key := range keys {
		found := hiveName.FindStringSubmatch(path.Base(key))
		if found == nil || found[1] == current.Run && c.hive {
			continue
		}
		if err := c.bucket.Delete(ctx, key, ""); err != nil {
			return err
		}
	}
	return nil
}

// raiseLatest moves latest.json to a run unless it names a later date.
func (c *Catalog) raiseLatest(ctx context.Context, ref RunRef) error {
	for {
		var latest RunRef
		info, err := c.readJSON(ctx, latestKey, &latest)
		switch {
		case errors.Is(err, objects.ErrNotFound):
			err = c.putJSON(ctx, latestKey, "", ref)
		case err != nil:
			return err
		case ref.Date.Before(latest.Date) || latest == ref:
			return nil
		default:
			err = c.putJSON(ctx, latestKey, info.Version, ref)
		}
		if !lost(err) {
			return err
		}
	}
}

// Finish does what remains to be done after a commit.
func (a *Attempt) Finish(ctx context.Context) error { return a.c.settleRun(ctx, a.ref()) }
