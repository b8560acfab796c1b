package readers

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/tables"
)

// What footers say of the values in a row group is decoded apart from what reading needs, when somebody asks: a fault in it
// is no reason to refuse a file, only to know nothing.

// A statisticsFooter is the footer once more, with nothing but statistics.
type statisticsFooter struct {
	RowGroups    thrift.Slice[groupStatistics] `thrift:"4,required"`
	ColumnOrders thrift.Slice[columnOrder]     `thrift:"7,optional"`
}

type groupStatistics struct {
	Columns thrift.Slice[columnStatistics] `thrift:"1,required"`
}

type columnStatistics struct {
	MetaData          chunkStatistics `thrift:"3,optional"`
	OffsetIndexOffset int64           `thrift:"4,optional"`
	OffsetIndexLength int32           `thrift:"5,optional"`
	ColumnIndexOffset int64           `thrift:"6,optional"`
	ColumnIndexLength int32           `thrift:"7,optional"`
}

type chunkStatistics struct {
	Statistics thrift.Null[statistics] `thrift:"12,optional"`
}

// A columnOrder says by which order bounds were found. There is one that this package knows: that of the column's type.
type columnOrder struct {
	OfType thrift.Null[noFields] `thrift:"1,optional"`
}

type noFields struct{}

// statistics leave out the bounds of old, min and max: their order was never told, and that of texts was often wrong.
type statistics struct {
	NullCount thrift.Null[int64]  `thrift:"3,optional"`
	MaxValue  thrift.Null[[]byte] `thrift:"5,optional"`
	MinValue  thrift.Null[[]byte] `thrift:"6,optional"`
}

// Statistics tell what is known of a column in row group at, without reading it: from the file's footer, or its path. Bounds
// may be further out than the values, as those of long texts are.
func (s *Snapshot) Statistics(at int, column string) tables.Statistics {
	where := s.groups[at]
	f := s.files[where.file]
	out := tables.Statistics{Rows: f.footer.RowGroups[where.index].NumRows}
	c := s.union.byName[column]
	if c == nil || c.fault != nil {
		return out
	}
	switch n := c.nodes[where.file]; {
	case n == nil:
		out.Counted, out.Nulls = true, out.Rows
	case n.path:
		out.Counted, out.Nulls = true, 0
		if out.Values = textArray(c.paths[where.file]); out.Values.Len() == 0 {
			out.Nulls = out.Rows
		}
	case len(n.children) == 0 && n.rep == 0:
		f.leafStatistics(where.index, n, c.field.Type, &out)
	}
	return out
}

// textArray is an array of one text, or of none.
func textArray(text *string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	if text != nil {
		b.Append(*text)
	}
	return b.NewArray()
}

// known returns what the footer says in statistics; nothing if that cannot be read.
func (f *file) known() *statisticsFooter {
	f.decoded.Do(func() {
		f.statistics = &statisticsFooter{}
		if _, err := decodeThrift(f.metadata, f.statistics); err != nil {
			f.statistics = &statisticsFooter{}
		}
	})
	return f.statistics
}

// leafStatistics adds what the footer says of a column outside of lists and groups.
func (f *file) leafStatistics(group int, n *node, as arrow.DataType, out *tables.Statistics) {
	known := f.known()
	if group < len(known.RowGroups) && n.first < len(known.RowGroups[group].Columns) {
		n.told(&known.RowGroups[group].Columns[n.first].MetaData.Statistics.V, f.ordered(n.first), as, out)
	}
}

// ordered says whether bounds of a leaf column were found by the order of its type.
func (f *file) ordered(leaf int) bool {
	orders := f.known().ColumnOrders
	return leaf < len(orders) && orders[leaf].OfType.Valid
}

// told adds what statistics say of a column outside of lists and groups.
func (n *node) told(said *statistics, ordered bool, as arrow.DataType, out *tables.Statistics) {
	switch nulls := said.NullCount; {
	case n.def == 0:
		out.Counted = true
	case nulls.Valid && nulls.V >= 0 && nulls.V < out.Rows: // that all are null is cheap to see, and too much to take on trust
		out.Counted, out.Nulls = true, nulls.V
	}
	if ordered && said.MinValue.Valid && said.MaxValue.Valid {
		out.Bounds = n.bounds(said.MinValue.V, said.MaxValue.V, as)
	}
}

