package readers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// ReadTransitions reads the transitions of one user, by the canonical id, from a file that a run published; of all users where
// the id is empty. Of the other columns only rows of the user are kept.
func (r State) ReadTransitions(ctx context.Context, bucket objects.Bucket, object objects.Info, user string) ([]tables.Transition, error) {
	s, err := OpenWith(ctx, bucket, []objects.Info{object}, r.Options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	t := &transitionReader{snapshot: s, user: user}
	for at := range s.groups {
		if err := t.rowGroup(ctx, at); err != nil {
			return nil, fmt.Errorf("read transitions: %w", err)
		}
	}
	return t.out, nil
}

// A transitionReader collects rows of a transitions file.
type transitionReader struct {
	snapshot *Snapshot
	user     string
	out      []tables.Transition
}

// transitionColumns are those that are read beside the user id.
var transitionColumns = []string{"segment", "change", "from", "to", "reason", "at"}

func (t *transitionReader) rowGroup(ctx context.Context, at int) error {
	rows, err := t.users(ctx, at)
	if err != nil || len(rows) == 0 {
		return err
	}
	group, err := t.snapshot.OpenRowGroup(ctx, at, transitionColumns)
	if err != nil {
		return err
	}
	defer group.Close()
	out := t.out[len(t.out)-len(rows):]
	for _, column := range transitionColumns {
		if err := t.column(group, column, rows, out); err != nil {
			return fmt.Errorf("column %q: %w", column, err)
		}
	}
	return nil
}

// users finds the rows to read, and begins a transition for each.
func (t *transitionReader) users(ctx context.Context, at int) ([]int, error) {
	group, err := t.snapshot.OpenRowGroup(ctx, at, []string{idColumn})
	if err != nil {
		return nil, err
	}
	defer group.Close()
	typ, err := ids.TypeOf(t.snapshot.union.byName[idColumn].field)
	if err != nil {
		return nil, err
	}
	packer := ids.NewPacker(typ)
	packer.SkipHashes = true
	defer packer.Close()
	var rows []int
	var text []byte
	err = eachArray(group, idColumn, func(a arrow.Array, row int) error {
		packed, err := packer.Pack(a)
		for i := 0; err == nil && i < a.Len(); i++ {
			text = packer.AppendText(text[:0], packed, i)
			if t.user == "" || string(text) == t.user {
				rows, t.out = append(rows, row+i), append(t.out, tables.Transition{User: string(text)})
			}
		}
		return err
	})
	return rows, err
}

// column reads the values of some rows of a column into transitions.
func (t *transitionReader) column(group tables.Columns, name string, rows []int, out []tables.Transition) error {
	next := 0
	return eachArray(group, name, func(a arrow.Array, row int) error {
		for ; next < len(rows) && rows[next] < row+a.Len(); next++ {
			if err := setTransition(&out[next], name, a, rows[next]-row); err != nil {
				return err
			}
		}
		return nil
	})
}

// setTransition sets the field that a column is of.
func setTransition(t *tables.Transition, column string, a arrow.Array, i int) error {
	if a.IsNull(i) {
		return nil
	}
	if d, ok := a.(*array.Dictionary); ok {
		return setTransition(t, column, d.Dictionary(), d.GetValueIndex(i))
	}
	if at, ok := a.(*array.Timestamp); ok && column == "at" {
		t.At = int64(at.Value(i))
		return nil
	}
	text, ok := a.(*array.String)
	if !ok || column == "at" {
		return fmt.Errorf("it is a %s; this is no transitions file of a run", a.DataType())
	}
	*map[string]*string{"segment": &t.Segment, "change": &t.Change, "from": &t.From, "to": &t.To, "reason": &t.Reason}[column] = strings.Clone(text.Value(i))
	return nil
}

// eachArray visits the arrays of a column with the rows of the row group at which they begin.
func eachArray(group tables.Columns, column string, visit func(a arrow.Array, row int) error) error {
	for row := 0; ; {
		a, err := group.Next(column, 1<<16)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = visit(a, row)
		row += a.Len()
		a.Release()
		if err != nil {
			return err
		}
	}
}
