package pipeline_test

import (
	"errors"
	"strings"
	"testing"

	"strata/pipeline"
)

func TestC084_AColumnThatNoRuleUses(t *testing.T) { // it comes, changes its type and goes, and nobody moves
	type wider struct {
		ID    int64  `parquet:"id"`
		Grp   string `parquet:"grp"`
		Extra int64  `parquet:"extra"`
	}
	type other struct {
		ID    int64  `parquet:"id"`
		Grp   string `parquet:"grp"`
		Extra string `parquet:"extra"`
	}
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a"'}]`)
	snapshot(b, "2026-01-01", groupsOf("ab")...)
	snapshot(b, "2026-01-02", wider{1, "a", 5}, wider{2, "b", 6})
	snapshot(b, "2026-01-03", other{1, "a", "5"}, other{2, "b", "6"})
	snapshot(b, "2026-01-04", groupsOf("ab")...)
	for _, night := range [][]string{
		{"2026-01-01"},
		{"2026-01-02", `columns that came since 2026-01-01: "extra" (int64)`},
		{"2026-01-03", `columns that changed their type since 2026-01-02: "extra" (int64, now utf8)`},
		{"2026-01-04", `columns that went since 2026-01-03: "extra" (utf8)`},
	} {
		m := b.run(night[0])
		sameTexts(t, night[0], m.DriftSentences(), night[1:]...)
		if night[0] != "2026-01-01" {
			sameTexts(t, "changes of "+night[0], b.changes(m))
		}
	}
}

func TestC086_ASilentChangeOfType(t *testing.T) { // a wider number is noted and moves nobody; text stops the run
	type double struct {
		ID    int64   `parquet:"id"`
		Spend float64 `parquet:"spend"`
	}
	type decimal struct {
		ID    int64 `parquet:"id"`
		Spend int32 `parquet:"spend,decimal(2:9)"`
	}
	type text struct {
		ID    int64  `parquet:"id"`
		Spend string `parquet:"spend"`
	}
	b := caseBench(t, `segments: [{name: s, when: 'spend > 10'}]`)
	snapshot(b, "2026-01-01", double{1, 12.5}, double{2, 9.99})
	snapshot(b, "2026-01-02", decimal{1, 1250}, decimal{2, 999})
	snapshot(b, "2026-01-03", text{1, "12.50"}, text{2, "9.99"})
	b.run("2026-01-01")
	m := b.run("2026-01-02")
	sameTexts(t, "drift", m.DriftSentences(), `columns that changed their type since 2026-01-01: "spend" (float64, now decimal(9, 2), in use)`)
	sameTexts(t, "changes", b.changes(m))
	_, err := pipeline.Run(t.Context(), b.job("2026-01-03"))
	var input *pipeline.InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), `column "spend", which rules use, is now utf8; it was decimal(9, 2)`) {
		t.Errorf("run = %v", err)
	}
}

// A column that rules, ids or outputs use stops the run where it is gone: nobody leaves. What is new is named beside it.
func TestAColumnInUseThatIsGoneStopsTheRun(t *testing.T) {
	type full struct {
		ID      int64  `parquet:"id"`
		Grp     string `parquet:"grp"`
		Country string `parquet:"country"`
		At      int64  `parquet:"at"`
	}
	type noGroup struct {
		ID      int64  `parquet:"id"`
		Team    string `parquet:"team"`
		Country string `parquet:"country"`
		At      int64  `parquet:"at"`
	}
	type noID struct {
		Grp     string `parquet:"grp"`
		Country string `parquet:"country"`
		At      int64  `parquet:"at"`
	}
	for name, gone := range map[string]struct {
		night func(b *bench)
		says  []string
	}{
		"rule": {func(b *bench) { snapshot(b, "2026-01-02", noGroup{1, "a", "FR", 1}) }, []string{`column "grp" (utf8), which rules use, is gone`, `column "team" (utf8) is new`}},
		"id":   {func(b *bench) { snapshot(b, "2026-01-02", noID{"a", "FR", 1}) }, []string{`no column "id" for snapshot.user_id; that of 2026-01-01 had it (int64)`}},
		"output": {func(b *bench) { snapshot(b, "2026-01-02", groupsOf("a")...) }, []string{
			`no column "country" for membership.columns; that of 2026-01-01 had it (utf8)`,
			`no column "at" for snapshot.duplicates.by; that of 2026-01-01 had it (int64)`,
		}},
	} {
		head := strings.Replace(caseHead, "user_id: id,", "user_id: id, duplicates: {keep: latest, by: at},", 1)
		b := benchOf(t, head+"membership: {columns: [country]}\nsegments: [{name: s, when: 'grp == \"a\"'}]")
		snapshot(b, "2026-01-01", full{1, "a", "FR", 1})
		b.run("2026-01-01")
		gone.night(b)
		_, err := pipeline.Run(t.Context(), b.job("2026-01-02"))
		var input *pipeline.InputError
		if !errors.As(err, &input) {
			t.Errorf("%s: run = %v, want an InputError", name, err)
			continue
		}
		for _, want := range gone.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %s", name, err, want)
			}
		}
	}
}
