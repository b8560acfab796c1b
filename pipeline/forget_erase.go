package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"strata/pipeline/catalog"
	"strata/pipeline/tables"
)

// erase makes the runs of a date anew without the users, and removes what they were made of. If another run of the date is
// committed meanwhile, it looks again.
func (f *forgetting) erase(ctx context.Context, d *heldDate) error {
	for again := 0; ; again++ {
		err := f.eraseOnce(ctx, d)
		if err == nil || again == mostAgain || !errors.Is(err, catalog.ErrLostRace) {
			return err
		}
		if d, err = f.look(ctx, d.date); err != nil {
			return err
		}
	}
}

// eraseOnce: the run that stands is made last, since its commit makes all others that stay go by their new names, too. Before
// it nothing has changed for anybody, and after it all that remains can be done again.
func (f *forgetting) eraseOnce(ctx context.Context, d *heldDate) error {
	if len(d.runs) == 0 {
		return nil
	}
	stays := slices.ContainsFunc(d.runs, func(run *heldRun) bool { return run.Stays() })
	if d.current != nil && stays {
		if err := f.replace(ctx, d); err != nil {
			return err
		}
	} else if stays {
		if err := f.eraseBeside(ctx, d, "", map[string]string{}); err != nil {
			return err
		}
	}
	for _, run := range d.runs {
		if err := f.Catalog.RemoveRun(ctx, catalog.RunRef{Date: d.date, Run: run.Run}); err != nil {
			return err
		}
		f.Log.Info("users were erased from a run", "date", d.date, "run", run.Run, "by", run.told.By)
		f.tell(run)
	}
	return nil
}

// tell notes by which run another was replaced.
func (f *forgetting) tell(run *heldRun) {
	for i := range f.out.Runs {
		if f.out.Runs[i].Run == run.Run {
			f.out.Runs[i].By = run.told.By
		}
	}
}

// replace puts another run in the place of the one that stands.
func (f *forgetting) replace(ctx context.Context, d *heldDate) error {
	stands, err := f.standingOf(ctx, d)
	if err != nil {
		return err
	}
	attempt, err := f.Catalog.BeginOn(ctx, d.date, stands.Previous, d.current)
	if err != nil {
		return err
	}
	renamed := map[string]string{}
	if err = f.eraseBeside(ctx, d, attempt.Run, renamed); err == nil {
		var m *catalog.Manifest
		if m, err = f.rewrite(ctx, stands, attempt); err == nil {
			err = attempt.EraseIn(ctx, m, renamed)
		}
	}
	if err != nil {
		committed, abortErr := attempt.Abort(context.WithoutCancel(ctx))
		if !committed {
			return errors.Join(err, abortErr)
		}
	}
	stands.told.By = attempt.Run
	return attempt.Finish(ctx)
}

// standingOf is the run that stands for a date: one that holds users, or a whole one, which then goes, too.
func (f *forgetting) standingOf(ctx context.Context, d *heldDate) (*heldRun, error) {
	if d.runs[0].State == "" {
		return d.runs[0], nil
	}
	m, err := f.Catalog.Load(ctx, catalog.RunRef{Date: d.date, Run: d.current.Run})
	if err != nil {
		return nil, err
	}
	run := &heldRun{Holder: catalog.Holder{Manifest: m}, told: Held{Date: d.date, Run: m.Run}}
	d.runs = slices.Insert(d.runs, 0, run)
	return run, nil
}

// eraseBeside makes those runs anew that do not stand, and stay: replaced ones that are kept, and those in quarantine, which take
// the place of the run that is going to stand.
func (f *forgetting) eraseBeside(ctx context.Context, d *heldDate, stands string, renamed map[string]string) error {
	for _, run := range d.runs {
		if run.State == "" || !run.Stays() {
			continue
		}
		attempt, err := f.Catalog.BeginOn(ctx, d.date, run.Previous, d.current)
		if err != nil {
			return err
		}
		m, err := f.rewrite(ctx, run, attempt)
		if err == nil {
			err = attempt.EraseBeside(ctx, m, run.State, stands)
		}
		if err != nil {
			_, abortErr := attempt.Abort(context.WithoutCancel(ctx))
			return errors.Join(err, abortErr)
		}
		renamed[run.Run], run.told.By = attempt.Run, attempt.Run
	}
	return nil
}

// rewrite makes the files of a run anew in an attempt: copies, but for the partitions that hold users.
func (f *forgetting) rewrite(ctx context.Context, run *heldRun, attempt *catalog.Attempt) (*catalog.Manifest, error) {
	m, err := f.Catalog.Load(ctx, catalog.RunRef{Date: run.Date, Run: run.Run}) // a manifest of its own
	if err != nil {
		return nil, err
	}
	m.Forgets = f.known
	w := &rewriting{forgetting: f, attempt: attempt, m: m, encoder: f.NewEncoder()}
	for _, at := range run.members {
		if err := w.membership(ctx, at); err != nil {
			return nil, fmt.Errorf("partition %d: %w", at, err)
		}
	}
	for _, at := range run.transitions {
		if err := w.transitions(ctx, at); err != nil {
			return nil, fmt.Errorf("partition %d: %w", at, err)
		}
	}
	if err := w.changes(ctx, run); err != nil {
		return nil, err
	}
	for _, l := range run.lists {
		if err := attempt.PutList(ctx, l.list.Hash(), l.data); err != nil {
			return nil, err
		}
		m.Lists[l.at].SHA256, m.Lists[l.at].Entries = l.list.Hash(), l.list.Len()
	}
	return m, w.takeOthers(ctx, run)
}

