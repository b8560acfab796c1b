package rules

import (
	"slices"
	"testing"

	"strata/configs"
)

func TestNeeded(t *testing.T) {
	segment := func(name, when string) configs.Segment {
		return configs.Segment{Name: name, When: configs.NewExpr(when)}
	}
	d := &configs.Definitions{
		Traits: []configs.Trait{
			{Name: "rich", Value: configs.NewExpr(`tags.exists(t, t == "x") || segment("a")`)},
			{Name: "poor", Value: configs.NewExpr(`!rich`)},
		},
		Segments: []configs.Segment{
			segment("a", `x > 1`),
			segment("b", `segment("a") && !segment("c")`),
			segment("c", `stage("life") == "first"`),
			segment("d", `segment("d")`),
			segment("e", `poor`),
			segment("f", `x >`),
			segment("g", `segment("nowhere") || segment("f")`),
		},
		Lifecycles: []configs.Lifecycle{
			{Name: "life", Stages: []configs.Stage{{Name: "first", When: configs.NewExpr(`segment("a")`)}, {Name: "other", When: configs.NewExpr(`segment("e")`)}}},
			{Name: "other", Stages: []configs.Stage{{Name: "first", When: configs.NewExpr(`true`)}}},
		},
	}
	for _, tc := range []struct {
		of         string
		segments   []string
		lifecycles []string
	}{
		{"a", []string{"a"}, nil},
		{"b", []string{"a", "b", "c", "e"}, []string{"life"}},
		{"d", []string{"d"}, nil},
		{"e", []string{"a", "e"}, nil},
		{"g", []string{"f", "g"}, nil},
	} {
		var segments, lifecycles []string
		got := Needed(d, tc.of)
		for _, s := range got.Segments {
			segments = append(segments, s.Name)
		}
		for _, l := range got.Lifecycles {
			lifecycles = append(lifecycles, l.Name)
		}
		if !slices.Equal(segments, tc.segments) || !slices.Equal(lifecycles, tc.lifecycles) || len(got.Traits) != 2 {
			t.Errorf("%s needs %v and %v; want %v and %v", tc.of, segments, lifecycles, tc.segments, tc.lifecycles)
		}
	}
	if len(d.Segments) != 7 || len(d.Lifecycles) != 2 {
		t.Error("the definitions have changed")
	}
}
