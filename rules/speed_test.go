package rules

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
	"strata/pipeline/tables"
)

// The rules are measured beside cel-go's interpreter, in one run: RULES.md section 4. Times are CPU time of the process,
// garbage collection included, because a machine that does other work stretches the clock on the wall.

// typicalRules are ten rules as people write them. Where cel-go needs another spelling, cel has it.
var typicalRules = []struct{ rule, cel string }{
	{rule: `ltv > 800.0`},
	{rule: `18 <= age && age < 25`},
	{rule: `country in ["US", "GB", "CA", "FR", "DE"]`},
	{rule: `plan in ["basic", "pro"] && orders_90d > 0 || revenue_90d > 250.0`},
	{rule: `app_version.startsWith("1.") && device == "ios"`},
	{rule: `within(last_seen_at, "30d")`, cel: `last_seen_at >= timestamp("2026-10-03T00:00:00Z") && last_seen_at <= timestamp("2026-11-02T00:00:00Z")`},
	{rule: `older_than(last_order_at, "180d") && sms_opt_in`, cel: `last_order_at < timestamp("2026-05-06T00:00:00Z") && sms_opt_in`},
	{rule: `tags.exists(t, t == "vip")`},
	{rule: `email.endsWith("@example.com") && sessions_30d >= 4`},
	{rule: regexRule},
}

const regexRule = `email.matches("^[a-z]+[0-9]{2,4}@(mail|post)[.]example[.](com|org)$")`

// typicalRecord makes n users, each value null in 10 of 100. Emails are too many for a dictionary.
func typicalRecord(b testing.TB, n int) arrow.Record {
	m := newColumnMaker(n, 10)
	m.users()
	names := []string{"ann", "bert", "carla", "dimitri", "emma-lou", "f.x"}
	m.texts("email", func() string {
		host := []string{"example.com", "mail.example.com", "post.example.org", "example.net"}[m.rng.IntN(4)]
		return fmt.Sprintf("%s%d@%s", names[m.rng.IntN(len(names))], m.rng.IntN(20_000), host)
	})
	return m.record(b)
}

// typicalPlan compiles some of the typical rules, each a segment.
func typicalPlan(b testing.TB, schema *arrow.Schema, rules []string) *Plan {
	return planWith(b, schema, rules, Options{UserID: "user_id"})
}

func planWith(b testing.TB, schema *arrow.Schema, rules []string, opts Options) *Plan {
	d := &configs.Definitions{Timezone: "UTC", UserID: "user_id"}
	for i, rule := range rules {
		d.Segments = append(d.Segments, configs.Segment{Name: fmt.Sprintf("s%d", i), When: configs.NewExpr(rule)})
	}
	step := Step{Definitions: d, Now: time.Unix(nightlyNow, 0).UTC(), Today: nightlyNow / 86400}
	plan, err := Compile(schema, []Step{step}, opts)
	if err != nil {
		b.Fatal(err)
	}
	return plan
}

// A typicalRow is one user as a program without columns would hold it. It binds the names of the typical rules.
type typicalRow struct {
	age, orders, sessions              int64
	ltv, revenue                       float64
	lastSeen, lastOrder                time.Time
	smsOptIn                           bool
	country, plan, device, app, email  string
	tags                               []string
	nullAge, nullOrders, nullSessions  bool
	nullLTV, nullRevenue, nullLastSeen bool
	nullLastOrder, nullSMS             bool
	nullCountry, nullPlan, nullDevice  bool
	nullApp, nullEmail, nullTags       bool
}

// ResolveName finds a value; a null is unknown.
func (r *typicalRow) ResolveName(name string) (any, bool) {
	var value any
	null := false
	switch name {
	case "age":
		value, null = r.age, r.nullAge
	case "orders_90d":
		value, null = r.orders, r.nullOrders
	case "sessions_30d":
		value, null = r.sessions, r.nullSessions
	case "ltv":
		value, null = r.ltv, r.nullLTV
	case "revenue_90d":
		value, null = r.revenue, r.nullRevenue
	case "last_seen_at":
		value, null = r.lastSeen, r.nullLastSeen
	case "last_order_at":
		value, null = r.lastOrder, r.nullLastOrder
	case "sms_opt_in":
		value, null = r.smsOptIn, r.nullSMS
	case "country":
		value, null = r.country, r.nullCountry
	case "plan":
		value, null = r.plan, r.nullPlan
	case "device":
		value, null = r.device, r.nullDevice
	case "app_version":
		value, null = r.app, r.nullApp
	case "email":
		value, null = r.email, r.nullEmail
	case "tags":
		value, null = r.tags, r.nullTags
	default:
		return nil, false
	}
	if null {
		return unknown, true
	}
	return value, true
}

