package main

import "testing"

func TestPlainID(t *testing.T) {
	for id, want := range map[string]string{
		"u1": "u1", "zoë 你好": "zoë 你好", "a\x1b[2Jb": `"a\x1b[2Jb"`, "two\nlines": `"two\nlines"`, `say "x"`: `"say \"x\""`, "tab\tbed": `"tab\tbed"`, "": "",
	} {
		if got := plainID(id); got != want {
			t.Errorf("%q is shown as %s, want %s", id, got, want)
		}
	}
}
