package rules

import (
	"math"
	"math/bits"
)

// An exactSum is a sum of doubles without any rounding: a number wide enough for all of them. So neither the order of what is
// added nor how it is shared out among goroutines changes the result, which is rounded once. The zero value is an empty sum.
type exactSum struct {
	limbs     [sumLimbs]int64 // 32 bits each, lowest first; limb 0 begins at the lowest bit of any double, 2^-1074
	low, high int             // the limbs in use: [low, high)
	adds      int             // since the last carry

	nan, up, down bool // a NaN, an infinity and its opposite were added
}

const (
	sumLimbs = 70      // 2098 bits of doubles, and room for 2^64 of them
	mostAdds = 1 << 30 // a limb has room for 2^31 times 32 bits
	lowest   = -1074   // the exponent of the lowest bit of a double
)

// reset empties the sum.
func (s *exactSum) reset() {
	clear(s.limbs[s.low:s.high])
	s.low, s.high, s.adds, s.nan, s.up, s.down = 0, 0, 0, false, false, false
}

// add adds a double.
func (s *exactSum) add(v float64) {
	pattern := math.Float64bits(v)
	exponent := int(pattern >> 52 & 0x7ff)
	mantissa := pattern & (1<<52 - 1)
	switch exponent {
	case 0x7ff:
		s.nan, s.up, s.down = s.nan || mantissa != 0, s.up || v > 0, s.down || v < 0
		return
	case 0:
		exponent = 1 // subnormal: no bit before the point
	default:
		mantissa |= 1 << 52
	}
	at, shift := (exponent-1)/32, uint(exponent-1)%32
	low, high := mantissa<<shift, int64(mantissa>>(64-shift))
	parts := [3]int64{int64(low & math.MaxUint32), int64(low >> 32), high}
	sign := int64(1) - 2*int64(pattern>>63)
	for i, part := range parts {
		s.limbs[at+i] += sign * part
	}
	s.use(at, at+3)
	if s.adds++; s.adds == mostAdds {
		s.carry()
	}
}

// addInt adds an integer: two doubles hold the halves of any.
func (s *exactSum) addInt(v int64) {
	s.add(float64(v >> 32 << 32))
	s.add(float64(v & math.MaxUint32))
}

// addUint adds an unsigned integer.
func (s *exactSum) addUint(v uint64) {
	s.add(float64(v >> 32 << 32))
	s.add(float64(v & math.MaxUint32))
}

// merge adds another sum, which it may carry.
func (s *exactSum) merge(other *exactSum) {
	s.carry()
	other.carry()
	for i := other.low; i < other.high; i++ {
		s.limbs[i] += other.limbs[i]
	}
	if other.low < other.high {
		s.use(other.low, other.high)
	}
	s.adds++
	s.nan, s.up, s.down = s.nan || other.nan, s.up || other.up, s.down || other.down
}

func (s *exactSum) use(low, high int) {
	if s.low == s.high {
		s.low, s.high = low, high
		return
	}
	s.low, s.high = min(s.low, low), max(s.high, high)
}

// carry leaves 32 bits in each limb but the highest, which has the sign.
func (s *exactSum) carry() {
	if s.adds = 0; s.low == s.high {
		return
	}
	for i := s.low; i < s.high-1; i++ {
		s.step(i)
	}
	for top := s.high - 1; s.high < sumLimbs && s.limbs[top] != int64(int32(s.limbs[top])); top++ {
		s.step(top)
		s.high++
	}
}

// step moves what is beyond the 32 bits of a limb to the next.
func (s *exactSum) step(i int) {
	s.limbs[i+1] += s.limbs[i] >> 32
	s.limbs[i] &= math.MaxUint32
}

// value is the sum, rounded once.
func (s *exactSum) value() float64 { return s.over(1) }

// over is the sum divided by a number that is not 0, rounded once.
func (s *exactSum) over(n uint64) float64 {
	switch {
	case s.nan || s.up && s.down:
		return math.NaN()
	case s.up || s.down:
		return math.Inf(int(bit(s.up))*2 - 1)
	}
	s.carry()
	if s.low == s.high {
		return 0
	}
	if s.limbs[s.high-1] >= 0 {
		return s.quotient(n)
	}
	positive := *s
	for i := s.low; i < s.high; i++ {
		positive.limbs[i] = -s.limbs[i]
	}
	positive.carry()
	return 0 - positive.quotient(n) // no negative zero
}

// quotient divides a sum that is carried and not negative, limb by limb from the top, until three limbs of the quotient have a
// value: 65 bits or more. What follows only tells a tie from what is above it.
func (s *exactSum) quotient(n uint64) float64 {
	var digits [3]uint64
	rest, have, at := uint64(0), 0, s.high
	for have < len(digits) {
		if at--; at < s.low && rest == 0 && have == 0 {
			return 0
		}
		limb := uint64(0)
		if at >= s.low {
			limb = uint64(s.limbs[at])
		}
		digit, left := bits.Div64(rest>>32, rest<<32|limb, n)
		if rest = left; have > 0 || digit != 0 {
			digits[have] = digit
			have++
		}
	}
	more := rest != 0
	for i := at - 1; i >= s.low && !more; i-- {
		more = s.limbs[i] != 0
	}
	return rounded(digits, at*32+lowest, more)
}

// rounded is the double nearest to three digits of 32 bits, of which the first is not 0, times a power of two. more says that
// the number is a little larger.
func rounded(digits [3]uint64, exponent int, more bool) float64 {
	high := digits[0]<<32 | digits[1]
	zeros := bits.LeadingZeros64(high)
	mantissa := high<<zeros | digits[2]>>(32-zeros)
	more = more || digits[2]<<zeros&math.MaxUint32 != 0
	exponent += 32 - zeros
	drop := max(11, lowest-exponent) // bits that a double has no room for
	if drop > 64 {
		return 0
	}
	half := uint64(1) << (drop - 1)
	kept, lost := mantissa>>drop, mantissa&(half<<1-1)
	if lost > half || lost == half && (more || kept&1 == 1) {
		kept++
	}
	return math.Ldexp(float64(kept), exponent+drop)
}
