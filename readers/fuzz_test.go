package readers

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

// A bytesBucket holds one object.
type bytesBucket struct {
	objects.Bucket
	data []byte
}

func (b bytesBucket) URL(key string) string { return "mem://" + key }

func (b bytesBucket) Read(_ context.Context, _, _ string, offset, length int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(bytes.NewReader(b.data), offset, length)), nil
}

// fuzzRows bounds how many rows of a column are read: a run can repeat a null as often as it says.
const fuzzRows = 20000

// A meter is an allocator that fails the test when too much is held at once.
type meter struct {
	memory.Allocator
	t    testing.TB
	held int
}

func (m *meter) Allocate(n int) []byte {
	if m.held += n; m.held > 64<<20 {
		m.t.Fatalf("%d bytes are held", m.held)
	}
	return m.Allocator.Allocate(n)
}

func (m *meter) Free(b []byte) {
	m.held -= len(b)
	m.Allocator.Free(b)
}

func (m *meter) Reallocate(n int, b []byte) []byte {
	out := m.Allocate(n)
	copy(out, b)
	m.Free(b)
	return out
}

// FuzzRead reads damaged files: anything but a panic, a hang, a leak or much memory is right.
func FuzzRead(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join(fixtures, "*.parquet"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range seeds {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint16(0), byte(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16, flip byte) {
		if len(data) > 0 {
			data = bytes.Clone(data)
			data[int(at)%len(data)] ^= flip
		}
		checked := memory.NewCheckedAllocator(poisonAllocator{memory.NewGoAllocator()})
		defer checked.AssertSize(t, 0)
		info := objects.Info{Key: "fuzz", Size: int64(len(data))}
		opts := Options{Allocator: &meter{Allocator: checked, t: t}, PageBytes: 1 << 20, SkipChecksums: true}
		s, err := OpenWith(t.Context(), bytesBucket{data: data}, []objects.Info{info}, opts)
		if err != nil {
			return
		}
		defer s.Close()
		for _, field := range s.Schema().Fields() {
			for group := range min(len(s.groups), 3) {
				fuzzColumn(t, s, group, field.Name)
			}
		}
	})
}

func fuzzColumn(t *testing.T, s *Snapshot, group int, name string) {
	columns, err := s.OpenRowGroup(t.Context(), group, []string{name})
	if err != nil {
		return
	}
	defer columns.Close()
	s.Statistics(group, name)
	for rows := 0; rows < fuzzRows; {
		skipped, err := columns.(tables.PageSkipper).SkipPage(name, func(known tables.Statistics) bool { return known.Rows%3 == 0 })
		if err != nil {
			return
		}
		if rows += int(skipped); skipped > 0 {
			continue
		}
		a, err := columns.Next(name, 1000)
		if err != nil {
			return
		}
		rows += a.Len()
		renderValue(a, a.Len()-1)
		a.Release()
	}
}
