package rules

import (
	"strings"
	"testing"

	"strata/configs"
)

// stages compiles a journey of three stages beside segments (name, rule ...) and answers each segment with a letter a row.
func stages(t *testing.T, columns columnsOf, namesAndRules ...string) (*Plan, []string) {
	t.Helper()
	d := &configs.Definitions{Timezone: "UTC", UserID: "id", Lifecycles: []configs.Lifecycle{{Name: "journey", Stages: []configs.Stage{
		{Name: "churned", When: configs.NewExpr(`gone`)}, {Name: "customer", When: configs.NewExpr(`segment("buyers")`)}, {Name: "lead", When: configs.NewExpr(`clicks > 3`)},
	}}}}
	for i := 0; i < len(namesAndRules); i += 2 {
		d.Segments = append(d.Segments, configs.Segment{Name: namesAndRules[i], When: configs.NewExpr(namesAndRules[i+1])})
	}
	rec := record(t, columns)
	plan, err := Compile(rec.Schema(), []Step{{Definitions: d}}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	var letters []string
	for _, s := range plan.Segments(0) {
		letters = append(letters, answers.Cut(s.When).String())
	}
	return plan, letters
}

// TestStageByExample: the stage is that of the same run, whatever the order of definitions; no stage is null, and a rule that is
// unknown or fails is no stage.
func TestStageByExample(t *testing.T) {
	columns := columnsOf{
		"gone": bools(t, true, false, false, false, nil, nil), "orders": int64s(t, 5, 5, 0, 0, nil, 5), "clicks": int64s(t, 9, 9, 9, 0, nil, nil),
	}
	for _, tc := range []struct{ rule, want string }{
		{`stage("journey") == "customer"`, "FTFUUT"},
		{`stage("journey") != "customer"`, "TFTUUF"},
		{`"lead" == stage("journey")`, "FFTUUF"},
		{`stage("journey") == null`, "FFFTTF"},
		{`has(stage("journey"))`, "TTTFFT"},
		{`stage("journey") in ["lead", "churned"]`, "TFTUUF"},
		{`!(stage("journey") in ["lead", "churned"])`, "FTFUUT"},
		{`coalesce(stage("journey"), "none") == "none"`, "FFFTTF"},
		{`stage("journey") < "d"`, "TTFUUT"},
		{`stage("journey").endsWith("r") && orders > 1`, "FTFFUT"},
		{`is_true(stage("journey") == "lead")`, "FFTFFF"},
		{`empty(stage("journey"))`, "FFFTTF"},
	} {
		for _, order := range [][]string{{"it", tc.rule, "buyers", "orders > 1"}, {"buyers", "orders > 1", "it", tc.rule}} {
			plan, letters := stages(t, columns, order...)
			at := 0
			if order[0] != "it" {
				at = 1
			}
			if letters[at] != tc.want {
				t.Errorf("%s\n got %s\nwant %s\n%s", tc.rule, letters[at], tc.want, plan.Text())
			}
		}
	}
}

// TestStageIsWords: what asks for a stage combines bits of the stages' rules, and compares no texts.
func TestStageIsWords(t *testing.T) {
	columns := columnsOf{"gone": bools(t, true), "orders": int64s(t, 5), "clicks": int64s(t, 9)}
	plan, _ := stages(t, columns, "buyers", "orders > 1", "a", `stage("journey") == "lead"`, "b", `stage("journey") in ["lead", "churned"] || stage("journey") == null`)
	for id := range plan.nodes {
		if n := &plan.nodes[id]; n.typ.kind == kindString {
			t.Errorf("node %d gives texts\n%s", id, plan.Text())
		}
	}
}

// TestStageOfABrokenLifecycle: in an earlier step, what refers to a lifecycle that does not compile is broken as well, and says why.
func TestStageOfABrokenLifecycle(t *testing.T) {
	before := stepOf("uses", `stage("life") == "a"`, "stands", `opt_in`)
	before.Definitions.Lifecycles = []configs.Lifecycle{{Name: "life", Stages: []configs.Stage{{Name: "a", When: configs.NewExpr("vanished > 3")}}}}
	plan, err := Compile(lintSchema, []Step{before, stepOf("stands", `opt_in`)}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	segments := plan.Segments(0)
	if want := `lifecycle "life", stage "a": the snapshot has no column "vanished"`; segments[0].Broken != want || segments[1].Broken != "" {
		t.Errorf("broken: %q and %q, want %q and nothing", segments[0].Broken, segments[1].Broken, want)
	}
}

// TestC062_CirclesThroughLifecycles: the path is shown, and no data is read.
func TestC062_CirclesThroughLifecycles(t *testing.T) {
	d := &configs.Definitions{
		Timezone: "UTC", Segments: []configs.Segment{{Name: "a", When: configs.NewExpr(`segment("b")`)}, {Name: "b", When: configs.NewExpr(`stage("life") == "x"`)}},
		Lifecycles: []configs.Lifecycle{
			{Name: "life", Stages: []configs.Stage{{Name: "x", When: configs.NewExpr("true")}, {Name: "y", When: configs.NewExpr(`!segment("a")`)}}},
			{Name: "own", Stages: []configs.Stage{{Name: "z", When: configs.NewExpr(`stage("own") == "z"`)}}},
		},
	}
	err := CheckText(d)
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{"segments and lifecycles refer to each other in a circle: a -> b -> life -> a", `lifecycle "own", stage "z": the lifecycle refers to its own stage`} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%v\nsays %q %d times", err, want, strings.Count(err.Error(), want))
		}
	}
}

// TestC061_DiamondsThroughLifecycles are no circles.
func TestC061_DiamondsThroughLifecycles(t *testing.T) {
	columns := columnsOf{"gone": bools(t, true, false), "orders": int64s(t, 5, 5), "clicks": int64s(t, 9, 9)}
	_, letters := stages(t, columns, "top", `segment("left") || segment("right")`, "left", `stage("journey") == "churned"`, "right", `stage("journey") == "customer" && segment("buyers")`, "buyers", "orders > 1")
	if want := "TT,TF,FT,TT"; strings.Join(letters, ",") != want {
		t.Errorf("got %v, want %s", letters, want)
	}
}
