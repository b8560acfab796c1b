package rules

import (
	"testing"
	"time"
)

// TestStartOfDay holds the first instant of a day against a search second by second around it.
func TestStartOfDay(t *testing.T) {
	for _, tc := range []struct{ zone, day, want string }{
		{"UTC", "2026-11-02", "2026-11-02T00:00:00Z"},
		{"Europe/Paris", "2026-03-29", "2026-03-28T23:00:00Z"},      // the day of 23 hours
		{"Europe/Paris", "2026-03-30", "2026-03-29T22:00:00Z"},      // and the day after it
		{"America/New_York", "2024-11-04", "2024-11-04T05:00:00Z"},  // after the day of 25 hours (C046)
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"}, // the clock skips midnight
		{"Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z"},      // so it does here
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},      // the day before was left out
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},      // so it begins when the next does
		{"Europe/Paris", "9999-12-31", "9999-12-30T23:00:00Z"},
		{"America/New_York", "0001-01-01", "0001-01-01T04:56:02Z"},
	} {
		location, err := loadZone(tc.zone)
		if err != nil {
			t.Fatal(err)
		}
		day, err := time.Parse(time.DateOnly, tc.day)
		if err != nil {
			t.Fatal(err)
		}
		got := StartOfDay(int32(dayOf(day)), location)
		if text := got.UTC().Format(time.RFC3339); text != tc.want {
			t.Errorf("StartOfDay(%s, %s) = %s, want %s", tc.day, tc.zone, text, tc.want)
		}
		if before := got.Add(-time.Second); dayOf(before) >= dayOf(day) {
			t.Errorf("%s: a second before %s it is already %s", tc.zone, tc.want, before)
		}
	}
}

// TestStartOfDayEnds: it ends for every zone and day, also where the zone database has only a rule.
func TestStartOfDayEnds(t *testing.T) {
	for _, name := range []string{"Europe/Paris", "America/St_Johns", "Africa/Cairo", "Asia/Gaza", "Pacific/Apia", "Australia/Lord_Howe", "+05:30"} {
		location, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		for day := int64(firstDay); day <= lastDay; day += 97 {
			got := StartOfDay(int32(day), location)
			if dayOf(got) < day {
				t.Fatalf("%s: day %d begins at %s", name, day, got)
			}
		}
	}
}
