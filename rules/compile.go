package rules

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// Compile makes the plan that answers all steps, for snapshots of a schema. The graph is shared: what two rules or two steps
// ask alike is asked once.
//
// Everything wrong with the last step comes back at once as configs.Problems. What is wrong with an earlier step only makes
// its definition broken (Segment.Broken), and those that refer to it.
func Compile(schema *arrow.Schema, steps []Step, opts Options) (*Plan, error) {
	c := &compiler{schema: schema, opts: opts, graph: newGraph(), zones: map[string]*zone{}}
	c.graph.asWritten = opts.AsWritten
	var problems configs.Problems // of the last step
	for i, step := range steps {
		var err error
		c.lints = i == len(steps)-1
		if problems, err = c.step(step, steps[len(steps)-1]); err == nil {
			continue
		}
		if c.lints {
			return nil, err
		}
		c.steps = append(c.steps, brokenStep(step.Definitions, err.Error()))
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	p := c.plan()
	p.warnings = problems.Sorted()
	if opts.Doubts {
		p.doubts = c.doubtsOf(c.latest.doubts)
	}
	return p, nil
}

// A compiler collects what the steps ask.
type compiler struct {
	schema *arrow.Schema
	opts   Options
	graph  *graph
	zones  map[string]*zone
	cuts   []nodeID
	steps  []plannedStep
	latest *stepCompiler // of the step that was compiled last
	lints  bool          // warnings about the step that is being compiled are wanted
}

// step compiles one step. The error is one that no definition is to blame for.
func (c *compiler) step(step, last Step) (configs.Problems, error) {
	d := step.Definitions
	location, err := loadZone(d.Timezone)
	if err != nil {
		return nil, fmt.Errorf("timezone: %w", err)
	}
	s := &stepCompiler{
		compiler: c, definitions: d, lists: step.Lists, date: step.Date,
	}
	c.latest = s
	clock := &clockwork{
		now: step.Now, today: int64(step.Today), zone: location, lists: step.Lists, horizon: last.Now, horizonDay: int64(last.Today),
	}
	if err := s.start(clock); err != nil {
		return nil, err
	}
	s.compileRules()
	s.lowerRules()
	if s.lints && s.problems().Err() == nil {
		s.lintDefinitions()
	}
	c.steps = append(c.steps, s.finish())
	return s.problems(), nil
}

// finish makes the cuts of the step.
func (s *stepCompiler) finish() plannedStep {
	out := plannedStep{now: s.front.env.clock.now}
	for _, segment := range s.definitions.Segments {
		out.segments = append(out.segments, s.finishSegment(segment.Name))
	}
	for i := range s.definitions.Lifecycles {
		out.lifecycles = append(out.lifecycles, s.finishLifecycle(i))
	}
	out.columns, out.surveyed = s.columnsOf(&out), s.lower.surveyed
	return out
}

func (s *stepCompiler) finishSegment(name string) Segment {
	made := noSegment(name, s.failureOf(name))
	if made.Broken != "" {
		return made
	}
	made.When = s.cut(s.rules[name].node)
	made.Asked = made.When
	if until := s.untils[name]; until != nil {
		made.Until = s.cut(until.node)
	}
	if state, ok := s.states[name]; ok {
		made.Asked, made.Ruled = s.cut(state.asked), s.cut(state.ruled)
	}
	if id, ok := s.include[name]; ok {
		made.Include = s.cut(id)
	}
	if id, ok := s.exclude[name]; ok {
		made.Exclude = s.cut(id)
	}
	return made
}

// failureOf says why a segment does not compile, in the words of its rule; empty if it does.
func (s *stepCompiler) failureOf(segment string) string {
	for _, r := range s.rulesOf(segment) {
		if r.failed != "" {
			return r.failed
		}
	}
	return ""
}

func (s *stepCompiler) finishLifecycle(at int) Lifecycle {
	lifecycle := s.definitions.Lifecycles[at]
	made := noLifecycle(lifecycle, "")
	for j, stage := range lifecycle.Stages {
		if r := s.stages[at][j]; r.failed != "" && made.Broken == "" {
			made.Broken = fmt.Sprintf("stage %q: %s", stage.Name, r.failed)
		}
	}
	if made.Broken != "" {
		return made
	}
	for j := range made.Stages {
		made.Stages[j].When = s.cut(s.stages[at][j].node)
	}
	if state, ok := s.moves[lifecycle.Name]; ok {
		made.Blocked = s.cut(state.blocked)
		for j := range made.Stages {
			made.Stages[j].Stands = s.cut(state.stages[j])
		}
	}
	return made
}

// noSegment is a segment of which nothing is answered.
func noSegment(name, broken string) Segment {
	return Segment{Name: name, When: -1, Until: -1, Include: -1, Exclude: -1, Asked: -1, Ruled: -1, Broken: broken}
}

// noLifecycle is a lifecycle of which nothing is answered.
func noLifecycle(l configs.Lifecycle, broken string) Lifecycle {
	made := Lifecycle{Name: l.Name, Blocked: -1, Broken: broken}
	for _, stage := range l.Stages {
		made.Stages = append(made.Stages, Stage{Name: stage.Name, When: -1, Stands: -1})
	}
	return made
}

// brokenStep is an earlier step of which nothing compiles.
func brokenStep(d *configs.Definitions, why string) (out plannedStep) {
	for _, segment := range d.Segments {
		out.segments = append(out.segments, noSegment(segment.Name, why))
	}
	for _, lifecycle := range d.Lifecycles {
		out.lifecycles = append(out.lifecycles, noLifecycle(lifecycle, why))
	}
	return out
}

// cut finds the cut of a node, or makes one.
func (c *compiler) cut(id nodeID) int {
	if at := slices.Index(c.cuts, id); at >= 0 {
		return at
	}
	c.cuts = append(c.cuts, id)
	return len(c.cuts) - 1
}

// columnsOf lists the columns below a step's cuts.
func (c *compiler) columnsOf(s *plannedStep) (columns []string) {
	add := func(cut int) {
		if cut >= 0 {
			columns = append(columns, c.graph.nodes[c.cuts[cut]].columns...)
			columns = append(columns, c.graph.nodes[c.cuts[cut]].surveyed...)
		}
	}
	s.eachCut(func(cut *int) { add(*cut) })
	slices.Sort(columns)
	return slices.Compact(columns)
}

// problems are all faults of the step.
func (s *stepCompiler) problems() configs.Problems {
	out := slices.Clone(s.own)
	for _, t := range s.front.traits {
		out = append(out, t.problems...)
	}
	for _, r := range s.rules {
		out = append(out, r.problems...)
	}
	for _, r := range s.untils {
		out = append(out, r.problems...)
	}
	for _, stages := range s.stages {
		for _, r := range stages {
			out = append(out, r.problems...)
		}
	}
	return out
}

// plan plans the cuts of all steps.
func (c *compiler) plan() *Plan {
	p, at := c.planOf(c.cuts)
	p.steps = c.steps
	for i := range p.steps {
		p.steps[i].eachCut(func(cut *int) {
			if *cut >= 0 {
				*cut = at[*cut]
			}
		})
	}
	return p
}

// eachCut visits the places of all cuts that a step's answers come from.
func (s *plannedStep) eachCut(visit func(cut *int)) {
	for i := range s.segments {
		g := &s.segments[i]
		for _, cut := range []*int{&g.When, &g.Until, &g.Include, &g.Exclude, &g.Asked, &g.Ruled} {
			visit(cut)
		}
	}
	for i := range s.lifecycles {
		visit(&s.lifecycles[i].Blocked)
		for j := range s.lifecycles[i].Stages {
			visit(&s.lifecycles[i].Stages[j].When)
			visit(&s.lifecycles[i].Stages[j].Stands)
		}
	}
}

// planOf lays out the bits of some cuts, and tells where each is in the plan.
func (c *compiler) planOf(roots []nodeID) (*Plan, []int) {
	p, parts := &Plan{}, c.graph.parts(roots)
	p.nodes, p.cuts = c.graph.reach(parts.travel)
	p.place = c.graph.places(parts.travel, 0)
	p.bits = bitsOf(p.place, 0)
	p.population = c.population(p.nodes, func(int) bool { return true })
	p.exec = newExecutable(p.nodes, p.cuts, p.place, c.opts.AsWritten)
	p.columns = slices.Sorted(slices.Values(p.exec.columns))
	if len(parts.past)+len(parts.combined) > 0 {
		c.planPast(p, parts)
	}
	at := make([]int, len(roots))
	for i, root := range roots {
		at[i] = parts.at[root]
	}
	return p, at
}

// places lays out the bits of some nodes, from a bit on.
func (g *graph) places(ids []nodeID, bit int) []Cut {
	out := make([]Cut, len(ids))
	for i, id := range ids {
		out[i] = Cut{Bit: bit, FourValued: g.nodes[id].canUnknown || g.nodes[id].canFail}
		bit = bitsOf(out[i:i+1], bit)
	}
	return out
}

// bitsOf is the bit after the last of some places; of none, the one given.
func bitsOf(place []Cut, bit int) int {
	for _, cut := range place {
		bit = max(bit, cut.Bit+1)
		if cut.FourValued {
			bit = max(bit, cut.Bit+2)
		}
	}
	return bit
}
