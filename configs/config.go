package configs

// The comments on the types and fields of this file are the descriptions in the generated JSON Schema (see schema.go), so
// they are written for the person who writes the YAML. `required`, `later` and `choices` are read by the decoder and the schema, `sample` (an example, as YAML) by the schema.

// Config is the configuration of one strata job.
type Config struct {
	// Other files whose traits, segments and lifecycles are added to those of this file, in this order, before its own. Paths are relative to the file that they stand in, but for those inside rules, which are relative to the main file.
	Include []string `yaml:"include" json:"-" sample:"[segments/sales.yaml]"`
	// The input of one date: all users, one row each.
	Snapshot Snapshot `yaml:"snapshot" json:"snapshot" required:"true" sample:"{path: \"gs://lake/users/date={date}/*.parquet\", user_id: user_id}"`
	// The zone of local days, by its IANA name. The zone database is linked into the binary. Default UTC.
	Timezone string `yaml:"timezone" json:"timezone" jsonschema:"default=UTC,example=Europe/Paris"`
	// What `now` is in rules: the local midnight that ends the date (end_of_date, the default) or the one that starts it (start_of_date).
	Now string `yaml:"now" json:"now" choices:"end_of_date start_of_date" jsonschema:"default=end_of_date"`
	// Where everything that strata writes goes: gs://, s3:// or file:// and a prefix, or a path relative to this file.
	Output string `yaml:"output" json:"output" required:"true" jsonschema:"example=gs://lake/strata"`
	// Named expressions that rules may use.
	Traits []Trait `yaml:"traits" json:"traits" sample:"[{name: paid, value: \"plan in ['basic', 'pro']\"}]"`
	// Sets of users, in the order in which membership lists them.
	Segments []Segment `yaml:"segments" json:"segments" sample:"[{name: vip, when: ltv > 800}]"`
	// Each gives a user one stage or none.
	Lifecycles []Lifecycle `yaml:"lifecycles" json:"lifecycles" sample:"[{name: journey, stages: [{name: customer, when: orders > 0}, {name: prospect, when: \"true\"}]}]"`
	// What is checked before anything is published.
	Guards Guards `yaml:"guards" json:"guards" sample:"{exits: {max_share: 20%}}"`
	// What the membership table holds beside segments and stages.
	Membership Membership `yaml:"membership" json:"membership" sample:"{columns: [country], since: true}"`
	// How results are laid out for readers.
	Publish Publish `yaml:"publish" json:"publish" sample:"{hive: false}"`

	Exports  laterPart `yaml:"exports" json:"-" later:"exports"`
	Delivery laterPart `yaml:"delivery" json:"-" later:"delivery"`
	Sinks    laterPart `yaml:"sinks" json:"-" later:"delivery to sinks"`
	Aliases  laterPart `yaml:"aliases" json:"-" later:"an alias table of merged users"`

	IncludePos  []Pos `yaml:"-" json:"-"`
	TimezonePos Pos   `yaml:"-" json:"-"`
	OutputPos   Pos   `yaml:"-" json:"-"`

	File     string   `yaml:"-" json:"-"` // the path it was loaded from
	Warnings Problems `yaml:"-" json:"-"` // worth saying, sorted; Load succeeds in spite of them
	Partial  bool     `yaml:"-" json:"-"` // beside Problems: traits or columns are missing, so that rules may seem to name what there is not
	files    map[string]*source
}

// Snapshot is where the users of a date are and how to read them.
type Snapshot struct {
	// The date's Parquet files: gs://, s3:// or file://, or a path relative to this file, with * and ? in names. {date}, {yyyy}, {mm} and {dd} stand for the date.
	Path    string `yaml:"path" json:"path" required:"true" jsonschema:"example=gs://lake/users/date={date}/*.parquet"`
	PathPos Pos    `yaml:"-" json:"-"`
	// The column that identifies a user: string, integer, UUID or binary.
	UserID    string `yaml:"user_id" json:"user_id" required:"true" jsonschema:"example=user_id"`
	UserIDPos Pos    `yaml:"-" json:"-"`
	// The name of an object that must exist beside the files before the date is read.
	Ready    string `yaml:"ready" json:"ready,omitempty" jsonschema:"example=_SUCCESS"`
	ReadyPos Pos    `yaml:"-" json:"-"`
	// What to do when a user id occurs more than once. Default: fail.
	Duplicates Duplicates `yaml:"duplicates" json:"duplicates" sample:"{keep: latest, by: updated_at}"`
	// The largest share of rows whose user id is null or unusable; above it the run stops. Default 0.1%.
	MaxRejects Limit `yaml:"max_rejects" json:"max_rejects" atmost:"100%" jsonschema:"default=0.1%"`
	// Columns under another name or read as another type, by the name that rules use.
	Columns []ColumnDecl `yaml:"columns" json:"columns" sample:"{utm_source: {column: utm-source}}"`
	// The scope of a run: a condition in CEL over membership.columns (name=value folders of the path are columns too) that limits it to a part of the users. All others keep what they have: they neither enter nor leave. Files whose folders alone put them out of scope are not opened. Whom the run before shows in scope, and the files that are read do not have, is deleted. Default: all users.
	Where Expr `yaml:"where" json:"where" sample:"country in [\"DE\", \"FR\"]"`
}

