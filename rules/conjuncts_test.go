package rules

import (
	"fmt"
	"testing"
)

func TestConjuncts(t *testing.T) {
	for rule, want := range map[string]string{
		`country == "DE"`:                                      `[{country == "DE" [country]}]`,
		`country == "DE" && ltv > 3`:                           `[{country == "DE" [country]} {ltv > 3 [ltv]}]`,
		`a && (b || c) && (d && !e)`:                           `[{a [a]} {b || c [b c]} {d [d]} {!e [e]}]`,
		`country in ["DE", "FR"] && tags.exists(t, t == plan)`: `[{country in ["DE", "FR"] [country]} {tags.exists(t, t == plan) [plan t tags]}]`,
		`country == null && hash_split("x", 0.5)`:              `[{country == null [country]} {hash_split("x", 0.5) []}]`,
		`a || b`:     `[{a || b [a b]}]`,
		`country ==`: `[]`,
	} {
		if got := fmt.Sprint(Conjuncts(rule)); got != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
}
