package pipeline

import (
	"context"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/pipeline/tables"
	"strata/rules"
)

// A KeyedSource is a Source that knows the name=value folders in the paths of a snapshot's objects, and need not open those that
// they put out of scope.
type KeyedSource interface {
	Source
	// OpenKeyed is Open without the objects that keys leaves out. Where files have a column of their own in place of one of the
	// filter's, or where nothing would be left, it is Open.
	OpenKeyed(ctx context.Context, date catalog.Date, keys *tables.KeyFilter) (Snapshot, error)
}

// open opens the snapshot: what of it may hold users in a scope, as far as the paths of objects tell.
func (r *run) open(ctx context.Context, where configs.Expr) (err error) {
	keyed, ok := r.Source.(KeyedSource)
	keys := r.keyFilter(where)
	if ok && keys != nil {
		r.snapshot, err = keyed.OpenKeyed(ctx, r.Date, keys)
		return err
	}
	r.snapshot, err = r.Source.Open(ctx, r.Date)
	return err
}

// keyFilter leaves out objects whose folders alone put them out of scope: one of the parts of the scope that must all be true looks
// at nothing but folders, and is not true. It is nil where there is nothing to filter by.
func (r *run) keyFilter(where configs.Expr) *tables.KeyFilter {
	now, today, err := r.clock()
	if where.Text == "" || err != nil {
		return nil // what is wrong is told when the scope is compiled
	}
	f := &tables.KeyFilter{}
	var tests []*keyTest
	for _, part := range rules.Conjuncts(where.Text) {
		if len(part.Names) == 0 {
			continue
		}
		t := &keyTest{step: rules.Step{Now: now, Today: today}}
		for _, name := range part.Names {
			t.columns = append(t.columns, r.Config.ColumnOf(name))
		}
		d := r.Config.Definitions()
		t.step.Definitions = &configs.Definitions{
			Timezone: d.Timezone, Now: d.Now, UserID: d.UserID, Columns: d.Columns, Segments: []configs.Segment{{Name: whereName, When: configs.NewExpr(part.Text)}},
		}
		tests, f.Columns = append(tests, t), append(f.Columns, t.columns...)
	}
	if len(tests) == 0 {
		return nil
	}
	f.Keep = func(values map[string]*string) bool {
		return !slices.ContainsFunc(tests, func(t *keyTest) bool { return t.excludes(values) })
	}
	return f
}

// A keyTest is a part of a scope that is asked of the folders of a path.
type keyTest struct {
	step    rules.Step
	columns []string // of the snapshot

	once sync.Once
	plan *rules.Plan // nil: it asks for more than texts
}

// excludes says that the part is not true of users in an object with these folders.
func (t *keyTest) excludes(values map[string]*string) bool {
	columns := make([]arrow.Array, len(t.columns))
	for i, name := range t.columns {
		value, ok := values[name]
		if !ok {
			return false
		}
		columns[i] = oneText(value)
		defer columns[i].Release()
	}
	t.once.Do(t.compile)
	if t.plan == nil {
		return false
	}
	scope := &scope{plan: t.plan, columns: t.columns, batch: 1}
	in, err := scope.users(context.Background(), columns, 1)
	return err == nil && !has(in, 0)
}

// compile plans the part for columns of text, which is what folders are.
func (t *keyTest) compile() {
	var fields []arrow.Field
	for _, name := range t.columns {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	plan, err := rules.Compile(arrow.NewSchema(fields, nil), []rules.Step{t.step}, rules.Options{})
	if err == nil && !plan.Surveys(0) {
		t.plan = plan
	}
}

// oneText is an array of one text, or of one null.
func oneText(value *string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	if value == nil {
		b.AppendNull()
	} else {
		b.Append(*value)
	}
	return b.NewArray()
}
