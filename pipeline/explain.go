package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
	"strata/rules"
)

// A HistoryReader reads what earlier runs have published about one user.
type HistoryReader interface {
	StateReader
	// ReadTransitions reads the transitions of one user, by the canonical id, from a transitions file.
	ReadTransitions(ctx context.Context, bucket objects.Bucket, file objects.Info, user string) ([]tables.Transition, error)
}

// A Question is what Explain is asked.
type Question struct {
	User    string   // an id, as the type of the snapshot's column of ids has it
	Names   []string // segments and lifecycles; none: all
	History HistoryReader
}

// An Answer is why one user is in what it is in.
type Answer struct {
	User  string       `json:"user_id"` // canonical
	Date  catalog.Date `json:"date"`
	Now   time.Time    `json:"now"`
	Where Place        `json:"row"`

	*rules.Explanation
	Published *Published `json:"published,omitempty"` // what the run that stands for the date says; nil where none does
	Notes     []string   `json:"notes,omitempty"`     // what keeps this from being what the run said
}

// A Place is where the row of a user stands in a snapshot.
type Place struct {
	Object   string `json:"object,omitempty"`     // an address
	RowGroup int    `json:"row_group"`            // of all of the snapshot, from 0
	Row      int64  `json:"row"`                  // in the row group, from 0
	Others   int    `json:"duplicates,omitempty"` // rows of the same user that gave way to it
}

// A NotIDError is a text that cannot be a user id of the snapshot (exit code 2).
type NotIDError struct{ Err error }

func (e *NotIDError) Error() string { return e.Err.Error() }
func (e *NotIDError) Unwrap() error { return e.Err }

// Explain tells for one user what the definitions of a job say about it and why, from the row of the snapshot that a run would
// take. It writes nothing. A user that the snapshot does not have is an InputError.
func Explain(ctx context.Context, job Job, q Question) (*Answer, error) {
	r := newRun(job)
	defer r.close()
	stands, err := r.standing(ctx)
	if err != nil {
		return nil, err
	}
	answer := &Answer{Date: r.Date}
	if stands != nil && r.Now.IsZero() {
		r.Now = r.sameNow(stands, answer)
	}
	if err = r.askBefore(ctx); err != nil {
		return nil, err
	}
	if err = r.open(ctx, r.Config.Snapshot.Where); err != nil {
		return nil, err
	}
	if err = r.prepare(ctx); err != nil {
		return nil, err
	}
	if answer.User, err = r.idType.Canonical(q.User); err != nil {
		return nil, &NotIDError{err}
	}
	if r.forgotten.Has([]byte(answer.User)) {
		return nil, inputFault("user %q was forgotten: nothing is kept of it, and every run leaves it out", answer.User)
	}
	if err = r.explainUser(ctx, q, stands, answer); err != nil {
		return nil, err
	}
	answer.Notes = append(answer.Notes, r.differences(stands)...)
	return answer, nil
}

// sameNow is the now of the run that stands, where it was told another than the date gives; else zero.
func (r *run) sameNow(stands *catalog.Manifest, answer *Answer) time.Time {
	now, _, err := r.clock()
	if err != nil || now.Equal(stands.Now) {
		return time.Time{}
	}
	answer.Notes = append(answer.Notes, fmt.Sprintf("the run of %s was made with --now %s, and so is this", r.Date, stands.Now.Format(time.RFC3339)))
	return stands.Now
}

// explainUser finds the user's row, explains it, and adds what was published.
func (r *run) explainUser(ctx context.Context, q Question, stands *catalog.Manifest, answer *Answer) error {
	step := r.steps[len(r.steps)-1].Step
	answer.Now = step.Now
	explainer, err := rules.NewExplainer(r.snapshot.Schema(), step, rules.Options{UserID: r.Config.Snapshot.UserID}, q.Names...)
	if err != nil {
		return err
	}
	rows, err := r.rowsOf(ctx, answer.User)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return r.unknownUser(ctx, q, stands, answer.User)
	}
	at, err := r.standingRow(ctx, rows)
	if err != nil {
		return err
	}
	answer.Where = r.place(at)
	if answer.Where.Others = len(rows) - 1; len(rows) > 1 && !r.latest() {
		answer.Notes = append(answer.Notes, fmt.Sprintf("the snapshot has %d rows of this user, and a run of it stops; this is the first of them", len(rows)))
	}
	if err := r.explainScope(ctx, at, answer); err != nil {
		return err
	}
	record, err := r.record(ctx, at, explainer.Columns())
	if err != nil {
		return err
	}
	if record, err = r.withPast(ctx, record, q, explainer.Past(), answer.User); err != nil {
		return err
	}
	defer record.Release()
	if err = r.measure(ctx, explainer.Population()); err != nil {
		return err
	}
	if answer.Explanation, err = explainer.Explain(record); err != nil {
		return err
	}
	if stands != nil {
		answer.Published, err = r.published(ctx, q, stands, answer.User)
	}
	return err
}

