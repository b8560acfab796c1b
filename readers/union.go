package readers

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A wantedColumn is a column of a snapshot as one of its files has it.
type wantedColumn struct {
	name  string
	typ   arrow.DataType                                           // as the snapshot has it
	node  *node                                                    // as the file has it; nil where it does not
	value *string                                                  // of a node whose value the file's path tells; nil is null
	widen func(memory.Allocator, arrow.Array) (arrow.Array, error) // from the file's type to the snapshot's; nil where they agree
}

// A unionColumn is one column of a snapshot.
type unionColumn struct {
	field arrow.Field
	nodes []*node   // by file; nil where a file lacks it
	paths []*string // by file: the value that its path tells; nil is null. Nil for a column that no path has
	fault error     // why it cannot be read, if it cannot
}

// A union is the schema of all files of a snapshot together: every column of any of them, in the order of their first appearance.
type union struct {
	columns []*unionColumn
	byName  map[string]*unionColumn
	notes   []string
}

// unify joins the schemas of files. What does not fit together is a fault of its column, for who asks for it.
func unify(files []*file, pattern string) *union {
	u := &union{byName: map[string]*unionColumn{}}
	for i, f := range files {
		leaf, seen := 0, map[string]bool{}
		for _, c := range f.root.children {
			n := newNode(c, place{}, &leaf)
			u.add(files, i, n, seen[n.name])
			seen[n.name] = true
		}
		u.addPath(files, i, pattern)
	}
	for _, c := range u.columns {
		u.noteAbsent(c, files)
		if c.fault != nil && c.field.Type == nil {
			c.field.Type = arrow.Null
		}
	}
	return u
}

// noteAbsent makes a column nullable that some files lack.
func (u *union) noteAbsent(c *unionColumn, files []*file) {
	absent := 0
	for _, n := range c.nodes {
		absent += oneIf(n == nil)
	}
	if absent == 0 || c.fault != nil {
		return
	}
	c.field.Nullable = true
	u.note("column %q is absent from %d of %d files, %s the first; it is null there", c.field.Name, absent, len(files),
		files[slices.Index(c.nodes, nil)].url())
}

// note adds a note, once.
func (u *union) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(u.notes, text) {
		u.notes = append(u.notes, text)
	}
}

// A ColumnError is why a column cannot be read: it is of a type that is not supported, of types that do not go together, or there are
// two of its name. It is a fault of the input, and only of who asks for the column.
type ColumnError struct {
	Column string
	Err    error // names the file or files, and the column
}

func (e *ColumnError) Error() string { return e.Err.Error() }
func (e *ColumnError) Unwrap() error { return e.Err }

// InputFault marks a fault of the input, for who may not know this package.
func (e *ColumnError) InputFault() {}

// refuse keeps the first reason why a column cannot be read.
func (c *unionColumn) refuse(format string, args ...any) {
	if c.fault == nil {
		c.fault = &ColumnError{Column: c.field.Name, Err: fmt.Errorf(format, args...)}
	}
}

// add takes a column of file i.
func (u *union) add(files []*file, i int, n *node, again bool) {
	c := u.byName[n.name]
	if c == nil {
		c = &unionColumn{field: n.field(n.name), nodes: make([]*node, len(files))}
		u.byName[n.name] = c
		u.columns = append(u.columns, c)
	}
	switch {
	case again:
		c.refuse("%s: there are two columns of the name %q; rename or drop one", files[i].url(), n.name)
		u.note("there are two columns of the name %q, which no rule can use", n.name)
		return
	case n.typ == nil:
		c.refuse("%s: column %q is unsupported: %s", files[i].url(), n.name, n.why)
	default:
		u.join(c, n, files, i)
	}
	c.nodes[i] = n
	c.field.Nullable = c.field.Nullable || n.nullable
}

// join finds a type that holds the values of all files so far and of this one.
func (u *union) join(c *unionColumn, n *node, files []*file, i int) {
	if c.field.Type == nil {
		if c.fault == nil {
			c.field.Type, c.field.Metadata = n.typ, n.metadata
		}
		return
	}
	wide := wider(c.field.Type, n.typ)
	if !c.field.Metadata.Equal(n.metadata) {
		if n.typ.ID() == arrow.FIXED_SIZE_BINARY { // a UUID here, and bytes there
			wide = nil
		} else {
			c.field.Metadata = arrow.Metadata{} // text of two kinds is text
		}
	}
	if wide == nil {
		c.refuse("column %q is a %s in %s and a %s in %s; deliver it in one type", n.name, n.typ, files[i].url(),
			c.field.Type, files[firstWith(c.nodes)].url())
		return
	}
	if !sameShape(wide, c.field.Type) || !sameShape(wide, n.typ) {
		u.note("column %q is a %s in some files and a %s in others; it is read as %s", n.name, c.field.Type, n.typ, wide)
	}
	c.field.Type = wide
}

func firstWith(nodes []*node) int {
	return slices.IndexFunc(nodes, func(n *node) bool { return n != nil })
}

// wider returns the narrowest type that holds all values of both; nil where there is none.
func wider(a, b arrow.DataType) arrow.DataType {
	if sameShape(a, b) {
		return a
	}
	if a.ID() == arrow.NULL {
		return b
	}
	if b.ID() == arrow.NULL {
		return a
	}
	if arrow.IsInteger(a.ID()) && arrow.IsInteger(b.ID()) {
		return widerInt(a, b)
	}
	if arrow.IsFloating(a.ID()) && arrow.IsFloating(b.ID()) {
		if a.(arrow.FixedWidthDataType).BitWidth() > b.(arrow.FixedWidthDataType).BitWidth() {
			return a
		}
		return b
	}
	return widerScaled(a, b)
}

