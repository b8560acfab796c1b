package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"strata/configs"
)

// DuckDB answers random rules over more types than SQLite has: dates, instants in a zone whose clock changes, decimals, booleans,
// lists. SQLite stays because it compares integers and doubles exactly, which DuckDB does not.

// A duckling makes up rules over the columns of duckRecord, in CEL and in DuckDB's SQL.
type duckling struct{ *bilingual }

// The end of the short day in Paris, and that day.
var (
	duckNow   = time.Date(2026, 3, 29, 22, 0, 0, 0, time.UTC)
	duckToday = int32(duckNow.Unix() / 86400)
)

const duckScript = `
import datetime, json, sys
import duckdb
job = json.load(sys.stdin)
db = duckdb.connect()
db.execute("SET TimeZone = 'Europe/Paris'")
casts = {"day": "DATE '1970-01-01' + v::INTEGER", "seen": "make_timestamptz(v::BIGINT)", "price": "(v::BIGINT / 100)::DECIMAL(9, 2)", "paid": "(v::BIGINT / 100)::DECIMAL(9, 2)"}
types = {"s": "VARCHAR", "c": "VARCHAR", "d": "DOUBLE", "e": "DOUBLE", "b": "BOOLEAN", "f": "BOOLEAN", "tags": "VARCHAR[]", "born": "DATE"}
casts["born"] = casts["day"]
names = sorted(job["columns"])
db.execute("CREATE TABLE raw (place INTEGER, " + ", ".join(n + " " + ("BIGINT" if n in casts else types.get(n, "BIGINT")) for n in names) + ")")
rows = list(zip(*(job["columns"][n] for n in names)))
db.executemany("INSERT INTO raw VALUES (" + ", ".join("?" * (len(names) + 1)) + ")", [[i, *row] for i, row in enumerate(rows)])
db.execute("CREATE TABLE t AS SELECT place, " + ", ".join("(" + casts.get(n, "v").replace("v", n) + ") AS " + n if n in casts else n for n in names) + " FROM raw")
for rule in job["rules"]:
    print("".join("U" if v is None else "T" if v else "F" for (v,) in db.execute("SELECT (" + rule + ")::BOOLEAN FROM t ORDER BY place").fetchall()))
`

func (b duckling) int(depth int) said {
	if depth == 0 || b.rng.IntN(3) == 0 {
		return choose(*b.bilingual, same("m"), same("k"), same(fmt.Sprint(b.rng.IntN(12)-3)))
	}
	x, y := b.int(depth-1), b.int(depth-1)
	op := choose(*b.bilingual, "+", "-", "*")
	return choose(*b.bilingual, join(x, y, "(%s "+op+" %s)", "(%s "+op+" %s)"), join(x, y, "coalesce(%s, %s)", "coalesce(%s, %s)"),
		x.in("(@) / 3", "((@) // 3)"), x.in("(@) % 4", "((@) % 4)"), b.text(0).in("size(@)", "length(@)"), same("size(tags)").in("@", "len(tags)"),
		join(x, y, "math.greatest(%s, %s)", "(CASE WHEN %[1]s IS NULL OR %[2]s IS NULL THEN NULL ELSE greatest(%[1]s, %[2]s) END)"), b.part())
}

// part says a part of the calendar, in Paris.
func (b duckling) part() said {
	x := choose(*b.bilingual, b.instant(), b.day())
	return choose(*b.bilingual, x.in("year(@)", "year(@)"), x.in("month(@)", "month(@)"), x.in("day(@)", "day(@)"), x.in("weekday(@)", "isodow(@)"),
		b.instant().in("hour(@)", "hour(@)"), x.in("days_since(@)", "date_diff('day', (@)::DATE, DATE '2026-03-29')"),
		same("days_between(day, seen)").in("@", "date_diff('day', day, seen::DATE)"),
		same("age_years(born)").in("@", "(2026 - year(born) - CASE WHEN (month(born), day(born)) > (3, 29) THEN 1 ELSE 0 END)"))
}

func (b duckling) instant() said {
	n := b.rng.IntN(80) - 40
	return choose(*b.bilingual, same("seen"), same("seen"), said{fmt.Sprintf("add_days(seen, %d)", n), fmt.Sprintf("(seen + INTERVAL (%d) DAY)", n)},
		said{`(seen - duration("36h"))`, "(seen - INTERVAL 36 HOUR)"}, said{"now", "TIMESTAMPTZ '2026-03-29 22:00:00+00'"})
}

