package catalog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"strata/configs"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// Format is the version of manifests and data files that this program writes. It is part of a fingerprint: another
// format is another output.
const Format = 1

// A Manifest says all about one run: what it read, what it was asked, what it wrote. Data is the part of it that follows
// from the input alone.
type Manifest struct {
	Format  int    `json:"format"`
	Run     string `json:"run"`
	Date    Date   `json:"date"`
	Status  Status `json:"status"`
	Program string `json:"program"` // version of strata

	Replaces string  `json:"replaces,omitempty"` // the run that stood for the date before
	Events   *Events `json:"events,omitempty"`   // what became of its event ids; nil: it could not be read, or there was none
	Accepts  string  `json:"accepts,omitempty"`  // the run, stopped by a guard, whose files this one publishes
	Erases   string  `json:"erases,omitempty"`   // the run that it is, but for users who were forgotten since

	Now      time.Time `json:"now"`   // what rules call now
	Today    Date      `json:"today"` // what rules call today
	Previous *RunRef   `json:"previous"`
	Gap      *Gap      `json:"gap,omitempty"` // the dates between the previous run and this one, which have none

	Inputs      []Input              `json:"inputs"`
	Rows        int64                `json:"rows"` // of the snapshot, rejects and duplicates included
	Columns     []Column             `json:"columns"`
	Drift       []ColumnChange       `json:"drift,omitempty"` // of the columns, since the previous run
	IDColumn    string               `json:"id_column"`
	IDType      string               `json:"id_type"`
	Definitions *configs.Definitions `json:"definitions"`
	Stateless   bool                 `json:"stateless"` // the definitions ask nothing of the previous run
	Lists       []List               `json:"lists"`
	Settings    Settings             `json:"settings"`
	Scope       *Scope               `json:"scope,omitempty"` // where the run was limited to a part of the users

	Names         tables.Names      `json:"names"`
	Since         bool              `json:"since"` // since-dates are in strata_state
	PartitionBits int               `json:"partition_bits"`
	Tables        map[string][]File `json:"tables"` // by name: membership, transitions, wide, long; a file a partition

	Users      int64       `json:"users"`
	Rejects    Rejects     `json:"rejects"`
	Duplicates int64       `json:"duplicates"`
	Forgotten  int64       `json:"forgotten,omitempty"` // rows of users who were forgotten, and are left out
	Forgets    int         `json:"forgets,omitempty"`   // how many users were forgotten when the run began
	Segments   []Segment   `json:"segments"`
	Lifecycles []Lifecycle `json:"lifecycles"`
	Population []Surveyed  `json:"population,omitempty"`
	Guards     []Guard     `json:"guards"`
	Notes      []string    `json:"notes"`

	Clock Clock `json:"clock"`
}

// A Status is how a run ended.
type Status string

// A run is committed, or a guard stopped it before anything was published.
const (
	Committed Status = "committed"
	Guarded   Status = "guarded"
)

// A RunRef names a run.
type RunRef struct {
	Date Date   `json:"date"`
	Run  string `json:"run"`
}

// A Gap is a stretch of dates without a run.
type Gap struct {
	From Date `json:"from"`
	To   Date `json:"to"`
}

// NewGap is what lies between the previous run and a date; nil where that is nothing.
func NewGap(previous *RunRef, date Date) *Gap {
	if previous == nil || !previous.Date.Add(1).Before(date) {
		return nil
	}
	return &Gap{From: previous.Date.Add(1), To: date.Add(-1)}
}

// String is a date, or two.
func (g *Gap) String() string {
	if g.From == g.To {
		return g.From.String()
	}
	return fmt.Sprintf("%s to %s", g.From, g.To)
}

// An Input is one pinned object of the snapshot.
type Input struct {
	Name    string `json:"name"` // its address
	Size    int64  `json:"size"` // bytes
	Version string `json:"version"`
	CRC32C  string `json:"crc32c,omitempty"`
	Rows    int64  `json:"rows"`
}

// A Column is one column of the snapshot, as its schema has it.
type Column struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Nulls *int64 `json:"nulls,omitempty"` // how many, where a rule uses the column
}

// A List is one list file, kept under its hash.
type List struct {
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Entries int    `json:"entries"`
}

// Settings are what shapes the outputs besides the definitions.
type Settings struct {
	Membership configs.Membership `json:"membership"`
	Duplicates configs.Duplicates `json:"duplicates"`
	Where      string             `json:"where,omitempty"` // the scope, as the rule that the configuration has; empty: all users
}

