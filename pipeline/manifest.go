package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"strata/pipeline/catalog"
	"strata/pipeline/tables"
	"strata/rules"
)

// describe fills in what the manifest says before any user is looked at: enough to tell whether the run is needed.
func (r *run) describe() {
	last := r.steps[len(r.steps)-1]
	r.manifest = &catalog.Manifest{
		Format: catalog.Format, Date: r.Date, Program: r.Version, Now: last.Now.UTC(), Today: catalog.FromDays(last.Today),
		Inputs: r.inputs(), Rows: r.snapshot.Rows(), IDColumn: r.idColumn, IDType: r.memberIDs().String(),
		Definitions: last.Definitions, Stateless: rules.Stateless(last.Definitions), Names: *r.words.names, Since: r.Config.Membership.Since,
		PartitionBits: r.exchange.partitionBits, Tables: map[string][]catalog.File{}, Notes: r.snapshot.Notes(),
		Settings: catalog.Settings{
			Membership: r.Config.Membership, Duplicates: r.Config.Snapshot.Duplicates, Where: r.Config.Snapshot.Where.Text,
		},
		Forgets: r.forgotten.Known, Clock: catalog.Clock{Started: time.Now().UTC(), Seconds: map[string]float64{}},
	}
	if r.base != nil {
		previous := r.base.Origin()
		r.manifest.Previous = &previous
		r.manifest.Gap = catalog.NewGap(r.manifest.Previous, r.Date)
	}
	for _, l := range r.lists {
		r.manifest.Lists = append(r.manifest.Lists, catalog.List{Path: l.path, SHA256: l.list.Hash(), Entries: l.list.Len()})
	}
	columns, read := r.seenColumns()
	r.manifest.Columns = columns
	if r.base != nil {
		r.manifest.Drift = catalog.Drift(r.base.Columns, columns, read)
	}
}

// inputs are the pinned objects of the snapshot.
func (r *run) inputs() []catalog.Input {
	var inputs []catalog.Input
	for i, o := range r.snapshot.Objects() {
		inputs = append(inputs, catalog.Input{
			Name: r.snapshot.Address(i), Size: o.Size, Version: o.Version, CRC32C: o.CRC32C, Rows: r.snapshot.ObjectRows(i),
		})
	}
	return inputs
}

// upToDate returns the run that stands for the date if making it again would make the same files.
func (r *run) upToDate(ctx context.Context) (*Result, error) {
	var err error
	r.current, err = r.Catalog.Current(ctx, r.Date)
	if err != nil {
		return nil, err
	}
	if err := r.checkReplayed(); err != nil {
		return nil, err
	}
	if r.current == nil || r.Force {
		return nil, nil
	}
	m, err := r.Catalog.Load(ctx, catalog.RunRef{Date: r.Date, Run: r.current.Run})
	if err != nil {
		return nil, fmt.Errorf("the run that stands for %s cannot be read: %w; make it again with strata run --date %s --force", r.Date, err, r.Date)
	}
	if r.why = r.manifest.WhyAgain(m); len(r.why) > 0 {
		return nil, nil
	}
	return &Result{Manifest: m, UpToDate: true}, nil
}

