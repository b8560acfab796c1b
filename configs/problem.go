package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Pos is a place in a file. Line and Column are 1-based; Column counts code points. The zero Pos is no place.
// File is empty for a rule that was read back from a manifest.
type Pos struct {
	File   string
	Line   int
	Column int
}

// String is file:line:column, without the parts that are not known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.File == "":
		return fmt.Sprintf("%d:%d", p.Line, p.Column)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// A Problem is one thing that a user wrote wrong: the place, the thing and the way out.
type Problem struct {
	Pos
	Source  string // the whole line of the file at Pos, without its line break; empty when there is none to show
	Message string // one sentence without a full stop
	Hint    string // the way out; may be empty
	Warning bool   // worth saying, but no reason to stop
	Lint    string // the short name of the warning, which stays what it is; empty for a fault
}

// Error prints the place and the message, then the source line with its number, a caret and the hint.
func (p *Problem) Error() string {
	var b strings.Builder
	if place := p.Pos.String(); place != "" {
		b.WriteString(place + ": ")
	}
	b.WriteString(p.severity())
	b.WriteString(p.Message)
	hint := ""
	if p.Hint != "" {
		hint = " hint: " + p.Hint
	}
	switch {
	case p.Line > 0 && p.Source != "":
		line, pad := excerpt(p.Source, p.Column)
		number := fmt.Sprint(p.Line)
		fmt.Fprintf(&b, "\n  %s | %s\n  %*s | %s^%s", number, line, len(number), "", pad, hint)
	case hint != "":
		b.WriteString("\n " + hint)
	}
	return b.String()
}

// severity begins the message of a warning, also of one that was made a fault: warning[negation-null]: or error[negation-null]:.
func (p *Problem) severity() string {
	switch {
	case p.Warning:
		return fmt.Sprintf("warning[%s]: ", p.Lint)
	case p.Lint != "":
		return fmt.Sprintf("error[%s]: ", p.Lint)
	}
	return ""
}

// maxExcerpt is how many code points of a source line a Problem shows; a longer line is cut around the caret.
const maxExcerpt = 160

// excerpt returns what to show of a line and the padding that puts a caret below the column. A tab stays a tab.
func excerpt(line string, column int) (shown, pad string) {
	runes := []rune(line)
	at := min(max(column-1, 0), len(runes))
	from, to := 0, len(runes)
	if to > maxExcerpt {
		from = min(max(at-maxExcerpt/2, 0), to-maxExcerpt)
		to = from + maxExcerpt
	}
	before := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(runes[from:at]))
	shown = strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsGraphic(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.TrimRight(string(runes[from:to]), " \t"))
	if from > 0 {
		shown, before = "…"+shown, " "+before
	}
	if to < len(runes) {
		shown += "…"
	}
	return shown, before
}

// Problems is an error that holds every fault found, not the first.
type Problems []*Problem

// Error prints all problems, sorted by place.
func (ps Problems) Error() string {
	var texts []string
	for _, p := range ps.Sorted() {
		texts = append(texts, p.Error())
	}
	return strings.Join(texts, "\n")
}

// Sorted returns the problems by file, line and column, each once. It leaves ps as it is.
func (ps Problems) Sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b *Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(out, func(a, b *Problem) bool { return a.Pos == b.Pos && a.Message == b.Message })
}

// Strict returns the problems with every warning made a fault. It leaves ps as it is.
func (ps Problems) Strict() Problems {
	out := make(Problems, len(ps))
	for i, p := range ps {
		strict := *p
		strict.Warning = false
		out[i] = &strict
	}
	return out
}

// The short names of the warnings of this package.
const (
	lintNoSegments      = "no-segments"
	lintPathWithoutDate = "path-without-date"
)

// LintNames are these names.
func LintNames() []string { return []string{lintNoSegments, lintPathWithoutDate} }

// Without returns the problems without the warnings of some short names. It leaves ps as it is.
func (ps Problems) Without(lints []string) (out Problems) {
	for _, p := range ps {
		if !p.Warning || !slices.Contains(lints, p.Lint) {
			out = append(out, p)
		}
	}
	return out
}

// Err is nil when nothing but warnings was found, else all problems, sorted.
func (ps Problems) Err() error {
	if !slices.ContainsFunc(ps, func(p *Problem) bool { return !p.Warning }) {
		return nil
	}
	return ps.Sorted()
}
