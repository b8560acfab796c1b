package rules

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The functions of this file know the calendar and the job's zone, but not what day it is.

func calendarFunctions() []*function {
	both := func(name, example, doc string, bind func(c *clockwork, args []ref.Val) ref.Val) *function {
		return &function{name: name, topic: topicTime, example: example, zone: "of an instant the job's", doc: doc, overloads: []overload{
			over(name+"_timestamp", cel.IntType, bind, cel.TimestampType), over(name+"_date", cel.IntType, bind, dateType),
		}}
	}
	part := func(of func(t time.Time) int) func(c *clockwork, args []ref.Val) ref.Val {
		return func(c *clockwork, args []ref.Val) ref.Val {
			return types.Int(of(time.Unix(c.day(args[0])*86400, 0).UTC()))
		}
	}
	return []*function{
		{name: "date", topic: topicTime, example: `date(last_seen_at) == date("2026-11-02")`, zone: "an instant's day in the job's zone, or in the one named", doc: "A calendar day: of a text such as \"2026-11-02\", or of an instant, in the job's zone or the one named.", overloads: []overload{
			over("date_string", dateType, dateOfText, cel.StringType),
			over("date_timestamp", dateType, dateOfTime, cel.TimestampType),
			over("date_timestamp_string", dateType, dateOfTime, cel.TimestampType, cel.StringType),
		}},
		{name: knownZone, internal: true, overloads: []overload{
			over("known_zone_string", cel.StringType, onlyKnownZone, cel.StringType),
		}},
		{name: "on", topic: topicTime, example: `on(last_seen_at, today)`, zone: "the job's", doc: "Whether an instant lies on a day, in the job's zone.", overloads: []overload{
			over("on_timestamp_date", cel.BoolType, onDate, cel.TimestampType, dateType),
		}},
		{name: "days_between", topic: topicTime, example: `days_between(signup_at, last_seen_at) > 90`, zone: "instants count as their day in the job's zone", doc: "How many local days the second is after the first.", overloads: []overload{
			over("days_between_date_date", cel.IntType, daysBetween, dateType, dateType),
			over("days_between_date_timestamp", cel.IntType, daysBetween, dateType, cel.TimestampType),
			over("days_between_timestamp_date", cel.IntType, daysBetween, cel.TimestampType, dateType),
			over("days_between_timestamp_timestamp", cel.IntType, daysBetween, cel.TimestampType, cel.TimestampType),
		}},
		both("year", `year(born) < 2000`, "The year.", part(time.Time.Year)),
		both("month", `month(born) == month(today)`, "The month, 1 to 12.", part(func(t time.Time) int { return int(t.Month()) })),
		both("day", `day(signup_at) == 1`, "The day of the month, 1 to 31.", part(time.Time.Day)),
		both("weekday", `weekday(last_seen_at) >= 6`, "The day of the week, 1 (Monday) to 7.", part(func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 })),
		{name: "hour", topic: topicTime, example: `hour(last_seen_at) == 0`, zone: "the job's", doc: "The hour, 0 to 23, in the job's zone.", overloads: []overload{
			over("hour_timestamp", cel.IntType, hourOf, cel.TimestampType),
		}},
		{name: "add_days", topic: topicTime, example: `last_seen_at > add_days(signup_at, 30)`, zone: "an instant keeps the time that clocks show in the job's zone", doc: "So many days later, at the same time of the clock on the wall.", overloads: []overload{
			over("add_days_date", dateType, addDays, dateType, cel.IntType),
			over("add_days_timestamp", cel.TimestampType, addDays, cel.TimestampType, cel.IntType),
		}},
		{name: "add_months", topic: topicTime, example: `add_months(born, 12 * 18) <= today`, zone: "an instant keeps the time that clocks show in the job's zone", doc: "So many months later; a day that the month does not have becomes its last.", overloads: []overload{
			over("add_months_date", dateType, addMonths, dateType, cel.IntType),
			over("add_months_timestamp", cel.TimestampType, addMonths, cel.TimestampType, cel.IntType),
		}},
	}
}

func dateOfText(_ *clockwork, args []ref.Val) ref.Val {
	t, err := time.Parse(time.DateOnly, string(args[0].(types.String)))
	if err != nil || t.Year() < 1 {
		return types.NewErr("%q is not a date such as \"2026-11-02\"", args[0])
	}
	return date(floorDiv(t.Unix(), 86400))
}

func dateOfTime(c *clockwork, args []ref.Val) ref.Val {
	zone := c.zone
	if len(args) == 2 {
		var err error
		if zone, err = loadZone(string(args[1].(types.String))); err != nil {
			return types.WrapErr(err)
		}
	}
	return date(dayOf(args[0].(types.Timestamp).In(zone)))
}

// knownZone is the zone of x.getHours(zone) where a column names it: CEL's accessors would take the machine's own zone by
// the name "Local".
const knownZone = "known zone"

func onlyKnownZone(_ *clockwork, args []ref.Val) ref.Val {
	if _, err := loadZone(string(args[0].(types.String))); err != nil {
		return types.WrapErr(err)
	}
	return args[0]
}

func onDate(c *clockwork, args []ref.Val) ref.Val {
	return types.Bool(c.day(args[0]) == int64(args[1].(date)))
}

func daysBetween(c *clockwork, args []ref.Val) ref.Val {
	return types.Int(c.day(args[1]) - c.day(args[0]))
}

func hourOf(c *clockwork, args []ref.Val) ref.Val {
	return types.Int(args[0].(types.Timestamp).In(c.zone).Hour())
}

// mostSteps is how many days or months a date may be moved by; more leaves the years 1 to 9999 from any of them.
const mostSteps = 4_000_000

func addDays(c *clockwork, args []ref.Val) ref.Val {
	n := min(max(int64(args[1].(types.Int)), -mostSteps), mostSteps)
	return c.move(args[0], c.day(args[0])+n)
}

func addMonths(c *clockwork, args []ref.Val) ref.Val {
	n := min(max(int64(args[1].(types.Int)), -mostSteps), mostSteps)
	return c.move(args[0], civilOf(c.day(args[0])).addMonths(n).days())
}

// move puts a date or timestamp on another day.
func (c *clockwork) move(v ref.Val, day int64) ref.Val {
	t, ok := v.(types.Timestamp)
	if !ok {
		return fromDay(day)
	}
	if day < firstDay-1 || day > lastDay+1 {
		return types.NewErr("timestamp outside of the years 1 to 9999")
	}
	return fromTime(onDay(t.In(c.zone), day, c.zone))
}
