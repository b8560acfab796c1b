package readers

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go/format"
)

const (
	windowBytes  = 32 << 10 // read at once to find a page header
	mostHeader   = 16 << 20 // statistics of long texts can make a page header long
	chunkPadding = 100      // early writers did not count the dictionary's header into a chunk's size
)

// A chunk walks over the pages of one column chunk.
type chunk struct {
	bytes   io.ReaderAt
	at, end int64 // what is not read yet, in the object; a page may not reach past end

	window   []byte // bytes that were read, from windowAt of the object on
	windowAt int64
	scratch  *memory.Buffer // the window's, where it is not a span's

	looked     bool       // the next page's header is read: at is behind it
	ahead      pageHeader // that header
	aheadBytes []byte     // the same, as stored; valid until the page is read

	codec     format.CompressionCodec
	checksums bool
	pageBytes int // the most a page may unpack to
	mem       memory.Allocator
}

// A rawPage is a page's header and its bytes, unpacked but not decoded.
type rawPage struct {
	pageHeader
	levels []byte         // of the second format; valid until the next page is read
	data   *memory.Buffer // the rest; owned
}

// next reads the next page that holds data or a dictionary; io.EOF after the last.
func (c *chunk) next() (*rawPage, error) {
	header, err := c.look()
	if err != nil {
		return nil, err
	}
	c.looked = false
	p := &rawPage{pageHeader: *header}
	if err := c.body(p); err != nil {
		return nil, err
	}
	return p, nil
}

// look returns the header of the next page that holds data or a dictionary, which stays the next; io.EOF after the last.
func (c *chunk) look() (*pageHeader, error) {
	for !c.looked {
		if c.at >= c.end {
			return nil, io.EOF
		}
		c.ahead = pageHeader{}
		if err := c.header(&c.ahead); err != nil {
			return nil, err
		}
		if err := c.check(&c.ahead); err != nil {
			return nil, err
		}
		if c.looked = c.ahead.Type != format.IndexPage; !c.looked {
			c.at += int64(c.ahead.CompressedPageSize)
		}
	}
	return &c.ahead, nil
}

// pass goes past the page that look returned.
func (c *chunk) pass() {
	c.at += int64(c.ahead.CompressedPageSize)
	c.looked = false
}

// header decodes the page header at hand. It is not known how long one is, so more is read until it fits.
func (c *chunk) header(into *pageHeader) error {
	for length := min(windowBytes, int(min(c.end-c.at, mostHeader))); ; length = min(length*16, int(min(c.end-c.at, mostHeader))) {
		have, err := c.peek(length)
		if err != nil {
			return err
		}
		n, err := decodeThrift(have, into)
		if err == nil {
			c.at, c.aheadBytes = c.at+int64(n), have[:n]
			return nil
		}
		if int64(length) == min(c.end-c.at, mostHeader) {
			return fmt.Errorf("the page header at byte %d: %w", c.at, err)
		}
		*into = pageHeader{}
	}
}

// peek returns the next n bytes; they are valid until the next call.
func (c *chunk) peek(n int) ([]byte, error) {
	if skip := c.at - c.windowAt; skip >= 0 && skip+int64(n) <= int64(len(c.window)) {
		return c.window[skip : skip+int64(n)], nil
	}
	if s, ok := c.bytes.(spans); ok {
		if whole, start := s.find(c.at); int64(len(whole))-(c.at-start) >= int64(n) {
			c.window, c.windowAt = whole, start
			return whole[c.at-start:][:n], nil
		}
	}
	if c.scratch == nil || c.scratch.Cap() < n {
		release(c.scratch)
		c.scratch = newBuffer(c.mem, n)
	}
	c.window, c.windowAt = c.scratch.Buf()[:n], c.at
	return c.window, readFull(c.bytes, c.window, c.at)
}

// close gives the window back.
func (c *chunk) close() {
	release(c.scratch)
	c.scratch, c.window = nil, nil
}

