package writers

import (
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// FormatVersion is the version of what strata puts into its files. It is all that a file says about its writer.
const FormatVersion = "1.0.0"

const (
	createdBy = "strata version " + FormatVersion
	magic     = "PAR1"
)

// The structs below are those of Parquet's footer that parquet-go's format package has no complete counterpart for: it
// cannot say whether a bound is exact, nor tell an empty bound from none.

type fileMetaData struct {
	Version      int32                              `thrift:"1,required"`
	Schema       thrift.Slice[format.SchemaElement] `thrift:"2,required"`
	NumRows      int64                              `thrift:"3,required"`
	RowGroups    thrift.Slice[rowGroup]             `thrift:"4,required"`
	CreatedBy    string                             `thrift:"6,optional"`
	ColumnOrders thrift.Slice[format.ColumnOrder]   `thrift:"7,optional"`
}

type rowGroup struct {
	Columns             thrift.Slice[columnChunk]          `thrift:"1,required"`
	TotalByteSize       int64                              `thrift:"2,required"`
	NumRows             int64                              `thrift:"3,required"`
	SortingColumns      thrift.Slice[format.SortingColumn] `thrift:"4,optional"`
	FileOffset          int64                              `thrift:"5,optional"`
	TotalCompressedSize int64                              `thrift:"6,optional"`
	Ordinal             int16                              `thrift:"7,optional,writezero"`
}

type columnChunk struct {
	FileOffset        int64          `thrift:"2,required"`
	MetaData          columnMetaData `thrift:"3,optional"`
	OffsetIndexOffset int64          `thrift:"4,optional"`
	OffsetIndexLength int32          `thrift:"5,optional"`
	ColumnIndexOffset int64          `thrift:"6,optional"`
	ColumnIndexLength int32          `thrift:"7,optional"`
}

type columnMetaData struct {
	Type                  format.Type                            `thrift:"1,required"`
	Encoding              thrift.Slice[format.Encoding]          `thrift:"2,required"`
	PathInSchema          thrift.Slice[string]                   `thrift:"3,required"`
	Codec                 format.CompressionCodec                `thrift:"4,required"`
	NumValues             int64                                  `thrift:"5,required"`
	TotalUncompressedSize int64                                  `thrift:"6,required"`
	TotalCompressedSize   int64                                  `thrift:"7,required"`
	DataPageOffset        int64                                  `thrift:"9,required"`
	DictionaryPageOffset  int64                                  `thrift:"11,optional"`
	Statistics            statistics                             `thrift:"12,optional,writezero"`
	EncodingStats         thrift.Slice[format.PageEncodingStats] `thrift:"13,optional"`
	BloomFilterOffset     int64                                  `thrift:"14,optional"`
	BloomFilterLength     int32                                  `thrift:"15,optional"`
}

type statistics struct {
	NullCount       int64               `thrift:"3,writezero"`
	MaxValue        thrift.Null[[]byte] `thrift:"5,optional"`
	MinValue        thrift.Null[[]byte] `thrift:"6,optional"`
	IsMaxValueExact thrift.Null[bool]   `thrift:"7,optional"`
	IsMinValueExact thrift.Null[bool]   `thrift:"8,optional"`
}

type pageHeader struct {
	Type                 format.PageType                          `thrift:"1,required"`
	UncompressedPageSize int32                                    `thrift:"2,required"`
	CompressedPageSize   int32                                    `thrift:"3,required"`
	CRC                  int32                                    `thrift:"4,optional,writezero"`
	DictionaryPageHeader thrift.Null[format.DictionaryPageHeader] `thrift:"7,optional"`
	DataPageHeaderV2     thrift.Null[dataPageHeaderV2]            `thrift:"8,optional"`
}

type dataPageHeaderV2 struct {
	NumValues                  int32           `thrift:"1,required"`
	NumNulls                   int32           `thrift:"2,required"`
	NumRows                    int32           `thrift:"3,required"`
	Encoding                   format.Encoding `thrift:"4,required"`
	DefinitionLevelsByteLength int32           `thrift:"5,required"`
	RepetitionLevelsByteLength int32           `thrift:"6,required"`
	IsCompressed               bool            `thrift:"7,required"`
}
