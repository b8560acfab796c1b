package rules

import (
	"math"
	"regexp"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// call lowers a call of an operator or function.
func (l *lowerer) call(e ast.Expr) (nodeID, bool) {
	c := e.AsCall()
	exprs := c.Args()
	if c.IsMemberFunction() {
		exprs = append([]ast.Expr{c.Target()}, exprs...)
	}
	name := c.FunctionName()
	if name == operators.In {
		return l.in(exprs[0], exprs[1])
	}
	if lower := literalCalls[name]; lower != nil {
		return lower(l, e, exprs)
	}
	args, ok := l.lowerAll(exprs...)
	if !ok {
		return 0, false
	}
	if lower := looseCalls[name]; lower != nil {
		return lower(l, args)
	}
	lower := strictCalls[name]
	if lower == nil {
		return 0, false
	}
	if null := slices.IndexFunc(args, func(arg nodeID) bool { return l.kind(arg) == kindNull }); null >= 0 {
		if slices.ContainsFunc(args, func(arg nodeID) bool { return l.nodes[arg].canFail }) {
			return 0, false
		}
		return l.null(), true
	}
	typ, scalar := scalarType(l.tree.GetType(e.ID()))
	if !scalar && name != operators.Index {
		return 0, false
	}
	return lower(l, typ, args)
}

// looseCalls see unknown arguments.
var looseCalls map[string]func(l *lowerer, args []nodeID) (nodeID, bool)

// strictCalls are unknown where an argument is. They get the type that the checker found.
var strictCalls map[string]func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool)

// literalCalls take an argument that is a literal, which validate has checked, or are otherwise apart. They lower arguments themselves.
var literalCalls map[string]func(l *lowerer, e ast.Expr, args []ast.Expr) (nodeID, bool)

func init() { // not initial values: these functions lead back to the maps
	looseCalls = map[string]func(l *lowerer, args []nodeID) (nodeID, bool){
		operators.LogicalAnd: func(l *lowerer, args []nodeID) (nodeID, bool) { return l.and(args...), true },
		operators.LogicalOr:  func(l *lowerer, args []nodeID) (nodeID, bool) { return l.or(args...), true },
		operators.LogicalNot: func(l *lowerer, args []nodeID) (nodeID, bool) {
			if l.kind(args[0]) == kindNull {
				return args[0], true
			}
			return l.not(args[0]), true
		},
		operators.Conditional: (*lowerer).conditional,
		"dyn":                 func(_ *lowerer, args []nodeID) (nodeID, bool) { return args[0], true },
		"is_null":             func(l *lowerer, args []nodeID) (nodeID, bool) { return l.isNull(args[0]), true },
		"is_not_null":         func(l *lowerer, args []nodeID) (nodeID, bool) { return l.not(l.isNull(args[0])), true },
		"is_true":             func(l *lowerer, args []nodeID) (nodeID, bool) { return l.isTrue(args[0]), true },
		"coalesce":            (*lowerer).coalesce,
		"empty":               (*lowerer).empty,
		"nonempty": func(l *lowerer, args []nodeID) (nodeID, bool) {
			id, ok := l.empty(args)
			return l.not(id), ok
		},
	}
	strictCalls = map[string]func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool){
		operators.Equals:        func(l *lowerer, _ valueType, args []nodeID) (nodeID, bool) { return l.equal(args) },
		operators.Less:          func(l *lowerer, _ valueType, a []nodeID) (nodeID, bool) { return l.order(opLt, a[0], a[1], false) },
		operators.LessEquals:    func(l *lowerer, _ valueType, a []nodeID) (nodeID, bool) { return l.order(opLe, a[0], a[1], false) },
		operators.Greater:       func(l *lowerer, _ valueType, a []nodeID) (nodeID, bool) { return l.order(opLt, a[1], a[0], true) },
		operators.GreaterEquals: func(l *lowerer, _ valueType, a []nodeID) (nodeID, bool) { return l.order(opLe, a[1], a[0], true) },
		operators.NotEquals: func(l *lowerer, _ valueType, args []nodeID) (nodeID, bool) {
			id, ok := l.equal(args)
			return l.not(id), ok
		},
		operators.Add: arithmetic(opAdd), operators.Subtract: arithmetic(opSub), operators.Multiply: arithmetic(opMul),
		operators.Divide: arithmetic(opDiv), operators.Modulo: arithmetic(opMod), operators.Negate: arithmetic(opNeg),
		operators.Index: (*lowerer).index,
		"size":          plain(opSize), "startsWith": plain(opStartsWith), "endsWith": plain(opEndsWith), "contains": plain(opContains),
		"iequals": plain(opEqualFold), "lowerAscii": plain(opLower), "upperAscii": plain(opUpper), "trim": plain(opTrim),
		"int": conversion(opToInt), "uint": conversion(opToUint), "double": conversion(opToDouble), "string": conversion(opToString),
		"bool": conversion(opToBool), "timestamp": conversion(opToTimestamp), "duration": conversion(opToDuration),
	}
	literalCalls = map[string]func(l *lowerer, e ast.Expr, args []ast.Expr) (nodeID, bool){
		"matches": (*lowerer).matches, "like": (*lowerer).like, inFile: (*lowerer).inFile, inUUIDFile: (*lowerer).inFile,
		"hash_split": (*lowerer).split, "bucket": (*lowerer).split, "variant": (*lowerer).split,
		"within": (*lowerer).within, "older_than": (*lowerer).olderThan,
	}
	for name := range natives {
		strictCalls[name] = lowerNative(name)
	}
	strictCalls["join"] = (*lowerer).lowerJoin
	literalCalls["split"] = (*lowerer).lowerSplit
	for function, name := range map[string]string{"math.@max": "math.greatest", "math.@min": "math.least"} {
		literalCalls[function] = func(l *lowerer, e ast.Expr, args []ast.Expr) (nodeID, bool) { return l.lowerExtreme(name, e, args) }
	}
	for name := range surveyOps {
		literalCalls[name] = (*lowerer).survey
	}
	addTimeCalls()
}

