package writers

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Frames without matches decode to what they hold, whatever that is: skewed, random or all the same, around the sizes of blocks.
func TestLiteralFrames(t *testing.T) {
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	r := rand.New(rand.NewPCG(1, 2))
	var s scratch
	for _, n := range []int{0, 1, minLiterals - 1, minLiterals, minLiterals + 1, 5000, maxBlock - 1, maxBlock, maxBlock + 1, 3*maxBlock + 300} {
		for name, next := range map[string]func(int) byte{
			"skewed": func(int) byte { return byte(min(r.ExpFloat64()*3, 255)) },
			"random": func(int) byte { return byte(r.Uint64()) },
			"same":   func(int) byte { return 7 },
			"two":    func(int) byte { return byte(r.IntN(2)) * 0xff },
			"turns":  func(i int) byte { return byte(i * r.IntN(1+i/maxBlock*60)) },
		} {
			raw := make([]byte, n)
			for i := range raw {
				raw[i] = next(i)
			}
			got, err := decoder.DecodeAll(appendLiterals(nil, raw, &s.code), nil)
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("%d bytes, %s: %v, %d bytes back", n, name, err, len(got))
			}
			if n == 0 {
				continue
			}
			spliced := appendLastBlock(appendBlocksOf(appendFrameHeader(nil, n+3), s.lead(raw)), []byte("end"))
			got, err = decoder.DecodeAll(spliced, nil)
			if err != nil || !bytes.Equal(got, append(raw, "end"...)) {
				t.Errorf("%d bytes, %s, with more behind: %v, %d bytes back", n, name, err, len(got))
			}
		}
	}
}
