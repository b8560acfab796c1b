package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"strata/configs"
	"strata/pipeline/tables"
)

// lintDefinitions warns about what rules say as a whole, and together.
func (s *stepCompiler) lintDefinitions() {
	for _, t := range s.definitions.Traits {
		s.lowerDoubts(&s.front.traits[t.Name].unit)
	}
	for _, segment := range s.definitions.Segments {
		s.lintRule(s.rules[segment.Name])
		s.lintList(segment, segment.Include, segment.IncludePos)
		s.lintList(segment, segment.Exclude, segment.ExcludePos)
	}
	s.lintEqualSegments()
	for i, lifecycle := range s.definitions.Lifecycles {
		for _, r := range s.stages[i] {
			s.lintRule(r)
		}
		s.lintStages(lifecycle, s.stages[i])
	}
	s.lintState()
	s.lintUnused()
}

// warnAt warns about a place of the definitions.
func (s *stepCompiler) warnAt(lint string, pos configs.Pos, hint, format string, args ...any) {
	p := s.definitions.Problem(pos, fmt.Sprintf(format, args...), hint)
	p.Warning, p.Lint = true, lint
	s.own = append(s.own, p)
}

// plain says whether a rule is written to be true or false for everybody, or did not compile.
func (r *rule) plain() bool { return r.failed != "" || r.expr.Text == "true" || r.expr.Text == "false" }

// hasLint says whether the rule was warned of something.
func (r *rule) hasLint(name string) bool {
	return slices.ContainsFunc(r.problems, func(p *configs.Problem) bool { return p.Lint == name })
}

// lintRule warns about a rule that data cannot change.
func (s *stepCompiler) lintRule(r *rule) {
	s.lowerDoubts(&r.unit)
	if r.plain() {
		return
	}
	root := r.native().Expr()
	switch {
	case r.hasLint(lintWholeSplit):
	case s.graph.never(s.schema, r.node):
		if !s.lintExcluding(r, root) {
			r.warnAt(lintAlwaysFalse, 1, 1, "nobody will ever be in it", "the rule can never be true")
		}
	case s.graph.always(s.schema, r.node):
		r.warnAt(lintAlwaysTrue, 1, 1, `write "true" if everybody is meant`, "the rule is true for every user")
	}
}

// lintExcluding looks for two conditions of an && that exclude each other, which says more than that the rule is never true.
func (s *stepCompiler) lintExcluding(r *rule, root ast.Expr) bool {
	conditions := chain(root, operators.LogicalAnd, nil)
	for i, second := range conditions {
		for _, first := range conditions[:i] {
			a, errA := s.lower.part(r.native(), first)
			b, errB := s.lower.part(r.native(), second)
			if errA != nil || errB != nil || !s.graph.never(s.schema, s.graph.and(a, b)) {
				continue
			}
			r.warn(lintExcluding, leftmost(second), "nobody can be in both; write || where either is enough",
				"this is never true together with %s", spelled(first, r.native().SourceInfo()))
			return true
		}
	}
	return false
}

// nullTests find what the rewriter has made of x == null and x != null.
var (
	isNullCall    = regexp.MustCompile(`\bis_null\(([\w.]+)\)`)
	isNotNullCall = regexp.MustCompile(`\bis_not_null\(([\w.]+)\)`)
)

// referenceCalls are the functions that references were made of, by the prefix of the variables that stand for them.
var referenceCalls = map[string]string{
	segmentPrefix: "segment", stagePrefix: "stage", wasPrefix: "was", sincePrefix: "since", prevStagePrefix: "prev_stage",
}

// spelled is an expression as somebody would write it.
func spelled(e ast.Expr, info *ast.SourceInfo) string {
	fac := ast.NewExprFactory()
	e = fac.CopyExpr(e)
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		for prefix, function := range referenceCalls {
			if name, is := strings.CutPrefix(identOf(e), prefix); is {
				e.SetKindCase(fac.NewCall(e.ID(), function, fac.NewLiteral(0, types.String(name))))
			}
		}
	}))
	text, err := parser.Unparse(e, info)
	if err != nil {
		return "what stands before it"
	}
	return strings.ReplaceAll(isNotNullCall.ReplaceAllString(isNullCall.ReplaceAllString(text, "$1 == null"), "$1 != null"), "\n", " ")
}

