package readers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// wantColumn compares a column of a fixture, or of several that are read as one snapshot.
func wantColumn(t *testing.T, column string, want []string, folder string, files ...string) {
	t.Helper()
	got, err := readColumn(t, mustOpen(t, folder, files...), column, 1000)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, column %q: got %v, %v; want %v", files, column, got, err, want)
	}
}

const fixtures = "testdata/fixtures"

// TestC096 reads INT96 timestamps of all years.
func TestC096(t *testing.T) {
	want := []string{
		"t:1704141296123456:us:UTC", "t:1704070800000000:us:UTC", "t:253402225200000000:us:UTC",
		"t:1735599600000000:us:UTC", "null", "t:9089380393200000000:us:UTC",
	}
	wantColumn(t, "a", want, sharedPath(t, "parquet-testing/data"), "int96_from_spark.parquet")
}

// TestC098 keeps the unit of timestamps, and whether they are instants.
func TestC098(t *testing.T) {
	wantColumn(t, "ms", []string{"t:1717243200000:ms:UTC", "null"}, fixtures, "units.parquet")
	wantColumn(t, "us", []string{"t:1717243200000000:us:UTC", "null"}, fixtures, "units.parquet")
	wantColumn(t, "ns", []string{"t:1717243200000000000:ns:UTC", "null"}, fixtures, "units.parquet")
	wantColumn(t, "local", []string{"t:1717243200000000:us:", "null"}, fixtures, "units.parquet")
	wantColumn(t, "day", []string{"d:19875", "null"}, fixtures, "units.parquet")
}

// TestC099 keeps the scale of decimals in all four encodings.
func TestC099(t *testing.T) {
	for _, encoding := range []string{"int32", "int64", "fixed"} {
		wantColumn(t, "msrp", []string{"n:5149500:2", "n:-1:2", "null"}, fixtures, "decimal_"+encoding+".parquet")
	}
	want := make([]string, 24)
	for i := range want {
		want[i] = fmt.Sprintf("n:%d00:2", i+1)
	}
	folder := sharedPath(t, "parquet-testing/data")
	for _, name := range []string{"int32_decimal", "int64_decimal", "fixed_length_decimal", "fixed_length_decimal_legacy", "byte_array_decimal"} {
		wantColumn(t, "value", want, folder, name+".parquet")
	}
}

// TestC100 reads negative decimals.
func TestC100(t *testing.T) {
	wantColumn(t, "a", []string{"n:-1:0"}, fixtures, "negative.parquet")
	wantColumn(t, "b", []string{"n:-1234567:2"}, fixtures, "negative.parquet")
	for _, tc := range []struct {
		bytes []byte
		want  string
	}{
		{[]byte{0xff}, "-1"},
		{[]byte{0x00, 0xff}, "255"},
		{[]byte{0x80, 0}, "-32768"},
		{append(make([]byte, 20), 7), "7"},
		{slices.Repeat([]byte{0xff}, 30), "-1"},
	} {
		got, err := bigEndianDecimal(tc.bytes)
		if err != nil || got.BigInt().String() != tc.want {
			t.Errorf("bigEndianDecimal(%x) = %v, %v; want %s", tc.bytes, got, err, tc.want)
		}
	}
	for _, bytes := range [][]byte{nil, append([]byte{1}, make([]byte, 16)...), append([]byte{0, 0x80}, make([]byte, 15)...)} {
		if got, err := bigEndianDecimal(bytes); err == nil {
			t.Errorf("bigEndianDecimal(%x) = %v; want an error", bytes, got)
		}
	}
}

// TestC104 finds equal texts in a dictionary and among plain values.
func TestC104(t *testing.T) {
	s := mustOpen(t, fixtures, "dictionary.parquet")
	needle := "s:" + strings.Repeat("78", 32)
	for column, want := range map[string]int{"same": 5000, "other": 1} {
		got, err := readColumn(t, s, column, 300)
		if count := len(slices.DeleteFunc(got, func(v string) bool { return v != needle })); err != nil || count != want {
			t.Errorf("column %q: %d equal, %v; want %d", column, count, err, want)
		}
	}
}

