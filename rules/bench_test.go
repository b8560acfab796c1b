package rules

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
	"strata/pipeline/tables"
)

// A columnMaker makes the columns of a record of users in memory, dictionaries kept.
type columnMaker struct {
	rng     *rand.Rand
	n       int
	nulls   int // percent of every column; where negative, what the nightly workload has
	columns map[string]arrow.Array
}

func newColumnMaker(n, nulls int) *columnMaker {
	return &columnMaker{rng: rand.New(rand.NewPCG(1, 2)), n: n, nulls: nulls, columns: map[string]arrow.Array{}}
}

// record makes the record and gives the columns back.
func (m *columnMaker) record(b testing.TB) arrow.Record {
	rec := record(b, m.columns)
	for _, arr := range m.columns {
		arr.Release()
	}
	return rec
}

func (m *columnMaker) add(name string, dt arrow.DataType, nulls int, one func(array.Builder)) {
	builder := array.NewBuilder(memory.DefaultAllocator, dt)
	defer builder.Release()
	if m.nulls >= 0 {
		nulls = m.nulls
	}
	for range m.n {
		if m.rng.IntN(100) < nulls {
			builder.AppendNull()
		} else {
			one(builder)
		}
	}
	m.columns[name] = builder.NewArray()
}

func (m *columnMaker) ints(name string, most, nulls int) {
	m.add(name, arrow.PrimitiveTypes.Int32, nulls, func(b array.Builder) { b.(*array.Int32Builder).Append(int32(m.rng.IntN(most))) })
}

func (m *columnMaker) doubles(name string, most float64) {
	m.add(name, arrow.PrimitiveTypes.Float64, 0, func(b array.Builder) { b.(*array.Float64Builder).Append(m.rng.Float64() * most) })
}

func (m *columnMaker) times(name string, days, nulls int) {
	m.add(name, arrow.FixedWidthTypes.Timestamp_us, nulls, func(b array.Builder) {
		b.(*array.TimestampBuilder).Append(arrow.Timestamp(nightlyNow*1e6 - m.rng.Int64N(int64(days)*86400e6)))
	})
}

func (m *columnMaker) bools(name string, percent int) {
	m.add(name, arrow.FixedWidthTypes.Boolean, 0, func(b array.Builder) { b.(*array.BooleanBuilder).Append(m.rng.IntN(100) < percent) })
}

func (m *columnMaker) texts(name string, one func() string) {
	m.add(name, arrow.BinaryTypes.String, 0, func(b array.Builder) { b.(*array.StringBuilder).Append(one()) })
}

func (m *columnMaker) coded(name string, of ...string) {
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	m.add(name, dt, 0, func(b array.Builder) { b.(*array.BinaryDictionaryBuilder).AppendString(of[m.rng.IntN(len(of))]) })
}

// nightlyRecord makes n users of the nightly workload.
func nightlyRecord(b testing.TB, n int) arrow.Record {
	m := newColumnMaker(n, -1)
	m.users()
	return m.record(b)
}

// users makes the columns of the nightly workload.
func (m *columnMaker) users() {
	m.ints("age", 77, 20)
	m.ints("orders_90d", 6, 0)
	m.ints("sessions_30d", 16, 0)
	m.ints("clicks_30d", 11, 0)
	m.doubles("ltv", 1200)
	m.doubles("revenue_90d", 500)
	m.doubles("churn_score", 1)
	m.doubles("interest_sms", 1)
	m.times("signup_at", 1500, 0)
	m.times("last_seen_at", 150, 5)
	m.times("last_order_at", 300, 55)
	m.bools("sms_opt_in", 40)
	m.bools("email_opt_in", 70)
	m.bools("push_opt_in", 50)
	m.coded("country", "US", "GB", "FR", "DE", "IN", "BR", "JP", "KR", "MX", "IT", "ES", "CA", "AU", "NL")
	m.texts("user_id", func() string {
		return fmt.Sprintf("%08x-%04x-4000-8000-%012x", m.rng.Uint32(), m.rng.IntN(1<<16), m.rng.Int64N(1<<48))
	})
	m.coded("plan", "free", "trial", "basic", "pro", "enterprise")
	m.coded("device", "ios", "android", "web", "ipad", "tv")
	m.coded("source", "organic", "ads", "referral", "email", "partner", "social")
	var versions []string
	for i := range 400 {
		versions = append(versions, fmt.Sprintf("%d.%d.%d", i/40, i/4%10, i%4))
	}
	m.coded("app_version", versions...)
	m.columns["tags"] = m.tags()
}

