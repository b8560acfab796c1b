package readers

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// A leafPages reads the pages of one leaf column of a row group.
type leafPages struct {
	node  *node
	pages *parquet.FilePages
	chunk *parquet.FileColumnChunk

	dictionary arrow.Array // of the chunk; made when the first page uses it
	left       int64       // values that the footer promises and that have not come yet
}

// A page is what one page holds: a dense array of the values that are there, and the levels of all.
type page struct {
	values arrow.Array // dense; owned
	def    []byte      // a level an entry; empty where all are there
	rep    []byte      // a level an entry; empty outside of lists
	n      int         // entries
	source parquet.Page
}

// release gives the levels back; the values may live on.
func (p *page) release() {
	p.values.Release()
	parquet.Release(p.source)
}

func newLeafPages(n *node, chunk parquet.ColumnChunk, reader io.ReaderAt) *leafPages {
	c := chunk.(*parquet.FileColumnChunk)
	return &leafPages{node: n, chunk: c, pages: c.PagesFrom(reader), left: c.NumValues()}
}

func (l *leafPages) close() {
	if l.dictionary != nil {
		l.dictionary.Release()
		l.dictionary = nil
	}
	l.pages.Close()
}

// next returns the next page that has entries; io.EOF after the last.
func (l *leafPages) next() (out *page, err error) {
	err = guarded(func() error {
		out, err = l.read()
		return err
	})
	return out, err
}

func (l *leafPages) read() (*page, error) {
	for {
		source, err := l.pages.ReadPage()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			if l.left > 0 {
				return nil, fmt.Errorf("the column chunk ends %d values early", l.left)
			}
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
		n := source.NumValues()
		if n == 0 {
			parquet.Release(source)
			continue
		}
		if l.left -= n; l.left < 0 {
			parquet.Release(source)
			return nil, fmt.Errorf("the column chunk holds more values than its footer says")
		}
		return l.page(source, int(n))
	}
}

// page makes a dense array of a page.
func (l *leafPages) page(source parquet.Page, n int) (*page, error) {
	p := &page{n: n, source: source, def: source.DefinitionLevels(), rep: source.RepetitionLevels()}
	dense := n
	if len(p.def) > 0 {
		dense = countLevel(p.def, l.maxDef())
	}
	var err error
	if p.values, err = l.values(source, dense); err != nil {
		parquet.Release(source)
		return nil, err
	}
	return p, nil
}

func (l *leafPages) maxDef() byte { return l.node.def }

func countLevel(levels []byte, level byte) int {
	n := 0
	for _, l := range levels {
		if l == level {
			n++
		}
	}
	return n
}

func (l *leafPages) values(source parquet.Page, dense int) (arrow.Array, error) {
	if l.node.typ.ID() == arrow.NULL {
		return array.NewNull(dense), nil
	}
	data := source.Data()
	if source.Dictionary() == nil {
		return l.node.convert(l.node.typ, data, dense, &pageOwner{source})
	}
	if err := l.readDictionary(source.Dictionary()); err != nil {
		return nil, err
	}
	return l.indexed(data, dense, &pageOwner{source})
}

// readDictionary copies the dictionary of the chunk into an array of its own, once.
func (l *leafPages) readDictionary(d parquet.Dictionary) error {
	if l.dictionary != nil {
		return nil
	}
	plain := d.Page()
	shared, err := l.node.convert(l.node.typ, plain.Data(), d.Len(), &pageOwner{plain})
	if err != nil {
		return fmt.Errorf("its dictionary: %w", err)
	}
	defer shared.Release()
	l.dictionary, err = copyArray(shared)
	return err
}

// indexed makes a dictionary array of a page's indexes.
func (l *leafPages) indexed(data encoding.Values, dense int, owner *pageOwner) (arrow.Array, error) {
	indexes := int32s(data)
	if len(indexes) < dense {
		return nil, fmt.Errorf("the page holds %d of %d values", len(indexes), dense)
	}
	size := uint32(l.dictionary.Len())
	for _, index := range indexes[:dense] {
		if uint32(index) >= size {
			return nil, fmt.Errorf("index %d into a dictionary of %d values", index, size)
		}
	}
	t := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: l.node.typ}
	return makeDictionary(t, dense, owner.share(bytesOf(indexes[:dense])), nil, 0, l.dictionary), nil
}
