package configs

import (
	"fmt"
	"regexp"
	"strings"
)

// A file that is not YAML is searched line by line for rules that a YAML parser cannot take as plain text. Each is reported
// with the spelling that works and then masked: its code points become x, so that every other place stays where it is.
type trapFinder struct {
	src      *source
	rows     [][]rune
	list     int // column (0-based) of the all: or any: whose items are being passed, -1 outside
	problems Problems
}

var (
	keyLine     = regexp.MustCompile(`^((?: *- +)* *)(?:"(\w+)"|'(\w+)'|([\w-]+)) *:(?: +|$)`)
	itemLine    = regexp.MustCompile(`^((?: *- +)+)`)
	blockHeader = regexp.MustCompile(`^[|>][-+0-9]*\s*(#.*)?$`)
	sugarLine   = regexp.MustCompile(`^(\{ *)?(all|any) *:`)
)

// ruleKeys are the keys whose value is a rule.
var ruleKeys = map[string]bool{"when": true, "value": true}

// maskTraps returns the text with the faulty rules masked, and a Problem for each.
func maskTraps(src *source) (string, Problems) {
	f := &trapFinder{src: src, list: -1}
	for n := range src.lines {
		f.rows = append(f.rows, []rune(src.lines[n]))
	}
	for n := 0; n < len(f.rows); {
		n = f.pass(n)
	}
	lines := make([]string, len(f.rows))
	for n, row := range f.rows {
		lines[n] = string(row)
	}
	return strings.Join(lines, "\n"), f.problems
}

// pass looks at the line n (0-based) and returns the next one to look at.
func (f *trapFinder) pass(n int) int {
	line := f.src.lines[n]
	if text := strings.TrimLeft(line, " "); text == "" || text[0] == '#' {
		return n + 1
	}
	m := keyLine.FindStringSubmatch(line)
	item := itemLine.FindString(line)
	dash := strings.LastIndexByte(item, '-')
	if f.list >= 0 && (dash < f.list || item == "") && leading([]rune(line), " ") <= f.list {
		f.list = -1
	}
	switch {
	case f.list >= 0 && item != "" && !sugarLine.MatchString(line[len(item):]):
		return f.value(n, len(item), dash)
	case m == nil:
		return n + 1
	}
	key, column := m[2]+m[3]+m[4], len(m[1])
	if key == "all" || key == "any" {
		f.list = column
	}
	if rest := line[len(m[0]):]; blockHeader.MatchString(rest) {
		return f.skipBlock(n+1, column)
	}
	if ruleKeys[key] {
		return f.value(n, len(m[0]), column)
	}
	return n + 1
}

// skipBlock returns the first line from n that is not indented more than column and not blank.
func (f *trapFinder) skipBlock(n, column int) int {
	for n < len(f.rows) && (isBlank(f.rows[n]) || leading(f.rows[n], " ") > column) {
		n++
	}
	return n
}

// value checks the rule that begins on line n at byte start, or on the next lines, below a key or dash at column. The part
// of the line before start is ASCII.
func (f *trapFinder) value(n, start, column int) int {
	key, end := n, f.skipBlock(n+1, column)
	text := strings.TrimSpace(string(f.rows[n][min(start, len(f.rows[n])):]))
	if text == "" || text[0] == '#' { // the value may begin on a line below
		for n++; n < end && (isBlank(f.rows[n]) || f.rows[n][leading(f.rows[n], " ")] == '#'); n++ {
		}
		if n >= end {
			return end
		}
		start = leading(f.rows[n], " ")
		text = strings.TrimSpace(string(f.rows[n][start:]))
	}
	if sugarLine.MatchString(text) || strings.HasPrefix(text, "- ") {
		if n == key || text[0] == '{' {
			return n + 1
		}
		return n // looked at as a line of its own
	}
	if blockHeader.MatchString(text) {
		return end
	}
	for strings.TrimSpace(string(f.rows[end-1])) == "" {
		end--
	}
	f.check(n, start, end)
	return end
}

