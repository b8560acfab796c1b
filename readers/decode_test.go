package readers

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// TestRunsAgainstParquetGo decodes what another encoder wrote, in pieces of random length.
func TestRunsAgainstParquetGo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for width := range 33 {
		for range 20 {
			values := randomRuns(r, width)
			src, err := (&rle.Encoding{BitWidth: width}).EncodeInt32(nil, values)
			if err != nil {
				t.Fatal(err)
			}
			runs, err := newHybrid(src, width)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]uint32, len(values))
			for at := 0; at < len(got); {
				n := min(1+r.IntN(100), len(got)-at)
				if _, err := runs.indexes(got[at : at+n]); err != nil {
					t.Fatalf("width %d: %v", width, err)
				}
				at += n
			}
			if !slices.EqualFunc(got, values, func(a uint32, b int32) bool { return a == uint32(b) }) {
				t.Fatalf("width %d: got %v, want %v", width, got, values)
			}
		}
	}
}

// randomRuns mixes runs of one number with others.
func randomRuns(r *rand.Rand, width int) (values []int32) {
	for len(values) < 300 {
		v := int32(r.Uint32() & uint32(1<<width-1))
		for range 1 + r.IntN(2)*r.IntN(40) {
			values = append(values, v)
		}
	}
	return values[:300-r.IntN(20)]
}

func TestLevelsAgainstParquetGo(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for most := byte(1); most < 9; most++ {
		for range 50 {
			want := make([]byte, 1+r.IntN(500))
			for i := range want {
				if want[i] = byte(r.IntN(int(most) + 1)); i > 0 && r.IntN(3) > 0 {
					want[i] = want[i-1]
				}
			}
			src, err := (&rle.Encoding{BitWidth: bits.Len8(most)}).EncodeLevels(nil, want)
			if err != nil {
				t.Fatal(err)
			}
			levels, err := newLevels(src, most)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(want))
			cut := r.IntN(len(got))
			if err := levels.fill(got[:cut]); err != nil {
				t.Fatal(err)
			}
			if err := levels.fill(got[cut:]); err != nil || !slices.Equal(got, want) {
				t.Fatalf("most %d: got %v, %v; want %v", most, got, err, want)
			}
			if most == 1 {
				compareBitmap(t, src, want, cut)
			}
		}
	}
}

// compareBitmap reads the same levels as bits.
func compareBitmap(t *testing.T, src, want []byte, cut int) {
	t.Helper()
	levels, err := newLevels(src, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{want[:cut], want[cut:]} {
		bitmap := make([]byte, (len(part)+7)/8)
		ones, err := levels.bitmap(bitmap, len(part))
		if err != nil || ones != countLevel(part, 1) {
			t.Fatalf("%d ones, %v; want %d", ones, err, countLevel(part, 1))
		}
		for i, level := range part {
			if bitmap[i>>3]>>(i&7)&1 != level {
				t.Fatalf("bit %d differs", i)
			}
		}
	}
}

func TestDeltasAgainstParquetGo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		want, last := make([]int64, r.IntN(500)), int64(0)
		spread := uint(r.IntN(64))
		for i := range want {
			last += int64(r.Uint64() >> spread)
			want[i] = last
		}
		src, err := new(delta.BinaryPackedEncoding).EncodeInt64(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := deltas[int64](append(src, "rest"...), len(want), 1<<20)
		if err != nil || !slices.Equal(got, want) || len(want) > 1 && string(rest) != "rest" {
			t.Fatalf("got %v, %q, %v; want %v", got, rest, err, want)
		}
	}
}

// TestBombs are small inputs that claim to be large.
func TestBombs(t *testing.T) {
	deltaBomb := slices.Concat(binary.AppendUvarint(nil, 1<<20), []byte{1}, binary.AppendUvarint(nil, 1<<30), []byte{0, 0, 0})
	if _, _, err := deltas[int64](deltaBomb, 1<<30, 1<<20); err == nil || !strings.Contains(err.Error(), "more than the limit") {
		t.Errorf("deltas: %v", err)
	}
	runs, err := newHybrid(binary.AppendUvarint(nil, 1<<62), 8)
	if err == nil {
		_, err = runs.indexes(make([]uint32, 10))
	}
	if err == nil {
		t.Error("runs without end were read")
	}
	if _, err := deltaTotal([]int32{0, 1 << 20, 1 << 20}, []int32{1 << 20, 0, 0}, 1<<20, 1<<21); err == nil {
		t.Error("texts that share a megabyte each were accepted")
	}
	for _, codec := range []format.CompressionCodec{format.Snappy, format.Gzip, format.Brotli, format.Zstd, format.Lz4, format.Lz4Raw} {
		err := guarded(func() error {
			return decompress(codec, make([]byte, 100), []byte("no such thing as a compressed page"))
		})
		if err == nil || strings.Contains(err.Error(), "damaged data") {
			t.Errorf("%s: %v", codec, err)
		}
	}
}

// TestThriftBounds refuses metadata that claims more than its bytes can hold, or nests without end.
func TestThriftBounds(t *testing.T) {
	longList := []byte{0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07} // field 1: a list of 2^31-1 structs
	nested := slices.Repeat([]byte{0x1c}, 1<<20)                 // field 1: a struct, in a struct, in a struct
	lists := slices.Repeat([]byte{0x19, 0x1c}, 1<<19)            // field 1: a list of one struct, and so on
	for name, data := range map[string][]byte{"a long list": longList, "nested structs": nested, "nested lists": lists} {
		var m footer
		if _, err := decodeThrift(data, &m); err == nil || strings.Contains(err.Error(), "damaged data") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var want format.FileMetaData
	want.Schema = []format.SchemaElement{{Name: "root", NumChildren: thrift.New(int32(0))}}
	want.RowGroups = []format.RowGroup{}
	data, err := thrift.Marshal(new(thrift.CompactProtocol), &want)
	if err != nil {
		t.Fatal(err)
	}
	var m footer
	if n, err := decodeThrift(data, &m); err != nil || n != len(data) || m.Schema[0].Name != "root" {
		t.Errorf("%d bytes, %v, %+v", n, err, m)
	}
}
