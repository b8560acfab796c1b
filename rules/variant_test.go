package rules

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// variantsOf asks for the variant of every user: a letter each, of variants A to D.
func variantsOf(t *testing.T, columns columnsOf, rule string) string {
	t.Helper()
	var rules []string
	for _, name := range []string{"A", "B", "C", "D"} {
		rules = append(rules, name, fmt.Sprintf("%s == %q", rule, name))
	}
	answers := question{}.segments(t, columns, rules...)
	out := []byte(strings.Repeat("?", len(answers[0])))
	for i, answer := range answers {
		for row := range out {
			if answer[row] == 'T' {
				out[row] = "ABCD"[i]
			}
		}
	}
	return string(out)
}

func manyUsers(t *testing.T, n int) columnsOf {
	return columnsOf{"id": build(t, arrow.PrimitiveTypes.Int64, func(b *array.Int64Builder) {
		for i := range n {
			b.Append(int64(i))
		}
	})}
}

// TestC070_AVariantIsAdded: users only move into the new variant, and out of one that is stopped; the shares are those asked for.
func TestC070_AVariantIsAdded(t *testing.T) {
	const users = 100_000
	columns := manyUsers(t, users)
	before := variantsOf(t, columns, `variant("v1", {"A": 50, "B": 50})`)
	for _, tc := range []struct {
		rule   string
		moves  string // the moves that may be, from and to
		shares map[byte]float64
	}{
		{`variant("v1", {"A": 45, "B": 45, "C": 10})`, "AC BC", map[byte]float64{'A': .45, 'B': .45, 'C': .1}},
		{`variant("v1", {"C": 0.1, "B": 0.45, "A": 0.45})`, "AC BC", map[byte]float64{'A': .45, 'B': .45, 'C': .1}},
		{`variant("v1", {"A": 30, "B": 30, "C": 30, "D": 10})`, "AC BC AD BD", map[byte]float64{'A': .3, 'B': .3, 'C': .3, 'D': .1}},
		{`variant("v1", {"A": 60, "B": 40})`, "BA", map[byte]float64{'A': .6, 'B': .4}},
		{`variant("v1", {"A": 1, "B": 0})`, "BA", map[byte]float64{'A': 1}},
		{`variant("v1", {"B": 7, "A": 7})`, "", map[byte]float64{'A': .5, 'B': .5}},
	} {
		after := variantsOf(t, columns, tc.rule)
		for i := range users {
			if move := before[i:i+1] + after[i:i+1]; before[i] != after[i] && !strings.Contains(tc.moves, move) {
				t.Fatalf("%s: user %d moves from %c to %c", tc.rule, i, before[i], after[i])
			}
		}
		for _, name := range []byte("ABCD?") {
			if got := float64(strings.Count(after, string(name))) / users; math.Abs(got-tc.shares[name]) > .005 {
				t.Errorf("%s: %c has %.4f of the users, want %.2f", tc.rule, name, got, tc.shares[name])
			}
		}
	}
}

// TestC068_VariantsAreIndependent of splits with the same salt and of variants with another: chi-square above 13.8 would come once
// in a thousand.
func TestC068_VariantsAreIndependent(t *testing.T) {
	columns := manyUsers(t, 100_000)
	first, second := variantsOf(t, columns, `variant("v1", {"A": 50, "B": 30, "C": 20})`), variantsOf(t, columns, `variant("v2", {"A": 50, "B": 50})`)
	half := question{}.segments(t, columns, "half", `hash_split("v1", 0.5)`)[0]
	for name, other := range map[string]string{"another salt": second, "hash_split": half} {
		if chi := chiSquare(first, other); chi > 13.8 {
			t.Errorf("%s: chi-square %v", name, chi)
		}
	}
}

// chiSquare is that of the table of how often letters meet.
func chiSquare(a, b string) (chi float64) {
	both, ofA, ofB := map[string]float64{}, map[byte]float64{}, map[byte]float64{}
	for i := range len(a) {
		both[a[i:i+1]+b[i:i+1]]++
		ofA[a[i]]++
		ofB[b[i]]++
	}
	for x, inA := range ofA {
		for y, inB := range ofB {
			expected := inA * inB / float64(len(a))
			difference := both[string([]byte{x, y})] - expected
			chi += difference * difference / expected
		}
	}
	return chi
}

// goldenIDs reads a golden file of splits: the user ids and, by column, what is recorded of them. Such files are never written
// again: a change of the hash needs a version of its own in the configuration.
func goldenIDs(t *testing.T, file string) (ids []any, recorded [][]string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		ids, recorded = append(ids, words[0]), append(recorded, words[1:])
	}
	if len(ids) != 1000 {
		t.Fatalf("%s has %d ids, want 1000", file, len(ids))
	}
	return ids, recorded
}

