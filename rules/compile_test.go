package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// nightlySchema is the schema of the nightly workload's snapshots.
func nightlySchema() *arrow.Schema {
	text, i32, f64 := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Float64
	at, flag := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, arrow.FixedWidthTypes.Boolean
	coded := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: text}
	var fields []arrow.Field
	for _, group := range []struct {
		typ   arrow.DataType
		names []string
	}{
		{text, []string{"user_id", "email"}},
		{coded, []string{"country", "language", "plan", "device", "source", "app_version"}},
		{i32, []string{"age", "orders_90d", "sessions_30d", "clicks_30d"}},
		{at, []string{"signup_at", "last_seen_at", "last_order_at"}},
		{f64, []string{"revenue_90d", "ltv", "churn_score", "interest_sms"}},
		{flag, []string{"sms_opt_in", "email_opt_in", "push_opt_in"}},
		{arrow.ListOf(text), []string{"tags"}},
	} {
		for _, name := range group.names {
			fields = append(fields, arrow.Field{Name: name, Type: group.typ, Nullable: true})
		}
	}
	return arrow.NewSchema(fields, nil)
}

// shared finds a file of the folder that stands beside the repository; without it the test is skipped.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Skip("no go.mod above this test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there: it stands beside the repository, in shared/", name)
	}
	return path
}

