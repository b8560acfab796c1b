package rules

import (
	"math"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// A clock turns instants into local time and back. It remembers the stretches of time in which a zone's offset does not
// change, so that rows do not look the zone up. One goroutine uses it.
type clock struct {
	location  *time.Location // nil: UTC
	stretches [clockStretches][2]stretch
}

// A stretch is a half-open interval of instants (seconds) with one offset.
type stretch struct{ start, end, offset int64 }

const clockStretches = 1024 // 134 years of places

// clock returns the evaluator's clock of a zone; none is UTC.
func (e *Evaluator) clock(z *zone) *clock {
	if e.clocks[z] == nil {
		c := &clock{}
		if z != nil && z.location != time.UTC {
			c.location = z.location
		}
		e.clocks[z] = c
	}
	return e.clocks[z]
}

// at returns the stretch that an instant lies in. The 48 days that share a place have two: the clock may change in them.
func (c *clock) at(seconds int64) *stretch {
	two := &c.stretches[uint64(seconds)>>22%clockStretches]
	if s := &two[0]; s.start <= seconds && seconds < s.end {
		return s
	}
	if s := &two[1]; s.start <= seconds && seconds < s.end {
		return s
	}
	two[1], two[0] = two[0], c.find(seconds)
	return &two[0]
}

func (c *clock) find(seconds int64) stretch {
	t := time.Unix(seconds, 0).In(c.location)
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	s := stretch{math.MinInt64, math.MaxInt64, int64(offset)}
	if !start.IsZero() {
		s.start = start.Unix()
	}
	if !end.IsZero() {
		s.end = end.Unix()
	}
	return s
}

// local is the seconds since 1970-01-01 that a clock on the wall shows.
func (c *clock) local(seconds int64) int64 {
	if c.location == nil {
		return seconds
	}
	return seconds + c.at(seconds).offset
}

// instant is the inverse of local. A time that the clock skips means the first instant after the gap; one that it shows twice
// means what Go's time.Date takes it for.
func (c *clock) instant(local int64) int64 {
	if c.location == nil {
		return local
	}
	s := *c.at(local)
	if utc := local - s.offset; s.start <= utc && utc < s.end {
		return utc
	}
	utc := local - c.at(local-s.offset).offset
	switch s = *c.at(utc); {
	case utc+s.offset < local: // still before the gap
		return s.end
	case utc+s.offset > local:
		return s.start
	}
	return utc
}

// isLocal says whether an array holds timestamps without a zone, to be read in the zone given.
func isLocal(arr arrow.Array, z *zone) bool {
	t, ok := arr.DataType().(*arrow.TimestampType)
	return ok && t.TimeZone == "" && z != nil && z.location != time.UTC
}

// loadTimestamps splits timestamps into seconds and nanoseconds. Those without a zone are local times.
func (e *Evaluator) loadTimestamps(out *vec, in view, local *zone) bool {
	switch arr := in.arr.(type) {
	case *array.Timestamp:
		perSecond := unitsPerSecond(arr.DataType().(*arrow.TimestampType).Unit)
		splitUnits(e, out, arr.TimestampValues()[in.from:in.from+in.n], perSecond)
	case *array.Date64:
		splitUnits(e, out, arr.Date64Values()[in.from:in.from+in.n], 1000)
	default:
		return false
	}
	if isLocal(in.arr, local) {
		c := e.clock(local)
		seconds := e.arena.ints.get(in.n)
		for i, at := range out.ints {
			seconds[i] = c.instant(at)
		}
		out.ints = seconds
	}
	return true
}

func splitUnits[T ~int64](e *Evaluator, out *vec, values []T, perSecond int64) {
	out.ints, out.nanos = e.arena.ints.get(len(values)), e.arena.small.get(len(values))
	nanos := 1_000_000_000 / perSecond
	for i, v := range values {
		second := floorDiv(int64(v), perSecond)
		out.ints[i], out.nanos[i] = second, int32((int64(v)-second*perSecond)*nanos)
	}
}

// A civil is a day of the proleptic Gregorian calendar.
type civil struct{ year, month, day int64 }

// civilOf is the day that is days after 1970-01-01.
func civilOf(days int64) civil {
	days += 719468 // since 0000-03-01: years that begin in March have their leap day last
	era := floorDiv(days, 146097)
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	month := (5*dayOfYear + 2) / 153
	c := civil{year: yearOfEra + era*400, month: month + 3, day: dayOfYear - (153*month+2)/5 + 1}
	if c.month > 12 {
		c.month, c.year = c.month-12, c.year+1
	}
	return c
}

// days is the inverse of civilOf.
func (c civil) days() int64 {
	year, month := c.year, c.month
	if month <= 2 {
		year, month = year-1, month+12
	}
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + c.day - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// addMonths moves by whole months; a day that the month does not have becomes its last.
func (c civil) addMonths(months int64) civil {
	at := c.year*12 + c.month - 1 + months
	moved := civil{year: floorDiv(at, 12), month: floorMod(at, 12) + 1, day: 1}
	moved.day = min(c.day, moved.daysInMonth())
	return moved
}

func (c civil) daysInMonth() int64 {
	next := civil{year: c.year, month: c.month + 1, day: 1}
	if next.month > 12 {
		next.year, next.month = c.year+1, 1
	}
	return next.days() - civil{c.year, c.month, 1}.days()
}

// calendarPart reads a part of a date, or of an instant in the node's zone.
func (e *Evaluator) calendarPart(nd *node, f *frame) *vec {
	a := e.eval(nd.args[0], f)
	out := e.arena.new(kindInt, f.n)
	out.known, out.fail, out.ints = a.known, a.fail, e.arena.ints.get(f.n)
	if a.kind == kindNull {
		return out
	}
	c := e.clock(nd.zone)
	for i, v := range a.ints {
		if !a.knows(i) {
			continue
		}
		if a.kind == kindDate {
			out.ints[i] = datePart(nd.op, v)
			continue
		}
		local := c.local(v)
		switch nd.op {
		case opHour:
			out.ints[i] = floorMod(local, 86400) / 3600
		case opMinute:
			out.ints[i] = floorMod(local, 3600) / 60
		case opSecond:
			out.ints[i] = floorMod(local, 60)
		case opMillisecond:
			out.ints[i] = int64(a.nanosAt(i)) / 1_000_000
		default:
			out.ints[i] = datePart(nd.op, floorDiv(local, 86400))
		}
	}
	return out
}

func datePart(op opcode, days int64) int64 {
	switch op {
	case opYear:
		return civilOf(days).year
	case opMonth:
		return civilOf(days).month
	case opDay:
		return civilOf(days).day
	case opWeekday: // 1970-01-01 was a Thursday
		return floorMod(days+3, 7) + 1
	case opYearDay:
		return days - civil{civilOf(days).year, 1, 1}.days() + 1
	}
	return 0 // a date has no hours
}

// The dates that CEL's instants reach: years 1 to 9999.
const (
	firstDay = firstSecond / 86400
	lastDay  = lastSecond / 86400
)

// calendarStep answers what counts or moves by civil days and months.
func (e *Evaluator) calendarStep(nd *node, f *frame) *vec {
	a, b := e.eval(nd.args[0], f), e.eval(nd.args[1], f)
	out := e.arena.new(nd.typ.kind, f.n)
	out.known, out.fail = e.arena.strictOf(nd, a, b)
	e.blank(out)
	if a.kind == kindNull || b.kind == kindNull {
		return out
	}
	failed := e.arena.words.zeros(words(f.n))
	c := e.clock(nd.zone)
	for i := range f.n {
		switch {
		case !out.knows(i):
		case nd.op == opDaysBetween:
			out.ints[i] = b.ints[i] - a.ints[i]
		case nd.op == opAgeYears:
			out.ints[i] = completedYears(a.ints[i], b.ints[i])
		default:
			if !moveRow(nd.op, c, out, a, i, b.ints[i]) {
				setBit(failed, i)
			}
		}
	}
	e.arena.failing(out, failed)
	return out
}

// completedYears is the age at a date; 29 February counts from 1 March where the year has none.
func completedYears(born, at int64) int64 {
	b, now := civilOf(born), civilOf(at)
	years := now.year - b.year
	if now.month < b.month || now.month == b.month && now.day < b.day {
		years--
	}
	return years
}

// moveRow adds days or months to one date or instant; false where the result leaves the years 1 to 9999.
func moveRow(op opcode, c *clock, out, a *vec, i int, by int64) bool {
	const most = 20_000 * 366 // days and months beyond it leave the calendar anyway
	if by < -most || by > most {
		return false
	}
	days, rest := a.ints[i], int64(0)
	if a.kind == kindTimestamp {
		local := c.local(a.ints[i])
		days, rest = floorDiv(local, 86400), floorMod(local, 86400)
	}
	if op == opAddDays {
		days += by
	} else {
		days = civilOf(days).addMonths(by).days()
	}
	if a.kind == kindDate {
		out.ints[i] = days
		return firstDay <= days && days <= lastDay
	}
	out.ints[i], out.nanos[i] = c.instant(days*86400+rest), a.nanosAt(i)
	return firstSecond <= out.ints[i] && out.ints[i] <= lastSecond
}
