package pipeline_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// rowsOf reads a Parquet file with parquet-go's own row reader, each row as column=value texts: a reader that shares nothing with
// package readers.
func rowsOf(t testing.TB, data []byte) []map[string]string {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	paths := file.Schema().Columns()
	var rows []map[string]string
	for _, group := range file.RowGroups() {
		reader := group.Rows()
		buffer := make([]parquet.Row, 256)
		for {
			n, err := reader.ReadRows(buffer)
			for _, row := range buffer[:n] {
				rows = append(rows, textRow(paths, row))
			}
			if err != nil {
				break
			}
		}
		reader.Close()
	}
	if int64(len(rows)) != file.NumRows() {
		t.Fatalf("read %d of %d rows", len(rows), file.NumRows())
	}
	return rows
}

func textRow(paths [][]string, row parquet.Row) map[string]string {
	out := map[string]string{}
	for _, v := range row {
		name := paths[v.Column()][0]
		switch {
		case len(paths[v.Column()]) > 1 && !v.IsNull():
			if out[name] != "" {
				out[name] += ","
			}
			out[name] += v.String()
		case v.IsNull():
			out[name] += ""
		case v.Kind() == parquet.FixedLenByteArray:
			out[name] = fmt.Sprintf("%x", v.ByteArray())
		default:
			out[name] = v.String()
		}
	}
	return out
}

// table reads all partitions of a run's table.
func (b *bench) table(m *catalog.Manifest, name string) []map[string]string {
	b.t.Helper()
	var rows []map[string]string
	for _, f := range m.Tables[name] {
		data, _, err := objects.ReadAll(b.t.Context(), b.output, f.Key, "")
		if err != nil {
			b.t.Fatal(err)
		}
		part := rowsOf(b.t, data)
		if int64(len(part)) != f.Rows {
			b.t.Errorf("%s partition %d: the manifest says %d rows, the file has %d", name, f.Partition, f.Rows, len(part))
		}
		rows = append(rows, part...)
	}
	return rows
}

// lines joins some columns of rows and sorts them.
func lines(rows []map[string]string, columns ...string) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		parts := make([]string, len(columns))
		for j, c := range columns {
			parts[j] = row[c]
		}
		out[i] = strings.Join(parts, "|")
	}
	slices.Sort(out)
	return out
}

// sameLines compares two sorted lists and shows where they first part.
func sameLines(t testing.TB, what string, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: row %d is %q, want %q (%d rows, want %d)", what, i, got[i], want[i], len(got), len(want))
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
	}
}
