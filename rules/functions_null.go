package rules

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// The functions of this file see nulls. An error passes through them.

func nullFunctions() []*function {
	some := cel.TypeParamType("A")
	return []*function{
		{name: "is_null", topic: topicNull, example: `is_null(country)`, nonStrict: true, doc: "Whether it is null; the same as == null.", nulls: "never unknown", overloads: []overload{
			over("is_null_any", cel.BoolType, nullCheck, some),
		}},
		{name: "is_not_null", topic: topicNull, example: `is_not_null(country)`, nonStrict: true, doc: "Whether it is not null; the same as != null and has().", nulls: "never unknown", overloads: []overload{
			over("is_not_null_any", cel.BoolType, notNullCheck, some),
		}},
		{name: "is_true", topic: topicNull, example: `!is_true(sms_opt_in)`, nonStrict: true, doc: "Whether it is true: false where it is unknown.", nulls: "never unknown", overloads: []overload{
			over("is_true_bool", cel.BoolType, isTrueValue, cel.BoolType),
		}},
		{name: "coalesce", topic: topicNull, example: `coalesce(ltv, 0.0) < 100`, nonStrict: true, doc: "The first, or the second where the first is null.", nulls: "unknown where both are null", overloads: []overload{
			over("coalesce_any", some, coalesce, some, some),
		}},
		{name: "empty", topic: topicNull, example: `empty(tags)`, nonStrict: true, doc: "Whether it is null, an empty text or an empty list.", nulls: "never unknown", overloads: []overload{
			over("empty_any", cel.BoolType, empty, some), // an overload for lists would refuse one whose first element is null
		}},
		{name: "nonempty", topic: topicNull, example: `nonempty(country)`, nonStrict: true, doc: "Whether it is neither null nor an empty text or list.", nulls: "never unknown", overloads: []overload{
			over("nonempty_any", cel.BoolType, nonempty, some), // an overload for lists would refuse one whose first element is null
		}},
	}
}

func nullCheck(_ *clockwork, args []ref.Val) ref.Val {
	if types.IsError(args[0]) {
		return args[0]
	}
	return types.Bool(isNull(args[0]))
}

// isNull says whether a value is a null: one of a row, or the literal.
func isNull(v ref.Val) bool { return types.IsUnknown(v) || v == types.NullValue }

func notNullCheck(c *clockwork, args []ref.Val) ref.Val { return notVal(nullCheck(c, args)) }

// notVal is ! of a bool or an error.
func notVal(v ref.Val) ref.Val {
	if b, ok := v.(types.Bool); ok {
		return !b
	}
	return v
}

func isTrueValue(_ *clockwork, args []ref.Val) ref.Val {
	if types.IsUnknown(args[0]) {
		return types.False
	}
	return args[0]
}

func coalesce(_ *clockwork, args []ref.Val) ref.Val {
	if isNull(args[0]) {
		return args[1]
	}
	return args[0]
}

func empty(_ *clockwork, args []ref.Val) ref.Val {
	switch v := args[0].(type) {
	case *types.Unknown:
		return types.True
	case traits.Sizer:
		return types.Bool(v.Size() == types.IntZero)
	}
	return args[0]
}

func nonempty(c *clockwork, args []ref.Val) ref.Val { return notVal(empty(c, args)) }
