package rules

// mostOffset is more than any zone is away from UTC, in seconds.
const mostOffset = 26 * 3600

// shifted widens a span of instants by some seconds to both sides.
func (s span) shifted(seconds int64) span {
	s.lo = literal{Sec: saturating(s.lo.Sec, -seconds)}
	s.hi = literal{Sec: saturating(s.hi.Sec, seconds), Nanos: 999_999_999}
	return s
}

// ordinary says whether a span of days keeps to years that calendar arithmetic is exact in.
func (s span) ordinary() bool { return s.lo.Int >= 2*firstDay && s.hi.Int <= 2*lastDay }

// isUTC says whether an operation takes its calendar from UTC.
func (n *node) isUTC() bool { return n.zone == nil || n.zone.location.String() == "UTC" }

// localDays are the days that instants lie on in the node's zone.
func localDays(nd *node, s span) span {
	if !nd.isUTC() {
		s = s.shifted(mostOffset)
	}
	return span{lo: literal{Int: floorDiv(s.lo.Sec, 86400)}, hi: literal{Int: floorDiv(s.hi.Sec, 86400)}}
}

// midnights are the instants that days begin at in the node's zone.
func (e estimate) midnights(nd *node, days span) estimate {
	if !days.ordinary() {
		return e
	}
	s := span{lo: literal{Sec: days.lo.Int * 86400}, hi: literal{Sec: days.hi.Int * 86400}}
	if !nd.isUTC() {
		s = s.shifted(mostOffset)
	}
	return e.checked(kindTimestamp, whole(kindTimestamp, s.lo), whole(kindTimestamp, s.hi))
}

// partRanges are the least and the greatest value of the parts of a date or time of day.
var partRanges = map[opcode][2]int64{
	opMonth: {1, 12}, opDay: {1, 31}, opWeekday: {1, 7}, opYearDay: {1, 366},
	opHour: {0, 23}, opMinute: {0, 59}, opSecond: {0, 59}, opMillisecond: {0, 999},
}

// calendarPart is a part of a date, or of an instant in the node's zone.
func (g *guesser) calendarPart(nd *node) estimate {
	e, k := g.strict(nd), g.kindOf(nd.args[0])
	if !e.valued(kindInt) {
		return e
	}
	days := g.found[nd.args[0]].span
	if k == kindTimestamp {
		days = localDays(nd, days)
	}
	if !days.ordinary() {
		return e
	}
	first, last := civilOf(days.lo.Int), civilOf(days.hi.Int)
	switch part, ranged := partRanges[nd.op]; {
	case nd.op == opYear:
		e.span = span{lo: literal{Int: first.year}, hi: literal{Int: last.year}}
	case nd.op == opMonth && first.year == last.year:
		e.span = span{lo: literal{Int: first.month}, hi: literal{Int: last.month}}
	case ranged:
		e.span = span{lo: literal{Int: part[0]}, hi: literal{Int: part[1]}}
	}
	return e
}

// calendarStep is what counts or moves by civil days and months.
func (g *guesser) calendarStep(nd *node) estimate {
	e := g.strict(nd)
	if !e.valued(nd.typ.kind) {
		return e
	}
	a, b := g.found[nd.args[0]].span, g.found[nd.args[1]].span
	switch {
	case nd.op == opDaysBetween && a.ordinary() && b.ordinary():
		e.span = span{lo: literal{Int: b.lo.Int - a.hi.Int}, hi: literal{Int: b.hi.Int - a.lo.Int}}
	case nd.op == opAgeYears && a.ordinary() && b.ordinary():
		e.span = span{lo: literal{Int: completedYears(a.hi.Int, b.lo.Int)}, hi: literal{Int: completedYears(a.lo.Int, b.hi.Int)}}
	case (nd.op == opAddDays || nd.op == opAddMonths) && b.lo.Int >= -mostSteps && b.hi.Int <= mostSteps:
		e = g.moved(nd, e, a, b).passing(g.args(nd))
	}
	return e
}

// moved is a date, or an instant, some days or months later. Both count on, so the ends bound what is between.
func (g *guesser) moved(nd *node, e estimate, a, b span) estimate {
	move := func(day, by int64) int64 {
		if nd.op == opAddDays {
			return day + by
		}
		return civilOf(day).addMonths(by).days()
	}
	days := a
	if nd.typ.kind == kindTimestamp {
		days = localDays(nd, a)
	}
	if !days.ordinary() {
		return e
	}
	to := span{lo: literal{Int: move(days.lo.Int, b.lo.Int)}, hi: literal{Int: move(days.hi.Int, b.hi.Int)}}
	if nd.typ.kind == kindTimestamp {
		s := span{lo: literal{Sec: to.lo.Int * 86400}, hi: literal{Sec: to.hi.Int*86400 + 86399}}.shifted(mostOffset)
		return e.checked(kindTimestamp, whole(kindTimestamp, s.lo), whole(kindTimestamp, s.hi))
	}
	e.set &^= MayFail
	if to.lo.Int < firstDay || to.hi.Int > lastDay {
		e.set |= MayFail
	}
	if to.hi.Int < firstDay || to.lo.Int > lastDay {
		e.set &^= hasValue
	}
	e.span = span{lo: literal{Int: max(to.lo.Int, firstDay)}, hi: literal{Int: min(to.hi.Int, lastDay)}}
	return e
}
