package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/uuid"
)

// build makes a column with a builder's Append and AppendNull.
func build[B array.Builder](t testing.TB, dt arrow.DataType, fill func(b B)) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	defer b.Release()
	fill(b.(B))
	arr := b.NewArray()
	t.Cleanup(arr.Release)
	return arr
}

func texts(t testing.TB, values ...any) arrow.Array {
	return build(t, arrow.BinaryTypes.String, func(b *array.StringBuilder) {
		for _, v := range values {
			if text, is := v.(string); is {
				b.Append(text)
			} else {
				b.AppendNull()
			}
		}
	})
}

// answer evaluates one graph over columns and spells the answers.
func answer(t *testing.T, columns map[string]arrow.Array, graph func(b *graphBuilder) nodeID) string {
	t.Helper()
	var b graphBuilder
	b.cut(graph(&b))
	return evalString(t, b.executable(), record(t, columns))[0]
}

func (b *graphBuilder) split(key nodeID, salt string, fraction float64) nodeID {
	return b.add(node{op: opHashSplit, typ: scalarKind(kindBool), args: []nodeID{key}, lit: literal{String: salt, Double: fraction}})
}

func TestC026_SplitOnAMissingAttribute(t *testing.T) {
	columns := map[string]arrow.Array{"company_id": texts(t, "c1", nil, "c2")}
	got := answer(t, columns, func(b *graphBuilder) nodeID { return b.split(b.column("company_id", kindString), "s", .5) })
	if got[1] != 'U' || got[0] == 'U' || got[2] == 'U' {
		t.Errorf("answers %s: the user without a company is in no bucket", got)
	}
}

func TestC029_IntAgainstDoubleExactly(t *testing.T) {
	column := map[string]arrow.Array{"x": ints(t, []int64{9007199254740993, math.MaxInt64}, nil)}
	for _, tc := range []struct {
		op      opcode
		swapped bool
		lit     float64
		want    string
	}{
		{opEq, false, 9007199254740992, "FF"},
		{opLt, false, 9223372036854775808, "TT"},
		{opLe, false, 9007199254740992, "FF"},
		{opLt, true, 9007199254740992, "TT"},
		{opLe, true, math.NaN(), "FF"},
		{opLt, false, math.Inf(1), "TT"},
		{opLt, true, math.Inf(-1), "TT"},
	} {
		got := answer(t, column, func(b *graphBuilder) nodeID {
			args := []nodeID{b.column("x", kindInt), b.double(tc.lit)}
			if tc.swapped {
				args[0], args[1] = args[1], args[0]
			}
			return b.boolOp(tc.op, args...)
		})
		if got != tc.want {
			t.Errorf("operation %d with %v, swapped %v: %s, want %s", tc.op, tc.lit, tc.swapped, got, tc.want)
		}
	}
}

// members makes n ids and says which are in a split.
func splitMembers(t *testing.T, n int, salt string, fraction float64) string {
	names := make([]any, n)
	for i := range names {
		names[i] = fmt.Sprintf("user-%d", i)
	}
	return answer(t, map[string]arrow.Array{"id": texts(t, names...)}, func(b *graphBuilder) nodeID {
		return b.split(b.column("id", kindString), salt, fraction)
	})
}

func TestC068_SplitsAreIndependent(t *testing.T) {
	const n = 100_000
	rollout, half, wider := splitMembers(t, n, "r1", .1), splitMembers(t, n, "t1", .5), splitMembers(t, n, "r1", .2)
	both, in := 0, strings.Count(rollout, "T")
	for i := range n {
		if rollout[i] == 'T' && half[i] == 'T' {
			both++
		}
		if rollout[i] == 'T' && wider[i] != 'T' {
			t.Fatal("raising the fraction put a user out")
		}
	}
	if share := float64(both) / float64(in); math.Abs(share-.5) > .015 {
		t.Errorf("share of A inside the rollout is %v", share)
	}
	if math.Abs(float64(in)/n-.1) > .005 {
		t.Errorf("%d users of %d are in a rollout of 10 %%", in, n)
	}
	// Chi-square of the two-by-two table, one degree of freedom: above 10.83 once in a thousand.
	a, b := float64(in)/n, float64(strings.Count(half, "T"))/n
	expected := a * b * n
	if chi := (float64(both) - expected) * (float64(both) - expected) / (expected * (1 - a) * (1 - b)); chi > 10.83 {
		t.Errorf("chi-square %v: the two splits are not independent", chi)
	}
}

