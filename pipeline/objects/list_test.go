package objects_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"strata/pipeline/objects"
)

// randomKey makes keys of few letters, so that they share folders; "-" and "." sort before "/", "0" behind it. Files end in a
// letter that no folder ends in.
func randomKey(random *rand.Rand) string {
	var parts []string
	for range 1 + random.IntN(3) {
		parts = append(parts, string("ab-.0é"[random.IntN(5)])+[]string{"", "-", "0", "=1"}[random.IntN(4)]+"d")
	}
	return strings.Join(parts, "/") + "f"
}

// listing is every page, as text.
func listing(t *testing.T, b objects.Bucket, opts objects.ListOptions) string {
	t.Helper()
	var out []string
	for {
		page, err := b.List(t.Context(), opts)
		if err != nil {
			t.Fatalf("List(%+v): %v", opts, err)
		}
		var entries []string
		for _, o := range page.Objects {
			entries = append(entries, fmt.Sprintf("%s (%d)", o.Key, o.Size))
		}
		if !slices.IsSorted(entries) || !slices.IsSorted(page.Prefixes) {
			t.Fatalf("List(%+v) is out of order: %v", opts, page)
		}
		out = append(out, fmt.Sprint(entries, page.Prefixes))
		if opts.Token = page.Next; opts.Token == "" {
			return strings.Join(out, "\n")
		}
	}
}

// Folders are listed as a sorted list of keys is: random keys, prefixes, delimiters and page sizes.
func TestLocalListsAsMemoryDoes(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 3))
		local, memory := newLocal(t, t.TempDir()), objects.NewMemory()
		var made []string
		for i := range 1 + random.IntN(25) {
			key := randomKey(random)
			if _, err := memory.Create(t.Context(), key, make([]byte, i)); err == nil {
				mustCreate(t, local, key, strings.Repeat("\x00", i))
				made = append(made, key)
			}
		}
		for range 40 {
			key := made[random.IntN(len(made))]
			opts := objects.ListOptions{
				Prefix: key[:random.IntN(len(key)+1)], Delimiter: []string{"", "/"}[random.IntN(2)], Limit: random.IntN(5),
			}
			if got, want := listing(t, local, opts), listing(t, memory, opts); got != want {
				t.Fatalf("seed %d, keys %q, %+v:\n%s\nwant\n%s", seed, made, opts, got, want)
			}
		}
	}
}
