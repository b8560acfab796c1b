package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"time"

	"strata/configs"
	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/tables"
	"strata/rules"
)

// makePlan is the first stage: it opens the snapshot, compiles today's definitions and, for reasons, those of the previous
// run, and lays out the exchange.
func (r *run) makePlan(ctx context.Context) error {
	r.Progress.Stage("plan", 0)
	var err error
	if r.base, err = r.Catalog.Previous(ctx, r.Date); err != nil {
		return err
	}
	r.past = r.base
	err = r.open(ctx, r.Config.Snapshot.Where)
	switch {
	case err == nil:
		return r.prepare(ctx)
	case r.replays != nil && r.base != nil && !r.inFull && errors.Is(err, ErrNoSnapshot):
		return r.planRecorded(ctx, err)
	}
	return err
}

// askBefore readies a run that asks for today's answer alone: the previous run is looked up where the definitions ask for it.
func (r *run) askBefore(ctx context.Context) (err error) {
	r.alone = true
	if !rules.Stateless(r.Config.Definitions()) {
		r.base, err = r.Catalog.Previous(ctx, r.Date)
		r.past = r.base
	}
	return err
}

// prepare plans everything else, once the snapshot is open and it is known what the run is compared with.
func (r *run) prepare(ctx context.Context) error {
	if err := r.makeSteps(ctx); err != nil {
		return err
	}
	if err := r.compile(); err != nil {
		return err
	}
	if err := r.chooseColumns(); err != nil {
		return err
	}
	if err := r.makeScope(); err != nil {
		return err
	}
	r.layOut()
	return nil
}

// makeSteps lists the steps of the walk from the previous run's answer to today's. A step that asks exactly what the one
// before it asks is left out, and leaves its place in the order of reasons to that one.
func (r *run) makeSteps(ctx context.Context) error {
	if err := r.readForgotten(ctx); err != nil {
		return err
	}
	definitions := r.Config.Definitions()
	now, today, err := r.clock()
	if err != nil {
		return err
	}
	lists, err := r.readLists(ctx, definitions)
	if err != nil {
		return err
	}
	answer := rules.Step{Definitions: definitions, Now: now, Today: today, Date: r.Date.Days(), Lists: lists}
	if r.base == nil || r.alone {
		r.steps = []reasonStep{{answer, tables.UserChanged}}
		return nil
	}
	old := r.base.Definitions
	oldLists, err := r.oldLists(ctx)
	if err != nil {
		return err
	}
	newLists := r.newContents(ctx, oldLists, lists)
	date := answer.Date
	r.steps = distinct([]reasonStep{
		{rules.Step{Definitions: old, Now: r.base.Now, Today: r.base.Today.Days(), Date: r.base.Date.Days(), Lists: oldLists}, tables.UserChanged},
		{rules.Step{Definitions: old, Now: now, Today: today, Date: date, Lists: oldLists}, tables.TimePassed},
		{rules.Step{Definitions: old, Now: now, Today: today, Date: date, Lists: newLists}, tables.ListChanged},
		{answer, tables.RuleChanged},
	})
	return nil
}

func distinct(steps []reasonStep) []reasonStep {
	out := steps[:1]
	for _, s := range steps[1:] {
		last := &out[len(out)-1]
		if sameQuestion(last.Step, s.Step) {
			last.Step = s.Step
			continue
		}
		out = append(out, s)
	}
	return out
}

func sameQuestion(a, b rules.Step) bool {
	if !a.Now.Equal(b.Now) || a.Today != b.Today || a.Date != b.Date || len(a.Lists) != len(b.Lists) {
		return false
	}
	for path, list := range a.Lists {
		if other := b.Lists[path]; other == nil || other.Hash() != list.Hash() {
			return false
		}
	}
	return a.Definitions.Equal(b.Definitions)
}

// clock returns what now and today mean in this run.
func (r *run) clock() (now time.Time, today int32, err error) {
	if r.replays != nil {
		return r.replays.Now, r.replays.Today.Days(), nil
	}
	zone, err := configs.LoadZone(r.Config.Timezone)
	if err != nil {
		return time.Time{}, 0, err
	}
	if !r.Now.IsZero() {
		return r.Now, catalog.DateOf(r.Now.In(zone)).Days(), nil
	}
	day := r.Date
	if r.Config.Now == configs.EndOfDate {
		day = day.Add(1)
	}
	return rules.StartOfDay(day.Days(), zone), r.Date.Days(), nil
}

// readLists reads the list files that definitions use. All that cannot be read are reported.
func (r *run) readLists(ctx context.Context, d *configs.Definitions) (map[string]*rules.List, error) {
	lists, faults := map[string]*rules.List{}, []error(nil)
	for _, path := range rules.ListPaths(d) {
		list, data, err := r.readList(ctx, path, d)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		lists[path] = list
		r.lists = append(r.lists, pinnedList{path: path, data: data, list: list})
	}
	return lists, errors.Join(faults...)
}

