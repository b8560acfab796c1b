package rules

import (
	"slices"
	"strings"
	"testing"
)

func TestNewList(t *testing.T) {
	for _, tc := range []struct {
		name, data string
		want       []string
	}{
		{"plain", "a\nb\n", []string{"a", "b"}},
		{"no last line end", "a\nb", []string{"a", "b"}},
		{"windows", "a\r\nb\r\n", []string{"a", "b"}},
		{"byte order mark", "\uFEFFa\nb", []string{"a", "b"}},
		{"spaces, blank lines and repeats", " a \n\n\t\nb\na\n", []string{"a", "b"}},
		{"inner spaces stay", "a b\n", []string{"a b"}},
		{"empty", "", nil},
	} {
		l, err := NewList([]byte(tc.data))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if !slices.Equal(l.lines, tc.want) || l.Len() != len(tc.want) || len(l.Hash()) != 64 {
			t.Errorf("%s: %q, hash %s", tc.name, l.lines, l.Hash())
		}
	}
	if _, err := NewList([]byte("a\nb\xff\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a line that is not UTF-8: %v", err)
	}
}

// TestListOfIDs: lines name users by the canonical text of their id, whatever the snapshot's type of id.
func TestListOfIDs(t *testing.T) {
	l, err := NewList([]byte("7\n007\nABCDEF00-0000-0000-0000-00000000000A\nAB\nx\n18446744073709551615\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.constants(kindInt); len(got) != 2 || got[0].Int != 7 || got[1].Int != 7 {
		t.Errorf("integers: %v", got)
	}
	if got := l.constants(kindUint); len(got) != 3 || got[2].Uint != 1<<64-1 {
		t.Errorf("unsigned integers: %v", got)
	}
	if got := l.canonical(false).lines; got[2] != "abcdef00-0000-0000-0000-00000000000a" || got[3] != "AB" {
		t.Errorf("texts: %q", got)
	}
	if got := l.canonical(true).lines; got[3] != "ab" {
		t.Errorf("binary: %q", got)
	}
}

// TestWithoutLines takes whole lines out, however they are written, and leaves every other byte.
func TestWithoutLines(t *testing.T) {
	for _, tc := range []struct{ data, want string }{
		{"ann\nzoe\nbob\n", "ann\nbob\n"},
		{"ann\r\n  zoe \r\n\r\nbob", "ann\r\n\r\nbob"},
		{"\uFEFFzoe\nann", "\uFEFFann"},
		{"ann\nzoe", "ann\n"},
		{"zoes\n", "zoes\n"},
		{"", ""},
	} {
		got := WithoutLines([]byte(tc.data), func(line string) bool { return line == "zoe" })
		if string(got) != tc.want {
			t.Errorf("%q: got %q, want %q", tc.data, got, tc.want)
		}
	}
}
