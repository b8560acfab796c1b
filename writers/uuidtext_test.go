package writers

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/bloom/xxhash"

	"strata/pipeline/ids"
)

func TestUUIDTextAndHash(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	words := [][2]uint64{{0, 0}, {^uint64(0), ^uint64(0)}, {0x0123456789abcdef, 0xfedcba9876543210}}
	for range 1000 {
		words = append(words, [2]uint64{r.Uint64(), r.Uint64()})
	}
	for _, w := range words {
		want := ids.AppendUUID(nil, w[0], w[1])
		if got := appendUUID(nil, w[0], w[1]); string(got) != string(want) {
			t.Fatalf("%x: %s, want %s", w, got, want)
		}
		if got := hashUUIDText(w[0], w[1]); got != xxhash.Sum64(want) {
			t.Fatalf("%s: hash %x, want %x", want, got, xxhash.Sum64(want))
		}
	}
}

// Frames hold what they should by a decoder that is not ours, for numbers of texts around streams and blocks.
func TestUUIDFrames(t *testing.T) {
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]uint64, 2*7300)
	for i := range words {
		words[i] = []uint64{r.Uint64(), 0, ^uint64(0), 0xeeeeeeeeeeeeeeee}[min(r.IntN(60), 3)]
	}
	for i := range 500 {
		words[i] = ^uint64(0) // all of the longest codes
	}
	var s scratch
	leading := bytes.Repeat([]byte("head"), 40000)
	for _, n := range []int{0, 1, 3, 4, 5, 7, 8, 100, 101, 3275, 3276, 3277, 3639, 3640, 3641, 3644, 7280, 7281, 7299} {
		want := bytes.Clone(leading[:n*20])
		for i := range n {
			want = appendUUID(want, words[2*i], words[2*i+1])
		}
		frame, size := textCode().frame(&s, nil, leading[:n*20], words[:2*n])
		got, err := decoder.DecodeAll(frame, nil)
		if err != nil || size != len(want) || !bytes.Equal(got, want) {
			t.Fatalf("%d texts: %v; %d bytes of %d, said to be %d", n, err, len(got), len(want), size)
		}
	}
}
