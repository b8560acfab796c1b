package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/ids"
)

// A linter finds what a rule may say without meaning it. It only warns. What the rules say together is in lint_definitions.go.
type linter struct {
	*unit
	env    *environment
	tested []string // the columns that the rule tests for null somewhere
}

// lint warns about a checked rule.
func (s *frontend) lint(u *unit) {
	l := &linter{unit: u, env: s.env}
	root := u.native().Expr()
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind && nullAware[e.AsCall().FunctionName()] {
			for _, arg := range e.AsCall().Args() {
				l.tested = append(l.tested, l.columns(arg)...)
			}
		}
	}))
	l.negations(root, negationContext{leavesOut: !u.ends})
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind {
			l.zeroBased(e)
			l.neverNull(e)
			l.roundedLiterals(e)
			l.textOrder(e)
			l.wholeSplit(e)
			l.file(e)
		}
	}))
}

// nullAware are the functions that say what becomes of nulls.
var nullAware = map[string]bool{"is_null": true, "is_not_null": true, "is_true": true, "coalesce": true, "empty": true, "nonempty": true}

// columns lists the columns that an expression looks at.
func (l *linter) columns(e ast.Expr) (names []string) {
	for _, name := range freeNames(e, nil, nil) {
		if l.column(name) != nil {
			names = append(names, name)
		}
	}
	return names
}

// column is the column that a name stands for, or nil.
func (l *linter) column(name string) *variable {
	if v := l.env.variables[name]; v != nil && v.fault == nil {
		return v
	}
	return nil
}

// nullable says whether a column may be null for some user. A row without a user id is no user.
func (l *linter) nullable(v *variable) bool {
	return v.field.Name != l.env.idColumn && (v.field.Nullable || len(v.nullText) > 0)
}

// A negationContext is what stands around an expression.
type negationContext struct {
	negated   bool // a negation that was looked at
	leavesOut bool // only &&: who is unknown here is not in the rule
	elements  bool // a list's: the negation is about elements
}

// negations warns where a negation leaves out those whose column is null: they are neither in the rule nor in its opposite.
func (l *linter) negations(e ast.Expr, around negationContext) {
	switch e.Kind() {
	case ast.CallKind:
		c := e.AsCall()
		name := c.FunctionName()
		if negates := name == operators.LogicalNot || name == operators.NotEquals; negates && !around.negated {
			l.negation(e, around)
			around.negated = true
		}
		around.leavesOut = around.leavesOut && name == operators.LogicalAnd
		if c.IsMemberFunction() {
			l.negations(c.Target(), around)
		}
		for _, arg := range c.Args() {
			l.negations(arg, around)
		}
	case ast.ComprehensionKind:
		around.leavesOut, around.elements = false, true
		l.negations(e.AsComprehension().LoopStep(), around)
	}
}

// negation warns about one negation, where it sees a column that may be null and that the rule does not test for it.
func (l *linter) negation(e ast.Expr, around negationContext) {
	var nullable []string
	for _, name := range l.columns(e) {
		if l.nullable(l.column(name)) && !slices.Contains(l.tested, name) {
			nullable = append(nullable, name)
		}
	}
	if len(nullable) == 0 || l.inlined[e.ID()] {
		return
	}
	d := doubt{negation: e, symbol: "!", columns: strings.Join(nullable, " or "), leavesOut: around.leavesOut}
	switch {
	case e.AsCall().FunctionName() == operators.NotEquals:
		d.symbol = "!="
	case isCallOf(e.AsCall().Args()[0], operators.In):
		d.symbol = "not in"
	}
	first, takes, leaves := nullable[0], "take them in", "they are left out"
	if l.ends {
		takes, leaves = "end their membership too", "they stay"
	}
	l.warn(lintNegationNull, e.ID(), fmt.Sprintf("write || %s == null to %s, or && %s != null to say that %s", first, takes, first, leaves), "%s", d.message())
	d.problem = l.problems[len(l.problems)-1]
	if !around.elements {
		l.doubts = append(l.doubts, d)
	}
}

// zeroBased warns about CEL's parts of a date that count from 0.
func (l *linter) zeroBased(e ast.Expr) {
	instead, found := map[string]string{"getMonth": "month(x)", "getDayOfMonth": "day(x)", "getDayOfYear": "getDayOfYear() + 1", "getDayOfWeek": "weekday(x)"}[e.AsCall().FunctionName()]
	if !found || !e.AsCall().IsMemberFunction() {
		return
	}
	if e.AsCall().FunctionName() == "getDayOfWeek" {
		l.warn(lintZeroBased, e.ID(), instead+" is 1 on Monday and 7 on Sunday", "getDayOfWeek() is 0 on Sunday and 6 on Saturday")
		return
	}
	l.warn(lintZeroBased, e.ID(), instead+" counts from 1", "%s() counts from 0", e.AsCall().FunctionName())
}

// neverNull warns about a null test of a column that the snapshot's schema declares as never null.
func (l *linter) neverNull(e ast.Expr) {
	c := e.AsCall()
	if !nullAware[c.FunctionName()] || c.FunctionName() == "empty" || c.FunctionName() == "nonempty" || c.Args()[0].Kind() != ast.IdentKind {
		return
	}
	v := l.column(c.Args()[0].AsIdent())
	if v != nil && !l.nullable(v) && v.typ.kind != kindNull {
		l.warn(lintNeverNull, e.ID(), "leave the test out", "column %q is never null in this snapshot", v.field.Name)
	}
}

// comparison lists the operators that compare, each with its answer where both sides are equal.
var comparison = map[string]bool{
	operators.Equals: true, operators.NotEquals: false, operators.Less: false, operators.LessEquals: true,
	operators.Greater: false, operators.GreaterEquals: true,
}

