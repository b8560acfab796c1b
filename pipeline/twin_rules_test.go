package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// An answer of the twin to a rule.
type tri int

const (
	no tri = iota
	yes
	unknown
	failed
)

// A moment is what a step of the twin asks with.
type moment struct {
	now     time.Time // what rules call now
	today   time.Time // what they call today, as a midnight in UTC: the run's date, whatever now is
	horizon time.Time // the run's now: what lies after it is the future
	zone    *time.Location
	lists   map[string]map[string]bool // canonical ids by path
	people  map[string]*person         // all users, by canonical id
	date    string                     // the step's date, from which stays and cooldowns count
	past    *night                     // the night before, the same in every step; nil: none
	answers map[asked]tri              // so far, of the one world that asks
}

// An asked is a rule that a person was asked.
type asked struct {
	person *person
	rule   string
}

// civil is the UTC midnight of the date that t shows.
func civil(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// An atom is a part of a rule that plain CEL does not have. Strata reads text; the twin binds ask's answer to a variable.
type atom struct {
	text string
	ask  func(w *world, p *person, m moment) tri
}

// A ruleText is a rule in strata's spelling and, with variables for its atoms, in plain CEL.
type ruleText struct {
	text, plain string
	atoms       []atom
}

func (r ruleText) join(op string, other ruleText) ruleText {
	shifted := other.plain
	for i := len(other.atoms) - 1; i >= 0; i-- {
		shifted = strings.ReplaceAll(shifted, fmt.Sprintf("atom%d_", i), fmt.Sprintf("atom%d_", i+len(r.atoms)))
	}
	return ruleText{
		text: "(" + r.text + ") " + op + " (" + other.text + ")", plain: "(" + r.plain + ") " + op + " (" + shifted + ")",
		atoms: append(append([]atom{}, r.atoms...), other.atoms...),
	}
}

func (r ruleText) not() ruleText {
	return ruleText{text: "!(" + r.text + ")", plain: "!(" + r.plain + ")", atoms: r.atoms}
}

func plainRule(text string) ruleText { return ruleText{text: text, plain: text} }

func atomRule(text string, ask func(w *world, p *person, m moment) tri) ruleText {
	return ruleText{text: text, plain: "atom0_", atoms: []atom{{text, ask}}}
}

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}

// plainRules are rules that CEL itself can read.
var plainRules = []string{
	`country == "FR"`, `country != "DE"`, `country in ["FR", "US"]`, `country.startsWith("F")`, `plan == "pro"`, `note.contains("a")`,
	`age >= 18`, `age + 1 > 30`, `level < 0`, `100 / level > 30`, `big == 9007199254740993`, `visits > 1`, `age % visits == 1`, `ltv > 100.0`,
	`ltv * 2.0 < 99.5`, `ratio >= 0.5`, `opt_in`, `price < 0.0`, `price == 12.5`, `"vip" in tags`, `tags.exists(t, t == "beta")`,
	`tags.all(t, t != "news")`, `size(tags) > 1`, `level + age > 20`, `true`, `country.size() == 2`, `age > 40 ? opt_in : level > 0`,
}

// columnTests are null tests, which plain CEL does not have over unknowns.
var columnTests = map[string]func(p *person) bool{
	"country": func(p *person) bool { return p.Country == nil }, "age": func(p *person) bool { return p.Age == nil },
	"ltv": func(p *person) bool { return p.LTV == nil }, "seen": func(p *person) bool { return p.Seen == nil },
	"born": func(p *person) bool { return p.Born == nil },
}

func instant(us *int64, unit time.Duration) (time.Time, bool) {
	if us == nil {
		return time.Time{}, false
	}
	return time.Unix(0, 0).Add(time.Duration(*us) * unit).UTC(), true
}

// instants are the columns of instants.
var instants = map[string]func(p *person) (time.Time, bool){
	"seen":    func(p *person) (time.Time, bool) { return instant(p.Seen, time.Microsecond) },
	"ordered": func(p *person) (time.Time, bool) { return instant(p.Ordered, time.Millisecond) },
	"paid":    func(p *person) (time.Time, bool) { return instant(&p.Paid, time.Nanosecond) },
	"legacy": func(p *person) (time.Time, bool) {
		days, nanos := int64(p.Legacy[2])-2440588, int64(p.Legacy[1])<<32|int64(p.Legacy[0])
		return time.Unix(days*86400, nanos).UTC(), true
	},
}

