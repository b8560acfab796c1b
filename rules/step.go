package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

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
	divider     *divider
	date        int32            // the step's
	rules       map[string]*rule // by segment
	untils      map[string]*rule // by segment that has one
	stages      [][]*rule        // by lifecycle
	own         configs.Problems // faults that lie in no rule
	order       []string         // segments and lifecycles after those that they refer to
	include     map[string]nodeID
	exclude     map[string]nodeID
	states      map[string]segmentState   // by segment with until, min_stay or cooldown
	moves       map[string]lifecycleState // by lifecycle with moves
	textOnly    bool                      // there is no snapshot
	doubts      []doubt
}

// start declares what the step's rules may name.
func (s *stepCompiler) start(clock *clockwork) error {
	variables := map[string]*variable{}
	if !s.textOnly {
		variables = variablesOf(s.schema, s.definitions.Columns)
	}
	var names, lifecycles []string
	for _, segment := range s.definitions.Segments {
		names = append(names, segment.Name)
	}
	stages := map[string][]string{}
	for _, lifecycle := range s.definitions.Lifecycles {
		lifecycles = append(lifecycles, lifecycle.Name)
		for _, stage := range lifecycle.Stages {
			stages[lifecycle.Name] = append(stages[lifecycle.Name], stage.Name)
		}
	}
	env, err := newEnvironment(variables, names, lifecycles, clock)
	if err != nil {
		return fmt.Errorf("declare the columns of the snapshot: %w", err)
	}
	env.idColumn = s.opts.UserID
	s.front = &frontend{
		env: env, traits: map[string]*trait{}, segmentNames: names, lifecycleNames: lifecycles, stageNames: stages, textOnly: s.textOnly, lints: s.lints,
	}
	for _, t := range s.definitions.Traits {
		s.front.traits[t.Name] = &trait{unit: unit{expr: t.Value, what: fmt.Sprintf("trait %q", t.Name)}, name: t.Name}
	}
	for _, t := range s.definitions.Traits {
		if variables[t.Name] != nil {
			s.own = append(s.own, s.definitions.Problem(t.NamePos, fmt.Sprintf("trait %q has the name of a column of the snapshot", t.Name), "give the trait another name"))
		}
		s.front.prepareTrait(s.front.traits[t.Name])
	}
	s.lower = &lowerer{graph: s.graph, env: env, zones: s.zones, members: map[string]nodeID{}, idColumn: s.opts.UserID}
	s.lower.zone = s.lower.zoneOf(s.definitions.Timezone)
	s.lower.userID = s.userID
	s.divider = &divider{graph: s.graph, made: map[nodeID]nodeID{}}
	s.namePast()
	return nil
}

