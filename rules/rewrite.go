package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// A rewriter makes plain CEL of what rules may say beyond it, between parsing and checking: null tests, `in` with values
// that are no constants, traits, references to segments and files, splits by the user id.
type rewriter struct {
	*unit
	step  *frontend
	scope []string // the variables of the comprehensions around
	types []stored // by variable of scope
}

// rewrite changes the unit's tree in place.
func (s *frontend) rewrite(u *unit) {
	r := &rewriter{unit: u, step: s}
	r.expr(u.native().Expr())
}

// expr rewrites one expression and what is below it.
func (r *rewriter) expr(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		r.identifier(e)
	case ast.CallKind:
		r.callExpr(e)
	case ast.SelectKind:
		r.expr(e.AsSelect().Operand())
	case ast.ListKind:
		r.listExpr(e)
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			r.expr(entry.AsMapEntry().Key())
			r.expr(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		r.fault(e.ID(), "", "a rule cannot make a %s { }", e.AsStruct().TypeName())
	case ast.ComprehensionKind:
		r.comprehension(e.AsComprehension())
	}
}

func (r *rewriter) comprehension(c ast.ComprehensionExpr) {
	r.expr(c.IterRange())
	r.expr(c.AccuInit())
	before, element := len(r.scope), r.elementOf(c.IterRange()) // found outside: the element may have the list's own name
	r.scope, r.types = append(r.scope, c.IterVar(), c.AccuVar()), append(r.types, element, stored{})
	if c.HasIterVar2() {
		r.scope, r.types = append(r.scope, c.IterVar2()), append(r.types, stored{})
	}
	r.expr(c.LoopCondition())
	r.expr(c.LoopStep())
	r.expr(c.Result())
	r.decimals(c)
	r.scope, r.types = r.scope[:before], r.types[:before]
}

// identifier puts a trait's expression in place of its name, and reports a column that no rule can use.
func (r *rewriter) identifier(e ast.Expr) {
	name := e.AsIdent()
	if slices.Contains(r.scope, name) {
		return
	}
	r.names = appendNew(r.names, name)
	if t := r.step.traits[name]; t != nil {
		r.inline(e, t)
	} else if v := r.step.env.variables[name]; v != nil && v.fault != nil && !reservedWords[name] {
		r.fault(e.ID(), v.hint, "%s", v.fault)
	}
}

// listExpr makes a list literal of ints and doubles one of doubles.
func (r *rewriter) listExpr(e ast.Expr) {
	kinds := map[string]bool{}
	for _, element := range e.AsList().Elements() {
		r.expr(element)
		if element.Kind() == ast.LiteralKind {
			kinds[element.AsLiteral().Type().TypeName()] = true
		}
	}
	if kinds["int"] && kinds["double"] {
		for _, element := range e.AsList().Elements() {
			r.promote(element, types.DoubleType)
		}
	}
}

func (r *rewriter) callExpr(e ast.Expr) {
	c := e.AsCall()
	name := c.FunctionName()
	if r.isLater(e, name, c) {
		return
	}
	if target := c.Target(); c.IsMemberFunction() && target != nil {
		r.expr(target)
	}
	switch name {
	case "segment":
		r.segment(e, c)
		return
	case "stage":
		r.stage(e, c)
		return
	case "was", "since", "prev_stage":
		r.past(e, c)
		return
	}
	if name == operators.In && isCallOf(c.Args()[1], "file") {
		r.inFile(e, c)
		return
	}
	for _, arg := range c.Args() {
		r.expr(arg)
	}
	if accessors[name] && c.IsMemberFunction() && len(c.Args()) == 1 && c.Args()[0].Kind() != ast.LiteralKind {
		e.SetKindCase(r.fac.NewMemberCall(e.ID(), name, c.Target(), r.call(c.Args()[0].ID(), knownZone, c.Args()[0])))
	}
	switch name {
	case operators.Equals, operators.NotEquals:
		r.uuidLiterals(c.Args()[0], c.Args()[1])
		r.uuidLiterals(c.Args()[1], c.Args()[0])
		r.stageLiterals(c.Args()[0], c.Args()[1])
		r.stageLiterals(c.Args()[1], c.Args()[0])
		r.nullTest(e, c)
	case operators.In:
		if list := c.Args()[1]; list.Kind() == ast.ListKind {
			r.uuidLiterals(c.Args()[0], list.AsList().Elements()...)
			r.stageLiterals(c.Args()[0], list.AsList().Elements()...)
		}
		r.inList(e, c)
	case "has":
		if len(c.Args()) == 1 {
			e.SetKindCase(r.call(e.ID(), "is_not_null", c.Args()...))
		}
	case "hash_split", "bucket", "variant":
		r.split(e, c)
	case "quantile":
		if len(c.Args()) == 2 {
			r.promote(c.Args()[1], types.DoubleType)
		}
	case "file":
		r.fault(e.ID(), `write x in file("path")`, "file() stands to the right of in only")
	case "dyn", "format":
		r.fault(e.ID(), "", "rules have no %s()", name)
	}
}

