package pipeline_test

import (
	"testing"

	"strata/configs"
	"strata/pipeline"
)

// TestPreviewMeasuresThePopulation: whether users are counted or rows, and whichever segments are left out, a preview takes what a run
// takes.
func TestPreviewMeasuresThePopulation(t *testing.T) {
	const date = "2026-01-01"
	b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]")
	var rows []sortedRow
	for i := range int64(50) {
		age := i * 7 % 50
		rows = append(rows, sortedRow{ID: i, Grp: string(rune('a' + i%3)), Age: &age})
	}
	snapshot(b, date, rows...)
	check := func(how string) {
		for rule, want := range map[string]int64{`age > quantile(age, 0.5)`: 25, `top(age, 3) || segment("s")`: 19, `ntile(age, 5) == 2`: 10, `age < mean(age)`: 25} {
			for _, overlap := range []bool{true, false} {
				if p := b.preview(date, pipeline.Proposal{Rule: configs.NewExpr(rule), Overlap: overlap}); p.Members != want {
					t.Errorf("%s, overlap %t, %s: %d members, want %d", how, overlap, rule, p.Members, want)
				}
			}
		}
	}
	check("users")
	b.run(date)
	check("rows")
}
