package writers

import (
	"encoding/binary"

	"strata/pipeline/tables"
)

// stateColumn is strata_state, which no reader compares: it has no bounds.
func (w *Writer) stateColumn(m *tables.Membership) column {
	typ := binaryType
	typ.order = unordered
	c := column{name: "strata_state", typ: typ, levels: everywhere{}}
	if m.Plain() && m.Sets.Width == 1 {
		c.values = setStates(m, &typ)
	}
	if c.values == nil {
		c.values = stringValues(&typ, states(m), w.maxDictionary())
	}
	return c
}

// setStates encodes states that are one word each, without making their bytes, or returns nil where a dictionary does
// not pay.
func setStates(m *tables.Membership, typ *leafType) values {
	firsts, places, ok := distinctNumbers(m.Sets.Words, dictionaryEntries)
	stateBytes := (len(m.Names.Segments) + 7) / 8
	if !ok || len(firsts)*(stateBytes+4)+len(places)*indexWidth(len(firsts))/8 >= len(places)*stateBytes {
		return nil
	}
	list := make([][]byte, len(firsts))
	for i, word := range firsts {
		list[i] = binary.LittleEndian.AppendUint64(nil, word)[:stateBytes]
	}
	return &indexes{typ: *typ, places: places, entries: entriesOf(typ, list)}
}

func (w *Writer) maxDictionary() int {
	if w.dictionaryBytes > 0 {
		return w.dictionaryBytes
	}
	return dictionaryBytes
}

// stateBlock is how many bytes of states are allocated at a time.
const stateBlock = 1 << 18

// states are the states of all users.
func states(m *tables.Membership) [][]byte {
	list := make([][]byte, m.Len())
	var block []byte // a full one stays with the states in it
	for i, at := 0, 0; i < len(list); i++ {
		from := len(block)
		if cap(block)-from < stateBlock/16 {
			block, from = make([]byte, 0, stateBlock), 0
		}
		block, at = m.AppendState(block, i, at)
		list[i] = block[from:len(block):len(block)]
	}
	return list
}

// dayValues encodes dates by dictionary, as there are few of them.
func dayValues(days []int32) values { return numberValues(&dateType, days) }
