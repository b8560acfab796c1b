package rules

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/tables"
)

var paris = func() *zone {
	location, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return &zone{location: location}
}()

// A grower grows random graphs over the columns of a sampler.
type grower struct {
	*sampler
	graphBuilder
	columns map[string]valueType
	inside  []valueType // the elements of the comprehensions around, by depth
}

func (g *grower) pick(n int) int { return g.rng.IntN(n) }

// sources lists the columns and elements of a kind.
func (g *grower) sources(k kind) (out []nodeID) {
	for _, name := range sortedNames(g.columns) {
		typ := g.columns[name]
		if typ.kind != k && typ.kind != kindNull {
			continue
		}
		nd := node{op: opColumn, typ: typ, name: name}
		nd.zone = g.storedZone(typ)
		if typ.kind == kindNull && k >= kindList {
			continue
		}
		out = append(out, g.add(nd))
	}
	for depth, typ := range g.inside {
		if typ.kind == k {
			out = append(out, g.add(node{op: opElement, typ: typ, depth: depth, zone: g.storedZone(typ)}))
		}
	}
	return out
}

// storedZone is where instants without a zone were read.
func (g *grower) storedZone(typ valueType) *zone {
	if typ.hasLocal() {
		return paris
	}
	return nil
}

func sortedNames[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (g *grower) leaf(k kind) nodeID {
	if from := g.sources(k); len(from) > 0 && g.pick(5) > 0 {
		return one(g.sampler, from)
	}
	return g.constant(k)
}

func (g *grower) constant(k kind) nodeID {
	switch k {
	case kindBool:
		return g.lit(k, literal{Bool: g.pick(2) == 0})
	case kindDouble:
		return g.double(one(g.sampler, someFloats))
	case kindString, kindBytes:
		return g.lit(k, literal{String: one(g.sampler, someTexts)})
	case kindUint:
		return g.lit(k, literal{Uint: uint64(one(g.sampler, someInts))})
	case kindTimestamp:
		return g.lit(k, literal{Sec: one(g.sampler, someSeconds), Nanos: int32(g.pick(3)) * 1001})
	case kindDate:
		return g.lit(k, literal{Int: floorDiv(one(g.sampler, someSeconds), 86400)})
	}
	return g.lit(k, literal{Int: one(g.sampler, someInts)})
}

// node adds an operation with a zone half of the time.
func (g *grower) zoned(op opcode, k kind, args ...nodeID) nodeID {
	nd := node{op: op, typ: scalarKind(k), args: args}
	if g.pick(2) == 0 {
		nd.zone = paris
	}
	return g.add(nd)
}

func (g *grower) value(k kind, depth int) nodeID {
	if depth <= 0 {
		return g.leaf(k)
	}
	switch g.pick(8) {
	case 0:
		return g.leaf(k)
	case 1:
		return g.op(opCoalesce, k, g.value(k, depth-1), g.value(k, depth-1))
	case 2:
		return g.op(opCond, k, g.bool(depth-1), g.value(k, depth-1), g.value(k, depth-1))
	case 3:
		if id, ok := g.nested(k, depth); ok {
			return id
		}
	case 4:
		if id, ok := g.aggregate(k, depth); ok {
			return id
		}
	}
	deeper := func(k kind) nodeID { return g.value(k, depth-1) }
	switch k {
	case kindBool:
		return g.bool(depth)
	case kindInt:
		switch g.pick(10) {
		case 7:
			args := []nodeID{deeper(kindString), g.leaf(kindString), g.int(int64(g.pick(6) - 1))}
			return g.native(one(g.sampler, []string{"indexOf", "lastIndexOf"}), k, args[:2+g.pick(2)]...)
		case 8:
			return g.nativeNumber(k, deeper)
		case 6:
			return g.op(opToInt, k, deeper(kindDuration))
		case 0:
			return g.op(one(g.sampler, []opcode{opAdd, opSub, opMul, opDiv, opMod}), k, deeper(k), deeper(k))
		case 1:
			return g.op(opNeg, k, deeper(k))
		case 2:
			return g.op(opToInt, k, deeper(one(g.sampler, []kind{kindString, kindDouble, kindUint, kindTimestamp})))
		case 3:
			return g.op(opSize, k, deeper(one(g.sampler, []kind{kindString, kindBytes})))
		case 4:
			return g.zoned(one(g.sampler, []opcode{opYear, opMonth, opDay, opWeekday, opYearDay, opHour, opMinute, opSecond, opMillisecond}), k, deeper(kindTimestamp))
		case 5:
			return g.op(one(g.sampler, []opcode{opYear, opMonth, opDay, opWeekday, opYearDay}), k, deeper(kindDate))
		}
		return g.op(one(g.sampler, []opcode{opDaysBetween, opAgeYears}), k, deeper(kindDate), deeper(kindDate))
	case kindUint:
		if g.pick(6) == 0 {
			return g.nativeNumber(k, deeper)
		}
		if g.pick(2) == 0 {
			return g.op(opToUint, k, deeper(one(g.sampler, []kind{kindString, kindInt, kindDouble})))
		}
		return g.op(one(g.sampler, []opcode{opAdd, opSub, opMul, opDiv, opMod}), k, deeper(k), deeper(k))
	case kindDouble:
		switch g.pick(8) {
		case 0:
			return g.nativeNumber(k, deeper)
		case 1:
			return g.native(one(g.sampler, []string{"math.ceil", "math.floor", "math.round", "math.trunc"}), k, deeper(k))
		case 2:
			return g.native("math.sqrt", k, deeper(one(g.sampler, []kind{kindInt, kindUint, kindDouble})))
		}
		if g.pick(2) == 0 {
			return g.op(opToDouble, k, deeper(one(g.sampler, []kind{kindString, kindInt, kindUint})))
		}
		if g.pick(4) == 0 {
			return g.op(opNeg, k, deeper(k))
		}
		return g.op(one(g.sampler, []opcode{opAdd, opSub, opMul, opDiv}), k, deeper(k), deeper(k))
	case kindString:
		switch g.pick(8) {
		case 6:
			return g.nativeText(deeper)
		case 7:
			return g.op(opIndex, k, g.add(node{op: opSplit, typ: valueType{kind: kindList, elem: &valueType{kind: kindString}}, args: []nodeID{deeper(k), g.leaf(k)}}), g.int(int64(g.pick(3))))
		case 5:
			variants := []literal{{String: "a", Double: 1}, {String: "b", Double: .5}, {String: "c", Double: 30}}[:1+g.pick(3)]
			return g.add(node{op: opVariant, typ: scalarKind(k), args: []nodeID{deeper(k)}, lit: literal{String: "s"}, set: newSet(variants)})
		case 3:
			return g.add(node{op: opNullText, typ: scalarKind(k), args: []nodeID{deeper(k)}, set: g.set(k)})
		case 4:
			return g.op(one(g.sampler, []opcode{opToUUID, opIDText}), k, deeper(one(g.sampler, []kind{kindString, kindBytes})))
		case 0:
			return g.op(one(g.sampler, []opcode{opLower, opUpper, opTrim}), k, deeper(k))
		case 1:
			return g.op(opToString, k, deeper(one(g.sampler, []kind{kindInt, kindUint, kindDouble, kindBool, kindTimestamp, kindDate, kindDuration, kindBytes})))
		}
		return g.op(opAdd, k, deeper(k), deeper(k))
	case kindTimestamp:
		switch g.pick(3) {
		case 0:
			return g.op(opToTimestamp, k, deeper(one(g.sampler, []kind{kindString, kindInt})))
		case 1:
			return g.op(one(g.sampler, []opcode{opAdd, opSub}), k, deeper(k), deeper(kindDuration))
		}
		return g.zoned(one(g.sampler, []opcode{opAddDays, opAddMonths}), k, deeper(k), g.int(int64(g.pick(100)-50)))
	case kindDuration:
		switch g.pick(3) {
		case 0:
			return g.op(opSub, k, deeper(kindTimestamp), deeper(kindTimestamp))
		case 1:
			return g.op(opToDuration, k, deeper(one(g.sampler, []kind{kindString, kindInt})))
		}
		return g.op(one(g.sampler, []opcode{opAdd, opSub}), k, deeper(k), deeper(k))
	case kindDate:
		switch g.pick(3) {
		case 0:
			return g.op(opToDate, k, deeper(kindString))
		case 1:
			return g.zoned(opToDate, k, deeper(kindTimestamp))
		}
		return g.op(one(g.sampler, []opcode{opAddDays, opAddMonths}), k, deeper(k), g.int(int64(g.pick(100)-50)))
	}
	return g.leaf(k)
}

func (g *grower) native(name string, k kind, args ...nodeID) nodeID {
	return g.add(node{op: opNative, name: name, typ: scalarKind(k), args: args})
}

// nativeText makes a text of another, or of a list.
func (g *grower) nativeText(deeper func(k kind) nodeID) nodeID {
	of, place := deeper(kindString), func() nodeID { return g.int(int64(g.pick(7) - 1)) }
	switch g.pick(6) {
	case 0:
		return g.native("charAt", kindString, of, place())
	case 1:
		return g.native("substring", kindString, []nodeID{of, place(), place()}[:2+g.pick(2)]...)
	case 2:
		return g.native("replace", kindString, []nodeID{of, g.leaf(kindString), g.leaf(kindString), place()}[:3+g.pick(2)]...)
	case 3:
		for _, list := range g.sources(kindList) {
			if g.nodes[list].typ.elem.kind == kindString {
				return g.op(opJoin, kindString, []nodeID{list, g.leaf(kindString)}[:1+g.pick(2)]...)
			}
		}
	case 4:
		list := valueType{kind: kindList, elem: &valueType{kind: kindString}}
		return g.op(opJoin, kindString, g.add(node{op: opSplit, typ: list, args: []nodeID{of, g.leaf(kindString), place()}[:2+g.pick(2)]}), g.leaf(kindString))
	}
	return g.native("reverse", kindString, of)
}

// nativeNumber makes a number of others of its kind.
func (g *grower) nativeNumber(k kind, deeper func(k kind) nodeID) nodeID {
	if g.pick(2) == 0 {
		return g.native(one(g.sampler, []string{"math.abs", "math.sign"}), k, deeper(k))
	}
	args := []nodeID{deeper(k), deeper(k), g.leaf(k)}
	return g.native(one(g.sampler, []string{"math.greatest", "math.least"}), k, args[:1+g.pick(3)]...)
}

// nested reaches into a list, map or struct for a value of a kind, or compiles a comprehension or size.
func (g *grower) nested(k kind, depth int) (nodeID, bool) {
	for range 4 {
		switch g.pick(4) {
		case 0:
			for _, id := range g.sources(kindList) {
				if elem := g.nodes[id].typ.elem; elem.kind == k {
					return g.add(node{op: opIndex, typ: *elem, args: []nodeID{id, g.int(int64(g.pick(5) - 1))}, zone: g.storedZone(*elem)}), true
				}
			}
		case 1:
			for _, id := range g.sources(kindStruct) {
				for at, field := range g.nodes[id].typ.fields {
					if field.typ.kind == k {
						return g.add(node{op: opField, typ: field.typ, args: []nodeID{id}, lit: literal{Int: int64(at)}, zone: g.storedZone(field.typ)}), true
					}
				}
			}
		case 2:
			for _, id := range g.sources(kindMap) {
				if elem := g.nodes[id].typ.elem; elem.kind == k {
					return g.add(node{op: opKey, typ: *elem, args: []nodeID{id}, lit: literal{String: one(g.sampler, []string{"a", "plan", "zz"})}}), true
				}
			}
		case 3:
			if from := append(g.sources(kindList), g.sources(kindMap)...); len(from) > 0 && k == kindInt {
				return g.op(opSize, k, one(g.sampler, from)), true
			}
		}
	}
	return 0, false
}

// aggregate makes sum, avg, min or max over a list.
func (g *grower) aggregate(k kind, depth int) (nodeID, bool) {
	from := g.sources(kindList)
	if len(from) == 0 || k == kindBool || k == kindBytes {
		return 0, false
	}
	list, of := one(g.sampler, from), k
	nd := node{op: one(g.sampler, []opcode{opMin, opMax}), typ: scalarKind(k), args: []nodeID{list}, depth: len(g.inside)}
	if (k == kindInt || k == kindUint || k == kindDouble) && g.pick(3) > 0 {
		nd.op = opSum
	}
	if k == kindDouble && nd.op == opSum && g.pick(2) == 0 {
		nd.op, of = opAvg, one(g.sampler, []kind{kindInt, kindUint, kindDouble})
	}
	g.inside = append(g.inside, *g.nodes[list].typ.elem)
	nd.body = g.value(of, depth-1)
	g.inside = g.inside[:len(g.inside)-1]
	return g.add(nd), true
}

// comprehension makes exists, all, exists_one or count over a list.
func (g *grower) comprehension(depth int) (nodeID, bool) {
	from := g.sources(kindList)
	if len(from) == 0 {
		return 0, false
	}
	list := one(g.sampler, from)
	elem := *g.nodes[list].typ.elem
	g.inside = append(g.inside, elem)
	body := g.bool(depth - 1)
	g.inside = g.inside[:len(g.inside)-1]
	nd := node{typ: scalarKind(kindBool), args: []nodeID{list}, body: body, depth: len(g.inside)}
	nd.op = one(g.sampler, []opcode{opExists, opAll, opExistsOne, opCount})
	if nd.op == opCount {
		nd.typ = scalarKind(kindInt)
		return g.boolOp(opLt, g.int(int64(g.pick(3))), g.add(nd)), true
	}
	return g.add(nd), true
}

var orderable = []kind{kindInt, kindUint, kindDouble, kindString, kindBytes, kindTimestamp, kindDate, kindDuration, kindBool}

func (g *grower) bool(depth int) nodeID {
	if depth <= 0 {
		return g.leaf(kindBool)
	}
	k := one(g.sampler, orderable)
	switch g.pick(17) {
	case 0, 1:
		args := []nodeID{g.bool(depth - 1), g.bool(depth - 1)}
		if g.pick(2) == 0 {
			args = append(args, g.bool(depth-1))
		}
		return g.boolOp(one(g.sampler, []opcode{opAnd, opOr}), args...)
	case 2:
		return g.boolOp(one(g.sampler, []opcode{opNot, opIsTrue, opMember}), g.bool(depth-1))
	case 3:
		return g.boolOp(opCond, g.bool(depth-1), g.bool(depth-1), g.bool(depth-1))
	case 4:
		return g.boolOp(opIsNull, g.value(k, depth-1))
	case 5:
		a, b := one(g.sampler, []kind{kindInt, kindUint, kindDouble}), one(g.sampler, []kind{kindInt, kindUint, kindDouble})
		return g.boolOp(one(g.sampler, []opcode{opEq, opLt, opLe}), g.value(a, depth-1), g.value(b, depth-1))
	case 6:
		return g.boolOp(one(g.sampler, []opcode{opStartsWith, opEndsWith, opContains, opEqualFold}), g.value(kindString, depth-1), g.leaf(kindString))
	case 7:
		return g.add(node{op: opMatches, typ: scalarKind(kindBool), args: []nodeID{g.value(kindString, depth-1)}, regex: regexp.MustCompile("^[a-z]+|é")})
	case 8:
		if from := g.sources(kindList); len(from) > 0 {
			list := one(g.sampler, from)
			if elem := g.nodes[list].typ.elem.kind; slices.Contains(orderable, elem) {
				return g.boolOp(opInList, g.value(elem, depth-1), list)
			}
		}
	case 9:
		if from := g.sources(kindMap); len(from) > 0 {
			return g.boolOp(opInMap, g.text(one(g.sampler, []string{"a", "plan", "zz"})), one(g.sampler, from))
		}
	case 10, 11:
		if id, ok := g.comprehension(depth); ok {
			return id
		}
	case 13:
		if k != kindBool {
			return g.add(node{op: opInSet, typ: scalarKind(kindBool), args: []nodeID{g.value(k, depth-1)}, set: g.set(k)})
		}
	case 14:
		return g.native(one(g.sampler, []string{"math.isNaN", "math.isInf", "math.isFinite"}), kindBool, g.value(kindDouble, depth-1))
	case 15:
		return g.fromText(depth)
	case 12:
		return g.add(node{op: opHashSplit, typ: scalarKind(kindBool), args: []nodeID{g.value(kindString, depth-1)}, lit: literal{String: "s", Double: 0.5}})
	}
	nd := node{op: one(g.sampler, []opcode{opEq, opLt, opLe}), typ: scalarKind(kindBool), swapped: g.pick(2) == 0}
	nd.args = []nodeID{g.value(k, depth-1), g.value(k, depth-1)}
	return g.add(nd)
}

// someIDs are the lines of a list file.
var someIDs = func() *List {
	list, err := NewList([]byte("FR\nvip\n50\n-1\n012\n9007199254740993\n"))
	if err != nil {
		panic(err) // it is UTF-8
	}
	return list
}()

// fromText makes a pattern, a conversion, a look into a list file or a bucket.
func (g *grower) fromText(depth int) nodeID {
	text := g.value(kindString, depth-1)
	switch g.pick(4) {
	case 0:
		pattern, err := likePattern(strings.ReplaceAll(one(g.sampler, someLikes), `\\`, `\`))
		if err != nil {
			g.t.Fatal(err)
		}
		return g.add(node{op: opLike, typ: scalarKind(kindBool), args: []nodeID{text}, regex: pattern})
	case 1:
		return g.boolOp(opToBool, text)
	case 2:
		of := one(g.sampler, []kind{kindString, kindInt, kindUint})
		return g.add(node{op: opInFile, typ: scalarKind(kindBool), args: []nodeID{g.value(of, depth-1)}, set: someIDs})
	}
	bucket := g.add(node{op: opBucket, typ: scalarKind(kindInt), args: []nodeID{text}, lit: literal{String: "s", Int: 3}})
	return g.boolOp(opLt, bucket, g.int(int64(g.pick(3))))
}

// set makes a set of constants of a kind.
func (g *grower) set(k kind) *List {
	l := &List{}
	for range g.pick(12) {
		l.values = append(l.values, g.nodes[g.constant(k)].lit)
	}
	return l
}

// grown is a random graph over a random record.
type grown struct {
	*grower
	rec     arrow.Record
	samples map[string]sample
	rows    int
}

func grow(t testing.TB, seed uint64) *grown {
	s := newSampler(t, seed, []int{0, 10, 30, 100}[seed%4])
	g := &grown{grower: &grower{sampler: s, columns: map[string]valueType{}}, samples: map[string]sample{}}
	g.rows = one(s, []int{1, 63, 64, 65, 200, 321})
	arrays := map[string]arrow.Array{}
	for i := range 4 {
		shape := one(s, shapes)
		name := fmt.Sprintf("c%d_%s", i, shape)
		g.samples[name] = s.column(shape, g.rows)
		arrays[name], g.columns[name] = g.samples[name].arr, g.samples[name].typ
	}
	g.rec = record(t, arrays)
	for range 5 {
		g.cut(g.bool(1 + s.rng.IntN(3)))
	}
	return g
}

// want spells what the reference answers to every cut.
func (g *grown) want() (out []string) {
	for _, cut := range g.cuts {
		var b strings.Builder
		for row := range g.rows {
			r := refRow{nodes: g.nodes, columns: map[string]any{}, elements: map[int]any{}}
			for name, sample := range g.samples {
				r.columns[name] = sample.values[row]
			}
			b.WriteByte(r.letter(cut))
		}
		out = append(out, b.String())
	}
	return out
}

// paged evaluates the graph window by window over random pages, with the bits of Rows too.
func (g *grown) paged(e *Evaluator) ([]string, error) {
	out := make([]string, len(g.cuts))
	src := &pagedColumns{rec: g.rec, at: map[string]int64{}, page: func() int { return 1 + g.pick(100) }}
	window := 1 + g.pick(150)
	e.Start(src)
	var matrix tables.BitMatrix
	for {
		answers, err := e.Next(window)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		answers.Rows(&matrix)
		for i := range g.cuts {
			spelled := answers.Cut(i).String()
			for row := range answers.Len() {
				if has := "UEFT"[bit(matrix.Has(row, 2*i))<<1|bit(matrix.Has(row, 2*i+1))]; has != spelled[row] {
					return nil, fmt.Errorf("Rows has %c where the mask has %c", has, spelled[row])
				}
			}
			out[i] += spelled
		}
	}
}

// spell writes a node as a call.
func spellNode(nodes []node, id nodeID) string {
	nd := &nodes[id]
	switch nd.op {
	case opConst:
		return fmt.Sprintf("%v", refConst(nd).v)
	case opColumn:
		return nd.name
	case opElement:
		return fmt.Sprintf("element%d", nd.depth)
	}
	var args []string
	for _, arg := range nd.args {
		args = append(args, spellNode(nodes, arg))
	}
	if comprehends(nd.op) {
		args = append(args, "body "+spellNode(nodes, nd.body))
	}
	return fmt.Sprintf("op%d:%d(%s)", nd.op, nd.typ.kind, strings.Join(args, ", "))
}

func checkGrown(t *testing.T, seed uint64) {
	g := grow(t, seed)
	want := g.want()
	x := g.executable()
	whole := evalString(t, x, g.rec)
	e := newEvaluator(x, one(g.sampler, []int{1, 7, 64, 100, 4096}))
	paged, err := g.paged(e)
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.cuts {
		for _, got := range []string{whole[i], paged[i]} {
			if got == want[i] {
				continue
			}
			at := 0
			for at < len(got) && got[at] == want[i][at] {
				at++
			}
			values := map[string]any{}
			for name, sample := range g.samples {
				values[name] = sample.values[at]
			}
			t.Fatalf("seed %d, cut %d: %s\n got %s\nwant %s\nrow %d: %#v", seed, i, spellNode(g.nodes, g.cuts[i]), got, want[i], at, values)
		}
	}
}

func TestRandomGraphs(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 200
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkGrown(t, seed) })
		if t.Failed() {
			return
		}
	}
}

func FuzzGraphs(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(checkGrown)
}

func TestManyEvaluatorsShareAPlan(t *testing.T) {
	g := grow(t, 3)
	x, want := g.executable(), g.want()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			e := newEvaluator(x, 16)
			for range 3 {
				answers, err := e.EvalRecord(g.rec)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range g.cuts {
					if got := answers.Cut(i).String(); got != want[i] {
						t.Errorf("cut %d differs between evaluators", i)
					}
				}
			}
		})
	}
	group.Wait()
}
