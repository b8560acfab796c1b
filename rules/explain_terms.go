package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/parser"
)

// A telling is a sub-expression that is to be explained: its text, and how to find its value.
type telling struct {
	text string
	note string
	expr ast.Expr // as it was checked

	node    nodeID      // -1: program answers
	program cel.Program // what has no node of its own; of a node that can fail: says why
	names   []string    // of program's variables
	args    []nodeID    // their nodes

	column bool // a column, an element or a part of one: where its value is missing, it is null
	terms  []*telling
	body   *telling // of a comprehension, told for elements
	list   nodeID   // the list whose elements body is about
	depth  int      // of the elements
}

// nodes visits the nodes of a term and of all below it.
func (t *telling) nodes(visit func(nodeID)) {
	visit(t.node)
	for _, arg := range t.args {
		visit(arg)
	}
	for _, term := range t.terms {
		term.nodes(visit)
	}
	if t.body != nil {
		visit(t.list)
		t.body.nodes(visit)
	}
}

// A teller finds the terms of one rule. It walks over the rule as it was written; the front end has rewritten and checked it
// since, and an expression kept its id, or copies know whose they are.
type teller struct {
	*stepCompiler
	unit   *unit
	info   *ast.SourceInfo    // of the rule as it was written
	check  map[int64]ast.Expr // what was checked, by the id of what was written
	opened bool               // it is the rule of a segment, or a trait, that another rule names
}

// tellRule finds the terms of a rule. opened says that another rule's explanation opens it.
func (s *stepCompiler) tellRule(u *unit, opened bool) *telling {
	written, issues := s.front.env.env.Parse(u.expr.Text)
	if issues.Err() != nil || u.failed != "" {
		return &telling{text: u.expr.Text, node: noSource} // not of a step that compiles
	}
	t := &teller{stepCompiler: s, unit: u, info: written.NativeRep().SourceInfo(), check: map[int64]ast.Expr{}, opened: opened}
	ast.PreOrderVisit(u.native().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		id := e.ID()
		if from, copied := u.copied[id]; copied {
			id = from
		}
		if t.check[id] == nil {
			t.check[id] = e
		}
	}))
	return t.tell(written.NativeRep().Expr(), nil)
}

// tell finds the terms of an expression, as it was written, below some elements.
func (t *teller) tell(e ast.Expr, scope []element) *telling {
	out := &telling{text: t.textOf(e), expr: t.check[e.ID()], node: noSource, column: isPath(e)}
	t.find(out, scope)
	if call, ok := t.info.GetMacroCall(e.ID()); ok {
		t.tellMacro(out, call.AsCall(), scope)
		return out
	}
	if t.tellName(out, e) {
		return out
	}
	for _, part := range parts(e) {
		if t.check[part.ID()] != nil { // rewriting may leave out what has no value
			out.terms = append(out.terms, t.tell(part, scope))
		}
	}
	return out
}

// find finds the node of a term, or a program.
func (t *teller) find(out *telling, scope []element) {
	l := t.lower
	l.tree, l.scope, l.err = t.unit.native(), scope, nil
	defer func() { l.scope, l.err = nil, nil }()
	id, ok := l.lower(out.expr)
	if ok = ok && l.err == nil; ok {
		out.node = id
		if !t.graph.nodes[id].canFail {
			return
		}
	}
	e, references, ok := l.withoutSurveys(out.expr)
	if !ok {
		return
	}
	out.program, _ = l.program(e, references) // what cannot be planned has no value to show
	for _, name := range freeNames(e, nil, nil) {
		if arg, ok := l.named(name); ok {
			out.names, out.args = append(out.names, name), append(out.args, arg)
		}
	}
}

// tellName opens what a name stands for: a trait, a segment, or a lifecycle's stages, once.
func (t *teller) tellName(out *telling, e ast.Expr) bool {
	switch {
	case e.Kind() == ast.IdentKind && t.front.traits[e.AsIdent()] != nil && !isIdent(out.expr, e.AsIdent()):
		out.note, out.column = NoteTrait, false
		if !t.opened {
			out.terms = []*telling{t.tellRule(&t.front.traits[e.AsIdent()].unit, true)}
		}
		return true
	case isCallOf(e, "segment") && len(e.AsCall().Args()) == 1:
		name, _ := textLiteral(e.AsCall().Args()[0])
		if r := t.rules[name]; r != nil && !t.opened {
			out.terms = []*telling{t.tellRule(&r.unit, true)}
			t.tellState(out, name)
			t.tellLists(out, name)
		}
		return true
	case isCallOf(e, "was") || isCallOf(e, "since") || isCallOf(e, "prev_stage"):
		out.column = true // it has a value or none, like a column
		return true
	case isCallOf(e, "stage") && len(e.AsCall().Args()) == 1:
		name, _ := textLiteral(e.AsCall().Args()[0])
		if at := t.lifecycle(name); at >= 0 && !t.opened {
			t.tellStages(out, at)
		}
		return true
	}
	return false
}

// tellStages adds the rules of a lifecycle's stages, each behind its stage's name.
func (t *teller) tellStages(out *telling, lifecycle int) {
	for i, stage := range t.definitions.Lifecycles[lifecycle].Stages {
		term := t.tellRule(&t.stages[lifecycle][i].unit, true)
		term.text = stage.Name + ": " + term.text
		out.terms = append(out.terms, term)
	}
}

