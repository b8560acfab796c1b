package rules

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The public conformance tests of CEL run through our own front end and kernels: as written, and with their literals hoisted
// into columns of batches that have nulls. What does not run is listed in testdata/conformance, test by test, with the reason.
// `go test ./rules -run TestConformance -update` writes the lists anew.

// conformanceExceptions are the tests whose outcome is another one here.
var conformanceExceptions = map[string]string{
	"comparisons/lt_literal/not_lt_dyn_int_big_lossy_double":      exactNumbers,
	"comparisons/gt_literal/not_gt_dyn_big_double_int":            exactNumbers,
	"comparisons/lte_literal/lte_dyn_big_double_int":              exactNumbers,
	"comparisons/gte_literal/gte_dyn_int_big_lossy_double":        exactNumbers,
	"fields/map_fields/map_field_select_no_such_key":              "a missing key of a map is null, not an error",
	"fields/map_has/has_not":                                      literalMap,
	"fields/map_has/has_empty":                                    literalMap,
	"fields/quoted_map_fields/has_field_slash":                    literalMap,
	"fields/qualified_identifier_resolution/map_value_repeat_key": interpreterTakes,
	"string_ext/value_errors/indexof_out_of_range":                interpreterTakes,
	"string_ext/value_errors/lastindexof_out_of_range":            interpreterTakes,
	"timestamps/duration_converters/get_milliseconds":             "cel-go's interpreter counts all milliseconds of a duration, not those of its last second",
}

const (
	exactNumbers     = "the suite compares numbers of two kinds through a double, rules compare them exactly"
	literalMap       = "has() of a missing key is false for a map in a column, and an error for one that the rule itself spells"
	interpreterTakes = "the suite wants an error, cel-go's interpreter gives an answer"
)

// A leftOut is why tests do not run: those whose name fits, or of which something was said that fits.
type leftOut struct{ name, said, reason string }

// byDecision are the reasons that lie in what rules leave off. The first that fits counts.
var byDecision = []leftOut{
	{"^block_ext/", "", "cel.block is a macro of the suite's own"},
	{"^bindings_ext/", "", "cel.bind is left off: traits name expressions"},
	{"^network_ext/", "", "addresses of networks are left off"},
	{"^encoders_ext/", "", "encoders are left off"},
	{"^lists_ext/", "", "functions that make lists of lists are left off"},
	{"^optionals/", "", "optional values are left off: null is what is missing"},
	{"^macros2/", "no function|must be a simple name", "macros with two variables are left off"},
	{"", `no format\(\)`, "format() is left off"},
	{"", "asks for a type", "it asks for the type of an expression, not for its value"},
	{"", "functions of its own", "it declares functions of its own"},
	{"", "^container|^a message|cannot make a", "it needs protobuf messages, enums or a container of names"},
	{"", "^no column|could hold", "it has nothing that this kind of column holds"},
	{"", "^a quoted name", "the name of a field is quoted, and cel-go writes expressions back without the quotes"},
}

// byTypes are the reasons that lie in types: a test that fits none of them fails.
var byTypes = []leftOut{
	{"", "null is only compared|and is a null", "null stands in a list, in a map or beside an operator: rules have it for what is unknown only"},
	{"", "there is no function|the snapshot has no column", "it names what is not there, and expects that this is found out row by row"},
	{"", "does not take|this must be|has no fields", "it mixes types, which the checker refuses before any row"},
}

// refusal is the reason of tests that are right to fail, sooner than the suite expects.
const refusal = "it wants an error, and Compile reports a fault before any row"

func reasonOf(reasons []leftOut, name, said string) string {
	for _, out := range reasons {
		if regexp.MustCompile(out.name).MatchString(name) && regexp.MustCompile(out.said).MatchString(said) {
			return out.reason
		}
	}
	return ""
}

// A verdict is what became of a test in one mode.
type verdict struct {
	passed bool
	reason string // why it did not run, or has another outcome
}

