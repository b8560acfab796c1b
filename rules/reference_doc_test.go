package rules

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"strata/configs"
)

// sampleUsers are the users that the reference's examples are answered for.
var sampleUsers = []string{"ann", "bob", "cleo", "dan"}

// sampleColumns are the columns of the sample, in the order in which the reference shows them.
func sampleColumns(t *testing.T) (names []string, columns columnsOf) {
	orders := build(t, arrow.ListOf(arrow.StructOf(
		arrow.Field{Name: "amount", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}, Nullable: true}, arrow.Field{Name: "paid", Type: arrow.FixedWidthTypes.Boolean},
		arrow.Field{Name: "at", Type: arrow.FixedWidthTypes.Timestamp_us},
	)), func(b *array.ListBuilder) {
		s := b.ValueBuilder().(*array.StructBuilder)
		add := func(cents int64, paid bool, at string) {
			s.Append(true)
			if cents == 0 {
				s.FieldBuilder(0).AppendNull()
			} else {
				s.FieldBuilder(0).(*array.Decimal128Builder).Append(decimal128.FromI64(cents))
			}
			s.FieldBuilder(1).(*array.BooleanBuilder).Append(paid)
			instant, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			s.FieldBuilder(2).(*array.TimestampBuilder).Append(arrow.Timestamp(instant.UnixMicro()))
		}
		b.Append(true)
		add(1999, true, "2026-10-30T10:00:00Z")
		add(1201, true, "2026-06-01T10:00:00Z")
		b.Append(true)
		b.Append(true)
		add(801, true, "2026-03-05T09:00:00Z")
		add(0, false, "2026-03-06T09:00:00Z")
		b.AppendNull()
	})
	address := build(t, arrow.StructOf(arrow.Field{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true}), func(b *array.StructBuilder) {
		for _, city := range []string{"Paris", "", "Boston"} {
			b.Append(true)
			if city == "" {
				b.FieldBuilder(0).AppendNull()
			} else {
				b.FieldBuilder(0).(*array.StringBuilder).Append(city)
			}
		}
		b.AppendNull()
	})
	ltv := build(t, arrow.PrimitiveTypes.Float64, func(b *array.Float64Builder) {
		b.AppendValues([]float64{1250.5, 0, 80, 0}, []bool{true, true, true, false})
	})
	return []string{"user_id", "country", "plan", "email", "age", "born", "ltv", "sms_opt_in", "signup_at", "last_seen_at", "tags", "orders", "address"}, columnsOf{
		"user_id": texts(t, "ann", "bob", "cleo", "dan"), "country": texts(t, "FR", "DE", "US", nil), "plan": texts(t, "pro", "free", "basic", nil),
		"email": texts(t, "ann@example.com", "BOB@corp.com", "cleo@corp.com", nil), "age": int64s(t, 34, 17, nil, 52), "born": days(t, "1992-02-29", "2009-03-01", "", "1974-11-02"),
		"ltv": ltv, "sms_opt_in": bools(t, true, false, nil, true), "signup_at": instants(t, "2024-05-01T07:00:00Z", "2026-08-15T12:00:00Z", "2025-12-31T23:30:00Z", ""),
		"last_seen_at": instants(t, "2026-11-02T08:30:00Z", "2026-04-01T22:45:00Z", "2026-11-01T12:00:00Z", ""),
		"tags":         listsOf(t, arrow.BinaryTypes.String, addText, []any{"vip", "beta"}, []any{}, []any{"news", nil}, nil), "orders": orders, "address": address,
	}
}

// sampleStep asks a rule on 2 November 2026 in Paris, beside a segment and a lifecycle.
func sampleStep(t *testing.T, rule string) Step {
	t.Helper()
	list, err := NewList([]byte("ann\ncleo\n"))
	if err != nil {
		t.Fatal(err)
	}
	value := configs.NewExpr
	return Step{
		Now: time.Date(2026, 11, 2, 23, 0, 0, 0, time.UTC), Today: dayNumber(t, "2026-11-02"), Lists: map[string]*List{"lists/vip.txt": list},
		Definitions: &configs.Definitions{
			Timezone: "Europe/Paris", UserID: "user_id",
			Segments: []configs.Segment{{Name: "it", When: value(rule)}, {Name: "vip", When: value("ltv > 800")}},
			Lifecycles: []configs.Lifecycle{{Name: "journey", Stages: []configs.Stage{
				{Name: "customer", When: value(`plan in ["basic", "pro"]`)}, {Name: "lead", When: value("tags != null")},
			}}},
		},
	}
}

