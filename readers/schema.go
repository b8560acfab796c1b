package readers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"strata/pipeline/tables"
)

// A node is one column, or a part of one, of a file: what its values look like and where they are. Levels are those of
// Parquet: a value is there when its definition level reaches def, and belongs to the list of its repetition level.
type node struct {
	name     string
	typ      arrow.DataType // nil for what cannot be read
	metadata arrow.Metadata
	why      string // why it cannot be read
	nullable bool

	def  byte // the definition level at which this node itself is not null
	rep  byte // the repetition level of the lists around it
	slot byte // the definition level from which the innermost list around it has an element here; 0 outside of lists

	children []*node // list: the element; map: key and value; struct: the fields
	itemDef  byte    // list and map: the definition level from which there is an element
	first    int     // the first leaf column of the file below this node
	leaves   int     // how many
	convert  converter

	physical format.Type // of a leaf
	length   int         // of a leaf of fixed-length bytes

	path bool // it is no column of the file: its path tells the value
}

// unreadable marks a node, with the reason.
func (n *node) unreadable(format string, args ...any) *node {
	n.typ, n.why = nil, fmt.Sprintf(format, args...)
	return n
}

// A place is what a node's position in the schema means for its levels.
type place struct{ def, rep, slot byte }

// newNode reads the schema of a column below the root.
func newNode(c *element, at place, firstLeaf *int) *node {
	if c.repeated() { // a bare repeated field is a list without a name of its own
		return repeatedNode(c, at, firstLeaf)
	}
	n := &node{name: c.Name, nullable: c.optional(), rep: at.rep, slot: at.slot, def: at.def, first: *firstLeaf}
	if c.optional() {
		n.def++
	}
	n.fill(c, firstLeaf)
	n.leaves = *firstLeaf - n.first
	return n
}

// fill decides what the column is.
func (n *node) fill(c *element, firstLeaf *int) {
	inner := place{def: n.def, rep: n.rep, slot: n.slot}
	switch {
	case c.leaf():
		*firstLeaf++
		n.physical, n.length = c.Type.V, int(c.TypeLength.V)
		n.leafType(c)
	case len(c.children) == 0:
		n.unreadable("a group without fields")
	case isList(c):
		n.list(c, inner, firstLeaf)
	case isMap(c):
		n.mapping(c, inner, firstLeaf)
	default:
		n.structure(c, inner, firstLeaf)
	}
}

// An element is one part of the schema in a file's footer, with the parts below it.
type element struct {
	*format.SchemaElement
	children []*element
}

// schemaTree nests the flat list of a footer.
func schemaTree(flat []format.SchemaElement) (*element, error) {
	root, rest, err := subtree(flat, 0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("the schema in the footer has %d elements too many", len(rest))
	}
	return root, err
}

func subtree(flat []format.SchemaElement, depth int) (root *element, rest []format.SchemaElement, err error) {
	if len(flat) == 0 || flat[0].NumChildren.V < 0 || depth > maxDepth {
		return nil, nil, errors.New("the schema in the footer is cut off or nests too deep")
	}
	root, rest = &element{SchemaElement: &flat[0]}, flat[1:]
	for range root.NumChildren.V {
		var child *element
		if child, rest, err = subtree(rest, depth+1); err != nil {
			return nil, nil, err
		}
		root.children = append(root.children, child)
	}
	return root, rest, nil
}

func (e *element) leaf() bool     { return len(e.children) == 0 && e.Type.Valid }
func (e *element) optional() bool { return e.RepetitionType.V == format.Optional }
func (e *element) repeated() bool { return e.RepetitionType.V == format.Repeated }

// logicalType is the annotation in the newer form; nil where there is none.
func (e *element) logicalType() format.LogicalTypeValue {
	return e.LogicalType.Value
}

// converted tells whether the element has an annotation in the older form.
func (e *element) converted(types ...deprecated.ConvertedType) bool {
	return e.ConvertedType.Valid && slices.Contains(types, e.ConvertedType.V)
}

// holdsRepeated tells whether a group is of the shape that lists and maps have.
func (e *element) holdsRepeated() bool { return len(e.children) == 1 && e.children[0].repeated() }

