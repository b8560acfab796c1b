package rules

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"strata/configs"
)

// validate reports what types do not tell: literals that a function will never take.
func (s *frontend) validate(u *unit) {
	tested := map[int64]bool{} // the ids of what a null test looks at
	ast.PreOrderVisit(u.native().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind {
			s.validateCall(u, e.AsCall())
			s.survey(u, e)
			if nullAware[e.AsCall().FunctionName()] {
				tested[e.AsCall().Args()[0].ID()] = true
			}
		}
		if isNullLiteral(e) && !tested[e.ID()] {
			u.fault(e.ID(), "write x == null, x != null or coalesce(x, 0)", "null is only compared, with == and !=")
		}
		if e.Kind() == ast.ComprehensionKind {
			s.surveyedElements(u, e.AsComprehension())
		}
	}))
}

func (s *frontend) validateCall(u *unit, c ast.CallExpr) {
	args := c.Args()
	switch c.FunctionName() {
	case "matches":
		s.literalOnly(u, args[len(args)-1], false, patternFault)
	case "like":
		s.literalOnly(u, args[0], false, func(text string) (fault, hint string) { _, err := likePattern(text); return message(err), "" })
	case "within", "older_than":
		s.period(u, c)
	case "date":
		if len(args) == 2 {
			s.literalOnly(u, args[1], false, zoneFault)
		} else {
			s.literalOnly(u, args[0], false, dateFault)
		}
	case "timestamp":
		s.literalOnly(u, args[0], false, instantFault)
	case "duration":
		s.literalOnly(u, args[0], false, durationFault)
	case "hash_split", "bucket", "variant":
		s.split(u, c)
	case "empty", "nonempty":
		if t := u.native().GetType(args[0].ID()); t.Kind() != types.StringKind && t.Kind() != types.ListKind && t.Kind() != types.DynKind {
			u.fault(args[0].ID(), "write x == null", "%s is a text's or a list's, and this is %s", c.FunctionName(), article(cel.FormatCELType(t)))
		}
	}
	if accessors[c.FunctionName()] && len(args) == 1 {
		s.literalOnly(u, args[0], false, zoneFault)
	}
}

// accessors are CEL's parts of a timestamp, which may take a zone.
var accessors = map[string]bool{
	"getFullYear": true, "getMonth": true, "getDayOfMonth": true, "getDate": true, "getDayOfYear": true, "getDayOfWeek": true,
	"getHours": true, "getMinutes": true, "getSeconds": true, "getMilliseconds": true,
}

// literalOnly checks a text literal; another expression is a fault only where a literal is required. check says what is wrong,
// and the way out.
func (s *frontend) literalOnly(u *unit, e ast.Expr, required bool, check func(text string) (fault, hint string)) {
	text, ok := textLiteral(e)
	if !ok {
		if required {
			u.fault(e.ID(), "", "this must be a text in quotes")
		}
		return
	}
	if fault, hint := check(text); fault != "" {
		u.fault(e.ID(), hint, "%s", fault)
	}
}

// message is an error's; empty without one.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func patternFault(text string) (fault, hint string) {
	_, err := regexp.Compile(text)
	if detail, ok := errors.AsType[*syntax.Error](err); ok {
		return fmt.Sprintf("%q is not a pattern: %s", text, detail.Code), `a pattern is a regular expression of RE2; x.contains("a") and x.like("a%") look for plain text`
	}
	return message(err), ""
}

func zoneFault(text string) (fault, hint string) {
	_, err := loadZone(text)
	if err == nil {
		return "", ""
	}
	return message(err), configs.ZoneHint(text)
}

// otherDate finds a day in another order than year, month, day.
var otherDate = regexp.MustCompile(`^(\d{1,2})[./-](\d{1,2})[./-](\d{4})$`)

func dateFault(text string) (fault, hint string) {
	err, failed := dateOfText(nil, []ref.Val{types.String(text)}).(*types.Err)
	if !failed {
		return "", ""
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil && strings.Contains(err.Error(), "day out of range") {
		month, _ := time.Parse("2006-01", text[:7])
		return fmt.Sprintf("there is no day %s", text), fmt.Sprintf("%s has %d days", month.Format("January 2006"), month.AddDate(0, 1, -1).Day())
	}
	if otherDate.MatchString(text) {
		return err.Unwrap().Error(), "write the year, the month and the day, in this order"
	}
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return fmt.Sprintf("%q is an instant, not a date", text), fmt.Sprintf("write date(%q), or timestamp(%q)", text[:10], text)
	}
	return err.Unwrap().Error(), ""
}

