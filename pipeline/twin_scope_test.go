package pipeline_test

import (
	"regexp"
	"slices"
	"testing"
	"time"
)

// A scope, as the twin reads it.

// limit takes away the users of the snapshot that are not in scope.
func (n *night) limit(w *world) {
	m := n.moment(w, n, n.lists)
	for id, p := range n.people {
		if !w.inScope(p, m) {
			n.outside[id] = true
		}
	}
	for id := range n.outside {
		delete(n.people, id)
	}
}

// inScope asks the scope about a person.
func (w *world) inScope(p *person, m moment) bool {
	return w.definitions.where.text == "" || w.ask(w.definitions.where, p, m) == yes
}

// carries says whether a user of the night before, who is not in tonight's scope, keeps everything: not whom tonight should have
// shown.
func (n *night) carries(w *world, id string, last *night) bool {
	return n.outside[id] || !w.inScope(last.people[id], n.moment(w, n, n.lists))
}

// carry lets a user be as the night before, but for what the definitions do not have any more.
func (n *night) carry(w *world, id string, old *standing, last *night) {
	s := &standing{map[string]string{}, map[string][2]string{}, map[string]string{}}
	n.users[id], n.people[id], n.carried[id] = s, last.people[id], true
	for name, since := range old.segments {
		if !w.definitions.hasSegment(name) {
			n.add(id, name, "exited", "", "", "segment_removed")
			continue
		}
		s.segments[name] = last.recorded(name, since)
	}
	n.keepExits(w, s, old)
	for name, stage := range old.stages {
		switch l, ok := w.definitions.lifecycle(name); {
		case !ok:
			n.add(id, name, "exited", stage[0], "", "segment_removed")
		case !has(l.stages, func(s stageDef) string { return s.name }, stage[0]):
			n.add(id, name, "exited", stage[0], "", "rule_changed")
		default:
			s.stages[name] = [2]string{stage[0], last.recorded(name, stage[1])}
		}
	}
}

// keepExits lets a user who is carried be kept out by a cooldown as before.
func (n *night) keepExits(w *world, s, old *standing) {
	for _, def := range w.definitions.segments {
		left := old.left[def.name]
		if left != "" && s.segments[def.name] == "" && daysBetween(left, n.date) < def.cooldown {
			s.left[def.name] = left
		}
	}
}

// lifecycle finds a lifecycle by name.
func (d *definitions) lifecycle(name string) (lifecycleDef, bool) {
	for _, l := range d.lifecycles {
		if l.name == name {
			return l, true
		}
	}
	return lifecycleDef{}, false
}

// choosesScope gives a story's definitions a scope, most of the time.
func (s *story) chooseScope(d *definitions) {
	if !s.scoped || s.r.IntN(3) == 0 {
		return
	}
	d.where = ruleText{}
	if s.r.IntN(4) > 0 {
		d.where = scopes[s.r.IntN(len(scopes))]
	}
}

// everybody takes the scope away on a day on which nobody is in it, which no run publishes.
func (s *story) everybody(date string, now time.Time, rows []person) {
	n := tonight(s.world, date, now, s.lists, slices.Clone(rows), nil)
	if len(n.people) > 0 {
		return
	}
	d := *s.world.definitions
	d.where = ruleText{}
	w := *s.world
	w.definitions = &d
	s.world = &w
}

// rule is a random rule. In a story with scopes it does not look at all users together.
func (s *story) rule(w *world, depth int) ruleText {
	for {
		rule := randomRule(s.r, w, depth)
		if !s.scoped || !surveys.MatchString(rule.text) {
			return rule
		}
	}
}

var surveys = regexp.MustCompile(`\b(quantile|mean|rank|ntile|top)\(`)

// TestScopedStories tells stories whose nights look at a part of the users, now this part and now that one.
func TestScopedStories(t *testing.T) {
	carried, outside, moved := 0, 0, 0
	for seed := range uint64(max(stories()/3, 5)) {
		s := newStory(t, seed+1000, idKinds[seed%uint64(len(idKinds))])
		s.scoped, s.sorted = true, seed%2 == 0
		s.tell(&coverage{reasons: map[string]int{}, changes: map[string]int{}})
		for i, night := range s.nights {
			carried += len(night.carried)
			outside += len(night.outside)
			for id := range night.carried {
				if i > 0 && s.nights[i-1].people[id] != nil && night.outside[id] {
					moved++
				}
			}
		}
	}
	t.Logf("%d users carried, %d out of scope, %d both", carried, outside, moved)
	if carried < 20 || outside < 20 || moved < 20 {
		t.Errorf("%d users carried, %d out of scope, %d both; the stories do not test it", carried, outside, moved)
	}
}

// scopes are rules over what membership shows of a person.
var scopes = []ruleText{
	plainRule(`country == "FR"`), plainRule(`country in ["FR", "DE"]`), plainRule(`country != "US"`), plainRule(`tags.exists(t, t == "vip") || price > 0.0`),
	plainRule(`size(tags) > 0`), atomRule(`country == null`, func(_ *world, p *person, _ moment) tri { return truth(p.Country == nil) }),
}
