package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// A frontend turns the expressions of one step into checked trees.
type frontend struct {
	env            *environment
	traits         map[string]*trait
	traitPath      []string // the traits being prepared
	segmentNames   []string
	lifecycleNames []string
	stageNames     map[string][]string // by lifecycle
	textOnly       bool                // there is no snapshot: what columns decide is not checked
	lints          bool                // warnings are wanted
}

// compile takes a rule through the front end. What is wrong is in its problems.
func (s *frontend) compile(u *unit) {
	if !u.parse(s.env) {
		return
	}
	s.rewrite(u)
	if u.failed != "" || s.textOnly {
		return
	}
	s.checkUnit(u)
	if u.failed == "" {
		if typ := u.native().GetType(u.native().Expr().ID()); typ.Kind() != cel.BoolType.Kind() && typ.Kind() != cel.DynType.Kind() {
			u.fault(leftmost(u.native().Expr()), "compare it with something", "the rule gives %s, not true or false", article(cel.FormatCELType(typ)))
		}
	}
}

// checkUnit checks types, then what types do not tell.
func (s *frontend) checkUnit(u *unit) {
	issues := u.check(s.env)
	for i, issue := range issues {
		if strings.Contains(issue.Message, "!error!") && (i < len(issues)-1 || u.failed != "") {
			continue // it follows from another fault
		}
		message, hint := s.explain(u, issue)
		line := issue.Location.Line()
		u.faultAt(line, u.callStart(line, issue.Location.Column()+1), hint, "%s", message)
	}
	if u.failed == "" {
		s.validate(u)
	}
	if u.failed == "" && s.lints {
		s.lint(u)
	}
}

// leftmost is the id of the expression with which the text of e begins.
func leftmost(e ast.Expr) int64 {
	for {
		switch e.Kind() {
		case ast.SelectKind:
			e = e.AsSelect().Operand()
			continue
		case ast.CallKind:
			c := e.AsCall()
			if c.IsMemberFunction() {
				e = c.Target()
				continue
			}
			if infix(c.FunctionName()) && len(c.Args()) > 1 {
				e = c.Args()[0]
				continue
			}
		}
		return e.ID()
	}
}

// infix says whether a function is an operator between its arguments.
func infix(function string) bool {
	_, found := operators.FindReverseBinaryOperator(function)
	return found || function == operators.Conditional || function == operators.Index
}

var (
	undeclared      = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	undefinedField  = regexp.MustCompile(`^undefined field '([^']*)'`)
	noSelection     = regexp.MustCompile(`^type '([^']*)' does not support field selection`)
	noRange         = regexp.MustCompile(`^expression of type '([^']*)' cannot be range`)
	expectedButHave = regexp.MustCompile(`^expected type '([^']*)' but found '([^']*)'`)
)

// explain words what the checker found, and the way out.
func (s *frontend) explain(u *unit, issue *cel.Error) (message, hint string) {
	if function, signature, ok := noOverload(issue.Message); ok {
		message, hint = s.explainOverload(function, signature)
		if name := s.quotedColumn(u, issue.ExprID); name != "" {
			hint = fmt.Sprintf("%q in quotes is a text; write %s for the column", name, name)
		}
		return message, hint
	}
	if m := undeclared.FindStringSubmatch(issue.Message); m != nil {
		return s.explainName(u, m[1], issue.ExprID)
	}
	if m := undefinedField.FindStringSubmatch(issue.Message); m != nil {
		return s.explainField(u, m[1], issue.ExprID)
	}
	if m := noSelection.FindStringSubmatch(issue.Message); m != nil {
		if strings.HasPrefix(m[1], "list(") {
			return "a list has no fields, its elements have", "write l.exists(x, x.field > 1), or all, exists_one, count"
		}
		return fmt.Sprintf("%s has no fields", article(m[1])), ""
	}
	if m := noRange.FindStringSubmatch(issue.Message); m != nil {
		return fmt.Sprintf("%s is no list", article(m[1])), ""
	}
	if m := expectedButHave.FindStringSubmatch(issue.Message); m != nil {
		message = fmt.Sprintf("this must be %s and is %s", article(m[1]), article(m[2]))
		if m[1] == "bool" {
			return message, `each side of && and || is a condition of its own: x == "a" || x == "b", or x in ["a", "b"]; + joins texts`
		}
		return message, overloadHint("", m[1]+", "+m[2])
	}
	return issue.Message, ""
}

func (s *frontend) explainOverload(function, signature string) (message, hint string) {
	shown := function
	if symbol, ok := operators.FindReverse(function); ok && symbol != "" {
		shown = symbol
	}
	switch function {
	case operators.Conditional:
		shown = "? :"
	case operators.Index:
		shown = "[]"
	case operators.In:
		shown = "in"
	case inFile, inUUIDFile:
		shown = "in file()"
		signature = strings.Replace(signature, ", string)", ")", 1)
	case "is_not_null":
		shown = "has"
	case listSum, listAvg, listMin, listMax:
		shown = strings.TrimPrefix(function, "list ")
		signature = strings.Replace(strings.Replace(signature, "list(", "", 1), ")", "", 1)
	}
	if !strings.HasPrefix(signature, "(") { // a method: type.(args)
		signature = strings.Replace(signature, ".(", ", ", 1)
		signature = "(" + strings.Replace(signature, ", )", ")", 1)
	}
	return fmt.Sprintf("%s does not take %s", shown, signature), overloadHint(function, signature)
}