// A suiteRun runs the suite in one mode.
type suiteRun struct {
	mode          suiteMode
	tests         []suiteTest
	verdicts      map[string]verdict
	shapes, cells int
}

func (s *suiteRun) run(t *testing.T) {
	s.verdicts = map[string]verdict{}
	batches := map[string]*suiteBatch{}
	for _, test := range s.tests {
		rule, why := ruleOf(test, s.mode)
		if why != "" {
			s.skip(t, test, why, false)
			continue
		}
		key := rule.key()
		if batches[key] == nil {
			batches[key] = newSuiteBatch(rule)
		}
		batches[key].add(test, rule)
	}
	for _, key := range slices.Sorted(maps.Keys(batches)) {
		s.batch(t, batches[key])
	}
}

// skip records why a test does not run.
func (s *suiteRun) skip(t *testing.T, test suiteTest, said string, refused bool) {
	t.Helper()
	reason := reasonOf(byDecision, test.name, said)
	switch {
	case reason == "" && refused:
		reason = refusal
	case reason == "":
		reason = reasonOf(byTypes, test.name, said)
	}
	if reason == "" {
		t.Errorf("%s: %s: no reason is known to skip it: %s", test.name, test.GetExpr(), said)
	}
	s.verdicts[test.name] = verdict{reason: reason}
}

// batch answers the rows of one rule: those of the tests as the suite wants it, all of them as cel-go does.
func (s *suiteRun) batch(t *testing.T, b *suiteBatch) {
	if s.mode != asWritten {
		b.fill(rand.New(rand.NewPCG(uint64(len(b.tests)), uint64(len(b.rule.text)))))
	}
	rec := b.record(t)
	step := testStep(b.rule.text, func(s *Step) { s.Definitions.Timezone = "UTC" })
	got, _, err := engine(t, step, rec, "user_id", 0)
	if err != nil {
		for i, test := range b.tests {
			s.skip(t, test, err.Error(), b.wants[i] == 'E')
		}
		return
	}
	s.shapes++
	s.cells += len(got)
	for i, test := range b.tests {
		s.judge(t, test, b.rule, got[i], b.wants[i])
	}
	o, err := newOracle(step, rec, "user_id")
	if err != nil {
		t.Fatalf("%s: %v", b.rule.text, err)
	}
	if want := o.answers(); got != want {
		t.Errorf("%s: %s\n got %s\nwant %s", b.tests[0].name, b.rule.text, got, want)
	}
}

// judge compares the answer of a test with what the suite wants. An exception that is none any more is a fault, too.
func (s *suiteRun) judge(t *testing.T, test suiteTest, rule *suiteRule, got, want byte) {
	t.Helper()
	why, excepted := conformanceExceptions[test.name]
	switch {
	case got == want:
		s.verdicts[test.name] = verdict{passed: true}
		if excepted && s.mode == asWritten {
			t.Errorf("%s passes and is an exception", test.name)
		}
	case excepted:
		s.verdicts[test.name] = verdict{reason: why}
	default:
		t.Errorf("%s: %s, as %s: got %c, want %c", test.name, test.GetExpr(), rule.text, got, want)
	}
}

// count says how many tests passed, and how many rules could say at all.
func (s *suiteRun) count() (passed, applicable int) {
	for name, v := range s.verdicts {
		_, excepted := conformanceExceptions[name]
		if v.passed {
			passed++
		}
		if v.passed || excepted {
			applicable++
		}
	}
	return passed, applicable
}

