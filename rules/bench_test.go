package rules

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/tables"
)

// nightlyRecord makes n users of the nightly workload in memory, dictionaries kept.
func nightlyRecord(b testing.TB, n int) arrow.Record {
	rng := rand.New(rand.NewPCG(1, 2))
	columns := map[string]arrow.Array{}
	add := func(name string, dt arrow.DataType, nulls int, one func(array.Builder)) {
		builder := array.NewBuilder(memory.DefaultAllocator, dt)
		defer builder.Release()
		for range n {
			if rng.IntN(100) < nulls {
				builder.AppendNull()
			} else {
				one(builder)
			}
		}
		columns[name] = builder.NewArray()
	}
	ints := func(name string, most, nulls int) {
		add(name, arrow.PrimitiveTypes.Int32, nulls, func(b array.Builder) { b.(*array.Int32Builder).Append(int32(rng.IntN(most))) })
	}
	doubles := func(name string, most float64) {
		add(name, arrow.PrimitiveTypes.Float64, 0, func(b array.Builder) { b.(*array.Float64Builder).Append(rng.Float64() * most) })
	}
	times := func(name string, days, nulls int) {
		add(name, arrow.FixedWidthTypes.Timestamp_us, nulls, func(b array.Builder) {
			b.(*array.TimestampBuilder).Append(arrow.Timestamp(nightlyNow*1e6 - rng.Int64N(int64(days)*86400e6)))
		})
	}
	bools := func(name string, percent int) {
		add(name, arrow.FixedWidthTypes.Boolean, 0, func(b array.Builder) { b.(*array.BooleanBuilder).Append(rng.IntN(100) < percent) })
	}
	encoded := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	texts := func(name string, of ...string) {
		add(name, encoded, 0, func(b array.Builder) { b.(*array.BinaryDictionaryBuilder).AppendString(of[rng.IntN(len(of))]) })
	}
	ints("age", 77, 20)
	ints("orders_90d", 6, 0)
	ints("sessions_30d", 16, 0)
	ints("clicks_30d", 11, 0)
	doubles("ltv", 1200)
	doubles("revenue_90d", 500)
	doubles("churn_score", 1)
	doubles("interest_sms", 1)
	times("signup_at", 1500, 0)
	times("last_seen_at", 150, 5)
	times("last_order_at", 300, 55)
	bools("sms_opt_in", 40)
	bools("email_opt_in", 70)
	bools("push_opt_in", 50)
	texts("country", "US", "GB", "FR", "DE", "IN", "BR", "JP", "KR", "MX", "IT", "ES", "CA", "AU", "NL")
	texts("plan", "free", "trial", "basic", "pro", "enterprise")
	texts("device", "ios", "android", "web", "ipad", "tv")
	texts("source", "organic", "ads", "referral", "email", "partner", "social")
	var versions []string
	for i := range 400 {
		versions = append(versions, fmt.Sprintf("%d.%d.%d", i/40, i/4%10, i%4))
	}
	texts("app_version", versions...)
	columns["tags"] = nightlyTags(rng, n)
	rec := record(b, columns)
	for _, arr := range columns {
		arr.Release()
	}
	return rec
}

func nightlyTags(rng *rand.Rand, n int) arrow.Array {
	tags := []string{"vip", "beta", "newsletter", "churn-risk", "b2b", "student", "staff", "early", "gift", "webinar"}
	encoded := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	values := array.NewBuilder(memory.DefaultAllocator, encoded).(*array.BinaryDictionaryBuilder)
	offsets := array.NewInt32Builder(memory.DefaultAllocator)
	offsets.Append(0)
	for range n {
		for range []int{0, 0, 0, 0, 0, 1, 1, 1, 2, 3}[rng.IntN(10)] {
			values.AppendString(tags[rng.IntN(len(tags))])
		}
		offsets.Append(int32(values.Len()))
	}
	child, starts := values.NewArray(), offsets.NewArray()
	data := array.NewData(arrow.ListOf(encoded), n, []*memory.Buffer{nil, starts.Data().Buffers()[1]}, []arrow.ArrayData{child.Data()}, 0, 0)
	return array.NewListData(data)
}

const nightlyNow = 1793577600 // 2026-11-02

