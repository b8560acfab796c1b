package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Names become values in tables, column names in Parquet and warehouses, and parts of rules; so they are few and plain.
//
// Segments, lifecycles and stages: an ASCII letter, then letters, digits, underscores and hyphens, at most 128. Segments,
// lifecycles, the columns that membership publishes and our own columns share one namespace, and two that differ only in
// case are the same (warehouses fold it). Traits and declared columns are CEL identifiers and share one namespace with
// each other and the snapshot's columns; a trait may have a segment's name.
var (
	namePattern       = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,127}$`)
	identifierPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
)

// celWords cannot be used as identifiers in CEL: reserved words, then the constants that strata gives to rules.
var celWords = strings.Fields(`as break const continue else false for function if import in let loop namespace null package
	return true var void while now today first_run`)

// reserved are the columns and hive keys of the tables that strata writes; every name with the prefix strata_ is too.
var reserved = []string{"user_id", "segments", "since", "date", "segment"}

// namespace finds names that are used twice, case aside.
type namespace struct {
	config   *Config
	owners   map[string]string // lower case -> what has it, with its line
	problems Problems
}

// claim takes a name for a thing, or reports who has it.
func (ns *namespace) claim(name, thing string, pos Pos) {
	if name == "" {
		return
	}
	key := strings.ToLower(name)
	if owner, taken := ns.owners[key]; taken {
		ns.fault(pos, "choose another name; case makes no difference", "%s: the name is taken by %s", thing, owner)
		return
	}
	ns.owners[key] = thing
	if pos.Line > 0 {
		ns.owners[key] = fmt.Sprintf("%s on line %d of %s", thing, pos.Line, pos.File)
	}
}

func (ns *namespace) fault(pos Pos, hint, format string, args ...any) {
	ns.problems = append(ns.problems, ns.config.Problem(pos, fmt.Sprintf(format, args...), hint))
}

// checkName reports a name that is no name; one that is not there was reported by the decoder.
func (ns *namespace) checkName(name, thing string, pos Pos) {
	if name != "" && !namePattern.MatchString(name) {
		ns.fault(pos, "a letter, then letters, digits, _ and -, at most 128", "%s: this cannot be a name", thing)
	}
	if strings.HasPrefix(strings.ToLower(name), "strata_") {
		ns.fault(pos, "choose another name", "%s: names that begin with strata_ are ours", thing)
	}
}

// checkNames checks all names of the configuration.
func (c *Config) checkNames() Problems {
	out := &namespace{config: c, owners: map[string]string{}}
	for _, name := range reserved {
		out.claim(name, "a column that strata writes", Pos{})
	}
	for _, s := range c.Segments {
		thing := fmt.Sprintf("segment %q", s.Name)
		out.checkName(s.Name, thing, s.NamePos)
		out.claim(s.Name, thing, s.NamePos)
	}
	for _, l := range c.Lifecycles {
		thing := fmt.Sprintf("lifecycle %q", l.Name)
		out.checkName(l.Name, thing, l.NamePos)
		out.claim(l.Name, thing, l.NamePos)
	}
	for _, l := range c.Lifecycles { // after all names, so that the one that the user chose is reported
		if l.Name != "" {
			out.claim(l.Name+"_since", fmt.Sprintf("the column %q of lifecycle %q", l.Name+"_since", l.Name), l.NamePos)
		}
		out.checkStages(l)
	}
	for i, name := range c.Membership.Columns {
		out.claim(name, fmt.Sprintf("membership column %q", name), c.Membership.ColumnsPos[i])
	}
	return append(out.problems, c.checkIdentifiers()...)
}

// checkStages checks the names of one lifecycle's stages; they are values, so they meet only each other.
func (ns *namespace) checkStages(l Lifecycle) {
	stages := &namespace{config: ns.config, owners: map[string]string{}}
	for _, s := range l.Stages {
		thing := fmt.Sprintf("lifecycle %q, stage %q", l.Name, s.Name)
		stages.checkName(s.Name, thing, s.NamePos)
		stages.claim(s.Name, thing, s.NamePos)
	}
	ns.problems = append(ns.problems, stages.problems...)
}

// checkIdentifiers checks the names that rules use bare: declared columns and traits. Here case matters.
func (c *Config) checkIdentifiers() Problems {
	ns := &namespace{config: c}
	owners := map[string]string{}
	claim := func(name, thing string, pos Pos, hint string) {
		switch {
		case name == "":
		case !identifierPattern.MatchString(name):
			ns.fault(pos, "a letter or _, then letters, digits and _, at most 128: "+hint, "%s: rules cannot use this name", thing)
		case slices.Contains(celWords, name):
			ns.fault(pos, "choose another name", "%s: the word %s means something else in rules", thing, name)
		case owners[name] != "":
			ns.fault(pos, "choose another name", "%s: the name is taken by %s", thing, owners[name])
		default:
			owners[name] = fmt.Sprintf("%s on line %d of %s", thing, pos.Line, pos.File)
		}
	}
	for _, col := range c.Snapshot.Columns {
		claim(col.Name, fmt.Sprintf("column %q", col.Name), col.Pos, "give an alias, such as utm_source: {column: utm-source}")
	}
	if id := c.Snapshot.UserID; id != "" && owners[id] == "" {
		owners[id] = "the column of snapshot.user_id"
	}
	for _, t := range c.Traits {
		claim(t.Name, fmt.Sprintf("trait %q", t.Name), t.NamePos, "it stands in rules as it is")
	}
	return ns.problems
}
