package rules

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The functions of this file place an instant or a day in time, seen from the run's now and today.

func timeFunctions() []*function {
	return []*function{
		{name: "days_ago", topic: topicTime, example: `last_seen_at >= days_ago(7)`, zone: "the job's", clock: true, doc: "The local midnight that began the day so many days before today.", overloads: []overload{
			over("days_ago_int", cel.TimestampType, daysAgo, cel.IntType),
		}},
		{
			name: "within", topic: topicTime, example: `within(last_seen_at, "30d")`, zone: "days and longer count by the job's calendar; hours do not", clock: true,
			doc: `Whether it lies in the period that ends now, such as "12h", "30d", "2w", "6mo" or "1y"; the future does not. ` +
				"Hours are exact, the others count by the calendar; a date is compared with today.",
			overloads: []overload{
				over("within_timestamp", cel.BoolType, within, cel.TimestampType, cel.StringType),
				over("within_date", cel.BoolType, within, dateType, cel.StringType),
			},
		},
		{name: "older_than", topic: topicTime, example: `older_than(last_seen_at, "6mo")`, zone: "as within", clock: true, doc: "Whether it lies before the period that ends now.", overloads: []overload{
			over("older_than_timestamp", cel.BoolType, olderThan, cel.TimestampType, cel.StringType),
			over("older_than_date", cel.BoolType, olderThan, dateType, cel.StringType),
		}},
		{name: "days_since", topic: topicTime, example: `days_since(last_seen_at) <= 7`, zone: "the job's", clock: true, doc: "How many local days have begun since; negative in the future.", overloads: []overload{
			over("days_since_timestamp", cel.IntType, daysSince, cel.TimestampType),
			over("days_since_date", cel.IntType, daysSince, dateType),
		}},
		{name: "age_years", topic: topicTime, example: `age_years(born) >= 18`, zone: "an instant counts as its day in the job's zone", clock: true, doc: "Completed years at today; who was born on 29 February ages on 1 March.", overloads: []overload{
			over("age_years_date", cel.IntType, ageYears, dateType),
			over("age_years_timestamp", cel.IntType, ageYears, cel.TimestampType),
		}},
	}
}

// day is the local day of a date or timestamp.
func (c *clockwork) day(v ref.Val) int64 {
	if d, ok := v.(date); ok {
		return int64(d)
	}
	return dayOf(v.(types.Timestamp).In(c.zone))
}

func daysAgo(c *clockwork, args []ref.Val) ref.Val {
	day := c.today - int64(args[0].(types.Int))
	if day < firstDay || day > lastDay {
		return types.NewErr("days_ago: outside of the years 1 to 9999")
	}
	return types.Timestamp{Time: StartOfDay(int32(day), c.zone).UTC()}
}

func within(c *clockwork, args []ref.Val) ref.Val {
	p, err := parsePeriod(string(args[1].(types.String)))
	if err != nil {
		return types.WrapErr(err)
	}
	if d, ok := args[0].(date); ok {
		if p.hours != 0 {
			return types.NewErr("within: a date has no hours")
		}
		return types.Bool(p.beforeDate(c.today) <= int64(d) && int64(d) <= c.horizonDay)
	}
	t := args[0].(types.Timestamp).Time
	return types.Bool(!t.Before(p.before(c.now, c.zone)) && !t.After(c.horizon))
}

func olderThan(c *clockwork, args []ref.Val) ref.Val {
	p, err := parsePeriod(string(args[1].(types.String)))
	if err != nil {
		return types.WrapErr(err)
	}
	if d, ok := args[0].(date); ok {
		if p.hours != 0 {
			return types.NewErr("older_than: a date has no hours")
		}
		return types.Bool(int64(d) < p.beforeDate(c.today))
	}
	return types.Bool(args[0].(types.Timestamp).Before(p.before(c.now, c.zone)))
}

func daysSince(c *clockwork, args []ref.Val) ref.Val { return types.Int(c.today - c.day(args[0])) }

func ageYears(c *clockwork, args []ref.Val) ref.Val {
	born, today := civilOf(c.day(args[0])), civilOf(c.today)
	years := today.year - born.year
	if today.month < born.month || today.month == born.month && today.day < born.day {
		years--
	}
	return types.Int(years)
}

// fromDay makes a date of a number of days, or an error where CEL ends.
func fromDay(day int64) ref.Val {
	if day < firstDay || day > lastDay {
		return types.NewErr("date outside of the years 1 to 9999")
	}
	return date(day)
}

// fromTime makes a timestamp, or an error where CEL ends.
func fromTime(t time.Time) ref.Val {
	if t.Unix() < firstSecond || t.Unix() > lastSecond {
		return types.NewErr("timestamp outside of the years 1 to 9999")
	}
	return types.Timestamp{Time: t.UTC()}
}
