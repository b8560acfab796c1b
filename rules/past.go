package rules

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// What rules know of the previous run are past columns: beside those of the snapshot, but known only where a user's former
// membership is, in the diff. They hang on names alone. Where the previous run had no such segment, lifecycle or stage, nobody was in it.

// A PastKind says what a past column holds.
type PastKind uint8

// The kinds of past columns.
const (
	Was       PastKind = iota // bool, never null: the user was in the segment
	StageWas                  // bool, never null: the user stood in that stage of the lifecycle
	Since                     // date: since when the user is in the segment, or in its stage of the lifecycle; null for who was not
	LastExits                 // date: when the user last left the segment, while its cooldown lasts; null without one
	FirstRun                  // bool, the same for all: there is no previous run
)

// A PastColumn is one of the columns that a plan needs of the previous run.
type PastColumn struct {
	Kind  PastKind
	Of    string // the segment or lifecycle
	Stage string // StageWas alone
}

// Name is the column's name in the record of Plan.EvalPast, as a rule would write it.
func (c PastColumn) Name() string {
	switch c.Kind {
	case Was:
		return fmt.Sprintf("was(%q)", c.Of)
	case StageWas:
		return fmt.Sprintf("prev_stage(%q) == %q", c.Of, c.Stage)
	case Since:
		return fmt.Sprintf("since(%q)", c.Of)
	case FirstRun:
		return firstRun
	default:
		return fmt.Sprintf("the last exit from %q", c.Of)
	}
}

// Type is the column's type in that record.
func (c PastColumn) Type() arrow.DataType {
	if c.Kind == Since || c.Kind == LastExits {
		return arrow.FixedWidthTypes.Date32
	}
	return arrow.FixedWidthTypes.Boolean
}

// pastColumn is the node of a past column.
func (g *graph) pastColumn(c PastColumn) nodeID {
	n := node{op: opColumn, typ: valueType{kind: kindBool}, name: c.Name(), past: &c}
	if c.Kind == Since || c.Kind == LastExits {
		n.typ.kind, n.canUnknown = kindDate, true
	}
	return g.add(n)
}

// firstRun is the name of a FirstRun, which no column of a snapshot has in a rule.
const firstRun = "first_run"

// Names that the front end gives to what was: like segmentPrefix, no identifier has a space.
const (
	wasPrefix       = "was "
	sincePrefix     = "since "
	prevStagePrefix = "previous stage "
)

// pastVariables declares what rules may ask of the previous run.
func pastVariables(segments, lifecycles []string) (options []cel.EnvOption) {
	for _, name := range segments {
		options = append(options, cel.Variable(wasPrefix+name, cel.BoolType), cel.Variable(sincePrefix+name, dateType))
	}
	for _, name := range lifecycles {
		options = append(options, cel.Variable(prevStagePrefix+name, cel.StringType), cel.Variable(sincePrefix+name, dateType))
	}
	return options
}

// pastFunctions spell the calls that ask the previous run.
var pastFunctions = map[string]string{"was": `was("segment")`, "since": `since("segment")`, "prev_stage": `prev_stage("lifecycle")`}

