package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/uuid"

	"strata/configs"
)

// The oracle answers a rule row by row with cel-go's own interpreter: the same front end, none of the graph and kernels.

// An oracle is one rule, checked.
type oracle struct {
	program   cel.Program   // nulls are bound as unknown values
	partial   cel.Program   // nulls of columns are left out by patterns; those further in are bound
	keys      []cel.Program // of every index, alone
	text      string
	tree      *ast.AST
	variables map[string]*variable
	zone      *time.Location
	rec       arrow.Record
	userID    string
	surveyed  map[string][]ref.Val // by variable: what a population function answers in each row
}

// testStep is a step with one segment, "it".
func testStep(rule string, change func(s *Step)) Step {
	now := time.Date(2026, 3, 29, 22, 0, 0, 0, time.UTC) // the midnight that ends the short day in Paris
	s := Step{
		Definitions: &configs.Definitions{Timezone: "Europe/Paris", UserID: "user_id", Segments: []configs.Segment{{Name: "it", When: configs.NewExpr(rule)}}},
		Now:         now, Today: int32(dayOf(time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC))),
	}
	if change != nil {
		change(&s)
	}
	return s
}

// newOracle checks the rule of a step's only segment.
func newOracle(step Step, rec arrow.Record, userID string) (*oracle, error) {
	location, err := loadZone(step.Definitions.Timezone)
	if err != nil {
		return nil, err
	}
	c := &compiler{schema: rec.Schema(), opts: Options{UserID: userID}, graph: newGraph(), zones: map[string]*zone{}}
	s := &stepCompiler{compiler: c, definitions: step.Definitions, lists: step.Lists}
	if err := s.start(&clockwork{now: step.Now, today: int64(step.Today), zone: location, lists: step.Lists, horizon: step.Now, horizonDay: int64(step.Today)}); err != nil {
		return nil, err
	}
	s.compileRules()
	if err := s.problems().Err(); err != nil {
		return nil, err
	}
	it := s.rules[step.Definitions.Segments[0].Name]
	o := &oracle{text: step.Definitions.Segments[0].When.Text, tree: it.native(), variables: s.front.env.variables, zone: location, rec: rec, userID: userID, surveyed: map[string][]ref.Val{}}
	if err := o.survey(s.front.env.env); err != nil {
		return nil, err
	}
	answerable := withVariables(o.tree, o.tree.Expr())
	if o.program, err = s.front.env.env.PlanProgram(answerable, exactly); err != nil {
		return nil, err
	}
	if o.partial, err = s.front.env.env.PlanProgram(answerable, exactly, cel.EvalOptions(cel.OptPartialEval)); err != nil {
		return nil, err
	}
	return o, o.planKeys(s.front.env.env, answerable)
}

// planKeys plans the key of every index as a program of its own.
func (o *oracle) planKeys(env *cel.Env, tree *ast.AST) (err error) {
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if err != nil || e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Index {
			return
		}
		var key cel.Program
		key, err = env.PlanProgram(ast.NewCheckedAST(ast.NewAST(e.AsCall().Args()[1], tree.SourceInfo()), tree.TypeMap(), tree.ReferenceMap()), exactly)
		o.keys = append(o.keys, key)
	}))
	return err
}

// keyFails says whether the key of an index fails in a row, or cannot be answered alone, being about an element.
func (o *oracle) keyFails(i int) bool {
	return slices.ContainsFunc(o.keys, func(key cel.Program) bool { return letterOf(key.Eval(&oracleRow{o, i})) == 'E' })
}

// row answers one row: T, F, U or E.
func (o *oracle) row(i int) byte { return letterOf(o.program.Eval(&oracleRow{o, i})) }

// rowInPart answers one row as row does, in the way that cel-go documents for what is unknown.
func (o *oracle) rowInPart(i int) byte {
	bindings := &oracleRow{o, i}
	var nulls []*cel.AttributePatternType
	for _, name := range freeNames(o.tree.Expr(), nil, nil) {
		if value, ok := bindings.ResolveName(name); ok && value == ref.Val(unknown) {
			nulls = append(nulls, cel.AttributePattern(name))
		}
	}
	known, err := cel.PartialVars(bindings, nulls...)
	if err != nil {
		panic(err) // bindings are an activation
	}
	return letterOf(o.partial.Eval(known))
}

func letterOf(value ref.Val, _ *cel.EvalDetails, err error) byte {
	switch {
	case types.IsUnknown(value):
		return 'U'
	case value == nil && err != nil || types.IsError(value):
		return 'E'
	case value == types.True:
		return 'T'
	case value == types.False:
		return 'F'
	}
	return '?'
}

// answers spells all rows.
func (o *oracle) answers() string {
	var b strings.Builder
	for i := range int(o.rec.NumRows()) {
		b.WriteByte(o.row(i))
	}
	return b.String()
}

