package writers

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/bloom/xxhash"
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/ids"
)

// userColumn is the column of user ids, in the type of the snapshot's own. They are sorted. Places say which id each row
// has, never falling; nil stands for each once.
func userColumn(s *scratch, id *ids.Column, places []uint32) column {
	c := column{name: "user_id", typ: userType(id.Type), levels: everywhere{}, hashes: hashUsers(s, id)}
	switch {
	case id.Form == ids.OneWord:
		c.values = integers{typ: c.typ, values: numbersOfUsers(id, places)}
	case id.Form == ids.Bytes:
		c.values = sortedTexts{typ: c.typ, texts: textsOfUsers(id, places)}
	case id.Type != ids.UUID && places == nil:
		c.values = uuidTexts{words: id.Words}
	case id.Type != ids.UUID:
		c.values = repeatedUUIDTexts{words: id.Words, places: places}
	case places == nil:
		c.values = uuids{words: id.Words}
	default:
		c.values = &indexes{typ: c.typ, places: places, sorted: true, entries: entriesOfUUIDs(id.Words)}
	}
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
func numbersOfUsers(id *ids.Column, places []uint32) []int64 {
	numbers := make([]int64, len(id.Words))
	for i, word := range id.Words {
		if id.Type == ids.Uint64 {
			numbers[i] = int64(word)
		} else {
			numbers[i] = ids.FromOrdered(word)
		}
	}
	return repeated(numbers, places)
}

func textsOfUsers(id *ids.Column, places []uint32) [][]byte {
	texts := make([][]byte, id.Len())
	for i := range texts {
		texts[i] = id.At(i)
	}
	return repeated(texts, places)
}

// repeated returns the values at the places, or all where places is nil.
func repeated[T any](list []T, places []uint32) []T {
	if places == nil {
		return list
	}
	out := make([]T, len(places))
	for i, place := range places {
		out[i] = list[place]
	}
	return out
}

func entriesOfUUIDs(words []uint64) entries {
	u := uuids{words: words}
	one := func(i int) []byte { return u.append(nil, span{from: i, to: i + 1}) }
	return entries{n: len(words) / 2, plain: u.append(nil, span{to: len(words) / 2}), at: one}
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

// sortedTexts are ids of any text, or binary: each is the bytes that it does not share with the one before it.
type sortedTexts struct {
	noDictionary
	typ   leafType
	texts [][]byte
}

func (sortedTexts) encoding() format.Encoding { return format.DeltaByteArray }

func (v sortedTexts) weight(s span) int { return byteStrings{values: v.texts}.weight(s) }

func (v sortedTexts) append(dst []byte, s span) []byte {
	part := v.texts[s.from:s.to]
	shared, rest := make([]int32, len(part)), make([]int32, len(part))
	for i, value := range part {
		if i > 0 {
			shared[i] = int32(commonPrefix(part[i-1], value))
		}
		rest[i] = int32(len(value)) - shared[i]
	}
	dst = encodeDelta32(encodeDelta32(dst, shared), rest)
	for i, value := range part {
		dst = append(dst, value[shared[i]:]...)
	}
	return dst
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (v sortedTexts) bounds(s span) (low, high []byte) { return v.texts[s.from], v.texts[s.to-1] }

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
