package cases_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/cases"
	"strata/readers"
	"strata/writers"
)

const head = `snapshot:
  path: users/{date}.parquet
  user_id: id
  columns: {utm: {column: utm-source}, born: {as: date}}
output: out
`

// tools are those of the program, but for lists, which are in memory.
func tools(lists map[string]string) cases.Tools {
	return cases.Tools{
		History: readers.State{}, NewEncoder: func() pipeline.Encoder { return &writers.Writer{} },
		ReadList: func(_ context.Context, path string) ([]byte, error) {
			text, ok := lists[path]
			if !ok {
				return nil, os.ErrNotExist
			}
			return []byte(text), nil
		},
		ReadSchema: func(context.Context, string) (*arrow.Schema, error) {
			return arrow.NewSchema([]arrow.Field{{Name: "k", Type: arrow.PrimitiveTypes.Int8}, {Name: "text", Type: arrow.BinaryTypes.String}}, nil), nil
		},
	}
}

// prepare readies a test file for a configuration, both given as text.
func prepare(t *testing.T, config, tests string) (*cases.Suite, error) {
	t.Helper()
	c, err := configs.Parse("strata.yaml", []byte(head+config))
	if err != nil {
		t.Fatal(err)
	}
	file, err := configs.ParseSuite("strata_test.yaml", []byte(tests))
	if err != nil {
		t.Fatal(err)
	}
	s, err := cases.Prepare(t.Context(), file, c, tools(map[string]string{"always.txt": "zoe\n", "never.txt": "bob\n"}))
	if err == nil {
		t.Cleanup(s.Release)
	}
	return s, err
}

// outcomes runs all cases and spells what failed, a line each.
func outcomes(t *testing.T, config, tests string) string {
	t.Helper()
	s, err := prepare(t, config, tests)
	if err != nil {
		t.Fatal(err)
	}
	results, err := s.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range results {
		if r.Err != nil {
			fmt.Fprintf(&b, "%s: %v\n", r.Name, r.Err)
		}
		for _, f := range r.Failures {
			fmt.Fprintf(&b, "%s, %d:%d, %s %s, %s: want %s; got %s\n", r.Name, f.Pos.Line, f.Pos.Column, f.Date, f.User, f.What, f.Expected, f.Got)
		}
	}
	return b.String()
}

// TestTypes: a value of every type is what a rule then sees.
func TestTypes(t *testing.T) {
	for _, tc := range []struct{ typ, value, rule string }{
		{"int", "-9223372036854775808", "x == -9223372036854775808"},
		{"uint", "18446744073709551615", "x == 18446744073709551615u"},
		{"double", "1e3", "x == 1000.0"},
		{"double", "2", "x == 2.0"},
		{"float", "0.5", "x == 0.5"},
		{"string", "'1'", `x == "1"`},
		{"string", "a b", `x == "a b"`},
		{"bool", "true", "x"},
		{"timestamp", "2026-11-02T09:30:00+01:00", `x == timestamp("2026-11-02T08:30:00Z")`},
		{"timestamp", "2026-11-02 08:30:00.5", `x == timestamp("2026-11-02T08:30:00.5Z")`},
		{"timestamp", "2026-11-02", `x == timestamp("2026-11-02T00:00:00Z")`},
		{"date", "2026-11-02", `x == date("2026-11-02")`},
		{"bytes", "'00ff'", `size(x) == 2`},
		{"uuid", "0B5F7C1E-8d5a-4f0e-9a51-2f1d3c6b7a88", `x == "0b5f7c1e-8d5a-4f0e-9a51-2f1d3c6b7a88"`},
		{"decimal(9, 2)", "12.5", "x == 12.5"},
		{"list<string>", "[a, null, b]", `"b" in x && size(x) == 3`},
		{"list<struct<sku: string, price: decimal(9,2)>>", "[{sku: a, price: 2.5}, {sku: b}]", `x.exists(o, o.price > 2.0)`},
		{"map<int>", "{a: 1, b: null}", `x.a == 1 && x.b == null && "b" in x`},
		{"map<string, string>", "{plan: pro}", `x.plan == "pro"`},
		{"struct<city: string, at: timestamp>", "{city: Paris}", `x.city == "Paris" && x.at == null`},
		{"int", "null", "x == null"},
		{"list<int>", "", "x == null"},
	} {
		config := fmt.Sprintf("segments: [{name: it, when: '%s'}]", tc.rule)
		tests := fmt.Sprintf("columns: {x: '%s'}\ncases: [{name: one, date: 2026-11-03, users: [{id: ann, x: %s}], expect: [{user: ann, in: [it]}]}]", tc.typ, tc.value)
		if got := outcomes(t, config, tests); got != "" {
			t.Errorf("%s %s: %s: %s", tc.typ, tc.value, tc.rule, got)
		}
	}
}

