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
	Date        int32            // the run's date, from which stays and cooldowns count
	Lists       map[string]*List // the contents of every list file that the definitions use, by the path they use
}

// Options are what a plan needs to know of the snapshot besides its schema.
type Options struct {
	UserID  string   // the snapshot's column of user ids, which hash_split, bucket, include and exclude look at
	Columns []string // the columns that something else than rules uses, by the name that rules use: they are not unused
	Doubts  bool     // plan the questions of Plan.Doubts too

	// AsWritten is for tests: the rules are evaluated as they are written. Nothing is folded, ordered or shared under another
	// spelling, and every leaf answers every row by itself. The answers are the same.
	AsWritten bool
}

// A Segment says where a step's answer about one segment comes from. Cuts are places in Plan.Cuts; none is -1.
type Segment struct {
	Name    string
	When    int    // the rule
	Until   int    // the rule that ends a membership; -1 without one
	Include int    // the user is on the include list; -1 without one
	Exclude int    // the user is on the exclude list; -1 without one
	Asked   int    // the rule of which unknown answers and errors count: until of who was in it, where there is one, else when
	Ruled   int    // who is in it by its rules, before its lists; -1 without until, min_stay and cooldown: who the rule is true for
	Broken  string // not empty: in this step (never the last) the definition does not compile against today's schema
}

// A Lifecycle says the same of one lifecycle, a cut a stage.
type Lifecycle struct {
	Name    string
	Stages  []Stage
	Blocked int // who keeps a stage because the move out of it is not listed; -1 without moves
	Broken  string
}

// A Stage of a lifecycle.
type Stage struct {
	Name   string
	When   int
	Stands int // who stands in it, blocked moves considered; -1 without moves
}

// A Cut is one expression that a plan answers. Its answer takes one bit (true) when it can be neither unknown nor an
// error, and two (known, value) otherwise. The first cuts of a plan travel; those whose bits lie past Plan.Bits look at the previous run.
type Cut struct {
	Bit        int  // place of its first bit in a user's row of bits
	FourValued bool // it takes a second bit: Bit holds known, Bit+1 holds value, as in Mask
}

// A Plan is what the definitions of all steps ask of one user's row. It does not change; many goroutines may use it.
type Plan struct {
	nodes   []node   // arguments before the nodes that use them
	cuts    []nodeID // the roots: cut i is answered by node cuts[i]
	place   []Cut    // by cut
	bits    int      // of the cuts that travel
	columns []string
	steps   []plannedStep
	exec    *executable
	past    *pastPlan // nil: no rule looks at the previous run

	population *Population // nil: no rule asks for one

	warnings configs.Problems
	doubts   *Doubts
}

// plannedStep is what a plan knows of one step.
type plannedStep struct {
	now        time.Time
	segments   []Segment
	lifecycles []Lifecycle
	columns    []string
	surveyed   []nodeID // population functions, in the compiler's graph
}

// Columns returns the snapshot's columns that evaluators read, sorted. The population has columns of its own.
func (p *Plan) Columns() []string { return p.columns }

// Population returns what rules ask of all users together, which must be measured before an evaluator starts; nil where they
// ask nothing.
func (p *Plan) Population() *Population { return p.population }

// StepColumns returns the snapshot's columns that one step looks at, those of its population functions too, sorted.
func (p *Plan) StepColumns(step int) []string { return p.steps[step].columns }

// Surveys says whether a step asks of all users together.
func (p *Plan) Surveys(step int) bool { return len(p.steps[step].surveyed) > 0 }

// Steps returns how many steps there are; the last is the run's own answer.
func (p *Plan) Steps() int { return len(p.steps) }

// Segments returns where a step's answers about its segments come from, in definition order.
func (p *Plan) Segments(step int) []Segment { return p.steps[step].segments }

// Lifecycles returns where a step's answers about its lifecycles come from, in definition order.
func (p *Plan) Lifecycles(step int) []Lifecycle { return p.steps[step].lifecycles }

// Warnings returns what is worth saying about the last step's rules, sorted by place.
func (p *Plan) Warnings() configs.Problems { return p.warnings }

// Doubts returns the negations that warnings are about, if Options asked for them and there are any, else nil. Counting them
// changes the messages of Warnings.
func (p *Plan) Doubts() *Doubts { return p.doubts }

// Cuts returns the place of every cut's bits.
func (p *Plan) Cuts() []Cut { return p.place }

// Bits returns how many bits the answers about one user take that travel.
func (p *Plan) Bits() int { return p.bits }

// NewEvaluator returns an evaluator for one goroutine, which evaluates slices of batchRows rows (0: the default). Answers do
// not depend on it.
func (p *Plan) NewEvaluator(batchRows int) *Evaluator {
	return newEvaluator(p.exec, batchRows)
}

// Resolve fills r with a step's answer for up to 64 users. bits holds one word a bit of theirs, in the order of Bits; where the plan
// looks at the previous run, those that PastAnswers.Words adds too.
func (p *Plan) Resolve(step int, bits []uint64, r *Resolved) {
	r.resolve(p.place, p.steps[step].segments, p.steps[step].lifecycles, bits)
}
