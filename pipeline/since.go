package pipeline

import (
	"math/bits"
	"slices"

	"strata/pipeline/tables"
)

// A datedName is a segment or lifecycle of today whose since-dates are kept although no column shows them.
type datedName struct{ segment, lifecycle int } // one is -1

// An exitsOf is a segment of today whose last exits are kept while its cooldown lasts.
type exitsOf struct {
	segment int
	days    int32 // the cooldown
	old     int   // place in the previous run's Names.Exits, or -1
}

// since appends the dates of user i's memberships and stages: those of the previous run's user j (-1: none) where they
// stand unbroken, else this run's date.
func (d *differ) since(i, j int) {
	switch {
	case !d.keepSince:
	case d.unchanged(i, j):
		start := int(d.starts[j])
		d.membership.Since = append(d.membership.Since, d.previous.Since[start:start+setSize(d.previous, j)]...)
	default:
		forEach(d.membership.Sets.Row(i), func(s int) {
			d.membership.Since = append(d.membership.Since, d.sinceSegment(s, j))
		})
	}
	if d.keepSince {
		for l := range d.membership.Stages {
			if d.membership.Stages[l][i] != 0 {
				d.membership.StageSince[l][i] = d.sinceStage(l, i, j)
			}
		}
	}
	for k, of := range d.dated {
		switch {
		case of.segment >= 0 && d.membership.Sets.Has(i, of.segment):
			d.membership.KeptSince[k][i] = d.sinceSegment(of.segment, j)
		case of.lifecycle >= 0 && d.membership.Stages[of.lifecycle][i] != 0:
			d.membership.KeptSince[k][i] = d.sinceStage(of.lifecycle, i, j)
		default:
			d.membership.KeptSince[k][i] = tables.NoDay
		}
	}
	for k, of := range d.exits {
		d.membership.LastExits[k][i] = d.lastExit(of, i, j)
	}
}

// unchanged says whether user i is in just the segments that the previous run's user j is in, all with dates, in the same order.
func (d *differ) unchanged(i, j int) bool {
	return j >= 0 && d.starts != nil && d.words.sameOrder && slices.Equal(d.membership.Sets.Row(i), d.previous.Sets.Row(j))
}

func (d *differ) sinceSegment(s, j int) int32 {
	old := d.words.toOld[s]
	if j < 0 || old < 0 || !d.previous.Sets.Has(j, old) {
		return d.day
	}
	return d.segmentSince(old, j)
}

func (d *differ) sinceStage(l, i, j int) int32 {
	old := d.words.lifeOld[l]
	if j < 0 || old < 0 || d.words.stageOld[l][d.previous.Stages[old][j]] != d.membership.Stages[l][i] {
		return d.day
	}
	return d.stageSince(old, j)
}

// lastExit is this run's date for who has left the segment, and the date of an earlier exit as long as the cooldown lasts.
func (d *differ) lastExit(of exitsOf, i, j int) int32 {
	if j < 0 || d.membership.Sets.Has(i, of.segment) {
		return tables.NoDay
	}
	if old := d.words.toOld[of.segment]; old >= 0 && d.previous.Sets.Has(j, old) {
		return d.day
	}
	if of.old >= 0 {
		if day := d.previous.LastExits[of.old][j]; day != tables.NoDay && int64(d.day)-int64(day) < int64(of.days) {
			return day
		}
	}
	return tables.NoDay
}

// rank is how many bits of a set stand below bit b.
func rank(set []uint64, b int) int {
	n := bits.OnesCount64(set[b>>6] & (1<<(b&63) - 1))
	for _, word := range set[:b>>6] {
		n += bits.OnesCount64(word)
	}
	return n
}
