package readers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go/format"
)

// A leafPages reads one leaf column of a row group, some entries at a time: the values that are there, and the levels of all.
// One goroutine uses it.
type leafPages struct {
	node  *node
	chunk chunk
	flat  bool  // the column is outside of lists and groups: an entry is a row, and one level says whether it is there
	left  int64 // entries that the footer promises and that have not come yet
	mem   memory.Allocator

	pageIndex func() *pageIndex // reads the file's
	index     *pageIndex        // once read

	dictionary arrow.Array // of the chunk
	page       openPage
}

// An openPage is what is left of the page at hand.
type openPage struct {
	left     int // entries
	rep, def levels
	values   valueSource
	data     *memory.Buffer // that levels are read from
}

// A piece is some entries of one page.
type piece struct {
	values arrow.Array // dense; owned
	n      int         // entries

	valid *memory.Buffer // outside of lists and groups: which entries are there; nil: all. Owned
	nulls int

	def, rep []byte // elsewhere: a level an entry; nil: all 0
}

func (p *piece) release() {
	p.values.Release()
	release(p.valid)
}

func (l *leafPages) close() {
	l.closePage()
	if l.dictionary != nil {
		l.dictionary.Release()
		l.dictionary = nil
	}
	l.chunk.close()
}

func (l *leafPages) closePage() {
	if l.page.values != nil {
		l.page.values.close()
	}
	release(l.page.data)
	l.page = openPage{}
}

// next returns at least 1 and at most limit entries; io.EOF after the last.
func (l *leafPages) next(limit int) (*piece, error) {
	for l.page.left == 0 {
		l.closePage()
		if l.left == 0 {
			return nil, io.EOF
		}
		if err := l.open(); err != nil {
			return nil, err
		}
	}
	n := min(limit, l.page.left)
	l.page.left -= n
	if l.flat {
		return l.flatPiece(n)
	}
	return l.levelPiece(n)
}

func (l *leafPages) flatPiece(n int) (p *piece, err error) {
	p = &piece{n: n}
	if l.node.def == 1 {
		p.valid = zeroBuffer(l.mem, (n+7)/8)
		ones, err := l.page.def.bitmap(p.valid.Bytes(), n)
		if err != nil {
			p.valid.Release()
			return nil, fmt.Errorf("definition levels: %w", err)
		}
		if p.nulls = n - ones; p.nulls == 0 {
			p.valid.Release()
			p.valid = nil
		}
	}
	if p.values, err = l.page.values.next(n - p.nulls); err != nil {
		release(p.valid)
		return nil, err
	}
	return p, nil
}

func (l *leafPages) levelPiece(n int) (p *piece, err error) {
	p = &piece{n: n}
	dense := n
	if l.node.rep > 0 {
		p.rep = make([]byte, n)
		if err := l.page.rep.fill(p.rep); err != nil {
			return nil, fmt.Errorf("repetition levels: %w", err)
		}
	}
	if l.node.def > 0 {
		p.def = make([]byte, n)
		if err := l.page.def.fill(p.def); err != nil {
			return nil, fmt.Errorf("definition levels: %w", err)
		}
		dense = countLevel(p.def, l.node.def)
	}
	p.values, err = l.page.values.next(dense)
	return p, err
}

func countLevel(levels []byte, level byte) int {
	n := 0
	for _, l := range levels {
		if l == level {
			n++
		}
	}
	return n
}

// open reads pages until one has entries, and the dictionary on the way.
func (l *leafPages) open() error {
	for {
		p, err := l.chunk.next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the column chunk ends %d values early", l.left)
		}
		if err != nil {
			return err
		}
		if p.Type == format.DictionaryPage {
			if err := l.readDictionary(p); err != nil {
				return fmt.Errorf("its dictionary: %w", err)
			}
			continue
		}
		if err := l.openData(p); err != nil || l.page.left > 0 {
			return err
		}
		l.closePage()
	}
}

