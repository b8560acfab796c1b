package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// What a speaker says it reads off the environment: a function that is new is spoken, in every way that it can be called.

// A signature is one way of calling a function or operator, all types known.
type signature struct {
	function string
	member   bool
	args     []*cel.Type
	result   *cel.Type
}

// unspoken are what the environment has and no rule says.
var unspoken = map[string]string{
	"dyn": "rules have none", "format": "rules have none", "type": "no column holds a type", "in": "an old name of the operator", "_in_": "an old name of the operator",
	"__not_strictly_false__": "macros have it for themselves", operators.NotStrictlyFalse: "macros have it for themselves",
}

// takesOnly are the types that functions take which are declared for any.
var takesOnly = map[string][]*cel.Type{
	"empty":    {cel.StringType, cel.ListType(cel.StringType), cel.ListType(cel.IntType)},
	"nonempty": {cel.StringType, cel.ListType(cel.StringType), cel.ListType(cel.IntType)},
	gathered:   {cel.IntType, cel.UintType, cel.DoubleType, cel.StringType, cel.TimestampType, cel.DurationType, dateType},
	"is_null":  append(slices.Clone(scalarTypes), cel.ListType(cel.IntType), cel.MapType(cel.StringType, cel.IntType)),
}

// scalarTypes are the types of scalars.
var scalarTypes = []*cel.Type{
	cel.BoolType, cel.IntType, cel.UintType, cel.DoubleType, cel.StringType, cel.BytesType, cel.TimestampType, cel.DurationType, dateType,
}

// signatures are all ways of calling what rules may call, in a fixed order.
var signatures = sync.OnceValue(func() (out []signature) {
	env, err := newEnvironment(nil, nil, nil, &clockwork{zone: time.UTC})
	if err != nil {
		panic(err) // it declares the same for every rule
	}
	functions := env.env.Functions()
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		if unspoken[name] != "" {
			continue
		}
		for _, overload := range functions[name].OverloadDecls() {
			out = append(out, concrete(name, overload)...)
		}
	}
	return out
})

// concrete puts types in the place of an overload's parameters. Keys of maps are texts.
func concrete(name string, overload *decls.OverloadDecl) (out []signature) {
	plain := signature{name, overload.IsMemberFunction(), overload.ArgTypes(), overload.ResultType()}
	if len(overload.TypeParams()) == 0 {
		return []signature{plain}
	}
	of := takesOnly[name]
	if of == nil {
		of = scalarTypes
	}
	for _, typ := range of {
		with := map[string]*cel.Type{"A": typ, "B": typ}
		if strings.HasSuffix(overload.ID(), "_map") || strings.HasPrefix(overload.ID(), "map_") {
			with["A"] = cel.StringType
		}
		made := signature{function: name, member: plain.member, result: substitute(plain.result, with)}
		if name == gathered { // rules say min or max of it
			made.result = typ
		}
		for _, arg := range plain.args {
			made.args = append(made.args, substitute(arg, with))
		}
		out = append(out, made)
	}
	return out
}

func substitute(t *cel.Type, with map[string]*cel.Type) *cel.Type {
	switch t.Kind() {
	case types.TypeParamKind:
		return with[t.TypeName()]
	case types.ListKind:
		return cel.ListType(substitute(t.Parameters()[0], with))
	case types.MapKind:
		return cel.MapType(substitute(t.Parameters()[0], with), substitute(t.Parameters()[1], with))
	}
	return t
}

// String is what the table of counts calls the signature; a method is the same as the function.
func (sig signature) String() string { return spellCall(sig.function, sig.args) }

func spellCall(function string, args []*cel.Type) string {
	var spelled []string
	for _, arg := range args {
		spelled = append(spelled, spellType(arg))
	}
	return function + "(" + strings.Join(spelled, ", ") + ")"
}

// spellType calls every struct the same.
func spellType(t *cel.Type) string {
	switch t.Kind() {
	case types.ListKind:
		return "list(" + spellType(t.Parameters()[0]) + ")"
	case types.MapKind:
		return "map(" + spellType(t.Parameters()[0]) + ", " + spellType(t.Parameters()[1]) + ")"
	case types.StructKind, types.OpaqueKind:
		if t.TypeName() != dateType.TypeName() {
			return "struct"
		}
	}
	return cel.FormatCELType(t)
}

// kindOfType is the kind of a scalar type.
func kindOfType(t *cel.Type) (kind, bool) {
	typ, ok := scalarType(t)
	return typ.kind, ok && typ.kind != kindNull
}

