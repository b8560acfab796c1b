package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// oldBooleans are the words that YAML 1.1 readers, editors and formatters take for booleans. (yaml.v3 reads most as text.)
var oldBooleans = strings.Fields("y Y yes Yes YES n N no No NO on On ON off Off OFF true True TRUE false False FALSE")

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// text returns a scalar that every YAML reader takes for text; anything else is reported, with the quotes it needs.
func (d *decoder) text(n *yaml.Node, what string) (string, bool) {
	if !d.isKind(n, yaml.ScalarNode, what) {
		return "", false
	}
	if d.isTagged(n) {
		d.fault(n, "put the text in quotes, without a tag", "%s: YAML reads ! at the start as a tag", what)
		return "", false
	}
	if as := readAs(n); as != "" {
		d.fault(n, fmt.Sprintf("quote it: %q", n.Value), "%s: YAML reads %s as %s", what, n.Value, as)
		return "", false
	}
	return n.Value, true
}

// readAs says what a plain scalar is to YAML when it is not text, else "".
func readAs(n *yaml.Node) string {
	if n.Style != 0 {
		return ""
	}
	switch {
	case slices.Contains(oldBooleans, n.Value):
		return "a boolean"
	case n.Tag == "!!null":
		return "no value"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "a number"
	case n.Tag == "!!timestamp":
		return "a date"
	case n.Tag != "!!str":
		return strings.TrimPrefix(n.Tag, "!!")
	}
	return ""
}

// texts returns a list of texts, each once, and their places.
func (d *decoder) texts(n *yaml.Node, f reflect.StructField, what string) (texts []string, places []Pos) {
	if n.Kind == yaml.ScalarNode {
		d.fault(n, fmt.Sprintf("write [%s]", n.Value), "%s is a list", what)
		return nil, nil
	}
	if !d.isKind(n, yaml.SequenceNode, what) {
		return nil, nil
	}
	for i, item := range n.Content {
		label := fmt.Sprintf("%s[%d]", what, i)
		text, ok := d.text(item, label)
		switch {
		case !ok || !d.isChoice(item, f, text, label):
		case slices.Contains(texts, text):
			d.fault(item, "keep one", "%s: %q is here twice", what, text)
		default:
			texts, places = append(texts, text), append(places, d.pos(item))
		}
	}
	return texts, places
}

// isChoice reports a text that is none of the field's choices.
func (d *decoder) isChoice(n *yaml.Node, f reflect.StructField, text, what string) bool {
	choices := strings.Fields(f.Tag.Get("choices"))
	if len(choices) == 0 || slices.Contains(choices, text) {
		return true
	}
	hint := didYouMean(text, choices)
	if hint == "" {
		hint = "write " + strings.Join(choices, " or ")
	}
	d.fault(n, hint, "%s: %q is not known", what, text)
	return false
}
