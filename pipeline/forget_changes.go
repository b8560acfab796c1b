package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/zeebo/xxh3"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A change list holds no ids of users, but event ids, which anyone can make of an id, a date and names. So all event ids that a user
// can have are made, and taken out of it. Of users whose ids are not known that cannot be done.

// A spelling is what an event id is made of beside user and date.
type spelling struct{ name, change, from, to string }

// learnNames adds the names of a run to those that event ids are made of.
func (f *forgetting) learnNames(m *catalog.Manifest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range m.Segments {
		f.segments[s.Name] = true
	}
	for _, l := range m.Lifecycles {
		if f.stages[l.Name] == nil {
			f.stages[l.Name] = map[string]bool{}
		}
		for _, stage := range l.Stages {
			f.stages[l.Name][stage.Name] = true
		}
	}
}

// spellings are all that the names give.
func (f *forgetting) spellings() (out []spelling) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.segments {
		for _, change := range []tables.Change{tables.Initial, tables.Entered, tables.Exited} {
			out = append(out, spelling{name: name, change: change.String()})
		}
	}
	for name, all := range f.stages {
		stages := append(slices.Collect(maps.Keys(all)), "") // none
		for _, from := range stages {
			for _, to := range stages {
				for _, change := range tables.ChangeNames {
					out = append(out, spelling{name, change, from, to})
				}
			}
		}
	}
	return out
}

// eventsOf are all event ids that the users can have on a date.
func (f *forgetting) eventsOf(date catalog.Date) map[event]bool {
	events := map[event]bool{}
	var text []byte
	for _, s := range f.spellings() {
		for _, user := range f.users {
			text = text[:0]
			for _, part := range []string{date.String(), s.name, user, s.change, s.from, s.to} {
				text = appendField(text, part)
			}
			sum := xxh3.Hash128(text)
			events[event{sum.Hi, sum.Lo}] = true
		}
	}
	return events
}

// lookAtChanges finds the files of a run's change list that hold event ids of the users.
func (f *forgetting) lookAtChanges(ctx context.Context, run *heldRun) error {
	if run.Events == nil || len(run.Events.Files) == 0 {
		return nil
	}
	if f.everyone {
		f.leave(fmt.Sprintf("the change list of run %s of %s may hold event ids of users of an earlier call, which only their ids tell; "+
			"call strata forget with these users again", run.Run, run.Date))
	}
	events, among := f.eventsOf(run.Date), f.partitionsOf(run.Manifest)
	for i, file := range run.Events.Files {
		if !slices.Contains(among, file.Partition) {
			continue
		}
		all, err := f.readChanges(ctx, file)
		if err != nil {
			return err
		}
		if without := all.without(events); without.len() < all.len() {
			run.changes = append(run.changes, heldChanges{i, all, without})
			run.told.Changes += int64(all.len() - without.len())
		}
	}
	return nil
}

// heldChanges are a file of a change list without the users.
type heldChanges struct {
	at           int // in the manifest's files of events
	all, without *eventChanges
}

func (f *forgetting) readChanges(ctx context.Context, file catalog.File) (*eventChanges, error) {
	data, _, err := objects.ReadAll(ctx, f.Catalog.Bucket(), file.Key, "")
	if err != nil {
		return nil, err
	}
	var texts struct{ Withdrawn, Added []string }
	out := &eventChanges{}
	if err = json.Unmarshal(data, &texts); err == nil {
		out.withdrawn, err = parseEvents(texts.Withdrawn)
	}
	if err == nil {
		out.added, err = parseEvents(texts.Added)
	}
	if err != nil {
		err = fmt.Errorf("%s is damaged: %w", f.Catalog.Bucket().URL(file.Key), err)
	}
	return out, err
}

func parseEvents(texts []string) (out []event, err error) {
	for _, text := range texts {
		high, low, ok := ids.ParseUUID([]byte(text))
		if !ok {
			return nil, fmt.Errorf("%q is no event id", text)
		}
		out = append(out, event{high, low})
	}
	return out, nil
}

func (c *eventChanges) len() int { return len(c.withdrawn) + len(c.added) }

// without leaves some events out.
func (c *eventChanges) without(gone map[event]bool) *eventChanges {
	keep := func(all []event) []event {
		return slices.DeleteFunc(slices.Clone(all), func(e event) bool { return gone[e] })
	}
	return &eventChanges{withdrawn: keep(c.withdrawn), added: keep(c.added)}
}

// uncountEvents takes those who are left out of a file of the change list out of what the manifest counts.
func (w *rewriting) uncountEvents(c *heldChanges) *eventChanges {
	added := int64(len(c.all.added) - len(c.without.added))
	w.m.Events.Withdrawn -= int64(len(c.all.withdrawn) - len(c.without.withdrawn))
	w.m.Events.Added -= added
	w.m.Events.Kept += added // of whose transitions all were taken out of it
	return c.without
}

// changes writes the change list without the users.
func (w *rewriting) changes(ctx context.Context, run *heldRun) error {
	if w.m.Events == nil {
		return nil
	}
	w.m.Events.Kept -= w.gone
	files := []catalog.File{}
	for i, file := range w.m.Events.Files {
		at := slices.IndexFunc(run.changes, func(c heldChanges) bool { return c.at == i })
		if at < 0 {
			if err := w.attempt.TakeEvents(ctx, &file); err != nil {
				return err
			}
			files = append(files, file)
			continue
		}
		without := w.uncountEvents(&run.changes[at])
		if without.len() == 0 {
			continue
		}
		file, err := w.attempt.PutEvents(ctx, file.Partition, without.encode(), int64(without.len()))
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	w.m.Events.Files = files
	return nil
}
