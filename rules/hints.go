package rules

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/operators"
)

// sqlWords are words that SQL has and CEL has not, with what to write instead.
var sqlWords = map[string]string{
	"AND": "write && for AND", "OR": "write || for OR", "NOT": "write ! for NOT, as in !(a || b)",
	"IS": "write x == null or x != null", "IN": `write x in ["a", "b"]`,
	"BETWEEN": "write a <= x && x <= b", "LIKE": `write x.like("F%")`, "ILIKE": `write x.lowerAscii().like("f%")`,
	"THEN": "write condition ? a : b", "WHEN": "write condition ? a : b",
}

// reservedIdentifier is how the parser refuses a reserved word.
var reservedIdentifier = regexp.MustCompile(`reserved identifier: (\w+)`)

// explainSyntax words a syntax error at a place (1-based) of a rule, and finds the way out where an SQL habit led there.
func explainSyntax(text string, line, column int, message string) (said, hint string) {
	message = strings.TrimPrefix(message, "Syntax error: ")
	before, after := around(text, line, column)
	word, previous := firstWord(after), lastWord(before)
	if m := reservedIdentifier.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s is a reserved word", m[1]),
			fmt.Sprintf("declare the column under another name: snapshot.columns: {my_%s: {column: %s}}", m[1], m[1])
	}
	for limit, hint := range tooMuch {
		if strings.HasPrefix(message, limit) {
			return strings.Replace(message, limit, hint.said, 1), hint.wayOut
		}
	}
	for _, candidate := range []string{word, previous} {
		if hint, ok := sqlWords[strings.ToUpper(candidate)]; ok && candidate != "in" {
			return fmt.Sprintf("%q is not an operator of rules", candidate), hint
		}
	}
	trimmed := strings.TrimRightFunc(before, unicode.IsSpace)
	switch {
	case strings.HasPrefix(message, "the first argument of "): // a macro's own words
		return message, ""
	case strings.HasPrefix(after, "=") && !strings.HasSuffix(trimmed, "="):
		return `"=" is not an operator of rules`, "write == to compare"
	case strings.HasSuffix(trimmed, "<") && strings.HasPrefix(after, ">"):
		return `"<>" is not an operator of rules`, "write !="
	case inBrackets.MatchString(trimmed):
		return "in takes a list in square brackets", `write x in ["a", "b"]`
	case strings.ContainsAny(firstRune(after), "“”„‘’«»"):
		return "these quotes are not those of rules", `write "..." or '...'`
	case strings.HasPrefix(message, "token recognition error at: '\"") || strings.HasPrefix(message, "token recognition error at: ''"):
		return "the text has no closing quote", "close the quote on the same line"
	case after == "" || strings.Contains(message, "'<EOF>'"):
		return "the rule ends too early", "an operand or a closing bracket is missing"
	}
	switch {
	case strings.HasPrefix(after, ")") || strings.HasPrefix(after, "]") || strings.HasPrefix(after, "}"):
		return fmt.Sprintf("the bracket %s closes what nothing has opened", firstRune(after)), ""
	case decimalComma.MatchString(trimmed) && strings.HasPrefix(after, ","):
		return "a comma here separates nothing", "a number has a point, as in 1.5"
	}
	return "syntax error: " + message, ""
}

// decimalComma finds what may be the whole part of a number.
var decimalComma = regexp.MustCompile(`(^|[^\w.])\d+$`)

// tooMuch words the limits of the parser, by how it begins to say so.
var tooMuch = map[string]struct{ said, wayOut string }{
	"expression code point size exceeds limit: size: ": {"the rule is too long, in characters: ", `a long list goes into a file: x in file("list.txt")`},
	"expression recursion limit exceeded: ":            {"the rule nests too deeply, more than ", "name parts of it under traits:"},
}

// inBrackets finds `in (` with what a list would hold.
var inBrackets = regexp.MustCompile(`(?i)\bin\s*\([^()]*$`)

// around cuts the text at a place.
func around(text string, line, column int) (before, after string) {
	runes := []rune(text)
	at := 0
	for ; line > 1 && at < len(runes); at++ {
		if runes[at] == '\n' {
			line--
		}
	}
	at = min(max(at+column-1, 0), len(runes)) // a fault without a place has column 0
	return string(runes[:at]), string(runes[at:])
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

func firstWord(text string) string {
	return text[:len(text)-len(strings.TrimLeftFunc(text, isWordRune))]
}

func lastWord(text string) string {
	text = strings.TrimRightFunc(text, unicode.IsSpace)
	return text[len(strings.TrimRightFunc(text, isWordRune)):]
}

func firstRune(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}

// overloadHint is the way out of a call that does not take what it got.
func overloadHint(function, signature string) string {
	has := func(types ...string) bool {
		for _, t := range types {
			if !mentions(signature, t) {
				return false
			}
		}
		return true
	}
	switch {
	case (function == listSum || function == listAvg) && has("string"):
		return "it adds numbers; double(x) and int(x) make some of texts, and l.count(x, x != \"\") counts"
	case function == listMin && has("bool") || function == listMax && has("bool"):
		return "l.exists(x, p) says whether one is true, l.all(x, p) whether all are, l.count(x, p) how many"
	case strings.HasPrefix(function, "list ") && strings.Contains(signature, "[]"):
		return "name the field: l.sum(x, x.amount)"
	case (function == "within" || function == "older_than") && !strings.HasPrefix(signature, "(string,"):
		return `write the column, then a period in quotes, as in within(last_seen_at, "30d")`
	case function == "within" || function == "older_than":
		return "the column comes first; one of texts is declared under snapshot.columns with as: timestamp or as: date"
	case splitSpelling[function] != "":
		return splitSpelling[function]
	case has("list", "string") && function != operators.In:
		return `write "vip" in tags, or tags.exists(t, t.contains("vip"))`
	case strings.HasSuffix(signature, ", null)") || strings.HasPrefix(signature, "(null,"):
		return "write x == null, x != null or coalesce(x, 0)"
	case function == "coalesce" && strings.Count(signature, ",") > 1:
		return "it takes two: coalesce(a, coalesce(b, c))"
	case has("bytes", "string"):
		return "declare the column under snapshot.columns with as: string, or as: uuid"
	case has("date", "string"):
		return `write date("2026-11-02")`
	case (function == operators.Add || function == operators.Subtract) && (has("timestamp", "string") || has("date", "string")):
		return `write within(x, "30d"), older_than(x, "30d"), days_ago(30) or add_days(x, 30)`
	case has("timestamp", "string"):
		return `write timestamp("2026-11-02T00:00:00Z"), or date(x) < date("2026-11-02") to compare days`
	case has("timestamp", "date"):
		return "write on(x, d) for the same day, or date(x) to compare days"
	case has("int", "double") || has("uint", "double"):
		return "write double(n)"
	case has("int", "uint"):
		return "write int(n)"
	case has("int", "string") || has("double", "string"):
		return "a text is in quotes and a number is not; string(n) and int(t) convert"
	case has("bool", "string"):
		return "a bool is true or false, without quotes"
	}
	return ""
}
