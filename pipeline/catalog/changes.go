package catalog

import (
	"context"
	"fmt"
	"slices"
)

// Events say what became of the event ids of the run that another replaces.
type Events struct {
	Withdrawn int64 `json:"withdrawn"` // ids that the replaced run has and this one has not
	Kept      int64 `json:"kept"`      // ids of both
	Added     int64 `json:"added"`     // ids of this run alone
	// Files list the ids that were withdrawn and added: a file a partition that has some.
	Files []File `json:"files"`
}

// A ChangeList is the contents of changes.json, which lies beside the manifest of a run that replaces another: what a consumer who
// has taken the replaced run's transitions needs to put them right. Ids that were kept are those of the transitions table
// that are in none of the files.
type ChangeList struct {
	Format   int    `json:"format"`
	Date     Date   `json:"date"`
	Run      string `json:"run"`
	Replaces string `json:"replaces"`
	Events
}

func changesKey(r RunRef) string { return runFolder(r.Date, r.Run) + "changes.json" }

func (a *Attempt) eventsKey(partition int) string { return eventsKey(a.folder(), partition) }

func eventsKey(folder string, partition int) string {
	return fmt.Sprintf("%sdata/changes/%05d.json", folder, partition)
}

// PutEvents stores the ids of a partition that were withdrawn and added, and how many they are.
func (a *Attempt) PutEvents(ctx context.Context, partition int, data []byte, events int64) (File, error) {
	return a.put(ctx, a.eventsKey(partition), partition, data, events)
}

// DropEvents removes what PutEvents has stored, for a run that goes without.
func (a *Attempt) DropEvents(ctx context.Context, files []File) error {
	var keys []string
	for _, f := range files {
		keys = append(keys, f.Key)
	}
	return a.c.deleteAll(ctx, keys)
}

// putChanges writes changes.json.
func (a *Attempt) putChanges(ctx context.Context, m *Manifest) error {
	if m.Events == nil {
		return nil
	}
	data, err := encode(ChangeList{Format: Format, Date: a.Date, Run: a.Run, Replaces: m.Replaces, Events: *m.Events})
	if err != nil {
		return fmt.Errorf("write changes.json: %w", err)
	}
	_, err = a.create(ctx, changesKey(a.ref()), data)
	return err
}

// AdoptEvents is Adopt for the ids that were withdrawn and added: what a waiting run replaces is what its own attempt does.
func (a *Attempt) AdoptEvents(ctx context.Context, waiting *Manifest) (*Events, error) {
	if waiting.Events == nil {
		return nil, nil
	}
	adopted := *waiting.Events
	adopted.Files = slices.Clone(adopted.Files)
	for i := range adopted.Files {
		f := &adopted.Files[i]
		if err := a.adopt(ctx, a.eventsKey(f.Partition), f); err != nil {
			return nil, fmt.Errorf("copy the files of run %s: %w", waiting.Run, err)
		}
	}
	return &adopted, nil
}

// files are all data files that the manifest names.
func (m *Manifest) files() (all []File) {
	for _, table := range m.tables() {
		all = append(all, m.Tables[table]...)
	}
	if m.Events != nil {
		all = append(all, m.Events.Files...)
	}
	return all
}
