package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
)

// A replay whose snapshot is gone is planned from the manifest, which records what a plan asks of a snapshot: it may yet follow
// from stored files. Where it does not, an error says what the snapshot is needed for.

// A recorded snapshot is what the manifest of a run says of a snapshot that is gone. Its rows cannot be read.
type recorded struct {
	Snapshot // nil: a run from stored files asks for nothing else
	of       *catalog.Manifest
	schema   *arrow.Schema // the columns that membership shows, as it has them
}

func (s *recorded) Schema() *arrow.Schema  { return s.schema }
func (s *recorded) Rows() int64            { return s.of.Rows }
func (s *recorded) Address(i int) string   { return s.of.Inputs[i].Name }
func (s *recorded) ObjectRows(i int) int64 { return s.of.Inputs[i].Rows }
func (s *recorded) Notes() []string        { return s.of.Notes }
func (s *recorded) Close()                 {}
func (s *recorded) Objects() []objects.Info {
	var out []objects.Info
	for _, in := range s.of.Inputs {
		out = append(out, objects.Info{Size: in.Size, Version: in.Version, CRC32C: in.CRC32C})
	}
	return out
}

// planRecorded plans a replay without its snapshot, of which missing tells that it is gone. No rule is compiled, since none is asked.
func (r *run) planRecorded(ctx context.Context, missing error) error {
	m := r.replays
	r.missing, r.idColumn = missing, m.IDColumn
	var err error
	if r.idType, err = ids.ParseType(m.IDType); err != nil {
		return err
	}
	if r.snapshot, err = r.recorded(ctx, m); err != nil {
		return err
	}
	if err := errors.Join(r.makeSteps(ctx), r.checkIDType()); err != nil {
		return err
	}
	if err := r.makeWords(); err != nil {
		return err
	}
	r.exchange = newExchange(r.partitionBits(), r.Workers, r.Memory/2, r.TempDir, r.layouts(1, false)...)
	return nil
}

// recorded is the snapshot of a manifest. The types of columns are those of its membership.
func (r *run) recorded(ctx context.Context, m *catalog.Manifest) (*recorded, error) {
	out := &recorded{of: m, schema: arrow.NewSchema(nil, nil)}
	if len(r.Config.Membership.Columns) == 0 || len(m.Tables["membership"]) == 0 {
		return out, nil
	}
	stored, err := readStored(ctx, r.Catalog, m.Tables["membership"][0], func(file objects.Info) (*arrow.Schema, error) {
		return r.State.ReadSchema(ctx, r.Catalog.Bucket(), file)
	})
	if err != nil {
		return nil, r.withoutFiles(ctx, r.erasedMeanwhile(ctx, m, err))
	}
	var fields []arrow.Field
	for _, name := range r.Config.Membership.Columns {
		column := r.Config.ColumnOf(name)
		field, ok := stored.FieldsByName(name)
		if !ok || !slices.ContainsFunc(m.Columns, func(c catalog.Column) bool { return c.Name == column && isType(field[0].Type, c.Type) }) {
			return nil, r.needsSnapshot(fmt.Sprintf("membership has no column %q in the type that it had there", name))
		}
		field[0].Name = column
		fields, r.exports = append(fields, field[0]), append(r.exports, column)
	}
	out.schema = arrow.NewSchema(fields, nil)
	return out, nil
}

// isType says whether a stored column has the type that a manifest names. A list may name and mark its elements otherwise.
func isType(t arrow.DataType, name string) bool {
	return t.String() == name || t.ID() == arrow.LIST && strings.HasPrefix(name, "list<")
}

// seenColumns are the columns of the snapshot, and the names of those that the run reads. Of a snapshot that is gone they are those
// that rules were seen to use, and outputs.
func (r *run) seenColumns() (columns []catalog.Column, read []string) {
	if r.missing == nil {
		return columnsOf(r.snapshot.Schema()), r.columnsRead()
	}
	read = append(slices.Clone(r.exports), r.idColumn, r.Config.ColumnOf(r.Config.Snapshot.Duplicates.By))
	for _, c := range slices.Concat(r.replays.Columns, r.base.Columns) {
		if c.Nulls != nil {
			read = append(read, c.Name)
		}
	}
	for _, c := range r.replays.Drift {
		if c.Used {
			read = append(read, c.Column)
		}
	}
	return r.replays.Columns, read
}

// withoutFiles says what stops a replay without a snapshot whose stored files cannot be read.
func (r *run) withoutFiles(ctx context.Context, cause error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(cause, catalog.ErrForgotten) || !isDamage(cause):
		return cause
	}
	return r.needsSnapshot(fmt.Sprintf("stored files cannot be read: %v", cause))
}

// needsSnapshot is the fault of a replay that does not follow from stored files, and whose snapshot is gone.
func (r *run) needsSnapshot(why string) error {
	return inputFault("%w\nthe run of %s is to be made again, since the run before it is another now, and that takes its snapshot: %s;\n"+
		"put the files of the snapshot back and go on; until then this date and those after it stay as they are", r.missing, r.Date, why)
}
