package main

import (
	"encoding/xml"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// testedCases are tests of smallConfig; one of them fails.
const testedCases = `columns: {plan: string, ltv: double, seen: timestamp}
cases:
  - name: the rich are vips
    date: 2026-11-02
    users: [{user_id: ann, ltv: 900, plan: pro}, {user_id: bob, ltv: 10}]
    expect: [{user: ann, in: [vip, paying, both], exactly: true}, {user: bob, not_in: [vip]}]
  - name: who pays is a vip
    date: 2026-11-02
    users: [{user_id: ann, ltv: 10, plan: pro}]
    expect: [{user: ann, in: [both], transitions: [{initial: paying}, {initial: both}]}]
`

// TestTest shows what a person reads of tests that pass and fail, and of files that are at fault.
func TestTest(t *testing.T) {
	s := newSite(t, smallConfig)
	s.run(exitUsage, "test")
	s.write("strata_test.yaml", []byte(testedCases))
	s.run(exitUsage, "test")
	s.run(0, "test", "--run", "^the rich")
	s.run(exitUsage, "test", "--run", "nobody")
	s.run(exitUsage, "test", "--run", "(")
	s.run(exitUsage, "test", "absent_test.yaml")
	s.write("faulty_test.yaml", []byte("colums: {ltv: double}\ncases:\n  - {name: one, date: soon, users: []}\n"))
	s.write("names_test.yaml", []byte("columns: {ltv: dobule, plan: string}\ncases:\n  - {name: one, date: 2026-11-02, users: [], expect: [{user: ann, in: [vipp]}]}\n"))
	s.run(exitUsage, "test")
	s.run(exitUsage, "test", "names_test.yaml")
	s.write("columns_test.yaml", []byte("columns: {ltv: double}\ncases:\n  - {name: one, date: 2026-11-02, users: [{user_id: ann}], expect: [{user: ann, not_in: [vip]}]}\n"))
	s.run(exitUsage, "test", "columns_test.yaml")
	s.write("schema_test.yaml", []byte("schema: users/date=2026-11-02/part-0.parquet\ncases:\n  - {name: one, date: 2026-11-02, users: [{user_id: ann, ltv: 900}], expect: [{user: ann, in: [vip]}]}\n"))
	s.run(exitUsage, "test", "schema_test.yaml")
	snapshot(s, today, users(3))
	s.run(0, "test", "schema_test.yaml")
	s.write("empty_test.yaml", []byte("columns: {ltv: double, plan: string}\ncases:\n  - {name: one, dates: [{date: 2026-11-01, users: [{user_id: ann}], expect: [{user: ann, not_in: [vip]}]}, {date: 2026-11-02, users: []}]}\n"))
	s.run(exitUsage, "test", "empty_test.yaml")
	golden(t, "test", steady(s.shown.String(), s.folder))
}

// TestTestWritesNothing: no run of a test leaves a trace beside the files, but for the one that was asked for.
func TestTestWritesNothing(t *testing.T) {
	s := newSite(t, smallConfig)
	s.write("strata_test.yaml", []byte(testedCases))
	s.run(exitUsage, "test", "--junit", "junit.xml")
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if want := []string{"junit.xml", "strata.yaml", "strata_test.yaml"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	s.run(exitUsage, "test", "--junit", "no/such/folder.xml")
}

// TestJUnit: the file is XML in the order that JUnit's schema asks for, with its required attributes, and counts what happened.
func TestJUnit(t *testing.T) {
	s := newSite(t, smallConfig)
	s.write("strata_test.yaml", []byte(testedCases+"  - {name: 'nobody & <none>', dates: [{date: 2026-11-01, users: [{user_id: ann}], expect: [{user: ann, not_in: [vip]}]}, {date: 2026-11-02, users: []}]}\n"+
		"  - {name: odd, date: 2026-11-02, users: [{user_id: \"a\\x01b\", plan: \"pro  \"}], expect: [{user: \"a\\x01b\", in: [paying]}]}\n"))
	s.run(exitUsage, "test", "--junit", "junit.xml")
	file, err := os.Open(s.path("junit.xml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	required := map[string][]string{
		"testsuite": {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"}, "testcase": {"name", "classname", "time"},
		"failure": {"message", "type"}, "error": {"message", "type"},
	}
	var order []string
	values := map[string]string{}
	for d := xml.NewDecoder(file); ; {
		token, err := d.Token()
		if err == io.EOF { //nolint:errorlint // Token's own
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		order = append(order, element.Name.Local)
		for _, a := range element.Attr {
			values[element.Name.Local+" "+a.Name.Local] = a.Value
		}
		for _, name := range required[element.Name.Local] {
			if _, ok := values[element.Name.Local+" "+name]; !ok {
				t.Errorf("%s has no %s", element.Name.Local, name)
			}
		}
	}
	want := "testsuites testsuite properties testcase testcase failure testcase error testcase failure system-out system-err"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("elements %s, want %s", got, want)
	}
	if text, _ := os.ReadFile(s.path("junit.xml")); !strings.Contains(string(text), `"pro  "`) {
		t.Error("a value does not stand there as it is")
	}
	for name, want := range map[string]string{
		"testsuite tests": "4", "testsuite failures": "2", "testsuite errors": "1", "testcase name": "odd",
		"failure message": "user a\uFFFDb, in segment paying: expected in it, got not in it",
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
}

// TestDemoTests: the tests that the demo writes beside its configuration pass.
func TestDemoTests(t *testing.T) {
	s := newSite(t, string(demoConfig))
	s.write("strata_test.yaml", demoCases)
	s.run(0, "test")
}
