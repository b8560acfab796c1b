package pipeline

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A run with a scope looks at the users of the snapshot that are in it. A user of the previous run is carried, which means that
// membership has the user as it was, if the snapshot shows the user out of scope, or if it does not show the user and the previous
// run does not either show it in scope. So nobody leaves, and nobody is deleted, about whom nothing was read.

// A parting is a partition of which a part is in scope.
type parting struct {
	*users                      // those of the snapshot that are in scope
	outside  int64              // how many others the snapshot has
	previous *tables.Membership // all of the previous run
	carried  []int              // places in previous, rising
}

// part parts the users of a partition. all have their columns beside them, and so have those of the previous run.
func (r *run) part(ctx context.Context, all *users, previous *tables.Membership) (*parting, error) {
	in, err := r.inScope(ctx, all.len(), func(i int) []byte { return all.exported(i) })
	if err != nil {
		return nil, err
	}
	before, err := r.inScope(ctx, previous.Len(), func(i int) []byte { return previous.Values[i] })
	if err != nil {
		return nil, err
	}
	p := &parting{users: &users{from: all.from}, previous: previous}
	i, left, old := 0, &all.ids, &previous.IDs
	if left.Form != old.Form && previous.Len() > 0 {
		left, old = left.Widen(), old.Widen()
	}
	take := func() {
		if has(in, i) {
			p.records = append(p.records, all.records[i])
		} else {
			p.outside++
		}
		i++
	}
	for j := range previous.Len() {
		for i < all.len() && left.Compare(i, old, j) < 0 {
			take()
		}
		carry := !has(before, j)
		if i < all.len() && left.Compare(i, old, j) == 0 {
			carry = !has(in, i)
			take()
		}
		if carry {
			p.carried = append(p.carried, j)
		}
	}
	for i < all.len() {
		take()
	}
	p.ids = idColumn(p.from, p.records, r.idType)
	return p, nil
}

// exported are the values of the columns that membership shows of user i.
func (u *users) exported(i int) []byte { return u.from.at(u.record(i)[u.from.payloadAt()]) }

// inScope asks the scope about n users, by the values of the columns that membership shows of them.
func (r *run) inScope(ctx context.Context, n int, values func(i int) []byte) ([]uint64, error) {
	columns := payloads(memory.DefaultAllocator, r.exportTypes(), n, values)
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	return r.scope.users(ctx, columns, n)
}

// readValues reads what a file of the previous run shows of its users beside segments and stages. What it does not show is null.
func (r *run) readValues(ctx context.Context, file catalog.File, m *tables.Membership) error {
	columns, err := r.readExports(ctx, file)
	if err != nil {
		return inputFault("users that are out of scope keep what the run of %s shows of them: %w; make one run without snapshot.where, "+
			"which reads all users anew", r.base.Date, err)
	}
	m.Values = make([][]byte, m.Len())
	for _, column := range columns {
		defer column.Release()
		if column.Len() != m.Len() {
			return fmt.Errorf("%s has %d values of a column for %d users", r.Catalog.Bucket().URL(file.Key), column.Len(), m.Len())
		}
		for i := range m.Values {
			m.Values[i] = appendValue(m.Values[i], column, i)
		}
	}
	return nil
}

// readExports reads the columns that membership shows from a file of an earlier run, in the types that the snapshot has now. The
// caller releases them.
func (r *run) readExports(ctx context.Context, file catalog.File) ([]arrow.Array, error) {
	return readStored(ctx, r.Catalog, file, func(file objects.Info) ([]arrow.Array, error) { return r.readExportsOf(ctx, file) })
}

func (r *run) readExportsOf(ctx context.Context, file objects.Info) ([]arrow.Array, error) {
	fields := r.exportFields()
	builders := make([]array.Builder, len(fields))
	for i, f := range fields {
		builders[i] = array.NewBuilder(memory.DefaultAllocator, f.Type)
		defer builders[i].Release()
	}
	var scratch []byte
	err := r.State.ReadColumns(ctx, r.Catalog.Bucket(), file, fields, func(column, _ int, rows arrow.Array) error {
		for i := range rows.Len() {
			scratch = appendValue(scratch[:0], rows, i)
			buildValue(builders[column], scratch)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	columns := make([]arrow.Array, len(builders))
	for i, b := range builders {
		columns[i] = b.NewArray()
	}
	return columns, nil
}

// A rejoined is the users of a partition together again: those in scope and those that are carried, in the order of their ids.
type rejoined struct {
	*users
	part *parting
	from []int // by user: the place among those in scope, or of one who is carried ^place in the previous run
}

// exported are the values of the columns that membership shows of user i.
func (all *rejoined) exported(i int) []byte {
	if at := all.from[i]; at < 0 {
		return all.part.previous.Values[^at]
	}
	return all.part.exported(all.from[i])
}

// rejoin puts those who are carried back among the users.
func (p *parting) rejoin(typ ids.Type) *rejoined {
	in, old := &p.ids, &p.previous.IDs
	if in.Form != old.Form && len(p.carried) > 0 {
		in, old = in.Widen(), old.Widen()
	}
	out := &rejoined{users: &users{ids: ids.Column{Type: typ, Form: in.Form}}, part: p}
	i := 0
	take := func() {
		out.ids.Append(in, i)
		out.from = append(out.from, i)
		i++
	}
	for _, j := range p.carried {
		for i < p.len() && in.Compare(i, old, j) < 0 {
			take()
		}
		out.ids.Append(old, j)
		out.from = append(out.from, ^j)
	}
	for i < p.len() {
		take()
	}
	return out
}

// answers adds, to what the steps say of the users in scope, what those who are carried had: in every step, but that the last one
// knows today's segments and stages only.
func (p *parting) answers(v *vocabulary, steps []answers, all *rejoined) []answers {
	out := make([]answers, len(steps))
	for s := range steps {
		out[s] = answers{sets: tables.BitMatrix{Width: v.setWords, Words: make([]uint64, all.len()*v.setWords)}}
		for range v.lifecycles {
			out[s].stages = append(out[s].stages, make([]uint16, all.len()))
		}
		for i, at := range all.from {
			if at >= 0 {
				out[s].copyUser(i, &steps[s], at)
				continue
			}
			v.oldSet(out[s].sets.Row(i), p.previous.Sets.Row(^at))
			for l := range v.lifecycles {
				out[s].stages[l][i] = v.oldStage(l, p.previous, ^at)
			}
			if s == len(steps)-1 {
				v.forget(&out[s], i)
			}
		}
	}
	return out
}

// copyUser makes the answers about user i those of user at of others.
func (a *answers) copyUser(i int, others *answers, at int) {
	copy(a.sets.Row(i), others.sets.Row(at))
	for l := range a.stages {
		a.stages[l][i] = others.stages[l][at]
	}
}

// oldStage is the stage of a previous user in lifecycle l; 0 for none.
func (v *vocabulary) oldStage(l int, previous *tables.Membership, j int) uint16 {
	if old := v.lifeOld[l]; old >= 0 {
		return v.stageOld[l][previous.Stages[old][j]]
	}
	return 0
}

// forget takes away from user i what today's definitions do not have any more.
func (v *vocabulary) forget(a *answers, i int) {
	row := a.sets.Row(i)
	for s := len(v.names.Segments); s < len(v.segments); s++ {
		row[s>>6] &^= 1 << (s & 63)
	}
	for l := range v.lifecycles {
		if l >= len(v.names.Lifecycles) || int(a.stages[l][i]) > len(v.names.Lifecycles[l].Stages) {
			a.stages[l][i] = 0
		}
	}
}
