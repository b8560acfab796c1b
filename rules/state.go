package rules

import (
	"slices"

	"strata/configs"
)

// hasStateRules says whether more than its lists and its rule decides about a segment.
func hasStateRules(s configs.Segment) bool {
	return s.Until.Text != "" || s.MinStay > 0 || s.Cooldown > 0
}

// A segmentState is what until, min_stay and cooldown make of a segment's rule.
type segmentState struct {
	asked nodeID // the rule that is asked of each user: until of who was in the segment, where there is one, else when
	ruled nodeID // who the rules have in it, before its lists
}

// stateOf applies until, min_stay and cooldown. Who was in the segment leaves when until is true, or without one when the rule is not;
// not before min_stay is over. Who was not enters when the rule is true and no cooldown is left.
func (s *stepCompiler) stateOf(segment configs.Segment) segmentState {
	g, bools := s.graph, valueType{kind: kindBool}
	when := s.rules[segment.Name].node
	was := s.lower.members[wasPrefix+segment.Name]
	asked, leaves, enters := when, g.not(g.member(when)), g.member(when)
	if until := s.untils[segment.Name]; until != nil {
		asked, leaves = g.cond(bools, was, until.node, when), g.member(until.node)
	}
	if segment.MinStay > 0 {
		since := s.lower.members[sincePrefix+segment.Name]
		leaves = g.and(leaves, s.lower.isTrue(g.less(opLe, since, s.day(segment.MinStay), false)))
	}
	if segment.Cooldown > 0 {
		exit := g.pastColumn(PastColumn{Kind: LastExits, Of: segment.Name})
		enters = g.and(enters, g.not(s.lower.isTrue(g.less(opLt, s.day(segment.Cooldown), exit, false))))
	}
	return segmentState{asked: asked, ruled: g.cond(bools, was, g.not(leaves), enters)}
}

// day is the date so many days before the step's.
func (s *stepCompiler) day(before configs.Days) nodeID {
	return s.graph.constant(valueType{kind: kindDate}, literal{Int: int64(s.date) - int64(before)})
}

// A lifecycleState is what moves make of a lifecycle's rules.
type lifecycleState struct {
	stages  []nodeID // who stands in which stage
	blocked nodeID   // who keeps the former stage because the move out of it is not listed
}

// movesOf keeps users in the stage that they may not leave for the one whose rule is true first.
func (s *stepCompiler) movesOf(at int) lifecycleState {
	g, lifecycle := s.graph, s.definitions.Lifecycles[at]
	chosen := s.chosenStages(at)
	kept := make([]nodeID, len(chosen)) // by stage: who stays in it because the move is blocked
	for i, from := range lifecycle.Stages {
		var elsewhere []nodeID
		for j, to := range lifecycle.Stages {
			if i != j && !lifecycle.Moves.Allows(from.Name, to.Name) {
				elsewhere = append(elsewhere, chosen[j])
			}
		}
		kept[i] = g.and(g.pastColumn(PastColumn{Kind: StageWas, Of: lifecycle.Name, Stage: from.Name}), g.or(elsewhere...))
	}
	out := lifecycleState{blocked: g.or(kept...)}
	for i := range chosen {
		out.stages = append(out.stages, g.or(kept[i], g.and(chosen[i], g.not(out.blocked))))
	}
	return out
}

// chosenStages are the users of each stage as the rules alone have it: the first that is true.
func (s *stepCompiler) chosenStages(at int) (chosen []nodeID) {
	var before []nodeID
	for _, r := range s.stages[at] {
		in := s.graph.member(r.node)
		chosen = append(chosen, s.graph.and(in, s.graph.not(s.graph.or(before...))))
		before = append(slices.Clone(before), in)
	}
	return chosen
}
