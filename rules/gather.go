package rules

// unknown is a vec that has no value in any row.
func (e *Evaluator) unknown(k kind, n int) *vec {
	out := e.arena.new(k, n)
	out.known = e.arena.words.zeros(words(n))
	e.blank(out)
	return out
}

// blank gives a vec data that holds anything.
func (e *Evaluator) blank(v *vec) {
	switch v.kind {
	case kindBool:
		v.bits = e.arena.words.zeros(words(v.n))
	case kindInt, kindDate, kindDuration:
		v.ints = e.arena.ints.get(v.n)
	case kindTimestamp:
		v.ints, v.nanos = e.arena.ints.get(v.n), e.arena.small.get(v.n)
	case kindUint:
		v.uints = e.arena.words.get(v.n)
	case kindDouble:
		v.floats = e.arena.floats.get(v.n)
	case kindString, kindBytes:
		v.texts = e.arena.texts.get(v.n)
	case kindList, kindMap, kindStruct:
		v.rows = e.arena.small.zeros(v.n)
	}
}

// constant is one value in every row.
func (e *Evaluator) constant(nd *node, n int) *vec {
	k := nd.typ.kind
	if k == kindNull {
		return e.unknown(k, n)
	}
	out := e.arena.new(k, n)
	e.blank(out)
	switch k {
	case kindBool:
		if nd.lit.Bool {
			out.bits = e.arena.ones(n)
		}
	case kindInt, kindDate, kindDuration:
		fill(out.ints, nd.lit.Int)
	case kindTimestamp:
		fill(out.ints, nd.lit.Sec)
		fill(out.nanos, nd.lit.Nanos)
	case kindUint:
		fill(out.uints, nd.lit.Uint)
	case kindDouble:
		fill(out.floats, nd.lit.Double)
	case kindString, kindBytes:
		fill(out.texts, nd.lit.String)
	default:
		e.fault("a constant of kind %d: a bug in the rules package", k)
		return e.unknown(k, n)
	}
	return out
}

func fill[T any](out []T, value T) {
	for i := range out {
		out[i] = value
	}
}

// gather is row rows[i] of v in every row i: a broadcast, a look-up by dictionary code, or the elements at some places.
func (e *Evaluator) gather(v *vec, rows []int32) *vec {
	n := len(rows)
	out := e.arena.new(v.kind, n)
	out.known, out.fail = e.gatherBits(v.known, rows), e.gatherBits(v.fail, rows)
	switch v.kind {
	case kindBool:
		out.bits = e.gatherBits(v.bits, rows)
	case kindInt, kindDate, kindDuration:
		out.ints = pick(e.arena.ints.get(n), v.ints, rows)
	case kindTimestamp:
		out.ints = pick(e.arena.ints.get(n), v.ints, rows)
		if v.nanos != nil {
			out.nanos = pick(e.arena.small.get(n), v.nanos, rows)
		}
	case kindUint:
		out.uints = pick(e.arena.words.get(n), v.uints, rows)
	case kindDouble:
		out.floats = pick(e.arena.floats.get(n), v.floats, rows)
	case kindString, kindBytes:
		out.texts = pick(e.arena.texts.get(n), v.texts, rows)
	case kindList, kindMap, kindStruct:
		out.nested, out.rows = v.nested, e.arena.small.get(n)
		for i, row := range rows {
			out.rows[i] = int32(v.rowAt(int(row)))
		}
	}
	return out
}

func pick[T any](out, values []T, rows []int32) []T {
	for i, row := range rows {
		out[i] = values[row]
	}
	return out
}

// gatherBits is gather for a bitmap; nil stays nil.
func (e *Evaluator) gatherBits(bitmap []uint64, rows []int32) []uint64 {
	if bitmap == nil {
		return nil
	}
	out := e.arena.words.get(words(len(rows)))
	for w := range out {
		var word uint64
		for i, row := range rows[w*64 : min(w*64+64, len(rows))] {
			word |= (bitmap[row>>6] >> (row & 63) & 1) << i
		}
		out[w] = word
	}
	return out
}

// selectRows is a in the rows of first and b in the others, in state and in value. One of them may be the null constant.
func (e *Evaluator) selectRows(k kind, first []uint64, a, b *vec) *vec {
	n := a.n
	out := e.arena.new(k, n)
	out.known = e.mix(first, e.knownBits(a), e.knownBits(b))
	if a.fail != nil || b.fail != nil {
		out.fail = e.mix(first, e.failBits(a), e.failBits(b))
	}
	if a.kind == kindNull {
		a = e.unknown(k, n)
	}
	if b.kind == kindNull {
		b = e.unknown(k, n)
	}
	switch k {
	case kindBool:
		out.bits = e.mix(first, a.bits, b.bits)
	case kindInt, kindDate, kindDuration:
		out.ints = merge(e.arena.ints.get(n), first, a.ints, b.ints)
	case kindTimestamp:
		out.ints = merge(e.arena.ints.get(n), first, a.ints, b.ints)
		out.nanos = merge(e.arena.small.get(n), first, e.nanosOf(a), e.nanosOf(b))
	case kindUint:
		out.uints = merge(e.arena.words.get(n), first, a.uints, b.uints)
	case kindDouble:
		out.floats = merge(e.arena.floats.get(n), first, a.floats, b.floats)
	case kindString, kindBytes:
		out.texts = merge(e.arena.texts.get(n), first, a.texts, b.texts)
	case kindList, kindMap, kindStruct:
		e.fault("a choice between lists, maps or structs has no kernel: a bug in the rules package")
	}
	return out
}

func (e *Evaluator) mix(first, a, b []uint64) []uint64 {
	out := e.arena.words.get(len(first))
	for w, word := range first {
		out[w] = a[w]&word | b[w]&^word
	}
	return out
}

func merge[T any](out []T, first []uint64, a, b []T) []T {
	for i := range out {
		if hasBit(first, i) {
			out[i] = a[i]
		} else {
			out[i] = b[i]
		}
	}
	return out
}

func (e *Evaluator) knownBits(v *vec) []uint64 {
	if v.known != nil {
		return v.known
	}
	return e.arena.ones(v.n)
}

func (e *Evaluator) failBits(v *vec) []uint64 {
	if v.fail != nil {
		return v.fail
	}
	return e.arena.words.zeros(words(v.n))
}

func (e *Evaluator) nanosOf(v *vec) []int32 {
	if v.nanos != nil {
		return v.nanos
	}
	return e.arena.small.zeros(v.n)
}