var someTags = []string{"vip", "beta", "newsletter", "churn-risk", "b2b", "student", "staff", "early", "gift", "webinar"}

// tags makes lists of texts, none of them null unless all columns have nulls.
func (m *columnMaker) tags() arrow.Array {
	encoded := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	lists := array.NewListBuilder(memory.DefaultAllocator, encoded)
	defer lists.Release()
	values := lists.ValueBuilder().(*array.BinaryDictionaryBuilder)
	for range m.n {
		if m.rng.IntN(100) < m.nulls {
			lists.AppendNull()
			continue
		}
		lists.Append(true)
		for range []int{0, 0, 0, 0, 0, 1, 1, 1, 2, 3}[m.rng.IntN(10)] {
			values.AppendString(someTags[m.rng.IntN(len(someTags))])
		}
	}
	return lists.NewArray()
}

const nightlyNow = 1793577600 // 2026-11-02

// nightlyPlan compiles the nightly workload's definitions: as many steps as asked, each a day after the one before.
func nightlyPlan(b testing.TB, schema *arrow.Schema, steps int) *Plan {
	config, err := configs.Load("../../shared/nightly/strata.yaml")
	if err != nil {
		b.Skip("the nightly definitions stand beside the repository, in shared/nightly: ", err)
	}
	var all []Step
	for i := range steps {
		now := time.Unix(nightlyNow, 0).UTC().AddDate(0, 0, i+1-steps)
		all = append(all, Step{Definitions: config.Definitions(), Now: now, Today: int32(now.Unix() / 86400)})
	}
	plan, err := Compile(schema, all, Options{UserID: "user_id"})
	if err != nil {
		b.Fatal(err)
	}
	return plan
}

// constantList makes the set of an opInSet.
func constantList(values []literal) *List { return &List{values: values} }

// BenchmarkNightly evaluates the 24 segments and four stages of the nightly workload, in one step or in two, and turns the
// answers into rows of bits: rows/s of one core.
func BenchmarkNightly(b *testing.B) {
	rec := nightlyRecord(b, 262144)
	for _, steps := range []int{1, 2} {
		plan := nightlyPlan(b, rec.Schema(), steps)
		for _, batch := range []int{1024, 4096, 16384, 65536} {
			b.Run(fmt.Sprintf("steps=%d/batch=%d", steps, batch), func(b *testing.B) { benchmarkEvaluator(b, plan.NewEvaluator(batch), rec) })
		}
	}
}