// A headerStatistics is a page header once more, with nothing but statistics.
type headerStatistics struct {
	V1 struct {
		Statistics thrift.Null[statistics] `thrift:"5,optional"`
	} `thrift:"5,optional"`
	V2 struct {
		Statistics thrift.Null[statistics] `thrift:"8,optional"`
	} `thrift:"8,optional"`
}

// skipPage passes over the next page, if its header or the file's page index has statistics and settled says that nobody needs to
// see it. The bounds of the column must be ordered.
func (l *leafPages) skipPage(as arrow.DataType, settled func(tables.Statistics) bool) (int64, error) {
	header, err := l.nextData()
	if err != nil || header == nil {
		return 0, err
	}
	out := tables.Statistics{Rows: int64(header.count())}
	said, ok := l.pageStatistics(header)
	if !ok {
		return 0, nil
	}
	if l.node.told(&said, true, as, &out); out.Bounds == nil || !settled(out) {
		return 0, nil
	}
	l.left -= out.Rows
	l.chunk.pass()
	return out.Rows, nil
}

// pageStatistics are those of the page whose header is at hand. What is not understood is not used.
func (l *leafPages) pageStatistics(header *pageHeader) (statistics, bool) {
	var said headerStatistics
	if _, err := decodeThrift(l.chunk.aheadBytes, &said); err != nil {
		return statistics{}, false
	}
	given := said.V1.Statistics
	if header.Type == format.DataPageV2 {
		given = said.V2.Statistics
	}
	if given.Valid && given.V.MinValue.Valid {
		return given.V, true
	}
	if l.index == nil {
		l.index = l.pageIndex()
	}
	return l.index.of(l.chunk.at-int64(len(l.chunk.aheadBytes)), int64(header.count()))
}

// nextData returns the header of the next page of data, if it is at hand and has entries that are still to come; else nil, and
// opening it says what is wrong. Dictionaries on the way are read.
func (l *leafPages) nextData() (*pageHeader, error) {
	for l.page.left == 0 && l.left > 0 {
		header, err := l.chunk.look()
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err
		case header.Type == format.DictionaryPage:
			p, err := l.chunk.next()
			if err == nil {
				err = l.readDictionary(p)
			}
			if err != nil {
				return nil, fmt.Errorf("its dictionary: %w", err)
			}
		case header.count() == 0:
			l.chunk.pass()
		case int64(header.count()) <= l.left:
			return header, nil
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// bounds decodes two values as they stand in a footer; nil where that cannot be, or where writers were seen to get their order
// wrong.
func (n *node) bounds(lo, hi []byte, as arrow.DataType) (out arrow.Array) {
	s := &store{n: 2, mem: memory.DefaultAllocator, data: memory.NewBufferBytes(slices.Concat(lo, hi))}
	_, decimal := n.typ.(*arrow.Decimal128Type)
	switch width := n.width(); {
	case n.typ == nil || n.typ.ID() == arrow.NULL || n.physical == format.Int96:
		return nil
	case decimal && n.physical != format.Int32 && n.physical != format.Int64:
		return nil
	case n.physical == format.ByteArray:
		offsets := []int32{0, int32(len(lo)), int32(len(lo) + len(hi))}
		s.offsets = memory.NewBufferBytes(bytesOf(offsets))
	case n.physical == format.Boolean && len(lo) == 1 && len(hi) == 1:
		s.data = memory.NewBufferBytes([]byte{lo[0]&1 | hi[0]&1<<1})
	case n.physical == format.Boolean || len(lo) != width || len(hi) != width:
		return nil
	}
	err := guarded(func() (err error) {
		if out, err = n.convert(n.typ, s, 0, 2); err == nil {
			if widen := widening(n.typ, as); widen != nil {
				out, err = widen(memory.DefaultAllocator, out)
			}
		}
		return err
	})
	if err != nil || arrow.IsFloating(out.DataType().ID()) && (math.IsNaN(floating(out, 0)) || math.IsNaN(floating(out, 1))) {
		return nil
	}
	return out
}