// past turns was("x"), since("x") and prev_stage("x") into variables.
func (r *rewriter) past(e ast.Expr, c ast.CallExpr) {
	function := c.FunctionName()
	if len(c.Args()) != 1 || c.IsMemberFunction() {
		r.fault(e.ID(), "write "+pastFunctions[function], "%s() takes one name", function)
		return
	}
	name, ok := textLiteral(c.Args()[0])
	if !ok {
		r.fault(c.Args()[0].ID(), quotedHint(function, c.Args()[0]), "the name of a segment or lifecycle is a text in quotes")
		return
	}
	segment, lifecycle := slices.Contains(r.step.segmentNames, name), slices.Contains(r.step.lifecycleNames, name)
	switch {
	case function == "since" && (segment || lifecycle):
		e.SetKindCase(r.ident(e.ID(), sincePrefix+name))
	case function == "since":
		r.fault(c.Args()[0].ID(), near(name, slices.Concat(r.step.segmentNames, r.step.lifecycleNames)), "there is no segment or lifecycle %q", name)
	case function == "was" && segment:
		e.SetKindCase(r.ident(e.ID(), wasPrefix+name))
	case function == "was":
		hint := near(name, r.step.segmentNames)
		if lifecycle {
			hint = fmt.Sprintf("%q is a lifecycle: write prev_stage(%q) == %q", name, name, firstOf(r.step.stageNames[name]))
		}
		r.fault(c.Args()[0].ID(), hint, "there is no segment %q", name)
	case lifecycle:
		e.SetKindCase(r.ident(e.ID(), prevStagePrefix+name))
	default:
		r.fault(c.Args()[0].ID(), strings.ReplaceAll(strings.ReplaceAll(r.nearLifecycle(name), "stage(", "prev_stage("), "segment(", "was("),
			"there is no lifecycle %q", name)
	}
}

// namePast gives the lowerer what was, by the names of its variables.
func (s *stepCompiler) namePast() {
	g, members := s.graph, s.lower.members
	members[firstRun] = g.pastColumn(PastColumn{Kind: FirstRun})
	for _, segment := range s.definitions.Segments {
		members[wasPrefix+segment.Name] = g.pastColumn(PastColumn{Kind: Was, Of: segment.Name})
		members[sincePrefix+segment.Name] = g.pastColumn(PastColumn{Kind: Since, Of: segment.Name})
	}
	for _, lifecycle := range s.definitions.Lifecycles {
		text, stages := s.lower.null(), []nodeID(nil)
		for _, stage := range slices.Backward(lifecycle.Stages) {
			was := g.pastColumn(PastColumn{Kind: StageWas, Of: lifecycle.Name, Stage: stage.Name})
			name := g.constant(valueType{kind: kindString}, literal{String: stage.Name})
			text, stages = g.cond(valueType{kind: kindString}, was, name, text), append(stages, was)
		}
		members[prevStagePrefix+lifecycle.Name] = text
		since := g.pastColumn(PastColumn{Kind: Since, Of: lifecycle.Name})
		members[sincePrefix+lifecycle.Name] = g.cond(g.nodes[since].typ, g.or(stages...), since, s.lower.null()) // a stage that is no more was none
	}
}

// Stateless says whether definitions ask nothing of the previous run: no until, min_stay, cooldown or moves, and no rule with was,
// since, prev_stage or first_run.
func Stateless(d *configs.Definitions) bool {
	for _, segment := range d.Segments {
		if hasStateRules(segment) {
			return false
		}
	}
	if slices.ContainsFunc(d.Lifecycles, func(l configs.Lifecycle) bool { return len(l.Moves) > 0 }) {
		return false
	}
	return !slices.ContainsFunc(exprsOf(d), func(e configs.Expr) bool { return asksPast(e.Text) })
}

// asksPast says whether a rule names something of the previous run.
func asksPast(text string) (asks bool) {
	visitRule(text, func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			asks = asks || e.AsIdent() == firstRun
		case ast.CallKind:
			asks = asks || pastFunctions[e.AsCall().FunctionName()] != "" && !e.AsCall().IsMemberFunction()
		}
	})
	return asks
}

// DatedNames lists the segments and lifecycles of which rules need the since-dates, sorted: those that since() names, and segments
// with min_stay.
func DatedNames(d *configs.Definitions) (names []string) {
	for _, expr := range exprsOf(d) {
		visitRule(expr.Text, func(e ast.Expr) {
			if !isCallOf(e, "since") || len(e.AsCall().Args()) != 1 {
				return
			}
			if name, ok := textLiteral(e.AsCall().Args()[0]); ok {
				names = append(names, name)
			}
		})
	}
	for _, segment := range d.Segments {
		if segment.MinStay > 0 {
			names = append(names, segment.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
