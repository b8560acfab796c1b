package catalog

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestDrift(t *testing.T) {
	before := []Column{{Name: "same", Type: "int64"}, {Name: "went", Type: "utf8"}, {Name: "other", Type: "int32"}, {Name: "idle", Type: "bool"}}
	now := []Column{{Name: "came", Type: "utf8"}, {Name: "other", Type: "int64"}, {Name: "idle", Type: "utf8"}, {Name: "same", Type: "int64"}}
	got := Drift(before, now, []string{"came", "other", "same"})
	want := []ColumnChange{
		{Column: "came", Now: "utf8", Used: true},
		{Column: "idle", Was: "bool", Now: "utf8"},
		{Column: "other", Was: "int32", Now: "int64", Used: true},
		{Column: "went", Was: "utf8"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Drift = %+v, want %+v", got, want)
	}
	if none := Drift(before, before, []string{"same"}); len(none) > 0 {
		t.Errorf("the same columns drift: %+v", none)
	}
}

func TestDriftSentencesNameTen(t *testing.T) {
	var drift []ColumnChange
	for i := range 12 {
		drift = append(drift, ColumnChange{Column: fmt.Sprintf("c%02d", i), Now: "bool"})
	}
	got := DriftSentences(drift, Date{})
	if len(got) != 1 || !strings.HasSuffix(got[0], `"c09" (bool), 2 more`) || strings.Contains(got[0], "c10") {
		t.Errorf("%q", got)
	}
}
