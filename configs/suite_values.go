package configs

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// A nodeValue decodes itself, where the shape of its YAML is not that of a struct.
type nodeValue interface {
	decode(d *decoder, n *yaml.Node, what string)
}

// A Day is a date such as 2026-11-02. The zero Day was not written; one without Text is at fault.
type Day struct {
	Pos  Pos
	Text string
}

func (v *Day) decode(d *decoder, n *yaml.Node, what string) {
	if !d.isKind(n, yaml.ScalarNode, what) {
		return
	}
	v.Pos = d.pos(n)
	if _, err := time.Parse(time.DateOnly, n.Value); err != nil {
		d.fault(n, "for example 2026-11-02", "%s: %q is not a date", what, n.Value)
		return
	}
	v.Text = n.Value
}

// Time is the midnight in UTC that starts the date.
func (v Day) Time() time.Time {
	t, _ := time.Parse(time.DateOnly, v.Text) // decode has checked it
	return t
}

// An Instant is a time with its offset, such as 2026-11-03T00:00:00Z. The zero Instant was not written.
type Instant struct {
	Pos  Pos
	Time time.Time
}

func (v *Instant) decode(d *decoder, n *yaml.Node, what string) {
	if !d.isKind(n, yaml.ScalarNode, what) {
		return
	}
	t, err := time.Parse(time.RFC3339Nano, n.Value)
	if err != nil {
		d.fault(n, "for example 2026-11-03T00:00:00Z", "%s: %q is not an instant", what, n.Value)
		return
	}
	*v = Instant{d.pos(n), t}
}

// Names is a list of names, each once. Stated tells an empty list from none.
type Names struct {
	Stated bool
	Names  []string
	Places []Pos
}

func (v *Names) decode(d *decoder, n *yaml.Node, what string) {
	if n.Kind == yaml.ScalarNode {
		d.fault(n, fmt.Sprintf("write [%s]", n.Value), "%s is a list", what)
		return
	}
	if !d.isKind(n, yaml.SequenceNode, what) {
		return
	}
	v.Stated = true
	for i, item := range n.Content {
		text, ok := d.text(item, fmt.Sprintf("%s[%d]", what, i))
		switch {
		case !ok:
		case slices.Contains(v.Names, text):
			d.fault(item, "keep one", "%s: %q is here twice", what, text)
		default:
			v.Names, v.Places = append(v.Names, text), append(v.Places, d.pos(item))
		}
	}
}

// Texts are texts by name, in the order of the file.
type Texts []NamedText

// A NamedText is a text under a name.
type NamedText struct {
	Name    string
	NamePos Pos
	Text    string
	Pos     Pos
}

func (v *Texts) decode(d *decoder, n *yaml.Node, what string) {
	d.eachKey(n, what, func(key, value *yaml.Node, name string) {
		if d.isKind(value, yaml.ScalarNode, join(what, name)) {
			*v = append(*v, NamedText{Name: name, NamePos: d.pos(key), Text: value.Value, Pos: d.pos(value)})
		}
	})
}

// eachKey visits the keys of a mapping, each once.
func (d *decoder) eachKey(n *yaml.Node, what string, visit func(key, value *yaml.Node, name string)) {
	if !d.isKind(n, yaml.MappingNode, what) {
		return
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if name, ok := d.key(key, what); ok && !d.isRepeated(seen, key, name, what) {
			visit(key, value, name)
		}
	}
}

// Users are rows of a snapshot. Stated tells an empty snapshot from none.
type Users struct {
	Stated bool
	Rows   []User
}

// A User is a row: values by column, as they are written.
type User struct {
	Pos   Pos
	Cells []Cell
}

// A Cell is a value in a column.
type Cell struct {
	Name    string
	NamePos Pos
	Value   Value
}

func (v *Users) decode(d *decoder, n *yaml.Node, what string) {
	v.Stated = true
	if !d.isKind(n, yaml.SequenceNode, what) {
		return
	}
	for i, item := range n.Content {
		user, label := User{Pos: d.pos(item)}, fmt.Sprintf("%s[%d]", what, i)
		d.eachKey(item, label, func(key, value *yaml.Node, name string) {
			cell := Cell{Name: name, NamePos: d.pos(key)}
			cell.Value.decode(d, value, join(label, name))
			user.Cells = append(user.Cells, cell)
		})
		v.Rows = append(v.Rows, user)
	}
}

// A Value is what is written for a column: a scalar, a list or a mapping. Its type is the column's, so that is checked later.
type Value struct {
	Pos    Pos
	Null   bool
	Quoted bool    // a scalar in quotes: text whatever it looks like
	Kind   string  // of a scalar, as YAML sees it: int, float, bool, timestamp, str
	Text   string  // of a scalar
	List   []Value // of a list
	Map    []Cell  // of a mapping
	IsList bool
	IsMap  bool
}

func (v *Value) decode(d *decoder, n *yaml.Node, what string) {
	*v = Value{Pos: d.pos(n)}
	switch n.Kind {
	case yaml.ScalarNode:
		if d.isTagged(n) {
			d.fault(n, "put the text in quotes, without a tag", "%s: YAML reads ! at the start as a tag", what)
		}
		v.Null, v.Quoted, v.Text = isNull(n) && n.Style == 0, n.Style != 0, n.Value
		if len(n.Tag) > 2 {
			v.Kind = n.Tag[2:]
		}
	case yaml.SequenceNode:
		v.IsList = true
		for i, item := range n.Content {
			v.List = append(v.List, Value{})
			v.List[i].decode(d, item, fmt.Sprintf("%s[%d]", what, i))
		}
	case yaml.MappingNode:
		v.IsMap = true
		d.eachKey(n, what, func(key, value *yaml.Node, name string) {
			cell := Cell{Name: name, NamePos: d.pos(key)}
			cell.Value.decode(d, value, join(what, name))
			v.Map = append(v.Map, cell)
		})
	}
}
