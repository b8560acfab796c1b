package rules

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// tile is the group, of k from 1, of a value that below of n users are smaller than and equal users have.
func tile(k, below, equal, n int64) int64 {
	high, low := bits.Mul64(uint64(k), uint64(2*below+equal))
	group, _ := bits.Div64(high, low, uint64(2*n)) // less than k: below+equal is at most n
	return int64(group) + 1
}

// Values are an argument's values in a window of rows: as words that sort as the values do.
type Values struct {
	Keys  []uint64
	known []uint64
}

// Has says whether a row has a value, and that is no NaN.
func (v *Values) Has(row int) bool { return hasBit(v.known, row) }

// A Surveyor evaluates the arguments of a plan's population functions over row groups. Like an Evaluator it is one goroutine's.
type Surveyor struct {
	eval   *Evaluator
	at     []int // by node: its place in values
	values []Values
}

// NewSurveyor returns a surveyor that evaluates slices of batchRows rows (0: the default).
func (p *Population) NewSurveyor(batchRows int) *Surveyor {
	s := &Surveyor{eval: newEvaluator(p.exec, batchRows), at: make([]int, len(p.exec.nodes)), values: make([]Values, len(p.arguments))}
	for i, a := range p.arguments {
		s.at[a.root] = i
	}
	s.eval.take = s.take
	return s
}

// Start begins a row group, as an Evaluator's Start does.
func (s *Surveyor) Start(src tables.Columns) { s.eval.Start(src) }

// Close releases what the surveyor holds of the row group.
func (s *Surveyor) Close() { s.eval.Close() }

// Next evaluates the next rows and returns the values of every argument, valid until the next call. After the last row it
// returns io.EOF.
func (s *Surveyor) Next(rows int) ([]Values, error) {
	rows = int(min(int64(rows), s.eval.rows-s.eval.done))
	for i := range s.values {
		v := &s.values[i]
		if cap(v.Keys) < rows {
			v.Keys, v.known = make([]uint64, rows), make([]uint64, words(rows)+1)
		}
		v.Keys, v.known = v.Keys[:rows], v.known[:words(rows)+1]
		clear(v.known)
	}
	_, err := s.eval.Next(rows)
	return s.values, err
}

// take keeps an argument's values of a slice of rows.
func (s *Surveyor) take(leaf nodeID, at int, f *frame) {
	x := s.eval.eval(leaf, f)
	if s.eval.err != nil {
		return
	}
	keys, known := s.eval.keys(x)
	v := &s.values[s.at[leaf]]
	copy(v.Keys[at:], keys)
	if known == nil {
		putOnes(v.known, at, f.n)
	} else {
		putBits(v.known, at, known, f.n)
	}
}

// keys are words that sort as the values of a vec do, and the rows that have one.
func (e *Evaluator) keys(x *vec) (keys, known []uint64) {
	if x.kind == kindUint {
		return x.uints, x.known
	}
	keys = e.arena.words.get(x.n)
	switch x.kind {
	case kindDouble:
		return keys, e.doubleKeys(keys, x)
	case kindTimestamp:
		for i, seconds := range x.ints {
			keys[i] = instantKey(seconds, x.nanosAt(i))
		}
	default:
		for i, v := range x.ints {
			keys[i] = ids.Ordered(v)
		}
	}
	return keys, x.known
}

// doubleKeys fills in the keys of doubles and returns the rows that have a value: NaN is none.
func (e *Evaluator) doubleKeys(keys []uint64, x *vec) []uint64 {
	nan := e.arena.words.zeros(words(x.n))
	found := false
	for i, v := range x.floats {
		keys[i] = ids.OrderedFloat(v)
		if v != v {
			setBit(nan, i)
			found = true
		}
	}
	if !found {
		return x.known
	}
	flip(nan, x.n)
	return e.arena.both(x.known, nan)
}

// The instants whose nanoseconds a key tells apart, in seconds since 1970: from 1683 to 2255. A key of one outside of them counts
// microseconds, for which the 64 bits suffice to the ends of the years 1 and 9999; what lies beyond is there, too.
const (
	fineFrom, fineTo = -9_050_000_000, 9_000_000_000
	fineNanos        = (fineTo - fineFrom) * 1_000_000_000
	coarseBefore     = 1 + (fineFrom-firstSecond)*1_000_000
)

// instantKey maps an instant to a word that sorts as instants do.
func instantKey(seconds int64, nanos int32) uint64 {
	switch {
	case seconds < firstSecond:
		return 0
	case seconds < fineFrom:
		return 1 + uint64(seconds-firstSecond)*1_000_000 + uint64(nanos)/1000
	case seconds < fineTo:
		return coarseBefore + uint64(seconds-fineFrom)*1_000_000_000 + uint64(nanos)
	case seconds <= lastSecond:
		return coarseBefore + fineNanos + uint64(seconds-fineTo)*1_000_000 + uint64(nanos)/1000
	}
	return math.MaxUint64
}

// surveyed answers a population function for every row of a frame.
func (e *Evaluator) surveyed(nd *node, f *frame) *vec {
	m := nd.measure
	switch {
	case m == nil || !m.ready:
		e.fault("the population functions of the rules were not measured before the rows were answered")
		return e.unknown(nd.typ.kind, f.n)
	case len(nd.args) > 0:
		return e.surveyedRow(nd, f)
	case m.empty:
		return e.unknown(nd.typ.kind, f.n)
	}
	out := e.arena.new(kindDouble, f.n)
	out.floats = e.arena.floats.get(f.n)
	fill(out.floats, m.value)
	return out
}

