package rules

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/ast"

	"strata/configs"
)

// lintState warns about what until, min_stay, cooldown and moves do that may not be meant.
func (s *stepCompiler) lintState() {
	for _, segment := range s.definitions.Segments {
		when, until := s.rules[segment.Name], s.untils[segment.Name]
		if s.failureOf(segment.Name) != "" {
			continue
		}
		s.lintOwnPast(segment.Name, when, until)
		if until != nil {
			s.lowerDoubts(&until.unit)
			s.lintUntil(segment, when, until)
		}
		s.lintPeriods(segment, when, until)
	}
	for at := range s.definitions.Lifecycles {
		s.lintMoves(at)
	}
}

// lintUntil warns about an until that ends no membership, or none that the rule would not end, or every one at once.
func (s *stepCompiler) lintUntil(segment configs.Segment, when, until *rule) {
	g := s.graph
	in, ends := g.member(when.node), g.member(until.node)
	never := func(ids ...nodeID) bool { return g.never(s.schema, g.and(ids...)) }
	switch {
	case until.expr.Text == "false":
	case never(ends) && s.lintExcluding(until, until.native().Expr()):
	case never(ends):
		until.warnAt(lintAlwaysFalse, 1, 1, `write "false" if members are meant to stay for ever`, "it can never be true, so nobody leaves")
	case never(in):
	case never(in, ends) && never(g.not(in), g.not(ends)):
		until.warnAt(lintUselessUntil, 1, 1, "remove it, or let it begin farther away from the rule, as in when: x > 800 and until: x < 600",
			"it is the opposite of the rule, and without it members leave all the same")
	case until.node == g.not(when.node):
		until.warnAt(lintUselessUntil, 1, 1, "remove it, or let it begin farther away from the rule, as in when: x > 800 and until: x < 600",
			"it is the opposite of the rule, so it only keeps members for whom both are unknown")
	case never(in, g.not(ends)) && segment.Cooldown == 0:
		until.warnAt(lintFlapping, 1, 1, "until says when a membership is over; or set a cooldown", "it is true for everyone who enters: they leave on the next date and enter again after it")
	}
}

// lintOwnPast warns about rules that ask whether the user was in the segment itself.
func (s *stepCompiler) lintOwnPast(name string, when, until *rule) {
	g, was := s.graph, s.lower.members[wasPrefix+name]
	asks := func(r *rule, name string) (id int64, found bool) {
		ast.PreOrderVisit(r.native().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
			if identOf(e) == name && !found && !r.inlined[e.ID()] {
				id, found = e.ID(), true
			}
		}))
		return id, found
	}
	if until != nil {
		if id, found := asks(until, wasPrefix+name); found {
			until.warn(lintOwnPast, id, "leave it out", "was(%q) is always true here: until is asked of members alone", name)
		}
	}
	if id, found := asks(when, wasPrefix+name); found {
		if in := g.member(when.node); until == nil && !g.never(s.schema, in) && g.never(s.schema, g.and(in, was)) {
			when.warn(lintFlapping, id, "cooldown keeps those who have left out for a while; until says who leaves",
				"whoever is in the segment leaves on the next date, and may enter again after it")
			return
		}
		when.warn(lintOwnPast, id, "write in when who enters, and in until who leaves", "the rule asks whether the user was in the segment itself")
	}
	if id, found := asks(when, sincePrefix+name); found {
		when.warn(lintOwnPast, id, fmt.Sprintf("until ends a membership, as in until: days_since(since(%q)) >= 30; min_stay is the least", name),
			"since(%q) is null for whoever is not in the segment yet", name)
	}
}

// lintPeriods warns about a min_stay or cooldown without effect.
func (s *stepCompiler) lintPeriods(segment configs.Segment, when, until *rule) {
	g := s.graph
	leaves := g.not(g.member(when.node))
	if until != nil {
		leaves = g.member(until.node)
	}
	for _, period := range []struct {
		key, who string
		days     configs.Days
		pos      configs.Pos
	}{
		{"min_stay", "in", segment.MinStay, segment.MinStayPos},
		{"cooldown", "out", segment.Cooldown, segment.CooldownPos},
	} {
		switch {
		case period.days == 0:
		case period.days == 1:
			s.warnAt(lintUselessPeriod, period.pos, "write 2d or more, or remove it", "segment %q: a %s of 1d keeps nobody %s: the next date is a day later", segment.Name, period.key, period.who)
		case g.never(s.schema, leaves) && segment.Include == "" && segment.Exclude == "":
			s.warnAt(lintUselessPeriod, period.pos, "remove it", "segment %q: %s has no effect, since nobody ever leaves", segment.Name, period.key)
		}
	}
}

// lintMoves warns about stages that no listed move leads to or out of. One stage without a way in is where users begin: the last
// of them, as stages stand from the farthest to the first.
func (s *stepCompiler) lintMoves(at int) {
	lifecycle := s.definitions.Lifecycles[at]
	if len(lifecycle.Moves) == 0 {
		return
	}
	start := lifecycle.Stages[len(lifecycle.Stages)-1].Name
	for _, stage := range lifecycle.Stages {
		if !slices.ContainsFunc(lifecycle.Moves, func(m configs.Move) bool { return m.To == stage.Name }) {
			start = stage.Name
		}
	}
	reached := reachedFrom(start, lifecycle.Moves)
	for _, stage := range lifecycle.Stages {
		if !reached[stage.Name] {
			s.warnAt(lintNoWayIn, stage.NamePos, fmt.Sprintf("list a move to it, such as %s -> %s", start, stage.Name),
				"lifecycle %q, stage %q: no moves lead to it from stage %q, so only who was in no stage comes to it", lifecycle.Name, stage.Name, start)
		}
		if !slices.ContainsFunc(lifecycle.Moves, func(m configs.Move) bool { return m.From == stage.Name }) {
			s.warnAt(lintNoWayOut, stage.NamePos, "list a move out of it; if it is meant to be the end, check --allow no-way-out says so",
				"lifecycle %q, stage %q: no move leads out of it, so who is in it stays%s", lifecycle.Name, stage.Name, s.untilNone(at))
		}
	}
}

// reachedFrom are the stages that moves lead to from one, itself included.
func reachedFrom(start string, moves configs.Moves) map[string]bool {
	reached := map[string]bool{start: true}
	for more := true; more; {
		more = false
		for _, m := range moves {
			if reached[m.From] && !reached[m.To] {
				reached[m.To], more = true, true
			}
		}
	}
	return reached
}

// untilNone says how a user gets out of a stage that no move leads out of.
func (s *stepCompiler) untilNone(at int) string {
	for _, r := range s.stages[at] {
		if r.failed == "" && s.graph.always(s.schema, r.node) {
			return " for ever: every user is in some stage"
		}
	}
	return " until no stage's rule is true"
}
