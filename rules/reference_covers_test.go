package rules

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// elsewhere are the operations that random graphs do not hold, by what holds them against a reading of their own.
var elsewhere = map[opcode]string{
	opInterpreted: "cel-go's interpreter answers it, and in the oracle as well",
	opQuantile:    "the population oracle", opMean: "the population oracle", opRank: "the population oracle", opNtile: "the population oracle", opTop: "the population oracle",
}

// TestReferenceKnowsEveryFunction: what any function is lowered to is an operation that random graphs hold, and the reference
// answers those apart from cel-go and from the row bindings.
func TestReferenceKnowsEveryFunction(t *testing.T) {
	grown := map[opcode]bool{}
	for seed := range uint64(900) {
		for _, nd := range grow(t, seed).nodes {
			grown[nd.op] = true
		}
	}
	missing := map[opcode][]string{}
	for at, sig := range signatures() {
		for _, op := range operationsOf(t, uint64(at), sig) {
			if !grown[op] && elsewhere[op] == "" {
				missing[op] = append(missing[op], sig.String())
			}
		}
	}
	for _, op := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("operation %d is in no random graph: %s", op, strings.Join(slices.Compact(missing[op]), ", "))
	}
	for op := range elsewhere {
		if grown[op] {
			t.Errorf("operation %d is in random graphs", op)
		}
	}
}

// operationsOf lists the operations that a call is lowered to.
func operationsOf(t *testing.T, seed uint64, sig signature) (out []opcode) {
	t.Helper()
	s := newSampler(t, seed, 10)
	rec, columns := fuzzRecord(t, s, 2, append(sig.needs(), "string", "int64", "uint64", "float64", "ts_ms", "date", "bool", "binary", "duration_ms", "list_string", "list_int", "map_string")...)
	list, err := NewList([]byte("a\n"))
	if err != nil {
		t.Fatal(err)
	}
	sp := &speaker{sampler: s, columns: columns}
	var step Step
	var oracle *oracle
	for range 10 {
		if step, oracle = sp.checked(rec, nil, list, func() string { return sp.about(sig, 0) }); oracle != nil {
			break
		}
	}
	if oracle == nil {
		t.Fatalf("%s: nothing checks", sig)
	}
	plan, err := Compile(rec.Schema(), []Step{step}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	for _, nd := range plan.nodes {
		out = append(out, nd.op)
	}
	return out
}
