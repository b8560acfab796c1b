package readers

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/parquet-go/parquet-go"
)

type earlier struct {
	Place *struct {
		A int32   `parquet:"a"`
		S *string `parquet:"s,optional,dict"`
	} `parquet:"place,optional"`
	List []int32          `parquet:"list,list"`
	Map  map[string]int32 `parquet:"map"`
	Deep []struct {
		X int32 `parquet:"x"`
	} `parquet:"deep,list"`
	Other struct {
		N int32 `parquet:"n"`
	} `parquet:"other"`
}

type later struct {
	Place *struct {
		B bool    `parquet:"b"`
		A *int64  `parquet:"a,optional"`
		S *string `parquet:"s,optional"`
	} `parquet:"place,optional"`
	List []int64          `parquet:"list,list"`
	Map  map[string]int64 `parquet:"map"`
	Deep []struct {
		X int64  `parquet:"x"`
		Y string `parquet:"y"`
	} `parquet:"deep,list"`
	Other struct {
		N string `parquet:"n"`
	} `parquet:"other"`
}

func writeRows[T any](t *testing.T, path string, rows []T) {
	t.Helper()
	var file bytes.Buffer
	w := parquet.NewGenericWriter[T](&file)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestNestedColumnsWiden joins structs that got a field, and lists and maps of wider numbers, in either order of the files.
func TestNestedColumnsWiden(t *testing.T) {
	folder := t.TempDir()
	text := "x"
	one, two := earlier{List: []int32{1, 2}, Map: map[string]int32{"k": 3}}, later{List: []int64{1 << 40}, Map: map[string]int64{"k": 1 << 41}}
	one.Place = &struct {
		A int32   `parquet:"a"`
		S *string `parquet:"s,optional,dict"`
	}{7, &text}
	one.Deep = append(one.Deep, struct {
		X int32 `parquet:"x"`
	}{8})
	two.Place = &struct {
		B bool    `parquet:"b"`
		A *int64  `parquet:"a,optional"`
		S *string `parquet:"s,optional"`
	}{B: true}
	two.Deep = append(two.Deep, struct {
		X int64  `parquet:"x"`
		Y string `parquet:"y"`
	}{9, "y"})
	writeRows(t, filepath.Join(folder, "1.parquet"), []earlier{one, {}})
	writeRows(t, filepath.Join(folder, "2.parquet"), []later{two, {}})
	want := map[string][][]string{ // by file
		"place": {{"(7,s:78,null)", "null"}, {"(null,null,true)", "null"}},
		"list":  {{"[1,2]", "[]"}, {"[1099511627776]", "[]"}},
		"map":   {{"{s:6b=3}", "{}"}, {"{s:6b=2199023255552}", "{}"}},
		"deep":  {{"[(8,null)]", "[]"}, {"[(9,s:79)]", "[]"}},
	}
	for column, rows := range want {
		wantColumn(t, column, slices.Concat(rows...), folder, "1.parquet", "2.parquet")
	}
	delete(want, "place") // its fields come in another order
	for column, rows := range want {
		wantColumn(t, column, slices.Concat(rows[1], rows[0]), folder, "2.parquet", "1.parquet")
	}
	s := mustOpen(t, folder, "1.parquet", "2.parquet")
	_, err := readColumn(t, s, "other", 10)
	if err == nil || !strings.Contains(err.Error(), `column "other"`) || !strings.Contains(err.Error(), "utf8") || !strings.Contains(err.Error(), "int32") {
		t.Errorf("got %v", err)
	}
}

func TestWider(t *testing.T) {
	i, u := &arrow.PrimitiveTypes, &arrow.PrimitiveTypes
	for _, tc := range []struct{ a, b, want arrow.DataType }{
		{i.Int8, i.Int64, i.Int64},
		{i.Int32, u.Uint32, i.Int64},
		{u.Uint8, i.Int8, i.Int16},
		{u.Uint8, i.Int32, i.Int32},
		{u.Uint16, u.Uint64, u.Uint64},
		{u.Uint64, i.Int8, nil},
		{i.Int32, i.Float64, nil},
		{arrow.FixedWidthTypes.Float16, i.Float32, i.Float32},
		{i.Float64, i.Float32, i.Float64},
		{arrow.Null, i.Int8, i.Int8},
		{arrow.BinaryTypes.String, arrow.Null, arrow.BinaryTypes.String},
		{arrow.BinaryTypes.String, arrow.BinaryTypes.Binary, nil},
		{arrow.FixedWidthTypes.Timestamp_ms, arrow.FixedWidthTypes.Timestamp_us, arrow.FixedWidthTypes.Timestamp_us},
		{arrow.FixedWidthTypes.Timestamp_ms, &arrow.TimestampType{Unit: arrow.Millisecond}, nil},
		{&arrow.Decimal128Type{Precision: 5, Scale: 2}, &arrow.Decimal128Type{Precision: 9, Scale: 2}, &arrow.Decimal128Type{Precision: 9, Scale: 2}},
		{&arrow.Decimal128Type{Precision: 5, Scale: 2}, &arrow.Decimal128Type{Precision: 5, Scale: 1}, nil},
		{arrow.ListOf(i.Int8), arrow.ListOf(arrow.BinaryTypes.String), nil},
	} {
		for _, got := range []arrow.DataType{wider(tc.a, tc.b), wider(tc.b, tc.a)} {
			if tc.want == nil && got != nil || tc.want != nil && (got == nil || !arrow.TypeEqual(got, tc.want)) {
				t.Errorf("wider(%v, %v) = %v, want %v", tc.a, tc.b, got, tc.want)
			}
		}
	}
}
