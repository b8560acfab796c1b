package ids

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/uuid"
)

const someUUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

func TestParseUUID(t *testing.T) {
	high, low, ok := ParseUUID([]byte(someUUID))
	if high != 0x6ba7b8109dad11d1 || low != 0x80b400c04fd430c8 || !ok {
		t.Errorf("got %x %x %v", high, low, ok)
	}
	if h, l, ok := ParseUUID([]byte(strings.ToUpper(someUUID))); h != high || l != low || !ok {
		t.Errorf("capitals: got %x %x %v", h, l, ok)
	}
	for _, text := range []string{
		"", "x", someUUID[1:], someUUID + "0", "{" + someUUID[1:35] + "}", strings.ReplaceAll(someUUID, "-", "0"),
		strings.Replace(someUUID, "-", "_", 1), strings.Replace(someUUID, "c8", "cg", 1), strings.Replace(someUUID, "6b", "6:", 1),
		strings.Replace(someUUID, "6b", "6`", 1), strings.Replace(someUUID, "6b", "/b", 1), strings.Replace(someUUID, "6b", "\xe1b", 1),
		strings.Replace(someUUID, "6b", "\xb0b", 1),
	} {
		if _, _, ok := ParseUUID([]byte(text)); ok {
			t.Errorf("%q is taken for a UUID", text)
		}
	}
}

// TestParseUUIDAnyByte puts every byte into every place of a UUID.
func TestParseUUIDAnyByte(t *testing.T) {
	for at := range 36 {
		for b := range 256 {
			text := []byte(someUUID)
			text[at] = byte(b)
			high, low, ok := ParseUUID(text)
			want, err := uuid.Parse(string(text))
			if ok != (err == nil) {
				t.Fatalf("%q: %v, uuid.Parse says %v", text, ok, err)
			}
			if ok && (high != binary.BigEndian.Uint64(want[:8]) || low != binary.BigEndian.Uint64(want[8:])) {
				t.Fatalf("%q: %x %x, want %x", text, high, low, want)
			}
			if ok && string(AppendUUID(nil, high, low)) != want.String() {
				t.Fatalf("%q: AppendUUID differs", text)
			}
		}
	}
}

// An oracle says what is to become of one id: its canonical text, "" for a reject, and whether it fits.
type oracle struct {
	text string
	fits bool
}

func textOracle(text string, valid bool) oracle {
	if !valid || text == "" || strings.ToValidUTF8(text, "?") != text {
		return oracle{}
	}
	if u, err := uuid.Parse(text); err == nil && len(text) == 36 {
		return oracle{u.String(), true}
	}
	return oracle{text, false}
}

func check(t *testing.T, p *Packer, a arrow.Array, want []oracle) {
	t.Helper()
	defer a.Release()
	packed, err := p.Pack(a)
	if err != nil {
		t.Fatal(err)
	}
	column := Column{Type: p.typ, Form: OneWord, Words: packed.Words}
	if p.wordsAnID() == 2 {
		column.Form = TwoWords
	}
	for i, w := range want {
		got := oracle{}
		if packed.Fits(i) {
			got = oracle{column.TextAt(i), true}
		} else if !packed.Rejected(i) {
			got.text = string(packed.Text(i))
			if p.typ == Binary {
				got.text = hex.EncodeToString([]byte(got.text))
			}
		}
		hash := uint64(0)
		if w.text != "" {
			hash = Hash([]byte(w.text))
		}
		if got != w || packed.Hashes[i] != hash || packed.Rejected(i) != (w.text == "") {
			t.Fatalf("%s, row %d: %+v, hash %x; want %+v, hash %x", a.DataType(), i, got, packed.Hashes[i], w, hash)
		}
	}
}

// randomText is a UUID, often, or what looks like one, or anything.
func randomText(r *rand.Rand) string {
	var u uuid.UUID
	binary.BigEndian.PutUint64(u[:8], r.Uint64())
	binary.BigEndian.PutUint64(u[8:], r.Uint64())
	switch r.IntN(10) {
	case 0:
		return strings.ToUpper(u.String())
	case 1:
		return u.String()[:r.IntN(37)]
	case 2:
		return "user-" + strconv.Itoa(r.IntN(100))
	case 3:
		return string([]byte{0xff, byte(r.IntN(256))})
	}
	return u.String()
}

func TestPackText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := NewPacker(Text)
	defer p.Close()
	for range 200 {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		b := array.NewStringBuilder(mem)
		var want []oracle
		nulls := r.IntN(2) == 0
		for range r.IntN(200) {
			text, valid := randomText(r), !nulls || r.IntN(4) > 0
			if want = append(want, textOracle(text, valid)); valid {
				b.Append(text)
			} else {
				b.AppendNull()
			}
		}
		a := b.NewArray()
		from := r.IntN(len(want) + 1)
		check(t, p, array.NewSlice(a, int64(from), int64(len(want))), want[from:])
		checkDictionary(t, mem, p, a.(*array.String), want)
		a.Release()
		b.Release()
		p.Close()
		mem.AssertSize(t, 0)
	}
}