// plain lowers to the operation of the same arguments.
func plain(op opcode) func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
	return func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
		return l.add(node{op: op, typ: typ, args: args}), true
	}
}

// arithmetic lowers to an operation on scalars.
func arithmetic(op opcode) func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
	return func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
		for _, arg := range args {
			if !l.nodes[arg].typ.scalar() {
				return 0, false
			}
		}
		if len(args) == 2 {
			args = l.commute(op, args)
		}
		return l.add(node{op: op, typ: typ, args: args}), true
	}
}

// conversions lists what kernels convert from, by what they convert to.
var conversions = map[opcode][]kind{
	opToInt: {kindUint, kindDouble, kindString, kindTimestamp}, opToUint: {kindInt, kindDouble, kindString},
	opToDouble: {kindInt, kindUint, kindString}, opToBool: {kindString}, opToDuration: {kindString, kindInt},
	opToString:    {kindBool, kindInt, kindUint, kindDouble, kindBytes, kindTimestamp, kindDuration, kindDate},
	opToTimestamp: {kindString, kindInt},
}

func conversion(op opcode) func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
	return func(l *lowerer, typ valueType, args []nodeID) (nodeID, bool) {
		switch from := l.kind(args[0]); {
		case from == typ.kind:
			return args[0], true
		case !slices.Contains(conversions[op], from):
			return 0, false
		}
		return l.add(node{op: op, typ: typ, args: args}), true
	}
}

func isNumber(k kind) bool { return k == kindInt || k == kindUint || k == kindDouble }

// canCompare says whether kernels compare two kinds.
func canCompare(a, b kind) bool { return a == b && a < kindList || isNumber(a) && isNumber(b) }

func (l *lowerer) equal(args []nodeID) (nodeID, bool) {
	a, b := l.align(args[0], args[1])
	return l.eq(a, b), canCompare(l.kind(a), l.kind(b))
}

func (l *lowerer) order(op opcode, a, b nodeID, swapped bool) (nodeID, bool) {
	if !canCompare(l.kind(a), l.kind(b)) {
		return 0, false
	}
	a, b = l.align(a, b)
	return l.less(op, a, b, swapped), true
}

// align makes a constant number of the kind of what it is compared with, where that has one that equals it.
func (l *lowerer) align(a, b nodeID) (nodeID, nodeID) {
	return l.as(a, l.kind(b)), l.as(b, l.kind(a))
}

func (l *lowerer) as(id nodeID, to kind) nodeID {
	n := &l.nodes[id]
	if l.asWritten || n.op != opConst || n.typ.kind == to || !isNumber(n.typ.kind) || !isNumber(to) {
		return id
	}
	lit, exact := sameNumber(n.lit, n.typ.kind, to)
	if !exact {
		return id
	}
	return l.constant(valueType{kind: to}, lit)
}

