package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A speller writes nodes as an author would write rules. Where a node has no spelling in the language, it is written as a call.
type speller struct {
	nodes []node
	named []bool // by node: it stands on a line of its own, and others write it as #12; nil: none does
}

// How tightly operators bind, as in CEL: an operand that binds less than its place asks for is put in parentheses.
const (
	bindsCond = iota
	bindsOr
	bindsAnd
	bindsComparison
	bindsSum
	bindsProduct
	bindsSign
	bindsCall
)

// spell writes a node for a place that asks for how tightly it binds.
func (s *speller) spell(id nodeID, place int) string {
	if s.named != nil && s.named[id] {
		return fmt.Sprint("#", id)
	}
	text, binds := s.expression(id)
	if binds < place {
		return "(" + text + ")"
	}
	return text
}

// infixes are the operators between two or more arguments.
var infixes = map[opcode]struct {
	text  string
	binds int
}{
	opAnd: {"&&", bindsAnd}, opOr: {"||", bindsOr}, opEq: {"==", bindsComparison}, opLt: {"<", bindsComparison}, opLe: {"<=", bindsComparison},
	opInList: {"in", bindsComparison}, opInMap: {"in", bindsComparison},
	opAdd: {"+", bindsSum}, opSub: {"-", bindsSum}, opMul: {"*", bindsProduct}, opDiv: {"/", bindsProduct}, opMod: {"%", bindsProduct},
}

// calls are the operations written as name(arguments), methods those written as first.name(others).
var (
	calls = map[opcode]string{
		opToUUID: "uuid", opIDText: "id_text", opIsNull: "is_null", opIsTrue: "is_true", opMember: "member", opCoalesce: "coalesce", opSize: "size",
		opToInt: "int", opToUint: "uint", opToDouble: "double", opToString: "string", opToBool: "bool", opToTimestamp: "timestamp",
		opToDuration: "duration", opToDate: "date", opYear: "year", opMonth: "month", opDay: "day", opWeekday: "weekday", opYearDay: "year_day",
		opHour: "hour", opMinute: "minute", opSecond: "second", opMillisecond: "millisecond", opDaysBetween: "days_between",
		opAgeYears: "age_years", opAddDays: "add_days", opAddMonths: "add_months",
	}
	methods = map[opcode]string{
		opStartsWith: "startsWith", opEndsWith: "endsWith", opContains: "contains", opEqualFold: "iequals", opLower: "lowerAscii",
		opUpper: "upperAscii", opTrim: "trim", opSplit: "split", opJoin: "join", opMatches: "matches", opLike: "like",
		opExists: "exists", opAll: "all", opExistsOne: "exists_one", opCount: "count",
		opSum: "sum", opAvg: "avg", opMin: "min", opMax: "max",
	}
)

// expression writes a node and says how tightly it binds.
func (s *speller) expression(id nodeID) (text string, binds int) {
	n := &s.nodes[id]
	if infix, ok := infixes[n.op]; ok {
		return s.infix(n, infix.text), infix.binds
	}
	switch n.op {
	case opConst:
		return spellConstant(n.typ.kind, n.lit), bindsCall
	case opColumn:
		return n.name, bindsCall
	case opElement:
		return fmt.Sprint("e", n.depth), bindsCall
	case opNot:
		return s.negation(n.args[0])
	case opNeg:
		return "-" + s.spell(n.args[0], bindsCall), bindsSign
	case opCond:
		return s.spell(n.args[0], bindsOr) + " ? " + s.spell(n.args[1], bindsOr) + " : " + s.spell(n.args[2], bindsOr), bindsCond
	case opInSet, opInFile:
		return s.spell(n.args[0], bindsSum) + " in " + spellSet(n, s.nodes[n.args[0]].typ.kind), bindsComparison
	case opIndex:
		return s.spell(n.args[0], bindsCall) + "[" + s.spell(n.args[1], bindsCond) + "]", bindsCall
	case opField:
		return s.spell(n.args[0], bindsCall) + "." + s.nodes[n.args[0]].typ.fields[n.lit.Int].name, bindsCall
	case opKey:
		return s.spell(n.args[0], bindsCall) + "[" + strconv.Quote(n.lit.String) + "]", bindsCall
	case opInterpreted:
		return n.interp.text, bindsCond
	case opQuantile, opMean, opRank, opNtile, opTop:
		return n.measure.String(), bindsCall
	}
	return s.call(n), bindsCall
}

// mirrored are the comparisons with their sides changed.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">=": "<="}

