package rules

import (
	"fmt"
	"math"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/debug"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"strata/pipeline/tables"
)

// A lowerer turns checked trees into nodes of a graph. What has no kernel becomes an interpreted node, so every rule that
// the checker accepts can be evaluated.
type lowerer struct {
	*graph
	env      *environment
	tree     *ast.AST
	zone     *zone // the job's; nil is UTC
	zones    map[string]*zone
	userID   func() nodeID     // the canonical text of the user id
	idColumn string            // the user id's column: a row without it is rejected, so it counts as never null
	members  map[string]nodeID // by the variable of a segment, who is a member; by that of a lifecycle, who is in which stage
	scope    []element         // the comprehensions around, outermost first
	surveyed []nodeID          // the population functions met, in order
	err      error
}

// An element is the variable of a comprehension.
type element struct {
	name string
	typ  valueType
}

// zoneOf returns the zone of a name, the same for the same name; nil for UTC.
func (l *lowerer) zoneOf(name string) *zone {
	location, err := loadZone(name)
	if err != nil || name == "UTC" {
		return nil
	}
	if l.zones[name] == nil {
		l.zones[name] = &zone{location}
	}
	return l.zones[name]
}

// rule lowers a whole rule.
func (l *lowerer) rule(tree *ast.AST) (nodeID, error) {
	return l.part(tree, tree.Expr())
}

// part lowers a part of a rule.
func (l *lowerer) part(tree *ast.AST, e ast.Expr) (nodeID, error) {
	l.tree, l.scope, l.err = tree, nil, nil
	id, ok := l.lower(e)
	if !ok && l.err == nil {
		l.err = fmt.Errorf("the rule has no value that can be true")
	}
	return id, l.err
}

// lower lowers an expression. It gives up only on lists, maps and structs that are not stored in a column, and on what may be
// of several types: their values need what they are used in to be interpreted.
func (l *lowerer) lower(e ast.Expr) (nodeID, bool) {
	if id, ok := l.fold(e); ok {
		return id, true
	}
	if id, ok := l.kernel(e); ok {
		return id, true
	}
	typ, scalar := scalarType(l.tree.GetType(e.ID()))
	if typ.kind == kindNull && e == l.tree.Expr() {
		typ.kind = kindBool // a rule of no type that is known has to give true or false
	}
	if !scalar || typ.kind == kindNull { // what uses it is interpreted
		return 0, false
	}
	return l.interpret(e, typ)
}

// lowerAll lowers several expressions, all or none.
func (l *lowerer) lowerAll(exprs ...ast.Expr) ([]nodeID, bool) {
	out := make([]nodeID, len(exprs))
	for i, e := range exprs {
		var ok bool
		if out[i], ok = l.lower(e); !ok {
			return nil, false
		}
	}
	return out, true
}

// kernel lowers an expression to an operation with a kernel.
func (l *lowerer) kernel(e ast.Expr) (nodeID, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		if e.AsLiteral() == types.NullValue {
			return l.null(), true
		}
		typ, lit, ok := literalOf(e.AsLiteral())
		return l.constant(typ, lit), ok
	case ast.IdentKind:
		return l.identifier(e)
	case ast.SelectKind:
		return l.selection(e.AsSelect())
	case ast.CallKind:
		return l.call(e)
	case ast.ComprehensionKind:
		return l.comprehension(e)
	}
	return 0, false
}

// scalarType is a checker's type as a node's, if it is no list, map or struct.
func scalarType(t *cel.Type) (valueType, bool) {
	for k, known := range celTypes {
		if known.Kind() == t.Kind() && (k != kindDate || t.TypeName() == dateType.TypeName()) {
			return valueType{kind: k}, true
		}
	}
	return valueType{}, false
}

// fold evaluates a call that depends on constants only.
func (l *lowerer) fold(e ast.Expr) (nodeID, bool) {
	if l.asWritten || e.Kind() != ast.CallKind || !isConstantTree(e) || len(l.scope) > 0 && slices.ContainsFunc(freeNames(e, nil, nil), l.isElement) {
		return 0, false
	}
	program, err := l.program(e, l.tree.ReferenceMap())
	if err != nil {
		return 0, false
	}
	value, _, _ := program.Eval(&row{})
	typ, lit, ok := literalOf(value)
	if !ok {
		return 0, false
	}
	return l.constant(typ, lit), true
}