// samplePast is what the previous run left of the sample's users.
func samplePast(t *testing.T) []formerUser {
	journey := func(stage, since string) formerUser {
		return formerUser{in: map[string]bool{}, stages: map[string]string{"journey": stage}, since: map[string]int32{"journey": dayNumber(t, since)}}
	}
	ann, bob := journey("customer", "2026-05-03"), journey("lead", "2026-10-30")
	ann.in["vip"], ann.since["vip"] = true, dayNumber(t, "2026-09-20")
	cleo := journey("lead", "2026-08-01")
	cleo.in["vip"], cleo.since["vip"] = true, dayNumber(t, "2026-10-28")
	return []formerUser{ann, bob, cleo, {}}
}

// sampleAnswers says for whom a rule is true, unknown or an error.
func sampleAnswers(t *testing.T, rule string) string {
	t.Helper()
	_, columns := sampleColumns(t)
	rec := record(t, columns)
	plan, err := Compile(rec.Schema(), []Step{sampleStep(t, rule)}, Options{UserID: "user_id"})
	if err != nil {
		t.Errorf("the example does not compile: %v", err)
		return ""
	}
	if err := plan.Population().Measure(rec); err != nil {
		t.Fatal(err)
	}
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	past, err := plan.EvalPast(pastRecord(t, plan.Past(), samplePast(t)))
	if err != nil {
		t.Fatal(err)
	}
	words := make([]uint64, plan.Words())
	answers.Words(0, words)
	past.Words(0, words)
	known, value := cutWords(plan.place, plan.Segments(0)[0].When, words)
	var said []string
	for _, kind := range []struct{ letter, words string }{{"T", "true for "}, {"U", "unknown for "}, {"E", "an error for "}} {
		var users []string
		for i, user := range sampleUsers {
			if "UFET"[known>>i&1+value>>i&1*2:][:1] == kind.letter {
				users = append(users, user)
			}
		}
		if len(users) > 0 {
			said = append(said, kind.words+strings.Join(users, ", "))
		}
	}
	if len(said) == 0 {
		return "true for nobody"
	}
	return strings.Join(said, "; ")
}

// languagePage is the reference as a page. Everything in it but the first words is made of the table of functions, and of what the
// engine answers.
func languagePage(t *testing.T) string {
	var b strings.Builder
	b.WriteString(languageIntro)
	writeSample(t, &b)
	for _, topic := range Reference() {
		fmt.Fprintf(&b, "- [%s](#%s): ", topic.Name, anchor(topic.Name))
		for i, e := range topic.Entries {
			fmt.Fprintf(&b, "%s`%s`", map[bool]string{true: " "}[i > 0], e.Name)
		}
		b.WriteString("\n")
	}
	for _, topic := range Reference() {
		fmt.Fprintf(&b, "\n## %s\n", topic.Name)
		for _, e := range topic.Entries {
			fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", e.Name, e.Doc)
			for _, s := range e.Signatures {
				fmt.Fprintf(&b, "    %s\n", s)
			}
			b.WriteString("\n")
			if e.Nulls != "" {
				fmt.Fprintf(&b, "- Nulls: %s.\n", e.Nulls)
			}
			if e.Zone != "" {
				fmt.Fprintf(&b, "- Time zone: %s.\n", e.Zone)
			}
			fmt.Fprintf(&b, "- Example: `%s` is %s.\n", e.Example, sampleAnswers(t, e.Example))
		}
	}
	return b.String()
}

func anchor(heading string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(heading), ",", ""), " ", "-")
}

const languageIntro = `# The language of rules

This page is made from the table of functions (` + "`go test ./rules -run TestLanguagePage -update`" + `); do not edit it by hand.

A rule is an expression of CEL, the Common Expression Language, that is true or false for each user: ` + "`country == \"FR\" && ltv > 100`" + `.
Texts stand in double or single quotes, numbers and ` + "`true`, `false`, `null`" + ` do not. Names are the columns of the snapshot, the columns
declared under ` + "`snapshot.columns`" + `, and the names under ` + "`traits`" + `.

**Nulls.** Where a value is null, what is asked of it is *unknown*, as in SQL, and a user for whom a rule is unknown is not in the segment; nor
is one for whom it fails, as a division by 0 does. Both are counted in the run's report. Unless an entry says otherwise, the answer is
unknown where an argument is null.

**Time.** ` + "`now` and `today`" + ` are constants of a run. Days, months and years are those of the configured ` + "`timezone`" + `, so a day may have 23 or 25
hours. What stands under *Time zone* says which zone a function takes; without it none matters.

More: [what null does](null.md), [from SQL to rules](from-sql.md), [what ` + "`strata check`" + ` warns of](lints.md). ` + "`strata rules`" + ` shows this page's
entries in the terminal.

The examples are answered for these four users, on 2 November 2026, with the time zone Europe/Paris, the segment
` + "`vip: ltv > 800`" + `, the lifecycle ` + "`journey`" + ` (` + "`customer`: `plan in [\"basic\", \"pro\"]`; `lead`: `tags != null`" + `) and a file of ann and cleo. The run before, of 1 November,
had ann in vip since 20 September and cleo since 28 October; ann was a customer since 3 May, bob a lead since 30 October and cleo since 1 August;
dan was not there.

`

