package rules

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	testpb "cel.dev/expr/conformance/test"

	_ "cel.dev/expr/conformance/proto2" // the messages that the files mention
	_ "cel.dev/expr/conformance/proto3"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/parser"
	exprpb "cel.dev/expr"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The public conformance tests of CEL, and what makes rules and columns of them.

// A suiteTest is one test of the suite, by a name that no other has: file/section/test.
type suiteTest struct {
	*testpb.SimpleTest
	name string
}

// readSuite reads all tests of the suite, in its order, and says which version of the module they come from.
func readSuite(t *testing.T) (out []suiteTest, version string) {
	t.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", "cel.dev/expr").Output()
	if err != nil {
		t.Skip("go cannot tell where the module cel.dev/expr is")
	}
	version, dir, _ := strings.Cut(strings.TrimSpace(string(module)), " ")
	files, err := filepath.Glob(filepath.Join(dir, "tests", "simple", "testdata", "*.textproto"))
	if err != nil || len(files) == 0 {
		t.Fatal("the suite has no files: ", err)
	}
	seen := map[string]int{}
	for _, path := range files {
		for _, test := range readSuiteFile(t, path) {
			if seen[test.name]++; seen[test.name] > 1 {
				test.name = fmt.Sprintf("%s#%d", test.name, seen[test.name])
			}
			out = append(out, test)
		}
	}
	return out, version
}

func readSuiteFile(t *testing.T, path string) (out []suiteTest) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file testpb.SimpleTestFile
	if err := prototext.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, section := range file.GetSection() {
		for _, test := range section.GetTest() {
			name := strings.TrimSuffix(filepath.Base(path), ".textproto") + "/" + section.GetName() + "/" + test.GetName()
			out = append(out, suiteTest{test, strings.ReplaceAll(name, " ", "_")})
		}
	}
	return out
}

// A suiteMode says which literals of a test become columns.
type suiteMode struct{ name, what string }

var (
	asWritten = suiteMode{"written", "as written: literals stay, and constants are folded"}
	asColumns = suiteMode{"columns", "as columns: every literal is a column"}
	asLeaves  = suiteMode{"leaves", "as leaves: the first literal is a column, the others are constants"}
	asStored  = suiteMode{"stored", "as stored lists and maps: each is a column"}
)

// A suiteRule is a test as a rule over columns. One whose answer is wanted is a row of them.
type suiteRule struct {
	text   string
	names  []string // of the columns
	values []ref.Val
	want   byte
}

// ruleOf makes a rule of a test: it compares the test's expression with the expected value. Where none can be made, it says
// why.
func ruleOf(test suiteTest, mode suiteMode) (rule *suiteRule, why string) {
	rule = &suiteRule{}
	if why := rule.bind(test); why != "" {
		return nil, why
	}
	text, why := rule.expect(test)
	if why != "" {
		return nil, why
	}
	parsed, issues := plainEnv().Parse(text)
	if issues.Err() != nil {
		return nil, issues.Errors()[0].Message
	}
	h := &hoister{fac: ast.NewExprFactory(), mode: mode, rule: rule}
	tree := parsed.NativeRep()
	h.expr(tree.Expr())
	if h.changed && h.quoted {
		return nil, "a quoted name"
	}
	if rule.text = text; h.changed {
		if rule.text, why = unparse(tree); why != "" {
			return nil, why
		}
	}
	if len(rule.values) == 0 && mode != asWritten {
		return nil, "no column: it has no literal"
	}
	if mode == asStored && !h.stored {
		return nil, "no list or map that a column could hold"
	}
	return rule, ""
}

func unparse(tree *ast.AST) (text, why string) {
	text, err := parser.Unparse(tree.Expr(), tree.SourceInfo())
	if err != nil {
		return "", err.Error()
	}
	return text, ""
}

