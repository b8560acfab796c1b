package rules

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
)

// A mdTable is a table of a page: the heading that it stands under, the cells of its head and of its rows.
type mdTable struct {
	heading string
	head    []string
	rows    [][]string
}

// tablesOf reads the tables of a page of Markdown.
func tablesOf(t *testing.T, page string) (tables []mdTable) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	heading, inside := "", false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			heading = strings.TrimLeft(line, "# ")
		}
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		cells := cellsOf(line)
		switch {
		case !inside:
			tables = append(tables, mdTable{heading: heading, head: cells})
		case strings.Trim(cells[0], "-: ") != "":
			last := &tables[len(tables)-1]
			last.rows = append(last.rows, cells)
		}
		inside = true
	}
	return tables
}

// cellsOf takes a row of a table apart; \| is no border.
func cellsOf(line string) (cells []string) {
	line = strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00")
	for cell := range strings.SplitSeq(line, "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "\x00", "|"))
	}
	return cells
}

// code is what stands in a cell between backticks.
func code(cell string) string {
	_, rest, _ := strings.Cut(cell, "`")
	inside, _, _ := strings.Cut(rest, "`")
	return inside
}

var nullPageSchema = arrow.NewSchema([]arrow.Field{
	{Name: "user_id", Type: arrow.BinaryTypes.String},
	{Name: "age", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "zero", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "ltv", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "country", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "opted_in", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "seen", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "born", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	{Name: "empties", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	{Name: "amounts", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64), Nullable: true},
	{Name: "props", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String), Nullable: true},
	{Name: "address", Type: arrow.StructOf(arrow.Field{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true},
}, nil)

// The user that the tables below a heading are about; every other column is null.
var nullPageUsers = map[string]string{
	"Nulls further in": `{"user_id": "u", "tags": ["vip", null], "amounts": [12, null, 50], "empties": [], "props": [{"key": "size", "value": null}], "address": {"city": null}}`,
	"Errors":           `{"user_id": "u", "age": 30, "zero": 0, "ltv": 3.5, "country": "FR", "tags": ["vip"]}`,
}

// answerOn evaluates a rule for one user, in a word of the page.
func answerOn(t *testing.T, user, rule string) string {
	t.Helper()
	if user == "" {
		user = `{"user_id": "u"}`
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, nullPageSchema, strings.NewReader("["+user+"]"))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	step := testStep(rule, func(s *Step) {
		s.Definitions.Segments = append(s.Definitions.Segments,
			configs.Segment{Name: "unknown_one", When: configs.NewExpr("age > 30")}, configs.Segment{Name: "failing_one", When: configs.NewExpr(`size(user_id) / 0 > 1`)})
		s.Definitions.Lifecycles = []configs.Lifecycle{{Name: "nowhere", Stages: []configs.Stage{{Name: "lead", When: configs.NewExpr("age > 30")}}}}
	})
	plan, err := Compile(nullPageSchema, []Step{step}, Options{UserID: "user_id"})
	if err != nil {
		t.Errorf("%s: %v", rule, err)
		return ""
	}
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	return map[byte]string{'T': "true", 'F': "false", 'U': "unknown", 'E': "error"}[answers.Cut(plan.Segments(0)[0].When).At(0)]
}

// spellings are conditions that have an answer.
var spellings = map[string]string{"true": "(size(user_id) == 1)", "false": "(size(user_id) == 2)", "unknown": "opted_in", "error": "(1 / (size(user_id) - 1) == 1)"}

// TestNullPage holds every table of docs/null.md against the evaluator.
func TestNullPage(t *testing.T) {
	checked := 0
	variable := regexp.MustCompile(`\b[ab]\b`)
	for _, table := range tablesOf(t, "docs/null.md") {
		for _, row := range table.rows {
			switch table.head[0] {
			case "rule":
				if got := answerOn(t, nullPageUsers[table.heading], code(row[0])); got != row[1] {
					t.Errorf("%s: %s is %s, and the page says %s", table.heading, row[0], got, row[1])
				}
				checked++
			case "a":
				values := map[string]string{table.head[0]: spellings[row[0]], table.head[1]: spellings[row[1]]}
				for i, head := range table.head {
					if rule := code(head); rule != "" {
						rule = variable.ReplaceAllStringFunc(rule, func(name string) string { return values[name] })
						if got := answerOn(t, "", rule); got != row[i] {
							t.Errorf("%s where %s is %s, and the page says %s", rule, strings.Join(row, " "), got, row[i])
						}
						checked++
					}
				}
			}
		}
	}
	if checked < 150 {
		t.Errorf("the page has %d answers; is it read?", checked)
	}
}
