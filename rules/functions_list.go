package rules

import (
	"math/big"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// What l.sum(x, e) and its like become: a comprehension that gathers what e gives, nulls left out, and a call on what it
// gathered. Rules cannot write these names.
const (
	gathered = "gathered values"
	listSum  = "list sum"
	listAvg  = "list avg"
	listMin  = "list min"
	listMax  = "list max"
)

// aggregates are the functions behind the macros, by the macros' names.
var aggregates = map[string]string{"sum": listSum, "avg": listAvg, "min": listMin, "max": listMax}

func listFunctions() []*function {
	some := cel.TypeParamType("A")
	of := func(bind func(values []ref.Val) ref.Val) func(c *clockwork, args []ref.Val) ref.Val {
		return func(_ *clockwork, args []ref.Val) ref.Val { return bind(valuesOf(args[0])) }
	}
	extreme := func(name string, want ref.Val) *function {
		out := &function{name: name, internal: true}
		for _, t := range []*cel.Type{cel.IntType, cel.UintType, cel.DoubleType, cel.StringType, cel.TimestampType, cel.DurationType, dateType} {
			out.overloads = append(out.overloads, over(name+" "+t.TypeName(), t, of(func(values []ref.Val) ref.Val { return extremeOf(values, want) }), cel.ListType(t)))
		}
		return out
	}
	return []*function{
		{name: gathered, internal: true, nonStrict: true, nulls: "left out", overloads: []overload{
			over("gathered_values", cel.ListType(some), gather, cel.ListType(some), some),
		}},
		{name: listSum, internal: true, overloads: []overload{
			over("list_sum_int", cel.IntType, of(sumOfWholes), cel.ListType(cel.IntType)),
			over("list_sum_uint", cel.UintType, of(sumOfNaturals), cel.ListType(cel.UintType)),
			over("list_sum_double", cel.DoubleType, of(sumOfFractions), cel.ListType(cel.DoubleType)),
			over("list_sum_decimal", cel.DoubleType, sumOfDecimals, cel.ListType(cel.DoubleType), cel.IntType),
		}},
		{name: listAvg, internal: true, overloads: []overload{
			over("list_avg_int", cel.DoubleType, of(average), cel.ListType(cel.IntType)),
			over("list_avg_uint", cel.DoubleType, of(average), cel.ListType(cel.UintType)),
			over("list_avg_double", cel.DoubleType, of(average), cel.ListType(cel.DoubleType)),
			over("list_avg_decimal", cel.DoubleType, averageOfDecimals, cel.ListType(cel.DoubleType), cel.IntType),
		}},
		extreme(listMin, types.IntNegOne),
		extreme(listMax, types.IntOne),
	}
}

// gather adds a value to what was gathered, unless it is null.
func gather(_ *clockwork, args []ref.Val) ref.Val {
	sofar, value := args[0], args[1]
	switch {
	case types.IsUnknownOrError(sofar) || isNull(value):
		return sofar
	case types.IsError(value):
		return value
	}
	return types.NewRefValList(types.DefaultTypeAdapter, append(valuesOf(sofar), value))
}

func valuesOf(list ref.Val) (out []ref.Val) {
	if values, ok := list.Value().([]ref.Val); ok {
		return values
	}
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		out = append(out, it.Next())
	}
	return out
}

// wholeSum is the sum of integers of any size.
func wholeSum(values []ref.Val) *big.Int {
	total := new(big.Int)
	for _, v := range values {
		switch v := v.(type) {
		case types.Int:
			total.Add(total, big.NewInt(int64(v)))
		case types.Uint:
			total.Add(total, new(big.Int).SetUint64(uint64(v)))
		}
	}
	return total
}

func sumOfWholes(values []ref.Val) ref.Val {
	if total := wholeSum(values); total.IsInt64() {
		return types.Int(total.Int64())
	}
	return types.NewErr("sum: the result does not fit into 64 bits")
}

func sumOfNaturals(values []ref.Val) ref.Val {
	if total := wholeSum(values); total.IsUint64() {
		return types.Uint(total.Uint64())
	}
	return types.NewErr("sum: the result does not fit into 64 bits")
}