// The policies for a user id that occurs more than once.
const (
	KeepNone   = "fail"   // the run stops
	KeepLatest = "latest" // the row with the greatest value of Duplicates.By stays
)

// Duplicates is which row stays when a user id occurs more than once: the word fail, or keep and by.
type Duplicates struct {
	// latest: the row with the greatest value in the column `by`; a null comes last, ties are settled by row hash.
	Keep string `yaml:"keep" json:"keep" required:"true" choices:"latest"`
	// The column that says which row is the latest.
	By    string `yaml:"by" json:"by,omitempty" required:"true" jsonschema:"example=updated_at"`
	ByPos Pos    `yaml:"-" json:"-"`
}

// ColumnDecl is one column of the snapshot, by the name that rules use.
type ColumnDecl struct {
	Name string `yaml:"-" json:"name"`
	// The column's name in the files. Default: the name that rules use.
	Column string `yaml:"column" json:"column" jsonschema:"example=utm-source"`
	// The type that rules see.
	As string `yaml:"as" json:"as,omitempty" choices:"string int double bool timestamp date uuid"`
	// Texts that count as null in this column.
	NullText []string `yaml:"null_text" json:"null_text,omitempty" sample:"[\"\", N/A]"`
	Pos      Pos      `yaml:"-" json:"-"`
}

// Trait is a named expression that rules may use.
type Trait struct {
	// The name that rules use: letters, digits and underscores. It may not be a column's name.
	Name    string `yaml:"name" json:"name" required:"true" jsonschema:"example=paid"`
	NamePos Pos    `yaml:"-" json:"-"`
	// What it stands for.
	Description string `yaml:"description" json:"description,omitempty" sample:"Pays for a plan"`
	// A CEL expression of any type. Functions: rules/docs/language.md.
	Value Expr `yaml:"value" json:"value" required:"true" sample:"plan in [\"basic\", \"pro\"]"`
}

// Segment is a set of users: those for whom the rule is true.
type Segment struct {
	// The name in membership and transitions: a letter, then letters, digits, underscores and hyphens.
	Name    string `yaml:"name" json:"name" required:"true" jsonschema:"example=vip"`
	NamePos Pos    `yaml:"-" json:"-"`
	// What it is for, in a sentence.
	Description string `yaml:"description" json:"description,omitempty" sample:"People worth a call"`
	// A condition in CEL that is true for the segment's members: ltv > 800 && country == "FR". Null is unknown, so who lacks a value is no member. It may be left out beside include. Functions: rules/docs/language.md.
	When    Expr `yaml:"when" json:"when" sample:"ltv > 800 && country == \"FR\""`
	WhenPos Pos  `yaml:"-" json:"-"` // of the value; zero when there is none
	// A condition in CEL that ends a membership in place of the rule's end: a member stays until it is true, and enters again only when the rule is. Unknown is not true, so who lacks a value stays. Left out, a member leaves when the rule is no longer true.
	Until Expr `yaml:"until" json:"until,omitzero" sample:"within(last_seen_at, \"30d\")"`
	// How long a member stays at least, in whole days or weeks since the date on which the membership began. Only exclude ends it earlier.
	MinStay    Days `yaml:"min_stay" json:"min_stay,omitzero" jsonschema:"example=7d"`
	MinStayPos Pos  `yaml:"-" json:"-"`
	// How long nobody enters again after leaving, in whole days or weeks since the date of the exit. Only include lets them in earlier.
	Cooldown    Days `yaml:"cooldown" json:"cooldown,omitzero" jsonschema:"example=30d"`
	CooldownPos Pos  `yaml:"-" json:"-"`
	// A file of user ids, one a line, that are members whatever the rule says.
	Include    string `yaml:"include" json:"include,omitempty" jsonschema:"example=lists/always.txt"`
	IncludePos Pos    `yaml:"-" json:"-"`
	// A file of user ids, one a line, that are never members. It wins over include.
	Exclude    string `yaml:"exclude" json:"exclude,omitempty" jsonschema:"example=lists/do_not_contact.txt"`
	ExcludePos Pos    `yaml:"-" json:"-"`
	// Limits of its own in place of the file's: exits, unknowns, segment_size; what is left out stays as the file's guards have it. none turns all three off.
	Guards SegmentGuards `yaml:"guards" json:"-" sample:"{exits: {max_share: 80%}}"`

	Delivery laterPart `yaml:"delivery" json:"-" later:"delivery"`
	Sinks    laterPart `yaml:"sinks" json:"-" later:"delivery to sinks"`
	Exports  laterPart `yaml:"exports" json:"-" later:"exports"`
}

