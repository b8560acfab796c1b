package rules

import (
	"errors"
	"testing"

	"strata/configs"
)

func TestCheckTextNeedsNoSnapshot(t *testing.T) {
	segment := func(name, when string) configs.Segment {
		return configs.Segment{Name: name, When: configs.NewExpr(when)}
	}
	d := &configs.Definitions{
		Traits: []configs.Trait{{Name: "paid", Value: configs.NewExpr(`plan == "pro" && user_id in file("paid.txt")`)}},
		Segments: []configs.Segment{
			segment("fine", `paid && ltv > 3 && within(seen, "3d") && tags.exists(t, t == "a")`),
			segment("cut", `ltv > > 3`), segment("lost", `segment("fin")`), segment("egg", `segment("hen")`), segment("hen", `segment("egg")`),
		},
	}
	err := CheckText(d)
	var problems configs.Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("%v; want three faults: of cut, lost and egg", err)
	}
	d.Segments = d.Segments[:1]
	if err := CheckText(d); err != nil {
		t.Errorf("%v; nothing is wrong with the rest", err)
	}
}
