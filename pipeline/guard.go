package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

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
		Look: fmt.Sprintf("whether the job that writes the snapshot ran to its end: %s of %s, and no row in any",
			files(r.manifest), r.Date),
	}}}
}

// checkScope stops a run with no user in its scope, as checkRows does one without rows.
func (r *run) checkScope() error {
	s := r.manifest.Scope
	if s == nil || s.Users > 0 {
		return nil
	}
	return &GuardError{Final: true, Tripped: []catalog.Guard{{
		Name: "snapshot_rows", Limit: "1", Tripped: true,
		Sentence: fmt.Sprintf("no user of the snapshot of %s is in scope (snapshot.where: %s); publishing it would end the membership of every user who was",
			r.Date, oneLine(s.Where)),
		Look: fmt.Sprintf("whether the scope is spelled as the snapshot spells its values, and whether their files have arrived: %s of %s, and %d users out of scope",
			files(r.manifest), r.Date, s.Outside),
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

// guards compares the run with the previous one. Without one there is nothing to guard. With a scope, users in it are compared
// with those who were: nothing is known of the others.
func (r *run) guards(m *catalog.Manifest) []catalog.Guard {
	if r.base == nil {
		return nil
	}
	g := &guarding{base: r.base, now: m}
	g.snapshotRows(r.Config.Guards.SnapshotRows)
	g.nullShares(r.Config.Guards.NullShare)
	for i := range r.Config.Segments {
		s := &r.Config.Segments[i]
		now, old := segmentOf(m, s.Name), segmentOf(r.base, s.Name)
		if now == nil || old == nil || old.Removed {
			continue
		}
		limits := r.Config.Guards.For(s)
		g.exits(limits.Exits, s.Guards.Exits.MaxShare != nil, now, old)
		g.unknowns(limits.Unknowns, s.Guards.Unknowns.MaxRise != nil, now, old)
		g.size(limits.SegmentSize, s.Guards.SegmentSize.MaxChange != nil, now, old)
	}
	return g.checked
}

// A guarding checks one manifest against the one before it.
type guarding struct {
	base, now *catalog.Manifest
	checked   []catalog.Guard
}

// check notes one comparison. look says what to look at if it has tripped.
func (g *guarding) check(found catalog.Guard, limit configs.Limit, look string) {
	if limit.Off {
		return
	}
	found.Limit, found.Tripped = limit.String(), limit.Exceeded(found.Value)
	if found.Tripped {
		found.Look = look
	}
	g.checked = append(g.checked, found)
}

func (g *guarding) snapshotRows(limits configs.RowsGuard) {
	before, now, what, had := g.base.Rows, g.now.Rows, "the snapshot has %d rows", "had %d"
	if s := g.now.Scope; s != nil {
		before, now, what, had = s.Before, s.Users, "%d users of the snapshot are in scope", "had %d of them"
	}
	if before == 0 {
		return
	}
	read := fmt.Sprintf("this run read %s, that of %s read %s", files(g.now), g.base.Date, files(g.base))
	check := func(of string, value float64, limit configs.Limit, look string) {
		g.check(catalog.Guard{Name: "snapshot_rows", Of: of, Value: value, Sentence: fmt.Sprintf(
			what+", and that of %s "+had+": a %s of %s (limit %s)", now, g.base.Date, before, of, percent(value), limit,
		)}, limit, look+": "+read)
	}
	check("drop", share(before-now, before), limits.MaxDrop, fmt.Sprintf("whether all files of %s have arrived, each of them whole", g.now.Date))
	check("growth", share(now-before, before), limits.MaxGrowth,
		fmt.Sprintf("whether files of another date, or second copies, lie among those of %s", g.now.Date))
}

// nullShares compares the rows that both runs have read, so it needs the same scope.
func (g *guarding) nullShares(limit configs.RiseGuard) {
	if g.now.Settings.Where != g.base.Settings.Where {
		return
	}
	before := map[string]float64{}
	for _, c := range g.base.Columns {
		if c.Nulls != nil {
			before[c.Name] = share(*c.Nulls, g.base.Rows)
		}
	}
	look := fmt.Sprintf("whether the jobs that fill these columns ran for %s, and whether their values stand in another column now "+
		"(strata check --date %s lists the columns that came and went)", g.now.Date, g.now.Date)
	for _, c := range g.now.Columns {
		was, ok := before[c.Name]
		if c.Nulls == nil || !ok {
			continue
		}
		is := share(*c.Nulls, g.now.Rows)
		g.check(catalog.Guard{Name: "null_share", Of: c.Name, Value: is - was, Sentence: fmt.Sprintf(
			"column %q is null in %s of the rows, on %s it was in %s (limit: a rise of %s)",
			c.Name, percent(is), g.base.Date, percent(was), limit.MaxRise,
		)}, limit.MaxRise, look)
	}
}

func (g *guarding) exits(limit configs.ExitsGuard, own bool, s, old *catalog.Segment) {
	size := old.Size - s.Carried
	if size < int64(limit.IgnoreBelow) || size == 0 {
		return
	}
	left, reasons, most := s.Changes.Sum(tables.Exited), "", ""
	if left > 0 {
		reasons, most = exitReasons(s.Changes[tables.Exited.String()])
	}
	g.check(catalog.Guard{Name: "exits", Of: s.Name, Own: own, Value: share(left, size), Sentence: fmt.Sprintf(
		"%d of %d members would leave segment %q (%s %s)%s", left, size, s.Name, limitName(own), limit.MaxShare, reasons,
	)}, limit.MaxShare, g.lookAtExits(most))
}

// exitReasons lists how many members leave for which reason, the most first, and names the first reason.
func exitReasons(counts map[string]int64) (text, most string) {
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	for i, reason := range reasons {
		reasons[i] = fmt.Sprintf("%d %s", counts[reason], reason)
		if i == 0 {
			most = reason
		}
	}
	return ": " + strings.Join(reasons, ", "), most
}

// lookAtExits says what to look at where most exits have one reason.
func (g *guarding) lookAtExits(reason string) string {
	names := fmt.Sprintf("strata plan --date %s --against previous --examples 5 names some of them", g.now.Date)
	switch reason {
	case tables.UserDeleted.String():
		return fmt.Sprintf("whether all users are in the snapshot of %s: those who leave as user_deleted are not", g.now.Date)
	case tables.TimePassed.String():
		return "whether the times in the snapshot still move on: members leave as time_passed; " + names
	case tables.ListChanged.String():
		return "whether the list files are whole: members leave as list_changed; " + names
	case tables.RuleChanged.String():
		return "whether the edit of the definitions is meant: members leave as rule_changed; " + names
	}
	return "whether the columns of the rules hold what they used to hold: members leave as user_changed; " + names
}

func (g *guarding) unknowns(limit configs.RiseGuard, own bool, s, old *catalog.Segment) {
	was, is := share(old.Unknown, asked(g.base)), share(s.Unknown, asked(g.now))
	g.check(catalog.Guard{Name: "unknowns", Of: s.Name, Own: own, Value: is - was, Sentence: fmt.Sprintf(
		"the rule of segment %q is unknown for %s of the users, on %s it was for %s (%s: a rise of %s)",
		s.Name, percent(is), g.base.Date, percent(was), limitName(own), limit.MaxRise,
	)}, limit.MaxRise, "which columns of the unknown rules hold more nulls than before, and who fills them")
}

func (g *guarding) size(limit configs.SizeGuard, own bool, s, old *catalog.Segment) {
	before := old.Size - s.Carried
	if before < int64(limit.IgnoreBelow) || before == 0 {
		return
	}
	change := s.Size - old.Size
	g.check(catalog.Guard{Name: "segment_size", Of: s.Name, Own: own, Value: share(max(change, -change), before), Sentence: fmt.Sprintf(
		"segment %q has %d members%s, on %s it had %d (%s: a change of %s)",
		s.Name, s.Size-s.Carried, inScope(g.now), g.base.Date, before, limitName(own), limit.MaxChange,
	)}, limit.MaxChange, fmt.Sprintf("who enters and leaves, and for which reasons: strata plan --date %s --against previous", g.now.Date))
}

// asked is of how many users a run has asked its rules.
func asked(m *catalog.Manifest) int64 {
	if m.Scope != nil {
		return m.Scope.Users
	}
	return m.Users
}

// inScope says in a sentence that it counts users in scope.
func inScope(m *catalog.Manifest) string {
	if m.Scope == nil {
		return ""
	}
	return " in scope"
}

// limitName tells a segment's own limit from the file's.
func limitName(own bool) string {
	if own {
		return "its own limit"
	}
	return "limit"
}

// files says how many files a run read.
func files(m *catalog.Manifest) string {
	if len(m.Inputs) == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", len(m.Inputs))
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
