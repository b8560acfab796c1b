package readers

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"golang.org/x/sync/errgroup"

	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A Snapshot is all users of one date: the row groups of its files, under one schema. Many goroutines may use it.
type Snapshot struct {
	files  []*file
	union  *union
	schema *arrow.Schema
	groups []groupAt
	rows   int64
}

type groupAt struct{ file, index int }

// Open reads the footers of pinned objects and joins their schemas. All objects that cannot be read are reported.
func Open(ctx context.Context, bucket objects.Bucket, pinned []objects.Info) (*Snapshot, error) {
	s := &Snapshot{files: make([]*file, len(pinned))}
	faults := make([]error, len(pinned))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, object := range pinned {
		group.Go(func() error {
			s.files[i], faults[i] = openFile(groupCtx, bucket, object)
			return groupCtx.Err()
		})
	}
	err := errors.Join(append(faults, group.Wait())...)
	if err == nil {
		s.union, err = unify(s.files)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.index()
	return s, nil
}

func (s *Snapshot) index() {
	fields := make([]arrow.Field, len(s.union.columns))
	for i, c := range s.union.columns {
		fields[i] = c.field
	}
	s.schema = arrow.NewSchema(fields, nil)
	for i, f := range s.files {
		for g, group := range f.parquet.RowGroups() {
			if group.NumRows() > 0 {
				s.groups = append(s.groups, groupAt{i, g})
				s.rows += group.NumRows()
			}
		}
	}
}

// Close closes local files.
func (s *Snapshot) Close() {
	for _, f := range s.files {
		if f != nil {
			f.close()
		}
	}
}

// Schema has all columns of all files. A column that cannot be read has the type null; Check tells why.
func (s *Snapshot) Schema() *arrow.Schema { return s.schema }

// Rows is the number of rows of all files.
func (s *Snapshot) Rows() int64 { return s.rows }

// Notes say what was widened or ignored.
func (s *Snapshot) Notes() []string { return s.union.notes }

// Objects are the pinned objects.
func (s *Snapshot) Objects() []objects.Info {
	out := make([]objects.Info, len(s.files))
	for i, f := range s.files {
		out[i] = f.object
	}
	return out
}

// Address is where object i is, for messages and manifests.
func (s *Snapshot) Address(i int) string { return s.files[i].url() }

// ObjectRows is the number of rows of object i.
func (s *Snapshot) ObjectRows(i int) int64 { return s.files[i].parquet.NumRows() }

// RowGroupRows is the number of rows of every row group that has any.
func (s *Snapshot) RowGroupRows() []int64 {
	out := make([]int64, len(s.groups))
	for i, at := range s.groups {
		out[i] = s.files[at.file].parquet.RowGroups()[at.index].NumRows()
	}
	return out
}

// Check returns the faults of columns that are about to be read.
func (s *Snapshot) Check(columns []string) error {
	var faults []error
	for _, name := range columns {
		if c := s.union.byName[name]; c != nil && c.fault != nil {
			faults = append(faults, c.fault)
		}
	}
	return errors.Join(faults...)
}

// OpenRowGroup fetches some columns of row group at. The caller closes it.
func (s *Snapshot) OpenRowGroup(ctx context.Context, at int, columns []string) (tables.Columns, error) {
	where := s.groups[at]
	wanted := make([]wantedColumn, 0, len(columns))
	for _, name := range columns {
		c := s.union.byName[name]
		switch {
		case c == nil:
			return nil, fmt.Errorf("the snapshot has no column %q", name)
		case c.fault != nil:
			return nil, c.fault
		}
		w := wantedColumn{name: name, typ: c.field.Type, node: c.nodes[where.file]}
		if w.node != nil {
			w.widen = widening(w.node.typ, w.typ)
		}
		wanted = append(wanted, w)
	}
	return s.files[where.file].openRowGroup(ctx, where.index, wanted)
}
