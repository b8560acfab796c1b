package readers

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// ReadEvents reads the event ids of a transitions file that a run published, two words each, high word first: of those users
// whose hash keep is true for, or of all where it is nil.
func (r State) ReadEvents(ctx context.Context, bucket objects.Bucket, object objects.Info, keep func(hash uint64) bool) ([]uint64, error) {
	s, err := OpenWith(ctx, bucket, []objects.Info{object}, r.Options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var events []uint64
	for at := range s.groups {
		if events, err = appendEvents(ctx, s, at, keep, events); err != nil {
			return nil, s.files[0].fault(fmt.Errorf("read transitions: %w", err))
		}
	}
	return events, nil
}

// appendEvents reads those of one row group.
func appendEvents(ctx context.Context, s *Snapshot, at int, keep func(hash uint64) bool, out []uint64) ([]uint64, error) {
	group, err := s.OpenRowGroup(ctx, at, []string{idColumn, eventColumn})
	if err != nil {
		return nil, err
	}
	defer group.Close()
	kept, err := keptRows(s, group, keep)
	if err != nil {
		return nil, err
	}
	err = eachArray(group, eventColumn, func(a arrow.Array, row int) error {
		events, ok := a.(*array.FixedSizeBinary)
		if !ok || a.DataType().(*arrow.FixedSizeBinaryType).ByteWidth != 16 || a.NullN() > 0 {
			return fmt.Errorf("column %q is a %s; this is no transitions file of a run", eventColumn, a.DataType())
		}
		for i := range events.Len() {
			if kept == nil || kept[row+i] {
				id := events.Value(i)
				out = append(out, binary.BigEndian.Uint64(id), binary.BigEndian.Uint64(id[8:]))
			}
		}
		return nil
	})
	return out, err
}

// eventColumn is the column of event ids.
const eventColumn = "event_id"

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