// before is a period before an instant, read plainly: hours exactly, the rest by the calendar of the zone.
func before(m moment, period string) time.Time {
	var n int
	var unit string
	if _, err := fmt.Sscanf(period, "%d%s", &n, &unit); err != nil {
		panic(err)
	}
	local := m.now.In(m.zone)
	switch unit {
	case "h":
		return m.now.Add(-time.Duration(n) * time.Hour)
	case "w":
		return local.AddDate(0, 0, -7*n)
	default:
		return local.AddDate(0, 0, -n)
	}
}

func randomRule(r *rand.Rand, w *world, depth int) ruleText {
	if depth > 0 {
		switch r.IntN(4) {
		case 0:
			return randomRule(r, w, depth-1).join("&&", randomRule(r, w, depth-1))
		case 1:
			return randomRule(r, w, depth-1).join("||", randomRule(r, w, depth-1))
		case 2:
			return randomRule(r, w, depth-1).not()
		}
	}
	switch r.IntN(7) {
	case 4:
		return populationRule(r)
	case 0:
		return nullRule(r)
	case 1, 2:
		return timeRule(r)
	case 3:
		return otherRule(r, w)
	}
	return plainRule(plainRules[r.IntN(len(plainRules))])
}

func nullRule(r *rand.Rand) ruleText {
	names := []string{"country", "age", "ltv", "seen", "born"}
	name := names[r.IntN(len(names))]
	spelling := []string{name + " == null", "is_null(" + name + ")", "!has(" + name + ")"}[r.IntN(3)]
	return atomRule(spelling, func(_ *world, p *person, _ moment) tri { return truth(columnTests[name](p)) })
}

func timeRule(r *rand.Rand) ruleText {
	names := []string{"seen", "ordered", "paid", "legacy"}
	name := names[r.IntN(len(names))]
	period := []string{"12h", "7d", "2w", "30d"}[r.IntN(4)]
	of := instants[name]
	if r.IntN(2) == 0 {
		return atomRule(fmt.Sprintf("within(%s, %q)", name, period), func(_ *world, p *person, m moment) tri {
			t, ok := of(p)
			if !ok {
				return unknown
			}
			return truth(!t.Before(before(m, period)) && !t.After(m.horizon))
		})
	}
	return atomRule(fmt.Sprintf("older_than(%s, %q)", name, period), func(_ *world, p *person, m moment) tri {
		t, ok := of(p)
		if !ok {
			return unknown
		}
		return truth(t.Before(before(m, period)))
	})
}

// otherRule is a rule of dates, files, or another segment.
func otherRule(r *rand.Rand, w *world) ruleText {
	switch r.IntN(7) {
	case 4:
		return atomRule(fmt.Sprintf("ref == %q", knownRef.String()), func(_ *world, p *person, _ moment) tri {
			if p.Ref == nil {
				return unknown
			}
			return truth(*p.Ref == knownRef)
		})
	case 5:
		return atomRule(`props["tier"] == "gold"`, func(_ *world, p *person, _ moment) tri {
			tier, ok := p.Props["tier"]
			if !ok {
				return unknown
			}
			return truth(tier == "gold")
		})
	case 6:
		return atomRule(`address.city == "Paris"`, func(_ *world, p *person, _ moment) tri {
			if p.Address == nil || p.Address.City == nil {
				return unknown
			}
			return truth(*p.Address.City == "Paris")
		})
	case 0:
		return atomRule("age_years(born) >= 18", func(_ *world, p *person, m moment) tri {
			if p.Born == nil {
				return unknown
			}
			born, today := time.Unix(int64(*p.Born)*86400, 0).UTC(), m.today
			years := today.Year() - born.Year()
			if today.Month() < born.Month() || today.Month() == born.Month() && today.Day() < born.Day() {
				years--
			}
			return truth(years >= 18)
		})
	case 1:
		return atomRule("days_since(seen) <= 5", func(_ *world, p *person, m moment) tri {
			if p.Seen == nil {
				return unknown
			}
			t, _ := instant(p.Seen, time.Microsecond)
			return truth(m.today.Sub(civil(t.In(m.zone))) <= 5*24*time.Hour)
		})
	case 2:
		return atomRule(`country in file("countries.txt")`, func(_ *world, p *person, m moment) tri {
			if p.Country == nil {
				return unknown
			}
			return truth(m.lists["countries.txt"][*p.Country])
		})
	}
	if len(w.definitions.segments) == 0 {
		return plainRule("level > 0")
	}
	name := w.definitions.segments[r.IntN(len(w.definitions.segments))].name
	return atomRule(fmt.Sprintf("segment(%q)", name), func(w *world, p *person, m moment) tri { return truth(w.member(name, p, m)) })
}