// literalArguments are arguments that must be literals, or mean little when they are not: by function and place. The first
// place of a method is what stands before the dot.
var literalArguments = map[string]map[int]func(s *speaker) string{
	"within": {1: somePeriod}, "older_than": {1: somePeriod}, "hash_split": {0: salt, 1: fraction}, "bucket": {0: salt, 1: fewBuckets}, "variant": {0: salt, 1: someWeights},
	"like":    {1: func(s *speaker) string { return `"` + one(s.sampler, someLikes) + `"` }},
	"matches": {1: func(s *speaker) string { return fmt.Sprintf("%q", one(s.sampler, somePattern)) }},
	"date":    {1: zoneName},
	"charAt":  {1: smallInt}, "substring": {1: smallInt, 2: smallInt}, "indexOf": {2: smallInt}, "lastIndexOf": {2: smallInt}, "replace": {3: smallInt},
	"split": {2: smallInt}, "math.bitShiftLeft": {1: smallInt}, "math.bitShiftRight": {1: smallInt}, operators.Index: {1: smallInt},
	"add_months": {1: someSteps}, "add_days": {1: someSteps}, "days_ago": {0: someSteps},
	"quantile": {1: fraction}, "ntile": {1: fewGroups}, "top": {1: fewGroups},
}

// readsText are the functions whose texts are validated where they are literals.
var readsText = map[string]bool{"date": true, "timestamp": true, "duration": true}

func somePeriod(s *speaker) string { return fmt.Sprintf("%q", one(s.sampler, somePeriods)) }
func salt(s *speaker) string       { return fmt.Sprintf("%q", one(s.sampler, []string{"salt", "", "é"})) }

func fraction(s *speaker) string   { return one(s.sampler, []string{"0.0", "0.4", "0.5", "1.0", "1"}) }
func fewBuckets(s *speaker) string { return one(s.sampler, []string{"1", "3", "7", "1000000"}) }
func someWeights(*speaker) string  { return `{"A": 50, "B": 25.5, "c": 0}` }
func fewGroups(s *speaker) string  { return one(s.sampler, []string{"1", "4", "10000"}) }
func zoneName(s *speaker) string   { return fmt.Sprintf("%q", one(s.sampler, someZones)) }
func smallInt(s *speaker) string   { return fmt.Sprint(s.pick(8) - 1) }
func someSteps(s *speaker) string  { return fmt.Sprint(s.pick(120) - 60) }

// storedText is a text that no validator reads.
func storedText(s *speaker) string {
	if paths := s.paths(kindString); len(paths) > 0 {
		return one(s.sampler, paths)
	}
	return "coalesce(" + s.literal(kindString) + `, "")`
}

// argument says an argument of a call.
func (s *speaker) argument(sig signature, at, d int) string {
	t := sig.args[at]
	if t.Kind() == types.StringKind && at == 0 && readsText[sig.function] {
		return storedText(s)
	}
	say := literalArguments[sig.function][at]
	if accessors[sig.function] && at == 1 {
		say = zoneName
	}
	mayBeAny := t.Kind() == types.IntKind || sig.function == "matches" || accessors[sig.function]
	if say == nil || mayBeAny && s.pick(4) == 0 || sig.function == operators.Index && t.Kind() != types.IntKind {
		return s.typed(t, d)
	}
	return say(s)
}

// typed says an expression of a type.
func (s *speaker) typed(t *cel.Type, d int) string {
	if k, ok := kindOfType(t); ok {
		return s.value(k, d)
	}
	switch t.Kind() {
	case types.ListKind:
		return s.list(t.Parameters()[0], d)
	case types.MapKind:
		return s.mapping(t.Parameters()[1], d)
	}
	return "null"
}

// list says a list of elements of a type: a column, or one that it makes.
func (s *speaker) list(element *cel.Type, d int) string {
	k, _ := kindOfType(element)
	var stored []string
	names, typs := s.holders(kindList)
	for i, name := range names {
		if typs[i].elem.kind == k {
			stored = append(stored, name)
		}
	}
	if len(stored) > 0 && s.pick(4) > 0 {
		return one(s.sampler, stored)
	}
	made := fmt.Sprintf("[%s, %s]", s.typed(element, min(d, 1)), s.typed(element, 0))
	if d <= 0 || len(s.elements) > 1 {
		return made
	}
	if len(stored) > 0 && s.pick(2) == 0 {
		made = one(s.sampler, stored)
	}
	switch s.pick(5) {
	case 0:
		return fmt.Sprintf("(%s + %s)", made, s.list(element, 0))
	case 1:
		return made + ".filter(x, x == x)"
	case 2:
		return made + ".map(x, x)"
	case 3:
		if k == kindString {
			return s.value(kindString, 0) + one(s.sampler, []string{`.split("")`, `.split("a")`, `.split("2", 2)`})
		}
	}
	return made
}

// mapping says a map of values of a type.
func (s *speaker) mapping(value *cel.Type, d int) string {
	k, _ := kindOfType(value)
	var stored []string
	names, typs := s.holders(kindMap)
	for i, name := range names {
		if typs[i].elem.kind == k {
			stored = append(stored, name)
		}
	}
	if len(stored) > 0 && s.pick(4) > 0 {
		return one(s.sampler, stored)
	}
	return fmt.Sprintf(`{"a": %s, "plan": %s}`, s.typed(value, min(d, 1)), s.typed(value, 0))
}

