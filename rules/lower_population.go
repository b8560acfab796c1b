package rules

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
)

// A surveyFault is a population function of what it cannot look at.
type surveyFault struct {
	at      int64 // the call's id
	message string
	hint    string
}

// Error words the fault.
func (f *surveyFault) Error() string { return f.message }

// nestedSurvey is the fault of a population function of another one's answers: it would need a pass over the snapshot for each level.
func nestedSurvey(at int64, function string) *surveyFault {
	return &surveyFault{
		at: at, hint: "give it the column itself",
		message: function + "() looks at the values of all users, which may not depend on another such function",
	}
}

// pastSurvey is the fault of a population function of what the previous run left, which is known only when all users are answered.
func pastSurvey(at int64, function string) *surveyFault {
	return &surveyFault{
		at: at, hint: "give it columns of the snapshot",
		message: function + "() looks at the values of all users, which may not depend on the previous run",
	}
}

// survey lowers a call of a population function. Its argument is an argument of the node only where each row's value matters.
func (l *lowerer) survey(e ast.Expr, args []ast.Expr) (nodeID, bool) {
	x, ok := l.lower(args[0])
	if !ok {
		return 0, false
	}
	typ, _ := scalarType(l.tree.GetType(e.ID()))
	switch {
	case l.nodes[x].surveys:
		l.err = nestedSurvey(e.ID(), e.AsCall().FunctionName())
		return 0, false
	case l.nodes[x].looksBack:
		l.err = pastSurvey(e.ID(), e.AsCall().FunctionName())
		return 0, false
	case l.kind(x) == kindNull:
		return l.null(), true
	}
	n := node{op: surveyOps[e.AsCall().FunctionName()], typ: typ, over: x}
	if len(args) == 2 {
		_, size, _ := literalOf(args[1].AsLiteral())
		n.lit = literal{Double: size.Double, Int: size.Int}
	}
	switch n.op {
	case opRank, opNtile:
		n.args = []nodeID{x}
	case opTop:
		n.args = []nodeID{x, l.userID()}
	}
	id := l.add(n)
	l.surveyed = append(l.surveyed, id)
	return id, true
}

// withoutSurveys puts a variable in place of every population function of an expression, for the interpreter, which answers
// one row at a time.
func (l *lowerer) withoutSurveys(e ast.Expr) (ast.Expr, map[int64]*ast.ReferenceInfo, bool) {
	references := l.tree.ReferenceMap()
	out := ast.NewExprFactory().CopyExpr(e)
	calls := surveyCalls(out)
	if len(calls) == 0 {
		return e, references, true
	}
	references = maps.Clone(references)
	for _, call := range calls {
		id, ok := l.survey(call, call.AsCall().Args())
		if !ok {
			return nil, nil, false
		}
		name := fmt.Sprint(surveyPrefix, id)
		references[call.ID()] = ast.NewIdentReference(name, nil)
		call.SetKindCase(ast.NewExprFactory().NewIdent(call.ID(), name))
	}
	return out, references, true
}

// surveyPrefix begins the names of variables that withoutSurveys makes.
const surveyPrefix = "population function "

// surveyedName is the node that such a variable stands for.
func surveyedName(name string) (nodeID, bool) {
	number, ok := strings.CutPrefix(name, surveyPrefix)
	id, err := strconv.Atoi(number)
	return nodeID(id), ok && err == nil
}
