package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Group C of CASES.md: dates, windows, zones.

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

// TestC044_BoundsAreShown: the plan prints the bounds that windows resolve to, in instants.
func TestC044_BoundsAreShown(t *testing.T) {
	rec := record(t, columnsOf{"ts": instants(t, "2026-04-14T00:30:00Z")})
	for rule, want := range map[string][]string{
		`within(ts, "72h")`: {"2026-04-14T01:00:00Z", "2026-04-17T01:00:00Z"}, `ts >= days_ago(3)`: {"2026-04-14T00:00:00Z"}, `older_than(ts, "2w")`: {"2026-04-03T01:00:00Z"},
		`on(ts, today)`: {"2026-04-17T00:00:00Z", "2026-04-18T00:00:00Z"}, `ts < now`: {"2026-04-17T01:00:00Z"},
	} {
		step := testStep(rule, func(s *Step) {
			s.Definitions.Timezone, s.Now, s.Today = "UTC", time.Date(2026, 4, 17, 1, 0, 0, 0, time.UTC), dayNumber(t, "2026-04-17")
		})
		plan, err := Compile(rec.Schema(), []Step{step}, Options{UserID: "id"})
		if err != nil {
			t.Fatal(err)
		}
		for _, bound := range want {
			if !strings.Contains(plan.Text(), bound) {
				t.Errorf("%s: the plan does not show %s\n%s", rule, bound, plan.Text())
			}
		}
	}
}

// TestC046_DaysBetweenChanges: days are counted by the calendar where they have 23 or 25 hours, forwards and back.
func TestC046_DaysBetweenChanges(t *testing.T) {
	columns := columnsOf{"at": instants(t, "2026-03-28T23:30:00Z", "2026-03-29T00:30:00Z", "2026-03-29T22:30:00Z", "2026-10-24T22:30:00Z", "2026-10-25T23:30:00Z", "")}
	question{zone: "Europe/Paris", today: "2026-10-26"}.wants(t, columns, // 29 March has 23 hours, 25 October 25
		`date(at) == date("2026-03-29")`, "TTFFFU", `days_since(at) == 211`, "TTFFFU", `days_between(at, date("2026-03-30")) == 1`, "TTFFFU", `days_since(at) == 1`, "FFFTFU", `hour(at) == 0`, "TFTTTU",
		`add_days(at, 1) == timestamp("2026-03-29T22:30:00Z")`, "TFFFFU", `add_days(at, 1) == timestamp("2026-10-25T23:30:00Z")`, "FFFTFU", `add_days(add_days(at, 1), -1) == at`, "TTTTTU",
		`at.getHours("Europe/Paris") == hour(at)`, "TTTTTU", `date(at, "America/New_York") == date("2026-03-28")`, "TTFFFU", `add_months(at, 7) == timestamp("2026-10-28T23:30:00Z")`, "TFFFFU")
}

// TestC013_MonthsAreClamped: a day that a month does not have becomes its last, 29 February too.
func TestC013_MonthsAreClamped(t *testing.T) {
	columns := columnsOf{"d": days(t, "2024-01-31", "2024-02-29", "2023-12-31", "0001-01-01", "9999-12-31", "")}
	question{today: "2024-02-29"}.wants(t, columns, `add_months(d, 1) == date("2024-02-29")`, "TFFFEU", `add_months(d, 12) == date("2025-02-28")`, "FTFFEU", `add_months(d, -10) == date("2023-02-28")`, "FFTEFU",
		`add_months(d, 48) == date("2028-02-29")`, "FTFFEU", `add_days(d, -1) == date("2024-02-28")`, "FTFEFU", `age_years(d) == 0`, "TTTFFU", `add_months(add_months(d, 1), -1) == d`, "FTTTEU",
		`day(add_months(d, 2)) == 31`, "TFFFEU", `within(d, "1y")`, "TTTFFU", `days_between(d, today) == 29`, "TFFFFU", `year(d) == 9999 && month(d) == 12 && day(d) == 31`, "FFFFTU", `weekday(d) == 4`, "FTFFFU")
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

// TestC046_APeriodThatBeginsInAGap: where the clock skips midnight, a period that begins then begins after the gap, not on
// the day before.
func TestC046_APeriodThatBeginsInAGap(t *testing.T) {
	columns := columnsOf{"at": instants(t, "2026-09-06T03:59:59Z", "2026-09-06T04:00:00Z")} // Chile, 5 September 23:59:59, and an instant later 6 September 01:00
	question{zone: "America/Santiago", today: "2026-10-05"}.wants(t, columns, `within(at, "30d")`, "FT", `older_than(at, "30d")`, "TF", `at >= days_ago(29)`, "FT",
		`on(at, date("2026-09-06"))`, "FT", `date(at) == date("2026-09-06")`, "FT", `add_days(at, 1) > timestamp("2026-09-07T03:59:59Z")`, "FT",
		`add_days(timestamp("2026-09-05T04:00:00Z"), 1) == at`, "FT", `add_days(timestamp("2026-09-05T04:30:00Z"), 1) == at`, "FT")
}
