package pipeline_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"

	"strata/pipeline"
	"strata/pipeline/catalog"
)

// Population functions over whole snapshots. The twin asks them in random stories, whose duplicates are settled; here are users
// in numbers, without duplicates.

type valued struct {
	ID     *string  `parquet:"id"`
	LTV    *float64 `parquet:"ltv"`
	Orders int32    `parquet:"orders"`
}

func customer(id string, ltv float64, orders int32) valued { return valued{&id, &ltv, orders} }

// valuedSnapshot writes rows in row groups of a hundred.
func valuedSnapshot(b *bench, date string, rows []valued) {
	b.t.Helper()
	path := filepath.Join(filepath.Dir(b.config.File), "users", date+".parquet")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := parquet.WriteFile(path, rows, parquet.MaxRowsPerRowGroup(100)); err != nil {
		b.t.Fatal(err)
	}
}

func TestC074(t *testing.T) { // of five groups that are asked for two appear, and the run says so
	b := caseBench(t, `segments: [{name: third, when: 'ntile(orders, 5) == 3'}, {name: fifth, when: 'ntile(orders, 5) == 5'}]`)
	var rows []valued
	for i := range 100 {
		orders := int32(1)
		if i%10 == 0 {
			orders = int32(2 + i/10)
		}
		rows = append(rows, customer(fmt.Sprint("u", i), 0, orders))
	}
	valuedSnapshot(b, "2026-01-01", rows)
	m := b.run("2026-01-01")
	want := catalog.Surveyed{Call: "ntile(orders, 5)", Users: 100, Groups: []int64{0, 0, 90, 0, 10}}
	if len(m.Population) != 1 || fmt.Sprint(m.Population[0]) != fmt.Sprint(want) {
		t.Errorf("the manifest says %+v, want %+v", m.Population, want)
	}
	if got := m.Population[0].Warning(); got != "ntile(orders, 5): 2 of 5 groups used; nobody is in groups 1, 2 and 4, since users with equal values share a group" {
		t.Errorf("the warning is %q", got)
	}
	if m.Segments[0].Size != 90 || m.Segments[1].Size != 10 {
		t.Errorf("the segments have %d and %d members, want 90 and 10", m.Segments[0].Size, m.Segments[1].Size)
	}
}

// TestOthersChangesAreUserChanged: who leaves the top because somebody else rose is told so.
func TestOthersChangesAreUserChanged(t *testing.T) {
	b := caseBench(t, `segments: [{name: best, when: 'top(ltv, 2)'}, {name: rich, when: 'ltv > mean(ltv)'}]`)
	valuedSnapshot(b, "2026-01-01", []valued{customer("a", 10, 0), customer("b", 9, 0), customer("c", 1, 0), customer("d", 0, 0)})
	valuedSnapshot(b, "2026-01-02", []valued{customer("a", 10, 0), customer("b", 9, 0), customer("c", 90, 0), customer("d", 0, 0)})
	b.run("2026-01-01")
	sameTexts(t, "changes", b.changes(b.run("2026-01-02")), "a rich exited user_changed", "b best exited user_changed", "b rich exited user_changed",
		"c best entered user_changed", "c rich entered user_changed")
}

// TestRowsWithoutAUserDoNotCount: null and empty ids are nobody's.
func TestRowsWithoutAUserDoNotCount(t *testing.T) {
	b := caseBench(t, `segments: [{name: best, when: 'rank(ltv) == 1'}, {name: top, when: 'top(ltv, 1)'}, {name: upper, when: 'ntile(ltv, 2) == 2'}]`)
	nobody := customer("", 100, 0)
	valuedSnapshot(b, "2026-01-01", []valued{{LTV: nobody.LTV}, customer("a", 10, 0), nobody, customer("b", 9, 0)})
	m := b.run("2026-01-01")
	for _, segment := range []string{"best", "top", "upper"} {
		sameTexts(t, segment, b.members(m, segment), "a")
	}
	if p := m.Population[0]; p.Users != 2 || p.Nulls != 0 {
		t.Errorf("%d users have a value and %d have none, want 2 and 0", p.Users, p.Nulls)
	}
}

// populationRules ask all functions of two columns.
const populationRules = `segments:
  - {name: rank, when: 'rank(ltv) <= 500'}
  - {name: orders_rank, when: 'rank(orders) > 1000'}
  - {name: third, when: 'ntile(ltv, 7) == 3'}
  - {name: late, when: 'ntile(orders, 4) == 4'}
  - {name: top, when: 'top(ltv, 777)'}
  - {name: tied, when: 'top(orders, 1500)'}
  - {name: over, when: 'ltv > quantile(ltv, 0.9)'}
  - {name: under, when: 'ltv < mean(ltv)'}
`

// manyCustomers are users with few and with many different values.
func manyCustomers(n int) []valued {
	r := rand.New(rand.NewPCG(3, 4))
	var rows []valued
	for i := range n {
		one := customer(fmt.Sprintf("user %d", i*7919%n), float64(r.IntN(100_000))/8, int32(r.IntN(6)))
		if r.IntN(10) == 0 {
			one.LTV = nil
		}
		rows = append(rows, one)
	}
	return rows
}

