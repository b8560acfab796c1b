package readers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// A hybrid reads numbers of a width in bits that are stored as runs: one number repeated, or numbers packed bit by bit, in
// groups of eight. Levels, indexes into dictionaries and some booleans are stored so. It never reads past src and never makes more
// numbers than it is asked for.
type hybrid struct {
	src    []byte
	width  int
	left   int    // numbers left of the run at hand
	packed []byte // its bytes, where it is packed; nil where it repeats
	at     int    // numbers of the packed run that are read already
	value  uint32 // what it repeats
}

func newHybrid(src []byte, width int) (hybrid, error) {
	if width < 0 || width > 32 {
		return hybrid{}, fmt.Errorf("numbers of %d bits", width)
	}
	return hybrid{src: src, width: width}, nil
}

var errShortRuns = errors.New("the runs end early")

// run makes sure that a run is at hand, and returns how many of its numbers, at most limit, can be read.
func (h *hybrid) run(limit int) (int, error) {
	for h.left == 0 {
		header, n := binary.Uvarint(h.src)
		if n <= 0 || header>>1 > 1<<40 {
			return 0, errShortRuns
		}
		h.src = h.src[n:]
		if header&1 == 0 {
			if err := h.repeated(int(header >> 1)); err != nil {
				return 0, err
			}
			continue
		}
		groups := int(header >> 1)
		length := min(groups*h.width, len(h.src))
		h.packed, h.src, h.at = h.src[:length:length], h.src[length:], 0
		h.left = groups * 8
		if h.width > 0 {
			h.left = min(h.left, length*8/h.width) // writers may leave the last padding out
		}
	}
	return min(h.left, limit), nil
}

func (h *hybrid) repeated(n int) error {
	size := (h.width + 7) / 8
	if len(h.src) < size {
		return errShortRuns
	}
	var word [4]byte
	copy(word[:], h.src[:size])
	h.value, h.src = binary.LittleEndian.Uint32(word[:]), h.src[size:]
	h.left, h.packed = n, nil
	if h.width < 32 && h.value>>h.width != 0 {
		return fmt.Errorf("number %d does not fit into %d bits", h.value, h.width)
	}
	return nil
}

// indexes fills dst and returns the largest number in it.
func (h *hybrid) indexes(dst []uint32) (most uint32, err error) {
	for len(dst) > 0 {
		n, err := h.run(len(dst))
		if err != nil {
			return 0, err
		}
		if h.packed == nil {
			for i := range dst[:n] {
				dst[i] = h.value
			}
			most = max(most, h.value)
		} else {
			most = max(most, unpack(dst[:n], h.packed, h.at, h.width))
			h.at += n
		}
		h.left -= n
		dst = dst[n:]
	}
	return most, nil
}

// unpack reads numbers from the packed one at place from on, and returns the largest. Whole groups of eight, which begin at a byte, are
// read from one or two words.
func unpack(dst []uint32, packed []byte, from, width int) (most uint32) {
	if width == 0 {
		clear(dst)
		return 0
	}
	lead := min(-from&7, len(dst))
	most = unpackEach(dst[:lead], packed, from, width)
	dst, from = dst[lead:], from+lead
	done := 0
	var top uint32
	switch {
	case width <= 8:
		done, top = unpackWords(dst, packed[from/8*width:], width)
	case width <= 16:
		done, top = unpackPairs(dst, packed[from/8*width:], width)
	}
	return max(most, top, unpackEach(dst[done:], packed, from+done, width))
}

// unpackWords reads groups of numbers of up to 8 bits, and returns how many numbers.
func unpackWords(dst []uint32, packed []byte, width int) (done int, most uint32) {
	mask := uint64(1)<<width - 1
	for ; done+8 <= len(dst) && len(packed) >= 8; done, packed = done+8, packed[width:] {
		word, out := binary.LittleEndian.Uint64(packed), (*[8]uint32)(dst[done:])
		for k := range out {
			out[k] = uint32(word & mask)
			most = max(most, out[k])
			word >>= width
		}
	}
	return done, most
}

// unpackPairs reads groups of numbers of 9 to 16 bits: the first four begin at a byte, the others at half a byte or one.
func unpackPairs(dst []uint32, packed []byte, width int) (done int, most uint32) {
	mask, half, shift := uint64(1)<<width-1, width/2, width&1*4
	for ; done+8 <= len(dst) && len(packed) >= half+8; done, packed = done+8, packed[width:] {
		low, high, out := binary.LittleEndian.Uint64(packed), binary.LittleEndian.Uint64(packed[half:])>>shift, (*[8]uint32)(dst[done:])
		for k := range 4 {
			out[k], out[k+4] = uint32(low&mask), uint32(high&mask)
			most = max(most, out[k], out[k+4])
			low, high = low>>width, high>>width
		}
	}
	return done, most
}

