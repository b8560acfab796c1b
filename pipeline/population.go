package pipeline

import (
	"context"
	"slices"

	"strata/rules"
)

// population measures what rules ask of all users together, before any user is answered.
func (r *run) population(ctx context.Context) error { return r.measure(ctx, r.plan.Population()) }

// measure measures a population: one pass over just the columns that it looks at. Where nothing is asked (nil), it does nothing.
func (r *run) measure(ctx context.Context, asked *rules.Population) error {
	if asked == nil {
		return nil
	}
	r.Progress.Stage("population", r.snapshot.Rows())
	c := r.newCensus(asked)
	if err := c.survey(ctx); err != nil {
		return err
	}
	return c.settle(ctx)
}

// A census collects the values of the arguments of population functions from all workers.
type census struct {
	*run
	asked *rules.Population
	held  allowance // of runs
	ranks allowance // of rankings, which stay while users are answered
	keys  []*keyRuns
	tops  []*topRuns
	total []rules.Tally
	by    *exchange // where duplicates are settled; nil where a run does not go on with any

	bufferBytes int64 // of what one worker collects for one argument
}

// newCensus shares out the memory: a quarter of the half that the exchange has later for what workers collect, half of it for
// runs; rankings get an eighth of the whole.
func (r *run) newCensus(asked *rules.Population) *census {
	budget := r.Memory / 2
	c := &census{run: r, asked: asked, total: make([]rules.Tally, asked.Arguments())}
	c.held.budget, c.ranks.budget = budget/2, r.Memory/8
	collectors := int64(1)
	for i := range asked.Arguments() {
		needs := asked.Needs(i)
		c.keys, c.tops = append(c.keys, nil), append(c.tops, nil)
		if needs.Order {
			c.keys[i] = &keyRuns{}
			collectors++
		}
		if needs.Top > 0 {
			c.tops[i] = &topRuns{size: needs.Top}
			collectors++
		}
	}
	c.bufferBytes = budget / 4 / collectors / int64(r.Workers)
	if r.latest() {
		c.held.budget /= 2
		c.by = newExchange(r.partitionBits(), r.Workers, budget/4, r.TempDir, r.layouts(2*asked.Arguments(), false)...)
	}
	r.spilled.dir = r.TempDir
	return c
}

// survey counts every user once.
func (c *census) survey(ctx context.Context) error {
	if c.by != nil {
		defer c.by.Close()
		if err := c.pass(ctx, c.newScattering); err != nil {
			return err
		}
		return c.countStanding(ctx)
	}
	return c.pass(ctx, c.newCounting)
}

// A rowTaker does with a window of rows what there is to do with it. One goroutine uses it.
type rowTaker interface {
	// open begins a row group.
	open(ctx context.Context, at int) error
	// take gets the arguments' values of the next n rows.
	take(values []rules.Values, n int) error
	// close ends a row group.
	close()
	// finish ends the pass.
	finish() error
}

// A surveyor is one worker of the pass.
type surveyor struct {
	*rules.Surveyor
	rows  rowTaker
	nulls map[string]int64
}

// pass reads the columns of the arguments once.
func (c *census) pass(ctx context.Context, taker func() rowTaker) error {
	rows := c.snapshot.RowGroupRows()
	open := func() *surveyor { return &surveyor{c.asked.NewSurveyor(c.BatchRows), taker(), map[string]int64{}} }
	columns := append(c.asked.Columns(), c.idColumn)
	ahead := c.newAhead(func(int) []string { return columns })
	defer ahead.close()
	work := func(ctx context.Context, s *surveyor, at int) error {
		ahead.begin(ctx, at)
		defer ahead.done(at)
		defer c.Progress.Done(rows[at])
		return c.rowGroup(ctx, s, at)
	}
	return inParallel(ctx, c.Workers, len(rows), open, work, func(s *surveyor) error {
		c.addNulls(s.nulls)
		return s.rows.finish()
	})
}

// addNulls counts the nulls of columns that only population functions look at; those of others are counted when users are
// answered.
func (c *census) addNulls(nulls map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for column, n := range nulls {
		if !slices.Contains(c.plan.Columns(), column) {
			c.nulls[column] += n
		}
	}
}

// rowGroup reads one row group, a window at a time.
func (c *census) rowGroup(ctx context.Context, s *surveyor, at int) error {
	src, err := c.openRowGroup(ctx, at, c.asked.Columns())
	if err != nil {
		return err
	}
	defer src.Close()
	defer s.rows.close()
	if err := s.rows.open(ctx, at); err != nil {
		return err
	}
	defer s.Close()
	s.Start(&nullCounter{Columns: src, nulls: s.nulls})
	for left := src.Rows(); left > 0; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		n := int(min(left, windowRows))
		left -= int64(n)
		values, err := s.Next(n)
		if err == nil {
			err = s.rows.take(values, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settle makes the answers of every argument's functions.
func (c *census) settle(ctx context.Context) error {
	nothing := func() struct{} { return struct{}{} }
	work := func(_ context.Context, _ struct{}, argument int) error { return c.settleOne(argument) }
	return inParallel(ctx, c.Workers, c.asked.Arguments(), nothing, work, func(struct{}) error { return nil })
}

func (c *census) settleOne(argument int) error {
	d := c.asked.Distribute(argument, &c.total[argument])
	var ranks *rankWriter
	if keys := c.keys[argument]; keys != nil {
		if c.asked.Needs(argument).Ranks {
			ranks = newRankWriter(keys.most(), c.total[argument].Users, &c.ranks, &c.spilled)
		}
		err := keys.merge(&c.spilled, c.bufferBytes, func(key uint64, users int64) error {
			d.Add(key, users)
			if ranks == nil {
				return nil
			}
			return ranks.add(key, d.Above())
		})
		if err != nil {
			return err
		}
	}
	if sizes := d.TopSizes(); len(sizes) > 0 {
		if err := c.tops[argument].lasts(&c.spilled, sizes, d.Top); err != nil {
			return err
		}
	}
	if ranks == nil {
		d.End(nil)
		return nil
	}
	ranking, err := ranks.finish()
	d.End(ranking)
	return err
}
