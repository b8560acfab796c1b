package rules

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// A validity is the known bitmap of a view, kept while the slice of rows is evaluated.
type validity struct {
	in    view
	known []uint64
}

// knownOf is the validity of a view as a bitmap that starts at bit 0; nil where no row is null.
func (e *Evaluator) knownOf(in view) []uint64 {
	for i := range e.valid {
		if e.valid[i].in == in {
			return e.valid[i].known
		}
	}
	known := e.loadValidity(in)
	e.valid = append(e.valid, validity{in, known})
	return known
}

func (e *Evaluator) loadValidity(in view) []uint64 {
	if in.arr.DataType().ID() == arrow.NULL {
		return e.arena.words.zeros(words(in.n))
	}
	bitmap := in.arr.NullBitmapBytes()
	if len(bitmap) == 0 || in.n == 0 {
		return nil
	}
	known := e.arena.words.get(words(in.n))
	loadBits(known, bitmap, in.offset(), in.n)
	last := len(known) - 1
	if known[last] != tail(in.n) || slices.ContainsFunc(known[:last], func(word uint64) bool { return word != ^uint64(0) }) {
		return known
	}
	return nil
}

// load turns Arrow rows into the vec of a column or element. Numbers that are 64 bits wide are shared, others widened.
func (e *Evaluator) load(in view, nd *node) *vec {
	out := e.arena.new(nd.typ.kind, in.n)
	if in.n == 0 { // an empty array may lack its buffers
		e.blank(out)
		return out
	}
	out.known = e.knownOf(in)
	if in.arr.DataType().ID() == arrow.NULL || nd.typ.kind == kindNull {
		return e.unknown(nd.typ.kind, in.n)
	}
	if dict, ok := in.arr.(*array.Dictionary); ok {
		return e.loadEncoded(dict, in, nd, out)
	}
	fits := false
	switch nd.typ.kind {
	case kindBool:
		fits = e.loadBools(out, in)
	case kindInt, kindDate, kindDuration:
		fits = e.loadInts(out, in)
	case kindUint:
		fits = e.loadUints(out, in)
	case kindDouble:
		fits = e.loadFloats(out, in)
	case kindString, kindBytes:
		fits = e.loadTexts(out, in)
	case kindTimestamp:
		fits = e.loadTimestamps(out, in, nd.zone)
	case kindList, kindMap, kindStruct:
		fits = e.loadNested(out, in)
	}
	if !fits {
		e.fault("values of Arrow type %s do not fit the type the rules were compiled for; compile them against this schema",
			in.arr.DataType())
		return e.unknown(nd.typ.kind, in.n)
	}
	return out
}

// loadEncoded writes out the values that dictionary codes stand for.
func (e *Evaluator) loadEncoded(dict *array.Dictionary, in view, nd *node, out *vec) *vec {
	of := e.entriesOf(noSource, nd, dict)
	codes, _, ok := e.codes(dict, in, of.n)
	if !ok {
		return e.unknown(nd.typ.kind, in.n)
	}
	return e.gather(of.frame.bound, e.nullCodes(&slicedCodes{codes: codes, known: out.known}, of.n))
}

func (e *Evaluator) loadBools(out *vec, in view) bool {
	arr, ok := in.arr.(*array.Boolean)
	if !ok {
		return false
	}
	out.bits = e.arena.words.get(words(in.n))
	loadBits(out.bits, arr.Data().Buffers()[1].Bytes(), in.offset(), in.n)
	return true
}

func (e *Evaluator) loadInts(out *vec, in view) bool {
	lo, hi := in.from, in.from+in.n
	switch arr := in.arr.(type) {
	case *array.Int64:
		out.ints = arr.Int64Values()[lo:hi]
	case *array.Int32:
		out.ints = widen(e, arr.Int32Values()[lo:hi])
	case *array.Int16:
		out.ints = widen(e, arr.Int16Values()[lo:hi])
	case *array.Int8:
		out.ints = widen(e, arr.Int8Values()[lo:hi])
	case *array.Uint32:
		out.ints = widen(e, arr.Uint32Values()[lo:hi])
	case *array.Uint16:
		out.ints = widen(e, arr.Uint16Values()[lo:hi])
	case *array.Uint8:
		out.ints = widen(e, arr.Uint8Values()[lo:hi])
	case *array.Date32:
		out.ints = widen(e, arr.Date32Values()[lo:hi])
	case *array.Date64:
		out.ints = widen(e, arr.Date64Values()[lo:hi])
		for i, millis := range out.ints {
			out.ints[i] = floorDiv(millis, 86_400_000)
		}
	case *array.Duration:
		return e.loadDurations(out, arr, lo, hi)
	default:
		return false
	}
	return true
}

// loadDurations turns durations into nanoseconds. One that does not fit into 64 bits of them is an error, as in CEL.
func (e *Evaluator) loadDurations(out *vec, arr *array.Duration, lo, hi int) bool {
	scale := int64(1_000_000_000) / unitsPerSecond(arr.DataType().(*arrow.DurationType).Unit)
	out.ints = widen(e, arr.DurationValues()[lo:hi])
	failed := e.arena.words.zeros(words(out.n))
	for i, v := range out.ints {
		product := v * scale
		if v != 0 && product/scale != v {
			setBit(failed, i)
		}
		out.ints[i] = product
	}
	e.arena.failing(out, failed)
	return true
}

func widen[T ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32](e *Evaluator, values []T) []int64 {
	wide := e.arena.ints.get(len(values))
	for i, v := range values {
		wide[i] = int64(v)
	}
	return wide
}

