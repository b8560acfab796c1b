package pipeline_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"sort"
)

// surveyed are the columns that the twin's population functions look at, as whole numbers that sort as they do.
var surveyed = map[string]func(p *person) (int64, bool){
	"ltv": func(p *person) (int64, bool) {
		if p.LTV == nil {
			return 0, false
		}
		return int64(*p.LTV * 4), true // they are quarters
	},
	"coalesce(ltv, 100.0)": func(p *person) (int64, bool) {
		if p.LTV == nil {
			return 400, true
		}
		return int64(*p.LTV * 4), true
	},
	"level": func(p *person) (int64, bool) { return int64(p.Level), true },
	"big":   func(p *person) (int64, bool) { return whole(p.Big) },
	"age":   func(p *person) (int64, bool) { return whole(p.Age) },
	"seen":  func(p *person) (int64, bool) { return whole(p.Seen) },
	"born":  func(p *person) (int64, bool) { return whole(p.Born) },
}

func whole[T int32 | int64](v *T) (int64, bool) {
	if v == nil {
		return 0, false
	}
	return int64(*v), true
}

// neighbours counts the people whose value is smaller than one, equal to it and greater.
func neighbours(m moment, of func(p *person) (int64, bool), value int64) (below, equal, above int) {
	for _, other := range m.people {
		switch v, ok := of(other); {
		case !ok:
		case v < value:
			below++
		case v > value:
			above++
		default:
			equal++
		}
	}
	return below, equal, above
}

// populationRule is a rule about where a person stands among all.
func populationRule(r *rand.Rand) ruleText {
	names := []string{"ltv", "coalesce(ltv, 100.0)", "level", "big", "age", "seen", "born"}
	name := names[r.IntN(len(names))]
	of, n := surveyed[name], 1+r.IntN(12)
	about := func(text string, ask func(m moment, p *person, value int64) bool) ruleText {
		return atomRule(text, func(_ *world, p *person, m moment) tri {
			value, ok := of(p)
			if !ok {
				return unknown
			}
			return truth(ask(m, p, value))
		})
	}
	switch r.IntN(5) {
	case 0:
		return about(fmt.Sprintf("ntile(%s, 4) == %d", name, 1+n%4), func(m moment, _ *person, value int64) bool {
			below, equal, above := neighbours(m, of, value)
			return 4*(2*below+equal)/(2*(below+equal+above))+1 == 1+n%4
		})
	case 1:
		return about(fmt.Sprintf("rank(%s) <= %d", name, 5*n), func(m moment, _ *person, value int64) bool {
			_, _, above := neighbours(m, of, value)
			return above < 5*n
		})
	case 2:
		return about(fmt.Sprintf("top(%s, %d)", name, 5*n), func(m moment, p *person, value int64) bool {
			_, _, above := neighbours(m, of, value)
			for id, other := range m.people {
				if v, ok := of(other); ok && v == value && id < canonical(p.id) {
					above++
				}
			}
			return above < 5*n
		})
	case 3:
		return atomRule(fmt.Sprintf("ltv > quantile(ltv, %v)", float64(n)/16), func(_ *world, p *person, m moment) tri {
			return aboveQuantile(m, p, n)
		})
	}
	return atomRule("ltv >= mean(ltv)", func(_ *world, p *person, m moment) tri { return atLeastMean(m, p) })
}

// aboveQuantile compares a person's ltv with the first that n of 16 people do not exceed.
func aboveQuantile(m moment, p *person, n int) tri {
	ltv := surveyed["ltv"]
	var all []int64
	for _, other := range m.people {
		if v, ok := ltv(other); ok {
			all = append(all, v)
		}
	}
	value, ok := ltv(p)
	if !ok || len(all) == 0 {
		return unknown
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return truth(value > all[(len(all)*n+15)/16-1])
}

func atLeastMean(m moment, p *person) tri {
	sum, n := new(big.Rat), int64(0)
	for _, other := range m.people {
		if other.LTV != nil {
			sum.Add(sum, new(big.Rat).SetFloat64(*other.LTV))
			n++
		}
	}
	if p.LTV == nil {
		return unknown
	}
	mean, _ := sum.Quo(sum, new(big.Rat).SetInt64(n)).Float64()
	return truth(*p.LTV >= mean)
}
