package readers

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"strata/pipeline/ids"
	"strata/pipeline/objects"
)

// openNightly opens the second night of the public workload, or of a larger one in the folder that STRATA_NIGHTLY names.
func openNightly(b *testing.B) *Snapshot {
	b.Helper()
	folder := os.Getenv("STRATA_NIGHTLY")
	if folder == "" {
		folder = sharedPath(b, "nightly/snapshots")
	}
	bucket, err := objects.NewLocal(folder)
	if err != nil {
		b.Fatal(err)
	}
	pinned, err := ListSnapshot(context.Background(), bucket, "date=2026-11-02/*.parquet")
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(context.Background(), bucket, pinned)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return s
}

// readWhole reads all rows of some columns.
func readWhole(b *testing.B, s *Snapshot, columns []string, packer *ids.Packer) {
	for at := range s.RowGroups() {
		group, err := s.OpenRowGroup(context.Background(), at, columns)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range columns {
			for {
				a, err := group.Next(name, 1<<17)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					b.Fatal(err)
				}
				if packer != nil {
					if _, err := packer.Pack(a); err != nil {
						b.Fatal(err)
					}
				}
				a.Release()
			}
		}
		group.Close()
	}
}

func BenchmarkRead(b *testing.B) {
	s := openNightly(b)
	var all []string
	for _, f := range s.Schema().Fields() {
		all = append(all, f.Name)
		b.Run("column="+f.Name, func(b *testing.B) { benchmarkColumns(b, s, []string{f.Name}, nil) })
	}
	b.Run("column=all", func(b *testing.B) { benchmarkColumns(b, s, all, nil) })
	b.Run("column=user_id/packed=true", func(b *testing.B) { benchmarkColumns(b, s, []string{"user_id"}, ids.NewPacker(ids.Text)) })
}

func benchmarkColumns(b *testing.B, s *Snapshot, columns []string, packer *ids.Packer) {
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		readWhole(b, s, columns, packer)
	}
	reportRows(b, s, start)
}

func reportRows(b *testing.B, s *Snapshot, start time.Duration) {
	rows := float64(b.N) * float64(s.Rows())
	b.ReportMetric(rows/b.Elapsed().Seconds()/1e6, "Mrows/s")
	b.ReportMetric(float64(cpuTime(b)-start)/rows, "cpu-ns/row")
}

// cpuTime is what the process has used of all cores.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkParquetGo reads the pages of the same columns with parquet-go, and makes nothing of them.
func BenchmarkParquetGo(b *testing.B) {
	s := openNightly(b)
	start := cpuTime(b)
	for b.Loop() {
		for _, f := range s.files {
			file, err := parquet.OpenFile(f.local, f.object.Size)
			if err != nil {
				b.Fatal(err)
			}
			for _, group := range file.RowGroups() {
				for _, chunk := range group.ColumnChunks() {
					pages := chunk.Pages()
					for {
						page, err := pages.ReadPage()
						if errors.Is(err, io.EOF) {
							break
						}
						if err != nil {
							b.Fatal(err)
						}
						parquet.Release(page)
					}
					pages.Close()
				}
			}
		}
	}
	reportRows(b, s, start)
}
