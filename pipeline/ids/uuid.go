package ids

import "encoding/binary"

const hexDigits = "0123456789abcdef"

// hexValue maps a hexadecimal digit to its value, with upperDigit set for capitals, and everything else to 0xff.
var hexValue = func() (table [256]uint8) {
	for i := range table {
		table[i] = 0xff
	}
	for value, digit := range []byte(hexDigits) {
		table[digit] = uint8(value)
	}
	for value, digit := range []byte("ABCDEF") {
		table[digit] = uint8(10+value) | upperDigit
	}
	return table
}()

const (
	upperDigit = 0x10
	noDigit    = 0xe0 // bits that only 0xff has
)

// hexPair maps a byte to its two digits.
var hexPair = func() (table [256][2]byte) {
	for i := range table {
		table[i] = [2]byte{hexDigits[i>>4], hexDigits[i&15]}
	}
	return table
}()

// digitAt lists where the 16 bytes of a UUID stand in its 36 characters.
var digitAt = [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// ParseUUID packs the 36 characters of a UUID, in either case, into two big-endian words. It reports false for any other
// text (braces, no hyphens, another length), which then names its user as it stands.
func ParseUUID(text []byte) (high, low uint64, ok bool) {
	high, low, seen := parseUUID(text)
	return high, low, seen&noDigit == 0
}

// parseUUID also returns what digits it has seen: noDigit is set if the text is no UUID, upperDigit if it has capitals.
func parseUUID(text []byte) (high, low uint64, seen uint8) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return 0, 0, noDigit
	}
	a, b := binary.BigEndian.Uint64(text), uint64(binary.BigEndian.Uint32(text[9:]))<<32|uint64(binary.BigEndian.Uint32(text[14:]))
	c, d := uint64(binary.BigEndian.Uint32(text[19:]))<<32|uint64(binary.BigEndian.Uint32(text[24:])), binary.BigEndian.Uint64(text[28:])
	if lowerHex(a)&lowerHex(b)&lowerHex(c)&lowerHex(d) == topBits {
		return nibbles(a)<<32 | nibbles(b), nibbles(c)<<32 | nibbles(d), 0
	}
	return parseMixed(text)
}

const (
	eachByte = 0x0101010101010101
	topBits  = 0x80 * eachByte
)

// lowerHex sets the top bit of every byte of x that is one of 0-9a-f; the other bits say nothing. The sums do not carry into the next
// byte because bytes from 0x80 on are taken out.
func lowerHex(x uint64) uint64 {
	c := x &^ topBits
	digit := (c + (0x80-'0')*eachByte) &^ (c + (0x7f-'9')*eachByte)
	letter := (c + (0x80-'a')*eachByte) &^ (c + (0x7f-'f')*eachByte)
	return (digit | letter) &^ x & topBits
}

// nibbles packs eight hexadecimal digits, the first in the top byte, into 32 bits.
func nibbles(x uint64) uint64 {
	x = x&(0x0f*eachByte) + x>>6&eachByte*9
	x = (x>>4 | x) & 0x00ff00ff00ff00ff
	x = (x>>8 | x) & 0x0000ffff0000ffff
	return (x>>16 | x) & 0xffffffff
}

// parseMixed is parseUUID for what is not all lower case.
func parseMixed(text []byte) (high, low uint64, seen uint8) {
	for i, at := range digitAt {
		upper, lower := hexValue[text[at]], hexValue[text[at+1]]
		seen |= upper | lower
		if i < 8 {
			high = high<<8 | uint64(upper&15)<<4 | uint64(lower&15)
		} else {
			low = low<<8 | uint64(upper&15)<<4 | uint64(lower&15)
		}
	}
	return high, low, seen
}

// AppendUUID appends the 36 characters of a packed UUID, in lower case.
func AppendUUID(dst []byte, high, low uint64) []byte {
	var text [36]byte
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	for i, at := range digitAt {
		b := byte(high >> (56 - 8*(i&7)))
		if i >= 8 {
			b = byte(low >> (56 - 8*(i&7)))
		}
		pair := hexPair[b]
		text[at], text[at+1] = pair[0], pair[1]
	}
	return append(dst, text[:]...)
}
