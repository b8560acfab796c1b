package rules

import (
	"math/rand/v2"
	"strings"
	"testing"

	"strata/pipeline/tables"
)

// mask makes a Mask of letters: T, F, U, E.
func mask(letters string) Mask {
	m := Mask{known: make([]uint64, words(len(letters))), value: make([]uint64, words(len(letters))), n: len(letters)}
	for i, letter := range letters {
		if letter == 'T' || letter == 'F' {
			setBit(m.known, i)
		}
		if letter == 'T' || letter == 'E' {
			setBit(m.value, i)
		}
	}
	m.fails = strings.Contains(letters, "E")
	if !strings.ContainsAny(letters, "UE") {
		m.known = nil
	}
	return m
}

// freshLike makes room for an answer, as windows and arenas do, with dirty memory.
func freshLike(n int, args ...Mask) Mask {
	out := Mask{value: make([]uint64, words(n)), n: n}
	fill(out.value, 0xdeadbeefdeadbeef)
	for _, arg := range args {
		if arg.known != nil && out.known == nil {
			out.known = make([]uint64, words(n))
			fill(out.known, 0xfeedfeedfeedfeed)
		}
		out.fails = out.fails || arg.fails
	}
	return out
}

func TestMaskTruthTables(t *testing.T) {
	const a, b = "TTTTFFFFUUUUEEEE", "TFUETFUETFUETFUE"
	for _, tc := range []struct {
		name, a, b, want string
		op               func(out *Mask, a, b Mask)
	}{
		{"and", a, b, "TFUEFFFFUFUUEFUE", and},
		{"or", a, b, "TTTTTFUETUUUTEUE", or},
		{"and without errors", "TTTFFFUUU", "TFUTFUTFU", "TFUFFFUFU", and},
		{"or without errors", "TTTFFFUUU", "TFUTFUTFU", "TTTTFUTUU", or},
		{"and of two values", "TTFF", "TFTF", "TFFF", and},
		{"or of two values", "TTFF", "TFTF", "TTTF", or},
		{"and, one side known", "TTFF", "TUTU", "TUFF", and},
		{"and, the other side known", "TUTU", "TTFF", "TUFF", and},
		{"or, one side known", "TTFF", "FUTU", "TTTU", or},
	} {
		for _, times := range []int{1, 4, 5, 9} { // past one word, and to its very end
			x, y, want := mask(strings.Repeat(tc.a, times)), mask(strings.Repeat(tc.b, times)), strings.Repeat(tc.want, times)
			out := freshLike(x.n, x, y)
			if tc.op(&out, x, y); out.String() != want {
				t.Errorf("%s: got %s, want %s", tc.name, out, want)
			}
			checkTail(t, tc.name, out)
			if tc.op(&x, x, y); x.known != nil && x.String() != want { // out may be an argument
				t.Errorf("%s in place: got %s, want %s", tc.name, x, want)
			}
		}
	}
}

func checkTail(t *testing.T, name string, m Mask) {
	t.Helper()
	for _, bitmap := range [][]uint64{m.known, m.value} {
		if len(bitmap) > 0 && bitmap[len(bitmap)-1]&^tail(m.n) != 0 {
			t.Errorf("%s: bits past the last row are set", name)
		}
	}
}

func TestMaskOfOne(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		op         func(out *Mask, a Mask)
	}{
		{"not", "FTUE", not}, {"isTrue", "TFFE", isTrue}, {"member", "TFFF", member},
	} {
		in := mask(strings.Repeat("TFUE", 33))
		out := freshLike(in.n, in)
		if tc.name == "member" {
			out = freshLike(in.n)
		}
		if tc.op(&out, in); out.String() != strings.Repeat(tc.want, 33) {
			t.Errorf("%s: got %s", tc.name, out)
		}
		checkTail(t, tc.name, out)
	}
	in := mask("TFUE")
	if in.True() != 1 || in.Unknown() != 1 || in.Failed() != 1 || mask("TTF").True() != 2 || mask("TF").Unknown() != 0 {
		t.Error("wrong counts")
	}
}

func TestMaskCond(t *testing.T) {
	c, a, b := mask("TTTTFFFFUUEE"), mask("TFUETFUETFTF"), mask("FTFTTFUETFTF")
	out := freshLike(c.n, c, a, b)
	if cond(&out, c, a, b); out.String() != "TFUETFUEUUEE" {
		t.Errorf("cond = %s", out)
	}
}

// bitsRowByRow is the plain reading of a bitmap.
func bitsRowByRow(bitmap []byte, offset, n int) []uint64 {
	out := make([]uint64, words(n))
	for i := range n {
		if bitmap[(offset+i)/8]>>((offset+i)%8)&1 != 0 {
			setBit(out, i)
		}
	}
	return out
}

func TestBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		offset, n := rng.IntN(80), rng.IntN(300)
		bitmap := make([]byte, (offset+n+7)/8)
		for i := range bitmap {
			bitmap[i] = byte(rng.Uint32())
		}
		want := bitsRowByRow(bitmap, offset, n)
		got := make([]uint64, words(n))
		fill(got, 0x5555)
		if loadBits(got, bitmap, offset, n); !equalWords(got, want) {
			t.Fatalf("loadBits(offset %d, n %d)", offset, n)
		}
		at := rng.IntN(200)
		dst := make([]uint64, words(at+n))
		putBits(dst, at, got, n)
		ones := make([]uint64, words(at+n))
		putOnes(ones, at, n)
		for i := range at + n {
			if in := i >= at; hasBit(dst, i) != (in && hasBit(want, i-at)) || hasBit(ones, i) != in {
				t.Fatalf("putBits or putOnes at %d, n %d, row %d", at, n, i)
			}
		}
	}
}

func equalWords(a, b []uint64) bool {
	for i := range b {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestTranspose(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var m, original [64]uint64
	for i := range m {
		m[i] = rng.Uint64()
	}
	original = m
	Transpose64(&m)
	for r := range 64 {
		for c := range 64 {
			if m[c]>>r&1 != original[r]>>c&1 {
				t.Fatalf("bit %d of row %d", c, r)
			}
		}
	}
	matrix := tables.BitMatrix{Width: 2, Words: make([]uint64, 2*70)}
	for i := range matrix.Words {
		matrix.Words[i] = rng.Uint64()
	}
	cuts := make([]uint64, 128)
	for first := 0; first < 70; first += 64 {
		live := TransposeRows(&matrix, first, cuts)
		for u := range 64 {
			if (live>>u&1 != 0) != (first+u < 70) {
				t.Fatalf("user %d is there or not", first+u)
			}
			for b := range 128 {
				if want := first+u < 70 && matrix.Has(first+u, b); (cuts[b]>>u&1 != 0) != want {
					t.Fatalf("bit %d of user %d", b, first+u)
				}
			}
		}
	}
}

func TestResolve(t *testing.T) {
	// One user a bit; cuts 0 and 1 are four-valued, the others plain.
	place := []Cut{{Bit: 0, FourValued: true}, {Bit: 2, FourValued: true}, {Bit: 4}, {Bit: 5}}
	words := func(letters string) (known, value uint64) {
		m := mask(letters + "U")
		return m.known[0], m.value[0]
	}
	bits := make([]uint64, 6)
	bits[0], bits[1] = words("TFUETFUE")
	bits[2], bits[3] = words("TTTTFFFF")
	bits[4], bits[5] = 0b1100, 0b1010
	segments := []Segment{
		{Name: "a", Asked: 0, Include: 2, Exclude: 3, Ruled: -1}, {Name: "b", Asked: 2, Include: -1, Exclude: -1, Ruled: -1}, {Name: "gone", Broken: "no column"},
	}
	lifecycles := []Lifecycle{{Name: "l", Stages: []Stage{{"s", 0, -1}, {"t", 1, -1}}, Blocked: -1}, {Name: "m", Broken: "no column"}}
	var r Resolved
	r.resolve(place, segments, lifecycles, bits)
	low := uint64(0xff)
	// a: rule T at 0 and 4; include 2, 3; exclude 1, 3.
	if got := r.Segments[0] & low; got != 0b00010101 {
		t.Errorf("members of a: %08b", got)
	}
	if r.Segments[1]&low != 0b1100 || r.Segments[2] != 0 || !r.BrokenSegments[2] {
		t.Errorf("members: %b", r.Segments)
	}
	if r.Unknown[0]&low != 0b01000100 || r.Failed[0]&low != 0b10001000 {
		t.Errorf("unknown %08b, failed %08b", r.Unknown[0]&low, r.Failed[0]&low)
	}
	if r.Stages[0][0]&low != 0b00010001 || r.Stages[0][1]&low != 0b00001110 {
		t.Errorf("stages %08b", r.Stages[0])
	}
	if r.StageUnknown[0]&low != 0b01000100 || r.StageFailed[0]&low != 0b10001000 || !r.BrokenLifecycles[1] {
		t.Errorf("stages unknown %08b, failed %08b", r.StageUnknown[0]&low, r.StageFailed[0]&low)
	}
	if n := testing.AllocsPerRun(10, func() { r.resolve(place, segments, lifecycles, bits) }); n != 0 {
		t.Errorf("resolve allocates %v times", n)
	}
}
