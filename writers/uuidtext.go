package writers

import (
	"encoding/binary"
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

func (v uuidTexts) frame(dst []byte, s span) (frame []byte, size int) {
	return textCode().frame(dst, appendUUIDLengths(nil, s.to-s.from), v.words[2*s.from:2*s.to])
}

func appendUUIDLengths(dst []byte, n int) []byte {
	return encodeDelta32(dst, slices.Repeat([]int32{uuidLength}, n))
}

func (v uuidTexts) bounds(s span) (low, high []byte) {
	last := s.to - 1
	return appendUUID(nil, v.words[2*s.from], v.words[2*s.from+1]), appendUUID(nil, v.words[2*last], v.words[2*last+1])
}

// appendUUID appends the 36 characters of a packed UUID.
func appendUUID(dst []byte, high, low uint64) []byte {
	var text [uuidLength]byte
	putUUID(&text, high, low)
	return append(dst, text[:]...)
}

// putUUID writes the 36 characters of a packed UUID, eight digits at a time.
func putUUID(text *[uuidLength]byte, high, low uint64) {
	second, third := hexDigits(uint32(high)), hexDigits(uint32(low>>32))
	binary.LittleEndian.PutUint64(text[0:], hexDigits(uint32(high>>32)))
	binary.LittleEndian.PutUint32(text[9:], uint32(second))
	binary.LittleEndian.PutUint32(text[14:], uint32(second>>32))
	binary.LittleEndian.PutUint32(text[19:], uint32(third))
	binary.LittleEndian.PutUint32(text[24:], uint32(third>>32))
	binary.LittleEndian.PutUint64(text[28:], hexDigits(uint32(low)))
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
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