// checkDictionary packs the same texts as a dictionary, from back to front.
func checkDictionary(t *testing.T, mem memory.Allocator, p *Packer, values *array.String, want []oracle) {
	t.Helper()
	b := array.NewInt32Builder(mem)
	defer b.Release()
	for i := range want {
		b.Append(int32(len(want) - 1 - i))
	}
	indexes := b.NewArray()
	defer indexes.Release()
	d := array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, indexes, values)
	reversed := slices.Clone(want)
	slices.Reverse(reversed)
	check(t, p, d, reversed)
}

func TestPackNumbers(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	signed := array.NewInt64Builder(mem)
	defer signed.Release()
	var want []oracle
	for _, v := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 42} {
		signed.Append(v)
		want = append(want, oracle{strconv.FormatInt(v, 10), true})
	}
	signed.AppendNull()
	check(t, NewPacker(Int64), signed.NewArray(), append(want, oracle{}))
	unsigned := array.NewUint64Builder(mem)
	defer unsigned.Release()
	unsigned.AppendValues([]uint64{0, math.MaxUint64}, nil)
	check(t, NewPacker(Uint64), unsigned.NewArray(), []oracle{{"0", true}, {"18446744073709551615", true}})
	small := array.NewInt16Builder(mem)
	defer small.Release()
	small.AppendValues([]int16{-7, 7}, nil)
	check(t, NewPacker(Int32), small.NewArray(), []oracle{{"-7", true}, {"7", true}})
}

// TestC125 packs the same UUIDs as 16 bytes and as text in capitals.
func TestC125(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	u := uuid.MustParse(someUUID)
	fixed := array.NewFixedSizeBinaryBuilder(mem, &arrow.FixedSizeBinaryType{ByteWidth: 16})
	defer fixed.Release()
	fixed.Append(u[:])
	fixed.AppendNull()
	check(t, NewPacker(UUID), fixed.NewArray(), []oracle{{someUUID, true}, {}})
	text := array.NewStringBuilder(mem)
	defer text.Release()
	text.Append(strings.ToUpper(someUUID))
	check(t, NewPacker(Text), text.NewArray(), []oracle{{someUUID, true}})
}

func TestJoin(t *testing.T) {
	joined := map[[2]Type]Type{{Int32, Int64}: Int64, {Text, UUID}: Text}
	for a := Text; a <= Binary; a++ {
		for b := a; b <= Binary; b++ {
			want, ok := joined[[2]Type{a, b}]
			if a == b {
				want, ok = a, true
			}
			for _, pair := range [][2]Type{{a, b}, {b, a}} {
				if got, joins := pair[0].Join(pair[1]); got != want || joins != ok {
					t.Errorf("%s.Join(%s) = %s, %v; want %s, %v", pair[0], pair[1], got, joins, want, ok)
				}
			}
		}
	}
}

func TestPackBinary(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	b := array.NewBinaryBuilder(mem, arrow.BinaryTypes.Binary)
	defer b.Release()
	b.Append([]byte{0xff, 0})
	b.Append(nil)
	b.AppendNull()
	check(t, NewPacker(Binary), b.NewArray(), []oracle{{"ff00", false}, {}, {}})
}

func TestTypeOf(t *testing.T) {
	logical := arrow.NewMetadata([]string{"strata.logical"}, []string{"uuid"})
	sixteen := &arrow.FixedSizeBinaryType{ByteWidth: 16}
	for _, tc := range []struct {
		field arrow.Field
		want  string
	}{
		{arrow.Field{Type: arrow.BinaryTypes.String}, "string"},
		{arrow.Field{Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}}, "string"},
		{arrow.Field{Type: arrow.PrimitiveTypes.Uint32}, "int64"},
		{arrow.Field{Type: arrow.PrimitiveTypes.Uint64}, "uint64"},
		{arrow.Field{Type: sixteen, Metadata: logical}, "uuid"},
		{arrow.Field{Type: sixteen}, "binary"},
	} {
		if got, err := TypeOf(tc.field); err != nil || got.String() != tc.want {
			t.Errorf("TypeOf(%s) = %v, %v; want %s", tc.field.Type, got, err, tc.want)
		}
	}
	if _, err := TypeOf(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Float64}); err == nil || !strings.Contains(err.Error(), `"id"`) {
		t.Errorf("a double is taken for an id: %v", err)
	}
}

func BenchmarkPack(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows = 1 << 17
	for _, kind := range []string{"uuid", "text", "int64"} {
		b.Run(fmt.Sprintf("type=%s", kind), func(b *testing.B) {
			a, typ := randomIDs(r, kind, rows)
			defer a.Release()
			p := NewPacker(typ)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Pack(a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

func randomIDs(r *rand.Rand, kind string, rows int) (arrow.Array, Type) {
	if kind == "int64" {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		for range rows {
			b.Append(int64(r.Uint64()))
		}
		return b.NewArray(), Int64
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for range rows {
		if kind == "uuid" {
			b.Append(string(AppendUUID(nil, r.Uint64(), r.Uint64())))
		} else {
			b.Append(fmt.Sprintf("customer-%d", r.Uint64()))
		}
	}
	return b.NewArray(), Text
}
