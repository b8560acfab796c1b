package readers

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// ReadEvents reads the event ids of a transitions file that a run published, with their reasons: of those users whose hash keep
// is true for, or of all where it is nil.
func (r State) ReadEvents(ctx context.Context, bucket objects.Bucket, object objects.Info, keep func(hash uint64) bool) (*tables.Events, error) {
	s, err := OpenWith(ctx, bucket, []objects.Info{object}, r.Options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := &tables.Events{}
	for at := range s.groups {
		if err := readEvents(ctx, s, at, keep, out); err != nil {
			return nil, s.files[0].fault(fmt.Errorf("read transitions: %w", err))
		}
	}
	return out, nil
}

// readEvents reads those of one row group.
func readEvents(ctx context.Context, s *Snapshot, at int, keep func(hash uint64) bool, out *tables.Events) error {
	group, err := s.OpenRowGroup(ctx, at, []string{idColumn, "event_id", "reason"})
	if err != nil {
		return err
	}
	defer group.Close()
	kept, err := keptRows(s, group, keep)
	if err != nil {
		return err
	}
	takes := func(row int) bool { return kept == nil || kept[row] }
	if err := readEventIDs(group, takes, out); err != nil {
		return err
	}
	return readReasons(group, takes, out)
}

func readEventIDs(group tables.Columns, takes func(row int) bool, out *tables.Events) error {
	return eachArray(group, "event_id", func(a arrow.Array, row int) error {
		events, ok := a.(*array.FixedSizeBinary)
		if !ok || a.DataType().(*arrow.FixedSizeBinaryType).ByteWidth != 16 || a.NullN() > 0 {
			return fmt.Errorf("column %q is a %s; this is no transitions file of a run", "event_id", a.DataType())
		}
		for i := range events.Len() {
			if takes(row + i) {
				id := events.Value(i)
				out.IDs = append(out.IDs, binary.BigEndian.Uint64(id), binary.BigEndian.Uint64(id[8:]))
			}
		}
		return nil
	})
}

func readReasons(group tables.Columns, takes func(row int) bool, out *tables.Events) error {
	return eachArray(group, "reason", func(a arrow.Array, row int) error {
		for i := range a.Len() {
			if !takes(row + i) {
				continue
			}
			reason, err := reasonAt(a, i)
			if err != nil {
				return err
			}
			out.Reasons = append(out.Reasons, reason)
		}
		return nil
	})
}

// keptRows are the rows of a row group whose users are kept; nil: all.
func keptRows(s *Snapshot, group tables.Columns, keep func(hash uint64) bool) (kept []bool, err error) {
	if keep == nil {
		return nil, nil
	}
	typ, err := ids.TypeOf(s.union.byName[idColumn].field)
	if err != nil {
		return nil, err
	}
	packer := ids.NewPacker(typ)
	defer packer.Close()
	err = eachArray(group, idColumn, func(a arrow.Array, _ int) error {
		packed, err := packer.Pack(a)
		for i := 0; err == nil && i < a.Len(); i++ {
			kept = append(kept, keep(packed.Hashes[i]))
		}
		return err
	})
	return kept, err
}

// reasonAt is the reason at a place of a column.
func reasonAt(a arrow.Array, i int) (tables.Reason, error) {
	switch a := a.(type) {
	case *array.Dictionary:
		return reasonAt(a.Dictionary(), a.GetValueIndex(i))
	case *array.String:
		if at := slices.Index(tables.ReasonNames, a.Value(i)); at >= 0 && a.IsValid(i) {
			return tables.Reason(at), nil
		}
		return 0, fmt.Errorf("%q is no reason", a.Value(i))
	}
	return 0, fmt.Errorf("column %q is a %s; this is no transitions file of a run", "reason", a.DataType())
}
