package rules

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/zeebo/xxh3"
)

// The reference evaluates one node for one row, by plain reading of RULES.md. It shares no kernel with the evaluator.

// A refValue is a value, or unknown ('U') or an error ('E').
type refValue struct {
	state byte // 'V', 'U', 'E'
	v     any
}

var refUnknown, refError = refValue{state: 'U'}, refValue{state: 'E'}

func known(v any) refValue {
	if v == nil {
		return refUnknown
	}
	return refValue{'V', v}
}

type refRow struct {
	nodes    []node
	columns  map[string]any
	elements map[int]any
}

func (r *refRow) with(depth int, element any) *refRow {
	inner := &refRow{r.nodes, r.columns, map[int]any{depth: element}}
	for d, v := range r.elements {
		if d != depth {
			inner.elements[d] = v
		}
	}
	return inner
}

func (r *refRow) letter(id nodeID) byte {
	switch v := r.eval(id); {
	case v.state != 'V':
		return v.state
	case v.v.(bool):
		return 'T'
	}
	return 'F'
}

func (r *refRow) eval(id nodeID) refValue {
	nd := &r.nodes[id]
	switch nd.op {
	case opConst:
		return refConst(nd)
	case opColumn:
		return known(r.columns[nd.name])
	case opElement:
		return known(r.elements[nd.depth])
	case opAnd, opOr:
		return r.fold(nd.op == opOr, func(yield func(refValue)) {
			for _, arg := range nd.args {
				yield(r.eval(arg))
			}
		})
	case opExists, opAll, opExistsOne, opCount:
		return r.comprehend(nd)
	case opSum, opAvg, opMin, opMax:
		return r.aggregate(nd)
	}
	args := make([]refValue, len(nd.args))
	for i, arg := range nd.args {
		args[i] = r.eval(arg)
	}
	if v, done := refLenient(nd, args); done {
		return v
	}
	for _, arg := range args {
		if arg.state == 'E' && (nd.op == opEq || len(args) > 2) {
			return arg
		}
	}
	if nd.swapped && args[1].state != 'V' {
		return args[1]
	}
	for _, arg := range args {
		if arg.state != 'V' {
			return arg
		}
	}
	return refApply(r, nd, args)
}

func refConst(nd *node) refValue {
	switch nd.typ.kind {
	case kindNull:
		return refUnknown
	case kindBool:
		return known(nd.lit.Bool)
	case kindUint:
		return known(nd.lit.Uint)
	case kindDouble:
		return known(nd.lit.Double)
	case kindString, kindBytes:
		return known(nd.lit.String)
	case kindTimestamp:
		return known(instant{nd.lit.Sec, nd.lit.Nanos})
	}
	return known(nd.lit.Int)
}

// fold is || (dominant true) or && (dominant false).
func (r *refRow) fold(dominant bool, each func(yield func(refValue))) refValue {
	unknown, failed, decided := false, false, false
	each(func(v refValue) {
		switch {
		case v.state == 'U':
			unknown = true
		case v.state == 'E':
			failed = true
		case v.v.(bool) == dominant:
			decided = true
		}
	})
	switch {
	case decided:
		return known(dominant)
	case unknown:
		return refUnknown
	case failed:
		return refError
	}
	return known(!dominant)
}

// refLenient evaluates what is not strict.
func refLenient(nd *node, args []refValue) (refValue, bool) {
	first := args[0]
	switch nd.op {
	case opNot:
		if first.state == 'V' {
			return known(!first.v.(bool)), true
		}
		return first, true
	case opCond:
		if first.state != 'V' {
			return first, true
		}
		if first.v.(bool) {
			return args[1], true
		}
		return args[2], true
	case opIsNull:
		if first.state == 'E' {
			return first, true
		}
		return known(first.state == 'U'), true
	case opIsTrue:
		if first.state == 'E' {
			return first, true
		}
		return known(first.state == 'V' && first.v.(bool)), true
	case opMember:
		return known(first.state == 'V' && first.v.(bool)), true
	case opCoalesce:
		if first.state == 'U' {
			return args[1], true
		}
		return first, true
	}
	return refValue{}, false
}

