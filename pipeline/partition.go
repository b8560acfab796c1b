package pipeline

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"strata/pipeline/ids"
)

// users are the users of one partition: sorted by id, each once, with the record that stands for each.
type users struct {
	ids        ids.Column
	from       *gathered
	records    []uint32 // by user, the place of its record in from
	duplicates int64    // records that gave way to another of the same id
	examples   []string // canonical texts of a few ids that came more than once, in order
}

func (u *users) len() int              { return u.ids.Len() }
func (u *users) record(i int) []uint64 { return u.from.record(int(u.records[i])) }

// maxExamples is how many ids a message or manifest names.
const maxExamples = 5

// sortUsers sorts the records of a partition by user id and lets one record of each user stand: any one where the policy
// is to fail on duplicates (the run then stops), else the latest.
func sortUsers(lanes []*gathered, typ ids.Type) *users {
	g := together(lanes)
	keys := sortedKeys(g)
	u := &users{from: g, records: make([]uint32, 0, len(keys))}
	for start, end := 0, 0; start < len(keys); start = end {
		for end = start + 1; end < len(keys) && compareKeys(g, keys[start], keys[end]) == 0; end++ {
		}
		u.records = append(u.records, standing(g, keys[start:end]))
		if end > start+1 {
			u.duplicates += int64(end - start - 1)
		}
	}
	u.ids = idColumn(g, u.records, typ)
	u.nameDuplicates(keys)
	return u
}

// nameDuplicates keeps the first few ids that came more than once.
func (u *users) nameDuplicates(keys []sortKey) {
	if u.duplicates == 0 {
		return
	}
	for i := 1; i < len(keys) && len(u.examples) < maxExamples; i++ {
		if compareKeys(u.from, keys[i-1], keys[i]) != 0 {
			continue
		}
		one := idColumn(u.from, []uint32{keys[i].at}, u.ids.Type)
		if text := one.TextAt(0); !slices.Contains(u.examples, text) {
			u.examples = append(u.examples, text)
		}
	}
}

// together returns all records of a partition in one form. UUIDs beside other text ids become text: what it costs is paid
// only where a partition really holds both.
func together(lanes []*gathered) *gathered {
	if len(lanes) == 1 || lanes[1].len() == 0 {
		return lanes[0]
	}
	packed, text := lanes[0], lanes[1]
	for i := range packed.len() {
		record := packed.record(i)
		at := len(text.arena)
		text.arena = ids.AppendUUID(text.arena, record[0], record[1])
		payload := uint64(0)
		if text.payload {
			payload = uint64(len(text.arena))<<32 | record[text.payloadAt()]&0xffffffff
			text.arena = append(text.arena, packed.at(record[text.payloadAt()])...)
		}
		text.words = append(text.words, 0, uint64(at)<<32|36)
		text.words = append(text.words, record[2:]...)
		if text.payload {
			text.words[len(text.words)-1] = payload
		}
	}
	return text
}

// idColumn makes the column of user ids of some records.
func idColumn(g *gathered, records []uint32, typ ids.Type) ids.Column {
	c := ids.Column{Type: typ, Form: g.form}
	if g.form == ids.Bytes {
		c.Offsets = make([]uint32, 1, len(records)+1)
		for _, at := range records {
			c.AppendBytes(g.at(g.record(int(at))[1]))
		}
		return c
	}
	c.Words = make([]uint64, 0, len(records)*g.keys)
	for _, at := range records {
		c.Words = append(c.Words, g.record(int(at))[:g.keys]...)
	}
	return c
}

// A sortKey is a record's place and enough of its id to order nearly all pairs without looking at it: the id itself, or
// the 16 bytes after what all ids of the partition begin with.
type sortKey struct {
	high, low uint64
	at        uint32
}

func compareKeys(g *gathered, a, b sortKey) int {
	if order := cmp.Compare(a.high, b.high); order != 0 {
		return order
	}
	if order := cmp.Compare(a.low, b.low); order != 0 || g.form != ids.Bytes {
		return order
	}
	return bytes.Compare(g.at(g.record(int(a.at))[1]), g.at(g.record(int(b.at))[1]))
}