// readList reads a list file as it is today, without users who were forgotten: that is what a run keeps of it.
func (r *run) readList(ctx context.Context, path string, d *configs.Definitions) (*rules.List, []byte, error) {
	data, err := r.ReadList(ctx, path)
	if err != nil {
		return nil, nil, inputFault("list %s cannot be read: %w", path, err)
	}
	data = r.withoutForgotten(data, path, d, r.typeOfIDs())
	list, err := rules.NewList(data)
	if err != nil {
		return nil, nil, inputFault("list %s: %w", path, err)
	}
	return list, data, nil
}

// oldLists fetches the lists as the previous run read them, from where it kept them.
func (r *run) oldLists(ctx context.Context) (map[string]*rules.List, error) {
	lists := map[string]*rules.List{}
	asked := rules.ListPaths(r.base.Definitions)
	for _, kept := range r.base.Lists {
		if !slices.Contains(asked, kept.Path) {
			continue
		}
		data, err := r.Catalog.List(ctx, kept.SHA256)
		if err != nil {
			return nil, fmt.Errorf("list %s as the run of %s read it: %w", kept.Path, r.base.Date, r.erasedMeanwhile(ctx, r.base, err))
		}
		data = r.withoutForgotten(data, kept.Path, r.base.Definitions, r.typeOfIDs())
		if lists[kept.Path], err = rules.NewList(data); err != nil {
			return nil, err
		}
	}
	return lists, nil
}

// newContents are today's contents of the lists that the previous definitions used. A file that is gone, and that today's
// definitions do not ask for, keeps its old ones: that its rule has changed is then the reason. One that is there is pinned
// like today's own, since reasons follow from it.
func (r *run) newContents(ctx context.Context, old, today map[string]*rules.List) map[string]*rules.List {
	lists := map[string]*rules.List{}
	for _, path := range slices.Sorted(maps.Keys(old)) {
		lists[path] = old[path]
		if now, ok := today[path]; ok {
			lists[path] = now
		} else if now, data, err := r.readList(ctx, path, r.base.Definitions); err == nil {
			lists[path] = now
			r.lists = append(r.lists, pinnedList{path: path, data: data, list: now})
		}
	}
	return lists
}

// compile makes the plan of all steps.
func (r *run) compile() error {
	steps := make([]rules.Step, len(r.steps))
	for i, s := range r.steps {
		steps[i] = s.Step
	}
	var err error
	r.plan, err = rules.Compile(r.snapshot.Schema(), steps, r.ruleOptions())
	if err != nil {
		return r.explainDrift(err)
	}
	return r.makeWords()
}

// makeWords joins the names of today's definitions with those of the previous run's.
func (r *run) makeWords() error {
	names := namesOf(r.Config)
	var previous *tables.Names
	if r.base != nil {
		previous = &r.base.Names
	}
	r.words = newVocabulary(names, previous)
	return r.words.check()
}

// ruleOptions are what rules should know of the job.
func (r *run) ruleOptions() rules.Options {
	used := append(slices.Clone(r.Config.Membership.Columns), r.Config.Snapshot.Duplicates.By)
	return rules.Options{UserID: r.Config.Snapshot.UserID, Columns: used, Doubts: r.CountDoubts}
}

func namesOf(c *configs.Config) *tables.Names {
	names := &tables.Names{}
	for _, s := range c.Segments {
		names.Segments = append(names.Segments, s.Name)
	}
	for _, l := range c.Lifecycles {
		life := tables.Lifecycle{Name: l.Name}
		for _, stage := range l.Stages {
			life.Stages = append(life.Stages, stage.Name)
		}
		names.Lifecycles = append(names.Lifecycles, life)
	}
	if !c.Membership.Since {
		names.Dated = datedNames(c)
	}
	for _, s := range c.Segments {
		if s.Cooldown > 0 {
			names.Exits = append(names.Exits, s.Name)
		}
	}
	return names
}

// datedNames are the segments and lifecycles whose since-dates rules need, in definition order.
func datedNames(c *configs.Config) (out []string) {
	needed := rules.DatedNames(c.Definitions())
	keep := func(name string) {
		if slices.Contains(needed, name) {
			out = append(out, name)
		}
	}
	for _, s := range c.Segments {
		keep(s.Name)
	}
	for _, l := range c.Lifecycles {
		keep(l.Name)
	}
	return out
}

// layOut sizes the exchange. The number of partitions follows from the footers' row counts alone.
func (r *run) layOut() {
	bitWords := max((r.plan.Bits()+63)/64, 1)
	r.exchange = newExchange(r.partitionBits(), r.Workers, r.Memory/2, r.TempDir, r.layouts(bitWords, len(r.exports) > 0)...)
}

// partitionBits is log2 of the number of partitions.
func (r *run) partitionBits() int {
	if r.partitions > 0 {
		return bits.Len(uint(r.partitions)) - 1
	}
	bits := partitionBitsFor(r.snapshot.Rows(), r.perPartition)
	if r.isScoped() && r.base != nil {
		bits = max(bits, r.base.PartitionBits) // for the users who are carried
	}
	return bits
}

