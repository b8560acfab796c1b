package rules

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// An Explainer tells what every sub-expression of rules is for one user. Its values come from the nodes and kernels that a
// Plan has: what it tells is what a run computes. It does not change; many goroutines may use it.
type Explainer struct {
	exec       *executable
	population *Population
	columns    []string
	past       []PastColumn
	date       int64 // the step's
	segments   []toldSegment
	lifecycles []toldLifecycle
}

// A Term is a sub-expression of a rule and what it is for one user.
type Term struct {
	Text string `json:"text"` // as the rule has it, on one line
	// Value is written as in a rule; null for a column without a value, unknown for what a null makes unknown, error for
	// what failed.
	Value string `json:"value"`
	Cause string `json:"cause,omitempty"` // of unknown and error: the columns that are null, or what failed
	Note  string `json:"note,omitempty"`  // trait: the text names one. Or which element of a list it is told for
	Terms []Term `json:"terms,omitempty"` // what it is made of
}

// The values of a Term that has none.
const (
	ValueNull    = "null"
	ValueUnknown = "unknown"
	ValueError   = "error"
)

// NoteTrait is the Note of a Term that names a trait.
const NoteTrait = "trait"

// What decides about a segment.
const (
	ByExclude  = "exclude"
	ByInclude  = "include"
	ByRule     = "rule"
	ByUntil    = "until"
	ByMinStay  = "min_stay"
	ByCooldown = "cooldown"
)

// An ExplainedSegment says whether a user is in a segment, and why.
type ExplainedSegment struct {
	Name    string `json:"name"`
	Member  bool   `json:"member"`
	By      string `json:"by"`                // exclude, include, rule, until, min_stay or cooldown: which of them decided
	Include string `json:"include,omitempty"` // true or false: the user is on the include list; empty without one
	Exclude string `json:"exclude,omitempty"` // the same of the exclude list
	Rule    Term   `json:"rule"`

	State *ExplainedState `json:"state,omitempty"` // of a segment with until, min_stay or cooldown
}

// An ExplainedState says what until, min_stay and cooldown had to do with it.
type ExplainedState struct {
	Was      bool   `json:"was"`                 // the previous run had the user in it
	Since    string `json:"since,omitempty"`     // a date: since when
	StaysTo  string `json:"stays_to,omitempty"`  // a date: on which min_stay is over, of who was in it
	LastExit string `json:"last_exit,omitempty"` // a date: when the user last left
	WaitsTo  string `json:"waits_to,omitempty"`  // a date: on which the cooldown is over
	Until    *Term  `json:"until,omitempty"`     // the exit rule
}

// An ExplainedLifecycle says in which stage a user stands, and why.
type ExplainedLifecycle struct {
	Name   string           `json:"name"`
	Stage  string           `json:"stage,omitempty"` // empty: none of them
	Stages []ExplainedStage `json:"stages"`          // the first whose rule is true is the user's
	// Blocked is that stage, where it is not the user's because no listed move leads to it from where the user stands.
	Blocked string `json:"blocked,omitempty"`
}

// An ExplainedStage is one stage and what its rule is for the user.
type ExplainedStage struct {
	Name string `json:"name"`
	Rule Term   `json:"rule"`
}

// An Explanation is what an Explainer tells of one user.
type Explanation struct {
	Segments   []ExplainedSegment   `json:"segments,omitempty"`
	Lifecycles []ExplainedLifecycle `json:"lifecycles,omitempty"`
}

// NewExplainer compiles a step so that the rules of some segments and lifecycles can be explained; without names, of all.
// Everything wrong with the step comes back at once as configs.Problems.
func NewExplainer(schema *arrow.Schema, step Step, opts Options, names ...string) (*Explainer, error) {
	c := &compiler{schema: schema, opts: opts, graph: newGraph(), zones: map[string]*zone{}}
	problems, err := c.step(step, step)
	if err == nil {
		err = problems.Err()
	}
	if err != nil {
		return nil, err
	}
	return explainerOf(c, names), nil
}

