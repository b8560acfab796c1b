package writers

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"
)

// values are those of a column that are there, one after the other, in one encoding.
type values interface {
	encoding() format.Encoding
	// dictionary returns the entries; another encoding has none.
	dictionary() *entries
	// weight is about how many bytes the values of a span have.
	weight(s span) int
	// append encodes the values of a span behind dst.
	append(dst []byte, s span) []byte
	// bounds returns the least and the greatest value of a span, which has values, in plain encoding. The caller keeps
	// them. It returns nil where there are none.
	bounds(s span) (low, high []byte)
}

// framed values compress themselves: they append a zstd frame of what append encodes, and return the size of that.
type framed interface {
	frame(to *scratch, dst []byte, s span) (frame []byte, size int)
}

// noDictionary is what the encodings without one embed.
type noDictionary struct{}

func (noDictionary) dictionary() *entries { return &entries{} }

// integers are INT32, INT64 or the bits of FLOAT and DOUBLE. Integers proper are delta encoded: the ids are sorted.
type integers struct {
	noDictionary
	typ    leafType
	values []int64
}

func (v integers) encoding() format.Encoding {
	if v.typ.order == floating {
		return format.Plain
	}
	return format.DeltaBinaryPacked
}

func (v integers) weight(s span) int { return v.typ.width() * (s.to - s.from) }

// width is the bytes of a value in plain encoding, where all have the same.
func (t *leafType) width() int {
	switch t.physical {
	case format.Int32, format.Float:
		return 4
	case format.FixedLenByteArray:
		return t.length
	case format.Boolean:
		return 1
	default:
		return 8
	}
}

func (v integers) append(dst []byte, s span) []byte {
	part := v.values[s.from:s.to]
	switch {
	case v.typ.order == floating:
		for _, value := range part {
			dst = v.typ.appendInteger(dst, value)
		}
	case v.typ.physical == format.Int64:
		return encodeDelta64(dst, part)
	default:
		narrow := make([]int32, len(part))
		for i, value := range part {
			narrow[i] = int32(value)
		}
		return encodeDelta32(dst, narrow)
	}
	return dst
}

// appendInteger appends a value in plain encoding.
func (t *leafType) appendInteger(dst []byte, value int64) []byte {
	if t.width() == 4 {
		return binary.LittleEndian.AppendUint32(dst, uint32(value))
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(value))
}

// encodeDelta32 and encodeDelta64 append in DELTA_BINARY_PACKED. The encoders of parquet-go write over dst, so they
// get the room behind it; they fail on nothing.
func encodeDelta32(dst []byte, src []int32) []byte {
	var e delta.BinaryPackedEncoding
	packed, _ := e.EncodeInt32(dst[len(dst):], src)
	return append(dst, packed...)
}

func encodeDelta64(dst []byte, src []int64) []byte {
	var e delta.BinaryPackedEncoding
	packed, _ := e.EncodeInt64(dst[len(dst):], src)
	return append(dst, packed...)
}

func (v integers) bounds(s span) (low, high []byte) {
	return v.typ.integerBounds(v.values[s.from:s.to])
}

// integerBounds are those of at least one value.
func (t *leafType) integerBounds(part []int64) (low, high []byte) {
	switch t.order {
	case floating:
		return t.floatBounds(part)
	case unsigned:
		least, most := uint64(math.MaxUint64), uint64(0)
		for _, value := range part {
			least, most = min(least, uint64(value)), max(most, uint64(value))
		}
		return t.appendInteger(nil, int64(least)), t.appendInteger(nil, int64(most))
	default:
		least, most := int64(math.MaxInt64), int64(math.MinInt64)
		for _, value := range part {
			least, most = min(least, value), max(most, value)
		}
		return t.appendInteger(nil, least), t.appendInteger(nil, most)
	}
}

// floatBounds leave NaN aside, as the format asks; a zero counts as -0 below and +0 above. With nothing but NaN there are none.
func (t *leafType) floatBounds(part []int64) (low, high []byte) {
	least, most := math.Inf(1), math.Inf(-1)
	for _, value := range part {
		f := t.float(value)
		if f == f {
			least, most = min(least, f), max(most, f)
		}
	}
	if least > most {
		return nil, nil
	}
	if least == 0 {
		least = math.Copysign(0, -1)
	}
	if most == 0 {
		most = 0
	}
	return t.appendInteger(nil, t.floatBits(least)), t.appendInteger(nil, t.floatBits(most))
}

func (t *leafType) float(value int64) float64 {
	if t.physical == format.Float {
		return float64(math.Float32frombits(uint32(value)))
	}
	return math.Float64frombits(uint64(value))
}

func (t *leafType) floatBits(f float64) int64 {
	if t.physical == format.Float {
		return int64(math.Float32bits(float32(f)))
	}
	return int64(math.Float64bits(f))
}

// byteStrings are BYTE_ARRAY or FIXED_LEN_BYTE_ARRAY.
type byteStrings struct {
	noDictionary
	typ    leafType
	values [][]byte
}

func (v byteStrings) encoding() format.Encoding {
	if v.typ.physical == format.FixedLenByteArray {
		return format.Plain
	}
	return format.DeltaLengthByteArray
}

func (v byteStrings) weight(s span) (n int) {
	for _, value := range v.values[s.from:s.to] {
		n += len(value)
	}
	return n
}

func (v byteStrings) append(dst []byte, s span) []byte {
	part := v.values[s.from:s.to]
	if v.typ.physical != format.FixedLenByteArray {
		lengths := make([]int32, len(part))
		for i, value := range part {
			lengths[i] = int32(len(value))
		}
		dst = encodeDelta32(dst, lengths)
	}
	for _, value := range part {
		dst = append(dst, value...)
	}
	return dst
}

func (v byteStrings) bounds(s span) (low, high []byte) {
	return v.typ.leastAndMost(v.values[s.from:s.to])
}

// leastAndMost are the bounds of at least one value; they share memory with it.
func (t *leafType) leastAndMost(part [][]byte) (low, high []byte) {
	low, high = part[0], part[0]
	for _, value := range part[1:] {
		if t.order.compare(value, low) < 0 {
			low = value
		} else if t.order.compare(value, high) > 0 {
			high = value
		}
	}
	return low, high
}

// booleans are bits, one a value.
type booleans struct {
	noDictionary
	bits []uint64
}

func (booleans) encoding() format.Encoding { return format.Plain }

func (booleans) weight(s span) int { return (s.to - s.from + 7) / 8 }

func (v booleans) append(dst []byte, s span) []byte {
	w := bitWriter{out: dst}
	for i := s.from; i < s.to; i += 64 {
		n := min(64, s.to-i)
		w.write(bitsAt(v.bits, i, n), n)
	}
	return w.bytes()
}

func (v booleans) bounds(s span) (low, high []byte) {
	low, high = []byte{1}, []byte{0}
	for i := s.from; i < s.to; i += 64 {
		n := min(64, s.to-i)
		word := bitsAt(v.bits, i, n)
		if word != 0 {
			high = []byte{1}
		}
		if word != ones(n) {
			low = []byte{0}
		}
	}
	return low, high
}
