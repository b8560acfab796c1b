package pipeline_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strata/pipeline"
	"strata/pipeline/catalog"
)

// Cases of groups B, C and D that need whole runs: what is counted, what moves over the days, and what stops. What rules answer is
// tested in package rules.

// A person of these cases.
type caseUser struct {
	ID      int64      `parquet:"id"`
	Country *string    `parquet:"country,optional"`
	Email   string     `parquet:"email"`
	Seen    *time.Time `parquet:"seen,optional,timestamp(microsecond)"`
	A       *int64     `parquet:"a,optional"`
	B       int64      `parquet:"b"`
}

func to[T any](v T) *T { return &v }

func at(text string) *time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return &t
}

// sizes are a run's "segment members unknown errors".
func sizes(m *catalog.Manifest) (out []string) {
	for _, s := range m.Segments {
		out = append(out, fmt.Sprint(s.Name, " ", s.Size, " ", s.Unknown, " ", s.Errors))
	}
	return out
}

func TestC019_ARunCountsTheUnknown(t *testing.T) {
	b := caseBench(t, "segments: [{name: neither, when: '!(a == 1 || b == 1)'}]")
	snapshot(b, "2026-01-01", caseUser{ID: 1, A: to(int64(1))}, caseUser{ID: 2, A: to(int64(0)), B: 1}, caseUser{ID: 3, A: to(int64(0))}, caseUser{ID: 4, A: to(int64(1)), B: 1}, caseUser{ID: 5})
	m := b.run("2026-01-01")
	sameTexts(t, "members", b.members(m, "neither"), "3")
	sameTexts(t, "sizes", sizes(m), "neither 1 1 0")
}

func TestC020_NotInASegmentInARun(t *testing.T) { // an unknown rule is no membership, and its negation holds
	b := caseBench(t, `
segments:
  - {name: notA, when: '!segment("A")'}
  - {name: A, when: 'a > 1'}
  - {name: germans, when: 'country == "DE" && !segment("A")'}
`)
	snapshot(b, "2026-01-01", caseUser{ID: 1, A: to(int64(5)), Country: to("DE")}, caseUser{ID: 2, A: to(int64(9))}, caseUser{ID: 3, A: to(int64(0)), Country: to("DE")}, caseUser{ID: 4, Country: to("FR")}, caseUser{ID: 5, Country: to("DE")})
	m := b.run("2026-01-01")
	sameTexts(t, "not in A", b.members(m, "notA"), "3", "4", "5")
	sameTexts(t, "germans", b.members(m, "germans"), "3", "5")
	sameTexts(t, "sizes", sizes(m), "notA 3 0 0", "A 2 2 0", "germans 2 0 0")
}

func TestC026_ARunCountsTheUnassigned(t *testing.T) {
	b := caseBench(t, `segments: [{name: half, when: 'hash_split("s", 0.5, a)'}, {name: variant, when: 'variant("s", {"A": 1, "B": 0}, a) == "A"'}]`)
	snapshot(b, "2026-01-01", caseUser{ID: 6, A: to(int64(4))}, caseUser{ID: 7}, caseUser{ID: 8, A: to(int64(4))})
	for _, s := range b.run("2026-01-01").Segments {
		if s.Unknown != 1 || s.Errors != 0 {
			t.Errorf("%s: %d users without a key, %d errors; want 1 and 0", s.Name, s.Unknown, s.Errors)
		}
	}
}

func TestC028_ARunGoesOnAfterABadText(t *testing.T) {
	b := caseBench(t, `segments: [{name: early, when: 'date(timestamp(country)) < date("2024-04-19")'}]`)
	snapshot(b, "2026-01-01", caseUser{ID: 1, Country: to("2024-04-18T20:47:17.945Z")}, caseUser{ID: 2, Country: to("18/04/2024")}, caseUser{ID: 3})
	m := b.run("2026-01-01")
	sameTexts(t, "members", b.members(m, "early"), "1")
	sameTexts(t, "sizes", sizes(m), "early 1 1 1")
}

func TestC033_ARunCountsOverflow(t *testing.T) { // in arithmetic, and in a sum over a list
	b := caseBench(t, `segments: [{name: s, when: 'b + 1 > 0'}, {name: sums, when: '[b, b].sum(x, x) > 0'}, {name: divided, when: '10 / (b - 5) > 0 || b == 5'}]`)
	snapshot(b, "2026-01-01", caseUser{ID: 1, B: 9223372036854775807}, caseUser{ID: 2, B: 5}, caseUser{ID: 3, B: -9223372036854775808})
	m := b.run("2026-01-01")
	sameTexts(t, "members", b.members(m, "s"), "2")
	sameTexts(t, "sizes", sizes(m), "s 1 0 1", "sums 1 0 2", "divided 1 0 1")
}

