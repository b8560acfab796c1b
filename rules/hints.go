package rules

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/operators"
)

// reservedIdentifier is how the parser refuses a reserved word.
var reservedIdentifier = regexp.MustCompile(`reserved identifier: (\w+)`)

// explainSyntax words a syntax error at a place (1-based) of a rule, finds the way out where an SQL habit led there, and says how
// many code points before the place the fault begins.
func explainSyntax(text string, line, column int, message string) (said, hint string, back int) {
	message, fromParser := strings.CutPrefix(message, "Syntax error: ")
	before, after := around(text, line, column)
	if m := reservedIdentifier.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s is a reserved word", m[1]),
			fmt.Sprintf("declare the column under another name: snapshot.columns: {my_%s: {column: %s}}", m[1], m[1]), 0
	}
	for limit, hint := range tooMuch {
		if strings.HasPrefix(message, limit) {
			return strings.Replace(message, limit, hint.said, 1), hint.wayOut, 0
		}
	}
	if !fromParser {
		return message, "", 0 // a macro's, which is in our words
	}
	if said, hint, at, found := sqlHabit(text, len(before)); found {
		return said, hint, len([]rune(before)) - len([]rune(text[:at]))
	}
	said, hint = plainSyntax(after, message)
	return said, hint, 0
}

// plainSyntax words a syntax error before some text.
func plainSyntax(after, message string) (said, hint string) {
	switch next := firstRune(after); {
	case next != "" && strings.Contains("“”„‘’«»", next):
		return "these quotes are not those of rules", `write "..." or '...'`
	case strings.HasPrefix(message, "token recognition error at: '\"") || strings.HasPrefix(message, "token recognition error at: ''"):
		return "the text has no closing quote", "close the quote on the same line"
	case strings.TrimSpace(after) == "" || strings.Contains(message, "'<EOF>'"):
		return "the rule ends too early", "an operand or a closing bracket is missing"
	case next == ")" || next == "]" || next == "}":
		return fmt.Sprintf("the bracket %s stands where a value is missing, or closes what nothing has opened", next), "every bracket has a partner, and every operator two sides"
	case firstWord(after) != "":
		return fmt.Sprintf("%s cannot stand here", firstWord(after)), "an operator such as && or == is missing before it, or a quote is wrong"
	default:
		return fmt.Sprintf("%q cannot stand here", next), "an operator or a value is missing, or a quote is wrong"
	}
}

// tooMuch words the limits of the parser, by how it begins to say so.
var tooMuch = map[string]struct{ said, wayOut string }{
	"invalid int literal":                              {"the number has too many digits", "an int has at most 19 digits; one with a point, as in 1e20 or 5.0, is a double"},
	"invalid double literal":                           {"the number is too large for a double", "the largest is about 1.8e308"},
	"expression code point size exceeds limit: size: ": {"the rule is too long, in characters: ", `a long list goes into a file: x in file("list.txt")`},
	"expression recursion limit exceeded: ":            {"the rule nests too deeply, more than ", "name parts of it under traits:"},
}

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

func firstRune(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}

// orders are the operators that order two values.
var orders = map[string]bool{operators.Less: true, operators.LessEquals: true, operators.Greater: true, operators.GreaterEquals: true}

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
	case function == operators.In && strings.HasPrefix(signature, "(list("):
		return `write "vip" in tags; for one of several, tags.exists(t, t in ["vip", "beta"])`
	case function == operators.In && !has("list") && !has("map"):
		return `the right side of in is a list: write x in ["a", "b"], or x == "a"; x.contains("a") looks into a text`
	case function == "quantile" || function == "mean":
		return "write quantile(ltv, 0.9) or mean(ltv), of a number"
	case function == "rank" || function == "ntile" || function == "top":
		return "write rank(ltv), ntile(ltv, 5) or top(ltv, 1000), of a number, date, timestamp or duration; how many is a whole number"
	case has("list", "string") && function != operators.In:
		return `write "vip" in tags, or tags.exists(t, t.contains("vip"))`
	case strings.HasSuffix(signature, ", null)") || strings.HasPrefix(signature, "(null,"):
		return "write x == null, x != null or coalesce(x, 0)"
	case function == "coalesce" && strings.Count(signature, ",") > 1:
		return "it takes two: coalesce(a, coalesce(b, c))"
	case function == "on" && has("string"):
		return `write on(x, date("2026-11-02"))`
	case function == "on" && strings.HasSuffix(signature, ", int)"):
		return `a day is written date("2026-11-02"): on(x, date("2026-11-02"))`
	case function == operators.Modulo && has("double"):
		return "it divides whole numbers: int(x) % 2 cuts the fraction off first"
	case function == "hour" && has("timestamp", "string"):
		return `hour(x) is in the zone of timezone; x.getHours("Europe/Paris") is in another`
	case has("bytes", "string"):
		return "declare the column under snapshot.columns with as: string, or as: uuid"
	case has("date", "string"):
		return `write date("2026-11-02")`
	case (function == operators.Add || function == operators.Subtract) && (has("timestamp", "string") || has("date", "string")):
		return `write within(x, "30d"), older_than(x, "30d"), days_ago(30) or add_days(x, 30)`
	case has("timestamp", "string"):
		return `write timestamp("2026-11-02T00:00:00Z"), or date(x) < date("2026-11-02") to compare days, or older_than(x, "30d")`
	case (function == operators.Add || function == operators.Subtract) && (has("timestamp", "int") || has("date", "int")):
		return "write add_days(x, 30), add_days(x, -30) or days_ago(30)"
	case has("timestamp", "int") || has("duration", "int") || has("date", "int"):
		return `write days_since(x) > 30 to count days, or older_than(x, "30d")`
	case has("timestamp", "date"):
		return "write on(x, d) for the same day, or date(x) to compare days"
	case has("int", "double") || has("uint", "double"):
		return "write double(n)"
	case has("int", "uint"):
		return "write int(n)"
	case has("int", "string") || has("double", "string"):
		return "a text is in quotes and a number is not; string(n) and int(t) convert"
	case orders[function] && strings.HasPrefix(signature, "(bool,"):
		return "one comparison at a time: write 18 < x && x < 25"
	case has("bool", "string"):
		return "a bool is true or false, without quotes"
	case has("bool", "int"):
		return "a bool is true or false: write x or !x, not 1 or 0"
	}
	return ""
}