// call says a call.
func (s *speaker) call(sig signature, d int) string {
	if name := spokenName(sig.function); name != sig.function && sig.args[0].Kind() == types.ListKind && s.pick(2) == 0 {
		of := sig.args[0].Parameters()[0]
		return fmt.Sprintf("%s(%s, %s, %s)", name, s.typed(of, d), s.typed(of, d), s.typed(of, 0))
	}
	args := make([]string, len(sig.args))
	for i := range args {
		args[i] = s.argument(sig, i, d)
	}
	symbol, isOperator := operators.FindReverse(sig.function)
	switch {
	case sig.function == operators.Conditional:
		return fmt.Sprintf("(%s ? %s : %s)", args[0], args[1], args[2])
	case sig.function == operators.Index:
		return fmt.Sprintf("%s[%s]", args[0], args[1])
	case sig.function == gathered:
		return fmt.Sprintf("%s.%s(x, x)", args[0], one(s.sampler, []string{"min", "max"}))
	case len(sig.needs()) > 0:
		return s.decimals() + "." + strings.TrimPrefix(sig.function, "list ") + "(x, x)"
	case strings.HasPrefix(sig.function, "list "):
		return fmt.Sprintf("%s.%s(x, x)", args[0], strings.TrimPrefix(sig.function, "list "))
	case sig.function == inFile || sig.function == inUUIDFile:
		return fmt.Sprintf(`%s in file("ids.txt")`, args[0])
	case sig.function == knownZone:
		return fmt.Sprintf(`string(%s.getHours(%s < "b" ? "Europe/Paris" : %s))`, s.typed(cel.TimestampType, 0), args[0], args[0])
	case isOperator && len(args) == 1:
		return fmt.Sprintf("%s(%s)", symbol, args[0])
	case isOperator && symbol != "":
		return fmt.Sprintf("(%s %s %s)", args[0], symbol, args[1])
	case sig.member:
		return fmt.Sprintf("(%s).%s(%s)", args[0], sig.function, strings.Join(args[1:], ", "))
	}
	return spokenName(sig.function) + "(" + strings.Join(args, ", ") + ")"
}

// decimals says a list of decimals.
func (s *speaker) decimals() string {
	for _, name := range slices.Sorted(maps.Keys(s.columns)) {
		if strings.HasSuffix(name, "list_decimal") {
			return name
		}
	}
	return s.list(cel.DoubleType, 0)
}

// spokenName is how rules write a function that a macro calls.
func spokenName(function string) string {
	return strings.NewReplacer("@max", "greatest", "@min", "least").Replace(function)
}

// about says a rule that holds a call.
func (s *speaker) about(sig signature, d int) string {
	call := s.call(sig, d)
	k, scalar := kindOfType(sig.result)
	switch {
	case scalar && k == kindBool:
		return call
	case scalar && s.pick(6) == 0:
		return call + " == null"
	case scalar:
		return fmt.Sprintf("%s %s %s", call, one(s.sampler, someComparisons), s.value(k, 0))
	case sig.result.Kind() == types.DynKind:
		return fmt.Sprintf("%s %s %s", call, one(s.sampler, someComparisons), s.literal(one(s.sampler, []kind{kindInt, kindDouble})))
	case s.pick(2) == 0:
		return fmt.Sprintf("size(%s) == %d", call, s.pick(4))
	}
	return fmt.Sprintf("%s == %s", call, s.typed(sig.result, 0))
}

var someComparisons = []string{"==", "!=", "<", "<=", ">", ">="}

// aboutThis is the signature that a seed's rule is about.
func aboutThis(seed, rule uint64) signature {
	all := signatures()
	return all[(seed*rulesPerSeed+rule)/2%uint64(len(all))]
}

// needs is a shape that a column must have for the call to come up.
func (sig signature) needs() []string {
	if strings.HasPrefix(sig.function, "list ") && len(sig.args) == 2 {
		return []string{"list_decimal"}
	}
	return nil
}

// callOf says a call that gives a kind, any of them.
func (s *speaker) callOf(k kind, d int) string {
	var of []signature
	for _, sig := range signatures() {
		if _, surveys := surveyOps[sig.function]; surveys && s.alone {
			continue
		}
		if have, ok := kindOfType(sig.result); ok && have == k {
			of = append(of, sig)
		}
	}
	return s.call(one(s.sampler, of), d)
}

func TestSignatures(t *testing.T) {
	functions := map[string]bool{}
	for _, sig := range signatures() {
		functions[sig.function] = true
	}
	for _, f := range functionTable {
		if !functions[f.name] {
			t.Errorf("no rule calls %s", f.name)
		}
	}
	t.Logf("%d signatures of %d functions", len(signatures()), len(functions))
}
