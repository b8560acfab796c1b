package rules

import (
	"regexp"
	"strings"
)

// A habit is what somebody who thinks in SQL writes, and what to write instead. In both texts ${x} is what the group x of the
// pattern found. The caret stands below the group at, or where the fault is.
type habit struct {
	pattern    *regexp.Regexp
	said, hint string
}

func newHabit(pattern, said, hint string) habit {
	return habit{regexp.MustCompile(`(?is)` + pattern), said, hint}
}

// What patterns are made of: a column, text in quotes, a number or a column, and a list's elements.
const (
	column   = `(?P<x>[a-z_][\w.]*)`
	quoted   = `(?P<t>'[^']*'|"[^"]*")`
	operand  = `'[^']*'|"[^"]*"|[\w.]+`
	elements = `(?P<list>[^()\[\]]*)`
	noWord   = ` is not an operator of rules`
)

// sqlSyntax are habits that do not parse. The first that matches around the fault is taken, so those that know more come first.
var sqlSyntax = []habit{
	newHabit(`\bSELECT\b.*`, `a rule is a condition, not a query`, `write what stands behind WHERE, in the spelling of rules`),
	newHabit(`\b(?P<at>COUNT)\s*\(\s*\*\s*\)`, `a rule looks at one user, so it cannot count users`, `a list counts its elements: size(l), or l.count(x, x > 1)`),
	newHabit(column+`\s+(?P<at>NOT\s+IN)\s*[(\[]`+elements+`[)\]]`, `"NOT IN"`+noWord, `write !(${x} in [${list}])`),
	newHabit(column+`\s+(?P<at>IN)\s*\(`+elements+`\)`, `in takes a list in square brackets`, `write ${x} in [${list}]`),
	newHabit(column+`\s+(?P<at>IN)\s*\[`+elements+`\]`, `"IN" is written in small letters`, `write ${x} in [${list}]`),
	newHabit(column+`\s+(?P<at>NOT\s+LIKE)\s+`+quoted, `"NOT LIKE"`+noWord, `write !${x}.like(${t})`),
	newHabit(column+`\s+(?P<at>ILIKE)\s+(?P<small>'[^']*'|"[^"]*")`, `"ILIKE"`+noWord, `write ${x}.lowerAscii().like(${small})`),
	newHabit(column+`\s+(?P<at>LIKE)\s+`+quoted, `"LIKE"`+noWord, `write ${x}.like(${t})`),
	newHabit(column+`\s+(?P<at>REGEXP|RLIKE|SIMILAR\s+TO|~\*?)\s*`+quoted, `"${at}"`+noWord, `write ${x}.matches(${t})`),
	newHabit(column+`\s+(?P<at>IS\s+NOT\s+NULL)\b`, `"IS NOT NULL"`+noWord, `write ${x} != null`),
	newHabit(column+`\s+(?P<at>IS\s+NULL)\b`, `"IS NULL"`+noWord, `write ${x} == null`),
	newHabit(column+`\s+(?P<at>IS\s+NOT\s+TRUE)\b`, `"IS NOT TRUE"`+noWord, `write !is_true(${x})`),
	newHabit(column+`\s+(?P<at>IS\s+TRUE)\b`, `"IS TRUE"`+noWord, `write is_true(${x})`),
	newHabit(column+`\s+(?P<at>IS\s+(?:NOT\s+)?(?:TRUE|FALSE))\b`, `"IS"`+noWord, `write is_true(${x}) or is_true(!${x})`),
	newHabit(column+`\s+(?P<at>NOT\s+BETWEEN)\s+(?P<a>`+operand+`)\s+AND\s+(?P<b>`+operand+`)`, `"NOT BETWEEN"`+noWord, `write ${x} < ${a} || ${x} > ${b}`),
	newHabit(column+`\s+(?P<at>BETWEEN)\s+(?P<a>`+operand+`)\s+AND\s+(?P<b>`+operand+`)`, `"BETWEEN"`+noWord, `write ${a} <= ${x} && ${x} <= ${b}`),
	newHabit(`\bCASE\s+WHEN\s+(?P<a>.+?)\s+THEN\s+(?P<b>.+?)\s+ELSE\s+(?P<c>.+?)\s+END\b`, `"CASE"`+noWord, `write ${a} ? ${b} : ${c}`),
	newHabit(`\bCASE\b.*`, `"CASE"`+noWord, `write condition ? a : b`),
	newHabit(`\b(?P<at>DATE)\s+`+quoted, `a date is a call in rules`, `write date(${t})`),
	newHabit(`\b(?P<at>TIMESTAMP(?:TZ)?)\s+`+quoted, `an instant is a call in rules`, `write timestamp("2026-11-02T00:00:00Z"), or date("2026-11-02") to compare days`),
	newHabit(`\b(?P<at>INTERVAL)\s+['"]?\s*(?P<n>\d+)\s*(?P<unit>DAY|WEEK|MONTH|YEAR|HOUR)S?['"]?`, `"INTERVAL"`+noWord, `write within(x, "${n}${unit}") or older_than(x, "${n}${unit}"), or compare with days_ago(30)`),
	newHabit(`\b(?P<at>INTERVAL)\b.*`, `"INTERVAL"`+noWord, `write within(x, "30d") or older_than(x, "30d"), or compare with days_ago(30)`),
	newHabit(`\b(?P<at>EXTRACT)\s*\(\s*(?P<part>YEAR|MONTH|DAY|HOUR)\s+FROM\s+`+column, `"EXTRACT"`+noWord, `write ${part}(${x})`),
	newHabit(`\b(?P<at>EXTRACT)\s*\(.*`, `"EXTRACT"`+noWord, `write year(x), month(x), day(x), weekday(x) or hour(x)`),
	newHabit(`\b(?P<at>CAST)\s*\(\s*`+column+`\s+AS\s+(?P<type>\w+)`, `"CAST"`+noWord, `write ${type}(${x})`),
	newHabit(column+`(?P<at>::)(?P<type>\w+)`, `"::"`+noWord, `write ${type}(${x})`),
	newHabit(`(?P<at>=>)`, `"=>"`+noWord, `write >=`),
	newHabit(`(?P<at>=<)`, `"=<"`+noWord, `write <=`),
	newHabit(`(?P<at>===)`, `"==="`+noWord, `write ==`),
	newHabit(column+`\s*(?P<at><>)\s*NULL\b`, `"<>"`+noWord, `write ${x} != null`),
	newHabit(column+`\s*(?P<at>=)\s*NULL\b`, `"="`+noWord, `write ${x} == null`),
	newHabit(`(?P<at><>)`, `"<>"`+noWord, `write !=`),
	newHabit(`[^=<>!](?P<at>=)`, `"="`+noWord, `write == to compare`),
	newHabit(`[^&](?P<at>&)[^&]`, `"&"`+noWord, `write &&`),
	newHabit(`[^|](?P<at>\|)[^|]`, `"|"`+noWord, `write ||`),
	newHabit(`\b(?P<at>XOR)\b`, `"XOR"`+noWord, `write a != b, with each side in brackets`),
	newHabit("`(?P<x>[A-Za-z_]\\w*)`", `a column is written without backticks`, `write ${x}`),
	newHabit("`[^`]*`", `a column is written without backticks`, `give it a name that rules can write: snapshot.columns: {utm_source: {column: utm-source}}`),
	newHabit(`(?P<at>;)`, `a rule ends without a semicolon`, `remove it`),
	newHabit(`(?P<at>[$€£])`, `a number has no currency sign`, `write the number alone`),
	newHabit(`\b(?P<n>\d+(?:\.\d+)?)(?P<at>%)`, `a number has no percent sign`, `write a share as 0.2, if the column holds shares`),
	newHabit(`\b(?P<a>\d{1,3})(?P<at>,)(?P<b>\d{3})\b`, `a number has no comma`, `write ${a}${b}, or ${a}.${b} if the comma is a decimal one`),
	newHabit(`\b(?P<a>\d+)(?P<at>,)(?P<b>\d+)\b`, `a number has no comma`, `write ${a}.${b}`),
	newHabit(column+`\s*==\s*`+quoted+`\s*(?P<at>,)`, `a comma does not join values here`, `write ${x} in [${t}, ...]`),
	newHabit(`\b(?P<at>AND)\b`, `"${at}"`+noWord, `write && for AND`),
	newHabit(`\b(?P<at>OR)\b`, `"${at}"`+noWord, `write || for OR`),
	newHabit(`\b(?P<at>NOT)\b\s*[\w(]`, `"${at}"`+noWord, `write ! for NOT, as in !(a || b)`),
	newHabit(`\b(?P<at>IS)\b`, `"${at}"`+noWord, `write x == null or x != null`),
	newHabit(`\b(?P<at>IN)\b`, `in takes a list in square brackets`, `write x in ["a", "b"]`),
	newHabit(`\b(?P<at>BETWEEN)\b`, `"${at}"`+noWord, `write a <= x && x <= b`),
	newHabit(`\b(?P<at>I?LIKE)\b`, `"${at}"`+noWord, `write x.like("F%")`),
	newHabit(`\b(?P<at>WHEN|THEN|ELSE|END)\b`, `"${at}"`+noWord, `write condition ? a : b`),
}

