package readers

import (
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/tables"
)

// Options say how a snapshot is read. The zero value is right for a run.
type Options struct {
	// Pattern is what the objects were listed by. Folders name=value below its first wildcard become columns of text.
	Pattern string
	// Keys leaves out objects by these folders before they are opened; nil leaves out none. Where a file has a column of its own in
	// place of one of the filter's, or nothing would be left, all are opened.
	Keys *tables.KeyFilter
	// Allocator gives the memory of arrays; it need not clear it. Nil takes a pool that all snapshots share. Tests take a
	// checked one, and find arrays that were not released.
	Allocator memory.Allocator
	// PageBytes is the most that one page, or one dictionary, may unpack to; 0 stands for 512 MiB. Larger ones are refused: that
	// is what keeps a damaged file from taking all memory.
	PageBytes int
	// PrefetchBytes is the most that Prefetch holds, of all row groups together; 0 stands for 256 MiB.
	PrefetchBytes int64
	// SkipChecksums leaves the CRCs of pages unchecked where files have them.
	SkipChecksums bool
}

const (
	defaultPageBytes     = 512 << 20
	defaultPrefetchBytes = 256 << 20
)

func (o Options) withDefaults() Options {
	if o.Allocator == nil {
		o.Allocator = pages
	}
	if o.PageBytes <= 0 {
		o.PageBytes = defaultPageBytes
	}
	if o.PrefetchBytes <= 0 {
		o.PrefetchBytes = defaultPrefetchBytes
	}
	return o
}
