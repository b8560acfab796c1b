package writers

import (
	"encoding/binary"

	"github.com/klauspost/compress/huff0"
)

// Frames of zstd without matches (RFC 8878): for bytes that are skewed but do not repeat, looking for matches takes most of
// the time of a compressor and finds none.

// Sizes of the format.
const (
	zstdMagic      = 0xfd2fb528
	singleSegment  = 0xa0 // a frame header of the content's size in four bytes
	maxBlock       = 1 << 17
	rawBlock       = 0
	runBlock       = 1
	packedBlock    = 2
	withTree       = 2
	treeless       = 3
	blockHeader    = 3
	literalsHeader = 5 // bytes where both sizes have 18 bits
)

func appendFrameHeader(dst []byte, content int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, zstdMagic)
	return binary.LittleEndian.AppendUint32(append(dst, singleSegment), uint32(content))
}

// appendBlocksOf appends the blocks of a whole frame that has no checksum, so that more can follow.
func appendBlocksOf(dst, frame []byte) []byte {
	if len(frame) == 0 {
		return dst
	}
	descriptor := frame[4]
	header := 5 + []int{0, 2, 4, 8}[descriptor>>6]
	if descriptor>>5&1 == 0 {
		header++ // a window
	} else if descriptor>>6 == 0 {
		header++ // the size of a small content
	}
	for blocks := frame[header:]; len(blocks) > 0; {
		size := int(blocks[0]) | int(blocks[1])<<8 | int(blocks[2])<<16
		kind := size >> 1 & 3
		if size >>= 3; kind == runBlock {
			size = 1
		}
		dst = append(append(dst, blocks[0]&^1), blocks[1:3+size]...)
		blocks = blocks[3+size:]
	}
	return dst
}

// appendLastBlock ends a frame with a few bytes that are not compressed, or none.
func appendLastBlock(dst, raw []byte) []byte {
	return append(appendBlockHeader(dst, len(raw), rawBlock, 1), raw...)
}

func appendBlockHeader(dst []byte, size, kind, last int) []byte {
	header := size<<3 | kind<<1 | last
	return append(dst, byte(header), byte(header>>8), byte(header>>16))
}

// beginLiterals starts a block that is nothing but Huffman-coded literals, in four streams; the caller appends the code and
// the streams.
func beginLiterals(dst []byte) (out []byte, start int) {
	return append(dst, make([]byte, blockHeader+literalsHeader)...), len(dst)
}

// endLiterals fills in the headers of a block whose content has so many bytes.
func endLiterals(dst []byte, start int, kind byte, content int) []byte {
	const fourStreams = 3 << 2 // with sizes of 18 bits
	size := len(dst) - start - blockHeader - literalsHeader
	sizes := uint64(kind) | fourStreams | uint64(content)<<4 | uint64(size)<<22
	for i := range literalsHeader {
		dst[start+blockHeader+i] = byte(sizes >> (8 * i))
	}
	dst = append(dst, 0) // no sequences
	appendBlockHeader(dst[:start], len(dst)-start-blockHeader, packedBlock, 0)
	return dst
}

// minLiterals is below what a code is not worth its description.
const minLiterals = 256

// appendLiterals appends a frame of raw, coded block by block.
func appendLiterals(dst, raw []byte, code *huff0.Scratch) []byte {
	dst = appendFrameHeader(dst, len(raw))
	code.Reuse = huff0.ReusePolicyNone
	for len(raw) >= minLiterals {
		n := min(len(raw), maxBlock)
		coded, _, err := huff0.Compress4X(raw[:n], code)
		if err != nil { // it does not get smaller, or is a single byte over and over
			dst = append(appendBlockHeader(dst, n, rawBlock, 0), raw[:n]...)
		} else {
			var start int
			dst, start = beginLiterals(dst)
			dst = endLiterals(append(dst, coded...), start, withTree, n)
		}
		raw = raw[n:]
	}
	return appendLastBlock(dst, raw)
}
