package configs

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// source is one file: its name and its lines without their breaks.
type source struct {
	name  string
	lines []string
	cache map[int][]rune // lines as code points, filled while decoding only

	masked map[int]bool // the lines (1-based) where rules begin that are masked
}

func newSource(name, text string) *source {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return &source{name: name, lines: lines, cache: map[int][]rune{}, masked: map[int]bool{}}
}

// line returns a line by its 1-based number, empty outside of the file.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// runes returns a line's code points. Not for use by several goroutines.
func (s *source) runes(n int) []rune {
	row, ok := s.cache[n]
	if !ok {
		row = []rune(s.line(n))
		s.cache[n] = row
	}
	return row
}

// problem makes a Problem about a place in this file; a place past the end becomes the end.
func (s *source) problem(line, column int, message, hint string) *Problem {
	line = min(max(line, 1), len(s.lines))
	column = min(max(column, 1), utf8.RuneCountInString(s.line(line))+1)
	return &Problem{Pos: Pos{File: s.name, Line: line, Column: column}, Source: s.line(line), Message: message, Hint: hint}
}

// maxCharacters bounds how many characters are reported: more of them make a file of another kind.
const maxCharacters = 5

// checkCharacters refuses what YAML takes for a line break or refuses itself, so that lines mean the same to everybody.
func (s *source) checkCharacters() (problems Problems) {
	if first := s.line(1); strings.HasPrefix(first, "\xff\xfe") || strings.HasPrefix(first, "\xfe\xff") {
		return Problems{s.problem(1, 1, "the file is UTF-16", "save it as UTF-8")}
	}
	for i, line := range s.lines {
		if len(problems) > maxCharacters {
			return problems[:maxCharacters]
		}
		column := 1
		for at, r := range line {
			switch {
			case r == utf8.RuneError && !strings.HasPrefix(line[at:], "\uFFFD"):
				problems = append(problems, s.problem(i+1, column, "the file is not UTF-8 here", "save it as UTF-8"))
			case r < ' ' && r != '\t', r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029, r == 0xFEFF, r == 0xFFFE, r == 0xFFFF:
				problems = append(problems, s.problem(i+1, column, fmt.Sprintf("the character U+%04X cannot stand here", r),
					fmt.Sprintf(`remove it, or write "\u%04X" inside double quotes`, r)))
			}
			column++
		}
	}
	return problems
}
