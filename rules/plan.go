// Package rules compiles segment and lifecycle rules and evaluates them over Arrow arrays, a whole column at a time.
//
// A Plan is compiled once a run, from one or more Steps (today's definitions, and the earlier ones that reasons compare
// with), then used by many goroutines. The package reads no files. Nulls follow Kleene logic: an unknown answer keeps a
// user out of a segment.
//
// What is evaluated over the columns of a snapshot are the plan's cuts: the largest sub-expressions that need nothing but
// this snapshot. Their answers, four-valued, travel with the user id to the diff; what stands above the cuts (include and
// exclude, the first stage that matches, unknown and error counts) is resolved there, 64 users a word.
package rules

import (
	"time"

	"strata/configs"
)

// A Step is one way to answer: a set of definitions with the time and the lists it is asked with. The last step of a plan
// is the run's own answer; the ones before it are for reasons (DESIGN.md section 3).
type Step struct {
	Definitions *configs.Definitions
	Now         time.Time        // the instant that the rules' now means
	Today       int32            // the date that the rules' today means, in days since 1970-01-01
	Lists       map[string]*List // the contents of every list file that the definitions use, by the path they use
}

// Options are what a plan needs to know of the snapshot besides its schema.
type Options struct {
	UserID string // the snapshot's column of user ids, which hash_split, bucket, include and exclude look at
}

// A Segment says where a step's answer about one segment comes from. Cuts are places in Plan.Cuts; none is -1.
type Segment struct {
	Name    string
	When    int    // the rule
	Include int    // the user is on the include list; -1 without one
	Exclude int    // the user is on the exclude list; -1 without one
	Broken  string // not empty: in this step (never the last) the definition does not compile against today's schema
}

// A Lifecycle says the same of one lifecycle, a cut a stage.
type Lifecycle struct {
	Name   string
	Stages []Stage
	Broken string
}

// A Stage of a lifecycle.
type Stage struct {
	Name string
	When int
}

// A Cut is one expression whose answers travel. Its answer takes one bit (true) when it can be neither unknown nor an
// error, and two (known, value) otherwise.
type Cut struct {
	Bit        int  // place of its first bit in a user's row of bits
	FourValued bool // it takes a second bit: Bit holds known, Bit+1 holds value, as in Mask
}
