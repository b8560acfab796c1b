package readers

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A rowGroup yields the columns of one row group. It fits tables.Columns.
type rowGroup struct {
	file    *file
	index   int
	rows    int64
	columns map[string]*column
	fetched spans
	ahead   spans // what was fetched before
}

// A column is one requested column of a row group.
type column struct {
	wantedColumn
	source source // nil for a column that the file lacks
	mem    memory.Allocator
	left   int64 // rows

	ordered bool // bounds of it can be used
}

// A source reads arrays of whole rows, at least 1 and at most limit of them; io.EOF after the last.
type source interface {
	next(limit int) (arrow.Array, error)
	close()
}

// Rows is the number of rows.
func (g *rowGroup) Rows() int64 { return g.rows }

// Close gives back what the row group holds.
func (g *rowGroup) Close() error {
	for _, c := range g.columns {
		if c.source != nil {
			c.source.close()
		}
	}
	g.columns = nil
	g.fetched.release()
	g.ahead.release()
	return nil
}

// Next returns the next rows of a column.
func (g *rowGroup) Next(name string, limit int) (rows arrow.Array, err error) {
	c, ok := g.columns[name]
	if !ok {
		return nil, fmt.Errorf("column %q was not asked for when the row group was opened", name)
	}
	if c.left == 0 {
		return nil, io.EOF
	}
	err = guarded(func() error {
		rows, err = c.next(int(min(int64(max(limit, 1)), c.left)))
		return err
	})
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the column ends %d rows early", c.left)
	}
	if err != nil {
		return nil, g.fault(name, err)
	}
	c.left -= int64(rows.Len())
	return rows, nil
}

// SkipPage passes over the next page of a column, if settled says of its statistics that nobody needs to see it. It fits
// tables.PageSkipper.
func (g *rowGroup) SkipPage(name string, settled func(tables.Statistics) bool) (rows int64, err error) {
	c, ok := g.columns[name]
	if !ok {
		return 0, fmt.Errorf("column %q was not asked for when the row group was opened", name)
	}
	flat, ok := c.source.(*flatSource)
	if !ok || !c.ordered {
		return 0, nil
	}
	err = guarded(func() error {
		rows, err = flat.leaf.skipPage(c.typ, settled)
		return err
	})
	if err != nil {
		return 0, g.fault(name, err)
	}
	c.left -= rows
	return rows, nil
}

// fault names the place of an error. What the store says stays what it is; the rest is a fault of the file, unless somebody has written
// over it, which only a local file suffers.
func (g *rowGroup) fault(column string, err error) error {
	err = fmt.Errorf("row group %d, column %q: %w", g.index, column, err)
	if g.file.local != nil && g.file.unchanged(context.Background()) != nil {
		err = fmt.Errorf("%w while it was read: %w", objects.ErrChanged, err)
	}
	if errors.Is(err, objects.ErrChanged) || errors.Is(err, objects.ErrNotFound) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("read %s: %w", g.file.url(), err)
	}
	return g.file.fault(err)
}

func (c *column) next(limit int) (arrow.Array, error) {
	if c.source == nil {
		return nulls(c.mem, c.typ, min(limit, nestedRows)), nil
	}
	rows, err := c.source.next(limit)
	if err != nil || c.widen == nil {
		return rows, err
	}
	defer rows.Release()
	return c.widen(c.mem, rows)
}

// nulls is an array of nothing but nulls.
func nulls(mem memory.Allocator, t arrow.DataType, n int) arrow.Array {
	if t.ID() == arrow.NULL {
		return array.NewNull(n)
	}
	b := array.NewBuilder(mem, t)
	defer b.Release()
	b.AppendNulls(n)
	return b.NewArray()
}

// openRowGroup prepares the columns of a row group and fetches those of their bytes that were not fetched ahead, which it takes over.
func (f *file) openRowGroup(ctx context.Context, index int, wanted []wantedColumn, ahead spans, opts Options) (*rowGroup, error) {
	g := &rowGroup{file: f, index: index, rows: f.footer.RowGroups[index].NumRows, columns: map[string]*column{}, ahead: ahead}
	var leaves []*leafPages
	for _, w := range wanted {
		c := &column{wantedColumn: w, mem: opts.Allocator, left: g.rows}
		g.columns[w.name] = c
		switch {
		case w.node == nil:
			continue
		case w.node.path:
			c.source = &constantSource{value: w.value, mem: opts.Allocator}
			continue
		}
		own, err := f.leaves(index, w.node, opts)
		if err != nil {
			ahead.release()
			return nil, g.fault(w.name, err)
		}
		c.source = newSource(w.node, own, opts.Allocator)
		c.ordered = f.ordered(w.node.first)
		leaves = append(leaves, own...)
	}
	if err := g.attach(ctx, leaves, opts.Allocator); err != nil {
		ahead.release()
		return nil, fmt.Errorf("row group %d: %w", index, err)
	}
	return g, nil
}

// leaves prepares the leaf columns of a column; their bytes are still to be attached.
func (f *file) leaves(index int, n *node, opts Options) ([]*leafPages, error) {
	var out []*leafPages
	if n == nil || n.path {
		return nil, nil
	}
	for _, leaf := range n.leafNodes(nil) {
		m, start, end, err := f.place(index, leaf)
		if err != nil {
			return nil, err
		}
		pageIndex := func() *pageIndex { return f.pageIndexOf(index, leaf.first) }
		out = append(out, &leafPages{node: leaf, left: m.NumValues, mem: opts.Allocator, pageIndex: pageIndex, chunk: chunk{
			at: start, end: end, codec: m.Codec, checksums: !opts.SkipChecksums, pageBytes: opts.PageBytes, mem: opts.Allocator,
		}})
	}
	return out, nil
}

// attach gives the leaves a reader of their bytes: the local file, or what is fetched here.
func (g *rowGroup) attach(ctx context.Context, leaves []*leafPages, mem memory.Allocator) error {
	var missing []*leafPages
	for _, l := range leaves {
		switch {
		case g.file.local != nil:
			l.chunk.bytes = g.file.local
		case g.ahead.holds(l.chunk.at, l.chunk.end):
			l.chunk.bytes = g.ahead
		default:
			missing = append(missing, l)
		}
	}
	g.fetched = merged(spansOf(missing))
	if err := g.file.fetch(ctx, mem, g.fetched); err != nil {
		return err
	}
	for _, l := range missing {
		l.chunk.bytes = g.fetched
	}
	return nil
}

// spansOf are the places of leaves.
func spansOf(leaves []*leafPages) (all spans) {
	for _, l := range leaves {
		all = append(all, span{start: l.chunk.at, end: l.chunk.end})
	}
	return all
}

func newSource(n *node, leaves []*leafPages, mem memory.Allocator) source {
	if n.rep == 0 && len(n.children) == 0 {
		leaves[0].flat = true
		return &flatSource{leaf: leaves[0]}
	}
	return newNestedSource(n, leaves, mem)
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

func (s *flatSource) next(limit int) (arrow.Array, error) {
	p, err := s.leaf.next(limit)
	if err != nil {
		return nil, err
	}
	defer p.release()
	return expand(s.leaf.mem, p.values, p.valid, p.n, p.nulls)
}
