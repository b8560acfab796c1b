package rules

import (
	"strings"
	"testing"
)

// TestFunctionTable: what documentation will be made of is there for every function.
func TestFunctionTable(t *testing.T) {
	names, overloads := map[string]bool{}, map[string]bool{}
	for _, f := range functionTable {
		if names[f.name] {
			t.Errorf("%s is in the table twice", f.name)
		}
		names[f.name] = true
		if !f.internal && (!strings.HasSuffix(f.doc, ".") || len(f.overloads) == 0) {
			t.Errorf("%s: the documentation is %q", f.name, f.doc)
		}
		if f.nonStrict && f.nulls == "" {
			t.Errorf("%s sees nulls and does not say what becomes of them", f.name)
		}
		if f.internal == usableName(f.name) {
			t.Errorf("%s: rules can write names of functions that they may call, and no others", f.name)
		}
		for _, o := range f.overloads {
			if overloads[o.id] || o.bind == nil || len(o.args) == 0 || o.result == nil {
				t.Errorf("%s: overload %s", f.name, o.id)
			}
			overloads[o.id] = true
		}
	}
	for name := range laterFunctions {
		if names[name] {
			t.Errorf("%s is in the table, and refused", name)
		}
	}
}