// A world answers rules about people with one set of definitions.
type world struct {
	t           testing.TB
	definitions *definitions
	env         *cel.Env
	programs    map[string]cel.Program
	heard       map[string]int  // what state did
	forgotten   map[string]bool // users, by canonical id
}

func newWorld(t testing.TB, d *definitions) *world {
	options := []cel.EnvOption{cel.CrossTypeNumericComparisons(true)}
	for name, typ := range map[string]*cel.Type{
		"country": cel.StringType, "plan": cel.StringType, "note": cel.StringType, "age": cel.IntType, "level": cel.IntType, "big": cel.IntType,
		"visits": cel.IntType, "ltv": cel.DoubleType, "ratio": cel.DoubleType, "opt_in": cel.BoolType, "price": cel.DoubleType,
		"tags": cel.ListType(cel.StringType),
	} {
		options = append(options, cel.Variable(name, typ))
	}
	for i := range 64 {
		options = append(options, cel.Variable(fmt.Sprintf("atom%d_", i), cel.BoolType))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, definitions: d, env: env, programs: map[string]cel.Program{}, heard: map[string]int{}}
}

func (w *world) program(text string) cel.Program {
	if p := w.programs[text]; p != nil {
		return p
	}
	ast, issues := w.env.Compile(text)
	if issues.Err() != nil {
		w.t.Fatalf("the twin cannot read %s: %v", text, issues.Err())
	}
	p, err := w.env.Program(ast)
	if err != nil {
		w.t.Fatal(err)
	}
	w.programs[text] = p
	return p
}

// bind makes the variables of a person; a null is unknown.
func bind(p *person) map[string]any {
	v := map[string]any{"level": int64(p.Level)}
	put(v, "country", p.Country, func(x string) any { return x })
	put(v, "plan", p.Plan, func(x string) any { return x })
	put(v, "note", p.Note, func(x string) any { return x })
	put(v, "age", p.Age, func(x int32) any { return int64(x) })
	put(v, "big", p.Big, func(x int64) any { return x })
	put(v, "visits", p.Visits, func(x uint32) any { return int64(x) })
	put(v, "ltv", p.LTV, func(x float64) any { return x })
	put(v, "ratio", p.Ratio, func(x float32) any { return float64(x) })
	put(v, "opt_in", p.OptIn, func(x bool) any { return x })
	put(v, "price", p.Price, func(x int64) any { return float64(x) / 100 })
	v["tags"] = append([]string{}, p.Tags...)
	return v
}

func put[T any](v map[string]any, name string, value *T, as func(T) any) {
	if value == nil {
		v[name] = types.NewUnknown(1, nil)
	} else {
		v[name] = as(*value)
	}
}

// ask answers a rule for a person, once.
func (w *world) ask(rule ruleText, p *person, m moment) tri {
	key := asked{p, rule.text}
	answer, ok := m.answers[key]
	if !ok {
		answer = w.eval(rule, p, m)
		m.answers[key] = answer
	}
	return answer
}

func (w *world) eval(rule ruleText, p *person, m moment) tri {
	variables := bind(p)
	for i, a := range rule.atoms {
		switch a.ask(w, p, m) {
		case yes:
			variables[fmt.Sprintf("atom%d_", i)] = true
		case no:
			variables[fmt.Sprintf("atom%d_", i)] = false
		default:
			variables[fmt.Sprintf("atom%d_", i)] = types.NewUnknown(2, nil)
		}
	}
	out, _, err := w.program(rule.plain).Eval(variables)
	switch {
	case err != nil:
		return failed
	case types.IsUnknown(out):
		return unknown
	}
	return truth(out.Value().(bool))
}
