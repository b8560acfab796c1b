package cases

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"golang.org/x/sync/errgroup"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A Result is how one case went.
type Result struct {
	Name     string
	Pos      configs.Pos
	Failures []Failure
	Err      error // the case could not be run
	Took     time.Duration
}

// Passed says whether all that the case expects is so.
func (r *Result) Passed() bool { return r.Err == nil && len(r.Failures) == 0 }

// A Failure is one thing that is not as expected.
type Failure struct {
	Pos           configs.Pos // of what is expected
	Date, User    string
	What          string // such as "in segment vip"
	Expected, Got string
	Explanation   *pipeline.Answer // of the user in the segment or lifecycle; nil where there is nothing to explain
}

// Run runs the cases whose names match, some at a time, and returns their results in the order of the file.
func (s *Suite) Run(ctx context.Context, match *regexp.Regexp) ([]Result, error) {
	var chosen []*preparedCase
	for i := range s.cases {
		if match == nil || match.MatchString(s.cases[i].Name) {
			chosen = append(chosen, &s.cases[i])
		}
	}
	results := make([]Result, len(chosen))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range chosen {
		group.Go(func() error {
			began := time.Now()
			results[i] = Result{Name: c.Name, Pos: c.NamePos}
			results[i].Failures, results[i].Err = s.runCase(groupCtx, c)
			results[i].Took = time.Since(began)
			return context.Cause(groupCtx)
		})
	}
	return results, group.Wait()
}

// runCase runs the dates of a case in order, in a bucket of its own.
func (s *Suite) runCase(ctx context.Context, c *preparedCase) (failures []Failure, err error) {
	encoder := s.encoders.Get().(pipeline.Encoder)
	defer s.encoders.Put(encoder)
	w := &where{objects.NewMemory(), encoder}
	if len(c.Previous.Users) > 0 {
		if err := s.publishPrevious(ctx, c, w); err != nil {
			return nil, fmt.Errorf("publish what was before: %w", err)
		}
	}
	for i := range c.nights {
		found, err := s.runNight(ctx, c, &c.nights[i], w)
		if err != nil {
			return failures, fmt.Errorf("%s: %w", c.nights[i].Date.Text, err)
		}
		failures = append(failures, found...)
	}
	return failures, nil
}

// memoryBytes is what a run of a test may take for its exchange: it has a few rows.
const memoryBytes = 16 << 20

// where is where the runs of a case write.
type where struct {
	bucket  objects.Bucket
	encoder pipeline.Encoder // one case uses it at a time: what it has made ready serves the next one too
}

// job is a run of users. Guards speak of nights, not of a few made-up users, so all is accepted.
func (s *Suite) job(name string, users arrow.Record, w *where) pipeline.Job {
	return pipeline.Job{
		Config: s.config, Source: snapshot{users, name}, State: s.tools.History, ReadList: s.tools.ReadList, Catalog: catalog.New(w.bucket, false),
		NewEncoder: func() pipeline.Encoder { return w.encoder }, Workers: 1, Memory: memoryBytes, Accept: true, Version: "test",
	}
}

// runNight runs one date, and compares what it published with what is expected.
func (s *Suite) runNight(ctx context.Context, c *preparedCase, night *preparedNight, w *where) ([]Failure, error) {
	job := s.job(fmt.Sprintf("the users of case %q", c.Name), night.users, w)
	job.Date, job.Now = catalog.DateOf(night.Date.Time()), night.Now.Time
	result, err := pipeline.Run(ctx, job)
	if err != nil {
		return nil, err
	}
	p := &published{suite: s, ctx: ctx, job: job, night: night, manifest: result.Manifest, explained: map[string]bool{}}
	if err := p.read(w.bucket); err != nil {
		return nil, err
	}
	for i := range night.Expect {
		if err := p.check(&night.Expect[i]); err != nil {
			return nil, err
		}
	}
	return p.failures, nil
}