// isLater reports a call that a later version builds.
func (r *rewriter) isLater(e ast.Expr, name string, c ast.CallExpr) bool {
	if what, later := laterFunctions[name]; later && !c.IsMemberFunction() {
		r.fault(e.ID(), "", "%s() (%s) is not part of this version", name, what)
		return true
	}
	return false
}

func isCallOf(e ast.Expr, function string) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == function && !e.AsCall().IsMemberFunction()
}

func isNullLiteral(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue
}

// textLiteral is the text that an expression is, if it is a literal.
func textLiteral(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}

// nullTest turns x == null into is_null(x), and x != null into is_not_null(x).
func (r *rewriter) nullTest(e ast.Expr, c ast.CallExpr) {
	test := "is_null"
	if c.FunctionName() == operators.NotEquals {
		test = "is_not_null"
	}
	left, right := c.Args()[0], c.Args()[1]
	switch {
	case isNullLiteral(right):
		e.SetKindCase(r.call(e.ID(), test, left))
	case isNullLiteral(left):
		e.SetKindCase(r.call(e.ID(), test, right))
	}
}

// inList turns x in [a, b] into x == a || x == b where one of them is no constant, so that a null element hides no other.
func (r *rewriter) inList(e ast.Expr, c ast.CallExpr) {
	x, list := c.Args()[0], c.Args()[1]
	if list.Kind() != ast.ListKind {
		return
	}
	constant := true
	for _, element := range list.AsList().Elements() {
		if isNullLiteral(element) {
			r.fault(element.ID(), "write x == null || x in [...]", "null is not in any list")
			return
		}
		constant = constant && isConstantTree(element)
	}
	elements := list.AsList().Elements()
	if constant || len(elements) == 0 {
		return
	}
	if nodesIn(x)*len(elements) > maxNodes {
		r.fault(e.ID(), "compare a column, not an expression", "the list is too long for what is looked for in it")
		return
	}
	var chain ast.Expr
	for _, element := range elements {
		equal := r.call(element.ID(), operators.Equals, r.copyOf(x, r.native().SourceInfo(), 0), element)
		if chain == nil {
			chain = equal
		} else {
			chain = r.call(element.ID(), operators.LogicalOr, chain, equal)
		}
	}
	e.SetKindCase(chain)
}

// nodesIn counts the nodes of an expression.
func nodesIn(e ast.Expr) (count int) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(ast.Expr) { count++ }))
	return count
}

// isConstantTree says whether an unchecked expression names nothing but now and today.
func isConstantTree(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		return true
	case ast.IdentKind:
		return e.AsIdent() == "now" || e.AsIdent() == "today"
	case ast.CallKind:
		c := e.AsCall()
		if _, survey := surveyOps[c.FunctionName()]; survey {
			return false
		}
		return (!c.IsMemberFunction() || isConstantTree(c.Target())) && !slices.ContainsFunc(c.Args(), func(arg ast.Expr) bool { return !isConstantTree(arg) })
	case ast.ListKind:
		return !slices.ContainsFunc(e.AsList().Elements(), func(el ast.Expr) bool { return !isConstantTree(el) })
	}
	return false
}

// inFile turns x in file("path") into a call that the checker knows.
func (r *rewriter) inFile(e ast.Expr, c ast.CallExpr) {
	x, file := c.Args()[0], c.Args()[1]
	r.expr(x)
	args := file.AsCall().Args()
	if len(args) != 1 {
		r.fault(file.ID(), `write x in file("path")`, "file() takes one path")
		return
	}
	path, ok := textLiteral(args[0])
	if !ok {
		r.fault(args[0].ID(), "", "the path of a file is a text in quotes")
		return
	}
	if r.step.env.clock.lists[path] == nil && !r.step.textOnly {
		r.fault(args[0].ID(), "", "the list file %q was not read", path)
		return
	}
	function := inFile
	if r.isUUID(x) {
		function = inUUIDFile
	}
	e.SetKindCase(r.call(e.ID(), function, x, args[0]))
}

// isUUID says whether an expression names a column of UUIDs, which rules see as their canonical text.
func (r *rewriter) isUUID(e ast.Expr) bool {
	if e.Kind() != ast.IdentKind || slices.Contains(r.scope, e.AsIdent()) {
		return false
	}
	v := r.step.env.variables[e.AsIdent()]
	return v != nil && v.fault == nil && (v.as == "uuid" || v.as == "" && logical(v.field) == tables.LogicalUUID)
}

// uuidLiterals writes texts that a column of UUIDs is compared with in their canonical form, and reports those that are none.
func (r *rewriter) uuidLiterals(column ast.Expr, others ...ast.Expr) {
	if !r.isUUID(column) {
		return
	}
	for _, e := range others {
		text, ok := textLiteral(e)
		if !ok {
			continue
		}
		high, low, ok := ids.ParseUUID([]byte(text))
		if !ok {
			r.fault(e.ID(), `write one like "0b5f7c1e-8d5a-4f0e-9a51-2f1d3c6b7a88"`, "%q is not a UUID, and column %q holds nothing else", text, column.AsIdent())
			continue
		}
		e.SetKindCase(r.fac.NewLiteral(e.ID(), types.String(ids.AppendUUID(nil, high, low))))
	}
}