// Lifecycle is a row of stages that exclude each other: a user stands in the first whose rule is true, or in none.
type Lifecycle struct {
	// The name of its column in membership: a letter, then letters, digits, underscores and hyphens.
	Name    string `yaml:"name" json:"name" required:"true" jsonschema:"example=journey"`
	NamePos Pos    `yaml:"-" json:"-"`
	// What it is for, in a sentence.
	Description string `yaml:"description" json:"description,omitempty" sample:"From the first visit to the last order"`
	// The stages in order; the first whose rule is true wins.
	Stages    []Stage `yaml:"stages" json:"stages" required:"true" jsonschema:"minItems=1" sample:"[{name: customer, when: orders > 0}]"`
	StagesPos Pos     `yaml:"-" json:"-"`
	// The moves from stage to stage that are allowed, as from -> to. A user who would make another one keeps the old stage and is counted as blocked. Entering a first stage and losing the last one are always allowed. Left out, every move is allowed.
	Moves    Moves `yaml:"moves" json:"moves,omitempty" sample:"[prospect -> lead, lead -> customer]"`
	MovesPos Pos   `yaml:"-" json:"-"`
}

// Stage is one stage of a lifecycle.
type Stage struct {
	// The name in membership and transitions: a letter, then letters, digits, underscores and hyphens.
	Name    string `yaml:"name" json:"name" required:"true" jsonschema:"example=customer"`
	NamePos Pos    `yaml:"-" json:"-"`
	// What it means, in a sentence.
	Description string `yaml:"description" json:"description,omitempty" sample:"Has ordered at least once"`
	// A condition in CEL that is true for users in this stage, unless an earlier stage took them. Functions: rules/docs/language.md.
	When Expr `yaml:"when" json:"when" required:"true" sample:"orders_90d > 0"`
}

// Guards is what is checked against the previous run before anything is published. The first run skips them; `run --accept` publishes in spite of them.
type Guards struct {
	// How far the number of users may fall or grow.
	SnapshotRows RowsGuard `yaml:"snapshot_rows" json:"snapshot_rows" sample:"{max_drop: 20%, max_growth: 50%}"`
	// How far the share of nulls may rise in a column that a rule uses.
	NullShare RiseGuard `yaml:"null_share" json:"null_share" sample:"{max_rise: 10%}"`
	// How large a share of a segment's members may leave it in one run.
	Exits ExitsGuard `yaml:"exits" json:"exits" sample:"{max_share: 20%, ignore_below: 500}"`
	// How far the share of users for whom a segment's rule is unknown may rise.
	Unknowns RiseGuard `yaml:"unknowns" json:"unknowns" sample:"{max_rise: 10%}"`
	// How far the size of a segment may change. Off until set.
	SegmentSize SizeGuard `yaml:"segment_size" json:"segment_size" sample:"{max_change: 50%, ignore_below: 1000}"`
}

// RowsGuard is the limits on the number of users, as shares of the previous run's.
type RowsGuard struct {
	// The largest drop. Default 30%; none turns it off.
	MaxDrop Limit `yaml:"max_drop" json:"max_drop" atmost:"100%" jsonschema:"default=30%"`
	// The largest growth. Default none.
	MaxGrowth Limit `yaml:"max_growth" json:"max_growth" jsonschema:"default=none"`
}

// RiseGuard is a limit on the rise of a share, in points: from 10% to 40% is 30%.
type RiseGuard struct {
	// The largest rise in points. Default 30%; none turns it off.
	MaxRise Limit `yaml:"max_rise" json:"max_rise" atmost:"100%" jsonschema:"default=30%"`
}

// ExitsGuard is a limit on the members that leave a segment.
type ExitsGuard struct {
	// The largest share of the previous members that may leave. Default 50%; none turns it off.
	MaxShare Limit `yaml:"max_share" json:"max_share" atmost:"100%" jsonschema:"default=50%"`
	// Segments that had fewer members are not checked. Default 1000.
	IgnoreBelow int `yaml:"ignore_below" json:"ignore_below" jsonschema:"default=1000,minimum=0"`
}

