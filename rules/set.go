package rules

import (
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"
)

// A lookup answers whether a value is one of a set: what `in` with constants, or a list file, is compiled to. It does not
// change; many goroutines use it.
type lookup struct {
	ints     intSet
	texts    textSet
	doubles  map[float64]bool
	uints    map[uint64]bool
	instants map[instant]bool
	bools    [2]bool
}

// An instant is a timestamp as a vec holds it.
type instant struct {
	seconds int64
	nanos   int32
}

// newLookup makes a lookup of constants.
func newLookup(values []literal, k kind) *lookup {
	l := &lookup{}
	switch k {
	case kindInt, kindDate, kindDuration:
		l.ints = newIntSet(len(values))
		for _, v := range values {
			l.ints.add(v.Int)
		}
	case kindString, kindBytes:
		l.texts = newTextSet(len(values))
		for _, v := range values {
			l.texts.add(v.String)
		}
	case kindDouble:
		l.doubles = map[float64]bool{}
		for _, v := range values {
			l.doubles[v.Double] = true
		}
	case kindUint:
		l.uints = map[uint64]bool{}
		for _, v := range values {
			l.uints[v.Uint] = true
		}
	case kindTimestamp:
		l.instants = map[instant]bool{}
		for _, v := range values {
			l.instants[instant{v.Sec, v.Nanos}] = true
		}
	case kindBool:
		for _, v := range values {
			l.bools[bit(v.Bool)] = true
		}
	}
	return l
}

// prepare makes once what the kernel of a node wants.
func prepare(x *executable, id nodeID) any {
	nd := &x.nodes[id]
	switch nd.op {
	case opInSet, opInFile:
		k := x.nodes[nd.args[0]].typ.kind
		return newLookup(nd.set.constants(k), k)
	case opNullText:
		return newLookup(nd.set.constants(kindString), kindString)
	case opMatches, opLike:
		if x.asWritten {
			return (*machine)(nil)
		}
		return newMachine(nd.regex)
	case opHashSplit:
		return newSplit(nd.lit.Double)
	}
	return nil
}

// nullText is a string, but null where it is one of the node's set.
func (e *Evaluator) nullText(id nodeID, f *frame) *vec {
	a, set := e.eval(e.nodes[id].args[0], f), e.prepared[id].(*lookup)
	if a.kind == kindNull {
		return a
	}
	out := e.arena.new(kindString, f.n)
	out.texts, out.fail, out.known = a.texts, a.fail, e.arena.words.get(words(f.n))
	setWhere(out.known, f.n, func(i int) bool { return a.knows(i) && !set.texts.has(a.texts[i]) })
	return out
}

// inSet answers whether each value is in the node's set.
func (e *Evaluator) inSet(id nodeID, f *frame) *vec {
	nd := &e.nodes[id]
	arg, set := e.eval(nd.args[0], f), e.prepared[id].(*lookup)
	out := e.arena.new(kindBool, f.n)
	out.known, out.fail = arg.known, arg.fail
	out.bits = e.arena.words.get(words(f.n))
	switch arg.kind {
	case kindInt, kindDate, kindDuration:
		set.ints.test(out.bits, arg.ints, &e.arena)
	case kindString, kindBytes:
		setWhere(out.bits, f.n, func(i int) bool { return arg.knows(i) && set.texts.has(arg.texts[i]) })
	case kindDouble:
		setWhere(out.bits, f.n, func(i int) bool { return set.doubles[arg.floats[i]] })
	case kindUint:
		setWhere(out.bits, f.n, func(i int) bool { return set.uints[arg.uints[i]] })
	case kindTimestamp:
		setWhere(out.bits, f.n, func(i int) bool { return set.instants[instant{arg.ints[i], arg.nanosAt(i)}] })
	case kindBool:
		setWhere(out.bits, f.n, func(i int) bool { return set.bools[bit(hasBit(arg.bits, i))] })
	default:
		clear(out.bits)
	}
	return out
}

// An intSet is a set of integers: open addressing, at most half full; small ones are compared one by one.
type intSet struct {
	values []int64
	slots  []int64
	filled []uint64
	shift  uint
}