func (l *lowerer) conditional(args []nodeID) (nodeID, bool) {
	c, yes, no := args[0], args[1], args[2]
	typ := l.nodes[yes].typ
	if typ.kind == kindNull {
		typ = l.nodes[no].typ
	}
	for _, branch := range []nodeID{yes, no} {
		if k := l.kind(branch); k != typ.kind && k != kindNull || !l.nodes[branch].typ.scalar() {
			return 0, false
		}
	}
	if l.kind(c) == kindNull {
		return l.null(), true
	}
	return l.cond(typ, c, yes, no), true
}

func (l *lowerer) isNull(arg nodeID) nodeID {
	n := &l.nodes[arg]
	if !n.canUnknown && !n.canFail && !l.asWritten {
		return l.bool(false)
	}
	if l.isChoice(arg) && l.isDecided(arg) {
		return l.overChoice(arg, l.bool(true), func(nodeID) nodeID { return l.bool(false) })
	}
	return l.boolOp(opIsNull, arg)
}

func (l *lowerer) isTrue(arg nodeID) nodeID {
	if n := &l.nodes[arg]; !n.canUnknown && !l.asWritten {
		return arg
	}
	return l.boolOp(opIsTrue, arg)
}

func (l *lowerer) coalesce(args []nodeID) (nodeID, bool) {
	a, b := args[0], args[1]
	switch {
	case l.kind(a) == kindNull:
		return b, true
	case l.kind(b) == kindNull || !l.nodes[a].canUnknown:
		return a, true
	case l.kind(a) != l.kind(b) || !l.nodes[a].typ.scalar():
		return 0, false
	}
	return l.add(node{op: opCoalesce, typ: l.nodes[a].typ, args: args}), true
}

// empty is is_null(x) || x == "", which is never unknown.
func (l *lowerer) empty(args []nodeID) (nodeID, bool) {
	x := args[0]
	switch l.kind(x) {
	case kindNull:
		return l.bool(true), true
	case kindString:
		return l.isTrue(l.or(l.isNull(x), l.eq(x, l.constant(valueType{kind: kindString}, literal{})))), true
	case kindList:
		size := l.add(node{op: opSize, typ: valueType{kind: kindInt}, args: args})
		return l.isTrue(l.or(l.isNull(x), l.eq(size, l.constant(valueType{kind: kindInt}, literal{})))), true
	}
	return 0, false
}

// index lowers list[i] and map["key"].
func (l *lowerer) index(_ valueType, args []nodeID) (nodeID, bool) {
	of, at := &l.nodes[args[0]], &l.nodes[args[1]]
	switch {
	case of.typ.kind == kindList && at.typ.kind == kindInt:
		elem := *of.typ.elem
		return l.add(node{op: opIndex, typ: elem, args: args, zone: l.storedZone(elem)}), true
	case of.typ.kind == kindMap && at.op == opConst && at.typ.kind == kindString:
		return l.key(args[0], at.lit.String), true
	}
	return 0, false
}

// in lowers membership in a list literal, a list or a map.
func (l *lowerer) in(value, list ast.Expr) (nodeID, bool) {
	x, ok := l.lower(value)
	if !ok {
		return 0, false
	}
	if list.Kind() == ast.ListKind {
		return l.inSet(x, list.AsList().Elements())
	}
	of, ok := l.lower(list)
	if !ok || l.kind(x) == kindNull {
		return 0, false
	}
	switch typ := l.nodes[of].typ; typ.kind {
	case kindList:
		return l.boolOp(opInList, x, of), canCompare(l.kind(x), typ.elem.kind)
	case kindMap:
		return l.boolOp(opInMap, x, of), l.kind(x) == kindString
	}
	return 0, false
}

// inSet lowers membership in a list of constants.
func (l *lowerer) inSet(x nodeID, elements []ast.Expr) (nodeID, bool) {
	k := l.kind(x)
	if !l.nodes[x].typ.scalar() {
		return 0, false
	}
	var values []literal
	for _, e := range elements {
		id, ok := l.lower(e)
		if !ok || l.nodes[id].op != opConst || k != kindNull && !canCompare(k, l.kind(id)) {
			return 0, false
		}
		if k == kindNull { // in no set, whatever is in it
			continue
		}
		if lit, exact := sameNumber(l.nodes[id].lit, l.kind(id), k); exact {
			values = append(values, lit)
		}
	}
	if l.isChoice(x) {
		return l.overChoice(x, l.null(), func(text nodeID) nodeID { return l.bool(slices.Contains(values, l.nodes[text].lit)) }), true
	}
	return l.add(node{op: opInSet, typ: valueType{kind: kindBool}, args: []nodeID{x}, set: newSet(values)}), true
}

