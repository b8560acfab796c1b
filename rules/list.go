package rules

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"strata/pipeline/ids"
)

// A List is a set of values: the lines of a list file, or the constants of a list literal. It does not change; many
// goroutines may use it.
type List struct {
	hash   string    // of a file
	lines  []string  // of a file: each once, in the file's order
	values []literal // of a literal

	mutex   sync.Mutex
	lookups map[kind]*lookup
	ofUUIDs *List
}

// NewList reads a list file: one id a line. Spaces around an id, blank lines, repeated ids, a byte order mark and Windows
// line ends are fine. What is not UTF-8 is refused. The list shares no memory with data.
func NewList(data []byte) (*List, error) {
	sum := sha256.Sum256(data)
	l := &List{hash: hex.EncodeToString(sum[:])}
	if at := invalidText(data); at > 0 {
		return nil, fmt.Errorf("line %d is not UTF-8 text", at)
	}
	text := string(bytes.TrimPrefix(data, []byte("\uFEFF")))
	seen := make(map[string]struct{}, strings.Count(text, "\n")+1)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if _, twice := seen[line]; twice || line == "" {
			continue
		}
		seen[line] = struct{}{}
		l.lines = append(l.lines, line)
	}
	return l, nil
}

// WithoutLines leaves some lines out of what a list file holds, as NewList reads them; all others stay as they are.
func WithoutLines(data []byte, gone func(line string) bool) []byte {
	var kept []byte
	rest := bytes.TrimPrefix(data, []byte("\uFEFF"))
	kept = append(kept, data[:len(data)-len(rest)]...)
	for line := range bytes.Lines(rest) {
		if !gone(strings.TrimSpace(string(line))) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// invalidText is the 1-based number of the first line that is not UTF-8, or 0.
func invalidText(data []byte) int {
	if utf8.Valid(data) {
		return 0
	}
	for number, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			return number + 1
		}
	}
	return 1
}

// Hash is the SHA-256 of the file, in hexadecimal; empty for a list literal.
func (l *List) Hash() string { return l.hash }

// Lines are the lines of a list file, each once, in its order.
func (l *List) Lines() []string { return l.lines }

// Len returns how many different values there are.
func (l *List) Len() int { return max(len(l.lines), len(l.values)) }

// constants are the values as constants of a kind. Lines that are none of that kind are left out: nothing equals them.
func (l *List) constants(k kind) []literal {
	if l.lines == nil {
		return l.values
	}
	out := make([]literal, 0, len(l.lines))
	for _, line := range l.lines {
		switch k {
		case kindString:
			out = append(out, literal{String: line})
		case kindInt:
			if v, err := strconv.ParseInt(line, 10, 64); err == nil {
				out = append(out, literal{Int: v})
			}
		case kindUint:
			if v, err := strconv.ParseUint(line, 10, 64); err == nil {
				out = append(out, literal{Uint: v})
			}
		}
	}
	return out
}

// lookup returns the values made ready for look-ups by a kind, made once.
func (l *List) lookup(k kind) *lookup {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.lookups[k] == nil {
		if l.lookups == nil {
			l.lookups = map[kind]*lookup{}
		}
		l.lookups[k] = newLookup(l.constants(k), k)
	}
	return l.lookups[k]
}

// canonical is the list with every line as the canonical text of a user id (package ids): UUIDs, and the hexadecimal text
// of binary ids, in lower case.
func (l *List) canonical(binary bool) *List {
	out := &List{hash: l.hash, lines: make([]string, len(l.lines))}
	for i, line := range l.lines {
		high, low, uuid := ids.ParseUUID([]byte(line))
		switch {
		case binary:
			line = strings.ToLower(line)
		case uuid:
			line = string(ids.AppendUUID(nil, high, low))
		}
		out.lines[i] = line
	}
	return out
}

// uuids is the list with UUIDs in their canonical form, made once.
func (l *List) uuids() *List {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.ofUUIDs == nil {
		l.ofUUIDs = l.canonical(false)
	}
	return l.ofUUIDs
}

// key tells lists of a graph apart.
func (l *List) key() string {
	if l.lines != nil || l.hash != "" {
		return l.hash
	}
	return fmt.Sprintf("%#v", l.values) // quotes texts, so that no text looks like two
}

// newSet makes a list of constants: sorted, each once.
func newSet(values []literal) *List {
	slices.SortFunc(values, compareLiterals)
	return &List{values: slices.Compact(values)}
}

func compareLiterals(a, b literal) int {
	truth := map[bool]int{true: 1}
	return cmp.Or(cmp.Compare(a.Int, b.Int), strings.Compare(a.String, b.String), cmp.Compare(a.Double, b.Double),
		cmp.Compare(a.Uint, b.Uint), cmp.Compare(a.Sec, b.Sec), cmp.Compare(a.Nanos, b.Nanos), truth[a.Bool]-truth[b.Bool])
}
