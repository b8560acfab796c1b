package pipeline_test

import (
	"fmt"
	"strings"
	"time"
)

// State, as the twin reads it: how a person stood the night before, and what that keeps and blocks.

// stood is how a person stood the night before; nil for one who was not there, or without such a night.
func (m moment) stood(p *person) *standing {
	if m.past == nil {
		return nil
	}
	return m.past.users[canonical(p.id)]
}

// was says whether a person was in a segment the night before.
func (m moment) was(name string, p *person) bool {
	stood := m.stood(p)
	return stood != nil && stood.segments[name] != ""
}

// since is the date since which a person has been in a segment as the night before left it; "" for one who was not in.
func (m moment) since(name string, p *person) string {
	if !m.was(name, p) {
		return ""
	}
	return m.past.recorded(name, m.stood(p).segments[name])
}

// prevStage is the stage in which a person stood the night before; "" for none, and for one that the definitions do not have.
func (m moment) prevStage(l lifecycleDef, p *person) string {
	if stood := m.stood(p); stood != nil && has(l.stages, func(s stageDef) string { return s.name }, stood.stages[l.name][0]) {
		return stood.stages[l.name][0]
	}
	return ""
}

// sinceStage is the date since which a person has been in that stage.
func (m moment) sinceStage(l lifecycleDef, p *person) string {
	if m.prevStage(l, p) == "" {
		return ""
	}
	return m.past.recorded(l.name, m.stood(p).stages[l.name][1])
}

// recorded is the date that a night recorded for a segment or lifecycle; where it recorded none, its own.
func (n *night) recorded(name, since string) string {
	if n.definitions.records(name) {
		return since
	}
	return n.date
}

// records says whether since-dates of a segment or lifecycle are needed.
func (d *definitions) records(name string) bool {
	for _, s := range d.segments {
		if s.name == name && s.minStay > 0 {
			return true
		}
	}
	return d.since || d.mentions(fmt.Sprintf("since(%q)", name))
}

// daysBetween counts by the calendar.
func daysBetween(from, to string) int {
	a, _ := time.Parse("2006-01-02", from)
	b, _ := time.Parse("2006-01-02", to)
	return int(b.Sub(a).Hours() / 24)
}

// decides is the rule that decides about a person: until for a member who has one, when for everybody else.
func (w *world) decides(s segmentDef, p *person, m moment) ruleText {
	if s.until.text != "" && m.was(s.name, p) {
		return s.until
	}
	return s.rule
}

// ruled answers the rules of a segment for a person that no list names.
func (w *world) ruled(s segmentDef, p *person, m moment) bool {
	switch {
	case !m.was(s.name, p):
		return w.ask(s.rule, p, m) == yes && !m.cools(s, p)
	case m.stays(s, p):
		return true
	case s.until.text != "":
		return w.ask(s.until, p, m) != yes
	}
	return w.ask(s.rule, p, m) == yes
}

// stays says whether a member has not been in the segment for as long as is the least.
func (m moment) stays(s segmentDef, p *person) bool {
	return s.minStay > 0 && daysBetween(m.since(s.name, p), m.date) < s.minStay
}

// cools says whether a person left the segment too short a time ago.
func (m moment) cools(s segmentDef, p *person) bool {
	stood := m.stood(p)
	return stood != nil && stood.left[s.name] != "" && daysBetween(stood.left[s.name], m.date) < s.cooldown
}

// exit notes when a person who is not in a segment left it, for as long as that blocks.
func (n *night) exit(s *standing, def segmentDef, p *person, m moment) {
	switch {
	case def.cooldown == 0:
	case m.was(def.name, p):
		s.left[def.name] = n.date
	case m.cools(def, p):
		s.left[def.name] = m.stood(p).left[def.name]
	}
}

// blocked says whether a person may not move to the stage that was chosen.
func (w *world) blocked(l lifecycleDef, chosen string, p *person, m moment) bool {
	was := m.prevStage(l, p)
	if len(l.moves) == 0 || was == "" || chosen == "" || was == chosen {
		return false
	}
	for _, move := range l.moves {
		if move == [2]string{was, chosen} {
			return false
		}
	}
	return true
}

// note counts what state did to a person, so that stories which stop showing it fail.
func (n *night) note(w *world, id string, p *person, m moment) {
	for _, s := range w.definitions.segments {
		was, in := m.was(s.name, p), n.users[id].segments[s.name] != ""
		listed := s.include != "" && m.lists[s.include][id] || s.exclude != "" && m.lists[s.exclude][id]
		when, until := w.ask(s.rule, p, m) == yes, s.until.text != "" && w.ask(s.until, p, m) == yes
		leaves := until || s.until.text == "" && !when
		key := id + "|" + s.name
		switch {
		case listed:
			if in && !was && m.cools(s, p) {
				w.heard["include in a cooldown"]++
			}
			if !in && was && m.stays(s, p) {
				w.heard["exclude in a stay"]++
			}
		case was && m.stays(s, p) && leaves:
			w.heard["stay held"]++
			n.held[key] = true
		case was && s.minStay > 0 && leaves && m.past.held[key]:
			w.heard["stay over"]++
		case was && s.until.text != "" && !leaves && !when:
			w.heard["until kept"]++
		case was && s.until.text != "" && leaves:
			w.heard["until ended"]++
		case !was && when && m.cools(s, p):
			w.heard["cooldown blocked"]++
		case !was && when && in && s.cooldown > 0 && m.stood(p) != nil && m.stood(p).left[s.name] != "":
			w.heard["cooldown over"]++
		}
	}
	for _, l := range w.definitions.lifecycles {
		was, chosen := m.prevStage(l, p), w.chosen(l, p, m)
		switch {
		case w.blocked(l, chosen, p, m):
			w.heard["move blocked"]++
		case len(l.moves) > 0 && was != "" && chosen != "" && was != chosen:
			w.heard["move allowed"]++
		}
	}
}

// rules are all rules of definitions.
func (d *definitions) rules() (all []ruleText) {
	for _, s := range d.segments {
		all = append(all, s.rule, s.until)
	}
	for _, l := range d.lifecycles {
		for _, stage := range l.stages {
			all = append(all, stage.rule)
		}
	}
	return all
}

// mentions says whether a rule has a text in it.
func (d *definitions) mentions(text string) bool {
	return has(d.rules(), func(r ruleText) bool { return strings.Contains(r.text, text) }, true)
}
