package rules

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// textTest answers the predicates over strings. Over a dictionary they never come here for rows, only for entries.
func (e *Evaluator) textTest(id nodeID, f *frame) *vec {
	nd := &e.nodes[id]
	if nd.op == opMatches || nd.op == opLike {
		return e.patternTest(id, f)
	}
	var holds func(text, part string) bool
	switch nd.op {
	case opStartsWith:
		holds = strings.HasPrefix
	case opEndsWith:
		holds = strings.HasSuffix
	case opContains:
		holds = strings.Contains
	default:
		holds = strings.EqualFold
	}
	if lit := &e.nodes[nd.args[1]]; lit.op == opConst && lit.typ.kind == kindString {
		if in, ok := e.raw(nd.args[0], f); ok {
			if out := e.partTest(nd.op, in, lit.lit.String); out != nil {
				return out
			}
		}
	}
	a, b := e.eval(nd.args[0], f), e.eval(nd.args[1], f)
	out := e.arena.new(kindBool, f.n)
	out.known, out.fail = e.arena.strictOf(nd, a, b)
	out.bits = e.arena.words.get(words(f.n))
	if a.kind == kindNull || b.kind == kindNull {
		clear(out.bits)
		return out
	}
	setWhere(out.bits, f.n, func(i int) bool { return out.knows(i) && holds(a.texts[i], b.texts[i]) })
	return out
}

// partTest looks for a constant at the start or the end of texts where they lie; nil where there is no kernel for that.
func (e *Evaluator) partTest(op opcode, in view, part string) *vec {
	arr, plain := in.arr.(*array.String)
	if !plain || in.n == 0 || op != opStartsWith && op != opEndsWith {
		return nil
	}
	out := e.arena.new(kindBool, in.n)
	out.bits = e.arena.words.get(words(in.n))
	find(newWanted(op, part), out.bits, arr.ValueOffsets()[in.from:in.from+in.n+1], valueBytes(arr))
	if out.known = e.knownOf(in); out.known != nil {
		andWords(out.bits, out.bits, out.known)
	}
	return out
}

// patternTest runs a regular expression over the rows that have a value.
func (e *Evaluator) patternTest(id nodeID, f *frame) *vec {
	nd := &e.nodes[id]
	a, quick := e.eval(nd.args[0], f), e.prepared[id].(*machine)
	out := e.arena.new(kindBool, f.n)
	out.known, out.fail = a.known, a.fail
	out.bits = e.arena.words.zeros(words(f.n))
	if a.kind == kindNull {
		return out
	}
	setWhere(out.bits, f.n, func(i int) bool {
		if quick != nil && a.knows(i) {
			if is, sure := quick.matches(a.texts[i]); sure {
				return is
			}
		}
		return a.knows(i) && nd.regex.MatchString(a.texts[i])
	})
	return out
}

// textChange makes new strings.
func (e *Evaluator) textChange(nd *node, f *frame) *vec {
	a := e.eval(nd.args[0], f)
	change := strings.TrimSpace
	switch nd.op {
	case opLower:
		change = lowerASCII
	case opUpper:
		change = upperASCII
	}
	out := e.arena.new(kindString, f.n)
	out.known, out.fail, out.texts = a.known, a.fail, e.arena.texts.get(f.n)
	if a.kind == kindNull {
		return out
	}
	for i, text := range a.texts {
		if a.knows(i) {
			out.texts[i] = change(text)
		}
	}
	return out
}

// lowerASCII changes the 26 capitals and nothing else, as CEL's lowerAscii.
func lowerASCII(text string) string { return changeLetters(text, 'A', 'Z') }

// upperASCII is the inverse of lowerASCII.
func upperASCII(text string) string { return changeLetters(text, 'a', 'z') }

func changeLetters(text string, from, to byte) string {
	for i := range len(text) {
		if from <= text[i] && text[i] <= to {
			changed := []byte(text)
			for ; i < len(changed); i++ {
				if from <= changed[i] && changed[i] <= to {
					changed[i] ^= 0x20
				}
			}
			return string(changed)
		}
	}
	return text
}

// size counts the code points of a string, the bytes of bytes, the elements of a list or the keys of a map.
func (e *Evaluator) size(nd *node, f *frame) *vec {
	a := e.eval(nd.args[0], f)
	out := e.arena.new(kindInt, f.n)
	out.known, out.fail, out.ints = a.known, a.fail, e.arena.ints.get(f.n)
	lists, _ := a.nested.(array.ListLike)
	if maps, ok := lists.(*array.Map); ok {
		e.countKeys(out.ints, a, maps)
		return out
	}
	for i := range out.ints {
		switch {
		case !a.knows(i):
		case a.kind == kindString:
			out.ints[i] = int64(utf8.RuneCountInString(a.texts[i]))
		case a.kind == kindBytes:
			out.ints[i] = int64(len(a.texts[i]))
		case lists != nil:
			start, end := lists.ValueOffsets(a.rowAt(i))
			out.ints[i] = end - start
		}
	}
	return out
}

// countKeys counts the different keys of each map: of entries with equal keys only the last counts.
func (e *Evaluator) countKeys(out []int64, a *vec, maps *array.Map) {
	span := spanOf(a, maps)
	keys := e.load(view{maps.Keys(), span.from, span.n}, &node{op: opElement, typ: valueType{kind: kindString}})
	for i := range out {
		if out[i] = 0; !a.knows(i) {
			continue
		}
		start, end := maps.ValueOffsets(a.rowAt(i))
		out[i] = distinct(keys.texts[int(start)-span.from : int(end)-span.from])
	}
}

// distinct counts the different texts among a few, or among many.
func distinct(texts []string) int64 {
	if len(texts) > 32 {
		seen := make(map[string]struct{}, len(texts))
		for _, text := range texts {
			seen[text] = struct{}{}
		}
		return int64(len(seen))
	}
	count := int64(0)
	for i, text := range texts {
		if !slices.Contains(texts[:i], text) {
			count++
		}
	}
	return count
}
