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
		compiler: c, definitions: d, lists: step.Lists,
		rules: map[string]*rule{},
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
		r, made := s.rules[segment.Name], Segment{Name: segment.Name, When: -1, Include: -1, Exclude: -1}
		if made.Broken = r.failed; r.failed == "" {
			made.When = s.cut(r.node)
			if id, ok := s.include[segment.Name]; ok {
				made.Include = s.cut(id)
			}
			if id, ok := s.exclude[segment.Name]; ok {
				made.Exclude = s.cut(id)
			}
		}
		out.segments = append(out.segments, made)
	}
	for i, lifecycle := range s.definitions.Lifecycles {
		made := Lifecycle{Name: lifecycle.Name}
		for j, stage := range lifecycle.Stages {
			r := s.stages[i][j]
			if r.failed != "" && made.Broken == "" {
				made.Broken = fmt.Sprintf("stage %q: %s", stage.Name, r.failed)
			}
			made.Stages = append(made.Stages, Stage{Name: stage.Name, When: -1})
		}
		for j, r := range s.stages[i] {
			if made.Broken == "" {
				made.Stages[j].When = s.cut(r.node)
			}
		}
		out.lifecycles = append(out.lifecycles, made)
	}
	out.columns, out.surveyed = s.columnsOf(&out), s.lower.surveyed
	return out
}

// brokenStep is an earlier step of which nothing compiles.
func brokenStep(d *configs.Definitions, why string) (out plannedStep) {
	for _, segment := range d.Segments {
		out.segments = append(out.segments, Segment{Name: segment.Name, When: -1, Include: -1, Exclude: -1, Broken: why})
	}
	for _, lifecycle := range d.Lifecycles {
		made := Lifecycle{Name: lifecycle.Name, Broken: why}
		for _, stage := range lifecycle.Stages {
			made.Stages = append(made.Stages, Stage{Name: stage.Name, When: -1})
		}
		out.lifecycles = append(out.lifecycles, made)
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
	for _, segment := range s.segments {
		add(segment.When)
		add(segment.Include)
		add(segment.Exclude)
	}
	for _, lifecycle := range s.lifecycles {
		for _, stage := range lifecycle.Stages {
			add(stage.When)
		}
	}
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
	for _, stages := range s.stages {
		for _, r := range stages {
			out = append(out, r.problems...)
		}
	}
	return out
}

// plan plans the cuts of all steps.
func (c *compiler) plan() *Plan {
	p := c.planOf(c.cuts)
	p.steps = c.steps
	return p
}

// planOf lays out the bits of some cuts.
func (c *compiler) planOf(cuts []nodeID) *Plan {
	p := &Plan{}
	p.nodes, p.cuts = c.graph.reach(cuts)
	for _, cut := range p.cuts {
		n := &p.nodes[cut]
		place := Cut{Bit: p.bits, FourValued: n.canUnknown || n.canFail}
		if p.bits++; place.FourValued {
			p.bits++
		}
		p.place = append(p.place, place)
	}
	p.population = c.population(p.nodes, func(int) bool { return true })
	p.exec = newExecutable(p.nodes, p.cuts, p.place, c.opts.AsWritten)
	p.columns = slices.Sorted(slices.Values(p.exec.columns))
	return p
}
