package rules

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// someOfPatterns are parts of patterns, and someOfTexts of texts that may match them.
var (
	someOfPatterns = []string{
		"a", "b", "ab", "[a-c]", "[^a]", ".", "^", "$", "(a|bc)", "(?i:Ab)", "a*", "b+", "c?", "a{2,3}", "(?:ab)*", "(?s:.)", "é", "[é-ü]", `\d`, `\w+`, `\s`,
		"(^a|b$)", "()", `\z`, `\A`, "(?i)k", "x*?", "|", "(a|$)", "(^|b)", `\bx`, "(?m:^a)", `[[:^alpha:]]`,
	}
	someOfTexts = []string{"a", "b", "c", "ab", "abc", "A", "B", "é", "x", " ", "1", "\n", "k", "K", "\u212a", "\xff", "_"}
)

// TestMachine compares machines with package regexp, on random patterns and texts.
func TestMachine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	draw := func(of []string, most int) string {
		var b strings.Builder
		for range r.IntN(most + 1) {
			b.WriteString(of[r.IntN(len(of))])
		}
		return b.String()
	}
	answered, matched, built := 0, 0, 0
	for range 3000 {
		pattern, err := regexp.Compile(draw(someOfPatterns, 5))
		if err != nil {
			continue
		}
		m := newMachine(pattern)
		if m == nil {
			continue
		}
		built++
		for range 30 {
			text := draw(someOfTexts, 8)
			is, sure := m.matches(text)
			if !sure {
				continue
			}
			answered++
			matched += int(bit(is))
			if is != pattern.MatchString(text) {
				t.Fatalf("%q in %q: the machine says %v", pattern, text, is)
			}
		}
	}
	t.Logf("%d machines, %d answers, %d of them matches", built, answered, matched)
	if built < 1000 || answered < 20000 || matched < answered/5 || matched > answered*4/5 {
		t.Errorf("%d machines, %d answers, %d of them matches: too few of one kind", built, answered, matched)
	}
}

// TestMachineGivesUp: what a machine does not know, package regexp decides.
func TestMachineGivesUp(t *testing.T) {
	for _, pattern := range []string{`\bword`, `(?m)^line$`, `a.{300}b`, `(a|b)*a(a|b){12}`} {
		if newMachine(regexp.MustCompile(pattern)) != nil {
			t.Errorf("%s has a machine", pattern)
		}
	}
	if m := newMachine(regexp.MustCompile("^a+$")); m == nil {
		t.Error("^a+$ has no machine")
	} else if _, sure := m.matches("aé"); sure {
		t.Error("a machine is sure of a text that is not ASCII")
	}
}
