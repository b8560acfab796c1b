package rules

import (
	"sync"
	"testing"
)

// TestEvaluatorsShareInterpreted: an interpreted expression is one for all goroutines, with its list file and its elements.
func TestEvaluatorsShareInterpreted(t *testing.T) {
	s := newSampler(t, 5, 10)
	texts, lists := s.column("string", 500), s.column("list_struct", 500)
	rec := record(t, columnsOf{"s": texts.arr, "l": lists.arr})
	list, err := NewList([]byte("FR\nvip\n"))
	if err != nil {
		t.Fatal(err)
	}
	rule := `strings.quote(s) in file("ids") || l.filter(x, x.a > 3).size() > 0 && l.exists(x, strings.quote(x.b) == s)`
	step := testStep(rule, func(step *Step) { step.Lists = map[string]*List{"ids": list} })
	want, plan, err := engine(t, step, rec, "none", 0)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := newOracle(step, rec, "none"); err != nil || o.answers() != want {
		t.Errorf("got %s, the oracle says %s, %v", want, o.answers(), err)
	}
	var group sync.WaitGroup
	for batch := range 4 {
		group.Go(func() {
			answers, err := plan.NewEvaluator(batch * 64).EvalRecord(rec)
			if err != nil {
				t.Error(err)
			} else if got := answers.Cut(plan.Segments(0)[0].When).String(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	group.Wait()
}
