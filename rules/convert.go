package rules

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"strata/pipeline/ids"
)

// convert answers the conversions. A value that has no counterpart in the other type is an error in its row.
func (e *Evaluator) convert(nd *node, f *frame) *vec {
	a := e.eval(nd.args[0], f)
	if a.kind == nd.typ.kind {
		return a
	}
	out := e.arena.new(nd.typ.kind, f.n)
	out.known, out.fail = a.known, a.fail
	e.blank(out)
	one := e.converter(nd, out, a)
	if one == nil {
		if a.kind != kindNull {
			e.fault("no conversion from kind %d to kind %d: a bug in the rules package", a.kind, nd.typ.kind)
		}
		return out
	}
	failed := e.arena.words.zeros(words(f.n))
	for i := range f.n {
		if a.knows(i) && !one(i) {
			setBit(failed, i)
		}
	}
	e.arena.failing(out, failed)
	return out
}

// converter returns what converts one row and says whether that worked.
func (e *Evaluator) converter(nd *node, out, a *vec) func(i int) bool {
	switch nd.op {
	case opToInt:
		return toInt(out, a)
	case opToUint:
		return toUint(out, a)
	case opToDouble:
		return toDouble(out, a)
	case opToString:
		return toText(out, a)
	case opToBool:
		return func(i int) bool {
			value, ok := parse(a.texts[i], types.BoolType).(types.Bool)
			if ok && bool(value) {
				setBit(out.bits, i)
			}
			return ok
		}
	case opToTimestamp:
		return e.toTimestamp(nd, out, a)
	case opToDuration:
		return toDuration(out, a)
	case opToDate:
		return e.toDate(nd, out, a)
	}
	return nil
}

// idText is the canonical text of user ids, as package ids writes it; for opToUUID what is no UUID is an error.
func (e *Evaluator) idText(nd *node, f *frame) *vec {
	a := e.eval(nd.args[0], f)
	out := e.arena.new(kindString, f.n)
	out.known, out.fail, out.texts = a.known, a.fail, e.arena.texts.get(f.n)
	failed := e.arena.words.zeros(words(f.n))
	for i := range out.texts {
		switch {
		case !a.knows(i) || a.kind == kindNull:
		case a.kind == kindInt:
			out.texts[i] = strconv.FormatInt(a.ints[i], 10)
		case a.kind == kindUint:
			out.texts[i] = strconv.FormatUint(a.uints[i], 10)
		case a.kind == kindBytes && nd.op == opIDText:
			out.texts[i] = hex.EncodeToString([]byte(a.texts[i]))
		case nd.op == opIDText && !maybeUpperUUID(a.texts[i]):
			out.texts[i] = a.texts[i]
		default:
			uuid, ok := uuidText(a.texts[i], a.kind)
			if out.texts[i] = uuid; !ok {
				setBit(failed, i)
			}
		}
	}
	if nd.op == opToUUID {
		e.arena.failing(out, failed)
	}
	return out
}

// maybeUpperUUID says whether a text may be a UUID with a capital in it: of that length, with a byte that has the capitals'
// bit and not that of small letters.
func maybeUpperUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	capitals := uint64(0)
	for _, at := range [...]int{0, 8, 16, 24, 28} {
		word := binary.LittleEndian.Uint64([]byte(text[at : at+8]))
		capitals |= word &^ (word << 1) & 0x4040404040404040
	}
	return capitals != 0
}

// uuidText is the canonical text of a UUID that is given as text, in either case, or as 16 bytes; other values stay.
func uuidText(value string, k kind) (string, bool) {
	if k == kindBytes {
		if len(value) != 16 {
			return value, false
		}
		text := make([]byte, 36)
		putUUID(text, []byte(value))
		return string(text), true
	}
	high, low, ok := ids.ParseUUID([]byte(value))
	if !ok {
		return value, false
	}
	text := ids.AppendUUID(make([]byte, 0, 36), high, low)
	if string(text) == value {
		return value, true
	}
	return string(text), true
}

// parse is CEL's own reading of a text as another type.
func parse(text string, as ref.Type) ref.Val { return types.String(text).ConvertToType(as) }

func toInt(out, a *vec) func(i int) bool {
	switch a.kind {
	case kindUint:
		return func(i int) bool { out.ints[i] = int64(a.uints[i]); return a.uints[i] <= math.MaxInt64 }
	case kindDouble:
		return func(i int) bool {
			v := a.floats[i]
			ok := math.MinInt64 < v && v < math.MaxInt64 // not the limits themselves, as in cel-go; false for NaN
			if ok {
				out.ints[i] = int64(v)
			}
			return ok
		}
	case kindString:
		return func(i int) bool {
			value, err := strconv.ParseInt(a.texts[i], 10, 64)
			out.ints[i] = value
			return err == nil
		}
	case kindTimestamp, kindDuration, kindDate:
		return func(i int) bool { out.ints[i] = a.ints[i]; return true }
	}
	return nil
}

