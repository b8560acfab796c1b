package pipeline

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/zeebo/xxh3"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// What `duplicates: {keep: latest, by: column}` adds to a record: the column as a word that sorts as its values do, and a
// hash of the row that settles ties.

// orderable tells whether a column can say which row is the latest.
func orderable(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64,
		arrow.FLOAT32, arrow.FLOAT64, arrow.DATE32, arrow.TIMESTAMP:
		return true
	case arrow.DICTIONARY:
		return orderable(t.(*arrow.DictionaryType).ValueType)
	}
	return false
}

// orderWords appends two words a row: whether there is a value, and the value as a word that sorts as the values do.
func orderWords(dst []uint64, col arrow.Array) []uint64 {
	for i := range col.Len() {
		if col.IsNull(i) {
			dst = append(dst, 0, 0)
			continue
		}
		dst = append(dst, 1, orderWord(col, i))
	}
	return dst
}

func orderWord(col arrow.Array, i int) uint64 {
	switch col := col.(type) {
	case *array.Dictionary:
		return orderWord(col.Dictionary(), col.GetValueIndex(i))
	case *array.Uint8, *array.Uint16, *array.Uint32, *array.Uint64:
		return fixedBits(col, i)
	case *array.Float32:
		return ids.OrderedFloat(float64(col.Value(i)))
	case *array.Float64:
		return ids.OrderedFloat(col.Value(i))
	default:
		return ids.Ordered(int64(fixedBits(col, i)))
	}
}

// addRowHash adds what a column contributes to the hash of each row. The sum over columns does not depend on their order.
// Values of the same meaning hash the same, whatever their encoding.
func addRowHash(sums []uint64, name string, col arrow.Array, scratch []byte) []byte {
	seed := xxh3.HashString(name)
	for i := range sums {
		scratch = hashable(scratch[:0], col, i)
		sums[i] += xxh3.HashSeed(scratch, seed)
	}
	return scratch
}

// hashable appends value i in a form that equals another's exactly when the values are equal.
func hashable(dst []byte, col arrow.Array, i int) []byte {
	if exportable(col.DataType()) {
		return appendValue(dst, col, i)
	}
	if col.IsNull(i) {
		return append(dst, 0)
	}
	return append(append(dst, 1), fmt.Sprint(col.ValueStr(i))...)
}

// readLatest reads the order words and row hashes of a window of n rows.
func (a *assigner) readLatest(n int) error {
	words, sums := make([]uint64, 0, 2*n), make([]uint64, n)
	for _, name := range a.run.hashed {
		err := eachArray(a.hashColumns, name, n, func(column arrow.Array, at int) error {
			a.scratch = addRowHash(sums[at:at+column.Len()], name, column, a.scratch)
			if name == a.run.by {
				words = orderWords(words, column)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	a.latest = a.latest[:0]
	for row, sum := range sums {
		a.latest = append(a.latest, words[2*row], words[2*row+1], sum)
	}
	return nil
}

// eachArray visits the arrays of the next n rows of a column, with the row that each begins at.
func eachArray(columns tables.Columns, name string, n int, visit func(column arrow.Array, at int) error) error {
	for at := 0; at < n; {
		column, err := columns.Next(name, n-at)
		if err != nil {
			return short(name, err)
		}
		err = visit(column, at)
		at += column.Len()
		column.Release()
		if err != nil {
			return err
		}
	}
	return nil
}
