// Package objectstest holds what every driver of package objects must do, as one suite of tests.
package objectstest

import (
	"errors"
	"fmt"
	"testing"

	"strata/pipeline/objects"
)

// A Gap names a subtest that a test server cannot pass, and why. A real store passes all.
type Gap struct{ Test, Why string }

// Run runs the suite. open returns a bucket, new or used: every subtest works below a prefix of its own.
func Run(t *testing.T, open func(t *testing.T) objects.Bucket, gaps ...Gap) {
	b := open(t)
	for _, tc := range suite {
		t.Run(tc.name, func(t *testing.T) {
			for _, g := range gaps {
				if g.Test == tc.name {
					t.Skip(g.Why)
				}
			}
			tc.run(t, objects.Prefixed(b, fmt.Sprintf("suite/%s", tc.name)))
		})
	}
}

var suite = []struct {
	name string
	run  func(t *testing.T, b objects.Bucket)
}{
	{"create", testCreate},
	{"create race", testCreateRace},
	{"replace", testReplace},
	{"replace race", testReplaceRace},
	{"body is copied", testBodyIsCopied},
	{"delete", testDelete},
	{"delete race", testDeleteRace},
	{"stale delete", testStaleDelete},
	{"copy", testCopy},
	{"copy onto another", testCopyOnto},
	{"copy race", testCopyRace},
	{"cancelled", testCancelled},
	{"ended", testEnded},
	{"ranges", testRanges},
	{"empty", testEmpty},
	{"large", testLarge},
	{"descriptions", testDescriptions},
	{"missing", testMissing},
	{"pinned read", testPinnedRead},
	{"pinned", testPinned},
	{"reads during replaces", testReadsDuringReplaces},
	{"list pages", testListPages},
	{"list folders", testListFolders},
	{"list folder pages", testListFolderPages},
	{"list order", testListOrder},
	{"names", testNames},
	{"bad names", testBadNames},
}

func create(t *testing.T, b objects.Bucket, key, body string) objects.Info {
	t.Helper()
	info, err := b.Create(t.Context(), key, []byte(body))
	if err != nil {
		t.Fatalf("Create(%q): %v", key, err)
	}
	return info
}

// holds checks what an object holds.
func holds(t *testing.T, b objects.Bucket, key, want string) objects.Info {
	t.Helper()
	data, info, err := objects.ReadAll(t.Context(), b, key, "")
	if err != nil || string(data) != want {
		t.Fatalf("%s holds %.40q, %v; want %.40q", key, data, err, want)
	}
	return info
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
}
