package writers

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// optionalStrings makes a column in which every seventh value is null.
func optionalStrings(n, different int) (arrow.Array, []any) {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	rows := make([]any, n)
	for i := range n {
		if i%7 == 3 {
			b.AppendNull()
			continue
		}
		text := fmt.Sprintf("value-%d", i*31%different)
		b.Append(text)
		rows[i] = text
	}
	return b.NewArray(), rows
}

// C111: 2000 optional strings and a dictionary that overflows at 128 bytes; other writers left broken files.
func TestC111(t *testing.T) {
	files, want := map[string][]byte{}, map[string]grid{}
	for name, c := range map[string]struct{ cap, different int }{
		"overflow": {128, 500}, "at once": {1, 2}, "fits": {1 << 20, 20}, "all different": {1 << 20, 2000},
	} {
		w := Writer{dictionaryBytes: c.cap}
		m := shapeOf{users: 2000, segments: 3, ids: ids.Text, form: ids.TwoWords, member: .4, noStage: .3, stages: []int{2}}.random(1)
		column, rows := optionalStrings(2000, c.different)
		m.Extra, m.ExtraNames = []arrow.Array{column}, []string{"plan"}
		g := expectMembership(m)
		g.columns = append(g.columns, "plan")
		for i := range g.rows {
			g.rows[i] = append(g.rows[i], rows[i])
		}
		files[name], want[name] = must(w.Membership(m))(t), g
		sameGrid(t, name, readBack(t, files[name]), g)
	}
	read := readElsewhere(t, files, nil)
	for name, g := range want {
		sameGrid(t, name, grid{columns: read[name].Columns, rows: read[name].Rows}, g)
	}
}

// C112, C149: what a file says it holds is what was handed in, column by column.
func TestC149_CountsOfEveryColumn(t *testing.T) {
	var w Writer
	m := shapeOf{users: 3000, segments: 70, ids: ids.Int64, member: .1, noStage: .4, stages: []int{2}, since: true}.random(9)
	file, err := w.Membership(m)
	if err != nil {
		t.Fatal(err)
	}
	members, empty, noStage := int64(0), int64(0), int64(0)
	for _, row := range expectMembership(m).rows {
		list := row[1].([]any)
		members += int64(len(list))
		if len(list) == 0 {
			empty++
		}
		if row[2] == nil {
			noStage++
		}
	}
	want := []tables.ColumnCount{
		{Name: "user_id", Values: 3000},
		{Name: "segments.list.element", Values: members + empty, Nulls: empty},
		{Name: "cycle 0 ☂", Values: 3000, Nulls: noStage},
		{Name: "strata_state", Values: 3000},
		{Name: "since.list.element", Values: members + empty, Nulls: empty},
		{Name: "cycle 0 ☂_since", Values: 3000, Nulls: noStage},
	}
	if !slices.Equal(file.Columns, want) {
		t.Errorf("columns %v, want %v", file.Columns, want)
	}
	if rows, got, err := inspect(file.Data); err != nil || rows != 3000 || !slices.Equal(got, want) {
		t.Errorf("read back: %d rows, %v, %v", rows, got, err)
	}
	want[3].Nulls = 1
	if err := check(file.Data, 3000, want); err == nil || !strings.Contains(err.Error(), `"strata_state"`) {
		t.Errorf("a wrong count gives %v, want an error that names the column", err)
	}
}

