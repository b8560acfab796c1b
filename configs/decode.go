package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder fills Go values from the nodes of one file and collects every fault. Keys come from the `yaml` tags of struct
// fields; a field F gets the place of its value in FPos, where there is such a field.
type decoder struct {
	src      *source
	partial  bool // lines were left out: say nothing about missing keys
	problems Problems
}

// fault reports a Problem at a node.
func (d *decoder) fault(n *yaml.Node, hint, format string, args ...any) {
	d.problems = append(d.problems, d.src.problem(n.Line, n.Column, fmt.Sprintf(format, args...), hint))
}

// pos is a node's place.
func (d *decoder) pos(n *yaml.Node) Pos {
	return Pos{File: d.src.name, Line: n.Line, Column: n.Column}
}

// isLater says whether a field belongs to a later version.
func isLater(f reflect.StructField) bool { return f.Type == reflect.TypeFor[laterPart]() }

// fieldOf finds the field of a struct type by its key.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if f.IsExported() && f.Tag.Get("yaml") == key && key != "-" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// keysOf lists the keys of a struct type that this version has.
func keysOf(t reflect.Type) (keys []string) {
	for f := range t.Fields() {
		if key := f.Tag.Get("yaml"); key != "" && key != "-" && !isLater(f) {
			keys = append(keys, key)
		}
	}
	return keys
}

// join puts a key below what it belongs to, for messages: guards.exits, segment "vip": when.
func join(what, key string) string {
	switch {
	case what == "":
		return key
	case strings.HasSuffix(what, `"`) || strings.HasSuffix(what, "]"):
		return what + ": " + key
	}
	return what + "." + key
}

// prefix begins a message about what as a whole; the configuration itself has none.
func prefix(what string) string {
	if what == "" {
		return ""
	}
	return what + ": "
}

// object decodes a mapping into the struct v.
func (d *decoder) object(n *yaml.Node, v reflect.Value, what string) {
	if !d.isKind(n, yaml.MappingNode, what) {
		return
	}
	seen := map[string]*yaml.Node{}
	faults := len(d.problems)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name, ok := d.key(key, what)
		if !ok || d.isRepeated(seen, key, name, what) {
			continue
		}
		f, ok := fieldOf(v.Type(), name)
		switch {
		case !ok:
			if n.Style&yaml.FlowStyle == 0 || len(d.problems) == faults || !isNull(value) { // else the rest of a cut rule
				d.unknownKey(key, v.Type(), what)
			}
		case isLater(f):
			d.fault(key, "remove the key; it is refused rather than ignored", "%sthis version of strata does not have %s", prefix(what), f.Tag.Get("later"))
		default:
			d.field(value, v, f, join(what, name))
		}
	}
	d.checkMissing(n, v.Type(), seen, what)
}

// key returns a key's text, which must be plain enough to mean the same to every YAML reader.
func (d *decoder) key(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Value == "<<" && n.Tag == "!!merge" {
		if n.Kind != yaml.AliasNode && n.Value != "<<" {
			d.fault(n, "write key: value", "%sa key is a word", prefix(what))
		}
		return "", false
	}
	return d.text(n, prefix(what)+"a key")
}

// isRepeated notes a key and reports one that was there before.
func (d *decoder) isRepeated(seen map[string]*yaml.Node, key *yaml.Node, name, what string) bool {
	first := seen[name]
	if first != nil {
		d.fault(key, fmt.Sprintf("it is on line %d already; keep one", first.Line), "%sthe key %q is here twice", prefix(what), name)
		return true
	}
	seen[name] = key
	return false
}

// unknownKey reports a key that the struct type does not have.
func (d *decoder) unknownKey(key *yaml.Node, t reflect.Type, what string) {
	hint := didYouMean(key.Value, keysOf(t))
	switch _, main := fieldOf(reflect.TypeFor[Config](), key.Value); {
	case main && t == reflect.TypeFor[part]():
		hint = "an included file holds traits, segments and lifecycles; this belongs into the main file"
	case t == reflect.TypeFor[SegmentGuards]() && slices.Contains(keysOf(reflect.TypeFor[Guards]()), key.Value):
		hint = "it guards the snapshot, whatever the segment; it belongs into guards at the top of the main file"
	case looksSecret(key.Value):
		hint = "secrets come from the environment, never from this file"
	case hint == "":
		hint = "the keys here are " + strings.Join(keysOf(t), ", ")
	}
	d.fault(key, hint, "%sunknown key %q", prefix(what), key.Value)
}

// looksSecret says whether a key asks for a secret.
func looksSecret(key string) bool {
	for _, word := range []string{"password", "secret", "token", "credential", "access_key", "api_key", "private_key"} {
		if strings.Contains(strings.ToLower(key), word) {
			return true
		}
	}
	return false
}

