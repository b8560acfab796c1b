package readers

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

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
	data       []byte
}

// spans serves what was fetched. It fits io.ReaderAt.
type spans []span

// ReadAt copies from the span that holds the offset.
func (s spans) ReadAt(p []byte, offset int64) (int, error) {
	at, _ := slices.BinarySearchFunc(s, offset, func(r span, o int64) int { return cmp.Compare(r.end-1, o) })
	if at == len(s) || s[at].start > offset {
		return 0, fmt.Errorf("bytes at %d were not fetched", offset)
	}
	n := copy(p, s[at].data[offset-s[at].start:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// fetch returns a reader of the bytes of the wanted columns of a row group: the local file itself, or what was fetched.
func (f *file) fetch(ctx context.Context, index int, wanted []wantedColumn) (io.ReaderAt, error) {
	if f.local != nil {
		return f.local, nil
	}
	ranges := f.ranges(index, wanted)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for i := range ranges {
		r := &ranges[i]
		r.data = make([]byte, r.end-r.start)
		for at := r.start; at < r.end; at += requestBytes {
			part := r.data[at-r.start : min(at+requestBytes, r.end)-r.start]
			group.Go(func() error { return f.fetchRange(ctx, part, at) })
		}
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("fetch %s: %w", f.url(), err)
	}
	return spans(ranges), nil
}

func (f *file) fetchRange(ctx context.Context, p []byte, offset int64) error {
	n, err := (&remote{ctx: ctx, bucket: f.bucket, object: f.object}).ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ranges are the places of the wanted column chunks, neighbours merged.
func (f *file) ranges(index int, wanted []wantedColumn) []span {
	chunks := f.parquet.Metadata().RowGroups[index].Columns
	var all []span
	for _, w := range wanted {
		if w.node == nil {
			continue
		}
		for _, leaf := range w.node.leafNodes(nil) {
			m := chunks[leaf.first].MetaData
			start := m.DataPageOffset
			if m.DictionaryPageOffset > 0 {
				start = min(start, m.DictionaryPageOffset)
			}
			all = append(all, span{start: start, end: start + m.TotalCompressedSize})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	merged := all[:0]
	for _, s := range all {
		if n := len(merged); n > 0 && s.start-merged[n-1].end <= mergeGap {
			merged[n-1].end = max(merged[n-1].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}