// sameNumber is the constant of another kind that is equal to one; not exact where there is none.
func sameNumber(lit literal, from, to kind) (out literal, exact bool) {
	if from == to {
		return lit, true
	}
	switch from {
	case kindDouble:
		v := lit.Double
		if to == kindInt {
			return literal{Int: int64(v)}, v == math.Trunc(v) && -(1<<63) <= v && v < 1<<63
		}
		return literal{Uint: uint64(max(v, 0))}, v == math.Trunc(v) && 0 <= v && v < 1<<64
	case kindInt:
		if to == kindUint {
			return literal{Uint: uint64(lit.Int)}, lit.Int >= 0
		}
		v := float64(lit.Int)
		return literal{Double: v}, v < 1<<63 && int64(v) == lit.Int
	}
	if to == kindInt {
		return literal{Int: int64(lit.Uint)}, lit.Uint <= math.MaxInt64
	}
	v := float64(lit.Uint)
	return literal{Double: v}, v < 1<<64 && uint64(v) == lit.Uint
}

func (l *lowerer) matches(_ ast.Expr, args []ast.Expr) (nodeID, bool) {
	text, ok := textLiteral(args[1])
	if !ok {
		return 0, false
	}
	pattern, err := regexp.Compile(text)
	return l.pattern(opMatches, args[0], pattern, err)
}

func (l *lowerer) like(_ ast.Expr, args []ast.Expr) (nodeID, bool) {
	text, ok := textLiteral(args[1])
	if !ok {
		return 0, false
	}
	pattern, err := likePattern(text)
	return l.pattern(opLike, args[0], pattern, err)
}

func (l *lowerer) pattern(op opcode, of ast.Expr, pattern *regexp.Regexp, err error) (nodeID, bool) {
	x, ok := l.lower(of)
	if !ok || err != nil {
		return 0, false
	}
	if l.kind(x) == kindNull {
		return x, true
	}
	return l.add(node{op: op, typ: valueType{kind: kindBool}, args: []nodeID{x}, regex: pattern}), true
}

func (l *lowerer) inFile(e ast.Expr, args []ast.Expr) (nodeID, bool) {
	x, ok := l.lower(args[0])
	path, _ := textLiteral(args[1])
	list := l.env.clock.lists[path]
	if !ok || list == nil {
		return 0, false
	}
	if l.kind(x) == kindNull {
		return x, true
	}
	if e.AsCall().FunctionName() == inUUIDFile {
		list = list.uuids()
	}
	return l.add(node{op: opInFile, typ: valueType{kind: kindBool}, args: []nodeID{x}, set: list}), true
}

// split lowers hash_split, bucket and variant: their first two arguments are literals.
func (l *lowerer) split(e ast.Expr, args []ast.Expr) (nodeID, bool) {
	key, ok := l.lower(args[2])
	if !ok {
		return 0, false
	}
	switch l.kind(key) {
	case kindNull:
		return key, true
	case kindInt, kindUint:
		key = l.add(node{op: opToString, typ: valueType{kind: kindString}, args: []nodeID{key}})
	}
	salt, _ := textLiteral(args[0])
	n := node{op: opHashSplit, typ: valueType{kind: kindBool}, args: []nodeID{key}, lit: literal{String: salt}}
	if e.AsCall().FunctionName() == "variant" {
		n.op, n.typ.kind, n.set = opVariant, kindString, weightsOf(args[1])
		return l.add(n), true
	}
	_, size, ok := literalOf(args[1].AsLiteral())
	n.lit.Double, n.lit.Int = size.Double, size.Int
	if e.AsCall().FunctionName() == "bucket" {
		n.op, n.typ.kind = opBucket, kindInt
	}
	return l.add(n), ok
}

// weightsOf are the variants that weigh anything, by name.
func weightsOf(e ast.Expr) *List {
	var out []literal
	for _, entry := range e.AsMap().Entries() {
		name, _ := textLiteral(entry.AsMapEntry().Key())
		if weight := float64(entry.AsMapEntry().Value().AsLiteral().(types.Double)); weight > 0 {
			out = append(out, literal{String: name, Double: weight})
		}
	}
	return newSet(out)
}
