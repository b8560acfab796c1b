package readers

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A rowGroup yields the columns of one row group. It fits tables.Columns.
type rowGroup struct {
	file    *file
	index   int
	rows    int64
	columns map[string]*column
}

// A column is one requested column of a row group.
type column struct {
	name   string
	source source         // nil for a column that the file lacks
	typ    arrow.DataType // as the snapshot's schema has it
	widen  func(arrow.Array) (arrow.Array, error)
	left   int64       // rows
	held   arrow.Array // what was read of a page beyond a limit
}

// A source reads arrays of whole rows, at most limit of them where it can choose; io.EOF after the last.
type source interface {
	next(limit int) (arrow.Array, error)
	close()
}

// Rows is the number of rows.
func (g *rowGroup) Rows() int64 { return g.rows }

// Close gives back what the row group holds.
func (g *rowGroup) Close() error {
	for _, c := range g.columns {
		if c.held != nil {
			c.held.Release()
			c.held = nil
		}
		if c.source != nil {
			c.source.close()
			c.source = nil
		}
	}
	return nil
}

// Next returns the next rows of a column.
func (g *rowGroup) Next(name string, limit int) (arrow.Array, error) {
	c, ok := g.columns[name]
	if !ok {
		return nil, fmt.Errorf("column %q was not asked for when the row group was opened", name)
	}
	if c.left == 0 {
		return nil, io.EOF
	}
	rows, err := c.next(int(min(int64(limit), c.left)))
	if err != nil {
		if err == io.EOF {
			err = fmt.Errorf("the column ends %d rows early", c.left)
		}
		return nil, g.fault(name, err)
	}
	c.left -= int64(rows.Len())
	return rows, nil
}

// fault names the place of an error.
func (g *rowGroup) fault(column string, err error) error {
	return &FormatError{Object: g.file.url(), Err: fmt.Errorf("row group %d, column %q: %w", g.index, column, err)}
}

func (c *column) next(limit int) (arrow.Array, error) {
	if c.source == nil {
		return nulls(c.typ, limit), nil
	}
	if c.held == nil {
		rows, err := c.source.next(limit)
		if err != nil {
			return nil, err
		}
		if c.held, err = c.widened(rows); err != nil {
			return nil, err
		}
	}
	if c.held.Len() <= limit {
		rows := c.held
		c.held = nil
		return rows, nil
	}
	rows := array.NewSlice(c.held, 0, int64(limit))
	rest := array.NewSlice(c.held, int64(limit), int64(c.held.Len()))
	c.held.Release()
	c.held = rest
	return rows, nil
}

func (c *column) widened(rows arrow.Array) (arrow.Array, error) {
	if c.widen == nil {
		return rows, nil
	}
	defer rows.Release()
	return c.widen(rows)
}

// nulls is an array of nothing but nulls.
func nulls(t arrow.DataType, n int) arrow.Array {
	if t.ID() == arrow.NULL {
		return array.NewNull(n)
	}
	return array.MakeArrayOfNull(memory.DefaultAllocator, t, n)
}

// openRowGroup prepares the columns of a row group and fetches their bytes.
func (f *file) openRowGroup(ctx context.Context, index int, wanted []wantedColumn) (*rowGroup, error) {
	group := f.parquet.RowGroups()[index]
	chunks := group.ColumnChunks()
	g := &rowGroup{file: f, index: index, rows: group.NumRows(), columns: map[string]*column{}}
	bytes, err := f.fetch(ctx, index, wanted)
	if err != nil {
		return nil, fmt.Errorf("row group %d: %w", index, err)
	}
	for _, w := range wanted {
		c := &column{name: w.name, typ: w.typ, widen: w.widen, left: g.rows}
		g.columns[w.name] = c
		if w.node == nil {
			continue
		}
		leaves := make([]*leafPages, 0, w.node.leaves)
		for _, n := range w.node.leafNodes(nil) {
			leaves = append(leaves, newLeafPages(n, chunks[n.first], bytes))
		}
		if w.node.rep == 0 && len(w.node.children) == 0 {
			c.source = &flatSource{leaf: leaves[0]}
		} else {
			c.source = newNestedSource(w.node, leaves)
		}
	}
	return g, nil
}

// leafNodes appends the leaves below a node, in the file's order.
func (n *node) leafNodes(leaves []*node) []*node {
	if len(n.children) == 0 {
		return append(leaves, n)
	}
	for _, child := range n.children {
		leaves = child.leafNodes(leaves)
	}
	return leaves
}

// A flatSource reads a column outside of lists and groups: a row an entry.
type flatSource struct{ leaf *leafPages }

func (s *flatSource) close() { s.leaf.close() }

func (s *flatSource) next(int) (arrow.Array, error) {
	p, err := s.leaf.next()
	if err != nil {
		return nil, err
	}
	defer p.release()
	if len(p.def) == 0 {
		p.values.Retain()
		return p.values, nil
	}
	valid, missing := validity(p.def, s.leaf.maxDef())
	return expand(p.values, valid, p.n, missing)
}