// plainMembers answers populationRules by sorting.
func plainMembers(rows []valued) map[string][]string {
	out := map[string][]string{}
	add := func(name string, one valued, in bool) {
		if in {
			out[name] = append(out[name], *one.ID)
		}
	}
	var sorted []float64
	sum := 0.0
	for _, one := range rows {
		if one.LTV != nil {
			sorted, sum = append(sorted, *one.LTV), sum+*one.LTV // eighths: the sum is exact
		}
	}
	slices.Sort(sorted)
	n := len(sorted)
	byOrders := slices.Clone(rows)
	slices.SortFunc(byOrders, func(a, b valued) int { return cmp.Or(cmp.Compare(b.Orders, a.Orders), cmp.Compare(*a.ID, *b.ID)) })
	byLTV := slices.DeleteFunc(slices.Clone(rows), func(one valued) bool { return one.LTV == nil })
	slices.SortFunc(byLTV, func(a, b valued) int { return cmp.Or(cmp.Compare(*b.LTV, *a.LTV), cmp.Compare(*a.ID, *b.ID)) })
	for _, one := range byOrders[:1500] {
		add("tied", one, true)
	}
	for _, one := range byLTV[:777] {
		add("top", one, true)
	}
	for _, one := range rows {
		more, same := 0, 0
		for _, other := range rows {
			if other.Orders > one.Orders {
				more++
			} else if other.Orders == one.Orders {
				same++
			}
		}
		add("orders_rank", one, more+1 > 1000)
		add("late", one, 4*(2*(len(rows)-more-same)+same)/(2*len(rows))+1 == 4)
		if one.LTV == nil {
			continue
		}
		below, _ := slices.BinarySearch(sorted, *one.LTV)
		upTo, _ := slices.BinarySearch(sorted, *one.LTV+0.001)
		add("rank", one, n-upTo < 500)
		add("third", one, 7*(below+upTo)/(2*n)+1 == 3)
		add("over", one, *one.LTV > sorted[(n*9+9)/10-1])
		add("under", one, *one.LTV < sum/float64(n))
	}
	for _, members := range out {
		slices.Sort(members)
	}
	return out
}

func TestPopulationsOfManyUsers(t *testing.T) {
	rows := manyCustomers(6000)
	want := plainMembers(rows)
	b := caseBench(t, populationRules)
	valuedSnapshot(b, "2026-01-01", rows)
	valuedSnapshot(b, "2026-01-02", func() []valued {
		again := slices.Clone(rows)
		slices.Reverse(again)
		return again
	}())
	m := b.run("2026-01-01")
	for name, members := range want {
		sameLines(t, name, b.members(m, name), members)
	}
	if len(want) != 8 {
		t.Errorf("only %d of the segments have members", len(want))
	}
	sameTexts(t, "changes when rows come in another order", b.changes(b.run("2026-01-02")))
	files := b.dataFiles(m)
	for name, adjust := range map[string]func(*pipeline.Job){
		"1 worker": func(j *pipeline.Job) { j.Workers = 1 }, "7 workers": func(j *pipeline.Job) { j.Workers = 7 },
		"no memory": func(j *pipeline.Job) { j.Memory, j.Workers = 1, 3 }, "batches of 1": func(j *pipeline.Job) { j.BatchRows = 1 },
	} {
		again := caseBench(t, populationRules)
		again.adjust = adjust
		valuedSnapshot(again, "2026-01-01", rows)
		made := again.run("2026-01-01")
		sameFiles(t, name, again.dataFiles(made), files)
		if fmt.Sprint(made.Population) != fmt.Sprint(m.Population) {
			t.Errorf("%s: the manifest says %v, want %v", name, made.Population, m.Population)
		}
	}
}

// stages notes the stages that a run began.
type stages struct {
	mu    sync.Mutex
	names []string
}

func (s *stages) Stage(name string, _ int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
}

func (s *stages) Done(int64) {}

// TestThePopulationSpills: with little memory it needs temporary files, and says so where there is no folder for them.
func TestThePopulationSpills(t *testing.T) {
	for _, rule := range []string{"rank(ltv) <= 500", "ntile(ltv, 7) == 3", "top(ltv, 2000)", "ltv > quantile(ltv, 0.5)"} {
		b := caseBench(t, fmt.Sprintf("segments: [{name: s, when: '%s'}]", rule))
		valuedSnapshot(b, "2026-01-01", manyCustomers(6000))
		seen := &stages{}
		b.adjust = func(j *pipeline.Job) {
			j.Memory, j.TempDir, j.Progress = 1, filepath.Join(t.TempDir(), "absent"), seen
		}
		_, err := pipeline.Run(t.Context(), b.job("2026-01-01"))
		if err == nil || !strings.Contains(err.Error(), "--memory") || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: run = %v; want the fault of the folder", rule, err)
		}
		if got := seen.names[len(seen.names)-1]; got != "population" {
			t.Errorf("%s: the run got to %s", rule, got)
		}
	}
}

// TestDuckDBFindsTheSameQuantiles asks another engine.
func TestDuckDBFindsTheSameQuantiles(t *testing.T) {
	b := caseBench(t, `segments: [{name: s, when: 'ltv > quantile(ltv, 0) || ltv > quantile(ltv, 0.07) || ltv > quantile(ltv, 0.29) || ltv > quantile(ltv, 0.5) ||
  ltv > quantile(ltv, 0.999) || ltv > quantile(ltv, 1) || orders > 3 && ltv < quantile(orders, 0.3) || ltv < mean(ltv)'}]`)
	valuedSnapshot(b, "2026-01-01", manyCustomers(5000))
	m := b.run("2026-01-01")
	args := []string{"testdata/quantiles.py", filepath.Join(filepath.Dir(b.config.File), "users", "2026-01-01.parquet")}
	for _, found := range m.Population {
		args = append(args, found.Call, found.Value)
	}
	if len(args) != 2+2*8 {
		t.Errorf("the manifest has %d functions, want 8", len(m.Population))
	}
	if out, err := exec.Command(python(t), args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