// A Scope says to whom a run was limited. Users of the previous run that it did not look at are in its membership as they were.
type Scope struct {
	Where   string `json:"where"`
	Users   int64  `json:"users"`   // of the snapshot, in scope: those that the rules were asked about
	Outside int64  `json:"outside"` // of the snapshot, read, and not in scope
	Carried int64  `json:"carried"` // of the previous run, and as they were
	Before  int64  `json:"before"`  // of the previous run, and not carried: those that the users in scope are compared with
}

// A File is one data file of a run.
type File struct {
	Partition int    `json:"partition"`
	Key       string `json:"key"` // below the output
	Rows      int64  `json:"rows"`
	Size      int64  `json:"size"` // bytes
	CRC32C    string `json:"crc32c"`
	Version   string `json:"version"`
}

// Info is the object behind the file.
func (f File) Info() objects.Info {
	return objects.Info{Key: f.Key, Size: f.Size, Version: f.Version, CRC32C: f.CRC32C}
}

// SameBytes returns the object of a file as it is now, in whatever version, if it holds what the file held when it was written;
// else ErrChanged or ErrNotFound. It reads all of it.
func (c *Catalog) SameBytes(ctx context.Context, f File) (objects.Info, error) {
	data, info, err := objects.ReadAll(ctx, c.bucket, f.Key, "")
	if err != nil {
		return objects.Info{}, err
	}
	if objects.Checksum(data) != f.CRC32C {
		return objects.Info{}, fmt.Errorf("%s: %w: it does not hold what its run wrote", c.bucket.URL(f.Key), objects.ErrChanged)
	}
	f.Version = info.Version
	return f.Info(), nil
}

// Rejects are rows that name no user.
type Rejects struct {
	Nulls    int64 `json:"nulls"`    // the id is null
	Unusable int64 `json:"unusable"` // the id is empty or not valid UTF-8
}

// Total is how many rows were rejected.
func (r Rejects) Total() int64 { return r.Nulls + r.Unusable }

// Changes count transitions by reason, under the names that the transitions table shows.
type Changes map[string]map[string]int64

// Sum is how many transitions of a change there are, for any reason.
func (c Changes) Sum(change tables.Change) int64 {
	sum := int64(0)
	for _, n := range c[change.String()] {
		sum += n
	}
	return sum
}

// Uncount takes one transition out of what the manifest counts.
func (m *Manifest) Uncount(name string, change tables.Change, reason tables.Reason) {
	for i := range m.Segments {
		if m.Segments[i].Name == name {
			m.Segments[i].Changes.uncount(change, reason)
		}
	}
	for i := range m.Lifecycles {
		if m.Lifecycles[i].Name == name {
			m.Lifecycles[i].Changes.uncount(change, reason)
		}
	}
}

func (c Changes) uncount(change tables.Change, reason tables.Reason) {
	reasons := c[change.String()]
	if reasons[reason.String()]--; reasons[reason.String()] == 0 {
		delete(reasons, reason.String())
	}
	if len(reasons) == 0 {
		delete(c, change.String())
	}
}

// A Segment is what a run found of one segment. Removed ones have changes only.
type Segment struct {
	Name    string  `json:"name"`
	Size    int64   `json:"size"`
	Carried int64   `json:"carried,omitempty"` // members that are not in scope, and stay
	Unknown int64   `json:"unknown"`           // users for whom the rule is unknown
	Errors  int64   `json:"errors"`            // users for whom it failed
	Changes Changes `json:"changes"`
	Removed bool    `json:"removed,omitempty"`
}

// A Lifecycle is what a run found of one lifecycle.
type Lifecycle struct {
	Name    string  `json:"name"`
	Stages  []Stage `json:"stages"`
	Unknown int64   `json:"unknown"`
	Errors  int64   `json:"errors"`
	Blocked int64   `json:"blocked,omitempty"` // users who keep a stage because the move out of it is not listed
	Changes Changes `json:"changes"`
	Removed bool    `json:"removed,omitempty"`
}

// A Surveyed is what one population function of the rules found.
type Surveyed struct {
	Call   string  `json:"call"`             // as rules write it
	Users  int64   `json:"users"`            // who have a value
	Nulls  int64   `json:"nulls"`            // who have none, or NaN
	Value  string  `json:"value,omitempty"`  // of quantile and mean; empty where nobody has a value
	Groups []int64 `json:"groups,omitempty"` // of ntile: the users of every group
}

