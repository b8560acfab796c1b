package rules

import "time"

// The types of this file are what the evaluator needs of the language half of this package before that half is here. They
// move to their own files with it: whoever brings them deletes them here.

// A zone is a time zone that an operation takes its calendar from.
type zone struct{ location *time.Location }

// A List is the contents of a list file, or the constants of a list literal.
type List struct{ values []literal }

// interpreted is an expression that cel-go's interpreter evaluates.
type interpreted struct{}

// prepare makes once what the kernel of a node wants, such as a hash set.
func prepare(x *executable, id nodeID) any {
	nd := &x.nodes[id]
	if nd.op == opInSet || nd.op == opInFile {
		return newLookup(nd.set.values, x.nodes[nd.args[0]].typ.kind)
	}
	return nil
}

func (e *Evaluator) interpret(nd *node, f *frame) *vec {
	e.fault("an interpreted expression without an interpreter: a bug in the rules package")
	return e.unknown(nd.typ.kind, f.n)
}
