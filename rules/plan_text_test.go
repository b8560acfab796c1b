package rules

import (
	"os"
	"testing"
	"time"

	"strata/configs"
)

// TestPlanText compares plans with testdata/plan: `go test ./rules -run TestPlanText -update` writes the files anew.
func TestPlanText(t *testing.T) {
	config, err := configs.Load(shared(t, "nightly/strata.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	nightly := Step{Definitions: config.Definitions(), Now: day, Today: int32(day.Unix() / 86400)}
	before := nightly
	before.Now, before.Today = day.AddDate(0, 0, -1), before.Today-1
	for name, steps := range map[string][]Step{"nightly": {nightly}, "two_nights": {before, nightly}} {
		t.Run(name, func(t *testing.T) {
			plan, err := Compile(nightlySchema(), steps, Options{UserID: "user_id"})
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, "testdata/plan/"+name+".golden", plan.Text())
		})
	}
}

// TestPlanTextOfState shows what travels of rules that look at the previous run, and what is made of it.
func TestPlanTextOfState(t *testing.T) {
	expr := configs.NewExpr
	d := &configs.Definitions{
		Timezone: "UTC", UserID: "user_id",
		Segments: []configs.Segment{
			{Name: "vip", When: expr("ltv > 800"), Until: expr("ltv < 500"), MinStay: 7, Cooldown: 30},
			{Name: "loyal", When: expr(`segment("vip") && days_since(since("vip")) > 30`)},
			{Name: "mixed", When: expr(`(was("vip") ? ltv : revenue_90d) > 100.0`)},
		},
		Lifecycles: []configs.Lifecycle{{
			Name: "journey", Moves: configs.Moves{{From: "lead", To: "customer"}},
			Stages: []configs.Stage{{Name: "customer", When: expr("orders_90d > 0")}, {Name: "lead", When: expr("true")}},
		}},
	}
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	plan, err := Compile(nightlySchema(), []Step{{Definitions: d, Now: day, Today: dayNumber(t, "2026-11-02"), Date: dayNumber(t, "2026-11-02")}}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "testdata/plan/state.golden", plan.Text())
}

// checkGolden compares a text with a file, or writes the file with -update.
func checkGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (run with -update to accept):\n%s", path, got)
	}
}

// TestSpellingIsARule: what the plan says a rule is evaluated as compiles, and to the same.
func TestSpellingIsARule(t *testing.T) {
	rec := typicalRecord(t, 10)
	rules, _ := typicalTexts(true)
	rules = append(append(rules, manyRules(48)...),
		`!(age > 3 || sms_opt_in) && (age + 1) * 2 - orders_90d > 5 - (sessions_30d - 3)`, `(sms_opt_in ? ltv : revenue_90d) > 1.5e300`, `-age < -(age + 1)`,
		`!sms_opt_in != push_opt_in`, `size(tags) > 1 && tags[0] == "a\"b\n"`, `tags.exists(t, t.startsWith("b") && tags.count(u, u != t) > 1)`,
		`signup_at - last_seen_at > duration("36h")`, `date(signup_at) < date("2026-02-28")`, `string(age).lowerAscii() + plan == "3free"`,
		`email.split("@")[0] == "ann"`, `country != "FR"`, `is_true(age > 3) == sms_opt_in`, `hash_split("autumn", 0.25, email) && bucket("s", 7, email) == 3`,
		`email.split("@")[1].substring(0, 3) == "x" && tags.join("-").indexOf("b") > 3 && email.replace("a", "b", 2).charAt(1) == "c"`, `math.greatest(age, 3, 5) > math.abs(age)`,
		`variant("s", {"a": 50, "b": 49.5}, email) == "a"`, `tags.min(t, t) < tags.max(t, t + "x") && tags.sum(t, t.size()) > 3 && tags.avg(t, t.size()) > 1.5`,
	)
	for _, rule := range rules {
		plan := typicalPlan(t, rec.Schema(), []string{rule})
		text := (&speller{nodes: plan.nodes}).spell(plan.cuts[0], bindsCond)
		again := typicalPlan(t, rec.Schema(), []string{text})
		if twice := (&speller{nodes: again.nodes}).spell(again.cuts[0], bindsCond); twice != text {
			t.Errorf("%s\nis spelled %s\nand that   %s", rule, text, twice)
		}
	}
}

// TestEveryOperationIsSpelled: no operation lacks a name.
func TestEveryOperationIsSpelled(t *testing.T) {
	for op := range opInterpreted + 1 {
		_, infix := infixes[op]
		if infix || calls[op] != "" || methods[op] != "" || spelledApart[op] {
			continue
		}
		t.Errorf("operation %d has no spelling: give it one in spelling.go", op)
	}
}

// spelledApart are the operations that speller.expression and speller.call know by themselves.
var spelledApart = map[opcode]bool{
	opConst: true, opColumn: true, opElement: true, opNot: true, opNeg: true, opCond: true, opInSet: true, opInFile: true, opIndex: true,
	opField: true, opKey: true, opInterpreted: true, opNullText: true, opHashSplit: true, opBucket: true, opVariant: true, opNative: true,
	opQuantile: true, opMean: true, opRank: true, opNtile: true, opTop: true,
}

// TestPlanTextOfLate: dear leaves come last, leaves on one column are answered at once.
func TestPlanTextOfLate(t *testing.T) {
	plan := typicalPlan(t, typicalRecord(t, 10).Schema(), append([]string{lateRules[0], lateRules[7], lateRules[13]}, manyRules(72)...))
	checkGolden(t, "testdata/plan/late.golden", plan.Text())
}

// TestPlanTextOfBroken: what no longer compiles in an earlier step, lists, zones and interpreted expressions are written too.
func TestPlanTextOfBroken(t *testing.T) {
	list, err := NewList([]byte("a\nb\n"))
	if err != nil {
		t.Fatal(err)
	}
	before := stepOf("gone", `vanished > 3`, "stands", `opt_in`)
	last := stepOf("stands", `opt_in && plan in file("ids.txt")`, "local", `hour(born) > 18`, "parts", `plan.split(",")[0] == "a"`)
	last.Definitions.Segments[0].Exclude = "ids.txt"
	last.Lists = map[string]*List{"ids.txt": list}
	plan, err := Compile(lintSchema, []Step{before, last}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "testdata/plan/broken.golden", plan.Text())
}
