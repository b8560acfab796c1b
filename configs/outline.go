package configs

import "strings"

// outline is what can be said of a rule without parsing it: enough to see that YAML gave us only half of it.
type outline struct {
	quoted  bool   // ends inside a string
	depth   int    // brackets still open
	closed  bool   // closes a bracket that it has not opened
	comment bool   // has a // comment
	texts   []span // its strings, in order
	last    rune   // the last code point outside of strings, comments and spaces; '"' for a string
}

// span is a string literal: its bytes from (the quote) up to to.
type span struct{ from, to int }

// outlineOf reads CEL's strings (single, double, triple, raw), brackets and comments.
func outlineOf(rule string) outline {
	var o outline
	for i := 0; i < len(rule); i++ {
		c := rule[i]
		switch {
		case c == '"' || c == '\'':
			raw := i > 0 && (rule[i-1]|0x20 == 'r')
			end := stringEnd(rule[i:], raw)
			if end < 0 {
				o.quoted = true
				o.texts = append(o.texts, span{i, len(rule)})
				return o
			}
			o.texts = append(o.texts, span{i, i + end})
			i += end - 1
			o.last = '"'
			continue
		case strings.HasPrefix(rule[i:], "//"):
			o.comment = true
			end := strings.IndexByte(rule[i:], '\n')
			if end < 0 {
				return o
			}
			i += end
			continue
		case strings.IndexByte("([{", c) >= 0:
			o.depth++
		case strings.IndexByte(")]}", c) >= 0:
			o.depth--
			o.closed = o.closed || o.depth < 0
		}
		if c > ' ' {
			o.last = rune(c)
		}
	}
	return o
}

// stringEnd returns the length of the string literal that text begins with, or -1 when it does not end.
func stringEnd(text string, raw bool) int {
	quote := text[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text, triple) {
		quote = triple
	}
	for i := len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\' && !raw:
			i++
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote)
		case text[i] == '\n' && len(quote) == 1:
			return -1
		}
	}
	return -1
}

// unfinished says whether more must follow: an open string or bracket, or an operator that waits for its right side.
func (o outline) unfinished() bool {
	return o.quoted || o.depth > 0 || strings.ContainsRune("&|=<>+-*/%!?:.,", o.last) && o.last != 0
}

// hasTextOver says whether a string goes on over one of these bytes, which are in order.
func (o outline) hasTextOver(ends []int) bool {
	for _, text := range o.texts {
		for len(ends) > 0 && ends[0] <= text.from {
			ends = ends[1:]
		}
		if len(ends) > 0 && ends[0] < text.to {
			return true
		}
	}
	return false
}
