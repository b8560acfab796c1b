package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/objects"
)

// What follows a commit can be done by anyone, any number of times, by several at once. Two rules keep that safe:
//   - Hive folders are listed before current.json is read. Copies are made only of a run that stands, so what the list shows of
//     another run than the one read then has been replaced for good, and may go.
//   - Who has copied reads current.json again, and starts over if it has changed.
// A crash between the two leaves a mark: that of the run that was copied, or of the one that was replaced.

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

// A mark names a run that something remains to be done about: one that has begun and is not settled, or one that was
// replaced and is not swept. These are two objects, since a run may be replaced while its own mark is being taken away.
type mark struct {
	RunRef
	key      string
	modified time.Time // by the store's clock
}

func pendingKey(r RunRef) string { return pendingPrefix + r.Date.String() + "_" + r.Run + ".json" }
func replacedKey(r RunRef) string {
	return pendingPrefix + r.Date.String() + "_" + r.Run + "_replaced.json"
}

// pending lists the marks, in order of dates and runs.
func (c *Catalog) pending(ctx context.Context) ([]mark, error) {
	var marks []mark
	for info, err := range objects.All(ctx, c.bucket, pendingPrefix) {
		if err != nil {
			return nil, err
		}
		day, run, ok := strings.Cut(strings.TrimSuffix(path.Base(info.Key), ".json"), "_")
		run = strings.TrimSuffix(run, "_replaced")
		if date, err := ParseDate(day); ok && err == nil && runName.MatchString(run) {
			marks = append(marks, mark{RunRef{Date: date, Run: run}, info.Key, info.Modified})
		}
	}
	return marks, nil
}

// Settle finishes what a crash left undone after a commit: hive copies, the removal of a replaced run's, latest.json. It
// does nothing about runs that are not committed: they may be under way. A run that stands and has lost files does not
// stop it, so that the date can be run again; Status tells of it. In an output that is in order it costs one listing and
// two small objects.
func (c *Catalog) Settle(ctx context.Context) error {
	marks, err := c.pending(ctx)
	if err != nil {
		return fmt.Errorf("settle earlier runs: %w", err)
	}
	if err := c.settle(ctx, marks, isDamage); err != nil {
		return fmt.Errorf("settle earlier runs: %w", err)
	}
	return nil
}

// Finish does what follows a commit: it settles the run's date and latest.json.
func (a *Attempt) Finish(ctx context.Context) error {
	return a.c.settle(ctx, []mark{{RunRef: a.ref(), key: pendingKey(a.ref())}}, func(error) bool { return false })
}

// IsDamage tells whether an error is about what the store holds, not about reaching it.
func IsDamage(err error) bool { return isDamage(err) || errors.Is(err, objects.ErrChanged) }

// isDamage is IsDamage of objects that are not asked for by version.
func isDamage(err error) bool {
	return errors.Is(err, objects.ErrNotFound) || errors.Is(err, errDamaged)
}

// settle brings the dates of marks and latest.json in order, and takes away the marks of runs that stand: last, so that
// whoever is stopped on the way leaves them to the next. Errors that pass is true for are left out, and the marks stay.
func (c *Catalog) settle(ctx context.Context, marks []mark, pass func(error) bool) error {
	var faults []error
	var settled []string
	for _, date := range datesOf(marks) {
		current, err := c.settleDate(ctx, date)
		if err != nil {
			if !pass(err) {
				faults = append(faults, fmt.Errorf("%s: %w", date, err))
			}
			continue
		}
		for _, m := range marks {
			if m.Date == date && current.stands(m.Run) {
				settled = append(settled, m.key)
			}
		}
	}
	if err := c.mendLatest(ctx, len(marks) > 0); err != nil {
		return errors.Join(append(faults, fmt.Errorf("latest.json: %w", err))...)
	}
	return errors.Join(append(faults, c.deleteAll(ctx, settled))...)
}

// datesOf are the dates of marks, which are in order, each once.
func datesOf(marks []mark) []Date {
	var dates []Date
	for _, m := range marks {
		dates = append(dates, m.Date)
	}
	return slices.Compact(dates)
}

// settleDate brings the hive folders of a date in order and leaves a mark of the run that was replaced, for the sweep. It
// returns what stands for the date; nil where nothing does.
func (c *Catalog) settleDate(ctx context.Context, date Date) (*Current, error) {
	current, err := c.settleHive(ctx, date)
	if err != nil || current == nil {
		return nil, err
	}
	return current, c.markReplaced(ctx, date, current)
}

