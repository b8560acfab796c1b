package rules

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"strata/configs"
)

// A zone is a time zone that an operation takes its calendar from.
type zone struct{ location *time.Location }

// StartOfDay returns the first instant of a civil day, given in days since 1970-01-01: midnight, or what follows it where
// the clock skips midnight.
func StartOfDay(day int32, location *time.Location) time.Time {
	midnight := time.Unix(int64(day)*86400, 0) // as if the zone were UTC
	at := midnight.Add(-26 * time.Hour)
	for {
		local := at.In(location)
		_, offset := local.Zone()
		_, end := local.ZoneBounds()
		start := midnight.Add(-time.Duration(offset) * time.Second)
		if start.Before(at) {
			start = at
		}
		if end.IsZero() || start.Before(end) {
			return start.In(location)
		}
		at = end
	}
}

// loadedZones holds every zone that was asked for, by name.
var loadedZones sync.Map

// loadZone returns a zone by its name, or by a fixed offset such as "+05:30", as CEL's accessors take them.
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
	if len(name) == 6 && (name[0] == '+' || name[0] == '-') && name[3] == ':' {
		hours, err := strconv.ParseUint(name[1:3], 10, 8)
		minutes, minutesErr := strconv.ParseUint(name[4:], 10, 8)
		if err != nil || minutesErr != nil || hours > 23 || minutes > 59 {
			return nil, fmt.Errorf("%q is no offset such as \"+05:30\"", name)
		}
		seconds := int(hours)*3600 + int(minutes)*60
		if name[0] == '-' {
			seconds = -seconds
		}
		return time.FixedZone(name, seconds), nil
	}
	return configs.LoadZone(name)
}
