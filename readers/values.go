package readers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go/format"
)

// A valueSource makes the values of one page, nulls left out.
type valueSource interface {
	// next makes an array of the next n values; the caller releases it.
	next(n int) (arrow.Array, error)
	close()
}

// texts are n strings of bytes, one after the other.
type texts struct {
	data    *memory.Buffer
	offsets *memory.Buffer // n+1 of 32 bits
	n       int
}

// A store holds the decoded values of a page, in the physical type of the column.
type store struct {
	data    *memory.Buffer // fixed width; bits of booleans; bytes of texts
	offsets *memory.Buffer // of texts
	n       int            // values; of booleans and fixed width, as many as fit
	mem     memory.Allocator
}

// A decodedPage yields the values of a store as arrays of the column's type.
type decodedPage struct {
	store
	node *node
	at   int
}

func (p *decodedPage) next(n int) (arrow.Array, error) {
	if n > p.n-p.at {
		return nil, fmt.Errorf("the page holds %d values of %d", p.n, p.at+n)
	}
	a, err := p.node.convert(p.node.typ, &p.store, p.at, n)
	p.at += n
	return a, err
}

func (p *decodedPage) close() { release(p.data, p.offsets) }

// noValues is the source of a column of type null.
type noValues struct{}

func (noValues) next(n int) (arrow.Array, error) { return array.NewNull(n), nil }
func (noValues) close()                          {}

// An indexedPage yields dictionary arrays.
type indexedPage struct {
	runs       hybrid
	dictionary arrow.Array // of the chunk, which owns it
	data       *memory.Buffer
	mem        memory.Allocator
}

func (p *indexedPage) close() { p.data.Release() }

func (p *indexedPage) next(n int) (arrow.Array, error) {
	indexes := newBuffer(p.mem, 4*n)
	most, err := p.runs.indexes(viewOf[uint32](indexes.Bytes()))
	if err == nil && n > 0 && int64(most) >= int64(p.dictionary.Len()) {
		err = fmt.Errorf("index %d into a dictionary of %d values", most, p.dictionary.Len())
	}
	if err != nil {
		indexes.Release()
		return nil, err
	}
	t := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: p.dictionary.DataType()}
	return makeDictionary(t, n, indexes, nil, 0, p.dictionary), nil
}

// An rleBits yields booleans that are stored in runs.
type rleBits struct {
	runs hybrid
	data *memory.Buffer
	mem  memory.Allocator
	typ  arrow.DataType
}

func (p *rleBits) close() { p.data.Release() }

func (p *rleBits) next(n int) (arrow.Array, error) {
	bits := zeroBuffer(p.mem, (n+7)/8)
	if _, err := p.runs.bitmap(bits.Bytes(), n); err != nil {
		bits.Release()
		return nil, err
	}
	return makeArray(p.typ, n, 0, bits), nil
}

// width is the size of a value of a physical type in bytes; 0 for booleans and texts.
func (n *node) width() int {
	switch n.physical {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96:
		return 12
	case format.FixedLenByteArray:
		return n.length
	}
	return 0
}

// values decodes the values of a page, of which there are at most limit. It takes over data, which nobody else uses.
func (l *leafPages) values(encoding format.Encoding, data *memory.Buffer, limit int) (valueSource, error) {
	if l.node.typ.ID() == arrow.NULL {
		data.Release()
		return noValues{}, nil
	}
	switch encoding {
	case format.PlainDictionary, format.RLEDictionary:
		return l.indexed(data)
	case format.RLE:
		return l.rleBooleans(data)
	}
	s, err := l.store(encoding, data, limit)
	if err != nil {
		return nil, err
	}
	return &decodedPage{store: s, node: l.node}, nil
}

