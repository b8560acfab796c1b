package configs

import "testing"

func TestUnfinished(t *testing.T) {
	for rule, want := range map[string]bool{
		`a > 1`:                       false,
		`a >`:                         true,
		`a && `:                       true,
		`x == "a`:                     true,
		`x == "a \"`:                  true,
		`x == "a \\"`:                 false,
		`x == 'a"'`:                   false,
		`x == r"\"`:                   false,
		`x == r"\" && `:               true,
		`x == """a "b" `:              true,
		`x == """a "b" c"""`:          false,
		"x == '''a\nb'''":             false,
		"x == 'a\nb'":                 true,
		`f(a, [1, {`:                  true,
		`f(a, [1], {"b": 2})`:         false,
		`f("(", ']')`:                 false,
		`a // && (`:                   false,
		"a // (\n&&":                  true,
		`"http://x" == y`:             false,
		`a ? b :`:                     true,
		`!`:                           true,
		``:                            false,
		`prefix == "a" // "`:          false,
		`country == "é" && name == "`: true,
	} {
		if got := outlineOf(rule).unfinished(); got != want {
			t.Errorf("unfinished(%s) = %v", rule, got)
		}
	}
}
