package readers

import (
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// The parts of the format's metadata that reading needs, in Thrift's terms. All else, statistics above all, is skipped: it costs
// time and memory, and a fault in it is no reason to refuse a file.

// A footer is the metadata at a file's end.
type footer struct {
	Schema    thrift.Slice[format.SchemaElement] `thrift:"2,required"`
	NumRows   int64                              `thrift:"3,required"`
	RowGroups thrift.Slice[groupMeta]            `thrift:"4,required"`
}

// A groupMeta describes one row group: a chunk for every leaf of the schema.
type groupMeta struct {
	Columns thrift.Slice[columnMeta] `thrift:"1,required"`
	NumRows int64                    `thrift:"3,required"`
}

// A columnMeta describes one column chunk.
type columnMeta struct {
	FilePath string                       `thrift:"1,optional"` // where it is in a file of its own
	MetaData chunkMeta                    `thrift:"3,optional"`
	Crypto   thrift.Null[encryptedColumn] `thrift:"8,optional"`
}

// An encryptedColumn says only that a column is encrypted.
type encryptedColumn struct{}

// A chunkMeta says what a column chunk holds and where.
type chunkMeta struct {
	Type                 format.Type             `thrift:"1,required"`
	Codec                format.CompressionCodec `thrift:"4,required"`
	NumValues            int64                   `thrift:"5,required"`
	TotalCompressedSize  int64                   `thrift:"7,required"`
	DataPageOffset       int64                   `thrift:"9,required"`
	DictionaryPageOffset int64                   `thrift:"11,optional"`
}

// start is where the chunk's first page begins.
func (m *chunkMeta) start() int64 {
	if m.DictionaryPageOffset > 0 {
		return min(m.DataPageOffset, m.DictionaryPageOffset)
	}
	return m.DataPageOffset
}

// A pageHeader stands before the bytes of a page.
type pageHeader struct {
	Type                 format.PageType                          `thrift:"1,required"`
	UncompressedPageSize int32                                    `thrift:"2,required"`
	CompressedPageSize   int32                                    `thrift:"3,required"`
	CRC                  int32                                    `thrift:"4,optional"`
	DataPageHeader       thrift.Null[dataPageHeader]              `thrift:"5,optional"`
	DictionaryPageHeader thrift.Null[format.DictionaryPageHeader] `thrift:"7,optional"`
	DataPageHeaderV2     thrift.Null[dataPageHeaderV2]            `thrift:"8,optional"`
}

// A dataPageHeader describes a page of the first format: levels and values compressed together.
type dataPageHeader struct {
	NumValues               int32           `thrift:"1,required"`
	Encoding                format.Encoding `thrift:"2,required"`
	DefinitionLevelEncoding format.Encoding `thrift:"3,required"`
	RepetitionLevelEncoding format.Encoding `thrift:"4,required"`
}

// A dataPageHeaderV2 describes a page of the second format: levels first, never compressed.
type dataPageHeaderV2 struct {
	NumValues                  int32             `thrift:"1,required"`
	Encoding                   format.Encoding   `thrift:"4,required"`
	DefinitionLevelsByteLength int32             `thrift:"5,required"`
	RepetitionLevelsByteLength int32             `thrift:"6,required"`
	IsCompressed               thrift.Null[bool] `thrift:"7,optional"`
}

// count is how many values a page has, nulls included; -1 if its header does not say.
func (h *pageHeader) count() int32 {
	switch {
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		return h.DataPageHeader.V.NumValues
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		return h.DataPageHeaderV2.V.NumValues
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		return h.DictionaryPageHeader.V.NumValues
	case h.Type == format.IndexPage:
		return 0
	}
	return -1
}

// levelBytes is the size of the levels before the values, which only the second format tells; -1 if it cannot be.
func (h *pageHeader) levelBytes() int {
	v2 := &h.DataPageHeaderV2.V
	switch {
	case h.Type != format.DataPageV2:
		return 0
	case v2.RepetitionLevelsByteLength < 0 || v2.DefinitionLevelsByteLength < 0:
		return -1
	}
	return int(v2.RepetitionLevelsByteLength) + int(v2.DefinitionLevelsByteLength)
}

// compressed tells whether a page's values are; pages of the second format may say that they are not.
func (h *pageHeader) compressed() bool {
	return h.Type != format.DataPageV2 || !h.DataPageHeaderV2.V.IsCompressed.Valid || h.DataPageHeaderV2.V.IsCompressed.V
}
