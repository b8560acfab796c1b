package writers

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Pages end at a row, and before they outgrow either limit; a single row that is larger has a page to itself.
const (
	pageRows  = 24576   // rows of a page
	pageBytes = 1 << 20 // bytes of the values of a page before compression
)

// A column is what a file takes one at a time. The levels say where values stand in the rows, the values give the bytes.
type column struct {
	name   string
	shape  shape
	typ    leafType
	levels levels
	values values
	hashes []uint64 // xxh64 of every value: asks for a bloom filter
}

// A file is under construction: its bytes so far, and what the footer will say. There is one row group, or none where
// there are no rows, because not every reader takes an empty one.
type file struct {
	scratch *scratch
	out     []byte
	rows    int
	sorted  bool // by the first column
	schema  []format.SchemaElement
	chunks  []chunk
}

// A chunk is a column that is written.
type chunk struct {
	meta    columnMetaData
	order   order
	offsets format.OffsetIndex
	bounds  []pageBounds
	nulls   []int64
	filter  []byte
}

// begin starts a file over the buffer of the file before.
func (s *scratch) begin(rows int, sorted bool) *file {
	root := format.SchemaElement{Name: "schema", NumChildren: thrift.New(int32(0))}
	return &file{scratch: s, out: append(s.file[:0], magic...), rows: rows, sorted: sorted, schema: []format.SchemaElement{root}}
}

// add writes a column, all of its pages.
func (f *file) add(c column) error {
	for _, have := range f.chunks {
		if have.meta.PathInSchema[0] == c.name {
			return fmt.Errorf("two columns are named %q; columns, segments and lifecycles share one namespace, so rename one", c.name)
		}
	}
	f.schema[0].NumChildren.V++
	f.schema = append(f.schema, c.shape.elements(c.name, &c.typ)...)
	ch := chunk{order: c.typ.order, meta: columnMetaData{
		Type: c.typ.physical, PathInSchema: c.shape.path(c.name), Codec: format.Zstd,
	}}
	if f.rows > 0 {
		f.pages(&c, &ch)
	}
	f.chunks = append(f.chunks, ch)
	return nil
}

func (f *file) pages(c *column, ch *chunk) {
	start := len(f.out)
	encoding := c.values.encoding()
	if entries := c.values.dictionary(); entries.n > 0 {
		ch.meta.DictionaryPageOffset = int64(start)
		f.dictionaryPage(ch, entries)
	}
	ch.meta.DataPageOffset = int64(len(f.out))
	packs := undecided
	for row, from := 0, 0; row < f.rows; {
		s := c.levels.span(row, min(pageRows, f.rows-row), from)
		for s.rows > 1 && c.values.weight(s) > pageBytes {
			s = c.levels.span(row, s.rows/2, from)
		}
		f.dataPage(c, ch, s, encoding, &packs)
		row, from = row+s.rows, s.to
	}
	ch.meta.TotalCompressedSize = int64(len(f.out) - start)
	ch.meta.setEncodings(encoding, len(ch.nulls))
	if len(c.hashes) > 0 {
		ch.filter = bloomFilter(c.hashes)
	}
}

// setEncodings says what the pages are made of: a dictionary is plain, levels are RLE.
func (m *columnMetaData) setEncodings(data format.Encoding, pages int) {
	m.Encoding = []format.Encoding{format.RLE, data}
	if data == format.RLEDictionary {
		m.Encoding = append(m.Encoding, format.Plain)
		m.EncodingStats = append(m.EncodingStats, format.PageEncodingStats{PageType: format.DictionaryPage, Encoding: format.Plain, Count: 1})
	}
	m.EncodingStats = append(m.EncodingStats, format.PageEncodingStats{PageType: format.DataPageV2, Encoding: data, Count: int32(pages)})
}

func (f *file) dictionaryPage(ch *chunk, e *entries) {
	f.page(ch, len(e.plain), nil, f.scratch.compress(e.plain), pageHeader{
		Type:                 format.DictionaryPage,
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(e.n), Encoding: format.Plain}),
	})
}

func (f *file) dataPage(c *column, ch *chunk, s span, encoding format.Encoding, packs *packing) {
	repetition, definition := c.levels.append(f.scratch.levels[:0], s)
	levels := append(repetition, definition...)
	f.scratch.levels = levels
	body, size, compressed := f.scratch.body(c.values, s, packs)
	nulls := s.slots - (s.to - s.from)
	location := format.PageLocation{Offset: int64(len(f.out)), FirstRowIndex: int64(s.row)}
	location.CompressedPageSize = int32(f.page(ch, len(levels)+size, levels, body, pageHeader{
		Type: format.DataPageV2,
		DataPageHeaderV2: thrift.New(dataPageHeaderV2{
			NumValues: int32(s.slots), NumNulls: int32(nulls), NumRows: int32(s.rows), Encoding: encoding, IsCompressed: compressed,
			RepetitionLevelsByteLength: int32(len(repetition)), DefinitionLevelsByteLength: int32(len(definition)),
		}),
	}))
	ch.offsets.PageLocations = append(ch.offsets.PageLocations, location)
	ch.bounds = append(ch.bounds, boundsOf(c, s))
	ch.nulls = append(ch.nulls, int64(nulls))
	ch.meta.NumValues += int64(s.slots)
	ch.meta.Statistics.NullCount += int64(nulls)
}

