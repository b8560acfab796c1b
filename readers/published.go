package readers

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/objects"
)

// ReadSchema reads what columns a published file has.
func (r State) ReadSchema(ctx context.Context, bucket objects.Bucket, object objects.Info) (*arrow.Schema, error) {
	s, err := OpenWith(ctx, bucket, []objects.Info{object}, r.Options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Schema(), nil
}

// ReadColumns reads columns that a run has copied from its snapshot into a membership file, as the types that fields give. It
// calls visit with the arrays of one column after the other and the row at which each begins; it releases them when visit
// returns. A column that the file lacks is null in every row.
func (r State) ReadColumns(ctx context.Context, bucket objects.Bucket, object objects.Info, fields []arrow.Field, visit func(column, at int, rows arrow.Array) error) error {
	s, err := OpenWith(ctx, bucket, []objects.Info{object}, r.Options)
	if err != nil {
		return err
	}
	defer s.Close()
	for i, f := range fields {
		if err := s.readColumn(ctx, f, func(at int, rows arrow.Array) error { return visit(i, at, rows) }); err != nil {
			return s.files[0].fault(fmt.Errorf("column %q: %w", f.Name, err))
		}
	}
	return nil
}

// readColumn reads a column of all row groups.
func (s *Snapshot) readColumn(ctx context.Context, f arrow.Field, visit func(at int, rows arrow.Array) error) error {
	c := s.union.byName[f.Name]
	if c == nil {
		rows := nulls(s.opts.Allocator, f.Type, int(s.rows))
		defer rows.Release()
		return visit(0, rows)
	}
	if wide := wider(f.Type, c.field.Type); wide == nil || !sameShape(wide, f.Type) {
		return fmt.Errorf("it is a %s, which cannot be read as %s", c.field.Type, f.Type)
	}
	row := 0
	for at := range s.groups {
		group, err := s.OpenRowGroup(ctx, at, []string{f.Name})
		if err != nil {
			return err
		}
		err = eachArray(group, f.Name, func(rows arrow.Array, from int) error {
			wide, err := widened(s.opts.Allocator, rows, c.field.Type, f.Type)
			if err != nil {
				return err
			}
			defer wide.Release()
			return visit(row+from, wide)
		})
		row += int(group.Rows())
		if err := group.Close(); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}