// TestC071_BucketsNeverChange compares with testdata/buckets.golden: every user's bucket of 1000, and whether he is in the half.
func TestC071_BucketsNeverChange(t *testing.T) {
	ids, recorded := goldenIDs(t, "testdata/buckets.golden")
	var buckets []any
	for _, words := range recorded {
		number, err := strconv.Atoi(words[0])
		if err != nil {
			t.Fatal(err)
		}
		buckets = append(buckets, number)
	}
	columns := columnsOf{"id": texts(t, ids...), "bucket_then": int64s(t, buckets...)}
	got := question{}.segments(t, columns, "half", `hash_split("autumn", 0.5)`, "same", `bucket("autumn", 1000) == bucket_then`, "keyed", `bucket("autumn", 1000, id) == bucket_then`)
	for i, words := range recorded {
		if got[0][i:i+1] != words[1] || got[1][i] != 'T' || got[2][i] != 'T' {
			t.Errorf("%s: in the half %c, and was %s; in the same bucket %c, by key %c", ids[i], got[0][i], words[1], got[1][i], got[2][i])
		}
	}
}

// The rows of int96_from_spark.parquet, in microseconds.
func TestC096_TimesBeyondNanoseconds(t *testing.T) {
	values := []arrow.Timestamp{1704141296123456, 1704070800000000, 253402225200000000, 1735599600000000, 0, 9089380393200000000}
	column := build(t, arrow.FixedWidthTypes.Timestamp_us, func(b *array.TimestampBuilder) {
		for i, v := range values {
			if i == 4 {
				b.AppendNull()
			} else {
				b.Append(v)
			}
		}
	})
	const year2100 = 4102444800
	got := answer(t, map[string]arrow.Array{"a": column}, func(b *graphBuilder) nodeID {
		return b.boolOp(opLt, b.column("a", kindTimestamp), b.lit(kindTimestamp, literal{Sec: year2100}))
	})
	if got != "TTFTUF" {
		t.Errorf("a < 2100: %s", got)
	}
}

func TestC098_UnitsMeanTheSame(t *testing.T) {
	columns := map[string]arrow.Array{}
	for unit, value := range map[arrow.TimeUnit]arrow.Timestamp{
		arrow.Second: 1704141296, arrow.Millisecond: 1704141296000, arrow.Microsecond: 1704141296000000, arrow.Nanosecond: 1704141296000000000,
	} {
		columns[unit.String()] = build(t, &arrow.TimestampType{Unit: unit, TimeZone: "UTC"}, func(b *array.TimestampBuilder) { b.Append(value) })
	}
	for name := range columns {
		for other := range columns {
			if got := answer(t, columns, func(b *graphBuilder) nodeID {
				return b.boolOp(opEq, b.column(name, kindTimestamp), b.column(other, kindTimestamp))
			}); got != "T" {
				t.Errorf("%s == %s: %s", name, other, got)
			}
		}
		if got := answer(t, columns, func(b *graphBuilder) nodeID {
			return b.boolOp(opEq, b.op(opYear, kindInt, b.column(name, kindTimestamp)), b.int(2024))
		}); got != "T" {
			t.Errorf("year of %s: %s", name, got)
		}
	}
}

