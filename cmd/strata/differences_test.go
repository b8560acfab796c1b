package main

import (
	"strings"
	"testing"

	"strata/configs"
	"strata/pipeline/catalog"
)

func TestDifferencesShowEveryEdit(t *testing.T) {
	manifest := func(adjust func(*catalog.Manifest)) *catalog.Manifest {
		m := &catalog.Manifest{
			Definitions: &configs.Definitions{
				Timezone: "UTC", UserID: "id",
				Traits:   []configs.Trait{{Name: "paid", Value: configs.NewExpr(`plan != "free"`)}},
				Segments: []configs.Segment{{Name: "vip", When: configs.NewExpr("ltv >\n  800"), Include: "always.txt"}, {Name: "gone", When: configs.NewExpr("true")}},
				Lifecycles: []configs.Lifecycle{{Name: "life", Stages: []configs.Stage{
					{Name: "one", When: configs.NewExpr("paid")}, {Name: "two", When: configs.NewExpr("true")},
				}}},
			},
			Lists: []catalog.List{{Path: "always.txt", SHA256: "0123456789abcdef", Entries: 3}, {Path: "of_an_older_run.txt", SHA256: "77", Entries: 1}},
		}
		adjust(m)
		return m
	}
	old := manifest(func(*catalog.Manifest) {})
	same := manifest(func(m *catalog.Manifest) {
		m.Definitions.Segments[0].When, m.Definitions.Segments[0].Description = configs.NewExpr("ltv > 800"), "People worth a call"
		m.Lists = m.Lists[:1]
	})
	if lines := differences(old, same); len(lines) > 0 {
		t.Errorf("spaces and descriptions decide nothing, and no rule uses the other list: %q", lines)
	}
	texts := manifest(func(m *catalog.Manifest) { m.Definitions.Traits[0].Value = configs.NewExpr(`plan != "free "`) })
	two := manifest(func(m *catalog.Manifest) { m.Definitions.Traits[0].Value = configs.NewExpr(`plan != "free  "`) })
	if lines := differences(texts, two); len(lines) != 2 {
		t.Errorf("spaces in a text decide: %q", lines)
	}
	now := manifest(func(m *catalog.Manifest) {
		d := m.Definitions
		d.Timezone = "Europe/Paris"
		d.Traits[0].Value = configs.NewExpr(`plan == "pro"`)
		d.Segments = append(d.Segments[:1], configs.Segment{Name: "new", When: configs.NewExpr("false"), Exclude: "never.txt"})
		d.Segments[0].Include = ""
		stages := d.Lifecycles[0].Stages
		stages[0], stages[1] = stages[1], stages[0]
		d.Columns = []configs.ColumnDecl{{Name: "utm", Column: "utm-source", As: "string", NullText: []string{"-"}}}
		m.Lists = nil
		m.Settings.Membership = configs.Membership{Columns: []string{"country"}, Since: true, Also: []string{"wide", "long"}}
	})
	want := `- timezone: UTC
+ timezone: Europe/Paris
- trait paid: plan != "free"
+ trait paid: plan == "pro"
- segment vip: when: ltv > 800, include: always.txt
+ segment vip: when: ltv > 800
- segment gone: when: true
- lifecycle life: one | two
+ lifecycle life: two | one
- list always.txt: 3 ids, sha256 0123456789ab
+ membership.columns: country
- membership.since: false
+ membership.since: true
+ membership.also: long, wide
+ column utm: column: utm-source, as: string, null_text: -
+ segment new: when: false, exclude: never.txt`
	if got := strings.Join(differences(old, now), "\n"); got != want {
		t.Errorf("differences:\n%s\nwant:\n%s", got, want)
	}
}
