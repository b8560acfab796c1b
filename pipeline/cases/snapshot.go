package cases

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A snapshot is a record as a pipeline.Source: the users of a test, whatever the date, in one row group.
type snapshot struct {
	users arrow.Record
	where string // what messages call it
}

// Open returns the snapshot itself.
func (s snapshot) Open(context.Context, catalog.Date) (pipeline.Snapshot, error) { return s, nil }

func (s snapshot) Schema() *arrow.Schema { return s.users.Schema() }
func (s snapshot) Rows() int64           { return s.users.NumRows() }

// Objects is one object that stands for the record.
func (s snapshot) Objects() []objects.Info {
	return []objects.Info{{Key: s.where, Size: s.users.NumRows(), Version: "1"}}
}

func (s snapshot) Address(int) string              { return s.where }
func (s snapshot) ObjectRows(int) int64            { return s.users.NumRows() }
func (s snapshot) Notes() []string                 { return nil }
func (s snapshot) Check([]string) error            { return nil }
func (s snapshot) Unchanged(context.Context) error { return nil }
func (s snapshot) Close()                          {}

// Statistics knows nothing but how many rows there are: all of them are at hand.
func (s snapshot) Statistics(int, string) tables.Statistics {
	return tables.Statistics{Rows: s.users.NumRows()}
}

// RowGroupRows is one row group, or none where there are no users.
func (s snapshot) RowGroupRows() []int64 {
	if s.users.NumRows() == 0 {
		return nil
	}
	return []int64{s.users.NumRows()}
}

// OpenRowGroup shows columns of the record.
func (s snapshot) OpenRowGroup(context.Context, int, []string) (tables.Columns, error) {
	return &columns{users: s.users, at: map[string]int64{}}, nil
}

// Prefetch has nothing to do.
func (s snapshot) Prefetch(context.Context, int, []string) func() { return func() {} }

// columns are the columns of a record, each as far as it was read.
type columns struct {
	users arrow.Record
	at    map[string]int64
}

func (c *columns) Rows() int64  { return c.users.NumRows() }
func (c *columns) Close() error { return nil }

// Next returns the next rows of a column.
func (c *columns) Next(name string, limit int) (arrow.Array, error) {
	places := c.users.Schema().FieldIndices(name)
	if len(places) == 0 {
		return nil, fmt.Errorf("the users have no column %q", name)
	}
	from := c.at[name]
	to := min(from+int64(max(limit, 1)), c.users.NumRows())
	if from == to {
		return nil, io.EOF
	}
	c.at[name] = to
	return array.NewSlice(c.users.Column(places[0]), from, to), nil
}