// agree compares the two ways of binding nulls. Where a key fails, an index of what is null is unknown to the first, which asks
// for its operand before the key, and fails in the second, which resolves keys first; strata answers as the first.
func (o *oracle) agree(t *testing.T, answers string) {
	t.Helper()
	for i := range int(o.rec.NumRows()) {
		if got := o.rowInPart(i); got != answers[i] && !(got == 'E' && o.keyFails(i)) {
			t.Fatalf("%s\nrow %d: bound as unknown values nulls give %c, left out as patterns %c\n%s", o.text, i, answers[i], got, spellRow(o.rec, i))
		}
	}
}

// An oracleRow binds the columns of one row, each read from its Arrow array.
type oracleRow struct {
	*oracle
	i int
}

func (r *oracleRow) ResolveName(name string) (any, bool) {
	if name == userIDName {
		return r.id(), true
	}
	if values := r.surveyed[name]; values != nil {
		return values[r.i], true
	}
	v := r.variables[name]
	if v == nil || v.fault != nil {
		return nil, false
	}
	at := r.rec.Schema().FieldIndices(v.field.Name)
	value := arrowValue(r.rec.Column(at[0]), r.i, v.stored, r.zone)
	for _, text := range v.nullText {
		if value == types.String(text) {
			return unknown, true
		}
	}
	return r.declared(v, value), true
}

func (r *oracleRow) Parent() cel.Activation { return nil }

// declared converts a value to the type that its column is declared as.
func (r *oracleRow) declared(v *variable, value ref.Val) ref.Val {
	if v.as == "" || types.IsUnknownOrError(value) || v.stored.kind == v.typ.kind && v.as != "uuid" {
		return value
	}
	if v.as == "uuid" {
		var id uuid.UUID
		var err error
		switch value := value.(type) {
		case types.Bytes:
			id, err = uuid.FromBytes(value)
		case types.String:
			if len(value) != 36 {
				return types.NewErr("not a UUID")
			}
			id, err = uuid.Parse(string(value))
		}
		if err != nil {
			return types.WrapErr(err)
		}
		return types.String(id.String())
	}
	if t, ok := value.(types.Timestamp); ok && v.as == "date" {
		return date(dayOf(t.In(r.zone)))
	}
	if d, ok := value.(date); ok && v.as == "timestamp" {
		c := civilOf(int64(d))
		return fromTime(refWall(time.Date(int(c.year), time.Month(c.month), int(c.day), 0, 0, 0, 0, r.zone), time.Unix(int64(d)*86400, 0).UTC()))
	}
	if v.as == "date" {
		return dateOfText(nil, []ref.Val{value})
	}
	return value.ConvertToType(celTypes[v.typ.kind])
}

// id is the canonical text of the user id.
func (r *oracleRow) id() ref.Val {
	at := r.rec.Schema().FieldIndices(r.userID)
	if len(at) == 0 {
		return unknown
	}
	f := r.rec.Schema().Field(at[0])
	typ, _ := typeOf(f.Name, f)
	switch value := arrowValue(r.rec.Column(at[0]), r.i, typ, r.zone).(type) {
	case types.String:
		if id, err := uuid.Parse(string(value)); err == nil && len(value) == 36 {
			return types.String(id.String())
		}
		return value
	case types.Bytes:
		return types.String(fmt.Sprintf("%x", []byte(value)))
	case *types.Unknown:
		return value
	default:
		return value.ConvertToType(types.StringType)
	}
}

// engine answers the rule of a step's only segment with the plan, and as it is written: both must agree.
func engine(t testing.TB, step Step, rec arrow.Record, userID string, batchRows int) (string, *Plan, error) {
	t.Helper()
	got, plan, err := engineWith(t, step, rec, batchRows, Options{UserID: userID})
	if err != nil {
		return "", nil, err
	}
	written, _, err := engineWith(t, step, rec, batchRows, Options{UserID: userID, AsWritten: true})
	if err != nil || written != got {
		t.Fatalf("%s: answered as it is written: %v\n got %s\nwant %s", step.Definitions.Segments[0].When.Text, err, got, written)
	}
	return got, plan, nil
}

func engineWith(t testing.TB, step Step, rec arrow.Record, batchRows int, opts Options) (string, *Plan, error) {
	t.Helper()
	plan, err := Compile(rec.Schema(), []Step{step}, opts)
	if err != nil {
		return "", nil, err
	}
	if err := plan.Population().Measure(rec); err != nil {
		t.Fatal(err)
	}
	answers, err := plan.NewEvaluator(batchRows).EvalRecord(rec)
	if err != nil {
		t.Fatalf("%s: %v", step.Definitions.Segments[0].When.Text, err)
	}
	return answers.Cut(plan.Segments(0)[0].When).String(), plan, nil
}

// newRecord makes a record that the test releases.
func newRecord(t testing.TB, schema *arrow.Schema, columns []arrow.Array) arrow.Record {
	t.Helper()
	rows := 0
	if len(columns) > 0 {
		rows = columns[0].Len()
	}
	rec := array.NewRecord(schema, columns, int64(rows))
	t.Cleanup(rec.Release)
	return rec
}