// publishPrevious makes the run that the case says was before.
func (s *Suite) publishPrevious(ctx context.Context, c *preparedCase, w *where) error {
	first := c.nights[0]
	date := catalog.DateOf(first.Date.Time()).Add(-1)
	if c.Previous.Date.Text != "" {
		date = catalog.DateOf(c.Previous.Date.Time())
	}
	given, err := s.givenMembership(c, date)
	if err != nil {
		return err
	}
	job := s.job("the users of the run before", first.users, w)
	job.Date = date
	return pipeline.PublishGiven(ctx, job, given)
}

// givenMembership is the membership that a case says was published on a date.
func (s *Suite) givenMembership(c *preparedCase, date catalog.Date) (*tables.Membership, error) {
	var texts []string
	for i := range c.Previous.Users {
		text, _ := s.userID(&c.Previous.Users[i].User) // checkUsers has read it
		texts = append(texts, text)
	}
	column, order, err := ids.Sorted(s.idType, texts)
	if err != nil {
		return nil, err
	}
	names := &tables.Names{}
	for _, segment := range s.config.Segments {
		names.Segments = append(names.Segments, segment.Name)
		if segment.Cooldown > 0 {
			names.Exits = append(names.Exits, segment.Name)
		}
	}
	m := &tables.Membership{Names: names, IDs: *column, Since: []int32{}}
	m.Sets.Width = max((len(names.Segments)+63)/64, 1)
	m.Sets.Words = make([]uint64, len(order)*m.Sets.Width)
	for i, at := range order {
		giveSegments(m, i, &c.Previous.Users[at], date)
	}
	for _, l := range s.config.Lifecycles {
		s.giveStages(m, l, order, c.Previous.Users, date)
	}
	for _, segment := range names.Exits {
		days := make([]int32, len(order))
		for i, at := range order {
			days[i] = dayOf(c.Previous.Users[at].Left, segment, tables.NoDay)
		}
		m.LastExits = append(m.LastExits, days)
	}
	return m, nil
}

// giveSegments puts user i of a membership into segments, and says since when.
func giveSegments(m *tables.Membership, i int, member *configs.Member, date catalog.Date) {
	row := m.Sets.Row(i)
	for at, segment := range m.Names.Segments {
		for _, name := range member.In.Names {
			if name == segment {
				row[at>>6] |= 1 << (at & 63)
				m.Since = append(m.Since, dayOf(member.Since, name, date.Days()))
			}
		}
	}
}

// giveStages adds the stages of a lifecycle.
func (s *Suite) giveStages(m *tables.Membership, l configs.Lifecycle, order []int, members []configs.Member, date catalog.Date) {
	life, codes, since := tables.Lifecycle{Name: l.Name}, make([]uint16, len(order)), make([]int32, len(order))
	for _, stage := range l.Stages {
		life.Stages = append(life.Stages, stage.Name)
	}
	for i, at := range order {
		for _, given := range members[at].Stages {
			for code, stage := range life.Stages {
				if given.Name == l.Name && given.Text == stage {
					codes[i], since[i] = uint16(code+1), dayOf(members[at].Since, l.Name, date.Days())
				}
			}
		}
	}
	m.Names.Lifecycles = append(m.Names.Lifecycles, life)
	m.Stages, m.StageSince = append(m.Stages, codes), append(m.StageSince, since)
}

// dayOf is the date that is stated for a name, or else another.
func dayOf(stated configs.Texts, name string, other int32) int32 {
	for _, one := range stated {
		if one.Name == name {
			date, _ := catalog.ParseDate(one.Text) // CheckAgainst has read it
			other = date.Days()
		}
	}
	return other
}

// userID is the canonical id that a test writes, or what is wrong with it.
func (s *Suite) userID(v *configs.Value) (string, *configs.Problem) {
	if s.idType == ids.Text && !v.Quoted && v.Kind != "str" {
		return "", s.file.Problem(v.Pos, fmt.Sprintf("user ids are text here, and YAML reads %s as %s", v.Text, kindName(v.Kind)), fmt.Sprintf("quote it: %q", v.Text))
	}
	text, err := s.idType.Canonical(v.Text)
	if err != nil {
		return "", s.file.Problem(v.Pos, err.Error(), "")
	}
	return text, nil
}
