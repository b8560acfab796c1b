package rules

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/ast"

	"strata/configs"
)

// Doubts are the negations that warnings are about, and a plan that asks them, so that a snapshot can tell how many users
// each leaves out. Cut i of the plan answers question i: who is unknown there is left out. Rules may negate the same.
type Doubts struct {
	Plan *Plan
	list [][]doubt // by question
}

// A doubt is a negation of what may be null.
type doubt struct {
	negation  ast.Expr
	symbol    string // how it is written
	columns   string // that may be null
	leavesOut bool   // whoever is unknown to it is not in the rule; else the rule may have them by another way
	problem   *configs.Problem
	what      string // how its message begins
	node      nodeID
	column    string // whose nulls are exactly where the negation is unknown; empty: none is
}

// message is the warning before anything was counted.
func (d *doubt) message() string {
	if d.leavesOut {
		return fmt.Sprintf("%s leaves out users whose %s is null", d.symbol, d.columns)
	}
	return fmt.Sprintf("%s is unknown for users whose %s is null", d.symbol, d.columns)
}

// Column returns the snapshot's column whose nulls are exactly the rows for which question i is unknown, so that counted nulls
// answer it; empty where there is no such column.
func (d *Doubts) Column(i int) string { return d.list[i][0].column }

// Count tells the warnings about question i how many of the snapshot's users it is unknown for.
func (d *Doubts) Count(i int, unknown, users int64) {
	for _, one := range d.list[i] {
		verb := "is unknown for"
		if one.leavesOut {
			verb = "leaves out"
		}
		one.problem.Message = fmt.Sprintf("%s: %s %s %s of %s users, because their %s is null",
			one.what, one.symbol, verb, thousands(unknown), thousands(users), one.columns)
	}
}

// thousands writes a number with commas between the thousands.
func thousands(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// lowerDoubts turns the negations of a checked unit into nodes. One that cannot stand alone stays uncounted.
func (s *stepCompiler) lowerDoubts(u *unit) {
	for _, d := range u.doubts {
		var err error
		if d.node, err = s.lower.part(u.native(), d.negation); err == nil && !s.graph.nodes[d.node].looksBack {
			d.what, d.column = u.what, s.graph.nullsOf(d.node)
			s.doubts = append(s.doubts, d)
		}
	}
}

// nullsOf returns the column that alone makes a node unknown, wherever it is null and nowhere else; empty where there is none.
func (g *graph) nullsOf(id nodeID) string {
	n := &g.nodes[id]
	if n.op == opColumn {
		return n.name
	}
	if n.canFail || len(n.columns) != 1 || g.outcomes(n).unknown || !strict(n.op) {
		return ""
	}
	for _, arg := range n.args {
		if below := &g.nodes[arg]; below.op == opConst && below.canUnknown || below.op != opConst && g.nullsOf(arg) == "" {
			return ""
		}
	}
	return n.columns[0]
}

// strict says whether a node is unknown just where its arguments are, if they all are in the same rows.
func strict(op opcode) bool {
	switch op {
	case opNot, opAnd, opOr, opEq, opLt, opLe, opInSet, opInFile, opStartsWith, opEndsWith, opContains, opMatches, opLike, opEqualFold, opLower, opUpper, opTrim,
		opYear, opMonth, opDay, opWeekday, opYearDay, opHour, opMinute, opSecond, opMillisecond, opDaysBetween, opAgeYears:
		return true
	}
	return false
}

// doubtsOf plans the questions of all doubts; nil when there are none.
func (c *compiler) doubtsOf(list []doubt) *Doubts {
	if len(list) == 0 {
		return nil
	}
	var asked []nodeID
	for _, d := range list {
		if !slices.Contains(asked, d.node) {
			asked = append(asked, d.node)
		}
	}
	p, at := c.planOf(asked)
	out := &Doubts{Plan: p, list: make([][]doubt, len(asked))}
	for _, d := range list {
		i := at[slices.Index(asked, d.node)]
		out.list[i] = append(out.list[i], d)
	}
	return out
}
