package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"strata/pipeline"
)

// Cases about state: what until, min_stay, cooldown, moves and the rules about the previous run make of them.

type born struct {
	ID   int64 `parquet:"id"`
	Born int32 `parquet:"born,date"`
}

// birthday is a rule that is true on one day of the year.
const birthday = `segments: [{name: birthday, when: 'month(born) == month(today) && day(born) == day(today)'%s}]`

func TestC013(t *testing.T) { // a membership by date ends on the next, or after its shortest stay
	for more, exit := range map[string]int{"": 2, ", min_stay: 3d": 4, ", min_stay: 2d": 3, ", min_stay: 1d": 2} {
		b := caseBench(t, fmt.Sprintf(birthday, more))
		for day := 1; day <= 5; day++ {
			date := fmt.Sprintf("2026-03-0%d", day)
			snapshot(b, date, born{1, 7364}) // born on 1 March 1990
			m, want := b.run(date), []string(nil)
			switch day {
			case 1:
				want = []string{"1 birthday initial segment_added"}
			case exit:
				want = []string{"1 birthday exited time_passed"}
			}
			sameTexts(t, date+more, b.changes(m), want...)
			if in := len(b.members(m, "birthday")) == 1; in != (day < exit) {
				t.Errorf("%s%s: a member is %v", date, more, in)
			}
		}
	}
}

func TestC013_AGapCountsByTheCalendar(t *testing.T) {
	b := caseBench(t, fmt.Sprintf(birthday, ", min_stay: 3d"))
	for _, date := range []string{"2026-03-01", "2026-03-04"} {
		snapshot(b, date, born{1, 7364})
	}
	b.run("2026-03-01")
	sameTexts(t, "d4, the second run", b.changes(b.run("2026-03-04")), "1 birthday exited time_passed")
}

// steps runs dates of one user each, whose group is a letter, and returns what changed: a line a date. A blank is a date without
// the user, a dot a date without a run.
func (b *bench) steps(letters string) (out []string) {
	b.t.Helper()
	for i, letter := range letters {
		date := fmt.Sprintf("2026-01-%02d", i+1)
		rows := []grouped{{9, "other"}}
		if letter == '.' {
			continue
		}
		if letter != ' ' {
			rows = append(rows, grouped{1, string(letter)})
		}
		snapshot(b, date, rows...)
		var changes []string
		for _, change := range b.changes(b.run(date)) {
			if rest, ok := strings.CutPrefix(change, "1 "); ok {
				changes = append(changes, rest)
			}
		}
		if len(changes) > 0 {
			out = append(out, fmt.Sprintf("%d %s", i+1, strings.Join(changes, ", ")))
		}
	}
	return out
}

func TestC004_WithState(t *testing.T) { // plus and minus stay in step where state keeps people in and out, reruns included
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a"', until: 'grp == "c"', min_stay: 3d, cooldown: 4d}]`)
	sum := 0
	for i, grp := range strings.Split("acbcaaacabcabcaacbacaa", "") {
		date := fmt.Sprintf("2026-01-%02d", i+1)
		snapshot(b, date, grouped{1, grp})
		m := b.run(date)
		files := b.dataFiles(m)
		b.adjust = func(j *pipeline.Job) { j.Force = true }
		again := b.run(date)
		b.adjust = nil
		sameFiles(t, date, b.dataFiles(again), files)
		for _, row := range b.table(again, "transitions") {
			if row["change"] == "exited" {
				sum--
			} else {
				sum++
			}
		}
		if got := len(b.members(again, "s")); got != sum || sum < 0 || sum > 1 {
			t.Errorf("%s: the sum of changes is %d, members %d", date, sum, got)
		}
	}
}

