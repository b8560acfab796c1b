package readers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// Codecs of our own rather than parquet-go's: those grow their output until it fits, so that a damaged page can take all memory.
// Here the page header says how much comes out, and nothing else is accepted.

// canDecompress returns why pages of a codec cannot be read.
func canDecompress(codec format.CompressionCodec) error {
	switch codec {
	case format.Uncompressed, format.Snappy, format.Gzip, format.Brotli, format.Lz4, format.Zstd, format.Lz4Raw:
		return nil
	}
	return fmt.Errorf("compression %s is not supported; write zstd, snappy, gzip, brotli, lz4 or none", codec)
}

// mostRatio bounds what a byte of a codec can become; 0 where there is no such bound.
func mostRatio(codec format.CompressionCodec) int {
	switch codec {
	case format.Uncompressed:
		return 1
	case format.Snappy:
		return 32
	case format.Lz4, format.Lz4Raw:
		return 256
	case format.Gzip:
		return 1040
	}
	return 0
}

// decompress unpacks src into exactly len(dst) bytes.
func decompress(codec format.CompressionCodec, dst, src []byte) error {
	if len(dst) == 0 {
		return nil // some writers leave nothing, others an empty frame
	}
	var n int
	var err error
	switch codec {
	case format.Snappy:
		n, err = unpackSnappy(dst, src)
	case format.Gzip:
		n, err = unpackGzip(dst, src)
	case format.Brotli:
		n, err = unpackBrotli(dst, src)
	case format.Zstd:
		n, err = unpackZstd(dst, src)
	case format.Lz4Raw:
		n, err = lz4.UncompressBlock(src, dst)
	case format.Lz4:
		n, err = unpackLz4(dst, src)
	default:
		err = canDecompress(codec)
	}
	if err != nil {
		return fmt.Errorf("decompress %s: %w", codec, err)
	}
	if n != len(dst) {
		return fmt.Errorf("decompress %s: %d bytes came out and the page header says %d", codec, n, len(dst))
	}
	return nil
}

func unpackSnappy(dst, src []byte) (int, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil || n != len(dst) {
		return n, err
	}
	out, err := snappy.Decode(dst, src)
	return len(out), err
}

var gzips, brotlis sync.Pool

func unpackGzip(dst, src []byte) (int, error) {
	z, _ := gzips.Get().(*gzip.Reader)
	var err error
	if z == nil {
		z, err = gzip.NewReader(bytes.NewReader(src))
	} else {
		err = z.Reset(bytes.NewReader(src))
	}
	if err != nil {
		return 0, err
	}
	defer gzips.Put(z)
	return readExactly(z, dst) // of all members, where there are several
}

func unpackBrotli(dst, src []byte) (int, error) {
	b, _ := brotlis.Get().(*brotli.Reader)
	if b == nil {
		b = brotli.NewReader(nil)
	}
	if err := b.Reset(bytes.NewReader(src)); err != nil {
		return 0, err
	}
	defer brotlis.Put(b)
	return readExactly(b, dst)
}

// readExactly fills dst, and returns more than its length if more would come.
func readExactly(r io.Reader, dst []byte) (int, error) {
	n, err := io.ReadFull(r, dst)
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	var more [1]byte
	switch extra, err := r.Read(more[:]); {
	case extra > 0:
		return n + extra, nil
	case err != nil && err != io.EOF:
		return n, err
	}
	return n, nil
}

var zstds = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true))
})

func unpackZstd(dst, src []byte) (int, error) {
	z, err := zstds()
	if err != nil {
		return 0, err
	}
	out, err := z.DecodeAll(src, dst[:0:len(dst)])
	if err == nil && len(out) > 0 && &out[0] != &dst[0] {
		err = errors.New("more bytes come out than the page header says")
	}
	return len(out), err
}

// unpackLz4 reads the codec that was never specified: blocks framed as Hadoop does, or one raw block.
func unpackLz4(dst, src []byte) (int, error) {
	if n, ok := unpackHadoop(dst, src); ok {
		return n, nil
	}
	return lz4.UncompressBlock(src, dst)
}

// unpackHadoop reads blocks that each follow their lengths, decompressed and compressed, in big-endian 32 bits.
func unpackHadoop(dst, src []byte) (n int, ok bool) {
	for len(src) > 0 {
		if len(src) < 8 {
			return 0, false
		}
		out, in := int(binary.BigEndian.Uint32(src)), int(binary.BigEndian.Uint32(src[4:]))
		src = src[8:]
		if in > len(src) || out > len(dst)-n {
			return 0, false
		}
		got, err := lz4.UncompressBlock(src[:in], dst[n:n+out])
		if err != nil || got != out {
			return 0, false
		}
		src, n = src[in:], n+out
	}
	return n, true
}
