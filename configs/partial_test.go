package configs

import (
	"strings"
	"testing"
)

// TestWhatIsLeftBesideFaults: parts that could not be read are left out, and what rules would miss is told.
func TestWhatIsLeftBesideFaults(t *testing.T) {
	load := func(more string) (*Config, string) {
		t.Helper()
		c, err := Parse("strata.yaml", []byte("snapshot: {path: 'u/{date}/*', user_id: id}\noutput: out\n"+more))
		if err == nil {
			t.Fatalf("%q has no fault", more)
		}
		if c == nil {
			return nil, ""
		}
		var names []string
		for _, s := range c.Segments {
			names = append(names, s.Name+":"+s.When.Text)
		}
		for _, l := range c.Lifecycles {
			for _, s := range l.Stages {
				names = append(names, s.Name+":"+s.When.Text)
			}
		}
		return c, strings.Join(names, " ")
	}
	c, names := load("segments: [{name: a, when: b}, {name: a, when: c}, {name: NO, when: d}, {name: e, when: 3}]\n" +
		"lifecycles: [{name: l, stages: [{name: new, when: 4}, {name: old, when: f}]}]\n")
	if names != "a:b e: new:false old:f" || c.Partial {
		t.Errorf("%q is left, partial %v", names, c.Partial)
	}
	if c, _ = load("traits: [{name: a, value: 3}]\nsegments: [{name: b, when: a}]\n"); !c.Partial || len(c.Traits) != 0 {
		t.Errorf("traits %v, partial %v: a trait is missing", c.Traits, c.Partial)
	}
	if _, names = load("segments:\n  - name: a\n    when: b ? c : d\n  - name: e\n    when: f\n"); names != "a: e:f" {
		t.Errorf("%q is left: a rule that YAML cannot read is not one of x's", names)
	}
	if c, _ = load("segments: [{name: b, when: a: c}]\nnow: noon\n"); c != nil {
		t.Error("lines were left out, and there is a Config all the same")
	}
}
