package rules

import (
	"fmt"
	"slices"
)

// findCosts guesses what nodes cost. The guesses are rounded measurements on columns that are not dictionary-encoded, of one
// core of a server: only their order counts, and whether they are worth skipping rows for.
func (x *executable) findCosts() {
	x.cost = make([]float64, len(x.nodes))
	for id := range x.nodes {
		n := &x.nodes[id]
		x.cost[id] = x.ownCost(n)
		for _, arg := range n.args {
			x.cost[id] += x.cost[arg]
		}
		if comprehends(n.op) {
			x.cost[id] += x.cost[n.body]
		}
	}
}

// ownCost is what an operation costs beside its arguments.
func (x *executable) ownCost(n *node) float64 {
	if known, ok := ownCosts[n.op]; ok {
		return known
	}
	text := len(n.args) > 0 && (x.nodes[n.args[0]].typ.kind == kindString || x.nodes[n.args[0]].typ.kind == kindBytes)
	switch {
	case n.op == opConst:
		return 0
	case n.op == opColumn || n.op == opElement:
		return 0.5
	case text:
		return 3
	case x.isAlgebraOp(n):
		return 0.1
	}
	return 1
}

// ownCosts are those that stand out.
var ownCosts = map[opcode]float64{
	opMatches: 40, opLike: 40, opEqualFold: 15, opInFile: 15, opToUUID: 20, opIDText: 20, opNullText: 15, opLower: 10, opUpper: 10, opTrim: 6,
	opToInt: 8, opToUint: 8, opToDouble: 20, opToString: 30, opToTimestamp: 60, opToDuration: 40, opToDate: 6,
	opYear: 8, opMonth: 8, opDay: 8, opYearDay: 8, opHour: 8, opMinute: 8, opAgeYears: 10, opAddDays: 8, opAddMonths: 10,
	opExists: 4, opAll: 4, opExistsOne: 5, opCount: 5, opSum: 8, opAvg: 20, opMin: 6, opMax: 6, opInList: 4, opInMap: 15, opKey: 15,
	opHashSplit: 8, opBucket: 8, opVariant: 60, opNative: 15, opSplit: 120, opJoin: 60, opInterpreted: 400,
	opRank: 100, opNtile: 10, opTop: 2,
}

// costClass says in a word what a node costs.
func costClass(cost float64) string {
	switch {
	case cost < 4:
		return "low"
	case cost < dear:
		return "middling"
	}
	return "high"
}

// dear is the cost from which it pays to look only at the rows that are still open.
const dear = 12

// kernel names the way in which a node is evaluated, as far as the plan knows: what depends on how a page is encoded is
// settled for every page.
func (x *executable) kernel(id nodeID) string {
	n := &x.nodes[id]
	name := x.kernelName(n)
	b := x.bundleOf(id)
	if n.op != opColumn && n.op != opElement && x.source[id] != noSource {
		if k := x.nodes[x.source[id]].typ.kind; k == kindString || k == kindBytes {
			name += "; once an entry over a dictionary"
			if b != nil {
				name += fmt.Sprintf(", %d at once", len(b.leaves))
			}
			return name
		}
	}
	if b == nil || !slices.Contains(b.ranked, id) {
		return name
	}
	ranked, doubles := len(b.ranked), x.nodes[b.source].typ.kind == kindDouble
	switch {
	case ranked >= fewestWhole || doubles && ranked >= fewestDoubles:
		name += fmt.Sprintf("; %d at once, by rank", ranked)
	case !doubles && ranked >= fewestDirect:
		name += fmt.Sprintf("; %d at once, by rank, if the constants are near each other", ranked)
	}
	return name
}

// bundleOf is the bundle that a leaf belongs to, if any.
func (x *executable) bundleOf(leaf nodeID) *bundle {
	for _, c := range x.components {
		for _, b := range c.bundles {
			if slices.Contains(b.leaves, leaf) {
				return b
			}
		}
	}
	return nil
}

func (x *executable) kernelName(n *node) string {
	switch n.op {
	case opConst:
		return "constant"
	case opColumn, opElement:
		return "as stored"
	case opEq, opLt, opLe:
		if x.nodes[n.args[0]].op == opConst || x.nodes[n.args[1]].op == opConst {
			return "compare with a constant"
		}
		return "compare two values"
	case opAnd:
		return "range in one pass"
	case opInSet, opInFile:
		return x.setKernel(n)
	case opMatches, opLike:
		return "regular expression"
	case opExists, opAll, opExistsOne, opCount, opSum, opAvg, opMin, opMax:
		return "all elements at once, folded list by list"
	case opInterpreted:
		return "cel-go's interpreter, row by row"
	case opIsNull:
		return "validity bits"
	case opQuantile, opMean:
		return "one value for the whole snapshot"
	case opRank, opNtile, opTop:
		return "searched among what the whole snapshot has"
	}
	return "row by row"
}

// setKernel says how a set is searched.
func (x *executable) setKernel(n *node) string {
	switch k := x.nodes[n.args[0]].typ.kind; {
	case n.set.Len() <= fewInts && (k == kindInt || k == kindDate || k == kindDuration):
		return "compare with each constant"
	case k == kindBool:
		return "two flags"
	}
	return "hash set of " + count(n.set.Len(), "value")
}
