package rules

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
)

// Null is unknown as in SQL's WHERE: rules are said twice, in CEL and in SQL, and SQLite has the word. Where a rule is unknown
// to the one it must be unknown to the other.

// A said is an expression in both languages.
type said struct{ cel, sql string }

func (s said) in(cel, sql string) said {
	return said{strings.ReplaceAll(cel, "@", s.cel), strings.ReplaceAll(sql, "@", s.sql)}
}

func join(a, b said, cel, sql string) said {
	return said{fmt.Sprintf(cel, a.cel, b.cel), fmt.Sprintf(sql, a.sql, b.sql)}
}

// A bilingual makes up rules over the columns of sqlRecord.
type bilingual struct{ rng *rand.Rand }

func choose[T any](b bilingual, of ...T) T { return of[b.rng.IntN(len(of))] }

func same(text string) said { return said{text, text} }

// int says an int; where it computes, numbers are small enough never to overflow.
func (b bilingual) int(depth int) said {
	if depth == 0 || b.rng.IntN(3) == 0 {
		return choose(b, same("m"), same("k"), same("m"), same(fmt.Sprint(b.rng.IntN(12)-3)))
	}
	x, y := b.int(depth-1), b.int(depth-1)
	op := choose(b, "+", "-", "*")
	return choose(b, join(x, y, "(%s "+op+" %s)", "(%s "+op+" %s)"), join(x, y, "coalesce(%s, %s)", "coalesce(%s, %s)"), x.in("-(@)", "-(@)"), x.in("(@) / 3", "(@) / 3"), x.in("(@) % 4", "(@) % 4"),
		b.text(0).in("size(@)", "length(@)"), b.cond(depth-1, x, y), said{"days_since(day)", fmt.Sprintf("(%d - day)", sqlToday)})
}

// cond is ?:, in which an unknown condition is unknown; SQL's CASE takes the other branch.
func (b bilingual) cond(depth int, yes, no said) said {
	c := b.bool(depth)
	return said{fmt.Sprintf("(%s ? %s : %s)", c.cel, yes.cel, no.cel), fmt.Sprintf("(CASE WHEN (%s) IS NULL THEN NULL WHEN %s THEN %s ELSE %s END)", c.sql, c.sql, yes.sql, no.sql)}
}

func (b bilingual) text(depth int) said {
	literal := choose(b, "", "a", "FR", "é", "fr", "vip", "A")
	if depth == 0 || b.rng.IntN(3) == 0 {
		return choose(b, same("s"), same("c"), said{fmt.Sprintf("%q", literal), "'" + literal + "'"})
	}
	x, y := b.text(depth-1), b.text(depth-1)
	return choose(b, join(x, y, "(%s + %s)", "(%s || %s)"), join(x, y, "coalesce(%s, %s)", "coalesce(%s, %s)"), x.in("(@).lowerAscii()", "lower(@)"), x.in("(@).upperAscii()", "upper(@)"), b.cond(depth-1, x, y))
}

func (b bilingual) double(depth int) said {
	if depth == 0 || b.rng.IntN(2) == 0 {
		return choose(b, same("d"), same("e"), same(choose(b, "0.0", "0.5", "-1.5", "9007199254740992.0", "100.0")))
	}
	op := choose(b, "+", "-", "*")
	return join(b.double(depth-1), b.double(depth-1), "(%s "+op+" %s)", "(%s "+op+" %s)")
}

// number is an int, also a large one, or a double; both may be compared with each other.
func (b bilingual) number(depth int) said {
	return choose(b, b.int(depth), b.double(depth), same("big"), same(choose(b, "9007199254740993", "9223372036854775807", "-9007199254740993")))
}

func (b bilingual) bool(depth int) said {
	if depth == 0 || b.rng.IntN(5) == 0 {
		return b.leaf(depth)
	}
	x, y := b.bool(depth-1), b.bool(depth-1)
	return choose(b, join(x, y, "(%s && %s)", "(%s AND %s)"), join(x, y, "(%s || %s)", "(%s OR %s)"), join(x, y, "(%s && %s)", "(%s AND %s)"), join(x, y, "(%s || %s)", "(%s OR %s)"),
		x.in("!(@)", "(NOT (@))"), x.in("is_true(@)", "coalesce(@, 0)"), join(x, y, "coalesce(%s, %s)", "coalesce(%s, %s)"), join(x, y, "(%s == %s)", "((%s) = (%s))"),
		join(x, y, "(%s != %s)", "((%s) <> (%s))"), b.cond(depth-1, x, y), b.leaf(depth), b.leaf(depth))
}