func (l *lowerer) isElement(name string) bool {
	return slices.ContainsFunc(l.scope, func(el element) bool { return el.name == name })
}

// program plans a part of the tree for the interpreter. One whose constants fail is planned as it stands: each row fails then.
func (l *lowerer) program(e ast.Expr, references map[int64]*ast.ReferenceInfo) (cel.Program, error) {
	part := ast.NewCheckedAST(ast.NewAST(e, l.tree.SourceInfo()), l.tree.TypeMap(), references)
	exactly := comparesExactly(l.mixedComparisons(e))
	if program, err := l.env.env.PlanProgram(part, exactly, cel.EvalOptions(cel.OptOptimize)); err == nil {
		return program, nil
	}
	return l.env.env.PlanProgram(part, exactly)
}

// identifier lowers a name.
func (l *lowerer) identifier(e ast.Expr) (nodeID, bool) {
	if id, ok := l.named(e.AsIdent()); ok {
		return id, true
	}
	if reference := l.tree.ReferenceMap()[e.ID()]; reference != nil && reference.Value != nil {
		typ, lit, ok := literalOf(reference.Value)
		return l.constant(typ, lit), ok
	}
	return 0, false
}

// named lowers what a name stands for: an element, the user id, a segment, a lifecycle or a column.
func (l *lowerer) named(name string) (nodeID, bool) {
	for depth := len(l.scope) - 1; depth >= 0; depth-- {
		if el := l.scope[depth]; el.name == name {
			return l.add(node{op: opElement, typ: el.typ, depth: depth, zone: l.storedZone(el.typ)}), true
		}
	}
	if name == userIDName {
		return l.userID(), true
	}
	if member, ok := l.members[name]; ok {
		return member, true
	}
	if id, ok := surveyedName(name); ok {
		return id, true
	}
	if v := l.env.variables[name]; v != nil && v.fault == nil && usableName(name) {
		return l.variable(v), true
	}
	return 0, false
}

// storedZone is where timestamps without a zone below a type were read.
func (l *lowerer) storedZone(typ valueType) *zone {
	if typ.hasLocal() {
		return l.zone
	}
	return nil
}

// variable lowers a column as it is declared.
func (l *lowerer) variable(v *variable) nodeID {
	if v.stored.kind == kindNull {
		return l.null()
	}
	id := l.add(node{op: opColumn, typ: v.stored, name: v.field.Name, zone: l.storedZone(v.stored), canUnknown: v.field.Nullable && v.field.Name != l.idColumn})
	if len(v.nullText) > 0 {
		var values []literal
		for _, text := range v.nullText {
			values = append(values, literal{String: text})
		}
		id = l.add(node{op: opNullText, typ: v.stored, args: []nodeID{id}, set: newSet(values)})
	}
	op, converts := declaredAs[v.as]
	if !converts || v.stored.kind == v.typ.kind && v.as != "uuid" || v.as == "uuid" && logical(v.field) == tables.LogicalUUID {
		return id
	}
	n := node{op: op, typ: v.typ, args: []nodeID{id}}
	if k := v.stored.kind; op == opToDate && k == kindTimestamp || op == opToTimestamp && k == kindDate {
		n.zone = l.zone
	}
	return l.add(n)
}

// declaredAs are the operations that make a column of the type that it is declared as.
var declaredAs = map[string]opcode{
	"string": opToString, "int": opToInt, "double": opToDouble, "bool": opToBool, "timestamp": opToTimestamp, "date": opToDate, "uuid": opToUUID,
}

// selection lowers a field of a struct or a key of a map.
func (l *lowerer) selection(s ast.SelectExpr) (nodeID, bool) {
	of, ok := l.lower(s.Operand())
	if !ok || s.IsTestOnly() {
		return 0, false
	}
	switch typ := l.nodes[of].typ; typ.kind {
	case kindStruct:
		return l.field(of, s.FieldName())
	case kindMap:
		return l.key(of, s.FieldName()), true
	case kindNull:
		return of, true
	}
	return 0, false
}

func (l *lowerer) field(of nodeID, name string) (nodeID, bool) {
	typ := l.nodes[of].typ
	at := typ.place(name)
	if at < 0 {
		return 0, false
	}
	inner := typ.fields[at].typ
	if inner.kind == kindNull {
		return l.null(), true
	}
	return l.add(node{op: opField, typ: inner, args: []nodeID{of}, lit: literal{Int: int64(at)}, zone: l.storedZone(inner)}), true
}