// doubleSum is the exact sum of doubles, or what becomes of infinities and NaN.
func doubleSum(values []ref.Val) (total *big.Rat, special float64) {
	total = new(big.Rat)
	for _, v := range values {
		if exact := new(big.Rat).SetFloat64(float64(v.(types.Double))); exact != nil {
			total.Add(total, exact)
		} else {
			special += float64(v.(types.Double))
		}
	}
	return total, special
}

func sumOfFractions(values []ref.Val) ref.Val {
	total, special := doubleSum(values)
	if special != 0 {
		return types.Double(special)
	}
	rounded, _ := total.Float64()
	return types.Double(rounded)
}

func average(values []ref.Val) ref.Val {
	if len(values) == 0 {
		return unknown
	}
	if _, double := values[0].(types.Double); !double {
		return quotientOf(new(big.Rat).SetInt(wholeSum(values)), len(values))
	}
	total, special := doubleSum(values)
	if special != 0 {
		return types.Double(special)
	}
	return quotientOf(total, len(values))
}

func quotientOf(total *big.Rat, by int) ref.Val {
	rounded, _ := total.Quo(total, new(big.Rat).SetInt64(int64(by))).Float64()
	return types.Double(rounded + 0) // no negative zero
}

// exactDecimals is the sum of doubles that stand for decimals of so many places.
func exactDecimals(values []ref.Val, places ref.Val) *big.Rat {
	total := new(big.Rat)
	for _, v := range values {
		decimal, _ := new(big.Rat).SetString(strconv.FormatFloat(float64(v.(types.Double)), 'f', int(places.(types.Int)), 64))
		total.Add(total, decimal)
	}
	return total
}

func sumOfDecimals(_ *clockwork, args []ref.Val) ref.Val {
	rounded, _ := exactDecimals(valuesOf(args[0]), args[1]).Float64()
	return types.Double(rounded)
}

func averageOfDecimals(_ *clockwork, args []ref.Val) ref.Val {
	values := valuesOf(args[0])
	if len(values) == 0 {
		return unknown
	}
	return quotientOf(exactDecimals(values, args[1]), len(values))
}

// extremeOf is the first value to which none stands as want says; NaN has no order.
func extremeOf(values []ref.Val, want ref.Val) ref.Val {
	best := ref.Val(unknown)
	for _, v := range values {
		if d, ok := v.(types.Double); ok && d != d {
			continue
		}
		if best == unknown || v.(traits.Comparer).Compare(best) == want {
			best = v
		}
	}
	return best
}

// aggregateMacros expand list.sum(x, e), avg, min and max.
func aggregateMacros() (out []cel.Macro) {
	for _, name := range []string{"sum", "avg", "min", "max"} {
		out = append(out, cel.ReceiverMacro(name, 2, func(f cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
			if args[0].Kind() != ast.IdentKind {
				return nil, f.NewError(args[0].ID(), "the first argument of "+name+" names the element, as in l."+name+"(x, x.amount)")
			}
			step := f.NewCall(gathered, f.NewAccuIdent(), args[1])
			return f.NewComprehension(target, args[0].AsIdent(), f.AccuIdentName(), f.NewList(), f.NewLiteral(types.True), step,
				f.NewCall(aggregates[name], f.NewAccuIdent())), nil
		}))
	}
	return out
}

// countMacro expands list.count(x, p) into how many elements answer true.
var countMacro = cel.ReceiverMacro("count", 2, func(f cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if args[0].Kind() != ast.IdentKind {
		return nil, f.NewError(args[0].ID(), "the first argument of count names the element, as in l.count(x, x > 1)")
	}
	step := f.NewCall(operators.Conditional, f.NewCall("is_true", args[1]),
		f.NewCall(operators.Add, f.NewAccuIdent(), f.NewLiteral(types.Int(1))), f.NewAccuIdent())
	return f.NewComprehension(target, args[0].AsIdent(), f.AccuIdentName(), f.NewLiteral(types.Int(0)), f.NewLiteral(types.True), step, f.NewAccuIdent()), nil
})