// compileRules takes every rule through the front end.
func (s *stepCompiler) compileRules() {
	s.rules, s.untils = map[string]*rule{}, map[string]*rule{}
	for _, segment := range s.definitions.Segments {
		r := &rule{unit: unit{expr: segment.When, what: fmt.Sprintf("segment %q", segment.Name)}}
		if r.expr.Text == "" {
			r.expr = configs.NewExpr("false") // its members are those on the include list
		}
		s.rules[segment.Name] = r
		s.front.compile(&r.unit)
		if segment.Until.Text != "" {
			s.untils[segment.Name] = &rule{unit: unit{expr: segment.Until, what: fmt.Sprintf("segment %q, until", segment.Name), ends: true}}
			s.front.compile(&s.untils[segment.Name].unit)
		}
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
	s.sortDefinitions()
}

// lowerRules turns checked rules into nodes: segments and lifecycles in the order in which they refer to each other.
func (s *stepCompiler) lowerRules() {
	s.include, s.exclude = map[string]nodeID{}, map[string]nodeID{}
	s.states, s.moves = map[string]segmentState{}, map[string]lifecycleState{}
	for _, segment := range s.definitions.Segments {
		s.listed(segment, segment.Include, segment.IncludePos, s.include)
		s.listed(segment, segment.Exclude, segment.ExcludePos, s.exclude)
	}
	for _, name := range s.order {
		for _, r := range s.rulesOf(name) {
			s.lowerRule(r)
		}
		switch lifecycle := s.lifecycle(name); {
		case s.failure(name) != "":
		case lifecycle >= 0:
			s.lower.members[stagePrefix+name] = s.stageOf(lifecycle)
		default:
			s.lower.members[segmentPrefix+name] = s.memberOf(name)
		}
	}
}

// lifecycle is the place of the lifecycle of a name, or -1 where that is a segment's.
func (s *stepCompiler) lifecycle(name string) int {
	return slices.IndexFunc(s.definitions.Lifecycles, func(l configs.Lifecycle) bool { return l.Name == name })
}

// rulesOf are the rules behind a name: a segment's when and until, or those of a lifecycle's stages.
func (s *stepCompiler) rulesOf(name string) []*rule {
	if at := s.lifecycle(name); at >= 0 {
		return s.stages[at]
	}
	if until := s.untils[name]; until != nil {
		return []*rule{s.rules[name], until}
	}
	return []*rule{s.rules[name]}
}

// failure says why what a name stands for does not compile; empty if it does.
func (s *stepCompiler) failure(name string) string {
	for _, r := range s.rulesOf(name) {
		if r.failed != "" {
			return fmt.Sprintf("%s: %s", r.what, r.failed)
		}
	}
	return ""
}

// stageOf is the name of the first stage whose rule is true, unless the move to it is blocked; null where none is.
func (s *stepCompiler) stageOf(at int) nodeID {
	text, lifecycle := valueType{kind: kindString}, s.definitions.Lifecycles[at]
	in := func(i int) nodeID { return s.graph.member(s.stages[at][i].node) }
	if len(lifecycle.Moves) > 0 {
		state := s.movesOf(at)
		s.moves[lifecycle.Name] = state
		in = func(i int) nodeID { return state.stages[i] }
	}
	out := s.lower.null()
	for i, stage := range slices.Backward(lifecycle.Stages) {
		name := s.graph.constant(text, literal{String: stage.Name})
		out = s.graph.cond(text, in(i), name, out)
	}
	return out
}

// memberOf is who is in a segment: exclude wins over include, include over the rules.
func (s *stepCompiler) memberOf(name string) nodeID {
	g := s.graph
	out := g.member(s.rules[name].node)
	segment := s.definitions.Segments[slices.Index(s.front.segmentNames, name)]
	if hasStateRules(segment) {
		s.states[name] = s.stateOf(segment)
		out = s.states[name].ruled
	}
	if id, ok := s.include[name]; ok {
		out = g.or(out, g.member(id))
	}
	if id, ok := s.exclude[name]; ok {
		out = g.and(out, g.not(g.member(id)))
	}
	return out
}

func (s *stepCompiler) lowerRule(r *rule) {
	for _, name := range r.refersTo {
		if failure := s.failure(name); failure != "" && r.failed == "" {
			r.failed = failure
		}
	}
	if r.failed != "" {
		return
	}
	node, err := s.lower.rule(r.native())
	var survey *surveyFault
	switch {
	case errors.As(err, &survey):
		r.fault(survey.at, survey.hint, "%s", err)
		return
	case err != nil:
		r.faultAt(1, 1, "", "%s", err)
		return
	}
	var ok bool
	if r.node, ok = s.divider.rule(node); !ok {
		r.faultAt(1, 1, mixedHint, "the rule makes one value of what the previous run left and of columns of the snapshot")
	}
}

// mixedHint is the way out for a rule that cannot be divided.
const mixedHint = `join them as conditions, as in days_since(since("vip")) > 30 && ltv > 800`

// listed adds the node that says whether a user is on a list.
func (s *stepCompiler) listed(segment configs.Segment, path string, pos configs.Pos, into map[string]nodeID) {
	if path == "" {
		return
	}
	list := s.lists[path]
	if list == nil {
		message := fmt.Sprintf("the list file %q was not read", path)
		s.own = append(s.own, s.definitions.Problem(pos, fmt.Sprintf("segment %q: %s", segment.Name, message), ""))
		s.rules[segment.Name].failed = message
		return
	}
	at := s.schema.FieldIndices(s.opts.UserID)
	if len(at) == 0 {
		s.rules[segment.Name].failed = fmt.Sprintf("the snapshot has no column %q", s.opts.UserID)
		return
	}
	f := s.schema.Field(at[0])
	typ, err := typeOf(f.Name, f)
	if err != nil {
		s.rules[segment.Name].failed = fmt.Sprintf("the user id column %q %s", f.Name, err)
		return
	}
	id := s.userColumn(f, typ)
	if typ.kind != kindInt && typ.kind != kindUint {
		id, list = s.userID(), list.canonical(typ.kind == kindBytes)
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

// sortDefinitions puts every segment and lifecycle after those that it refers to, and reports circles.
func (s *stepCompiler) sortDefinitions() {
	state := map[string]int{} // 1: being visited, 2: done
	var path []string
	var visit func(name string)
	visit = func(name string) {
		switch state[name] {
		case 1:
			s.reportCircle(append(slices.Clone(path[slices.Index(path, name):]), name))
			return
		case 2:
			return
		}
		state[name] = 1
		path = append(path, name)
		for _, r := range s.rulesOf(name) {
			for _, other := range r.refersTo {
				visit(other)
			}
		}
		path = path[:len(path)-1]
		state[name] = 2
		s.order = append(s.order, name)
	}
	for _, name := range slices.Concat(s.front.segmentNames, s.front.lifecycleNames) {
		visit(name)
	}
}

// reportCircle reports names of which each refers to the next, at the first one's reference.
func (s *stepCompiler) reportCircle(circle []string) {
	rules := s.rulesOf(circle[0])
	r := rules[slices.IndexFunc(rules, func(r *rule) bool { return slices.Contains(r.refersTo, circle[1]) })]
	what := "segments"
	if slices.ContainsFunc(circle, func(name string) bool { return s.lifecycle(name) >= 0 }) {
		what = "segments and lifecycles"
	}
	switch {
	case len(circle) > 2:
		r.fault(r.referredAt[circle[1]], "", "%s refer to each other in a circle: %s", what, strings.Join(circle, " -> "))
	case what == "segments":
		r.fault(r.referredAt[circle[0]], "", "the segment refers to itself")
	default:
		r.fault(r.referredAt[circle[0]], "", "the lifecycle refers to its own stage")
	}
}
