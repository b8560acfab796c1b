package writers

import (
	"strata/pipeline/tables"
)

// A Writer encodes the files of one partition after the other. It keeps its buffers, so one goroutine uses it; a file
// that it returned does not change any more. The zero Writer is ready.
type Writer struct {
	scratch scratch
	packers map[int]*setPacker // by number of segments

	// dictionaryBytes is what the entries of a dictionary may take; 0 means the default. Tests lower it.
	dictionaryBytes int
}

// Membership encodes one partition of the membership table: user_id, segments, one column a lifecycle, strata_state,
// since-dates where they are tracked, and the extra columns. Whatever it cannot encode names its column.
func (w *Writer) Membership(m *tables.Membership) (tables.File, error) {
	t, err := w.begin("membership", m.Len(), true)
	if err != nil {
		return tables.File{}, err
	}
	if err := fits(m); err != nil {
		return tables.File{}, err
	}
	t.all(userColumn(&w.scratch, &m.IDs, nil))
	t.lists(w.segmentsColumn(m), &m.Sets)
	for l := range m.Names.Lifecycles {
		t.codes(stageColumn(m, l), m.Stages[l])
	}
	t.all(w.stateColumn(m))
	if m.Since != nil {
		t.sinceColumns(m)
	}
	for i := range m.Extra {
		t.extra(m, i)
	}
	return t.finish()
}

// Wide encodes one boolean column a segment, and one column a lifecycle, beside user_id.
func (w *Writer) Wide(m *tables.Membership) (tables.File, error) {
	t, err := w.begin("membership_wide", m.Len(), true)
	if err != nil {
		return tables.File{}, err
	}
	if err := fits(m); err != nil {
		return tables.File{}, err
	}
	t.all(userColumn(&w.scratch, &m.IDs, nil))
	for s, name := range m.Names.Segments {
		t.all(column{name: name, typ: booleanType, levels: everywhere{}, values: booleans{bits: bitsOfSegment(m, s)}})
	}
	for l := range m.Names.Lifecycles {
		t.codes(stageColumn(m, l), m.Stages[l])
	}
	return t.finish()
}

// Long encodes one row a user and segment: user_id, segment, and since where it is tracked.
func (w *Writer) Long(m *tables.Membership) (tables.File, error) {
	if err := fits(m); err != nil {
		return tables.File{}, err
	}
	users, segments := longPlaces(m)
	t, err := w.begin("membership_long", len(users), true)
	if err != nil {
		return tables.File{}, err
	}
	t.all(userColumn(&w.scratch, &m.IDs, users))
	t.all(column{name: "segment", typ: stringType, levels: everywhere{}, values: &indexes{
		typ: stringType, places: segments, entries: namesOf(m.Names.Segments),
	}})
	if m.Since != nil {
		t.all(column{name: "since", typ: dateType, levels: everywhere{}, values: dayValues(m.Since)})
	}
	return t.finish()
}

// longPlaces lists the set bits row by row: the user's place and the segment's.
func longPlaces(m *tables.Membership) (users, segments []uint32) {
	for i := range m.Len() {
		for s := range members(m.Sets.Row(i)) {
			users, segments = append(users, uint32(i)), append(segments, uint32(s))
		}
	}
	return users, segments
}

func (w *Writer) segmentsColumn(m *tables.Membership) column {
	return column{
		name: "segments", shape: list, typ: stringType, levels: w.setLists(m),
		values: &setIndexes{sets: &m.Sets, entries: namesOf(m.Names.Segments), packer: w.packer(len(m.Names.Segments))},
	}
}

func (w *Writer) setLists(m *tables.Membership) setLists {
	return setLists{sets: &m.Sets, starts: &w.scratch.bits[0], there: &w.scratch.bits[1]}
}

func (w *Writer) packer(segments int) *setPacker {
	if w.packers == nil {
		w.packers = map[int]*setPacker{}
	}
	if w.packers[segments] == nil {
		w.packers[segments] = newSetPacker(segments)
	}
	return w.packers[segments]
}

// stageColumn is one lifecycle: the stage's name, or null.
func stageColumn(m *tables.Membership, l int) column {
	valid, places := placesOfCodes(m.Stages[l])
	return column{
		name: m.Names.Lifecycles[l].Name, shape: optional, typ: stringType, levels: nullable{valid: valid},
		values: &indexes{typ: stringType, places: places, entries: namesOf(m.Names.Lifecycles[l].Stages)},
	}
}

// placesOfCodes separates codes, of which 0 is null and any other a place plus 1.
func placesOfCodes(codes []uint16) (valid []uint64, places []uint32) {
	valid, places = make([]uint64, (len(codes)+63)/64), make([]uint32, len(codes))
	n := 0
	for i, code := range codes {
		places[n] = uint32(code) - 1
		if code != 0 {
			valid[i>>6] |= 1 << (i & 63)
			n++
		}
	}
	return valid, places[:n]
}

// sinceColumns are the dates beside segments and beside each lifecycle.
func (t *table) sinceColumns(m *tables.Membership) {
	since := column{name: "since", shape: list, typ: dateType, levels: t.writer.setLists(m), values: dayValues(m.Since)}
	t.lists(since, &m.Sets)
	for l, stages := range m.Stages {
		valid := make([]uint64, (len(stages)+63)/64)
		days := make([]int32, 0, len(stages))
		for i, code := range stages {
			if code != 0 {
				valid[i>>6] |= 1 << (i & 63)
				days = append(days, m.StageSince[l][i])
			}
		}
		t.codes(column{
			name: m.Names.Lifecycles[l].Name + "_since", shape: optional, typ: dateType,
			levels: nullable{valid: valid}, values: dayValues(days),
		}, stages)
	}
}
