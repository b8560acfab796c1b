package readers

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

var damages = flag.Int("damages", 60, "how many damaged copies of each fixture are read")

// TestDamagedFiles reads files with a few flipped bytes, checksums aside: no leak, little memory, and no panic, not even one that the
// guard turns into an error.
func TestDamagedFiles(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(fixtures, "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range *damages {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			damaged := bytes.Clone(data)
			for range 1 + r.IntN(3) {
				damaged[r.IntN(len(damaged))] = byte(r.Uint32())
			}
			if fault := readDamaged(t, damaged); fault != "" {
				t.Errorf("%s, seed %d %d: %s", name, seed, i, fault)
			}
		}
	}
}

// readDamaged reads all it can and returns an error that came of a panic.
func readDamaged(t *testing.T, data []byte) (fault string) {
	checked := memory.NewCheckedAllocator(poisonAllocator{memory.NewGoAllocator()})
	defer checked.AssertSize(t, 0)
	opts := Options{Allocator: &meter{Allocator: checked, t: t}, PageBytes: 1 << 20, SkipChecksums: true}
	s, err := OpenWith(t.Context(), bytesBucket{data: data}, []objects.Info{{Key: "damaged", Size: int64(len(data))}}, opts)
	if err != nil {
		return panicIn(err)
	}
	defer s.Close()
	for _, field := range s.Schema().Fields() {
		for group := range min(len(s.groups), 3) {
			columns, err := s.OpenRowGroup(t.Context(), group, []string{field.Name})
			s.Statistics(group, field.Name)
			for rows := 0; err == nil && rows < fuzzRows; {
				if _, err = columns.(tables.PageSkipper).SkipPage(field.Name, func(tables.Statistics) bool { return false }); err != nil {
					break
				}
				a, nextErr := columns.Next(field.Name, 1000)
				if err = nextErr; err == nil {
					rows += a.Len()
					renderValue(a, a.Len()-1)
					a.Release()
				}
			}
			if columns != nil {
				columns.Close()
			}
			if err != nil && fault == "" {
				fault = panicIn(err)
			}
		}
	}
	return fault
}

func panicIn(err error) string {
	if strings.Contains(err.Error(), "damaged data:") {
		return err.Error()
	}
	return ""
}
