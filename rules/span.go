package rules

import (
	"cmp"
	"math"
	"strings"
)

// A span bounds values of one kind: none is below lo or above hi. NaN is in no order and stands apart. Of bools, the set of
// outcomes says all there is.
type span struct {
	lo, hi literal
	open   bool // text: there is no upper bound
	nan    bool // double: NaN may be among them
}

// anything is the span of all values of a kind.
func anything(k kind) (s span) {
	switch k {
	case kindInt, kindDate, kindDuration:
		s.lo.Int, s.hi.Int = math.MinInt64, math.MaxInt64
	case kindUint:
		s.hi.Uint = math.MaxUint64
	case kindDouble:
		s.lo.Double, s.hi.Double, s.nan = math.Inf(-1), math.Inf(1), true
	case kindTimestamp:
		s.lo.Sec, s.hi.Sec, s.hi.Nanos = math.MinInt64, math.MaxInt64, 999_999_999
	case kindString, kindBytes:
		s.open = true
	case kindBool:
		s.hi.Bool = true
	}
	return s
}

// point says whether all values are the same.
func (s span) point(k kind) bool { return !s.open && !s.nan && order(k, s.lo, k, s.hi) == 0 }

// has says whether a value lies within the bounds.
func (s span) has(k kind, v literal) bool {
	return order(k, s.lo, k, v) <= 0 && (s.open || order(k, s.hi, k, v) >= 0)
}

// hull is the span of the values of two.
func (s span) hull(k kind, other span) span {
	if order(k, other.lo, k, s.lo) < 0 {
		s.lo = other.lo
	}
	if order(k, other.hi, k, s.hi) > 0 {
		s.hi = other.hi
	}
	s.open, s.nan = s.open || other.open, s.nan || other.nan
	return s
}

// order compares two constants: of one kind, or numbers of two kinds, exactly. None is NaN.
func order(ka kind, a literal, kb kind, b literal) int {
	switch {
	case ka != kb:
		return orderMixed(ka, a, kb, b)
	case ka == kindUint:
		return cmp.Compare(a.Uint, b.Uint)
	case ka == kindDouble:
		return cmp.Compare(a.Double, b.Double)
	case ka == kindString || ka == kindBytes:
		return strings.Compare(a.String, b.String)
	case ka == kindTimestamp:
		return cmp.Or(cmp.Compare(a.Sec, b.Sec), cmp.Compare(a.Nanos, b.Nanos))
	case ka == kindBool:
		return int(bit(a.Bool)) - int(bit(b.Bool))
	}
	return cmp.Compare(a.Int, b.Int)
}

func orderMixed(ka kind, a literal, kb kind, b literal) int {
	switch {
	case ka == kindDouble || ka == kindUint && kb == kindInt:
		return -orderMixed(kb, b, ka, a)
	case ka == kindInt && kb == kindDouble:
		return compareIntDouble(a.Int, b.Double)
	case ka == kindUint:
		return compareUintDouble(a.Uint, b.Double)
	case a.Int < 0:
		return -1
	}
	return cmp.Compare(uint64(a.Int), b.Uint)
}

// afterPrefix is the least text that is above every text with a prefix; false where there is none.
func afterPrefix(prefix string) (string, bool) {
	for n := len(prefix); n > 0; n-- {
		if last := prefix[n-1]; last != 0xff {
			return prefix[:n-1] + string([]byte{last + 1}), true
		}
	}
	return "", false
}
