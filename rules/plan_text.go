package rules

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Text spells the plan for the author of the rules and for who maintains this package: the columns that are read; for every
// segment and stage its rule as it is evaluated, its place in a user's bits and the nodes it uses; and the nodes themselves,
// each once: first the leaves, in the order in which they are evaluated, then what combines their answers. The same
// definitions over the same schema have the same text.
func (p *Plan) Text() string {
	t := &planText{Plan: p, x: p.exec}
	t.name()
	t.line("%s, %s, %s a user; %s, %s", count(len(p.steps), "step"), count(len(p.cuts), "cut"), count(p.bits, "bit"),
		count(len(p.nodes), "node"), count(len(p.columns), "column"))
	t.columns()
	for i := range p.steps {
		t.step(i)
	}
	t.population()
	t.leaves()
	t.algebra()
	return t.String()
}

// A planText grows the text of a plan.
type planText struct {
	*Plan
	strings.Builder
	x     *executable
	spell speller
}

func (t *planText) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// table writes rows of cells under each other.
func (t *planText) table(title string, rows [][]string) {
	if len(rows) < 2 { // the heads of the columns
		return
	}
	t.line("\n%s", title)
	w := tabwriter.NewWriter(t, 0, 0, 2, ' ', 0)
	for _, cells := range rows {
		fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t"))
	}
	_ = w.Flush() // a strings.Builder takes everything
	trimmed := t.String()
	t.Reset()
	for line := range strings.Lines(trimmed) {
		t.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// name decides which nodes stand on a line of their own: leaves, algebra, and values that several nodes share.
func (t *planText) name() {
	named := make([]bool, len(t.nodes))
	used := make([]int, len(t.nodes))
	for i := range t.nodes {
		for _, arg := range t.nodes[i].args {
			used[arg]++
		}
		if comprehends(t.nodes[i].op) {
			used[t.nodes[i].body]++
		}
	}
	for _, id := range slices.Concat(t.x.leaves(), t.x.algebra) {
		named[id] = true
	}
	for id, n := range t.nodes {
		if used[id] > 1 && n.op != opConst && n.op != opColumn && n.op != opElement {
			named[id] = true
		}
		if n.op == opColumn || n.op == opConst {
			named[id] = false
		}
	}
	t.spell = speller{nodes: t.nodes, named: named}
}

func (t *planText) columns() {
	rows := [][]string{{"column", "type", "nulls"}}
	seen := map[string]bool{}
	for _, n := range t.nodes {
		if n.op != opColumn || seen[n.name] {
			continue
		}
		seen[n.name] = true
		nulls := "no"
		if n.canUnknown {
			nulls = "yes"
		}
		rows = append(rows, []string{n.name, n.typ.String(), nulls})
	}
	slices.SortFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	t.table("columns", rows)
}

// step writes what one step's segments and stages ask.
func (t *planText) step(i int) {
	s := &t.steps[i]
	rows := [][]string{{"rule", "bits", "node", "reads", "evaluated as"}}
	add := func(what, broken string, cut int) {
		switch {
		case broken != "":
			rows = append(rows, []string{what, "-", "-", "-", "does not compile: " + broken})
		case cut >= 0:
			rows = append(rows, t.rule(what, cut))
		}
	}
	for _, segment := range s.segments {
		add("segment "+segment.Name, segment.Broken, segment.When)
		add("segment "+segment.Name+", until", "", segment.Until)
		add("segment "+segment.Name+", by its rules", "", segment.Ruled)
		add("segment "+segment.Name+", include", "", segment.Include)
		add("segment "+segment.Name+", exclude", "", segment.Exclude)
	}
	for _, lifecycle := range s.lifecycles {
		for _, stage := range lifecycle.Stages {
			add("lifecycle "+lifecycle.Name+", stage "+stage.Name, lifecycle.Broken, stage.When)
		}
		add("lifecycle "+lifecycle.Name+", blocked", "", lifecycle.Blocked)
	}
	title := "rules"
	if len(t.steps) > 1 {
		title = fmt.Sprintf("rules of step %d of %d, now %s", i+1, len(t.steps), s.now.UTC().Format("2006-01-02T15:04:05Z"))
	}
	t.table(title, rows)
}

// rule writes one cut: its bits, its node, the leaves below it, and the whole expression. One that looks at the previous run has no
// bits that travel.
func (t *planText) rule(what string, cut int) []string {
	if above := cut - len(t.cuts); above >= 0 {
		whole := speller{nodes: t.past.nodes}
		return []string{what, "-", "-", "-", whole.spell(t.past.roots[above], bindsCond)}
	}
	root := t.cuts[cut]
	bits := fmt.Sprint(t.place[cut].Bit)
	if t.place[cut].FourValued {
		bits = fmt.Sprintf("%d, %d", t.place[cut].Bit, t.place[cut].Bit+1)
	}
	var leaves []string
	for _, leaf := range t.leavesBelow(root) {
		leaves = append(leaves, fmt.Sprint("#", leaf))
	}
	whole := speller{nodes: t.nodes}
	return []string{what, bits, fmt.Sprint("#", root), strings.Join(leaves, " "), whole.spell(root, bindsCond)}
}

// leavesBelow lists the leaves that a node of the algebra combines, or itself.
func (t *planText) leavesBelow(root nodeID) (out []nodeID) {
	if !t.x.isAlgebra(root) {
		return []nodeID{root}
	}
	for _, arg := range t.nodes[root].args {
		out = append(out, t.leavesBelow(arg)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// leaves writes the leaves, and the values that they share. Leaves of one pass read the same columns; late ones look only at
// the rows in which they still count.
func (t *planText) leaves() {
	rows := [][]string{{"pass", "node", "type", "outcomes", "cost", "kernel", "expression"}}
	written := map[nodeID]bool{}
	add := func(pass string, leaf nodeID) {
		for _, id := range append(t.sharedBelow(leaf), leaf) {
			if !written[id] {
				written[id] = true
				rows = append(rows, append([]string{pass}, t.node(id, costClass(t.x.cost[id]), t.x.kernel(id))...))
			}
		}
	}
	for pass, c := range t.x.components {
		for _, leaf := range c.leaves {
			if t.x.whole.level[leaf] == 0 {
				add(fmt.Sprint(pass+1), leaf)
			}
		}
	}
	for _, l := range t.x.whole.late {
		add("late", l.leaf)
	}
	t.table("leaves, in the order in which they are evaluated", rows)
}

// sharedBelow lists the nodes below one that have lines of their own, the deepest first.
func (t *planText) sharedBelow(id nodeID) (out []nodeID) {
	below := t.nodes[id].args
	if comprehends(t.nodes[id].op) {
		below = append(slices.Clone(below), t.nodes[id].body)
	}
	for _, arg := range below {
		out = append(out, t.sharedBelow(arg)...)
		if t.spell.named[arg] {
			out = append(out, arg)
		}
	}
	return out
}

// node writes a node's number, type, outcomes (what rows may be besides having a value), something more, and its expression.
func (t *planText) node(id nodeID, more ...string) []string {
	n := &t.nodes[id]
	outcomes := "value"
	if n.typ.kind == kindBool {
		outcomes = "TF"
	}
	if n.canUnknown {
		outcomes += "U"
	}
	if n.canFail {
		outcomes += "E"
	}
	text, _ := t.spell.expression(id)
	return slices.Concat([]string{fmt.Sprint("#", id), n.typ.String(), outcomes}, more, []string{text})
}

// population writes what is measured before any row is answered.
func (t *planText) population() {
	rows := [][]string{{"function", "columns"}}
	if p := t.Plan.population; p != nil {
		for _, a := range p.arguments {
			for _, m := range a.measures {
				rows = append(rows, []string{m.String(), strings.Join(p.exec.nodes[a.root].columns, ", ")})
			}
		}
	}
	t.table("population functions, measured over the whole snapshot first", rows)
}

func (t *planText) algebra() {
	rows := [][]string{{"node", "type", "outcomes", "expression"}}
	for _, id := range t.x.algebra {
		rows = append(rows, t.node(id))
	}
	t.table("algebra, 64 rows a word", rows)
}

// count writes a number of things.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}