// infix writes operands with an operator between them. A constant on the left of a comparison changes sides.
func (s *speller) infix(n *node, operator string) string {
	args, binds := slices.Clone(n.args), infixes[n.op].binds
	if other := mirrored[operator]; other != "" && s.nodes[args[0]].op == opConst {
		args[0], args[1], operator = args[1], args[0], other
	}
	var parts []string
	for i, arg := range args {
		place := binds
		if i > 0 || binds == bindsComparison {
			place++
		}
		parts = append(parts, s.spell(arg, place))
	}
	return strings.Join(parts, " "+operator+" ")
}

// negation writes !x; that of a comparison as the opposite one, but for doubles, of which NaN is neither.
func (s *speller) negation(of nodeID) (text string, binds int) {
	if n := &s.nodes[of]; s.named == nil || !s.named[of] {
		switch {
		case n.op == opEq:
			return s.infix(n, "!="), bindsComparison
		case n.op == opLt && s.nodes[n.args[0]].typ.kind != kindDouble && s.nodes[n.args[1]].typ.kind != kindDouble:
			return s.infix(n, ">="), bindsComparison
		}
	}
	return "!" + s.spell(of, bindsCall), bindsSign
}

// call writes an operation as a call.
func (s *speller) call(n *node) string {
	var args []string
	for _, arg := range n.args {
		args = append(args, s.spell(arg, bindsCond))
	}
	target := ""
	name, method := methods[n.op]
	if n.op == opNative {
		name, method = n.name, !strings.Contains(n.name, ".")
	}
	if method {
		target, args = s.spell(n.args[0], bindsCall)+".", args[1:]
	} else if name = cmp.Or(name, calls[n.op]); name == "" {
		name = fmt.Sprint("operation", n.op)
	}
	switch n.op {
	case opMatches, opLike:
		args = append(args, strconv.Quote(n.regex.String()))
	case opNullText:
		name, args = "null_text", append(args, spellSet(n, kindString))
	case opHashSplit:
		name, args = "hash_split", append([]string{strconv.Quote(n.lit.String), fmt.Sprint(n.lit.Double)}, args...)
	case opVariant:
		name, args = "variant", append([]string{strconv.Quote(n.lit.String), spellWeights(n.set)}, args...)
	case opBucket:
		name, args = "bucket", append([]string{strconv.Quote(n.lit.String), fmt.Sprint(n.lit.Int)}, args...)
	}
	if comprehends(n.op) {
		args = append(args, fmt.Sprint("e", n.depth), s.spell(n.body, bindsCond))
	}
	if n.zone != nil && s.readsZone(n) {
		args = append(args, strconv.Quote(n.zone.location.String()))
	}
	return target + name + "(" + strings.Join(args, ", ") + ")"
}

// readsZone says whether a call's answer depends on its zone.
func (s *speller) readsZone(n *node) bool {
	return len(n.args) > 0 && calls[n.op] != "" && (s.nodes[n.args[0]].typ.kind == kindTimestamp || n.op == opToTimestamp)
}

// mostSpelled is how many values of a set are written out.
const mostSpelled = 8

func spellSet(n *node, k kind) string {
	if n.op == opInFile {
		return fmt.Sprintf("file(%d lines, sha256 %.12s)", n.set.Len(), n.set.Hash())
	}
	var values []string
	for _, value := range n.set.values[:min(len(n.set.values), mostSpelled)] {
		values = append(values, spellConstant(k, value))
	}
	if more := len(n.set.values) - mostSpelled; more > 0 {
		values = append(values, fmt.Sprintf("%d more", more))
	}
	return "[" + strings.Join(values, ", ") + "]"
}

func spellWeights(variants *List) string {
	var parts []string
	for _, v := range variants.values {
		parts = append(parts, fmt.Sprintf("%q: %v", v.String, v.Double))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func spellConstant(k kind, lit literal) string {
	switch k {
	case kindBool:
		return fmt.Sprint(lit.Bool)
	case kindInt:
		return fmt.Sprint(lit.Int)
	case kindUint:
		return fmt.Sprint(lit.Uint, "u")
	case kindDouble:
		return spellDouble(lit.Double)
	case kindString:
		return strconv.Quote(lit.String)
	case kindBytes:
		return "b" + strconv.Quote(lit.String)
	case kindTimestamp:
		return fmt.Sprintf("timestamp(%q)", time.Unix(lit.Sec, int64(lit.Nanos)).UTC().Format(time.RFC3339Nano))
	case kindDate:
		return fmt.Sprintf("date(%q)", time.Unix(lit.Int*86400, 0).UTC().Format(time.DateOnly))
	case kindDuration:
		return fmt.Sprintf("duration(%q)", time.Duration(lit.Int))
	}
	return "null"
}

// spellDouble writes a double so that it looks like no int.
func spellDouble(v float64) string {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if strings.Trim(text, "-0123456789") == "" {
		text += ".0"
	}
	return text
}
