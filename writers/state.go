package writers

import (
	"slices"

	"strata/pipeline/tables"
)

// stateColumn is strata_state, which no reader compares: it has no bounds.
func (w *Writer) stateColumn(m *tables.Membership) column {
	typ := binaryType
	typ.order = unordered
	return column{name: "strata_state", typ: typ, levels: everywhere{}, values: stringValues(&typ, states(m), w.maxDictionary())}
}

func (w *Writer) maxDictionary() int {
	if w.dictionaryBytes > 0 {
		return w.dictionaryBytes
	}
	return dictionaryBytes
}

// states are the states of all users.
func states(m *tables.Membership) [][]byte {
	list := make([][]byte, m.Len())
	var arena []byte
	for i, at := 0, 0; i < len(list); i++ {
		arena = slices.Grow(arena, 1<<10) // an old block stays with the states in it
		from := len(arena)
		arena, at = m.AppendState(arena, i, at)
		list[i] = arena[from:len(arena):len(arena)]
	}
	return list
}

// dayValues encodes dates by dictionary, as there are few of them.
func dayValues(days []int32) values {
	wide := make([]int64, len(days))
	for i, day := range days {
		wide[i] = int64(day)
	}
	return numberValues(&dateType, wide)
}
