package catalog

import (
	"fmt"
	"time"
)

// A Date is a civil date without a zone: the logical date of a run. The zero Date is none.
type Date struct{ days int32 } // since 1970-01-01, plus 1 so that zero is none

const layout = "2006-01-02"

// ParseDate reads 2026-11-02.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(layout, text)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date such as 2026-11-02", text)
	}
	return DateOf(t), nil
}

// DateOf is the date that t shows in its own zone.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	return FromDays(int32(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400))
}

// FromDays is the date so many days after 1970-01-01.
func FromDays(days int32) Date { return Date{days + 1} }

// Days since 1970-01-01.
func (d Date) Days() int32 { return d.days - 1 }

// Add returns the date n days later.
func (d Date) Add(n int) Date { return Date{d.days + int32(n)} }

// IsZero says whether there is a date at all.
func (d Date) IsZero() bool { return d.days == 0 }

// Before orders dates.
func (d Date) Before(other Date) bool { return d.days < other.days }

// Compare orders dates: -1, 0 or +1.
func (d Date) Compare(other Date) int {
	switch {
	case d.days < other.days:
		return -1
	case d.days > other.days:
		return 1
	}
	return 0
}

// Time is the midnight in UTC that starts the date.
func (d Date) Time() time.Time { return time.Unix(int64(d.Days())*86400, 0).UTC() }

// String is 2026-11-02, or empty for none.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Time().Format(layout)
}

// MarshalText writes what String shows.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what String shows.
func (d *Date) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	*d, err = ParseDate(string(text))
	return err
}