func isList(c *element) bool {
	_, ok := c.logicalType().(*format.ListType)
	return (ok || c.converted(deprecated.List)) && c.holdsRepeated()
}

func isMap(c *element) bool {
	_, ok := c.logicalType().(*format.MapType)
	return (ok || c.converted(deprecated.Map, deprecated.MapKeyValue)) && c.holdsRepeated() && !c.children[0].leaf()
}

// list reads a list in its standard shape (an optional or required group, a repeated group, one element) or in one of the older ones,
// where the repeated field is itself the element (backward compatibility rules of the Parquet format, LogicalTypes.md).
func (n *node) list(c *element, at place, firstLeaf *int) {
	repeated := c.children[0]
	at.def, at.rep = at.def+1, at.rep+1
	at.slot, n.itemDef = at.def, at.def
	var element *node
	switch inner := repeated.children; {
	case len(inner) == 1 && !inner[0].repeated() && repeated.Name != "array" && repeated.Name != c.Name+"_tuple":
		element = newNode(inner[0], at, firstLeaf)
	default:
		element = elementNode(repeated, at, firstLeaf)
	}
	n.listOf(element)
}

func (n *node) listOf(element *node) {
	n.children = []*node{element}
	if element.typ == nil {
		n.unreadable("its elements: %s", element.why)
		return
	}
	n.typ = arrow.ListOfField(element.field("element"))
}

// elementNode reads a repeated field as the element of its list.
func elementNode(c *element, at place, firstLeaf *int) *node {
	n := &node{name: c.Name, rep: at.rep, slot: at.slot, def: at.def, first: *firstLeaf}
	n.fill(c, firstLeaf)
	n.leaves = *firstLeaf - n.first
	return n
}

// repeatedNode reads a repeated field that no list is around: a list that is never null.
func repeatedNode(c *element, at place, firstLeaf *int) *node {
	n := &node{name: c.Name, rep: at.rep, slot: at.slot, def: at.def, first: *firstLeaf}
	inner := place{def: at.def + 1, rep: at.rep + 1, slot: at.def + 1}
	n.itemDef = inner.def
	n.listOf(elementNode(c, inner, firstLeaf))
	n.leaves = *firstLeaf - n.first
	return n
}

// mapping reads a map: a repeated group of a key and, mostly, a value.
func (n *node) mapping(c *element, at place, firstLeaf *int) {
	repeated := c.children[0]
	at.def, at.rep = at.def+1, at.rep+1
	at.slot, n.itemDef = at.def, at.def
	for _, part := range repeated.children {
		n.children = append(n.children, newNode(part, at, firstLeaf))
	}
	if len(n.children) == 1 { // keys alone: the set of them
		n.listOf(n.children[0])
		return
	}
	if len(n.children) != 2 {
		n.unreadable("a map of %d parts", len(n.children))
		return
	}
	key, value := n.children[0], n.children[1]
	switch {
	case key.typ == nil:
		n.unreadable("its keys: %s", key.why)
	case value.typ == nil:
		n.unreadable("its values: %s", value.why)
	default:
		m := arrow.MapOf(key.typ, value.typ)
		m.SetItemNullable(true)
		n.typ = m
	}
}

func (n *node) structure(c *element, at place, firstLeaf *int) {
	var fields []arrow.Field
	for _, part := range c.children {
		child := newNode(part, at, firstLeaf)
		n.children = append(n.children, child)
		if child.typ == nil {
			n.why = fmt.Sprintf("its field %q: %s", child.name, child.why)
			continue
		}
		fields = append(fields, child.field(child.name))
	}
	if n.why == "" {
		n.typ = arrow.StructOf(fields...)
	}
}

// field is the node as an Arrow field.
func (n *node) field(name string) arrow.Field {
	return arrow.Field{Name: name, Type: n.typ, Nullable: n.nullable, Metadata: n.metadata}
}

// logicalMetadata marks a field with a logical type that Arrow has no type for.
func logicalMetadata(name string) arrow.Metadata {
	return arrow.NewMetadata([]string{tables.LogicalKey}, []string{name})
}
