package readers

import (
	"context"
	"sync"
)

// prefetched are the bytes of row groups that are fetched ahead, by row group.
type prefetched struct {
	mu     sync.Mutex
	groups map[int]*fetching
	bytes  int64 // of all
}

// A fetching is one row group that is fetched ahead, or was.
type fetching struct {
	done  chan struct{} // closed when bytes or err is there
	bytes spans
	err   error
}

// Prefetch begins to fetch some columns of row group at, so that they are there when the row group is opened. The caller calls
// release when the row group is done with, or not needed after all; it waits for what is under way. Nothing happens for local files,
// for a row group that is fetched already or does not exist, and where Options.PrefetchBytes would be passed. An error is not kept: who opens the
// row group tries again and gets it.
func (s *Snapshot) Prefetch(ctx context.Context, at int, columns []string) (release func()) {
	if at >= len(s.groups) {
		return func() {}
	}
	where := s.groups[at]
	f := s.files[where.file]
	wanted, err := s.wanted(where.file, columns)
	if err != nil || f.local != nil {
		return func() {}
	}
	var all spans
	for _, w := range wanted {
		if leaves, err := f.leaves(where.index, w.node, s.opts); err == nil {
			all = append(all, spansOf(leaves)...)
		}
	}
	ranges := merged(all)
	p, ok := s.ahead.begin(at, ranges, s.opts.PrefetchBytes)
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		p.err = f.fetch(ctx, s.opts.Allocator, ranges)
	}()
	return sync.OnceFunc(func() {
		cancel()
		<-p.done
		s.ahead.end(at, p)
	})
}

func (a *prefetched) begin(at int, ranges spans, limit int64) (*fetching, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.groups[at] != nil || a.bytes+ranges.size() > limit {
		return nil, false
	}
	if a.groups == nil {
		a.groups = map[int]*fetching{}
	}
	a.bytes += ranges.size()
	a.groups[at] = &fetching{done: make(chan struct{}), bytes: ranges}
	return a.groups[at], true
}

func (a *prefetched) end(at int, p *fetching) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes -= p.bytes.size()
	delete(a.groups, at)
	p.bytes.release()
}

// take returns what was fetched of a row group, with references of the caller's own; nil if there is nothing. It waits for what
// is under way.
func (a *prefetched) take(ctx context.Context, at int) spans {
	a.mu.Lock()
	p := a.groups[at]
	a.mu.Unlock()
	if p == nil {
		return nil
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.err != nil || a.groups[at] != p {
		return nil
	}
	return p.bytes.retained()
}
