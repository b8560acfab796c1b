// Package ids holds user ids as packed columns: their canonical text, order and hash, which every room must agree on.
//
// It is ground floor beside objects: everyone may import it, and it imports nothing of the project. The canonical text of
// an id is: a text id itself, but lower case when it is a UUID's text; a UUID column's lower-case text; an integer in
// decimal; a binary id in lower-case hexadecimal. Ids are the same user exactly when their canonical texts are equal.
package ids

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// A Type is the logical type of the id column of a snapshot; its String is what a manifest records.
type Type uint8

// The types that can name a user.
const (
	Text   Type = iota // string, in any encoding
	Int32              // signed integers up to 32 bits
	Int64              // signed, 64 bits (and unsigned up to 32)
	Uint64             // unsigned, 64 bits
	UUID               // 16 bytes with the UUID annotation
	Binary             // bytes without an annotation
)

var typeNames = [...]string{"string", "int32", "int64", "uint64", "uuid", "binary"}

func (t Type) String() string { return typeNames[t] }

// ParseType is the inverse of String.
func ParseType(name string) (Type, error) {
	for i, known := range typeNames {
		if known == name {
			return Type(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a type of user id", name)
}

// Join returns the type whose columns hold the ids of both types, so that two dates can be compared: UUIDs may come as text one
// day, and numbers in another width. It reports false where there is none.
func (t Type) Join(other Type) (Type, bool) {
	switch low, high := min(t, other), max(t, other); {
	case low == high, low == Int32 && high == Int64:
		return high, true
	case low == Text && high == UUID:
		return Text, true
	}
	return 0, false
}

// A Form says how a Column stores its ids.
type Form uint8

// The forms. Words compare as unsigned numbers, and that order is the order of the ids: of the numbers, or of the text.
const (
	OneWord  Form = iota // integers; a signed one has its sign bit flipped
	TwoWords             // 16 bytes, big endian: UUIDs, as a column of them or as text
	Bytes                // any other text, or binary
)

// A Column holds n ids of one type in one form. It owns its slices. The zero Column is empty, in form OneWord.
type Column struct {
	Type    Type
	Form    Form
	Words   []uint64 // OneWord: n; TwoWords: 2n, high word first
	Data    []byte   // Bytes: the ids one after the other
	Offsets []uint32 // Bytes: n+1, from 0
}

// Len returns the number of ids.
func (c *Column) Len() int {
	switch c.Form {
	case OneWord:
		return len(c.Words)
	case TwoWords:
		return len(c.Words) / 2
	default:
		return max(len(c.Offsets)-1, 0)
	}
}

// At returns the bytes of id i in form Bytes.
func (c *Column) At(i int) []byte { return c.Data[c.Offsets[i]:c.Offsets[i+1]] }

// AppendText appends the canonical text of id i.
func (c *Column) AppendText(dst []byte, i int) []byte {
	switch {
	case c.Form == TwoWords:
		return AppendUUID(dst, c.Words[2*i], c.Words[2*i+1])
	case c.Form == OneWord && c.Type == Uint64:
		return strconv.AppendUint(dst, c.Words[i], 10)
	case c.Form == OneWord:
		return strconv.AppendInt(dst, FromOrdered(c.Words[i]), 10)
	case c.Type == Binary:
		return hex.AppendEncode(dst, c.At(i))
	default:
		return append(dst, c.At(i)...)
	}
}

// TextAt returns the canonical text of id i.
func (c *Column) TextAt(i int) string { return string(c.AppendText(nil, i)) }

// Append adds id i of src, which has the same form and a type that joins with c's.
func (c *Column) Append(src *Column, i int) {
	switch c.Form {
	case OneWord:
		c.Words = append(c.Words, src.Words[i])
	case TwoWords:
		c.Words = append(c.Words, src.Words[2*i], src.Words[2*i+1])
	default:
		c.AppendBytes(src.At(i))
	}
}

// AppendBytes adds one id in form Bytes.
func (c *Column) AppendBytes(id []byte) {
	if len(c.Offsets) == 0 {
		c.Offsets = append(c.Offsets, 0)
	}
	c.Data = append(c.Data, id...)
	c.Offsets = append(c.Offsets, uint32(len(c.Data)))
}

// Compare orders id i of c and id j of other, which has the same form: -1, 0 or +1.
func (c *Column) Compare(i int, other *Column, j int) int {
	switch c.Form {
	case OneWord:
		return cmp.Compare(c.Words[i], other.Words[j])
	case TwoWords:
		if order := cmp.Compare(c.Words[2*i], other.Words[2*j]); order != 0 {
			return order
		}
		return cmp.Compare(c.Words[2*i+1], other.Words[2*j+1])
	default:
		return bytes.Compare(c.At(i), other.At(j))
	}
}

// Widen returns the column in form Bytes: what a column of UUID texts becomes when another id beside it is none.
func (c *Column) Widen() *Column {
	if c.Form != TwoWords {
		return c
	}
	wide := &Column{Type: c.Type, Form: Bytes, Offsets: make([]uint32, 1, c.Len()+1), Data: make([]byte, 0, 36*c.Len())}
	for i := range c.Len() {
		wide.Data = c.AppendText(wide.Data, i)
		wide.Offsets = append(wide.Offsets, uint32(len(wide.Data)))
	}
	return wide
}

// Narrow returns a column of text ids in form TwoWords where all of them are UUIDs: the inverse of Widen.
func (c *Column) Narrow() *Column {
	if c.Type != Text || c.Form != Bytes {
		return c
	}
	narrow := &Column{Type: c.Type, Form: TwoWords, Words: make([]uint64, 0, 2*c.Len())}
	for i := range c.Len() {
		high, low, ok := ParseUUID(c.At(i))
		if !ok {
			return c
		}
		narrow.Words = append(narrow.Words, high, low)
	}
	return narrow
}

// Hash is what places a user: xxh3-64 with seed 0 of the canonical text. The partition of P is its top log2(P) bits.
func Hash(text []byte) uint64 { return xxh3.Hash(text) }

// Partition returns the partition of a hash among 1<<bits.
func Partition(hash uint64, bits int) int { return int(hash >> 1 >> (63 - bits)) }

// Ordered maps a signed integer to a word that sorts as the integer does.
func Ordered(v int64) uint64 { return uint64(v) ^ 1<<63 }

// FromOrdered is the inverse of Ordered.
func FromOrdered(word uint64) int64 { return int64(word ^ 1<<63) }

// OrderedFloat maps a double to a word that sorts as doubles do, NaN (of either sign) after everything.
func OrderedFloat(v float64) uint64 {
	if v != v {
		return math.MaxUint64
	}
	word := math.Float64bits(v + 0) // -0 becomes 0
	if word>>63 != 0 {
		return ^word
	}
	return word | 1<<63
}

// FromOrderedFloat is the inverse of OrderedFloat.
func FromOrderedFloat(word uint64) float64 {
	if word>>63 != 0 {
		return math.Float64frombits(word &^ (1 << 63))
	}
	return math.Float64frombits(^word)
}

// Usable reports whether a text can name a user: not empty, and valid UTF-8.
func Usable(text []byte) bool { return len(text) > 0 && utf8.Valid(text) }
