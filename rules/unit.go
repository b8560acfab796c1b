package rules

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"strata/configs"
)

// A unit is one expression of a step on its way through the front end: parse, rewrite, promote, check, validate.
type unit struct {
	expr configs.Expr
	what string // how messages begin, such as `segment "vip"`
	ends bool   // it is an until: who is unknown to it stays

	ast      *cel.Ast // parsed, then checked
	fac      ast.ExprFactory
	next     int64    // the next free id
	refersTo []string // segments and lifecycles, each once, in order
	names    []string // of columns and traits that it uses, each once
	doubts   []doubt  // what it negates although it may be null

	referredAt map[string]int64 // by segment or lifecycle: the id of the first reference
	inlined    map[int64]bool   // the ids of what came from traits
	copied     map[int64]int64  // of copies that stand where they were written: the ids there

	problems configs.Problems
	failed   string // not empty: it does not compile; problems of its own, or something that it uses
}

// native is the tree with its positions and, once it is checked, types.
func (u *unit) native() *ast.AST { return u.ast.NativeRep() }

// place is where an expression stands in the text, 1-based.
func (u *unit) place(id int64) (line, column int) {
	at := u.native().SourceInfo().GetStartLocation(id)
	return at.Line(), u.callStart(at.Line(), at.Column()+1)
}

// callStart is the column at which the name of a function begins, where the place is the bracket behind it: there cel-go
// says that a call stands.
func (u *unit) callStart(line, column int) int {
	before, after := around(u.expr.Text, line, column)
	if !strings.HasPrefix(after, "(") {
		return column
	}
	return column - len([]rune(before)) + len([]rune(strings.TrimRightFunc(before, isWordRune)))
}

// fault reports a problem at an expression.
func (u *unit) fault(id int64, hint, format string, args ...any) {
	line, column := u.place(id)
	u.faultAt(line, column, hint, format, args...)
}

// faultAt reports a problem at a place of the text, 1-based.
func (u *unit) faultAt(line, column int, hint, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if u.failed == "" {
		u.failed = message
	}
	u.problems = append(u.problems, u.expr.Problem(line, column, u.what+": "+message, hint))
}

// warn reports what is worth saying but no reason to stop; nothing for what came from a trait, which has its own warning.
func (u *unit) warn(lint string, id int64, hint, format string, args ...any) {
	if u.inlined[id] {
		return
	}
	line, column := u.place(id)
	u.warnAt(lint, line, column, hint, format, args...)
}

// warnAt warns about a place of the text, 1-based.
func (u *unit) warnAt(lint string, line, column int, hint, format string, args ...any) {
	problem := u.expr.Problem(line, column, u.what+": "+fmt.Sprintf(format, args...), hint)
	problem.Warning, problem.Lint = true, lint
	u.problems = append(u.problems, problem)
}

// newID returns a fresh id for an expression that stands where another does.
func (u *unit) newID(at int64) int64 {
	id := u.next
	u.next++
	info := u.native().SourceInfo()
	if place, ok := info.GetOffsetRange(at); ok {
		info.SetOffsetRange(id, place)
	}
	return id
}

func (u *unit) call(at int64, function string, args ...ast.Expr) ast.Expr {
	return u.fac.NewCall(u.newID(at), function, args...)
}

func (u *unit) ident(at int64, name string) ast.Expr { return u.fac.NewIdent(u.newID(at), name) }

// copyOf copies an expression, with fresh ids. Where at is not 0, all of the copy stands there.
func (u *unit) copyOf(e ast.Expr, from *ast.SourceInfo, at int64) ast.Expr {
	fresh := u.renumbering(at)
	out := u.fac.CopyExpr(e)
	out.RenumberIDs(fresh)
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(part ast.Expr) {
		if call, ok := from.GetMacroCall(part.ID()); ok {
			copied := u.fac.CopyExpr(call) // some of its ids are those of expressions in the tree
			copied.RenumberIDs(fresh)
			u.native().SourceInfo().SetMacroCall(fresh(part.ID()), copied)
		}
	}))
	return out
}

// renumbering gives every id a fresh one, the same each time.
func (u *unit) renumbering(at int64) func(id int64) int64 {
	fresh := map[int64]int64{}
	if u.inlined == nil {
		u.inlined = map[int64]bool{}
	}
	return func(id int64) int64 {
		if id != 0 && fresh[id] == 0 {
			place := at
			if place == 0 {
				place = id
			}
			fresh[id] = u.newID(place)
			if at != 0 {
				u.inlined[fresh[id]] = true
			} else {
				u.noteCopy(fresh[id], id)
			}
		}
		return fresh[id]
	}
}

// noteCopy remembers where the original of a copy was written.
func (u *unit) noteCopy(copied, from int64) {
	if u.copied == nil {
		u.copied = map[int64]int64{}
	}
	if first, again := u.copied[from]; again {
		from = first
	}
	u.copied[copied] = from
}

// parse reads the text. A syntax error is reported with the spelling that an SQL writer may be looking for.
func (u *unit) parse(env *environment) bool {
	parsed, issues := env.env.Parse(u.expr.Text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		line, column := first.Location.Line(), first.Location.Column()+1
		message, hint, back := explainSyntax(u.expr.Text, line, column, first.Message)
		u.faultAt(line, column-back, hint, "%s", message)
		return false
	}
	u.ast, u.fac, u.next = parsed, ast.NewExprFactory(), ast.MaxID(parsed.NativeRep())
	return true
}

// appendNew appends a text that is not there yet.
func appendNew(list []string, text string) []string {
	for _, have := range list {
		if have == text {
			return list
		}
	}
	return append(list, text)
}
