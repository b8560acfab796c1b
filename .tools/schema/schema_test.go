// Package schema checks the generated JSON Schema with a validator that is not strata's: it is a schema, every example
// keeps it, and it refuses what the decoder refuses.
package schema

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"strata/configs"
)

// compiled is the schema of the configuration.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := configs.Schema()
	return compile(t, text, err)
}

func compile(t *testing.T, text []byte, err error) *jsonschema.Schema {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("strata.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("strata.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate reads YAML as an editor does and holds it against the schema.
func validate(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}

// asEditorsRead turns dates, which YAML 1.2 does not know, back into texts.
func asEditorsRead(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, child := range n.Content {
		asEditorsRead(child)
	}
}

// TestTestFilesKeepTheSchema: the example and the demo's test file do, and what the decoder refuses the schema refuses too.
func TestTestFilesKeepTheSchema(t *testing.T) {
	text, err := configs.SuiteSchema()
	schema := compile(t, text, err)
	check := func(text []byte) error {
		var root yaml.Node
		if err := yaml.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		asEditorsRead(&root)
		var doc any
		if err := root.Decode(&doc); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(doc)
	}
	for _, file := range []string{"../../configs/examples/segments_test.yaml", "../../configs/examples/timeline/timeline_test.yaml", "../../cmd/strata/demo_cases.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	const one = "{name: one two, date: 2026-11-03, users: [{id: 1, tags: [a], at: null}]"
	for text, right := range map[string]bool{
		"cases: [" + one + ", expect: [{user: 1, in: [a]}]}]":                                                                              true,
		"cases: [" + one + ", expect: [{user: 1, in: [], exactly: true, stages: {a: b}, transitions: [{entered: a, reason: user_new}]}]}]": true,
		"columns: {a: int}\ncases: []":                                      false,
		"columns: [a]\ncases: []":                                           false,
		"columns: {a: int}":                                                 false,
		"cases: [" + one + ", expect: [{in: [a]}]}]":                        false,
		"cases: [" + one + ", expect: [{user: 1, in: a}]}]":                 false,
		"cases: [" + one + ", expect: [{user: 1, transitions: [{a: b}]}]}]": false,
		"cases: [" + one + ", expect: [{user: 1, segments: [a]}]}]":         false,
		"cases: [{date: 2026-11-03, users: []}]":                            false,
		"cases: [" + one + ", expect: [{user: 1, in: [a]}], previous: {users: [{user: 1, in: [a], since: {a: b}}]}}]": true,
		"cases: [" + one + ", previous: {user: 1}}]":                                                                  false,
	} {
		_, decoded := configs.ParseSuite("strata_test.yaml", []byte(text))
		if says := check([]byte(text)); (says == nil) != right || (decoded == nil) != right {
			t.Errorf("%s: right is %v; the schema says %v, the decoder %v", text, right, says, decoded)
		}
	}
}

func TestExamplesKeepTheSchema(t *testing.T) {
	schema := compiled(t)
	files, _ := filepath.Glob("../../configs/examples/strata*.yaml")
	if len(files) == 0 {
		t.Fatal("no examples")
	}
	files = append(files, "../../configs/examples/timeline/strata.yaml")
	if _, err := os.Stat("../../../shared/nightly/strata.yaml"); err == nil {
		files = append(files, "../../../shared/nightly/strata.yaml")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestExamplesOfKeysAreRight: what an editor offers for a key, the key takes.
func TestExamplesOfKeysAreRight(t *testing.T) {
	text, err := configs.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("strata.json", doc); err != nil {
		t.Fatal(err)
	}
	root := doc.(map[string]any)
	checked := examplesBelow(t, c, "strata.json#/properties/", root["properties"])
	for name, def := range root["$defs"].(map[string]any) {
		checked += examplesBelow(t, c, "strata.json#/$defs/"+name+"/properties/", def.(map[string]any)["properties"])
	}
	checked += examplesBelow(t, c, "strata.json#/$defs/", map[string]any{"Rule": root["$defs"].(map[string]any)["Rule"]})
	if checked < 50 {
		t.Errorf("%d examples", checked)
	}
}

// examplesBelow validates the examples and defaults of some properties, and says how many there were.
func examplesBelow(t *testing.T, c *jsonschema.Compiler, at string, properties any) (checked int) {
	t.Helper()
	all, _ := properties.(map[string]any)
	for key, property := range all {
		p := property.(map[string]any)
		values, _ := p["examples"].([]any)
		if p["default"] != nil {
			values = append(values, p["default"])
		}
		schema, err := c.Compile(at + key)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s%s: %v: %v", at, key, value, err)
			}
			checked++
		}
	}
	return checked
}

// TestSchemaAgreesWithTheDecoder: what both can see, both refuse; what is right, both take.
func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	schema := compiled(t)
	const base = "snapshot: {path: 'users/{date}/*.parquet', user_id: user_id}\noutput: out\n"
	for more, right := range map[string]bool{
		"segments: [{name: a, when: b > 1}]":                                   true,
		"segments: [{name: a, include: ids.txt}]":                              true,
		"segments: [{name: a, when: {all: [b > 1, {any: [c, d]}]}}]":           true,
		"segments: [{name: a, when: {all: []}}]":                               false,
		"segments: [{name: a, when: {all: [b], any: [c]}}]":                    false,
		"segments: [{name: a, when: true}]":                                    false,
		"segments: [{name: a, when: 1}]":                                       false,
		"segments: [{name: a, when: b, until: c, min_stay: 7d, cooldown: 2w}]": true,
		"segments: [{name: a, when: b, until: {any: [c, d]}}]":                 true,
		"segments: [{name: a, when: b, until: 3}]":                             false,
		"segments: [{name: a, when: b, min_stay: 7}]":                          false,
		"segments: [{name: a, when: b, min_stay: 36h}]":                        false,
		"segments: [{name: a, when: b, cooldown: 0d}]":                         false,
		"segments: [{name: a b, when: c}]":                                     false,
		"segments: [{when: c}]":                                                false,
		"traits: [{name: a-b, value: c}]":                                      false,
		"traits: [{name: a_b, value: c}]":                                      true,
		"lifecycles: [{name: a, stages: []}]":                                  false,
		"lifecycles: [{name: a, stages: [{name: b}]}]":                         false,
		"lifecycles: [{name: a, stages: [{name: b, when: c}, {name: d-1, when: c}], moves: [b -> d-1, 'd-1->b']}]": true,
		"lifecycles: [{name: a, stages: [{name: b, when: c}, {name: d, when: c}], moves: [b => d]}]":               false,
		"lifecycles: [{name: a, stages: [{name: b, when: c}, {name: d, when: c}], moves: [b -> d -> b]}]":          false,
		"lifecycles: [{name: a, stages: [{name: b, when: c}, {name: d, when: c}], moves: []}]":                     false,
		"lifecycles: [{name: a, stages: [{name: b, when: c}, {name: d, when: c}], moves: b -> d}]":                 false,
		"guards: {exits: {max_share: 5%}}":                    true,
		"guards: {exits: {max_share: 0.5}}":                   false,
		"guards: {exits: {max_share: none, ignore_below: 5}}": true,
		"guards: {exits: {ignore_below: -5}}":                 false,
		"segments: [{name: a, when: b, guards: none}]":        true,
		"segments: [{name: a, when: b, guards: 'off'}]":       false,
		"segments: [{name: a, when: b, guards: {exits: {max_share: 5%}, unknowns: {max_rise: none}, segment_size: {ignore_below: 5}}}]": true,
		"segments: [{name: a, when: b, guards: {exits: {max_share: 101%}, unknowns: {max_drop: 5%}}}]":                                  false,
		"segments: [{name: a, when: b, guards: {segment_size: {ignore_below: -5}}}]":                                                    false,
		"segments: [{name: a, when: b, guards: {snapshot_rows: {max_drop: 5%}}}]":                                                       false,
		"now: start_of_date": true,
		"now: noon":          false,
		"membership: {columns: [country], since: true, also: [wide, long]}": true,
		"membership: {also: [narrow]}":                                      false,
		"membership: {also: [wide, wide]}":                                  false,
		"publish: {hive: 'no'}":                                             false,
		"colour: blue":                                                      false,
	} {
		text := []byte(base + more + "\n")
		_, decoded := configs.Parse("strata.yaml", text)
		if schemaSays := validate(t, schema, text); (schemaSays == nil) != right || (decoded == nil) != right {
			t.Errorf("%s: right is %v; the schema says %v, the decoder %v", more, right, schemaSays, decoded)
		}
	}
	for text, right := range map[string]bool{
		"snapshot: {path: x, user_id: y1, duplicates: fail}\noutput: o":                      true,
		"snapshot: {path: x, user_id: y1, duplicates: {keep: latest, by: b}}\noutput: o":     true,
		"snapshot: {path: x, user_id: y1, duplicates: {keep: latest}}\noutput: o":            false,
		"snapshot: {path: x, user_id: y1, duplicates: last}\noutput: o":                      false,
		"snapshot: {path: x, user_id: y1, columns: {a: {column: b-c, as: uuid}}}\noutput: o": true,
		"snapshot: {path: x, user_id: y1, columns: {a: {as: text}}}\noutput: o":              false,
		"snapshot: {path: x, user_id: y1, columns: {b-c: {}}}\noutput: o":                    false,
		"snapshot: {path: x, user_id: y1, where: a}\noutput: o":                              true,
		"snapshot: {path: x, user_id: y1, where: 3}\noutput: o":                              false,
		"snapshot: {path: x}\noutput: o":                                                     false,
		"snapshot: {path: x, user_id: y1}":                                                   false,
	} {
		_, decoded := configs.Parse("strata.yaml", []byte(text))
		if schemaSays := validate(t, schema, []byte(text)); (schemaSays == nil) != right || (decoded == nil) != right {
			t.Errorf("%s: right is %v; the schema says %v, the decoder %v", text, right, schemaSays, decoded)
		}
	}
}