// A damaged file never passes, and never panics.
func TestVerifyFindsDamage(t *testing.T) {
	var w Writer
	m := shapeOf{users: 500, segments: 9, ids: ids.Text, form: ids.Bytes, member: .3, noStage: .4, stages: []int{2}, since: true}.random(9)
	data := must(w.Membership(m))(t)
	r := rand.New(rand.NewPCG(1, 1))
	unseen := 0
	for range 2000 {
		damaged := bytes.Clone(data)
		at := r.IntN(len(data))
		damaged[at] ^= byte(1 + r.IntN(255))
		if Verify(damaged) == nil {
			unseen++
		}
		_ = Verify(data[:r.IntN(len(data))])
	}
	if unseen > 400 { // bounds, names, bloom filter and page index have no checksum
		t.Errorf("%d of 2000 damaged files pass", unseen)
	}
	for _, short := range [][]byte{nil, []byte("PAR1"), []byte("PAR1PAR1"), data[:len(data)-1], data[4:]} {
		if Verify(short) == nil {
			t.Errorf("a file of %d bytes passes", len(short))
		}
	}
}

func TestLongIdsAndManyStates(t *testing.T) {
	id := ids.Column{Type: ids.Text, Form: ids.Bytes}
	for i := range 300 {
		id.AppendBytes([]byte(fmt.Sprintf("%05d", i) + strings.Repeat("é", 8192)))
	}
	m := shapeOf{segments: 2}.random(1)
	m.IDs, m.Sets.Words = id, make([]uint64, 300)
	files, want := map[string][]byte{}, map[string]grid{}
	var w Writer
	files["long"], want["long"] = must(w.Membership(m))(t), expectMembership(m)
	transitions := randomTransitions(1, id, .4)
	files["long-transitions"], want["long-transitions"] = must(w.Transitions(transitions))(t), expectTransitions(transitions)
	states := shapeOf{users: 72000, segments: 20, ids: ids.Int32, member: .1}.random(1)
	for i := range states.Sets.Words { // 70001 different
		states.Sets.Words[i] = uint64(i * 7919 % 70001)
	}
	states.Names.Segments = append(states.Names.Segments, make([]string, 44)...) // makes a state of eight bytes
	files["states"], want["states"] = must(w.Membership(states))(t), expectMembership(states)
	many := randomTransitions(1, shapeOf{users: 66000, ids: ids.Text, form: ids.TwoWords}.random(1).IDs, 0) // places of 17 bits
	files["many"], want["many"] = must(w.Transitions(many))(t), expectTransitions(many)
	for name := range files {
		sameGrid(t, name, readBack(t, files[name]), want[name])
	}
	read := readElsewhere(t, files, map[string]string{"states": `{"filters": false}`, "many": `{"filters": false}`})
	for name, g := range want {
		sameGrid(t, name, grid{columns: read[name].Columns, rows: read[name].Rows}, g)
	}
}

