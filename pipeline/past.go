package pipeline

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/pipeline/catalog"
	"strata/pipeline/ids"
	"strata/pipeline/tables"
	"strata/rules"
)

// pairsOf finds today's users among the previous run's, both sorted by id: by user of today the place of the same user there, or
// where there is none, the complement of the place before which the user would stand.
func pairsOf(today, before *ids.Column) []int32 {
	out := make([]int32, today.Len())
	j, m := 0, before.Len()
	for i := range out {
		order := -1
		for j < m {
			if order = today.Compare(i, before, j); order <= 0 {
				break
			}
			j++
		}
		if j < m && order == 0 {
			out[i] = int32(j)
			j++
		} else {
			out[i] = ^int32(j)
		}
	}
	return out
}

// A former is what the previous run left of a partition's users.
type former struct {
	previous *tables.Membership
	ids      *ids.Column // of today's users, in the form that oldIDs has too
	oldIDs   *ids.Column
	pairs    []int32 // by user of today: see pairsOf
	none     bool    // there is no previous run
	lastDay  int32   // the previous run's date: since when somebody is in what no date was recorded of
	starts   []int32 // by previous user: where the user's dates start in previous.Since; nil without them
	kept     []int   // by previous segment, then lifecycle: place of its dates in previous.KeptSince, or -1
}

// newFormer finds today's users in the membership of an earlier run; nil is no run.
func newFormer(run *catalog.Manifest, today *ids.Column, previous *tables.Membership) *former {
	old := &previous.IDs
	if old.Form != today.Form && previous.Len() > 0 {
		today, old = today.Widen(), old.Widen()
	}
	p := formerOf(run, previous, pairsOf(today, old))
	p.ids, p.oldIDs = today, old
	return p
}

// formerOf is what the membership of an earlier run says of users whose places in it are known; nil is no run.
func formerOf(run *catalog.Manifest, previous *tables.Membership, pairs []int32) *former {
	p := &former{previous: previous, pairs: pairs, none: run == nil}
	if run != nil {
		p.lastDay = run.Date.Days()
	}
	for _, name := range previous.Names.Segments {
		p.kept = append(p.kept, indexOf(previous.Names.Dated, name))
	}
	for _, l := range previous.Names.Lifecycles {
		p.kept = append(p.kept, indexOf(previous.Names.Dated, l.Name))
	}
	if previous.Since == nil {
		return p
	}
	p.starts = make([]int32, previous.Len())
	start := 0
	for j := range p.starts {
		p.starts[j] = int32(start)
		start += setSize(previous, j)
	}
	return p
}

// segmentSince is since when previous user j is in a segment, of which the user is.
func (p *former) segmentSince(segment, j int) int32 {
	switch k := p.kept[segment]; {
	case p.starts != nil:
		return p.previous.Since[int(p.starts[j])+rank(p.previous.Sets.Row(j), segment)]
	case k >= 0:
		return p.previous.KeptSince[k][j]
	}
	return p.lastDay
}

// stageSince is since when previous user j stands in a stage of a lifecycle.
func (p *former) stageSince(lifecycle, j int) int32 {
	switch k := p.kept[len(p.previous.Names.Segments)+lifecycle]; {
	case p.previous.StageSince != nil:
		return p.previous.StageSince[lifecycle][j]
	case k >= 0:
		return p.previous.KeptSince[k][j]
	}
	return p.lastDay
}

// answers answers what a plan asks of the previous run. They are valid until release.
func (p *former) answers(plan *rules.Plan) (past *rules.PastAnswers, release func(), err error) {
	columns := plan.Past()
	if len(columns) == 0 {
		return &rules.PastAnswers{}, func() {}, nil
	}
	rec := p.record(columns)
	past, err = plan.EvalPast(rec)
	return past, rec.Release, err
}

// record makes the columns that rules ask for. The caller releases it.
func (p *former) record(columns []rules.PastColumn) arrow.Record {
	fields, arrays := make([]arrow.Field, len(columns)), make([]arrow.Array, len(columns))
	sets := p.setWords(columns)
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name(), Type: c.Type(), Nullable: true}
		switch c.Kind {
		case rules.Was:
			arrays[i] = boolArray(len(p.pairs), sets[c.Of])
		case rules.StageWas:
			arrays[i] = boolArray(len(p.pairs), p.stageWords(c))
		case rules.Since:
			arrays[i] = dateArray(p.since(c.Of))
		case rules.LastExits:
			arrays[i] = dateArray(p.lastExits(c.Of))
		case rules.FirstRun:
			arrays[i] = boolArray(len(p.pairs), p.firstRun())
		}
	}
	rec := array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(len(p.pairs)))
	for _, a := range arrays {
		a.Release()
	}
	return rec
}