func (b duckling) day() said {
	n := b.rng.IntN(80) - 40
	return choose(*b.bilingual, same("day"), same("day"), said{fmt.Sprintf("add_months(day, %d)", n), fmt.Sprintf("(day + INTERVAL (%d) MONTH)::DATE", n)},
		said{fmt.Sprintf("add_days(day, %d)", n), fmt.Sprintf("(day + INTERVAL (%d) DAY)::DATE", n)}, said{"date(seen)", "seen::DATE"}, said{"today", "DATE '2026-03-29'"},
		said{`date("2026-03-01")`, "DATE '2026-03-01'"})
}

func (b duckling) text(depth int) said {
	literal := choose(*b.bilingual, "", "a", "FR", "é", "fr", "vip", "A")
	if depth == 0 || b.rng.IntN(3) == 0 {
		return choose(*b.bilingual, same("s"), same("c"), said{fmt.Sprintf("%q", literal), "'" + literal + "'"})
	}
	x, y := b.text(depth-1), b.text(depth-1)
	return choose(*b.bilingual, join(x, y, "(%s + %s)", "(%s || %s)"), join(x, y, "coalesce(%s, %s)", "coalesce(%s, %s)"),
		x.in("(@).lowerAscii()", "translate(@, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"),
		x.in("(@).trim()", "trim(@)"), x.in("(@).reverse()", "reverse(@)"), x.in(`(@).replace("a", "bb")`, "replace(@, 'a', 'bb')"))
}

func (b duckling) bool(depth int) said {
	if depth == 0 || b.rng.IntN(5) == 0 {
		return b.leaf(depth)
	}
	x, y := b.bool(depth-1), b.bool(depth-1)
	return choose(*b.bilingual, join(x, y, "(%s && %s)", "(%s AND %s)"), join(x, y, "(%s || %s)", "(%s OR %s)"), x.in("!(@)", "(NOT (@))"),
		x.in("is_true(@)", "coalesce(@, false)"), join(x, y, "coalesce(%s, %s)", "coalesce(%s, %s)"), join(x, y, "(%s == %s)", "((%s) = (%s))"),
		join(x, y, "(%s != %s)", "((%s) <> (%s))"), b.leaf(depth), b.leaf(depth))
}

func (b duckling) compare(x, y said) said {
	op := choose(*b.bilingual, [2]string{"==", "="}, [2]string{"!=", "<>"}, [2]string{"<", "<"}, [2]string{"<=", "<="}, [2]string{">", ">"}, [2]string{">=", ">="})
	return join(x, y, "(%s "+op[0]+" %s)", "(%s "+op[1]+" %s)")
}

