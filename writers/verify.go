package writers

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/tables"
)

// Verify reads back a whole file, but not its values: it opens it with parquet-go's reader, page index included, and walks
// every page of every column. Checksums, counts, sizes and places must agree with each other. It takes any file that this
// package wrote, and errors name the row group and the column.
func Verify(data []byte) error {
	_, _, err := inspect(data)
	return err
}

// inspect verifies a file and returns what is in it.
func inspect(data []byte) (rows int64, counts []tables.ColumnCount, err error) {
	defer func() {
		if fault := recover(); fault != nil { // parquet-go trusts the offsets of a page index
			err = fmt.Errorf("the file just written is damaged: %v", fault)
		}
	}()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return 0, nil, fmt.Errorf("open the file just written: %w", err)
	}
	meta := file.Metadata()
	var errs []error
	for g := range meta.RowGroups {
		group := &meta.RowGroups[g]
		rows += group.NumRows
		for c := range group.Columns {
			name := strings.Join(group.Columns[c].MetaData.PathInSchema, ".")
			count, err := inspectChunk(data, group, &group.Columns[c])
			if err != nil {
				errs = append(errs, fmt.Errorf("row group %d, column %q: %w", g, name, err))
			}
			counts = append(counts, tables.ColumnCount{Name: name, Values: count.values, Nulls: count.nulls})
		}
	}
	if rows != meta.NumRows {
		errs = append(errs, fmt.Errorf("the footer says %d rows, its row groups %d", meta.NumRows, rows))
	}
	return rows, counts, errors.Join(errs...)
}

// pageCounts are the sums over the data pages of a chunk.
type pageCounts struct {
	rows, values, nulls int64
	sizes               int64 // before compression, headers included
	at                  []format.PageLocation
}

// inspectChunk walks the pages of one chunk, which must follow each other without a gap.
func inspectChunk(data []byte, group *format.RowGroup, chunk *format.ColumnChunk) (pageCounts, error) {
	var counts pageCounts
	meta := &chunk.MetaData
	at := meta.DataPageOffset
	if meta.DictionaryPageOffset > 0 {
		at = meta.DictionaryPageOffset
	}
	end := at + meta.TotalCompressedSize
	if at < 4 || end > int64(len(data)) {
		return counts, fmt.Errorf("pages from %d to %d in a file of %d bytes", at, end, len(data))
	}
	for at < end {
		size, err := counts.page(data[at:end], at)
		if err != nil {
			return counts, fmt.Errorf("page at %d: %w", at, err)
		}
		at += size
	}
	return counts, counts.agree(data, group, chunk)
}

// page counts one page, which starts the bytes, and returns its size.
func (p *pageCounts) page(data []byte, at int64) (int64, error) {
	var header format.PageHeader
	var protocol thrift.CompactProtocol
	reader := protocol.NewReaderFromBytes(data)
	if err := thrift.NewDecoder(reader).Decode(&header); err != nil {
		return 0, fmt.Errorf("decode the header: %w", err)
	}
	start := reader.BytesRead()
	if header.CompressedPageSize < 0 || int(header.CompressedPageSize) > len(data)-start {
		return 0, fmt.Errorf("%d bytes of %d that are left", header.CompressedPageSize, len(data)-start)
	}
	size := start + int(header.CompressedPageSize)
	if sum := crc32.ChecksumIEEE(data[start:size]); sum != uint32(header.CRC) {
		return 0, fmt.Errorf("checksum %08x, want %08x", sum, uint32(header.CRC))
	}
	p.sizes += int64(start) + int64(header.UncompressedPageSize)
	if v2, ok := header.DataPageHeaderV2.Get(); ok {
		p.at = append(p.at, format.PageLocation{Offset: at, CompressedPageSize: int32(size), FirstRowIndex: p.rows})
		p.rows += int64(v2.NumRows)
		p.values += int64(v2.NumValues)
		p.nulls += int64(v2.NumNulls)
	}
	return int64(size), nil
}

// agree compares the sums with what the chunk, its row group and its offset index say.
func (p *pageCounts) agree(data []byte, group *format.RowGroup, chunk *format.ColumnChunk) error {
	meta := &chunk.MetaData
	switch {
	case p.rows != group.NumRows:
		return fmt.Errorf("its pages have %d rows, the row group %d", p.rows, group.NumRows)
	case p.values != meta.NumValues:
		return fmt.Errorf("its pages have %d values, the footer says %d", p.values, meta.NumValues)
	case p.nulls != meta.Statistics.NullCount:
		return fmt.Errorf("its pages have %d nulls, the footer says %d", p.nulls, meta.Statistics.NullCount)
	case p.sizes != meta.TotalUncompressedSize:
		return fmt.Errorf("its pages have %d bytes before compression, the footer says %d", p.sizes, meta.TotalUncompressedSize)
	}
	from, to := chunk.OffsetIndexOffset, chunk.OffsetIndexOffset+int64(chunk.OffsetIndexLength)
	if from < 4 || to > int64(len(data)) {
		return fmt.Errorf("an offset index from %d to %d in a file of %d bytes", from, to, len(data))
	}
	var index format.OffsetIndex
	var protocol thrift.CompactProtocol
	if err := thrift.Unmarshal(&protocol, data[from:to], &index); err != nil {
		return fmt.Errorf("decode the offset index: %w", err)
	}
	if !slices.Equal(p.at, index.PageLocations) {
		return errors.New("the offset index names other places than those of the pages")
	}
	return nil
}

// check compares a finished file with the counts of what was handed in.
func check(data []byte, rows int64, want []tables.ColumnCount) error {
	gotRows, got, err := inspect(data)
	if err != nil {
		return err
	}
	if gotRows != rows {
		return fmt.Errorf("the file has %d rows, but %d were handed in", gotRows, rows)
	}
	if rows == 0 {
		return nil
	}
	var errs []error
	for i, w := range want {
		if i >= len(got) || got[i] != w {
			errs = append(errs, fmt.Errorf("column %q: the file does not have the %d values, %d of them null, that were handed in", w.Name, w.Values, w.Nulls))
		}
	}
	if len(got) != len(want) {
		errs = append(errs, fmt.Errorf("the file has %d columns, but %d were handed in", len(got), len(want)))
	}
	return errors.Join(errs...)
}
