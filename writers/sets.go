package writers

import (
	"encoding/binary"
	"slices"

	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/tables"
)

// setIndexes are the values of a list of segments: the places of the set bits, packed by table.
type setIndexes struct {
	sets    *tables.BitMatrix
	entries entries
	packer  *setPacker
}

func (v *setIndexes) encoding() format.Encoding {
	if v.entries.n == 0 {
		return format.Plain
	}
	return format.RLEDictionary
}

func (v *setIndexes) dictionary() *entries { return &v.entries }

func (v *setIndexes) weight(s span) int { return (s.to - s.from) * v.packer.width / 8 }

func (v *setIndexes) append(dst []byte, s span) []byte {
	if v.entries.n == 0 {
		return dst
	}
	dst = append(dst, byte(v.packer.width))
	if s.from == s.to {
		return dst
	}
	groups := (s.to - s.from + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	want := len(dst) + groups*v.packer.width
	dst = v.packer.append(dst, v.sets.Words[s.row*v.sets.Width:(s.row+s.rows)*v.sets.Width], v.sets.Width)
	for len(dst) < want {
		dst = append(dst, 0)
	}
	return dst[:want]
}

func (v *setIndexes) bounds(s span) (low, high []byte) {
	width := v.sets.Width
	return v.entries.boundsOf(&stringType, union(v.sets.Words[s.row*width:(s.row+s.rows)*width], width))
}

// union is the set of what any of the sets has, which are width words each.
func union(sets []uint64, width int) []uint64 {
	used := make([]uint64, width)
	for column := range used {
		word := uint64(0)
		for i := column; i < len(sets); i += width {
			word |= sets[i]
		}
		used[column] = word
	}
	return used
}

// A setPacker turns the bits of a set into packed places, several bits at a time: a table for each group of bits holds
// the places of every pattern of it, packed, and how many bits they take.
type setPacker struct {
	width  int // bits of a place
	group  int // bits of a set that one look-up takes; its places fit 64 bits
	tables []packedGroup
}

type packedGroup struct {
	places uint64
	bits   int
}

// maxGroup bounds the tables: 4096 patterns a group.
const maxGroup = 12

// newSetPacker makes the tables for sets of so many segments.
func newSetPacker(segments int) *setPacker {
	width := indexWidth(segments)
	p := &setPacker{width: width, group: min(maxGroup, 63/width)}
	words, perWord := (segments+63)/64, p.groupsOfWord()
	p.tables = make([]packedGroup, words*perWord<<p.group)
	for g := range words * perWord {
		first := g/perWord*64 + g%perWord*p.group
		for pattern := range 1 << p.group {
			p.tables[g<<p.group+pattern] = packPattern(pattern, first, width)
		}
	}
	return p
}

// groupsOfWord is how many groups cover the 64 bits of a word; the last may be partly used.
func (p *setPacker) groupsOfWord() int { return (63 + p.group) / p.group }

func packPattern(pattern, first, width int) (packed packedGroup) {
	for bit := first; pattern != 0; bit++ {
		if pattern&1 != 0 {
			packed.places |= uint64(bit) << packed.bits
			packed.bits += width
		}
		pattern >>= 1
	}
	return packed
}

// append packs the places of sets of width words each; what it writes may end within a byte, filled up with zeros.
func (p *setPacker) append(dst []byte, sets []uint64, width int) []byte {
	dst = slices.Grow(dst, len(sets)*8)
	var out uint64
	n, mask, perWord := 0, uint64(1)<<p.group-1, p.groupsOfWord()
	for i, word := range sets {
		for at := i % width * perWord; word != 0; at++ {
			packed := p.tables[at<<p.group+int(word&mask)]
			word >>= p.group
			out |= packed.places << n
			if n += packed.bits; n >= 64 {
				dst = binary.LittleEndian.AppendUint64(dst, out)
				n -= 64
				out = packed.places >> (packed.bits - n)
			}
		}
	}
	return binary.LittleEndian.AppendUint64(dst, out)
}

// bitsOfSegment returns the bits of one segment of all rows.
func bitsOfSegment(m *tables.Membership, segment int) []uint64 {
	words := make([]uint64, (m.Len()+63)/64)
	width, word, shift := m.Sets.Width, segment>>6, segment&63
	for i := range m.Len() {
		words[i>>6] |= m.Sets.Words[i*width+word] >> shift & 1 << (i & 63)
	}
	return words
}