func (r *refRow) comprehend(nd *node) refValue {
	list := r.eval(nd.args[0])
	if list.state != 'V' {
		return list
	}
	elements := list.v.([]any)
	switch nd.op {
	case opExists, opAll:
		return r.fold(nd.op == opExists, func(yield func(refValue)) {
			for _, element := range elements {
				yield(r.with(nd.depth, element).eval(nd.body))
			}
		})
	}
	count := known(int64(0))
	for _, element := range elements {
		v := r.with(nd.depth, element).eval(nd.body)
		if nd.op == opCount && v.state == 'U' {
			continue
		}
		switch {
		case v.state != 'V':
			count = v
		case v.v.(bool) && count.state == 'V':
			count.v = count.v.(int64) + 1
		}
	}
	if nd.op == opExistsOne && count.state == 'V' {
		return known(count.v.(int64) == 1)
	}
	return count
}

// aggregate sorts what the elements give, or adds it up with more digits than any sum needs.
func (r *refRow) aggregate(nd *node) refValue {
	list := r.eval(nd.args[0])
	if list.state != 'V' {
		return list
	}
	var values []any
	for _, element := range list.v.([]any) {
		switch v := r.with(nd.depth, element).eval(nd.body); v.state {
		case 'E':
			return refError
		case 'V':
			values = append(values, v.v)
		}
	}
	if nd.op == opSum || nd.op == opAvg {
		return refTotal(nd, values)
	}
	values = slices.DeleteFunc(values, func(v any) bool { f, is := v.(float64); return is && math.IsNaN(f) })
	if len(values) == 0 {
		return refUnknown
	}
	slices.SortStableFunc(values, func(a, b any) int {
		order, _ := refOrder(a, b)
		if nd.op == opMax {
			return -order
		}
		return order
	})
	return known(values[0])
}

func refTotal(nd *node, values []any) refValue {
	total, special := new(big.Float).SetPrec(4000), 0.0
	for _, v := range values {
		f, isDouble := v.(float64)
		if isDouble && (math.IsInf(f, 0) || math.IsNaN(f)) {
			special += f
			continue
		}
		exact, _ := refBig(v)
		total.Add(total, exact)
	}
	if nd.op == opAvg {
		if len(values) == 0 {
			return refUnknown
		}
		total.Quo(total, new(big.Float).SetInt64(int64(len(values))))
	}
	whole, _ := total.Int(nil)
	switch {
	case nd.typ.kind == kindInt:
		return map[bool]refValue{true: known(whole.Int64()), false: refError}[whole.IsInt64()]
	case nd.typ.kind == kindUint:
		return map[bool]refValue{true: known(whole.Uint64()), false: refError}[whole.IsUint64()]
	case special != 0:
		return known(special)
	}
	f, _ := total.Float64()
	return known(f + 0) // no negative zero
}

// refOrder compares two values; ordered is false for NaN.
func refOrder(a, b any) (order int, ordered bool) {
	switch x := a.(type) {
	case bool:
		return int(bit(x)) - int(bit(b.(bool))), true
	case string:
		return strings.Compare(x, b.(string)), true
	case instant:
		y := b.(instant)
		return time.Unix(x.seconds, int64(x.nanos)).Compare(time.Unix(y.seconds, int64(y.nanos))), true
	}
	fa, okA := refBig(a)
	fb, okB := refBig(b)
	if !okA || !okB {
		return 0, false
	}
	return fa.Cmp(fb), true
}

func refBig(v any) (*big.Float, bool) {
	switch v := v.(type) {
	case int64:
		return new(big.Float).SetInt64(v), true
	case uint64:
		return new(big.Float).SetUint64(v), true
	case float64:
		if math.IsNaN(v) {
			return nil, false
		}
		return new(big.Float).SetFloat64(v), true
	}
	panic(fmt.Sprintf("no number: %v", v))
}

