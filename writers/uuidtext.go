package writers

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// uuidTexts are packed UUIDs as their 36 characters.
type uuidTexts struct {
	noDictionary
	words []uint64
}

func (uuidTexts) encoding() format.Encoding { return format.DeltaLengthByteArray }

func (uuidTexts) weight(s span) int { return uuidLength * (s.to - s.from) }

// append encodes what frame does, without compression.
func (v uuidTexts) append(dst []byte, s span) []byte {
	dst = appendUUIDLengths(dst, s.to-s.from)
	for i := s.from; i < s.to; i++ {
		dst = appendUUID(dst, v.words[2*i], v.words[2*i+1])
	}
	return dst
}

func (v uuidTexts) frame(to *scratch, dst []byte, s span) (frame []byte, size int) {
	return textCode().frame(to, dst, appendUUIDLengths(nil, s.to-s.from), v.words[2*s.from:2*s.to])
}

func appendUUIDLengths(dst []byte, n int) []byte {
	return encodeDelta32(dst, slices.Repeat([]int32{uuidLength}, n))
}

func (v uuidTexts) bounds(s span) (low, high []byte) {
	last := s.to - 1
	return appendUUID(nil, v.words[2*s.from], v.words[2*s.from+1]), appendUUID(nil, v.words[2*last], v.words[2*last+1])
}

// repeatedUUIDTexts are packed UUIDs as text where each may stand several times in a row: a repeat shares all with the one
// before it, another id nothing.
type repeatedUUIDTexts struct {
	noDictionary
	words  []uint64
	places []uint32
}

func (repeatedUUIDTexts) encoding() format.Encoding { return format.DeltaByteArray }

func (v repeatedUUIDTexts) weight(s span) int { return uuidLength * (s.to - s.from) }

func (v repeatedUUIDTexts) append(dst []byte, s span) []byte {
	lengths, words := v.parts(s)
	for ; len(words) > 0; words = words[2:] {
		lengths = appendUUID(lengths, words[0], words[1])
	}
	return append(dst, lengths...)
}

func (v repeatedUUIDTexts) frame(to *scratch, dst []byte, s span) (frame []byte, size int) {
	lengths, words := v.parts(s)
	return textCode().frame(to, dst, lengths, words)
}

// parts returns the encoded lengths of a span and the ids that follow.
func (v repeatedUUIDTexts) parts(s span) (lengths []byte, words []uint64) {
	shared, rest := make([]int32, s.to-s.from), make([]int32, s.to-s.from)
	for i, place := range v.places[s.from:s.to] {
		if i > 0 && place == v.places[s.from+i-1] {
			shared[i] = uuidLength
			continue
		}
		rest[i] = uuidLength
		words = append(words, v.words[2*place], v.words[2*place+1])
	}
	return encodeDelta32(encodeDelta32(nil, shared), rest), words
}

func (v repeatedUUIDTexts) bounds(s span) (low, high []byte) {
	first, last := int(v.places[s.from]), int(v.places[s.to-1])
	low, _ = uuidTexts{words: v.words}.bounds(span{from: first, to: first + 1})
	_, high = uuidTexts{words: v.words}.bounds(span{from: last, to: last + 1})
	return low, high
}

// appendUUID appends the 36 characters of a packed UUID.
func appendUUID(dst []byte, high, low uint64) []byte {
	var text [uuidLength]byte
	putUUID(&text, high, low)
	return append(dst, text[:]...)
}

// putUUID writes the 36 characters of a packed UUID.
func putUUID(text *[uuidLength]byte, high, low uint64) {
	a, b, c, d, e := uuidText(high, low)
	binary.LittleEndian.PutUint64(text[0:], a)
	binary.LittleEndian.PutUint64(text[8:], b)
	binary.LittleEndian.PutUint64(text[16:], c)
	binary.LittleEndian.PutUint64(text[24:], d)
	binary.LittleEndian.PutUint32(text[32:], e)
}

// uuidText returns the 36 characters of a packed UUID in words, the first lowest: eight at a time, then the last four.
func uuidText(high, low uint64) (a, b, c, d uint64, e uint32) {
	second, third, last := hexDigits(uint32(high)), hexDigits(uint32(low>>32)), hexDigits(uint32(low))
	a = hexDigits(uint32(high >> 32))
	b = '-' | second<<32>>24 | '-'<<40 | second>>32<<48
	c = second>>48 | '-'<<16 | third<<32>>8 | '-'<<56
	d = third>>32 | last<<32
	return a, b, c, d, uint32(last >> 32)
}

// hexDigits returns the eight digits of a number as bytes, the first lowest.
func hexDigits(v uint32) uint64 {
	const low, ones = 0x0f0f0f0f0f0f0f0f, 0x0101010101010101
	x := uint64(v>>16) | uint64(v&0xffff)<<32
	x = (x>>8 | x<<16) & 0x00ff00ff00ff00ff // a byte in every two, the first lowest
	x = (x>>4 | x<<8) & low                 // a digit in every byte
	letters := (x + 6*ones) >> 4 & ones     // 1 where the digit is a letter
	return x + '0'*ones + letters*('a'-'0'-10)
}

// The primes of xxh64.
const (
	prime1 = 0x9e3779b185ebca87
	prime2 = 0xc2b2ae3d27d4eb4f
	prime3 = 0x165667b19e3779f9
	prime4 = 0x85ebca77c2b2ae63
)

// hashUUIDText is xxh64 with seed 0 of the 36 characters of a packed UUID, which a bloom filter needs of every user.
func hashUUIDText(high, low uint64) uint64 {
	a, b, c, d, e := uuidText(high, low)
	start1, start2, start4 := uint64(prime1), uint64(prime2), uint64(prime1)
	v1, v2, v3, v4 := hashRound(start1+start2, a), hashRound(start2, b), hashRound(0, c), hashRound(-start4, d)
	h := bits.RotateLeft64(v1, 1) + bits.RotateLeft64(v2, 7) + bits.RotateLeft64(v3, 12) + bits.RotateLeft64(v4, 18)
	h = (h^hashRound(0, v1))*prime1 + prime4
	h = (h^hashRound(0, v2))*prime1 + prime4
	h = (h^hashRound(0, v3))*prime1 + prime4
	h = (h^hashRound(0, v4))*prime1 + prime4
	h = (h + uuidLength) ^ uint64(e)*prime1
	h = bits.RotateLeft64(h, 23)*prime2 + prime3
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

func hashRound(lane, input uint64) uint64 { return bits.RotateLeft64(lane+input*prime2, 31) * prime1 }