// leaf compares values, or tests one.
func (b duckling) leaf(depth int) said {
	deep := min(depth, 1)
	text := b.text(deep)
	price := func() said {
		return choose(*b.bilingual, same("price"), same("paid"), same("12.34"), same("-0.05"), same("0.1"), said{"7.0", "7.00"})
	}
	switch b.rng.IntN(13) {
	case 0:
		return b.compare(text, b.text(deep))
	case 1:
		return b.compare(b.int(deep), b.int(deep))
	case 2:
		return b.compare(b.instant(), b.instant())
	case 3:
		return b.compare(b.day(), b.day())
	case 4:
		return b.compare(choose(*b.bilingual, same("price"), same("paid")), price())
	case 5:
		return choose(*b.bilingual, text.in("((@) == null)", "((@) IS NULL)"), said{"(m == null)", "(m IS NULL)"}, said{"has(d)", "(d IS NOT NULL)"}, said{"(seen != null)", "(seen IS NOT NULL)"},
			said{"empty(s)", "(s IS NULL OR s = '')"}, said{"is_null(price)", "(price IS NULL)"}, said{"is_null(day)", "(day IS NULL)"}, said{"nonempty(tags)", "(tags IS NOT NULL AND len(tags) > 0)"})
	case 6:
		return choose(*b.bilingual, join(b.text(0), b.text(0), `(s in [%s, %s, "vip"])`, "(s IN (%s, %s, 'vip'))"), join(b.int(0), b.int(0), "(m in [%s, %s, 7])", "(m IN (%s, %s, 7))"),
			join(b.day(), b.day(), "(day in [%s, %s])", "(day IN (%s, %s))"), said{"(price in [12.34, 0.1, 7])", "(price IN (12.34, 0.1, 7))"})
	case 7:
		pattern := choose(*b.bilingual, "%", "F%", "_R", "%i%", "_", "v_p", "%é", "")
		return text.in("(@).like(\""+pattern+"\")", "((@) LIKE '"+pattern+"')")
	case 8:
		part := choose(*b.bilingual, "a", "F", "é", "i", "")
		return choose(*b.bilingual, text.in("(@).startsWith(\""+part+"\")", "starts_with(@, '"+part+"')"), text.in("(@).endsWith(\""+part+"\")", "suffix(@, '"+part+"')"),
			text.in("(@).contains(\""+part+"\")", "contains(@, '"+part+"')"), join(text, b.text(0), "(%s).iequals(%s)", "(lower(%s) = lower(%s))"),
			text.in("(@).matches(\"^[a-z]+$\")", "regexp_matches(@, '^[a-z]+$')"))
	case 9, 10:
		return b.time()
	case 11:
		return choose(*b.bilingual, said{`("vip" in tags)`, "(list_contains(tags, 'vip'))"}, said{`(tags.count(t, t == "a") > 0)`, "(len(list_filter(tags, lambda x: x = 'a')) > 0)"},
			said{`(tags.count(t, t == s || t == "vip") == 1)`, "(CASE WHEN tags IS NULL THEN NULL ELSE len(list_filter(tags, lambda x: coalesce(x = s OR x = 'vip', false))) = 1 END)"})
	}
	return choose(*b.bilingual, same("b"), same("f"), same("true"), b.compare(same("d"), same(choose(*b.bilingual, "e", "0.5", "-1.5"))))
}

// time says something about now and today.
func (b duckling) time() said {
	p := choose(*b.bilingual, [2]string{"1d", "1 DAY"}, [2]string{"30d", "30 DAY"}, [2]string{"2w", "14 DAY"}, [2]string{"1y", "1 YEAR"}, [2]string{"1mo", "1 MONTH"}, [2]string{"200d", "200 DAY"})
	now, today := "TIMESTAMPTZ '2026-03-29 22:00:00+00'", "DATE '2026-03-29'"
	return choose(*b.bilingual,
		said{fmt.Sprintf("within(seen, %q)", p[0]), fmt.Sprintf("(seen >= %s - INTERVAL %s AND seen <= %s)", now, p[1], now)},
		said{fmt.Sprintf("older_than(seen, %q)", p[0]), fmt.Sprintf("(seen < %s - INTERVAL %s)", now, p[1])},
		said{fmt.Sprintf("within(day, %q)", p[0]), fmt.Sprintf("(day >= (%s - INTERVAL %s)::DATE AND day <= %s)", today, p[1], today)},
		said{fmt.Sprintf("older_than(day, %q)", p[0]), fmt.Sprintf("(day < (%s - INTERVAL %s)::DATE)", today, p[1])},
		said{"within(seen, \"12h\")", fmt.Sprintf("(seen >= %s - INTERVAL 12 HOUR AND seen <= %s)", now, now)},
		said{"(seen >= days_ago(3))", fmt.Sprintf("(seen >= (%s - 3)::TIMESTAMPTZ)", today)},
		said{"on(seen, day)", "(seen::DATE = day)"}, said{"on(seen, today)", fmt.Sprintf("(seen::DATE = %s)", today)},
		said{"(month(born) == month(today) && day(born) == day(today))", "(month(born) = 3 AND day(born) = 29)"})
}