// surveyedRow answers a population function of each row's own value.
func (e *Evaluator) surveyedRow(nd *node, f *frame) *vec {
	x := e.eval(nd.args[0], f)
	out := e.arena.new(nd.typ.kind, f.n)
	e.blank(out)
	if x.kind == kindNull {
		return e.unknown(nd.typ.kind, f.n)
	}
	keys, known := e.keys(x)
	out.known, out.fail = known, x.fail
	switch nd.op {
	case opNtile:
		for i, key := range keys {
			out.ints[i] = nd.measure.groupOf(key)
		}
	case opRank:
		e.ranks(nd.measure.ranks, out, keys)
	case opTop:
		e.top(nd, f, out.bits, keys)
	}
	return out
}

// groupOf is the group of a key. One below all that were measured is in the first.
func (m *measure) groupOf(key uint64) int64 {
	at := sort.Search(len(m.firsts), func(i int) bool { return m.firsts[i] > key })
	if len(m.groups) == 0 {
		return 1
	}
	return m.groups[max(at-1, 0)]
}

// ranks fills in the rank of each row that has a value.
func (e *Evaluator) ranks(of Ranking, out *vec, keys []uint64) {
	for i, key := range keys {
		if !out.knows(i) {
			continue
		}
		above, err := of.Above(key)
		if err != nil {
			e.fault("rank: %w", err)
			return
		}
		out.ints[i] = above + 1
	}
}

// top sets the bits of the rows that are in. User ids are looked at only in a tie for the last place.
func (e *Evaluator) top(nd *node, f *frame, members, keys []uint64) {
	m := nd.measure
	var users *vec
	for i, key := range keys {
		in := m.everyone || key > m.last
		if !in && key == m.last {
			if users == nil {
				users = e.eval(nd.args[1], f)
			}
			in = users.kind != kindString || users.texts[i] <= m.lastID
		}
		if in {
			setBit(members, i)
		}
	}
}

// Measure measures a population that stands in records in memory: all rows count but those without a user id. A job measures its
// snapshot itself. A nil population asks nothing.
func (p *Population) Measure(records ...arrow.Record) error {
	if p == nil {
		return nil
	}
	c := newCensus(p)
	for _, rec := range records {
		if err := c.add(rec); err != nil {
			return err
		}
	}
	for i := range c.tallies {
		c.settle(i)
	}
	return nil
}

// A census holds the values of all users in memory.
type census struct {
	*Population
	surveyor *Surveyor
	tallies  []Tally
	people   [][]citizen // by argument, who have a value
}

// A citizen is one user's value.
type citizen struct {
	key uint64
	id  string
}

func newCensus(p *Population) *census {
	return &census{p, p.NewSurveyor(0), make([]Tally, len(p.arguments)), make([][]citizen, len(p.arguments))}
}

// add counts the users of a record.
func (c *census) add(rec arrow.Record) error {
	users, err := userTexts(rec, c.userID)
	if err != nil {
		return err
	}
	c.surveyor.Start(&recordColumns{rec: rec, at: map[string]int64{}})
	defer c.surveyor.Close()
	if rec.NumRows() == 0 {
		return nil
	}
	values, err := c.surveyor.Next(int(rec.NumRows()))
	if err != nil {
		return err
	}
	for row, id := range users {
		if id == nil {
			continue
		}
		for i := range values {
			v := &values[i]
			c.Count(i, &c.tallies[i], v.Keys[row], v.Has(row))
			if v.Has(row) {
				c.people[i] = append(c.people[i], citizen{v.Keys[row], *id})
			}
		}
	}
	return nil
}

// userTexts are the canonical ids of a record's rows; nil for a row without one. Without a column of ids all rows count.
func userTexts(rec arrow.Record, column string) ([]*string, error) {
	out := make([]*string, rec.NumRows())
	at := rec.Schema().FieldIndices(column)
	if len(at) == 0 {
		for i := range out {
			out[i] = new(string)
		}
		return out, nil
	}
	typ, err := ids.TypeOf(rec.Schema().Field(at[0]))
	if err != nil {
		return nil, err
	}
	packer := ids.NewPacker(typ)
	defer packer.Close()
	packed, err := packer.Pack(rec.Column(at[0]))
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", column, err)
	}
	for i := range out {
		if !packed.Rejected(i) {
			id := string(packer.AppendText(nil, packed, i))
			out[i] = &id
		}
	}
	return out, nil
}

// settle measures one argument.
func (c *census) settle(argument int) {
	people := c.people[argument]
	slices.SortFunc(people, func(a, b citizen) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.id, a.id)) })
	d := c.Distribute(argument, &c.tallies[argument])
	table := NewRankTable(c.tallies[argument].Users)
	for start, end := 0, 0; start < len(people); start = end {
		for end = start + 1; end < len(people) && people[end].key == people[start].key; end++ {
		}
		d.Add(people[start].key, int64(end-start))
		table.Add(people[start].key, d.Above())
	}
	for _, size := range d.TopSizes() {
		last := people[len(people)-int(size)]
		d.Top(size, last.key, last.id)
	}
	d.End(table.Index())
}
