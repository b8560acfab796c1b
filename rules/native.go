package rules

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A native is a function of CEL's strings and math extensions, for one row of values. It writes to out and says whether there is
// a result; else the row is an error.
type native struct {
	run   func(out *vec, args []*vec, i int) bool
	fails func(kinds []kind) bool // whether some values have no result; nil: all have one
}

func anyKinds([]kind) bool { return true }

// natives are by the name that rules call them by; texts' functions are methods.
var natives = map[string]native{
	"charAt":      {charAt, anyKinds},
	"indexOf":     {indexOf, func(kinds []kind) bool { return len(kinds) > 2 }},
	"lastIndexOf": {lastIndexOf, func(kinds []kind) bool { return len(kinds) > 2 }},
	"substring":   {substring, anyKinds},
	"replace":     {replace, nil},
	"reverse":     {reverse, nil},

	"math.abs":   {abs, func(kinds []kind) bool { return kinds[0] == kindInt }},
	"math.sign":  {sign, nil},
	"math.ceil":  {rounding(math.Ceil), nil},
	"math.floor": {rounding(math.Floor), nil},
	"math.round": {rounding(math.Round), nil},
	"math.trunc": {rounding(math.Trunc), nil},
	"math.sqrt":  {squareRoot, nil},

	"math.isNaN":    {holding(math.IsNaN), nil},
	"math.isInf":    {holding(func(v float64) bool { return math.IsInf(v, 0) }), nil},
	"math.isFinite": {holding(func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }), nil},

	"math.greatest": {extreme(1), func(kinds []kind) bool { return kinds[0] == kindDouble }},
	"math.least":    {extreme(-1), func(kinds []kind) bool { return kinds[0] == kindDouble }},
}

// native answers an opNative row by row.
func (e *Evaluator) native(nd *node, f *frame) *vec {
	args := make([]*vec, len(nd.args))
	for i, arg := range nd.args {
		args[i] = e.eval(arg, f)
	}
	out := e.arena.new(nd.typ.kind, f.n)
	switch len(args) {
	case 1:
		out.known, out.fail = args[0].known, args[0].fail
	case 2:
		out.known, out.fail = e.arena.strictOf(nd, args[0], args[1])
	default:
		out.known, out.fail = e.arena.strictAll(args...)
	}
	e.blank(out)
	failed, run := e.arena.words.zeros(words(f.n)), natives[nd.name].run
	for i := range f.n {
		if out.knows(i) && !run(out, args, i) {
			setBit(failed, i)
		}
	}
	e.arena.failing(out, failed)
	return out
}

// isASCII says whether the bytes of texts are their characters.
func isASCII(texts ...string) bool {
	for _, text := range texts {
		for i := range len(text) {
			if text[i] >= utf8.RuneSelf {
				return false
			}
		}
	}
	return true
}

// cut is the characters from one place to another; false where the text does not reach that far.
func cut(text string, from, to int64) (string, bool) {
	if isASCII(text) {
		if from < 0 || to < from || to > int64(len(text)) {
			return "", false
		}
		return text[from:to], true
	}
	runes := []rune(text)
	if from < 0 || to < from || to > int64(len(runes)) {
		return "", false
	}
	return string(runes[from:to]), true
}

func lengthOf(text string) int64 { return int64(utf8.RuneCountInString(text)) }

// charAt is one character, and "" at the end.
func charAt(out *vec, args []*vec, i int) (ok bool) {
	text, at := args[0].texts[i], args[1].ints[i]
	if at == lengthOf(text) {
		out.texts[i] = ""
		return true
	}
	if at < 0 || at == math.MaxInt64 {
		return false
	}
	out.texts[i], ok = cut(text, at, at+1)
	return ok
}

func substring(out *vec, args []*vec, i int) (ok bool) {
	text, from := args[0].texts[i], args[1].ints[i]
	to := lengthOf(text)
	if len(args) > 2 {
		to = args[2].ints[i]
	}
	out.texts[i], ok = cut(text, from, to)
	return ok
}

// indexOf is where a part begins first, from a place on, or -1. The empty text is at that place, or at the end.
func indexOf(out *vec, args []*vec, i int) bool {
	text, part, from := args[0].texts[i], args[1].texts[i], int64(0)
	if len(args) > 2 {
		from = args[2].ints[i]
	}
	length := lengthOf(text)
	switch {
	case from < 0:
		return false
	case part == "":
		out.ints[i] = min(from, length)
	case from >= length:
		out.ints[i] = -1
	default:
		out.ints[i] = int64(search(text, part, int(from), true))
	}
	return true
}

// lastIndexOf is where a part begins last, up to a place, or -1.
func lastIndexOf(out *vec, args []*vec, i int) bool {
	text, part := args[0].texts[i], args[1].texts[i]
	length := lengthOf(text)
	to := length
	if len(args) > 2 {
		to = args[2].ints[i]
	}
	switch {
	case to < 0:
		return false
	case part == "":
		out.ints[i] = min(to, length)
	case to >= length && len(args) > 2:
		out.ints[i] = -1
	default:
		out.ints[i] = int64(search(text, part, int(min(to, length)), false))
	}
	return true
}

