package readers

import (
	"net/url"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/objects"
)

// Folders of the form name=value below the first wildcard of a snapshot's pattern are columns of text: what is in the path before it
// is the same for all files and says nothing. Text, because nothing tells whether 06 is a number.

// hiveNull is how Hive and its kin write a null into a path.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// A pathColumn is a column whose value a file's path tells.
type pathColumn struct {
	name  string
	value *string // nil is null
}

// pathColumns reads the columns in a key that was listed by a pattern.
func pathColumns(pattern, key string) (out []pathColumn) {
	literal, wild := splitPattern(pattern)
	if wild == "" {
		literal = strings.TrimSuffix(pattern, "/") + "/" // a folder
	}
	rest, ok := strings.CutPrefix(key, literal)
	if !ok || pattern == "" {
		return nil
	}
	parts := strings.Split(rest, "/")
	for _, part := range parts[:len(parts)-1] {
		name, text, ok := strings.Cut(part, "=")
		if !ok || name == "" {
			continue
		}
		c := pathColumn{name: unescaped(name)}
		if text != hiveNull {
			value := unescaped(text)
			c.value = &value
		}
		out = append(out, c)
	}
	return out
}

// wanted are the objects that Keys does not leave out; all of them where it would leave out all.
func (o Options) wanted(pinned []objects.Info) (kept []objects.Info) {
	if o.Keys == nil {
		return pinned
	}
	for _, object := range pinned {
		values := map[string]*string{}
		for _, c := range pathColumns(o.Pattern, object.Key) {
			values[c.name] = c.value
		}
		if o.Keys.Keep(values) {
			kept = append(kept, object)
		}
	}
	if len(kept) == 0 {
		return pinned
	}
	return kept
}

// hasOwn says whether a file has a column itself that the folders of some objects tell too, among those that Keys looks at. It then
// wins over its path, in these objects perhaps as well.
func (s *Snapshot) hasOwn(pinned []objects.Info) bool {
	for _, object := range pinned {
		for _, p := range pathColumns(s.opts.Pattern, object.Key) {
			c := s.union.byName[p.name]
			if c != nil && slices.Contains(s.opts.Keys.Columns, p.name) && slices.ContainsFunc(c.nodes, func(n *node) bool { return n != nil && !n.path }) {
				return true
			}
		}
	}
	return false
}

// unescaped undoes percent-encoding, which those who write such paths use for what may not stand in a name.
func unescaped(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// addPath adds the columns that the path of file i tells. A column in the file itself wins.
func (u *union) addPath(files []*file, i int, pattern string) {
	for _, p := range pathColumns(pattern, files[i].object.Key) {
		c := u.byName[p.name]
		if c == nil {
			c = &unionColumn{field: arrow.Field{Name: p.name, Type: arrow.BinaryTypes.String}, nodes: make([]*node, len(files))}
			u.byName[p.name] = c
			u.columns = append(u.columns, c)
		}
		if c.nodes[i] != nil {
			u.note("column %q is in the files and in their paths; that of the files is read", p.name)
			continue
		}
		if c.paths == nil {
			c.paths = make([]*string, len(files))
		}
		c.paths[i] = p.value
		c.nodes[i] = &node{name: p.name, typ: arrow.BinaryTypes.String, nullable: p.value == nil, path: true}
		u.join(c, c.nodes[i], files, i)
		c.field.Nullable = c.field.Nullable || p.value == nil
	}
}

// A constantSource repeats one text, or null.
type constantSource struct {
	value *string
	mem   memory.Allocator
}

func (s *constantSource) close() {}

// next returns a dictionary array of one value.
func (s *constantSource) next(limit int) (arrow.Array, error) {
	if s.value == nil {
		return nulls(s.mem, arrow.BinaryTypes.String, limit), nil
	}
	b := array.NewStringBuilder(s.mem)
	defer b.Release()
	b.Append(*s.value)
	dictionary := b.NewArray()
	defer dictionary.Release()
	t := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	return makeDictionary(t, limit, zeroBuffer(s.mem, 4*limit), nil, 0, dictionary), nil
}