func TestC016_StateIsNotInherited(t *testing.T) { // neither a stay nor a cooldown outlives its segment
	const vip, off = `segments: [{name: vip, when: 'grp == "a"', min_stay: 9d, cooldown: 9d}]`, `segments: []`
	b := caseBench(t, vip)
	sameTexts(t, "first", b.steps("a"), "1 vip initial segment_added")
	b.define(off)
	sameTexts(t, "removed", b.steps("."+"a"), "2 vip exited segment_removed")
	b.define(vip)
	sameTexts(t, "again", b.steps(".."+"a"), "3 vip initial segment_added")
	b.define(off)
	b.steps("..." + "a")
	b.define(strings.Replace(vip, `"a"`, `"b"`, 1))
	sameTexts(t, "another rule", b.steps("...."+"aab"), "7 vip entered user_changed")
}

func TestC005_WithoutAnAliasTable(t *testing.T) { // another id is another user, whatever a cooldown or a stay knew of the first
	b := caseBench(t, "segments: [{name: vip, when: 'grp == \"a\"', min_stay: 9d, cooldown: 9d}]\nmembership: {since: true}")
	snapshot(b, "2026-01-01", grouped{1, "a"})
	snapshot(b, "2026-01-02", grouped{2, "a"})
	b.run("2026-01-01")
	m := b.run("2026-01-02")
	sameTexts(t, "d2", b.changes(m), "1 vip exited user_deleted", "2 vip entered user_new")
	sameTexts(t, "since", lines(b.table(m, "membership"), "user_id", "since"), "2|"+days("2026-01-02"))
}

func TestC007_BothAreMembers(t *testing.T) { // two ids with the same address are two users
	b := caseBench(t, `segments: [{name: corp, when: 'email.endsWith("@corp.com")'}]`)
	snapshot(b, "2026-01-01", caseUser{ID: 1, Email: "x@corp.com"}, caseUser{ID: 2, Email: "x@corp.com"})
	sameTexts(t, "members", b.members(b.run("2026-01-01"), "corp"), "1", "2")
}

func TestC014_FirstRun(t *testing.T) { // a rule can tell the first run of all from a user who is new
	b := caseBench(t, `segments: [{name: founders, when: 'first_run', until: 'false'}, {name: fresh, when: 'grp == "a" && !first_run && !was("fresh")'}]`)
	snapshot(b, "2026-01-01", grouped{1, "a"})
	sameTexts(t, "d1", b.changes(b.run("2026-01-01")), "1 founders initial segment_added")
	snapshot(b, "2026-01-02", grouped{1, "a"}, grouped{2, "a"})
	m := b.run("2026-01-02")
	sameTexts(t, "d2", b.changes(m), "1 fresh entered user_changed", "2 fresh entered user_new")
	sameTexts(t, "founders", b.members(m, "founders"), "1")
}

func TestC052_AStayEndsByTimeAlone(t *testing.T) { // the row is the same every day; so a date may not be skipped because its data is
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a"', min_stay: 4d}, {name: t, when: 'grp == "a"', cooldown: 3d}]`)
	sameTexts(t, "changes", b.steps("abbbbb"), "1 s initial segment_added, t initial segment_added", "2 t exited user_changed", "5 s exited time_passed")
	b = caseBench(t, `segments: [{name: s, when: 'grp == "a"', cooldown: 3d}]`)
	sameTexts(t, "a cooldown", b.steps("abaaaa"), "1 s initial segment_added", "2 s exited user_changed", "5 s entered time_passed")
}

func TestC065_AUnionOfSegmentsWithState(t *testing.T) { // segment() is the answer after the state rules, on the same day
	b := caseBench(t, `
segments:
  - {name: U, when: 'segment("A") || segment("B")'}
  - {name: A, when: 'grp == "a"', min_stay: 3d}
  - {name: B, when: 'grp == "b"', until: 'grp == "c"'}
  - {name: staged, when: 'stage("l") == "in"'}
lifecycles: [{name: l, stages: [{name: in, when: 'segment("U")'}, {name: out, when: 'true'}], moves: [in -> out]}]
`)
	sameTexts(t, "through a stay", b.steps("axxxx"), "1 A initial segment_added, U initial segment_added, l initial:>in segment_added, staged initial segment_added",
		"4 A exited time_passed, U exited time_passed, l moved:in>out time_passed, staged exited time_passed")
	sameTexts(t, "through until", b.steps(".....bxc"), "6 B entered user_changed, U entered user_changed", "8 B exited user_changed, U exited user_changed")
	m := b.run("2026-01-06")
	if l := m.Lifecycles[0]; l.Blocked != 1 {
		t.Errorf("%d moves are blocked, want the one of out -> in", l.Blocked)
	}
}

