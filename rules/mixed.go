package rules

import (
	"cmp"
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// cel-go compares numbers of two kinds through a double. Rules compare them exactly (case C029), also where an expression has
// no kernel and cel-go's interpreter evaluates it.

// numberTests are the comparisons, by what the order of two numbers must be.
var numberTests = map[string]func(order int) bool{
	operators.Equals: func(order int) bool { return order == 0 }, operators.NotEquals: func(order int) bool { return order != 0 },
	operators.In:   func(order int) bool { return order == 0 },
	operators.Less: func(order int) bool { return order < 0 }, operators.LessEquals: func(order int) bool { return order <= 0 },
	operators.Greater: func(order int) bool { return order > 0 }, operators.GreaterEquals: func(order int) bool { return order >= 0 },
}

// mixedComparisons are the ids of the comparisons below an expression whose sides are numbers of two kinds.
func (l *lowerer) mixedComparisons(e ast.Expr) map[int64]bool {
	found := map[int64]bool{}
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || numberTests[e.AsCall().FunctionName()] == nil {
			return
		}
		a, b := l.tree.GetType(e.AsCall().Args()[0].ID()), l.tree.GetType(e.AsCall().Args()[1].ID())
		if e.AsCall().FunctionName() == operators.In && b.Kind() == types.ListKind {
			b = b.Parameters()[0]
		}
		if numbers[a.Kind()] && numbers[b.Kind()] && a.Kind() != b.Kind() {
			found[e.ID()] = true
		}
	}))
	return found
}

// numbers are the checker's kinds of numbers; dyn is how promote marks one that is compared with another kind.
var numbers = map[types.Kind]bool{types.IntKind: true, types.UintKind: true, types.DoubleKind: true, types.DynKind: true}

// comparesExactly takes some comparisons from the interpreter, and `in []`: that is unknown where the left side is, and the
// interpreter's optimization would make it false.
func comparesExactly(ids map[int64]bool) cel.ProgramOption {
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		if call, ok := i.(interpreter.InterpretableCall); ok && (ids[i.ID()] || isInNothing(call)) {
			return &exactCall{call, numberTests[call.Function()]}, nil
		}
		return i, nil
	})
}

func isInNothing(call interpreter.InterpretableCall) bool {
	if call.Function() != operators.In {
		return false
	}
	constant, ok := call.Args()[1].(interpreter.InterpretableConst)
	if !ok {
		return false
	}
	list, ok := constant.Value().(traits.Lister)
	return ok && list.Size() == types.IntZero
}

// An exactCall is a comparison whose sides may be numbers of two kinds.
type exactCall struct {
	call interpreter.InterpretableCall
	test func(order int) bool
}

// ID is that of the expression.
func (c *exactCall) ID() int64 { return c.call.ID() }

// Eval evaluates it with these bindings.
func (c *exactCall) Eval(bindings interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(bindings, c.Exec)
}

// Exec compares two numbers, or a number with the elements of a list. What else there is the interpreter compares.
func (c *exactCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	a, b := c.call.Args()[0].Exec(frame), c.call.Args()[1].Exec(frame)
	if list, ok := b.(traits.Lister); ok && isNumberVal(a) {
		for it := list.Iterator(); it.HasNext() == types.True; {
			if element := it.Next(); isNumberVal(element) && orderNumbers(a, element) == 0 {
				return types.True
			}
		}
		return types.False
	}
	if !isNumberVal(a) || !isNumberVal(b) {
		return c.call.Exec(frame)
	}
	order := orderNumbers(a, b)
	if order == unordered {
		return types.Bool(c.call.Function() == operators.NotEquals)
	}
	return types.Bool(c.test(order))
}

func isNumberVal(v ref.Val) bool {
	switch v.(type) {
	case types.Int, types.Uint, types.Double:
		return true
	}
	return false
}

// unordered is the order of what is not a number.
const unordered = 2

// orderNumbers orders two numbers exactly.
func orderNumbers(a, b ref.Val) int {
	switch x := a.(type) {
	case types.Int:
		switch y := b.(type) {
		case types.Int:
			return cmp.Compare(x, y)
		case types.Uint:
			if x < 0 {
				return -1
			}
			return cmp.Compare(uint64(x), uint64(y))
		}
	case types.Uint:
		if y, ok := b.(types.Uint); ok {
			return cmp.Compare(x, y)
		}
	}
	return orderDoubles(a, b)
}

// orderDoubles orders two numbers of which one is a double.
func orderDoubles(a, b ref.Val) int {
	y, ok := b.(types.Double)
	if !ok {
		if order := orderNumbers(b, a); order != unordered {
			return -order
		}
		return unordered
	}
	if math.IsNaN(float64(y)) {
		return unordered
	}
	switch x := a.(type) {
	case types.Int:
		return compareIntDouble(int64(x), float64(y))
	case types.Uint:
		return compareUintDouble(uint64(x), float64(y))
	}
	if x := a.(types.Double); !math.IsNaN(float64(x)) {
		return cmp.Compare(x, y)
	}
	return unordered
}
