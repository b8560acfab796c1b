package rules

import (
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// plainEnv parses rules that nobody checks.
var plainEnv = sync.OnceValue(func() *cel.Env {
	env, err := cel.NewEnv(cel.EnableIdentifierEscapeSyntax(), cel.ClearMacros()) // macros would refuse has(x)
	if err != nil {
		panic(err) // it declares nothing of ours
	}
	return env
})

// filesIn lists the paths that a rule names in file().
func filesIn(text string) (paths []string) {
	if !strings.Contains(text, "file") {
		return nil
	}
	parsed, issues := plainEnv().Parse(text)
	if issues.Err() != nil {
		return nil
	}
	ast.PreOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if isCallOf(e, "file") && len(e.AsCall().Args()) == 1 {
			if path, ok := textLiteral(e.AsCall().Args()[0]); ok {
				paths = append(paths, path)
			}
		}
	}))
	return paths
}