// sqlTypes and sqlUnits are what SQL calls our types and periods.
var (
	sqlTypes = map[string]string{
		"text": "string", "varchar": "string", "char": "string", "string": "string", "int": "int", "integer": "int", "bigint": "int", "smallint": "int",
		"float": "double", "double": "double", "real": "double", "numeric": "double", "decimal": "double", "date": "date", "timestamp": "timestamp",
		"timestamptz": "timestamp", "boolean": "bool", "bool": "bool",
	}
	sqlUnits = map[string]string{"hour": "h", "day": "d", "week": "w", "month": "mo", "year": "y"}
)

// sqlHabit finds the habit that led to a fault at a byte of a rule, and the byte where it begins.
func sqlHabit(text string, fault int) (said, hint string, at int, found bool) {
	for _, h := range sqlSyntax {
		for _, m := range h.pattern.FindAllStringSubmatchIndex(text, -1) {
			if fault < m[0] || m[1] < fault {
				continue
			}
			if group := 2 * h.pattern.SubexpIndex("at"); group > 0 {
				fault = m[group]
			}
			return h.expand(h.said, text, m), h.expand(h.hint, text, m), fault, true
		}
	}
	return "", "", fault, false
}

// expand fills in the groups, in the words of rules.
func (h habit) expand(template, text string, m []int) string {
	for i, name := range h.pattern.SubexpNames() {
		if name == "" || m[2*i] < 0 {
			continue
		}
		value := text[m[2*i]:m[2*i+1]]
		switch name {
		case "type":
			if value = sqlTypes[strings.ToLower(value)]; value == "" {
				value = "string"
			}
		case "unit":
			value = sqlUnits[strings.ToLower(value)]
		case "part", "small":
			value = strings.ToLower(value)
		}
		template = strings.ReplaceAll(template, "${"+name+"}", value)
	}
	return template
}

