package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// What is read here is written again: everything must come back as it was handed to the encoder, so that the files are those that a run
// without the users would write.

// readMembership reads a partition of membership: all of its users, and with all columns those who stay.
func (w *rewriting) readMembership(ctx context.Context, at int) (all, kept *tables.Membership, err error) {
	file, err := fileAt(w.m, "membership", at)
	if err != nil {
		return nil, nil, err
	}
	typ, err := ids.ParseType(w.m.IDType)
	if err != nil {
		return nil, nil, err
	}
	all, err = readStored(ctx, w.Catalog, file, func(file objects.Info) (*tables.Membership, error) {
		return w.State.ReadMembership(ctx, w.Catalog.Bucket(), file, &w.m.Names, typ, w.m.Since)
	})
	if err != nil {
		return nil, nil, err
	}
	kept = withoutUsers(all, w.forgotten)
	kept.IDs = *kept.IDs.Narrow()
	opened, err := w.openFile(ctx, file)
	if err != nil {
		return nil, nil, err
	}
	defer opened.Close()
	return all, kept, w.readExtra(ctx, opened, all, kept)
}

// readExtra reads the columns of the snapshot that membership shows, of the users who stay.
func (w *rewriting) readExtra(ctx context.Context, file Snapshot, all, kept *tables.Membership) error {
	stays := make([]bool, all.Len())
	var text []byte
	for i := range stays {
		text = all.IDs.AppendText(text[:0], i)
		stays[i] = !w.forgotten.Has(text)
	}
	for _, name := range w.m.Settings.Membership.Columns {
		fields, ok := file.Schema().FieldsByName(name)
		if !ok {
			return fmt.Errorf("%s has no column %q; its manifest is damaged", file.Address(0), name)
		}
		logical, _ := fields[0].Metadata.GetValue(tables.LogicalKey)
		column, err := readRows(ctx, file, fields[0], stays)
		if err != nil {
			kept.Release()
			return err
		}
		kept.Extra = append(kept.Extra, column)
		kept.ExtraNames, kept.ExtraLogical = append(kept.ExtraNames, name), append(kept.ExtraLogical, logical)
	}
	return nil
}

// readRows reads those rows of a column that stay.
func readRows(ctx context.Context, file Snapshot, field arrow.Field, stays []bool) (arrow.Array, error) {
	b := array.NewBuilder(memory.DefaultAllocator, plainType(field.Type))
	defer b.Release()
	var value []byte
	err := eachRow(ctx, file, field.Name, func(column arrow.Array, from int) error {
		for i := range column.Len() {
			if stays[from+i] {
				value = appendValue(value[:0], column, i)
				buildValue(b, value)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b.NewArray(), nil
}

// readTransitions reads a whole file of transitions.
func readTransitions(ctx context.Context, file Snapshot) (*tables.Transitions, error) {
	t := &tables.Transitions{}
	if err := readChangedUsers(ctx, file, t); err != nil {
		return nil, err
	}
	var segments, changes, reasons []uint16
	var changeNames, reasonNames, from, to []string
	var err error
	for _, c := range []struct {
		column string
		names  *[]string
		codes  *[]uint16
	}{
		{"segment", &t.Segments, &segments},
		{"change", &changeNames, &changes},
		{"reason", &reasonNames, &reasons},
		{"from", &from, &t.From},
		{"to", &to, &t.To},
	} {
		if *c.names, *c.codes, err = readNames(ctx, file, c.column); err != nil {
			return nil, err
		}
	}
	t.Stages = slices.MaxFunc([][]string{from, to}, func(a, b []string) int { return len(a) - len(b) })
	for i := range segments {
		t.Segment = append(t.Segment, segments[i]-1)
		t.Change = append(t.Change, tables.Change(slices.Index(tables.ChangeNames, changeNames[changes[i]-1])))
		t.Reason = append(t.Reason, tables.Reason(slices.Index(tables.ReasonNames, reasonNames[reasons[i]-1])))
	}
	return t, readEvents(ctx, file, t)
}

// readChangedUsers reads who has a transition: each user once, and for every transition his place.
func readChangedUsers(ctx context.Context, file Snapshot, t *tables.Transitions) error {
	var text, last []byte
	return eachUser(ctx, file, func(row int, packer *ids.Packer, packed *ids.Packed, i int) {
		text = packer.AppendText(text[:0], packed, i)
		if row == 0 || string(text) != string(last) {
			packer.AppendTo(&t.IDs, packed, i)
			last = append(last[:0], text...)
		}
		t.User = append(t.User, uint32(t.IDs.Len()-1))
	})
}

// readNames reads a column of names: which there are, in the order of the file's dictionary, and for every row the place of its
// own, from 1; 0 is null.
func readNames(ctx context.Context, file Snapshot, column string) (names []string, codes []uint16, err error) {
	err = eachRow(ctx, file, column, func(rows arrow.Array, _ int) error {
		d, encoded := rows.(*array.Dictionary)
		if !encoded && rows.NullN() == rows.Len() { // there is no name at all, and so no dictionary
			codes = append(codes, make([]uint16, rows.Len())...)
			return nil
		}
		if !encoded {
			return fmt.Errorf("it is a %s; no run has written it", rows.DataType())
		}
		texts, ok := d.Dictionary().(*array.String)
		if !ok {
			return fmt.Errorf("it is a %s; no run has written it", rows.DataType())
		}
		for at := len(names); at < texts.Len(); at++ {
			names = append(names, string([]byte(texts.Value(at))))
		}
		for i := range d.Len() {
			code := uint16(0)
			if d.IsValid(i) {
				code = uint16(d.GetValueIndex(i) + 1)
			}
			codes = append(codes, code)
		}
		return nil
	})
	return names, codes, err
}

// readEvents reads the columns of event ids and of instants.
func readEvents(ctx context.Context, file Snapshot, t *tables.Transitions) error {
	err := eachRow(ctx, file, "event_id", func(rows arrow.Array, _ int) error {
		events, ok := rows.(*array.FixedSizeBinary)
		if !ok {
			return fmt.Errorf("it is a %s; no run has written it", rows.DataType())
		}
		for i := range events.Len() {
			t.EventID = append(t.EventID, binary.BigEndian.Uint64(events.Value(i)), binary.BigEndian.Uint64(events.Value(i)[8:]))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return eachRow(ctx, file, "at", func(rows arrow.Array, _ int) error {
		at, err := firstInstant(rows)
		t.At = at
		return err
	})
}

// firstInstant is the first of some instants, which are all the same.
func firstInstant(rows arrow.Array) (int64, error) {
	at := 0
	if d, ok := rows.(*array.Dictionary); ok {
		rows, at = d.Dictionary(), d.GetValueIndex(0)
	}
	instants, ok := rows.(*array.Timestamp)
	if !ok {
		return 0, fmt.Errorf("it is a %s; no run has written it", rows.DataType())
	}
	return int64(instants.Value(at)), nil
}
