package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// nastyZones have half hours, days left out or without a midnight, clocks that change by half an hour or back in summer,
// seconds in their offsets, or rules that change by the year.
var nastyZones = []string{
	"UTC", "Europe/Paris", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Pacific/Kwajalein",
	"Australia/Lord_Howe", "Africa/Cairo", "Asia/Gaza", "Africa/Casablanca", "Europe/Dublin", "Africa/Monrovia", "Antarctica/Troll", "America/Caracas",
	"Asia/Pyongyang", "Europe/Amsterdam", "America/Nuuk", "+05:30", "-11:45",
}

// instantsAround are seconds around every change of a zone's clock from 1880 on, and around midnights.
func instantsAround(location *time.Location) (out []int64) {
	around := func(at int64) {
		for _, by := range []int64{-86400, -3601, -3600, -1800, -1, 0, 1, 1799, 3599, 3600, 7200, 86399, 86400, 31 * 86400} {
			out = append(out, at+by)
		}
	}
	t := time.Date(1880, 1, 1, 0, 0, 0, 0, location)
	for t.Year() < 2045 {
		_, end := t.ZoneBounds()
		if !end.After(t) { // the zone changes no more
			break
		}
		around(end.Unix())
		t = end
	}
	for _, day := range []int32{-25567, -1, 0, 11016, 19782, 20540, 2932895} { // 1900, 29 February 2000 and 2024, 9999-12-30
		around(StartOfDay(day, location).Unix())
	}
	return out
}

// calendarOps are the operations that read or move an instant in a zone.
var calendarOps = []struct {
	op opcode
	of kind
	by []int64
}{
	{opYear, kindInt, nil},
	{opMonth, kindInt, nil},
	{opDay, kindInt, nil},
	{opWeekday, kindInt, nil},
	{opYearDay, kindInt, nil},
	{opHour, kindInt, nil},
	{opMinute, kindInt, nil},
	{opSecond, kindInt, nil},
	{opToDate, kindDate, nil},
	{opAddDays, kindTimestamp, []int64{-366, -31, -1, 0, 1, 2, 180}},
	{opAddMonths, kindTimestamp, []int64{-1200, -13, -1, 0, 1, 6, 11}},
}

// TestCalendarInNastyZones holds what kernels read off the clock on the wall, and where they move it, against package time.
func TestCalendarInNastyZones(t *testing.T) {
	for _, name := range nastyZones {
		location, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		instants := instantsAround(location)
		for _, of := range calendarOps {
			for _, by := range append([]int64{0}, of.by...)[min(len(of.by), 1):] {
				checkCalendar(t, name, &zone{location}, instants, of.op, of.of, by)
			}
		}
	}
}

// checkCalendar compares one operation, for all instants, with the reference.
func checkCalendar(t *testing.T, name string, z *zone, instants []int64, op opcode, k kind, by int64) {
	t.Helper()
	var b graphBuilder
	nd := node{op: op, typ: scalarKind(k), args: []nodeID{b.column("at", kindTimestamp)}, zone: z}
	if k == kindTimestamp {
		nd.args = append(nd.args, b.int(by))
	}
	moved := b.add(nd)
	b.cut(b.boolOp(opEq, moved, b.column("want", k)))
	var letters strings.Builder
	wants := make([]any, len(instants))
	for i, at := range instants {
		r := refRow{nodes: b.nodes, columns: map[string]any{"at": instant{at, 0}}}
		want := r.eval(moved)
		wants[i] = want.v
		letters.WriteByte(map[byte]byte{'V': 'T', 'E': 'E'}[want.state])
	}
	rec := record(t, map[string]arrow.Array{"at": secondsOf(t, instants), "want": wantsOf(t, k, wants)})
	got := evalString(t, b.executable(), rec)[0]
	if at := firstDifference(got, letters.String()); at >= 0 {
		t.Errorf("operation %d by %d in %s at %s: want %v", op, by, name, time.Unix(instants[at], 0).UTC(), wants[at])
	}
}

func firstDifference(a, b string) int {
	for i := range len(a) {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

func secondsOf(t *testing.T, seconds []int64) arrow.Array {
	return build(t, arrow.FixedWidthTypes.Timestamp_s, func(b *array.TimestampBuilder) {
		for _, second := range seconds {
			b.Append(arrow.Timestamp(second))
		}
	})
}

// wantsOf is a column of what is wanted; what is an error is null.
func wantsOf(t *testing.T, k kind, wants []any) arrow.Array {
	dt := map[kind]arrow.DataType{kindInt: arrow.PrimitiveTypes.Int64, kindDate: arrow.FixedWidthTypes.Date32, kindTimestamp: arrow.FixedWidthTypes.Timestamp_s}[k]
	return build(t, dt, func(b array.Builder) {
		for _, want := range wants {
			switch b := b.(type) {
			case *array.TimestampBuilder:
				at, ok := want.(instant)
				b.AppendValues([]arrow.Timestamp{arrow.Timestamp(at.seconds)}, []bool{ok})
			case *array.Date32Builder:
				b.Append(arrow.Date32(want.(int64)))
			case *array.Int64Builder:
				b.Append(want.(int64))
			}
		}
	})
}
