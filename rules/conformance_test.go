package rules

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	testpb "cel.dev/expr/conformance/test"

	_ "cel.dev/expr/conformance/proto2" // the messages that the files mention
	_ "cel.dev/expr/conformance/proto3"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"
	exprpb "cel.dev/expr"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/protobuf/encoding/prototext"
)

// The public conformance tests of CEL, run as columns: every literal of a test becomes a column, so that the kernels see it
// and not the folding of constants.

// conformanceFiles are the files whose tests need no protobuf messages.
var conformanceFiles = []string{
	"basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists", "logic", "macros", "macros2", "math_ext",
	"parse", "string", "string_ext", "timestamps",
}

// conformanceExceptions are the tests whose outcome is another one here, by name.
var conformanceExceptions = map[string]string{
	"not_lt_dyn_int_big_lossy_double":    "rules compare exactly (C029)",
	"not_gt_dyn_big_double_int":          "rules compare exactly (C029)",
	"lte_dyn_big_double_int":             "rules compare exactly (C029)",
	"gte_dyn_int_big_lossy_double":       "rules compare exactly (C029)",
	"has_not":                            "a missing key is null in a column's map only",
	"has_empty":                          "a missing key is null in a column's map only",
	"map_key_float":                      "cel-go's interpreter takes it",
	"map_value_repeat_key":               "cel-go's interpreter takes it",
	"map_value_repeat_key_heterogeneous": "cel-go's interpreter takes it",
	"indexof_out_of_range":               "cel-go's interpreter takes it",
	"lastindexof_out_of_range":           "cel-go's interpreter takes it",
}

// conformanceTests reads the tests of a file.
func conformanceTests(t *testing.T, dir, name string) (out []*testpb.SimpleTest) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "tests", "simple", "testdata", name+".textproto"))
	if err != nil {
		t.Fatal(err)
	}
	var file testpb.SimpleTestFile
	if err := prototext.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, section := range file.GetSection() {
		for _, test := range section.GetTest() {
			if len(test.GetBindings()) == 0 && len(test.GetTypeEnv()) == 0 && test.GetContainer() == "" {
				out = append(out, test)
			}
		}
	}
	return out
}

// A hoister makes columns of the literals of an expression.
type hoister struct {
	fac    ast.ExprFactory
	values []ref.Val
}

func (h *hoister) hoist(e ast.Expr, value ref.Val) {
	e.SetKindCase(h.fac.NewIdent(e.ID(), fmt.Sprintf("v%d", len(h.values))))
	h.values = append(h.values, value)
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
			h.expr(e)
			return
		}
		h.call(e)
	case ast.SelectKind:
		h.expr(e.AsSelect().Operand())
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			h.expr(element)
		}
	case ast.ComprehensionKind:
		h.expr(e.AsComprehension().IterRange())
	}
}

