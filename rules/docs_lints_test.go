package rules

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

var lintPageSchema = arrow.NewSchema([]arrow.Field{
	{Name: "user_id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "country", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "age", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
	{Name: "score", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	{Name: "born", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "opt_in", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "plan", Type: arrow.BinaryTypes.String},
	{Name: "ltv", Type: arrow.PrimitiveTypes.Float64},
	{Name: "visits", Type: arrow.PrimitiveTypes.Int64},
}, nil)

// lintsOf are the names of the warnings about a rule, or about a segment x whose keys are given.
func lintsOf(t *testing.T, rule string) string {
	t.Helper()
	step := testStep(rule, func(s *Step) {
		if strings.HasPrefix(rule, "when: ") {
			s.Definitions.Segments = segmentOf(t, rule)
		}
		s.Lists = map[string]*List{"ids.txt": list(t, "1\n2\n"), "empty.txt": list(t, ""), "header.txt": list(t, "user_id\n1\n")}
	})
	plan, err := Compile(lintPageSchema, []Step{step}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	var names []string
	for _, w := range plan.Warnings() {
		names = append(names, w.Lint)
	}
	return strings.Join(names, " ")
}

// segmentOf reads a segment x from its keys, as in when: a > 1, min_stay: 2d.
func segmentOf(t *testing.T, keys string) []configs.Segment {
	t.Helper()
	for _, key := range []string{"until", "min_stay", "cooldown"} {
		keys = strings.Replace(keys, ", "+key+": ", "\n    "+key+": ", 1)
	}
	config, err := configs.Parse("s.yaml", []byte(stateHead+"segments:\n  - name: x\n    "+keys+"\n"))
	if err != nil {
		t.Fatalf("%s: %v", keys, err)
	}
	return config.Segments
}

// TestLintsPage: every warning has its heading in docs/lints.md; every example there gives that warning, and the rule beside it
// gives none.
func TestLintsPage(t *testing.T) {
	for _, table := range tablesOf(t, "docs/lints.md") {
		for _, row := range table.rows {
			if got := lintsOf(t, code(row[0])); got != table.heading {
				t.Errorf("%s is warned of %q, and stands under %s", row[0], got, table.heading)
			}
			if got := lintsOf(t, code(row[1])); got != "" {
				t.Errorf("%s is warned of %q, and stands there as the way out", row[1], got)
			}
		}
	}
	page, err := os.ReadFile("docs/lints.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("lint_names.go")
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, m := range regexp.MustCompile(`= "([a-z0-9-]+)"`).FindAllStringSubmatch(string(source), -1) {
		written = append(written, m[1])
	}
	if !slices.Equal(written, LintNames()) {
		t.Errorf("LintNames lists\n%v\nand there are\n%v", LintNames(), written)
	}
	names := slices.Concat(LintNames(), configs.LintNames())
	var headings []string
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(page), -1) {
		headings = append(headings, m[1])
	}
	slices.Sort(names)
	slices.Sort(headings)
	if !slices.Equal(names, headings) {
		t.Errorf("the page explains\n%v\nand there are\n%v", headings, names)
	}
}
