package ids

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// TypeOf is the id type of a snapshot's column; an error says what a column of user ids may be. A FixedSizeBinary of 16 is a UUID
// only with the annotation, which readers leave in the field's metadata under key "strata.logical".
func TypeOf(f arrow.Field) (Type, error) {
	t := f.Type
	if d, ok := t.(*arrow.DictionaryType); ok {
		t = d.ValueType
	}
	switch t := t.(type) {
	case *arrow.StringType, *arrow.LargeStringType:
		return Text, nil
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Uint8Type, *arrow.Uint16Type:
		return Int32, nil
	case *arrow.Int64Type, *arrow.Uint32Type:
		return Int64, nil
	case *arrow.Uint64Type:
		return Uint64, nil
	case *arrow.BinaryType:
		return Binary, nil
	case *arrow.FixedSizeBinaryType:
		if logical, _ := f.Metadata.GetValue("strata.logical"); logical == "uuid" && t.ByteWidth == 16 {
			return UUID, nil
		}
		return Binary, nil
	}
	return 0, fmt.Errorf("column %q is a %s; user ids are strings, integers, UUIDs or binary", f.Name, f.Type)
}

// A Packer packs arrays of user ids. It is one goroutine's, and reuses what it returns.
type Packer struct {
	SkipHashes bool // leave Packed.Hashes 0, for who does not need them

	typ    Type
	packed Packed
	text   []byte
	dict   dictionary
}

// NewPacker returns a Packer of ids of one type.
func NewPacker(typ Type) *Packer { return &Packer{typ: typ} }

// A state is what became of one id.
type state uint8

const (
	fits     state = iota // packed into words
	wide                  // a text that is no UUID, or binary
	rejected              // null, empty or invalid UTF-8
)

// Packed are the ids of one array. It is valid until the next call of Pack.
type Packed struct {
	Words  []uint64 // one or two an id, by the form of the type; zeros where an id does not fit
	Hashes []uint64 // Hash of the canonical text; 0 for rejects
	AllFit bool     // every id is in Words
	states []state
	source arrow.Array
}

// Fits says whether id i is in Words.
func (p *Packed) Fits(i int) bool { return p.states[i] == fits }

// Rejected says whether row i names no user.
func (p *Packed) Rejected(i int) bool { return p.states[i] == rejected }

// Text returns the bytes of an id that does not fit, shared with the array.
func (p *Packed) Text(i int) []byte { return valueBytes(p.source, i) }

// AppendText appends the canonical text of id i, which is not rejected, of what Pack returned.
func (p *Packer) AppendText(dst []byte, packed *Packed, i int) []byte {
	one := Column{Type: p.typ, Form: Bytes}
	switch words := p.wordsAnID(); {
	case !packed.Fits(i):
		one.AppendBytes(packed.Text(i))
	case words == 1:
		one.Form, one.Words = OneWord, packed.Words[i:i+1]
	default:
		one.Form, one.Words = TwoWords, packed.Words[2*i:2*i+2]
	}
	return one.AppendText(dst, 0)
}

// AppendTo appends id i, which is not rejected, to a column, as ids of the packer's type come in one after the other: text is of
// form Bytes, which Narrow may change. An empty column takes type and form.
func (p *Packer) AppendTo(c *Column, packed *Packed, i int) {
	if c.Len() == 0 {
		c.Type, c.Form = p.typ, map[Type]Form{Text: Bytes, Binary: Bytes, UUID: TwoWords}[p.typ] // else OneWord
	}
	switch {
	case c.Form == OneWord:
		c.Words = append(c.Words, packed.Words[i])
	case c.Form == TwoWords:
		c.Words = append(c.Words, packed.Words[2*i:2*i+2]...)
	case packed.Fits(i):
		c.AppendBytes(AppendUUID(nil, packed.Words[2*i], packed.Words[2*i+1]))
	default:
		c.AppendBytes(packed.Text(i))
	}
}

// dictionary holds the values of the dictionary at hand, packed once.
type dictionary struct {
	of     arrow.Array
	packed Packed
}

// Pack packs the ids of an array of the packer's type.
func (p *Packer) Pack(a arrow.Array) (*Packed, error) {
	if d, ok := a.(*array.Dictionary); ok {
		return p.packDictionary(d)
	}
	return &p.packed, p.pack(&p.packed, a)
}

