package rules

import (
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
)

// The cases of CASES.md, groups B to D, from a rule's text to answers over Arrow columns. T true, F false, U unknown, E error.

// columnsOf are the columns of a case's snapshot by name.
type columnsOf map[string]arrow.Array

// A question is what a case asks, and when.
type question struct {
	zone    string // default UTC
	now     string // RFC 3339; default the end of today
	today   string // default the local day of now
	declare []configs.ColumnDecl
	traits  []configs.Trait
	lists   map[string]*List
}

// at gives the instant and the day of the question.
func (q question) at(t *testing.T) (time.Time, int32) {
	t.Helper()
	zone, err := configs.LoadZone(q.zoneName())
	if err != nil {
		t.Fatal(err)
	}
	if q.now == "" {
		day := dayNumber(t, q.today)
		return StartOfDay(day+1, zone), day
	}
	now, err := time.Parse(time.RFC3339Nano, q.now)
	if err != nil {
		t.Fatal(err)
	}
	return now, int32(dayOf(now.In(zone)))
}

func (q question) zoneName() string {
	if q.zone == "" {
		return "UTC"
	}
	return q.zone
}

func dayNumber(t *testing.T, text string) int32 {
	t.Helper()
	if text == "" {
		text = "2026-11-02"
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return int32(day.Unix() / 86400)
}

// segments compiles segments (name, rule, name, rule ...) and answers each of them with a letter a row; as members do,
// with include and exclude applied, where the letter is T or F only.
func (q question) segments(t *testing.T, columns columnsOf, namesAndRules ...string) (letters []string) {
	t.Helper()
	definitions := &configs.Definitions{Timezone: q.zoneName(), UserID: "id", Columns: q.declare, Traits: q.traits}
	for i := 0; i < len(namesAndRules); i += 2 {
		definitions.Segments = append(definitions.Segments, configs.Segment{Name: namesAndRules[i], When: configs.NewExpr(namesAndRules[i+1])})
	}
	now, today := q.at(t)
	rec := record(t, columns)
	plan, err := Compile(rec.Schema(), []Step{{Definitions: definitions, Now: now, Today: today, Lists: q.lists}}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	for _, segment := range plan.Segments(0) {
		letters = append(letters, answers.Cut(segment.When).String())
	}
	return letters
}

// wants asks rules (rule, letters, rule, letters ...) and compares with the letters expected; cel-go, row by row, must agree.
func (q question) wants(t *testing.T, columns columnsOf, rulesAndLetters ...string) {
	t.Helper()
	for i := 0; i < len(rulesAndLetters); i += 2 {
		rule, want := rulesAndLetters[i], rulesAndLetters[i+1]
		if got := q.segments(t, columns, "it", rule)[0]; got != want {
			t.Errorf("%s\n got %s\nwant %s", rule, got, want)
		}
		if got := q.oracle(t, columns, rule); got != want {
			t.Errorf("%s\ncel-go says %s\n      want %s", rule, got, want)
		}
	}
}

func (q question) oracle(t *testing.T, columns columnsOf, rule string) string {
	t.Helper()
	now, today := q.at(t)
	step := Step{Now: now, Today: today, Lists: q.lists, Definitions: &configs.Definitions{
		Timezone: q.zoneName(), UserID: "id", Columns: q.declare, Traits: q.traits,
		Segments: []configs.Segment{{Name: "it", When: configs.NewExpr(rule)}},
	}}
	o, err := newOracle(step, record(t, columns), "id")
	if err != nil {
		t.Fatal(err)
	}
	return o.answers()
}

// refuses compiles a rule and returns what is wrong with it.
func (q question) refuses(t *testing.T, columns columnsOf, rule string) string {
	t.Helper()
	now, today := q.at(t)
	definitions := &configs.Definitions{
		Timezone: q.zoneName(), UserID: "id", Columns: q.declare, Traits: q.traits,
		Segments: []configs.Segment{{Name: "it", When: configs.NewExpr(rule)}},
	}
	_, err := Compile(record(t, columns).Schema(), []Step{{Definitions: definitions, Now: now, Today: today, Lists: q.lists}}, Options{UserID: "id"})
	if err == nil {
		t.Errorf("%s: no fault", rule)
		return ""
	}
	return err.Error()
}

// int64s is an int64 column; nil is null.
func int64s(t testing.TB, values ...any) arrow.Array {
	return build(t, arrow.PrimitiveTypes.Int64, func(b *array.Int64Builder) {
		for _, v := range values {
			if v == nil {
				b.AppendNull()
			} else {
				b.Append(int64(v.(int)))
			}
		}
	})
}

// bools is a bool column; nil is null.
func bools(t testing.TB, values ...any) arrow.Array {
	return build(t, arrow.FixedWidthTypes.Boolean, func(b *array.BooleanBuilder) {
		for _, v := range values {
			if v == nil {
				b.AppendNull()
			} else {
				b.Append(v.(bool))
			}
		}
	})
}

// instants is a column of microseconds in UTC.
func instants(t testing.TB, values ...string) arrow.Array {
	return build(t, arrow.FixedWidthTypes.Timestamp_us, func(b *array.TimestampBuilder) {
		for _, v := range values {
			at, err := time.Parse(time.RFC3339Nano, v)
			if err != nil {
				b.AppendNull()
				continue
			}
			b.Append(arrow.Timestamp(at.UnixMicro()))
		}
	})
}

// days is a DATE column.
func days(t testing.TB, values ...string) arrow.Array {
	return build(t, arrow.FixedWidthTypes.Date32, func(b *array.Date32Builder) {
		for _, v := range values {
			at, err := time.Parse(time.DateOnly, v)
			if err != nil {
				b.AppendNull()
				continue
			}
			b.Append(arrow.Date32FromTime(at))
		}
	})
}
