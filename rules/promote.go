package rules

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// exactDouble is the largest number up to which every int is a double.
const exactDouble = 1 << 53

// promote turns an int literal, the elements of a list literal, or the branches of a conditional, into doubles or uints. It
// says whether something changed.
func (u *unit) promote(e ast.Expr, to *types.Type) bool {
	changed := false
	switch e.Kind() {
	case ast.LiteralKind:
		v, ok := e.AsLiteral().(types.Int)
		switch {
		case ok && to == types.DoubleType && -exactDouble <= v && v <= exactDouble:
			e.SetKindCase(u.fac.NewLiteral(e.ID(), types.Double(v)))
			return true
		case ok && to == types.UintType && v >= 0:
			e.SetKindCase(u.fac.NewLiteral(e.ID(), types.Uint(v)))
			return true
		}
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			changed = u.promote(element, to) || changed
		}
	case ast.CallKind:
		if args := e.AsCall().Args(); e.AsCall().FunctionName() == operators.Conditional && len(args) == 3 {
			changed = u.promote(args[1], to)
			changed = u.promote(args[2], to) || changed
		}
	}
	return changed
}

// maxPromotions bounds how often a unit is checked: every round but the last changes a literal or a comparison.
const maxPromotions = 1000

// check checks the unit's types. A call that mixes kinds of numbers gets its literals promoted first; if it compares them,
// and none helps, the comparison becomes one between kinds, which is exact.
func (u *unit) check(env *environment) []*cel.Error {
	for range maxPromotions {
		checked, issues := env.env.Check(u.ast)
		if issues.Err() == nil {
			if u.promoteExtremes(checked.NativeRep()) {
				continue
			}
			u.ast = checked
			return nil
		}
		changed := false
		for _, issue := range issues.Errors() {
			changed = u.reconcile(issue) || changed
		}
		if !changed {
			return issues.Errors()
		}
	}
	return nil
}

// promoteExtremes makes literals in math.greatest and math.least doubles where another argument is one, as in math.greatest(x, 0): the
// checker takes both, and then does not know the type of the result. It says whether there was one.
func (u *unit) promoteExtremes(checked *ast.AST) (changed bool) {
	ast.PreOrderVisit(u.native().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if !isCallOf(e, "math.@max") && !isCallOf(e, "math.@min") || len(e.AsCall().Args()) != 2 {
			return
		}
		args := e.AsCall().Args()
		for i, arg := range args {
			if checked.GetType(args[1-i].ID()).Kind() == types.DoubleKind {
				changed = u.promote(arg, types.DoubleType) || changed
			}
		}
	}))
	return changed
}

// reconcile changes the call that an issue is about, and says whether it did.
func (u *unit) reconcile(issue *cel.Error) bool {
	_, signature, ok := noOverload(issue.Message)
	if !ok {
		return false
	}
	e := u.find(issue.ExprID)
	if e == nil || e.Kind() != ast.CallKind {
		return false
	}
	c, args := e.AsCall(), e.AsCall().Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	changed := false
	for _, to := range []*types.Type{types.DoubleType, types.UintType} {
		if !mentions(signature, to.TypeName()) {
			continue
		}
		for _, arg := range args {
			changed = u.promote(arg, to) || changed
		}
		if changed {
			return true
		}
	}
	return u.mixed(c, signature)
}

// mixed makes a comparison of two kinds of numbers one that the checker leaves to the interpreter.
func (u *unit) mixed(c ast.CallExpr, signature string) bool {
	switch c.FunctionName() {
	case operators.Equals, operators.NotEquals, operators.In:
	default:
		return false
	}
	left, right, _ := strings.Cut(strings.Trim(signature, "()"), ", ")
	if c.FunctionName() == operators.In {
		right = strings.TrimSuffix(strings.TrimPrefix(right, "list("), ")")
	}
	if !numeric(left) || !numeric(right) || isCallOf(c.Args()[0], "dyn") {
		return false
	}
	x := c.Args()[0]
	x.SetKindCase(u.fac.NewCall(x.ID(), "dyn", u.copyOf(x, u.native().SourceInfo(), 0)))
	return true
}

func numeric(typeName string) bool {
	return typeName == "int" || typeName == "uint" || typeName == "double"
}

// mentions says whether a signature has a type.
func mentions(signature, typeName string) bool {
	for _, word := range strings.FieldsFunc(signature, func(r rune) bool { return strings.ContainsRune("(), .<>", r) }) {
		if word == typeName {
			return true
		}
	}
	return false
}

// noOverload takes apart the checker's message that a function has no overload for some types.
func noOverload(message string) (function, signature string, ok bool) {
	rest, ok := strings.CutPrefix(message, "found no matching overload for '")
	if !ok {
		return "", "", false
	}
	function, signature, ok = strings.Cut(rest, "' applied to '")
	return function, strings.TrimSuffix(signature, "'"), ok
}

// find returns the expression with an id.
func (u *unit) find(id int64) (found ast.Expr) {
	ast.PreOrderVisit(u.native().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.ID() == id && found == nil {
			found = e
		}
	}))
	return found
}
