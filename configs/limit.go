package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// A Limit is a share that something may not exceed, written as a percentage ("20%"), or no limit at all ("none").
// Share is a ratio: 20% is 0.2. The zero Limit is 0%.
type Limit struct {
	Share float64
	Off   bool // no limit; Share is then 0
}

// Exceeded says whether a share is above the limit; exactly the limit is not. A tiny excess that comes from writing the
// limit in decimal does not count.
func (l Limit) Exceeded(share float64) bool {
	return !l.Off && share > l.Share*(1+1e-12)
}

// String is the spelling of the YAML file.
func (l Limit) String() string {
	if l.Off {
		return "none"
	}
	return strconv.FormatFloat(l.Share*100, 'g', 12, 64) + "%"
}

// MarshalText writes the spelling of the YAML file.
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the spelling of the YAML file: a decimal number and a percent sign, or none.
func (l *Limit) UnmarshalText(text []byte) error {
	if string(text) == "none" {
		*l = Limit{Off: true}
		return nil
	}
	digits, ok := strings.CutSuffix(string(text), "%")
	if !ok || digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return fmt.Errorf("%q is not a percentage such as 20%%", text)
	}
	percent, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return fmt.Errorf("%q is not a percentage such as 20%%", text)
	}
	*l = Limit{Share: percent / 100}
	return nil
}