// isIdent says whether an expression is a name.
func isIdent(e ast.Expr, name string) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == name }

// tellState adds what else decides about a segment with until, min_stay or cooldown: its exit rule, and what the previous run left.
func (t *teller) tellState(out *telling, segment string) {
	if _, ok := t.states[segment]; !ok {
		return
	}
	if until := t.untils[segment]; until != nil {
		term := t.tellRule(&until.unit, true)
		term.text = "until: " + term.text
		out.terms = append(out.terms, term)
	}
	left := []PastColumn{{Kind: Was, Of: segment}, {Kind: Since, Of: segment}}
	if t.definitions.Segments[slices.Index(t.front.segmentNames, segment)].Cooldown > 0 {
		left = append(left, PastColumn{Kind: LastExits, Of: segment})
	}
	for _, c := range left {
		out.terms = append(out.terms, &telling{text: c.Name(), node: t.graph.pastColumn(c), column: true})
	}
}

// tellLists adds whether the user is on the lists of a segment that a rule names.
func (t *teller) tellLists(out *telling, segment string) {
	for _, list := range []struct {
		what  string
		nodes map[string]nodeID
	}{{"include", t.include}, {"exclude", t.exclude}} {
		if id, ok := list.nodes[segment]; ok {
			out.terms = append(out.terms, &telling{text: "on its " + list.what + " list", node: id})
		}
	}
}

// tellMacro tells of a macro's list and, where kernels answer it, of its body for some elements; of a macro that has no list, as
// math.greatest, its arguments.
func (t *teller) tellMacro(out *telling, call ast.CallExpr, scope []element) {
	if t.check[call.Target().ID()] == nil {
		for _, arg := range call.Args() {
			if !isLiteral(arg) {
				out.terms = append(out.terms, t.tell(arg, scope))
			}
		}
		return
	}
	list := t.tell(call.Target(), scope)
	out.terms = append(out.terms, list)
	if out.expr.Kind() != ast.ComprehensionKind || list.node < 0 || t.graph.nodes[list.node].typ.kind != kindList {
		return
	}
	t.lower.tree = t.unit.native()
	c, args := out.expr.AsComprehension(), call.Args()
	if _, _, ok := t.lower.macro(out.expr.ID(), c); !ok || c.HasIterVar2() {
		return
	}
	out.list, out.depth = list.node, len(scope)
	out.body = t.tell(args[len(args)-1], append(slices.Clone(scope), element{c.IterVar(), *t.graph.nodes[list.node].typ.elem}))
}

// textOf is an expression on one line, as it was written but for spaces and brackets.
func (t *teller) textOf(e ast.Expr) string {
	text, err := parser.Unparse(e, t.info, parser.WrapOnColumn(len(t.unit.expr.Text)*2+1), parser.EscapeIdentifiers(true))
	if err != nil {
		return t.unit.expr.Text
	}
	return strings.ReplaceAll(text, "\n", " ")
}

// isPath says whether an expression names a column or an element, or a part of one.
func isPath(e ast.Expr) bool { return dotted(e) != "" }

// parts are the expressions that an expression is made of and that are worth telling: literals are not.
func parts(e ast.Expr) (out []ast.Expr) {
	add := func(exprs ...ast.Expr) {
		for _, part := range exprs {
			if !isLiteral(part) {
				out = append(out, part)
			}
		}
	}
	switch e.Kind() {
	case ast.SelectKind:
		if !isPath(e) {
			add(e.AsSelect().Operand())
		}
	case ast.ListKind:
		add(e.AsList().Elements()...)
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			add(entry.AsMapEntry().Value())
		}
	case ast.CallKind:
		c := e.AsCall()
		switch name := c.FunctionName(); {
		case name == operators.LogicalAnd || name == operators.LogicalOr:
			out = chain(e, name, nil)
		case name == operators.In && isCallOf(c.Args()[1], "file"):
			add(c.Args()[0])
		case name == operators.In && c.Args()[1].Kind() == ast.ListKind:
			add(c.Args()[0])
			add(c.Args()[1].AsList().Elements()...)
		default:
			if c.IsMemberFunction() {
				add(c.Target())
			}
			add(c.Args()...)
		}
	}
	return out
}

// chain lists what && or || joins, however it is nested.
func chain(e ast.Expr, operator string, sofar []ast.Expr) []ast.Expr {
	if !isCallOf(e, operator) {
		return append(sofar, e)
	}
	for _, arg := range e.AsCall().Args() {
		sofar = chain(arg, operator, sofar)
	}
	return sofar
}

// isLiteral says whether an expression is a constant that its text shows already.
func isLiteral(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		return true
	case ast.ListKind:
		return !slices.ContainsFunc(e.AsList().Elements(), func(element ast.Expr) bool { return !isLiteral(element) })
	case ast.MapKind:
		return !slices.ContainsFunc(e.AsMap().Entries(), func(entry ast.EntryExpr) bool { return !isLiteral(entry.AsMapEntry().Value()) })
	case ast.CallKind:
		c := e.AsCall()
		named := c.FunctionName() == "timestamp" || c.FunctionName() == "date" || c.FunctionName() == "duration"
		return named && len(c.Args()) == 1 && isLiteral(c.Args()[0])
	}
	return false
}

// elementNote says which element of a list a term is told for.
func elementNote(at, of int) string { return fmt.Sprintf("element %d of %d", at+1, of) }