func refApply(r *refRow, nd *node, args []refValue) refValue {
	a := args[0].v
	var b any
	if len(args) > 1 {
		b = args[1].v
	}
	switch nd.op {
	case opEq, opLt, opLe:
		order, ordered := refOrder(a, b)
		return known(ordered && (order == 0 && nd.op != opLt || order < 0 && nd.op != opEq))
	case opInSet:
		for _, lit := range nd.set.values {
			value := refConst(&node{typ: r.nodes[nd.args[0]].typ, lit: lit})
			if order, ordered := refOrder(a, value.v); ordered && order == 0 {
				return known(true)
			}
		}
		return known(false)
	case opInFile:
		return known(refLists(nd.set, a))
	case opNullText:
		for _, lit := range nd.set.values {
			if lit.String == a.(string) {
				return refUnknown
			}
		}
		return known(a)
	case opToUUID, opIDText:
		return refID(nd, r.nodes[nd.args[0]].typ.kind, a.(string))
	case opInList:
		for _, element := range b.([]any) {
			if element != nil {
				if order, ordered := refOrder(a, element); ordered && order == 0 {
					return known(true)
				}
			}
		}
		return known(false)
	case opInMap:
		_, has := b.(map[string]any)[a.(string)]
		return known(has)
	case opAdd, opSub, opMul, opDiv, opMod:
		return refArithmetic(nd.op, a, b)
	case opNeg:
		if f, is := a.(float64); is {
			return known(-f)
		}
		return refArithmetic(opSub, int64(0), a)
	case opStartsWith:
		return known(strings.HasPrefix(a.(string), b.(string)))
	case opEndsWith:
		return known(strings.HasSuffix(a.(string), b.(string)))
	case opContains:
		return known(strings.Contains(a.(string), b.(string)))
	case opEqualFold:
		return known(strings.EqualFold(a.(string), b.(string)))
	case opMatches, opLike:
		return known(nd.regex.MatchString(a.(string)))
	case opLower:
		return known(strings.Map(func(c rune) rune {
			if 'A' <= c && c <= 'Z' {
				return c + 32
			}
			return c
		}, a.(string)))
	case opUpper:
		return known(strings.Map(func(c rune) rune {
			if 'a' <= c && c <= 'z' {
				return c - 32
			}
			return c
		}, a.(string)))
	case opTrim:
		return known(strings.TrimSpace(a.(string)))
	case opSize:
		switch a := a.(type) {
		case string:
			if r.nodes[nd.args[0]].typ.kind == kindBytes {
				return known(int64(len(a)))
			}
			return known(int64(utf8.RuneCountInString(a)))
		case []any:
			return known(int64(len(a)))
		case map[string]any:
			return known(int64(len(a)))
		}
	case opIndex:
		if i := b.(int64); i >= 0 && i < int64(len(a.([]any))) {
			return known(a.([]any)[i])
		}
		return refError
	case opField:
		return known(a.([]any)[nd.lit.Int])
	case opKey:
		return known(a.(map[string]any)[nd.lit.String])
	case opHashSplit:
		hash := new(big.Float).SetUint64(xxh3.HashString(nd.lit.String + "\x00" + a.(string)))
		return known(hash.Quo(hash, big.NewFloat(1<<64)).Cmp(big.NewFloat(nd.lit.Double)) < 0)
	case opBucket:
		hash := new(big.Int).SetUint64(xxh3.HashString(nd.lit.String + "\x00" + a.(string)))
		return known(hash.Rsh(hash.Mul(hash, big.NewInt(nd.lit.Int)), 64).Int64())
	case opVariant:
		return known(refVariant(nd, a.(string)))
	case opNative:
		return refNative(nd, args)
	case opSplit:
		most := int64(-1)
		if len(args) > 2 {
			most = args[2].v.(int64)
		}
		parts := []any{}
		for _, part := range strings.SplitN(a.(string), b.(string), int(most)) {
			parts = append(parts, part)
		}
		return known(parts)
	case opJoin:
		between, out := "", ""
		if len(args) > 1 {
			between = b.(string)
		}
		for i, part := range a.([]any) {
			if part == nil {
				return refError
			}
			if i > 0 {
				out += between
			}
			out += part.(string)
		}
		return known(out)
	case opToUint, opToDuration, opToInt, opToDouble, opToString, opToBool, opToTimestamp, opToDate:
		return refConvert(r, nd, a)
	case opDaysBetween:
		return known(b.(int64) - a.(int64))
	case opAgeYears:
		return known(refAge(a.(int64), b.(int64)))
	case opAddDays, opAddMonths:
		return refMove(nd, a, b.(int64))
	}
	return refCalendar(nd, a)
}

