package rules

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// soupWords are the words that random texts are made of: those of rules, and others.
var soupWords = strings.Split(`country|age|ltv|tags|orders|address|props|last_seen_at|birthday|token|o|t|sms_opt_in|now|today|user_id|nope|huge|opens|`+
	`"FR"|'x'|"30d"|"vip.txt"|b"a"|3|-1|0|2.5|1u|true|false|null|99999999999999999999|1e400|[|]|(|)|{|}|,|.|:|?|&&|`+"||"+`|!|==|!=|<|<=|>|>=|+|-|*|/|%|in|`+
	`has(|size(|is_null(|coalesce(|within(|older_than(|days_ago(|date(|timestamp(|on(|file(|segment("it")|segment("other")|hash_split(|bucket(|`+
	`.exists(o,|.all(t,|.exists_one(o,|.count(o,|.map(t,|.filter(t,|.size()|.b|.a|.like("F%")|.matches("a")|.trim()|.join()|.contains(|["a"]|[0]|`+
	`cel.bind(|math.greatest(|int(|string(|double(|type(|dyn(|was("it")|AND|OR|NOT|IS NULL|LIKE|BETWEEN|=|<>|;|//|`+"`a`|\\|\n|\t|é|\u2028|\x00|\u202e"+`|package|for|r"""x"""`, "|")

// soup makes up a text: words in any order, or a sound rule with words changed.
func soup(rng *rand.Rand, rules []string) string {
	var words []string
	if rng.IntN(3) > 0 {
		words = strings.SplitAfter(rules[rng.IntN(len(rules))], " ")
		for range 1 + rng.IntN(3) {
			at := rng.IntN(len(words))
			switch rng.IntN(3) {
			case 0:
				words[at] = soupWords[rng.IntN(len(soupWords))] + " "
			case 1:
				words = append(words[:at], words[at+1:]...)
			default:
				words = append(words[:at], append([]string{soupWords[rng.IntN(len(soupWords))]}, words[at:]...)...)
			}
			if len(words) == 0 {
				break
			}
		}
		return strings.Join(words, "")
	}
	for range 1 + rng.IntN(12) {
		words = append(words, soupWords[rng.IntN(len(soupWords))])
	}
	return strings.Join(words, []string{"", " "}[rng.IntN(2)])
}

// soundRules use what the language has; words of them are changed.
var soundRules = []string{
	`country == "FR" && age > 17 || ltv / 2.0 >= 3.0`, `tags.exists(t, t == "vip") || orders.count(o, o.a > 3) > 2`,
	`within(last_seen_at, "30d") && older_than(birthday, "1y")`, `address.b in ["Paris", "Rome"] && has(address.b) && props["a"] == 3`,
	`user_id in file("vip.txt") || hash_split("a", 0.5) && bucket("b", 10) < 3`, `coalesce(age, 0) % 7 == 3 ? sms_opt_in : country.like("F%")`,
	`tags.map(t, t + "x").filter(t, t.size() > 2).size() > 1`, `orders.exists_one(o, o.a == 3) && !segment("other")`,
	`math.greatest(age, 3) > 2 && country.split("a").size() == 1`, `date(last_seen_at) == add_days(today, -3) && last_seen_at < now - duration("3h")`,
	`[age, 3].exists(x, x > 2 && tags.exists(t, t == string(x)))`, `{"a": age}["a"] > 3 || type(age) == int`,
}

// checkSoup compiles a text. Whatever it is, it either compiles and every row has cel-go's answer, or faults come back with
// places inside of it.
func checkSoup(t *testing.T, text string, rec arrow.Record, lists map[string]*List) (compiled bool) {
	t.Helper()
	defer func() {
		if fault := recover(); fault != nil {
			t.Fatalf("%q: panic: %v", text, fault)
		}
	}()
	definitions := &configs.Definitions{Timezone: "Europe/Paris", UserID: "user_id", Segments: []configs.Segment{
		{Name: "other", When: configs.NewExpr(`age > 3`)}, {Name: "it", When: configs.NewExpr(text)},
	}}
	ListPaths(definitions)
	plan, err := Compile(rec.Schema(), []Step{{Definitions: definitions, Lists: lists}}, Options{UserID: "user_id"})
	if err != nil {
		var problems configs.Problems
		if !errors.As(err, &problems) {
			t.Fatalf("%q: not problems: %v", text, err)
		}
		lines := strings.Split(text, "\n")
		for _, p := range problems {
			if p.Pos.Line < 1 || p.Pos.Line > len(lines) || p.Pos.Column < 1 || p.Pos.Column > utf8.RuneCountInString(lines[p.Pos.Line-1])+1 {
				t.Errorf("%q: a fault at %d:%d: %s", text, p.Pos.Line, p.Pos.Column, p.Message)
			}
			if !utf8.ValidString(p.Message) || strings.Contains(p.Message, "!error!") || strings.Contains(p.Message, " @") {
				t.Errorf("%q: a fault that says %q", text, p.Message)
			}
		}
		return false
	}
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	got := answers.Cut(plan.Segments(0)[1].When).String()
	oracle, err := newOracle(Step{Definitions: &configs.Definitions{Timezone: "Europe/Paris", UserID: "user_id", Segments: []configs.Segment{
		{Name: "it", When: configs.NewExpr(text)},
	}}, Lists: lists}, rec, "user_id")
	if err != nil {
		return true // it refers to the other segment
	}
	if want := oracle.answers(); got != want {
		t.Errorf("%q\n got %s\nwant %s", text, got, want)
	}
	return true
}

func soupSnapshot(t testing.TB, seed uint64) (arrow.Record, map[string]*List) {
	list, err := NewList([]byte("a\nb\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := newSampler(t, seed, 25)
	columns := map[string]arrow.Array{}
	for name, shape := range map[string]string{
		"country": "string", "age": "int32", "ltv": "float64", "user_id": "string", "last_seen_at": "ts_us", "birthday": "date", "tags": "list_string",
		"orders": "list_struct", "address": "struct", "props": "map", "token": "binary", "sms_opt_in": "bool", "huge": "decimal38",
	} {
		columns[name] = s.column(shape, 70).arr
	}
	for _, shape := range shapes {
		columns["any_"+shape] = s.column(shape, 70).arr
	}
	return record(t, columns), map[string]*List{"vip.txt": list}
}

// TestSoup is the quick, seeded version of FuzzSoup.
func TestSoup(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rec, lists := soupSnapshot(t, 1)
	compiled := 0
	for range 3000 {
		if checkSoup(t, soup(rng, soundRules), rec, lists) {
			compiled++
		}
	}
	for _, rule := range soundRules {
		if !checkSoup(t, rule, rec, lists) {
			t.Errorf("%s does not compile", rule)
		}
	}
	t.Logf("%d compiled", compiled)
}

// FuzzSoup compiles texts that nobody would write.
func FuzzSoup(f *testing.F) {
	for _, rule := range soundRules {
		f.Add(rule)
	}
	rec, lists := soupSnapshot(f, 2)
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) && !strings.ContainsRune(text, '\r') { // as configs gives them
			checkSoup(t, text, rec, lists)
		}
	})
}
