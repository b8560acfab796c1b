package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// One batch in several shapes: what a rule answers depends on the values of a row only, not on the rows around it, the place in
// memory, or whether texts are encoded.

// A reshaped is a record of some rows of another.
type reshaped struct {
	name string
	rec  arrow.Record
	rows []int // of the other record
}

// takeRecord copies rows into a record of its own: offset 0, and no bitmap where nothing is null.
func takeRecord(t testing.TB, rec arrow.Record, rows []int) arrow.Record {
	columns := make([]arrow.Array, rec.NumCols())
	for i, arr := range rec.Columns() {
		columns[i] = takeArray(t, arr, rows)
	}
	return newRecord(t, rec.Schema(), columns)
}

func takeArray(t testing.TB, arr arrow.Array, rows []int) arrow.Array {
	t.Helper()
	if arr.DataType().ID() == arrow.NULL || len(rows) == 0 {
		return kept(t, array.NewSlice(arr, 0, int64(len(rows))))
	}
	pieces := make([]arrow.Array, len(rows))
	for i, row := range rows {
		pieces[i] = array.NewSlice(arr, int64(row), int64(row)+1)
		defer pieces[i].Release()
	}
	out, err := array.Concatenate(pieces, memory.DefaultAllocator)
	if err != nil {
		t.Fatalf("%s: %v", arr.DataType(), err)
	}
	return kept(t, out)
}

// kept releases an array when the test ends.
func kept(t testing.TB, arr arrow.Array) arrow.Array {
	t.Cleanup(arr.Release)
	return arr
}

// plainRecord decodes dictionaries.
func plainRecord(t testing.TB, rec arrow.Record) arrow.Record {
	columns, fields := make([]arrow.Array, rec.NumCols()), rec.Schema().Fields()
	for i, arr := range rec.Columns() {
		columns[i] = arr
		if dict, ok := arr.(*array.Dictionary); ok && dict.Len() > 0 {
			columns[i] = decoded(t, dict)
			fields[i].Type = columns[i].DataType()
		}
	}
	return newRecord(t, arrow.NewSchema(fields, nil), columns)
}

func decoded(t testing.TB, dict *array.Dictionary) arrow.Array {
	t.Helper()
	null := array.MakeArrayOfNull(memory.DefaultAllocator, dict.Dictionary().DataType(), 1)
	defer null.Release()
	pieces := make([]arrow.Array, dict.Len())
	for i := range pieces {
		if pieces[i] = null; !dict.IsNull(i) {
			at := int64(dict.GetValueIndex(i))
			pieces[i] = array.NewSlice(dict.Dictionary(), at, at+1)
			defer pieces[i].Release()
		}
	}
	out, err := array.Concatenate(pieces, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return kept(t, out)
}

// encodedRecord encodes texts and whole numbers of 64 bits in dictionaries.
func encodedRecord(t testing.TB, rec arrow.Record) arrow.Record {
	columns, fields := make([]arrow.Array, rec.NumCols()), rec.Schema().Fields()
	for i, arr := range rec.Columns() {
		columns[i] = arr
		if id := arr.DataType().ID(); id == arrow.STRING || id == arrow.INT64 {
			fields[i].Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arr.DataType()}
			b := array.NewDictionaryBuilder(memory.DefaultAllocator, fields[i].Type.(*arrow.DictionaryType))
			if err := b.AppendArray(arr); err != nil {
				t.Fatal(err)
			}
			columns[i] = kept(t, b.NewArray())
			b.Release()
		}
	}
	return newRecord(t, arrow.NewSchema(fields, nil), columns)
}

// filledRecord declares columns without nulls as such.
func filledRecord(t testing.TB, rec arrow.Record) arrow.Record {
	fields := rec.Schema().Fields()
	for i, arr := range rec.Columns() {
		fields[i].Nullable = arr.NullN() > 0
	}
	return newRecord(t, arrow.NewSchema(fields, nil), rec.Columns())
}

// reshape puts the rows of a record in other shapes.
func reshape(t testing.TB, s *sampler, rec arrow.Record) (out []reshaped) {
	var all, filled, empty, shuffled []int
	for row := range int(rec.NumRows()) {
		all = append(all, row)
		switch nulls := nullsIn(rec, row); {
		case nulls == 0:
			filled = append(filled, row)
		case nulls == int(rec.NumCols())-1: // all but the user id
			empty = append(empty, row)
		}
	}
	for range all {
		shuffled = append(shuffled, one(s, all))
	}
	from := s.rng.IntN(len(all))
	part := rec.NewSlice(int64(from), int64(s.rng.IntN(len(all)-from)+from+1))
	t.Cleanup(part.Release)
	return []reshaped{
		{"copied to offset 0", takeRecord(t, rec, all), all},
		{"the rows without nulls", filledRecord(t, takeRecord(t, rec, filled)), filled},
		{"the rows of nulls", takeRecord(t, rec, empty), empty},
		{"rows in another order", takeRecord(t, rec, shuffled), shuffled},
		{"a slice", part, all[from : from+int(part.NumRows())]},
		{"dictionaries decoded", plainRecord(t, rec), all},
		{"texts and numbers encoded", encodedRecord(t, rec), all},
	}
}

func nullsIn(rec arrow.Record, row int) (count int) {
	for _, arr := range rec.Columns() {
		count += int(bit(arr.IsNull(row)))
	}
	return count
}

// checkReshaped compares the answers of one record with those of the same in other shapes.
func checkReshaped(t *testing.T, seed uint64) (compared int) {
	s := newSampler(t, seed, []int{10, 30, 85}[seed%3])
	rec, columns := fuzzRecord(t, s, one(s, []int{1, 63, 65, 200}), shapes[seed%uint64(len(shapes))])
	list, err := NewList([]byte("FR\nvip\n50\n"))
	if err != nil {
		t.Fatal(err)
	}
	others := reshape(t, s, rec)
	for i := range uint64(rulesPerSeed) {
		sp := &speaker{sampler: s, columns: columns}
		step, oracle := sp.checked(rec, nil, list, func() string { return sp.about(aboutThis(seed, i), 1+s.rng.IntN(2)) })
		if oracle == nil || len(surveyCalls(oracle.tree.Expr())) > 0 { // another batch is another population
			continue
		}
		whole, _, err := engine(t, step, rec, "user_id", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range others {
			var want strings.Builder
			for _, row := range v.rows {
				want.WriteByte(whole[row])
			}
			got, _, err := engine(t, step, v.rec, "user_id", 0)
			if compared++; err != nil || got != want.String() {
				t.Fatalf("seed %d: %s\n%s: %v\n got %s\nwant %s\n%v", seed, step.Definitions.Segments[0].When.Text, v.name, err, got, &want, rec.Schema())
			}
		}
	}
	return compared
}

// TestReshapedBatchesAgree: null-free, all-null, sliced and copied, encoded and plain.
func TestReshapedBatchesAgree(t *testing.T) {
	rounds, compared := 36, 0
	if testing.Short() {
		rounds = 9
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compared += checkReshaped(t, seed) })
		if t.Failed() {
			return
		}
	}
	t.Logf("%d comparisons", compared)
	if compared < rounds*40 {
		t.Errorf("only %d comparisons", compared)
	}
}