// TestFaultyValues: values and types that do not fit are told with their places, all at once.
func TestFaultyValues(t *testing.T) {
	_, err := prepare(t, "segments: [{name: it, when: 'k > 1'}]", `columns: {k: int, s: strin, d: double, l: list<int, dec: decimal(2), k2: int 8}
cases:
  - {name: one, date: 2026-11-03, users: [], expect: [{user: ann, in: [it]}]}
`)
	for _, line := range []string{
		`1:22: column "s": there is no type "strin"`, `1:43: column "l": > is missing after what the list holds`,
		`1:58: column "dec": a decimal is written decimal(9, 2), with at most 38 digits`, `1:74: column "k2": "8" follows the type`,
	} {
		if !strings.Contains(fmt.Sprint(err), line) {
			t.Errorf("%s: not told", line)
		}
	}
	_, err = prepare(t, "segments: [{name: it, when: 'k > 1'}]", `columns: {k: int, d: double, b: bool, l: list<int>, st: struct<a int>, txt: string, day: date, at: timestamp, u: uuid, dec: "decimal(4, 2)", raw: bytes}
cases:
  - name: one
    date: 2026-11-03
    users:
      - {id: 1, k: "1", d: "2", b: yes, l: 3, st: {b: 1}, txt: 5, day: soon, at: later, u: x, dec: 1.234, raw: zz}
      - {id: ann, k: 1.5, l: [a], kk: 4, other: [1.5], born: 1990, utm: x, utm-source: y, txt: [a]}
      - {id: bob, k: 99999999999999999999}
    expect: [{user: 5, in: [it]}, {user: ann, in: [it]}, {user: ann, not_in: [itt]}, {user: bop, in: [it]}]
`)
	for _, line := range []string{
		`6:14: column "id": the column is text, and YAML reads 1 as a number`, `6:20: column "k": the column is a number, and "1" is text`,
		`column "d": "2" is not a number`, `column "b": "yes" is not true or false`, `column "l": a list is wanted here`, `the struct has no field "b"`,
		`column "txt": the column is text, and YAML reads 5 as a number`, `column "day": "soon" is not a date`, `column "at": "later" is not an instant`,
		`column "u": "x" is not a UUID`, `column "dec": "1.234" is not a number of type decimal(4, 2)`, `column "raw": "zz" is not hexadecimal`,
		`column "k": "1.5" is not a whole number`, `column "l": "a" is not a whole number`, `column "kk" has no type`,
		`column "other" has no type`, `add it: columns: {other: list<double>}`, `column "born": "1990" is not a date`, `column "utm" has no type`, `column "utm-source" is here twice, under two names`,
		`column "k": "99999999999999999999" is not a whole number`, `user ids are text here, and YAML reads 5 as a number`, `user ann is here twice`,
		`there is no segment "itt"`, `case "one" has no user bop`, `did you mean "bob"?`, `column "txt": a single value is wanted here`,
	} {
		if !strings.Contains(fmt.Sprint(err), line) {
			t.Errorf("%s: not told", line)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
	var fault *cases.ColumnsError
	if _, err = prepare(t, "segments: [{name: it, when: 'k > 1 && m == 2'}]", "schema: x.parquet\ncases: [{name: one, date: 2026-11-03, users: [{id: ann}], expect: [{user: ann, in: [it]}]}]"); !errors.As(err, &fault) {
		t.Errorf("%v; want that the users have no column m", err)
	}
}

const expecting = `segments:
  - {name: big, when: k > 5}
  - {name: listed, when: k > 100, include: always.txt, exclude: never.txt}
lifecycles: [{name: life, stages: [{name: up, when: k > 5}, {name: down, when: k > 0}]}]
`

// TestExpectations: what is so passes, and each kind of expectation fails where it is not so, with what was found instead.
func TestExpectations(t *testing.T) {
	users := "users: [{id: ann, k: 9}, {id: bob, k: 200}, {id: carl, k: 1}, {id: zoe}, {id: eve, k: 9}]"
	given := "previous: {date: 2026-10-30, users: [{user: ann, stages: {life: down}}, {user: carl, in: [big], since: {big: 2026-01-01, life: 2026-02-02}, stages: {life: down}}, {user: dora, in: [big]}, {user: eve, in: [big], since: {big: 2026-01-01}}]}"
	for _, tc := range []struct{ expect, want string }{
		{"{user: ann, in: [big], not_in: [listed], exactly: true, stages: {life: up}}", ""},
		{"{user: ann, since: {big: 2026-11-03, life: 2026-11-03}}", ""},
		{"{user: carl, since: {life: 2026-02-02}, transitions: [{exited: big, reason: user_changed}], exactly: true}", ""},
		{"{user: zoe, in: [listed], transitions: [{entered: listed, reason: user_new}], stages: {life: none}}", ""},
		{"{user: bob, in: [big], not_in: [listed], transitions: [{entered: life, to: up}]}", ""},
		{"{user: dora, not_in: [big], in: [], exactly: true, transitions: [{exited: big, reason: user_deleted}]}", ""},
		{"{user: ann, transitions: [{moved: life, from: down, to: up, reason: user_changed}, {entered: big}], exactly: true}", ""},
		{"{user: eve, in: [big], since: {big: 2026-01-01}}", ""},

		{"{user: ann, in: [listed]}", "in segment listed: want in it; got not in it"},
		{"{user: dora, in: [big]}", "in segment big: want in it; got the user is not in the snapshot"},
		{"{user: ann, not_in: [big]}", "not in segment big: want not in it; got in it"},
		{"{user: ann, in: [], exactly: true}", "in exactly no segment: want not in big; got in big"},
		{"{user: ann, stages: {life: down}}", "stage of life: want down; got up"},
		{"{user: ann, stages: {life: none}}", "stage of life: want none; got up"},
		{"{user: ann, since: {big: 2026-11-02}}", "since when in big: want 2026-11-02; got 2026-11-03"},
		{"{user: ann, since: {listed: 2026-11-02}}", "since when in listed: want 2026-11-02; got not in it"},
		{"{user: ann, transitions: [{entered: big, reason: time_passed}]}", "transition of big: want entered, time_passed; got entered, user_changed"},
		{"{user: ann, transitions: [{exited: big}]}", "transition of big: want exited; got entered, user_changed"},
		{"{user: ann, transitions: [{moved: life, from: up}]}", "transition of life: want moved from up; got moved from down to up, user_changed"},
		{"{user: carl, transitions: [{moved: life}]}", "transition of life: want moved; got none"},
		{"{user: carl, transitions: [], exactly: true}", "transitions: want no other than those stated; got exited, user_changed big"},
	} {
		tests := fmt.Sprintf("columns: {k: int}\ncases:\n  - name: c\n    date: 2026-11-03\n    %s\n    %s\n    expect: [%s]\n", users, given, tc.expect)
		got := strings.TrimSpace(outcomes(t, expecting, tests))
		if tc.want == "" && got != "" || tc.want != "" && (!strings.HasSuffix(got, tc.want) || strings.Count(got, "\n") > 0) {
			t.Errorf("%s: %q; want %q", tc.expect, got, tc.want)
		}
	}
}

// TestTimeline: the dates of a case are runs, one after the other; users who are not given again stay as they were, and time
// passes for them.
func TestTimeline(t *testing.T) {
	got := outcomes(t, `segments: [{name: quiet, when: 'older_than(seen, "2d")'}]`, `columns: {seen: timestamp}
cases:
  - name: line
    dates:
      - {date: 2026-11-01, users: [{id: ann, seen: 2026-11-01T12:00:00Z}], expect: [{user: ann, not_in: [quiet]}]}
      - {date: 2026-11-04, expect: [{user: ann, in: [quiet], transitions: [{entered: quiet, reason: time_passed}]}]}
      - {date: 2026-11-05, expect: [{user: ann, in: [quiet], since: {quiet: 2026-11-04}, transitions: [], exactly: true}]}
      - {date: 2026-11-06, now: 2026-11-03T00:00:00Z, expect: [{user: ann, transitions: [{exited: quiet, reason: time_passed}]}]}
      - {date: 2026-11-07, users: [], expect: [{user: ann, not_in: [quiet]}]}
  - {name: other, date: 2026-11-03, users: [{id: ann}], expect: [{user: ann, not_in: [quiet]}]}
`)
	if !strings.HasPrefix(got, "line: 2026-11-07: a guard stopped the run") || strings.Count(got, "line") > 1 {
		t.Error(got)
	}
}

// TestIDsOfEveryType: users are found by ids as people write them.
func TestIDsOfEveryType(t *testing.T) {
	for typ, id := range map[string][2]string{
		"int": {"7", "-3"}, "uint": {"18446744073709551615", "1"}, "bytes": {`"FF01"`, `"00"`},
		"uuid": {"0B5F7C1E-8d5a-4f0e-9a51-2f1d3c6b7a88", "00000000-0000-0000-0000-000000000001"}, "string": {"ann", "00000000-0000-0000-0000-00000000000A"},
	} {
		tests := fmt.Sprintf(`columns: {id: %s, k: int}
cases:
  - name: c
    date: 2026-11-03
    users: [{id: %[2]s, k: 9}, {id: %[3]s, k: 1}]
    previous: {users: [{user: %[3]s, in: [big]}, {user: %[2]s}]}
    expect: [{user: %[2]s, in: [big], transitions: [{entered: big}]}, {user: %[3]s, not_in: [big], transitions: [{exited: big}]}]`, typ, id[0], id[1])
		if got := outcomes(t, "segments: [{name: big, when: k > 5}]", tests); got != "" {
			t.Errorf("%s: %s", typ, got)
		}
	}
}

// TestRunMatches runs only the cases of a name, and explains what failed.
func TestRunMatches(t *testing.T) {
	s, err := prepare(t, "segments: [{name: big, when: k > 5}]", `columns: {k: int}
cases:
  - {name: first one, date: 2026-11-03, users: [{id: ann, k: 1}], expect: [{user: ann, in: [big]}]}
  - {name: second one, date: 2026-11-03, users: [{id: ann, k: 1}, {id: bob, k: 1}], expect: [{user: ann, in: [big]}, {user: bob, not_in: [big]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	results, err := s.Run(t.Context(), regexp.MustCompile("^sec"))
	if err != nil || len(results) != 1 || results[0].Name != "second one" || results[0].Passed() || len(results[0].Failures) != 1 {
		t.Fatalf("%+v, %v", results, err)
	}
	if rule := results[0].Failures[0].Explanation.Segments[0].Rule; rule.Text != "k > 5" || rule.Terms[0].Value != "1" {
		t.Errorf("%+v", rule)
	}
}

// TestExampleTests: the tests among the examples pass.
func TestExampleTests(t *testing.T) {
	folder := filepath.Join("..", "..", "configs", "examples")
	for file, least := range map[string]int{"segments_test.yaml": 5, "timeline/timeline_test.yaml": 1} {
		file = filepath.Join(folder, filepath.FromSlash(file))
		c, err := configs.Load(filepath.Join(filepath.Dir(file), "strata.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		suite, err := configs.LoadSuite(file)
		if err != nil {
			t.Fatal(err)
		}
		with := tools(nil)
		with.ReadList = func(_ context.Context, path string) ([]byte, error) { return os.ReadFile(c.Resolve(path)) }
		s, err := cases.Prepare(t.Context(), suite, c, with)
		if err != nil {
			t.Fatal(err)
		}
		results, err := s.Run(t.Context(), nil)
		s.Release()
		if err != nil || len(results) < least {
			t.Fatal(len(results), err)
		}
		for i := range results {
			if r := &results[i]; !r.Passed() {
				t.Errorf("%s: %s: %v %+v", file, r.Name, r.Err, r.Failures)
			}
		}
	}
}