// Parent says that there is no other binding.
func (r *typicalRow) Parent() cel.Activation { return nil }

// typicalRows reads the first n rows of a record.
func typicalRows(rec arrow.Record, n int) []typicalRow {
	rows := make([]typicalRow, n)
	for c, f := range rec.Schema().Fields() {
		arr := rec.Column(c)
		for i := range rows {
			rows[i].fill(f.Name, arr, i)
		}
	}
	return rows
}

func (r *typicalRow) fill(name string, arr arrow.Array, i int) {
	null := arr.IsNull(i)
	text := func() string {
		if null {
			return ""
		}
		return arr.ValueStr(i)
	}
	switch name {
	case "age":
		r.age, r.nullAge = int64(arr.(*array.Int32).Value(i)), null
	case "orders_90d":
		r.orders, r.nullOrders = int64(arr.(*array.Int32).Value(i)), null
	case "sessions_30d":
		r.sessions, r.nullSessions = int64(arr.(*array.Int32).Value(i)), null
	case "ltv":
		r.ltv, r.nullLTV = arr.(*array.Float64).Value(i), null
	case "revenue_90d":
		r.revenue, r.nullRevenue = arr.(*array.Float64).Value(i), null
	case "last_seen_at":
		r.lastSeen, r.nullLastSeen = time.UnixMicro(int64(arr.(*array.Timestamp).Value(i))).UTC(), null
	case "last_order_at":
		r.lastOrder, r.nullLastOrder = time.UnixMicro(int64(arr.(*array.Timestamp).Value(i))).UTC(), null
	case "sms_opt_in":
		r.smsOptIn, r.nullSMS = arr.(*array.Boolean).Value(i), null
	case "country":
		r.country, r.nullCountry = text(), null
	case "plan":
		r.plan, r.nullPlan = text(), null
	case "device":
		r.device, r.nullDevice = text(), null
	case "app_version":
		r.app, r.nullApp = text(), null
	case "email":
		r.email, r.nullEmail = text(), null
	case "tags":
		lists := arr.(*array.List)
		start, end := lists.ValueOffsets(i)
		for j := start; j < end; j++ {
			r.tags = append(r.tags, lists.ListValues().ValueStr(int(j)))
		}
		r.nullTags = null
	}
}

// typicalPrograms plans rules for cel-go as well as it can: constants folded, sets and patterns made once.
func typicalPrograms(b testing.TB, rules []string) []cel.Program {
	env, err := cel.NewEnv(
		cel.Variable("age", cel.IntType), cel.Variable("orders_90d", cel.IntType), cel.Variable("sessions_30d", cel.IntType),
		cel.Variable("ltv", cel.DoubleType), cel.Variable("revenue_90d", cel.DoubleType), cel.Variable("sms_opt_in", cel.BoolType),
		cel.Variable("last_seen_at", cel.TimestampType), cel.Variable("last_order_at", cel.TimestampType),
		cel.Variable("country", cel.StringType), cel.Variable("plan", cel.StringType), cel.Variable("device", cel.StringType),
		cel.Variable("app_version", cel.StringType), cel.Variable("email", cel.StringType), cel.Variable("tags", cel.ListType(cel.StringType)),
	)
	if err != nil {
		b.Fatal(err)
	}
	folding, err := cel.NewConstantFoldingOptimizer()
	if err != nil {
		b.Fatal(err)
	}
	optimizer, err := cel.NewStaticOptimizer(folding)
	if err != nil {
		b.Fatal(err)
	}
	var out []cel.Program
	for _, rule := range rules {
		checked, issues := env.Compile(rule)
		if issues.Err() != nil {
			b.Fatal(issues.Err())
		}
		folded, issues := optimizer.Optimize(env, checked)
		if issues.Err() != nil {
			b.Fatal(issues.Err())
		}
		program, err := env.Program(folded, cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, program)
	}
	return out
}