func (p *Packer) pack(out *Packed, a arrow.Array) error {
	if !p.packs(a.DataType().ID()) {
		return fmt.Errorf("ids in a column of type %s are not of type %s", a.DataType(), p.typ)
	}
	out.reset(a, a.Len()*p.wordsAnID())
	if err := p.packInto(out, a); err != nil {
		return err
	}
	out.AllFit = allFit(out.states)
	return nil
}

func (p *Packer) hash(text []byte) uint64 {
	if p.SkipHashes {
		return 0
	}
	return Hash(text)
}

func allFit(states []state) bool {
	worst := fits
	for _, s := range states {
		worst = max(worst, s)
	}
	return worst == fits
}

// packs tells whether ids of the packer's type come in arrays of a type.
func (p *Packer) packs(t arrow.Type) bool {
	switch t {
	case arrow.STRING, arrow.LARGE_STRING:
		return p.typ == Text
	case arrow.BINARY:
		return p.typ == Binary
	case arrow.FIXED_SIZE_BINARY:
		return p.typ == UUID || p.typ == Binary
	case arrow.UINT64:
		return p.typ == Uint64
	}
	return arrow.IsInteger(t) && (p.typ == Int32 || p.typ == Int64)
}

func (p *Packer) packInto(out *Packed, a arrow.Array) error {
	switch a := a.(type) {
	case *array.String:
		p.packText(out, textsOf(a))
	case *array.LargeString:
		for i := range a.Len() {
			p.packOther(out, i, stringBytes(a.Value(i)), a.IsValid(i))
		}
	case *array.Binary:
		p.packBinary(out, a.Len(), a.IsNull, a.Value)
	case *array.FixedSizeBinary:
		if p.typ == UUID {
			p.packUUID(out, a)
		} else {
			p.packBinary(out, a.Len(), a.IsNull, a.Value)
		}
	default:
		return p.packNumbers(out, a)
	}
	return nil
}

func (p *Packer) wordsAnID() int {
	if p.typ == Text || p.typ == UUID || p.typ == Binary {
		return 2
	}
	return 1
}

func (p *Packed) reset(a arrow.Array, words int) {
	n := a.Len()
	p.source = a
	p.Words = resize(p.Words, words)
	p.Hashes = resize(p.Hashes, n)
	p.states = resize(p.states, n)
}

// resize returns a slice of n, of unspecified contents.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// packText packs texts. UUIDs in lower case, by far the most common ids, take the short way through the loop.
func (p *Packer) packText(out *Packed, texts textArray) {
	for i := range texts.len() {
		text := texts.at(i)
		high, low, seen := parseUUID(text)
		if seen == 0 && texts.valid(i) {
			out.Words[2*i], out.Words[2*i+1], out.states[i] = high, low, fits
			out.Hashes[i] = p.hash(text)
			continue
		}
		p.packOther(out, i, text, texts.valid(i))
	}
}

// packOther packs a text that is no UUID in lower case, or null.
func (p *Packer) packOther(out *Packed, i int, text []byte, valid bool) {
	out.Words[2*i], out.Words[2*i+1], out.Hashes[i], out.states[i] = 0, 0, 0, rejected
	if !valid {
		return
	}
	if high, low, ok := ParseUUID(text); ok {
		p.text = AppendUUID(p.text[:0], high, low)
		out.Words[2*i], out.Words[2*i+1], out.Hashes[i], out.states[i] = high, low, p.hash(p.text), fits
	} else if Usable(text) {
		out.Hashes[i], out.states[i] = p.hash(text), wide
	}
}

// A textArray is the memory of an array of texts.
type textArray struct {
	data    []byte
	offsets []int32 // one more than texts
	bits    []byte  // which are not null; nil: all
	first   int     // bit of the first
}

func textsOf(a *array.String) textArray {
	if a.Len() == 0 {
		return textArray{}
	}
	t := textArray{bits: a.NullBitmapBytes(), first: a.Data().Offset(), offsets: a.ValueOffsets()}
	if a.NullN() == 0 {
		t.bits = nil
	}
	if buffer := a.Data().Buffers()[2]; buffer != nil {
		t.data = buffer.Bytes()
	}
	return t
}

func (t *textArray) len() int        { return max(len(t.offsets)-1, 0) }
func (t *textArray) at(i int) []byte { return t.data[t.offsets[i]:t.offsets[i+1]] }
func (t *textArray) valid(i int) bool {
	return t.bits == nil || t.bits[(t.first+i)>>3]>>((t.first+i)&7)&1 != 0
}