// store decodes what is not in runs.
func (l *leafPages) store(encoding format.Encoding, data *memory.Buffer, limit int) (s store, err error) {
	keep := data
	defer func() { release(keep) }()
	width, isText := l.node.width(), l.node.physical == format.ByteArray
	s = store{data: data, mem: l.mem}
	var t *texts
	switch {
	case encoding == format.Plain && isText:
		t, err = plainTexts(l.mem, data, limit)
	case encoding == format.Plain:
		keep = nil
	case encoding == format.DeltaBinaryPacked && l.node.physical == format.Int32:
		var v []int32
		v, _, err = deltas[int32](data.Bytes(), limit, l.chunk.pageBytes)
		s.data = memory.NewBufferBytes(bytesOf(v))
	case encoding == format.DeltaBinaryPacked && l.node.physical == format.Int64:
		var v []int64
		v, _, err = deltas[int64](data.Bytes(), limit, l.chunk.pageBytes)
		s.data = memory.NewBufferBytes(bytesOf(v))
	case encoding == format.DeltaLengthByteArray && isText:
		t, err = deltaLengths(l.mem, data, limit, l.chunk.pageBytes)
	case encoding == format.DeltaByteArray && (isText || l.node.physical == format.FixedLenByteArray):
		t, err = deltaTexts(l.mem, data, limit, l.chunk.pageBytes)
	case encoding == format.ByteStreamSplit && width > 0:
		s.data = unsplit(l.mem, data, width)
	default:
		err = fmt.Errorf("encoding %s of %s is not supported", encoding, l.node.physical)
	}
	if err != nil {
		return store{}, err
	}
	if t != nil {
		s.data, s.offsets, s.n = t.data, t.offsets, t.n
		return s, l.fixedTexts(&s)
	}
	if s.n = s.data.Len() * 8; width > 0 {
		s.n = s.data.Len() / width
	}
	return s, nil
}

// fixedTexts checks that texts in the place of fixed-length bytes have that length, and then forgets their offsets.
func (l *leafPages) fixedTexts(s *store) error {
	if l.node.physical == format.ByteArray {
		return nil
	}
	for i, at := range viewOf[int32](s.offsets.Bytes()) {
		if int(at) != i*l.node.length {
			release(s.data, s.offsets)
			return fmt.Errorf("value %d does not have %d bytes", i, l.node.length)
		}
	}
	s.offsets.Release()
	s.offsets = nil
	return nil
}

// plainTexts decodes PLAIN texts, each behind its length. The bytes are moved together where they lie. What follows the last
// whole text is left: pages with nulls do not say how many texts there are.
func plainTexts(mem memory.Allocator, data *memory.Buffer, limit int) (*texts, error) {
	src := data.Bytes()
	limit = min(limit, len(src)/4)
	offsets := newBuffer(mem, 4*(limit+1))
	to := viewOf[int32](offsets.Bytes())
	to[0] = 0
	end, n := 0, 0
	for at := 0; n < limit && at+4 <= len(src); n++ {
		size := int(binary.LittleEndian.Uint32(src[at:]))
		if at += 4; size > len(src)-at {
			break
		}
		end += copy(src[end:], src[at:at+size])
		to[n+1] = int32(end)
		at += size
	}
	data.Retain()
	return &texts{data: data, offsets: offsets, n: n}, nil
}

// rleBooleans decodes booleans in runs, behind the length of all.
func (l *leafPages) rleBooleans(data *memory.Buffer) (valueSource, error) {
	src := data.Bytes()
	if l.node.physical != format.Boolean || len(src) < 4 || uint64(binary.LittleEndian.Uint32(src)) > uint64(len(src)-4) {
		data.Release()
		return nil, errors.New("runs of booleans that are none")
	}
	runs, err := newHybrid(src[4:4+binary.LittleEndian.Uint32(src)], 1)
	return &rleBits{runs: runs, data: data, mem: l.mem, typ: l.node.typ}, err
}

// indexed decodes indexes into the chunk's dictionary.
func (l *leafPages) indexed(data *memory.Buffer) (valueSource, error) {
	err := errors.New("a page of indexes, and no dictionary before it")
	if l.dictionary != nil {
		src, width := data.Bytes(), 0
		if len(src) > 0 { // a page of nulls may have nothing at all
			src, width = src[1:], int(src[0])
		}
		var runs hybrid
		if runs, err = newHybrid(src, width); err == nil {
			return &indexedPage{runs: runs, dictionary: l.dictionary, data: data, mem: l.mem}, nil
		}
	}
	data.Release()
	return nil, err
}
