package rules

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The functions of this file look at the values of all users of the snapshot together. A null counts nowhere, nor does a NaN.

func populationFunctions() []*function {
	numbers := []*cel.Type{cel.IntType, cel.UintType, cel.DoubleType}
	ordered := append(numbers, dateType, cel.TimestampType, cel.DurationType)
	survey := func(name, example, doc, nulls string, result *cel.Type, of []*cel.Type, size ...*cel.Type) *function {
		f := &function{name: name, topic: topicSurvey, example: example, doc: doc, nulls: nulls, surveys: true}
		for _, t := range of {
			f.overloads = append(f.overloads, over(name+"_"+t.TypeName(), result, unmeasured, append([]*cel.Type{t}, size...)...))
		}
		return f
	}
	empty := "they and NaN are left out; null where nobody has a value"
	strict := "null in, unknown out; NaN is like null"
	return []*function{
		survey("quantile", "ltv >= quantile(ltv, 0.9)", "The least value that a share (0 to 1) of all users do not exceed: quantile(ltv, 0.9) is SQL's "+
			"percentile_disc(0.9). It is one of the values, never between two; an int beyond 2^53 becomes the nearest double.",
			empty, cel.DoubleType, numbers, cel.DoubleType),
		survey("mean", "ltv > mean(ltv)", "The mean over all users: their exact sum, divided and rounded once.", empty, cel.DoubleType, numbers),
		survey("rank", "rank(ltv) <= 2", "The user's place among all users: 1 for the largest value, the same for equal values.", strict, cel.IntType, ordered),
		survey("ntile", "ntile(ltv, 5) == 5", "The user's group of so many, from 1 for the smallest values; equal values share a group, so groups may "+
			"differ in size, or be empty.", strict, cel.IntType, ordered, cel.IntType),
		survey("top", "top(ltv, 2)", "Whether the user has one of the so many largest values; of equal values those of the smallest user ids count first.",
			strict, cel.BoolType, ordered, cel.IntType),
	}
}

// surveyOps are the operations of the population functions.
var surveyOps = map[string]opcode{"quantile": opQuantile, "mean": opMean, "rank": opRank, "ntile": opNtile, "top": opTop}

// surveys says whether an operation is a population function.
func surveys(op opcode) bool { return opQuantile <= op && op <= opTop }

// sameInEveryRow says whether an operation without arguments has one answer for all rows.
func sameInEveryRow(op opcode) bool { return op == opConst || op == opQuantile || op == opMean }

// unmeasured stands where row functions have a binding: one row does not tell.
func unmeasured(*clockwork, []ref.Val) ref.Val {
	return types.NewErr("a population function has no answer before the snapshot is measured")
}

// mostGroups is how many groups ntile may make: more tell no more than rank does, and would crowd a report.
const mostGroups = 10_000

// survey checks a call of a population function: its constant, and that its argument has none of its own.
func (s *frontend) survey(u *unit, e ast.Expr) {
	c := e.AsCall()
	if _, is := surveyOps[c.FunctionName()]; !is {
		return
	}
	if inner := surveyCalls(c.Args()[0]); len(inner) > 0 {
		fault := nestedSurvey(e.ID(), c.FunctionName())
		u.fault(fault.at, fault.hint, "%s", fault)
	}
	if of := c.Args()[0]; of.Kind() != ast.IdentKind && u.native().GetType(of.ID()).Kind() == types.DynKind {
		u.fault(of.ID(), "make it a number of one kind, as in double(x)", "%s compares the values of all users, and these are of no one type", c.FunctionName())
	}
	if len(c.Args()) == 2 {
		s.surveySize(u, c.FunctionName(), c.Args()[1])
	}
}

// surveyCalls lists the population functions in an expression.
func surveyCalls(e ast.Expr) (calls []ast.Expr) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		if _, is := surveyOps[e.AsCall().FunctionName()]; is {
			calls = append(calls, e)
		}
	}))
	return calls
}

// surveySize checks the constant of quantile, ntile and top.
func (s *frontend) surveySize(u *unit, name string, size ast.Expr) {
	if size.Kind() != ast.LiteralKind {
		u.fault(size.ID(), "", "this must be a number, not an expression")
		return
	}
	switch v := size.AsLiteral().(type) {
	case types.Double:
		if !(0 <= v && v <= 1) {
			u.fault(size.ID(), "write quantile(x, 0.9) for what nine in ten do not exceed", "the share must be between 0 and 1")
		}
	case types.Int:
		switch {
		case v < 1 && name == "top":
			u.fault(size.ID(), "", "top takes at least one user")
		case v < 1:
			u.fault(size.ID(), "", "there must be at least one group")
		case v > mostGroups && name == "ntile":
			u.fault(size.ID(), "rank(x) tells every user's place", "ntile makes at most %d groups", mostGroups)
		}
	}
}

// surveyedElements reports population functions of the elements of a list: they are functions of what a user has one of.
func (s *frontend) surveyedElements(u *unit, c ast.ComprehensionExpr) {
	elements := map[string]bool{c.IterVar(): true, c.IterVar2(): true, c.AccuVar(): true}
	for _, e := range surveyCalls(c.LoopStep()) {
		for _, name := range freeNames(e, nil, nil) {
			if elements[name] {
				u.fault(e.ID(), fmt.Sprintf("give it one value a user, such as size(list), and use %s outside", e.AsCall().FunctionName()),
					"%s() looks at one value of every user, and %s is an element of a list", e.AsCall().FunctionName(), name)
				break
			}
		}
	}
}
