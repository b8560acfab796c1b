package rules

import (
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"strata/configs"
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
	visitRule(text, func(e ast.Expr) {
		if isCallOf(e, "file") && len(e.AsCall().Args()) == 1 {
			if path, ok := textLiteral(e.AsCall().Args()[0]); ok {
				paths = append(paths, path)
			}
		}
	})
	return paths
}

// visitRule visits all expressions of a rule. One that does not parse has none; Compile reports it.
func visitRule(text string, visit func(e ast.Expr)) {
	if parsed, issues := plainEnv().Parse(text); issues.Err() == nil {
		ast.PreOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(visit))
	}
}

// ListPaths returns the paths of all list files that definitions use: include, exclude and file() in rules and traits, each
// once, sorted. Rules that do not parse are passed over; Compile reports them.
func ListPaths(d *configs.Definitions) []string {
	paths := d.ListFiles()
	for _, e := range exprsOf(d) {
		paths = append(paths, filesIn(e.Text)...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// exprsOf lists the expressions of definitions: traits, and the rules of segments and stages.
func exprsOf(d *configs.Definitions) (exprs []configs.Expr) {
	for _, t := range d.Traits {
		exprs = append(exprs, t.Value)
	}
	for _, segment := range d.Segments {
		exprs = append(exprs, segment.When, segment.Until)
	}
	for _, lifecycle := range d.Lifecycles {
		for _, stage := range lifecycle.Stages {
			exprs = append(exprs, stage.When)
		}
	}
	return exprs
}
