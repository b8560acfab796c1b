package writers

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/bloom/xxhash"
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/ids"
)

// userColumn is the column of user ids, in the type of the snapshot's own. They are sorted, each once.
func userColumn(s *scratch, id *ids.Column) column {
	c := column{name: "user_id", typ: userType(id.Type), levels: everywhere{}, hashes: hashUsers(s, id)}
	switch {
	case id.Form == ids.OneWord:
		c.values = integers{typ: c.typ, values: numbersOfUsers(id)}
	case id.Form == ids.TwoWords && id.Type == ids.UUID:
		c.values = uuids{words: id.Words}
	case id.Form == ids.TwoWords:
		c.values = uuidTexts{words: id.Words}
	default:
		c.values = sortedStrings{byteStrings{typ: c.typ, values: textsOfUsers(id)}}
	}
	return c
}

// userPlaces is the column of user ids where a user may have many rows or none: places in the sorted ids, never falling.
func userPlaces(s *scratch, id *ids.Column, places []uint32) column {
	c := column{name: "user_id", typ: userType(id.Type), levels: everywhere{}, hashes: hashUsers(s, id)}
	if id.Form == ids.OneWord {
		numbers := numbersOfUsers(id)
		repeated := make([]int64, len(places))
		for i, place := range places {
			repeated[i] = numbers[place]
		}
		c.values = integers{typ: c.typ, values: repeated}
		return c
	}
	c.values = &indexes{typ: c.typ, places: places, sorted: true, entries: entriesOfUsers(id)}
	return c
}

func userType(t ids.Type) leafType {
	switch t {
	case ids.Int32:
		return intType(2, true)
	case ids.Int64:
		return intType(3, true)
	case ids.Uint64:
		return intType(3, false)
	case ids.UUID:
		return uuidType
	case ids.Binary:
		return binaryType
	default:
		return stringType
	}
}

// numbersOfUsers undoes the order-keeping form of signed ids; unsigned ones keep their bits.
func numbersOfUsers(id *ids.Column) []int64 {
	numbers := make([]int64, len(id.Words))
	for i, word := range id.Words {
		if id.Type == ids.Uint64 {
			numbers[i] = int64(word)
		} else {
			numbers[i] = ids.FromOrdered(word)
		}
	}
	return numbers
}

func textsOfUsers(id *ids.Column) [][]byte {
	texts := make([][]byte, id.Len())
	for i := range texts {
		texts[i] = id.At(i)
	}
	return texts
}

func entriesOfUsers(id *ids.Column) entries {
	if id.Form == ids.Bytes {
		t := userType(id.Type)
		return entriesOf(&t, textsOfUsers(id))
	}
	e := entries{n: id.Len(), at: func(i int) []byte { return plainUUID(nil, id, i) }}
	if id.Type == ids.UUID {
		e.plain = uuids{words: id.Words}.append(nil, span{to: e.n})
		return e
	}
	e.frame, e.size = lengthCode().frame(nil, nil, id.Words)
	return e
}

// plainUUID appends a packed UUID as the column shows it, 16 bytes or 36 characters.
func plainUUID(dst []byte, id *ids.Column, i int) []byte {
	if id.Type == ids.UUID {
		dst = binary.BigEndian.AppendUint64(dst, id.Words[2*i])
		return binary.BigEndian.AppendUint64(dst, id.Words[2*i+1])
	}
	return appendUUID(dst, id.Words[2*i], id.Words[2*i+1])
}

// hashUsers hashes every id as a bloom filter takes it: its plain encoding, without a length.
func hashUsers(s *scratch, id *ids.Column) []uint64 {
	hashes, t, value := s.hashes[:0], userType(id.Type), s.raw[:0]
	for i := range id.Len() {
		switch {
		case id.Form == ids.TwoWords && id.Type != ids.UUID:
			hashes = append(hashes, hashUUIDText(id.Words[2*i], id.Words[2*i+1]))
			continue
		case id.Form == ids.OneWord && id.Type == ids.Uint64:
			value = t.appendInteger(value[:0], int64(id.Words[i]))
		case id.Form == ids.OneWord:
			value = t.appendInteger(value[:0], ids.FromOrdered(id.Words[i]))
		case id.Form == ids.TwoWords:
			value = plainUUID(value[:0], id, i)
		default:
			hashes = append(hashes, xxhash.Sum64(id.At(i)))
			continue
		}
		hashes = append(hashes, xxhash.Sum64(value))
	}
	s.hashes, s.raw = hashes, value
	return hashes
}

// sortedStrings are ids of any text: the first and the last of a span are its bounds.
type sortedStrings struct{ byteStrings }

func (v sortedStrings) bounds(s span) (low, high []byte) { return v.values[s.from], v.values[s.to-1] }

// uuids are packed UUIDs as 16 bytes.
type uuids struct {
	noDictionary
	words []uint64
}

func (uuids) encoding() format.Encoding { return format.Plain }

func (uuids) weight(s span) int { return 16 * (s.to - s.from) }

func (v uuids) append(dst []byte, s span) []byte {
	for _, word := range v.words[2*s.from : 2*s.to] {
		dst = binary.BigEndian.AppendUint64(dst, word)
	}
	return dst
}

func (v uuids) bounds(s span) (low, high []byte) {
	last := s.to - 1
	return v.append(nil, span{from: s.from, to: s.from + 1}), v.append(nil, span{from: last, to: s.to})
}