// typicalTexts are the rules as we spell them and as cel-go does.
func typicalTexts(regex bool) (ours, theirs []string) {
	for _, r := range typicalRules {
		if r.rule == regexRule && !regex {
			continue
		}
		ours = append(ours, r.rule)
		if r.cel == "" {
			r.cel = r.rule
		}
		theirs = append(theirs, r.cel)
	}
	return ours, theirs
}

// TestTypicalRules: what is measured is equal.
func TestTypicalRules(t *testing.T) {
	const n = 2000
	rec := typicalRecord(t, n)
	ours, theirs := typicalTexts(true)
	plan := typicalPlan(t, rec.Schema(), ours)
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	rows := typicalRows(rec, n)
	for i, program := range typicalPrograms(t, theirs) {
		var want strings.Builder
		for row := range rows {
			value, _, _ := program.Eval(&rows[row])
			switch {
			case types.IsUnknown(value):
				want.WriteByte('U')
			case value == types.True:
				want.WriteByte('T')
			case value == types.False:
				want.WriteByte('F')
			default:
				want.WriteByte('E')
			}
		}
		got := answers.Cut(plan.Segments(0)[i].When).String()
		if got != want.String() {
			t.Errorf("%s\n got %.100s\nwant %.100s", ours[i], got, want.String())
		}
		if strings.Count(got, "T") < n/100 || strings.Count(got, "F") < n/100 || strings.Count(got, "U") < n/100 {
			t.Errorf("%s: true, false and unknown are not all among the answers", ours[i])
		}
	}
}