// duckRecord makes the columns, one value in four null, for Arrow and for DuckDB.
func duckRecord(t *testing.T, rng *rand.Rand, rows int) (columnsOf, map[string][]any) {
	columns, values := sqlRecord(t, rng, rows)
	for _, name := range []string{"big", "ts", "day"} {
		delete(columns, name)
		delete(values, name)
	}
	add := func(name string, value func() any) {
		for range rows {
			if rng.IntN(4) == 0 {
				values[name] = append(values[name], nil)
			} else {
				values[name] = append(values[name], value())
			}
		}
	}
	someDays := []int{-31, -30, -1, 0, 1, 2, 13, 14, 15, 28, 29, 30, 31, 32, 57, 58, 59, 60, 88, 200, 365, 366, 730}
	add("day", func() any { return int(duckToday) - someDays[rng.IntN(len(someDays))] })
	add("born", func() any { return int(duckToday) - 365*rng.IntN(90) - rng.IntN(400) })
	add("seen", func() any {
		before := duckNow.UnixMicro() - int64(someDays[rng.IntN(len(someDays))])*86_400_000_000
		return int(before - []int64{-1, 0, 1, 1800_000_000, 3600_000_000, 82_800_000_000, 43_200_000_000, 43_200_000_001}[rng.IntN(8)])
	})
	for _, name := range []string{"price", "paid"} {
		add(name, func() any { return []int{1234, 1235, -5, 10, 700, 0, 999999999, rng.IntN(2000)}[rng.IntN(8)] })
	}
	add("tags", func() any {
		tags := []any{}
		for range rng.IntN(4) {
			tags = append(tags, []any{"vip", "a", "FR", nil}[rng.IntN(4)])
		}
		return tags
	})
	for _, name := range []string{"day", "born"} {
		columns[name] = build(t, arrow.FixedWidthTypes.Date32, func(b *array.Date32Builder) {
			appendInts(values[name], b.AppendNull, func(v int) { b.Append(arrow.Date32(v)) })
		})
	}
	columns["seen"] = build(t, arrow.FixedWidthTypes.Timestamp_us, func(b *array.TimestampBuilder) {
		appendInts(values["seen"], b.AppendNull, func(v int) { b.Append(arrow.Timestamp(v)) })
	})
	for _, name := range []string{"price", "paid"} {
		columns[name] = build(t, &arrow.Decimal128Type{Precision: 9, Scale: 2}, func(b *array.Decimal128Builder) {
			appendInts(values[name], b.AppendNull, func(v int) { b.Append(decimal128.FromI64(int64(v))) })
		})
	}
	columns["tags"] = build(t, arrow.ListOf(arrow.BinaryTypes.String), func(b *array.ListBuilder) { appendTags(b, values["tags"]) })
	return columns, values
}

func appendTags(b *array.ListBuilder, values []any) {
	for _, value := range values {
		tags, ok := value.([]any)
		b.Append(ok)
		for _, tag := range tags {
			if text, ok := tag.(string); ok {
				b.ValueBuilder().(*array.StringBuilder).Append(text)
			} else {
				b.ValueBuilder().AppendNull()
			}
		}
	}
}

// askSQL runs a script, which answers each rule of a table on a line.
func askSQL(t *testing.T, script string, table sqlTable) []string {
	t.Helper()
	input, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), python(t), "-c", script)
	run.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	run.Stderr = &stderr
	output, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return strings.Fields(string(output))
}

// compareWithSQL answers rules with one plan and compares them with what SQL says.
func compareWithSQL(t *testing.T, step Step, columns columnsOf, rules []said, wants []string) {
	t.Helper()
	for i, rule := range rules {
		step.Definitions.Segments = append(step.Definitions.Segments, configs.Segment{Name: fmt.Sprint("s", i), When: configs.NewExpr(rule.cel)})
	}
	rec := record(t, columns)
	plan, err := Compile(rec.Schema(), []Step{step}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[rune]int{}
	for i, rule := range rules {
		got := answers.Cut(plan.Segments(0)[i].When).String()
		if got != wants[i] {
			t.Errorf("%s\n%s\n got %s\nSQL  %s", rule.cel, rule.sql, got, wants[i])
		}
		for _, answer := range got {
			seen[answer]++
		}
	}
	t.Logf("%d rules: %d true, %d false, %d unknown", len(rules), seen['T'], seen['F'], seen['U'])
}

func TestMembersAreThoseOfDuckDB(t *testing.T) {
	python(t)
	rng := rand.New(rand.NewPCG(11, 13))
	columns, values := duckRecord(t, rng, 150)
	var rules []said
	table := sqlTable{Columns: values}
	for range 1500 {
		rule := duckling{&bilingual{rng}}.bool(1 + rng.IntN(3))
		rules, table.Rules = append(rules, rule), append(table.Rules, rule.sql)
	}
	step := Step{Now: duckNow, Today: duckToday, Definitions: &configs.Definitions{Timezone: "Europe/Paris"}}
	compareWithSQL(t, step, columns, rules, askSQL(t, duckScript, table))
}
