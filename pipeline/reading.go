package pipeline

import (
	"slices"
	"sync"

	"strata/pipeline/tables"
	"strata/rules"
)

// A reading is what the rules still have to read of a row group, after its statistics were asked.
type reading struct {
	pruning *rules.Pruning
	columns []string         // that are opened: those the pruning leaves, and those whose nulls nobody has counted
	count   []string         // of these, those that are read for their nulls alone
	nulls   map[string]int64 // of the columns that are not read
}

// planReadings plans the reading of every row group when it is first asked for, by a worker.
func (r *run) planReadings(rowGroups int) {
	r.readings = make([]func() *reading, rowGroups)
	for at := range r.readings {
		r.readings[at] = sync.OnceValue(func() *reading { return r.planReading(at) })
	}
}

func (r *run) planReading(at int) *reading {
	known := map[string]tables.Statistics{}
	if !r.unpruned {
		for _, column := range r.plan.Columns() {
			known[column] = r.snapshot.Statistics(at, column)
		}
	}
	p := r.plan.Prune(func(column string) tables.Statistics { return known[column] })
	out := &reading{pruning: p, columns: slices.Clone(p.Columns()), nulls: map[string]int64{}}
	for _, column := range r.plan.Columns() {
		switch {
		case slices.Contains(p.Columns(), column):
		case known[column].Counted:
			out.nulls[column] = known[column].Nulls
		default:
			out.columns, out.count = append(out.columns, column), append(out.count, column)
		}
	}
	return out
}

// columnsOf are all columns of a row group that the assign stage reads, each once.
func (r *run) columnsOf(at int) []string {
	columns := slices.Concat(r.readings[at]().columns, r.ownColumns(), r.hashed)
	slices.Sort(columns)
	return slices.Compact(columns)
}

// countNulls counts the nulls of the columns of a row group that the rules had no need to look at.
func (a *assigner) countNulls(src tables.Columns, r *reading) error {
	for column, n := range r.nulls {
		a.nulls[column] += n
	}
	counter := &nullCounter{Columns: src, nulls: a.nulls}
	for _, column := range r.count {
		for left := src.Rows(); left > 0; {
			rows, err := counter.Next(column, int(min(left, windowRows)))
			if err != nil {
				return short(column, err)
			}
			left -= int64(rows.Len())
			rows.Release()
		}
	}
	return nil
}
