package configs

import (
	"fmt"
	"testing"
)

func TestGuardsOfASegment(t *testing.T) {
	const file = "guards: {exits: {max_share: 40%, ignore_below: 7}, segment_size: {max_change: 60%, ignore_below: 8}}\n"
	for own, want := range map[string]string{
		"":                                     "40% 7, 30%, 60% 8",
		", guards: none":                       "none 7, none, none 8",
		", guards: {}":                         "40% 7, 30%, 60% 8",
		", guards: {exits: {max_share: 80%}}":  "80% 7, 30%, 60% 8",
		", guards: {exits: {ignore_below: 0}}": "40% 0, 30%, 60% 8",
		", guards: {exits: {max_share: 0%, ignore_below: 1}, unknowns: {max_rise: none}}":                  "0% 1, none, 60% 8",
		", guards: {segment_size: {max_change: 250%, ignore_below: 9}, unknowns: {max_rise: 5%}}":          "40% 7, 5%, 250% 9",
		", guards: {segment_size: {max_change: none}, unknowns: {max_rise: 1%}, exits: {max_share: none}}": "none 7, 1%, none 8",
	} {
		c := parse(t, "segments: [{name: a, when: b > 1"+own+"}]\n"+file)
		g := c.Guards.For(&c.Segments[0])
		got := fmt.Sprintf("%s %d, %s, %s %d", g.Exits.MaxShare, g.Exits.IgnoreBelow, g.Unknowns.MaxRise, g.SegmentSize.MaxChange, g.SegmentSize.IgnoreBelow)
		if got != want {
			t.Errorf("%q: %s, want %s", own, got, want)
		}
		if c.Guards.Exits.MaxShare.String() != "40%" || g.SnapshotRows != c.Guards.SnapshotRows || g.NullShare != c.Guards.NullShare {
			t.Errorf("%q: the file's guards have changed", own)
		}
	}
}

// Guards decide nobody's membership: another limit makes no other definitions, and no new run.
func TestGuardsOfASegmentAreNoDefinition(t *testing.T) {
	plain := parse(t, "segments: [{name: a, when: b > 1}]\n").Definitions()
	if own := parse(t, "segments: [{name: a, when: b > 1, guards: none}]\n").Definitions(); !own.Equal(plain) {
		t.Errorf("they differ:\n%s\n%s", own.Canonical(), plain.Canonical())
	}
}
