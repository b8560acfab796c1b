package rules

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// unknown is how a null is bound: the interpreter then answers as RULES.md 3.2 says.
var unknown = types.NewUnknown(1, types.NewAttributeTrail("null"))

// A date is a calendar day in days since 1970-01-01, as a CEL value.
type date int64

// Compare orders two dates.
func (d date) Compare(other ref.Val) ref.Val {
	o, ok := other.(date)
	switch {
	case !ok:
		return types.MaybeNoSuchOverloadErr(other)
	case d < o:
		return types.IntNegOne
	case d > o:
		return types.IntOne
	}
	return types.IntZero
}

// Equal says whether other is the same day.
func (d date) Equal(other ref.Val) ref.Val { return types.Bool(other == d) }

// Type is the checker's date type.
func (d date) Type() ref.Type { return dateType }

// Value is the number of days.
func (d date) Value() any { return int64(d) }

// ConvertToType makes a text of a date; dates turn into nothing else.
func (d date) ConvertToType(to ref.Type) ref.Val {
	switch to {
	case types.StringType:
		return types.String(time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly))
	case types.TypeType:
		return dateType
	}
	return types.NewErr("type conversion error from date to '%s'", to.TypeName())
}

// ConvertToNative gives the number of days.
func (d date) ConvertToNative(to reflect.Type) (any, error) {
	if to.Kind() == reflect.Int64 {
		return int64(d), nil
	}
	return nil, fmt.Errorf("a date cannot become a %s", to)
}

// A structure is a struct of one row as a CEL value. A field that is null is unknown.
type structure struct {
	typ    valueType
	fields []ref.Val
}

func (s *structure) find(name string) ref.Val {
	if at := s.typ.place(name); at >= 0 {
		return s.fields[at]
	}
	return types.NewErr("no such field '%s'", name)
}

// Get returns the value of a field.
func (s *structure) Get(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(index)
	}
	return s.find(string(name))
}

// Equal compares two structs field by field.
func (s *structure) Equal(other ref.Val) ref.Val {
	o, ok := other.(*structure)
	if !ok || len(o.fields) != len(s.fields) {
		return types.False
	}
	var without ref.Val
	for i, f := range s.fields {
		switch equal := types.Equal(f, o.fields[i]); {
		case types.IsUnknownOrError(equal):
			without = equal
		case equal != types.True:
			return types.False
		}
	}
	if without != nil {
		return without
	}
	return types.True
}

// Type is the checker's type of the struct.
func (s *structure) Type() ref.Type { return s.typ.cel() }

// Value is the structure itself.
func (s *structure) Value() any { return s }

// ConvertToType only tells the type.
func (s *structure) ConvertToType(to ref.Type) ref.Val {
	if to == types.TypeType {
		return s.typ.cel()
	}
	return types.NewErr("type conversion error from a struct to '%s'", to.TypeName())
}

// ConvertToNative is not possible.
func (s *structure) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("a struct cannot become a %s", to)
}

// A lenient map answers unknown for a key that it lacks.
type lenient struct{ traits.Mapper }

// Find returns the value under a key; every key is found.
func (m lenient) Find(key ref.Val) (ref.Val, bool) {
	if value, found := m.Mapper.Find(key); found {
		return value, true
	}
	return unknown, true
}

// Get returns the value under a key.
func (m lenient) Get(key ref.Val) ref.Val {
	value, _ := m.Find(key)
	return value
}

// Contains says whether the map has a key.
func (m lenient) Contains(key ref.Val) ref.Val {
	_, found := m.Mapper.Find(key)
	return types.Bool(found)
}

// Equal compares two maps.
func (m lenient) Equal(other ref.Val) ref.Val {
	if o, ok := other.(lenient); ok {
		other = o.Mapper
	}
	return m.Mapper.Equal(other)
}

// A provider tells the checker and the interpreter about the structs of a snapshot.
type provider struct {
	types.Provider
	structs map[string]valueType
}

// FindStructType finds a struct of the snapshot by the name of its type.
func (p provider) FindStructType(name string) (*types.Type, bool) {
	if t, ok := p.structs[name]; ok {
		return types.NewTypeTypeWithParam(t.cel()), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames lists the fields that rules may use.
func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	t, ok := p.structs[name]
	if !ok {
		return p.Provider.FindStructFieldNames(name)
	}
	var names []string
	for _, f := range t.fields {
		if f.fault == nil {
			names = append(names, f.name)
		}
	}
	return names, true
}

// FindStructFieldType finds one field.
func (p provider) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	t, ok := p.structs[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, fieldName)
	}
	at := t.place(fieldName)
	if at < 0 || t.fields[at].fault != nil {
		return nil, false
	}
	return &types.FieldType{
		Type:  t.fields[at].typ.cel(),
		IsSet: func(any) bool { return true },
		GetFrom: func(of any) (any, error) {
			switch of := of.(type) {
			case *structure:
				return of.fields[at], nil
			case *types.Unknown:
				return of, nil
			case error:
				return nil, of
			}
			return nil, fmt.Errorf("no such field '%s'", fieldName)
		},
	}, true
}
