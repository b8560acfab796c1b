package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/tables"
)

// A spy counts the columns that a job opens, and that it has fetched ahead, row group by row group.
type spy struct {
	mu            sync.Mutex
	columns       int
	opened, ahead []string // "row group column"
	pages         int      // that were passed over
}

type spiedSource struct {
	pipeline.Source
	spy *spy
}

type spiedSnapshot struct {
	pipeline.Snapshot
	spy *spy
}

func (s *spy) watch(j *pipeline.Job) {
	j.Force, j.Workers, j.Source = true, 2, spiedSource{j.Source, s}
}

func (s *spy) watchUnpruned(j *pipeline.Job) {
	s.watch(j)
	*j = pipeline.WithoutPruning(*j)
}

func (s spiedSource) Open(ctx context.Context, date catalog.Date) (pipeline.Snapshot, error) {
	opened, err := s.Source.Open(ctx, date)
	if err != nil {
		return nil, err
	}
	return spiedSnapshot{opened, s.spy}, nil
}

func (s spiedSnapshot) OpenRowGroup(ctx context.Context, at int, columns []string) (tables.Columns, error) {
	s.spy.mu.Lock()
	defer s.spy.mu.Unlock()
	s.spy.columns += len(columns)
	s.spy.opened = append(s.spy.opened, inRowGroup(at, columns)...)
	opened, err := s.Snapshot.OpenRowGroup(ctx, at, columns)
	return spiedColumns{opened, s.spy}, err
}

type spiedColumns struct {
	tables.Columns
	spy *spy
}

func (c spiedColumns) SkipPage(column string, settled func(tables.Statistics) bool) (int64, error) {
	rows, err := c.Columns.(tables.PageSkipper).SkipPage(column, settled)
	c.spy.mu.Lock()
	defer c.spy.mu.Unlock()
	c.spy.pages += min(int(rows), 1)
	return rows, err
}

func (s spiedSnapshot) Prefetch(_ context.Context, at int, columns []string) func() {
	s.spy.mu.Lock()
	defer s.spy.mu.Unlock()
	s.spy.ahead = append(s.spy.ahead, inRowGroup(at, columns)...)
	return func() {}
}

func inRowGroup(at int, columns []string) (out []string) {
	for _, column := range columns {
		out = append(out, fmt.Sprint(at, " ", column))
	}
	return out
}

// sameRun compares two runs of one date over the same objects, in all that they say and in every byte of their data.
func sameRun(t testing.TB, b *bench, got, want *catalog.Manifest) {
	t.Helper()
	sameFiles(t, got.Date.String(), b.dataFiles(got), b.dataFiles(want))
	told := func(m *catalog.Manifest) string {
		text, err := json.MarshalIndent([]any{m.Rows, m.Columns, m.Users, m.Rejects, m.Duplicates, m.Segments, m.Lifecycles, m.Guards, m.Notes}, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	sameLines(t, "manifest of "+got.Date.String(), strings.Split(told(got), "\n"), strings.Split(told(want), "\n"))
}

// Columns that statistics make needless are not opened, and the run says what it would have said.
func TestColumnsThatStatisticsSettleAreNotRead(t *testing.T) {
	type row struct {
		ID      int64    `parquet:"id"`
		Country *string  `parquet:"country"`
		Age     *int64   `parquet:"age"`
		Tags    []string `parquet:"tags,list"`
	}
	fr, young, old := "FR", int64(10), int64(40)
	yaml := `
segments:
  - {name: adults, when: 'age >= 18 && country == "FR"'}
  - {name: tagged, when: 'age >= 18 && "vip" in tags'}`
	for name, tc := range map[string]struct {
		rows []row
		want string
	}{
		"nobody is of age": {[]row{{1, &fr, &young, nil}, {2, nil, &young, nil}}, "id tags"}, // the nulls of lists are in no footer
		"some are":         {[]row{{1, &fr, &young, nil}, {2, nil, &old, []string{"vip"}}}, "age country id tags"},
		"all are":          {[]row{{1, &fr, &old, nil}, {2, nil, &old, []string{"vip"}}}, "country id tags"},
		"all are, in FR":   {[]row{{1, &fr, &old, nil}, {2, &fr, &old, []string{"vip"}}}, "id tags"},
		"ages are null":    {[]row{{1, &fr, nil, nil}, {2, nil, nil, []string{"vip"}}}, "age country id tags"}, // which footers are not believed
	} {
		t.Run(name, func(t *testing.T) {
			var pruned, whole spy
			b := caseBench(t, yaml)
			snapshot(b, "2026-01-01", tc.rows...)
			b.adjust = pruned.watch
			m := b.run("2026-01-01")
			b.adjust = whole.watchUnpruned
			sameRun(t, b, m, b.run("2026-01-01"))
			slices.Sort(pruned.opened)
			if got := strings.ReplaceAll(strings.Join(pruned.opened, " "), "0 ", ""); got != tc.want {
				t.Errorf("columns %q are read, want %q", got, tc.want)
			}
		})
	}
}

// Pages that statistics settle are passed over, among others that are read, and the run says what it would have said: also of a
// regular expression, which is answered after the cheap leaves.
func TestPagesThatStatisticsSettleAreNotUnpacked(t *testing.T) {
	type row struct {
		ID   int64   `parquet:"id"`
		Age  *int64  `parquet:"age"`
		Name *string `parquet:"name"`
	}
	var rows []row
	for i := range int64(6000) {
		age, name := i/20, fmt.Sprintf("%c%05d", 'a'+i/300, i)
		one := row{i, &age, &name}
		if i%97 == 0 {
			one.Age = nil
		}
		if i%89 == 0 {
			one.Name = nil
		}
		rows = append(rows, one)
	}
	var pruned, whole spy
	b := caseBench(t, `
segments:
  - {name: young, when: 'age < 18'}
  - {name: between, when: 'age >= 100 && age < 120 && name != null'}
  - {name: named, when: 'age > 5 && name.matches("^k[0-9]*7$")'}
  - {name: other, when: 'age > 250 || name.startsWith("b")'}`)
	snapshotIn(b, "2026-01-01", rows, parquet.PageBufferSize(800))
	b.adjust = pruned.watch
	m := b.run("2026-01-01")
	b.adjust = whole.watchUnpruned
	sameRun(t, b, m, b.run("2026-01-01"))
	if t.Logf("%d pages", pruned.pages); pruned.pages < 10 || whole.pages > 0 {
		t.Errorf("%d pages are passed over, and %d without statistics", pruned.pages, whole.pages)
	}
}

// What is fetched ahead is what is then read.
func TestNothingIsFetchedAheadThatIsNotRead(t *testing.T) {
	b := nightlyBench(t)
	var pruned spy
	b.adjust = pruned.watch
	b.run("2026-11-01")
	if len(pruned.ahead) == 0 {
		t.Fatal("nothing is fetched ahead")
	}
	for _, column := range pruned.ahead {
		if !slices.Contains(pruned.opened, column) {
			t.Errorf("row group and column %s are fetched ahead and not read", column)
		}
	}
}