// page appends one page and returns its bytes, header included. size is that of its parts before compression.
func (f *file) page(ch *chunk, size int, levels, body []byte, header pageHeader) int {
	start := len(f.out)
	header.UncompressedPageSize = int32(size)
	header.CompressedPageSize = int32(len(levels) + len(body))
	header.CRC = int32(crc32.Update(crc32.ChecksumIEEE(levels), crc32.IEEETable, body))
	f.thrift(&header)
	ch.meta.TotalUncompressedSize += int64(len(f.out) - start + size)
	f.out = append(f.out, levels...)
	f.out = append(f.out, body...)
	return len(f.out) - start
}

// Write makes a file the target of its thrift encoder.
func (f *file) Write(p []byte) (int, error) {
	f.out = append(f.out, p...)
	return len(p), nil
}

// thrift appends a struct of the format and returns its length. The encoder fails only where Write does.
func (f *file) thrift(v any) int {
	start := len(f.out)
	var protocol thrift.CompactProtocol
	if err := thrift.NewEncoder(protocol.NewWriter(f)).Encode(v); err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return len(f.out) - start
}

// finish writes bloom filters, page indexes and the footer, and returns the bytes of the file, which belong to the
// scratch until its next file.
func (f *file) finish() []byte {
	end := int64(len(f.out))
	columns := make([]columnChunk, len(f.chunks))
	for i := range f.chunks {
		f.chunks[i].meta.setBounds(f.chunks[i].order, f.chunks[i].bounds)
		f.bloomFilter(&f.chunks[i])
		columns[i].MetaData = f.chunks[i].meta
	}
	f.indexes(columns)
	footer := f.thrift(f.metaData(columns, end))
	f.out = binary.LittleEndian.AppendUint32(f.out, uint32(footer))
	f.out = append(f.out, magic...)
	f.scratch.file = f.out
	return f.out
}

func (f *file) bloomFilter(ch *chunk) {
	if ch.filter == nil {
		return
	}
	ch.meta.BloomFilterOffset = int64(len(f.out))
	length := f.thrift(&format.BloomFilterHeader{
		NumBytes:    int32(len(ch.filter)),
		Algorithm:   format.BloomFilterAlgorithm{Value: &format.SplitBlockAlgorithm{}},
		Hash:        format.BloomFilterHash{Value: &format.XxHash{}},
		Compression: format.BloomFilterCompression{Value: &format.BloomFilterUncompressed{}},
	})
	f.out = append(f.out, ch.filter...)
	ch.meta.BloomFilterLength = int32(length + len(ch.filter))
}

// indexes writes the column indexes, where the order of a column allows one, then the offset indexes: readers count on each
// kind being in one piece.
func (f *file) indexes(columns []columnChunk) {
	if f.rows == 0 {
		return
	}
	for i := range f.chunks {
		if index, ok := columnIndex(&f.chunks[i]); ok {
			columns[i].ColumnIndexOffset = int64(len(f.out))
			columns[i].ColumnIndexLength = int32(f.thrift(index))
		}
	}
	for i := range f.chunks {
		columns[i].OffsetIndexOffset = int64(len(f.out))
		columns[i].OffsetIndexLength = int32(f.thrift(&f.chunks[i].offsets))
	}
}

func (f *file) metaData(columns []columnChunk, end int64) *fileMetaData {
	meta := &fileMetaData{Version: 2, Schema: f.schema, NumRows: int64(f.rows), CreatedBy: createdBy}
	for range columns {
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	if f.rows == 0 {
		return meta
	}
	group := rowGroup{Columns: columns, NumRows: int64(f.rows), FileOffset: int64(len(magic)), TotalCompressedSize: end - int64(len(magic))}
	for i := range columns {
		group.TotalByteSize += columns[i].MetaData.TotalUncompressedSize
	}
	if f.sorted {
		group.SortingColumns = []format.SortingColumn{{}}
	}
	meta.RowGroups = []rowGroup{group}
	return meta
}

// bloomBits is how many bits of bloom filter a value has at least; as the size is a power of two, which some readers insist
// on, it has up to twice as many. Of a hundred ids that are not in a file, the filter lets nine pass at most.
const bloomBits = 6

// bloomFilter returns a split-block filter of the hashes.
func bloomFilter(hashes []uint64) []byte {
	blocks := 1
	for blocks < bloom.NumSplitBlocksOf(int64(len(hashes)), bloomBits) {
		blocks *= 2
	}
	filter := make(bloom.SplitBlockFilter, blocks)
	filter.InsertBulk(hashes)
	return filter.Bytes()
}
