package writers

import (
	"github.com/klauspost/compress/zstd"
)

// A scratch holds what is used again from file to file. One goroutine uses it.
type scratch struct {
	file   []byte
	levels []byte
	raw    []byte
	packed []byte
	hashes []uint64
	bits   [2]bitWriter
	zstd   *zstd.Encoder
}

// compress returns the body as a zstd frame, which is valid until the next call.
func (s *scratch) compress(body []byte) []byte {
	if s.zstd == nil {
		s.zstd, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	}
	s.packed = s.zstd.EncodeAll(body, s.packed[:0])
	return s.packed
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
		s.packed, size = v.frame(s.packed[:0], of)
		return s.packed, size, true
	}
	s.raw = v.append(s.raw[:0], of)
	body, compressed = packs.compress(s, s.raw)
	return body, len(s.raw), compressed
}