// nightlyGraph is the 24 segments and the four stages of the nightly workload, as the compiler lowers them.
func nightlyGraph() *executable {
	var b graphBuilder
	column := func(name string, k kind) nodeID { return b.shared(node{op: opColumn, typ: scalarKind(k), name: name}) }
	less := func(x, y nodeID) nodeID {
		return b.shared(node{op: opLt, typ: scalarKind(kindBool), args: []nodeID{x, y}})
	}
	more := func(name string, than int64) nodeID {
		return less(b.shared(node{op: opConst, typ: scalarKind(kindInt), lit: literal{Int: than}}), column(name, kindInt))
	}
	above := func(name string, than float64) nodeID {
		return less(b.shared(node{op: opConst, typ: scalarKind(kindDouble), lit: literal{Double: than}}), column(name, kindDouble))
	}
	is := func(name, text string) nodeID {
		lit := b.shared(node{op: opConst, typ: scalarKind(kindString), lit: literal{String: text}})
		return b.shared(node{op: opEq, typ: scalarKind(kindBool), args: []nodeID{column(name, kindString), lit}})
	}
	in := func(name string, texts ...string) nodeID {
		var values []literal
		for _, text := range texts {
			values = append(values, literal{String: text})
		}
		return b.shared(node{op: opInSet, typ: scalarKind(kindBool), args: []nodeID{column(name, kindString)}, set: constantList(values)})
	}
	older := func(name string, days int64) nodeID {
		lit := b.shared(node{op: opConst, typ: scalarKind(kindTimestamp), lit: literal{Sec: nightlyNow - days*86400}})
		return less(column(name, kindTimestamp), lit)
	}
	and := func(args ...nodeID) nodeID { return b.shared(node{op: opAnd, typ: scalarKind(kindBool), args: args}) }
	or := func(args ...nodeID) nodeID { return b.shared(node{op: opOr, typ: scalarKind(kindBool), args: args}) }
	not := func(arg nodeID) nodeID {
		return b.shared(node{op: opNot, typ: scalarKind(kindBool), args: []nodeID{arg}})
	}
	within := func(name string, days int64) nodeID {
		now := b.shared(node{op: opConst, typ: scalarKind(kindTimestamp), lit: literal{Sec: nightlyNow}})
		future := b.shared(node{op: opLe, typ: scalarKind(kindBool), args: []nodeID{column(name, kindTimestamp), now}})
		return and(not(older(name, days)), future)
	}
	yes := func(name string) nodeID { return column(name, kindBool) }
	tag := func(text string) nodeID {
		elem := scalarKind(kindString)
		list := b.shared(node{op: opColumn, typ: valueType{kind: kindList, elem: &elem}, name: "tags"})
		return b.boolOp(opInList, b.shared(node{op: opConst, typ: elem, lit: literal{String: text}}), list)
	}
	paid := in("plan", "basic", "pro", "enterprise")
	two := b.shared(node{op: opConst, typ: scalarKind(kindString), lit: literal{String: "1."}})
	for _, cut := range []nodeID{
		and(is("country", "FR"), more("age", 17)), and(is("country", "US"), not(more("age", 24))), above("ltv", 800), above("revenue_90d", 250),
		more("orders_90d", 3), and(yes("sms_opt_in"), in("country", "US", "GB", "CA")), yes("email_opt_in"),
		and(yes("push_opt_in"), is("device", "ios")), older("last_seen_at", 60), within("last_seen_at", 7), within("last_seen_at", 30),
		within("last_order_at", 30), older("last_order_at", 180), b.boolOp(opIsNull, column("last_order_at", kindTimestamp)),
		within("signup_at", 30), and(above("churn_score", .8), paid), and(above("interest_sms", .7), yes("sms_opt_in")), tag("vip"),
		and(tag("beta"), is("device", "android")), paid, or(more("sessions_30d", 12), more("clicks_30d", 9)),
		and(b.boolOp(opStartsWith, column("app_version", kindString), two), in("device", "ios", "android")),
		and(in("source", "referral", "partner"), more("orders_90d", 0)), and(older("last_seen_at", 60), above("ltv", 800)),
		and(paid, older("last_seen_at", 90)), or(paid, more("orders_90d", 0)), or(more("clicks_30d", 3), above("interest_sms", .7)),
	} {
		b.cut(cut)
	}
	return b.executable()
}

// shared adds a node unless an equal one is there.
func (b *graphBuilder) shared(nd node) nodeID {
	if nd.op != opInSet {
		text := fmt.Sprint(nd.op, nd.typ.kind, nd.args, nd.lit, nd.name)
		for id, other := range b.nodes {
			if other.op != opInSet && fmt.Sprint(other.op, other.typ.kind, other.args, other.lit, other.name) == text {
				return nodeID(id)
			}
		}
	}
	return b.add(nd)
}

// constantList makes the set of an opInSet.
func constantList(values []literal) *List { return &List{values: values} }

// BenchmarkNightlyGraph evaluates the 24 rules and four stages and turns the answers into rows of bits: rows/s of one core.
func BenchmarkNightlyGraph(b *testing.B) {
	rec := nightlyRecord(b, 262144)
	for _, batch := range []int{1024, 4096, 16384, 65536} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) { benchmarkEvaluator(b, newEvaluator(nightlyGraph(), batch, nil), rec) })
	}
}

func BenchmarkTranspose64(b *testing.B) {
	var m [64]uint64
	for b.Loop() {
		Transpose64(&m)
	}
}

func benchmarkEvaluator(b *testing.B, e *Evaluator, rec arrow.Record) {
	b.ReportAllocs()
	var matrix tables.BitMatrix
	for b.Loop() {
		answers, err := e.EvalRecord(rec)
		if err != nil {
			b.Fatal(err)
		}
		answers.Rows(&matrix)
	}
	b.ReportMetric(float64(rec.NumRows())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
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
				benchmarkEvaluator(b, newEvaluator(g.executable(), 0, nil), rec)
			})
		}
	}
}
