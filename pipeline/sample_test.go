package pipeline

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestIntervalsHoldTheTruth draws many samples from populations whose neighbours are alike, and counts how often the interval
// holds the truth: about 95 times in 100, and never far from it.
func TestIntervalsHoldTheTruth(t *testing.T) {
	for _, tc := range []struct {
		name  string
		share func(r *rand.Rand) float64 // of members in a row group
		rows  func(r *rand.Rand) int64
		size  int
	}{
		{"alike", func(*rand.Rand) float64 { return 0.3 }, func(*rand.Rand) int64 { return 1000 }, 12},
		{"clumped", func(r *rand.Rand) float64 { return r.Float64() }, func(*rand.Rand) int64 { return 1000 }, 12},
		{"clumped and uneven", func(r *rand.Rand) float64 { return 0.2 + 0.6*r.Float64() }, func(r *rand.Rand) int64 { return 500 + r.Int64N(1000) }, 20},
		{"rare", func(*rand.Rand) float64 { return 0.01 }, func(*rand.Rand) int64 { return 1000 }, 30},
	} {
		r := rand.New(rand.NewPCG(7, 7))
		population := make([]cluster, 100)
		rows, truth := int64(0), int64(0)
		for i := range population {
			c := cluster{rows: tc.rows(r)}
			share := tc.share(r)
			for range c.rows {
				if r.Float64() < share {
					c.members++
				}
			}
			population[i] = c
			rows, truth = rows+c.rows, truth+c.members
		}
		const rounds = 4000
		held := 0
		for range rounds {
			r.Shuffle(len(population), func(i, j int) { population[i], population[j] = population[j], population[i] })
			s := estimate(population[:tc.size], len(population), rows)
			if s.Low <= float64(truth) && float64(truth) <= s.High {
				held++
			}
		}
		if coverage := float64(held) / rounds; coverage < 0.92 || coverage > 0.975 {
			t.Errorf("%s: the interval held the truth in %.1f %% of the samples", tc.name, 100*coverage)
		}
	}
}

func TestStudentT(t *testing.T) { // against the tables
	for degrees, want := range map[float64]float64{9: 2.2622, 15: 2.1314, 30: 2.0423, 100: 1.9840, 1e6: 1.9600} {
		if got := studentT(degrees); math.Abs(got-want) > 1e-3 {
			t.Errorf("studentT(%v) = %v, want %v", degrees, got, want)
		}
	}
}

func TestEstimateOfWhatIsRare(t *testing.T) {
	clusters := make([]cluster, 10)
	for i := range clusters {
		clusters[i].rows = 100
	}
	if s := estimate(clusters, 50, 5000); s.Steady || s.Members != 0 {
		t.Errorf("nobody seen: %+v; that tells little about the rest", s)
	}
	for i := range clusters {
		clusters[i].members = clusters[i].rows
	}
	if s := estimate(clusters, 50, 5000); s.Steady || s.Members != 5000 {
		t.Errorf("everybody seen: %+v; that tells little about the rest", s)
	}
	for i := range clusters {
		clusters[i].members = 0
	}
	clusters[3].members = 40
	if s := estimate(clusters, 50, 5000); s.Steady || s.Low < 40 {
		t.Errorf("one row group: %+v; at least 40 there are, and no more can be said", s)
	}
}
