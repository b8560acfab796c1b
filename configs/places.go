package configs

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// locate returns the place in the file of every code point of a scalar's value, and of its end. It decodes the raw text of
// the file once more, beside the YAML parser, and when the two disagree every place is the scalar's start.
func locate(src *source, n *yaml.Node) []place {
	want := []rune(n.Value)
	w := &walker{src: src, line: n.Line, col: n.Column - 1}
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		w.block(n.Style&yaml.FoldedStyle != 0, want)
	case n.Style&yaml.DoubleQuotedStyle != 0:
		w.col++
		w.flow('"', len(want))
	case n.Style&yaml.SingleQuotedStyle != 0:
		w.col++
		w.flow('\'', len(want))
	default:
		w.flow(0, len(want))
	}
	if len(w.text) < len(want) || !slices.Equal(w.text[:len(want)], want) {
		return slices.Repeat([]place{{int32(n.Line), int32(n.Column)}}, len(want)+1)
	}
	return append(w.places[:len(want)], w.here())
}

// walker reads one scalar in the raw text. line is 1-based, col counts the code points before the next one.
type walker struct {
	src       *source
	line, col int
	text      []rune
	places    []place
}

func (w *walker) row() []rune { return w.src.runes(w.line) }

func (w *walker) here() place { return place{int32(w.line), int32(w.col + 1)} }

func (w *walker) emit(r rune, at place) {
	w.text = append(w.text, r)
	w.places = append(w.places, at)
}

// flow reads a plain (quote 0) or quoted scalar of n code points; the quote before it is behind us.
func (w *walker) flow(quote rune, n int) {
	for len(w.text) < n && w.line <= len(w.src.lines) {
		row := w.row()
		switch {
		case isBlank(row[min(w.col, len(row)):]):
			w.fold(true)
		case quote == '"' && row[w.col] == '\\':
			w.escape()
		case quote == '\'' && row[w.col] == '\'':
			w.emit('\'', w.here())
			w.col += 2
		default:
			w.emit(row[w.col], w.here())
			w.col++
		}
	}
}

// fold passes the end of a line, blank lines and the next line's indentation: a space, or a line break for each blank line.
// After an escaped line break there is no space.
func (w *walker) fold(space bool) {
	at, breaks := w.here(), 0
	for {
		w.line, w.col = w.line+1, 0
		breaks++
		if w.line > len(w.src.lines) {
			return
		}
		if row := w.row(); !isBlank(row) {
			w.col = leading(row, " \t")
			break
		}
	}
	if breaks == 1 && space {
		w.emit(' ', at)
	}
	for range breaks - 1 {
		w.emit('\n', at)
	}
}

// escapes maps the letter after a backslash to what it stands for in double quotes.
var escapes = map[rune]rune{
	'0': 0, 'a': '\a', 'b': '\b', 't': '\t', '\t': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r', 'e': 0x1b, ' ': ' ',
	'"': '"', '\'': '\'', '/': '/', '\\': '\\', 'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029,
}

// escape reads one backslash sequence of a double-quoted scalar.
func (w *walker) escape() {
	row, at := w.row(), w.here()
	if w.col+1 >= len(row) {
		w.fold(false)
		return
	}
	letter := row[w.col+1]
	w.col += 2
	digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[letter]
	if digits == 0 {
		w.emit(escapes[letter], at)
		return
	}
	code := rune(0)
	for _, r := range row[min(w.col, len(row)):min(w.col+digits, len(row))] {
		code = code<<4 | rune(strings.IndexRune("0123456789abcdef", r|0x20)&15)
	}
	w.col += digits
	w.emit(code, at)
}

// block reads a literal or folded scalar whose header is on the current line.
func (w *walker) block(folded bool, want []rune) {
	w.line, w.col = w.line+1, 0
	indent := w.indent(want)
	var brk *place       // the line break before the current content, not yet emitted
	var trailing []place // those of blank lines after it
	wasBlank := false
	for ; w.line <= len(w.src.lines) && len(w.text) < len(want); w.line++ {
		row := w.row()
		spaces := leading(row, " ")
		w.col = min(indent, spaces)
		content := row[w.col:]
		if len(content) == 0 {
			w.col = len(row)
			trailing = append(trailing, w.here())
			continue
		}
		if spaces < indent {
			break
		}
		blank := content[0] == ' ' || content[0] == '\t'
		w.breaks(brk, trailing, folded && !wasBlank && !blank)
		for _, r := range content {
			w.emit(r, w.here())
			w.col++
		}
		end := w.here()
		brk, trailing, wasBlank = &end, nil, blank
		if len(w.text) == len(want) {
			return
		}
	}
	w.breaks(brk, trailing, false)
	if brk != nil {
		w.line, w.col = int(brk.line), int(brk.column)-1
	}
}

// breaks emits the line breaks between two contents of a block: joined ones are a space, or one break fewer.
func (w *walker) breaks(brk *place, trailing []place, join bool) {
	switch {
	case brk == nil:
	case !join:
		w.emit('\n', *brk)
	case len(trailing) == 0:
		w.emit(' ', *brk)
	}
	for _, at := range trailing {
		w.emit('\n', at)
	}
}

// indent is how many spaces YAML takes away from each line of a block: those of its first line that is not blank, less
// those which the value has kept.
func (w *walker) indent(want []rune) int {
	kept := 0
	for line := range strings.SplitSeq(string(want), "\n") {
		if strings.TrimLeft(line, " ") != "" {
			kept = leading([]rune(line), " ")
			break
		}
	}
	for n := w.line; n <= len(w.src.lines); n++ {
		if row := w.src.runes(n); leading(row, " ") < len(row) {
			return max(leading(row, " ")-kept, 0)
		}
	}
	return 0
}

// leading counts the code points at the start of row that are in set.
func leading(row []rune, set string) int {
	for i, r := range row {
		if !strings.ContainsRune(set, r) {
			return i
		}
	}
	return len(row)
}

func isBlank(row []rune) bool { return leading(row, " \t") == len(row) }
