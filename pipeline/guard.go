package pipeline

import (
	"fmt"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/pipeline/tables"
)

// checkRows stops a run on a snapshot without users before anything is written: no flag publishes it, since it would end
// everyone's membership.
func (r *run) checkRows() error {
	if r.snapshot.Rows() > 0 {
		return nil
	}
	return &GuardError{Final: true, Tripped: []catalog.Guard{{
		Name: "snapshot_rows", Limit: "1", Tripped: true,
		Sentence: fmt.Sprintf("the snapshot of %s has no rows; publishing it would end the membership of every user", r.Date),
	}}}
}

// checkRejects stops a run that more rows than allowed name no user in.
func (r *run) checkRejects() error {
	rows, limit := r.snapshot.Rows(), r.Config.Snapshot.MaxRejects
	if !limit.Exceeded(share(r.rejected.Total(), rows)) {
		return nil
	}
	return inputFault("%d of %d rows name no user (%d with a null in %q, %d with an empty or invalid one): %s, and max_rejects is %s; "+
		"mend the snapshot or raise snapshot.max_rejects", r.rejected.Total(), rows, r.rejected.Nulls, r.idColumn, r.rejected.Unusable,
		percent(share(r.rejected.Total(), rows)), limit)
}

// checkDuplicates stops a run whose policy is to fail on duplicates.
func (r *run) checkDuplicates() error {
	if r.duplicates == 0 || r.latest() {
		return nil
	}
	return inputFault("%d rows repeat the user id of another row, such as %s; mend the snapshot, or keep the latest row with "+
		"snapshot.duplicates: {keep: latest, by: COLUMN}", r.duplicates, quoted(firstSorted(r.duplicateIDs)))
}

// guards compares the run with the previous one. Without one there is nothing to guard.
func (r *run) guards(m *catalog.Manifest) []catalog.Guard {
	if r.base == nil {
		return nil
	}
	g := &guarding{base: r.base, now: m}
	limits := r.Config.Guards
	g.snapshotRows(limits.SnapshotRows)
	g.nullShares(limits.NullShare)
	for _, s := range m.Segments {
		if old := segmentOf(r.base, s.Name); old != nil && !s.Removed && !old.Removed {
			g.exits(limits.Exits, s, old)
			g.unknowns(limits.Unknowns, s, old)
			g.size(limits.SegmentSize, s, old)
		}
	}
	return g.checked
}

// A guarding checks one manifest against the one before it.
type guarding struct {
	base, now *catalog.Manifest
	checked   []catalog.Guard
}

func (g *guarding) check(name, of string, value float64, limit configs.Limit, sentence string) {
	if limit.Off {
		return
	}
	g.checked = append(g.checked, catalog.Guard{
		Name: name, Of: of, Value: value, Limit: limit.String(), Tripped: limit.Exceeded(value), Sentence: sentence,
	})
}

func (g *guarding) snapshotRows(limits configs.RowsGuard) {
	before, now := g.base.Rows, g.now.Rows
	if before == 0 {
		return
	}
	check := func(of string, value float64, limit configs.Limit) {
		g.check("snapshot_rows", of, value, limit, fmt.Sprintf("the snapshot has %d rows, and that of %s had %d: a %s of %s (limit %s)",
			now, g.base.Date, before, of, percent(value), limit))
	}
	check("drop", share(before-now, before), limits.MaxDrop)
	check("growth", share(now-before, before), limits.MaxGrowth)
}

func (g *guarding) nullShares(limit configs.RiseGuard) {
	before := map[string]float64{}
	for _, c := range g.base.Columns {
		if c.Nulls != nil {
			before[c.Name] = share(*c.Nulls, g.base.Rows)
		}
	}
	for _, c := range g.now.Columns {
		was, ok := before[c.Name]
		if c.Nulls == nil || !ok {
			continue
		}
		is := share(*c.Nulls, g.now.Rows)
		g.check("null_share", c.Name, is-was, limit.MaxRise,
			fmt.Sprintf("column %q is null in %s of the rows, on %s it was in %s (limit: a rise of %s)",
				c.Name, percent(is), g.base.Date, percent(was), limit.MaxRise))
	}
}

func (g *guarding) exits(limit configs.ExitsGuard, s catalog.Segment, old *catalog.Segment) {
	if old.Size < int64(limit.IgnoreBelow) || old.Size == 0 {
		return
	}
	left := s.Changes.Sum(tables.Exited)
	g.check("exits", s.Name, share(left, old.Size), limit.MaxShare,
		fmt.Sprintf("%d of %d members would leave segment %q (limit %s)", left, old.Size, s.Name, limit.MaxShare))
}

func (g *guarding) unknowns(limit configs.RiseGuard, s catalog.Segment, old *catalog.Segment) {
	was, is := share(old.Unknown, g.base.Users), share(s.Unknown, g.now.Users)
	g.check("unknowns", s.Name, is-was, limit.MaxRise,
		fmt.Sprintf("the rule of segment %q is unknown for %s of the users, on %s it was for %s (limit: a rise of %s)",
			s.Name, percent(is), g.base.Date, percent(was), limit.MaxRise))
}

func (g *guarding) size(limit configs.SizeGuard, s catalog.Segment, old *catalog.Segment) {
	if old.Size < int64(limit.IgnoreBelow) || old.Size == 0 {
		return
	}
	change := s.Size - old.Size
	g.check("segment_size", s.Name, share(max(change, -change), old.Size), limit.MaxChange,
		fmt.Sprintf("segment %q has %d members, on %s it had %d (limit: a change of %s)", s.Name, s.Size, g.base.Date, old.Size, limit.MaxChange))
}

func segmentOf(m *catalog.Manifest, name string) *catalog.Segment {
	for i := range m.Segments {
		if m.Segments[i].Name == name {
			return &m.Segments[i]
		}
	}
	return nil
}

// share is a part of a whole; of nothing it is 0.
func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func percent(share float64) string { return fmt.Sprintf("%.4g%%", 100*share) }
