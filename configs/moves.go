package configs

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Moves are the moves that a lifecycle allows. None means that every move is allowed.
type Moves []Move

// A Move is a step from one stage to another, written lead -> customer.
type Move struct {
	From, To       string
	FromPos, ToPos Pos
}

// movePattern is what editors check of a move.
const movePattern = `^\s*[A-Za-z][A-Za-z0-9_-]*\s*->\s*[A-Za-z][A-Za-z0-9_-]*\s*$`

// String is the spelling of the YAML file.
func (m Move) String() string { return m.From + " -> " + m.To }

// MarshalText writes the spelling of the YAML file.
func (m Move) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the spelling of the YAML file.
func (m *Move) UnmarshalText(text []byte) error {
	from, to, ok := strings.Cut(string(text), "->")
	*m = Move{From: strings.TrimSpace(from), To: strings.TrimSpace(to)}
	if !ok || m.From == "" || m.To == "" || strings.Contains(to, "->") {
		return fmt.Errorf("%q is not a move such as lead -> customer", text)
	}
	return nil
}

// Allows says whether a user may go from one stage to another.
func (ms Moves) Allows(from, to string) bool {
	return len(ms) == 0 || slices.ContainsFunc(ms, func(m Move) bool { return m.From == from && m.To == to })
}

func (ms *Moves) decode(d *decoder, n *yaml.Node, what string) {
	if n.Kind == yaml.ScalarNode {
		d.fault(n, fmt.Sprintf("write [%s]", n.Value), "%s is a list", what)
		return
	}
	if !d.isKind(n, yaml.SequenceNode, what) {
		return
	}
	if len(n.Content) == 0 {
		d.fault(n, "remove the key to allow every move", "%s: the list is empty, so nobody could ever move", what)
	}
	for i, item := range n.Content {
		if move, ok := d.move(item, fmt.Sprintf("%s[%d]", what, i)); ok {
			*ms = append(*ms, move)
		}
	}
}

// move decodes one move and the places of its two stages.
func (d *decoder) move(n *yaml.Node, what string) (m Move, ok bool) {
	const hint = "write from -> to, for example lead -> customer"
	if n.Kind != yaml.ScalarNode {
		d.fault(n, hint, "%s: a move is text", what)
		return m, false
	}
	text, ok := d.text(n, what)
	if !ok {
		return m, false
	}
	if err := m.UnmarshalText([]byte(text)); err != nil {
		d.fault(n, moveHint(text, hint), "%s: %q is not a move", what, text)
		return m, false
	}
	places := locate(d.src, n)
	at := func(bytes int) Pos {
		p := places[len([]rune(text[:bytes]))]
		return Pos{File: d.src.name, Line: int(p.line), Column: int(p.column)}
	}
	m.FromPos, m.ToPos = at(strings.Index(text, m.From)), at(strings.LastIndex(text, m.To))
	return m, true
}

const alwaysAllowed = "leave it out: entering a first stage and losing the last one are always allowed"

// moveHint shows how a text that is not a move was likely meant.
func moveHint(text, hint string) string {
	if steps := strings.Split(text, "->"); len(steps) > 2 {
		return fmt.Sprintf("write each step on its own: %s -> %s, and so on", strings.TrimSpace(steps[0]), strings.TrimSpace(steps[1]))
	}
	for _, arrow := range []string{"=>", "→", "-->", ">", " to "} {
		from, to, _ := strings.Cut(text, arrow)
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if namePattern.MatchString(from) && namePattern.MatchString(to) {
			return fmt.Sprintf("write %s -> %s", from, to)
		}
	}
	if strings.HasPrefix(text, "->") || strings.HasSuffix(text, "->") {
		return alwaysAllowed
	}
	return hint
}

// checkMoves reports moves that name no stage of their lifecycle, lead nowhere or are there twice.
func (c *Config) checkMoves() (problems Problems) {
	for _, l := range c.Lifecycles {
		var stages []string
		for _, s := range l.Stages {
			stages = append(stages, s.Name)
		}
		seen := map[string]bool{}
		for _, m := range l.Moves {
			what := fmt.Sprintf("lifecycle %q: the move %s", l.Name, m)
			if !slices.Contains(stages, "") { // else the decoder has told that a stage has no name
				problems = append(problems, c.checkStage(m.From, m.FromPos, stages, what)...)
				problems = append(problems, c.checkStage(m.To, m.ToPos, stages, what)...)
			}
			switch {
			case m.From == m.To:
				problems = append(problems, c.Problem(m.FromPos, what+" leads nowhere", "remove it; who keeps a stage makes no move"))
			case seen[m.String()]:
				problems = append(problems, c.Problem(m.FromPos, what+" is here twice", "keep one"))
			}
			seen[m.String()] = true
		}
	}
	return problems
}

// checkStage reports a name in a move that is no stage of the lifecycle.
func (c *Config) checkStage(name string, pos Pos, stages []string, what string) Problems {
	if slices.Contains(stages, name) {
		return nil
	}
	hint := didYouMean(name, stages)
	switch {
	case slices.Contains([]string{"none", "null", "-", "*"}, name):
		hint = alwaysAllowed
	case hint == "":
		hint = "the stages are " + strings.Join(stages, ", ")
	}
	return Problems{c.Problem(pos, fmt.Sprintf("%s: there is no stage %q", what, name), hint)}
}