func TestC067_MovesThatAreNotListed(t *testing.T) { // do not happen and are counted; the first stage and the loss of the last are free
	b := caseBench(t, `
lifecycles:
  - name: l
    stages: [{name: c, when: 'grp == "c"'}, {name: b, when: 'grp == "b"'}, {name: a, when: 'grp == "a"'}]
    moves: [a -> b, b -> c]
`)
	sameTexts(t, "changes", b.steps("acbcax"), "1 l initial:>a segment_added", "3 l moved:a>b user_changed", "4 l moved:b>c user_changed", "6 l exited:c> user_changed")
	blocked := []int64{0, 1, 0, 0, 1, 0}
	for i, want := range blocked {
		if m := b.run(fmt.Sprintf("2026-01-%02d", i+1)); m.Lifecycles[0].Blocked != want {
			t.Errorf("date %d: %d moves are blocked, want %d", i+1, m.Lifecycles[0].Blocked, want)
		}
	}
	sameTexts(t, "an entry into any stage", b.steps("......"+"cb"), "7 l entered:>c user_changed")
}

func TestC078_WithState(t *testing.T) { // the same data makes no changes, and the same files, also where state is kept
	b := caseBench(t, `
segments: [{name: s, when: 'grp == "a"', until: 'grp == "c"', min_stay: 2d, cooldown: 9d}, {name: t, when: 'was("s")'}]
lifecycles: [{name: l, stages: [{name: one, when: 'grp == "a"'}, {name: two, when: 'true'}], moves: [two -> one]}]
`)
	var files []map[string]string
	for _, date := range []string{"2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"} {
		snapshot(b, date, groupsOf("aab")...)
		m := b.run(date)
		files = append(files, b.dataFiles(m))
		if date > "2026-01-02" { // t follows s by a date
			sameTexts(t, date, b.changes(m))
		}
	}
	sameFiles(t, "d4", map[string]string{"m": files[3]["membership/00000"]}, map[string]string{"m": files[2]["membership/00000"]})
}

func TestC079_NoStayKeepsWhoIsGone(t *testing.T) { // and who comes back is new: nothing of a cooldown is left
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a"', min_stay: 9d}, {name: t, when: 'grp == "a"', cooldown: 9d}]`)
	sameTexts(t, "changes", b.steps("a a"), "1 s initial segment_added, t initial segment_added", "2 s exited user_deleted, t exited user_deleted",
		"3 s entered user_new, t entered user_new")
}

func TestC087_UnknownIsNoEnd(t *testing.T) { // until ends a membership when it is true, not when it is unknown; without one the rule must stay true
	type planned struct {
		ID   int64   `parquet:"id"`
		Plan *string `parquet:"plan"`
	}
	b := caseBench(t, `segments: [{name: kept, when: 'plan == "pro"', until: 'plan != "pro"'}, {name: lost, when: 'plan == "pro"'}]`)
	pro, free := "pro", "free"
	want := [][]string{{"1 kept initial segment_added", "1 lost initial segment_added"}, {"1 lost exited user_changed"}, {"1 kept exited user_changed"}}
	for i, plan := range []*string{&pro, nil, &free} {
		date := fmt.Sprintf("2026-01-0%d", i+1)
		snapshot(b, date, planned{1, plan})
		m := b.run(date)
		sameTexts(t, date, b.changes(m), want[i]...)
		if unknown := m.Segments[0].Unknown; unknown != int64(i%2) {
			t.Errorf("%s: until is unknown for %d", date, unknown)
		}
	}
}
