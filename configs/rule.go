package configs

import (
	"fmt"
	"slices"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// rule decodes a rule: a scalar of any style, or all: or any: with a list of rules. A faulty one gives an empty Expr.
func (d *decoder) rule(n *yaml.Node, what string) Expr {
	switch {
	case d.src.masked[n.Line]: // its fault is told already
		return Expr{}
	case n.Kind == yaml.MappingNode && len(n.Content) > 0 && slices.Contains([]string{"all", "any"}, n.Content[0].Value):
		return d.joined(n, what)
	case n.Kind == yaml.ScalarNode && !d.isTagged(n):
		return d.scalarRule(n, what)
	case n.Kind == yaml.AliasNode:
		return Expr{}
	}
	raw := string(d.src.runes(n.Line)[n.Column-1:])
	message := "the rule is a list; a rule is text, or all: or any: with a list below"
	if raw != "" && startTrap(raw[0]) != "" {
		message = startTrap(raw[0])
	}
	d.fault(n, quoteHint(raw), "%s: %s", what, message)
	return Expr{}
}

// scalarRule decodes a rule that is one scalar, and refuses what YAML has changed in it.
func (d *decoder) scalarRule(n *yaml.Node, what string) Expr {
	if as := readAs(n); as != "" && !(as == "no value" && n.Value == "") {
		d.fault(n, fmt.Sprintf("quote it: %q", n.Value), "%s: a rule is text; YAML reads %s as %s", what, n.Value, as)
		return Expr{}
	}
	places := locate(d.src, n)
	if d.isCut(n, places, what) || d.hidesLines(n, places, what) {
		return Expr{}
	}
	runes := []rune(n.Value)
	from, to := 0, len(runes)
	for from < to && unicode.IsSpace(runes[from]) {
		from++
	}
	for to > from && unicode.IsSpace(runes[to-1]) {
		to--
	}
	if from == to {
		d.fault(n, `write "true" for everybody`, "%s: the rule is empty", what)
		return Expr{}
	}
	return Expr{Text: string(runes[from:to]), src: d.src, places: places[from : to+1]}
}

// isCut reports a plain rule that a comment, or a comma inside { }, has ended in the middle.
func (d *decoder) isCut(n *yaml.Node, places []place, what string) bool {
	end := places[len(places)-1]
	row := d.src.runes(int(end.line))
	rest := row[min(int(end.column)-1, len(row)):]
	next := leading(rest, " \t")
	if n.Style != 0 || next == len(rest) || !outlineOf(n.Value).unfinished() {
		return false
	}
	message := "the rule is cut here: inside { } a comma ends it"
	switch {
	case rest[next] == '#':
		message = cutMessage
	case rest[next] == '}' || rest[next] == ']':
		message = fmt.Sprintf("the rule is cut here: inside { } and [ ] YAML takes the %c for its own", rest[next])
	case rest[next] != ',':
		return false
	}
	hint := "put the rule in quotes"
	if rest[next] == '#' {
		hint = cutHint(n.Value+string(rest), outlineOf(n.Value))
	}
	d.problems = append(d.problems, d.src.problem(int(end.line), int(end.column)+next, what+": "+message, hint))
	return true
}

// hidesLines reports a rule whose lines YAML joins although that changes it: a // comment on one of them would swallow the
// rest, and a string over a line's end would get a space there.
func (d *decoder) hidesLines(n *yaml.Node, places []place, what string) bool {
	if n.Style&yaml.LiteralStyle != 0 || places[0].line == places[len(places)-1].line {
		return false
	}
	o, message := outlineOf(n.Value), ""
	switch {
	case o.comment:
		message = "so its // comment hides what follows"
	case o.hasTextOver(lineEnds(n.Value, places)):
		message = "and with them a string in it"
	default:
		return false
	}
	d.fault(n, "write | and the rule on the next lines", "%s: YAML joins the lines of this rule, %s", what, message)
	return true
}

// lineEnds returns the bytes of a value that stand first on a line of the file.
func lineEnds(value string, places []place) (ends []int) {
	i := 0
	for at := range value {
		if i > 0 && places[i-1].line != places[i].line {
			ends = append(ends, at)
		}
		i++
	}
	return ends
}

// joined decodes all: or any: into one rule: the items in brackets, each closed on a line of its own in case the item ends
// in a comment.
func (d *decoder) joined(n *yaml.Node, what string) Expr {
	key, list := n.Content[0], n.Content[1]
	if len(n.Content) > 2 {
		d.fault(n.Content[2], "nest one in the other's list", "%s: all or any stands alone, not beside %q", what, n.Content[2].Value)
		return Expr{}
	}
	what = join(what, key.Value)
	if !d.isKind(list, yaml.SequenceNode, what) {
		return Expr{}
	}
	if len(list.Content) == 0 {
		d.fault(list, `write "true" for everybody`, "%s: the list is empty", what)
		return Expr{}
	}
	operator := map[string]string{"all": " &&\n", "any": " ||\n"}[key.Value]
	out := Expr{src: d.src}
	for i, item := range list.Content {
		e := d.rule(item, fmt.Sprintf("%s[%d]", what, i))
		if e.Text == "" {
			continue
		}
		if o := outlineOf(e.Text); o.quoted || o.closed || o.depth != 0 {
			d.fault(item, "each item is a whole rule", "%s[%d]: its quotes or brackets do not match", what, i)
			continue
		}
		if len(out.places) > 0 {
			out.add(operator, out.places[len(out.places)-1])
		}
		out.add("(", e.places[0])
		out.Text += e.Text
		out.places = append(out.places, e.places[:len(e.places)-1]...)
		out.add("\n)", e.places[len(e.places)-1])
	}
	if len(out.places) == 0 {
		return Expr{}
	}
	out.places = append(out.places, out.places[len(out.places)-1])
	return out
}

// add appends text that stands nowhere in the file; it is shown at one place.
func (e *Expr) add(text string, at place) {
	e.Text += text
	e.places = append(e.places, slices.Repeat([]place{at}, len(text))...)
}