func TestC034_IDsBesideNulls(t *testing.T) { // large ids stay exact beside a null one, which is a reject
	type nullable struct {
		ID  *int64 `parquet:"id,optional"`
		Grp string `parquet:"grp"`
	}
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a"'}, {name: one, when: 'id == 9007199254740993'}]`)
	snapshot(b, "2026-01-01", nullable{to(int64(9007199254740993)), "a"}, nullable{nil, "a"}, nullable{to(int64(5)), "a"}, nullable{to(int64(9007199254740992)), "b"})
	m := b.run("2026-01-01")
	sameTexts(t, "members", b.members(m, "s"), "5", "9007199254740993")
	sameTexts(t, "one", b.members(m, "one"), "9007199254740993")
	if m.Rejects.Nulls != 1 || m.Users != 3 {
		t.Errorf("%d rejects of null ids and %d users, want 1 and 3", m.Rejects.Nulls, m.Users)
	}
	snapshot(b, "2026-01-02", nullable{to(int64(9007199254740992)), "a"}, nullable{to(int64(9007199254740993)), "a"}, nullable{to(int64(5)), "b"})
	sameTexts(t, "d2", b.changes(b.run("2026-01-02")), "5 s exited user_changed", "9007199254740992 s entered user_changed")
}

func TestC036_ARuleColumnChangesItsType(t *testing.T) {
	type number struct {
		ID  int64 `parquet:"id"`
		Age int64 `parquet:"age"`
	}
	type text struct {
		ID  int64  `parquet:"id"`
		Age string `parquet:"age"`
	}
	b := caseBench(t, `segments: [{name: adults, when: 'age >= 18'}]`)
	snapshot(b, "2026-01-01", number{1, 20}, number{2, 10})
	snapshot(b, "2026-01-02", text{1, "20"}, text{2, "10"})
	b.run("2026-01-01")
	_, err := pipeline.Run(t.Context(), b.job("2026-01-02"))
	var input *pipeline.InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), `column "age", which rules use, is now utf8; it was int64`) {
		t.Fatalf("run = %v; want an InputError that names the column and both types", err)
	}
	declared := strings.Replace(caseHead, "max_rejects: 100%", "max_rejects: 100%, columns: {age: {as: int}}", 1)
	b = benchOf(t, declared+`segments: [{name: adults, when: 'age >= 18'}]`)
	snapshot(b, "2026-01-01", number{1, 20}, number{2, 10})
	snapshot(b, "2026-01-02", text{1, "20"}, text{2, "10"})
	b.run("2026-01-01")
	sameTexts(t, "declared", b.changes(b.run("2026-01-02")))
}

func TestC049_RelativeDatesOverRuns(t *testing.T) { // each run resolves "this month" anew, a rerun of the past too
	b := caseBench(t, `segments: [{name: month, when: 'year(seen) == year(today) && month(seen) == month(today)'}]`)
	rows := []caseUser{{ID: 8, Seen: at("2026-08-02T00:00:00Z")}, {ID: 9, Seen: at("2026-09-01T00:00:00Z")}, {ID: 10, Seen: at("2026-10-31T23:59:59Z")}}
	for _, date := range []string{"2026-09-30", "2026-10-01", "2026-08-15"} {
		snapshot(b, date, rows...)
	}
	sameTexts(t, "September", b.members(b.run("2026-09-30"), "month"), "9")
	october := b.run("2026-10-01")
	sameTexts(t, "October", b.members(october, "month"), "10")
	sameTexts(t, "changes", b.changes(october), "10 month entered time_passed", "9 month exited time_passed")
	sameTexts(t, "August, later", b.members(b.run("2026-08-15"), "month"), "8")
}

func TestC052_TimeAloneMovesPeopleInRuns(t *testing.T) { // the same rows every day
	b := caseBench(t, `segments: [{name: gone, when: 'now - seen > duration("720h")'}, {name: old, when: 'older_than(seen, "30d")'}]`)
	for _, date := range []string{"2026-01-30", "2026-01-31", "2026-02-01"} {
		snapshot(b, date, caseUser{ID: 1, Seen: at("2026-01-02T00:00:00Z")}) // the end of 1 January
	}
	b.run("2026-01-30")
	sameTexts(t, "exactly 30 days", b.changes(b.run("2026-01-31")))
	sameTexts(t, "a day later", b.changes(b.run("2026-02-01")), "1 gone entered time_passed", "1 old entered time_passed")
}

func TestC053_AWindowRunsOut(t *testing.T) { // no event is left, and the member goes
	type eventful struct {
		ID     int64   `parquet:"id"`
		Events []int64 `parquet:"events,list"` // seconds
	}
	b := caseBench(t, `segments: [{name: active, when: 'events.count(e, within(timestamp(e), "30d")) >= 3'}, {name: recent, when: 'within(events.max(e, timestamp(e)), "30d")'}]`)
	first := at("2026-01-01T10:00:00Z").Unix()
	for _, date := range []string{"2026-01-02", "2026-02-09"} {
		snapshot(b, date, eventful{1, []int64{first, first + 3600, first + 7200}}, eventful{2, nil})
	}
	d2 := b.run("2026-01-02")
	sameTexts(t, "d2", b.members(d2, "active"), "1")
	sameTexts(t, "d2", sizes(d2), "active 1 0 0", "recent 1 1 0")
	sameTexts(t, "d40", b.changes(b.run("2026-02-09")), "1 active exited time_passed", "1 recent exited time_passed")
}

