package readers

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/parquet-go/parquet-go"

	"strata/pipeline/tables"
)

// orderOf compares a value with one of another array, by the meaning of their type; false for NaN.
func orderOf(t testing.TB, a arrow.Array, i int, b arrow.Array, j int) (order int, ok bool) {
	t.Helper()
	if d, encoded := a.(*array.Dictionary); encoded {
		return orderOf(t, d.Dictionary(), d.GetValueIndex(i), b, j)
	}
	switch a := a.(type) {
	case *array.Boolean:
		return oneIf(a.Value(i)) - oneIf(b.(*array.Boolean).Value(j)), true
	case *array.String:
		return cmp.Compare(a.Value(i), b.(*array.String).Value(j)), true
	case *array.Binary:
		return bytes.Compare(a.Value(i), b.(*array.Binary).Value(j)), true
	case *array.FixedSizeBinary:
		return bytes.Compare(a.Value(i), b.(*array.FixedSizeBinary).Value(j)), true
	case *array.Float16, *array.Float32, *array.Float64:
		return cmp.Compare(floating(a, i), floating(b, j)), !math.IsNaN(floating(a, i))
	case *array.Uint64:
		return cmp.Compare(a.Value(i), b.(*array.Uint64).Value(j)), true
	case *array.Date32:
		return cmp.Compare(a.Value(i), b.(*array.Date32).Value(j)), true
	case *array.Timestamp:
		return cmp.Compare(a.Value(i), b.(*array.Timestamp).Value(j)), true
	case *array.Decimal128:
		return a.Value(i).Cmp(b.(*array.Decimal128).Value(j)), true
	}
	if !arrow.IsInteger(a.DataType().ID()) {
		t.Fatalf("statistics of a column of %s", a.DataType())
	}
	return cmp.Compare(integer(a, i), integer(b, j)), true
}

// A statisticsTally counts what files told.
type statisticsTally struct{ columns, counted, bounded, pages int }

// checkStatistics compares what a file says of its values with the values, in every column that can be read.
func checkStatistics(t *testing.T, s *Snapshot, tally *statisticsTally) {
	t.Helper()
	for at := range s.RowGroups() {
		for _, f := range s.Schema().Fields() {
			group, err := s.OpenRowGroup(t.Context(), at, []string{f.Name})
			if err != nil {
				continue // the file is damaged, which other tests look at
			}
			told := s.Statistics(at, f.Name)
			if told.Rows != group.Rows() {
				t.Errorf("%s, row group %d: %d rows in statistics, want %d", s.Address(0), at, told.Rows, group.Rows())
			}
			tally.columns++
			tally.counted += oneIf(told.Counted)
			tally.bounded += oneIf(told.Bounds != nil)
			if fault := contradiction(t, group, f.Name, told); fault != "" {
				t.Errorf("%s, row group %d, column %q: %s", s.Address(0), at, f.Name, fault)
			}
			group.Close()
			tally.pages += checkPages(t, s, at, f.Name)
		}
	}
}

// checkPages reads a column page by page, passes over every other page that statistics are known of, and compares what they say, and
// what is read of the other pages, with the column read whole. It returns how many pages told something.
func checkPages(t *testing.T, s *Snapshot, at int, column string) (pages int) {
	t.Helper()
	whole, err := s.OpenRowGroup(t.Context(), at, []string{column})
	if err != nil {
		return 0
	}
	defer whole.Close()
	group, err := s.OpenRowGroup(t.Context(), at, []string{column})
	if err != nil {
		return 0
	}
	defer group.Close()
	for left := group.Rows(); left > 0; {
		told := tables.Statistics{Rows: 1000}
		skipped, err := group.(tables.PageSkipper).SkipPage(column, func(known tables.Statistics) bool {
			told = known
			pages++
			return pages%2 == 0
		})
		if err != nil {
			return pages // damaged
		}
		n := min(told.Rows, left)
		left -= n
		want, fault := nextRows(t, whole, column, told, n)
		if fault != "" {
			t.Fatalf("%s, row group %d, column %q: %s", s.Address(0), at, column, fault)
		}
		if want == nil {
			return pages // damaged
		}
		if skipped > 0 {
			continue
		}
		if got, _ := nextRows(t, group, column, told, n); !slices.Equal(got, want) {
			t.Fatalf("%s, row group %d, column %q: %d rows from pages differ from those of the column", s.Address(0), at, column, n)
		}
	}
	return pages
}

// nextRows renders the next rows of a column, and says how they are not as statistics say.
func nextRows(t *testing.T, group tables.Columns, column string, told tables.Statistics, n int64) (out []string, fault string) {
	t.Helper()
	nulls := int64(0)
	for int64(len(out)) < n {
		a, err := group.Next(column, int(n)-len(out))
		if err != nil {
			return nil, ""
		}
		for i := range a.Len() {
			out = append(out, renderValue(a, i))
			if a.IsNull(i) {
				nulls++
			} else if fault = misplaced(t, a, i, told); fault != "" {
				break
			}
		}
		a.Release()
		if fault != "" {
			return out, fault
		}
	}
	if told.Counted && told.Nulls != nulls {
		fault = fmt.Sprintf("%d nulls in statistics of a page, and %d in fact", told.Nulls, nulls)
	}
	return out, fault
}

