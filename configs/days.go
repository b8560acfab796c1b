package configs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Days is a length of time in whole days, written 7d, or 2w for 14 days. Zero was not written.
type Days int

// maxDays bounds Days: a century is as good as for ever, and dates stay far from overflowing.
const maxDays = 36525

var daysPattern = regexp.MustCompile(`^[1-9][0-9]{0,5}[dw]$`)

// String is a spelling of the YAML file.
func (v Days) String() string { return strconv.Itoa(int(v)) + "d" }

// MarshalText writes a spelling of the YAML file.
func (v Days) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a spelling of the YAML file: a whole number and d or w.
func (v *Days) UnmarshalText(text []byte) error {
	if !daysPattern.Match(text) {
		return fmt.Errorf("%q is not a number of days such as 7d or 2w", text)
	}
	number, err := strconv.Atoi(string(text[:len(text)-1]))
	if err != nil {
		return err
	}
	if text[len(text)-1] == 'w' {
		number *= 7
	}
	if number > maxDays {
		return fmt.Errorf("%q is more than a century", text)
	}
	*v = Days(number)
	return nil
}

func (v *Days) decode(d *decoder, n *yaml.Node, what string) {
	if n.Kind == yaml.ScalarNode && !d.isTagged(n) && v.UnmarshalText([]byte(n.Value)) == nil {
		return
	}
	d.fault(n, daysHint(n), "%s is a number of whole days, such as 7d or 2w", what)
}

// daysHint shows how a length of time was likely meant.
func daysHint(n *yaml.Node) string {
	number, _ := strconv.Atoi(strings.TrimRight(n.Value, "abcdefghijklmnopqrstuvwxyz "))
	unit := strings.TrimLeft(n.Value, "0123456789 ")
	switch {
	case n.Kind != yaml.ScalarNode || number < 0:
	case number == 0 && strings.HasPrefix(n.Value, "0"):
		return "remove the key, or write 1d or more"
	case number > maxDays:
		return fmt.Sprintf("%dd, a century, is the longest", maxDays)
	case number > 0 && unit == "":
		return fmt.Sprintf("write %dd for days, or %dw for weeks", number, number)
	case number > 0 && strings.HasPrefix(unit, "h"):
		return fmt.Sprintf("a date is the smallest step: write %dd", max(1, (number+23)/24))
	case number > 0 && strings.HasPrefix(unit, "m"):
		return fmt.Sprintf("months differ in length: write days, for example %dd", number*30)
	case number > 0 && strings.HasPrefix(unit, "y"):
		return fmt.Sprintf("years differ in length: write days, for example %dd", number*365)
	}
	return "write days or weeks, for example 30d"
}