// fewInts is the number of constants up to which comparing with each is faster than probing.
const fewInts = 6

func newIntSet(n int) intSet {
	size := max(bits.Len(uint(2*n)), 4)
	return intSet{slots: make([]int64, 1<<size), filled: make([]uint64, words(1<<size)), shift: uint(64 - size)}
}

func (s *intSet) slot(v int64) int {
	mask := len(s.slots) - 1
	at := int(uint64(v) * 0x9e3779b97f4a7c15 >> s.shift)
	for hasBit(s.filled, at) && s.slots[at] != v {
		at = (at + 1) & mask
	}
	return at
}

func (s *intSet) add(v int64) {
	if at := s.slot(v); !hasBit(s.filled, at) {
		setBit(s.filled, at)
		s.slots[at] = v
		s.values = append(s.values, v)
	}
}

func (s *intSet) has(v int64) bool { return hasBit(s.filled, s.slot(v)) }

// test sets the bits of the values that are in the set.
func (s *intSet) test(out []uint64, values []int64, a *arena) {
	if len(s.values) > fewInts {
		setWhere(out, len(values), func(i int) bool { return s.has(values[i]) })
		return
	}
	clear(out)
	one := a.words.get(len(out))
	for _, v := range s.values {
		equalInts(one, values, v)
		orWords(out, out, one)
	}
}

// A textSet is a set of strings: open addressing over 32 bits of hash, at most half full.
type textSet struct {
	values []string
	slots  []textSlot
	mask   uint64
}

type textSlot struct {
	hash  uint32
	place uint32 // in values, plus 1; 0 is empty
}

func newTextSet(n int) textSet {
	size := 1 << max(bits.Len(uint(2*n)), 4)
	return textSet{slots: make([]textSlot, size), mask: uint64(size - 1)}
}

func (s *textSet) slot(text string) (at uint64, hash uint32) {
	full := xxh3.HashString(text)
	hash = uint32(full >> 32)
	for at = full & s.mask; s.slots[at].place != 0; at = (at + 1) & s.mask {
		if s.slots[at].hash == hash && s.values[s.slots[at].place-1] == text {
			break
		}
	}
	return at, hash
}

func (s *textSet) add(text string) {
	if at, hash := s.slot(text); s.slots[at].place == 0 {
		s.values = append(s.values, text)
		s.slots[at] = textSlot{hash, uint32(len(s.values))}
	}
}

func (s *textSet) has(text string) bool {
	at, _ := s.slot(text)
	return s.slots[at].place != 0
}

// A split is opHashSplit made ready: a key is in when its hash is below the threshold.
type split struct {
	below uint64
	all   bool
}

func newSplit(fraction float64) *split {
	s := &split{all: fraction >= 1}
	if fraction > 0 && fraction < 1 {
		s.below = uint64(math.Ceil(fraction * (1 << 64))) // a fraction below 1 leaves room for 2^11 hashes above
	}
	return s
}

// hashed answers opHashSplit and opBucket: the hash of salt, a zero byte and the key, as a fraction of 2^64.
func (e *Evaluator) hashed(id nodeID, f *frame) *vec {
	nd := &e.nodes[id]
	key := e.eval(nd.args[0], f)
	out := e.arena.new(nd.typ.kind, f.n)
	out.known, out.fail = key.known, key.fail
	buffer := append([]byte(nd.lit.String), 0)
	prefix := len(buffer)
	hash := func(i int) uint64 {
		buffer = append(buffer[:prefix], key.texts[i]...)
		return xxh3.Hash(buffer)
	}
	e.blank(out)
	if key.kind == kindNull {
		return out
	}
	if nd.op == opBucket {
		for i := range out.ints {
			if key.knows(i) {
				high, _ := bits.Mul64(hash(i), uint64(nd.lit.Int))
				out.ints[i] = int64(high)
			}
		}
		return out
	}
	s := e.prepared[id].(*split)
	setWhere(out.bits, f.n, func(i int) bool { return key.knows(i) && (s.all || hash(i) < s.below) })
	return out
}
