package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/parser"
	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// A variable is what a rule may name: a column of the snapshot, under its own name or a declared one.
type variable struct {
	name     string
	field    arrow.Field // of the snapshot
	stored   valueType   // as the column is stored
	typ      valueType   // as rules see it
	as       string      // the declared type, or empty
	nullText []string    // texts that count as null
	fault    error       // why rules cannot use it; the other fields then mean nothing
	hint     string      // the way out of fault
}

// Names that the front end gives to values that rules cannot name: no identifier has a space.
const (
	userIDName    = "user id"
	segmentPrefix = "segment "
	stagePrefix   = "stage "
)

// variablesOf lists what the rules of a step may name: the schema's fields, and what its definitions declare.
func variablesOf(schema *arrow.Schema, declared []configs.ColumnDecl) map[string]*variable {
	out := map[string]*variable{}
	for _, f := range schema.Fields() {
		out[f.Name] = newVariable(f.Name, f)
	}
	for _, d := range declared {
		column := d.Column
		if column == "" {
			column = d.Name
		}
		at := schema.FieldIndices(column)
		if len(at) == 0 {
			out[d.Name] = &variable{name: d.Name, fault: fmt.Errorf("the snapshot has no column %q", column), hint: near(column, columnNames(schema))}
			continue
		}
		v := newVariable(d.Name, schema.Field(at[0]))
		v.as, v.nullText = d.As, d.NullText
		v.declare()
		out[d.Name] = v
	}
	return out
}

func newVariable(name string, f arrow.Field) *variable {
	v := &variable{name: name, field: f}
	typ, err := typeOf(name, f)
	v.stored, v.typ = typ, typ
	if err != nil {
		v.fault = fmt.Errorf("column %q %w", f.Name, err)
	}
	return v
}

// declare makes the variable of the declared type.
func (v *variable) declare() {
	if _, decimal := v.field.Type.(arrow.DecimalType); decimal && v.as == "double" {
		v.stored, v.typ, v.fault = valueType{kind: kindDouble}, valueType{kind: kindDouble}, nil
	}
	if v.fault != nil {
		return
	}
	if len(v.nullText) > 0 && v.stored.kind != kindString {
		v.fault = fmt.Errorf("column %q is %s: only texts have null_text", v.field.Name, article(v.stored.String()))
		return
	}
	if v.as == "" {
		return
	}
	to := declarable[v.as]
	if v.stored.kind != kindNull && v.stored.kind != to.kind && !slices.Contains(to.from, v.stored.kind) {
		v.fault = fmt.Errorf("column %q is %s, which cannot be read as %s", v.field.Name, article(v.stored.String()), v.as)
		return
	}
	v.typ = valueType{kind: to.kind}
}

// declarable are the types that a column may be declared as, and what can become one.
var declarable = map[string]struct {
	kind kind
	from []kind
}{
	"string":    {kindString, []kind{kindBool, kindInt, kindUint, kindDouble, kindBytes, kindTimestamp, kindDate}},
	"int":       {kindInt, []kind{kindUint, kindDouble, kindString}},
	"double":    {kindDouble, []kind{kindInt, kindUint, kindString}},
	"bool":      {kindBool, []kind{kindString}},
	"timestamp": {kindTimestamp, []kind{kindInt, kindString, kindDate}},
	"date":      {kindDate, []kind{kindString, kindTimestamp}},
	"uuid":      {kindString, []kind{kindBytes}},
}

// An environment is what the rules of one step are checked in.
type environment struct {
	env       *cel.Env
	variables map[string]*variable
	idColumn  string // never null: a row without a user id is no user
	clock     *clockwork
	key       string // tells steps apart whose functions answer differently
}

// newEnvironment declares the variables, constants and functions of a step.
func newEnvironment(variables map[string]*variable, segments, lifecycles []string, c *clockwork) (*environment, error) {
	structs := map[string]valueType{}
	base := baseRegistry()
	options := []cel.EnvOption{
		cel.StdLib(), cel.ClearMacros(),
		cel.Macros(cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro, parser.ExistsOneMacroNew, cel.MapMacro, cel.MapFilterMacro, cel.FilterMacro, countMacro),
		cel.Macros(aggregateMacros()...),
		cel.EnableMacroCallTracking(), cel.EnableIdentifierEscapeSyntax(),
		cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true), cel.EagerlyValidateDeclarations(false), cel.HomogeneousAggregateLiterals(),
		ext.Strings(ext.StringsValidateFormatCalls(false)), ext.Math(),
		cel.Constant("now", cel.TimestampType, types.Timestamp{Time: c.now.UTC()}),
		cel.Constant("today", dateType, date(c.today)),
		cel.Variable(firstRun, cel.BoolType),
		cel.Variable(userIDName, cel.StringType),
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		v := variables[name]
		if v.fault != nil || !usableName(name) {
			continue
		}
		v.typ.structs(structs)
		options = append(options, cel.Variable(name, v.typ.cel()))
	}
	for _, name := range segments {
		options = append(options, cel.Variable(segmentPrefix+name, cel.BoolType))
	}
	for _, name := range lifecycles {
		options = append(options, cel.Variable(stagePrefix+name, cel.StringType))
	}
	options = append(options, pastVariables(segments, lifecycles)...)
	for _, f := range functionTable {
		options = append(options, f.declare(c))
	}
	for _, op := range []struct{ name, id string }{
		{operators.Less, "less_date"},
		{operators.LessEquals, "less_equals_date"},
		{operators.Greater, "greater_date"},
		{operators.GreaterEquals, "greater_equals_date"},
	} {
		options = append(options, cel.Function(op.name, cel.Overload(op.id, []*cel.Type{dateType, dateType}, cel.BoolType)))
	}
	options = append(options,
		cel.Function("string", cel.Overload("date_to_string", []*cel.Type{dateType}, cel.StringType, cel.UnaryBinding(func(arg ref.Val) ref.Val {
			return arg.ConvertToType(types.StringType)
		}))),
		cel.CustomTypeProvider(provider{base, structs}), cel.CustomTypeAdapter(types.DefaultTypeAdapter))
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, err
	}
	return &environment{env: env, variables: variables, clock: c, key: c.key()}, nil
}

var baseRegistry = sync.OnceValue(func() types.Provider {
	registry, err := types.NewRegistry()
	if err != nil {
		panic(err) // it has no types of ours to refuse
	}
	return registry
})

// key tells apart clockworks that answer differently.
func (c *clockwork) key() string {
	var b strings.Builder
	fmt.Fprint(&b, c.now.UnixNano(), " ", c.today)
	for _, path := range slices.Sorted(maps.Keys(c.lists)) {
		fmt.Fprint(&b, " ", path, "=", c.lists[path].Hash())
	}
	return b.String()
}

// usableName says whether a rule can name a column: it is an identifier, no reserved word and none of our constants.
func usableName(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && !reservedWords[name]
}

// reservedWords cannot name a column in a rule: CEL keeps them, or they are constants of ours.
var reservedWords = func() map[string]bool {
	words := map[string]bool{}
	for _, word := range strings.Fields(`as break const continue else false for function if import in let loop namespace null
		package return true var void while now today first_run`) {
		words[word] = true
	}
	return words
}()

func columnNames(schema *arrow.Schema) (names []string) {
	for _, f := range schema.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// near is the hint that offers the nearest name; empty when none is near.
func near(name string, candidates []string) string {
	if found := configs.Nearest(name, candidates); found != "" {
		return fmt.Sprintf("did you mean %q?", found)
	}
	return ""
}
