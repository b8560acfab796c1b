package writers

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"
)

// UUID texts are most of what a membership file holds, and a general compressor spends most of the job's time on them. All
// that can be saved is known beforehand: a text has 17 different characters. So they go straight from their packed words
// into zstd frames with a fixed Huffman code and no matches, and the text is never built. The frames are ordinary ones
// (RFC 8878, sections 3.1.1 and 4.2).

const uuidLength = 36

// A uuidCode is a Huffman code for the characters of UUID texts.
type uuidCode struct {
	tree   []byte // how a block describes the code
	hyphen bitString
	quads  [1 << 16]bitString // four hexadecimal digits
}

// A bitString is the code of one or more characters, n bits. zstd reads backwards: the last character is lowest.
type bitString struct {
	bits uint32
	n    uint32
}

const (
	alphabet   = "-0123456789abcdef"
	longCodes  = "ef" // characters of five bits; that all others have four makes the code complete
	shortBits  = 4
	longBits   = 5
	lastLetter = 'f'
)

var textCode = sync.OnceValue(func() *uuidCode {
	codes := canonicalCodes()
	c := &uuidCode{tree: treeOf(codes), hyphen: codes['-']}
	for v := range c.quads {
		digits := alphabet[1:]
		c.quads[v] = join(codes, []byte{digits[v>>12], digits[v>>8&15], digits[v>>4&15], digits[v&15]})
	}
	return c
})

// canonicalCodes gives out the codes as zstd does: the long ones first, from zero, in the order of the characters.
func canonicalCodes() (codes [256]bitString) {
	next := uint32(0)
	for _, n := range []uint32{longBits, shortBits} {
		for _, character := range []byte(alphabet) {
			if (n == longBits) == strings.Contains(longCodes, string(character)) {
				codes[character] = bitString{bits: next, n: n}
				next++
			}
		}
		next >>= 1
	}
	return codes
}

// treeOf lists the weights of all characters but the last, which follows from them, four bits each.
func treeOf(codes [256]bitString) []byte {
	tree := make([]byte, 1+(lastLetter+1)/2)
	tree[0] = 127 + lastLetter
	for _, character := range []byte(alphabet[:len(alphabet)-1]) {
		weight := byte(longBits + 1 - codes[character].n)
		tree[1+character/2] |= weight << (4 - 4*(character&1))
	}
	return tree
}

func join(codes [256]bitString, text []byte) (joined bitString) {
	for _, character := range slices.Backward(text) {
		joined.bits |= codes[character].bits << joined.n
		joined.n += codes[character].n
	}
	return joined
}

// jumpTable is the bytes before the streams of a block that say where they are.
const jumpTable = 6

// frame appends a zstd frame of some leading bytes and the texts of packed UUIDs, and returns the size of its content.
// Groups of four texts are coded, as a block is four streams of one length; up to three more stand as they are. The leading
// bytes are the blocks of a frame of their own that the scratch makes: they do not depend on where they stand.
func (c *uuidCode) frame(s *scratch, dst, leading []byte, words []uint64) (frame []byte, content int) {
	content = len(leading) + len(words)/2*uuidLength
	dst = appendBlocksOf(appendFrameHeader(dst, content), s.lead(leading))
	perBlock, kind := maxBlock/uuidLength&^3, byte(withTree)
	for len(words) >= 8 {
		n := min(perBlock, len(words)/2&^3)
		dst, kind = c.block(dst, words[:2*n], kind), treeless
		words = words[2*n:]
	}
	var rest []byte
	for ; len(words) > 0; words = words[2:] {
		rest = appendUUID(rest, words[0], words[1])
	}
	return appendLastBlock(dst, rest), content
}

// block appends a compressed block of UUIDs, a multiple of four.
func (c *uuidCode) block(dst []byte, words []uint64, kind byte) []byte {
	dst, start := beginLiterals(dst)
	if kind == withTree {
		dst = append(dst, c.tree...)
	}
	jumps := len(dst)
	dst = append(dst, make([]byte, jumpTable)...)
	quarter := len(words) / 4
	for stream := range 4 {
		from := len(dst)
		dst = c.stream(dst, words[stream*quarter:(stream+1)*quarter])
		if stream < 3 {
			binary.LittleEndian.PutUint16(dst[jumps+2*stream:], uint16(len(dst)-from))
		}
	}
	return endLiterals(dst, start, kind, len(words)/2*uuidLength)
}

// maxUUIDBytes is more than a coded text takes, with room for one more word.
const maxUUIDBytes = 32

// stream appends the codes of some UUIDs, the last first, and the bit that ends a stream.
func (c *uuidCode) stream(dst []byte, words []uint64) []byte {
	dst = slices.Grow(dst, len(words)/2*maxUUIDBytes+16)
	w := codeWriter{out: dst[len(dst):cap(dst)]}
	for i := len(words) - 2; i >= 0; i -= 2 {
		high, low := words[i], words[i+1]
		w.two(c.quads[low&0xffff], c.quads[low>>16&0xffff])
		w.two(c.quads[low>>32&0xffff], c.hyphen)
		w.two(c.quads[low>>48], c.hyphen)
		w.two(c.quads[high&0xffff], c.hyphen)
		w.two(c.quads[high>>16&0xffff], c.hyphen)
		w.two(c.quads[high>>32&0xffff], c.quads[high>>48])
	}
	w.two(bitString{bits: 1, n: 1}, bitString{})
	return dst[:len(dst)+w.at+int(w.n+7)/8]
}

// A codeWriter packs bits, lowest first, into room that is known to be enough.
type codeWriter struct {
	out  []byte
	at   int
	word uint64
	n    uint32
}

// two writes two codes, of at most 56 bits together; then fewer than 8 bits wait.
func (w *codeWriter) two(first, second bitString) {
	w.word |= uint64(first.bits) << w.n
	w.n += first.n
	w.word |= uint64(second.bits) << w.n
	w.n += second.n
	binary.LittleEndian.PutUint64(w.out[w.at:], w.word)
	w.at += int(w.n >> 3)
	w.word >>= w.n &^ 7
	w.n &= 7
}