// bind makes columns of what a test binds.
func (r *suiteRule) bind(test suiteTest) (why string) {
	switch {
	case test.GetCheckOnly():
		return "it asks for a type, not for a value"
	case test.GetContainer() != "":
		return "container " + test.GetContainer()
	case len(test.GetTypeEnv()) > len(test.GetBindings()):
		return "it declares functions of its own"
	}
	for name, bound := range test.GetBindings() {
		value := valueOf(bound.GetValue())
		if value == nil {
			return "a message is bound"
		}
		if columnType(value) == nil {
			return "no column holds what is bound"
		}
		r.names, r.values = append(r.names, name), append(r.values, value)
	}
	return ""
}

// expect writes the rule that is true, or an error, where a test is right.
func (r *suiteRule) expect(test suiteTest) (text, why string) {
	e := "(" + test.GetExpr() + "\n)"
	value := &exprpb.Value{Kind: &exprpb.Value_BoolValue{BoolValue: true}}
	r.want = 'T'
	switch result := test.GetResultMatcher().(type) {
	case nil:
	case *testpb.SimpleTest_Value:
		value = result.Value
	case *testpb.SimpleTest_TypedResult:
		value = result.TypedResult.GetResult()
	case *testpb.SimpleTest_EvalError:
		r.want = 'E'
		return e + " == " + e, ""
	default:
		return "", "it expects one of several outcomes"
	}
	if math.IsNaN(value.GetDoubleValue()) {
		return "!(" + e + " == " + e + ")", ""
	}
	spelled, ok := spellValue(value)
	if !ok {
		return "", "a message is expected"
	}
	return e + " == " + spelled, ""
}

// spellValue writes a value in CEL.
func spellValue(value *exprpb.Value) (text string, ok bool) {
	switch v := value.GetKind().(type) {
	case *exprpb.Value_NullValue:
		return "null", true
	case *exprpb.Value_BoolValue:
		return strconv.FormatBool(v.BoolValue), true
	case *exprpb.Value_Int64Value:
		return fmt.Sprint(v.Int64Value), true
	case *exprpb.Value_Uint64Value:
		return fmt.Sprint(v.Uint64Value, "u"), true
	case *exprpb.Value_DoubleValue:
		return suiteDouble(v.DoubleValue), true
	case *exprpb.Value_StringValue:
		return strconv.Quote(v.StringValue), true
	case *exprpb.Value_BytesValue:
		return `b"` + spellBytes(v.BytesValue) + `"`, true
	case *exprpb.Value_TypeValue:
		return v.TypeValue, true
	case *exprpb.Value_ObjectValue:
		return spellTime(v)
	case *exprpb.Value_ListValue:
		var elements []string
		for _, element := range v.ListValue.GetValues() {
			text, ok := spellValue(element)
			if !ok {
				return "", false
			}
			elements = append(elements, text)
		}
		return "[" + strings.Join(elements, ", ") + "]", true
	case *exprpb.Value_MapValue:
		var entries []string
		for _, entry := range v.MapValue.GetEntries() {
			key, okKey := spellValue(entry.GetKey())
			value, okValue := spellValue(entry.GetValue())
			if !okKey || !okValue {
				return "", false
			}
			entries = append(entries, key+": "+value)
		}
		return "{" + strings.Join(entries, ", ") + "}", true
	}
	return "", false
}

func suiteDouble(v float64) string {
	switch text := strconv.FormatFloat(v, 'g', -1, 64); {
	case math.IsInf(v, 0):
		return "(" + strings.TrimPrefix(strings.TrimSuffix(text, "Inf"), "+") + "1.0 / 0.0)"
	case strings.ContainsAny(text, ".e"):
		return text
	default:
		return text + ".0"
	}
}

func spellBytes(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}

// spellTime writes an instant or a duration.
func spellTime(v *exprpb.Value_ObjectValue) (text string, ok bool) {
	message, err := v.ObjectValue.UnmarshalNew()
	if err != nil {
		return "", false
	}
	switch m := message.(type) {
	case *timestamppb.Timestamp:
		return fmt.Sprintf("timestamp(%q)", m.AsTime().Format("2006-01-02T15:04:05.999999999Z")), true
	case *durationpb.Duration:
		return fmt.Sprintf("duration(%q)", fmt.Sprintf("%d.%09ds", m.GetSeconds(), max(m.GetNanos(), -m.GetNanos()))), true
	}
	return "", false
}

