package configs

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// everyStyle writes one rule in all scalar styles; `agee` is what a place is asked for.
const everyStyle = `snapshot: {path: 'users/{date}/*.parquet', user_id: user_id}
output: out
segments:
  - name: plain
    when: country == "FR" && agee > 3
  - name: plain_lines
    when: country == "FR" &&

      agee > 3   # a comment
  - name: squoted
    when: 'country == ''FR'' && agee > 3'
  - name: dquoted
    when: "country == \"FR\" &&\tagee > 3"
  - name: dquoted_escapes
    when: "x == \"\u00e9\x41\U0001F600\" && \
      agee > 3"
  - name: dquoted_lines
    when: "country == 'é😀'
      && agee > 3"
  - name: literal
    when: |
      // a comment: # and "quotes"
      country == "FR" &&
        agee > 3
  - name: folded
    when: >-
      country == "FR"

      &&
      agee > 3
  - name: folded_more
    when: >+
      country == "FR" &&
         true
       && true

      && agee > 3

  - name: explicit
    when: |2-
        country == "FR" &&
         agee > 3
  - {name: flow, when: country == "FR" && agee > 3}
  - {name: flow_quoted, when: 'country in ["FR", "DE"]
      && agee > 3'}
  - name: below
    when:
      country == "FR" && agee > 3
  - name: items
    when:
      all:
        - country == "FR"
        - any: [vip, '"a" in tags &&
            agee > 3']
`

func TestPositionsInEveryStyle(t *testing.T) {
	for name, text := range map[string]string{
		"lf": everyStyle, "crlf": strings.ReplaceAll(everyStyle, "\n", "\r\n"), "bom": "\uFEFF" + everyStyle,
	} {
		t.Run(name, func(t *testing.T) { checkPositions(t, text) })
	}
}

func checkPositions(t *testing.T, text string) {
	t.Helper()
	c, err := Parse("seg.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimPrefix(text, "\uFEFF"), "\n")
	for _, s := range c.Segments {
		before, _, _ := strings.Cut(s.When.Text, "agee")
		line := strings.Count(before, "\n") + 1
		column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
		pos := s.When.At(line, column)
		if rest := string([]rune(lines[pos.Line-1])[pos.Column-1:]); !strings.HasPrefix(rest, "agee") {
			t.Errorf("%s: %d:%d of %q is %v: %q", s.Name, line, column, s.When.Text, pos, rest)
		}
		for i := range len([]rune(s.When.Text)) + 3 { // every place is inside the file
			if p := s.When.At(line, i); p.Line < 1 || p.Line > len(lines) || p.Column > len([]rune(lines[p.Line-1]))+1 {
				t.Errorf("%s: place %v is outside of the file", s.Name, p)
			}
		}
	}
}

func TestTextsInEveryStyle(t *testing.T) {
	c, err := Parse("seg.yaml", []byte(everyStyle))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"plain":       `country == "FR" && agee > 3`,
		"plain_lines": "country == \"FR\" &&\nagee > 3",
		"literal":     "// a comment: # and \"quotes\"\ncountry == \"FR\" &&\n  agee > 3",
		"folded_more": "country == \"FR\" &&\n   true\n && true\n\n&& agee > 3",
		"explicit":    "country == \"FR\" &&\n   agee > 3",
		"dquoted":     "country == \"FR\" &&\tagee > 3",
		"flow_quoted": `country in ["FR", "DE"] && agee > 3`,
	} {
		for _, s := range c.Segments {
			if s.Name == name && s.When.Text != want {
				t.Errorf("%s: %q, want %q", name, s.When.Text, want)
			}
		}
	}
	last := c.Segments[len(c.Segments)-1].When.Text
	if want := "(country == \"FR\"\n) &&\n((vip\n) ||\n(\"a\" in tags && agee > 3\n)\n)"; last != want {
		t.Errorf("items: %q, want %q", last, want)
	}
}

// TestProblemOfARule: what the rules package gets by a place of the text shows the line of the file.
func TestProblemOfARule(t *testing.T) {
	c, err := Parse("seg.yaml", []byte(everyStyle))
	if err != nil {
		t.Fatal(err)
	}
	got := c.Segments[2].When.Problem(1, 20, `undeclared reference to "agee"`, `did you mean "age"?`).Error()
	want := `seg.yaml:11:33: undeclared reference to "agee"
  11 |     when: 'country == ''FR'' && agee > 3'
     |                                 ^ hint: did you mean "age"?`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	recorded := NewExpr("a &&\n  b")
	if got := recorded.Problem(2, 3, "no b", "").Error(); got != "2:3: no b\n  2 |   b\n    |   ^" {
		t.Errorf("a recorded rule: %q", got)
	}
}

// FuzzLocate: our reading of a scalar beside the YAML parser's gives the same text, so every place is known.
func FuzzLocate(f *testing.F) {
	f.Add(everyStyle)
	for _, text := range []string{
		"a: |\n\n\n  x\n   y\n\n z\nb: c\n", "a: >\n\n  x\n  y\n\n   z\n\n  w\n\n\n", "a: |+\n  x\n\n\nb: >1\n   x\n  y\n",
		"a: \"x \\\n\n   y\\  \n  z\"\n", "a: 'x\n\n\n  y '' z  '\n", "- x y\n  z\n\n  w # c\n", "a: >-\n  x\n  \ty\n  z\n \n", "a: |\n  x\r\n  y\r\nb: c\r\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src := newSource("f.yaml", text)
		if len(src.checkCharacters()) > 0 {
			t.Skip()
		}
		root, err := parseYAML(text)
		if err != nil || root == nil {
			t.Skip()
		}
		each(root, func(n *yaml.Node) {
			if n.Kind != yaml.ScalarNode || (&decoder{src: src}).isTagged(n) || n.Anchor != "" || strings.TrimSpace(n.Value) == "" { // a blank has no place to show
				return
			}
			places := locate(src, n)
			if start, end := places[0], places[len(places)-1]; len(places) > 2 && start == end {
				t.Fatalf("the places of %q at %d:%d in %q are not known", n.Value, n.Line, n.Column, text)
			}
		})
	})
}

func each(n *yaml.Node, do func(*yaml.Node)) {
	do(n)
	for _, child := range n.Content {
		each(child, do)
	}
}

// FuzzParse: whatever the bytes, no panic; a Config or Problems, each inside the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(everyStyle))
	for _, text := range seeds() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yaml", data)
		if c != nil { // also what is left of it beside Problems
			if _, err := json.Marshal(c.Definitions()); err != nil {
				t.Fatal(err)
			}
		}
		if err == nil {
			return
		}
		problems, ok := err.(Problems) //nolint:errorlint // exactly this type is promised
		if !ok {
			t.Fatalf("%T: %v", err, err)
		}
		lines := strings.Split(string(data), "\n")
		for _, p := range problems {
			if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len([]rune(lines[p.Line-1]))+1 {
				t.Fatalf("%v is outside of %q", p, data)
			}
			_ = p.Error()
		}
	})
}
