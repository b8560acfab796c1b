package rules

import (
	"fmt"
	"strconv"
	"time"
)

// A period is a length of time such as "12h", "30d", "2w", "6mo" or "1y". Hours are exact; the others count by the calendar.
type period struct {
	hours  time.Duration
	days   int
	months int
}

// parsePeriod reads a period: one whole number and one unit.
func parsePeriod(text string) (period, error) {
	digits := 0
	for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
		digits++
	}
	n, err := strconv.Atoi(text[:digits])
	if err != nil {
		return period{}, fmt.Errorf(`%q is not a period such as "12h", "30d", "2w", "6mo" or "1y"`, text)
	}
	unit, ok := periodUnits[text[digits:]]
	switch {
	case !ok:
		return period{}, fmt.Errorf(`%q is not a period such as "12h", "30d", "2w", "6mo" or "1y"`, text)
	case n > unit.most:
		return period{}, fmt.Errorf("%q is longer than 1000 years", text)
	}
	return period{hours: time.Duration(n*unit.hours) * time.Hour, days: n * unit.days, months: n * unit.months}, nil
}

// periodUnits tells how much of each a unit is, and how many of it make 1000 years (of hours: as many as nanoseconds can count).
var periodUnits = map[string]struct{ hours, days, months, most int }{
	"h":  {hours: 1, most: 2_000_000},
	"d":  {days: 1, most: 365_250},
	"w":  {days: 7, most: 52_178},
	"mo": {months: 1, most: 12_000},
	"y":  {months: 12, most: 1_000},
}

// before is the instant a period before t: on the same wall clock, unless the period is hours.
func (p period) before(t time.Time, zone *time.Location) time.Time {
	t = t.Add(-p.hours)
	if p.days == 0 && p.months == 0 {
		return t
	}
	local := t.In(zone)
	day := civilOf(dayOf(local)).addMonths(int64(-p.months)).days() - int64(p.days)
	return onDay(local, day, zone)
}

// beforeDate is the day a period before a day. The period has no hours.
func (p period) beforeDate(day int64) int64 {
	return civilOf(day).addMonths(int64(-p.months)).days() - int64(p.days)
}

// dayOf is the civil day of a local time, in days since 1970-01-01.
func dayOf(local time.Time) int64 {
	year, month, day := local.Date()
	return civil{int64(year), int64(month), int64(day)}.days()
}

// onDay is the instant at which the wall clock shows the time of local on another day.
func onDay(local time.Time, day int64, zone *time.Location) time.Time {
	hour, minute, second := local.Clock()
	return onWall(day, time.Duration(hour*3600+minute*60+second)*time.Second+time.Duration(local.Nanosecond()), zone)
}
