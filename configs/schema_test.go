package configs

import (
	"encoding/json"
	"testing"
)

func TestSchema(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.golden.json", string(text))
	again, err := Schema()
	if err != nil || string(again) != string(text) {
		t.Errorf("a second call differs: %v", err)
	}
}

// TestSchemaDescribesEverything: every key has a description, no later key is offered, nothing unknown is allowed.
func TestSchemaDescribesEverything(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	describeAll(t, "#", s)
	for name, def := range s["$defs"].(map[string]any) {
		describeAll(t, name, def.(map[string]any))
		exampleAll(t, name, def.(map[string]any))
	}
	exampleAll(t, "#", s)
}

// exampleAll: every key shows a value, by an example, its default or a list of choices.
func exampleAll(t *testing.T, name string, s map[string]any) {
	t.Helper()
	properties, _ := s["properties"].(map[string]any)
	for key, property := range properties {
		if p := property.(map[string]any); p["examples"] == nil && p["default"] == nil && p["enum"] == nil {
			t.Errorf("%s.%s has no example, default or list of choices", name, key)
		}
	}
}

func describeAll(t *testing.T, name string, s map[string]any) {
	t.Helper()
	properties, ok := s["properties"].(map[string]any)
	if !ok {
		return
	}
	if closed, ok := s["additionalProperties"].(bool); !ok || closed || s["description"] == nil {
		t.Errorf("%s: additionalProperties %v, description %v", name, s["additionalProperties"], s["description"])
	}
	for key, property := range properties {
		if property.(map[string]any)["description"] == nil {
			t.Errorf("%s.%s has no description", name, key)
		}
		for _, later := range []string{"exports", "sinks", "delivery", "aliases"} {
			if key == later {
				t.Errorf("%s offers %s", name, key)
			}
		}
	}
}