// refNative reads texts as slices of characters, and numbers with more digits than they have.
func refNative(nd *node, args []refValue) refValue {
	a := args[0].v
	number := func(i, otherwise int) int {
		if i < len(args) {
			return int(min(max(args[i].v.(int64), -1), 1<<40))
		}
		return otherwise
	}
	switch nd.name {
	case "charAt", "substring":
		text := []rune(a.(string))
		from, to := number(1, 0), number(2, len(text))
		if nd.name == "charAt" {
			to = min(from+1, len(text))
		}
		if from < 0 || from > to || to > len(text) {
			return refError
		}
		return known(string(text[from:to]))
	case "indexOf", "lastIndexOf":
		return refIndexOf(nd.name, []rune(a.(string)), []rune(args[1].v.(string)), len(args) > 2, number)
	case "replace":
		return known(refReplace(a.(string), args[1].v.(string), args[2].v.(string), number(3, -1)))
	case "reverse":
		out := ""
		for _, r := range a.(string) {
			out = string(r) + out
		}
		return known(out)
	case "math.greatest", "math.least":
		best := a
		for _, arg := range args[1:] {
			order, ordered := refOrder(arg.v, best)
			if !ordered {
				return refError
			}
			if order > 0 && nd.name == "math.greatest" || order < 0 && nd.name == "math.least" {
				best = arg.v
			}
		}
		return known(best)
	case "math.abs", "math.sign":
		return refSign(nd.name, a)
	case "math.sqrt":
		f, _ := refBig(a)
		if f == nil || f.Sign() < 0 { // Pow makes an infinity of the negative one
			return known(math.NaN())
		}
		single, _ := f.Float64()
		return known(math.Pow(single, .5))
	}
	v := a.(float64)
	whole, part := math.Modf(v)
	switch nd.name {
	case "math.isNaN":
		return known(v != v)
	case "math.isInf":
		return known(v == v && v-v != 0)
	case "math.isFinite":
		return known(v-v == 0)
	case "math.floor":
		return known(whole - map[bool]float64{true: 1}[part < 0])
	case "math.ceil":
		return known(whole + map[bool]float64{true: 1}[part > 0])
	case "math.round":
		return known(whole + map[bool]float64{true: math.Copysign(1, v)}[math.Abs(part) >= .5])
	}
	return known(whole)
}

// refReplace replaces so many occurrences, or all (-1). The empty text is before every character and at the end.
func refReplace(text, old, by string, times int) (out string) {
	for times != 0 {
		before, after, found := strings.Cut(text, old)
		if !found {
			break
		}
		if times--; old != "" {
			out, text = out+before+by, after
			continue
		}
		if out += by; text == "" {
			return out
		}
		_, size := utf8.DecodeRuneInString(text)
		out, text = out+text[:size], text[size:]
	}
	return out + text
}

func refIndexOf(name string, text, part []rune, limited bool, number func(i, otherwise int) int) refValue {
	first := name == "indexOf"
	limit := number(2, map[bool]int{true: 0, false: len(text)}[first])
	switch {
	case limit < 0:
		return refError
	case len(part) == 0:
		return known(int64(min(limit, len(text))))
	case limit >= len(text) && limited:
		return known(int64(-1))
	}
	found := int64(-1)
	for at := 0; at+len(part) <= len(text); at++ {
		if string(text[at:at+len(part)]) != string(part) {
			continue
		}
		if first && at >= limit {
			return known(int64(at))
		}
		if !first && at <= limit {
			found = int64(at)
		}
	}
	return known(found)
}

func refSign(name string, a any) refValue {
	switch v := a.(type) {
	case int64:
		size, sign := new(big.Int).Abs(big.NewInt(v)), int64(big.NewInt(v).Sign())
		if name == "math.sign" {
			return known(sign)
		}
		return map[bool]refValue{true: known(size.Int64()), false: refError}[size.IsInt64()]
	case uint64:
		if name == "math.sign" {
			return known(min(v, 1))
		}
		return known(v)
	}
	f := a.(float64)
	if name == "math.abs" {
		return known(math.Copysign(f, 1))
	}
	if f != 0 && f == f {
		f = math.Copysign(1, f)
	}
	return known(f + 0)
}

// refVariant sorts the variants by the base-2 logarithm of their hash over their weight.
func refVariant(nd *node, key string) string {
	wait := map[string]float64{}
	for _, v := range nd.set.values {
		hash := xxh3.HashString(strings.Join([]string{nd.lit.String, v.String, key}, "\x00"))
		wait[v.String] = math.Log2(math.Ldexp(float64(hash/4096)*2+1, -53)) / -v.Double
	}
	return slices.MinFunc(sortedNames(wait), func(a, b string) int { return cmp.Compare(wait[a], wait[b]) })
}

// refLists says whether a line of a list file is a value.
func refLists(list *List, value any) bool {
	for _, line := range list.lines {
		var same bool
		switch value := value.(type) {
		case string:
			same = line == value
		case int64:
			number, err := strconv.ParseInt(line, 10, 64)
			same = err == nil && number == value
		case uint64:
			number, err := strconv.ParseUint(line, 10, 64)
			same = err == nil && number == value
		}
		if same {
			return true
		}
	}
	return false
}

