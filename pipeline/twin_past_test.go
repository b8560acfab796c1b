package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// stateWords are what note and the rules of state below count.
var stateWords = []string{
	"include in a cooldown", "exclude in a stay", "stay held", "stay over", "until kept", "until ended", "cooldown blocked", "cooldown over",
	"move blocked", "move allowed", "was", "prev_stage", "no prev_stage", "first_run", "since", "days_since", "no since",
}

// stateRule is a rule about the night before: about a segment or a lifecycle of some definitions, itself included.
func stateRule(r *rand.Rand, d *definitions) ruleText {
	if len(d.segments) == 0 || r.IntN(8) == 0 {
		return heardRule("first_run", "first_run", func(_ *world, _ *person, m moment) tri { return truth(m.past == nil) })
	}
	if len(d.lifecycles) > 0 && r.IntN(3) == 0 {
		return pastStageRule(r, d.lifecycles[r.IntN(len(d.lifecycles))])
	}
	name := d.segments[r.IntN(len(d.segments))].name
	if r.IntN(2) == 0 {
		return heardRule(fmt.Sprintf("was(%q)", name), "was", func(_ *world, p *person, m moment) tri { return truth(m.was(name, p)) })
	}
	return sinceRule(r, name, func(_ *world, p *person, m moment) string { return m.since(name, p) })
}

// pastStageRule asks for the stage of a lifecycle the night before.
func pastStageRule(r *rand.Rand, l lifecycleDef) ruleText {
	name := l.name
	now := func(w *world) lifecycleDef { // its stages may have changed since the rule was written
		for _, l := range w.definitions.lifecycles {
			if l.name == name {
				return l
			}
		}
		return lifecycleDef{}
	}
	switch r.IntN(3) {
	case 0:
		return heardRule(fmt.Sprintf("prev_stage(%q) == null", name), "no prev_stage", func(w *world, p *person, m moment) tri {
			return truth(m.prevStage(now(w), p) == "")
		})
	case 1:
		return sinceRule(r, name, func(w *world, p *person, m moment) string { return m.sinceStage(now(w), p) })
	}
	stage := l.stages[r.IntN(len(l.stages))].name
	return heardRule(fmt.Sprintf("prev_stage(%q) == %q", name, stage), "prev_stage", func(w *world, p *person, m moment) tri {
		was := m.prevStage(now(w), p)
		if was == "" {
			return unknown
		}
		return truth(was == stage)
	})
}

// sinceRule asks since when a person has been in a segment or stage.
func sinceRule(r *rand.Rand, name string, since func(w *world, p *person, m moment) string) ruleText {
	date := func(w *world, p *person, m moment) (time.Time, bool) {
		t, err := time.Parse("2006-01-02", since(w, p, m))
		return t, err == nil
	}
	n := r.IntN(6)
	switch r.IntN(3) {
	case 0:
		return heardRule(fmt.Sprintf("since(%q) == null", name), "no since", func(w *world, p *person, m moment) tri { return truth(since(w, p, m) == "") })
	case 1:
		return heardRule(fmt.Sprintf("days_since(since(%q)) >= %d", name, n), "days_since", func(w *world, p *person, m moment) tri {
			t, ok := date(w, p, m)
			if !ok {
				return unknown
			}
			return truth(m.today.Sub(t) >= time.Duration(n)*24*time.Hour)
		})
	}
	day := fmt.Sprintf("2026-03-%d", 27+n)
	if n > 4 {
		day = "2026-04-01"
	}
	return heardRule(fmt.Sprintf("since(%q) < date(%q)", name, day), "since", func(w *world, p *person, m moment) tri {
		t, ok := date(w, p, m)
		if !ok {
			return unknown
		}
		return truth(t.Format("2006-01-02") < day)
	})
}

// heardRule is an atom that counts when it is true.
func heardRule(text, word string, ask func(w *world, p *person, m moment) tri) ruleText {
	return atomRule(text, func(w *world, p *person, m moment) tri {
		answer := ask(w, p, m)
		if answer == yes {
			w.heard[word]++
		}
		return answer
	})
}