func (p *Packer) packUUID(out *Packed, a *array.FixedSizeBinary) {
	for i := range a.Len() {
		out.Words[2*i], out.Words[2*i+1], out.Hashes[i], out.states[i] = 0, 0, 0, rejected
		if a.IsNull(i) {
			continue
		}
		high, low := bigEndianWords(a.Value(i))
		p.text = AppendUUID(p.text[:0], high, low)
		out.Words[2*i], out.Words[2*i+1], out.Hashes[i], out.states[i] = high, low, p.hash(p.text), fits
	}
}

func bigEndianWords(b []byte) (high, low uint64) {
	for i := range 8 {
		high, low = high<<8|uint64(b[i]), low<<8|uint64(b[8+i])
	}
	return high, low
}

func (p *Packer) packBinary(out *Packed, n int, null func(int) bool, value func(int) []byte) {
	for i := range n {
		out.Words[2*i], out.Words[2*i+1], out.Hashes[i], out.states[i] = 0, 0, 0, rejected
		if null(i) || len(value(i)) == 0 {
			continue
		}
		p.text = hex.AppendEncode(p.text[:0], value(i))
		out.Hashes[i], out.states[i] = p.hash(p.text), wide
	}
}

func (p *Packer) packNumbers(out *Packed, a arrow.Array) error {
	if u, ok := a.(*array.Uint64); ok && p.typ == Uint64 {
		for i := range u.Len() {
			p.number(out, i, u.IsNull(i), u.Value(i), strconv.AppendUint(p.text[:0], u.Value(i), 10))
		}
		return nil
	}
	at, err := integers(a)
	if err != nil {
		return err
	}
	for i := range a.Len() {
		v := int64(0)
		if a.IsValid(i) {
			v = at(i)
		}
		p.number(out, i, a.IsNull(i), Ordered(v), strconv.AppendInt(p.text[:0], v, 10))
	}
	return nil
}

func (p *Packer) number(out *Packed, i int, null bool, word uint64, text []byte) {
	p.text = text
	if null {
		out.Words[i], out.Hashes[i], out.states[i] = 0, 0, rejected
		return
	}
	out.Words[i], out.Hashes[i], out.states[i] = word, p.hash(text), fits
}

// integers returns the values of an integer array.
func integers(a arrow.Array) (func(i int) int64, error) {
	switch a := a.(type) {
	case *array.Int8:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Int16:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Int32:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Int64:
		return a.Value, nil
	case *array.Uint8:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Uint16:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	case *array.Uint32:
		return func(i int) int64 { return int64(a.Value(i)) }, nil
	}
	return nil, fmt.Errorf("user ids of type %s", a.DataType())
}

// packDictionary packs the dictionary once and looks the ids up.
func (p *Packer) packDictionary(a *array.Dictionary) (*Packed, error) {
	if p.dict.of == nil || p.dict.of.Data() != a.Dictionary().Data() {
		if err := p.pack(&p.dict.packed, a.Dictionary()); err != nil {
			return nil, err
		}
		p.keepDictionary(a.Dictionary())
	}
	words, from, out := p.wordsAnID(), &p.dict.packed, &p.packed
	out.reset(a, a.Len()*words)
	for i := range a.Len() {
		if a.IsNull(i) {
			clear(out.Words[i*words : (i+1)*words])
			out.Hashes[i], out.states[i] = 0, rejected
			continue
		}
		at := a.GetValueIndex(i)
		copy(out.Words[i*words:(i+1)*words], from.Words[at*words:])
		out.Hashes[i], out.states[i] = from.Hashes[at], from.states[at]
	}
	out.AllFit = allFit(out.states)
	return out, nil
}

// keepDictionary holds on to a dictionary as long as it is compared with.
func (p *Packer) keepDictionary(d arrow.Array) {
	d.Retain()
	if p.dict.of != nil {
		p.dict.of.Release()
	}
	p.dict.of = d
}

// Close lets go of the last dictionary.
func (p *Packer) Close() {
	if p.dict.of != nil {
		p.dict.of.Release()
		p.dict.of = nil
	}
}

// valueBytes is value i of an array of texts or bytes, shared with it.
func valueBytes(a arrow.Array, i int) []byte {
	switch a := a.(type) {
	case *array.Dictionary:
		return valueBytes(a.Dictionary(), a.GetValueIndex(i))
	case *array.Binary:
		return a.Value(i)
	case *array.FixedSizeBinary:
		return a.Value(i)
	case *array.String:
		return stringBytes(a.Value(i))
	case *array.LargeString:
		return stringBytes(a.Value(i))
	}
	return nil
}

// stringBytes is the memory of a string, to read.
func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
