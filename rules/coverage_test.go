package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// A coverage counts what random rules were about and what they answered, and fails where they leave something out.
type coverage struct {
	rules   int
	answers map[byte]int   // by T, F, U and E
	calls   map[string]int // by signature
	macros  map[string]int // by macro
	shapes  map[string]int // by shape of a column that a rule reads
}

func newCoverage() *coverage {
	return &coverage{answers: map[byte]int{}, calls: map[string]int{}, macros: map[string]int{}, shapes: map[string]int{}}
}

// note counts a rule that was checked and answered.
func (c *coverage) note(o *oracle, answers string) {
	c.rules++
	for i := range len(answers) {
		c.answers[answers[i]]++
	}
	for _, call := range o.tree.SourceInfo().MacroCalls() {
		c.macros[call.AsCall().FunctionName()]++
	}
	ast.PreOrderVisit(o.tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.CallKind:
			c.calls[callOf(o.tree, e)]++
		case ast.IdentKind:
			if v := o.variables[e.AsIdent()]; v != nil && v.fault == nil {
				c.shapes[shapeOf(v)]++
			}
		}
	}))
}

// callOf spells a call as signatures do.
func callOf(tree *ast.AST, e ast.Expr) string {
	call := e.AsCall()
	exprs := call.Args()
	if call.IsMemberFunction() {
		exprs = append([]ast.Expr{call.Target()}, exprs...)
	}
	var args []*cel.Type
	for _, arg := range exprs {
		if isCallOf(arg, "dyn") {
			arg = arg.AsCall().Args()[0]
		}
		args = append(args, tree.GetType(arg.ID()))
	}
	return spellCall(call.FunctionName(), args)
}

// shapeOf is the shape of a column's name, such as c3_list_int, and what it is declared as.
func shapeOf(v *variable) string {
	_, shape, _ := strings.Cut(v.field.Name, "_")
	if v.field.Name == "user_id" {
		shape = "user_id"
	}
	if v.as != "" {
		return "any as " + v.as
	}
	return shape
}

// missing lists what rules should have said, and did not.
func (c *coverage) missing() (out []string) {
	for _, sig := range signatures() {
		if c.calls[sig.String()] == 0 {
			out = append(out, sig.String())
		}
	}
	for _, macro := range spokenMacros() {
		if c.macros[macro] == 0 {
			out = append(out, macro+"() of a list")
		}
	}
	for _, shape := range shapes {
		if c.shapes[shape] == 0 && !strings.HasPrefix(shape, "decimal") { // those of many digits are declared as double
			out = append(out, "a column of shape "+shape)
		}
	}
	for as := range declarable {
		if c.shapes["any as "+as] == 0 {
			out = append(out, "a column declared as "+as)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// spokenMacros are the macros of the environment that are called on a list.
func spokenMacros() (out []string) {
	env, err := newEnvironment(nil, nil, nil, &clockwork{})
	if err != nil {
		panic(err) // it declares the same for every rule
	}
	for _, macro := range env.env.Macros() {
		if macro.IsReceiverStyle() && !strings.Contains(macro.Function(), ".") && macro.Function() != "greatest" && macro.Function() != "least" {
			out = append(out, macro.Function())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// check fails where an answer is rare or something was never said.
func (c *coverage) check(t *testing.T) {
	t.Helper()
	total := 0
	for _, n := range c.answers {
		total += n
	}
	for _, answer := range []byte("TFUE") {
		if share := 100 * float64(c.answers[answer]) / float64(max(total, 1)); share < 5 {
			t.Errorf("only %.1f %% of the answers are %c", share, answer)
		}
	}
	if missing := c.missing(); len(missing) > 0 {
		t.Errorf("no random rule says:\n%s\nspeaker_test.go has literalArguments for functions whose arguments must be literals", strings.Join(missing, "\n"))
	}
}

// String is the table of counts.
func (c *coverage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rules\n", c.rules)
	for _, of := range []struct {
		title  string
		counts map[string]int
	}{{"answers", byName(c.answers)}, {"macros", c.macros}, {"columns", c.shapes}, {"calls", c.calls}} {
		fmt.Fprintf(&b, "\n%s\n", of.title)
		for _, name := range slices.Sorted(maps.Keys(of.counts)) {
			fmt.Fprintf(&b, "%9d %s\n", of.counts[name], name)
		}
	}
	return b.String()
}

func byName(answers map[byte]int) map[string]int {
	names, out := map[byte]string{'T': "true", 'F': "false", 'U': "unknown", 'E': "error"}, map[string]int{}
	for answer, n := range answers {
		out[names[answer]] = n
	}
	return out
}
