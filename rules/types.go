package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/traits"
	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/tables"
)

// A kind is what a value is, apart from what it holds.
type kind uint8

const (
	kindBool kind = iota
	kindInt
	kindUint
	kindDouble
	kindString
	kindBytes
	kindTimestamp
	kindDuration
	kindDate
	kindList
	kindMap
	kindStruct
	kindNull
)

// A valueType is the type of a node: a kind, and what a list, map or struct holds.
type valueType struct {
	kind   kind
	elem   *valueType // list: the elements; map: the values (keys are strings)
	fields []field    // struct
	name   string     // struct: what messages call its type
	local  bool       // timestamp: its arrays have no zone
	places int        // double: 1 + the decimal places of a column of decimals, which sums keep; 0: it is none
}

// A field of a struct type, in the schema's order.
type field struct {
	name  string
	typ   valueType
	fault error // why rules cannot use it; typ is then null
}

// A literal is a constant; its node's type says which field holds it.
type literal struct {
	Bool   bool
	Int    int64 // also: date in days since 1970-01-01, duration in nanoseconds
	Uint   uint64
	Double float64
	String string // also: bytes
	Sec    int64  // timestamp: seconds since 1970-01-01 UTC
	Nanos  int32  // timestamp: 0..999999999 after Sec
}

// dateType is CEL's name for a calendar day: an object type that can be compared, and mixes with no other.
var dateType = cel.ObjectType("date", traits.ComparerType)

var celTypes = map[kind]*cel.Type{
	kindBool: cel.BoolType, kindInt: cel.IntType, kindUint: cel.UintType, kindDouble: cel.DoubleType,
	kindString: cel.StringType, kindBytes: cel.BytesType, kindTimestamp: cel.TimestampType,
	kindDuration: cel.DurationType, kindDate: dateType, kindNull: cel.DynType,
}

// cel is the checker's type. What is null in every row has every type.
func (t valueType) cel() *cel.Type {
	switch t.kind {
	case kindList:
		return cel.ListType(t.elem.cel())
	case kindMap:
		return cel.MapType(cel.StringType, t.elem.cel())
	case kindStruct:
		return cel.ObjectType(t.name)
	}
	return celTypes[t.kind]
}

// String is what messages call the type.
func (t valueType) String() string {
	switch t.kind {
	case kindList:
		return "list(" + t.elem.String() + ")"
	case kindMap:
		return "map(string, " + t.elem.String() + ")"
	case kindStruct:
		return "struct " + t.name
	case kindNull:
		return "null"
	}
	return cel.FormatCELType(celTypes[t.kind])
}

// key tells types apart that a graph must keep apart.
func (t valueType) key() string {
	switch t.kind {
	case kindList, kindMap:
		return fmt.Sprint(t.kind, "<", t.elem.key(), ">")
	case kindStruct:
		return "{" + t.name + "}"
	}
	return fmt.Sprint(t.kind, t.local)
}

// scalar says whether the type holds one value, not a list, map or struct.
func (t valueType) scalar() bool { return t.kind < kindList || t.kind == kindNull }

// typeOf is the type that rules see a column as, by the table of RULES.md 3.5. The path names the column and the fields
// below it. The error says why rules cannot use the column, and the way out.
func typeOf(path string, f arrow.Field) (valueType, error) {
	switch t := f.Type.(type) {
	case *arrow.DictionaryType:
		return typeOf(path, arrow.Field{Name: f.Name, Type: t.ValueType, Metadata: f.Metadata})
	case *arrow.FixedSizeBinaryType:
		if logical(f) == tables.LogicalUUID {
			return valueType{kind: kindString}, nil
		}
		return valueType{kind: kindBytes}, nil
	case arrow.DecimalType:
		if t.GetPrecision() <= maxExactDecimal {
			return valueType{kind: kindDouble, places: placesOf(t.GetScale())}, nil
		}
		return valueType{}, fmt.Errorf("is a decimal of %d digits, which a double cannot tell apart; "+
			"declare it under snapshot.columns with as: double to compare it approximately", t.GetPrecision())
	case *arrow.TimestampType:
		return valueType{kind: kindTimestamp, local: t.TimeZone == ""}, nil
	case *arrow.MapType:
		return mapType(path, t)
	case *arrow.StructType:
		return structType(path, t)
	case arrow.ListLikeType:
		elem, err := typeOf(path+"[]", t.ElemField())
		return valueType{kind: kindList, elem: &elem}, err
	}
	if k, ok := kindOf(f.Type.ID()); ok {
		return valueType{kind: k}, nil
	}
	return valueType{}, fmt.Errorf("is of type %s, which rules cannot use", f.Type)
}