// unpackEach reads numbers one by one.
func unpackEach(dst []uint32, packed []byte, from, width int) (most uint32) {
	mask := uint64(1)<<width - 1
	for i, bit := 0, from*width; i < len(dst); i, bit = i+1, bit+width {
		at := bit >> 3
		word := uint64(0)
		if at+8 <= len(packed) {
			word = binary.LittleEndian.Uint64(packed[at:])
		} else {
			var tail [8]byte
			copy(tail[:], packed[at:])
			word = binary.LittleEndian.Uint64(tail[:])
		}
		dst[i] = uint32(word >> (bit & 7) & mask)
		most = max(most, dst[i])
	}
	return most
}

// levels fills dst with levels, none of which may be above most.
func (h *hybrid) levels(dst []byte, most byte) error {
	for len(dst) > 0 {
		n, err := h.run(len(dst))
		if err != nil {
			return err
		}
		top := byte(h.value)
		if h.packed == nil {
			fill(dst[:n], top)
		} else {
			top = unpackBytes(dst[:n], h.packed, h.at, h.width)
			h.at += n
		}
		if top > most {
			return fmt.Errorf("a level of %d where %d is the highest", top, most)
		}
		h.left -= n
		dst = dst[n:]
	}
	return nil
}

func fill(dst []byte, value byte) {
	for i := range dst {
		dst[i] = value
	}
}

// spread1 and spread2 hold the bits and the pairs of bits of a byte, a byte each.
var (
	spread1 = func() (table [256]uint64) {
		for b := range table {
			for i := range 8 {
				table[b] |= uint64(b>>i&1) << (8 * i)
			}
		}
		return table
	}()
	spread2 = func() (table [256]uint32) {
		for b := range table {
			for i := range 4 {
				table[b] |= uint32(b>>(2*i)&3) << (8 * i)
			}
		}
		return table
	}()
)

// unpackBytes is unpack for numbers of up to eight bits. Those of one or two bits, the levels of most lists, come from tables.
func unpackBytes(dst, packed []byte, from, width int) (most byte) {
	i := 0
	switch {
	case width == 1 && from&7 == 0:
		for ; i+8 <= len(dst); i += 8 {
			binary.LittleEndian.PutUint64(dst[i:], spread1[packed[(from+i)>>3]])
		}
		most = 1 // which is always allowed
	case width == 2 && from&3 == 0:
		for ; i+4 <= len(dst); i += 4 {
			binary.LittleEndian.PutUint32(dst[i:], spread2[packed[(from+i)>>2]])
		}
		for _, b := range dst[:i] {
			most = max(most, b)
		}
	}
	var words [64]uint32
	for i < len(dst) {
		n := min(len(dst)-i, len(words))
		most = max(most, byte(unpack(words[:n], packed, from+i, width)))
		for k, w := range words[:n] {
			dst[i+k] = byte(w)
		}
		i += n
	}
	return most
}

// bitmap writes n numbers of one bit into a bitmap of which the bits so far are zero, and returns how many ones there are.
func (h *hybrid) bitmap(dst []byte, n int) (ones int, err error) {
	for at := 0; at < n; {
		count, err := h.run(n - at)
		if err != nil {
			return 0, err
		}
		switch {
		case h.packed != nil:
			copyBits(dst, at, h.packed, h.at, count)
			h.at += count
		case h.value != 0:
			setBits(dst, at, count)
		}
		h.left -= count
		at += count
	}
	for _, b := range dst[:(n+7)/8] {
		ones += bits.OnesCount8(b)
	}
	return ones, nil
}

// setBits sets count bits from bit at on.
func setBits(dst []byte, at, count int) {
	for ; count > 0 && at&7 != 0; at, count = at+1, count-1 {
		dst[at>>3] |= 1 << (at & 7)
	}
	for ; count >= 8; at, count = at+8, count-8 {
		dst[at>>3] = 0xff
	}
	if count > 0 {
		dst[at>>3] |= 1<<count - 1
	}
}

// copyBits copies count bits of src from bit from on to bit at of dst, where bits are zero so far.
func copyBits(dst []byte, at int, src []byte, from, count int) {
	for ; count > 0 && at&7 != 0; at, from, count = at+1, from+1, count-1 {
		dst[at>>3] |= src[from>>3] >> (from & 7) & 1 << (at & 7)
	}
	if shift := from & 7; shift == 0 {
		copy(dst[at>>3:], src[from>>3:from>>3+count>>3])
	} else {
		for i := range count >> 3 {
			dst[at>>3+i] = src[from>>3+i]>>shift | src[from>>3+i+1]<<(8-shift)
		}
	}
	done := count &^ 7
	for at, from, count = at+done, from+done, count-done; count > 0; at, from, count = at+1, from+1, count-1 {
		dst[at>>3] |= src[from>>3] >> (from & 7) & 1 << (at & 7)
	}
}

// bitPackedLevels reads levels of the oldest encoding: packed from the highest bit on.
func bitPackedLevels(dst, src []byte, width int, most byte) error {
	if len(dst)*width > len(src)*8 {
		return errShortRuns
	}
	for i := range dst {
		for bit := i * width; bit < (i+1)*width; bit++ {
			dst[i] = dst[i]<<1 | src[bit>>3]>>(7-bit&7)&1
		}
		if dst[i] > most {
			return fmt.Errorf("a level of %d where %d is the highest", dst[i], most)
		}
	}
	return nil
}