// complete fills in what the run has found.
func (r *run) complete() {
	m := r.manifest
	m.Rejects, m.Forgotten = r.rejected, r.leftOut
	m.Duplicates, m.Users = r.duplicates, r.stats.users
	if r.scope != nil {
		m.Scope = &catalog.Scope{
			Where: m.Settings.Where, Users: r.stats.inScope, Outside: r.stats.outside, Carried: r.stats.carried, Before: r.stats.before,
		}
	}
	used := r.plan.StepColumns(len(r.steps) - 1)
	for i := range m.Columns {
		if n, ok := r.nulls[m.Columns[i].Name]; ok && slices.Contains(used, m.Columns[i].Name) {
			m.Columns[i].Nulls = &n
		}
	}
	r.sortFiles()
	for i, name := range r.words.segments {
		s := catalog.Segment{Name: name, Changes: r.changes(i), Removed: i >= len(r.words.names.Segments)}
		if !s.Removed {
			s.Size, s.Carried, s.Unknown, s.Errors = r.stats.sizes[i], r.stats.stayed[i], r.counts.unknown[i], r.counts.failed[i]
		}
		m.Segments = append(m.Segments, s)
	}
	for i, l := range r.words.lifecycles {
		m.Lifecycles = append(m.Lifecycles, r.completeLifecycle(i, l))
	}
	if asked := r.plan.Population(); asked != nil {
		for _, f := range asked.Findings() {
			m.Population = append(m.Population, catalog.Surveyed(f))
		}
	}
	m.Guards = r.guards(m)
	m.Clock.Finished = time.Now().UTC()
}

// sortFiles puts the files of every table in the order of their partitions.
func (r *run) sortFiles() {
	for _, files := range r.manifest.Tables {
		slices.SortFunc(files, func(a, b catalog.File) int { return cmp.Compare(a.Partition, b.Partition) })
	}
}

func (r *run) completeLifecycle(i int, l tables.Lifecycle) catalog.Lifecycle {
	out := catalog.Lifecycle{Name: l.Name, Changes: r.changes(len(r.words.segments) + i), Removed: i >= len(r.words.names.Lifecycles)}
	if out.Removed {
		return out
	}
	out.Unknown, out.Errors, out.Blocked = r.counts.stageUnknown[i], r.counts.stageFailed[i], r.counts.blocked[i]
	for s, name := range r.words.names.Lifecycles[i].Stages {
		out.Stages = append(out.Stages, catalog.Stage{Name: name, Size: r.stats.stages[i][s]})
	}
	return out
}

// changes names the transitions of one segment or lifecycle.
func (r *run) changes(at int) catalog.Changes {
	out := catalog.Changes{}
	for c, reasons := range r.stats.changes[at] {
		for reason, n := range reasons {
			if n == 0 {
				continue
			}
			change := tables.Change(c).String()
			if out[change] == nil {
				out[change] = map[string]int64{}
			}
			out[change][tables.Reason(reason).String()] = n
		}
	}
	return out
}

// commit makes the run stand for its date.
func (r *run) commit(ctx context.Context) error {
	r.Progress.Stage("commit", 0)
	if err := r.keepLists(ctx); err != nil {
		return err
	}
	return r.attempt.Commit(ctx, r.manifest, r.KeepReplaced)
}

// keepLists keeps the contents of the lists that the manifest names, unless they name users who were forgotten meanwhile.
func (r *run) keepLists(ctx context.Context) error {
	if err := r.Catalog.CheckForgotten(ctx, r.manifest.Forgets); err != nil {
		return err
	}
	for _, l := range r.lists {
		if err := r.attempt.PutList(ctx, l.list.Hash(), l.data); err != nil {
			return err
		}
	}
	return nil
}

// timed runs a stage and notes how long it took.
func (r *run) timed(stage string, work func() error) error {
	start := time.Now()
	err := work()
	r.manifest.Clock.Seconds[stage] = time.Since(start).Seconds()
	return err
}

// addFile notes a data file.
func (r *run) addFile(table string, file catalog.File) {
	r.mu.Lock()
	r.manifest.Tables[table] = append(r.manifest.Tables[table], file)
	r.mu.Unlock()
}

// firstSorted is the least few of some ids, so that a message does not depend on which partition came first.
func firstSorted(texts []string) []string {
	slices.Sort(texts)
	return texts[:min(len(texts), maxExamples)]
}

// quoted lists texts for a message.
func quoted(texts []string) string {
	var out []string
	for _, text := range texts {
		out = append(out, strconv.Quote(text))
	}
	return strings.Join(out, ", ")
}