// check reports and masks the value that begins at (n, start) and ends before the line end, when YAML cannot read it.
func (f *trapFinder) check(n, start, end int) {
	raw := []rune(string(f.rows[n][start:]))
	for i := n + 1; i < end; i++ {
		raw = append(append(raw, '\n'), f.rows[i]...)
	}
	at, message := trapIn(string(raw))
	if message == "" {
		return
	}
	line, column := n, start+at
	for i, r := range raw[:at] {
		if r == '\n' {
			line, column = line+1, at-i-1
		}
	}
	hint := quoteHint(string(raw))
	if message == cutMessage {
		hint = cutHint(string(raw), outlineOf(string(raw[:at])))
	}
	f.problems = append(f.problems, f.src.problem(line+1, column+1, message, hint))
	f.src.masked[n+1] = true
	for i := n; i < end; i++ {
		from := 0
		if i == n {
			from = start
		}
		for j := from; j < len(f.rows[i]); j++ {
			if r := f.rows[i][j]; r != ' ' {
				f.rows[i][j] = 'x'
			}
		}
	}
}

// trapIn returns the code point at which YAML leaves the rule that raw holds, and why; no message when it does not.
func trapIn(raw string) (at int, message string) {
	switch first := raw[0]; first {
	case '"', '\'':
		end := closingQuote(raw)
		rest := ""
		if end >= 0 {
			rest = strings.TrimSpace(raw[end:])
		}
		if rest == "" || rest[0] == '#' {
			return 0, ""
		}
		return 0, startTrap(first)
	default:
		if message := startTrap(first); message != "" {
			return 0, message
		}
	}
	runes := []rune(raw)
	for i, r := range runes {
		next := rune(' ')
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		space := strings.ContainsRune(" \t\n", next)
		switch {
		case r == ':' && space:
			return i, `the rule is not text to YAML: ": " makes what stands before it a key`
		case strings.ContainsRune(" \t\n", r) && next == '#':
			if outlineOf(string(runes[:i])).unfinished() {
				return i + 1, cutMessage
			}
			if rest := string(runes[i:]); strings.Contains(rest, "\n") {
				return i + 1, "a comment ends the rule here, but it goes on below"
			}
			return 0, ""
		}
	}
	return 0, ""
}

const cutMessage = `the rule is cut here: YAML takes " #" and what follows for a comment`

// closingQuote returns the length of the quoted scalar that raw begins with, or -1.
func closingQuote(raw string) int {
	quote := raw[0]
	for i := 1; i < len(raw); i++ {
		switch {
		case quote == '"' && raw[i] == '\\':
			i++
		case raw[i] == quote && quote == '\'' && i+1 < len(raw) && raw[i+1] == quote:
			i++
		case raw[i] == quote:
			return i + 1
		}
	}
	return -1
}

// startTrap says what YAML makes of a plain rule's first character; empty when it is an ordinary one.
func startTrap(first byte) string {
	what := map[byte]string{
		'[': "a list", '{': "keys and values", '!': "a tag", '&': "an anchor", '*': "an alias",
		'|': "a block of lines", '>': "a block of lines",
	}[first]
	switch {
	case what != "":
		return fmt.Sprintf("the rule is not text to YAML: %c at its start makes it %s", first, what)
	case first == '"' || first == '\'':
		return "the rule begins with a quote, so YAML ends it at the next one"
	case strings.IndexByte("%@`,]}", first) >= 0:
		return fmt.Sprintf("the rule is not text to YAML: it refuses %q at the start", string(first))
	}
	return ""
}

// cutHint is the way out for a rule that a comment has cut: inside a string, or before it was complete.
func cutHint(rule string, before outline) string {
	if before.quoted {
		return quoteHint(rule)
	}
	return "finish the rule before the comment, or write | here and the rule on the next lines, with // for comments"
}

// quoteHint offers the spelling that works for a rule, in full when that is short.
func quoteHint(rule string) string {
	rule = strings.TrimSpace(rule)
	if len(rule) > 60 || strings.ContainsAny(rule, "\n'") {
		return "write | here and the rule on the next line, indented"
	}
	return fmt.Sprintf("put it in quotes: '%s'; or write | here and the rule on the next line, indented", rule)
}
