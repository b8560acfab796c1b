package pipeline

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// Published is what the run that stands for a date says of one user, and how it came about.
type Published struct {
	Run   string `json:"run"`
	Known bool   `json:"known"` // the run had the user
	// Segments and Lifecycles are those that were asked for.
	Segments   []PublishedSegment   `json:"segments,omitempty"`
	Lifecycles []PublishedLifecycle `json:"lifecycles,omitempty"`
}

// A PublishedSegment is a segment in which a user is or was.
type PublishedSegment struct {
	Name   string       `json:"name"`
	Member bool         `json:"member"`
	Since  catalog.Date `json:"since,omitzero"` // of a member, where the run tracks it or a transition tells
	Last   *LastChange  `json:"last,omitempty"` // nil: no transition, as far as the runs go back
}

// A PublishedLifecycle is the stage in which a user stands.
type PublishedLifecycle struct {
	Name  string       `json:"name"`
	Stage string       `json:"stage,omitempty"` // empty: none
	Since catalog.Date `json:"since,omitzero"`
	Last  *LastChange  `json:"last,omitempty"`
}

// A LastChange is the newest transition of a user in a segment or lifecycle, up to a date.
type LastChange struct {
	Date   catalog.Date `json:"date"`
	Change string       `json:"change"`
	From   string       `json:"from,omitempty"`
	To     string       `json:"to,omitempty"`
	Reason string       `json:"reason"`
}

// published looks a user up in what a run has published. Of the membership it reads the one partition that the user's hash names.
func (r *run) published(ctx context.Context, q Question, m *catalog.Manifest, user string) (*Published, error) {
	out := &Published{Run: m.Run}
	membership, err := r.membershipOf(ctx, q, m, user)
	if err != nil {
		return nil, err
	}
	at := membership.IDs.Find(user)
	out.Known = at >= 0
	asked := func(name string) bool { return q.Names == nil || slices.Contains(q.Names, name) }
	for s, name := range m.Names.Segments {
		if asked(name) {
			out.Segments = append(out.Segments, segmentAt(membership, at, s, name))
		}
	}
	for l, life := range m.Names.Lifecycles {
		if asked(life.Name) {
			out.Lifecycles = append(out.Lifecycles, lifecycleAt(membership, at, l, life))
		}
	}
	return out, r.lastChanges(ctx, q, m, user, out)
}

// membershipOf reads the partition of a run's membership that a user belongs to.
func (r *run) membershipOf(ctx context.Context, q Question, m *catalog.Manifest, user string) (*tables.Membership, error) {
	typ, err := ids.ParseType(m.IDType)
	if err != nil {
		return nil, err
	}
	file, err := fileOf(m, "membership", user)
	if err != nil {
		return nil, err
	}
	return readStored(ctx, r.Catalog, file, func(file objects.Info) (*tables.Membership, error) {
		return q.History.ReadMembership(ctx, r.Catalog.Bucket(), file, &m.Names, typ, m.Since)
	})
}

// fileOf is the file of a table that a user belongs to.
func fileOf(m *catalog.Manifest, table, user string) (catalog.File, error) {
	return fileAt(m, table, ids.Partition(ids.Hash([]byte(user)), m.PartitionBits))
}

// fileAt is the file of a partition of a table.
func fileAt(m *catalog.Manifest, table string, at int) (catalog.File, error) {
	files := m.Tables[table]
	if at >= len(files) || files[at].Partition != at {
		return catalog.File{}, fmt.Errorf("the run of %s has no %s file of partition %d; its manifest is damaged", m.Date, table, at)
	}
	return files[at], nil
}

// segmentAt is what a membership says of user at, who may be -1, in segment s.
func segmentAt(m *tables.Membership, at, s int, name string) PublishedSegment {
	out := PublishedSegment{Name: name}
	if at < 0 {
		return out
	}
	if out.Member = m.Sets.Has(at, s); out.Member {
		out.Since = keptSince(m, at, name)
	}
	if out.Member && m.Since != nil {
		dates := 0
		for i := range at {
			dates += setSize(m, i)
		}
		out.Since = catalog.FromDays(m.Since[dates+rank(m.Sets.Row(at), s)])
	}
	return out
}

