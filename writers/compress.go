package writers

import (
	"github.com/klauspost/compress/huff0"
	"github.com/klauspost/compress/zstd"
)

// A scratch holds what is used again from file to file. One goroutine uses it.
type scratch struct {
	file    []byte
	levels  []byte
	raw     []byte
	packed  []byte
	leading []byte
	hashes  []uint64
	bits    [2]bitWriter
	zstd    *zstd.Encoder
	code    huff0.Scratch
}

// compress returns the body as a zstd frame, which is valid until the next call. Packed places have few matches but skewed
// bytes, so all literals are entropy coded.
func (s *scratch) compress(body []byte) []byte {
	s.packed = s.encoder().EncodeAll(body, s.packed[:0])
	return s.packed
}

// lead is compress for bytes that more of the same frame follow: valid until the next call of lead.
func (s *scratch) lead(body []byte) []byte {
	s.leading = s.encoder().EncodeAll(body, s.leading[:0])
	return s.leading
}

func (s *scratch) encoder() *zstd.Encoder {
	if s.zstd == nil {
		s.zstd, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithAllLitEntropyCompression(true),
			zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	}
	return s.zstd
}

// A packing is how the pages of a column are compressed. The first page decides for those that follow.
type packing uint8

const (
	undecided packing = iota
	asIs              // nothing saves an eighth
	literals          // coded without matches, which are hardly found and cost most of the time
	matches
)

// compress returns the body of a data page, as a zstd frame where that pays. The body is valid until the next call.
func (p *packing) compress(s *scratch, raw []byte) (body []byte, compressed bool) {
	if len(raw) == 0 {
		return raw, false
	}
	if *p == undecided {
		*p = s.choose(raw)
	}
	switch *p {
	case asIs:
		return raw, false
	case literals:
		s.packed = appendLiterals(s.packed[:0], raw, &s.code)
	default:
		s.compress(raw)
	}
	if len(s.packed) >= len(raw) {
		return raw, false
	}
	return s.packed, true
}

// choose tries both ways; matches must save a thirty-second more to be looked for.
func (s *scratch) choose(raw []byte) packing {
	without := len(appendLiterals(s.packed[:0], raw, &s.code))
	with := len(s.compress(raw))
	switch {
	case min(with, without) > len(raw)/8*7:
		return asIs
	case with < without/32*31:
		return matches
	default:
		return literals
	}
}

// body encodes the values of a page and compresses them where that pays. It returns the size before compression, and bytes
// that are valid until the next call.
func (s *scratch) body(v values, of span, packs *packing) (body []byte, size int, compressed bool) {
	if v, ok := v.(framed); ok {
		s.packed, size = v.frame(s, s.packed[:0], of)
		return s.packed, size, true
	}
	s.raw = v.append(s.raw[:0], of)
	body, compressed = packs.compress(s, s.raw)
	return body, len(s.raw), compressed
}