func (h *hoister) call(e ast.Expr) {
	c := e.AsCall()
	if name := c.FunctionName(); (name == "timestamp" || name == "duration") && len(c.Args()) == 1 {
		if text, ok := textLiteral(c.Args()[0]); ok {
			to := types.TimestampType
			if name == "duration" {
				to = types.DurationType
			}
			if value := types.String(text).ConvertToType(to); !types.IsError(value) {
				h.hoist(e, value)
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

// columnOf makes a column of a value, then a null. The second result is false for what no column can hold.
func columnOf(value ref.Val) (arr arrow.Array, ok bool) {
	mem := memory.DefaultAllocator
	var b array.Builder
	switch v := value.(type) {
	case types.Bool:
		b = array.NewBooleanBuilder(mem)
		b.(*array.BooleanBuilder).Append(bool(v))
	case types.Int:
		b = array.NewInt64Builder(mem)
		b.(*array.Int64Builder).Append(int64(v))
	case types.Uint:
		b = array.NewUint64Builder(mem)
		b.(*array.Uint64Builder).Append(uint64(v))
	case types.Double:
		b = array.NewFloat64Builder(mem)
		b.(*array.Float64Builder).Append(float64(v))
	case types.String:
		b = array.NewStringBuilder(mem)
		b.(*array.StringBuilder).Append(string(v))
	case types.Bytes:
		b = array.NewBinaryBuilder(mem, arrow.BinaryTypes.Binary)
		b.(*array.BinaryBuilder).Append(v)
	case types.Timestamp:
		unit, at := arrow.Second, v.Unix()
		if v.Nanosecond() != 0 {
			if unit, at = arrow.Nanosecond, v.UnixNano(); !time.Unix(0, at).Equal(v.Time) {
				return nil, false
			}
		}
		b = array.NewTimestampBuilder(mem, &arrow.TimestampType{Unit: unit, TimeZone: "UTC"})
		b.(*array.TimestampBuilder).Append(arrow.Timestamp(at))
	case types.Duration:
		b = array.NewDurationBuilder(mem, &arrow.DurationType{Unit: arrow.Nanosecond})
		b.(*array.DurationBuilder).Append(arrow.Duration(v.Duration))
	default:
		return nil, false
	}
	defer b.Release()
	b.AppendNull()
	return b.NewArray(), true
}

// expected is the value that a test expects, as far as a column can hold it.
func expected(v *exprpb.Value) ref.Val {
	switch v := v.GetKind().(type) {
	case *exprpb.Value_BoolValue:
		return types.Bool(v.BoolValue)
	case *exprpb.Value_Int64Value:
		return types.Int(v.Int64Value)
	case *exprpb.Value_Uint64Value:
		return types.Uint(v.Uint64Value)
	case *exprpb.Value_DoubleValue:
		return types.Double(v.DoubleValue)
	case *exprpb.Value_StringValue:
		return types.String(v.StringValue)
	case *exprpb.Value_BytesValue:
		return types.Bytes(v.BytesValue)
	}
	return nil
}

// conformance runs one test: skipped says that rules do not have what it needs.
func conformance(t *testing.T, test *testpb.SimpleTest) (skipped bool) {
	parsed, issues := plainEnv().Parse(test.GetExpr())
	if issues.Err() != nil {
		return true
	}
	h := &hoister{fac: ast.NewExprFactory()}
	tree := parsed.NativeRep()
	h.expr(tree.Expr())
	text, err := parser.Unparse(tree.Expr(), tree.SourceInfo())
	if err != nil {
		return true
	}
	want, rule := byte('T'), "("+text+") == v"+fmt.Sprint(len(h.values))
	if test.GetResultMatcher() == nil {
		return h.run(t, test, text, want)
	}
	switch result := test.GetResultMatcher().(type) {
	case *testpb.SimpleTest_Value:
		value := expected(result.Value)
		if value == nil {
			return true
		}
		h.values = append(h.values, value)
		if d, ok := value.(types.Double); ok && math.IsNaN(float64(d)) {
			rule = "!(" + text + " == " + text + ")"
		}
	case *testpb.SimpleTest_EvalError:
		want, rule = 'E', "("+text+") == ("+text+")"
	default:
		return true
	}
	return h.run(t, test, rule, want)
}

// run answers a rule over the hoisted values.
func (h *hoister) run(t *testing.T, test *testpb.SimpleTest, rule string, want byte) (skipped bool) {
	var fields []arrow.Field
	var arrays []arrow.Array
	for i, value := range h.values {
		arr, ok := columnOf(value)
		if !ok {
			return true
		}
		defer arr.Release()
		arrays = append(arrays, arr)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("v%d", i), Type: arr.DataType(), Nullable: true})
	}
	rec := array.NewRecord(arrow.NewSchema(fields, nil), arrays, 2)
	defer rec.Release()
	step := testStep(rule, func(s *Step) { s.Definitions.Timezone = "UTC" })
	got, _, err := engine(t, step, rec, "user_id", 0)
	if err != nil {
		return true // it needs what rules leave out
	}
	if why := conformanceExceptions[test.GetName()]; got[0] != want && why == "" {
		t.Errorf("%s: %s, as %s: got %c, want %c", test.GetName(), test.GetExpr(), rule, got[0], want)
	}
	if o, err := newOracle(step, rec, "user_id"); err == nil && !mixesNumbers(o.tree) && o.answers() != got {
		t.Errorf("%s: %s: got %s, the oracle says %s", test.GetName(), rule, got, o.answers())
	}
	return false
}

// TestConformance runs the tests that need nothing that rules leave out.
func TestConformance(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "cel.dev/expr").Output()
	if err != nil {
		t.Skip("go cannot tell where the module cel.dev/expr is")
	}
	total, run := 0, 0
	for _, name := range conformanceFiles {
		t.Run(name, func(t *testing.T) {
			tests, skipped := conformanceTests(t, strings.TrimSpace(string(dir)), name), 0
			for _, test := range tests {
				if conformance(t, test) {
					skipped++
				}
			}
			total, run = total+len(tests), run+len(tests)-skipped
			t.Logf("%d of %d", len(tests)-skipped, len(tests))
		})
	}
	t.Logf("%d of %d tests run as columns", run, total)
	if run < 1100 {
		t.Errorf("only %d tests run", run)
	}
}