// checkMissing reports the required keys that were not seen.
func (d *decoder) checkMissing(n *yaml.Node, t reflect.Type, seen map[string]*yaml.Node, what string) {
	for f := range t.Fields() {
		key := f.Tag.Get("yaml")
		if f.Tag.Get("required") != "" && seen[key] == nil && !d.partial {
			d.fault(n, exampleHint(f), "%sthe key %q is missing", prefix(what), key)
		}
	}
}

// exampleHint shows a key with the example of its schema.
func exampleHint(f reflect.StructField) string {
	key := f.Tag.Get("yaml")
	for part := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
		if example, ok := strings.CutPrefix(part, "example="); ok {
			return fmt.Sprintf("for example %s: %s", key, example)
		}
	}
	if f.Type == reflect.TypeFor[Expr]() {
		return fmt.Sprintf("for example %s: ltv > 800", key)
	}
	return ""
}

// field decodes a value into a field of v and notes its place.
func (d *decoder) field(n *yaml.Node, v reflect.Value, f reflect.StructField, what string) {
	if at := v.FieldByName(f.Name + "Pos"); at.IsValid() && at.Type() == reflect.TypeFor[Pos]() {
		at.Set(reflect.ValueOf(d.pos(n)))
	}
	if n.Kind == yaml.AliasNode {
		return
	}
	if isNull(n) && n.Value == "" && !d.isTagged(n) {
		if !d.partial {
			d.fault(n, "write a value, or remove the key", "%s has no value", what)
		}
		return
	}
	switch target := v.FieldByIndex(f.Index).Addr().Interface().(type) {
	case nodeValue:
		target.decode(d, n, what)
	case *string:
		switch text, ok := d.text(n, what); {
		case ok && text == "":
			d.fault(n, "write a value, or remove the key", "%s is empty", what)
		case ok && d.isChoice(n, f, text, what):
			*target = text
		}
	case *bool:
		d.boolean(n, target, what)
	case *int:
		d.count(n, target, what)
	case **int:
		*target = new(int)
		d.count(n, *target, what)
	case *Limit:
		d.limit(n, target, f.Tag.Get("atmost"), what)
	case **Limit:
		*target = new(Limit)
		d.limit(n, *target, f.Tag.Get("atmost"), what)
	case *Expr:
		*target = d.rule(n, what)
	case *Duplicates:
		d.duplicates(n, target, what)
	case *SegmentGuards:
		d.segmentGuards(n, target, what)
	case *[]ColumnDecl:
		d.columns(n, target, what)
	case *[]string:
		texts, places := d.texts(n, f, what)
		*target = texts
		if at := v.FieldByName(f.Name + "Pos"); at.IsValid() {
			at.Set(reflect.ValueOf(places))
		}
	default:
		d.nested(n, v.FieldByIndex(f.Index), what)
	}
}

// nested decodes a struct or a list of structs.
func (d *decoder) nested(n *yaml.Node, v reflect.Value, what string) {
	if v.Kind() == reflect.Struct {
		d.object(n, v, what)
		return
	}
	if !d.isKind(n, yaml.SequenceNode, what) {
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.object(item, list.Index(i), itemLabel(item, v.Type().Elem(), what, i))
	}
	v.Set(list)
}

// itemLabel names an item of a list in messages, by its name where it has one: segment "vip".
func itemLabel(n *yaml.Node, t reflect.Type, what string, i int) string {
	for k := 0; n.Kind == yaml.MappingNode && k+1 < len(n.Content); k += 2 {
		if n.Content[k].Value == "name" && n.Content[k+1].Kind == yaml.ScalarNode && n.Content[k+1].Value != "" {
			label := fmt.Sprintf("%s %q", strings.ToLower(t.Name()), n.Content[k+1].Value)
			if owner, _, ok := strings.Cut(what, ": stages"); ok {
				label = owner + ", " + label
			}
			return label
		}
	}
	return fmt.Sprintf("%s[%d]", what, i)
}

// isKind reports a node of another kind than the wanted.
func (d *decoder) isKind(n *yaml.Node, kind yaml.Kind, what string) bool {
	if n.Kind == kind {
		return true
	}
	if n.Kind == yaml.AliasNode || d.partial { // checkTree has said so, or what made it a list or mapping was left out
		return false
	}
	if what == "" {
		what = "the file"
	}
	hint := map[yaml.Kind]string{yaml.SequenceNode: "begin each item with a dash, or write [a, b]", yaml.MappingNode: "write key: value"}[kind]
	d.fault(n, hint, "%s: %s is wanted here, not %s", what, kindName(kind), kindName(n.Kind))
	return false
}

func kindName(kind yaml.Kind) string {
	switch kind {
	case yaml.MappingNode:
		return "a mapping (key: value)"
	case yaml.SequenceNode:
		return "a list"
	}
	return "text"
}

