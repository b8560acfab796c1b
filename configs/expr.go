package configs

import (
	"encoding/json"
	"strings"
)

// An Expr is the text of a rule, as CEL sees it, and the way from a place in that text to its place in the YAML file.
//
// Two Exprs say the same when their Texts are equal. It is immutable; many goroutines may read it. In JSON it is its text:
// one that was read back from a manifest has places in its own text only. An Expr with an empty Text was not written.
type Expr struct {
	Text string // LF line breaks; the items of all: and any: are joined, each in brackets on lines of its own

	src    *source
	places []place // of every code point of Text, then of its end; nil for an Expr without a file
}

// place is a 1-based line and column (in code points) of a file.
type place struct{ line, column int32 }

// NewExpr returns an Expr that stands in no file.
func NewExpr(text string) Expr { return Expr{Text: text} }

// Pos is where the rule begins.
func (e Expr) Pos() Pos { return e.At(1, 1) }

// At returns the place in the file of a place in the text. Both are 1-based and count columns in code points (cel-go's
// columns are 0-based: add one). A place outside of the text gives the nearest one inside.
func (e Expr) At(line, column int) Pos {
	if e.src == nil || len(e.places) == 0 {
		return Pos{Line: max(line, 1), Column: max(column, 1)}
	}
	p := e.places[min(e.offset(line, column), len(e.places)-1)]
	return Pos{File: e.src.name, Line: int(p.line), Column: int(p.column)}
}

// offset is the number of code points before a place of the text.
func (e Expr) offset(line, column int) int {
	before, rest := 0, e.Text
	for ; line > 1; line-- {
		head, tail, more := strings.Cut(rest, "\n")
		if !more {
			break
		}
		before += len([]rune(head)) + 1
		rest = tail
	}
	head, _, _ := strings.Cut(rest, "\n")
	return before + min(max(column-1, 0), len([]rune(head)))
}

// Problem makes a Problem about a place in the text (1-based, code points), with the source line to show.
func (e Expr) Problem(line, column int, message, hint string) *Problem {
	pos := e.At(line, column)
	shown := ""
	if e.src != nil {
		shown = e.src.line(pos.Line)
	} else if lines := strings.Split(e.Text, "\n"); pos.Line <= len(lines) {
		shown = lines[pos.Line-1]
	}
	return &Problem{Pos: pos, Source: shown, Message: message, Hint: hint}
}

// MarshalJSON writes the text.
func (e Expr) MarshalJSON() ([]byte, error) { return json.Marshal(e.Text) }

// UnmarshalJSON reads the text.
func (e *Expr) UnmarshalJSON(data []byte) error {
	*e = Expr{}
	return json.Unmarshal(data, &e.Text)
}