// sortedKeys sorts the records of a partition by id, equal ids in no particular order. One pass spreads the keys over buckets of
// about four by their distance from the smallest, which leaves nearly nothing to do where ids are spread evenly (UUIDs of all
// kinds, numbers); the buckets are then sorted one by one, so an uneven spread costs no more than an ordinary sort.
func sortedKeys(g *gathered) []sortKey {
	keys := makeKeys(g)
	if len(keys) < 2 {
		return keys
	}
	low, high := keys[0].high, keys[0].high
	for _, k := range keys {
		low, high = min(low, k.high), max(high, k.high)
	}
	bucketBits := max(bits.Len(uint(len(keys)/4)), 1)
	shift := max(bits.Len64(high-low)-bucketBits, 0)
	starts := make([]uint32, (high-low)>>shift+2)
	for _, k := range keys {
		starts[(k.high-low)>>shift+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	sorted := make([]sortKey, len(keys))
	for _, k := range keys {
		bucket := (k.high - low) >> shift
		sorted[starts[bucket]] = k
		starts[bucket]++ // ends as the start of the next bucket
	}
	sortBuckets(g, sorted, starts)
	return sorted
}

// sortBuckets sorts each bucket; ends[i] is where bucket i ends.
func sortBuckets(g *gathered, keys []sortKey, ends []uint32) {
	start := uint32(0)
	for _, end := range ends {
		bucket := keys[start:end]
		start = end
		if len(bucket) > 24 {
			slices.SortFunc(bucket, func(a, b sortKey) int { return compareKeys(g, a, b) })
			continue
		}
		for i := 1; i < len(bucket); i++ {
			for j := i; j > 0 && compareKeys(g, bucket[j], bucket[j-1]) < 0; j-- {
				bucket[j], bucket[j-1] = bucket[j-1], bucket[j]
			}
		}
	}
}

func makeKeys(g *gathered) []sortKey {
	keys := make([]sortKey, g.len())
	shared := 0
	if g.form == ids.Bytes {
		shared = sharedPrefix(g)
	}
	for i := range keys {
		record := g.record(i)
		keys[i].at = uint32(i)
		switch g.form {
		case ids.OneWord:
			keys[i].high = record[0]
		case ids.TwoWords:
			keys[i].high, keys[i].low = record[0], record[1]
		default:
			id := g.at(record[1])[shared:]
			keys[i].high = firstBytes(id)
			keys[i].low = firstBytes(id[min(8, len(id)):])
		}
	}
	return keys
}

// firstBytes is the first 8 bytes of an id as a number that sorts as they do; a shorter id is filled up with zeros.
func firstBytes(id []byte) uint64 {
	if len(id) >= 8 {
		return binary.BigEndian.Uint64(id)
	}
	var word [8]byte
	copy(word[:], id)
	return binary.BigEndian.Uint64(word[:])
}

// sharedPrefix is how many bytes all ids of the partition begin with.
func sharedPrefix(g *gathered) int {
	if g.len() == 0 {
		return 0
	}
	first := g.at(g.record(0)[1])
	shared := len(first)
	for i := 1; i < g.len() && shared > 0; i++ {
		id := g.at(g.record(i)[1])
		shared = min(shared, len(id))
		for j := range shared {
			if id[j] != first[j] {
				shared = j
				break
			}
		}
	}
	return shared
}

// standing picks the record that stands for a user: the greatest in `by` (a null is the least), then in row hash. Rows that
// agree even there are the same to today's definitions and outputs; earlier definitions may still tell them apart, so
// their bits decide last, and the order of rows never does.
func standing(g *gathered, same []sortKey) uint32 {
	best := same[0].at
	if !g.latest {
		return best
	}
	at := g.latestAt()
	for _, k := range same[1:] {
		a, b := g.record(int(k.at)), g.record(int(best))
		order := slices.Compare(a[at:at+latestWords], b[at:at+latestWords])
		if order == 0 {
			order = slices.Compare(a[g.keys:at], b[g.keys:at])
		}
		if order > 0 {
			best = k.at
		}
	}
	return best
}