// SizeGuard is a limit on the change of a segment's size.
type SizeGuard struct {
	// The largest change, up or down, as a share of the previous size. Default none.
	MaxChange Limit `yaml:"max_change" json:"max_change" jsonschema:"default=none"`
	// Segments that had fewer members are not checked. Default 1000.
	IgnoreBelow int `yaml:"ignore_below" json:"ignore_below" jsonschema:"default=1000,minimum=0"`
}

// SegmentGuards is the word none, or the limits that one segment has in place of the file's.
type SegmentGuards struct {
	Off bool `yaml:"-" json:"-"` // the word none: nothing of the segment is checked
	// How large a share of its members may leave it in one run.
	Exits OwnExits `yaml:"exits" json:"exits" sample:"{max_share: 80%}"`
	// How far the share of users for whom its rule is unknown may rise.
	Unknowns OwnRise `yaml:"unknowns" json:"unknowns" sample:"{max_rise: 10%}"`
	// How far its size may change.
	SegmentSize OwnSize `yaml:"segment_size" json:"segment_size" sample:"{max_change: 20%, ignore_below: 100}"`
}

// OwnExits is a segment's own limit on the members that leave it. What is left out is as the file has it.
type OwnExits struct {
	// The largest share of the previous members that may leave; none turns the guard off for this segment. Default: that of the file.
	MaxShare *Limit `yaml:"max_share" json:"max_share" atmost:"100%" sample:"80%"`
	// The segment is not checked where it had fewer members. Default: that of the file.
	IgnoreBelow *int `yaml:"ignore_below" json:"ignore_below" jsonschema:"minimum=0" sample:"100"`
}

// OwnRise is a segment's own limit on the rise of a share, in points. What is left out is as the file has it.
type OwnRise struct {
	// The largest rise in points; none turns the guard off for this segment. Default: that of the file.
	MaxRise *Limit `yaml:"max_rise" json:"max_rise" atmost:"100%" sample:"10%"`
}

// OwnSize is a segment's own limit on the change of its size. What is left out is as the file has it.
type OwnSize struct {
	// The largest change, up or down, as a share of the previous size; none turns the guard off for this segment. Default: that of the file.
	MaxChange *Limit `yaml:"max_change" json:"max_change" sample:"20%"`
	// The segment is not checked where it had fewer members. Default: that of the file.
	IgnoreBelow *int `yaml:"ignore_below" json:"ignore_below" jsonschema:"minimum=0" sample:"100"`
}

// Membership is what the membership table holds beside segments and stages, and which tables stand beside it.
type Membership struct {
	// Columns of the snapshot to copy into membership, by the name that rules use.
	Columns    []string `yaml:"columns" json:"columns,omitempty" sample:"[country, plan]"`
	ColumnsPos []Pos    `yaml:"-" json:"-"`
	// Whether to publish the date since which each membership and stage stands. Default false.
	Since bool `yaml:"since" json:"since" jsonschema:"default=false"`
	// Further tables of the same commit: wide (one boolean column per segment), long (one row per user and segment).
	Also    []string `yaml:"also" json:"also,omitempty" choices:"wide long" sample:"[wide]"`
	AlsoPos []Pos    `yaml:"-" json:"-"`
}

// Publish is how results are laid out for readers.
type Publish struct {
	// Whether to copy each date's files into hive folders (date=.../) after the commit, for tools that list folders. Default true.
	Hive bool `yaml:"hive" json:"hive" jsonschema:"default=true"`
}

// laterPart marks a key that a later version builds: the decoder refuses it, the schema leaves it out.
type laterPart struct{}

// Default returns the values of everything that a file may leave out.
func Default() *Config {
	none := Limit{Off: true}
	return &Config{
		Timezone: "UTC",
		Now:      EndOfDate,
		Snapshot: Snapshot{Duplicates: Duplicates{Keep: KeepNone}, MaxRejects: Limit{Share: 0.001}},
		Guards: Guards{
			SnapshotRows: RowsGuard{MaxDrop: Limit{Share: 0.3}, MaxGrowth: none},
			NullShare:    RiseGuard{MaxRise: Limit{Share: 0.3}},
			Exits:        ExitsGuard{MaxShare: Limit{Share: 0.5}, IgnoreBelow: 1000},
			Unknowns:     RiseGuard{MaxRise: Limit{Share: 0.3}},
			SegmentSize:  SizeGuard{MaxChange: none, IgnoreBelow: 1000},
		},
		Publish: Publish{Hive: true},
	}
}

// The policies for `now`.
const (
	EndOfDate   = "end_of_date"   // the local midnight that ends the date
	StartOfDate = "start_of_date" // the local midnight that starts it
)