// roundedLiterals warns about numbers that a 32-bit column is compared with and cannot hold.
func (l *linter) roundedLiterals(e ast.Expr) {
	c := e.AsCall()
	if _, compares := comparison[c.FunctionName()]; !compares && c.FunctionName() != operators.In || len(c.Args()) != 2 {
		return
	}
	for i, side := range c.Args() {
		if side.Kind() != ast.IdentKind {
			continue
		}
		v := l.column(side.AsIdent())
		if v == nil || v.field.Type.ID() != arrow.FLOAT32 {
			continue
		}
		literals := []ast.Expr{c.Args()[1-i]}
		if literals[0].Kind() == ast.ListKind {
			literals = literals[0].AsList().Elements()
		}
		for _, literal := range literals {
			l.roundedLiteral(v, c.FunctionName(), i == 0, literal)
		}
	}
}

// roundedLiteral warns where the column's value nearest to a literal is not answered as one that is equal to it.
func (l *linter) roundedLiteral(v *variable, operator string, first bool, literal ast.Expr) {
	if literal.Kind() != ast.LiteralKind {
		return
	}
	value, ok := literal.AsLiteral().(types.Double)
	nearest := types.Double(float32(value))
	if !ok || nearest == value {
		return
	}
	above := nearest > value == first // the column's side is greater
	answer := map[string]bool{
		operators.NotEquals: true, operators.Less: !above, operators.LessEquals: !above, operators.Greater: above, operators.GreaterEquals: above,
	}[operator]
	equal, compares := comparison[operator]
	if answer == equal && compares {
		return
	}
	l.warn(lintFloat32, literal.ID(), fmt.Sprintf("write %v, which is what the column holds", float64(nearest)),
		"column %q has 32 bits and cannot hold %v: the nearest that it holds is not equal to it", v.field.Name, float64(value))
}

// numberLike finds texts that look like a number or a version.
var numberLike = regexp.MustCompile(`^\d+(\.\d+)*$`)

// textOrder warns about text that is compared by < or > with what looks like a number.
func (l *linter) textOrder(e ast.Expr) {
	c := e.AsCall()
	if _, compares := comparison[c.FunctionName()]; !compares || c.FunctionName() == operators.Equals || c.FunctionName() == operators.NotEquals {
		return
	}
	for i, side := range c.Args() {
		text, ok := textLiteral(side)
		if !ok || !numberLike.MatchString(text) {
			continue
		}
		hint := `for versions write x.startsWith("1.") || x.startsWith("2.")`
		if strings.Count(text, ".") < 2 {
			hint = fmt.Sprintf("compare numbers, as in double(x) > %s; or declare the column under snapshot.columns with as: double", text)
		}
		if _, constant := textLiteral(c.Args()[1-i]); !constant {
			l.warn(lintTextOrder, side.ID(), hint, `%q is text, and text is ordered letter by letter: "9" comes after "10"`, text)
		}
	}
}

// wholeSplit warns about hash_split with a fraction that takes nobody or everybody.
func (l *linter) wholeSplit(e ast.Expr) {
	if e.AsCall().FunctionName() != "hash_split" || e.AsCall().Args()[1].Kind() != ast.LiteralKind {
		return
	}
	who := map[types.Double]string{0: "nobody", 1: "everybody"}[e.AsCall().Args()[1].AsLiteral().(types.Double)]
	if who != "" {
		l.warn(lintWholeSplit, e.AsCall().Args()[1].ID(), "a fraction lies between 0 and 1, as in 0.5", "this split takes %s", who)
	}
}

// file warns about a list file of which nothing can match.
func (l *linter) file(e ast.Expr) {
	c := e.AsCall()
	if c.FunctionName() != inFile && c.FunctionName() != inUUIDFile {
		return
	}
	path, _ := textLiteral(c.Args()[1])
	list := l.env.clock.lists[path]
	if list == nil {
		return
	}
	typ, scalar := scalarType(l.native().GetType(c.Args()[0].ID()))
	if !scalar {
		return
	}
	if lint, message, hint := list.lint(path, typ.kind, c.FunctionName() == inUUIDFile); lint != "" {
		l.warn(lint, c.Args()[1].ID(), hint, "%s", message)
	}
}

// lint says what keeps lines of a list file from matching values of a kind; no name where nothing does.
func (l *List) lint(path string, k kind, uuid bool) (name, message, hint string) {
	if l.Len() == 0 {
		return lintEmptyList, fmt.Sprintf("the list file %q is empty", path), "a list has an id on every line"
	}
	var strange []string
	for _, line := range l.lines {
		if !lineIs(line, k, uuid) {
			strange = append(strange, line)
		}
	}
	if len(strange) == 0 {
		return "", "", ""
	}
	wanted := article(cel.FormatCELType(celTypes[k]))
	if uuid {
		wanted = "a UUID"
	}
	return lintListType, fmt.Sprintf("the list file %q: %d of %d lines are not %s, such as %q", path, len(strange), l.Len(), wanted, strange[0]),
		"such a line matches nobody; a list has an id on every line and no header"
}

// lineIs says whether a line of a list file is a value of a kind.
func lineIs(line string, k kind, uuid bool) bool {
	var err error
	switch {
	case uuid:
		_, _, ok := ids.ParseUUID([]byte(line))
		return ok
	case k == kindInt:
		_, err = strconv.ParseInt(line, 10, 64)
	case k == kindUint:
		_, err = strconv.ParseUint(line, 10, 64)
	}
	return err == nil
}