// cpu is how much CPU time the process took for a function.
func cpu(work func()) time.Duration {
	now := func() time.Duration {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			panic(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	before := now()
	work()
	return now() - before
}

// BenchmarkBesideCEL evaluates the typical rules, without and with the regular expression, and so does cel-go, for about as
// long. Before each the garbage of the other is collected. It ends with the answers: x-cel-rows counts in what it takes to make
// rows of bits of them, as the job does.
func BenchmarkBesideCEL(b *testing.B) {
	const few, often = 16384, 16
	rec := typicalRecord(b, 65536)
	rows := typicalRows(rec, few)
	for _, regex := range []bool{false, true} {
		b.Run(fmt.Sprintf("regex=%v", regex), func(b *testing.B) {
			texts, others := typicalTexts(regex)
			e, programs := typicalPlan(b, rec.Schema(), texts).NewEvaluator(0), typicalPrograms(b, others)
			var ours, rowsOfBits, theirs time.Duration
			var matrix tables.BitMatrix
			for b.Loop() {
				runtime.GC()
				ours += cpu(func() {
					for range often {
						if _, err := e.EvalRecord(rec); err != nil {
							b.Fatal(err)
						}
					}
				})
				rowsOfBits += cpu(func() {
					for range often {
						e.answers.Rows(&matrix)
					}
				})
				runtime.GC()
				theirs += cpu(func() {
					for i := range rows {
						for _, program := range programs {
							_, _, _ = program.Eval(&rows[i])
						}
					}
				})
			}
			our := often * float64(rec.NumRows()) * float64(b.N) / ours.Seconds()
			their := few * float64(b.N) / theirs.Seconds()
			b.ReportMetric(our/1e6, "Mrows/s")
			b.ReportMetric(their/1e6, "cel-Mrows/s")
			b.ReportMetric(our/their, "x-cel")
			b.ReportMetric(our/their*ours.Seconds()/(ours+rowsOfBits).Seconds(), "x-cel-rows")
		})
	}
}

// evaluate answers a record and makes the rows of bits.
func evaluate(b *testing.B, e *Evaluator, rec arrow.Record, matrix *tables.BitMatrix) {
	answers, err := e.EvalRecord(rec)
	if err != nil {
		b.Fatal(err)
	}
	answers.Rows(matrix)
}

// manyRules makes n rules of the shapes of the nightly workload over its columns, each with constants of its own.
func manyRules(n int) (rules []string) {
	countries := []string{"US", "GB", "FR", "DE", "IN", "BR", "JP", "KR", "MX", "IT", "ES", "CA", "AU", "NL"}
	plans, devices := []string{"free", "trial", "basic", "pro", "enterprise"}, []string{"ios", "android", "web", "ipad", "tv"}
	sources := []string{"organic", "ads", "referral", "email", "partner", "social"}
	pick := func(of []string, i int) string { return of[i%len(of)] }
	for i := 0; len(rules) < n; i++ {
		rules = append(rules,
			fmt.Sprintf(`country == %q && age >= %d`, pick(countries, i), 18+i),
			fmt.Sprintf(`country == %q && age < %d`, pick(countries, i+1), 25+i),
			fmt.Sprintf(`ltv > %d`, 800-20*i),
			fmt.Sprintf(`revenue_90d > %d`, 250-10*i),
			fmt.Sprintf(`orders_90d >= %d`, 1+i%5),
			fmt.Sprintf(`sms_opt_in && country in [%q, %q, %q]`, pick(countries, i), pick(countries, i+1), pick(countries, i+11)),
			fmt.Sprintf(`email_opt_in && plan == %q`, pick(plans, i)),
			fmt.Sprintf(`push_opt_in && device == %q`, pick(devices, i)),
			fmt.Sprintf(`older_than(last_seen_at, "%dd")`, 60+i),
			fmt.Sprintf(`within(last_seen_at, "%dd")`, 7+i),
			fmt.Sprintf(`within(last_seen_at, "%dd") && plan != %q`, 30+i, pick(plans, i)),
			fmt.Sprintf(`within(last_order_at, "%dd")`, 30+i),
			fmt.Sprintf(`older_than(last_order_at, "%dd")`, 180+i),
			fmt.Sprintf(`last_order_at == null && sessions_30d > %d`, i%14),
			fmt.Sprintf(`within(signup_at, "%dd")`, 30+10*i),
			fmt.Sprintf(`churn_score > 0.%02d && plan in ["basic", "pro", "enterprise"]`, 80-2*i%60),
			fmt.Sprintf(`interest_sms > 0.%02d && sms_opt_in`, 70-2*i%60),
			fmt.Sprintf(`%q in tags`, pick(someTags, i)),
			fmt.Sprintf(`%q in tags && device == %q`, pick(someTags, i+1), pick(devices, i+1)),
			fmt.Sprintf(`plan in [%q, %q]`, pick(plans, i), pick(plans, i+1)),
			fmt.Sprintf(`sessions_30d > %d || clicks_30d > %d`, 12-i%12, 9-i%9),
			fmt.Sprintf(`app_version.startsWith("%d.") && device in ["ios", "android"]`, i%10),
			fmt.Sprintf(`source in [%q, %q] && orders_90d > %d`, pick(sources, i), pick(sources, i+2), i%4),
			fmt.Sprintf(`older_than(last_seen_at, "%dd") && ltv > %d`, 60+i, 800-20*i),
		)
	}
	return rules[:n]
}

// BenchmarkManyRules evaluates 24 rules and 300 rules on the same columns, in turn.
func BenchmarkManyRules(b *testing.B) {
	rec := nightlyRecord(b, 65536)
	few, many := typicalPlan(b, rec.Schema(), manyRules(24)).NewEvaluator(0), typicalPlan(b, rec.Schema(), manyRules(300)).NewEvaluator(0)
	var short, long time.Duration
	var matrix tables.BitMatrix
	for b.Loop() {
		short += cpu(func() { evaluate(b, few, rec, &matrix) })
		long += cpu(func() { evaluate(b, many, rec, &matrix) })
	}
	perSecond := func(d time.Duration) float64 { return float64(rec.NumRows()) * float64(b.N) / d.Seconds() / 1e6 }
	b.ReportMetric(perSecond(short), "Mrows/s-24")
	b.ReportMetric(perSecond(long), "Mrows/s-300")
	b.ReportMetric(long.Seconds()/short.Seconds(), "x-of-24")
}

// BenchmarkTypicalRule evaluates the typical rules one at a time.
func BenchmarkTypicalRule(b *testing.B) {
	rec := typicalRecord(b, 32768)
	texts, _ := typicalTexts(true)
	for _, text := range texts {
		b.Run(text, func(b *testing.B) {
			benchmarkEvaluator(b, typicalPlan(b, rec.Schema(), []string{text}).NewEvaluator(0), rec)
		})
	}
}
