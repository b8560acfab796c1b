package rules

import (
	"math"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// interpreted is an expression that cel-go's interpreter evaluates, row by row: what has no kernel. It does not change; many
// goroutines use it.
type interpreted struct {
	key     string // equal for expressions that mean the same
	text    string // as a rule would have it
	program cel.Program
	names   []string         // the variables, one for each argument of the node
	zones   []*time.Location // by variable: where its timestamps without a zone were read
}

// eval answers one row, of the values of the node's arguments.
func (p *interpreted) eval(values []ref.Val) ref.Val {
	out, _, err := p.program.Eval(&row{names: p.names, values: values})
	if out == nil {
		return types.WrapErr(err)
	}
	return out
}

// A row binds names to the values of one row.
type row struct {
	names  []string
	values []ref.Val
}

// ResolveName finds a value.
func (r *row) ResolveName(name string) (any, bool) {
	for i, have := range r.names {
		if have == name {
			return r.values[i], true
		}
	}
	return nil, false
}

// Parent says that there is no other binding.
func (r *row) Parent() interpreter.Activation { return nil }

// valueAt is row i of a vec as a CEL value.
func (v *vec) valueAt(i int, typ valueType, zone *time.Location) ref.Val {
	switch {
	case v.kind == kindNull:
		return unknown
	case !v.knows(i):
		if v.fail != nil && hasBit(v.fail, i) {
			return types.NewErr("an earlier error")
		}
		return unknown
	}
	switch v.kind {
	case kindBool:
		return types.Bool(hasBit(v.bits, i))
	case kindInt:
		return types.Int(v.ints[i])
	case kindUint:
		return types.Uint(v.uints[i])
	case kindDouble:
		return types.Double(v.floats[i])
	case kindString:
		return types.String(v.texts[i])
	case kindBytes:
		return types.Bytes(v.texts[i])
	case kindTimestamp:
		return types.Timestamp{Time: time.Unix(v.ints[i], int64(v.nanosAt(i))).UTC()}
	case kindDuration:
		return types.Duration{Duration: time.Duration(v.ints[i])}
	case kindDate:
		return date(v.ints[i])
	}
	return arrowValue(v.nested, v.rowAt(i), typ, zone)
}

// put stores a CEL value in row i; it says whether the value is of the vec's kind.
func (v *vec) put(i int, value ref.Val) bool {
	switch value := value.(type) {
	case types.Bool:
		if value && v.kind == kindBool {
			setBit(v.bits, i)
		}
		return v.kind == kindBool
	case types.Int:
		return v.kind == kindInt && store(v.ints, i, int64(value))
	case types.Uint:
		return v.kind == kindUint && store(v.uints, i, uint64(value))
	case types.Double:
		return v.kind == kindDouble && store(v.floats, i, float64(value))
	case types.String:
		return v.kind == kindString && store(v.texts, i, string(value))
	case types.Bytes:
		return v.kind == kindBytes && store(v.texts, i, string(value))
	case types.Timestamp:
		return v.kind == kindTimestamp && store(v.ints, i, value.Unix()) && store(v.nanos, i, int32(value.Nanosecond()))
	case types.Duration:
		return v.kind == kindDuration && store(v.ints, i, int64(value.Duration))
	case date:
		return v.kind == kindDate && store(v.ints, i, int64(value))
	}
	return false
}

func store[T any](values []T, i int, value T) bool {
	values[i] = value
	return true
}

// literalOf is a CEL value as a constant; false for what is none.
func literalOf(value ref.Val) (valueType, literal, bool) {
	switch v := value.(type) {
	case types.Bool:
		return valueType{kind: kindBool}, literal{Bool: bool(v)}, true
	case types.Int:
		return valueType{kind: kindInt}, literal{Int: int64(v)}, true
	case types.Uint:
		return valueType{kind: kindUint}, literal{Uint: uint64(v)}, true
	case types.Double:
		return valueType{kind: kindDouble}, literal{Double: float64(v)}, !math.IsNaN(float64(v))
	case types.String:
		return valueType{kind: kindString}, literal{String: string(v)}, true
	case types.Bytes:
		return valueType{kind: kindBytes}, literal{String: string(v)}, true
	case types.Timestamp:
		return valueType{kind: kindTimestamp}, literal{Sec: v.Unix(), Nanos: int32(v.Nanosecond())}, true
	case types.Duration:
		return valueType{kind: kindDuration}, literal{Int: int64(v.Duration)}, true
	case date:
		return valueType{kind: kindDate}, literal{Int: int64(v)}, true
	}
	return valueType{}, literal{}, false
}

// interpret answers an opInterpreted for every row of a frame.
func (e *Evaluator) interpret(nd *node, f *frame) *vec {
	p := nd.interp
	args := make([]*vec, len(nd.args))
	for i, arg := range nd.args {
		args[i] = e.eval(arg, f)
	}
	out := e.arena.new(nd.typ.kind, f.n)
	e.blank(out)
	known, failed := e.arena.words.zeros(words(f.n)), e.arena.words.zeros(words(f.n))
	values := make([]ref.Val, len(args))
	for i := range f.n {
		for j, arg := range args {
			values[j] = arg.valueAt(i, e.nodes[nd.args[j]].typ, p.zones[j])
		}
		switch value := p.eval(values); {
		case types.IsUnknown(value):
		case out.kind != kindNull && out.put(i, value):
			setBit(known, i)
		default:
			setBit(failed, i)
		}
	}
	out.known, out.fail = known, failed
	return out
}
