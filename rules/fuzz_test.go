package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
	"strata/pipeline/tables"
)

// A speaker makes up rules over the columns of a record. Most of them check.
type speaker struct {
	*sampler
	columns  map[string]valueType
	elements []element // the comprehensions around
}

// somePeriods and someZones are what literals of those kinds are made of.
var (
	somePeriods = []string{"0h", "1h", "12h", "72h", "1d", "30d", "2w", "6mo", "1y", "24y"}
	someZones   = []string{"UTC", "Europe/Paris", "America/New_York", "+05:30", "-03:00"}
	someHomes   = []string{"UTC", "Europe/Paris", "Europe/Paris", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Africa/Cairo", "America/St_Johns"}
	somePattern = []string{"^[a-z]+$", "é", "F|D", "^.?$", "[0-9]{2}"}
	someLikes   = []string{"%", "F%", "_R", "%é%", "v_p", "100\\\\%", ""}
)

func (s *speaker) pick(n int) int { return s.rng.IntN(n) }

// scalars are the kinds that a rule computes with.
var scalars = []kind{kindInt, kindUint, kindDouble, kindString, kindBytes, kindTimestamp, kindDate, kindDuration, kindBool}

// paths lists what is stored of a kind: columns, elements, fields, map values and list elements.
func (s *speaker) paths(k kind) (out []string) {
	visit := func(path string, typ valueType) {
		switch {
		case typ.kind == k:
			out = append(out, path)
		case typ.kind == kindStruct:
			for _, f := range typ.fields {
				if f.typ.kind == k {
					out = append(out, path+"."+f.name)
				}
			}
		case typ.kind == kindMap && typ.elem.kind == k:
			out = append(out, path+`.k1`, path+`["a"]`, fmt.Sprintf("%s[%q]", path, one(s.sampler, someTexts)))
		case typ.kind == kindList && typ.elem.kind == k:
			out = append(out, fmt.Sprintf("%s[%d]", path, s.pick(3)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.columns)) {
		visit(name, s.columns[name])
	}
	for _, el := range s.elements {
		visit(el.name, el.typ)
	}
	return out
}

// holders lists what is stored of a kind that holds others.
func (s *speaker) holders(k kind) (names []string, types []valueType) {
	for _, name := range slices.Sorted(maps.Keys(s.columns)) {
		if typ := s.columns[name]; typ.kind == k {
			names, types = append(names, name), append(types, typ)
		}
	}
	for _, el := range s.elements {
		if el.typ.kind == k {
			names, types = append(names, el.name), append(types, el.typ)
		}
	}
	return names, types
}

func (s *speaker) literal(k kind) string {
	switch k {
	case kindBool:
		return one(s.sampler, []string{"true", "false"})
	case kindInt:
		return fmt.Sprint(one(s.sampler, someInts))
	case kindUint:
		return fmt.Sprint(one(s.sampler, []uint64{0, 1, 5, 50, 1 << 53, 1<<64 - 1})) + "u"
	case kindDouble:
		text := strconv.FormatFloat(one(s.sampler, []float64{0, 1, 1.5, 50, -1, 0.1, 1e30, 1 << 53, 1 << 63}), 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	case kindString:
		return strconv.Quote(one(s.sampler, someTexts))
	case kindBytes:
		return "b" + strconv.Quote(one(s.sampler, someTexts))
	case kindTimestamp:
		if s.pick(4) == 0 {
			return "now"
		}
		return fmt.Sprintf("timestamp(%q)", time.Unix(one(s.sampler, someSeconds), 0).UTC().Format(time.RFC3339))
	case kindDate:
		if s.pick(4) == 0 {
			return "today"
		}
		return fmt.Sprintf("date(%q)", time.Unix(one(s.sampler, someSeconds), 0).UTC().Format(time.DateOnly))
	}
	return fmt.Sprintf("duration(%q)", one(s.sampler, []string{"0s", "1h", "36h", "-5m", "0.25s"}))
}

func (s *speaker) leaf(k kind) string {
	if paths := s.paths(k); len(paths) > 0 && s.pick(6) > 0 {
		return one(s.sampler, paths)
	}
	return s.literal(k)
}

// value says an expression of a kind.
func (s *speaker) value(k kind, depth int) string {
	if depth <= 0 || s.pick(3) == 0 {
		return s.leaf(k)
	}
	d := depth - 1
	switch s.pick(10) {
	case 2:
		if text, ok := s.aggregate(k, d); ok {
			return text
		}
	case 0:
		return fmt.Sprintf("coalesce(%s, %s)", s.value(k, d), s.value(k, d))
	case 1:
		return fmt.Sprintf("(%s ? %s : %s)", s.bool(d), s.value(k, d), s.value(k, d))
	}
	binary := func(ops ...string) string {
		return fmt.Sprintf("(%s %s %s)", s.value(k, d), one(s.sampler, ops), s.value(k, d))
	}
	switch k {
	case kindInt:
		return s.int(d, binary)
	case kindUint:
		return one(s.sampler, []string{binary("+", "-", "*", "/", "%"), "uint(" + s.value(kindInt, d) + ")", s.extreme(k, d)})
	case kindDouble:
		return one(s.sampler, []string{
			binary("+", "-", "*", "/"), "-(" + s.value(k, d) + ")", "double(" + s.value(kindInt, d) + ")", "double(" + s.value(kindString, d) + ")",
			fmt.Sprintf("math.%s(%s)", one(s.sampler, []string{"floor", "ceil", "round", "trunc", "abs", "sign"}), s.value(k, d)), s.extreme(k, d),
			"math.sqrt(" + s.value(one(s.sampler, []kind{kindInt, kindUint, kindDouble}), d) + ")", fmt.Sprintf("math.greatest(%s, 0)", s.value(k, d)),
		})
	case kindString:
		return one(s.sampler, []string{
			binary("+"), s.value(k, d) + one(s.sampler, []string{".trim()", ".lowerAscii()", ".upperAscii()", ".reverse()", `.replace("a", "b")`, `.replace("", "é", 2)`}),
			s.part(d),
			`variant("salt", {"a": 50, "b": 12.5})`, fmt.Sprintf(`variant("salt", {"a": 1, "FR": 2, "vip": 0}, %s)`, s.value(one(s.sampler, []kind{kindString, kindInt}), d)),
			"string(" + s.value(one(s.sampler, []kind{kindInt, kindBool, kindDate, kindTimestamp, kindDouble, kindBytes}), d) + ")",
		})
	case kindTimestamp:
		return one(s.sampler, []string{
			s.value(k, d) + one(s.sampler, []string{" + ", " - "}) + s.value(kindDuration, d), fmt.Sprintf("days_ago(%d)", s.pick(50)-5),
			fmt.Sprintf("add_days(%s, %d)", s.value(k, d), s.pick(60)-30), fmt.Sprintf("add_months(%s, %s)", s.value(k, d), s.value(kindInt, 0)),
			"timestamp(" + s.value(one(s.sampler, []kind{kindString, kindInt}), d) + ")",
		})
	case kindDate:
		return one(s.sampler, []string{
			"date(" + s.value(one(s.sampler, []kind{kindTimestamp, kindString}), d) + ")",
			fmt.Sprintf("date(%s, %q)", s.value(kindTimestamp, d), one(s.sampler, someZones)),
			fmt.Sprintf("%s(%s, %d)", one(s.sampler, []string{"add_days", "add_months"}), s.value(k, d), s.pick(60)-30),
		})
	case kindDuration:
		return one(s.sampler, []string{binary("+", "-"), s.value(kindTimestamp, d) + " - " + s.value(kindTimestamp, d)})
	case kindBytes:
		return one(s.sampler, []string{"bytes(" + s.value(kindString, d) + ")", binary("+")})
	}
	return s.bool(depth)
}

// extreme says the largest or smallest of some numbers.
func (s *speaker) extreme(k kind, d int) string {
	args := []string{s.value(k, d), s.value(k, d), s.leaf(k)}
	return fmt.Sprintf("math.%s(%s)", one(s.sampler, []string{"greatest", "least"}), strings.Join(args[:1+s.pick(3)], ", "))
}

// part says a part of a text, or a text put together.
func (s *speaker) part(d int) string {
	of, place := s.value(kindString, d), func() int { return s.pick(7) - 1 }
	all := []string{
		fmt.Sprintf("%s.charAt(%d)", of, place()), fmt.Sprintf("%s.substring(%d)", of, place()), fmt.Sprintf("%s.substring(%d, %d)", of, place(), place()),
		fmt.Sprintf("%s.split(%s)[%d]", of, s.leaf(kindString), s.pick(3)), fmt.Sprintf("%s.split(%s, %d).join(%s)", of, s.leaf(kindString), place(), s.leaf(kindString)),
		fmt.Sprintf("strings.quote(%s)", of),
	}
	names, types := s.holders(kindList)
	for i, name := range names {
		if types[i].elem.kind == kindString {
			all = append(all, name+".join()", name+`.join(", ")`)
		}
	}
	return one(s.sampler, all)
}

func (s *speaker) int(d int, binary func(ops ...string) string) string {
	instant := func() string { return s.value(kindTimestamp, d) }
	day := func() string { return s.value(one(s.sampler, []kind{kindTimestamp, kindDate}), d) }
	all := []string{
		binary("+", "-", "*", "/", "%"), "-(" + s.value(kindInt, d) + ")",
		"int(" + s.value(one(s.sampler, []kind{kindString, kindDouble, kindUint, kindTimestamp}), d) + ")",
		s.value(kindString, d) + ".size()", "size(" + s.value(kindBytes, d) + ")",
		one(s.sampler, []string{"year", "month", "day", "weekday", "days_since", "age_years"}) + "(" + day() + ")",
		"hour(" + instant() + ")", fmt.Sprintf("days_between(%s, %s)", day(), day()), `bucket("salt", 7)`,
		fmt.Sprintf(`bucket("salt", 3, %s)`, s.value(one(s.sampler, []kind{kindString, kindInt}), d)), fmt.Sprintf("math.%s(%s)", one(s.sampler, []string{"abs", "sign"}), s.value(kindInt, d)),
		s.extreme(kindInt, d), fmt.Sprintf("%s.%s(%s)", s.value(kindString, d), one(s.sampler, []string{"indexOf", "lastIndexOf"}), s.leaf(kindString)),
		fmt.Sprintf("%s.%s(%s, %d)", s.value(kindString, d), one(s.sampler, []string{"indexOf", "lastIndexOf"}), s.leaf(kindString), s.pick(5)-1),
	}
	for name := range accessors {
		all = append(all, instant()+"."+name+"()", fmt.Sprintf("%s.%s(%q)", instant(), name, one(s.sampler, someZones)))
	}
	slices.Sort(all[len(all)-2*len(accessors):])
	for _, k := range []kind{kindList, kindMap} {
		if names, _ := s.holders(k); len(names) > 0 {
			all = append(all, "size("+one(s.sampler, names)+")")
		}
	}
	for _, macro := range []string{"count", "filter"} {
		if text, ok := s.comprehension(macro, d); ok && macro == "count" {
			all = append(all, text)
		} else if ok {
			all = append(all, "size("+text+")")
		}
	}
	return one(s.sampler, all)
}

// aggregate says sum, avg, min or max over a list.
func (s *speaker) aggregate(k kind, depth int) (string, bool) {
	names, types := s.holders(kindList)
	if len(names) == 0 || len(s.elements) > 1 || k == kindBool || k == kindBytes {
		return "", false
	}
	macro, of := one(s.sampler, []string{"min", "max"}), k
	if (k == kindInt || k == kindUint || k == kindDouble) && s.pick(3) > 0 {
		macro = "sum"
	}
	if k == kindDouble && macro == "sum" && s.pick(2) == 0 {
		macro, of = "avg", one(s.sampler, []kind{kindInt, kindUint, kindDouble})
	}
	at, name := s.pick(len(names)), fmt.Sprintf("e%d", len(s.elements))
	s.elements = append(s.elements, element{name, *types[at].elem})
	body := s.value(of, depth)
	s.elements = s.elements[:len(s.elements)-1]
	return fmt.Sprintf("%s.%s(%s, %s)", names[at], macro, name, body), true
}

// comprehension says a macro over a list.
func (s *speaker) comprehension(macro string, depth int) (string, bool) {
	names, typs := s.holders(kindList)
	if len(names) == 0 || len(s.elements) > 1 {
		return "", false
	}
	at, name := s.pick(len(names)), fmt.Sprintf("e%d", len(s.elements))
	s.elements = append(s.elements, element{name, *typs[at].elem})
	body := s.bool(depth)
	s.elements = s.elements[:len(s.elements)-1]
	return fmt.Sprintf("%s.%s(%s, %s)", names[at], macro, name, body), true
}

// bool says a rule.
func (s *speaker) bool(depth int) string {
	if depth <= 0 {
		k := one(s.sampler, scalars[:7])
		if s.pick(5) == 0 {
			return s.leaf(kindBool)
		}
		return fmt.Sprintf("%s %s %s", s.leaf(k), one(s.sampler, []string{"==", "!=", "<", "<=", ">", ">="}), s.leaf(k))
	}
	d := depth - 1
	k := one(s.sampler, scalars)
	text := func() string { return s.value(kindString, d) }
	switch s.pick(19) {
	case 0, 1:
		return fmt.Sprintf("(%s && %s)", s.bool(d), s.bool(d))
	case 2, 3:
		return fmt.Sprintf("(%s || %s)", s.bool(d), s.bool(d))
	case 4:
		return fmt.Sprintf("!(%s)", s.bool(d))
	case 5:
		return fmt.Sprintf("(%s ? %s : %s)", s.bool(d), s.bool(d), s.bool(d))
	case 6:
		return fmt.Sprintf("%s %s null", s.value(k, d), one(s.sampler, []string{"==", "!="}))
	case 7:
		return fmt.Sprintf("%s(%s)", one(s.sampler, []string{"is_null", "is_not_null", "has"}), s.value(k, d))
	case 8:
		return fmt.Sprintf("is_true(%s)", s.bool(d))
	case 9:
		return fmt.Sprintf("%s(%s)", one(s.sampler, []string{"empty", "nonempty"}), text())
	case 10:
		return s.membership(k, d)
	case 11:
		return fmt.Sprintf("%s.%s(%s)", text(), one(s.sampler, []string{"startsWith", "endsWith", "contains", "iequals"}), text())
	case 12:
		return one(s.sampler, []string{
			fmt.Sprintf("%s.matches(%q)", text(), one(s.sampler, somePattern)), fmt.Sprintf(`%s.like("%s")`, text(), one(s.sampler, someLikes)),
		})
	case 13:
		return fmt.Sprintf("%s(%s, %q)", one(s.sampler, []string{"within", "older_than"}), s.value(one(s.sampler, []kind{kindTimestamp, kindDate}), d), one(s.sampler, somePeriods))
	case 14:
		return fmt.Sprintf("on(%s, %s)", s.value(kindTimestamp, d), s.value(kindDate, d))
	case 15, 16:
		if text, ok := s.comprehension(one(s.sampler, []string{"exists", "all", "exists_one"}), d); ok {
			return text
		}
	case 17:
		return s.holding(d)
	case 18: // numbers of two kinds
		other := one(s.sampler, []kind{kindInt, kindUint, kindDouble})
		return fmt.Sprintf("%s %s %s", s.value(kindInt, d), one(s.sampler, []string{"==", "!=", "<", "<=", ">", ">="}), s.value(other, d))
	}
	return fmt.Sprintf("%s %s %s", s.value(k, d), one(s.sampler, []string{"==", "!=", "<", "<=", ">", ">="}), s.value(k, d))
}

// holding says something about a list or a map as a whole.
func (s *speaker) holding(d int) string {
	lists, types := s.holders(kindList)
	maps, _ := s.holders(kindMap)
	switch s.pick(5) {
	case 3:
		return one(s.sampler, []string{
			fmt.Sprintf("%s in %s.split(%s)", s.leaf(kindString), s.value(kindString, d), s.leaf(kindString)),
			fmt.Sprintf("%s.split(%s).exists(p, p.size() > %d)", s.value(kindString, d), s.leaf(kindString), s.pick(3)), "math.isNaN(" + s.value(kindDouble, d) + ")",
			fmt.Sprintf("%s.split(%s).size() > %d", s.value(kindString, d), s.leaf(kindString), s.pick(3)),
		})
	case 0:
		if len(lists) > 0 {
			at := s.pick(len(lists))
			return fmt.Sprintf("%s in %s", s.value(types[at].elem.kind, d), lists[at])
		}
	case 1:
		if len(maps) > 0 && s.pick(2) == 0 {
			m := one(s.sampler, maps)
			return fmt.Sprintf(`%s.exists(k, k.startsWith("p") || %s[k] > %s)`, m, m, s.value(kindInt, d))
		}
		if len(maps) > 0 {
			return fmt.Sprintf("%s in %s", s.value(kindString, d), one(s.sampler, maps))
		}
	}
	if len(lists) == 0 {
		return `hash_split("salt", 0.4)`
	}
	list := one(s.sampler, lists)
	return one(s.sampler, []string{list + ".map(x, x) == " + list, list + ".filter(x, x == x).size() < 2", "empty(" + list + ")", list + " == null", list + " == " + list, "has(" + list + ")"})
}

// membership says `in` with constants, with columns among them, or with a file.
func (s *speaker) membership(k kind, d int) string {
	if s.pick(4) == 0 {
		return fmt.Sprintf("%s in file(%q)", s.value(one(s.sampler, []kind{kindString, kindInt}), d), "ids.txt")
	}
	var elements []string
	for range s.pick(5) {
		if s.pick(6) == 0 {
			elements = append(elements, s.leaf(k))
		} else {
			elements = append(elements, s.literal(k))
		}
	}
	return fmt.Sprintf("%s in [%s]", s.value(k, d), strings.Join(elements, ", "))
}

// fuzzRecord makes a record of random columns, one of them the user id.
func fuzzRecord(t testing.TB, s *sampler, rows int) (arrow.Record, map[string]valueType) {
	arrays := map[string]arrow.Array{}
	for i := range 3 + s.rng.IntN(8) {
		shape := one(s, shapes)
		arrays[fmt.Sprintf("c%d_%s", i, shape)] = s.column(shape, rows).arr
	}
	nulls := s.nulls
	s.nulls = 0 // rows without an id are rejected; what rules say of them means nothing
	defer func() { s.nulls = nulls }()
	arrays["user_id"] = s.column(one(s, []string{"string", "int64", "uint64", "uuid", "binary"}), rows).arr
	plain := record(t, arrays)
	var fields []arrow.Field
	for _, f := range plain.Schema().Fields() {
		if f.Type.ID() == arrow.FIXED_SIZE_BINARY && f.Type.(*arrow.FixedSizeBinaryType).ByteWidth == 16 {
			f.Metadata = arrow.MetadataFrom(map[string]string{tables.LogicalKey: tables.LogicalUUID})
		}
		fields = append(fields, f)
	}
	rec := newRecord(t, arrow.NewSchema(fields, nil), plain.Columns())
	columns := map[string]valueType{}
	for name, v := range variablesOf(rec.Schema(), nil) {
		if v.fault == nil {
			columns[name] = v.typ
		}
	}
	return rec, columns
}

// declareColumns declares some columns under other names and types, some with texts that count as null.
func declareColumns(s *sampler, schema *arrow.Schema) (out []configs.ColumnDecl) {
	for i, f := range schema.Fields() {
		if s.rng.IntN(2) == 0 {
			continue
		}
		d := configs.ColumnDecl{Name: fmt.Sprintf("d%d", i), Column: f.Name}
		if s.rng.IntN(4) > 0 {
			d.As = one(s, []string{"string", "int", "double", "bool", "timestamp", "date", "uuid"})
		}
		if s.rng.IntN(3) == 0 {
			d.NullText = []string{one(s, someTexts), one(s, someTexts)}
		}
		out = append(out, d)
	}
	return out
}

// traits says a few named expressions, which may use those before them, and names them to the speaker.
func (s *speaker) traits() (out []configs.Trait) {
	for i := range s.pick(3) {
		k := one(s.sampler, scalars)
		t := configs.Trait{Name: fmt.Sprintf("t%d", i), Value: configs.NewExpr(s.value(k, 1+s.pick(2)))}
		s.columns[t.Name] = scalarKind(k)
		out = append(out, t)
	}
	return out
}

// checkRules makes up a record and rules over it, and compares engine and oracle in every row. It returns how many rules
// checked.
func checkRules(t *testing.T, seed uint64) (checked int) {
	s := newSampler(t, seed, []int{0, 10, 30, 100}[seed%4])
	rows := one(s, []int{0, 1, 2, 63, 64, 65, 130, 1000})
	rec, columns := fuzzRecord(t, s, rows)
	list, err := NewList([]byte("FR\r\nvip\n\n50\n 12 \nFR\n00000000-0000-0000-0000-000000000001\n"))
	if err != nil {
		t.Fatal(err)
	}
	declared := declareColumns(s, rec.Schema())
	for name, v := range variablesOf(rec.Schema(), declared) {
		if v.fault == nil {
			columns[name] = v.typ
		}
	}
	for range 12 {
		sp := &speaker{sampler: s, columns: maps.Clone(columns)}
		traits := sp.traits()
		text := sp.bool(1 + s.rng.IntN(3))
		step := testStep(text, func(step *Step) {
			step.Lists = map[string]*List{"ids.txt": list}
			step.Definitions.Columns, step.Definitions.Traits = declared, traits
			step.Definitions.Timezone = one(s, someHomes)
			step.Now = time.Unix(one(s, someSeconds)+int64(s.rng.IntN(3)-1)*86400, int64(s.rng.IntN(2)))
			step.Today = int32(floorDiv(step.Now.Unix(), 86400)) - int32(s.rng.IntN(2))
		})
		oracle, err := newOracle(step, rec, "user_id")
		if err != nil {
			continue
		}
		got, _, err := engine(t, step, rec, "user_id", one(s, []int{0, 1, 7, 64, 100}))
		if err != nil {
			t.Fatalf("seed %d: %s\nthe oracle checks it, Compile does not: %v", seed, text, err)
		}
		checked++
		want := oracle.answers()
		if got == want {
			continue
		}
		at := 0
		for got[at] == want[at] {
			at++
		}
		t.Fatalf("seed %d: %s\ncolumns %+v\ntraits %v\nrow %d of %d: got %c, want %c\n got %s\nwant %s\n%s", seed, text, declared, traits, at, rows, got[at], want[at], got, want, spellRow(rec, at))
	}
	return checked
}

// spellRow spells the values of a row.
func spellRow(rec arrow.Record, row int) string {
	var b strings.Builder
	for i, f := range rec.Schema().Fields() {
		fmt.Fprintf(&b, "%s = %s\n", f.Name, rec.Column(i).ValueStr(row))
	}
	return b.String()
}

// TestRandomRules is the quick, seeded version of FuzzRules.
func TestRandomRules(t *testing.T) {
	rounds, checked := 150, 0
	if testing.Short() {
		rounds = 40
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checked += checkRules(t, seed) })
		if t.Failed() {
			return
		}
	}
	t.Logf("%d rules", checked)
	if checked < rounds*6 {
		t.Errorf("only %d of %d rules check", checked, rounds*12)
	}
}

// FuzzRules compares the engine with cel-go, row by row, on random rules over random records.
func FuzzRules(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkRules(t, seed) })
}