// TestC071_VariantsNeverChange compares with testdata/variants.golden: a user, and his variants by two salts.
func TestC071_VariantsNeverChange(t *testing.T) {
	ids, recorded := goldenIDs(t, "testdata/variants.golden")
	columns := columnsOf{"id": texts(t, ids...)}
	for at, rule := range []string{`variant("v1", {"A": 50, "B": 50})`, `variant("summer", {"A": 45, "B": 45.5, "C": 9.5})`} {
		got := variantsOf(t, columns, rule)
		for i, want := range recorded {
			if got[i:i+1] != want[at] {
				t.Fatalf("%s: user %s has %c, and had %s", rule, ids[i], got[i], want[at])
			}
		}
	}
}

func TestVariantsByExample(t *testing.T) {
	columns := columnsOf{"id": int64s(t, 1, 2, 3), "company": texts(t, nil, "acme", "acme"), "n": int64s(t, nil, 7, 7)}
	question{}.wants(t, columns, `variant("s", {"A": 1}) == "A"`, "TTT", `variant("s", {"A": 1}, company) == "A"`, "UTT", `variant("s", {"A": 1}, n) == "A"`, "UTT",
		`variant("s", {"A": 5, "B": 0}) in ["A", "C"]`, "TTT", `variant("s", {"A": 1}, company) == null`, "TFF")
	acme := variantsOf(t, columns, `variant("s", {"A": 1, "B": 1, "C": 1, "D": 1}, company)`)
	if acme[0] != '?' || acme[1] != acme[2] {
		t.Errorf("users of one company: %s", acme)
	}
}

func TestVariantsAreRefused(t *testing.T) {
	columns := columnsOf{"id": int64s(t, 1), "company": texts(t, "acme")}
	for rule, want := range map[string]string{
		`variant("s", [50, 50]) == "A"`:                         `write variant("salt", {"A": 50, "B": 50})`,
		`variant("s", {"A": 50, "B": -1}) == "A"`:               `1:29: segment "it": the weight of a variant is a number, 0 or more`,
		`variant("s", {"A": 0, "B": 0.0}) == "A"`:               "no variant has a weight",
		`variant("s", {}) == "A"`:                               "no variant has a weight",
		`variant("s", {"A": 1, "A": 2}) == "A"`:                 `1:23: segment "it": there are two variants "A"`,
		`variant("s", {"": 1}) == "A"`:                          "a text in quotes",
		`variant("s", {company: 1}) == "A"`:                     "a text in quotes",
		`variant("s", {"A": double(id), "B": 1.0}) == "A"`:      "is a number",
		`variant(company, {"A": 1}) == "A"`:                     "the salt must be a text in quotes",
		`variant("s", {"A": "half"}) == "A"`:                    `write variant("salt"`,
		`variant("s") == "A"`:                                   `write variant("salt"`,
		`variant("s", company == "x" ? {"A": 1.0} : {}) == "A"`: "written out",
		`variant("s", {"A": 50, "B": 50}, company, "x") == "A"`: `write variant("salt"`,
	} {
		if got := (question{}).refuses(t, columns, rule); !strings.Contains(got, want) {
			t.Errorf("%s\n%s\ndoes not say %q", rule, got, want)
		}
	}
}

// TestVariantsAreWeighed: whatever the weights, each variant gets its share.
func TestVariantsAreWeighed(t *testing.T) {
	columns := manyUsers(t, 50_000)
	for _, weights := range [][]float64{{1, 1, 1, 1}, {1, 2, 3, 4}, {97, 1, 1, 1}, {1e-9, 3e-9}, {1e200, 2e200}} {
		total, entries := 0.0, []string{}
		for i, w := range weights {
			total += w
			entries = append(entries, fmt.Sprintf("%q: %f", "ABCD"[i:i+1], w*1e9))
		}
		got := variantsOf(t, columns, fmt.Sprintf(`variant("s", {%s})`, strings.Join(entries, ", ")))
		for i, w := range weights {
			share := float64(strings.Count(got, "ABCD"[i:i+1])) / float64(len(got))
			if limit := 4 * math.Sqrt(w/total*(1-w/total)/float64(len(got))); math.Abs(share-w/total) > limit {
				t.Errorf("weights %v: variant %d has %.4f", weights, i, share)
			}
		}
	}
}

func TestWaitOf(t *testing.T) {
	hashes := []uint64{0, 1 << 12, 1<<64 - 1, 1 << 63, 1<<63 - 1, 0xb504f333f9de6484, 12345 << 40}
	for _, hash := range hashes {
		want := -math.Log((float64(hash>>12) + .5) / (1 << 52))
		if got := waitOf(hash); math.Abs(got-want) > 4e-16*want {
			t.Errorf("the wait of %x is %v, want %v", hash, got, want)
		}
	}
}
