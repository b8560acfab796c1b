package pipeline_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/xxh3"
)

// The naive twin: the same job read row by row into maps, with no cleverness. It is the oracle of the whole, and shares no
// package with rules or pipeline.

// definitions are what a date asks.
type definitions struct {
	zone       string
	endOfDate  bool
	since      bool
	where      ruleText // the scope; without text: all users
	segments   []segmentDef
	lifecycles []lifecycleDef
}

type segmentDef struct {
	name              string
	rule              ruleText
	until             ruleText // without text: none
	minStay, cooldown int      // days; 0: none
	include, exclude  string   // paths
}

type lifecycleDef struct {
	name   string
	stages []stageDef
	moves  [][2]string // none: all are allowed
}

type stageDef struct {
	name string
	rule ruleText
}

// member answers segment(name) for a person: two-valued.
func (w *world) member(name string, p *person, m moment) bool {
	for _, s := range w.definitions.segments {
		if s.name == name {
			switch id := canonical(p.id); {
			case s.exclude != "" && m.lists[s.exclude][id]:
				return false
			case s.include != "" && m.lists[s.include][id]:
				return true
			}
			return w.ruled(s, p, m)
		}
	}
	return false
}

// stage answers a lifecycle for a person: the first stage that matches, or none; who may not move there keeps the old one.
func (w *world) stage(l lifecycleDef, p *person, m moment) string {
	chosen := w.chosen(l, p, m)
	if w.blocked(l, chosen, p, m) {
		return m.prevStage(l, p)
	}
	return chosen
}

// chosen is the first stage that matches, or none.
func (w *world) chosen(l lifecycleDef, p *person, m moment) string {
	for _, s := range l.stages {
		if w.ask(s.rule, p, m) == yes {
			return s.name
		}
	}
	return ""
}

// stageNow answers stage(name) for a person.
func (w *world) stageNow(name string, p *person, m moment) string {
	for _, l := range w.definitions.lifecycles {
		if l.name == name {
			return w.stage(l, p, m)
		}
	}
	return ""
}

// standing is what the twin remembers of a user.
type standing struct {
	segments map[string]string    // since, by segment
	stages   map[string][2]string // stage and since, by lifecycle
	left     map[string]string    // the last exit, by segment with a cooldown that is not over
}

// A night is what the twin says about a date.
type night struct {
	date        string
	past        *night // the night before; nil: none
	definitions *definitions
	lists       map[string]map[string]bool
	now         time.Time
	users       map[string]*standing
	people      map[string]*person
	transitions []string
	changes     map[string]string // the same by id|segment, shorter
	unknown     map[string]int64
	errors      map[string]int64
	blocked     map[string]int64
	held        map[string]bool // id|segment: a member only because a stay is not over
	steps       []step
	rejects     [2]int64 // null, unusable
	duplicates  int64
	outside     map[string]bool // users of the snapshot that are not in scope
	carried     map[string]bool // users of the night before that are as they were
	forgotten   int64           // rows
}

// tonight makes a night from rows and the night before (nil: none).
func tonight(w *world, date string, now time.Time, lists map[string]map[string]bool, rows []person, last *night) *night {
	return instead(w, date, now, lists, rows, last, last)
}

// instead makes a night and compares it with another than the one before it, which left the state: with one of the same date.
func instead(w *world, date string, now time.Time, lists map[string]map[string]bool, rows []person, past, last *night) *night {
	n := &night{
		date: date, past: past, definitions: w.definitions, lists: lists, now: now, users: map[string]*standing{}, people: map[string]*person{},
		unknown: map[string]int64{}, errors: map[string]int64{}, blocked: map[string]int64{}, held: map[string]bool{}, changes: map[string]string{},
		outside: map[string]bool{}, carried: map[string]bool{},
	}
	n.readRows(rows, w.forgotten)
	n.limit(w)
	m := n.moment(w, n, lists)
	for id, p := range n.people { // users who were forgotten are among these: they count for the population, and for nothing else
		if !w.forgotten[id] {
			n.users[id] = n.stand(w, id, p, m)
			n.note(w, id, p, m)
		}
	}
	n.compare(w, last)
	slices.Sort(n.transitions)
	return n
}

