package readers

import (
	"cmp"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// A pageIndex is what a file says of the pages of one column chunk apart from them: where they are, and statistics.
type pageIndex struct {
	columnIndex
	offsetIndex
}

type columnIndex struct {
	NullPages  thrift.Slice[bool]   `thrift:"1,required"`
	MinValues  thrift.Slice[[]byte] `thrift:"2,required"`
	MaxValues  thrift.Slice[[]byte] `thrift:"3,required"`
	NullCounts thrift.Slice[int64]  `thrift:"5,optional"`
}

type offsetIndex struct {
	PageLocations thrift.Slice[format.PageLocation] `thrift:"1,required"`
}

// pageIndexOf decodes the page index of a column chunk: one that says nothing where there is none, where it cannot be read, and where
// it is not at hand. Nothing is fetched from afar for it.
func (f *file) pageIndexOf(group, leaf int) *pageIndex {
	known := f.known()
	if group >= len(known.RowGroups) || leaf >= len(known.RowGroups[group].Columns) {
		return &pageIndex{}
	}
	out, where := &pageIndex{}, &known.RowGroups[group].Columns[leaf]
	_, err := decodeThrift(f.atHand(where.ColumnIndexOffset, where.ColumnIndexLength), &out.columnIndex)
	if err == nil {
		_, err = decodeThrift(f.atHand(where.OffsetIndexOffset, where.OffsetIndexLength), &out.offsetIndex)
	}
	n := len(out.PageLocations)
	if err != nil || len(out.NullPages) != n || len(out.MinValues) != n || len(out.MaxValues) != n || len(out.NullCounts) != n {
		return &pageIndex{}
	}
	return out
}

// atHand returns bytes of the object that are read already, or that lie in a local file; else nil.
func (f *file) atHand(offset int64, length int32) []byte {
	end := offset + int64(length)
	switch first := f.object.Size - int64(len(f.tailBytes)); {
	case offset <= 0 || length <= 0 || length > mostHeader || end > f.object.Size:
		return nil
	case offset >= first:
		return f.tailBytes[offset-first : end-first]
	case f.local == nil:
		return nil
	}
	data := make([]byte, length)
	if readFull(f.local, data, offset) != nil {
		return nil
	}
	return data
}

// of finds the statistics of the page whose header begins at a place of the object and which has so many rows.
func (p *pageIndex) of(offset, rows int64) (out statistics, ok bool) {
	at, found := slices.BinarySearchFunc(p.PageLocations, offset, func(l format.PageLocation, o int64) int { return cmp.Compare(l.Offset, o) })
	switch {
	case !found || p.NullPages[at]:
		return out, false
	case at+1 < len(p.PageLocations) && p.PageLocations[at+1].FirstRowIndex-p.PageLocations[at].FirstRowIndex != rows:
		return out, false
	}
	out.NullCount, out.MinValue, out.MaxValue = thrift.New(p.NullCounts[at]), thrift.New(p.MinValues[at]), thrift.New(p.MaxValues[at])
	return out, true
}