// TestCompileNightly lowers the definitions of the nightly workload without an interpreted node.
func TestCompileNightly(t *testing.T) {
	config, err := configs.Load(shared(t, "nightly/strata.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	step := Step{Definitions: config.Definitions(), Now: day, Today: int32(day.Unix() / 86400)}
	before := step
	before.Now, before.Today = day.AddDate(0, 0, -1), before.Today-1
	plan, err := Compile(nightlySchema(), []Step{before, step}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range plan.nodes {
		if n.op == opInterpreted {
			t.Errorf("interpreted: %s", n.interp.key)
		}
	}
	if len(plan.Segments(1)) != 24 || len(plan.Lifecycles(1)) != 1 {
		t.Errorf("%d segments and %d lifecycles", len(plan.Segments(1)), len(plan.Lifecycles(1)))
	}
	shared := 0
	for i, s := range plan.Segments(0) {
		if s.When == plan.Segments(1)[i].When {
			shared++
		}
	}
	t.Logf("%d nodes, %d cuts, %d bits, columns %v; %d of 24 segments ask the same in both steps", len(plan.nodes), len(plan.cuts), plan.Bits(), plan.Columns(), shared)
}

// stepOf is a step of segments (name, rule, name, rule ...) over lintSchema.
func stepOf(namesAndRules ...string) Step {
	step := testStep("true", nil)
	step.Definitions.Segments = nil
	for i := 0; i < len(namesAndRules); i += 2 {
		step.Definitions.Segments = append(step.Definitions.Segments, configs.Segment{Name: namesAndRules[i], When: configs.NewExpr(namesAndRules[i+1])})
	}
	return step
}

// TestEarlierStepBreaks: what no longer compiles in an earlier step is broken, with all that refers to it; the rest is not.
func TestEarlierStepBreaks(t *testing.T) {
	before := stepOf("gone", `vanished > 3`, "uses", `segment("gone") || opt_in`, "stands", `opt_in`, "trait", `old`, "circle", `segment("circle")`)
	before.Definitions.Traits = []configs.Trait{{Name: "old", Value: configs.NewExpr(`vanished == 1`)}}
	before.Definitions.Lifecycles = []configs.Lifecycle{
		{Name: "broken", Stages: []configs.Stage{{Name: "a", When: configs.NewExpr("true")}, {Name: "b", When: configs.NewExpr("vanished")}}},
		{Name: "fine", Stages: []configs.Stage{{Name: "a", When: configs.NewExpr("opt_in")}}},
	}
	plan, err := Compile(lintSchema, []Step{before, stepOf("stands", "opt_in")}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range plan.Segments(0) {
		if broken := s.Name != "stands"; (s.Broken != "") != broken || (s.When < 0) != broken {
			t.Errorf("%+v", s)
		}
	}
	if l := plan.Lifecycles(0); l[0].Broken == "" || l[0].Stages[0].When != -1 || l[1].Broken != "" || l[1].Stages[0].When != plan.Segments(1)[0].When {
		t.Errorf("%+v", l)
	}
	before.Definitions.Timezone = "Europe/Atlantis"
	if plan, err = Compile(lintSchema, []Step{before, stepOf("stands", "opt_in")}, Options{UserID: "id"}); err != nil {
		t.Fatal(err)
	}
	if s := plan.Segments(0)[2]; !strings.Contains(s.Broken, "Europe/Atlantis") {
		t.Errorf("%+v", s)
	}
}

// TestStepsShareCuts: what two steps ask alike is one cut, however it is written; what depends on time is not.
func TestStepsShareCuts(t *testing.T) {
	before := stepOf("a", `opt_in && country == "FR"`, "b", `plan in ["x", "y"]`, "c", `within(born, "30d")`, "d", `score > 3`)
	before.Now = before.Now.AddDate(0, 0, -1)
	before.Today--
	after := stepOf("a", `"FR" == country && (opt_in && opt_in)`, "b", `plan in ["y", "x", "x"]`, "c", `within(born, "30d")`, "d", `3.0 < score`)
	plan, err := Compile(lintSchema, []Step{before, after}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range plan.Segments(0) {
		if same := s.When == plan.Segments(1)[i].When; same != (s.Name != "c") {
			t.Errorf("%s: %d and %d", s.Name, s.When, plan.Segments(1)[i].When)
		}
	}
	if got := len(plan.Cuts()); got != 5 {
		t.Errorf("%d cuts", got)
	}
	if want := []string{"born", "country", "opt_in", "plan", "score"}; !slices.Equal(plan.Columns(), want) {
		t.Errorf("columns %v", plan.Columns())
	}
}

// TestCutsThatCannotFailTakeOneBit: a rule over columns that are never null is true or false.
func TestCutsThatCannotFailTakeOneBit(t *testing.T) {
	plan, err := Compile(lintSchema, []Step{stepOf("a", `country == "FR"`, "b", `plan == "x"`, "c", `id + 1 > 0`, "d", `plan == null`, "e", "true")}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	for i, four := range []bool{false, true, true, false, false} {
		if cut := plan.Cuts()[plan.Segments(0)[i].When]; cut.FourValued != four {
			t.Errorf("segment %d: %+v", i, cut)
		}
	}
	if plan.Bits() != 7 {
		t.Errorf("%d bits", plan.Bits())
	}
}

// TestListPaths finds the files of include, exclude and file(), wherever file() stands.
func TestListPaths(t *testing.T) {
	d := stepOf("a", `plan in file("b.txt") || !(id in file('a.txt'))`, "broken", `plan in in file("c.txt")`, "b", `profile == "file"`).Definitions
	d.Segments[2].Include, d.Segments[2].Exclude = "in.txt", "b.txt"
	d.Traits = []configs.Trait{{Name: "t", Value: configs.NewExpr(`[1].exists(x, id in file("d.txt"))`)}}
	d.Lifecycles = []configs.Lifecycle{{Name: "l", Stages: []configs.Stage{{Name: "s", When: configs.NewExpr(`id in file("e.txt")`)}}}}
	if got, want := ListPaths(d), []string{"a.txt", "b.txt", "d.txt", "e.txt", "in.txt"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestUserLists: lists of include and exclude, and those in which nothing but user ids is looked up.
func TestUserLists(t *testing.T) {
	d := stepOf("a", `id in file("ids.txt") && !(alias in file("ids.txt"))`, "b", `plan in file("plans.txt")`,
		"c", `id in file("both.txt") || plan in file("both.txt")`, "d", `plan in file("in.txt")`, "e", `id in in file("x.txt")`).Definitions
	d.UserID, d.Columns = "id", []configs.ColumnDecl{{Name: "alias", Column: "id"}}
	d.Segments[3].Include, d.Segments[3].Exclude = "in.txt", "out.txt"
	d.Traits = []configs.Trait{{Name: "t", Value: configs.NewExpr(`[1].exists(x, id in file("deep.txt")) && [id].exists(x, x in file("other.txt"))`)}}
	if got, want := UserLists(d), []string{"deep.txt", "ids.txt", "in.txt", "out.txt"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestManyRulesCompileFast: what it takes to compile rules grows with their number, not with its square.
func TestManyRulesCompileFast(t *testing.T) {
	compile := func(n int) time.Duration {
		var rules []string
		for i := range n {
			rules = append(rules, fmt.Sprintf("s%d", i), fmt.Sprintf(`(country == "C%d" || plan in ["a", "b%d"]) && within(born, "%dd") && score > %d`, i%50, i%7, i%90+1, i))
		}
		start := time.Now()
		if _, err := Compile(lintSchema, []Step{stepOf(rules...)}, Options{UserID: "id"}); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	few, many := min(compile(100), compile(100), compile(100)), compile(1000)
	t.Logf("100 rules in %s, 1000 in %s", few, many)
	if many > 50*few {
		t.Errorf("1000 rules took %s, 100 took %s", many, few)
	}
}
