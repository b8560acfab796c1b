package pipeline_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"strata/pipeline"
)

type narrowID struct {
	ID  int32  `parquet:"id"`
	Grp string `parquet:"grp"`
}

type textID struct {
	ID  string `parquet:"id"`
	Grp string `parquet:"grp"`
}

type uuidID struct {
	ID  uuid.UUID `parquet:"id"`
	Grp string    `parquet:"grp"`
}

// A user who left keeps an id that today's column has no room for.
func TestIDsThatTodaysTypeCannotHold(t *testing.T) {
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a"'}]`)
	snapshot(b, "2026-01-01", grouped{1, "a"}, grouped{5_000_000_000, "a"})
	snapshot(b, "2026-01-02", narrowID{1, "a"}, narrowID{2, "b"})
	b.run("2026-01-01")
	sameTexts(t, "64 bits, then 32", b.changes(b.run("2026-01-02")), "5000000000 s exited user_deleted")

	seven, nine := uuid.UUID{15: 7}, uuid.UUID{15: 9}
	b = caseBench(t, `segments: [{name: s, when: 'grp == "a"'}]`)
	snapshot(b, "2026-01-01", textID{"abc", "a"}, textID{seven.String(), "a"})
	snapshot(b, "2026-01-02", uuidID{seven, "a"}, uuidID{nine, "a"})
	snapshot(b, "2026-01-03", textID{"abc", "a"}, textID{nine.String(), "a"})
	b.run("2026-01-01")
	sameTexts(t, "text, then UUID", b.changes(b.run("2026-01-02")), nine.String()+" s entered user_new", "abc s exited user_deleted")
	sameTexts(t, "UUID, then text", b.changes(b.run("2026-01-03")), seven.String()+" s exited user_deleted", "abc s entered user_new")
}

// No column holds negative numbers and those beyond 63 bits, so the two types are kept apart.
func TestUnsignedIDsAfterSignedOnesAreRefused(t *testing.T) {
	type unsignedID struct {
		ID  uint64 `parquet:"id"`
		Grp string `parquet:"grp"`
	}
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a"'}]`)
	snapshot(b, "2026-01-01", groupsOf("ab")...)
	snapshot(b, "2026-01-02", unsignedID{1, "a"}, unsignedID{2, "b"})
	b.run("2026-01-01")
	var input *pipeline.InputError
	if _, err := pipeline.Run(t.Context(), b.job("2026-01-02")); !errors.As(err, &input) {
		t.Errorf("run = %v; want an InputError", err)
	}
}
