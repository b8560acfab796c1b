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
	alone    bool      // it says nothing that depends on other users
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

// paths lists what is stored of a kind: columns and elements, and what lies in their fields, keys and places.
func (s *speaker) paths(k kind) (out []string) {
	var visit func(path string, typ valueType, depth int)
	visit = func(path string, typ valueType, depth int) {
		switch {
		case typ.kind == k || typ.kind == kindNull && s.pick(4) == 0: // what is always null has every type
			out = append(out, path)
		case depth == 0:
		case typ.kind == kindStruct:
			for _, f := range typ.fields {
				visit(path+"."+f.name, f.typ, depth-1)
			}
		case typ.kind == kindMap:
			visit(path+one(s.sampler, []string{".plan", `["a"]`, fmt.Sprintf("[%q]", one(s.sampler, someTexts))}), *typ.elem, depth-1)
		case typ.kind == kindList:
			visit(fmt.Sprintf("%s[%d]", path, s.pick(3)), *typ.elem, depth-1)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.columns)) {
		visit(name, s.columns[name], 3)
	}
	for _, el := range s.elements {
		visit(el.name, el.typ, 3)
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
	if depth <= 0 || k >= kindList || s.pick(3) == 0 {
		return s.leaf(k)
	}
	d := depth - 1
	switch s.pick(10) {
	case 0:
		if text, ok := s.aggregate(k, d); ok {
			return text
		}
	case 1:
		if text, ok := s.counted(d); ok && k == kindInt {
			return text
		}
	}
	if k == kindBool {
		return s.bool(depth)
	}
	return s.callOf(k, d)
}

// counted says how many elements of a list a rule is true for.
func (s *speaker) counted(d int) (string, bool) {
	macro := one(s.sampler, []string{"count", "filter"})
	text, ok := s.comprehension(macro, d)
	if macro == "filter" {
		text = "size(" + text + ")"
	}
	return text, ok
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
		return fmt.Sprintf("%s %s %s", s.leaf(k), one(s.sampler, someComparisons), s.leaf(k))
	}
	d := depth - 1
	k := one(s.sampler, scalars)
	switch s.pick(16) {
	case 0, 1:
		return fmt.Sprintf("(%s && %s)", s.bool(d), s.bool(d))
	case 2, 3:
		return fmt.Sprintf("(%s || %s)", s.bool(d), s.bool(d))
	case 4:
		return fmt.Sprintf("(%s ? %s : %s)", s.bool(d), s.bool(d), s.bool(d))
	case 5:
		return fmt.Sprintf("%s %s null", s.value(k, d), one(s.sampler, []string{"==", "!="}))
	case 6:
		return fmt.Sprintf("has(%s)", s.value(k, d))
	case 7:
		return s.membership(k, d)
	case 8, 9:
		if text, ok := s.comprehension(one(s.sampler, []string{"exists", "all", "exists_one", "existsOne"}), d); ok {
			return text
		}
	case 10:
		return s.holding(d)
	case 11: // numbers of two kinds
		other := one(s.sampler, []kind{kindInt, kindUint, kindDouble})
		return fmt.Sprintf("%s %s %s", s.value(kindInt, d), one(s.sampler, someComparisons), s.value(other, d))
	case 12, 13, 14:
		return s.callOf(kindBool, d)
	}
	return fmt.Sprintf("%s %s %s", s.value(k, d), one(s.sampler, someComparisons), s.value(k, d))
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
		return fmt.Sprintf("%s in file(%q)", s.value(one(s.sampler, []kind{kindString, kindInt}), d*s.pick(2)), "ids.txt") // a column of UUIDs now and then
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

// fuzzRecord makes a record of columns of these shapes and random ones, one of them the user id.
func fuzzRecord(t testing.TB, s *sampler, rows int, first ...string) (arrow.Record, map[string]valueType) {
	arrays := map[string]arrow.Array{}
	for i := range max(3+s.rng.IntN(8), len(first)) {
		shape := one(s, shapes)
		if i < len(first) {
			shape = first[i]
		}
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

// rulesPerSeed is how many rules checkRules makes up.
const rulesPerSeed = 12

// checked says rules until one checks, but not for ever, and returns the step that asks it.
func (s *speaker) checked(rec arrow.Record, declared []configs.ColumnDecl, list *List, say func() string) (Step, *oracle) {
	columns := s.columns
	for range 4 {
		s.columns = maps.Clone(columns)
		traits := s.traits()
		step := testStep(say(), func(step *Step) {
			step.Lists = map[string]*List{"ids.txt": list}
			step.Definitions.Columns, step.Definitions.Traits = declared, traits
			step.Definitions.Timezone = one(s.sampler, someHomes)
			step.Now = time.Unix(one(s.sampler, someSeconds)+int64(s.pick(3)-1)*86400, int64(s.pick(2)))
			step.Today = int32(floorDiv(step.Now.Unix(), 86400)) - int32(s.pick(2))
		})
		if oracle, err := newOracle(step, rec, "user_id"); err == nil {
			return step, oracle
		}
	}
	return Step{}, nil
}

// checkRules makes up a record and rules over it, and compares engine and oracle in every row. Half of the rules are about one
// call each, so that over the seeds every call comes up. It counts those that check.
func checkRules(t *testing.T, seed uint64, seen *coverage) {
	s := newSampler(t, seed, []int{0, 10, 30, 100}[seed%4])
	rows := one(s, []int{0, 1, 2, 63, 64, 65, 130, 1000})
	first := []string{shapes[seed%uint64(len(shapes))]}
	for i := range uint64(rulesPerSeed) {
		first = append(first, aboutThis(seed, i).needs()...)
	}
	rec, columns := fuzzRecord(t, s, rows, first...)
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
	for i := range uint64(rulesPerSeed) {
		sp := &speaker{sampler: s, columns: columns}
		step, oracle := sp.checked(rec, declared, list, func() string {
			if i%2 == 1 {
				return sp.bool(1 + s.rng.IntN(3))
			}
			return sp.about(aboutThis(seed, i), 1+s.rng.IntN(2))
		})
		if oracle == nil {
			continue
		}
		text, traits := step.Definitions.Segments[0].When.Text, step.Definitions.Traits
		got, _, err := engine(t, step, rec, "user_id", one(s, []int{0, 1, 7, 64, 100}))
		if err != nil {
			t.Fatalf("seed %d: %s\nthe oracle checks it, Compile does not: %v", seed, text, err)
		}
		want := oracle.answers()
		seen.note(oracle, want)
		oracle.agree(t, want)
		if got == want {
			continue
		}
		at := 0
		for got[at] == want[at] {
			at++
		}
		t.Fatalf("seed %d: %s\ncolumns %+v\ntraits %v\nrow %d of %d: got %c, want %c\n got %s\nwant %s\n%s", seed, text, declared, traits, at, rows, got[at], want[at], got, want, spellRow(rec, at))
	}
}

// spellRow spells the values of a row.
func spellRow(rec arrow.Record, row int) string {
	var b strings.Builder
	for i, f := range rec.Schema().Fields() {
		fmt.Fprintf(&b, "%s = %s\n", f.Name, rec.Column(i).ValueStr(row))
	}
	return b.String()
}

// TestRandomRules is the quick, seeded version of FuzzRules. It fails, too, where answers of one kind are rare, or a function
// or operator was never called with arguments of some type.
func TestRandomRules(t *testing.T) {
	rounds, seen := 240, newCoverage()
	if testing.Short() {
		rounds = 40
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkRules(t, seed, seen) })
		if t.Failed() {
			return
		}
	}
	t.Log(seen)
	if seen.rules < rounds*rulesPerSeed*3/4 {
		t.Errorf("only %d of %d rules check", seen.rules, rounds*rulesPerSeed)
	}
	if !testing.Short() {
		seen.check(t)
	}
}

// FuzzRules compares the engine with cel-go, row by row, on random rules over random records.
func FuzzRules(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkRules(t, seed, newCoverage()) })
}
