package configs

import (
	"bytes"
	"encoding/json"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Definitions is the part of a Config that decides who is in what. A manifest stores it in full as JSON; read back from
// there, it compiles again and means the same. Paths of lists are relative to the configuration file, as Config.Resolve
// takes them.
type Definitions struct {
	Timezone   string       `json:"timezone"`
	Now        string       `json:"now"`
	UserID     string       `json:"user_id"`
	Duplicates Duplicates   `json:"duplicates"`
	Columns    []ColumnDecl `json:"columns"`
	Traits     []Trait      `json:"traits"`
	Segments   []Segment    `json:"segments"`
	Lifecycles []Lifecycle  `json:"lifecycles"`

	files map[string]*source // that they stand in, to show lines of; none for what was read back from a manifest
}

// Definitions returns the part of c that decides who is in what. It shares the stages of c's lifecycles.
func (c *Config) Definitions() *Definitions {
	d := Definitions{
		Timezone: c.Timezone, Now: c.Now, UserID: c.Snapshot.UserID, Duplicates: c.Snapshot.Duplicates,
		Columns: c.Snapshot.Columns, Traits: c.Traits, Segments: c.Segments, Lifecycles: c.Lifecycles, files: c.files,
	}.filled()
	return &d
}

// With returns c with the definitions of an earlier run and the membership that it published, so that the run can be made again.
// How the snapshot is found and what is checked stay as c has them, a segment's own limits too.
func (c *Config) With(d *Definitions, membership Membership) *Config {
	out := *c
	out.Timezone, out.Now, out.Membership = d.Timezone, d.Now, membership
	out.Snapshot.UserID, out.Snapshot.Duplicates, out.Snapshot.Columns = d.UserID, d.Duplicates, d.Columns
	out.Traits, out.Segments, out.Lifecycles, out.files = d.Traits, slices.Clone(d.Segments), d.Lifecycles, d.files
	limits := map[string]SegmentGuards{}
	for _, s := range c.Segments {
		limits[s.Name] = s.Guards
	}
	for i := range out.Segments {
		out.Segments[i].Guards = limits[out.Segments[i].Name]
	}
	return &out
}

// Problem makes a Problem about a place in one of the files that the definitions stand in, with the source line to show.
func (d *Definitions) Problem(pos Pos, message, hint string) *Problem {
	return problemIn(d.files, pos, message, hint)
}

// Canonical is what two equal Definitions have in common, byte for byte: JSON without descriptions (they decide nothing),
// with traits, columns and moves by name (nor does their order), and with empty lists in place of missing ones.
func (d *Definitions) Canonical() []byte {
	plain := *d
	plain.Columns = slices.Clone(d.Columns)
	slices.SortFunc(plain.Columns, func(a, b ColumnDecl) int { return strings.Compare(a.Name, b.Name) })
	plain.Traits = slices.Clone(d.Traits)
	slices.SortFunc(plain.Traits, func(a, b Trait) int { return strings.Compare(a.Name, b.Name) })
	plain.Segments, plain.Lifecycles = slices.Clone(d.Segments), slices.Clone(d.Lifecycles)
	for i := range plain.Traits {
		plain.Traits[i].Description = ""
	}
	for i := range plain.Segments {
		plain.Segments[i].Description = ""
	}
	for i := range plain.Lifecycles {
		l := &plain.Lifecycles[i]
		l.Description, l.Stages = "", slices.Clone(l.Stages)
		for j := range l.Stages {
			l.Stages[j].Description = ""
		}
		l.Moves = slices.Clone(l.Moves)
		slices.SortFunc(l.Moves, func(a, b Move) int { return strings.Compare(a.String(), b.String()) })
	}
	text, err := json.Marshal(plain.filled())
	if err != nil {
		panic(err) // strings, numbers and lists of them only
	}
	return text
}

// filled puts empty lists in place of missing ones.
func (d Definitions) filled() Definitions {
	d.Columns = append([]ColumnDecl{}, d.Columns...)
	d.Traits = append([]Trait{}, d.Traits...)
	d.Segments = append([]Segment{}, d.Segments...)
	d.Lifecycles = append([]Lifecycle{}, d.Lifecycles...)
	return d
}

// Equal says whether two Definitions decide the same for every user.
func (d *Definitions) Equal(other *Definitions) bool {
	return bytes.Equal(d.Canonical(), other.Canonical())
}

// ListFiles returns the paths of all include and exclude lists, each once, sorted.
func (d *Definitions) ListFiles() []string {
	var paths []string
	for _, s := range d.Segments {
		for _, p := range []string{s.Include, s.Exclude} {
			if p != "" {
				paths = append(paths, p)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// Resolve turns a path of the configuration into one that stands alone: an address with a scheme and an absolute path stay,
// any other is relative to the configuration file's folder.
func (c *Config) Resolve(name string) string {
	if strings.Contains(name, "://") || path.IsAbs(name) || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(c.File), filepath.FromSlash(name))
}