// byWord makes a map of rows that give one answer for several words.
func byWord(rows [][2]string) map[string]string {
	out := map[string]string{}
	for _, row := range rows {
		for _, word := range strings.Fields(row[0]) {
			out[word] = row[1]
		}
	}
	return out
}

// sqlNames are names that SQL has a meaning for, with what to write instead.
var sqlNames = byWord([][2]string{
	{"NULL NONE NIL", "write null, as in x == null"},
	{"TRUE", "write true"},
	{"FALSE", "write false"},
	{"CURRENT_DATE TODAY", "write today"},
	{"CURRENT_TIMESTAMP LOCALTIMESTAMP SYSDATE NOW", "write now"},
	{"YESTERDAY", "write add_days(today, -1)"},
})

// sqlFunctions are functions of SQL, and methods of other languages, with what to write instead.
var sqlFunctions = byWord([][2]string{
	{"NOW GETDATE SYSDATE CURRENT_TIMESTAMP", "write now, without brackets"},
	{"CURRENT_DATE CURDATE", "write today, without brackets"},
	{"LOWER LCASE TOLOWER", "write x.lowerAscii()"},
	{"UPPER UCASE TOUPPER", "write x.upperAscii()"},
	{"LENGTH LEN CHAR_LENGTH CARDINALITY ARRAY_LENGTH", "write size(x)"},
	{"SUBSTR SUBSTRING", "write x.substring(0, 1), which counts from 0 and takes the end"},
	{"LEFT", `write x.substring(0, 3), or x.startsWith("abc")`},
	{"RIGHT", `write x.endsWith("abc")`},
	{"INSTR POSITION STRPOS", `write x.contains("abc")`},
	{"CONCAT", "write a + b"},
	{"CONCAT_WS", `write a + "-" + b`},
	{"REPLACE", `write x.replace("a", "b")`},
	{"LTRIM RTRIM TRIM", "write x.trim()"},
	{"IFNULL NVL ZEROIFNULL", "write coalesce(x, 0)"},
	{"ISNULL", "write x == null, or coalesce(x, 0)"},
	{"NULLIF", "compare with the value beside it, as in x != 0"},
	{"IF IIF DECODE", "write condition ? a : b"},
	{"DATEDIFF DATE_DIFF TIMESTAMPDIFF", "write days_between(a, b) or days_since(x)"},
	{"AGE", "write days_since(x) or age_years(x)"},
	{"DATE_SUB", "write add_days(x, -30), or compare with days_ago(30)"},
	{"DATE_ADD ADDDATE", "write add_days(x, 30)"},
	{"DATEADD", "write add_days(x, 30) or add_months(x, 1)"},
	{"DATE_TRUNC", "write date(x) for the day; year(x) and month(x) compare longer times"},
	{"TRUNC", "write date(x) for the day of a time, or math.trunc(x)"},
	{"DATE_PART DATEPART", "write year(x), month(x), day(x), weekday(x) or hour(x)"},
	{"DAYOFWEEK DOW", "write weekday(x), 1 on Monday"},
	{"TO_DATE STR_TO_DATE PARSE_DATE", `write date("2026-11-02")`},
	{"TO_TIMESTAMP", `write timestamp("2026-11-02T00:00:00Z")`},
	{"TO_CHAR DATE_FORMAT", "compare year(x), month(x) and day(x), or write string(x)"},
	{"SAFE_CAST TRY_CAST CONVERT", "write int(x), double(x) or string(x)"},
	{"ABS", "write math.abs(x)"},
	{"ROUND", "write math.round(x)"},
	{"FLOOR", "write math.floor(x)"},
	{"CEIL CEILING", "write math.ceil(x)"},
	{"GREATEST", "write math.greatest(a, b)"},
	{"LEAST", "write math.least(a, b)"},
	{"MOD", "write a % b"},
	{"SQRT", "write math.sqrt(x)"},
	{"ARRAY_CONTAINS LIST_CONTAINS", `write "vip" in tags`},
	{"ANY SOME UNNEST", "write l.exists(x, x > 1)"},
	{"EVERY", "write l.all(x, x > 1)"},
	{"REGEXP_LIKE REGEXP_MATCHES REGEXP_CONTAINS", `write x.matches("^a")`},
	{"STARTS_WITH", `write x.startsWith("a")`},
	{"ENDS_WITH", `write x.endsWith("a")`},
	{"BETWEEN", "write a <= x && x <= b"},
	{"NOT", "write ! for NOT, as in !(a || b)"},
	{"LIKE", `write x.like("F%")`},
	{"IN", `write x in ["a", "b"]`},
	{"PERCENTILE_CONT PERCENTILE", "write x > quantile(x, 0.9)"},
	{"MEDIAN", "write quantile(x, 0.5)"},
	{"ROW_NUMBER", "write top(x, 100) or rank(x) <= 100"},
	{"DENSE_RANK", "write rank(x) <= 100"},
	{"NTILE", "write ntile(x, 10)"},
	{"RAND RANDOM", `write hash_split("salt", 0.5), which is the same every night`},
})
