package rules

import (
	"encoding/binary"

	"strata/pipeline/tables"
)

// loadBits copies n bits of an Arrow bitmap, which start at bit offset, to the start of out. Bits past n become zero.
func loadBits(out []uint64, bitmap []byte, offset, n int) {
	bitmap, shift := bitmap[offset>>3:], uint(offset&7)
	w := 0
	for ; w < n>>6 && (w+1)*8+1 <= len(bitmap); w++ {
		word := binary.LittleEndian.Uint64(bitmap[w*8:]) >> shift
		if shift > 0 {
			word |= uint64(bitmap[w*8+8]) << (64 - shift)
		}
		out[w] = word
	}
	for ; w < words(n); w++ {
		out[w] = loadWord(bitmap, w*8, shift)
	}
	if n > 0 {
		out[words(n)-1] &= tail(n)
	}
}

// loadWord reads 64 bits at a byte and a shift; what lies past the bitmap is zero.
func loadWord(bitmap []byte, at int, shift uint) uint64 {
	var word uint64
	for b := range 9 {
		if at+b >= len(bitmap) {
			break
		}
		part := uint64(bitmap[at+b])
		if b*8 >= int(shift) {
			word |= part << (uint(b*8) - shift)
		} else {
			word |= part >> (shift - uint(b*8))
		}
	}
	return word
}

// putBits writes the n bits of src into dst at bit at. The bits of dst from there on must be zero.
func putBits(dst []uint64, at int, src []uint64, n int) {
	w, shift := at>>6, uint(at&63)
	count := words(n)
	if shift == 0 {
		copy(dst[w:w+count], src[:count])
		return
	}
	for i, word := range src[:count] {
		dst[w+i] |= word << shift
		if high := word >> (64 - shift); high != 0 {
			dst[w+i+1] |= high
		}
	}
}

// takeBits copies n bits of src, from bit at on, to the start of out. Bits past n become zero.
func takeBits(out, src []uint64, at, n int) {
	w, shift := at>>6, uint(at&63)
	for i := range words(n) {
		out[i] = src[w+i] >> shift
		if shift > 0 && w+i+1 < len(src) {
			out[i] |= src[w+i+1] << (64 - shift)
		}
	}
	trim(out[:words(n)], n)
}

// putOnes sets n bits of dst from bit at.
func putOnes(dst []uint64, at, n int) {
	for n > 0 {
		w, shift := at>>6, at&63
		take := min(64-shift, n)
		dst[w] |= (^uint64(0) >> (64 - take)) << shift
		at, n = at+take, n-take
	}
}

// Transpose64 swaps rows and columns of a 64x64 bit matrix: bit c of word r becomes bit r of word c. Halves change places, then
// in every half quarters, and so on: three levels at a time among eight words that stay in registers.
func Transpose64(m *[64]uint64) {
	for i := range 8 {
		a, b, c, d, e, f, g, h := m[i], m[i+8], m[i+16], m[i+24], m[i+32], m[i+40], m[i+48], m[i+56]
		a, e = swap(a, e, 32, 0x00000000ffffffff)
		b, f = swap(b, f, 32, 0x00000000ffffffff)
		c, g = swap(c, g, 32, 0x00000000ffffffff)
		d, h = swap(d, h, 32, 0x00000000ffffffff)
		a, c = swap(a, c, 16, 0x0000ffff0000ffff)
		b, d = swap(b, d, 16, 0x0000ffff0000ffff)
		e, g = swap(e, g, 16, 0x0000ffff0000ffff)
		f, h = swap(f, h, 16, 0x0000ffff0000ffff)
		a, b = swap(a, b, 8, 0x00ff00ff00ff00ff)
		c, d = swap(c, d, 8, 0x00ff00ff00ff00ff)
		e, f = swap(e, f, 8, 0x00ff00ff00ff00ff)
		g, h = swap(g, h, 8, 0x00ff00ff00ff00ff)
		m[i], m[i+8], m[i+16], m[i+24], m[i+32], m[i+40], m[i+48], m[i+56] = a, b, c, d, e, f, g, h
	}
	for i := 0; i < 64; i += 8 {
		w := (*[8]uint64)(m[i:])
		a, b, c, d, e, f, g, h := w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
		a, e = swap(a, e, 4, 0x0f0f0f0f0f0f0f0f)
		b, f = swap(b, f, 4, 0x0f0f0f0f0f0f0f0f)
		c, g = swap(c, g, 4, 0x0f0f0f0f0f0f0f0f)
		d, h = swap(d, h, 4, 0x0f0f0f0f0f0f0f0f)
		a, c = swap(a, c, 2, 0x3333333333333333)
		b, d = swap(b, d, 2, 0x3333333333333333)
		e, g = swap(e, g, 2, 0x3333333333333333)
		f, h = swap(f, h, 2, 0x3333333333333333)
		a, b = swap(a, b, 1, 0x5555555555555555)
		c, d = swap(c, d, 1, 0x5555555555555555)
		e, f = swap(e, f, 1, 0x5555555555555555)
		g, h = swap(g, h, 1, 0x5555555555555555)
		w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7] = a, b, c, d, e, f, g, h
	}
}