// explainerOf makes an Explainer of what a compiler has compiled last.
func explainerOf(c *compiler, names []string) *Explainer {
	x := &Explainer{date: int64(c.latest.date)}
	x.tell(c.latest, func(name string) bool { return len(names) == 0 || slices.Contains(names, name) })
	told := x.told()
	needed := c.graph.needed(told)
	x.population = c.population(c.graph.nodes, func(at int) bool { return needed[at] })
	x.exec = newExecutable(c.graph.nodes, nil, nil, false)
	for _, id := range told {
		x.columns = append(x.columns, x.exec.nodes[id].columns...)
	}
	for id, n := range c.graph.nodes {
		if n.past != nil && needed[id] {
			x.past = append(x.past, *n.past)
		}
	}
	slices.Sort(x.columns)
	x.columns = slices.Compact(x.columns)
	return x
}

// A toldSegment is a segment whose rule is to be explained.
type toldSegment struct {
	name             string
	rule             *telling
	include, exclude nodeID // -1: no such list
	state            *toldState
}

// A toldState is what else decides about a segment.
type toldState struct {
	was, since, exit  nodeID
	until             *telling // nil: it has none
	minStay, cooldown int64    // days; 0: none
}

// A toldLifecycle is the same of a lifecycle, a rule a stage.
type toldLifecycle struct {
	name    string
	stages  []string
	rules   []*telling
	blocked nodeID   // -1: it has no moves
	former  []nodeID // by stage: the user stood in it
}

// tell readies the rules of what is asked for.
func (x *Explainer) tell(s *stepCompiler, asked func(name string) bool) {
	for _, segment := range s.definitions.Segments {
		if !asked(segment.Name) {
			continue
		}
		x.segments = append(x.segments, toldSegment{
			name: segment.Name, rule: s.tellRule(&s.rules[segment.Name].unit, false),
			include: listNode(s.include, segment.Name), exclude: listNode(s.exclude, segment.Name), state: s.tellState(segment),
		})
	}
	for i, lifecycle := range s.definitions.Lifecycles {
		if !asked(lifecycle.Name) {
			continue
		}
		out := toldLifecycle{name: lifecycle.Name, blocked: noSource}
		if state, moves := s.moves[lifecycle.Name]; moves {
			out.blocked = state.blocked
		}
		for j, stage := range lifecycle.Stages {
			out.former = append(out.former, s.graph.pastColumn(PastColumn{Kind: StageWas, Of: lifecycle.Name, Stage: stage.Name}))
			out.stages = append(out.stages, stage.Name)
			out.rules = append(out.rules, s.tellRule(&s.stages[i][j].unit, false))
		}
		x.lifecycles = append(x.lifecycles, out)
	}
}

// tellState readies what until, min_stay and cooldown say; nil for a segment without them.
func (s *stepCompiler) tellState(segment configs.Segment) *toldState {
	if !hasStateRules(segment) {
		return nil
	}
	out := &toldState{
		was: s.lower.members[wasPrefix+segment.Name], since: s.lower.members[sincePrefix+segment.Name],
		exit:    s.graph.pastColumn(PastColumn{Kind: LastExits, Of: segment.Name}),
		minStay: int64(segment.MinStay), cooldown: int64(segment.Cooldown),
	}
	if until := s.untils[segment.Name]; until != nil {
		out.until = s.tellRule(&until.unit, false)
	}
	return out
}

// listNode is the node that says whether a user is on a segment's list, or -1.
func listNode(lists map[string]nodeID, segment string) nodeID {
	if id, ok := lists[segment]; ok {
		return id
	}
	return noSource
}

// told lists the nodes of all that is told.
func (x *Explainer) told() (nodes []nodeID) {
	add := func(id nodeID) {
		if id >= 0 {
			nodes = append(nodes, id)
		}
	}
	for _, s := range x.segments {
		s.rule.nodes(add)
		add(s.include)
		add(s.exclude)
		if s.state != nil {
			add(s.state.was)
			add(s.state.since)
			add(s.state.exit)
			if s.state.until != nil {
				s.state.until.nodes(add)
			}
		}
	}
	for _, l := range x.lifecycles {
		if add(l.blocked); l.blocked >= 0 {
			nodes = append(nodes, l.former...)
		}
		for _, rule := range l.rules {
			rule.nodes(add)
		}
	}
	return nodes
}

