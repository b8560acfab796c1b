package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/readers"
)

func TestTheColumnThatSettlesDuplicatesMayBeShown(t *testing.T) {
	type updated struct {
		ID      int64 `parquet:"id"`
		Updated int64 `parquet:"updated"`
	}
	b := benchOf(t, `
snapshot: {path: "users/{date}.parquet", user_id: id, duplicates: {keep: latest, by: updated}}
output: out
segments: [{name: s, when: 'updated > 0'}]
membership: {columns: [updated]}`)
	snapshot(b, "2026-01-01", updated{1, 5}, updated{2, 6}, updated{1, 7})
	sameTexts(t, "membership", lines(b.table(b.run("2026-01-01"), "membership"), "user_id", "updated"), "1|7", "2|6")
}

// The rule that is gone may have asked for a column that the snapshot fills no more.
func TestNullsOfAColumnThatNoRuleUsesAnyMoreGuardNothing(t *testing.T) {
	type row struct {
		ID  int64   `parquet:"id"`
		Grp *string `parquet:"grp"`
	}
	head := "snapshot: {path: \"users/{date}.parquet\", user_id: id}\noutput: out\n"
	b := benchOf(t, head+`segments: [{name: s, when: 'grp == "a"'}, {name: all, when: 'id > 0'}]`)
	a := "a"
	snapshot(b, "2026-01-01", row{1, &a}, row{2, &a})
	snapshot(b, "2026-01-02", row{1, nil}, row{2, nil})
	b.run("2026-01-01")
	b.config.Segments = benchOf(t, head+`segments: [{name: all, when: 'id > 0'}]`).config.Segments
	for _, c := range b.run("2026-01-02").Columns {
		if used := c.Name == "id"; used != (c.Nulls != nil) {
			t.Errorf("nulls of column %s are counted: %v", c.Name, !used)
		}
	}
}

// Reasons follow from the contents of lists that only the definitions of yesterday ask for.
func TestAListOfYesterdaysDefinitionsIsPinned(t *testing.T) {
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a"', include: l.txt}]`)
	for _, date := range []string{"2026-01-01", "2026-01-02", "2026-01-03"} {
		snapshot(b, date, groupsOf("ab")...)
	}
	b.list("l.txt", "2")
	b.run("2026-01-01")
	b.define(`segments: [{name: s, when: 'grp == "a"'}]`)
	sameTexts(t, "before", b.changes(b.run("2026-01-02")), "2 s exited rule_changed")
	b.list("l.txt", "3")
	sameTexts(t, "after", b.changes(b.run("2026-01-02")), "2 s exited list_changed")
	if m := b.run("2026-01-03"); len(m.Lists) != 0 {
		t.Errorf("the day after pins %v", m.Lists)
	}
}

// A checkedSource opens snapshots with an allocator that knows what was not given back.
type checkedSource struct {
	source
	mem memory.Allocator
}

func (s checkedSource) Open(ctx context.Context, date catalog.Date) (pipeline.Snapshot, error) {
	pinned, err := readers.ListSnapshot(ctx, s.bucket, s.config.Snapshot.PathOn(date.Time()))
	if err != nil {
		return nil, err
	}
	return readers.OpenWith(ctx, s.bucket, pinned, readers.Options{Allocator: s.mem})
}

func TestARunReleasesEveryArray(t *testing.T) {
	type row struct {
		ID  string `parquet:"id,dict"`
		Grp string `parquet:"grp,dict"`
	}
	yaml := "segments: [{name: s, when: 'grp == \"a\"'}]\nmembership: {columns: [grp]}"
	for name, rows := range map[string][]row{"whole": {{"x", "a"}, {"y", "b"}}, "duplicates": {{"x", "a"}, {"x", "b"}}} {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer mem.AssertSize(t, 0)
			b := caseBench(t, yaml)
			snapshot(b, "2026-01-01", rows...)
			job := b.job("2026-01-01")
			job.Source = checkedSource{source{b.snapshots, "", b.config}, mem}
			var input *pipeline.InputError
			if _, err := pipeline.Run(t.Context(), job); err != nil && !errors.As(err, &input) {
				t.Fatal(err)
			}
		})
	}
}
