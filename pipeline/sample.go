package pipeline

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/zeebo/xxh3"
)

// A Sample says how sure the numbers of a preview are that looked at some row groups only.
//
// Neighbours in a file are often alike, so rows of one row group are no independent draws, and the interval treats whole row
// groups as what was drawn: a simple random sample of clusters, the ratio estimator, Student's t with one degree of freedom less
// than there are row groups in the sample, and the correction for a finite number of them.
type Sample struct {
	RowGroups int // that were looked at
	Of        int
	Members   float64 // the estimate for all rows of the snapshot
	// Low and High are the 95 % confidence interval of Members. Steady says whether it can be relied on: fewer than five row groups
	// with a member, or with a row that is none, say too little about the others.
	Low, High float64
	Steady    bool
}

// fewestRowGroups are looked at whatever the share, if there are so many: an interval from fewer says nothing.
const fewestRowGroups = 10

// A cluster is a row group of a sample.
type cluster struct{ rows, members int64 }

// sampled counts the rows of the row groups that were drawn, and estimates all.
func (p *previewing) sampled(ctx context.Context, drawn []int) (*tally, *Sample, error) {
	clusters := make([]cluster, len(drawn))
	total, err := p.countRows(ctx, drawn, func(i int, rows, members int64) { clusters[i] = cluster{rows, members} })
	if err != nil {
		return nil, nil, err
	}
	return total, estimate(clusters, len(p.snapshot.RowGroupRows()), p.snapshot.Rows()), nil
}

// draw chooses a share of n row groups, in order: those whose numbers have the least hashes.
func draw(n int, share float64) []int {
	all := allOf(n)
	hash := func(i int) uint64 { return xxh3.Hash(binary.LittleEndian.AppendUint64(nil, uint64(i))) }
	slices.SortFunc(all, func(a, b int) int { return cmp.Compare(hash(a), hash(b)) })
	size := min(max(int(math.Ceil(share*float64(n))), fewestRowGroups), n)
	drawn := all[:size]
	slices.Sort(drawn)
	return drawn
}

// estimate tells from some of the row groups how many members all rows have.
func estimate(clusters []cluster, of int, allRows int64) *Sample {
	rows, members, some, others := int64(0), int64(0), 0, 0
	for _, c := range clusters {
		rows += c.rows
		members += c.members
		if c.members > 0 {
			some++
		}
		if c.members < c.rows {
			others++
		}
	}
	ratio, n := share(members, rows), float64(len(clusters))
	squares := 0.0
	for _, c := range clusters {
		residual := float64(c.members) - ratio*float64(c.rows)
		squares += residual * residual
	}
	s := &Sample{RowGroups: len(clusters), Of: of, Members: ratio * float64(allRows), Steady: min(some, others) >= 5}
	deviation := float64(of) * math.Sqrt((1-n/float64(of))/n*squares/max(n-1, 1))
	half := studentT(n-1) * deviation
	s.Low = max(s.Members-half, float64(members))
	s.High = min(s.Members+half, float64(allRows-(rows-members)))
	return s
}

// studentT is the quantile 0.975 of Student's t distribution, by the first terms of its expansion around the normal one: right to a
// thousandth from nine degrees of freedom on.
func studentT(degrees float64) float64 {
	const z = 1.959963984540054
	z3, z5, z7 := z*z*z, z*z*z*z*z, z*z*z*z*z*z*z
	return z + (z3+z)/(4*degrees) + (5*z5+16*z3+3*z)/(96*degrees*degrees) + (3*z7+19*z5+17*z3-15*z)/(384*degrees*degrees*degrees)
}
