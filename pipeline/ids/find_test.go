package ids

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

func TestCanonical(t *testing.T) {
	for _, tc := range []struct {
		typ        Type
		text, want string // want empty: refused
	}{
		{Text, "ann", "ann"},
		{Text, " ann", " ann"},
		{Text, strings.ToUpper(someUUID), someUUID},
		{Text, "", ""},
		{Text, "\xff", ""},
		{Int32, "007", "7"},
		{Int32, "-5", "-5"},
		{Int32, "2147483648", ""},
		{Int64, "2147483648", "2147483648"},
		{Int64, "x", ""},
		{Uint64, "18446744073709551615", "18446744073709551615"},
		{Uint64, "-1", ""},
		{UUID, strings.ToUpper(someUUID), someUUID},
		{UUID, "ann", ""},
		{Binary, "FF0a", "ff0a"},
		{Binary, "f", ""},
		{Binary, "", ""},
	} {
		got, err := tc.typ.Canonical(tc.text)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s %q: got %q, %v; want %q", tc.typ, tc.text, got, err, tc.want)
		}
	}
}

// TestFinder finds every id of a column, and nothing else, by its canonical text.
func TestFinder(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	texts := array.NewStringBuilder(mem)
	defer texts.Release()
	for _, text := range []string{"ann", "bob", strings.ToUpper(someUUID), "", "ann", "an", someUUID[:35]} {
		texts.Append(text)
	}
	texts.AppendNull()
	numbers := array.NewInt64Builder(mem)
	defer numbers.Release()
	numbers.AppendValues([]int64{-1, 0, 1 << 40, 7, -1}, []bool{true, true, true, false, true})
	raw := array.NewBinaryBuilder(mem, arrow.BinaryTypes.Binary)
	defer raw.Release()
	raw.AppendValues([][]byte{{0xff, 0x0a}, {}, {0}}, nil)
	for _, tc := range []struct {
		typ  Type
		arr  arrow.Array
		want map[string]string
	}{
		{Text, texts.NewArray(), map[string]string{"ann": "[0 4]", "bob": "[1]", someUUID: "[2]", "an": "[5]", "": "[]", "carl": "[]", someUUID[:35]: "[6]"}},
		{Int64, numbers.NewArray(), map[string]string{"-1": "[0 4]", "0": "[1]", "1099511627776": "[2]", "7": "[]"}},
		{Binary, raw.NewArray(), map[string]string{"ff0a": "[0]", "00": "[2]", "ff": "[]"}},
	} {
		for id, want := range tc.want {
			f, err := NewFinder(tc.typ, id)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := f.Rows(tc.arr)
			if got := fmt.Sprint(rows); got != want || err != nil {
				t.Errorf("%s %q: got %s, %v; want %s", tc.typ, id, got, err, want)
			}
			f.Close()
		}
		tc.arr.Release()
	}
}

// TestBetween never rules out a column that holds the id, and does rule out others.
func TestBetween(t *testing.T) {
	text := func(values ...string) arrow.Array {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		b.AppendValues(values, nil)
		return b.NewArray()
	}
	number := func(values ...int64) arrow.Array {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		b.AppendValues(values, nil)
		return b.NewArray()
	}
	raw := func(values ...string) arrow.Array {
		b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
		b.AppendStringValues(values, nil)
		return b.NewArray()
	}
	upper := strings.ToUpper(someUUID)
	for _, tc := range []struct {
		typ    Type
		id     string
		bounds arrow.Array
		want   bool
	}{
		{Text, "bob", text("ann", "carl"), true},
		{Text, "bob", text("bob", "bob"), true},
		{Text, "bob", text("boc", "z"), false},
		{Text, "bob", text("a", "boa"), false},
		{Text, someUUID, text(upper, upper), true},
		{Text, someUUID, text(someUUID, someUUID), true},
		{Text, someUUID, text("7", "8"), false},
		{Int64, "-1", number(-5, 5), true},
		{Int64, "-6", number(-5, 5), false},
		{Int64, "6", number(-5, 5), false},
		{Binary, "ff0a", raw("\xff\x00", "\xff\xff"), true},
		{Binary, "ff0a", raw("\x00", "\xff\x09"), false},
		{Binary, "ff0a", raw("", "\xff\x09"), true}, // a bound that is no id tells nothing
	} {
		f, err := NewFinder(tc.typ, tc.id)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Between(tc.bounds); got != tc.want {
			t.Errorf("%s %s between %v: %v", tc.typ, tc.id, tc.bounds, got)
		}
	}
}

// TestSorted sorts ids of every type as a partition has them.
func TestSorted(t *testing.T) {
	for _, tc := range []struct {
		typ        Type
		ids        []string
		want, form string
	}{
		{Int64, []string{"10", "-1", "9"}, "[-1 9 10]", "0"},
		{Uint64, []string{"18446744073709551615", "2"}, "[2 18446744073709551615]", "0"},
		{Text, []string{"bob", someUUID, "ann"}, "[" + someUUID + " ann bob]", "2"},
		{Text, []string{someUUID, "00000000-0000-0000-0000-000000000001"}, "[00000000-0000-0000-0000-000000000001 " + someUUID + "]", "1"},
		{Binary, []string{"ff", "0a"}, "[0a ff]", "2"},
		{Text, nil, "[]", "1"},
	} {
		column, order, err := Sorted(tc.typ, tc.ids)
		if err != nil {
			t.Fatal(err)
		}
		var got, reordered []string
		for i := range column.Len() {
			got, reordered = append(got, column.TextAt(i)), append(reordered, tc.ids[order[i]])
			if column.Find(got[i]) != i {
				t.Errorf("%s: %q is not found", tc.typ, got[i])
			}
		}
		if fmt.Sprint(got) != tc.want || fmt.Sprint(reordered) != tc.want || fmt.Sprint(column.Form) != tc.form {
			t.Errorf("%s: %v in form %d, order %v; want %s in form %s", tc.typ, got, column.Form, order, tc.want, tc.form)
		}
	}
}