// openData prepares the levels and values of a data page.
func (l *leafPages) openData(p *rawPage) (err error) {
	n, encoding := int(p.count()), p.DataPageHeader.V.Encoding
	if p.Type == format.DataPageV2 {
		encoding = p.DataPageHeaderV2.V.Encoding
	}
	if int64(n) > l.left {
		p.data.Release()
		return fmt.Errorf("a page of %d values where the footer says that %d are left", n, l.left)
	}
	l.left -= int64(n)
	l.page = openPage{left: n, data: p.data}
	section := p.data.Bytes()
	if p.Type == format.DataPageV2 {
		err = l.levelsV2(p)
	} else {
		section, err = l.levelsV1(&p.DataPageHeader.V, section, n)
	}
	if err == nil {
		data := memory.SliceBuffer(p.data, p.data.Len()-len(section), len(section))
		l.page.values, err = l.values(encoding, data, n)
	}
	if err != nil {
		l.closePage()
	}
	return err
}

// levelsV1 finds the levels before the values, and returns the rest.
func (l *leafPages) levelsV1(h *dataPageHeader, data []byte, n int) (rest []byte, err error) {
	if l.node.rep > 0 {
		if l.page.rep, data, err = levelsBefore(data, h.RepetitionLevelEncoding, l.node.rep, n); err != nil {
			return nil, fmt.Errorf("repetition levels: %w", err)
		}
	}
	if l.node.def > 0 {
		if l.page.def, data, err = levelsBefore(data, h.DefinitionLevelEncoding, l.node.def, n); err != nil {
			return nil, fmt.Errorf("definition levels: %w", err)
		}
	}
	return data, nil
}

// levelsV2 cuts the levels into two.
func (l *leafPages) levelsV2(p *rawPage) (err error) {
	v2 := &p.DataPageHeaderV2.V
	rep, def := p.levels[:v2.RepetitionLevelsByteLength], p.levels[v2.RepetitionLevelsByteLength:]
	if l.page.rep, err = newLevels(rep, l.node.rep); err == nil {
		l.page.def, err = newLevels(def, l.node.def)
	}
	return err
}

// levels reads repetition or definition levels of which most is the highest.
type levels struct {
	runs hybrid
	old  []byte // those of the oldest encoding, all of the page
	most byte
}

func newLevels(src []byte, most byte) (levels, error) {
	runs, err := newHybrid(src, bits.Len8(most))
	return levels{runs: runs, most: most}, err
}

// levelsBefore reads the levels at the beginning of a page of the first format.
func levelsBefore(data []byte, encoding format.Encoding, most byte, n int) (levels, []byte, error) {
	width := bits.Len8(most)
	switch encoding {
	case format.RLE:
		if len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
			return levels{}, nil, errShortRuns
		}
		end := 4 + int(binary.LittleEndian.Uint32(data))
		l, err := newLevels(data[4:end:end], most)
		return l, data[end:], err
	case format.BitPacked:
		size := (n*width + 7) / 8
		if size > len(data) {
			return levels{}, nil, errShortRuns
		}
		l := levels{old: make([]byte, n), most: most}
		return l, data[size:], bitPackedLevels(l.old, data[:size], width, most)
	}
	return levels{}, nil, fmt.Errorf("encoding %s is not supported", encoding)
}

// fill reads the next levels.
func (l *levels) fill(dst []byte) error {
	if l.old != nil {
		l.old = l.old[copy(dst, l.old):]
		return nil
	}
	return l.runs.levels(dst, l.most)
}

// bitmap reads the next n levels of 0 and 1 as bits, and returns how many ones there are.
func (l *levels) bitmap(dst []byte, n int) (int, error) {
	if l.old == nil {
		return l.runs.bitmap(dst, n)
	}
	for i, level := range l.old[:n] {
		dst[i>>3] |= level << (i & 7)
	}
	ones := countLevel(l.old[:n], 1)
	l.old = l.old[n:]
	return ones, nil
}

// mostEntries is the most values that a dictionary may have. Writers stop at a megabyte or so.
const mostEntries = 1 << 24

// readDictionary makes an array of the chunk's dictionary.
func (l *leafPages) readDictionary(p *rawPage) error {
	if l.dictionary != nil {
		p.data.Release()
		return errors.New("there is a second one")
	}
	n, encoding := int(p.DictionaryPageHeader.V.NumValues), p.DictionaryPageHeader.V.Encoding
	if encoding == format.PlainDictionary {
		encoding = format.Plain
	}
	if n > mostEntries {
		p.data.Release()
		return fmt.Errorf("%d values are more than the limit of %d", n, mostEntries)
	}
	source, err := l.values(encoding, p.data, n)
	if err != nil {
		return err
	}
	defer source.close()
	l.dictionary, err = source.next(n)
	return err
}
