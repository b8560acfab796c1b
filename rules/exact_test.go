package rules

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// sumByFractions is the sum of doubles divided by n, as a fraction that is rounded at the end.
func sumByFractions(values []float64, n int64) float64 {
	total, special := new(big.Rat), 0.0
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			special += v
			continue
		}
		total.Add(total, new(big.Rat).SetFloat64(v))
	}
	if special != 0 {
		return special
	}
	f, _ := total.Quo(total, new(big.Rat).SetInt64(n)).Float64()
	return f + 0 // no negative zero
}

// randomDouble is any double: of any exponent, near others, an integer or one with few digits.
func randomDouble(rng *rand.Rand) float64 {
	switch rng.IntN(6) {
	case 0:
		return math.Float64frombits(rng.Uint64()&^(0x7ff<<52) | uint64(rng.IntN(0x7ff))<<52)
	case 1:
		return float64(rng.Int64N(2001)-1000) / 100
	case 2:
		return math.Ldexp(float64(rng.Int64()), -rng.IntN(130))
	case 3:
		return math.Float64frombits(rng.Uint64() & (1<<63 | 1<<53 - 1)) // around the smallest
	case 4:
		return math.Copysign(math.MaxFloat64, float64(rng.IntN(2))-.5)
	}
	return one(&sampler{rng: rng}, someFloats[:18])
}

func TestExactSum(t *testing.T) {
	for seed := range uint64(20_000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		values := make([]float64, rng.IntN(12))
		for i := range values {
			if values[i] = randomDouble(rng); i > 0 && rng.IntN(3) == 0 {
				values[i] = -values[rng.IntN(i)]
			}
		}
		var sum, a, b exactSum
		sum.add(math.Pi)
		sum.reset()
		for i, v := range values {
			sum.add(v)
			[]*exactSum{&a, &b}[i%2].add(v)
		}
		a.merge(&b)
		n := int64(1) << rng.IntN(62)
		n += rng.Int64N(n)
		for _, by := range []int64{1, 3, n} {
			want := sumByFractions(values, by)
			if got := sum.over(uint64(by)); !sameDouble(got, want) || !sameDouble(a.over(uint64(by)), want) {
				t.Fatalf("seed %d: %v over %d is %v and %v, want %v", seed, values, by, got, a.over(uint64(by)), want)
			}
		}
	}
}

func sameDouble(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

func TestExactSumOfIntegers(t *testing.T) {
	for _, tc := range []struct {
		signed   []int64
		unsigned []uint64
		want     float64
	}{
		{signed: []int64{math.MaxInt64, math.MaxInt64, math.MinInt64}, want: math.MaxInt64 - 1},
		{signed: []int64{math.MinInt64, math.MinInt64}, want: -(1 << 64)},
		{signed: []int64{1 << 53, 1, 1}, want: 1<<53 + 2},
		{signed: []int64{-1, -1 << 40, 5}, want: 4 - 1<<40},
		{unsigned: []uint64{math.MaxUint64, 1}, want: 1 << 64},
	} {
		var sum exactSum
		for _, v := range tc.signed {
			sum.addInt(v)
		}
		for _, v := range tc.unsigned {
			sum.addUint(v)
		}
		if got := sum.value(); got != tc.want {
			t.Errorf("%v %v: %v, want %v", tc.signed, tc.unsigned, got, tc.want)
		}
	}
}

func BenchmarkExactSum(b *testing.B) {
	values := make([]float64, 4096)
	for i := range values {
		values[i] = float64(i) * 1.01
	}
	var sum exactSum
	for b.Loop() {
		for _, v := range values {
			sum.add(v)
		}
	}
	b.ReportMetric(float64(len(values))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mvalues/s")
}
