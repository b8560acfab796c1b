package objects_test

import (
	"fmt"
	"testing"

	"strata/pipeline/objects"
)

func BenchmarkLocalCreate(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20, 64 << 20} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			bucket, err := objects.NewLocal(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			body := make([]byte, size)
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				if _, err := bucket.Create(b.Context(), fmt.Sprintf("x/%d", i), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLocalList(b *testing.B) {
	bucket, err := objects.NewLocal(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	const objectCount = 2000
	for i := range objectCount {
		if _, err := bucket.Create(b.Context(), fmt.Sprintf("d=%d/%d", i%20, i), nil); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		for _, err := range objects.All(b.Context(), bucket, "") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(objectCount)*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}
