package configs

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDays(t *testing.T) {
	for text, want := range map[string]Days{"1d": 1, "7d": 7, "2w": 14, "1w": 7, "36525d": 36525, "5217w": 36519} {
		var v Days
		if err := v.UnmarshalText([]byte(text)); err != nil || v != want {
			t.Errorf("%s is %v, %v; want %v", text, v, err, want)
		}
	}
	for _, text := range []string{"", "d", "7", "0d", "-1d", "+1d", "07d", "1.5d", "36h", "2mo", "1y", "7 d", "7D", "36526d", "5218w", "999999999d"} {
		v := Days(3)
		if err := v.UnmarshalText([]byte(text)); err == nil || v != 3 {
			t.Errorf("%s is %v, %v", text, v, err)
		}
	}
}

func TestMove(t *testing.T) {
	for text, want := range map[string]Move{
		"a -> b": {From: "a", To: "b"}, "a->b": {From: "a", To: "b"}, " big-one  ->  b-2 ": {From: "big-one", To: "b-2"},
	} {
		var m Move
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%s is %v, %v; want %v", text, m, err, want)
		}
	}
	for _, text := range []string{"", "a", "a b", "-> b", "a ->", "->", "a -> b -> c", "a > b"} {
		var m Move
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, m)
		}
	}
	if m := (Moves{{From: "a", To: "b"}}); !m.Allows("a", "b") || m.Allows("b", "a") || !Moves(nil).Allows("b", "a") {
		t.Error("moves allow what is listed, and everything when there are none")
	}
}

// Spellings of the same length of time, and another order of the moves, make no other definitions.
func TestSpellingsOfStateAreEqual(t *testing.T) {
	const more = "lifecycles:\n  - name: l\n    stages: [{name: p, when: b > 1}, {name: q, when: b > 0}, {name: r, when: b < 0}]\n    moves: "
	first := parse(t, "segments: [{name: a, when: b > 1, min_stay: 2w, cooldown: 7d}]\n"+more+"[p -> q, q -> r]\n").Definitions()
	second := parse(t, "segments: [{name: a, when: b > 1, min_stay: 14d, cooldown: 1w}]\n"+more+"['q->r', 'p   ->   q']\n").Definitions()
	if !first.Equal(second) {
		t.Errorf("they differ:\n%s\n%s", first.Canonical(), second.Canonical())
	}
	for _, moves := range []string{"[p -> q]", "[p -> q, r -> q]"} {
		if other := parse(t, "segments: [{name: a, when: b > 1, min_stay: 2w, cooldown: 7d}]\n"+more+moves+"\n").Definitions(); other.Equal(first) {
			t.Errorf("moves %s are the same as others", moves)
		}
	}
	checkRoundTrip(t, first)
}

// What manifests of before hold reads as it did, and definitions without state are written as they were.
func TestDefinitionsWithoutStateHaveNoNewKeys(t *testing.T) {
	d := parse(t, "segments: [{name: a, when: b > 1}]\nlifecycles: [{name: l, stages: [{name: s, when: a > 1}]}]\n").Definitions()
	text := string(d.Canonical())
	for _, key := range []string{"until", "min_stay", "cooldown", "moves"} {
		if strings.Contains(text, key) {
			t.Errorf("%s is in %s", key, text)
		}
	}
	var back Definitions
	if err := json.Unmarshal([]byte(text), &back); err != nil || back.Segments[0].Until.Text != "" || back.Lifecycles[0].Moves != nil {
		t.Errorf("%v: %+v", err, back)
	}
}

// The places of a move's stages, for messages of rules: whatever the style.
func TestPlacesOfMoves(t *testing.T) {
	c := parse(t, "lifecycles:\n  - name: l\n    stages: [{name: p, when: a}, {name: q, when: a}]\n    moves: [p -> q, 'q ->  p']\n")
	for i, want := range []string{"conf/strata.yaml:6:13 conf/strata.yaml:6:18", "conf/strata.yaml:6:22 conf/strata.yaml:6:28"} {
		m := c.Lifecycles[0].Moves[i]
		if got := m.FromPos.String() + " " + m.ToPos.String(); got != want {
			t.Errorf("%s stands at %s, want %s", m, got, want)
		}
	}
	if pos := c.Lifecycles[0].MovesPos; pos.Line != 6 || pos.Column != 12 {
		t.Errorf("moves stand at %v", pos)
	}
}