// The same values give the same bytes in any array that holds them.
func TestSameExtraValuesSameBytes(t *testing.T) {
	plain, _ := optionalStrings(1000, 30)
	text := plain.(*array.String)
	dictionary := array.NewDictionaryBuilder(memory.DefaultAllocator, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	large := array.NewLargeStringBuilder(memory.DefaultAllocator)
	dictionary.AppendString("another order")
	large.Append("another offset")
	for i := range text.Len() {
		if text.IsNull(i) {
			dictionary.AppendNull()
			large.AppendNull()
		} else {
			_ = dictionary.AppendString(text.Value(i))
			large.Append(text.Value(i))
		}
	}
	var files [][]byte
	for _, column := range []arrow.Array{plain, array.NewSlice(dictionary.NewArray(), 1, 1001), array.NewSlice(large.NewArray(), 1, 1001)} {
		var w Writer
		m := shapeOf{users: 1000, segments: 3, ids: ids.Int64}.random(1)
		m.Extra, m.ExtraNames = []arrow.Array{column}, []string{"plan"}
		files = append(files, must(w.Membership(m))(t))
	}
	if !bytes.Equal(files[0], files[1]) || !bytes.Equal(files[0], files[2]) {
		t.Error("string, dictionary and large string differ")
	}
}

func TestRefusals(t *testing.T) {
	structs := array.NewStructBuilder(memory.DefaultAllocator, arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int8}))
	for range 5 {
		structs.AppendNull()
	}
	tooLong, _ := optionalStrings(6, 3)
	plain, _ := optionalStrings(5, 3)
	for name, c := range map[string]struct {
		change func(*tables.Membership)
		want   string
	}{
		"struct": {func(m *tables.Membership) {
			m.Extra, m.ExtraNames = []arrow.Array{structs.NewArray()}, []string{"address"}
		}, `"address": type struct`},
		"length":    {func(m *tables.Membership) { m.Extra, m.ExtraNames = []arrow.Array{tooLong}, []string{"plan"} }, `"plan" has 6 rows for 5 users`},
		"name":      {func(m *tables.Membership) { m.Extra, m.ExtraNames = []arrow.Array{plain}, []string{"segments"} }, `two columns are named "segments"`},
		"sets":      {func(m *tables.Membership) { m.Sets.Words = m.Sets.Words[1:] }, "4 words"},
		"stages":    {func(m *tables.Membership) { m.Stages[0] = m.Stages[0][1:] }, "4 stages for 5 users"},
		"lifecycle": {func(m *tables.Membership) { m.Stages = nil }, "0 columns of stages"},
		"stage":     {func(m *tables.Membership) { m.Stages[0][4] = 3 }, "stage 3 of lifecycle"},
		"since":     {func(m *tables.Membership) { m.Since, m.StageSince = []int32{1}, [][]int32{make([]int32, 5)} }, "1 since-dates for"},
		"bits":      {func(m *tables.Membership) { m.Sets.Words[0] |= 1 << 60 }, "segments"},
	} {
		m := shapeOf{users: 5, segments: 3, ids: ids.Int64, stages: []int{2}, member: .9}.random(1)
		c.change(m)
		var w Writer
		if _, err := w.Membership(m); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	transitions := randomTransitions(1, shapeOf{users: 5, ids: ids.Int64}.random(1).IDs, .5)
	transitions.User[len(transitions.User)-1] = 5
	var w Writer
	if _, err := w.Transitions(transitions); err == nil || !strings.Contains(err.Error(), `code 5 in column "user", whose last is 4`) {
		t.Errorf("a user out of range gives %v", err)
	}
}

func TestBounds(t *testing.T) {
	long := func(s string, n int) string { return strings.Repeat(s, n) }
	for _, c := range []struct {
		order     order
		value     string
		low, high string
	}{
		{text, "short", "short", "short"},
		{text, long("a", 65), long("a", 64), long("a", 63) + "b"},
		{text, long("é", 40), long("é", 32), long("é", 31) + "ê"},
		{text, "a" + long("é", 40), "a" + long("é", 31), "a" + long("é", 30) + "ê"},
		{text, long("x", 61) + "\ud7ff" + "tail", long("x", 61) + "\ud7ff", long("x", 61) + "\ue000"},
		{text, "a" + long("\U0010ffff", 20), "a" + long("\U0010ffff", 15), "b"},
		{text, long("\U0010ffff", 20), long("\U0010ffff", 16), long("\U0010ffff", 20)},
		{lexical, long("\xff", 70), long("\xff", 64), long("\xff", 70)},
		{lexical, "\x01" + long("\xff", 70), "\x01" + long("\xff", 63), "\x02"},
	} {
		low, lowExact := c.order.lowerBound([]byte(c.value))
		high, highExact := c.order.upperBound([]byte(c.value))
		if string(low) != c.low || string(high) != c.high || lowExact != (c.low == c.value) || highExact != (c.high == c.value) {
			t.Errorf("%x: from %x to %x, want %x to %x", c.value, low, high, c.low, c.high)
		}
	}
}

func TestDecimalBytes(t *testing.T) {
	for precision, want := range map[int32]int{19: 9, 21: 9, 22: 10, 28: 12, 29: 13, 38: 16, 76: 32} {
		if got := decimalBytes(precision); got != want {
			t.Errorf("decimal(%d) takes %d bytes, want %d", precision, got, want)
		}
	}
}
