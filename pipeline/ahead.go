package pipeline

import (
	"context"
	"sync"
)

// An ahead has row groups fetched before their turn comes: as many as there are workers, so that network and processor work
// at once. Row groups come from a queue in order, so the next one of a worker is about as many further on.
type ahead struct {
	snapshot  Snapshot
	columnsOf func(at int) []string
	distance  int
	rowGroups int

	mu      sync.Mutex
	release map[int]func()
}

// newAhead fetches the columns that columnsOf names for each row group.
func (r *run) newAhead(columnsOf func(at int) []string) *ahead {
	return &ahead{snapshot: r.snapshot, columnsOf: columnsOf, distance: r.Workers, rowGroups: len(r.snapshot.RowGroupRows()), release: map[int]func(){}}
}

// begin has the row group fetched that comes after row group at.
func (a *ahead) begin(ctx context.Context, at int) {
	if at+a.distance >= a.rowGroups {
		return
	}
	release := a.snapshot.Prefetch(ctx, at+a.distance, a.columnsOf(at+a.distance))
	a.mu.Lock()
	a.release[at+a.distance] = release
	a.mu.Unlock()
}

// done gives back what was fetched of a row group.
func (a *ahead) done(at int) {
	a.mu.Lock()
	release := a.release[at]
	delete(a.release, at)
	a.mu.Unlock()
	if release != nil {
		release()
	}
}

// close gives back what nobody came for.
func (a *ahead) close() {
	for at := range a.release {
		a.done(at)
	}
}
