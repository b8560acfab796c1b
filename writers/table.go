package writers

import (
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"math/bits"
	"slices"
	"strings"

	"strata/pipeline/tables"
)

// maxRows is what a file may hold: a page counts its rows in 31 bits.
const maxRows = 1<<31 - 1

// A table is a file with what its columns are known to hold, counted from what was handed in.
type table struct {
	name   string
	writer *Writer
	file   *file
	counts []tables.ColumnCount
	errs   []error
}

func (w *Writer) begin(name string, rows int, sorted bool) (*table, error) {
	if rows > maxRows {
		return nil, fmt.Errorf("encode %s: %d rows in one partition; use more partitions", name, rows)
	}
	return &table{name: name, writer: w, file: w.scratch.begin(rows, sorted)}, nil
}

// add writes a column that has slots slots, nulls of which hold no value: what the file is checked against.
func (t *table) add(c column, slots, nulls int) {
	if err := t.file.add(c); err != nil {
		t.errs = append(t.errs, err)
	}
	t.counts = append(t.counts, tables.ColumnCount{
		Name: strings.Join(c.shape.path(c.name), "."), Values: int64(slots), Nulls: int64(nulls),
	})
}

// all writes a column that has a value in every row.
func (t *table) all(c column) { t.add(c, t.file.rows, 0) }

// codes writes a column that has a value where the code is not 0.
func (t *table) codes(c column, codes []uint16) {
	nulls := 0
	for _, code := range codes {
		if code == 0 {
			nulls++
		}
	}
	t.add(c, len(codes), nulls)
}

// lists writes a column that has a value for every set bit.
func (t *table) lists(c column, sets *tables.BitMatrix) {
	values, empty := 0, 0
	for i := range t.file.rows {
		n := 0
		for _, word := range sets.Row(i) {
			n += bits.OnesCount64(word)
		}
		if values += n; n == 0 {
			empty++
		}
	}
	t.add(c, values+empty, empty)
}

// finish closes the file, checks it against the counts and copies it, so that the scratch can be used again.
func (t *table) finish() (tables.File, error) {
	if len(t.errs) > 0 {
		return tables.File{}, fmt.Errorf("encode %s: %w", t.name, errors.Join(t.errs...))
	}
	data := slices.Clone(t.file.finish())
	if err := check(data, int64(t.file.rows), t.counts); err != nil {
		return tables.File{}, fmt.Errorf("encode %s: %w", t.name, err)
	}
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return tables.File{Data: data, Rows: int64(t.file.rows), CRC32C: sum, Columns: t.counts}, nil
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
