package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
)

// A trait is a named expression. Rules get a copy of it, rewritten.
type trait struct {
	unit
	name      string
	ready     bool
	preparing bool
	rewritten *ast.AST
	free      []string // the names in it that are not variables of its own comprehensions
}

// prepareTrait parses and rewrites a trait, and those it uses before it.
func (s *frontend) prepareTrait(t *trait) {
	if t.ready {
		return
	}
	if t.preparing {
		s.reportTraitCycle(t)
		return
	}
	t.preparing = true
	s.traitPath = append(s.traitPath, t.name)
	if t.parse(s.env) {
		s.rewrite(&t.unit)
		t.rewritten = ast.Copy(t.native())
		t.free = freeNames(t.rewritten.Expr(), nil, nil)
		if t.failed == "" && !s.textOnly {
			s.checkUnit(&t.unit)
		}
	}
	s.traitPath = s.traitPath[:len(s.traitPath)-1]
	t.preparing, t.ready = false, true
}

// reportTraitCycle marks a trait that uses itself.
func (s *frontend) reportTraitCycle(t *trait) {
	path := append(slices.Clone(s.traitPath[slices.Index(s.traitPath, t.name):]), t.name)
	t.faultAt(1, 1, "", "traits use each other in a circle: %s", strings.Join(path, " -> "))
}

// freeNames lists the names in an expression that no comprehension of its own declares.
func freeNames(e ast.Expr, bound, sofar []string) []string {
	switch e.Kind() {
	case ast.IdentKind:
		if !slices.Contains(bound, e.AsIdent()) {
			return appendNew(sofar, e.AsIdent())
		}
	case ast.SelectKind:
		return freeNames(e.AsSelect().Operand(), bound, sofar)
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			sofar = freeNames(e.AsCall().Target(), bound, sofar)
		}
		for _, arg := range e.AsCall().Args() {
			sofar = freeNames(arg, bound, sofar)
		}
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			sofar = freeNames(element, bound, sofar)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			sofar = freeNames(entry.AsMapEntry().Value(), bound, freeNames(entry.AsMapEntry().Key(), bound, sofar))
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		sofar = freeNames(c.IterRange(), bound, freeNames(c.AccuInit(), bound, sofar))
		inner := append(slices.Clone(bound), c.IterVar(), c.IterVar2(), c.AccuVar())
		for _, part := range []ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()} {
			sofar = freeNames(part, inner, sofar)
		}
	}
	return sofar
}

// maxNodes bounds a rule with its traits: each may use another twice, and double it.
const maxNodes = 100_000

// inline puts a copy of a trait where its name stands.
func (r *rewriter) inline(e ast.Expr, t *trait) {
	r.step.prepareTrait(t)
	if t.failed != "" {
		if r.failed == "" {
			r.failed = fmt.Sprintf("trait %q: %s", t.name, t.failed)
		}
		return
	}
	for _, free := range t.free {
		if slices.Contains(r.scope, free) {
			r.fault(e.ID(), "give the variable another name", "the variable %s hides the column %s that trait %q uses", free, free, t.name)
			return
		}
	}
	for _, name := range t.refersTo {
		r.refer(name, e.ID())
	}
	if r.next+t.next > maxNodes {
		r.fault(e.ID(), "", "the rule has more than %d parts with its traits", maxNodes)
		return
	}
	copied := r.copyOf(t.rewritten.Expr(), t.rewritten.SourceInfo(), e.ID())
	e.SetKindCase(copied)
	r.inlined[e.ID()] = true
	if call, ok := r.native().SourceInfo().GetMacroCall(copied.ID()); ok {
		r.native().SourceInfo().SetMacroCall(e.ID(), call)
	}
}