// leaf compares values, or tests one.
func (b bilingual) leaf(depth int) said {
	compare := func(x, y said) said {
		op := choose(b, [2]string{"==", "="}, [2]string{"!=", "<>"}, [2]string{"<", "<"}, [2]string{"<=", "<="}, [2]string{">", ">"}, [2]string{">=", ">="})
		return join(x, y, "(%s "+op[0]+" %s)", "(%s "+op[1]+" %s)")
	}
	deep := min(depth, 1)
	text, number := b.text(deep), b.number(deep)
	part := choose(b, "a", "F", "é", "i")
	switch b.rng.IntN(12) {
	case 0:
		return compare(text, b.text(deep))
	case 1, 2:
		return compare(number, b.number(deep))
	case 3:
		return choose(b, text.in("((@) == null)", "((@) IS NULL)"), said{"(m == null)", "(m IS NULL)"}, said{"has(d)", "(d IS NOT NULL)"}, said{"(c != null)", "(c IS NOT NULL)"}, said{"empty(s)", "(s IS NULL OR s = '')"})
	case 4:
		return join(b.text(0), b.text(0), `(s in [%s, %s, "vip"])`, "(s IN (%s, %s, 'vip'))")
	case 5:
		return join(b.int(0), b.int(0), "(m in [%s, %s, 7])", "(m IN (%s, %s, 7))")
	case 6:
		return text.in("(@).startsWith(\""+part+"\")", "(substr(@, 1, 1) = '"+part+"')")
	case 7:
		return text.in("(@).contains(\""+part+"\")", "(instr(@, '"+part+"') > 0)")
	case 8:
		pattern := choose(b, "%", "F%", "_R", "%i%", "_", "v_p", "%é")
		return text.in("(@).like(\""+pattern+"\")", "((@) LIKE '"+pattern+"')")
	case 9:
		return b.time()
	}
	return choose(b, same("b"), same("f"), same("true"), said{"(big in [9007199254740992.0, 5])", "(big IN (9007199254740992.0, 5))"})
}

var (
	sqlNow   = time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	sqlToday = int32(sqlNow.Unix()/86400) - 1
)

// A back is a period, and how far it goes back.
type back struct {
	period      string
	years, days int
}

// time says something about an instant or a day; the bounds are computed here, by package time alone.
func (b bilingual) time() said {
	from := choose(b, back{"30d", 0, -30}, back{"2w", 0, -14}, back{"1y", -1, 0})
	at := sqlNow.AddDate(from.years, 0, from.days).UnixMicro()
	day := sqlNow.AddDate(0, 0, -1).AddDate(from.years, 0, from.days).Unix() / 86400
	return choose(b,
		said{fmt.Sprintf("within(ts, %q)", from.period), fmt.Sprintf("(ts >= %d AND ts <= %d)", at, sqlNow.UnixMicro())},
		said{fmt.Sprintf("older_than(ts, %q)", from.period), fmt.Sprintf("(ts < %d)", at)},
		said{fmt.Sprintf("within(day, %q)", from.period), fmt.Sprintf("(day >= %d AND day <= %d)", day, sqlToday)},
		said{fmt.Sprintf("older_than(day, %q)", from.period), fmt.Sprintf("(day < %d)", day)},
		said{"(ts >= days_ago(3))", fmt.Sprintf("(ts >= %d)", (int64(sqlToday)-3)*86_400_000_000)},
		said{"(day == add_days(today, -1))", fmt.Sprintf("(day = %d)", sqlToday-1)},
		said{"on(ts, day)", "(ts >= day * 86400000000 AND ts < (day + 1) * 86400000000)"})
}

// sqlTable is what SQLite gets: columns of equal length.
type sqlTable struct {
	Columns map[string][]any `json:"columns"`
	Rules   []string         `json:"rules"`
}

