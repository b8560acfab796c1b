package rules

import (
	"math/bits"
	"slices"
)

// An executable is a graph made ready for evaluators. It does not change; many goroutines share it.
//
// The algebra is what whole windows of rows are combined with, 64 rows a word. What it combines are the leaves: the
// largest boolean sub-expressions that are no algebra. Leaves that look at the same columns make a component, and each
// component reads its columns by itself: pages of the columns of different components need no alignment.
type executable struct {
	nodes []node
	cuts  []nodeID // the roots, all bool
	place []Cut    // by cut: where its bits are
	width int      // bits a row

	asWritten bool // Options.AsWritten

	columns    []string     // the snapshot's columns that the graph looks at
	below      [][]int      // by node: the columns it looks at, as places, sorted
	columnOf   []int        // by node: place in columns of an opColumn
	free       []uint64     // by node: bit d set when an opElement of depth d below it is not bound below it
	source     []nodeID     // by node: the one opColumn or opElement that its value depends on, or -1
	algebra    []nodeID     // in order of evaluation
	components []*component // each with at least one leaf
	whole      *workload    // what there is to do where nothing is settled
	prepared   []any        // by node: what a kernel wants made once, such as a hash set
	cost       []float64    // by node: what it takes to evaluate, with all below it, by guess: nanoseconds a row
	notes      notes        // of pruning
}

// A component is the leaves that must see the same rows at once.
type component struct {
	columns []int // places in executable.columns; none for leaves that are constant
	leaves  []nodeID
	bundles []*bundle // of the leaves
}

// noSource says that a node depends on no column or element, or on several.
const noSource nodeID = -1

// newExecutable makes a graph ready.
func newExecutable(nodes []node, cuts []nodeID, place []Cut, asWritten bool) *executable {
	x := &executable{nodes: nodes, cuts: cuts, place: place, asWritten: asWritten, prepared: make([]any, len(nodes))}
	x.width = bitsOf(place, 0)
	x.findColumns()
	x.below = x.columnsBelow()
	x.findFree()
	x.findSources()
	x.findCosts()
	x.group(x.split())
	x.whole = &workload{components: x.components, algebra: x.algebra}
	x.schedule(x.whole)
	for id := range nodes {
		x.prepared[id] = prepare(x, nodeID(id))
	}
	return x
}

func (x *executable) findColumns() {
	places := map[string]int{}
	x.columnOf = make([]int, len(x.nodes))
	for id, nd := range x.nodes {
		x.columnOf[id] = -1
		if nd.op != opColumn {
			continue
		}
		at, seen := places[nd.name]
		if !seen {
			at = len(x.columns)
			places[nd.name] = at
			x.columns = append(x.columns, nd.name)
		}
		x.columnOf[id] = at
	}
}

// comprehends says whether an op has a body over the elements of its first argument.
func comprehends(op opcode) bool {
	return opExists <= op && op <= opMax
}

func (x *executable) findFree() {
	x.free = make([]uint64, len(x.nodes))
	for id := range x.nodes {
		x.free[id] = x.nodes[id].unbound(func(below nodeID) uint64 { return x.free[below] })
	}
}

// scope is the depth of the innermost element that a node looks at, plus 1; 0 for one that looks at rows only.
func (x *executable) scope(id nodeID) int { return bits.Len64(x.free[id]) }

// findSources finds the nodes that are a function of one column or one element alone: over a dictionary they are evaluated
// once an entry.
func (x *executable) findSources() {
	x.source = make([]nodeID, len(x.nodes))
	for id, nd := range x.nodes {
		switch {
		case nd.op == opColumn || nd.op == opElement:
			x.source[id] = nodeID(id)
		case comprehends(nd.op):
			x.source[id] = noSource
		default:
			x.source[id] = x.commonSource(nd.args)
		}
	}
}

func (x *executable) commonSource(args []nodeID) nodeID {
	found := noSource
	for _, arg := range args {
		source := x.source[arg]
		switch {
		case source == noSource && sameInEveryRow(x.nodes[arg].op):
		case source == noSource, found != noSource && found != source:
			return noSource
		default:
			found = source
		}
	}
	return found
}

// leaves lists the leaves, component after component.
func (x *executable) leaves() (out []nodeID) {
	for _, c := range x.components {
		out = append(out, c.leaves...)
	}
	return out
}

// isAlgebra says whether a node combines the answers of whole windows.
func (x *executable) isAlgebra(id nodeID) bool { return x.isAlgebraOp(&x.nodes[id]) }

func (x *executable) isAlgebraOp(nd *node) bool {
	switch nd.op {
	case opAnd:
		return !x.isRange(nd)
	case opOr, opNot, opIsTrue, opMember:
		return true
	case opCond:
		return nd.typ.kind == kindBool
	}
	return false
}

// split walks down from the cuts, fills in the algebra and returns the leaves, in the order of their ids.
func (x *executable) split() (leaves []nodeID) {
	reached := make([]bool, len(x.nodes))
	for _, cut := range x.cuts {
		reached[cut] = true
	}
	for id := len(x.nodes) - 1; id >= 0; id-- {
		if reached[id] && x.isAlgebra(nodeID(id)) {
			for _, arg := range x.nodes[id].args {
				reached[arg] = true
			}
		}
	}
	for id := range x.nodes {
		switch {
		case reached[id] && x.isAlgebra(nodeID(id)):
			x.algebra = append(x.algebra, nodeID(id))
		case reached[id]:
			leaves = append(leaves, nodeID(id))
		}
	}
	return leaves
}

// group joins leaves that share columns into components. A column belongs to one component.
func (x *executable) group(leaves []nodeID) {
	parent := make([]int, len(x.columns)+1) // the last stands for no column
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	used := x.below
	for _, leaf := range leaves {
		for _, column := range used[leaf] {
			parent[find(column)] = find(used[leaf][0])
		}
	}
	byRoot := map[int]*component{}
	for _, leaf := range leaves {
		root := len(x.columns)
		if len(used[leaf]) > 0 {
			root = find(used[leaf][0])
		}
		if byRoot[root] == nil {
			byRoot[root] = &component{}
			x.components = append(x.components, byRoot[root])
		}
		byRoot[root].leaves = append(byRoot[root].leaves, leaf)
	}
	read := make([]bool, len(x.columns))
	for _, leaf := range leaves {
		for _, column := range used[leaf] {
			read[column] = true
		}
	}
	for column := range x.columns {
		if c := byRoot[find(column)]; c != nil && read[column] {
			c.columns = append(c.columns, column)
		}
	}
	for _, c := range x.components {
		if !x.asWritten {
			x.bundle(c)
		}
	}
}

// columnsBelow lists for every node the columns it looks at, as places, sorted.
func (x *executable) columnsBelow() [][]int {
	below := make([][]int, len(x.nodes))
	for id, nd := range x.nodes {
		if at := x.columnOf[id]; at >= 0 {
			below[id] = []int{at}
			continue
		}
		for _, arg := range nd.args {
			below[id] = append(below[id], below[arg]...)
		}
		if comprehends(nd.op) {
			below[id] = append(below[id], below[nd.body]...)
		}
		slices.Sort(below[id])
		below[id] = slices.Compact(below[id])
	}
	return below
}
