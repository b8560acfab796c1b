package readers

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
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
