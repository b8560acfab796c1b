package ids

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Canonical is the canonical text of an id of type t that a person has written. An error says what an id of the type looks
// like.
func (t Type) Canonical(text string) (string, error) {
	switch t {
	case Int32, Int64:
		v, err := strconv.ParseInt(text, 10, map[Type]int{Int32: 32, Int64: 64}[t])
		if err != nil {
			return "", fmt.Errorf("%q is not a number of type %s, as user ids are here", text, t)
		}
		return strconv.FormatInt(v, 10), nil
	case Uint64:
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return "", fmt.Errorf("%q is not a number of type %s, as user ids are here", text, t)
		}
		return strconv.FormatUint(v, 10), nil
	case Binary:
		if _, err := hex.DecodeString(text); err != nil || text == "" {
			return "", fmt.Errorf("%q is not hexadecimal; user ids are bytes here, written as in 00ff1a", text)
		}
		return strings.ToLower(text), nil
	}
	high, low, ok := ParseUUID([]byte(text))
	switch {
	case ok:
		return string(AppendUUID(nil, high, low)), nil
	case t == UUID:
		return "", fmt.Errorf("%q is not a UUID such as 0b5f7c1e-8d5a-4f0e-9a51-2f1d3c6b7a88, as user ids are here", text)
	case !Usable([]byte(text)):
		return "", fmt.Errorf("%q cannot be a user id: it is empty or not UTF-8", text)
	}
	return text, nil
}

// A Finder finds the rows of one user in arrays of ids. It is one goroutine's.
type Finder struct {
	id     string
	packer *Packer
	words  []uint64 // of the id, where it fits into words
	bytes  []byte   // else
	rows   []int
}

// NewFinder returns a Finder of a canonical id in arrays of a type.
func NewFinder(typ Type, canonical string) (*Finder, error) {
	f := &Finder{id: canonical, packer: NewPacker(typ)}
	f.packer.SkipHashes = true
	switch typ {
	case Int32, Int64:
		v, err := strconv.ParseInt(canonical, 10, 64)
		f.words = []uint64{Ordered(v)}
		return f, err
	case Uint64:
		v, err := strconv.ParseUint(canonical, 10, 64)
		f.words = []uint64{v}
		return f, err
	case Binary:
		var err error
		f.bytes, err = hex.DecodeString(canonical)
		return f, err
	}
	if high, low, ok := ParseUUID([]byte(canonical)); ok {
		f.words = []uint64{high, low}
	}
	f.bytes = []byte(canonical)
	return f, nil
}

// Rows returns the rows of an array in which the user's id stands. They are valid until the next call.
func (f *Finder) Rows(a arrow.Array) ([]int, error) {
	packed, err := f.packer.Pack(a)
	if err != nil {
		return nil, err
	}
	f.rows = f.rows[:0]
	for i := range a.Len() {
		if f.is(packed, i) {
			f.rows = append(f.rows, i)
		}
	}
	return f.rows, nil
}

func (f *Finder) is(packed *Packed, i int) bool {
	switch {
	case packed.Rejected(i):
		return false
	case !packed.Fits(i):
		return f.words == nil && bytes.Equal(packed.Text(i), f.bytes)
	case len(f.words) == 1:
		return packed.Words[i] == f.words[0]
	}
	return len(f.words) == 2 && packed.Words[2*i] == f.words[0] && packed.Words[2*i+1] == f.words[1]
}

// Between says whether the id may stand in a column whose values, as they are stored, lie between two bounds.
func (f *Finder) Between(bounds arrow.Array) bool {
	if texts, ok := bounds.(*array.String); ok {
		least, greatest := f.id, f.id
		if f.words != nil { // a UUID in any case
			least = strings.ToUpper(f.id)
		}
		return greatest >= texts.Value(0) && least <= texts.Value(1)
	}
	packed, err := f.packer.Pack(bounds)
	switch {
	case err != nil || packed.Rejected(0) || packed.Rejected(1):
		return true
	case f.words == nil:
		return bytes.Compare(f.bytes, packed.Text(0)) >= 0 && bytes.Compare(f.bytes, packed.Text(1)) <= 0
	}
	n := len(f.words)
	return slices.Compare(f.words, packed.Words[:n]) >= 0 && slices.Compare(f.words, packed.Words[n:]) <= 0
}

// Close lets go of the last dictionary.
func (f *Finder) Close() { f.packer.Close() }

// Sorted makes a column of canonical ids of a type, each once, in order. order says which of them each is.
func Sorted(typ Type, canonical []string) (column *Column, order []int, err error) {
	column = &Column{Type: typ, Form: map[Type]Form{Text: TwoWords, UUID: TwoWords, Binary: Bytes}[typ]} // else OneWord
	singles := make([]Column, len(canonical))
	for i, text := range canonical {
		f, err := NewFinder(typ, text)
		if err != nil {
			return nil, nil, err
		}
		one := &singles[i]
		one.Type = typ
		switch one.Words = f.words; len(f.words) {
		case 1:
			one.Form = OneWord
		case 2:
			one.Form = TwoWords
		default:
			one.Form = Bytes
			one.AppendBytes(f.bytes)
		}
		if order = append(order, i); one.Form != TwoWords {
			column.Form = one.Form
		}
	}
	for i := range singles {
		if column.Form == Bytes {
			singles[i] = *singles[i].Widen()
		}
	}
	slices.SortFunc(order, func(a, b int) int { return singles[a].Compare(0, &singles[b], 0) })
	for _, i := range order {
		column.Append(&singles[i], 0)
	}
	return column, order, nil
}

// Find is the place of a canonical id in a column, or -1.
func (c *Column) Find(canonical string) int {
	var text []byte
	for i := range c.Len() {
		if text = c.AppendText(text[:0], i); string(text) == canonical {
			return i
		}
	}
	return -1
}