// moment asks with the now and today of a night about the data of night n.
func (n *night) moment(w *world, of *night, lists map[string]map[string]bool) moment {
	zone, err := time.LoadLocation(w.definitions.zone)
	if err != nil {
		w.t.Fatal(err)
	}
	today, err := time.Parse("2006-01-02", of.date)
	if err != nil {
		w.t.Fatal(err)
	}
	return moment{now: of.now, today: today, horizon: n.now, zone: zone, lists: lists, people: n.people, date: of.date, past: n.past, answers: map[asked]tri{}}
}

// readRows rejects rows without an id and keeps the latest of each user.
func (n *night) readRows(rows []person, forgotten map[string]bool) {
	for i := range rows {
		p := &rows[i]
		switch p.id {
		case "":
			n.rejects[0]++
			continue
		case "?":
			n.rejects[1]++
			continue
		}
		id := canonical(p.id)
		old, again := n.people[id]
		if forgotten[id] {
			n.forgotten++
		} else if again {
			n.duplicates++
		}
		if !again || later(p, old) {
			n.people[id] = p
		}
	}
}

// later compares by the column `updated`; a null comes last. Random snapshots have no ties.
func later(a, b *person) bool {
	switch {
	case a.Updated == nil:
		return false
	case b.Updated == nil:
		return true
	}
	return *a.Updated > *b.Updated
}

// stand answers everything about a user, with since-dates and exits.
func (n *night) stand(w *world, id string, p *person, m moment) *standing {
	s := &standing{map[string]string{}, map[string][2]string{}, map[string]string{}}
	for _, def := range w.definitions.segments {
		switch w.ask(w.decides(def, p, m), p, m) {
		case unknown:
			n.unknown[def.name]++
		case failed:
			n.errors[def.name]++
		}
		if !w.member(def.name, p, m) {
			n.exit(s, def, p, m)
			continue
		}
		s.segments[def.name] = n.date
		if m.was(def.name, p) {
			s.segments[def.name] = m.since(def.name, p)
		}
	}
	for _, l := range w.definitions.lifecycles {
		stage := w.stage(l, p, m)
		if stage != w.chosen(l, p, m) {
			n.blocked[l.name]++
		}
		if stage == "" {
			continue
		}
		s.stages[l.name] = [2]string{stage, n.date}
		if m.prevStage(l, p) == stage {
			s.stages[l.name] = [2]string{stage, m.sinceStage(l, p)}
		}
	}
	return s
}

// compare finds the transitions.
func (n *night) compare(w *world, last *night) {
	if last != nil {
		n.steps = n.stepsFrom(w, last)
	}
	for id, s := range n.users {
		var old *standing
		if last != nil {
			old = last.users[id]
		}
		n.compareUser(w, id, s, old, last)
	}
	if last == nil {
		return
	}
	for id, old := range last.users {
		switch {
		case n.users[id] != nil:
		case n.carries(w, id, last):
			n.carry(w, id, old, last)
		default:
			n.leave(w, id, old, last)
		}
	}
}

func has[D any, N comparable](defs []D, name func(D) N, want N) bool {
	return slices.ContainsFunc(defs, func(d D) bool { return name(d) == want })
}

func (d *definitions) hasSegment(name string) bool {
	return d != nil && has(d.segments, func(s segmentDef) string { return s.name }, name)
}

func (d *definitions) hasLifecycle(name string) bool {
	return d != nil && has(d.lifecycles, func(l lifecycleDef) string { return l.name }, name)
}

func (n *night) leave(w *world, id string, old *standing, last *night) {
	for name := range old.segments {
		n.add(id, name, "exited", "", "", ended(w.definitions.hasSegment(name), "user_deleted"))
	}
	for name, stage := range old.stages {
		n.add(id, name, "exited", stage[0], "", ended(w.definitions.hasLifecycle(name), "user_deleted"))
	}
}