// markReplaced leaves a mark for the sweep, which waits for readers in flight.
func (c *Catalog) markReplaced(ctx context.Context, date Date, current *Current) error {
	if current.Replaces == "" || current.keeps(current.Replaces) {
		return nil
	}
	old := RunRef{Date: date, Run: current.Replaces}
	if _, err := c.bucket.Stat(ctx, manifestKey(old)); errors.Is(err, objects.ErrNotFound) {
		return nil // swept already
	}
	err := c.putJSON(ctx, replacedKey(old), "", started{Run: old.Run, Date: date, Started: time.Now().UTC()})
	if errors.Is(err, objects.ErrExists) {
		return nil
	}
	return err
}

// settleHive makes the hive folders of a date hold exactly the run that stands for it, and returns it; nil where none does: then
// copies are of a run that stood until strata gc removed it, and go.
func (c *Catalog) settleHive(ctx context.Context, date Date) (*Current, error) {
	for {
		copies, err := c.listHive(ctx, date)
		if err != nil {
			return nil, err
		}
		current, err := c.Current(ctx, date)
		if err != nil {
			return nil, err
		}
		if current == nil {
			return nil, c.deleteAll(ctx, keysOf(copies))
		}
		if err := c.copyHive(ctx, RunRef{Date: date, Run: current.Run}, copies); err != nil {
			return nil, err
		}
		if err := c.clearHive(ctx, current, copies); err != nil {
			return nil, err
		}
		again, err := c.Current(ctx, date)
		if err != nil || again.same(current) {
			return current, err
		}
	}
}

// listHive lists the copies of a date in all hive folders; other people's files are not among them.
func (c *Catalog) listHive(ctx context.Context, date Date) ([]objects.Info, error) {
	listed := make([][]objects.Info, len(Tables))
	group, ctx := errgroup.WithContext(ctx)
	for i, table := range Tables {
		group.Go(func() error {
			for info, err := range objects.All(ctx, c.bucket, hiveFolder(table, date)) {
				if err != nil {
					return err
				}
				if hiveName.MatchString(path.Base(info.Key)) && path.Dir(info.Key)+"/" == hiveFolder(table, date) {
					listed[i] = append(listed[i], info)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(listed...), nil
}

// keysOf are the keys of some objects.
func keysOf(infos []objects.Info) []string {
	var keys []string
	for _, info := range infos {
		keys = append(keys, info.Key)
	}
	return keys
}

// copyHive copies those files of a run into the hive folders that are not there yet.
func (c *Catalog) copyHive(ctx context.Context, r RunRef, copies []objects.Info) error {
	if !c.hive {
		return nil
	}
	m, err := c.Load(ctx, r)
	if err != nil {
		return err
	}
	missing := map[string]string{} // from -> to
	for table, files := range m.Tables {
		for _, f := range files {
			missing[f.Key] = hiveKey(table, r, f.Partition)
		}
	}
	there := map[string]bool{}
	for _, info := range copies {
		there[info.Key] = true
	}
	maps.DeleteFunc(missing, func(_, to string) bool { return there[to] })
	return c.copyAll(ctx, missing)
}

// copyAll makes copies, several at a time; what is there already is as good.
func (c *Catalog) copyAll(ctx context.Context, to map[string]string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, from := range slices.Sorted(maps.Keys(to)) {
		group.Go(func() error {
			_, err := c.bucket.Copy(ctx, from, to[from])
			if errors.Is(err, objects.ErrExists) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// clearHive removes copies that are not of the run that stands, or all when none are wanted.
func (c *Catalog) clearHive(ctx context.Context, current *Current, copies []objects.Info) error {
	return c.deleteAll(ctx, slices.DeleteFunc(keysOf(copies), func(key string) bool {
		return c.hive && hiveName.FindStringSubmatch(path.Base(key))[1] == current.Run
	}))
}

// mendLatest makes latest.json name the newest committed date. It is read first and written on that condition, so that of two
// who do this at once the one with the older view does not write. Unless sure is set, it looks no further where latest.json
// names a run that stands.
func (c *Catalog) mendLatest(ctx context.Context, sure bool) error {
	for try := 0; ; try++ {
		var latest RunRef
		info, err := c.readJSON(ctx, latestKey, &latest)
		if err != nil && !errors.Is(err, objects.ErrNotFound) && !errors.Is(err, errDamaged) {
			return err
		}
		if err == nil && !sure {
			if current, err := c.Current(ctx, latest.Date); err != nil || current.stands(latest.Run) {
				return err
			}
		}
		newest, err := c.Latest(ctx)
		if err != nil || newest == nil || *newest == latest {
			return err
		}
		if err := c.putJSON(ctx, latestKey, info.Version, newest); !lost(err) || try == contention {
			return err
		}
	}
}