// A rewriting makes one run anew.
type rewriting struct {
	*forgetting
	attempt *catalog.Attempt
	m       *catalog.Manifest // of the new run, as far as it has got
	encoder Encoder
	gone    int64 // transitions that are left out
}

// takeOthers copies all other files.
func (w *rewriting) takeOthers(ctx context.Context, run *heldRun) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(filesAtOnce)
	for table, files := range w.m.Tables {
		done := run.members
		if table == "transitions" {
			done = run.transitions
		}
		for i := range files {
			if slices.Contains(done, i) {
				continue
			}
			group.Go(func() error { return w.attempt.Take(ctx, table, &files[i]) })
		}
	}
	return group.Wait()
}

// filesAtOnce is how many files are copied at once.
const filesAtOnce = 16

// membership writes a partition of membership, and of the tables that follow from it, without the users.
func (w *rewriting) membership(ctx context.Context, at int) error {
	old, kept, err := w.readMembership(ctx, at)
	if err != nil {
		return err
	}
	defer kept.Release()
	w.uncount(old)
	for _, table := range []string{"membership", "wide", "long"} {
		if len(w.m.Tables[table]) == 0 {
			continue
		}
		encode := map[string]func(*tables.Membership) (tables.File, error){
			"membership": w.encoder.Membership, "wide": w.encoder.Wide, "long": w.encoder.Long,
		}[table]
		file, err := encode(kept)
		if err != nil {
			return fmt.Errorf("encode %s: %w", table, err)
		}
		if err := w.put(ctx, table, at, file); err != nil {
			return err
		}
	}
	return nil
}

func (w *rewriting) put(ctx context.Context, table string, at int, file tables.File) (err error) {
	w.m.Tables[table][at], err = w.attempt.Put(ctx, table, at, file.Data, file.Rows)
	return err
}

// uncount takes the users out of the sizes of the manifest.
func (w *rewriting) uncount(m *tables.Membership) {
	var text []byte
	for i := range m.Len() {
		text = m.IDs.AppendText(text[:0], i)
		if !w.forgotten.Has(text) {
			continue
		}
		w.m.Users--
		w.m.Forgotten++
		forEach(m.Sets.Row(i), func(s int) { w.m.Segments[s].Size-- })
		for l := range m.Stages {
			if code := m.Stages[l][i]; code != 0 {
				w.m.Lifecycles[l].Stages[code-1].Size--
			}
		}
	}
}

// transitions writes a partition of transitions without the users.
func (w *rewriting) transitions(ctx context.Context, at int) error {
	file, err := fileAt(w.m, "transitions", at)
	if err != nil {
		return err
	}
	opened, err := w.openFile(ctx, file)
	if err != nil {
		return err
	}
	defer opened.Close()
	all, err := readTransitions(ctx, opened)
	if err != nil {
		return err
	}
	encoded, err := w.encoder.Transitions(w.without(all))
	if err != nil {
		return fmt.Errorf("encode transitions: %w", err)
	}
	return w.put(ctx, "transitions", at, encoded)
}

// without leaves out the transitions of the users, and takes them out of the counts of the manifest.
func (w *rewriting) without(all *tables.Transitions) *tables.Transitions {
	out := &tables.Transitions{Segments: all.Segments, Stages: all.Stages, At: all.At}
	out.IDs.Type, out.IDs.Form = all.IDs.Type, all.IDs.Form
	var text []byte
	user, gone := -1, false // of the row at hand
	for i := range all.Len() {
		if next := int(all.User[i]); next != user {
			user, text = next, all.IDs.AppendText(text[:0], next)
			if gone = w.forgotten.Has(text); !gone {
				out.IDs.Append(&all.IDs, next)
			}
		}
		if gone {
			w.gone++
			w.m.Uncount(all.Segments[all.Segment[i]], all.Change[i], all.Reason[i])
			continue
		}
		out.User = append(out.User, uint32(out.IDs.Len()-1))
		out.Segment, out.Change, out.Reason = append(out.Segment, all.Segment[i]), append(out.Change, all.Change[i]), append(out.Reason, all.Reason[i])
		out.From, out.To = append(out.From, all.From[i]), append(out.To, all.To[i])
		out.EventID = append(out.EventID, all.EventID[2*i:2*i+2]...)
	}
	out.IDs = *out.IDs.Narrow()
	return out
}