func TestC099_C100_DecimalsKeepTheirScale(t *testing.T) {
	column := build(t, &arrow.Decimal128Type{Precision: 18, Scale: 2}, func(b *array.Decimal128Builder) {
		b.Append(decimal128.FromI64(5149500))
		b.Append(decimal128.FromI64(-1234567))
		b.Append(decimal128.FromI64(-100))
	})
	for _, tc := range []struct {
		op   opcode
		lit  float64
		want string
	}{{opLe, 100000, "TTT"}, {opEq, 51495, "TFF"}, {opLt, 0, "FTT"}, {opEq, -12345.67, "FTF"}, {opEq, -1, "FFT"}} {
		if got := answer(t, map[string]arrow.Array{"msrp": column}, func(b *graphBuilder) nodeID {
			return b.boolOp(tc.op, b.column("msrp", kindDouble), b.double(tc.lit))
		}); got != tc.want {
			t.Errorf("operation %d with %v: %s, want %s", tc.op, tc.lit, got, tc.want)
		}
	}
}

func TestC104_EqualityInADictionary(t *testing.T) {
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	const wanted = "0123456789abcdef0123456789abcdef"
	same := build(t, dt, func(b *array.BinaryDictionaryBuilder) {
		for range 5000 {
			b.AppendString(wanted)
		}
	})
	distinct := make([]any, 5000)
	for i := range distinct {
		distinct[i] = fmt.Sprintf("%032d", i)
	}
	distinct[4711] = wanted
	columns := map[string]arrow.Array{"same": same, "once": texts(t, distinct...)}
	for name, want := range map[string]int{"same": 5000, "once": 1} {
		equal := answer(t, columns, func(b *graphBuilder) nodeID { return b.boolOp(opEq, b.column(name, kindString), b.text(wanted)) })
		in := answer(t, columns, func(b *graphBuilder) nodeID {
			set := constantList([]literal{{String: wanted}, {String: "other"}})
			return b.add(node{op: opInSet, typ: scalarKind(kindBool), args: []nodeID{b.column(name, kindString)}, set: set})
		})
		if strings.Count(equal, "T") != want || strings.Count(in, "T") != want {
			t.Errorf("%s: %d equal, %d in the set, want %d", name, strings.Count(equal, "T"), strings.Count(in, "T"), want)
		}
	}
}

