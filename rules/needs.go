package rules

import (
	"slices"

	"cel.dev/cel-go/common/ast"

	"strata/configs"
)

// Needed returns the part of definitions that a segment rests on: itself, and the segments and lifecycles that its rule refers to,
// directly, through traits or through each other. All traits stay.
func Needed(d *configs.Definitions, segment string) *configs.Definitions {
	n := &needs{definitions: d, seen: map[string]bool{}}
	n.segment(segment)
	out := *d
	out.Segments, out.Lifecycles = nil, nil
	for _, s := range d.Segments {
		if n.seen["segment "+s.Name] {
			out.Segments = append(out.Segments, s)
		}
	}
	for _, l := range d.Lifecycles {
		if n.seen["lifecycle "+l.Name] {
			out.Lifecycles = append(out.Lifecycles, l)
		}
	}
	return &out
}

// needs are what has been found so far.
type needs struct {
	definitions *configs.Definitions
	seen        map[string]bool // by what it is and its name
}

// visit marks something and tells whether it was new.
func (n *needs) visit(what, name string) bool {
	key := what + " " + name
	fresh := !n.seen[key]
	n.seen[key] = true
	return fresh
}

func (n *needs) segment(name string) {
	at := slices.IndexFunc(n.definitions.Segments, func(s configs.Segment) bool { return s.Name == name })
	if n.visit("segment", name) && at >= 0 {
		n.rule(n.definitions.Segments[at].When.Text)
		n.rule(n.definitions.Segments[at].Until.Text)
	}
}

func (n *needs) lifecycle(name string) {
	at := slices.IndexFunc(n.definitions.Lifecycles, func(l configs.Lifecycle) bool { return l.Name == name })
	if n.visit("lifecycle", name) && at >= 0 {
		for _, stage := range n.definitions.Lifecycles[at].Stages {
			n.rule(stage.When.Text)
		}
	}
}

func (n *needs) trait(name string) {
	at := slices.IndexFunc(n.definitions.Traits, func(t configs.Trait) bool { return t.Name == name })
	if at >= 0 && n.visit("trait", name) {
		n.rule(n.definitions.Traits[at].Value.Text)
	}
}

// rule follows what a rule names.
func (n *needs) rule(text string) {
	visitRule(text, func(e ast.Expr) {
		if e.Kind() == ast.IdentKind {
			n.trait(e.AsIdent())
			return
		}
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 1 {
			return
		}
		name, ok := textLiteral(e.AsCall().Args()[0])
		switch function := e.AsCall().FunctionName(); {
		case !ok:
		case function == "segment" || function == "was":
			n.segment(name)
		case function == "stage" || function == "prev_stage":
			n.lifecycle(name)
		case function == "since":
			n.segment(name)
			n.lifecycle(name)
		}
	})
}
