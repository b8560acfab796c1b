package readers

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"strata/pipeline/objects"
)

// A goRow has a column of every kind that parquet-go's writer makes of Go values.
type goRow struct {
	ID     uuid.UUID         `parquet:"id,uuid"`
	Name   *string           `parquet:"name,optional,dict"`
	Plain  string            `parquet:"plain,plain"`
	Delta  string            `parquet:"delta,delta"`
	Enum   string            `parquet:"enum,enum,dict"`
	Small  int8              `parquet:"small"`
	Int    *int32            `parquet:"int,optional"`
	Long   int64             `parquet:"long,delta"`
	Huge   uint64            `parquet:"huge"`
	Float  *float32          `parquet:"float,optional"`
	Double float64           `parquet:"double,split"`
	Yes    *bool             `parquet:"yes,optional"`
	At     time.Time         `parquet:"at,timestamp(microsecond)"`
	Price  int64             `parquet:"price,decimal(2:18)"`
	Tags   []string          `parquet:"tags,list,dict"`
	Loose  []int32           `parquet:"loose"`
	Props  map[string]string `parquet:"props"`
	Place  *goPlace          `parquet:"place,optional"`
}

type goPlace struct {
	City *string  `parquet:"city,optional"`
	Lats []string `parquet:"lats,list"`
}

func randomRow(r *rand.Rand) goRow {
	word := func() string { return strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN(12)) }
	row := goRow{
		Plain: word(), Delta: word(), Enum: []string{"RED", "BLUE"}[r.IntN(2)], Small: int8(r.Uint32()), Long: int64(r.Uint64()),
		Huge: r.Uint64(), Double: r.NormFloat64(), At: time.UnixMicro(int64(r.Uint64() >> 12)).UTC(), Price: int64(r.IntN(1e6)) - 5e5,
		Name: maybe(r, word()), Int: maybe(r, int32(r.Uint32())), Float: maybe(r, r.Float32()), Yes: maybe(r, r.IntN(2) == 0),
	}
	for i := range row.ID {
		row.ID[i] = byte(r.Uint32())
	}
	for range r.IntN(4) {
		row.Tags, row.Loose = append(row.Tags, word()), append(row.Loose, int32(r.IntN(9)))
	}
	if r.IntN(3) == 0 {
		row.Props = map[string]string{word(): word()}
	}
	if r.IntN(3) > 0 {
		row.Place = &goPlace{City: maybe(r, word())}
		for range r.IntN(3) {
			row.Place.Lats = append(row.Place.Lats, word())
		}
	}
	return row
}

func maybe[T any](r *rand.Rand, v T) *T {
	if r.IntN(4) == 0 {
		return nil
	}
	return &v
}

// texts are the canonical texts of a row, by column.
func (row *goRow) texts() map[string]string {
	text := func(s string) string { return fmt.Sprintf("s:%x", s) }
	out := map[string]string{
		"id": fmt.Sprintf("b:%x", row.ID[:]), "name": orNull(row.Name, text), "plain": text(row.Plain), "delta": text(row.Delta), "enum": text(row.Enum),
		"small": fmt.Sprint(row.Small), "int": orNull(row.Int, func(v int32) string { return fmt.Sprint(v) }), "long": fmt.Sprint(row.Long),
		"huge": fmt.Sprint(row.Huge), "float": orNull(row.Float, func(v float32) string { return renderFloat(float64(v)) }),
		"double": renderFloat(row.Double), "yes": orNull(row.Yes, strconv.FormatBool), "at": fmt.Sprintf("t:%d:us:UTC", row.At.UnixMicro()),
		"price": fmt.Sprintf("n:%d:2", row.Price), "tags": list(row.Tags, text), "props": "{}", "place": "null",
		"loose": list(row.Loose, func(v int32) string { return fmt.Sprint(v) }),
	}
	for k, v := range row.Props {
		out["props"] = "{" + text(k) + "=" + text(v) + "}"
	}
	if row.Place != nil {
		out["place"] = "(" + orNull(row.Place.City, text) + "," + list(row.Place.Lats, text) + ")"
	}
	return out
}

func orNull[T any](v *T, text func(T) string) string {
	if v == nil {
		return "null"
	}
	return text(*v)
}

func list[T any](values []T, text func(T) string) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, text(v))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// TestParquetGoFiles reads what parquet-go writes, in both formats of pages and all its codecs, with pages of a few rows.
func TestParquetGoFiles(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	rows, want := make([]goRow, 3000), make([]map[string]string, 3000)
	for i := range rows {
		rows[i] = randomRow(r)
		want[i] = rows[i].texts()
	}
	for i, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd, &parquet.Lz4Raw} {
		for version := 1; version <= 2; version++ {
			var file bytes.Buffer
			w := parquet.NewGenericWriter[goRow](&file, parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(2000+i),
				parquet.MaxRowsPerRowGroup(1100))
			if _, err := w.Write(rows); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			compareRows(t, fmt.Sprintf("%s, version %d", codec, version), file.Bytes(), want)
		}
	}
}