func refID(nd *node, k kind, a string) refValue {
	if k == kindBytes && nd.op == opIDText {
		return known(hex.EncodeToString([]byte(a)))
	}
	var id uuid.UUID
	var err error
	if k == kindBytes {
		id, err = uuid.FromBytes([]byte(a))
	} else if id, err = uuid.Parse(a); len(a) != 36 {
		err = errors.New("another spelling")
	}
	switch {
	case err == nil:
		return known(id.String())
	case nd.op == opIDText:
		return known(a)
	}
	return refError
}

func refArithmetic(op opcode, a, b any) refValue {
	switch x := a.(type) {
	case int64:
		y := b.(int64)
		if (op == opDiv || op == opMod) && (y == 0 || x == math.MinInt64 && y == -1) {
			return refError
		}
		out := refWhole(op, big.NewInt(x), big.NewInt(y))
		if !out.IsInt64() {
			return refError
		}
		return known(out.Int64())
	case uint64:
		y := b.(uint64)
		if (op == opDiv || op == opMod) && y == 0 {
			return refError
		}
		out := refWhole(op, new(big.Int).SetUint64(x), new(big.Int).SetUint64(y))
		if !out.IsUint64() {
			return refError
		}
		return known(out.Uint64())
	case float64:
		y := b.(float64)
		return known(map[opcode]float64{opAdd: x + y, opSub: x - y, opMul: x * y, opDiv: x / y}[op])
	case string:
		return known(x + b.(string))
	}
	x := a.(instant)
	at := new(big.Int).Add(new(big.Int).Mul(big.NewInt(x.seconds), big.NewInt(1e9)), big.NewInt(int64(x.nanos)))
	if y, is := b.(instant); is {
		other := new(big.Int).Add(new(big.Int).Mul(big.NewInt(y.seconds), big.NewInt(1e9)), big.NewInt(int64(y.nanos)))
		whole := refWhole(opMul, big.NewInt(x.seconds-y.seconds), big.NewInt(1e9)) // cel-go checks this step too
		if at.Sub(at, other); !at.IsInt64() || !whole.IsInt64() {
			return refError
		}
		return known(at.Int64())
	}
	if op == opSub && b.(int64) == math.MinInt64 { // cel-go negates it first
		return refError
	}
	at = refWhole(op, at, big.NewInt(b.(int64)))
	seconds, nanos := new(big.Int).DivMod(at, big.NewInt(1e9), new(big.Int))
	if s := seconds.Int64(); s < -62135596800 || s > 253402300799 {
		return refError
	}
	return known(instant{seconds.Int64(), int32(nanos.Int64())})
}

func refWhole(op opcode, x, y *big.Int) *big.Int {
	out := new(big.Int)
	switch op {
	case opAdd:
		return out.Add(x, y)
	case opSub:
		return out.Sub(x, y)
	case opMul:
		return out.Mul(x, y)
	case opDiv:
		return out.Quo(x, y)
	}
	return out.Rem(x, y)
}

func refConvert(r *refRow, nd *node, a any) refValue {
	var v any
	var err error
	switch nd.op {
	case opToInt:
		switch a := a.(type) {
		case string:
			v, err = strconv.ParseInt(a, 10, 64)
		case float64:
			if !(a > math.MinInt64 && a < math.MaxInt64) {
				return refError
			}
			v = int64(a)
		case uint64:
			if a > math.MaxInt64 {
				return refError
			}
			v = int64(a)
		case instant:
			v = a.seconds
		case int64:
			v = a
		}
	case opToUint:
		switch a := a.(type) {
		case string:
			v, err = strconv.ParseUint(a, 10, 64)
		case float64:
			if !(a >= 0 && a < 1<<64) {
				return refError
			}
			v = uint64(a)
		case int64:
			if a < 0 {
				return refError
			}
			v = uint64(a)
		}
	case opToDuration:
		if n, is := a.(int64); is {
			return known(n)
		}
		var d time.Duration
		d, err = time.ParseDuration(a.(string))
		v = int64(d)
	case opToDouble:
		switch a := a.(type) {
		case string:
			v, err = strconv.ParseFloat(a, 64)
		case int64:
			v = float64(a)
		case uint64:
			v = float64(a)
		}
	case opToString:
		switch r.nodes[nd.args[0]].typ.kind {
		case kindDate:
			return known(time.Unix(a.(int64)*86400, 0).UTC().Format(time.DateOnly))
		case kindDuration:
			return known(strconv.FormatFloat(time.Duration(a.(int64)).Seconds(), 'f', -1, 64) + "s")
		case kindBytes:
			if !utf8.ValidString(a.(string)) {
				return refError
			}
		}
		v = fmt.Sprint(a)
		if f, is := a.(float64); is {
			v = fmt.Sprintf("%g", f)
		}
		if at, is := a.(instant); is {
			v = time.Unix(at.seconds, int64(at.nanos)).UTC().Format(time.RFC3339Nano)
		}
	case opToBool:
		v, err = strconv.ParseBool(a.(string))
	case opToTimestamp:
		if n, is := a.(int64); is {
			if n < -62135596800 || n > 253402300799 {
				return refError
			}
			return known(instant{n, 0})
		}
		var t time.Time
		t, err = time.Parse(time.RFC3339, a.(string))
		v = instant{t.Unix(), int32(t.Nanosecond())}
	case opToDate:
		if at, is := a.(instant); is {
			return known(refDay(refTime(nd, at)))
		}
		var t time.Time
		t, err = time.Parse(time.DateOnly, a.(string))
		v = t.Unix() / 86400
	}
	if err != nil {
		return refError
	}
	return known(v)
}