// read fills p with the next bytes.
func (c *chunk) read(p []byte) error {
	if skip := c.at - c.windowAt; skip >= 0 && skip < int64(len(c.window)) {
		n := copy(p, c.window[skip:])
		c.at, p = c.at+int64(n), p[n:]
	}
	if len(p) == 0 {
		return nil
	}
	defer func() { c.at += int64(len(p)) }()
	return readFull(c.bytes, p, c.at)
}

func readFull(r io.ReaderAt, p []byte, at int64) error {
	n, err := r.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = fmt.Errorf("the file ends at byte %d, within a page", at+int64(n))
	}
	return err
}

// check refuses sizes and counts that cannot be, before anything is allocated for them.
func (c *chunk) check(h *pageHeader) error {
	fault := func(what string, n int32) error {
		return fmt.Errorf("the page header before byte %d says %s %d", c.at, what, n)
	}
	switch {
	case h.CompressedPageSize < 0 || int64(h.CompressedPageSize) > c.end-c.at:
		return fault(fmt.Sprintf("that the page, of a chunk with %d bytes left, has", c.end-c.at), h.CompressedPageSize)
	case h.UncompressedPageSize < 0:
		return fault("that its unpacked size is", h.UncompressedPageSize)
	case int(h.UncompressedPageSize) > c.pageBytes:
		return fmt.Errorf("a page unpacks to %d bytes, more than the limit of %d; write smaller pages", h.UncompressedPageSize, c.pageBytes)
	case h.count() < 0:
		return fault("nothing of its values; its type is", int32(h.Type))
	}
	levels := h.levelBytes()
	if levels < 0 || levels > int(min(h.CompressedPageSize, h.UncompressedPageSize)) {
		return fault(fmt.Sprintf("that its levels have %d bytes, and all of it", levels), h.CompressedPageSize)
	}
	ratio, packed := mostRatio(c.codec), int(h.CompressedPageSize)-levels
	if ratio > 0 && h.compressed() && int(h.UncompressedPageSize)-levels > max(ratio*packed, 64) {
		return fmt.Errorf("a page of %d bytes cannot unpack to the %d that its header says", h.CompressedPageSize, h.UncompressedPageSize)
	}
	return nil
}

// body reads and unpacks the bytes of a page.
func (c *chunk) body(p *rawPage) error {
	size, levels := int(p.CompressedPageSize), p.levelBytes()
	plain := c.codec == format.Uncompressed || !p.compressed()
	if plain && levels == 0 {
		return c.whole(p, size)
	}
	packed, err := c.peek(size)
	if err != nil {
		return err
	}
	c.at += int64(size)
	if err := c.checksum(p, packed); err != nil {
		return err
	}
	p.levels, packed = packed[:levels:levels], packed[levels:]
	if plain {
		p.data = newBuffer(c.mem, len(packed))
		copy(p.data.Bytes(), packed)
		return nil
	}
	p.data = newBuffer(c.mem, int(p.UncompressedPageSize)-levels)
	if err = guarded(func() error { return decompress(c.codec, p.data.Bytes(), packed) }); err != nil {
		p.data.Release()
	}
	return err
}

// whole reads a page that is stored as it is to where it stays.
func (c *chunk) whole(p *rawPage, size int) error {
	p.data = newBuffer(c.mem, size)
	err := c.read(p.data.Bytes())
	if err == nil {
		err = c.checksum(p, p.data.Bytes())
	}
	if err != nil {
		p.data.Release()
	}
	return err
}

// checksum compares the CRC of the bytes as they are stored. A CRC of 0 cannot be told from none.
func (c *chunk) checksum(p *rawPage, stored []byte) error {
	if !c.checksums || p.CRC == 0 {
		return nil
	}
	if got := crc32.ChecksumIEEE(stored); got != uint32(p.CRC) {
		return fmt.Errorf("the page before byte %d is damaged: its checksum is %08x, and its header says %08x", c.at, got, uint32(p.CRC))
	}
	return nil
}