func widerInt(a, b arrow.DataType) arrow.DataType {
	bitsA, bitsB := a.(arrow.FixedWidthDataType).BitWidth(), b.(arrow.FixedWidthDataType).BitWidth()
	signedA, signedB := arrow.IsSignedInteger(a.ID()), arrow.IsSignedInteger(b.ID())
	if signedA == signedB {
		if bitsA > bitsB {
			return a
		}
		return b
	}
	unsigned, signed := bitsA, b
	if signedA {
		unsigned, signed = bitsB, a
	}
	switch {
	case signed.(arrow.FixedWidthDataType).BitWidth() > unsigned:
		return signed
	case unsigned < 64:
		return map[int]arrow.DataType{8: arrow.PrimitiveTypes.Int16, 16: arrow.PrimitiveTypes.Int32, 32: arrow.PrimitiveTypes.Int64}[unsigned]
	}
	return nil
}

// widerScaled joins timestamps of two units, and decimals of two precisions.
func widerScaled(a, b arrow.DataType) arrow.DataType {
	switch a := a.(type) {
	case *arrow.TimestampType:
		if b, ok := b.(*arrow.TimestampType); ok && a.TimeZone == b.TimeZone {
			return &arrow.TimestampType{Unit: max(a.Unit, b.Unit), TimeZone: a.TimeZone}
		}
	case *arrow.Decimal128Type:
		if b, ok := b.(*arrow.Decimal128Type); ok && a.Scale == b.Scale {
			return &arrow.Decimal128Type{Precision: max(a.Precision, b.Precision), Scale: a.Scale}
		}
	}
	return nil
}

// sameShape tells whether two types differ in nothing but what may be null.
func sameShape(a, b arrow.DataType) bool {
	nestedA, okA := a.(arrow.NestedType)
	nestedB, okB := b.(arrow.NestedType)
	if !okA || !okB || a.ID() != b.ID() {
		return arrow.TypeEqual(a, b)
	}
	fieldsA, fieldsB := nestedA.Fields(), nestedB.Fields()
	if len(fieldsA) != len(fieldsB) {
		return false
	}
	for i, f := range fieldsA {
		if f.Name != fieldsB[i].Name || !sameShape(f.Type, fieldsB[i].Type) {
			return false
		}
	}
	return true
}

// widening returns how arrays of a file's type become those of the snapshot's; nil where nothing is to do.
func widening(from, to arrow.DataType) func(memory.Allocator, arrow.Array) (arrow.Array, error) {
	if sameShape(from, to) {
		return nil
	}
	return func(mem memory.Allocator, a arrow.Array) (arrow.Array, error) {
		if from.ID() == arrow.NULL {
			return nulls(mem, to, a.Len()), nil
		}
		a.Retain()
		flat, err := plain(mem, a)
		if err != nil {
			return nil, err
		}
		defer flat.Release()
		builder := array.NewBuilder(mem, to)
		defer builder.Release()
		builder.Reserve(flat.Len())
		for i := range flat.Len() {
			if flat.IsNull(i) {
				builder.AppendNull()
			} else if err := appendWide(builder, flat, i); err != nil {
				return nil, err
			}
		}
		return builder.NewArray(), nil
	}
}

// appendWide appends value i to a builder of a wider type.
func appendWide(b array.Builder, a arrow.Array, i int) error {
	switch b := b.(type) {
	case *array.Int16Builder:
		b.Append(int16(integer(a, i)))
	case *array.Int32Builder:
		b.Append(int32(integer(a, i)))
	case *array.Int64Builder:
		b.Append(integer(a, i))
	case *array.Uint16Builder:
		b.Append(uint16(integer(a, i)))
	case *array.Uint32Builder:
		b.Append(uint32(integer(a, i)))
	case *array.Uint64Builder:
		b.Append(uint64(integer(a, i)))
	case *array.Float32Builder:
		b.Append(a.(*array.Float16).Value(i).Float32())
	case *array.Float64Builder:
		b.Append(floating(a, i))
	case *array.TimestampBuilder:
		return appendTimestamp(b, a.(*array.Timestamp), i)
	case *array.Decimal128Builder:
		b.Append(a.(*array.Decimal128).Value(i))
	default:
		return fmt.Errorf("%s cannot be read as %s", a.DataType(), b.Type())
	}
	return nil
}

func appendTimestamp(b *array.TimestampBuilder, a *array.Timestamp, i int) error {
	from, to := a.DataType().(*arrow.TimestampType).Unit, b.Type().(*arrow.TimestampType).Unit
	v := int64(a.Value(i))
	for ; from < to; from++ {
		if v > (1<<63-1)/1000 || v < (-1<<63)/1000 {
			return fmt.Errorf("timestamp %d does not fit into %s", v, b.Type())
		}
		v *= 1000
	}
	b.Append(arrow.Timestamp(v))
	return nil
}

func integer(a arrow.Array, i int) int64 {
	switch a := a.(type) {
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Uint8:
		return int64(a.Value(i))
	case *array.Uint16:
		return int64(a.Value(i))
	case *array.Uint32:
		return int64(a.Value(i))
	case *array.Uint64:
		return int64(a.Value(i))
	}
	return 0
}

func floating(a arrow.Array, i int) float64 {
	switch a := a.(type) {
	case *array.Float16:
		return float64(a.Value(i).Float32())
	case *array.Float32:
		return float64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	}
	return 0
}