func TestC113_NullsInAndOfLists(t *testing.T) {
	column := build(t, arrow.ListOf(arrow.PrimitiveTypes.Int64), func(b *array.ListBuilder) {
		values := b.ValueBuilder().(*array.Int64Builder)
		b.Append(true)
		values.AppendValues([]int64{3, 0, 2}, []bool{true, false, true})
		b.Append(true)
		b.AppendNull()
		b.Append(true)
		values.AppendNull()
	})
	columns := map[string]arrow.Array{"tags": column}
	elem := scalarKind(kindInt)
	list := func(b *graphBuilder) nodeID {
		return b.add(node{op: opColumn, typ: valueType{kind: kindList, elem: &elem}, name: "tags"})
	}
	for size, want := range map[int64]string{3: "TFUF", 0: "FTUF", 1: "FFUT"} {
		if got := answer(t, columns, func(b *graphBuilder) nodeID { return b.boolOp(opEq, b.op(opSize, kindInt, list(b)), b.int(size)) }); got != want {
			t.Errorf("size(tags) == %d: %s, want %s", size, got, want)
		}
	}
	for want, graph := range map[string]func(b *graphBuilder) nodeID{
		"FFTF": func(b *graphBuilder) nodeID { return b.boolOp(opIsNull, list(b)) },
		"FFUF": func(b *graphBuilder) nodeID { return b.boolOp(opInList, b.int(9), list(b)) },
		"TFUF": func(b *graphBuilder) nodeID { return b.boolOp(opInList, b.int(2), list(b)) },
		"UFUU": func(b *graphBuilder) nodeID {
			body := b.boolOp(opEq, b.add(node{op: opElement, typ: elem}), b.int(9))
			return b.add(node{op: opExists, typ: scalarKind(kindBool), args: []nodeID{list(b)}, body: body})
		},
	} {
		if got := answer(t, columns, graph); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestC116_AStructThatIsNullInAllRows(t *testing.T) {
	column := build(t, arrow.StructOf(arrow.Field{Name: "plan", Type: arrow.BinaryTypes.String, Nullable: true}), func(b *array.StructBuilder) {
		b.AppendNulls(3)
	})
	typ := valueType{kind: kindStruct, fields: []field{{name: "plan", typ: scalarKind(kindString)}}}
	got := answer(t, map[string]arrow.Array{"profile": column}, func(b *graphBuilder) nodeID {
		profile := b.add(node{op: opColumn, typ: typ, name: "profile"})
		return b.boolOp(opEq, b.add(node{op: opField, typ: scalarKind(kindString), args: []nodeID{profile}}), b.text("x"))
	})
	if got != "UUU" {
		t.Errorf("profile.plan == \"x\": %s", got)
	}
}

func TestUUIDsCompareAsText(t *testing.T) {
	id := uuid.MustParse("0123abcd-0000-4000-8000-0000000000ff")
	column := build(t, &arrow.FixedSizeBinaryType{ByteWidth: 16}, func(b *array.FixedSizeBinaryBuilder) {
		b.Append(id[:])
		b.Append(make([]byte, 16))
		b.AppendNull()
	})
	for text, want := range map[string]string{
		id.String(): "TFU", strings.ToUpper(id.String()): "FFU", "no uuid": "FFU", "00000000-0000-0000-0000-000000000000": "FTU",
	} {
		got := answer(t, map[string]arrow.Array{"id": column}, func(b *graphBuilder) nodeID {
			return b.boolOp(opEq, b.column("id", kindString), b.text(text))
		})
		if got != want {
			t.Errorf("id == %q: %s, want %s", text, got, want)
		}
	}
}

func TestAColumnOfAnotherTypeIsAFault(t *testing.T) {
	var b graphBuilder
	b.cut(b.boolOp(opLt, b.column("age", kindInt), b.int(3)))
	_, err := newEvaluator(b.executable(), 0).EvalRecord(record(t, map[string]arrow.Array{"age": texts(t, "7")}))
	if err == nil || !strings.Contains(err.Error(), `column "age"`) || !strings.Contains(err.Error(), "utf8") {
		t.Errorf("EvalRecord() = %v", err)
	}
}

func TestRecordWithoutRows(t *testing.T) {
	var b graphBuilder
	b.cut(b.boolOp(opNot, b.boolOp(opLt, b.column("age", kindInt), b.int(3))))
	answers, err := newEvaluator(b.executable(), 0).EvalRecord(record(t, map[string]arrow.Array{"age": ints(t, nil, nil)}))
	if err != nil || answers.Len() != 0 || answers.Cut(0).String() != "" {
		t.Errorf("EvalRecord() = %v, %v", answers, err)
	}
}

// TestPartKernels: every place of a text, every length of what is looked for, at the start and the end of the buffer.
func TestPartKernels(t *testing.T) {
	for _, padding := range []string{"", strings.Repeat("z", 40)} {
		checkParts(t, padding)
	}
}

func checkParts(t *testing.T, padding string) {
	t.Helper()
	texts := []string{"", "a", "ab", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghijklmnop", "abcdefghijklmnopq", "xbcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz", ""}
	var data []byte
	offsets := []int32{0}
	for _, text := range append(slices.Clone(texts), padding) {
		data = append(data, text...)
		offsets = append(offsets, int32(len(data)))
	}
	var parts []string
	for _, text := range append(texts, "xyz", "aXcdefghijklmnopqrstuvwxyz", "abcdefghijklXnopqrstuvwxyz", "q") {
		for n := range len(text) + 1 {
			parts = append(parts, text[:n], text[n:])
		}
	}
	for _, part := range parts {
		var starts, ends, equal [1]uint64
		find(newWanted(opStartsWith, part), starts[:], offsets, data)
		find(newWanted(opEndsWith, part), ends[:], offsets, data)
		find(newWanted(opEq, part), equal[:], offsets, data)
		for i, text := range texts {
			if hasBit(starts[:], i) != strings.HasPrefix(text, part) || hasBit(ends[:], i) != strings.HasSuffix(text, part) || hasBit(equal[:], i) != (text == part) {
				t.Errorf("%q in %q: starts %v, ends %v, equal %v", part, text, hasBit(starts[:], i), hasBit(ends[:], i), hasBit(equal[:], i))
			}
		}
	}
}
