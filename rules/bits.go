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

// putOnes sets n bits of dst from bit at.
func putOnes(dst []uint64, at, n int) {
	for n > 0 {
		w, shift := at>>6, at&63
		take := min(64-shift, n)
		dst[w] |= (^uint64(0) >> (64 - take)) << shift
		at, n = at+take, n-take
	}
}

// Transpose64 swaps rows and columns of a 64x64 bit matrix: bit c of word r becomes bit r of word c.
func Transpose64(m *[64]uint64) {
	for i := range 32 { // exchange the upper right quarter with the lower left one, then in every quarter, and so on
		t := (m[i]>>32 ^ m[i+32]) & 0x00000000ffffffff
		m[i], m[i+32] = m[i]^t<<32, m[i+32]^t
	}
	for i := 0; i < 64; i += 32 {
		for k := i; k < i+16; k++ {
			t := (m[k&63]>>16 ^ m[(k+16)&63]) & 0x0000ffff0000ffff
			m[k&63], m[(k+16)&63] = m[k&63]^t<<16, m[(k+16)&63]^t
		}
	}
	for i := 0; i < 64; i += 16 {
		for k := i; k < i+8; k++ {
			t := (m[k&63]>>8 ^ m[(k+8)&63]) & 0x00ff00ff00ff00ff
			m[k&63], m[(k+8)&63] = m[k&63]^t<<8, m[(k+8)&63]^t
		}
	}
	for i := 0; i < 64; i += 8 {
		for k := i; k < i+4; k++ {
			t := (m[k&63]>>4 ^ m[(k+4)&63]) & 0x0f0f0f0f0f0f0f0f
			m[k&63], m[(k+4)&63] = m[k&63]^t<<4, m[(k+4)&63]^t
		}
	}
	for i := 0; i < 64; i += 4 {
		for k := i; k < i+2; k++ {
			t := (m[k&63]>>2 ^ m[(k+2)&63]) & 0x3333333333333333
			m[k&63], m[(k+2)&63] = m[k&63]^t<<2, m[(k+2)&63]^t
		}
	}
	for i := 0; i < 64; i += 2 {
		for k := i; k < i+1; k++ {
			t := (m[k&63]>>1 ^ m[(k+1)&63]) & 0x5555555555555555
			m[k&63], m[(k+1)&63] = m[k&63]^t<<1, m[(k+1)&63]^t
		}
	}
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