// search is the place of the first (or last) occurrence of a part that begins at a place or after (or before) it, in characters.
func search(text, part string, place int, first bool) int {
	if isASCII(text, part) {
		if !first {
			return strings.LastIndex(text[:min(place+len(part), len(text))], part)
		}
		if at := strings.Index(text[place:], part); at >= 0 {
			return place + at
		}
		return -1
	}
	in, of := []rune(text), []rune(part)
	step := 1
	if !first {
		place, step = min(place, len(in)-len(of)), -1
	}
	for ; place >= 0 && place+len(of) <= len(in); place += step {
		if slices.Equal(in[place:place+len(of)], of) {
			return place
		}
	}
	return -1
}

func replace(out *vec, args []*vec, i int) bool {
	times := -1
	if len(args) > 3 {
		times = int(args[3].ints[i])
	}
	out.texts[i] = strings.Replace(args[0].texts[i], args[1].texts[i], args[2].texts[i], times)
	return true
}

func reverse(out *vec, args []*vec, i int) bool {
	runes := []rune(args[0].texts[i])
	slices.Reverse(runes)
	out.texts[i] = string(runes)
	return true
}

func abs(out *vec, args []*vec, i int) bool {
	switch out.kind {
	case kindInt:
		v := args[0].ints[i]
		out.ints[i] = max(v, -v)
		return v != math.MinInt64
	case kindUint:
		out.uints[i] = args[0].uints[i]
	default:
		out.floats[i] = math.Abs(args[0].floats[i])
	}
	return true
}

// sign is -1, 0 or 1, and NaN of NaN.
func sign(out *vec, args []*vec, i int) bool {
	switch out.kind {
	case kindInt:
		out.ints[i] = min(max(args[0].ints[i], -1), 1)
	case kindUint:
		out.uints[i] = min(args[0].uints[i], 1)
	default:
		switch v := args[0].floats[i]; {
		case v > 0:
			out.floats[i] = 1
		case v < 0:
			out.floats[i] = -1
		default:
			out.floats[i] = math.Abs(v)
		}
	}
	return true
}

func rounding(round func(v float64) float64) func(out *vec, args []*vec, i int) bool {
	return func(out *vec, args []*vec, i int) bool {
		out.floats[i] = round(args[0].floats[i])
		return true
	}
}

func squareRoot(out *vec, args []*vec, i int) bool {
	switch of := args[0]; of.kind {
	case kindInt:
		out.floats[i] = math.Sqrt(float64(of.ints[i]))
	case kindUint:
		out.floats[i] = math.Sqrt(float64(of.uints[i]))
	default:
		out.floats[i] = math.Sqrt(of.floats[i])
	}
	return true
}

func holding(holds func(v float64) bool) func(out *vec, args []*vec, i int) bool {
	return func(out *vec, args []*vec, i int) bool {
		if out.bits[i>>6] &^= 1 << (i & 63); holds(args[0].floats[i]) {
			setBit(out.bits, i)
		}
		return true
	}
}

// extreme is the largest argument, or the smallest (sign -1), the first of equal ones. Among doubles NaN is an error.
func extreme(sign int) func(out *vec, args []*vec, i int) bool {
	return func(out *vec, args []*vec, i int) bool {
		best := args[0]
		for _, arg := range args[1:] {
			order, ordered := orderOf(arg, best, i)
			if !ordered {
				return false
			}
			if order*sign > 0 {
				best = arg
			}
		}
		switch out.kind {
		case kindInt:
			out.ints[i] = best.ints[i]
		case kindUint:
			out.uints[i] = best.uints[i]
		default:
			out.floats[i] = best.floats[i]
		}
		return true
	}
}

// orderOf compares a row of two vecs of numbers of one kind; false for NaN.
func orderOf(a, b *vec, i int) (order int, ordered bool) {
	switch a.kind {
	case kindInt:
		return int(bit(a.ints[i] > b.ints[i])) - int(bit(a.ints[i] < b.ints[i])), true
	case kindUint:
		return int(bit(a.uints[i] > b.uints[i])) - int(bit(a.uints[i] < b.uints[i])), true
	}
	x, y := a.floats[i], b.floats[i]
	return int(bit(x > y)) - int(bit(x < y)), x == x && y == y
}

// split answers opSplit: a list of texts for each row, in an array of its own.
func (e *Evaluator) split(nd *node, f *frame) *vec {
	args := make([]*vec, len(nd.args))
	for i, arg := range nd.args {
		args[i] = e.eval(arg, f)
	}
	out := e.arena.new(kindList, f.n)
	if len(args) == 2 {
		out.known, out.fail = e.arena.strictOf(nd, args[0], args[1])
	} else {
		out.known, out.fail = e.arena.strictAll(args...)
	}
	parts := newSplitTexts(f.n)
	for i := range f.n {
		if out.knows(i) {
			text, between := args[0].texts[i], args[1].texts[i]
			if len(args) > 2 {
				parts.add(strings.SplitN(text, between, int(args[2].ints[i]))...)
			} else {
				parts.split(text, between)
			}
		}
		parts.end()
	}
	out.nested = parts.array()
	return out
}