// refTime is an instant, or the midnight of a date, in the node's zone.
func refTime(nd *node, a any) time.Time {
	if days, is := a.(int64); is {
		return time.Unix(days*86400, 0).UTC()
	}
	at := a.(instant)
	t := time.Unix(at.seconds, int64(at.nanos)).UTC()
	if nd.zone != nil {
		t = t.In(nd.zone.location)
	}
	return t
}

// refWall is what time.Date made of a time on the wall (here as if in UTC), unless the clock skips that time: then it is the
// first second at which the wall shows more.
func refWall(made, wall time.Time) time.Time {
	shown := func(t time.Time) int64 {
		_, offset := t.Zone()
		return t.Unix() + int64(offset)
	}
	if shown(made) == wall.Unix() {
		return made
	}
	from := made.Add(-30 * time.Hour) // a zone may skip a whole day
	second := sort.Search(60*3600, func(n int) bool { return shown(from.Add(time.Duration(n)*time.Second)) > wall.Unix() })
	return from.Add(time.Duration(second) * time.Second)
}

// refDay is the civil day of a time, in days since 1970-01-01.
func refDay(t time.Time) int64 {
	return floorDiv(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix(), 86400)
}

func refCalendar(nd *node, a any) refValue {
	t := refTime(nd, a)
	switch nd.op {
	case opYear:
		return known(int64(t.Year()))
	case opMonth:
		return known(int64(t.Month()))
	case opDay:
		return known(int64(t.Day()))
	case opWeekday:
		return known(int64((t.Weekday()+6)%7 + 1))
	case opYearDay:
		return known(int64(t.YearDay()))
	case opHour:
		return known(int64(t.Hour()))
	case opMinute:
		return known(int64(t.Minute()))
	case opSecond:
		return known(int64(t.Second()))
	case opMillisecond:
		return known(int64(t.Nanosecond() / 1e6))
	}
	panic(fmt.Sprintf("the reference lacks operation %d", nd.op))
}

func refAge(born, at int64) int64 {
	b, now := time.Unix(born*86400, 0).UTC(), time.Unix(at*86400, 0).UTC()
	years := now.Year() - b.Year()
	if time.Date(now.Year(), b.Month(), b.Day(), 0, 0, 0, 0, time.UTC).After(now) { // 29 February becomes 1 March
		years--
	}
	return int64(years)
}

func refMove(nd *node, a any, by int64) refValue {
	if by < -1e6 || by > 1e6 {
		return refError
	}
	t := refTime(nd, a)
	moved := t
	if nd.op == opAddDays {
		moved = refWall(t.AddDate(0, 0, int(by)), time.Date(t.Year(), t.Month(), t.Day()+int(by), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC))
	} else {
		first := time.Date(t.Year(), t.Month()+time.Month(by), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		wall := time.Date(first.Year(), first.Month(), min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		moved = refWall(time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), t.Location()), wall)
	}
	if moved.Unix() < -62135596800 || moved.Unix() > 253402300799 {
		return refError
	}
	if _, is := a.(int64); is {
		return known(refDay(moved))
	}
	return known(instant{moved.Unix(), int32(moved.Nanosecond())})
}