// openBytes opens a file that lies in memory, read as if from afar.
func openBytes(t testing.TB, data []byte, opts Options) *Snapshot {
	t.Helper()
	s, err := OpenWith(t.Context(), bytesBucket{data: data}, []objects.Info{{Key: "file", Size: int64(len(data))}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func compareRows(t *testing.T, what string, data []byte, want []map[string]string) {
	t.Helper()
	s := openBytes(t, data, Options{Allocator: checkedMemory(t)})
	for _, f := range s.Schema().Fields() {
		got, err := readColumn(t, s, f.Name, 700)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s, column %q: %d rows, %v", what, f.Name, len(got), err)
			continue
		}
		for i := range want {
			if got[i] != want[i][f.Name] {
				t.Errorf("%s, column %q, row %d: %s, want %s", what, f.Name, i, got[i], want[i][f.Name])
				break
			}
		}
	}
}

// A longRow has a text of 16 KB, in three places.
type longRow struct {
	Text string            `parquet:"text,plain"`
	Dict string            `parquet:"dict,dict"`
	Map  map[string]string `parquet:"map" parquet-value:",dict"`
}

// TestC117 reads long texts in pieces of bounded size: no offset passes 2 GiB, and memory stays bounded whatever a dictionary would
// unfold to.
func TestC117(t *testing.T) {
	var file bytes.Buffer
	w := parquet.NewGenericWriter[longRow](&file, parquet.PageBufferSize(1<<20), parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}))
	long := strings.Repeat("0123456789abcdef", 1024)
	for i := range 6000 {
		row := longRow{Text: long[i%16:], Dict: long[:16000+i%3], Map: map[string]string{"k": long[:16000+i%5]}}
		if _, err := w.Write([]longRow{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m := &meter{Allocator: memory.NewGoAllocator(), t: t}
	s := openBytes(t, file.Bytes(), Options{Allocator: m})
	for _, name := range []string{"text", "dict", "map"} {
		group, err := s.OpenRowGroup(t.Context(), 0, []string{name})
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for rows < 6000 {
			a, err := group.Next(name, 1<<17)
			if err != nil {
				t.Fatalf("column %q: %v", name, err)
			}
			rows += a.Len()
			if text := renderValue(a, a.Len()-1); len(text) < 30000 {
				t.Errorf("column %q, row %d is short: %s", name, rows, text)
			}
			a.Release()
		}
		group.Close()
	}
}

// TestC105 reads files with bloom filters, statistics and indexes; TestC102 is about trust in statistics.
func TestC105(t *testing.T) {
	folder := sharedPath(t, "parquet-testing/data")
	for _, name := range []string{"data_index_bloom_encoding_stats.parquet", "data_index_bloom_encoding_with_length.parquet"} {
		got, err := readColumn(t, mustOpen(t, folder, name), "String", 3)
		if err != nil || len(got) != 14 || got[0] != "s:48656c6c6f" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestC131 counts the nulls of lists in the lists.
func TestC131(t *testing.T) {
	s := mustOpen(t, fixtures, "lists.parquet")
	group, err := s.OpenRowGroup(t.Context(), 0, []string{"tags"})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	rows, nulls := 0, 0
	for rows < 4 {
		a, err := group.Next("tags", 10)
		if err != nil {
			t.Fatal(err)
		}
		rows, nulls = rows+a.Len(), nulls+a.NullN()
		a.Release()
	}
	if nulls != 1 {
		t.Errorf("%d nulls in %d lists", nulls, rows)
	}
}

// TestC132 compares delta encodings with the texts beside the files.
func TestC132(t *testing.T) {
	folder := sharedPath(t, "parquet-testing/data")
	for _, name := range []string{"delta_binary_packed", "delta_byte_array", "delta_encoding_optional_column", "delta_encoding_required_column"} {
		file, err := os.Open(filepath.Join(folder, name+"_expect.csv"))
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(file).ReadAll()
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, folder, name+".parquet")
		for i, field := range s.Schema().Fields() {
			got, err := readColumn(t, s, field.Name, 64)
			if err != nil || len(got) != len(records)-1 {
				t.Errorf("%s, column %q: %d rows, %v", name, field.Name, len(got), err)
				continue
			}
			for row, value := range got {
				want := records[row+1][i]
				if value != want && value != fmt.Sprintf("s:%x", want) && !(value == "null" && slices.Contains([]string{"", "NULL", "null"}, want)) {
					t.Errorf("%s, column %q, row %d: %s, want %q", name, field.Name, row, value, want)
				}
			}
		}
	}
}
