package writers

import (
	"bytes"
	"fmt"
	"testing"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// everyShape are memberships that differ in what an encoder can trip over: lengths around words, bytes and pages, types of
// ids, widths of sets, dates, empty columns.
var everyShape = map[string]shapeOf{
	"empty":         {users: 0, segments: 3, ids: ids.Text, form: ids.TwoWords, stages: []int{2}},
	"empty-since":   {users: 0, segments: 3, ids: ids.Text, form: ids.Bytes, stages: []int{2}, since: true},
	"one":           {users: 1, segments: 3, ids: ids.Int64, member: .5, stages: []int{2}},
	"no-segments":   {users: 9, segments: 0, ids: ids.Int32, stages: []int{2}, since: true},
	"one-segment":   {users: 65, segments: 1, ids: ids.Uint64, member: 1, stages: []int{1}},
	"nobody":        {users: 64, segments: 2, ids: ids.UUID, form: ids.TwoWords, stages: []int{2}},
	"everybody":     {users: 63, segments: 9, ids: ids.UUID, form: ids.TwoWords, member: 9, stages: []int{2}},
	"no-stage":      {users: 8, segments: 2, ids: ids.Binary, form: ids.Bytes, member: .3, noStage: 1, stages: []int{3}},
	"no-stages":     {users: 7, segments: 2, ids: ids.Binary, form: ids.Bytes, member: .3, stages: []int{0}, since: true},
	"no-lifecycle":  {users: 100, segments: 24, ids: ids.Text, form: ids.Bytes, member: .3},
	"texts":         {users: 3000, segments: 24, ids: ids.Text, form: ids.Bytes, member: .3, noStage: .5, stages: []int{4, 300}},
	"since":         {users: 3000, segments: 24, ids: ids.Text, form: ids.TwoWords, member: .3, noStage: .5, stages: []int{4, 2}, since: true},
	"seventy":       {users: 1000, segments: 70, ids: ids.Int64, member: .3, noStage: .5, stages: []int{4}, since: true},
	"three-hundred": {users: 700, segments: 300, ids: ids.Uint64, member: .3, noStage: .5, stages: []int{4}, since: true},
	"sixty-four":    {users: 500, segments: 64, ids: ids.Int32, member: 1, stages: []int{4}},
	"page-less-one": {users: pageRows - 1, segments: 5, ids: ids.Int64, member: .1, noStage: .5, stages: []int{4}},
	"page":          {users: pageRows, segments: 5, ids: ids.UUID, form: ids.TwoWords, member: .1, noStage: .001, stages: []int{4}},
	"page-and-one":  {users: pageRows + 1, segments: 5, ids: ids.Text, form: ids.TwoWords, member: .1, noStage: .999, stages: []int{4}, since: true},
}

func TestTablesReadBack(t *testing.T) {
	var w Writer
	for name, s := range everyShape {
		t.Run(name, func(t *testing.T) {
			m := s.random(1)
			transitions := randomTransitions(2, m.IDs, .5)
			sameGrid(t, "membership", readBack(t, must(w.Membership(m))(t)), expectMembership(m))
			sameGrid(t, "wide", readBack(t, must(w.Wide(m))(t)), expectWide(m))
			sameGrid(t, "long", readBack(t, must(w.Long(m))(t)), expectLong(m))
			sameGrid(t, "transitions", readBack(t, must(w.Transitions(transitions))(t)), expectTransitions(transitions))
		})
	}
}

func must(file tables.File, err error) func(*testing.T) []byte {
	return func(t *testing.T) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(file.Data); err != nil {
			t.Fatal(err)
		}
		return file.Data
	}
}

func TestLengthsAroundWordsAndPages(t *testing.T) {
	var w Writer
	for seed, users := range []int{0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 511, 512, 513} {
		for _, segments := range []int{0, 1, 2, 12, 13, 63, 64, 65} {
			s := shapeOf{users: users, segments: segments, ids: ids.Int64, member: .3, noStage: .2, stages: []int{3}, since: seed%2 == 0}
			m := s.random(uint64(seed))
			who := fmt.Sprintf("%d users, %d segments", users, segments)
			sameGrid(t, who, readBack(t, must(w.Membership(m))(t)), expectMembership(m))
			sameGrid(t, who, readBack(t, must(w.Wide(m))(t)), expectWide(m))
			sameGrid(t, who, readBack(t, must(w.Long(m))(t)), expectLong(m))
		}
	}
}

// The same tables give the same bytes from a new writer and from one that has written others before.
func TestSameTablesSameBytes(t *testing.T) {
	var used Writer
	for name, s := range everyShape {
		m, again := s.random(3), s.random(3)
		var fresh Writer
		for table, encode := range map[string]func(*Writer, *tables.Membership) (tables.File, error){
			"membership": (*Writer).Membership, "wide": (*Writer).Wide, "long": (*Writer).Long,
		} {
			first, second := must(encode(&fresh, m))(t), must(encode(&used, again))(t)
			if !bytes.Equal(first, second) {
				t.Errorf("%s: two encodings of %s differ", name, table)
			}
		}
		transitions := randomTransitions(2, m.IDs, .5)
		if !bytes.Equal(must(fresh.Transitions(transitions))(t), must(used.Transitions(transitions))(t)) {
			t.Errorf("%s: two encodings of transitions differ", name)
		}
	}
}
