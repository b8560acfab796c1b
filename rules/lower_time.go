package rules

import (
	"time"

	"cel.dev/cel-go/common/ast"
)

// Time is lowered to comparisons with constants that are computed once, in the job's zone: so a rule about 30 days costs what
// any comparison costs, and changes of the clock fall where they should.

func addTimeCalls() {
	for name, lower := range map[string]func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool){
		"year": localPart(opYear), "month": localPart(opMonth), "day": localPart(opDay), "weekday": localPart(opWeekday), "hour": localPart(opHour),
		"on": (*lowerer).onDay, "days_since": (*lowerer).daysSince, "days_between": (*lowerer).daysBetween, "age_years": (*lowerer).ageYears,
		"add_days": step(opAddDays), "add_months": step(opAddMonths), "date": (*lowerer).toDate,
		"getFullYear": accessor(opYear, 0), "getMonth": accessor(opMonth, -1), "getDayOfMonth": accessor(opDay, -1), "getDate": accessor(opDay, 0),
		"getDayOfYear": accessor(opYearDay, -1), "getDayOfWeek": accessor(opWeekday, 0), "getHours": accessor(opHour, 0),
		"getMinutes": accessor(opMinute, 0), "getSeconds": accessor(opSecond, 0), "getMilliseconds": accessor(opMillisecond, 0),
	} {
		strictCalls[name] = lower
	}
}

func (l *lowerer) instant(t time.Time) nodeID {
	return l.constant(valueType{kind: kindTimestamp}, literal{Sec: t.Unix(), Nanos: int32(t.Nanosecond())})
}

func (l *lowerer) date(day int64) nodeID {
	return l.constant(valueType{kind: kindDate}, literal{Int: day})
}

func (l *lowerer) int(v int64) nodeID {
	return l.constant(valueType{kind: kindInt}, literal{Int: v})
}

// since lowers the argument of within and older_than, and finds the two ends of their period: instants, or days.
func (l *lowerer) since(args []ast.Expr) (x, from, now nodeID, ok bool) {
	text, _ := textLiteral(args[1])
	p, err := parsePeriod(text)
	if x, ok = l.lower(args[0]); !ok || err != nil {
		return 0, 0, 0, false
	}
	c := l.env.clock
	if l.kind(x) == kindDate {
		return x, l.date(p.beforeDate(c.today)), l.date(c.horizonDay), true
	}
	return x, l.instant(p.before(c.now, c.zone)), l.instant(c.horizon), true
}

func (l *lowerer) within(_ ast.Expr, args []ast.Expr) (nodeID, bool) {
	x, from, now, ok := l.since(args)
	if !ok || l.kind(x) == kindNull {
		return x, ok
	}
	return l.and(l.less(opLe, from, x, false), l.less(opLe, x, now, false)), true
}

func (l *lowerer) olderThan(_ ast.Expr, args []ast.Expr) (nodeID, bool) {
	x, from, _, ok := l.since(args)
	if !ok || l.kind(x) == kindNull {
		return x, ok
	}
	return l.less(opLt, x, from, false), true
}

// localPart lowers a part of a date, or of an instant in the job's zone.
func localPart(op opcode) func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
	return func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
		return l.add(node{op: op, typ: typ, args: args, zone: l.zoneFor(args[0])}), true
	}
}

// zoneFor is the job's zone for an instant; a date needs none.
func (l *lowerer) zoneFor(arg nodeID) *zone {
	if l.kind(arg) == kindTimestamp {
		return l.zone
	}
	return nil
}

// day is the local day of a date or instant.
func (l *lowerer) day(arg nodeID) nodeID {
	if l.kind(arg) == kindDate {
		return arg
	}
	return l.add(node{op: opToDate, typ: valueType{kind: kindDate}, args: []nodeID{arg}, zone: l.zone})
}

// onDay is a range of instants where the day is a constant.
func (l *lowerer) onDay(_ valueType, args []nodeID) (nodeID, bool) {
	t, d := args[0], &l.nodes[args[1]]
	if d.op != opConst {
		if l.nodes[t].canFail || d.canFail {
			return 0, false
		}
		return l.eq(l.day(t), args[1]), true
	}
	from, to := StartOfDay(int32(d.lit.Int), l.env.clock.zone), StartOfDay(int32(d.lit.Int+1), l.env.clock.zone)
	return l.and(l.less(opLe, l.instant(from), t, false), l.less(opLt, t, l.instant(to), false)), true
}

func (l *lowerer) daysSince(typ valueType, args []nodeID) (nodeID, bool) {
	return l.add(node{op: opDaysBetween, typ: typ, args: []nodeID{l.day(args[0]), l.date(l.env.clock.today)}}), true
}

func (l *lowerer) daysBetween(typ valueType, args []nodeID) (nodeID, bool) {
	return l.add(node{op: opDaysBetween, typ: typ, args: []nodeID{l.day(args[0]), l.day(args[1])}}), true
}

func (l *lowerer) ageYears(typ valueType, args []nodeID) (nodeID, bool) {
	return l.add(node{op: opAgeYears, typ: typ, args: []nodeID{l.day(args[0]), l.date(l.env.clock.today)}}), true
}

// step lowers a move by days or months.
func step(op opcode) func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
	return func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
		return l.add(node{op: op, typ: typ, args: args, zone: l.zoneFor(args[0])}), true
	}
}

// toDate lowers date(text), date(instant) and date(instant, "zone").
func (l *lowerer) toDate(typ valueType, args []nodeID) (nodeID, bool) {
	n := node{op: opToDate, typ: typ, args: args[:1], zone: l.zoneFor(args[0])}
	if len(args) == 2 {
		var ok bool
		if n.zone, ok = l.namedZone(args[1]); !ok {
			return 0, false
		}
	}
	return l.add(n), true
}

// namedZone is the zone that a constant names. It is false for another expression, and where there is no such zone: then every
// row is an error.
func (l *lowerer) namedZone(id nodeID) (*zone, bool) {
	n := &l.nodes[id]
	if n.op != opConst {
		return nil, false
	}
	_, err := loadZone(n.lit.String)
	return l.zoneOf(n.lit.String), err == nil
}

// accessor lowers CEL's parts of a timestamp: in UTC, or the zone named; some count from 0.
func accessor(op opcode, offset int64) func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
	return func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
		if l.kind(args[0]) != kindTimestamp {
			return 0, false // a duration
		}
		n := node{op: op, typ: typ, args: args[:1]}
		if len(args) == 2 {
			var ok bool
			if n.zone, ok = l.namedZone(args[1]); !ok {
				return 0, false
			}
		}
		id := l.add(n)
		switch {
		case op == opWeekday: // CEL's Sunday is 0
			return l.add(node{op: opMod, typ: typ, args: []nodeID{id, l.int(7)}}), true
		case offset != 0:
			return l.add(node{op: opAdd, typ: typ, args: []nodeID{id, l.int(offset)}}), true
		}
		return id, true
	}
}
