package objectstest

import (
	"fmt"
	"slices"
	"testing"

	"strata/pipeline/objects"
)

// pages returns the keys and prefixes of all pages, which have no more entries than there may be.
func pages(t *testing.T, b objects.Bucket, opts objects.ListOptions) (keys, prefixes []string) {
	t.Helper()
	for {
		page, err := b.List(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Objects) + len(page.Prefixes); opts.Limit > 0 && n > opts.Limit {
			t.Errorf("a page has %d entries; want %d at most", n, opts.Limit)
		}
		for _, o := range page.Objects {
			keys = append(keys, o.Key)
		}
		prefixes = append(prefixes, page.Prefixes...)
		if opts.Token = page.Next; opts.Token == "" {
			return keys, prefixes
		}
	}
}

func testListPages(t *testing.T, b objects.Bucket) {
	var want []string
	for i := range 250 {
		want = append(want, fmt.Sprintf("d/%03d", (i*7)%250))
	}
	race(func(w int) error {
		for i := w; i < len(want); i += 16 {
			create(t, b, want[i], "x")
		}
		return nil
	})
	create(t, b, "e", "beside")
	slices.Sort(want)
	got, _ := pages(t, b, objects.ListOptions{Prefix: "d/", Limit: 60})
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %d keys; want %d in order", len(got), len(want))
	}
	if page, err := b.List(t.Context(), objects.ListOptions{Prefix: "d/", Limit: 60}); err != nil || page.Next == "" {
		t.Errorf("the first page of %d keys has no next one: %v", len(want), err)
	}
}

func testListFolders(t *testing.T, b objects.Bucket) {
	for _, key := range []string{"x/a", "x/b/1", "x/b/2", "x/b-c", "x/c/1/2", "xy"} {
		create(t, b, key, key)
	}
	keys, prefixes := pages(t, b, objects.ListOptions{Prefix: "x/", Delimiter: "/"})
	if !slices.Equal(keys, []string{"x/a", "x/b-c"}) || !slices.Equal(prefixes, []string{"x/b/", "x/c/"}) {
		t.Errorf("List = %v and %v; want [x/a x/b-c] and [x/b/ x/c/]", keys, prefixes)
	}
	var all []string
	for o, err := range objects.All(t.Context(), b, "x") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.Key)
	}
	if want := []string{"x/a", "x/b-c", "x/b/1", "x/b/2", "x/c/1/2", "xy"}; !slices.Equal(all, want) {
		t.Errorf("All = %v, want %v", all, want)
	}
}

func testNames(t *testing.T, b objects.Bucket) {
	for _, key := range []string{"date=2026-11-02/part 1.parquet", "été/ü", "a+b&c#d?e", "100%", "_SUCCESS"} {
		create(t, b, key, key)
		holds(t, b, key, key)
		if _, err := b.Copy(t.Context(), key, "copy of/"+key); err != nil {
			t.Errorf("Copy(%q): %v", key, err)
		}
		holds(t, b, "copy of/"+key, key)
	}
}

func testBadNames(t *testing.T, b objects.Bucket) {
	for _, key := range []string{"a/../b", "a//b", "a/./b", "a\x00b", "a/"} {
		if _, err := b.Create(t.Context(), key, nil); err == nil {
			t.Errorf("Create(%q) succeeded", key)
		}
	}
}

// Pages hold objects and prefixes together, in one order.
func testListFolderPages(t *testing.T, b objects.Bucket) {
	var want []string
	for i := range 9 {
		create(t, b, fmt.Sprintf("f/%d/1", i), "x")
		create(t, b, fmt.Sprintf("f/%d/2", i), "x")
		create(t, b, fmt.Sprintf("f/%d", i)+"-file", "x")
		want = append(want, fmt.Sprintf("f/%d-file", i), fmt.Sprintf("f/%d/", i))
	}
	var got []string
	for opts := (objects.ListOptions{Prefix: "f/", Delimiter: "/", Limit: 4}); ; {
		page, err := b.List(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		var both []string
		for _, o := range page.Objects {
			both = append(both, o.Key)
		}
		both = append(both, page.Prefixes...)
		slices.Sort(both)
		got = append(got, both...)
		if opts.Token = page.Next; opts.Token == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %v; want %v", got, want)
	}
	folders, err := objects.Prefixes(t.Context(), b, "f/")
	if err != nil || len(folders) != 9 || folders[8] != "f/8/" {
		t.Errorf("Prefixes = %v, %v", folders, err)
	}
}

// A prefix need not end at a slash, and the order is that of bytes, not of any language.
func testListOrder(t *testing.T, b objects.Bucket) {
	want := []string{"date=1/A", "date=1/Z", "date=1/a", "date=1/a b", "date=1/b!/x", "date=1/b.b", "date=1/b/b", "date=1/b0", "date=1/é"}
	for i := range want {
		create(t, b, want[(i*5)%len(want)], "x")
	}
	create(t, b, "date=10/a", "x")
	for prefix, want := range map[string][]string{"date=1/": want, "date=1/b": want[4:8], "date=1/a ": {"date=1/a b"}, "date=1/é": {"date=1/é"}, "date=1/b/": {"date=1/b/b"}} {
		var got []string
		for o, err := range objects.All(t.Context(), b, prefix) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("All(%q) = %q; want %q", prefix, got, want)
		}
	}
	for _, prefix := range []string{"a//b", "../", "/"} {
		if _, err := b.List(t.Context(), objects.ListOptions{Prefix: prefix}); err == nil {
			t.Errorf("List(%q) succeeded", prefix)
		}
	}
}