func ended(stays bool, reason string) string {
	if stays {
		return reason
	}
	return "segment_removed"
}

func (n *night) compareUser(w *world, id string, s, old *standing, last *night) {
	before := &definitions{}
	if last != nil {
		before = last.definitions
	}
	reason := func(ask question, was, is string) string {
		if old == nil {
			return "user_new"
		}
		return n.why(n.people[id], ask, was, is)
	}
	for _, def := range w.definitions.segments {
		_, in := s.segments[def.name]
		was := false
		if old != nil {
			_, was = old.segments[def.name]
		}
		ask := func(w *world, p *person, m moment) string { return fmt.Sprint(w.member(def.name, p, m)) }
		switch {
		case in && !before.hasSegment(def.name):
			n.add(id, def.name, "initial", "", "", "segment_added")
		case in && !was:
			n.add(id, def.name, "entered", "", "", reason(ask, "false", "true"))
		case !in && was:
			n.add(id, def.name, "exited", "", "", reason(ask, "true", "false"))
		}
	}
	for _, l := range w.definitions.lifecycles {
		n.compareStage(id, l.name, s, old, before, reason)
	}
	if old != nil {
		for name := range old.segments {
			if !w.definitions.hasSegment(name) {
				n.add(id, name, "exited", "", "", "segment_removed")
			}
		}
		for name, stage := range old.stages {
			if !w.definitions.hasLifecycle(name) {
				n.add(id, name, "exited", stage[0], "", "segment_removed")
			}
		}
	}
}

func (n *night) compareStage(id, name string, s, old *standing, before *definitions, reason func(question, string, string) string) {
	is, was := s.stages[name][0], ""
	if old != nil {
		was = old.stages[name][0]
	}
	ask := func(w *world, p *person, m moment) string { return w.stageNow(name, p, m) }
	switch {
	case is == was:
	case !before.hasLifecycle(name):
		n.add(id, name, "initial", "", is, "segment_added")
	case was == "":
		n.add(id, name, "entered", "", is, reason(ask, was, is))
	case is == "":
		n.add(id, name, "exited", was, "", reason(ask, was, is))
	default:
		n.add(id, name, "moved", was, is, reason(ask, was, is))
	}
}

// A question is what a step is asked about a person.
type question func(w *world, p *person, m moment) string

// A step is one on the way from the old answer to the new: who answers, and the reason for a change there.
type step struct {
	world  *world
	moment moment
	reason string
}

// stepsFrom are the steps before the last one.
func (n *night) stepsFrom(w *world, last *night) []step {
	old := *w
	old.definitions = last.definitions
	newLists := map[string]map[string]bool{}
	for path, list := range last.lists {
		newLists[path] = list
		if now, ok := n.lists[path]; ok {
			newLists[path] = now
		}
	}
	return []step{
		{&old, n.moment(&old, last, last.lists), "user_changed"},
		{&old, n.moment(&old, n, last.lists), "time_passed"},
		{&old, n.moment(&old, n, newLists), "list_changed"},
	}
}

// why walks from the old answer to the new and names the last step that changed it.
func (n *night) why(p *person, ask question, was, is string) (reason string) {
	at := was
	for _, s := range n.steps {
		if answer := ask(s.world, p, s.moment); answer != at {
			at, reason = answer, s.reason
		}
	}
	if at != is {
		reason = "rule_changed"
	}
	return reason
}

// add notes a transition as the text that the comparison looks at.
func (n *night) add(id, segment, change, from, to, reason string) {
	var key []byte
	for _, part := range []string{n.date, segment, id, change, from, to} {
		key = append(binary.AppendUvarint(key, uint64(len(part))), part...)
	}
	sum := xxh3.Hash128(key).Bytes()
	n.changes[id+"|"+segment] = strings.Join([]string{n.date, change, from, to, reason}, " ")
	n.transitions = append(n.transitions, strings.Join(
		[]string{id, segment, change, from, to, reason, fmt.Sprint(n.now.UnixMicro()), fmt.Sprintf("%x", sum)}, "|"))
}