// explainScope says of a user who is out of scope that the explanation is not what decides.
func (r *run) explainScope(ctx context.Context, at rowAt, answer *Answer) error {
	if r.scope == nil {
		return nil
	}
	record, err := r.record(ctx, at, r.exports)
	if err != nil {
		return err
	}
	defer record.Release()
	in, err := r.scope.users(ctx, record.Columns(), 1)
	if err == nil && !has(in, 0) {
		answer.Notes = append(answer.Notes, fmt.Sprintf("the user is out of scope (snapshot.where: %s): a run leaves the user as the run before it did, whatever the rules say",
			oneLine(r.scope.where.Text)))
	}
	return err
}

// withPast adds what the previous run left of a user to the user's record, of which it takes over the reference.
func (r *run) withPast(ctx context.Context, record arrow.Record, q Question, columns []rules.PastColumn, user string) (arrow.Record, error) {
	if len(columns) == 0 {
		return record, nil
	}
	defer record.Release()
	m, at := noMembership(), -1
	if r.past != nil {
		var err error
		if m, err = r.membershipOf(ctx, q, r.past, user); err != nil {
			return nil, err
		}
		at = m.IDs.Find(user)
	}
	before := formerOf(r.past, m, []int32{int32(at)})
	past := before.record(columns)
	defer past.Release()
	fields := append(record.Schema().Fields(), past.Schema().Fields()...)
	return array.NewRecord(arrow.NewSchema(fields, nil), append(slices.Clone(record.Columns()), past.Columns()...), 1), nil
}

// unknownUser says that a user is not in the snapshot, and who has known it.
func (r *run) unknownUser(ctx context.Context, q Question, stands *catalog.Manifest, user string) error {
	text := fmt.Sprintf("user %q is not in the snapshot of %s, which has %d rows", user, r.Date, r.snapshot.Rows())
	previous, err := r.Catalog.Previous(ctx, r.Date)
	if err != nil {
		return err
	}
	for _, m := range []*catalog.Manifest{stands, previous} {
		if m == nil {
			continue
		}
		if p, err := r.published(ctx, Question{History: q.History, Names: []string{}}, m, user); err == nil && p.Known {
			if m == stands && m.Scope != nil {
				return inputFault("%s; the run of %s has it as the run before it did, since it did not read it and it is out of scope (snapshot.where: %s)",
					text, m.Date, oneLine(m.Scope.Where))
			}
			return inputFault("%s; the run of %s had it", text, m.Date)
		}
	}
	return inputFault("%s", text)
}

// A rowAt is a row of the snapshot.
type rowAt struct {
	group int
	row   int64
}

// rowsOf finds the rows of a user, in the order of the snapshot. Only the column of ids is read.
func (r *run) rowsOf(ctx context.Context, user string) ([]rowAt, error) {
	groups := r.snapshot.RowGroupRows()
	r.Progress.Stage("look for the user", r.snapshot.Rows())
	var mu sync.Mutex
	var found []rowAt
	open := func() *ids.Finder {
		f, _ := ids.NewFinder(r.idType, user) // the id is canonical
		return f
	}
	work := func(ctx context.Context, f *ids.Finder, group int) error {
		defer r.Progress.Done(groups[group])
		rows, err := r.rowsIn(ctx, f, group)
		mu.Lock()
		defer mu.Unlock()
		for _, row := range rows {
			found = append(found, rowAt{group, row})
		}
		return err
	}
	err := inParallel(ctx, r.Workers, len(groups), open, work, func(f *ids.Finder) error {
		f.Close()
		return nil
	})
	slices.SortFunc(found, func(a, b rowAt) int {
		if a.group != b.group {
			return a.group - b.group
		}
		return int(a.row - b.row)
	})
	return found, err
}

