package readers

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
	"strata/writers"
)

// randomTransitions makes a partition of the transitions table, and its rows as people read them.
func randomTransitions(r *rand.Rand, users int, typ ids.Type, form ids.Form) (*tables.Transitions, []tables.Transition) {
	t := &tables.Transitions{
		IDs: randomIDs(r, users, typ, form), Segments: []string{"vip", "dormant", "journey"}, Stages: []string{"lead", "customer"},
		At: 1_793_750_400_000_000,
	}
	var rows []tables.Transition
	for user := range users {
		for segment := range 1 + r.IntN(3) {
			change, reason := r.IntN(tables.Changes), r.IntN(tables.Reasons)
			from, to := r.IntN(3), r.IntN(3)
			t.User, t.Segment = append(t.User, uint32(user)), append(t.Segment, uint16(segment))
			t.Change, t.Reason = append(t.Change, tables.Change(change)), append(t.Reason, tables.Reason(reason))
			t.From, t.To = append(t.From, uint16(from)), append(t.To, uint16(to))
			t.EventID = append(t.EventID, r.Uint64(), r.Uint64())
			stages := append([]string{""}, t.Stages...)
			rows = append(rows, tables.Transition{
				User: t.IDs.TextAt(user), Segment: t.Segments[segment], Change: tables.ChangeNames[change], Reason: tables.ReasonNames[reason],
				From: stages[from], To: stages[to], At: t.At,
			})
		}
	}
	return t, rows
}

// TestReadTransitions reads what the writer wrote: all rows, and those of one user.
func TestReadTransitions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 9))
	for _, shape := range []struct {
		typ  ids.Type
		form ids.Form
	}{{ids.Text, ids.TwoWords}, {ids.Text, ids.Bytes}, {ids.UUID, ids.TwoWords}, {ids.Int64, ids.OneWord}, {ids.Uint64, ids.OneWord}, {ids.Binary, ids.Bytes}} {
		for _, users := range []int{0, 1, 3000} {
			written, want := randomTransitions(r, users, shape.typ, shape.form)
			file, err := (&writers.Writer{}).Transitions(written)
			if err != nil {
				t.Fatal(err)
			}
			bucket, info := stored(t, file.Data)
			state := State{Options{Allocator: checkedMemory(t)}}
			got, err := state.ReadTransitions(t.Context(), bucket, info, "")
			if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%s, %d users: %d rows, %v; want %d: %+v, want %+v", shape.typ, users, len(got), err, len(want), got[:min(len(got), 2)], want[:min(len(want), 2)])
			}
			if users == 0 {
				continue
			}
			var his []tables.Transition
			user := want[len(want)/2].User
			for _, row := range want {
				if row.User == user {
					his = append(his, row)
				}
			}
			got, err = state.ReadTransitions(t.Context(), bucket, info, user)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(his) {
				t.Errorf("%s, user %s: %v, %v; want %v", shape.typ, user, got, err, his)
			}
			if got, err = state.ReadTransitions(t.Context(), bucket, info, "nobody"); err != nil || len(got) > 0 {
				t.Errorf("%s: %v, %v for nobody", shape.typ, got, err)
			}
		}
	}
}
