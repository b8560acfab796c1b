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

// State reads the membership files of earlier runs.
type State struct{}

// ReadMembership reads the users of a membership file that a run published: their ids, sets and stages, in the order of the
// run's names, and since-dates if the run tracked them. It checks that ids rise and that all names are known.
func (State) ReadMembership(ctx context.Context, bucket objects.Bucket, object objects.Info, names *tables.Names, typ ids.Type, since bool) (*tables.Membership, error) {
	s, err := Open(ctx, bucket, []objects.Info{object})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := &membershipReader{names: names, packer: ids.NewPacker(typ), m: newMembership(names, typ, since, int(s.rows))}
	defer r.packer.Close()
	for at := range s.groups {
		if err := r.rowGroup(ctx, s, at); err != nil {
			return nil, err
		}
	}
	if err := r.checkOrder(); err != nil {
		return nil, &FormatError{Object: bucket.URL(object.Key), Err: err}
	}
	return r.m, nil
}

func newMembership(names *tables.Names, typ ids.Type, since bool, n int) *tables.Membership {
	width := max((len(names.Segments)+63)/64, 1)
	m := &tables.Membership{Names: names, Sets: tables.BitMatrix{Width: width, Words: make([]uint64, n*width)}}
	m.IDs.Type, m.IDs.Form = typ, formOf(typ)
	for range names.Lifecycles {
		m.Stages = append(m.Stages, make([]uint16, n))
	}
	if since {
		m.Since = []int32{}
		for range names.Lifecycles {
			m.StageSince = append(m.StageSince, make([]int32, n))
		}
	}
	return m
}

// formOf is the form that ids of a type have as long as all of them fit.
func formOf(typ ids.Type) ids.Form {
	switch typ {
	case ids.Int32, ids.Int64, ids.Uint64:
		return ids.OneWord
	case ids.Binary:
		return ids.Bytes
	}
	return ids.TwoWords
}

type membershipReader struct {
	names  *tables.Names
	packer *ids.Packer
	m      *tables.Membership
	row    int // of the membership, where the row group begins
}

func (r *membershipReader) rowGroup(ctx context.Context, s *Snapshot, at int) error {
	columns := []string{"user_id", "strata_state"}
	for _, l := range r.names.Lifecycles {
		columns = append(columns, l.Name)
	}
	group, err := s.OpenRowGroup(ctx, at, columns)
	if err != nil {
		return err
	}
	defer group.Close()
	rows := int(group.Rows())
	visit := []func(arrow.Array, int) error{r.ids, r.states}
	for l := range r.names.Lifecycles {
		visit = append(visit, func(a arrow.Array, row int) error { return r.stages(l, a, row) })
	}
	// States need the stages, so the state column comes last.
	for _, i := range append([]int{0}, append(seq(2, len(columns)), 1)...) {
		if err := eachRows(group, columns[i], rows, func(a arrow.Array, row int) error { return visit[i](a, r.row+row) }); err != nil {
			return err
		}
	}
	r.row += rows
	return nil
}

func seq(from, to int) []int {
	var out []int
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func eachRows(group tables.Columns, column string, rows int, visit func(a arrow.Array, row int) error) error {
	for row := 0; row < rows; {
		a, err := group.Next(column, rows-row)
		if err != nil {
			return err
		}
		err = visit(a, row)
		row += a.Len()
		a.Release()
		if err != nil {
			return fmt.Errorf("column %q: %w", column, err)
		}
	}
	return nil
}

// ids appends packed ids; the first that does not fit turns all into bytes.
func (r *membershipReader) ids(a arrow.Array, row int) error {
	packed, err := r.packer.Pack(a)
	if err != nil {
		return err
	}
	words, c := len(packed.Words)/max(a.Len(), 1), &r.m.IDs
	for i := range a.Len() {
		switch {
		case packed.Rejected(i):
			return fmt.Errorf("row %d has no id", row+i)
		case c.Form == ids.Bytes && packed.Fits(i):
			c.AppendBytes(ids.AppendUUID(nil, packed.Words[2*i], packed.Words[2*i+1]))
		case packed.Fits(i):
			c.Words = append(c.Words, packed.Words[i*words:(i+1)*words]...)
		default:
			if c.Form == ids.TwoWords {
				*c = *c.Widen()
			}
			c.AppendBytes(packed.Text(i))
		}
	}
	return nil
}

// stages looks the stages up, once for each value of a dictionary.
func (r *membershipReader) stages(l int, a arrow.Array, row int) error {
	code := func(name string) (uint16, error) {
		at := slices.Index(r.names.Lifecycles[l].Stages, name)
		if at < 0 {
			return 0, fmt.Errorf("stage %q is not in the manifest", name)
		}
		return uint16(at + 1), nil
	}
	out := r.m.Stages[l][row:]
	if d, ok := a.(*array.Dictionary); ok {
		values := d.Dictionary().(*array.String)
		codes := make([]uint16, values.Len())
		for i := range codes {
			var err error
			if codes[i], err = code(values.Value(i)); err != nil {
				return err
			}
		}
		for i := range d.Len() {
			if d.IsValid(i) {
				out[i] = codes[d.GetValueIndex(i)]
			}
		}
		return nil
	}
	texts, ok := a.(*array.String)
	if !ok {
		return fmt.Errorf("it is a %s, not text", a.DataType())
	}
	for i := range texts.Len() {
		if texts.IsNull(i) {
			continue
		}
		var err error
		if out[i], err = code(texts.Value(i)); err != nil {
			return err
		}
	}
	return nil
}

// states reads the sets. Without dates a state is only a set, which is read once for each value of a dictionary.
func (r *membershipReader) states(a arrow.Array, row int) error {
	d, isDictionary := a.(*array.Dictionary)
	if isDictionary && r.m.Since == nil && r.m.Sets.Width == 1 {
		return r.wordStates(d, row)
	}
	for i := range a.Len() {
		state, err := stateBytes(a, i)
		if err != nil {
			return err
		}
		if err := r.m.ReadState(state, row+i); err != nil {
			return err
		}
	}
	return nil
}

func stateBytes(a arrow.Array, i int) ([]byte, error) {
	if d, ok := a.(*array.Dictionary); ok {
		return stateBytes(d.Dictionary(), d.GetValueIndex(i))
	}
	b, ok := a.(*array.Binary)
	if !ok || b.IsNull(i) {
		return nil, fmt.Errorf("row %d has no state", i)
	}
	return b.Value(i), nil
}

// wordStates is the common case: up to 64 segments, no dates, a dictionary.
func (r *membershipReader) wordStates(d *array.Dictionary, row int) error {
	values, ok := d.Dictionary().(*array.Binary)
	setBytes := (len(r.names.Segments) + 7) / 8
	if !ok || d.NullN() > 0 {
		return fmt.Errorf("it is a %s", d.DataType())
	}
	words := make([]uint64, values.Len())
	for i := range words {
		var word [8]byte
		if copy(word[:], values.Value(i)) != setBytes {
			return fmt.Errorf("a set of %d segments has %d bytes", len(r.names.Segments), len(values.Value(i)))
		}
		words[i] = binary.LittleEndian.Uint64(word[:])
	}
	out := r.m.Sets.Words[row:]
	for i := range d.Len() {
		out[i] = words[d.GetValueIndex(i)]
	}
	return nil
}

func (r *membershipReader) checkOrder() error {
	c := &r.m.IDs
	for i := 1; i < c.Len(); i++ {
		if c.Compare(i-1, c, i) >= 0 {
			return fmt.Errorf("user ids are not in order at row %d", i)
		}
	}
	return nil
}
