package rules

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
)

// A function is one that rules may call beside CEL's own. The table of them is where everything said about them comes from:
// declarations, row bindings and documentation.
type function struct {
	name    string
	topic   string // of the reference
	doc     string // a sentence or two
	nulls   string // what becomes of nulls; empty: null in, unknown out
	zone    string // whose time zone counts; empty: none
	example string // a rule

	signatures []string // as authors write it, where overloads do not say so
	covers     []string // CEL's names for what this entry is about, where they differ from its own

	method    bool // the first argument stands before the dot
	internal  bool // rules do not write it: the front end puts it there
	clock     bool // the answer depends on now or today
	nonStrict bool // it sees unknown arguments
	surveys   bool // the answer depends on all users of the snapshot together
	overloads []overload
}

// An overload is one signature of a function, with its row binding.
type overload struct {
	id     string
	args   []*cel.Type
	result *cel.Type
	bind   func(c *clockwork, args []ref.Val) ref.Val
}

// A clockwork is what the functions of one step take time and lists from.
type clockwork struct {
	now   time.Time
	today int64 // days since 1970-01-01

	// What lies after these is the future. They are now and today, but in the steps before the last one those of the last: such a
	// step asks with an earlier now about data that is as late as the run's, and what a user did since then is no future.
	horizon    time.Time
	horizonDay int64

	zone  *time.Location
	lists map[string]*List
}

// over makes an overload.
func over(id string, result *cel.Type, bind func(c *clockwork, args []ref.Val) ref.Val, args ...*cel.Type) overload {
	return overload{id: id, args: args, result: result, bind: bind}
}

// laterFunctions are functions that a later version builds.
var laterFunctions = map[string]string{"prev": "the previous run's columns"}

// functionTable is made once; it is in the order of the documentation.
var functionTable = func() []*function {
	var all []*function
	for _, group := range [][]*function{
		timeFunctions(), calendarFunctions(), nullFunctions(), textFunctions(), listFunctions(), splitFunctions(), populationFunctions(),
	} {
		all = append(all, group...)
	}
	return all
}()

// The topics of the reference, in its order.
const (
	topicLogic   = "Comparing and combining"
	topicNull    = "Nulls"
	topicTime    = "Dates and times"
	topicParts   = "Parts of instants, in any zone"
	topicText    = "Texts"
	topicNumber  = "Numbers"
	topicList    = "Lists"
	topicNested  = "Maps and structs"
	topicOther   = "Segments, lifecycles and list files"
	topicSplit   = "Splits"
	topicSurvey  = "All users together"
	topicConvert = "Conversions"
)

var topics = []string{topicLogic, topicNull, topicTime, topicParts, topicText, topicNumber, topicList, topicNested, topicOther, topicSplit, topicSurvey, topicConvert}

// declare turns a function into a declaration bound to a step's clockwork.
func (f *function) declare(c *clockwork) cel.EnvOption {
	var options []cel.FunctionOpt
	for _, o := range f.overloads {
		how := []cel.OverloadOpt{cel.FunctionBinding(func(args ...ref.Val) ref.Val { return o.bind(c, args) })}
		if f.nonStrict {
			how = append(how, cel.OverloadIsNonStrict())
		}
		switch len(o.args) {
		case 1:
			how[0] = cel.UnaryBinding(func(arg ref.Val) ref.Val { return o.bind(c, []ref.Val{arg}) })
		case 2:
			how[0] = cel.BinaryBinding(func(a, b ref.Val) ref.Val { return o.bind(c, []ref.Val{a, b}) })
		}
		if f.method {
			options = append(options, cel.MemberOverload(o.id, o.args, o.result, how...))
		} else {
			options = append(options, cel.Overload(o.id, o.args, o.result, how...))
		}
	}
	return cel.Function(f.name, options...)
}

// functionNames are the names of all functions that rules may call beside CEL's own.
var functionNames = func() (names []string) {
	for _, f := range functionTable {
		if !f.internal {
			names = append(names, f.name)
		}
	}
	return append(names, "segment", "stage", "was", "prev_stage", "since", "file", "has", "size", "matches", "startsWith", "endsWith", "contains", "exists", "all",
		"exists_one", "count", "sum", "avg", "min", "max", "int", "double", "string", "timestamp", "duration", "lowerAscii", "upperAscii", "trim")
}()
