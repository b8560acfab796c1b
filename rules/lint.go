package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/apache/arrow/go/v17/arrow"
)

// A linter finds what a rule may say without meaning it. It only warns.
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
	l.negations(root, false)
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind {
			l.zeroBased(e)
			l.neverNull(e)
			l.roundedLiteral(e)
		}
	}))
}

// nullAware are the functions that say what becomes of nulls.
var nullAware = map[string]bool{"is_null": true, "is_not_null": true, "is_true": true, "coalesce": true, "empty": true, "nonempty": true}

// columns lists the columns that an expression looks at.
func (l *linter) columns(e ast.Expr) (names []string) {
	for _, name := range freeNames(e, nil, nil) {
		if v := l.env.variables[name]; v != nil && v.fault == nil {
			names = append(names, name)
		}
	}
	return names
}

// negations warns where a negation leaves out those whose column is null: they are neither in the rule nor in its opposite.
func (l *linter) negations(e ast.Expr, inside bool) {
	switch e.Kind() {
	case ast.CallKind:
		c := e.AsCall()
		negates := c.FunctionName() == operators.LogicalNot || c.FunctionName() == operators.NotEquals
		if negates && !inside {
			l.negation(e)
		}
		if c.IsMemberFunction() {
			l.negations(c.Target(), inside || negates)
		}
		for _, arg := range c.Args() {
			l.negations(arg, inside || negates)
		}
	case ast.ComprehensionKind:
		l.negations(e.AsComprehension().LoopStep(), inside)
	}
}

func (l *linter) negation(e ast.Expr) {
	var nullable []string
	for _, name := range l.columns(e) {
		v := l.env.variables[name]
		if (v.field.Nullable || len(v.nullText) > 0) && !slices.Contains(l.tested, name) {
			nullable = append(nullable, name)
		}
	}
	if len(nullable) == 0 {
		return
	}
	symbol := "!"
	if e.AsCall().FunctionName() == operators.NotEquals {
		symbol = "!="
	}
	first := nullable[0]
	l.warn(e.ID(), fmt.Sprintf("|| %s == null takes them in, && %s != null says that they are left out", first, first),
		"%s leaves out users whose %s is null", symbol, strings.Join(nullable, " or "))
}

// zeroBased warns about CEL's parts of a date that count from 0.
func (l *linter) zeroBased(e ast.Expr) {
	instead, found := map[string]string{"getMonth": "month(x)", "getDayOfMonth": "day(x)", "getDayOfYear": "getDayOfYear() + 1"}[e.AsCall().FunctionName()]
	if found && e.AsCall().IsMemberFunction() {
		l.warn(e.ID(), instead+" counts from 1", "%s() counts from 0", e.AsCall().FunctionName())
	}
}

// neverNull warns about a null test of a column that the snapshot's schema declares as never null.
func (l *linter) neverNull(e ast.Expr) {
	c := e.AsCall()
	if name := c.FunctionName(); name != "is_null" && name != "is_not_null" && name != "coalesce" || c.Args()[0].Kind() != ast.IdentKind {
		return
	}
	column := c.Args()[0].AsIdent()
	if v := l.env.variables[column]; v != nil && v.fault == nil && !v.field.Nullable && len(v.nullText) == 0 && v.typ.kind != kindNull {
		l.warn(e.ID(), "leave the test out", "column %q is never null in this snapshot", v.field.Name)
	}
}

// roundedLiteral warns about equality of a 32-bit column with a number that 32 bits do not hold.
func (l *linter) roundedLiteral(e ast.Expr) {
	c := e.AsCall()
	if c.FunctionName() != operators.Equals && c.FunctionName() != operators.NotEquals {
		return
	}
	for i, side := range c.Args() {
		other := c.Args()[1-i]
		if side.Kind() != ast.IdentKind || other.Kind() != ast.LiteralKind {
			continue
		}
		value, ok := other.AsLiteral().(types.Double)
		v := l.env.variables[side.AsIdent()]
		if ok && v != nil && v.fault == nil && v.field.Type.ID() == arrow.FLOAT32 && float64(float32(value)) != float64(value) {
			l.warn(other.ID(), "compare with < and >", "column %q has 32 bits, and none of its values equals %v", v.field.Name, float64(value))
		}
	}
}
