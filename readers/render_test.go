package readers

import (
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// renderValue is the canonical text of value i of an array, the same that testdata/expect.py makes of pyarrow's.
func renderValue(a arrow.Array, i int) string {
	if a.IsNull(i) || a.DataType().ID() == arrow.NULL {
		return "null"
	}
	switch a := a.(type) {
	case *array.Dictionary:
		return renderValue(a.Dictionary(), a.GetValueIndex(i))
	case *array.Boolean:
		return strconv.FormatBool(a.Value(i))
	case *array.Uint64:
		return strconv.FormatUint(a.Value(i), 10)
	case *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Uint8, *array.Uint16, *array.Uint32:
		return strconv.FormatInt(integer(a, i), 10)
	case *array.Float16, *array.Float32, *array.Float64:
		return renderFloat(floating(a, i))
	case *array.String:
		return "s:" + hex.EncodeToString([]byte(a.Value(i)))
	case *array.Binary:
		return "b:" + hex.EncodeToString(a.Value(i))
	case *array.FixedSizeBinary:
		return "b:" + hex.EncodeToString(a.Value(i))
	case *array.Date32:
		return fmt.Sprintf("d:%d", a.Value(i))
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		return fmt.Sprintf("t:%d:%s:%s", a.Value(i), t.Unit, t.TimeZone)
	case *array.Decimal128:
		return fmt.Sprintf("n:%s:%d", a.Value(i).BigInt(), a.DataType().(*arrow.Decimal128Type).Scale)
	}
	return renderNested(a, i)
}

func renderFloat(v float64) string {
	if v != v {
		return "nan"
	}
	return fmt.Sprintf("%016x", math.Float64bits(v))
}

func renderNested(a arrow.Array, i int) string {
	var parts []string
	switch a := a.(type) {
	case *array.Map:
		start, end := a.ValueOffsets(i)
		for k := start; k < end; k++ {
			parts = append(parts, renderValue(a.Keys(), int(k))+"="+renderValue(a.Items(), int(k)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case *array.List:
		start, end := a.ValueOffsets(i)
		for k := start; k < end; k++ {
			parts = append(parts, renderValue(a.ListValues(), int(k)))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case *array.Struct:
		for f := range a.NumField() {
			parts = append(parts, renderValue(a.Field(f), i))
		}
		return "(" + strings.Join(parts, ",") + ")"
	}
	return fmt.Sprintf("no text for %s", a.DataType())
}

// A poisonAllocator overwrites what it takes back, so that a use after Release shows.
type poisonAllocator struct{ memory.Allocator }

func (p poisonAllocator) Allocate(n int) []byte {
	b := p.Allocator.Allocate(n)
	for i := range b {
		b[i] = 0xa5 // memory comes uncleared
	}
	return b
}

func (p poisonAllocator) Free(b []byte) {
	for i := range b {
		b[i] = 0x5a
	}
}

// checkedMemory returns an allocator that fails the test if anything is not released at its end.
func checkedMemory(t testing.TB) memory.Allocator {
	t.Helper()
	mem := memory.NewCheckedAllocator(poisonAllocator{memory.NewGoAllocator()})
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return mem
}

// openLocal opens files of a folder as a snapshot.
func openLocal(t testing.TB, folder string, opts Options, names ...string) (*Snapshot, error) {
	t.Helper()
	bucket, err := objects.NewLocal(folder)
	if err != nil {
		t.Fatal(err)
	}
	var pinned []objects.Info
	for _, name := range names {
		info, err := bucket.Stat(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		pinned = append(pinned, info)
	}
	if opts.Allocator == nil {
		opts.Allocator = checkedMemory(t)
	}
	s, err := OpenWith(t.Context(), bucket, pinned, opts)
	if err == nil {
		t.Cleanup(s.Close)
	}
	return s, err
}

// mustOpen opens files of a folder that are in order.
func mustOpen(t testing.TB, folder string, names ...string) *Snapshot {
	t.Helper()
	s, err := openLocal(t, folder, Options{}, names...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readColumn renders all values of a column, which is read limit rows at a time.
func readColumn(t testing.TB, s *Snapshot, name string, limit int) ([]string, error) {
	t.Helper()
	var out []string
	if err := s.Check([]string{name}); err != nil {
		return nil, err
	}
	for at := range s.RowGroups() {
		group, err := s.OpenRowGroup(t.Context(), at, []string{name})
		if err != nil {
			return nil, err
		}
		rows, err := readRows(t, group, name, limit)
		group.Close()
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

func readRows(t testing.TB, group tables.Columns, name string, limit int) ([]string, error) {
	t.Helper()
	var out []string
	for int64(len(out)) < group.Rows() {
		a, err := group.Next(name, limit)
		if err != nil {
			return nil, err
		}
		if a.Len() < 1 || a.Len() > limit {
			t.Fatalf("column %q: Next(%d) returned %d rows", name, limit, a.Len())
		}
		for i := range a.Len() {
			out = append(out, renderValue(a, i))
		}
		a.Release()
	}
	return out, nil
}

// readFixture is the bytes of a file below testdata.
func readFixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