// setWords finds who was in the segments that columns ask for, 64 users a word: by segment, none for one that was not there.
func (p *former) setWords(columns []rules.PastColumn) map[string][]uint64 {
	out, asked := map[string][]uint64{}, make([][]string, p.previous.Sets.Width*64) // by bit of a set
	for _, c := range columns {
		if at := p.previous.Names.Segment(c.Of); c.Kind == rules.Was && at >= 0 {
			asked[at] = append(asked[at], c.Of)
			out[c.Of] = make([]uint64, (len(p.pairs)+63)/64)
		}
	}
	for part := range p.previous.Sets.Width {
		for from := 0; from < len(p.pairs); from += 64 {
			var square [64]uint64
			for i, j := range p.pairs[from:min(from+64, len(p.pairs))] {
				if j >= 0 {
					square[i] = p.previous.Sets.Row(int(j))[part]
				}
			}
			rules.Transpose64(&square)
			for bit, names := range asked[part*64 : part*64+64] {
				for _, name := range names {
					out[name][from>>6] = square[bit]
				}
			}
		}
	}
	return out
}

// stageWords finds who stood in a stage, 64 users a word; none if there was no such stage.
func (p *former) stageWords(c rules.PastColumn) []uint64 {
	l := p.previous.Names.Lifecycle(c.Of)
	if l < 0 {
		return nil
	}
	code := uint16(indexOf(p.previous.Names.Lifecycles[l].Stages, c.Stage) + 1)
	out := make([]uint64, (len(p.pairs)+63)/64)
	for i, j := range p.pairs {
		if j >= 0 && code != 0 && p.previous.Stages[l][j] == code {
			out[i>>6] |= 1 << (i & 63)
		}
	}
	return out
}

// since is since when each user is in a segment, or in a stage of a lifecycle.
func (p *former) since(name string) []int32 {
	segment, lifecycle := p.previous.Names.Segment(name), p.previous.Names.Lifecycle(name)
	return p.days(func(j int) int32 {
		switch {
		case segment >= 0 && p.previous.Sets.Has(j, segment):
			return p.segmentSince(segment, j)
		case lifecycle >= 0 && p.previous.Stages[lifecycle][j] != 0:
			return p.stageSince(lifecycle, j)
		}
		return tables.NoDay
	})
}

// lastExits is when each user left a segment.
func (p *former) lastExits(segment string) []int32 {
	at := indexOf(p.previous.Names.Exits, segment)
	return p.days(func(j int) int32 {
		if at < 0 {
			return tables.NoDay
		}
		return p.previous.LastExits[at][j]
	})
}

// days asks for a day of every user that the previous run had.
func (p *former) days(of func(j int) int32) []int32 {
	out := make([]int32, len(p.pairs))
	for i, j := range p.pairs {
		out[i] = tables.NoDay
		if j >= 0 {
			out[i] = of(int(j))
		}
	}
	return out
}

// firstRun is whether there is no previous run, 64 users a word.
func (p *former) firstRun() []uint64 {
	out := make([]uint64, (len(p.pairs)+63)/64)
	for w := range out {
		if p.none {
			out[w] = ^uint64(0)
		}
	}
	return out
}

// boolArray is a column of bits; without words it is false.
func boolArray(n int, words []uint64) arrow.Array {
	if words == nil {
		words = make([]uint64, (n+63)/64)
	}
	return array.NewBoolean(n, memory.NewBufferBytes(arrow.Uint64Traits.CastToBytes(words)), nil, 0)
}

// dateArray is a column of days, null where there is NoDay.
func dateArray(days []int32) arrow.Array {
	valid, nulls := make([]uint64, (len(days)+63)/64), len(days)
	for i, day := range days {
		if day != tables.NoDay {
			valid[i>>6] |= 1 << (i & 63)
		}
	}
	for _, word := range valid {
		nulls -= bits.OnesCount64(word)
	}
	buffers := []*memory.Buffer{
		memory.NewBufferBytes(arrow.Uint64Traits.CastToBytes(valid)), memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(days)),
	}
	data := array.NewData(arrow.FixedWidthTypes.Date32, len(days), buffers, nil, nulls, 0)
	defer data.Release()
	return array.NewDate32Data(data)
}
