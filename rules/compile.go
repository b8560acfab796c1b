package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
	"strata/pipeline/tables"
)

// Compile makes the plan that answers all steps, for snapshots of a schema. The graph is shared: what two rules or two steps
// ask alike is asked once.
//
// Everything wrong with the last step comes back at once as configs.Problems. What is wrong with an earlier step only makes
// its definition broken (Segment.Broken), and those that refer to it.
func Compile(schema *arrow.Schema, steps []Step, opts Options) (*Plan, error) {
	c := &compiler{schema: schema, opts: opts, graph: newGraph(), zones: map[string]*zone{}}
	var problems configs.Problems // of the last step
	for i, step := range steps {
		var err error
		if problems, err = c.step(step, steps[len(steps)-1]); err == nil {
			continue
		}
		if i == len(steps)-1 {
			return nil, err
		}
		c.steps = append(c.steps, brokenStep(step.Definitions, err.Error()))
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	p := c.plan()
	p.warnings = problems.Sorted()
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
	clock := &clockwork{
		now: step.Now, today: int64(step.Today), zone: location, lists: step.Lists, horizon: last.Now, horizonDay: int64(last.Today),
	}
	if err := s.start(clock); err != nil {
		return nil, err
	}
	s.compileRules()
	s.lowerRules()
	c.steps = append(c.steps, s.finish())
	return s.problems(), nil
}

// A rule is a segment's, or a stage's, on its way to a node.
type rule struct {
	unit
	node nodeID // when it is not failed
}

// A stepCompiler compiles the definitions of one step.
type stepCompiler struct {
	*compiler
	definitions *configs.Definitions
	lists       map[string]*List
	front       *frontend
	lower       *lowerer
	rules       map[string]*rule // by segment
	stages      [][]*rule        // by lifecycle
	own         configs.Problems // faults that lie in no rule
	order       []string         // segments after those that they refer to
	include     map[string]nodeID
	exclude     map[string]nodeID
	textOnly    bool // there is no snapshot
}

// start declares what the step's rules may name.
func (s *stepCompiler) start(clock *clockwork) error {
	variables := variablesOf(s.schema, s.definitions.Columns)
	var names, lifecycles []string
	for _, segment := range s.definitions.Segments {
		names = append(names, segment.Name)
	}
	for _, lifecycle := range s.definitions.Lifecycles {
		lifecycles = append(lifecycles, lifecycle.Name)
	}
	env, err := newEnvironment(variables, names, clock)
	if err != nil {
		return fmt.Errorf("declare the columns of the snapshot: %w", err)
	}
	s.front = &frontend{env: env, traits: map[string]*trait{}, segmentNames: names, lifecycleNames: lifecycles, textOnly: s.textOnly}
	for _, t := range s.definitions.Traits {
		s.front.traits[t.Name] = &trait{unit: unit{expr: t.Value, what: fmt.Sprintf("trait %q", t.Name)}, name: t.Name}
	}
	for _, t := range s.definitions.Traits {
		if variables[t.Name] != nil {
			s.own = append(s.own, &configs.Problem{
				Pos: t.NamePos, Message: fmt.Sprintf("trait %q has the name of a column of the snapshot", t.Name), Hint: "give the trait another name",
			})
		}
		s.front.prepareTrait(s.front.traits[t.Name])
	}
	s.lower = &lowerer{graph: s.graph, env: env, zones: s.zones, segments: map[string]nodeID{}, idColumn: s.opts.UserID}
	s.lower.zone = s.lower.zoneOf(s.definitions.Timezone)
	s.lower.userID = s.userID
	return nil
}

// compileRules takes every rule through the front end.
func (s *stepCompiler) compileRules() {
	for _, segment := range s.definitions.Segments {
		r := &rule{unit: unit{expr: segment.When, what: fmt.Sprintf("segment %q", segment.Name)}}
		if r.expr.Text == "" {
			r.expr = configs.NewExpr("false") // its members are those on the include list
		}
		s.rules[segment.Name] = r
		s.front.compile(&r.unit)
	}
	for _, lifecycle := range s.definitions.Lifecycles {
		var stages []*rule
		for _, stage := range lifecycle.Stages {
			r := &rule{unit: unit{expr: stage.When, what: fmt.Sprintf("lifecycle %q, stage %q", lifecycle.Name, stage.Name)}}
			s.front.compile(&r.unit)
			stages = append(stages, r)
		}
		s.stages = append(s.stages, stages)
	}
	s.sortSegments()
}

// lowerRules turns checked rules into nodes: segments first, in the order in which they refer to each other.
func (s *stepCompiler) lowerRules() {
	s.include, s.exclude = map[string]nodeID{}, map[string]nodeID{}
	for _, segment := range s.definitions.Segments {
		s.listed(segment, segment.Include, segment.IncludePos, s.include)
		s.listed(segment, segment.Exclude, segment.ExcludePos, s.exclude)
	}
	for _, name := range s.order {
		r := s.rules[name]
		s.lowerRule(r)
		if r.failed == "" {
			s.lower.segments[segmentPrefix+name] = s.memberOf(name, r.node)
		}
	}
	for _, stages := range s.stages {
		for _, r := range stages {
			s.lowerRule(r)
		}
	}
}

// memberOf is who is in a segment: exclude wins over include, include over the rule.
func (s *stepCompiler) memberOf(name string, when nodeID) nodeID {
	g := s.graph
	out := g.member(when)
	if id, ok := s.include[name]; ok {
		out = g.or(out, g.member(id))
	}
	if id, ok := s.exclude[name]; ok {
		out = g.and(out, g.not(g.member(id)))
	}
	return out
}

func (s *stepCompiler) lowerRule(r *rule) {
	for _, name := range r.segments {
		if broken := s.rules[name]; broken.failed != "" && r.failed == "" {
			r.failed = fmt.Sprintf("segment %q: %s", name, broken.failed)
		}
	}
	if r.failed != "" {
		return
	}
	node, err := s.lower.rule(r.native())
	if err != nil {
		r.faultAt(1, 1, "", "%s", err)
		return
	}
	r.node = node
}

// listed adds the node that says whether a user is on a list.
func (s *stepCompiler) listed(segment configs.Segment, path string, pos configs.Pos, into map[string]nodeID) {
	if path == "" {
		return
	}
	list := s.lists[path]
	if list == nil {
		message := fmt.Sprintf("the list file %q was not read", path)
		s.own = append(s.own, &configs.Problem{Pos: pos, Message: fmt.Sprintf("segment %q: %s", segment.Name, message)})
		s.rules[segment.Name].failed = message
		return
	}
	at := s.schema.FieldIndices(s.opts.UserID)
	if len(at) == 0 {
		s.rules[segment.Name].failed = fmt.Sprintf("the snapshot has no column %q", s.opts.UserID)
		return
	}
	f := s.schema.Field(at[0])
	id, k := s.userID(), kindString
	if typ, err := typeOf(f.Name, f); err == nil && (typ.kind == kindInt || typ.kind == kindUint) {
		id, k = s.userColumn(f, typ), typ.kind
	}
	if k == kindString {
		_, binary := f.Type.(arrow.BinaryDataType)
		list = list.canonical(binary && f.Type.ID() != arrow.STRING && f.Type.ID() != arrow.LARGE_STRING && logical(f) != tables.LogicalUUID)
	}
	into[segment.Name] = s.graph.add(node{op: opInFile, typ: valueType{kind: kindBool}, args: []nodeID{id}, set: list})
}

// userColumn is the column of user ids. Rows without an id are rejected, so it counts as never null.
func (s *stepCompiler) userColumn(f arrow.Field, typ valueType) nodeID {
	return s.graph.add(node{op: opColumn, typ: typ, name: f.Name})
}

// userID is the canonical text of the user id; unknown in every row where there is no such column.
func (s *stepCompiler) userID() nodeID {
	at := s.schema.FieldIndices(s.opts.UserID)
	if len(at) == 0 {
		return s.lower.null()
	}
	f := s.schema.Field(at[0])
	typ, err := typeOf(f.Name, f)
	if err != nil {
		return s.lower.null()
	}
	return s.graph.add(node{op: opIDText, typ: valueType{kind: kindString}, args: []nodeID{s.userColumn(f, typ)}})
}

// finish makes the cuts of the step.
func (s *stepCompiler) finish() plannedStep {
	var out plannedStep
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
	out.columns = s.columnsOf(&out)
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

// plan lays out the bits.
func (c *compiler) plan() *Plan {
	p := &Plan{steps: c.steps}
	p.nodes, p.cuts = c.graph.reach(c.cuts)
	for _, cut := range p.cuts {
		n := &p.nodes[cut]
		place := Cut{Bit: p.bits, FourValued: n.canUnknown || n.canFail}
		if p.bits++; place.FourValued {
			p.bits++
		}
		p.place = append(p.place, place)
		p.columns = append(p.columns, n.columns...)
	}
	slices.Sort(p.columns)
	p.columns = slices.Compact(p.columns)
	p.exec = newExecutable(p.nodes, p.cuts, p.place)
	return p
}

// sortSegments puts every segment after those that it refers to, and reports circles.
func (s *stepCompiler) sortSegments() {
	state := map[string]int{} // 1: being visited, 2: done
	var path []string
	var visit func(name string)
	visit = func(name string) {
		r := s.rules[name]
		switch state[name] {
		case 1:
			circle := append(slices.Clone(path[slices.Index(path, name):]), name)
			s.reportCircle(r, circle)
			return
		case 2:
			return
		}
		state[name] = 1
		path = append(path, name)
		for _, other := range r.segments {
			visit(other)
		}
		path = path[:len(path)-1]
		state[name] = 2
		s.order = append(s.order, name)
	}
	for _, segment := range s.definitions.Segments {
		visit(segment.Name)
	}
}

func (s *stepCompiler) reportCircle(r *rule, circle []string) {
	if len(circle) == 2 {
		r.fault(r.referredAt[circle[0]], "", "the segment refers to itself")
		return
	}
	r.fault(r.referredAt[circle[1]], "", "segments refer to each other in a circle: %s", strings.Join(circle, " -> "))
}

// ListPaths returns the paths of all list files that definitions use: include, exclude and file() in rules and traits, each
// once, sorted. Rules that do not parse are passed over; Compile reports them.
func ListPaths(d *configs.Definitions) []string {
	paths := d.ListFiles()
	collect := func(e configs.Expr) { paths = append(paths, filesIn(e.Text)...) }
	for _, t := range d.Traits {
		collect(t.Value)
	}
	for _, segment := range d.Segments {
		collect(segment.When)
	}
	for _, lifecycle := range d.Lifecycles {
		for _, stage := range lifecycle.Stages {
			collect(stage.When)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