// valueOf is a value without messages, or nil.
func valueOf(value *exprpb.Value) ref.Val {
	text, ok := spellValue(value)
	if !ok {
		return nil
	}
	parsed, issues := plainEnv().Parse(text)
	if issues.Err() != nil {
		return nil
	}
	program, err := plainEnv().Program(parsed)
	if err != nil {
		return nil
	}
	out, _, err := program.Eval(map[string]any{})
	if err != nil {
		return nil
	}
	return out
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z_0-9]*$`)

// A hoister makes columns of the literals of an expression.
type hoister struct {
	fac             ast.ExprFactory
	mode            suiteMode
	rule            *suiteRule
	changed, stored bool
	quoted          bool // a field's name is quoted
}

// hoist puts a column in the place of a value that one can hold.
func (h *hoister) hoist(e ast.Expr, value ref.Val) bool {
	if h.mode == asWritten || h.mode == asLeaves && len(h.rule.values) > 0 || columnType(value) == nil {
		return false
	}
	name := fmt.Sprintf("v%d", len(h.rule.values))
	e.SetKindCase(h.fac.NewIdent(e.ID(), name))
	h.rule.names, h.rule.values, h.changed = append(h.rule.names, name), append(h.rule.values, value), true
	return true
}

func (h *hoister) expr(e ast.Expr) {
	switch e.Kind() {
	case ast.LiteralKind:
		if _, _, ok := literalOf(e.AsLiteral()); ok {
			h.hoist(e, e.AsLiteral())
		}
	case ast.CallKind:
		if isCallOf(e, "dyn") { // numbers of two kinds compare without it
			e.SetKindCase(e.AsCall().Args()[0])
			h.changed = true
			h.expr(e)
			return
		}
		h.call(e)
	case ast.SelectKind:
		h.quoted = h.quoted || !plainName.MatchString(e.AsSelect().FieldName())
		h.expr(e.AsSelect().Operand())
	case ast.ListKind:
		if h.mode == asStored && h.store(e) {
			return
		}
		for _, element := range e.AsList().Elements() {
			h.expr(element)
		}
	case ast.MapKind:
		if h.mode == asStored && h.store(e) {
			return
		}
		for _, entry := range e.AsMap().Entries() {
			h.expr(entry.AsMapEntry().Key())
			h.expr(entry.AsMapEntry().Value())
		}
	}
}

// store makes a column of a list or map of constants.
func (h *hoister) store(e ast.Expr) bool {
	if !isConstantTree(e) && e.Kind() != ast.MapKind {
		return false
	}
	program, err := plainEnv().PlanProgram(ast.NewAST(e, ast.NewSourceInfo(nil)))
	if err != nil {
		return false
	}
	value, _, err := program.Eval(map[string]any{})
	if err != nil || !h.hoist(e, value) {
		return false
	}
	h.stored = true
	return true
}

func (h *hoister) call(e ast.Expr) {
	c := e.AsCall()
	if name := c.FunctionName(); (name == "timestamp" || name == "duration") && len(c.Args()) == 1 {
		if text, ok := textLiteral(c.Args()[0]); ok {
			to := map[string]ref.Type{"timestamp": types.TimestampType, "duration": types.DurationType}[name]
			if value := types.String(text).ConvertToType(to); !types.IsError(value) && h.hoist(e, value) {
				return
			}
		}
	}
	if c.IsMemberFunction() {
		h.expr(c.Target())
	}
	for _, arg := range c.Args() {
		h.expr(arg)
	}
}

// elementsOf are the elements of a list, or the values of a map whose keys are texts; false for another value.
func elementsOf(value ref.Val) (keys []string, elements []ref.Val, ok bool) {
	switch v := value.(type) {
	case traits.Mapper:
		for it := v.Iterator(); it.HasNext() == types.True; {
			key, isText := it.Next().(types.String)
			if !isText {
				return nil, nil, false
			}
			keys, elements = append(keys, string(key)), append(elements, v.Get(key))
		}
		return keys, elements, true
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			elements = append(elements, it.Next())
		}
		return nil, elements, true
	}
	return nil, nil, false
}
