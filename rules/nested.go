package rules

import "github.com/apache/arrow/go/v17/arrow/array"

// takeRows is the vec of rows of an Arrow array: row places[i] in row i, nothing where places[i] is negative.
func (e *Evaluator) takeRows(in view, typ valueType, z *zone, places []int32) *vec {
	nd := &node{op: opElement, typ: typ, zone: z}
	n := len(places)
	lo, hi, some := int32(-1), int32(-1), false
	for _, place := range places {
		some = some || place < 0
		if place >= 0 && (lo < 0 || place < lo) {
			lo = place
		}
		hi = max(hi, place)
	}
	if lo < 0 {
		return e.unknown(typ.kind, n)
	}
	missing := e.arena.words.zeros(words(n))
	for i, place := range places {
		if place < 0 {
			setBit(missing, i)
		}
		places[i] = max(place-lo, 0)
	}
	out := e.gather(e.load(in.slice(int(lo), int(hi-lo)+1), nd), places)
	if some {
		have := e.knownBits(out)
		out.known = e.arena.words.get(len(have))
		for w := range have {
			out.known[w] = have[w] &^ missing[w]
		}
	}
	return out
}

// index is list[int]; a place that the list does not have is an error.
func (e *Evaluator) index(nd *node, f *frame) *vec {
	lists, at := e.eval(nd.args[0], f), e.eval(nd.args[1], f)
	known, fail := e.arena.strictOf(nd, lists, at)
	arr, ok := lists.nested.(array.ListLike)
	if !ok || at.kind == kindNull {
		out := e.unknown(nd.typ.kind, f.n)
		out.fail = fail
		return out
	}
	places := e.arena.small.get(f.n)
	failed := e.arena.words.zeros(words(f.n))
	state := e.arena.new(kindInt, f.n)
	state.known, state.fail = known, fail
	for i := range places {
		places[i] = -1
		if !state.knows(i) {
			continue
		}
		start, end := arr.ValueOffsets(lists.rowAt(i))
		if at.ints[i] < 0 || at.ints[i] >= end-start {
			setBit(failed, i)
			continue
		}
		places[i] = int32(start + at.ints[i])
	}
	e.arena.failing(state, failed)
	values := arr.ListValues()
	out := e.takeRows(view{values, 0, values.Len()}, nd.typ, nd.zone, places)
	out.known, out.fail = e.within(state, out)
	return out
}

// field is a field of a struct: unknown where the struct or the field is null.
func (e *Evaluator) field(nd *node, f *frame) *vec {
	structs := e.eval(nd.args[0], f)
	arr, ok := structs.nested.(*array.Struct)
	if !ok || int(nd.lit.Int) >= arr.NumField() {
		return e.nothing(nd.typ.kind, structs)
	}
	values := arr.Field(int(nd.lit.Int))
	var out *vec
	if structs.rows == nil {
		out = e.load(view{values, structs.base, f.n}, &node{op: opElement, typ: nd.typ, zone: nd.zone})
	} else {
		places := e.arena.small.get(f.n)
		copy(places, structs.rows)
		out = e.takeRows(view{values, 0, values.Len()}, nd.typ, nd.zone, places)
	}
	// The vec may be shared with nothing yet: load and takeRows make new ones.
	out.known, out.fail = e.within(structs, out)
	return out
}

// nothing is what is found in v where no row of it has a value: it is unknown, or an error where v is.
func (e *Evaluator) nothing(k kind, v *vec) *vec {
	out := e.unknown(k, v.n)
	out.fail = v.fail
	return out
}

// key is the value of a map under a constant key: unknown where the map is null or lacks the key. Of two equal keys the last
// counts.
func (e *Evaluator) key(nd *node, f *frame) *vec {
	maps := e.eval(nd.args[0], f)
	arr, ok := maps.nested.(*array.Map)
	if !ok {
		return e.nothing(nd.typ.kind, maps)
	}
	span := spanOf(maps, arr)
	is := e.keysEqual(view{arr.Keys(), span.from, span.n}, nd.lit.String)
	places := e.arena.small.get(f.n)
	for i := range places {
		places[i] = -1
		if !maps.knows(i) {
			continue
		}
		start, end := arr.ValueOffsets(maps.rowAt(i))
		for j := end - 1; j >= start; j-- {
			if hasBit(is, int(j)-span.from) {
				places[i] = int32(j)
				break
			}
		}
	}
	out := e.takeRows(view{arr.Items(), 0, arr.Items().Len()}, nd.typ, nd.zone, places)
	out.known, out.fail = e.within(maps, out)
	return out
}

// keysEqual marks the keys that are a text.
func (e *Evaluator) keysEqual(in view, key string) []uint64 {
	text := valueType{kind: kindString}
	lit := &node{op: opConst, typ: text, lit: literal{String: key}}
	found := e.compareConst(opEq, in, kindString, lit, false)
	if found == nil {
		found = e.compareVecs(equality, e.load(in, &node{op: opElement, typ: text}), e.constant(lit, in.n))
	}
	return e.arena.mask(found).value
}

// inMap answers whether a map has a key.
func (e *Evaluator) inMap(nd *node, f *frame) *vec {
	keys, maps := e.eval(nd.args[0], f), e.eval(nd.args[1], f)
	out := e.arena.new(kindBool, f.n)
	out.known, out.fail = e.arena.strictOf(nd, keys, maps)
	out.bits = e.arena.words.zeros(words(f.n))
	arr, ok := maps.nested.(*array.Map)
	if !ok || keys.kind == kindNull {
		return out
	}
	span := spanOf(maps, arr)
	have := e.load(view{arr.Keys(), span.from, span.n}, &node{op: opElement, typ: valueType{kind: kindString}})
	for i := range f.n {
		if !out.knows(i) {
			continue
		}
		start, end := arr.ValueOffsets(maps.rowAt(i))
		for j := start; j < end; j++ {
			if have.texts[int(j)-span.from] == keys.texts[i] {
				setBit(out.bits, i)
			}
		}
	}
	return out
}