const sqlScript = `
import json, sqlite3, sys
job = json.load(sys.stdin)
db = sqlite3.connect(":memory:")
db.execute("PRAGMA case_sensitive_like = ON")
names = sorted(job["columns"])
types = {"s": "TEXT", "c": "TEXT", "d": "REAL", "e": "REAL"}
db.execute("CREATE TABLE t (place INTEGER, " + ", ".join(n + " " + types.get(n, "INTEGER") for n in names) + ")")
cast = lambda n, v: float(v) if types.get(n) == "REAL" and v is not None else v
rows = list(zip(*([cast(n, v) for v in job["columns"][n]] for n in names)))
db.executemany("INSERT INTO t VALUES (" + ", ".join("?" * (len(names) + 1)) + ")", [(i, *row) for i, row in enumerate(rows)])
for rule in job["rules"]:
    print("".join("U" if v is None else "T" if v else "F" for (v,) in db.execute("SELECT (" + rule + ") FROM t ORDER BY place")))
`

// sqlRecord makes the columns, one value in four null, for Arrow and for SQLite.
func sqlRecord(t *testing.T, rng *rand.Rand, rows int) (columnsOf, map[string][]any) {
	values := map[string][]any{}
	column := func(name string, value func() any) {
		for range rows {
			if rng.IntN(4) == 0 {
				values[name] = append(values[name], nil)
			} else {
				values[name] = append(values[name], value())
			}
		}
	}
	words := []string{"", "a", "FR", "é", "fr", "vip", "A", "VIP", "DE"}
	for _, name := range []string{"s", "c"} {
		column(name, func() any { return words[rng.IntN(len(words))] })
	}
	for _, name := range []string{"m", "k"} {
		column(name, func() any { return rng.IntN(14) - 4 })
	}
	column("big", func() any {
		return []int{5, 9007199254740992, 9007199254740993, 9223372036854775807, -9007199254740993}[rng.IntN(5)]
	})
	for _, name := range []string{"d", "e"} {
		column(name, func() any { return []float64{0, .5, -1.5, 5, 100, 9007199254740992, 9223372036854775808}[rng.IntN(7)] })
	}
	for _, name := range []string{"b", "f"} {
		column(name, func() any { return rng.IntN(2) == 0 })
	}
	column("day", func() any { return int(sqlToday) - []int{-1, 0, 1, 13, 14, 15, 30, 31, 365, 366}[rng.IntN(10)] })
	column("ts", func() any {
		return int(sqlNow.UnixMicro()) - []int{-1, 0, 1, 86_400_000_000, 14 * 86_400_000_000, 30*86_400_000_000 - 1, 30 * 86_400_000_000, 365 * 86_400_000_000, 366 * 86_400_000_000}[rng.IntN(9)]
	})
	return columnsOf{
		"s": texts(t, values["s"]...), "c": texts(t, values["c"]...), "m": int64s(t, values["m"]...), "k": int64s(t, values["k"]...), "big": int64s(t, values["big"]...),
		"d": doubles(t, values["d"]...), "e": doubles(t, values["e"]...), "b": bools(t, values["b"]...), "f": bools(t, values["f"]...),
		"day": build(t, arrow.FixedWidthTypes.Date32, func(b *array.Date32Builder) {
			appendInts(values["day"], b.AppendNull, func(v int) { b.Append(arrow.Date32(v)) })
		}),
		"ts": build(t, arrow.FixedWidthTypes.Timestamp_us, func(b *array.TimestampBuilder) {
			appendInts(values["ts"], b.AppendNull, func(v int) { b.Append(arrow.Timestamp(v)) })
		}),
	}, values
}

func appendInts(values []any, null func(), add func(v int)) {
	for _, v := range values {
		if v == nil {
			null()
		} else {
			add(v.(int))
		}
	}
}

// python finds an interpreter, which any SQLite comes with.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("STRATA_PYTHON")
	if path == "" {
		path = filepath.Join("..", "build", "venv", "bin", "python")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("no Python: set STRATA_PYTHON, or let make test set one up")
	}
	return path
}

func TestNullsAreThoseOfSQL(t *testing.T) {
	python(t)
	rng := rand.New(rand.NewPCG(3, 5))
	columns, values := sqlRecord(t, rng, 150)
	var rules []said
	table := sqlTable{Columns: values}
	for range 1000 {
		rule := bilingual{rng}.bool(1 + rng.IntN(3))
		rules, table.Rules = append(rules, rule), append(table.Rules, rule.sql)
	}
	step := Step{Now: sqlNow, Today: sqlToday, Definitions: &configs.Definitions{Timezone: "UTC"}}
	compareWithSQL(t, step, columns, rules, askSQL(t, sqlScript, table))
}
