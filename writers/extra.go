package writers

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/pipeline/tables"
)

// extra writes one extra column: any scalar Arrow type, or a list of one, with nulls.
func (t *table) extra(m *tables.Membership, i int) {
	logical := ""
	if m.ExtraLogical != nil {
		logical = m.ExtraLogical[i]
	}
	c := column{name: m.ExtraNames[i], shape: optional}
	var slots, nulls int
	var err error
	if lists, ok := m.Extra[i].(array.ListLike); ok && m.Extra[i].DataType().ID() != arrow.MAP {
		slots, nulls, err = c.fillList(lists, logical, t.writer.maxDictionary())
	} else {
		slots, nulls, err = c.fillScalar(m.Extra[i], logical, t.writer.maxDictionary())
	}
	if err != nil {
		t.errs = append(t.errs, fmt.Errorf("column %q: %w", c.name, err))
		return
	}
	t.add(c, slots, nulls)
}

func (c *column) fillScalar(column arrow.Array, logical string, maxBytes int) (slots, nulls int, err error) {
	from, err := leafOf(column, logical)
	if err != nil {
		return 0, 0, err
	}
	n := column.Len()
	valid, places := make([]uint64, (n+63)/64), make([]int, 0, n)
	for i := range n {
		if place, ok := from.place(i); ok {
			valid[i>>6] |= 1 << (i & 63)
			places = append(places, place)
		}
	}
	c.typ, c.levels = from.typ, nullable{valid: valid}
	c.values, err = from.values(places, maxBytes)
	return n, n - len(places), err
}

// The definition levels of a list that may be null, of values that may be null.
const (
	nullList = iota
	emptyList
	nullValue
	fullValue
)

func (c *column) fillList(lists array.ListLike, logical string, maxBytes int) (slots, nulls int, err error) {
	from, err := leafOf(lists.ListValues(), logical)
	if err != nil {
		return 0, 0, fmt.Errorf("a list: %w", err)
	}
	l, places := &nested{full: fullValue, starts: make([]int, 1, lists.Len()+1)}, []int(nil)
	for i := range lists.Len() {
		start, end := lists.ValueOffsets(i)
		switch {
		case lists.IsNull(i):
			l.slot(0, nullList)
		case start == end:
			l.slot(0, emptyList)
		default:
			places = l.values(from, int(start), int(end), places)
		}
		l.starts = append(l.starts, len(l.definition))
	}
	c.shape, c.typ, c.levels = optionalList, from.typ, l
	c.values, err = from.values(places, maxBytes)
	return len(l.definition), len(l.definition) - len(places), err
}

func (l *nested) slot(repetition, definition uint8) {
	l.repetition, l.definition = append(l.repetition, repetition), append(l.definition, definition)
}

// values adds the values of one list and returns the places with those that are there.
func (l *nested) values(from *leaf, start, end int, places []int) []int {
	for j := start; j < end; j++ {
		repetition := uint8(min(j-start, 1))
		place, ok := from.place(j)
		if !ok {
			l.slot(repetition, nullValue)
			continue
		}
		l.slot(repetition, fullValue)
		places = append(places, place)
	}
	return places
}
