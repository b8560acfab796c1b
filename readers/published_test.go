package readers

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// publishedColumns is a membership file of three users with a text, a number and a list beside their sets.
func publishedColumns(t *testing.T) (objects.Bucket, objects.Info) {
	t.Helper()
	m := newMembership(&tables.Names{}, ids.Int64, false)
	m.IDs.Words, m.Sets.Words = []uint64{ids.Ordered(1), ids.Ordered(2), ids.Ordered(3)}, make([]uint64, 3)
	text := array.NewStringBuilder(memory.DefaultAllocator)
	text.AppendValues([]string{"FR", "", "FR"}, []bool{true, false, true})
	number := array.NewInt32Builder(memory.DefaultAllocator)
	number.AppendValues([]int32{7, 8, -9}, nil)
	list := array.NewListBuilder(memory.DefaultAllocator, arrow.BinaryTypes.String)
	for _, tags := range [][]string{{"a", "b"}, nil, {}} {
		list.Append(tags != nil)
		list.ValueBuilder().(*array.StringBuilder).AppendValues(tags, nil)
	}
	m.ExtraNames, m.ExtraLogical = []string{"country", "visits", "tags"}, []string{"", "", ""}
	m.Extra = []arrow.Array{text.NewArray(), number.NewArray(), list.NewArray()}
	return published(t, m)
}

func readColumns(t *testing.T, bucket objects.Bucket, info objects.Info, fields ...arrow.Field) ([]string, error) {
	t.Helper()
	got := make([]string, len(fields))
	err := State{Options{Allocator: checkedMemory(t)}}.ReadColumns(t.Context(), bucket, info, fields, func(column, at int, rows arrow.Array) error {
		if !arrow.TypeEqual(rows.DataType(), fields[column].Type) && rows.DataType().ID() != arrow.DICTIONARY {
			t.Errorf("column %d is a %s, want %s", column, rows.DataType(), fields[column].Type)
		}
		for i := range rows.Len() {
			if strings.Count(got[column], "|") != at+i {
				t.Errorf("row %d of column %d comes at %d", strings.Count(got[column], "|"), column, at+i)
			}
			got[column] += rows.ValueStr(i) + "|"
		}
		return nil
	})
	return got, err
}

// Columns come as the types that are asked for, with nulls where the file lacks one.
func TestPublishedColumnsComeBack(t *testing.T) {
	bucket, info := publishedColumns(t)
	got, err := readColumns(t, bucket, info, arrow.Field{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String)},
		arrow.Field{Name: "visits", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "country", Type: arrow.BinaryTypes.String},
		arrow.Field{Name: "absent", Type: arrow.FixedWidthTypes.Date32})
	want := []string{`["a","b"]|(null)|[]|`, "7|8|-9|", "FR|(null)|FR|", "(null)|(null)|(null)|"}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q; %v", got, want, err)
	}
}

// What cannot be read as the type that is asked for is an error that names the file, the column and both types.
func TestPublishedColumnOfAnotherType(t *testing.T) {
	bucket, info := publishedColumns(t)
	for _, typ := range []arrow.DataType{arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int16} {
		_, err := readColumns(t, bucket, info, arrow.Field{Name: "visits", Type: typ})
		if want := `00000.parquet: column "visits": it is a int32, which cannot be read as ` + typ.String(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
