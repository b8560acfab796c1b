package configs

import (
	"fmt"
	"strings"
)

// Nearest returns the candidate that name was most likely meant to be, or "" when none is near. Case, hyphens, underscores
// and spaces hardly count; two neighbouring letters that changed places are one mistake. Of equals the first wins.
func Nearest(name string, candidates []string) string {
	if len(name) > maxNearest {
		return ""
	}
	best, distance := "", max(1, len([]rune(name))/3)+1
	folded := fold(name)
	for _, candidate := range candidates {
		other := fold(candidate)
		if len(other)-len(folded) >= distance || len(folded)-len(other) >= distance {
			continue
		}
		d := edits(folded, other)
		if d < distance && candidate != name && d < len([]rune(candidate)) {
			best, distance = candidate, d
		}
	}
	return best
}

// maxNearest is how long a name, in bytes, may be to have a near one.
const maxNearest = 256

func fold(name string) []rune {
	return []rune(strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name)))
}

// edits counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment) between a and b.
func edits(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// didYouMean is the hint that offers the nearest candidate, empty when none is near.
func didYouMean(name string, candidates []string) string {
	if near := Nearest(name, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