func toUint(out, a *vec) func(i int) bool {
	switch a.kind {
	case kindInt:
		return func(i int) bool { out.uints[i] = uint64(a.ints[i]); return a.ints[i] >= 0 }
	case kindDouble:
		return func(i int) bool {
			v := a.floats[i]
			ok := 0 <= v && v < 1<<64
			if ok {
				out.uints[i] = uint64(v)
			}
			return ok
		}
	case kindString:
		return func(i int) bool {
			value, err := strconv.ParseUint(a.texts[i], 10, 64)
			out.uints[i] = value
			return err == nil
		}
	}
	return nil
}

func toDouble(out, a *vec) func(i int) bool {
	switch a.kind {
	case kindInt:
		return func(i int) bool { out.floats[i] = float64(a.ints[i]); return true }
	case kindUint:
		return func(i int) bool { out.floats[i] = float64(a.uints[i]); return true }
	case kindString:
		return func(i int) bool {
			value, err := strconv.ParseFloat(a.texts[i], 64)
			out.floats[i] = value
			return err == nil
		}
	}
	return nil
}

func toText(out, a *vec) func(i int) bool {
	var text func(i int) string
	switch a.kind {
	case kindBool:
		text = func(i int) string { return strconv.FormatBool(hasBit(a.bits, i)) }
	case kindInt:
		text = func(i int) string { return strconv.FormatInt(a.ints[i], 10) }
	case kindUint:
		text = func(i int) string { return strconv.FormatUint(a.uints[i], 10) }
	case kindDouble:
		text = func(i int) string { return fmt.Sprintf("%g", a.floats[i]) }
	case kindTimestamp:
		text = func(i int) string {
			return time.Unix(a.ints[i], int64(a.nanosAt(i))).UTC().Format(time.RFC3339Nano)
		}
	case kindDuration:
		text = func(i int) string {
			return strconv.FormatFloat(time.Duration(a.ints[i]).Seconds(), 'f', -1, 64) + "s"
		}
	case kindDate:
		text = func(i int) string { return time.Unix(a.ints[i]*86400, 0).UTC().Format(time.DateOnly) }
	case kindBytes:
		return func(i int) bool { out.texts[i] = a.texts[i]; return utf8.ValidString(a.texts[i]) }
	default:
		return nil
	}
	return func(i int) bool { out.texts[i] = text(i); return true }
}

func toDuration(out, a *vec) func(i int) bool {
	switch a.kind {
	case kindString:
		return func(i int) bool {
			value, ok := parse(a.texts[i], types.DurationType).(types.Duration)
			if ok {
				out.ints[i] = int64(value.Duration)
			}
			return ok
		}
	case kindInt:
		return func(i int) bool { out.ints[i] = a.ints[i]; return true }
	}
	return nil
}

func (e *Evaluator) toTimestamp(nd *node, out, a *vec) func(i int) bool {
	switch a.kind {
	case kindString:
		return func(i int) bool {
			value, ok := parse(a.texts[i], types.TimestampType).(types.Timestamp)
			if ok {
				out.ints[i], out.nanos[i] = value.Unix(), int32(value.Nanosecond())
			}
			return ok
		}
	case kindInt:
		return func(i int) bool {
			out.ints[i], out.nanos[i] = a.ints[i], 0
			return firstSecond <= a.ints[i] && a.ints[i] <= lastSecond
		}
	case kindDate:
		clock := e.clock(nd.zone)
		return func(i int) bool {
			out.ints[i], out.nanos[i] = clock.instant(a.ints[i]*86400), 0
			return firstSecond <= out.ints[i] && out.ints[i] <= lastSecond
		}
	}
	return nil
}

func (e *Evaluator) toDate(nd *node, out, a *vec) func(i int) bool {
	switch a.kind {
	case kindString:
		return func(i int) bool {
			days, ok := parseDate(a.texts[i])
			out.ints[i] = days
			return ok
		}
	case kindTimestamp:
		clock := e.clock(nd.zone)
		return func(i int) bool { out.ints[i] = floorDiv(clock.local(a.ints[i]), 86400); return true }
	}
	return nil
}

// parseDate reads a date as "2006-01-02", years 1 to 9999, in days since 1970-01-01.
func parseDate(text string) (int64, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return t.Unix() / 86400, err == nil && t.Year() >= 1
}