// Warning says which groups nobody is in; empty where there is no such group.
func (s *Surveyed) Warning() string {
	var empty []string
	for i, users := range s.Groups {
		if users == 0 {
			empty = append(empty, strconv.Itoa(i+1))
		}
	}
	if len(empty) == 0 || s.Users == 0 {
		return ""
	}
	groups := "group " + empty[0]
	if last := len(empty) - 1; last >= mostNamed {
		groups = fmt.Sprintf("%d groups", len(empty))
	} else if last > 0 {
		groups = "groups " + strings.Join(empty[:last], ", ") + " and " + empty[last]
	}
	return fmt.Sprintf("%s: %d of %d groups used; nobody is in %s, since users with equal values share a group",
		s.Call, len(s.Groups)-len(empty), len(s.Groups), groups)
}

// mostNamed is how many empty groups a warning names.
const mostNamed = 10

// A Stage is the size of one stage.
type Stage struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// A Guard is one check and what became of it.
type Guard struct {
	Name     string  `json:"name"` // snapshot_rows, null_share, exits, unknowns, segment_size
	Of       string  `json:"of,omitempty"`
	Value    float64 `json:"value"`
	Limit    string  `json:"limit"`
	Own      bool    `json:"own,omitempty"` // the segment has a limit of its own
	Tripped  bool    `json:"tripped"`
	Accepted bool    `json:"accepted,omitempty"` // published in spite of it
	Sentence string  `json:"sentence"`
	Look     string  `json:"look,omitempty"` // of a tripped one: what to look at
}

// Tripped are those of some guards that have tripped.
func Tripped(guards []Guard) (out []Guard) {
	for _, g := range guards {
		if g.Tripped {
			out = append(out, g)
		}
	}
	return out
}

// Looks are what tripped guards say to look at, each once, in their order.
func Looks(guards []Guard) (out []string) {
	for _, g := range Tripped(guards) {
		if g.Look != "" && !slices.Contains(out, g.Look) {
			out = append(out, g.Look)
		}
	}
	return out
}

// A Clock holds the wall-clock times of a run; nothing depends on them.
type Clock struct {
	Started  time.Time          `json:"started"`
	Finished time.Time          `json:"finished"`
	Seconds  map[string]float64 `json:"seconds"` // by stage
}