// TestC107 has row groups without rows: none is returned, none stops the read. TestC109 is its neighbour: row groups of 3, 3, 2.
func TestC107(t *testing.T) {
	wantColumn(t, "n", []string{"0", "1", "2", "3", "4", "5", "6", "7"}, fixtures, "empty.parquet", "groups.parquet", "empty.parquet")
}

// TestC109 reads row groups of 3, 3 and 2 rows, each for itself.
func TestC109(t *testing.T) {
	s := mustOpen(t, fixtures, "groups.parquet")
	if got := s.RowGroupRows(); !slices.Equal(got, []int64{3, 3, 2}) {
		t.Fatalf("row groups of %v rows", got)
	}
	group, err := s.OpenRowGroup(t.Context(), 1, []string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	if got, err := readRows(t, group, "n", 2); err != nil || !slices.Equal(got, []string{"3", "4", "5"}) {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestC108 reads a list of 50,000 values over many pages.
func TestC108(t *testing.T) {
	got, err := readColumn(t, mustOpen(t, fixtures, "long_list.parquet"), "n", 1)
	if err != nil || len(got) != 3 || got[0] != "[-1]" || got[2] != "[-2,-3]" || strings.Count(got[1], ",") != 49999 || !strings.HasPrefix(got[1], "[0,1,2,") {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

// TestC111 reads optional texts whose dictionary overflowed, from pages of the second format.
func TestC111(t *testing.T) {
	got, err := readColumn(t, mustOpen(t, fixtures, "overflow.parquet"), "text", 1000)
	if err != nil || len(got) != 2000 || got[0] != "null" || got[1] != "s:76616c75652031" || got[1999] != "s:76616c75652030" {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

// TestC113 tells a list of a null, an empty list, null, and a null in a list apart.
func TestC113(t *testing.T) {
	wantColumn(t, "tags", []string{"[3,null,2]", "[]", "null", "[null]"}, fixtures, "lists.parquet")
	wantColumn(t, "emptylist", []string{"[]"}, sharedPath(t, "parquet-testing/data"), "null_list.parquet")
}

// TestC114 reads columns of nothing but nulls, of logical type null, and of a dictionary of nothing.
func TestC114(t *testing.T) {
	for _, column := range []string{"none", "int", "text"} {
		wantColumn(t, column, slices.Repeat([]string{"null"}, 5), fixtures, "nulls.parquet")
	}
}

// TestC116 reads a struct that is null in every row.
func TestC116(t *testing.T) {
	wantColumn(t, "profile", slices.Repeat([]string{"null"}, 3), fixtures, "null_struct.parquet")
}

// TestC119 tells names apart that differ in case.
func TestC119(t *testing.T) {
	wantColumn(t, "id", []string{"1", "2"}, fixtures, "case.parquet")
	wantColumn(t, "ID", []string{"s:61", "s:62"}, fixtures, "case.parquet")
}

// TestC120 refuses a name that two columns have, but only to who asks for it.
func TestC120(t *testing.T) {
	s := mustOpen(t, fixtures, "twice.parquet")
	if got, err := readColumn(t, s, "b", 10); err != nil || !slices.Equal(got, []string{"true"}) {
		t.Errorf("the other column: %v, %v", got, err)
	}
	var fault *ColumnError
	_, err := readColumn(t, s, "a", 10)
	if !errors.As(err, &fault) || fault.Column != "a" || !strings.Contains(err.Error(), "twice.parquet: there are two columns of the name \"a\"") {
		t.Errorf("got %v", err)
	}
	if len(s.Notes()) != 1 || !strings.Contains(s.Notes()[0], `"a"`) {
		t.Errorf("notes: %q", s.Notes())
	}
}

// TestC123 joins files of different columns and types, in either order.
func TestC123(t *testing.T) {
	for _, files := range [][]string{{"part1.parquet", "part2.parquet"}, {"part2.parquet", "part1.parquet"}} {
		s := mustOpen(t, fixtures, files...)
		for column, want := range map[string][]string{
			"id": {"1", "1099511627776"}, "c": {"null", "7"}, "f": {renderFloat(0.5), renderFloat(0.25)}, "list": {"[1]", "[2]"},
			"t": {"t:1717243200000000:us:UTC", "t:1717243200000001:us:UTC"},
		} {
			got, err := readColumn(t, s, column, 10)
			slices.SortFunc(got, func(a, b string) int { return slices.Index(want, a) - slices.Index(want, b) })
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, column %q: %v, %v; want %v", files, column, got, err, want)
			}
		}
		field := s.Schema().Field(s.Schema().FieldIndices("c")[0])
		if !field.Nullable || !arrow.TypeEqual(field.Type, arrow.PrimitiveTypes.Int64) {
			t.Errorf("column c is %s", field)
		}
		_, err := readColumn(t, s, "x", 10)
		for _, part := range []string{`column "x"`, "utf8", "float64", "part1.parquet", "part2.parquet"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("the conflict does not name %s: %v", part, err)
			}
		}
		if notes := strings.Join(s.Notes(), "\n"); strings.Count(notes, "is read as") != 3 || !strings.Contains(notes, `"c" is absent from 1 of 2 files`) {
			t.Errorf("notes: %s", notes)
		}
	}
}

// TestC125_Annotation tells UUIDs from other bytes of their length.
func TestC125_Annotation(t *testing.T) {
	s := mustOpen(t, fixtures, "uuids.parquet")
	logical, _ := s.Schema().Field(0).Metadata.GetValue("strata.logical")
	if logical != "uuid" || s.Schema().Field(1).HasMetadata() {
		t.Errorf("the schema is %s", s.Schema())
	}
	for _, column := range []string{"bytes", "plain"} {
		wantColumn(t, column, []string{"b:000102030405060708090a0b0c0d0e0f", "null"}, fixtures, "uuids.parquet")
	}
}

// TestC126_Type reads bytes without an annotation as bytes.
func TestC126_Type(t *testing.T) {
	s := mustOpen(t, fixtures, "binary.parquet")
	if got := s.Schema().Field(0).Type.ID(); got != arrow.BINARY {
		t.Errorf("it is a %s", got)
	}
	wantColumn(t, "country", []string{"b:4445", "null"}, fixtures, "binary.parquet")
}

// TestC128 refuses damaged pages with the file's and the column's name.
func TestC128(t *testing.T) {
	folder := sharedPath(t, "parquet-testing/data")
	for name, columns := range map[string][]string{
		"datapage_v1-corrupt-checksum.parquet": {"a", "b"}, "rle-dict-uncompressed-corrupt-checksum.parquet": {"long_field", "binary_field"},
	} {
		for _, column := range columns {
			_, err := readColumn(t, mustOpen(t, folder, name), column, 1000)
			var fault *FormatError
			if !errors.As(err, &fault) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), `row group 0, column "`+column) ||
				!strings.Contains(err.Error(), "checksum") {
				t.Errorf("got %v", err)
			}
		}
	}
}

// TestC129 reads pages of the second format that are empty, compressed or said to be.
func TestC129(t *testing.T) {
	folder := sharedPath(t, "parquet-testing/data")
	wantColumn(t, "value", []string{"null"}, folder, "datapage_v2_empty_datapage.snappy.parquet")
	wantColumn(t, "integer_column", slices.Repeat([]string{"null"}, 10), folder, "page_v2_empty_compressed.parquet")
}

// TestC137_Objects opens what is no Parquet file.
func TestC137_Objects(t *testing.T) {
	folder := t.TempDir()
	whole, err := os.ReadFile(filepath.Join(fixtures, "units.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ data, want string }{
		"empty.parquet":     {"", "the object is empty"},
		"short.parquet":     {"PAR1", "4 bytes are no Parquet file"},
		"csv.parquet":       {"id,name\n1,somebody\n", "does not end as a Parquet file does"},
		"cut.parquet":       {string(whole[:len(whole)-100]), "does not end as a Parquet file does"},
		"head.parquet":      {string(whole[:100]), "does not end as a Parquet file does"},
		"encrypted.parquet": {string(whole[:len(whole)-4]) + "PARE", "encrypted"},
		"long.parquet":      {string(whole[:len(whole)-8]) + "\xff\xff\xff\x00PAR1", "its footer is said to have 16777215 bytes"},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(tc.data), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := openLocal(t, folder, Options{}, name)
		var fault *FormatError
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v; want %q", name, err, tc.want)
		}
	}
}

// TestC122 makes text of what stands in paths, below the first wildcard only, and lets a file's own column win.
func TestC122(t *testing.T) {
	folder := t.TempDir()
	files := []string{
		"date=2026-11-02/code=01001/day=06/a.parquet", "date=2026-11-02/code=2A001/day=a%2Fb/a.parquet",
		"date=2026-11-02/code=__HIVE_DEFAULT_PARTITION__/day=7/a.parquet", "date=2026-11-02/n=3/b.parquet",
	}
	for _, name := range files {
		if err := os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), readFixture(t, "groups.parquet"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openLocal(t, folder, Options{Pattern: "date=2026-11-02/**/*.parquet"}, files...)
	if err != nil {
		t.Fatal(err)
	}
	if names := fieldNames(s); !slices.Equal(names, []string{"n", "code", "day"}) {
		t.Fatalf("columns %q", names)
	}
	for column, want := range map[string][]string{
		"code": {"s:3031303031", "s:3241303031", "null", "null"}, "day": {"s:3036", "s:612f62", "s:37", "null"}, "n": {"0", "0", "0", "0"},
	} {
		got, err := readColumn(t, s, column, 5)
		if err != nil || len(got) != 32 {
			t.Fatalf("column %q: %d rows, %v", column, len(got), err)
		}
		for i := range want {
			if got[8*i] != want[i] {
				t.Errorf("column %q of file %d: %s, want %s", column, i, got[8*i], want[i])
			}
		}
	}
}

func fieldNames(s *Snapshot) (names []string) {
	for _, f := range s.Schema().Fields() {
		names = append(names, f.Name)
	}
	return names
}

// TestC102 reads files whose statistics lie, or say half: reading does not look at them. Old bounds, and that all is null,
// nobody is told.
func TestC102(t *testing.T) {
	data := readFixture(t, "dictionary.parquet")
	size := int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	var meta format.FileMetaData
	var protocol thrift.CompactProtocol
	if err := thrift.Unmarshal(&protocol, data[len(data)-8-size:len(data)-8], &meta); err != nil {
		t.Fatal(err)
	}
	lies := format.Statistics{Max: []byte("a\xff"), Min: []byte("z"), MaxValue: []byte("a"), MinValue: []byte("b"), NullCount: 77}
	old := format.Statistics{Max: []byte("z"), Min: []byte("a")}
	for _, statistics := range []format.Statistics{lies, old, {NullCount: 5000}, {}} {
		for i := range meta.RowGroups[0].Columns {
			meta.RowGroups[0].Columns[i].MetaData.Statistics = statistics
		}
		footer, err := thrift.Marshal(&protocol, &meta)
		if err != nil {
			t.Fatal(err)
		}
		file := append(slices.Clone(data[:len(data)-8-size]), footer...)
		file = append(binary.LittleEndian.AppendUint32(file, uint32(len(footer))), magic...)
		s := openBytes(t, file, Options{Allocator: checkedMemory(t)})
		got, err := readColumn(t, s, "same", 1000)
		if err != nil || len(got) != 5000 || slices.Contains(got, "null") {
			t.Errorf("%d rows, %v", len(got), err)
		}
		if told := s.Statistics(0, "same"); told.Bounds != nil && statistics.MaxValue == nil || told.Counted && told.Nulls == 5000 {
			t.Errorf("of %+v, this is told: %+v", statistics, told)
		}
	}
}