// list spells what did not run, by reason.
func (s *suiteRun) list(version string) string {
	names := map[string][]string{}
	for _, test := range s.tests {
		if v := s.verdicts[test.name]; !v.passed {
			names[v.reason] = append(names[v.reason], test.name)
		}
	}
	passed, applicable := s.count()
	var b strings.Builder
	fmt.Fprintf(&b, "# The public conformance tests of CEL (cel.dev/expr %s) that do not pass %s.\n", version, s.mode.what)
	fmt.Fprintf(&b, "# %d tests: %d pass and %d are listed here, of which rules can say %d.\n", len(s.tests), passed, len(s.tests)-passed, applicable-passed)
	for _, reason := range slices.SortedFunc(maps.Keys(names), func(x, y string) int {
		return strings.Compare(fmt.Sprintf("%06d%s", 999999-len(names[x]), x), fmt.Sprintf("%06d%s", 999999-len(names[y]), y))
	}) {
		fmt.Fprintf(&b, "\n## %d: %s\n%s\n", len(names[reason]), reason, strings.Join(names[reason], "\n"))
	}
	return b.String()
}

// byFile counts the tests of each file, and those that passed.
func (s *suiteRun) byFile() (total, passed map[string]int) {
	total, passed = map[string]int{}, map[string]int{}
	for _, test := range s.tests {
		file, _, _ := strings.Cut(test.name, "/")
		if total[file]++; s.verdicts[test.name].passed {
			passed[file]++
		}
	}
	return total, passed
}

// TestConformance runs the suite in every mode: a test passes, or it is listed with the reason.
func TestConformance(t *testing.T) {
	tests, version := readSuite(t)
	counts := fmt.Sprintf("What TestConformance counts of the %d tests of cel.dev/expr %s.\n\n", len(tests), version)
	table := fmt.Sprintf("%-16s%8s", "file", "tests")
	lines := map[string]string{}
	for _, mode := range []suiteMode{asWritten, asColumns, asLeaves, asStored} {
		s := &suiteRun{mode: mode, tests: tests}
		t.Run(mode.name, s.run)
		if len(s.verdicts) != len(tests) {
			t.Errorf("%s: %d of %d tests have a verdict", mode.name, len(s.verdicts), len(tests))
		}
		passed, applicable := s.count()
		counts += fmt.Sprintf("%-8s %4d of %d pass: %d rules, %d answers (%s)\n", mode.name, passed, applicable, s.shapes, s.cells, mode.what)
		table += fmt.Sprintf("%9s", mode.name)
		total, passedIn := s.byFile()
		for file, n := range total {
			if lines[file] == "" {
				lines[file] = fmt.Sprintf("%-16s%8d", file, n)
			}
			lines[file] += fmt.Sprintf("%9d", passedIn[file])
		}
		golden(t, filepath.Join("testdata", "conformance", mode.name+".txt"), s.list(version))
	}
	counts += "\n" + table + "\n"
	for _, file := range slices.Sorted(maps.Keys(lines)) {
		counts += lines[file] + "\n"
	}
	t.Log("\n" + counts)
	golden(t, filepath.Join("testdata", "conformance", "counts.txt"), counts)
}

// golden compares a text with a committed file.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != text {
		t.Errorf("%s is another one (%v): -update writes it", path, err)
	}
}

var stated = regexp.MustCompile(`([0-9,]+) of ([0-9,]+) (pass as written|with every literal made a column)`)

// TestConformanceIsStated: what README says of the suite is what was counted.
func TestConformanceIsStated(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	counts, err := os.ReadFile(filepath.Join("testdata", "conformance", "counts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	found := stated.FindAllSubmatch(readme, -1)
	if len(found) != 2 {
		t.Errorf("README says %d times how many conformance tests pass, want 2", len(found))
	}
	for _, m := range found {
		mode := map[string]suiteMode{"pass as written": asWritten, "with every literal made a column": asColumns}[string(m[3])]
		said := strings.ReplaceAll(fmt.Sprintf("%-8s %s of %s pass", mode.name, m[1], m[2]), ",", "")
		if !strings.Contains(string(counts), "\n"+said) {
			t.Errorf("README says %q, and testdata/conformance/counts.txt does not", m[0])
		}
	}
}
