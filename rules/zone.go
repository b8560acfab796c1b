package rules

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"strata/configs"
)

// A zone is a time zone that an operation takes its calendar from.
type zone struct{ location *time.Location }

// StartOfDay returns the first instant of a civil day, given in days since 1970-01-01: midnight, or what follows it where
// the clock skips midnight.
func StartOfDay(day int32, location *time.Location) time.Time {
	midnight := int64(day) * 86400 // as if the zone were UTC
	begun := func(at int64) bool {
		_, offset := time.Unix(at, 0).In(location).Zone()
		return at+int64(offset) >= midnight
	}
	to := midnight - 26*3600 // no zone is that far from UTC
	for !begun(to) {
		to += 3600
	}
	from := to - 3600
	for from+1 < to {
		if middle := (from + to) / 2; begun(middle) {
			to = middle
		} else {
			from = middle
		}
	}
	return time.Unix(to, 0).In(location)
}

// onWall returns the instant at which a clock on the wall shows a day and a time of day. A time that the clock skips means the
// first instant after the gap (never one on the day before); of one that it shows twice, the one that package time takes.
func onWall(day int64, sinceMidnight time.Duration, location *time.Location) time.Time {
	c := civilOf(day)
	fraction := sinceMidnight % time.Second
	t := time.Date(int(c.year), time.Month(c.month), int(c.day), 0, 0, int(sinceMidnight/time.Second), 0, location)
	wall := time.Date(int(c.year), time.Month(c.month), int(c.day), 0, 0, int(sinceMidnight/time.Second), 0, time.UTC)
	_, offset := t.Zone()
	switch shown := t.Unix() + int64(offset); {
	case shown < wall.Unix(): // still before the gap
		_, t = t.ZoneBounds()
	case shown > wall.Unix():
		t, _ = t.ZoneBounds()
	}
	return t.Add(fraction)
}

// loadedZones holds every zone that was asked for, by name.
var loadedZones sync.Map

// loadZone returns a zone by its name, or by a fixed offset such as "+05:30" or "02:00", as CEL's accessors take them.
func loadZone(name string) (*time.Location, error) {
	if found, ok := loadedZones.Load(name); ok {
		return found.(*time.Location), nil
	}
	location, err := findZone(name)
	if err == nil {
		loadedZones.Store(name, location)
	}
	return location, err
}

func findZone(name string) (*time.Location, error) {
	if !strings.Contains(name, ":") {
		return configs.LoadZone(name)
	}
	digits := strings.TrimLeft(name, "+-")
	wall, err := time.Parse("15:04", digits)
	if err != nil || len(digits) != 5 || len(name) > 6 {
		return nil, fmt.Errorf("%q is no offset such as \"+05:30\"", name)
	}
	seconds := wall.Hour()*3600 + wall.Minute()*60
	if name[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone(name, seconds), nil
}
