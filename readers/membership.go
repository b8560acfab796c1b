package readers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// State reads the membership files of earlier runs.
type State struct{ Options Options }

// The columns of a membership file beside those of the lifecycles, which bear their names.
const (
	idColumn    = "user_id"
	stateColumn = "strata_state"
)

// ReadMembership reads the users of a membership file that a run published: their ids, sets and stages, in the order of the
// run's names, the dates that these say are kept, and all since-dates if the run tracked them. The file is checked like any other: that ids rise, that sets and stages are of
// the names. Export columns are not read. The caller owns the result.
func (r State) ReadMembership(ctx context.Context, bucket objects.Bucket, object objects.Info, names *tables.Names, typ ids.Type, since bool) (*tables.Membership, error) {
	s, err := OpenWith(ctx, bucket, []objects.Info{object}, r.Options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	m := &membershipReader{names: names, packer: ids.NewPacker(typ), m: newMembership(names, typ, since)}
	m.packer.SkipHashes = true
	defer m.packer.Close()
	if err := m.read(ctx, s); err != nil {
		return nil, fmt.Errorf("read membership: %w", err)
	}
	return m.m, nil
}

// read reads all row groups and checks the whole.
func (r *membershipReader) read(ctx context.Context, s *Snapshot) error {
	if err := r.checkColumns(s); err != nil {
		return s.files[0].fault(err)
	}
	for at := range s.groups {
		if err := r.rowGroup(ctx, s, at); err != nil {
			return err
		}
	}
	if err := r.check(); err != nil {
		return s.files[0].fault(err)
	}
	return nil
}

func newMembership(names *tables.Names, typ ids.Type, since bool) *tables.Membership {
	m := &tables.Membership{Names: names, Sets: tables.BitMatrix{Width: max((len(names.Segments)+63)/64, 1)}}
	m.IDs.Type, m.IDs.Form = typ, formOf(typ)
	m.Stages = make([][]uint16, len(names.Lifecycles))
	if since {
		m.Since, m.StageSince = []int32{}, make([][]int32, len(names.Lifecycles))
	}
	m.KeptSince, m.LastExits = make([][]int32, len(names.Dated)), make([][]int32, len(names.Exits))
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

func wordsAnID(form ids.Form) int {
	switch form {
	case ids.OneWord:
		return 1
	case ids.TwoWords:
		return 2
	}
	return 0
}

// A membershipReader fills a membership, row group by row group.
type membershipReader struct {
	names  *tables.Names
	packer *ids.Packer
	m      *tables.Membership
	row    int // of the membership, where the row group begins
}

// columns are those that are read, states last: they need the stages.
func (r *membershipReader) columns() []string {
	columns := []string{idColumn}
	for _, l := range r.names.Lifecycles {
		columns = append(columns, l.Name)
	}
	return append(columns, stateColumn)
}

func (r *membershipReader) checkColumns(s *Snapshot) error {
	for _, name := range r.columns() {
		if s.union.byName[name] == nil {
			return fmt.Errorf("there is no column %q; this is no membership file of the run", name)
		}
	}
	if err := s.Check(r.columns()); err != nil {
		return err
	}
	typ, err := ids.TypeOf(s.union.byName[idColumn].field)
	want := r.m.IDs.Type
	if _, joined := typ.Join(want); err == nil && (!joined || formOf(typ) != formOf(want)) {
		err = fmt.Errorf("its user ids are of type %s, and the run's of type %s", typ, want)
	}
	return err
}

func (r *membershipReader) rowGroup(ctx context.Context, s *Snapshot, at int) error {
	columns := r.columns()
	group, err := s.OpenRowGroup(ctx, at, columns)
	if err != nil {
		return err
	}
	defer group.Close()
	fault := func(column string, err error) error {
		return s.files[0].fault(fmt.Errorf("row group %d, column %q: %w", at, column, err))
	}
	r.grow(group.Rows())
	last := len(columns) - 1
	for i, column := range columns {
		visit := func(a arrow.Array, row int) error { return r.stages(i-1, a, row) }
		switch i {
		case 0:
			visit = r.ids
		case last:
			visit = r.states
		}
		if err := r.eachRows(group, column, visit, fault); err != nil {
			return err
		}
	}
	r.row += int(group.Rows())
	return nil
}

// eachRows visits the arrays of a column with the rows of the membership at which they begin.
func (r *membershipReader) eachRows(group tables.Columns, column string, visit func(arrow.Array, int) error, fault func(string, error) error) error {
	return eachArray(group, column, func(a arrow.Array, row int) error {
		if err := visit(a, r.row+row); err != nil {
			return fault(column, err)
		}
		return nil
	})
}

// ids appends packed ids; the first that does not fit turns all into bytes.
func (r *membershipReader) ids(a arrow.Array, row int) error {
	packed, err := r.packer.Pack(a)
	if err != nil {
		return err
	}
	if packed.AllFit && r.m.IDs.Form != ids.Bytes {
		r.m.IDs.Words = append(r.m.IDs.Words, packed.Words...)
		return nil
	}
	for i := range a.Len() {
		if packed.Rejected(i) {
			return fmt.Errorf("row %d has no id", row+i)
		}
		r.appendID(packed, i)
	}
	return nil
}

func (r *membershipReader) appendID(packed *ids.Packed, i int) {
	c := &r.m.IDs
	switch {
	case packed.Fits(i) && c.Form == ids.OneWord:
		c.Words = append(c.Words, packed.Words[i])
	case packed.Fits(i) && c.Form == ids.TwoWords:
		c.Words = append(c.Words, packed.Words[2*i:2*i+2]...)
	case packed.Fits(i):
		var text [36]byte
		c.AppendBytes(ids.AppendUUID(text[:0], packed.Words[2*i], packed.Words[2*i+1]))
	default:
		if c.Form == ids.TwoWords {
			*c = *c.Widen()
		}
		c.AppendBytes(packed.Text(i))
	}
}

// extended returns a slice of at least n elements; those that it adds are zero.
func extended[T any](s []T, n int) []T {
	if len(s) >= n {
		return s
	}
	return append(s, make([]T, n-len(s))...)
}

// indexesOf are the indexes of a dictionary array, shared with it.
func indexesOf(d *array.Dictionary) []int32 { return d.Indices().(*array.Int32).Int32Values() }

// grow makes room for the rows of a row group, as far as they are to be believed before they are read.
func (r *membershipReader) grow(rows int64) {
	n := int(min(rows, 1<<20))
	r.m.IDs.Words = slices.Grow(r.m.IDs.Words, wordsAnID(r.m.IDs.Form)*n)
	r.m.Sets.Words = slices.Grow(r.m.Sets.Words, n*r.m.Sets.Width)
	for l := range r.m.Stages {
		r.m.Stages[l] = slices.Grow(r.m.Stages[l], n)
	}
}

// stages looks the stages up, once for each value of a dictionary.
func (r *membershipReader) stages(l int, a arrow.Array, row int) error {
	r.m.Stages[l] = extended(r.m.Stages[l], row+a.Len())
	if r.m.StageSince != nil {
		r.m.StageSince[l] = extended(r.m.StageSince[l], row+a.Len())
	}
	values, place := a, func(i int) int { return i }
	d, encoded := a.(*array.Dictionary)
	if encoded {
		values, place = d.Dictionary(), d.GetValueIndex
	}
	texts, ok := values.(*array.String)
	if !ok {
		return fmt.Errorf("it is a %s, not text", a.DataType())
	}
	codes, err := r.codes(l, texts)
	if err != nil {
		return err
	}
	out := r.m.Stages[l][row:]
	if encoded && a.NullN() == 0 {
		for i, index := range indexesOf(d) {
			out[i] = codes[index]
		}
		return nil
	}
	for i := range a.Len() {
		if a.IsValid(i) {
			out[i] = codes[place(i)]
		}
	}
	return nil
}

// codes are the places of stages in the names, plus 1.
func (r *membershipReader) codes(l int, texts *array.String) ([]uint16, error) {
	codes := make([]uint16, texts.Len())
	for i := range codes {
		if texts.IsNull(i) {
			continue
		}
		at := slices.Index(r.names.Lifecycles[l].Stages, texts.Value(i))
		if at < 0 {
			return nil, fmt.Errorf("stage %q is none of the run's", texts.Value(i))
		}
		codes[i] = uint16(at + 1)
	}
	return codes, nil
}

// states reads the sets and dates. Without dates a state is only a set, which is read once for each value of a dictionary.
func (r *membershipReader) states(a arrow.Array, row int) error {
	width := r.m.Sets.Width
	r.m.Sets.Words = extended(r.m.Sets.Words, (row+a.Len())*width)
	if a.NullN() > 0 {
		return errors.New("it has nulls, and every user has a state")
	}
	for _, columns := range [][][]int32{r.m.KeptSince, r.m.LastExits} {
		for k := range columns {
			columns[k] = extended(columns[k], row+a.Len())
		}
	}
	d, encoded := a.(*array.Dictionary)
	if !encoded || !r.m.Plain() {
		return r.eachState(a, row)
	}
	entries := &membershipReader{names: r.names, m: newMembership(r.names, r.m.IDs.Type, false)}
	entries.m.Sets.Words = make([]uint64, d.Dictionary().Len()*width)
	if err := entries.eachState(d.Dictionary(), 0); err != nil {
		return err
	}
	out, words := r.m.Sets.Words[row*width:], entries.m.Sets.Words
	for i, index := range indexesOf(d) {
		if width == 1 {
			out[i] = words[index]
		} else {
			copy(out[i*width:(i+1)*width], entries.m.Sets.Row(int(index)))
		}
	}
	return nil
}

// eachState reads the states of rows from row on.
func (r *membershipReader) eachState(a arrow.Array, row int) error {
	values, place := a, func(i int) int { return i }
	if d, ok := a.(*array.Dictionary); ok {
		values, place = d.Dictionary(), d.GetValueIndex
	}
	b, ok := values.(*array.Binary)
	if !ok {
		return fmt.Errorf("it is a %s, not binary", a.DataType())
	}
	for i := range a.Len() {
		if err := r.m.ReadState(b.Value(place(i)), row+i); err != nil {
			return err
		}
	}
	return nil
}

// check checks what holds for the whole file.
func (r *membershipReader) check() error {
	c := &r.m.IDs
	if c.Len() != r.row {
		return fmt.Errorf("there are %d ids and %d rows", c.Len(), r.row)
	}
	if at := notRising(c); at > 0 {
		return fmt.Errorf("user ids are not in order, or not distinct, at row %d", at)
	}
	return nil
}

// notRising returns the first place where an id is not greater than the one before; 0 if there is none.
func notRising(c *ids.Column) int {
	if w := c.Words; c.Form == ids.TwoWords {
		for i := 2; i < len(w); i += 2 {
			if w[i] < w[i-2] || w[i] == w[i-2] && w[i+1] <= w[i-1] {
				return i / 2
			}
		}
		return 0
	}
	for i := 1; i < c.Len(); i++ {
		if c.Compare(i-1, c, i) >= 0 {
			return i
		}
	}
	return 0
}
