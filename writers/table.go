package writers

import (
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"math/bits"
	"slices"

	"strata/pipeline/tables"
)

// maxRows is what a file may hold: places are 32 bits.
const maxRows = 1 << 31

// A table is a file with what its columns are known to hold, counted from what was handed in.
type table struct {
	name   string
	writer *Writer
	file   *file
	counts []tables.ColumnCount
	errs   []error
}

func (w *Writer) begin(name string, rows int, sorted bool) (*table, error) {
	if rows >= maxRows {
		return nil, fmt.Errorf("encode %s: %d rows in one partition; use more partitions", name, rows)
	}
	return &table{name: name, writer: w, file: w.scratch.begin(rows, sorted)}, nil
}

func (t *table) add(c column) {
	if err := t.file.add(c); err != nil {
		t.errs = append(t.errs, err)
	}
}

// finish closes the file, checks it against the counts and copies it, so that the scratch can be used again.
func (t *table) finish() (tables.File, error) {
	if len(t.errs) > 0 {
		return tables.File{}, fmt.Errorf("encode %s: %w", t.name, errors.Join(t.errs...))
	}
	data := slices.Clone(t.file.finish())
	file := tables.File{Data: data, Rows: int64(t.file.rows), CRC32C: crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))}
	return file, nil
}

// members yields the set bits of a row.
func members(row []uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, word := range row {
			for ; word != 0; word &= word - 1 {
				if !yield(w<<6 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