// lifecycleAt is the same of lifecycle l.
func lifecycleAt(m *tables.Membership, at, l int, life tables.Lifecycle) PublishedLifecycle {
	out := PublishedLifecycle{Name: life.Name}
	if at < 0 || m.Stages[l][at] == 0 {
		return out
	}
	out.Stage = life.Stages[m.Stages[l][at]-1]
	out.Since = keptSince(m, at, life.Name)
	if m.StageSince != nil {
		out.Since = catalog.FromDays(m.StageSince[l][at])
	}
	return out
}

// keptSince is since when user at is in what a name stands for, where only strata_state says so; else zero.
func keptSince(m *tables.Membership, at int, name string) (date catalog.Date) {
	if k := indexOf(m.Names.Dated, name); k >= 0 {
		date = catalog.FromDays(m.KeptSince[k][at])
	}
	return date
}

// historyDates is how many dates are looked at together.
const historyDates = 16

// lastChanges looks back through the transitions of a run and of the committed dates before it, newest first, for the last
// change of every segment and lifecycle of out. It ends when all are found, or with a first run.
func (r *run) lastChanges(ctx context.Context, q Question, m *catalog.Manifest, user string, out *Published) error {
	open := map[string]**LastChange{}
	for i := range out.Segments {
		open[out.Segments[i].Name] = &out.Segments[i].Last
	}
	for i := range out.Lifecycles {
		open[out.Lifecycles[i].Name] = &out.Lifecycles[i].Last
	}
	if len(open) == 0 {
		return nil
	}
	dates, err := r.Catalog.Dates(ctx)
	if err != nil {
		return err
	}
	dates = slices.DeleteFunc(dates, func(d catalog.Date) bool { return m.Date.Before(d) })
	slices.Reverse(dates)
	for together := range slices.Chunk(dates, historyDates) {
		first, err := r.searchDates(ctx, q, together, user, open)
		if err != nil {
			return err
		}
		if first || len(open) == 0 {
			break
		}
	}
	out.sinceChanges()
	return nil
}

// searchDates looks at some dates, newest first. It reports whether one of them was a first run.
func (r *run) searchDates(ctx context.Context, q Question, dates []catalog.Date, user string, open map[string]**LastChange) (first bool, err error) {
	found := make([][]tables.Transition, len(dates))
	firsts := make([]bool, len(dates))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, date := range dates {
		group.Go(func() (err error) {
			found[i], firsts[i], err = r.changesOn(groupCtx, q, date, user, open)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return false, err
	}
	for i, date := range dates {
		for _, t := range found[i] {
			if last := open[t.Segment]; last != nil {
				*last = &LastChange{Date: date, Change: t.Change, From: t.From, To: t.To, Reason: t.Reason}
				delete(open, t.Segment)
			}
		}
		if firsts[i] {
			return true, nil
		}
	}
	return false, nil
}

// changesOn are a user's transitions of a date, which are read only where the run has any in what is open.
func (r *run) changesOn(ctx context.Context, q Question, date catalog.Date, user string, open map[string]**LastChange) (found []tables.Transition, first bool, err error) {
	current, err := r.Catalog.Current(ctx, date)
	if current == nil || err != nil {
		return nil, false, err
	}
	m, err := r.Catalog.Load(ctx, catalog.RunRef{Date: date, Run: current.Run})
	if err != nil {
		return nil, false, err
	}
	moved := false
	for _, s := range m.Segments {
		moved = moved || open[s.Name] != nil && len(s.Changes) > 0
	}
	for _, l := range m.Lifecycles {
		moved = moved || open[l.Name] != nil && len(l.Changes) > 0
	}
	if moved {
		var file catalog.File
		if file, err = fileOf(m, "transitions", user); err == nil && file.Rows > 0 {
			found, err = readStored(ctx, r.Catalog, file, func(file objects.Info) ([]tables.Transition, error) {
				return q.History.ReadTransitions(ctx, r.Catalog.Bucket(), file, user)
			})
		}
	}
	return found, m.Previous == nil, err
}

// sinceChanges takes the date of the last transition for that since which a membership stands, where the run tracks none.
func (p *Published) sinceChanges() {
	for i := range p.Segments {
		if s := &p.Segments[i]; s.Member && s.Since.IsZero() && s.Last != nil {
			s.Since = s.Last.Date
		}
	}
	for i := range p.Lifecycles {
		if l := &p.Lifecycles[i]; l.Stage != "" && l.Since.IsZero() && l.Last != nil {
			l.Since = l.Last.Date
		}
	}
}
