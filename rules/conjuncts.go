package rules

import (
	"math"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/parser"
)

// A Conjunct is a part of a rule that must be true wherever the rule is.
type Conjunct struct {
	Text  string
	Names []string // that it mentions: columns, traits and its own variables, sorted, each once
}

// Conjuncts takes a rule apart at its outermost &&. A rule that does not parse has no parts.
func Conjuncts(rule string) (parts []Conjunct) {
	parsed, issues := plainEnv().Parse(rule)
	if issues.Err() != nil {
		return nil
	}
	tree := parsed.NativeRep()
	var take func(e ast.Expr)
	take = func(e ast.Expr) {
		if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.LogicalAnd {
			for _, arg := range e.AsCall().Args() {
				take(arg)
			}
			return
		}
		text, err := parser.Unparse(e, tree.SourceInfo(), parser.WrapOnColumn(math.MaxInt), parser.EscapeIdentifiers(true))
		if err == nil {
			parts = append(parts, Conjunct{text, namesIn(e)})
		}
	}
	take(tree.Expr())
	return parts
}

func namesIn(e ast.Expr) (names []string) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind {
			names = append(names, e.AsIdent())
		}
	}))
	slices.Sort(names)
	return slices.Compact(names)
}