func TestC059_NotEvenForOneRun(t *testing.T) { // whatever the names and their order
	for _, names := range [][2]string{{"a_buyers", "z_staff"}, {"z_buyers", "a_staff"}} {
		buyers := fmt.Sprintf(`{name: %s, when: 'country == "DE" && !segment("%s")'}`, names[0], names[1])
		staff := fmt.Sprintf(`{name: %s, when: 'email.endsWith("@corp")'}`, names[1])
		for _, order := range [][]string{{buyers, staff}, {staff, buyers}} {
			b := caseBench(t, fmt.Sprintf("segments: [%s]", strings.Join(order, ", ")))
			snapshot(b, "2026-01-01", caseUser{ID: 1, Country: to("DE"), Email: "ann@home"})
			snapshot(b, "2026-01-02", caseUser{ID: 1, Country: to("DE"), Email: "ann@home"}, caseUser{ID: 2, Country: to("DE"), Email: "new@corp"})
			b.run("2026-01-01")
			m := b.run("2026-01-02")
			sameTexts(t, "d2", b.changes(m), "2 "+names[1]+" entered user_new")
			sameTexts(t, "buyers", b.members(m, names[0]), "1")
		}
	}
}

func TestC065_AUnionLosesItsMembersOnTheDay(t *testing.T) { // through segments, and through a lifecycle
	b := caseBench(t, `
segments:
  - {name: U, when: 'segment("A") || segment("B")'}
  - {name: A, when: 'a > 1'}
  - {name: B, when: 'b > 1'}
  - {name: staged, when: 'stage("l") == "in"'}
lifecycles: [{name: l, stages: [{name: in, when: 'segment("U")'}, {name: out, when: 'true'}]}]
`)
	snapshot(b, "2026-01-01", caseUser{ID: 1, A: to(int64(5)), B: 5})
	snapshot(b, "2026-01-02", caseUser{ID: 1, A: to(int64(0)), B: 0})
	sameTexts(t, "d1", b.members(b.run("2026-01-01"), "staged"), "1")
	sameTexts(t, "d2", b.changes(b.run("2026-01-02")), "1 A exited user_changed", "1 B exited user_changed", "1 U exited user_changed", "1 l moved:in>out user_changed", "1 staged exited user_changed")
}

func TestC067_OneMoveHasOneID(t *testing.T) { // both sides of a move are in one row; a first stage and a lost one are their own changes
	b := caseBench(t, `lifecycles: [{name: journey, stages: [{name: customer, when: 'a > 1'}, {name: lead, when: 'a > 0'}]}]`)
	want := map[string][]string{
		"2026-01-01": {"1 journey initial:>lead segment_added"}, "2026-01-02": {"1 journey moved:lead>customer user_changed"},
		"2026-01-03": {"1 journey exited:customer> user_changed"}, "2026-01-04": {"1 journey entered:>lead user_changed"},
	}
	seen := map[string]bool{}
	for i, a := range []int64{1, 2, 0, 1} {
		date := fmt.Sprintf("2026-01-0%d", i+1)
		snapshot(b, date, caseUser{ID: 1, A: to(a)})
		m := b.run(date)
		sameTexts(t, date, b.changes(m), want[date]...)
		for _, row := range b.table(m, "transitions") {
			seen[row["event_id"]] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d ids for 4 changes", len(seen))
	}
}

func TestC070_AVariantIsAddedOverNight(t *testing.T) { // every transition is into C, or out of A or B for it
	b := caseBench(t, variantSegments(`{"A": 50, "B": 50}`))
	var rows []caseUser
	for i := range int64(2000) {
		rows = append(rows, caseUser{ID: i})
	}
	snapshot(b, "2026-01-01", rows...)
	snapshot(b, "2026-01-02", rows...)
	b.run("2026-01-01")
	b.define(variantSegments(`{"A": 45, "B": 45, "C": 10}`))
	moved := map[string][]string{}
	for _, change := range b.changes(b.run("2026-01-02")) {
		words := strings.Fields(change)
		moved[words[0]] = append(moved[words[0]], words[1]+" "+words[2]+" "+words[3])
	}
	for user, changes := range moved {
		if !slices.Contains(changes, "inC initial segment_added") && !slices.Contains(changes, "inC entered rule_changed") || len(changes) != 2 {
			t.Errorf("user %s: %v", user, changes)
		}
	}
	if len(moved) < 140 || len(moved) > 260 {
		t.Errorf("%d users of 2000 moved into a variant of 10 %%", len(moved))
	}
}

func variantSegments(weights string) string {
	var out strings.Builder
	out.WriteString("traits: [{name: arm, value: 'variant(\"v1\", " + weights + ")'}]\nsegments:\n")
	for _, name := range []string{"A", "B", "C"} {
		fmt.Fprintf(&out, "  - {name: in%s, when: 'arm == %q'}\n", name, name)
	}
	return out.String()
}
