package readers

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"golang.org/x/sync/errgroup"
)

// Column chunks of a remote object are fetched before they are decoded: neighbours in one request, large ones in several at once.
const (
	mergeGap     = 1 << 20 // bytes that are read for nothing rather than with a request of their own
	requestBytes = 8 << 20 // the size of one request
	requests     = 4       // at once, a row group
)

// A span is a range of an object with its bytes.
type span struct {
	start, end int64
	data       *memory.Buffer
}

// spans serves what was fetched. It fits io.ReaderAt.
type spans []span

// find returns the bytes of the span that holds an offset, and where they begin; nil if there is none.
func (s spans) find(offset int64) ([]byte, int64) {
	at, _ := slices.BinarySearchFunc(s, offset, func(r span, o int64) int { return cmp.Compare(r.end-1, o) })
	if at == len(s) || s[at].start > offset {
		return nil, 0
	}
	return s[at].data.Bytes(), s[at].start
}

// ReadAt copies from the span that holds the offset.
func (s spans) ReadAt(p []byte, offset int64) (int, error) {
	data, start := s.find(offset)
	if data == nil {
		return 0, fmt.Errorf("bytes at %d were not fetched", offset)
	}
	n := copy(p, data[offset-start:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s spans) release() {
	for i := range s {
		release(s[i].data)
		s[i].data = nil
	}
}

// retained are the same spans with references of their own.
func (s spans) retained() spans {
	out := slices.Clone(s)
	for i := range out {
		out[i].data.Retain()
	}
	return out
}

// size is how many bytes they span.
func (s spans) size() (bytes int64) {
	for i := range s {
		bytes += s[i].end - s[i].start
	}
	return bytes
}

// holds tells whether a range lies in one span.
func (s spans) holds(start, end int64) bool {
	data, first := s.find(start)
	return data != nil && end <= first+int64(len(data))
}

// fetch fetches the ranges of an object that spans name.
func (f *file) fetch(ctx context.Context, mem memory.Allocator, ranges spans) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for i := range ranges {
		r := &ranges[i]
		r.data = newBuffer(mem, int(r.end-r.start))
		for at := r.start; at < r.end; at += requestBytes {
			part := r.data.Bytes()[at-r.start : min(at+requestBytes, r.end)-r.start]
			group.Go(func() error {
				return readFull(&remote{ctx: ctx, bucket: f.bucket, object: f.object}, part, at)
			})
		}
	}
	if err := group.Wait(); err != nil {
		ranges.release()
		return fmt.Errorf("fetch %s: %w", f.url(), err)
	}
	return nil
}

// merged joins ranges that lie close together. It sorts them.
func merged(all spans) spans {
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	out := all[:0]
	for _, s := range all {
		if n := len(out); n > 0 && s.start-out[n-1].end <= mergeGap {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}
