package writers

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// pageBounds are the least and the greatest value of a page in plain encoding; without values or bounds both are nil.
type pageBounds struct {
	min, max []byte
	empty    bool // no values
}

// boundsOf asks the values for the bounds of a span, which the caller keeps.
func boundsOf(c *column, s span) pageBounds {
	if s.from == s.to {
		return pageBounds{empty: true}
	}
	if c.typ.order == unordered {
		return pageBounds{}
	}
	low, high := c.values.bounds(s)
	if low == nil && c.typ.order != floating { // an empty string, and it does not matter where it came from
		low = []byte{}
	}
	if high == nil && c.typ.order != floating {
		high = []byte{}
	}
	return pageBounds{min: low, max: high}
}

// compare orders two values in plain encoding.
func (o order) compare(a, b []byte) int {
	switch {
	case o == lexical || o == text:
		return bytes.Compare(a, b)
	case o == bigEndian:
		if a[0]>>7 != b[0]>>7 {
			return cmp.Compare(b[0]>>7, a[0]>>7)
		}
		return bytes.Compare(a, b)
	case o == floating && len(a) == 4:
		return cmp.Compare(math.Float32frombits(binary.LittleEndian.Uint32(a)), math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case o == floating:
		return cmp.Compare(math.Float64frombits(binary.LittleEndian.Uint64(a)), math.Float64frombits(binary.LittleEndian.Uint64(b)))
	case o == signed:
		return cmp.Compare(signedValue(a), signedValue(b))
	default:
		return cmp.Compare(unsignedValue(a), unsignedValue(b))
	}
}

func signedValue(b []byte) int64 {
	if len(b) == 4 {
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

func unsignedValue(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	default:
		return binary.LittleEndian.Uint64(b)
	}
}

// maxBoundBytes is what a text or byte string may have as a bound; a longer one is cut, and an upper bound rounded up.
const maxBoundBytes = 64

// lowerBound cuts a least value; exact tells whether it is still the value itself.
func (o order) lowerBound(v []byte) (bound []byte, exact bool) {
	if len(v) <= maxBoundBytes || (o != text && o != lexical) {
		return v, true
	}
	return v[:o.cut(v)], false
}

// upperBound cuts a greatest value and rounds it up; without a shorter value that is greater it stays as it is.
func (o order) upperBound(v []byte) (bound []byte, exact bool) {
	if len(v) <= maxBoundBytes || (o != text && o != lexical) {
		return v, true
	}
	short := bytes.Clone(v[:o.cut(v)])
	for len(short) > 0 {
		last, size := o.lastUnit(short)
		short = short[:len(short)-size]
		if up := o.next(last); up >= 0 {
			return o.appendUnit(short, up), false
		}
	}
	return v, true
}

// cut returns where a value is cut: within the limit, and not inside a character of a text.
func (o order) cut(v []byte) int {
	at := maxBoundBytes
	for o == text && at > maxBoundBytes-utf8.UTFMax && !utf8.RuneStart(v[at]) {
		at--
	}
	return at
}

// lastUnit is the last character of a text, or the last byte of anything else. Bytes that are no UTF-8 count as bytes.
func (o order) lastUnit(v []byte) (unit rune, size int) {
	if o == text {
		return utf8.DecodeLastRune(v)
	}
	return rune(v[len(v)-1]), 1
}

// next is the unit after one, or -1 where there is none.
func (o order) next(unit rune) rune {
	switch {
	case o == lexical && unit == 0xff, unit == utf8.MaxRune, o == text && unit == utf8.RuneError:
		return -1
	case o == text && unit == 0xd7ff:
		return 0xe000 // past the surrogates
	default:
		return unit + 1
	}
}

func (o order) appendUnit(dst []byte, unit rune) []byte {
	if o == text {
		return utf8.AppendRune(dst, unit)
	}
	return append(dst, byte(unit))
}

// setBounds derives the bounds of the chunk from those of its pages; a page with values but no bounds leaves none.
func (m *columnMetaData) setBounds(o order, pages []pageBounds) {
	var low, high []byte // a bound is never nil
	for _, p := range pages {
		if p.empty {
			continue
		}
		if p.min == nil {
			return
		}
		if low == nil || o.compare(p.min, low) < 0 {
			low = p.min
		}
		if high == nil || o.compare(p.max, high) > 0 {
			high = p.max
		}
	}
	if low == nil {
		return
	}
	low, lowExact := o.lowerBound(low)
	high, highExact := o.upperBound(high)
	if len(high) > maxBoundBytes && (o == text || o == lexical) {
		high = nil // a bound this long costs more than it gives
	}
	s := &m.Statistics
	s.MinValue, s.IsMinValueExact = thrift.New(low), thrift.New(lowExact)
	if high != nil {
		s.MaxValue, s.IsMaxValueExact = thrift.New(high), thrift.New(highExact)
	}
}

// columnIndex is the bounds of every page, or none where a page with values has none.
func columnIndex(ch *chunk) (*format.ColumnIndex, bool) {
	index := &format.ColumnIndex{NullCounts: ch.nulls}
	for _, p := range ch.bounds {
		if !p.empty && p.min == nil {
			return nil, false
		}
		low, _ := ch.order.lowerBound(p.min)
		high, _ := ch.order.upperBound(p.max)
		index.NullPages = append(index.NullPages, p.empty)
		index.MinValues = append(index.MinValues, low)
		index.MaxValues = append(index.MaxValues, high)
	}
	index.BoundaryOrder = boundaryOrder(ch.order, index)
	return index, true
}

// boundaryOrder tells whether both bounds rise, or both fall, from page to page; pages without values do not count.
func boundaryOrder(o order, index *format.ColumnIndex) format.BoundaryOrder {
	rises, falls, last := true, true, -1
	for i, empty := range index.NullPages {
		if empty {
			continue
		}
		if last >= 0 {
			low := o.compare(index.MinValues[last], index.MinValues[i])
			high := o.compare(index.MaxValues[last], index.MaxValues[i])
			rises = rises && low <= 0 && high <= 0
			falls = falls && low >= 0 && high >= 0
		}
		last = i
	}
	switch {
	case rises:
		return format.Ascending
	case falls:
		return format.Descending
	default:
		return format.Unordered
	}
}
