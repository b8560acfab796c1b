package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSyntaxFaults bounds how many lines that break the YAML are left out to find more faults behind them.
const maxSyntaxFaults = 20

// parseTree parses text, the content of src. When it is not YAML, rules that YAML cannot take as plain text are reported and
// masked, then lines that still break it are reported and left out, so that the rest can be checked too: whole is then
// false, and a key that seems to be missing may only have been left out. root is nil when nothing could be saved.
func parseTree(src *source, text string) (root *yaml.Node, problems Problems, whole bool) {
	root, err := parseYAML(text)
	if err == nil {
		return root, nil, true
	}
	text, problems = maskTraps(src)
	whole = true
	var faults Problems
	for range maxSyntaxFaults {
		root, err = parseYAML(text)
		if err == nil {
			return root, append(problems, faults...), whole
		}
		fault := syntaxProblem(src, text, err)
		faults = append(faults, fault)
		text = withoutLine(text, fault.Line)
		whole = false
	}
	return nil, append(problems, faults[:1]...), false
}

// parseYAML returns the one document of text, nil when it is empty. It turns a panic of the parser into an error.
func parseYAML(text string) (root *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			root, err = nil, errors.New("yaml: the text cannot be parsed")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := dec.Decode(&second); err == nil {
		return nil, errors.New("yaml: second document")
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return doc.Content[0], nil
}

// syntaxProblem finds where the parser stopped: at the end of the shortest beginning of text that fails in the same way.
// (The line that yaml.v3 tells is that of a construct around the fault, sometimes one too small.)
func syntaxProblem(src *source, text string, fault error) *Problem {
	low, high := 0, len(text)
	for low < high {
		middle := (low + high) / 2
		if _, err := parseYAML(text[:middle]); err != nil && err.Error() == fault.Error() {
			high = middle
		} else {
			low = middle + 1
		}
	}
	head := text[:low]
	line := strings.Count(head, "\n") + 1
	column := len([]rune(head[strings.LastIndexByte(head, '\n')+1:]))
	if column == 0 && line > 1 {
		line--
		column = len([]rune(src.line(line)))
	}
	message, hint := explain(fault.Error())
	return src.problem(line, column, message, hint)
}

// withoutLine blanks one line of text; its break stays.
func withoutLine(text string, line int) string {
	lines := strings.Split(text, "\n")
	if line <= len(lines) {
		lines[line-1] = ""
	}
	return strings.Join(lines, "\n")
}

// explanations says in a user's words what the parser of yaml.v3 means. The first that matches is taken.
var explanations = []struct{ match, message, hint string }{
	{"tab character", "a tab in the indentation", "YAML is indented with spaces only"},
	{"mapping values are not allowed", `": " cannot stand here`, "put the whole text in quotes; or align the key with its neighbours"},
	{"could not find expected ':'", "a key without a colon", "write key: value"},
	{"unknown escape", "YAML does not know this escape inside double quotes", "use single quotes, write the backslash twice, or put the text below a |"},
	{"unexpected end of stream", "this quote is not closed", "close it, or put the text below a |"},
	{"expected ',' or ']'", "the list of this [ ends or goes on in the wrong way", "quote its items; close it with ]"},
	{"expected ',' or '}'", "the mapping of this { ends or goes on in the wrong way", "quote its values, rules above all; close it with }"},
	{"cannot start any token", "YAML refuses this character at the start of plain text", "put the whole text in quotes"},
	{"expected alphabetic or numeric", "YAML reads & and * at the start as an anchor or alias", "put the whole text in quotes"},
	{"unknown anchor", "anchors and aliases are not part of this configuration", "write the value out; a trait names an expression for several rules"},
	{"expected key", "this line does not fit what stands above it", "align it with its neighbours; quote a text that begins with a quote or a bracket"},
	{"expected '-' indicator", "this line does not fit the list above it", "align it with its neighbours"},
	{"expected comment or line break", "a block of lines begins with | or > alone on its line", "put the text on the lines below, or in quotes"},
	{"second document", "a second document begins in this file", "one file holds one configuration; use include for more files"},
	{"directive", "YAML directives are not part of this configuration", "remove the line"},
}

// explain returns the message and hint for an error of yaml.v3.
func explain(fault string) (message, hint string) {
	for _, e := range explanations {
		if strings.Contains(fault, e.match) {
			return "YAML: " + e.message, e.hint
		}
	}
	fault = strings.TrimPrefix(fault, "yaml: ")
	if _, rest, ok := strings.Cut(fault, ": "); ok && strings.HasPrefix(fault, "line ") {
		fault = rest
	}
	return fmt.Sprintf("YAML: %s", fault), "put texts with special characters in quotes"
}