// writeSample shows the sample, a column a line.
func writeSample(t *testing.T, b *strings.Builder) {
	names, columns := sampleColumns(t)
	fmt.Fprintf(b, "| column | %s |\n|---|%s\n", strings.Join(sampleUsers, " | "), strings.Repeat("---|", len(sampleUsers)))
	for _, name := range names[1:] {
		fmt.Fprintf(b, "| `%s`", name)
		for i := range sampleUsers {
			fmt.Fprintf(b, " | %s", strings.NewReplacer("(null)", "null", "|", "\\|", ".000000Z", "Z").Replace(columns[name].ValueStr(i)))
		}
		b.WriteString(" |\n")
	}
	b.WriteString("\n")
}

// TestLanguagePage compares docs/language.md with what the table says. `go test ./rules -run TestLanguagePage -update` writes it.
func TestLanguagePage(t *testing.T) {
	got := languagePage(t)
	if *update {
		if err := os.WriteFile("docs/language.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("docs/language.md is not what the table of functions says; write it with -update")
	}
}

// TestReferenceIsComplete: every function, operator and macro that a rule may use stands in the reference, once, with all that it
// needs; what rules may not use does not.
func TestReferenceIsComplete(t *testing.T) {
	env, err := newEnvironment(nil, nil, nil, &clockwork{zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]int{}
	for _, f := range slices.Concat(celFunctions, functionTable) {
		if f.internal {
			continue
		}
		have[f.name]++
		for _, name := range f.covers {
			if name != f.name {
				have[name]++
			}
		}
		if !slices.Contains(topics, f.topic) || !strings.HasSuffix(f.doc, ".") || f.example == "" {
			t.Errorf("%s: topic %q, documentation %q, example %q", f.name, f.topic, f.doc, f.example)
		}
		if strings.HasSuffix(f.nulls, ".") || strings.HasSuffix(f.zone, ".") {
			t.Errorf("%s: the rules for nulls and zones are no sentences", f.name)
		}
	}
	for name, times := range have {
		if times > 1 {
			t.Errorf("%s stands in the reference %d times", name, times)
		}
	}
	refused := map[string]bool{"dyn": true, "format": true, "@not_strictly_false": true, "__not_strictly_false__": true}
	for _, name := range slices.Sorted(maps.Keys(env.env.Functions())) {
		inside := slices.ContainsFunc(functionTable, func(f *function) bool { return f.internal && f.name == name })
		if have[name] == 0 && !refused[name] && !inside {
			t.Errorf("rules may call %s, and the reference does not say so", name)
		}
	}
	for _, macro := range env.env.Macros() {
		if name := macro.Function(); have[name]+have["math."+name] == 0 {
			t.Errorf("rules may use the macro %s, and the reference does not say so", name)
		}
	}
}

// TestReferenceExamplesAgree: cel-go, row by row, answers the examples alike (but those about definitions, which it does not know).
func TestReferenceExamplesAgree(t *testing.T) {
	_, columns := sampleColumns(t)
	rec := record(t, columns)
	for _, topic := range Reference() {
		for _, e := range topic.Entries {
			if !strings.Contains(strings.Join(e.Signatures, " "), e.Name) && len(e.Name) > 3 && e.Name != "+ of texts" && e.Name != "== null" {
				t.Errorf("%s: its signatures are %q", e.Name, e.Signatures)
			}
			step := sampleStep(t, e.Example)
			if topic.Name == topicOther && e.Name != "file" {
				continue
			}
			step.Definitions.Segments, step.Definitions.Lifecycles = step.Definitions.Segments[:1], nil
			got, _, err := engine(t, step, rec, "user_id", 0)
			if err != nil {
				t.Errorf("%s: %v", e.Name, err)
				continue
			}
			if o, err := newOracle(step, rec, "user_id"); err != nil || o.answers() != got {
				t.Errorf("%s: the engine says %s, cel-go %s, %v", e.Example, got, o.answers(), err)
			}
		}
	}
}