// identOf is the name that an expression is, or "".
func identOf(e ast.Expr) string {
	if e.Kind() == ast.IdentKind {
		return e.AsIdent()
	}
	return ""
}

// lintEqualSegments warns about segments with the same members.
func (s *stepCompiler) lintEqualSegments() {
	type members struct {
		when, until       nodeID // -1: there is none
		include, exclude  string
		minStay, cooldown configs.Days
	}
	seen := map[members]string{}
	for _, segment := range s.definitions.Segments {
		r := s.rules[segment.Name]
		if r.plain() {
			continue
		}
		key := members{r.node, -1, segment.Include, segment.Exclude, segment.MinStay, segment.Cooldown}
		if until := s.untils[segment.Name]; until != nil {
			key.until = until.node
		}
		if other, found := seen[key]; found {
			r.warnAt(lintSameRule, 1, 1, fmt.Sprintf("keep one of them; segment(%q) means the other in a rule", other),
				"this is the rule of segment %q too: both always have the same members", other)
			continue
		}
		seen[key] = segment.Name
	}
}

// lintStages warns about stages whose users all stand in an earlier one.
func (s *stepCompiler) lintStages(lifecycle configs.Lifecycle, stages []*rule) {
	for i, r := range stages {
		if r.failed != "" || i == 0 || s.graph.never(s.schema, r.node) {
			continue
		}
		var open []nodeID // not in an earlier stage
		for j, earlier := range stages[:i] {
			if earlier.failed != "" {
				continue
			}
			not := s.graph.not(s.graph.member(earlier.node))
			if open = append(open, not); s.graph.never(s.schema, s.graph.and(r.node, not)) {
				r.warnAt(lintUnreachableStage, 1, 1, "put the narrower stage first", "nobody reaches this stage: whoever matches it stands in stage %q before", lifecycle.Stages[j].Name)
				open = nil
				break
			}
		}
		if len(open) > 1 && s.graph.never(s.schema, s.graph.and(append(open, r.node)...)) {
			r.warnAt(lintUnreachableStage, 1, 1, "put the narrower stages first", "nobody reaches this stage: whoever matches it stands in an earlier one")
		}
	}
}

// lintUnused warns about traits and declared columns that nothing uses.
func (s *stepCompiler) lintUnused() {
	names := slices.Clone(s.opts.Columns)
	for _, u := range s.units() {
		names = append(names, u.names...)
	}
	traits := map[string]bool{}
	var use func(name string)
	use = func(name string) {
		if t := s.front.traits[name]; t != nil && !traits[name] {
			traits[name] = true
			for _, inner := range t.names {
				use(inner)
			}
		}
	}
	for _, name := range names {
		use(name)
	}
	for _, t := range s.definitions.Traits {
		if !traits[t.Name] {
			s.warnAt(lintUnusedTrait, t.NamePos, "remove it, or write its name in a rule", "no rule uses trait %q", t.Name)
		}
		names = append(names, s.front.traits[t.Name].names...)
	}
	for _, c := range s.definitions.Columns {
		if !slices.Contains(names, c.Name) {
			s.warnAt(lintUnusedColumn, c.Pos, "remove the declaration, or write its name in a rule", "nothing uses the declared column %q", c.Name)
		}
	}
}

// units are the expressions of all segments and stages.
func (s *stepCompiler) units() (units []*unit) {
	for _, segment := range s.definitions.Segments {
		for _, r := range s.rulesOf(segment.Name) {
			units = append(units, &r.unit)
		}
	}
	for _, stages := range s.stages {
		for _, r := range stages {
			units = append(units, &r.unit)
		}
	}
	return units
}

// lintList warns about an include or exclude list of which nothing can match.
func (s *stepCompiler) lintList(segment configs.Segment, path string, pos configs.Pos) {
	list, at := s.lists[path], s.schema.FieldIndices(s.opts.UserID)
	if path == "" || list == nil || len(at) == 0 {
		return
	}
	f := s.schema.Field(at[0])
	typ, err := typeOf(f.Name, f)
	if err != nil {
		return
	}
	if lint, message, hint := list.lint(path, typ.kind, logical(f) == tables.LogicalUUID); lint != "" {
		s.warnAt(lint, pos, hint, "segment %q: %s", segment.Name, message)
	}
}
