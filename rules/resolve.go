package rules

// Resolved is one step's answer for up to 64 users, a word a question: bit u is user u. Resolve sizes it, so its zero value
// is ready; used again for the same steps it allocates nothing. Bits of users that are not there mean nothing.
type Resolved struct {
	Segments []uint64 // by segment: the member; exclude wins over include, include over the rule
	Unknown  []uint64 // by segment: the rule that is asked of the user is unknown
	Failed   []uint64 // by segment: the same for errors

	Stages       [][]uint64 // by lifecycle and stage: where the user stands, so at most one has a user's bit
	StageUnknown []uint64   // by lifecycle: a rule before the chosen stage's (any, where none is chosen) is unknown
	StageFailed  []uint64   // by lifecycle: the same for errors
	Blocked      []uint64   // by lifecycle: the user keeps a stage because the move out of it is not listed

	BrokenSegments   []bool // the definition does not compile in this step: its words are zero and mean nothing
	BrokenLifecycles []bool
}

// size makes room for the answers about some segments and lifecycles.
func (r *Resolved) size(segments []Segment, lifecycles []Lifecycle) {
	r.Segments, r.Unknown, r.Failed = sized(r.Segments, len(segments)), sized(r.Unknown, len(segments)), sized(r.Failed, len(segments))
	r.BrokenSegments = sized(r.BrokenSegments, len(segments))
	r.StageUnknown, r.StageFailed = sized(r.StageUnknown, len(lifecycles)), sized(r.StageFailed, len(lifecycles))
	r.Blocked = sized(r.Blocked, len(lifecycles))
	r.Stages, r.BrokenLifecycles = sized(r.Stages, len(lifecycles)), sized(r.BrokenLifecycles, len(lifecycles))
	for i := range lifecycles {
		r.Stages[i] = sized(r.Stages[i], len(lifecycles[i].Stages))
	}
}

// sized returns a slice of n values, of the memory of s where that is enough.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return append(s[:cap(s)], make([]T, n-cap(s))...)
	}
	return s[:n]
}

// cutWords returns the known and value words of a cut, from one word a bit. No cut (-1) is known to be false.
func cutWords(place []Cut, cut int, bits []uint64) (known, value uint64) {
	if cut < 0 {
		return ^uint64(0), 0
	}
	return place[cut].words(bits)
}

// resolve fills r for up to 64 users from one word a bit of theirs.
func (r *Resolved) resolve(place []Cut, segments []Segment, lifecycles []Lifecycle, bits []uint64) {
	r.size(segments, lifecycles)
	for i := range segments {
		s := &segments[i]
		if r.BrokenSegments[i] = s.Broken != ""; r.BrokenSegments[i] {
			r.Segments[i], r.Unknown[i], r.Failed[i] = 0, 0, 0
			continue
		}
		known, value := cutWords(place, s.Asked, bits)
		ruled := known & value
		if s.Ruled >= 0 {
			_, ruled = cutWords(place, s.Ruled, bits)
		}
		includeKnown, include := cutWords(place, s.Include, bits)
		excludeKnown, exclude := cutWords(place, s.Exclude, bits)
		r.Segments[i] = (ruled | includeKnown&include) &^ (excludeKnown & exclude)
		r.Unknown[i], r.Failed[i] = ^(known | value), value&^known
	}
	for i := range lifecycles {
		l := &lifecycles[i]
		if r.BrokenLifecycles[i] = l.Broken != ""; r.BrokenLifecycles[i] {
			clear(r.Stages[i])
			r.StageUnknown[i], r.StageFailed[i], r.Blocked[i] = 0, 0, 0
			continue
		}
		r.resolveStages(place, l, i, bits)
	}
}

// resolveStages takes for every user the first stage whose rule is true, or where moves leave the user.
func (r *Resolved) resolveStages(place []Cut, l *Lifecycle, i int, bits []uint64) {
	open, unknown, failed := ^uint64(0), uint64(0), uint64(0)
	for j := range l.Stages {
		known, value := cutWords(place, l.Stages[j].When, bits)
		r.Stages[i][j] = open & known & value
		unknown |= open &^ (known | value)
		failed |= open & value &^ known
		open &^= known & value
		if stands := l.Stages[j].Stands; stands >= 0 {
			_, r.Stages[i][j] = cutWords(place, stands, bits)
		}
	}
	r.StageUnknown[i], r.StageFailed[i] = unknown, failed
	_, r.Blocked[i] = cutWords(place, l.Blocked, bits)
}
