package rules

// The kernels of comparisons set bit i of out where the test holds for value i, and clear it elsewhere. They never ask for
// validity: null slots hold anything and the caller masks them. out has words(len(values)) words.

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

type number interface {
	~int64 | ~uint64 | ~float64
}

func lessInts[T integer](out []uint64, values []T, lit int64) {
	w := 0
	for ; len(values) >= 64; w++ {
		block := (*[64]T)(values)
		var word uint64
		for i := 0; i < 64; i += 4 {
			word |= bit(int64(block[i]) < lit)<<i | bit(int64(block[i+1]) < lit)<<(i+1) |
				bit(int64(block[i+2]) < lit)<<(i+2) | bit(int64(block[i+3]) < lit)<<(i+3)
		}
		out[w] = word
		values = values[64:]
	}
	if len(values) > 0 {
		var word uint64
		for i, v := range values {
			word |= bit(int64(v) < lit) << i
		}
		out[w] = word
	}
}

func equalInts[T integer](out []uint64, values []T, lit int64) {
	w := 0
	for ; len(values) >= 64; w++ {
		block := (*[64]T)(values)
		var word uint64
		for i := 0; i < 64; i += 4 {
			word |= bit(int64(block[i]) == lit)<<i | bit(int64(block[i+1]) == lit)<<(i+1) |
				bit(int64(block[i+2]) == lit)<<(i+2) | bit(int64(block[i+3]) == lit)<<(i+3)
		}
		out[w] = word
		values = values[64:]
	}
	if len(values) > 0 {
		var word uint64
		for i, v := range values {
			word |= bit(int64(v) == lit) << i
		}
		out[w] = word
	}
}

func lessUints(out []uint64, values []uint64, lit uint64) {
	for w := range out {
		var word uint64
		for i, v := range values[w*64 : min(w*64+64, len(values))] {
			word |= bit(v < lit) << i
		}
		out[w] = word
	}
}

func lessFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	w := 0
	for ; len(values) >= 64; w++ {
		block := (*[64]T)(values)
		var word uint64
		for i := 0; i < 64; i += 4 {
			word |= bit(float64(block[i]) < lit)<<i | bit(float64(block[i+1]) < lit)<<(i+1) |
				bit(float64(block[i+2]) < lit)<<(i+2) | bit(float64(block[i+3]) < lit)<<(i+3)
		}
		out[w] = word
		values = values[64:]
	}
	if len(values) > 0 {
		var word uint64
		for i, v := range values {
			word |= bit(float64(v) < lit) << i
		}
		out[w] = word
	}
}

func greaterFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	w := 0
	for ; len(values) >= 64; w++ {
		block := (*[64]T)(values)
		var word uint64
		for i := 0; i < 64; i += 4 {
			word |= bit(float64(block[i]) > lit)<<i | bit(float64(block[i+1]) > lit)<<(i+1) |
				bit(float64(block[i+2]) > lit)<<(i+2) | bit(float64(block[i+3]) > lit)<<(i+3)
		}
		out[w] = word
		values = values[64:]
	}
	if len(values) > 0 {
		var word uint64
		for i, v := range values {
			word |= bit(float64(v) > lit) << i
		}
		out[w] = word
	}
}

func equalFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	for w := range out {
		var word uint64
		for i, v := range values[w*64 : min(w*64+64, len(values))] {
			word |= bit(float64(v) == lit) << i
		}
		out[w] = word
	}
}

func lessPairs[T number | string](out []uint64, a, b []T) {
	for w := range out {
		var word uint64
		bs := b[w*64:]
		for i, v := range a[w*64 : min(w*64+64, len(a))] {
			word |= bit(v < bs[i]) << i
		}
		out[w] = word
	}
}

func lessOrEqualPairs[T number | string](out []uint64, a, b []T) {
	for w := range out {
		var word uint64
		bs := b[w*64:]
		for i, v := range a[w*64 : min(w*64+64, len(a))] {
			word |= bit(v <= bs[i]) << i
		}
		out[w] = word
	}
}

func equalPairs[T number | string](out []uint64, a, b []T) {
	for w := range out {
		var word uint64
		bs := b[w*64:]
		for i, v := range a[w*64 : min(w*64+64, len(a))] {
			word |= bit(v == bs[i]) << i
		}
		out[w] = word
	}
}

// setWhere sets bit i of out where test(i) holds.
func setWhere(out []uint64, n int, test func(i int) bool) {
	for w := range out {
		var word uint64
		for i := w * 64; i < min(w*64+64, n); i++ {
			word |= bit(test(i)) << (i & 63)
		}
		out[w] = word
	}
}

// flip inverts n bits.
func flip(out []uint64, n int) {
	for w := range out {
		out[w] = ^out[w]
	}
	if n > 0 {
		out[len(out)-1] &= tail(n)
	}
}
