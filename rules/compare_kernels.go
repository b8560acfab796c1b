package rules

// The kernels of comparisons set bit i of out where the test holds for value i, and clear it elsewhere. They never ask for
// validity: null slots hold anything and the caller masks them. out has words(len(values)) words.

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

type number interface {
	~int64 | ~uint64 | ~float64
}

// blockAt returns values 64*w to 64*w+63; the last ones, if they are fewer, from a copy in rest.
func blockAt[T any](values []T, w int, rest *[64]T) *[64]T {
	if len(values)-w*64 >= 64 {
		return (*[64]T)(values[w*64:])
	}
	copy(rest[:], values[w*64:])
	return rest
}

// trim clears the bits past n.
func trim(out []uint64, n int) {
	if n > 0 {
		out[len(out)-1] &= tail(n)
	}
}

func lessInts[T integer](out []uint64, values []T, lit int64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(int64(v[0]) < lit)|bit(int64(v[1]) < lit)<<1|bit(int64(v[2]) < lit)<<2|bit(int64(v[3]) < lit)<<3|
				bit(int64(v[4]) < lit)<<4|bit(int64(v[5]) < lit)<<5|bit(int64(v[6]) < lit)<<6|bit(int64(v[7]) < lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

func equalInts[T integer](out []uint64, values []T, lit int64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(int64(v[0]) == lit)|bit(int64(v[1]) == lit)<<1|bit(int64(v[2]) == lit)<<2|bit(int64(v[3]) == lit)<<3|
				bit(int64(v[4]) == lit)<<4|bit(int64(v[5]) == lit)<<5|bit(int64(v[6]) == lit)<<6|bit(int64(v[7]) == lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

func lessFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(float64(v[0]) < lit)|bit(float64(v[1]) < lit)<<1|bit(float64(v[2]) < lit)<<2|bit(float64(v[3]) < lit)<<3|
				bit(float64(v[4]) < lit)<<4|bit(float64(v[5]) < lit)<<5|bit(float64(v[6]) < lit)<<6|bit(float64(v[7]) < lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

func greaterFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(float64(v[0]) > lit)|bit(float64(v[1]) > lit)<<1|bit(float64(v[2]) > lit)<<2|bit(float64(v[3]) > lit)<<3|
				bit(float64(v[4]) > lit)<<4|bit(float64(v[5]) > lit)<<5|bit(float64(v[6]) > lit)<<6|bit(float64(v[7]) > lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
}

func equalFloats[T float32 | float64](out []uint64, values []T, lit float64) {
	var rest [64]T
	for w := range out {
		block := blockAt(values, w, &rest)
		var word uint64
		for i := 0; i < 64; i += 8 {
			v := (*[8]T)(block[i:])
			word = word>>8 | (bit(float64(v[0]) == lit)|bit(float64(v[1]) == lit)<<1|bit(float64(v[2]) == lit)<<2|bit(float64(v[3]) == lit)<<3|
				bit(float64(v[4]) == lit)<<4|bit(float64(v[5]) == lit)<<5|bit(float64(v[6]) == lit)<<6|bit(float64(v[7]) == lit)<<7)<<56
		}
		out[w] = word
	}
	trim(out, len(values))
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
	trim(out, n)
}
