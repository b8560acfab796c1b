package cases

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/tables"
)

// typeNames are the types of columns that a test file may name. (decimal, list, map and struct are written with what they
// hold.)
var typeNames = map[string]arrow.DataType{
	"int": arrow.PrimitiveTypes.Int64, "uint": arrow.PrimitiveTypes.Uint64, "double": arrow.PrimitiveTypes.Float64,
	"float": arrow.PrimitiveTypes.Float32, "string": arrow.BinaryTypes.String, "bool": arrow.FixedWidthTypes.Boolean,
	"timestamp": &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, "date": arrow.FixedWidthTypes.Date32,
	"bytes": arrow.BinaryTypes.Binary, "uuid": &arrow.FixedSizeBinaryType{ByteWidth: 16},
}

// fieldOf is a nullable column of a type.
func fieldOf(name, typ string) (arrow.Field, error) {
	p := &typeParser{rest: typ}
	t, uuid, err := p.parse()
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = fmt.Errorf("%q follows the type", strings.TrimSpace(p.rest))
	}
	f := arrow.Field{Name: name, Type: t, Nullable: true}
	if uuid {
		f.Metadata = arrow.MetadataFrom(map[string]string{tables.LogicalKey: tables.LogicalUUID})
	}
	return f, err
}

// A typeParser reads a type such as list<struct<sku: string, price: decimal(9, 2)>>.
type typeParser struct{ rest string }

// word takes the letters and digits that come next.
func (p *typeParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	end := strings.IndexFunc(p.rest, func(r rune) bool { return strings.ContainsRune("<>(),: ", r) })
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = strings.TrimLeft(p.rest[end:], " ")
	return word
}

// skip takes a character, if it comes next.
func (p *typeParser) skip(char string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " "), char)
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

func (p *typeParser) want(char, after string) error {
	if !p.skip(char) {
		return fmt.Errorf("%s is missing after %s", char, after)
	}
	return nil
}

func (p *typeParser) parse() (t arrow.DataType, uuid bool, err error) {
	switch word := p.word(); word {
	case "decimal":
		t, err = p.decimal()
	case "list", "map":
		t, err = p.holder(word)
	case "struct":
		t, err = p.structure()
	default:
		if t = typeNames[word]; t == nil {
			err = fmt.Errorf("there is no type %q", word)
		}
		uuid = word == "uuid"
	}
	return t, uuid, err
}

func (p *typeParser) decimal() (arrow.DataType, error) {
	if err := p.want("(", "decimal"); err != nil {
		return nil, err
	}
	precision, precisionErr := strconv.ParseInt(p.word(), 10, 32)
	comma := p.want(",", "the precision")
	scale, scaleErr := strconv.ParseInt(p.word(), 10, 32)
	if precisionErr != nil || comma != nil || scaleErr != nil || precision < 1 || precision > 38 || scale < 0 || scale > precision || !p.skip(")") {
		return nil, fmt.Errorf("a decimal is written decimal(9, 2), with at most 38 digits")
	}
	return &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}, nil
}

// holder reads what a list or a map, whose keys are strings, holds.
func (p *typeParser) holder(word string) (arrow.DataType, error) {
	if err := p.want("<", word); err != nil {
		return nil, err
	}
	inner, _, err := p.parse()
	if err == nil && word == "map" && p.skip(",") { // map<string, int>
		if inner.ID() != arrow.STRING {
			return nil, fmt.Errorf("the keys of a map are strings")
		}
		inner, _, err = p.parse()
	}
	if err == nil {
		err = p.want(">", "what the "+word+" holds")
	}
	if err != nil {
		return nil, err
	}
	if word == "map" {
		return arrow.MapOf(arrow.BinaryTypes.String, inner), nil
	}
	return arrow.ListOf(inner), nil
}

func (p *typeParser) structure() (arrow.DataType, error) {
	if err := p.want("<", "struct"); err != nil {
		return nil, err
	}
	var fields []arrow.Field
	for {
		name := p.word()
		p.skip(":") // YAML asks for quotes around what has one
		t, _, err := p.parse()
		if err != nil {
			return nil, err
		}
		fields = append(fields, arrow.Field{Name: name, Type: t, Nullable: true})
		if !p.skip(",") {
			return arrow.StructOf(fields...), p.want(">", "the last field")
		}
	}
}
