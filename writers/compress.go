package writers

import (
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

// pays remembers whether compression pays for a column: the first page decides for those that follow.
type pays struct{ asked, no bool }

// compress returns the body of a data page, as a zstd frame where that saves an eighth.
func (p *pays) compress(s *scratch, raw []byte) (body []byte, compressed bool) {
	if p.no || len(raw) == 0 {
		return raw, false
	}
	body = s.compress(raw)
	if !p.asked {
		p.asked, p.no = true, len(body) > len(raw)/8*7
	}
	if p.no || len(body) >= len(raw) {
		return raw, false
	}
	return body, true
}

// body encodes the values of a page and compresses them where that pays. It returns the size before compression, and bytes
// that are valid until the next call.
func (s *scratch) body(v values, of span, packs *pays) (body []byte, size int, compressed bool) {
	if v, ok := v.(framed); ok {
		s.packed, size = v.frame(s, s.packed[:0], of)
		return s.packed, size, true
	}
	s.raw = v.append(s.raw[:0], of)
	body, compressed = packs.compress(s, s.raw)
	return body, len(s.raw), compressed
}