// Fingerprint is what makes a run up to date: equal fingerprints mean equal data files. Names alone do not matter: not the
// run's own, nor whether files are copied into hive folders.
func (m *Manifest) Fingerprint() string {
	definitions := m.Definitions
	if definitions == nil {
		definitions = &configs.Definitions{}
	}
	text, err := json.Marshal(struct {
		Format        int
		Now           int64
		Today         Date
		Previous      *RunRef
		Inputs        []Input
		Definitions   string
		Lists         []List
		Settings      string
		PartitionBits int
	}{
		m.Format, m.Now.UnixNano(), m.Today, m.Previous, pins(m.Inputs), string(definitions.Canonical()), m.sortedLists(), m.Settings.text(),
		m.PartitionBits,
	})
	if err != nil {
		panic(err) // strings and numbers only
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ChangedFrom lists what of all that decides a run's files is not as it was in an earlier run of the date: nothing where both
// have the same Fingerprint.
func (m *Manifest) ChangedFrom(earlier *Manifest) (changed []string) {
	for _, part := range []struct {
		name string
		same bool
	}{
		{TheSnapshot, m.ReadFrom(earlier.Inputs)},
		{"the definitions", m.Definitions.Equal(earlier.Definitions)},
		{"the contents of lists", slices.Equal(m.sortedLists(), earlier.sortedLists())},
		{"what the rules call now", m.Now.Equal(earlier.Now) && m.Today == earlier.Today},
		{TheRunBefore, sameRun(m.Previous, earlier.Previous)},
		{"the scope", m.Settings.Where == earlier.Settings.Where},
		{TheSettings, m.Settings.of("").text() == earlier.Settings.of("").text()},
		{"the layout of the files", m.Format == earlier.Format && m.PartitionBits == earlier.PartitionBits},
	} {
		if !part.same {
			changed = append(changed, part.name)
		}
	}
	return changed
}

// Some of what ChangedFrom may name.
const (
	TheSnapshot  = "the objects of the snapshot"
	TheRunBefore = "the run before"
	TheSettings  = "what membership shows, or how duplicates are settled"
)

// WhyAgain says why a run is made though one stands for its date, in a few words each; nothing where that one is up to date.
func (m *Manifest) WhyAgain(standing *Manifest) (why []string) {
	changed := m.ChangedFrom(standing)
	stale := slices.Contains(changed, TheRunBefore)
	changed = slices.DeleteFunc(changed, func(name string) bool { return name == TheRunBefore })
	if len(changed) > 0 {
		why = append(why, "changed: "+strings.Join(changed, ", "))
	}
	if stale {
		why = append(why, staleCause(standing.Previous, m.Previous))
	}
	return why
}

// sortedLists are the lists by path.
func (m *Manifest) sortedLists() []List {
	return slices.SortedFunc(slices.Values(m.Lists), func(a, b List) int { return strings.Compare(a.Path, b.Path) })
}

// ReadFrom says whether the run read exactly these objects, in these versions.
func (m *Manifest) ReadFrom(inputs []Input) bool { return slices.Equal(pins(m.Inputs), pins(inputs)) }

// pins are what tells inputs apart, by name.
func pins(inputs []Input) []Input {
	out := make([]Input, len(inputs))
	for i, in := range inputs {
		out[i] = Input{Name: in.Name, Size: in.Size, Version: in.Version}
	}
	slices.SortFunc(out, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// text is what equal settings have in common; the order of the further tables decides nothing.
func (s Settings) text() string {
	s.Membership.Also = slices.Sorted(slices.Values(s.Membership.Also))
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and flags only
	}
	return string(text)
}

// of are the settings with another scope.
func (s Settings) of(where string) Settings {
	s.Where = where
	return s
}

// Data is what of the manifest follows from the input alone, as JSON: the same for two runs of one input, whatever they are
// called, whenever and by which build they ran, and whatever the runs before them are called.
func (m *Manifest) Data() ([]byte, error) {
	plain := *m
	plain.Run, plain.Program, plain.Replaces, plain.Accepts, plain.Events, plain.Clock = "", "", "", "", nil, Clock{}
	plain.Erases, plain.Forgets = "", 0
	if m.Previous != nil {
		plain.Previous = &RunRef{Date: m.Previous.Date}
	}
	plain.Tables = map[string][]File{}
	for table, files := range m.Tables {
		files = slices.Clone(files)
		for i := range files {
			files[i].Key, files[i].Version = "", ""
		}
		plain.Tables[table] = files
	}
	return encode(plain)
}

// has says whether the run's definitions have a segment or lifecycle of this name.
func (m *Manifest) has(name string) bool {
	return slices.Contains(m.Names.Segments, name) ||
		slices.ContainsFunc(m.Names.Lifecycles, func(l tables.Lifecycle) bool { return l.Name == name })
}

// Origin names the run as other dates do: one that holds the same as another, but for users who were forgotten, goes by the name
// of that.
func (m *Manifest) Origin() RunRef { return RunRef{Date: m.Date, Run: cmp.Or(m.Erases, m.Run)} }

// tables are the names of the tables that the run published, in order.
func (m *Manifest) tables() []string { return slices.Sorted(maps.Keys(m.Tables)) }

// whole checks that the manifest names each partition of each table once, in order and below the run's folder, and that
// membership has a row a user.
func (m *Manifest) whole(folder string) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, table := range m.tables() {
		files := m.Tables[table]
		if len(files) != 1<<m.PartitionBits {
			fault("%s has %d files for %d partitions", table, len(files), 1<<m.PartitionBits)
		}
		for i, f := range files {
			if want := fmt.Sprintf("%sdata/%s/%05d.parquet", folder, table, i); f.Key != want || f.Partition != i {
				fault("%s names %s for partition %d where %s belongs", table, f.Key, f.Partition, want)
			}
		}
	}
	if m.Events != nil {
		for _, f := range m.Events.Files {
			if want := eventsKey(folder, f.Partition); f.Key != want {
				fault("events names %s for partition %d where %s belongs", f.Key, f.Partition, want)
			}
		}
	}
	rows := int64(0)
	for _, f := range m.Tables["membership"] {
		rows += f.Rows
	}
	if len(m.Tables["membership"]) == 0 || len(m.Tables["transitions"]) == 0 {
		fault("there must be files of membership and of transitions")
	} else if rows != m.Users {
		fault("membership has %d rows for %d users", rows, m.Users)
	}
	return errors.Join(faults...)
}
