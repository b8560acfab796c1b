package rules

import (
	"math"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Rules see decimals as doubles, which compare as the decimals do. A sum of such doubles would not: 0.1 + 0.2 is not 0.3. So
// sums and averages over lists are told how many decimal places there are, and add the decimals themselves.

// A stored is the type of what a path reaches, if it is known before types are checked.
type stored struct {
	typ   valueType
	found bool
}

// decimals tells an aggregate how many places the decimals have that it adds up.
func (r *rewriter) decimals(c ast.ComprehensionExpr) {
	if c.Result().Kind() != ast.CallKind {
		return
	}
	call := c.Result().AsCall()
	if name := call.FunctionName(); name != listSum && name != listAvg {
		return
	}
	body := c.LoopStep().AsCall().Args()[1]
	if places := r.placesIn(body); places > 0 && r.fitsDecimals(body, places-1) {
		count := r.fac.NewLiteral(r.newID(c.Result().ID()), types.Int(places-1))
		c.Result().SetKindCase(r.fac.NewCall(c.Result().ID(), call.FunctionName(), call.Args()[0], count))
	}
}

// placesIn is 1 + the places of the first column of decimals that an expression may give, or 0.
func (r *rewriter) placesIn(e ast.Expr) int {
	if at := r.reach(e); at.found {
		return at.typ.places
	}
	for _, part := range choices(e) {
		if places := r.placesIn(part); places > 0 {
			return places
		}
	}
	return 0
}

// fitsDecimals says whether all that an expression may give are decimals of so many places, of at most 15 digits.
func (r *rewriter) fitsDecimals(e ast.Expr, places int) bool {
	if at := r.reach(e); at.found {
		return at.typ.places == places+1
	}
	if e.Kind() == ast.LiteralKind {
		scaled := math.NaN()
		switch v := e.AsLiteral().(type) {
		case types.Int:
			scaled = float64(v) * exactPowers[places]
		case types.Double:
			if whole := math.Round(float64(v) * exactPowers[places]); whole/exactPowers[places] == float64(v) {
				scaled = whole
			}
		}
		return math.Abs(scaled) < exactPowers[maxExactDecimal]
	}
	parts := choices(e)
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(part ast.Expr) bool { return !r.fitsDecimals(part, places) })
}

// choices are the expressions of which an expression gives one as it is, or its opposite.
func choices(e ast.Expr) []ast.Expr {
	if e.Kind() != ast.CallKind {
		return nil
	}
	switch args := e.AsCall().Args(); {
	case e.AsCall().FunctionName() == operators.Conditional && len(args) == 3:
		return args[1:]
	case e.AsCall().FunctionName() == "coalesce" || e.AsCall().FunctionName() == operators.Negate:
		return args
	}
	return nil
}

// reach follows a path of names, fields and keys.
func (r *rewriter) reach(e ast.Expr) stored {
	switch e.Kind() {
	case ast.IdentKind:
		if at := lastIndex(r.scope, e.AsIdent()); at >= 0 {
			return r.types[at]
		}
		if v := r.step.env.variables[e.AsIdent()]; v != nil && v.fault == nil {
			return stored{v.typ, true}
		}
	case ast.SelectKind:
		of := r.reach(e.AsSelect().Operand())
		if place := of.typ.place(e.AsSelect().FieldName()); of.found && place >= 0 {
			return stored{of.typ.fields[place].typ, true}
		}
		if of.typ.kind == kindMap {
			return stored{*of.typ.elem, true}
		}
	case ast.CallKind:
		if e.AsCall().FunctionName() == operators.Index {
			return r.elementOf(e.AsCall().Args()[0])
		}
	}
	return stored{}
}

// elementOf is what a path to a list or map holds.
func (r *rewriter) elementOf(e ast.Expr) stored {
	if of := r.reach(e); of.found && (of.typ.kind == kindList || of.typ.kind == kindMap) {
		return stored{*of.typ.elem, true}
	}
	return stored{}
}

func lastIndex(names []string, name string) int {
	for i, have := range slices.Backward(names) {
		if have == name {
			return i
		}
	}
	return -1
}
