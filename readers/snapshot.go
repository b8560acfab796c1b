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
	opts   Options
	ahead  prefetched
}

type groupAt struct{ file, index int }

// A RowGroup says where a row group is and how large.
type RowGroup struct {
	Object          int   // place in Objects
	Index           int   // in its file
	Rows            int64 // at least 1
	CompressedBytes int64 // of all its columns
}

// Open reads the footers of pinned objects and joins their schemas, with the default options.
func Open(ctx context.Context, bucket objects.Bucket, pinned []objects.Info) (*Snapshot, error) {
	return OpenWith(ctx, bucket, pinned, Options{})
}

// openFiles is how many footers are read at once.
const openFiles = 8

// OpenWith reads the footers of pinned objects and joins their schemas. All objects that cannot be read are reported: a FormatError
// for each that is no proper Parquet file, objects.ErrChanged for one that was replaced since it was pinned. The caller closes it.
func OpenWith(ctx context.Context, bucket objects.Bucket, pinned []objects.Info, opts Options) (*Snapshot, error) {
	kept := opts.wanted(pinned)
	s, err := openAll(ctx, bucket, kept, opts)
	switch left := len(pinned) - len(kept); {
	case err != nil || left == 0:
		return s, err
	case s.hasOwn(pinned):
		s.Close()
		return openAll(ctx, bucket, pinned, opts)
	default:
		s.union.note("%d of %d files are not read: the folders of their paths put them out of scope", left, len(pinned))
		return s, nil
	}
}

// openAll opens objects, whatever their folders.
func openAll(ctx context.Context, bucket objects.Bucket, pinned []objects.Info, opts Options) (*Snapshot, error) {
	s := &Snapshot{files: make([]*file, len(pinned)), opts: opts.withDefaults()}
	faults := make([]error, len(pinned))
	var group errgroup.Group
	group.SetLimit(openFiles)
	for i, object := range pinned {
		group.Go(func() error {
			s.files[i], faults[i] = openFile(ctx, bucket, object)
			return nil // all of them are to be reported
		})
	}
	if err := errors.Join(append(faults, group.Wait())...); err != nil {
		s.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	s.union = unify(s.files, s.opts.Pattern)
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
		for g, group := range f.footer.RowGroups {
			if group.NumRows > 0 {
				s.groups = append(s.groups, groupAt{i, g})
				s.rows += group.NumRows
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
func (s *Snapshot) ObjectRows(i int) (rows int64) {
	for _, g := range s.files[i].footer.RowGroups {
		rows += g.NumRows
	}
	return rows
}

// RowGroups are all row groups that have rows, in the order of the objects.
func (s *Snapshot) RowGroups() []RowGroup {
	out := make([]RowGroup, len(s.groups))
	for i, at := range s.groups {
		g := &s.files[at.file].footer.RowGroups[at.index]
		out[i] = RowGroup{Object: at.file, Index: at.index, Rows: g.NumRows}
		for c := range g.Columns {
			out[i].CompressedBytes += max(g.Columns[c].MetaData.TotalCompressedSize, 0)
		}
	}
	return out
}

// RowGroupRows is the number of rows of every row group that has any.
func (s *Snapshot) RowGroupRows() []int64 {
	out := make([]int64, len(s.groups))
	for i, at := range s.groups {
		out[i] = s.files[at.file].footer.RowGroups[at.index].NumRows
	}
	return out
}

// Unchanged looks whether the objects are still in the versions that were pinned. An error wraps objects.ErrChanged or
// objects.ErrNotFound and names the first that is not.
func (s *Snapshot) Unchanged(ctx context.Context) error {
	for _, f := range s.files {
		if err := f.unchanged(ctx); err != nil {
			return fmt.Errorf("%s, read by this run: %w", f.url(), err)
		}
	}
	return nil
}

func (f *file) unchanged(ctx context.Context) error {
	now, err := f.bucket.Stat(ctx, f.object.Key)
	if err == nil && now.Version != f.object.Version {
		err = objects.ErrChanged
	}
	return err
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
	wanted, err := s.wanted(where.file, columns)
	if err != nil {
		return nil, err
	}
	group, err := s.files[where.file].openRowGroup(ctx, where.index, wanted, s.ahead.take(ctx, at), s.opts)
	if err != nil {
		return nil, err
	}
	return group, nil
}

// wanted finds columns in a file.
func (s *Snapshot) wanted(file int, columns []string) ([]wantedColumn, error) {
	wanted := make([]wantedColumn, 0, len(columns))
	for _, name := range columns {
		c := s.union.byName[name]
		switch {
		case c == nil:
			return nil, fmt.Errorf("the snapshot has no column %q", name)
		case c.fault != nil:
			return nil, c.fault
		}
		w := wantedColumn{name: name, typ: c.field.Type, node: c.nodes[file]}
		if w.node != nil {
			w.widen = widening(w.node.typ, w.typ)
		}
		if c.paths != nil {
			w.value = c.paths[file]
		}
		wanted = append(wanted, w)
	}
	return wanted, nil
}
