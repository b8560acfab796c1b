package rules

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// cel-go compares numbers of two kinds through a double; the specification and rules compare them exactly (case C029). The
// oracle says so too: it takes each such comparison from the interpreter and reads it with package big.

// exactly is the option that lets a program of the oracle compare numbers of two kinds as they are.
var exactly = cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if call, ok := i.(interpreter.InterpretableCall); ok && len(call.Args()) == 2 && comparisons[call.Function()] != nil {
		return &exactComparison{call}, nil
	}
	return i, nil
})

// comparisons are the operators that compare two numbers, by what their order must be.
var comparisons = map[string]func(order int) bool{
	operators.Equals:        func(order int) bool { return order == 0 },
	operators.NotEquals:     func(order int) bool { return order != 0 },
	operators.In:            func(order int) bool { return order == 0 },
	operators.Less:          func(order int) bool { return order < 0 },
	operators.LessEquals:    func(order int) bool { return order <= 0 },
	operators.Greater:       func(order int) bool { return order > 0 },
	operators.GreaterEquals: func(order int) bool { return order >= 0 },
}

// An exactComparison stands in for a comparison of the interpreter.
type exactComparison struct{ interpreter.InterpretableCall }

func (c *exactComparison) Eval(bindings interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(bindings, c.Exec)
}

func (c *exactComparison) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	left, right := c.Args()[0].Exec(frame), c.Args()[1].Exec(frame)
	if list, ok := right.(traits.Lister); ok && c.Function() == operators.In {
		return c.member(frame, left, list)
	}
	if !ofTwoKinds(left, right) {
		return c.InterpretableCall.Exec(frame)
	}
	order, ordered := refOrder(left.Value(), right.Value())
	if !ordered { // not a number
		return types.Bool(c.Function() == operators.NotEquals)
	}
	return types.Bool(comparisons[c.Function()](order))
}

// member says whether a number is in a list of another kind's; unknown elements do not count.
func (c *exactComparison) member(frame *interpreter.ExecutionFrame, x ref.Val, list traits.Lister) ref.Val {
	mixed, found := false, false
	for it := list.Iterator(); it.HasNext() == types.True; {
		element := it.Next()
		if ofTwoKinds(x, element) {
			order, ordered := refOrder(x.Value(), element.Value())
			mixed, found = true, found || ordered && order == 0
		}
	}
	if !mixed {
		return c.InterpretableCall.Exec(frame)
	}
	return types.Bool(found)
}

// ofTwoKinds says whether two values are numbers, and not of one kind.
func ofTwoKinds(a, b ref.Val) bool {
	return isNumberValue(a) && isNumberValue(b) && a.Type() != b.Type()
}

func isNumberValue(v ref.Val) bool {
	switch v.(type) {
	case types.Int, types.Uint, types.Double:
		return true
	}
	return false
}
