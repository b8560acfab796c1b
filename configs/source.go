package configs

import "strings"

// source is one file: its name and its lines without their breaks.
type source struct {
	name  string
	lines []string
}

func newSource(name, text string) *source {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return &source{name: name, lines: lines}
}

// line returns a line by its 1-based number, empty outside of the file.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// problem makes a Problem about a place in this file.
func (s *source) problem(line, column int, message, hint string) *Problem {
	return &Problem{Pos: Pos{File: s.name, Line: line, Column: column}, Source: s.line(line), Message: message, Hint: hint}
}
