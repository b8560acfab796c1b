package rules

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/big"
	"sort"
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The oracle's population functions: their arguments are read row by row with the interpreter, and everything is counted by
// looking at all pairs. Each call then becomes a variable that is bound per row.

// A resident is a row that counts: it has a user and a value.
type resident struct {
	value any
	id    string
}

// survey answers the population functions of the oracle's rule for every row.
func (o *oracle) survey(env *cel.Env) error {
	var fault error
	for _, e := range surveyCalls(o.tree.Expr()) {
		call := e.AsCall()
		program, err := env.PlanProgram(withVariables(o.tree, call.Args()[0]), exactly)
		if err != nil {
			fault = err
			continue
		}
		var size any
		if len(call.Args()) == 2 {
			size = call.Args()[1].AsLiteral().Value()
		}
		o.surveyed[surveyedVariable(e)] = o.count(program, call.FunctionName(), size)
	}
	return fault
}

func surveyedVariable(call ast.Expr) string { return fmt.Sprint("surveyed ", call.ID()) }

// withVariables is a part of a checked rule with a variable in place of every population function.
func withVariables(tree *ast.AST, e ast.Expr) *ast.AST {
	references := maps.Clone(tree.ReferenceMap())
	e = ast.NewExprFactory().CopyExpr(e)
	for _, call := range surveyCalls(e) {
		references[call.ID()] = ast.NewIdentReference(surveyedVariable(call), nil)
		call.SetKindCase(ast.NewExprFactory().NewIdent(call.ID(), surveyedVariable(call)))
	}
	return ast.NewCheckedAST(ast.NewAST(e, tree.SourceInfo()), tree.TypeMap(), references)
}

// count answers a population function for every row.
func (o *oracle) count(program cel.Program, function string, size any) []ref.Val {
	rows := int(o.rec.NumRows())
	own, ids := make([]ref.Val, rows), make([]string, rows)
	var residents []resident
	for i := range rows {
		value, _, err := program.Eval(&oracleRow{o, i})
		if own[i] = value; value == nil {
			own[i] = types.WrapErr(err)
		}
		id, isText := (&oracleRow{o, i}).id().(types.String)
		ids[i] = string(id)
		if plain, ok := plainValue(own[i]); ok && isText && id != "" {
			residents = append(residents, resident{plain, string(id)})
		}
	}
	out := make([]ref.Val, rows)
	if function == "quantile" || function == "mean" {
		whole := wholeAnswer(residents, function, size)
		for i := range out {
			out[i] = whole
		}
		return out
	}
	for i := range out {
		plain, ok := plainValue(own[i])
		switch {
		case types.IsError(own[i]):
			out[i] = own[i]
		case !ok:
			out[i] = unknown
		default:
			out[i] = rowAnswer(residents, function, size, plain, ids[i])
		}
	}
	return out
}

// plainOrder compares two values of one kind.
func plainOrder(a, b any) int {
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case uint64:
		return cmp.Compare(a, b.(uint64))
	case float64:
		return cmp.Compare(a, b.(float64))
	}
	order, _ := refOrder(a, b)
	return order
}

// plainValue is a value that has a place among others: no null, error or NaN.
func plainValue(v ref.Val) (any, bool) {
	switch v := v.(type) {
	case types.Int:
		return int64(v), true
	case types.Uint:
		return uint64(v), true
	case types.Double:
		return float64(v), !math.IsNaN(float64(v))
	case types.Timestamp:
		return instant{v.Unix(), int32(v.Nanosecond())}, true
	case types.Duration:
		return int64(v.Duration / time.Nanosecond), true
	case date:
		return int64(v), true
	}
	return nil, false
}

func wholeAnswer(residents []resident, function string, q any) ref.Val {
	if len(residents) == 0 {
		return unknown
	}
	if function == "mean" {
		return types.Double(plainMean(residents))
	}
	share, _ := new(big.Rat).SetString(strconv.FormatFloat(q.(float64), 'f', -1, 64))
	var best *resident
	for i := range residents {
		atMost := 0 // how many do not exceed it
		for _, other := range residents {
			if order := plainOrder(other.value, residents[i].value); order <= 0 {
				atMost++
			}
		}
		if big.NewRat(int64(atMost), int64(len(residents))).Cmp(share) < 0 {
			continue
		}
		if best == nil {
			best = &residents[i]
		} else if order := plainOrder(residents[i].value, best.value); order < 0 {
			best = &residents[i]
		}
	}
	return types.Double(plainDouble(best.value))
}

func plainDouble(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return v.(float64)
}

func plainMean(residents []resident) float64 {
	sum, infinite := new(big.Rat), 0.0
	for _, r := range residents {
		if f, is := r.value.(float64); is && math.IsInf(f, 0) {
			infinite += f
			continue
		}
		exact, _ := refBig(r.value)
		rat, _ := exact.Rat(nil)
		sum.Add(sum, rat)
	}
	if infinite != 0 {
		return infinite
	}
	mean, _ := sum.Quo(sum, new(big.Rat).SetInt64(int64(len(residents)))).Float64()
	return mean
}

func rowAnswer(residents []resident, function string, size any, value any, id string) ref.Val {
	below, equal, above := 0, 0, 0
	for _, r := range residents {
		switch order := plainOrder(r.value, value); {
		case order < 0:
			below++
		case order > 0:
			above++
		default:
			equal++
		}
	}
	switch function {
	case "rank":
		return types.Int(above + 1)
	case "ntile":
		return types.Int(int(size.(int64))*(2*below+equal)/(2*max(len(residents), 1)) + 1)
	}
	if len(residents) == 0 {
		return types.True // of a row without a user
	}
	before := func(a, b resident) bool {
		order := plainOrder(a.value, b.value)
		return order > 0 || order == 0 && a.id < b.id
	}
	sort.Slice(residents, func(i, j int) bool { return before(residents[i], residents[j]) })
	last := residents[min(size.(int64), int64(len(residents)))-1] // a user with several rows counts several times
	return types.Bool(!before(last, resident{value: value, id: id}))
}
