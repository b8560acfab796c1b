package rules

import (
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

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
		if path, ok := fileOf(e); ok {
			paths = append(paths, path)
		}
	})
	return paths
}

// fileOf is the path that an expression names, if it is file() of one.
func fileOf(e ast.Expr) (path string, ok bool) {
	if isCallOf(e, "file") && len(e.AsCall().Args()) == 1 {
		return textLiteral(e.AsCall().Args()[0])
	}
	return "", false
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

// UserLists returns the paths of those list files that hold user ids, sorted: of include and exclude, and of file() where nothing
// but the column of user ids is looked up in it.
func UserLists(d *configs.Definitions) []string {
	paths := d.ListFiles()
	others := map[string]bool{}
	for _, e := range exprsOf(d) {
		looked := filesIn(e.Text)
		users := usersIn(e.Text, d)
		paths = append(paths, users...)
		for _, path := range looked {
			others[path] = others[path] || times(looked, path) > times(users, path)
		}
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return others[path] && !slices.Contains(d.ListFiles(), path) })
	slices.Sort(paths)
	return slices.Compact(paths)
}

func times(list []string, one string) (n int) {
	for _, text := range list {
		if text == one {
			n++
		}
	}
	return n
}

// usersIn lists the paths of files in which a rule looks up the column of user ids, as often as it does.
func usersIn(text string, d *configs.Definitions) (paths []string) {
	if !strings.Contains(text, "file") {
		return nil
	}
	visitRule(text, func(e ast.Expr) {
		if !isCallOf(e, operators.In) || !isUserID(e.AsCall().Args()[0], d) {
			return
		}
		if path, ok := fileOf(e.AsCall().Args()[1]); ok {
			paths = append(paths, path)
		}
	})
	return paths
}

// isUserID tells whether an expression is the column of user ids, under its own name or another.
func isUserID(e ast.Expr, d *configs.Definitions) bool {
	return e.Kind() == ast.IdentKind && (e.AsIdent() == d.UserID || slices.ContainsFunc(d.Columns, func(c configs.ColumnDecl) bool {
		return c.Name == e.AsIdent() && c.Column == d.UserID
	}))
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
