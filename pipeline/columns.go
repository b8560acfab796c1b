package pipeline

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/tables"
)

// openRowGroup opens columns of a row group of the snapshot. What cannot be read, then or later, is a fault of the input.
func (r *run) openRowGroup(ctx context.Context, at int, columns []string) (tables.Columns, error) {
	opened, err := r.snapshot.OpenRowGroup(ctx, at, columns)
	if err != nil {
		return nil, asInput(ctx, err)
	}
	return &inputColumns{opened, ctx}, nil
}

// inputColumns are columns of the snapshot.
type inputColumns struct {
	tables.Columns
	ctx context.Context // of the stage that reads them
}

// Next returns the next rows of a column.
func (c *inputColumns) Next(column string, limit int) (arrow.Array, error) {
	rows, err := c.Columns.Next(column, limit)
	if err != nil && !errors.Is(err, io.EOF) {
		err = asInput(c.ctx, err)
	}
	return rows, err
}

// SkipPage passes over a page of a column, where the snapshot can.
func (c *inputColumns) SkipPage(column string, settled func(tables.Statistics) bool) (int64, error) {
	pages, ok := c.Columns.(tables.PageSkipper)
	if !ok {
		return 0, nil
	}
	rows, err := pages.SkipPage(column, settled)
	if err != nil {
		err = asInput(c.ctx, err)
	}
	return rows, err
}

// A cursor walks over one column of a row group, value by value.
type cursor struct {
	columns tables.Columns
	name    string
	array   arrow.Array
	at      int
}

// next returns the array and place of the next value. It reads no further than limit rows ahead.
func (c *cursor) next(limit int) (arrow.Array, int, error) {
	if c.array == nil || c.at == c.array.Len() {
		c.close()
		column, err := c.columns.Next(c.name, limit)
		if err != nil {
			return nil, 0, short(c.name, err)
		}
		c.array, c.at = column, 0
	}
	c.at++
	return c.array, c.at - 1, nil
}

func (c *cursor) close() {
	if c.array != nil {
		c.array.Release()
		c.array = nil
	}
}

// A nullCounter counts the nulls of the columns that pass through it.
type nullCounter struct {
	tables.Columns
	nulls map[string]int64
	whole bool // every page is read
}

// Next passes on the next rows of a column.
func (c *nullCounter) Next(column string, limit int) (arrow.Array, error) {
	rows, err := c.Columns.Next(column, limit)
	if err == nil {
		c.nulls[column] += int64(rows.NullN())
	}
	return rows, err
}

// SkipPage passes over a page whose nulls are counted.
func (c *nullCounter) SkipPage(column string, settled func(tables.Statistics) bool) (int64, error) {
	pages, ok := c.Columns.(tables.PageSkipper)
	if !ok || c.whole {
		return 0, nil
	}
	nulls := int64(0)
	rows, err := pages.SkipPage(column, func(known tables.Statistics) bool {
		nulls = known.Nulls
		return known.Counted && settled(known)
	})
	if rows > 0 {
		c.nulls[column] += nulls
	}
	return rows, err
}