// contradiction says how the values of a column are not as statistics say.
func contradiction(t *testing.T, group tables.Columns, column string, told tables.Statistics) string {
	t.Helper()
	nulls := int64(0)
	for left := told.Rows; left > 0; {
		a, err := group.Next(column, 1000)
		if err != nil {
			return ""
		}
		left -= int64(a.Len())
		for i := range a.Len() {
			if a.IsNull(i) || a.DataType().ID() == arrow.NULL {
				nulls++
			} else if fault := misplaced(t, a, i, told); fault != "" {
				a.Release()
				return fault
			}
		}
		a.Release()
	}
	if told.Counted && told.Nulls != nulls {
		return fmt.Sprintf("%d nulls in statistics, and %d in fact", told.Nulls, nulls)
	}
	return ""
}

func misplaced(t *testing.T, a arrow.Array, i int, told tables.Statistics) string {
	t.Helper()
	if told.Values != nil {
		if order, _ := orderOf(t, a, i, told.Values, 0); order != 0 {
			return "another value than the one"
		}
	}
	if told.Bounds == nil {
		return ""
	}
	low, ok := orderOf(t, a, i, told.Bounds, 0)
	high, _ := orderOf(t, a, i, told.Bounds, 1)
	if ok && (low < 0 || high > 0) {
		return fmt.Sprintf("value %s is not within %s", a.ValueStr(i), told.Bounds)
	}
	return ""
}

// lying are files with statistics that do not hold.
var lying = map[string]bool{}

func TestStatisticsHold(t *testing.T) {
	var tally statisticsTally
	for _, folder := range []string{sharedPath(t, "parquet-testing"), fixtures, sharedPath(t, "nightly/snapshots")} {
		for _, name := range parquetFiles(t, folder) {
			if s, err := openLocal(t, folder, Options{}, name); err == nil && !lying[name] {
				checkStatistics(t, s, &tally)
			}
		}
	}
	t.Logf("%+v", tally)
	if tally.bounded < 100 || tally.counted < 200 || tally.pages < 100 {
		t.Errorf("files told too little: %+v", tally)
	}
}

// TestStatisticsOfOthersHold has pyarrow, DuckDB and parquet-go write files of many types.
func TestStatisticsOfOthersHold(t *testing.T) {
	folder := t.TempDir()
	command := exec.Command(python(t), "testdata/statistics.py", folder)
	command.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range parquetFiles(t, folder) {
		var tally statisticsTally
		checkStatistics(t, mustOpen(t, folder, name), &tally)
		t.Logf("%s: %+v", name, tally)
		if tally.bounded*2 < tally.columns || tally.counted*10 < tally.columns*8 {
			t.Errorf("%s told too little: %+v", name, tally)
		}
	}
}

func TestStatisticsOfParquetGoHold(t *testing.T) {
	var tally statisticsTally
	r, rows := rand.New(rand.NewPCG(11, 12)), make([]goRow, 3000)
	for i := range rows {
		rows[i] = randomRow(r)
	}
	var file bytes.Buffer
	if err := parquet.Write(&file, rows, parquet.MaxRowsPerRowGroup(1100)); err != nil {
		t.Fatal(err)
	}
	checkStatistics(t, openBytes(t, file.Bytes(), Options{}), &tally)
	t.Logf("%+v", tally)
	if tally.bounded < 10 {
		t.Errorf("the file told too little: %+v", tally)
	}
}

func TestStatisticsOfPathsAndAbsentColumns(t *testing.T) {
	type one struct {
		ID int64 `parquet:"id"`
	}
	folder := t.TempDir()
	for i, path := range []string{"country=FR/a.parquet", "country=DE/b.parquet", "country=__HIVE_DEFAULT_PARTITION__/c.parquet"} {
		if err := os.MkdirAll(filepath.Join(folder, filepath.Dir(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := parquet.WriteFile(filepath.Join(folder, path), []one{{int64(i)}, {int64(i + 5)}}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openLocal(t, folder, Options{Pattern: "*/*.parquet"}, "country=FR/a.parquet", "country=DE/b.parquet", "country=__HIVE_DEFAULT_PARTITION__/c.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range []string{"FR", "DE", ""} {
		told := s.Statistics(at, "country")
		if got := told.Values.String(); got != fmt.Sprintf("[%q]", want) && want != "" || told.Nulls != int64(2*oneIf(want == "")) || !told.Counted {
			t.Errorf("country of file %d: %+v, want %s", at, told, want)
		}
		if ids := s.Statistics(at, "id"); !ids.Counted || ids.Bounds == nil || ids.Bounds.String() != fmt.Sprintf("[%d %d]", at, at+5) {
			t.Errorf("id of file %d: %+v", at, ids)
		}
	}
	if told := s.Statistics(0, "nothing"); told.Counted || told.Bounds != nil || told.Values != nil {
		t.Errorf("a column that is not there: %+v", told)
	}
}