func instantFault(text string) (fault, hint string) {
	if !types.IsError(types.String(text).ConvertToType(types.TimestampType)) {
		return "", ""
	}
	fault = fmt.Sprintf(`%q is not an instant such as "2026-11-02T09:30:00Z"`, text)
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return fault, fmt.Sprintf(`write timestamp("%sT00:00:00Z"), or date(%q) to compare days`, text, text)
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return fault, fmt.Sprintf(`write timestamp("%sZ") for UTC, or with an offset as in "%s+01:00"`, t.Format("2006-01-02T15:04:05"), t.Format("2006-01-02T15:04:05"))
		}
	}
	return fault, ""
}

func durationFault(text string) (fault, hint string) {
	if !types.IsError(types.String(text).ConvertToType(types.DurationType)) {
		return "", ""
	}
	fault = fmt.Sprintf(`%q is not a duration such as "720h" or "90m"`, text)
	return fault, `within(x, "30d") and older_than(x, "30d") take days, weeks, months and years`
}

// period checks the period of within and older_than.
func (s *frontend) period(u *unit, c ast.CallExpr) {
	of := u.native().GetType(c.Args()[0].ID())
	s.literalOnly(u, c.Args()[1], true, func(text string) (fault, hint string) {
		p, err := parsePeriod(text)
		if err == nil && p.hours != 0 && of.TypeName() == dateType.TypeName() {
			return "a date has no hours", "write days"
		}
		return message(err), periodHint(text)
	})
}

// otherPeriod finds a period in words, or as other tools write it.
var otherPeriod = regexp.MustCompile(`(?i)^\s*[-+]?p?t?\s*(\d+)\s*-?(h|hours?|d|days?|w|weeks?|m|mo|months?|y|yrs?|years?)(\s+ago)?\s*$`)

// periodHint spells a period as rules do.
func periodHint(text string) string {
	m := otherPeriod.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	unit := strings.ToLower(m[2])
	if strings.HasPrefix(unit, "m") {
		if unit == "m" {
			return fmt.Sprintf(`m could be months or minutes: write "%smo" for months; a period has no minutes`, m[1])
		}
		return fmt.Sprintf(`write "%smo"`, m[1])
	}
	return fmt.Sprintf(`write "%s%s"`, m[1], unit[:1])
}

// split checks the constants of hash_split, bucket and variant.
func (s *frontend) split(u *unit, c ast.CallExpr) {
	salt, size := c.Args()[0], c.Args()[1]
	if _, ok := textLiteral(salt); !ok {
		u.fault(salt.ID(), splitSpelling[c.FunctionName()]+" to split by another key than the user id", "the salt must be a text in quotes")
	}
	if c.FunctionName() == "variant" {
		s.weights(u, size)
		return
	}
	if size.Kind() != ast.LiteralKind {
		u.fault(size.ID(), "", "this must be a number, not an expression")
		return
	}
	switch v := size.AsLiteral().(type) {
	case types.Double:
		if !(0 <= v && v <= 1) {
			u.fault(size.ID(), "", "the fraction must be between 0 and 1")
		}
	case types.Int:
		if v < 1 {
			u.fault(size.ID(), "", "there must be at least one bucket")
		}
	}
}

// splitSpelling is how the splits are written.
var splitSpelling = map[string]string{
	"hash_split": `write hash_split("salt", 0.5), or hash_split("salt", 0.5, key)`,
	"bucket":     `write bucket("salt", 10), or bucket("salt", 10, key)`,
	"variant":    `write variant("salt", {"A": 50, "B": 50}), or variant("salt", {"A": 50, "B": 50}, key)`,
}

// weights checks the variants and what they weigh.
func (s *frontend) weights(u *unit, e ast.Expr) {
	if e.Kind() != ast.MapKind {
		u.fault(e.ID(), splitSpelling["variant"], "the variants and their weights must be written out")
		return
	}
	names, total, broken := map[string]bool{}, 0.0, false
	for _, entry := range e.AsMap().Entries() {
		key, value := entry.AsMapEntry().Key(), entry.AsMapEntry().Value()
		name, ok := textLiteral(key)
		switch {
		case !ok || name == "":
			u.fault(key.ID(), "", "the name of a variant is a text in quotes")
		case names[name]:
			u.fault(key.ID(), "", "there are two variants %q", name)
		}
		names[name] = true
		weight, ok := types.Double(-1), false
		if value.Kind() == ast.LiteralKind {
			weight, ok = value.AsLiteral().(types.Double)
		}
		if !ok || !(weight >= 0) || math.IsInf(float64(weight), 0) {
			u.fault(value.ID(), "", "the weight of a variant is a number, 0 or more")
			broken = true
		}
		total += float64(weight)
	}
	if total == 0 && !broken {
		u.fault(e.ID(), splitSpelling["variant"], "no variant has a weight")
	}
}