// maxExactDecimal is how many digits a decimal may have for doubles to order neighbouring values as they are.
const maxExactDecimal = 15

// placesOf is 1 + the places of a decimal; 0 where they are not within its digits.
func placesOf(scale int32) int {
	if scale < 0 || scale > maxExactDecimal {
		return 0
	}
	return int(scale) + 1
}

// kindOf is the kind of Arrow types that need no further look.
func kindOf(id arrow.Type) (kind, bool) {
	switch id {
	case arrow.BOOL:
		return kindBool, true
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32:
		return kindInt, true
	case arrow.UINT64:
		return kindUint, true
	case arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64:
		return kindDouble, true
	case arrow.STRING, arrow.LARGE_STRING:
		return kindString, true
	case arrow.BINARY, arrow.LARGE_BINARY:
		return kindBytes, true
	case arrow.DATE32, arrow.DATE64:
		return kindDate, true
	case arrow.DURATION:
		return kindDuration, true
	case arrow.NULL:
		return kindNull, true
	}
	return 0, false
}

func mapType(path string, t *arrow.MapType) (valueType, error) {
	key, err := typeOf(path+" keys", t.KeyField())
	if err != nil || key.kind != kindString {
		return valueType{}, fmt.Errorf("is of type %s; rules can use maps with string keys only", t)
	}
	elem, err := typeOf(path+" values", t.ItemField())
	return valueType{kind: kindMap, elem: &elem}, err
}

// structType keeps the place of fields that rules cannot use.
func structType(path string, t *arrow.StructType) (valueType, error) {
	out := valueType{kind: kindStruct, name: path}
	for _, f := range t.Fields() {
		typ, err := typeOf(path+"."+f.Name, f)
		if err != nil {
			typ = valueType{kind: kindNull}
		}
		out.fields = append(out.fields, field{name: f.Name, typ: typ, fault: err})
	}
	return out, nil
}

// place is where a field of a struct type stands, or -1.
func (t valueType) place(name string) int {
	return slices.IndexFunc(t.fields, func(f field) bool { return f.name == name })
}

func logical(f arrow.Field) string {
	if at := f.Metadata.FindKey(tables.LogicalKey); at >= 0 {
		return f.Metadata.Values()[at]
	}
	return ""
}

// structs collects the struct types below a type, by name.
func (t valueType) structs(into map[string]valueType) {
	switch t.kind {
	case kindList, kindMap:
		t.elem.structs(into)
	case kindStruct:
		into[t.name] = t
		for _, f := range t.fields {
			f.typ.structs(into)
		}
	}
}

// hasLocal says whether a timestamp below has no zone.
func (t valueType) hasLocal() bool {
	switch t.kind {
	case kindList, kindMap:
		return t.elem.hasLocal()
	case kindStruct:
		return slices.ContainsFunc(t.fields, func(f field) bool { return f.typ.hasLocal() })
	}
	return t.local
}

// article puts "a" or "an" before a word.
func article(word string) string {
	if word != "" && strings.ContainsRune("aeiou", rune(word[0])) && !strings.HasPrefix(word, "uint") {
		return "an " + word
	}
	return "a " + word
}