// BenchmarkRule evaluates one rule at a time, those that leave the fast paths.
func BenchmarkRule(b *testing.B) {
	rec := nightlyRecord(b, 131072)
	for name, rule := range map[string]string{
		"arithmetic": "ltv / 2.0 + revenue_90d >= 500.0", "columns": "sessions_30d > clicks_30d", "coalesce": "coalesce(age, 0) > 18",
		"days": "days_since(last_seen_at) > 30", "hour": `hour(last_seen_at) >= 18`, "in": "age in [18, 21, 25, 30, 40, 50, 60, 65]",
		"exists": `tags.exists(t, t.startsWith("b"))`, "count": `tags.count(t, t != "vip") >= 2`, "size": "size(tags) > 1",
		"regex": `app_version.matches("^1[.]")`, "split": `hash_split("autumn", 0.5)`, "convert": `string(orders_90d) == "3"`,
		"cond": "(sms_opt_in ? ltv : revenue_90d) > 100.0", "split text": `user_id.split("-")[1] == "4000"`, "substring": `user_id.substring(0, 2) == "ab"`, "replace": `user_id.replace("-", "") == "x"`,
		"indexOf": `user_id.indexOf("-") == 8`, "greatest": `math.greatest(ltv, revenue_90d) > 100.0`, "round": `math.round(ltv) == 12.0`, "variant": `variant("v", {"a": 50, "b": 50}) == "a"`,
		"split dictionary": `app_version.split(".")[0] == "1"`, "sum": `tags.sum(t, t.size()) > 3`, "min": `tags.min(t, t) == "beta"`, "join": `tags.join(",") == "vip"`,
		"zone": `last_seen_at.getHours("America/New_York") >= 18`, "interpreted": `strings.quote(app_version) == "1"`,
	} {
		plan, err := Compile(rec.Schema(), []Step{testStep(rule, nil)}, Options{UserID: "user_id"})
		if err != nil {
			b.Logf("%s: %v", name, err)
			continue
		}
		b.Run(name, func(b *testing.B) { benchmarkEvaluator(b, plan.NewEvaluator(0), rec) })
	}
}

// BenchmarkResolve is what diff does with the answers of 64 users: two steps of the nightly workload.
func BenchmarkResolve(b *testing.B) {
	rec := nightlyRecord(b, 65536)
	plan := nightlyPlan(b, rec.Schema(), 2)
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		b.Fatal(err)
	}
	var matrix tables.BitMatrix
	answers.Rows(&matrix)
	cuts := make([]uint64, 64*matrix.Width)
	var resolved Resolved
	for b.Loop() {
		for first := 0; first < 65536; first += 64 {
			TransposeRows(&matrix, first, cuts)
			plan.Resolve(0, cuts, &resolved)
			plan.Resolve(1, cuts, &resolved)
		}
	}
	b.ReportMetric(65536*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

func BenchmarkTranspose64(b *testing.B) {
	var m [64]uint64
	for b.Loop() {
		Transpose64(&m)
	}
}

// benchmarkEvaluator evaluates a record again and again, and reports rows/s of the clock on the wall and nanoseconds of CPU
// time a row.
func benchmarkEvaluator(b *testing.B, e *Evaluator, rec arrow.Record) {
	b.ReportAllocs()
	var matrix tables.BitMatrix
	spent := cpu(func() {
		for b.Loop() {
			answers, err := e.EvalRecord(rec)
			if err != nil {
				b.Fatal(err)
			}
			if e.width > 2 {
				answers.Rows(&matrix)
			}
		}
	})
	rows := float64(rec.NumRows()) * float64(b.N)
	b.ReportMetric(rows/b.Elapsed().Seconds()/1e6, "Mrows/s")
	b.ReportMetric(float64(spent.Nanoseconds())/rows, "cpu-ns/row")
}

// BenchmarkLess is column < constant over 65536 rows.
func BenchmarkLess(b *testing.B) {
	for _, shape := range []string{"int8", "int32", "int64", "float32", "float64", "ts_us", "dict32", "string", "decimal"} {
		for _, nulls := range []int{0, 10} {
			b.Run(fmt.Sprintf("type=%s/nulls=%d", shape, nulls), func(b *testing.B) {
				s := newSampler(b, 1, nulls)
				column := s.column(shape, 65536)
				var g graphBuilder
				grower := &grower{sampler: s, columns: map[string]valueType{"c": column.typ}}
				grower.cut(grower.boolOp(opLt, grower.graphBuilder.column("c", column.typ.kind), grower.constant(column.typ.kind)))
				g = grower.graphBuilder
				rec := record(b, map[string]arrow.Array{"c": column.arr})
				benchmarkEvaluator(b, newEvaluator(g.executable(), 0), rec)
			})
		}
	}
}
