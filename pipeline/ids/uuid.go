package ids

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