// quotedHint spells a call whose argument lacks its quotes.
func quotedHint(function string, arg ast.Expr) string {
	if arg.Kind() != ast.IdentKind {
		return ""
	}
	return fmt.Sprintf("write %s(%q)", function, arg.AsIdent())
}

// segment turns segment("x") into a variable.
func (r *rewriter) segment(e ast.Expr, c ast.CallExpr) {
	if len(c.Args()) != 1 || c.IsMemberFunction() {
		r.fault(e.ID(), `write segment("name")`, "segment() takes one name")
		return
	}
	name, ok := textLiteral(c.Args()[0])
	if !ok {
		r.fault(c.Args()[0].ID(), quotedHint("segment", c.Args()[0]), "the name of a segment is a text in quotes")
		return
	}
	if !slices.Contains(r.step.segmentNames, name) {
		hint := near(name, r.step.segmentNames)
		if slices.Contains(r.step.lifecycleNames, name) {
			hint = fmt.Sprintf("%q is a lifecycle: write stage(%q) == %q", name, name, firstOf(r.step.stageNames[name]))
		}
		r.fault(c.Args()[0].ID(), hint, "there is no segment %q", name)
		return
	}
	r.refer(name, e.ID())
	e.SetKindCase(r.ident(e.ID(), segmentPrefix+name))
}

// stage turns stage("x") into a variable.
func (r *rewriter) stage(e ast.Expr, c ast.CallExpr) {
	if len(c.Args()) != 1 || c.IsMemberFunction() {
		r.fault(e.ID(), `write stage("lifecycle")`, "stage() takes the name of one lifecycle")
		return
	}
	name, ok := textLiteral(c.Args()[0])
	if !ok {
		r.fault(c.Args()[0].ID(), quotedHint("stage", c.Args()[0]), "the name of a lifecycle is a text in quotes")
		return
	}
	if !slices.Contains(r.step.lifecycleNames, name) {
		r.fault(c.Args()[0].ID(), r.nearLifecycle(name), "there is no lifecycle %q", name)
		return
	}
	r.refer(name, e.ID())
	e.SetKindCase(r.ident(e.ID(), stagePrefix+name))
}

// nearLifecycle is the way out for who names none: another lifecycle, the one that has a stage of that name, or a segment.
func (r *rewriter) nearLifecycle(name string) string {
	for _, lifecycle := range r.step.lifecycleNames {
		if slices.Contains(r.step.stageNames[lifecycle], name) {
			return fmt.Sprintf("write stage(%q) == %q", lifecycle, name)
		}
	}
	if slices.Contains(r.step.segmentNames, name) {
		return fmt.Sprintf("%q is a segment: write segment(%q)", name, name)
	}
	return near(name, r.step.lifecycleNames)
}

// stageLiterals reports texts that a lifecycle's stage is compared with and that are no stage of it.
func (r *rewriter) stageLiterals(stage ast.Expr, others ...ast.Expr) {
	if stage.Kind() != ast.IdentKind {
		return
	}
	lifecycle, is := strings.CutPrefix(stage.AsIdent(), stagePrefix)
	if !is {
		lifecycle, is = strings.CutPrefix(stage.AsIdent(), prevStagePrefix)
	}
	for _, e := range others {
		text, ok := textLiteral(e)
		if names := r.step.stageNames[lifecycle]; is && ok && !slices.Contains(names, text) {
			hint := near(text, names)
			if hint == "" {
				hint = "its stages are " + strings.Join(names, ", ")
			}
			r.fault(e.ID(), hint, "lifecycle %q has no stage %q", lifecycle, text)
		}
	}
}

// refer records that the unit refers to a segment or lifecycle.
func (r *rewriter) refer(name string, at int64) {
	if r.referredAt == nil {
		r.referredAt = map[string]int64{}
	}
	if _, before := r.referredAt[name]; !before {
		r.referredAt[name] = at
		r.unit.refersTo = append(r.unit.refersTo, name)
	}
}

// firstOf is the first name, if there is one.
func firstOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// split gives hash_split, bucket and variant the user id for a key, and the fraction or the weights as doubles.
func (r *rewriter) split(e ast.Expr, c ast.CallExpr) {
	args := slices.Clone(c.Args())
	if len(args) < 2 || c.IsMemberFunction() {
		return // the checker says what it takes
	}
	switch {
	case c.FunctionName() == "hash_split":
		r.promote(args[1], types.DoubleType)
	case args[1].Kind() == ast.MapKind:
		for _, entry := range args[1].AsMap().Entries() {
			r.promote(entry.AsMapEntry().Value(), types.DoubleType)
		}
	}
	if len(args) == 2 {
		args = append(args, r.ident(e.ID(), userIDName))
	}
	e.SetKindCase(r.call(e.ID(), c.FunctionName(), args...))
}
