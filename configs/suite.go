package configs

// The comments on the types and fields of this file are the descriptions in the JSON Schema of test files (see schema.go).

// Suite is a file of unit tests for the definitions of a configuration.
type Suite struct {
	// The columns of the users below, by the name that rules use, with their types: int, double, string, bool, timestamp, date, bytes, uuid, decimal(9, 2), list<string>, map<int>, struct<city string, zip string>. Columns that the configuration declares a type for may be left out, and the user id where it is text.
	Columns Texts `yaml:"columns"`
	// A Parquet file, relative to this one, whose columns the users below have; columns adds to them.
	Schema    string `yaml:"schema" jsonschema:"example=users.parquet"`
	SchemaPos Pos    `yaml:"-"`
	// The tests.
	Cases    []Case `yaml:"cases" required:"true" jsonschema:"minItems=1"`
	CasesPos Pos    `yaml:"-"`

	File   string  `yaml:"-"`
	config *Config // holds the file's lines
}

// Case is one test: users on a date, or on several dates in order, and what is expected of them.
type Case struct {
	// What is tested, in a few words; each case has a name of its own.
	Name    string `yaml:"name" required:"true" jsonschema:"example=a big spender who went quiet is won back"`
	NamePos Pos    `yaml:"-"`
	// The date of the run.
	Date Day `yaml:"date"`
	// What now is in rules; the configuration says what it is by default. today is then its local date.
	Now Instant `yaml:"now"`
	// The users of the snapshot, a row each: {column: value, ...}. A column that is left out is null.
	Users Users `yaml:"users"`
	// What was published before the date, where that matters. Without it the date is the first run.
	Previous    Previous `yaml:"previous"`
	PreviousPos Pos      `yaml:"-"`
	// What is expected of users; what is not stated is not checked.
	Expect []Expected `yaml:"expect"`
	// Several dates in order, in place of one: a run for each, compared with the one before.
	Dates []Night `yaml:"dates"`
}

// Night is one date of a case that has several.
type Night struct {
	// The date of the run.
	Date Day `yaml:"date"`
	// What now is in rules; the configuration says what it is by default.
	Now Instant `yaml:"now"`
	// The users of the snapshot, a row each. Left out: those of the date before.
	Users Users `yaml:"users"`
	// What is expected of users; what is not stated is not checked.
	Expect []Expected `yaml:"expect"`
}

// Previous is what was published before a date.
type Previous struct {
	// The date of it. Default: the day before.
	Date Day `yaml:"date"`
	// The users that the run had. One that is not named here is new.
	Users []Member `yaml:"users" required:"true"`
}

// Member is a user of the run before.
type Member struct {
	// The id.
	User Value `yaml:"user" required:"true"`
	// The segments that the user was in.
	In Names `yaml:"in"`
	// The stage in each lifecycle, by its name: {journey: lead}.
	Stages Texts `yaml:"stages"`
	// Since when, by the name of a segment or lifecycle: {vip: 2026-10-01}. Default: the date of the run before.
	Since Texts `yaml:"since"`
	// When the user last left a segment that has a cooldown, by its name: {dormant: 2026-10-20}. Left out, no cooldown is under way.
	Left Texts `yaml:"left"`
}

// Expected is what is expected of one user.
type Expected struct {
	// The id of the user.
	User Value `yaml:"user" required:"true"`
	// Segments that the user is in.
	In Names `yaml:"in"`
	// Segments that the user is not in.
	NotIn Names `yaml:"not_in"`
	// The stage in each lifecycle, by its name: {journey: lead}; none for no stage.
	Stages Texts `yaml:"stages"`
	// Since when, by the name of a segment or lifecycle: {vip: 2026-10-01}.
	Since Texts `yaml:"since"`
	// Transitions that the run publishes for the user.
	Transitions    []Change `yaml:"transitions"`
	TransitionsPos Pos      `yaml:"-"`
	// Whether in and transitions, where they are stated, are all: the user is in no other segment, has no other transition. Default false.
	Exactly bool `yaml:"exactly" jsonschema:"default=false"`
}

// Change is one transition: one of initial, entered, exited and moved, with a segment or lifecycle, and what else is to be checked.
type Change struct {
	// The segment or lifecycle that is new, and that the user is in.
	Initial    string `yaml:"initial"`
	InitialPos Pos    `yaml:"-"`
	// The segment that the user entered, or the lifecycle.
	Entered    string `yaml:"entered"`
	EnteredPos Pos    `yaml:"-"`
	// The segment that the user left, or the lifecycle.
	Exited    string `yaml:"exited"`
	ExitedPos Pos    `yaml:"-"`
	// The lifecycle in which the user moved.
	Moved    string `yaml:"moved"`
	MovedPos Pos    `yaml:"-"`
	// The stage before.
	From    string `yaml:"from"`
	FromPos Pos    `yaml:"-"`
	// The stage after.
	To    string `yaml:"to"`
	ToPos Pos    `yaml:"-"`
	// Why.
	Reason string `yaml:"reason" choices:"user_new user_deleted user_changed time_passed rule_changed list_changed segment_added segment_removed"`
}

// Nights are the dates of a case: its own, or the several that it has.
func (c *Case) Nights() []Night {
	if len(c.Dates) > 0 {
		return c.Dates
	}
	return []Night{{Date: c.Date, Now: c.Now, Users: c.Users, Expect: c.Expect}}
}

// Name is the segment or lifecycle of a change, and where it is written.
func (c *Change) Name() (kind, name string, pos Pos) {
	for _, one := range c.names() {
		if one.name != "" {
			return one.kind, one.name, one.pos
		}
	}
	return "", "", Pos{}
}

type namedChange struct {
	kind, name string
	pos        Pos
}

func (c *Change) names() []namedChange {
	return []namedChange{
		{"initial", c.Initial, c.InitialPos},
		{"entered", c.Entered, c.EnteredPos},
		{"exited", c.Exited, c.ExitedPos},
		{"moved", c.Moved, c.MovedPos},
	}
}
