package readers

import (
	"slices"
	"testing"
)

// TestC096 reads INT96 timestamps of all years.
func TestC096(t *testing.T) {
	s := mustOpen(t, sharedPath(t, "parquet-testing/data"), "int96_from_spark.parquet")
	got, err := readColumn(t, s, "a", 100)
	want := []string{
		"t:1704141296123456:us:UTC", "t:1704070800000000:us:UTC", "t:253402225200000000:us:UTC",
		"t:1735599600000000:us:UTC", "null", "t:9089380393200000000:us:UTC",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}
