package configs

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// maxFileBytes bounds a configuration file, so that a wrong path cannot fill the memory.
const maxFileBytes = 16 << 20

// Load reads the file and what it includes. The error is Problems when the files could be read but are at fault; the Config
// beside them, if there is one, is what was left of it, for finding the faults of the rules too.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a configuration from data; name is its path, to which included files and relative paths resolve. The error is
// Problems, every fault at once, and the Config beside them what Load says.
func Parse(name string, data []byte) (*Config, error) {
	c := Default()
	c.File, c.files = name, map[string]*source{}
	l := &loader{config: c}
	decoded, whole := l.main(name, data)
	problems := l.problems
	if decoded {
		problems = append(problems, c.validate(whole, len(problems) == 0)...)
	}
	if err := problems.redacted().Err(); err != nil {
		if !decoded || !whole {
			return nil, err
		}
		c.leaveOutFaulty()
		return c, err
	}
	c.Warnings = problems.Sorted()
	return c, nil
}

// readFile reads a regular file of a sane size.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	case info.Size() > maxFileBytes:
		return nil, fmt.Errorf("%s has %d bytes; a configuration may have %d", name, info.Size(), maxFileBytes)
	}
	return os.ReadFile(name)
}

// part is what an included file may hold.
type part struct {
	Include    []string    `yaml:"include"`
	IncludePos []Pos       `yaml:"-"`
	Traits     []Trait     `yaml:"traits"`
	Segments   []Segment   `yaml:"segments"`
	Lifecycles []Lifecycle `yaml:"lifecycles"`
}

// loader joins the main file and what it includes.
type loader struct {
	config   *Config
	open     []string // the files that are being read, the main one first: a name among them closes a cycle
	problems Problems
}

// main decodes the main file and what it includes: whether it could, and whether no part had to be left out.
func (l *loader) main(name string, data []byte) (decoded, whole bool) {
	c := l.config
	d := l.decode(name, data, reflect.ValueOf(c).Elem())
	if d == nil {
		return false, false
	}
	own := part{Traits: c.Traits, Segments: c.Segments, Lifecycles: c.Lifecycles}
	c.Traits, c.Segments, c.Lifecycles = nil, nil, nil
	l.open = []string{filepath.Clean(name)}
	included := l.includeAll(d, c.Include, c.IncludePos, "")
	l.add(own, "")
	return true, included && !d.partial
}

// decode parses one file into v; nil when nothing of it could be decoded.
func (l *loader) decode(name string, data []byte, v reflect.Value) *decoder {
	text := strings.TrimPrefix(string(data), "\uFEFF")
	src := newSource(name, text)
	l.config.files[name] = src
	if problems := src.checkCharacters(); len(problems) > 0 {
		l.problems = append(l.problems, problems...)
		return nil
	}
	root, problems, whole := parseTree(src, text)
	l.problems = append(l.problems, problems...)
	if root == nil {
		if len(problems) == 0 {
			l.problems = append(l.problems, src.problem(1, 1, "the file is empty", "strata schema and the examples show what it may hold"))
		}
		return nil
	}
	d := &decoder{src: src, partial: !whole}
	d.checkTree(root)
	d.object(root, v, "")
	l.problems = append(l.problems, d.problems...)
	return d
}

// includeAll reads the files that one file includes. folder is that file's, as seen from the main file; empty for the same.
func (l *loader) includeAll(from *decoder, names []string, places []Pos, folder string) (whole bool) {
	whole = true
	for i, name := range names {
		ok, err := l.include(from.src.name, name, folder)
		if err != nil {
			hint := ""
			if errors.Is(err, os.ErrNotExist) {
				hint = "a path is relative to the file that it stands in"
			}
			l.problems = append(l.problems, l.config.Problem(places[i], fmt.Sprintf("include: %v", err), hint))
		}
		whole = whole && ok
	}
	return whole
}

// include reads one included file. The error concerns the place that includes it; faults inside are noted.
func (l *loader) include(from, name, folder string) (whole bool, err error) {
	if strings.Contains(name, "://") {
		return false, fmt.Errorf("%q is not a local file; only local files can be included", name)
	}
	file := filepath.FromSlash(name)
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(from), file)
	}
	if at := slices.Index(l.open, file); at >= 0 {
		return false, fmt.Errorf("a cycle: %s", strings.Join(append(slices.Clone(l.open[at:]), file), " -> "))
	}
	if l.config.files[file] != nil {
		return false, fmt.Errorf("%q is included twice", name)
	}
	data, err := readFile(file)
	if err != nil {
		return false, plainError(err)
	}
	var p part
	d := l.decode(file, data, reflect.ValueOf(&p).Elem())
	if d == nil {
		return false, nil
	}
	folder = path.Dir(below(folder, filepath.ToSlash(name)))
	l.open = append(l.open, file)
	whole = l.includeAll(d, p.Include, p.IncludePos, folder)
	l.open = l.open[:len(l.open)-1]
	l.add(p, folder)
	return whole && !d.partial, nil
}

// plainError leaves the system call out of an error about a path.
func plainError(err error) error {
	if fault, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", fault.Path, fault.Err)
	}
	return err
}

// add appends the definitions of one file. Paths of lists there are relative to that file; folder, its place as seen from
// the main file, makes them relative to the main file.
func (l *loader) add(p part, folder string) {
	for i := range p.Segments {
		s := &p.Segments[i]
		s.Include, s.Exclude = below(folder, s.Include), below(folder, s.Exclude)
	}
	c := l.config
	c.Traits = append(c.Traits, p.Traits...)
	c.Segments = append(c.Segments, p.Segments...)
	c.Lifecycles = append(c.Lifecycles, p.Lifecycles...)
}

// below puts a relative path below a folder.
func below(folder, name string) string {
	if name == "" || folder == "" || strings.Contains(name, "://") || path.IsAbs(name) {
		return name
	}
	return path.Join(folder, name)
}

// Problem makes a Problem about a place in one of the configuration's files, with the source line to show.
func (c *Config) Problem(pos Pos, message, hint string) *Problem {
	return problemIn(c.files, pos, message, hint)
}

// problemIn makes a Problem about a place in one of some files.
func problemIn(files map[string]*source, pos Pos, message, hint string) *Problem {
	p := &Problem{Pos: pos, Message: message, Hint: hint}
	if src := files[pos.File]; src != nil {
		p.Source = src.line(pos.Line)
	}
	return p
}