// explainName words an unknown name: a function's where it is called, else a column's.
func (s *frontend) explainName(u *unit, name string, id int64) (message, hint string) {
	if e := u.find(id); e != nil && e.Kind() == ast.CallKind {
		if name == "now" || name == "today" {
			return fmt.Sprintf("%s is a constant, not a function", name), "write " + name + " without brackets"
		}
		if sums := strings.ToLower(name); sums != name && (sums == "count" || aggregates[sums] != "") {
			return fmt.Sprintf("a rule looks at one user, so %s() of users is not part of it", name), "l." + sums + "(x, x.amount) is that of a list; mean(x) and quantile(x, 0.5) look at all users"
		}
		if name == "count" {
			return "count() is a list's", "write l.count(x, x > 1)"
		}
		if aggregates[name] != "" {
			return name + "() is a list's", fmt.Sprintf("write l.%s(x, x.amount), or l.%s(x, x) where the elements are the values", name, name)
		}
		return fmt.Sprintf("there is no function %q", name), functionHint(name)
	}
	message = fmt.Sprintf("the snapshot has no column %q", name)
	if written, ok := sqlNames[strings.ToUpper(name)]; ok {
		return fmt.Sprintf("rules have no %s", name), written
	}
	var names []string
	for _, column := range slices.Sorted(maps.Keys(s.env.variables)) {
		if usableName(column) {
			names = append(names, column)
		} else if strings.HasPrefix(column, name) && strings.Contains(u.expr.Text, column) {
			return message, fmt.Sprintf("rules cannot write %s; declare it: snapshot.columns: {%s: {column: %s}}", column, asIdentifier(column), column)
		}
	}
	for trait := range maps.Keys(s.traits) {
		names = append(names, trait)
	}
	slices.Sort(names)
	hint = near(name, names)
	switch {
	case hint == "" && s.comparedWithText(u, id):
		return message, fmt.Sprintf("a text is in quotes: %q", name)
	case hint == "" && strings.Contains(u.expr.Text, "--"):
		return message, "a comment in a rule begins with //"
	}
	for column, v := range s.env.variables {
		if hint == fmt.Sprintf("did you mean %q?", column) && v.fault == nil {
			hint += fmt.Sprintf(" (%s)", v.typ)
		}
	}
	return message, hint
}

// quotedColumn finds a text among the arguments of a call that is a column's name.
func (s *frontend) quotedColumn(u *unit, id int64) string {
	e := u.find(id)
	if e == nil || e.Kind() != ast.CallKind {
		return ""
	}
	for _, arg := range e.AsCall().Args() {
		if text, ok := textLiteral(arg); ok && s.env.variables[text] != nil && usableName(text) {
			return text
		}
	}
	return ""
}

// comparedWithText says whether a name stands where a text column is compared with it.
func (s *frontend) comparedWithText(u *unit, id int64) bool {
	found := false
	ast.PreOrderVisit(u.native().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if !isCallOf(e, operators.Equals) && !isCallOf(e, operators.NotEquals) {
			return
		}
		for i, side := range e.AsCall().Args() {
			if other := e.AsCall().Args()[1-i]; side.ID() == id && other.Kind() == ast.IdentKind {
				v := s.env.variables[other.AsIdent()]
				found = found || v != nil && v.fault == nil && v.typ.kind == kindString
			}
		}
	}))
	return found
}

// functionHint is the way out of a function that there is not. One that differs in case alone is meant before what SQL means.
func functionHint(name string) string {
	for _, known := range functionNames {
		if strings.EqualFold(known, name) {
			return fmt.Sprintf("did you mean %q?", known)
		}
	}
	if written, ok := sqlFunctions[strings.ToUpper(name)]; ok {
		return written
	}
	return near(name, functionNames)
}

// asIdentifier is a name that rules can write in place of another.
func asIdentifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && isWordRune(r) {
			return r
		}
		return '_'
	}, name)
}

// explainField words an unknown field, or one that rules cannot use, of the struct that a selection looks into.
func (s *frontend) explainField(u *unit, name string, id int64) (message, hint string) {
	structs := map[string]valueType{}
	for _, v := range s.env.variables {
		if v.fault == nil {
			v.typ.structs(structs)
		}
	}
	path := ""
	if e := u.find(id); e != nil && e.Kind() == ast.SelectKind {
		path = dotted(e.AsSelect().Operand())
	}
	_, found := structs[path] // else it is an element's field
	var names []string
	for structName, t := range structs {
		if found && structName != path {
			continue
		}
		for _, f := range t.fields {
			if f.name == name && f.fault != nil {
				return fmt.Sprintf("field %q of %q %s", name, structName, f.fault), ""
			}
			names = append(names, f.name)
		}
	}
	slices.Sort(names)
	return fmt.Sprintf("there is no field %q", name), near(name, names)
}

// dotted is the path that a selection spells, or empty.
func dotted(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if before := dotted(e.AsSelect().Operand()); before != "" {
			return before + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}