func (l *lowerer) key(of nodeID, key string) nodeID {
	elem := *l.nodes[of].typ.elem
	return l.add(node{op: opKey, typ: elem, args: []nodeID{of}, lit: literal{String: key}, zone: l.storedZone(elem)})
}

// comprehension lowers exists, all, exists_one, count and the aggregates of a list.
func (l *lowerer) comprehension(e ast.Expr) (nodeID, bool) {
	c := e.AsComprehension()
	op, body, ok := l.macro(e.ID(), c)
	if !ok || c.HasIterVar2() {
		return 0, false
	}
	list, ok := l.lower(c.IterRange())
	if !ok || l.nodes[list].typ.kind != kindList {
		return 0, false
	}
	depth := len(l.scope)
	l.scope = append(l.scope, element{c.IterVar(), *l.nodes[list].typ.elem})
	inner, ok := l.lower(body)
	l.scope = l.scope[:depth]
	if !ok {
		return 0, false
	}
	n := node{op: op, typ: valueType{kind: kindBool}, args: []nodeID{list}, body: inner, depth: depth}
	k := l.nodes[inner].typ.kind
	switch op {
	case opCount:
		n.typ.kind = kindInt
	case opSum, opAvg, opMin, opMax:
		n.typ, _ = scalarType(l.tree.GetType(e.ID()))
		if args := c.Result().AsCall().Args(); len(args) > 1 {
			n.lit.Int = int64(args[1].AsLiteral().(types.Int)) + 1
		}
		return l.add(n), k != kindNull
	}
	return l.add(n), k == kindBool || k == kindNull
}

// macro tells which macro a comprehension comes from, and its body.
func (l *lowerer) macro(id int64, c ast.ComprehensionExpr) (opcode, ast.Expr, bool) {
	call, ok := l.tree.SourceInfo().GetMacroCall(id)
	if !ok || c.LoopStep().Kind() != ast.CallKind {
		return 0, nil, false
	}
	step := c.LoopStep().AsCall()
	switch call.AsCall().FunctionName() {
	case operators.Exists:
		return opExists, step.Args()[1], true
	case operators.All:
		return opAll, step.Args()[1], true
	case operators.ExistsOne, "existsOne":
		return opExistsOne, step.Args()[0], true
	case "count":
		return opCount, step.Args()[0].AsCall().Args()[0], true
	case "sum":
		return opSum, step.Args()[1], true
	case "avg":
		return opAvg, step.Args()[1], true
	case "min":
		return opMin, step.Args()[1], true
	case "max":
		return opMax, step.Args()[1], true
	}
	return 0, nil, false
}

// interpret makes an expression that cel-go evaluates row by row.
func (l *lowerer) interpret(e ast.Expr, typ valueType) (nodeID, bool) {
	e, references, ok := l.withoutSurveys(e)
	if !ok {
		return 0, false
	}
	program, err := l.program(e, references)
	if err != nil {
		l.err = err
		return 0, false
	}
	text, err := parser.Unparse(e, l.tree.SourceInfo(), parser.WrapOnColumn(math.MaxInt))
	if err != nil {
		l.err = err
		return 0, false
	}
	p := &interpreted{program: program, text: text}
	n := node{op: opInterpreted, typ: typ, interp: p}
	for _, name := range freeNames(e, nil, nil) {
		id, ok := l.named(name)
		if !ok {
			continue // a constant, or the name of a type
		}
		p.names = append(p.names, name)
		p.zones = append(p.zones, l.env.clock.zone)
		n.args = append(n.args, id)
	}
	p.key = debug.ToDebugString(e) + "\n" + fmt.Sprint(p.names, " ", l.env.clock.zone)
	if readsClock(e) {
		p.key += "\n" + l.env.key
	}
	return l.add(n), true
}

// readsClock says whether an expression asks what time it is, or a list file.
func readsClock(e ast.Expr) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			found = found || e.AsIdent() == "now" || e.AsIdent() == "today"
		case ast.CallKind:
			found = found || clockFunctions[e.AsCall().FunctionName()]
		}
	}))
	return found
}

var clockFunctions = func() map[string]bool {
	out := map[string]bool{inFile: true, inUUIDFile: true}
	for _, f := range functionTable {
		out[f.name] = out[f.name] || f.clock
	}
	return out
}()