// checkTree reports what no part of the configuration may have: anchors, aliases, merge keys, tags on lists and mappings.
func (d *decoder) checkTree(n *yaml.Node) {
	hint := "write the value out; a trait names an expression for several rules"
	switch {
	case n.Anchor != "":
		d.fault(n, hint, "the anchor &%s: anchors and aliases are not part of this configuration", n.Anchor)
	case n.Kind == yaml.AliasNode:
		d.fault(n, hint, "the alias *%s: anchors and aliases are not part of this configuration", n.Value)
	case n.Tag == "!!merge":
		d.fault(n, "write the keys out", "the merge key << is not part of this configuration")
	case n.Kind != yaml.ScalarNode && d.isTagged(n):
		d.fault(n, "remove it", "tags (!) are not part of this configuration")
	}
	for _, child := range n.Content {
		d.checkTree(child)
	}
}

// isTagged says whether a tag stands before a value: also the tag ! alone, which yaml.v3 drops without a trace.
func (d *decoder) isTagged(n *yaml.Node) bool {
	row := d.src.runes(n.Line)
	return n.Style&yaml.TaggedStyle != 0 || n.Column <= len(row) && row[n.Column-1] == '!'
}

// boolean decodes true or false.
func (d *decoder) boolean(n *yaml.Node, target *bool, what string) {
	if n.Kind != yaml.ScalarNode || n.Style != 0 || d.isTagged(n) || n.Value != "true" && n.Value != "false" {
		d.fault(n, "write true or false, without quotes", "%s is a switch", what)
		return
	}
	*target = n.Value == "true"
}

// count decodes a number of things.
func (d *decoder) count(n *yaml.Node, target *int, what string) {
	number, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Style != 0 || d.isTagged(n) || err != nil || number < 0 || n.Value != strconv.Itoa(number) {
		d.fault(n, "for example 1000", "%s is a whole number, 0 or more", what)
		return
	}
	*target = number
}

// limit decodes a percentage.
func (d *decoder) limit(n *yaml.Node, target *Limit, atMost, what string) {
	var limit, top Limit
	if n.Kind != yaml.ScalarNode || d.isTagged(n) || limit.UnmarshalText([]byte(n.Value)) != nil {
		hint := "write a number and a percent sign, for example 20%, or none"
		if number, err := strconv.ParseFloat(n.Value, 64); err == nil && number >= 0 && n.Kind == yaml.ScalarNode {
			hint = fmt.Sprintf("a share has a percent sign: %s%%", n.Value)
			if number <= 1 {
				hint += fmt.Sprintf(" or %s", Limit{Share: number})
			}
		}
		d.fault(n, hint, "%s is a percentage", what)
		return
	}
	if atMost != "" && top.UnmarshalText([]byte(atMost)) == nil && limit.Share > top.Share {
		d.fault(n, "write none for no limit", "%s: %s is more than %s", what, n.Value, atMost)
		return
	}
	*target = limit
}

// duplicates decodes the word fail, or keep and by.
func (d *decoder) duplicates(n *yaml.Node, target *Duplicates, what string) {
	if n.Kind != yaml.ScalarNode {
		*target = Duplicates{}
		d.object(n, reflect.ValueOf(target).Elem(), what)
		return
	}
	if text, ok := d.text(n, what); ok && text != KeepNone {
		d.fault(n, "write fail, or {keep: latest, by: updated_at}", "%s: %q is no policy", what, text)
	}
}

// segmentGuards decodes the word none, or limits.
func (d *decoder) segmentGuards(n *yaml.Node, target *SegmentGuards, what string) {
	if n.Kind != yaml.ScalarNode {
		d.object(n, reflect.ValueOf(target).Elem(), what)
		return
	}
	target.Off = n.Value == "none" && !d.isTagged(n)
	if !target.Off {
		d.fault(n, "write none to turn them off, or limits such as {exits: {max_share: 80%}}", "%s: %q is neither none nor limits", what, n.Value)
	}
}

// columns decodes the declared columns, in the order of the file.
func (d *decoder) columns(n *yaml.Node, target *[]ColumnDecl, what string) {
	if !d.isKind(n, yaml.MappingNode, what) {
		return
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name, ok := d.key(key, what)
		if !ok || d.isRepeated(seen, key, name, what) {
			continue
		}
		decl := ColumnDecl{Name: name, Column: name, Pos: d.pos(key)}
		if value.Kind == yaml.ScalarNode {
			d.fault(value, fmt.Sprintf("for example %s: {column: utm-source}", name), "%s: column, as or null_text is wanted", join(what, name))
			continue
		}
		d.object(value, reflect.ValueOf(&decl).Elem(), join(what, name))
		*target = append(*target, decl)
	}
}