// layouts are those of records with so many words behind the key, for every form of the user ids.
func (r *run) layouts(words int, exports bool) []layout {
	var out []layout
	forms := map[ids.Type][]ids.Form{
		ids.Int32: {ids.OneWord}, ids.Int64: {ids.OneWord}, ids.Uint64: {ids.OneWord}, ids.UUID: {ids.TwoWords}, ids.Binary: {ids.Bytes},
		ids.Text: {ids.TwoWords, ids.Bytes},
	}
	for _, form := range forms[r.idType] {
		out = append(out, newLayout(form, words, r.latest(), exports))
	}
	return out
}

// usersPerPartition keeps a partition within a core's second-level cache and a file at a handy size.
const usersPerPartition = 160_000

// partitionBitsFor is log2 of the number of partitions for a snapshot of so many rows, which are to be so many a partition.
func partitionBitsFor(rows, perPartition int64) int {
	return min(bits.Len64(uint64(max(rows-1, 0)/perPartition)), 12)
}

// chooseColumns finds the columns that travel beside the bits, and reports all that cannot.
func (r *run) chooseColumns() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, inputFault(format, args...)) }
	schema := r.snapshot.Schema()
	r.idColumn = r.Config.Snapshot.UserID
	if at := schema.FieldIndices(r.idColumn); len(at) == 0 {
		fault("the snapshot has no column %q for snapshot.user_id%s%s", r.idColumn, r.wasThere(r.idColumn), didYouMean(r.idColumn, schema))
	} else if typ, err := ids.TypeOf(schema.Field(at[0])); err != nil {
		fault("snapshot.user_id: %w", err)
	} else {
		r.idType = typ
	}
	for _, name := range r.Config.Membership.Columns {
		column := r.Config.ColumnOf(name)
		if at := schema.FieldIndices(column); len(at) == 0 {
			fault("the snapshot has no column %q for membership.columns%s%s", column, r.wasThere(column), didYouMean(column, schema))
		} else if t := schema.Field(at[0]).Type; !exportable(t) {
			fault("membership.columns: column %q is a %s, which membership cannot show", column, t)
		}
		r.exports = append(r.exports, column)
	}
	if d := r.Config.Snapshot.Duplicates; d.Keep == configs.KeepLatest {
		r.by = r.Config.ColumnOf(d.By)
		if at := schema.FieldIndices(r.by); len(at) == 0 {
			fault("the snapshot has no column %q for snapshot.duplicates.by%s%s", r.by, r.wasThere(r.by), didYouMean(r.by, schema))
		} else if t := schema.Field(at[0]).Type; !orderable(t) {
			fault("snapshot.duplicates.by: column %q is a %s; it must be a number, a date or a timestamp", r.by, t)
		}
	}
	if len(faults) == 0 {
		faults = append(faults, r.checkIDType(), r.snapshot.Check(r.columnsRead()))
	}
	return errors.Join(faults...)
}

// typeOfIDs is the type of the snapshot's user ids; that of text where it has none, which is told of later.
func (r *run) typeOfIDs() ids.Type {
	if r.missing != nil {
		return r.idType
	}
	if at := r.snapshot.Schema().FieldIndices(r.Config.Snapshot.UserID); len(at) > 0 {
		typ, _ := ids.TypeOf(r.snapshot.Schema().Field(at[0]))
		return typ
	}
	return ids.Text
}

// columnsRead are all columns of the snapshot that the run reads, each once, sorted. Those of today's definitions and
// outputs also settle ties between duplicates.
func (r *run) columnsRead() []string {
	columns := append(slices.Clone(r.plan.Columns()), r.idColumn)
	columns = append(columns, r.exports...)
	if asked := r.plan.Population(); asked != nil {
		columns = append(columns, asked.Columns()...)
	}
	if r.latest() {
		columns = append(columns, r.by)
		r.hashed = slices.Concat(r.plan.StepColumns(len(r.steps)-1), r.exports, []string{r.by})
		slices.Sort(r.hashed)
		r.hashed = slices.Compact(r.hashed)
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// memberIDs is the type of the ids in membership: the snapshot's, or one that takes the previous run's users too.
func (r *run) memberIDs() ids.Type {
	if r.scope != nil {
		return r.eventIDs
	}
	return r.idType
}

// checkIDType refuses ids that could not be compared with the previous run's: every user would leave and come anew.
func (r *run) checkIDType() error {
	r.eventIDs = r.idType
	if r.base == nil {
		return nil
	}
	old, err := ids.ParseType(r.base.IDType)
	if err != nil {
		return err
	}
	var ok bool
	if r.eventIDs, ok = r.idType.Join(old); ok {
		return nil
	}
	return inputFault("the user id column %q is of type %s, and the run of %s had %s: all users would leave and enter anew; "+
		"deliver the column in its former type, or publish to another output", r.idColumn, r.idType, r.base.Date, old)
}