// splitTexts collects lists of texts in the buffers of an Arrow array, which the garbage collector takes back.
type splitTexts struct {
	starts  []int32 // where the lists start among the texts, and the end
	offsets []int32 // where the texts start in data, and the end
	data    []byte
}

func newSplitTexts(n int) *splitTexts {
	return &splitTexts{starts: append(make([]int32, 0, n+1), 0), offsets: append(make([]int32, 0, 2*n+1), 0), data: make([]byte, 0, 16*n)}
}

// add adds texts to the list at hand.
func (l *splitTexts) add(texts ...string) {
	for _, text := range texts {
		l.data = append(l.data, text...)
		l.offsets = append(l.offsets, int32(len(l.data)))
	}
}

// split adds the parts of a text, as strings.Split cuts it.
func (l *splitTexts) split(text, between string) {
	if between == "" {
		l.add(strings.Split(text, between)...)
		return
	}
	for {
		at := strings.Index(text, between)
		if at < 0 {
			break
		}
		l.data = append(l.data, text[:at]...)
		l.offsets = append(l.offsets, int32(len(l.data)))
		text = text[at+len(between):]
	}
	l.add(text)
}

// end begins the next list.
func (l *splitTexts) end() { l.starts = append(l.starts, int32(len(l.offsets)-1)) }

func (l *splitTexts) array() arrow.Array {
	bytesOf := func(values []int32) *memory.Buffer {
		return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(values))
	}
	texts := array.NewData(arrow.BinaryTypes.String, len(l.offsets)-1, []*memory.Buffer{nil, bytesOf(l.offsets), memory.NewBufferBytes(l.data)}, nil, 0, 0)
	lists := array.NewData(arrow.ListOf(arrow.BinaryTypes.String), len(l.starts)-1, []*memory.Buffer{nil, bytesOf(l.starts)}, []arrow.ArrayData{texts}, 0, 0)
	return array.NewListData(lists)
}

// join answers opJoin: the texts of each list as one. A null among them is an error.
func (e *Evaluator) join(nd *node, f *frame) *vec {
	lists := e.eval(nd.args[0], f)
	out := e.arena.new(kindString, f.n)
	out.known, out.fail, out.texts = lists.known, lists.fail, e.arena.texts.get(f.n)
	between := e.constant(&node{typ: nd.typ}, f.n)
	if len(nd.args) > 1 {
		between = e.eval(nd.args[1], f)
		out.known, out.fail = e.arena.strictOf(nd, lists, between)
	}
	inner, starts, ok := e.flatten(lists, maxDepth, f)
	if !ok {
		return out
	}
	parts := e.loadElements(inner, e.elementOf(nd.args[0]))
	failed := e.arena.words.zeros(words(f.n))
	var b strings.Builder
	for i := range f.n {
		if !out.knows(i) {
			continue
		}
		b.Reset()
		for j := starts[i]; j < starts[i+1]; j++ {
			if j > starts[i] {
				b.WriteString(between.texts[i])
			}
			b.WriteString(parts.texts[j])
			if !parts.knows(int(j)) {
				setBit(failed, i)
			}
		}
		out.texts[i] = b.String()
	}
	e.arena.failing(out, failed)
	return out
}

// lowerNative lowers a call of a native function.
func lowerNative(name string) func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
	return func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
		return l.add(node{op: opNative, name: name, typ: typ, args: args}), typ.scalar() && typ.kind != kindNull
	}
}

// lowerExtreme lowers math.greatest and math.least of numbers of one kind: one, two, or a list of more.
func (l *lowerer) lowerExtreme(name string, e ast.Expr, args []ast.Expr) (nodeID, bool) {
	if args[0].Kind() == ast.ListKind && args[0].AsList().Size() > 2 {
		args = args[0].AsList().Elements()
	}
	lowered, ok := l.lowerAll(args...)
	typ, scalar := scalarType(l.tree.GetType(e.ID()))
	for _, arg := range lowered {
		ok = ok && l.kind(arg) == typ.kind
	}
	if !ok || !scalar || typ.kind == kindNull {
		return 0, false
	}
	return l.add(node{op: opNative, name: name, typ: typ, args: lowered}), true
}

// lowerSplit lowers text.split(separator).
func (l *lowerer) lowerSplit(_ ast.Expr, args []ast.Expr) (nodeID, bool) {
	lowered, ok := l.lowerAll(args...)
	for _, arg := range lowered {
		ok = ok && l.kind(arg) != kindNull
	}
	return l.add(node{op: opSplit, typ: valueType{kind: kindList, elem: &valueType{kind: kindString}}, args: lowered}), ok
}

// lowerJoin lowers list.join() and list.join(separator) of a stored list of texts, or of one that was split.
func (l *lowerer) lowerJoin(typ valueType, args []nodeID) (nodeID, bool) {
	of := l.nodes[args[0]].typ
	if of.kind != kindList || of.elem.kind != kindString {
		return 0, false
	}
	return l.add(node{op: opJoin, typ: typ, args: args}), true
}