// Population returns what the rules ask of all users together, which must be measured before a user is explained; nil where
// they ask nothing.
func (x *Explainer) Population() *Population { return x.population }

// Columns returns the snapshot's columns that it looks at, sorted.
func (x *Explainer) Columns() []string { return x.columns }

// Past returns the columns of the previous run that it looks at.
func (x *Explainer) Past() []PastColumn { return x.past }

// Explain tells of the user in the first row of a record, which has the columns that the Explainer looks at, those of Past under
// their names too.
func (x *Explainer) Explain(rec arrow.Record) (*Explanation, error) {
	r, err := newReciter(x.exec, rec)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := &Explanation{}
	for _, s := range x.segments {
		out.Segments = append(out.Segments, r.segment(s, x.date))
	}
	for _, l := range x.lifecycles {
		out.Lifecycles = append(out.Lifecycles, r.lifecycle(l))
	}
	if r.err != nil {
		return nil, fmt.Errorf("evaluate: %w", r.err)
	}
	return out, nil
}

// segment applies the precedence of lists, state rules and rule.
func (r *reciter) segment(s toldSegment, today int64) ExplainedSegment {
	out := ExplainedSegment{Name: s.name, Rule: r.term(s.rule, r.row, 0), Include: r.listed(s.include), Exclude: r.listed(s.exclude), By: ByRule}
	out.Member = out.Rule.Value == valueTrue
	if s.state != nil {
		r.state(&out, s.state, today)
	}
	switch {
	case out.Exclude == valueTrue:
		out.By, out.Member = ByExclude, false
	case out.Include == valueTrue:
		out.By, out.Member = ByInclude, true
	}
	return out
}

// state tells what until, min_stay and cooldown do on a date.
func (r *reciter) state(out *ExplainedSegment, s *toldState, today int64) {
	state := &ExplainedState{Was: valueText(r.valueOf(s.was, r.row, 0)) == valueTrue}
	out.State = state
	if s.until != nil {
		until := r.term(s.until, r.row, 0)
		state.Until = &until
	}
	var staysTo, waitsTo int64
	state.Since, state.StaysTo, staysTo = r.period(s.since, s.minStay)
	state.LastExit, state.WaitsTo, waitsTo = r.period(s.exit, s.cooldown)
	switch {
	case !state.Was && out.Member && today < waitsTo:
		out.Member, out.By = false, ByCooldown
	case !state.Was:
	case state.Until != nil:
		out.Member, out.By = state.Until.Value != valueTrue, ByUntil
	}
	if state.Was && !out.Member && today < staysTo {
		out.Member, out.By = true, ByMinStay
	}
}

// period is a date and, where a number of days is counted from it, the date on which they are over.
func (r *reciter) period(start nodeID, days int64) (from, to string, end int64) {
	at, known := r.valueOf(start, r.row, 0).(date)
	if !known {
		return "", "", 0
	}
	from = valueText(at)
	if days > 0 {
		end = int64(at) + days
		to = valueText(date(end))
	}
	return from, to, end
}

// listed says whether the user is on a list; empty without one.
func (r *reciter) listed(id nodeID) string {
	if id < 0 {
		return ""
	}
	return valueText(r.valueOf(id, r.row, 0))
}

// lifecycle takes the first stage whose rule is true, or the former one where the move is blocked.
func (r *reciter) lifecycle(l toldLifecycle) ExplainedLifecycle {
	out := ExplainedLifecycle{Name: l.name}
	for i, name := range l.stages {
		stage := ExplainedStage{Name: name, Rule: r.term(l.rules[i], r.row, 0)}
		if out.Stage == "" && stage.Rule.Value == valueTrue {
			out.Stage = name
		}
		out.Stages = append(out.Stages, stage)
	}
	if l.blocked >= 0 && valueText(r.valueOf(l.blocked, r.row, 0)) == valueTrue {
		out.Blocked = out.Stage
		for i, name := range l.stages {
			if valueText(r.valueOf(l.former[i], r.row, 0)) == valueTrue {
				out.Stage = name
			}
		}
	}
	return out
}