// transpose8 is the same for 64 rows of 8 bits, a byte a row: bit c of byte r becomes bit r of word c.
func transpose8(m *[8]uint64) {
	for i, w := range m { // within the 8x8 bits of a word
		t := (w>>7 ^ w) & 0x00aa00aa00aa00aa
		w ^= t ^ t<<7
		t = (w>>14 ^ w) & 0x0000cccc0000cccc
		w ^= t ^ t<<14
		t = (w>>28 ^ w) & 0x00000000f0f0f0f0
		m[i] = w ^ t ^ t<<28
	}
	a, b, c, d, e, f, g, h := m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7]
	a, e = swap(a, e, 32, 0x00000000ffffffff)
	b, f = swap(b, f, 32, 0x00000000ffffffff)
	c, g = swap(c, g, 32, 0x00000000ffffffff)
	d, h = swap(d, h, 32, 0x00000000ffffffff)
	a, c = swap(a, c, 16, 0x0000ffff0000ffff)
	b, d = swap(b, d, 16, 0x0000ffff0000ffff)
	e, g = swap(e, g, 16, 0x0000ffff0000ffff)
	f, h = swap(f, h, 16, 0x0000ffff0000ffff)
	a, b = swap(a, b, 8, 0x00ff00ff00ff00ff)
	c, d = swap(c, d, 8, 0x00ff00ff00ff00ff)
	e, f = swap(e, f, 8, 0x00ff00ff00ff00ff)
	g, h = swap(g, h, 8, 0x00ff00ff00ff00ff)
	m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7] = a, b, c, d, e, f, g, h
}

// swap exchanges the upper part of every field of a with the lower part of the same field of b; mask has the lower parts.
func swap(a, b uint64, shift uint, mask uint64) (uint64, uint64) {
	t := (a>>shift ^ b) & mask
	return a ^ t<<shift, b ^ t
}

// TransposeRows turns up to 64 users' rows, from row first on, into one word a bit, user first in bit 0: what Resolve
// takes. cuts must hold m.Width*64 words. It returns a word with one bit for every user that is there.
func TransposeRows(m *tables.BitMatrix, first int, cuts []uint64) uint64 {
	users := min(len(m.Words)/m.Width-first, 64)
	for w := range m.Width {
		block := (*[64]uint64)(cuts[w*64:])
		for u := range users {
			block[u] = m.Words[(first+u)*m.Width+w]
		}
		clear(block[users:])
		Transpose64(block)
	}
	return tail(users)
}

// setBit sets bit i.
func setBit(words []uint64, i int) { words[i>>6] |= 1 << (i & 63) }

// hasBit reports bit i.
func hasBit(words []uint64, i int) bool { return words[i>>6]>>(i&63)&1 != 0 }

// bit is 1 for true. The compiler makes it branch-free.
func bit(b bool) uint64 {
	var word uint64
	if b {
		word = 1
	}
	return word
}