// rowsIn finds the rows of the user in one row group. One whose bounds leave the id out is not read.
func (r *run) rowsIn(ctx context.Context, f *ids.Finder, group int) (rows []int64, err error) {
	if bounds := r.snapshot.Statistics(group, r.idColumn).Bounds; bounds != nil && !f.Between(bounds) {
		return nil, nil
	}
	columns, err := r.openRowGroup(ctx, group, []string{r.idColumn})
	if err != nil {
		return nil, err
	}
	defer columns.Close()
	for at := int64(0); at < columns.Rows(); {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		array, err := columns.Next(r.idColumn, windowRows)
		if err != nil {
			return nil, short(r.idColumn, err)
		}
		found, err := f.Rows(array)
		for _, i := range found {
			rows = append(rows, at+int64(i))
		}
		at += int64(array.Len())
		array.Release()
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// standingRow is the row that stands for a user: the only one, or the one that a run would let stand.
func (r *run) standingRow(ctx context.Context, rows []rowAt) (rowAt, error) {
	if len(rows) == 1 || !r.latest() {
		return rows[0], nil
	}
	best, bestKey := rows[0], []uint64(nil)
	for _, at := range rows {
		record, err := r.record(ctx, at, r.hashed)
		if err != nil {
			return rowAt{}, err
		}
		key := r.latestKey(record)
		record.Release()
		if bestKey == nil || slices.Compare(key, bestKey) > 0 {
			best, bestKey = at, key
		}
	}
	return best, nil
}

// latestKey orders the rows of a user as assign does: by the column that settles duplicates, then by row hash.
func (r *run) latestKey(record arrow.Record) []uint64 {
	key, sums := []uint64(nil), make([]uint64, 1)
	for i, name := range r.hashed {
		addRowHash(sums, name, record.Column(i), nil)
		if name == r.by {
			key = orderWords(nil, record.Column(i))
		}
	}
	return append(key, sums...)
}

// record reads one row of some columns.
func (r *run) record(ctx context.Context, at rowAt, names []string) (arrow.Record, error) {
	columns, err := r.openRowGroup(ctx, at.group, names)
	if err != nil {
		return nil, err
	}
	defer columns.Close()
	var fields []arrow.Field
	var values []arrow.Array
	defer func() {
		for _, value := range values {
			value.Release()
		}
	}()
	for _, name := range names {
		value, err := rowOf(columns, name, at.row)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		fields = append(fields, arrow.Field{Name: name, Type: value.DataType(), Nullable: true})
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), values, 1), nil
}

// rowOf reads one row of a column.
func rowOf(columns tables.Columns, name string, row int64) (arrow.Array, error) {
	for at := int64(0); ; {
		rows, err := columns.Next(name, windowRows)
		if err != nil {
			return nil, short(name, err)
		}
		if i := row - at; i < int64(rows.Len()) {
			one := array.NewSlice(rows, i, i+1)
			rows.Release()
			return one, nil
		}
		at += int64(rows.Len())
		rows.Release()
	}
}

// place says where a row stands.
func (r *run) place(at rowAt) Place {
	out := Place{RowGroup: at.group, Row: at.row}
	rows, groups := int64(0), r.snapshot.RowGroupRows()
	for _, n := range groups[:at.group+1] {
		rows += n
	}
	for i := range r.snapshot.Objects() {
		if rows -= r.snapshot.ObjectRows(i); rows <= 0 {
			out.Object = r.snapshot.Address(i)
			break
		}
	}
	return out
}

// differences are what keeps the explanation from being what the run that stands has said.
func (r *run) differences(stands *catalog.Manifest) []string {
	if stands == nil {
		return nil
	}
	r.describe()
	var out []string
	differs := func(what string) {
		out = append(out, fmt.Sprintf("%s changed since run %s; this explains what a new run would say", what, stands.Run))
	}
	if !stands.Definitions.Equal(r.manifest.Definitions) {
		differs("the definitions have")
	}
	if stands.Settings.Where != r.manifest.Settings.Where {
		differs("the scope has")
	}
	if !slices.EqualFunc(listsOf(stands), listsOf(r.manifest), func(a, b catalog.List) bool { return a.SHA256 == b.SHA256 }) {
		differs("list files have")
	}
	if !stands.ReadFrom(r.manifest.Inputs) {
		differs("the snapshot has")
	}
	if asked := r.manifest.Previous; !r.manifest.Stateless && stands.Previous != nil && (asked == nil || *asked != *stands.Previous) {
		differs("the run before has")
	}
	return out
}

// listsOf are the list files of a run that its own definitions use, by path.
func listsOf(m *catalog.Manifest) []catalog.List {
	asked := rules.ListPaths(m.Definitions)
	lists := slices.DeleteFunc(slices.Clone(m.Lists), func(l catalog.List) bool { return !slices.Contains(asked, l.Path) })
	slices.SortFunc(lists, func(a, b catalog.List) int { return slices.Compare([]byte(a.Path), []byte(b.Path)) })
	return lists
}
