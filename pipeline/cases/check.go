package cases

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// published is what a run of a test has published, read back.
type published struct {
	suite       *Suite
	ctx         context.Context //nolint:containedctx // it lives as long as one run of a test
	job         pipeline.Job
	night       *preparedNight
	manifest    *catalog.Manifest
	membership  *tables.Membership
	dates       []int // by user: where the dates start in membership.Since
	transitions []tables.Transition
	failures    []Failure
	explained   map[string]bool
}

// read reads the tables of the run: all users of a test are in one partition.
func (p *published) read(bucket objects.Bucket) error {
	m := p.manifest
	typ, err := ids.ParseType(m.IDType)
	if err != nil {
		return err
	}
	p.membership, err = p.suite.tools.History.ReadMembership(p.ctx, bucket, m.Tables["membership"][0].Info(), &m.Names, typ, m.Since)
	if err != nil {
		return err
	}
	at := 0
	for i := range p.membership.Len() {
		p.dates = append(p.dates, at)
		for s := range m.Names.Segments {
			if p.membership.Sets.Has(i, s) {
				at++
			}
		}
	}
	p.transitions, err = p.suite.tools.History.ReadTransitions(p.ctx, bucket, m.Tables["transitions"][0].Info(), "")
	return err
}

// check compares one user with what is expected.
func (p *published) check(e *configs.Expected) error {
	user, _ := p.suite.userID(&e.User) // checkUsers has read it
	at := p.membership.IDs.Find(user)
	p.checkSegments(e, user, at)
	p.checkStages(e, user, at)
	p.checkSince(e, user, at)
	p.checkTransitions(e, user)
	return p.ctx.Err()
}

// fail notes what is not as expected, with the explanation of the segment or lifecycle, once a user.
func (p *published) fail(pos configs.Pos, user, what, expected, got, name string) {
	f := Failure{Pos: pos, Date: p.night.Date.Text, User: user, What: what, Expected: expected, Got: got}
	if key := user + " " + name; name != "" && !p.explained[key] {
		p.explained[key] = true
		answer, err := pipeline.Explain(p.ctx, p.job, pipeline.Question{User: user, Names: []string{name}, History: p.suite.tools.History})
		var input *pipeline.InputError
		switch {
		case err == nil:
			f.Explanation = answer
		case !errors.As(err, &input): // a user who is not there needs no explanation
			f.Got += fmt.Sprintf(" (and it cannot be explained: %v)", err)
		}
	}
	p.failures = append(p.failures, f)
}

// inSegments are the segments that user at is in; none where the user is not there (-1).
func (p *published) inSegments(at int) (in []string) {
	for s, name := range p.manifest.Names.Segments {
		if at >= 0 && p.membership.Sets.Has(at, s) {
			in = append(in, name)
		}
	}
	return in
}

func (p *published) checkSegments(e *configs.Expected, user string, at int) {
	in := p.inSegments(at)
	missing := "not in it"
	if at < 0 {
		missing = "the user is not in the snapshot"
	}
	for i, name := range e.In.Names {
		if !slices.Contains(in, name) {
			p.fail(e.In.Places[i], user, "in segment "+name, "in it", missing, name)
		}
	}
	for i, name := range e.NotIn.Names {
		if slices.Contains(in, name) {
			p.fail(e.NotIn.Places[i], user, "not in segment "+name, "not in it", "in it", name)
		}
	}
	if !e.Exactly || !e.In.Stated {
		return
	}
	for _, name := range in {
		if !slices.Contains(e.In.Names, name) && !slices.Contains(e.NotIn.Names, name) {
			p.fail(e.User.Pos, user, "in exactly "+list(e.In.Names), "not in "+name, "in "+name, name)
		}
	}
}

// list writes names for a message.
func list(names []string) string {
	if len(names) == 0 {
		return "no segment"
	}
	return strings.Join(names, ", ")
}

// stageOf is the stage of user at in a lifecycle, or none.
func (p *published) stageOf(at int, lifecycle string) (stage string, since catalog.Date) {
	for l, life := range p.manifest.Names.Lifecycles {
		if life.Name == lifecycle && at >= 0 && p.membership.Stages[l][at] > 0 {
			return life.Stages[p.membership.Stages[l][at]-1], catalog.FromDays(p.membership.StageSince[l][at])
		}
	}
	return configs.NoStage, catalog.Date{}
}

func (p *published) checkStages(e *configs.Expected, user string, at int) {
	for _, want := range e.Stages {
		if got, _ := p.stageOf(at, want.Name); got != want.Text {
			p.fail(want.Pos, user, "stage of "+want.Name, want.Text, got, want.Name)
		}
	}
}

func (p *published) checkSince(e *configs.Expected, user string, at int) {
	for _, want := range e.Since {
		if got := p.sinceOf(at, want.Name); got != want.Text {
			p.fail(want.Pos, user, "since when in "+want.Name, want.Text, got, "")
		}
	}
}

// sinceOf is the date since which user at is in a segment or a stage, as text.
func (p *published) sinceOf(at int, name string) string {
	if s := slices.Index(p.manifest.Names.Segments, name); s >= 0 && at >= 0 && p.membership.Sets.Has(at, s) {
		date := p.dates[at]
		for before := range s {
			if p.membership.Sets.Has(at, before) {
				date++
			}
		}
		return catalog.FromDays(p.membership.Since[date]).String()
	}
	if _, since := p.stageOf(at, name); !since.IsZero() {
		return since.String()
	}
	return "not in it"
}

// checkTransitions looks for every expected transition, and with exactly for others.
func (p *published) checkTransitions(e *configs.Expected, user string) {
	var his []tables.Transition
	for _, t := range p.transitions {
		if t.User == user {
			his = append(his, t)
		}
	}
	expected := map[int]bool{}
	for i := range e.Transitions {
		want := &e.Transitions[i]
		kind, name, pos := want.Name()
		found := slices.IndexFunc(his, func(t tables.Transition) bool { return t.Segment == name })
		if found >= 0 {
			expected[found] = true
		}
		if found < 0 || !isChange(his[found], kind, want) {
			p.fail(pos, user, "transition of "+name, spellWanted(kind, want), spellFound(his, found), name)
		}
	}
	if !e.Exactly || e.TransitionsPos.Line == 0 {
		return
	}
	for i, t := range his {
		if !expected[i] {
			p.fail(e.TransitionsPos, user, "transitions", "no other than those stated", spellFound(his, i)+" "+t.Segment, t.Segment)
		}
	}
}

// isChange says whether a transition is what is expected, in all that is stated.
func isChange(t tables.Transition, kind string, want *configs.Change) bool {
	return t.Change == kind && (want.From == "" || t.From == want.From) && (want.To == "" || t.To == want.To) && (want.Reason == "" || t.Reason == want.Reason)
}

func spellWanted(kind string, want *configs.Change) string {
	return spell(kind, want.From, want.To, want.Reason)
}

// spellFound writes a transition, or that there is none.
func spellFound(his []tables.Transition, at int) string {
	if at < 0 {
		return "none"
	}
	return spell(his[at].Change, his[at].From, his[at].To, his[at].Reason)
}

func spell(change, from, to, reason string) string {
	text := change
	if from != "" {
		text += " from " + from
	}
	if to != "" {
		text += " to " + to
	}
	if reason != "" {
		text += ", " + reason
	}
	return text
}
