package pipeline

import "math/bits"

// since appends the dates of user i's memberships and stages: those of the previous run's user j (-1: none) where they
// stand unbroken, else this run's date.
func (d *differ) since(i, j int) {
	if !d.keepSince {
		return
	}
	forEach(d.membership.Sets.Row(i), func(s int) {
		d.membership.Since = append(d.membership.Since, d.sinceSegment(s, j))
	})
	for l := range d.membership.Stages {
		if d.membership.Stages[l][i] != 0 {
			d.membership.StageSince[l][i] = d.sinceStage(l, i, j)
		}
	}
}

func (d *differ) sinceSegment(s, j int) int32 {
	old := d.words.toOld[s]
	switch {
	case j < 0 || old < 0 || !d.previous.Sets.Has(j, old):
		return d.day
	case d.previous.Since == nil:
		return d.lastDay
	default:
		return d.previous.Since[d.oldAt+rank(d.previous.Sets.Row(j), old)]
	}
}

func (d *differ) sinceStage(l, i, j int) int32 {
	old := d.words.lifeOld[l]
	switch {
	case j < 0 || old < 0 || d.words.stageOld[l][d.previous.Stages[old][j]] != d.membership.Stages[l][i]:
		return d.day
	case d.previous.StageSince == nil:
		return d.lastDay
	default:
		return d.previous.StageSince[old][j]
	}
}

// rank is how many bits of a set stand below bit b.
func rank(set []uint64, b int) int {
	n := bits.OnesCount64(set[b>>6] & (1<<(b&63) - 1))
	for _, word := range set[:b>>6] {
		n += bits.OnesCount64(word)
	}
	return n
}

// passDates steps over the dates of previous user j.
func (d *differ) passDates(j int) {
	if d.previous.Since == nil {
		return
	}
	for _, word := range d.previous.Sets.Row(j) {
		d.oldAt += bits.OnesCount64(word)
	}
}