func (e *Evaluator) loadUints(out *vec, in view) bool {
	arr, ok := in.arr.(*array.Uint64)
	if !ok {
		return false
	}
	out.uints = arr.Uint64Values()[in.from : in.from+in.n]
	return true
}

func (e *Evaluator) loadFloats(out *vec, in view) bool {
	lo, hi := in.from, in.from+in.n
	if arr, ok := in.arr.(*array.Float64); ok {
		out.floats = arr.Float64Values()[lo:hi]
		return true
	}
	out.floats = e.arena.floats.get(in.n)
	switch arr := in.arr.(type) {
	case *array.Float32:
		for i, v := range arr.Float32Values()[lo:hi] {
			out.floats[i] = float64(v)
		}
	case *array.Float16:
		for i, v := range arr.Values()[lo:hi] {
			out.floats[i] = float64(v.Float32())
		}
	case *array.Decimal128:
		scale := arr.DataType().(*arrow.Decimal128Type).Scale
		for i, v := range arr.Values()[lo:hi] {
			out.floats[i] = decimalDouble(v, scale)
		}
	case *array.Decimal256:
		scale := arr.DataType().(*arrow.Decimal256Type).Scale
		for i, v := range arr.Values()[lo:hi] {
			out.floats[i] = roundedQuotient(v.BigInt(), scale)
		}
	default:
		ints := e.arena.new(kindInt, in.n)
		if !e.loadInts(ints, in) {
			return false
		}
		for i, v := range ints.ints {
			out.floats[i] = float64(v)
		}
	}
	return true
}

// exactPowers are the powers of ten that a double holds exactly.
var exactPowers = [...]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// decimalDouble is the double nearest to v / 10^scale. Two exact doubles divide to the nearest one; larger ones take longer.
func decimalDouble(v decimal128.Num, scale int32) float64 {
	high, low := v.HighBits(), int64(v.LowBits())
	small := high == low>>63 && -1<<53 <= low && low <= 1<<53
	switch {
	case small && 0 <= scale && int(scale) < len(exactPowers):
		return float64(low) / exactPowers[scale]
	case small && scale < 0 && int(-scale) < len(exactPowers):
		return float64(low) * exactPowers[-scale]
	}
	return roundedQuotient(v.BigInt(), scale)
}

// roundedQuotient is the double nearest to v / 10^scale, for any v.
func roundedQuotient(v *big.Int, scale int32) float64 {
	f, err := strconv.ParseFloat(v.String()+"e"+strconv.Itoa(-int(scale)), 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// loadTexts makes strings that share the array's bytes.
func (e *Evaluator) loadTexts(out *vec, in view) bool {
	out.texts = e.arena.texts.get(in.n)
	lo := in.from
	switch arr := in.arr.(type) {
	case *array.String:
		shareTexts(out.texts, arr.ValueOffsets()[lo:], valueBytes(arr))
	case *array.LargeString:
		shareTexts(out.texts, arr.ValueOffsets()[lo:], valueBytes(arr))
	case *array.Binary:
		shareTexts(out.texts, arr.ValueOffsets()[lo:], valueBytes(arr))
	case *array.LargeBinary:
		shareTexts(out.texts, arr.ValueOffsets()[lo:], valueBytes(arr))
	case *array.FixedSizeBinary:
		e.loadFixed(out, arr, lo)
	default:
		return false
	}
	return true
}

// valueBytes is the whole buffer that the offsets of a string or binary array point into.
func valueBytes(arr arrow.Array) []byte {
	if buffer := arr.Data().Buffers()[2]; buffer != nil {
		return buffer.Bytes()
	}
	return nil
}

func shareTexts[T int32 | int64](out []string, offsets []T, data []byte) {
	if len(out) == 0 {
		return
	}
	start := offsets[0]
	for i := range out {
		end := offsets[i+1]
		out[i] = shareText(data[start:end])
		start = end
	}
}

// shareText makes a string of bytes without a copy: they must not change while it is used.
func shareText(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// loadFixed shows 16 bytes that are text as a UUID, and other fixed-size values as they are.
func (e *Evaluator) loadFixed(out *vec, arr *array.FixedSizeBinary, lo int) {
	size := arr.DataType().(*arrow.FixedSizeBinaryType).ByteWidth
	var data []byte
	if buffer := arr.Data().Buffers()[1]; buffer != nil {
		data = buffer.Bytes()[arr.Data().Offset()*size:]
	}
	if out.kind == kindString && size == 16 {
		uuids := make([]byte, 36*out.n) // the strings keep it alive
		for i := range out.n {
			text := uuids[36*i : 36*i+36]
			putUUID(text, data[(lo+i)*16:])
			out.texts[i] = shareText(text)
		}
		return
	}
	for i := range out.n {
		out.texts[i] = shareText(data[(lo+i)*size : (lo+i+1)*size])
	}
}

const hexDigits = "0123456789abcdef"

// putUUID writes the canonical text of a UUID, 36 bytes.
func putUUID(text, uuid []byte) {
	at := 0
	for i, b := range uuid[:16] {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = hexDigits[b>>4], hexDigits[b&15]
		at += 2
	}
}

func (e *Evaluator) loadNested(out *vec, in view) bool {
	switch in.arr.(type) {
	case array.ListLike, *array.Struct:
		out.nested = in.arr
	default:
		return false
	}
	out.base = in.from
	return true
}

// loadElements is the vec of the elements that a body looks at.
func (e *Evaluator) loadElements(f *frame, nd *node) *vec {
	if f.picked == nil {
		return e.load(f.elements, nd)
	}
	return e.gather(e.load(f.elements, nd), f.picked)
}
