package rules

import (
	"strings"
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
	answers, err := plan.NewEvaluator(0, nil).EvalRecord(rec)
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

func TestC017_SetNullEmptyAndTheWordNull(t *testing.T) {
	columns := columnsOf{"p": texts(t, nil, "null", "", "v")}
	question{}.wants(t, columns, `p != null`, "FTTT", `p == null`, "TFFF", `nonempty(p)`, "FTFT", `has(p)`, "FTTT", `null == p`, "TFFF", `is_null(p)`, "TFFF")
	declared := question{declare: []configs.ColumnDecl{{Name: "p", NullText: []string{"null"}}}}
	declared.wants(t, columns, `p != null`, "FFTT", `p == null`, "TTFF", `nonempty(p)`, "FFFT", `p == "null"`, "UUFF", `coalesce(p, "-") == "-"`, "TTFF")
}

func TestC019_NegatingAnOr(t *testing.T) {
	columns := columnsOf{"a": int64s(t, 1, 0, 0, 1, nil), "b": int64s(t, 0, 1, 0, 1, 0)}
	question{}.wants(t, columns, `!(a == 1 || b == 1)`, "FFTFU", `a != 1 && b != 1`, "FFTFU")
}

func TestC020_NotInASegment(t *testing.T) {
	columns := columnsOf{"id": int64s(t, 1, 2, 3, 4, 5), "country": texts(t, "DE", "DE", "DE", "FR", nil)}
	got := question{}.segments(t, columns, "b", `!segment("a")`, "a", `id in [1, 2]`, "c", `country == "DE" && !segment("a")`)
	if want := "FFTTT,TTFFF,FFTFU"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestC020_UnknownIsNotAMember: segment("x") is two-valued, so its negation holds for those whom the rule does not know.
func TestC020_UnknownIsNotAMember(t *testing.T) {
	columns := columnsOf{"n": int64s(t, 10, nil, 0)}
	got := question{}.segments(t, columns, "a", `n > 5`, "b", `!segment("a")`, "failing", `10 / n > 1`, "c", `segment("failing")`)
	if want := "TUF,FTT,FUE,FFF"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestC022_BooleanNull(t *testing.T) {
	columns := columnsOf{"opt_in": bools(t, true, false, nil)}
	question{}.wants(t, columns, `opt_in == false`, "FTU", `opt_in != true`, "FTU", `!opt_in`, "FTU", `is_true(opt_in)`, "TFF", `!is_true(opt_in)`, "FTT")
}

func TestC023_EmptyNullAndBlank(t *testing.T) {
	columns := columnsOf{"v": texts(t, nil, "", " ", "a")}
	question{}.wants(t, columns, `empty(v)`, "TTFF", `empty(v.trim())`, "TTTF", `nonempty(v)`, "FFTT", `empty(trim(v))`, "TTTF")
}

func TestC025_NotInWithNull(t *testing.T) {
	columns := columnsOf{"plan": texts(t, "a", "z", nil), "other": texts(t, nil, "z", "q")}
	question{}.wants(t, columns, `!(plan in ["a", "b"])`, "FTU", `plan in ["a", "b"]`, "TFU",
		`plan in ["a", other]`, "TTU", `plan in [other, "a"]`, "TTU", `plan in ["b", other]`, "UTU", `plan in []`, "FFU")
}

func TestC026_EndToEnd(t *testing.T) {
	columns := columnsOf{"id": int64s(t, 7, 8), "company_id": texts(t, nil, "acme")}
	got := question{}.segments(t, columns, "it", `hash_split("s", 0.5, company_id)`, "all", `hash_split("s", 1.0, company_id)`, "none", `hash_split("s", 0, company_id)`)
	if got[0][0] != 'U' || got[0][1] == 'U' || got[1] != "UT" || got[2] != "UF" {
		t.Errorf("got %v: a user without the key is in no bucket", got)
	}
}

func TestC028_TextsAsInstants(t *testing.T) {
	columns := columnsOf{"ts": texts(t, "2024-04-18T20:47:17.945Z", "18/04/2024", nil), "at": instants(t, "2024-04-18T20:47:17.945Z", "", "")}
	question{}.wants(t, columns, `date(timestamp(ts)) < date("2024-04-19")`, "TEU", `date(at) < date("2024-04-19")`, "TUU")
	for rule, hint := range map[string]string{
		`timestamp(ts) < date("2024-04-19")`: "date(x) to compare days",
		`at < "2024-04-19"`:                  `timestamp("2026-11-02T00:00:00Z")`,
		`at < date("2024-04-19")`:            "date(x) to compare days",
	} {
		if got := (question{}).refuses(t, columns, rule); !strings.Contains(got, hint) {
			t.Errorf("%s\n%s\nhas no hint %q", rule, got, hint)
		}
	}
}

func TestC029_FromTextToAnswer(t *testing.T) {
	columns := columnsOf{"x": int64s(t, 9007199254740993, 9007199254740992, 9223372036854775807), "d": build(t, arrow.PrimitiveTypes.Float64, func(b *array.Float64Builder) {
		b.AppendValues([]float64{9007199254740992, 9007199254740992, 9223372036854775808}, nil)
	})}
	for rule, want := range map[string]string{
		`x == 9007199254740992.0`: "FTF", `x < 9223372036854775808.0`: "TTT", `x in [9007199254740992.0]`: "FTF",
		`9223372036854775807 < 9223372036854775808.0`: "TTT", `x == d`: "FTF", `x > d`: "TFF", `d < x`: "TFF", `x >= d`: "TTF", `x != d`: "TFT",
		`d == 9007199254740992`: "TTF",
	} {
		if got := (question{}).segments(t, columns, "it", rule)[0]; got != want {
			t.Errorf("%s: got %s, want %s", rule, got, want)
		}
	}
}

func TestC030_ComparisonsWithNull(t *testing.T) {
	question{}.wants(t, columnsOf{"v": texts(t, nil, "t"), "n": int64s(t, nil, 5)}, `v == null`, "TF", `n > 3`, "UT", `n == null`, "TF", `!(n == null)`, "FT")
}

func TestC031_ErrorBesideOr(t *testing.T) {
	columns := columnsOf{"plan": texts(t, "pro", "free", "free"), "logins": int64s(t, 1, 1, 9), "days": int64s(t, 0, 0, 3)}
	question{}.wants(t, columns, `plan == "pro" || logins / days > 2`, "TET", `logins / days > 2 || plan == "pro"`, "TET",
		`plan == "free" && logins / days > 2`, "FET", `logins / days > 2 && plan == "free"`, "FET", `!(logins / days > 2) || plan == "pro"`, "TEF")
}

func TestC033_Overflow(t *testing.T) {
	columns := columnsOf{"cents": int64s(t, 9223372036854775807, 5, nil), "least": int64s(t, -9223372036854775808, 1, 1)}
	question{}.wants(t, columns, `cents + 1 > 0`, "ETU", `1 + cents > 0`, "ETU", `cents * 2 > 0`, "ETU", `-least != 0`, "ETT", `least - 1 < 0`, "EFF",
		`least / -1 > 0`, "EFF", `least % -1 == 0`, "ETT")
}

// TestC034_LargeIDs: 64-bit ids are exact beside nulls, in comparisons and in lists.
func TestC034_LargeIDs(t *testing.T) {
	list, err := NewList([]byte("9007199254740993\n5\n"))
	if err != nil {
		t.Fatal(err)
	}
	columns := columnsOf{"id": int64s(t, 9007199254740993, nil, 5, 9007199254740992)}
	question{lists: map[string]*List{"a.txt": list}}.wants(t, columns, `id in file("a.txt")`, "TUTF", `id == 9007199254740993`, "TUFF", `id in [9007199254740993, 7]`, "TUFF")
}

func TestC037_TheDayIsLocal(t *testing.T) {
	columns := columnsOf{"d": days(t, "2018-12-27", "2018-12-26")}
	for now, want := range map[string]string{"2018-11-27T00:13:00Z": "FT", "2018-11-27T12:00:00Z": "TF"} {
		question{zone: "America/New_York", now: now}.wants(t, columns, `d == add_days(today, 30)`, want)
	}
}

func TestC038_DateColumnIsToday(t *testing.T) {
	question{zone: "America/New_York", now: "2018-01-02T03:00:00Z"}.wants(t, columnsOf{"d": days(t, "2018-01-01", "2018-01-02", "")}, `d == today`, "TFU")
}

func TestC040_AnInstantIsOnTheLocalDay(t *testing.T) {
	columns := columnsOf{"ts": instants(t, "2023-01-08T22:59:59.999999Z", "2023-01-08T23:00:00Z", "2023-01-09T22:59:59.999999Z", "2023-01-09T23:00:00Z")}
	question{zone: "Europe/Prague", now: "2023-01-09T05:29:00Z"}.wants(t, columns, `on(ts, today)`, "FTTF", `date(ts) == today`, "FTTF", `days_since(ts) == 0`, "FTTF")
}

func TestC041_NowAndToday(t *testing.T) {
	columns := columnsOf{"expires": instants(t, "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z", "2026-03-02T15:00:00Z")}
	question{now: "2026-03-01T09:01:00Z"}.wants(t, columns, `expires < now`, "TFF", `date(expires) < today`, "FFF", `expires < days_ago(0)`, "FFF")
}

func TestC043_YesterdayIsAWholeDay(t *testing.T) {
	columns := columnsOf{"at": instants(t, "2023-11-02T00:30:00Z", "2023-11-02T13:00:00Z", "2023-11-03T00:00:00Z")}
	question{now: "2023-11-03T12:00:00Z"}.wants(t, columns, `on(at, add_days(today, -1))`, "TTF", `at >= days_ago(1) && at < days_ago(0)`, "TTF", `days_since(at) == 1`, "TTF")
}

func TestC044_RollingAndCalendar(t *testing.T) {
	columns := columnsOf{"ts": instants(t, "2026-04-14T00:30:00Z")}
	question{now: "2026-04-17T01:00:00Z"}.wants(t, columns, `within(ts, "72h")`, "F", `ts >= days_ago(3)`, "T")
}

func TestC046_TheLongDay(t *testing.T) {
	columns := columnsOf{"ts": instants(t, "2024-11-03T03:59:59.999999Z", "2024-11-03T04:00:00Z", "2024-11-04T04:30:00Z", "2024-11-04T05:00:00Z")}
	question{zone: "America/New_York", now: "2024-11-10T00:00:00Z"}.wants(t, columns, `on(ts, date("2024-11-03"))`, "FTTF")
}

// TestC046_TheDayWithoutMidnight: the clock skips midnight, so the day begins at one.
func TestC046_TheDayWithoutMidnight(t *testing.T) {
	columns := columnsOf{"ts": instants(t, "2018-11-04T02:59:59.999999Z", "2018-11-04T03:00:00Z", "2018-11-05T01:59:59.999999Z", "2018-11-05T02:00:00Z")}
	question{zone: "America/Sao_Paulo", today: "2018-11-05"}.wants(t, columns, `on(ts, date("2018-11-04"))`, "FTTF", `ts >= days_ago(1) && ts < days_ago(0)`, "FTTF",
		`date(ts) == date("2018-11-04")`, "FTTF")
}

func TestC049_RelativeDatesAreNotFrozen(t *testing.T) {
	columns := columnsOf{"d": days(t, "2026-08-31", "2026-09-01", "2026-09-30", "2026-10-01", "2026-10-31", "2026-08-01")}
	for today, want := range map[string]string{"2026-09-30": "FTTFFF", "2026-10-01": "FFFTTF", "2026-08-15": "TFFFFT"} {
		question{today: today}.wants(t, columns, `year(d) == year(today) && month(d) == month(today)`, want)
	}
}

func TestC052_TimeAloneMovesPeople(t *testing.T) {
	columns := columnsOf{"last_seen": instants(t, "2026-01-01T09:00:00Z")}
	for now, want := range map[string]string{"2026-01-31T09:00:00Z": "F", "2026-02-01T09:00:00Z": "T"} {
		question{now: now}.wants(t, columns, `now - last_seen > duration("720h")`, want, `older_than(last_seen, "30d")`, want)
	}
}

// instantLists is a column of lists of instants; a nil list is null.
func instantLists(t testing.TB, rows ...[]string) arrow.Array {
	return build(t, arrow.ListOf(arrow.FixedWidthTypes.Timestamp_us), func(b *array.ListBuilder) {
		for _, row := range rows {
			b.Append(row != nil)
			for _, text := range row {
				at, err := time.Parse(time.RFC3339Nano, text)
				if err != nil {
					b.ValueBuilder().AppendNull()
					continue
				}
				b.ValueBuilder().(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMicro()))
			}
		}
	})
}

func TestC053_CountInAWindowRunsOut(t *testing.T) {
	three := []string{"2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"}
	columns := columnsOf{"events": instantLists(t, three, three[:2], []string{}, nil)}
	for today, want := range map[string]string{"2026-01-02": "TFFU", "2026-02-09": "FFFU"} {
		question{today: today}.wants(t, columns, `events.count(e, within(e, "30d")) >= 3`, want)
	}
}

func TestC055_Windows(t *testing.T) {
	columns := columnsOf{"at": instants(t, "2026-03-29T12:00:00Z", "2026-03-21T12:00:00Z", "2026-02-19T12:00:00Z", "2026-04-01T00:00:01Z")}
	question{now: "2026-03-31T12:00:00Z"}.wants(t, columns, `within(at, "7d")`, "TFFF", `within(at, "30d")`, "TTFF", `at <= now`, "TTTF")
}

func TestC056_PeriodsInManySpellings(t *testing.T) {
	columns := columnsOf{"at": instants(t, "2026-03-25T12:00:00Z", "2026-03-25T11:00:00Z", "2026-03-25T10:59:59Z")}
	night := question{zone: "Europe/Paris", now: "2026-04-01T11:00:00Z"} // a week with a change of the clock: 167 hours
	night.wants(t, columns, `within(at, "7d")`, "TFF", `within(at, "1w")`, "TFF", `within(at, "168h")`, "TTF")
	for _, period := range []string{"7 foos", "7", "d", "-7d", "7 d", "7D", "7m", "1.5d", "", "99999999999999999999d", "7d12h"} {
		got := night.refuses(t, columns, `within(at, "`+period+`")`)
		if !strings.Contains(got, "1:12:") || !strings.Contains(got, `such as "12h"`) {
			t.Errorf("%q: %s", period, got)
		}
	}
	if got := night.refuses(t, columns, `within(at, {"days": 7})`); !strings.Contains(got, "a period") {
		t.Error(got)
	}
}

func TestC058_HoursAndZones(t *testing.T) {
	columns := columnsOf{"at": instants(t, "2024-07-24T12:30:00Z", "2024-01-24T12:30:00Z")}
	question{}.wants(t, columns, `at.getHours() == 12`, "TT", `hour(at) == 12`, "TT", `at.getHours("Europe/Berlin") == 14`, "TF", `at.getHours("Europe/Berlin") == 13`, "FT",
		`at.getHours("+05:30") == 18`, "TT")
	question{zone: "Europe/Berlin"}.wants(t, columns, `hour(at) == 14`, "TF", `hour(at) == 13`, "FT", `at.getHours() == 12`, "TT")
	question{zone: "Asia/Kolkata"}.wants(t, columns, `hour(at) == 18`, "TT")
}

func TestC050_UnknownZoneInARule(t *testing.T) {
	columns := columnsOf{"at": instants(t, "2024-07-24T12:30:00Z")}
	for _, rule := range []string{`at.getHours("Europe/Berln") == 14`, `date(at, "Europe/Berln") == today`} {
		if got := (question{}).refuses(t, columns, rule); !strings.Contains(got, `there is no zone "Europe/Berln"`) {
			t.Errorf("%s: %s", rule, got)
		}
	}
}

func TestC059_OrderOfNamesDoesNotCount(t *testing.T) {
	columns := columnsOf{"country": texts(t, "DE", "DE", "FR"), "email": texts(t, "a@corp", "b@home", "c@corp")}
	staff, buyers := `email.endsWith("@corp")`, `country == "DE" && !segment("%s")`
	for _, names := range [][2]string{{"a_buyers", "z_staff"}, {"z_buyers", "a_staff"}} {
		rule := strings.ReplaceAll(buyers, "%s", names[1])
		for _, both := range [][]string{{names[0], rule, names[1], staff}, {names[1], staff, names[0], rule}} {
			got := question{}.segments(t, columns, both...)
			if both[0] == names[1] {
				got[0], got[1] = got[1], got[0]
			}
			if want := "FTF,TFT"; strings.Join(got, ",") != want {
				t.Errorf("%v: got %v, want %s", both, got, want)
			}
		}
	}
}

// TestC061_ADiamondIsNoCycle: and D's rule is one node, however many segments use it.
func TestC061_ADiamondIsNoCycle(t *testing.T) {
	columns := columnsOf{"n": int64s(t, 1, 5, 9, nil)}
	got := question{}.segments(t, columns, "a", `segment("d") && segment("c")`, "c", `segment("d") && n < 8`, "d", `n > 3`)
	if want := "FTFF,FTFF,FTTU"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	definitions := &configs.Definitions{Timezone: "UTC", UserID: "id", Segments: []configs.Segment{
		{Name: "a", When: configs.NewExpr(`segment("d") && segment("c")`)},
		{Name: "c", When: configs.NewExpr(`segment("d") && n < 8`)},
		{Name: "d", When: configs.NewExpr(`n > 3`)},
	}}
	plan, err := Compile(record(t, columns).Schema(), []Step{{Definitions: definitions}, {Definitions: definitions}}, Options{UserID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	comparisons := 0
	for _, n := range plan.nodes {
		if n.op == opLt {
			comparisons++
		}
	}
	if comparisons != 2 || len(plan.Cuts()) != 3 {
		t.Errorf("%d comparisons and %d cuts for two steps, want 2 and 3", comparisons, len(plan.Cuts()))
	}
}

func TestC062_Circles(t *testing.T) {
	definitions := &configs.Definitions{Timezone: "UTC", UserID: "id", Segments: []configs.Segment{
		{Name: "self", When: configs.NewExpr(`!segment("self")`)},
		{Name: "a", When: configs.NewExpr(`n > 1 && segment("b")`)},
		{Name: "b", When: configs.NewExpr(`segment("c")`)},
		{Name: "c", When: configs.NewExpr(`segment("a") || n == 0`)},
		{Name: "user_of_circle", When: configs.NewExpr(`segment("a")`)},
	}}
	_, err := Compile(record(t, columnsOf{"n": int64s(t, 1)}).Schema(), []Step{{Definitions: definitions}}, Options{UserID: "id"})
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{"refers to itself", "a -> b -> c -> a"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%v\nsays %q %d times", err, want, strings.Count(err.Error(), want))
		}
	}
}

// TestC064_PrecedenceAndBrackets asks all combinations, in several glues of the same conditions.
func TestC064_PrecedenceAndBrackets(t *testing.T) {
	var p, q, c, e []any
	for i := range 81 {
		three := []any{true, false, nil}
		country := []any{"FR", "", nil}
		p, q, c = append(p, three[i%3]), append(q, three[i/3%3]), append(c, country[i/9%3])
		e = append(e, []any{"A", "B", nil}[i/27])
	}
	columns := columnsOf{"p": bools(t, p...), "q": bools(t, q...), "c": texts(t, c...), "t": texts(t, e...)}
	for _, rule := range []string{
		`!p && !q && (c == "FR" && t == "A" || c == "" && t == "A")`, `!p && !q && c == "FR" && t == "A" || c == "" && t == "A"`,
		`!(p || q) && t == "A" && (c == "FR" || c == "")`, `(c == "FR" && t == "A") || (c == "" && t == "A")`, `p || q && c == "FR" ? t == "A" : !q`,
	} {
		question := question{}
		if got, want := question.segments(t, columns, "it", rule)[0], question.oracle(t, columns, rule); got != want {
			t.Errorf("%s\n got %s\nwant %s", rule, got, want)
		}
	}
}

// TestC065_AUnionLosesItsMembersAtOnce: what a segment is made of is answered in the same run.
func TestC065_AUnionLosesItsMembersAtOnce(t *testing.T) {
	for _, day := range []struct {
		a, b int
		want string
	}{{5, 5, "T"}, {0, 5, "T"}, {0, 0, "F"}} {
		columns := columnsOf{"x": int64s(t, day.a), "y": int64s(t, day.b)}
		if got := (question{}).segments(t, columns, "u", `segment("a") || segment("b")`, "a", `x > 1`, "b", `y > 1`); got[0] != day.want {
			t.Errorf("%v: got %s", day, got[0])
		}
	}
}

func TestC068_EndToEnd(t *testing.T) {
	const users = 100_000
	ids := build(t, arrow.PrimitiveTypes.Int64, func(b *array.Int64Builder) {
		for i := range users {
			b.Append(int64(i))
		}
	})
	got := question{}.segments(t, columnsOf{"id": ids}, "r", `hash_split("r1", 0.1)`, "a", `hash_split("t1", 0.5)`, "more", `hash_split("r1", 0.2)`, "bucket", `bucket("r1", 10) == 0`)
	rollout, inA := 0, 0
	for i := range users {
		if got[0][i] != 'T' {
			continue
		}
		rollout++
		if got[1][i] == 'T' {
			inA++
		}
		if got[2][i] != 'T' || got[3][i] != 'T' {
			t.Fatalf("user %d is in 10 %% and not in 20 %%, or not in the first bucket", i)
		}
	}
	if share := float64(inA) / float64(rollout); rollout < 9500 || rollout > 10500 || share < .485 || share > .515 {
		t.Errorf("%d in the rollout, %.3f of them in A", rollout, share)
	}
}

// TestC013_Anniversary: without a shortest stay, who matched on one day only is out on the next.
func TestC013_Anniversary(t *testing.T) {
	columns := columnsOf{"birthday": days(t, "1990-03-01", "1992-02-29", "1990-03-02", "")}
	rule := `month(birthday) == month(today) && day(birthday) == day(today)`
	for today, want := range map[string]string{"2026-03-01": "TFFU", "2026-03-02": "FFTU", "2028-02-29": "FTFU"} {
		question{today: today}.wants(t, columns, rule, want)
	}
	question{today: "2027-02-28"}.wants(t, columns, `age_years(birthday) == 34`, "FTFU")
	question{today: "2027-03-01"}.wants(t, columns, `age_years(birthday) == 35`, "FTFU", `age_years(birthday) == 37`, "TFFU")
}

func TestC126_BytesAgainstText(t *testing.T) {
	columns := columnsOf{"country": build(t, arrow.BinaryTypes.Binary, func(b *array.BinaryBuilder) { b.Append([]byte("DE")); b.Append([]byte("FR")); b.AppendNull() })}
	if got := (question{}).refuses(t, columns, `country == "DE"`); !strings.Contains(got, "as: string") {
		t.Error(got)
	}
	question{declare: []configs.ColumnDecl{{Name: "country", As: "string"}}}.wants(t, columns, `country == "DE"`, "TFU", `country in ["DE", "IT"]`, "TFU")
}

// TestC152_LeadingZeros: a text column is compared with texts only.
func TestC152_LeadingZeros(t *testing.T) {
	columns := columnsOf{"zip": texts(t, "01234", "1234", nil)}
	question{}.wants(t, columns, `zip == "01234"`, "TFU")
	if got := (question{}).refuses(t, columns, `zip == 01234`); !strings.Contains(got, "in quotes") {
		t.Error(got)
	}
}

// TestC046_APeriodThatBeginsInAGap: where the clock skips midnight, a period that begins then begins after the gap, not on
// the day before.
func TestC046_APeriodThatBeginsInAGap(t *testing.T) {
	columns := columnsOf{"at": instants(t, "2026-09-06T03:59:59Z", "2026-09-06T04:00:00Z")} // Chile, 5 September 23:59:59, and an instant later 6 September 01:00
	question{zone: "America/Santiago", today: "2026-10-05"}.wants(t, columns, `within(at, "30d")`, "FT", `older_than(at, "30d")`, "TF", `at >= days_ago(29)`, "FT",
		`on(at, date("2026-09-06"))`, "FT", `date(at) == date("2026-09-06")`, "FT", `add_days(at, 1) > timestamp("2026-09-07T03:59:59Z")`, "FT",
		`add_days(timestamp("2026-09-05T04:00:00Z"), 1) == at`, "FT", `add_days(timestamp("2026-09-05T04:30:00Z"), 1) == at`, "FT")
}
