package pipeline_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"strata/pipeline"
)

// guardBench has three segments of four users, and a second day on which all but one have changed.
func guardBench(t *testing.T, more string) *bench {
	b := benchOf(t, `
snapshot: {path: "users/{date}.parquet", user_id: id}
output: out
guards: {snapshot_rows: {max_drop: none}, exits: {max_share: 50%, ignore_below: 2}, segment_size: {max_change: 90%, ignore_below: 1}}
segments:
`+more)
	snapshot(b, "2026-01-01", groupsOf("aaab")...)
	b.run("2026-01-01")
	snapshot(b, "2026-01-02", groupsOf("ab")...)
	return b
}

func TestLimitsOfASegment(t *testing.T) {
	for own, want := range map[string]string{
		"":                                     "exits s 50% false true, unknowns s 30% false false, segment_size s 90% false false",
		", guards: none":                       "",
		", guards: {exits: {max_share: none}}": "unknowns s 30% false false, segment_size s 90% false false",
		", guards: {exits: {max_share: 70%}}":  "exits s 70% true false, unknowns s 30% false false, segment_size s 90% false false",
		", guards: {exits: {ignore_below: 4}}": "unknowns s 30% false false, segment_size s 90% false false",
		", guards: {segment_size: {max_change: 60%}, unknowns: {max_rise: none}}": "exits s 50% false true, segment_size s 60% true true",
		", guards: {segment_size: {ignore_below: 4}, unknowns: {max_rise: 5%}}":   "exits s 50% false true, unknowns s 5% true false",
		", guards: {segment_size: {max_change: none}, exits: {max_share: 66%}}":   "exits s 66% true true, unknowns s 30% false false",
	} {
		b := guardBench(t, `- {name: s, when: 'grp == "a"'`+own+`}`)
		b.adjust = func(j *pipeline.Job) { j.Accept = true }
		var got []string
		for _, g := range b.run("2026-01-02").Guards {
			if g.Of == "s" {
				got = append(got, fmt.Sprint(g.Name, " ", g.Of, " ", g.Limit, " ", g.Own, " ", g.Tripped))
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: %q, want %q", own, strings.Join(got, ", "), want)
		}
	}
}

// What trips says in plain words what is wrong, with whose limit, and what to look at: each thing once.
func TestWhatATrippedGuardSays(t *testing.T) {
	b := guardBench(t, `
- {name: s, when: 'grp == "a"'}
- {name: same, when: 'grp == "a"', guards: {exits: {max_share: 10%}, segment_size: {max_change: 60%}}}
- {name: calm, when: 'grp == "a"', guards: none}`)
	_, err := pipeline.Run(t.Context(), b.job("2026-01-02"))
	var guard *pipeline.GuardError
	if !errors.As(err, &guard) {
		t.Fatalf("run = %v, want a GuardError", err)
	}
	const want = `a guard stopped the run and nothing was published:
  2 of 3 members would leave segment "s" (limit 50%): 1 user_changed, 1 user_deleted
  2 of 3 members would leave segment "same" (its own limit 10%): 1 user_changed, 1 user_deleted
  segment "same" has 1 members, on 2026-01-01 it had 3 (its own limit: a change of 60%)
look at:
  whether the columns of the rules hold what they used to hold: members leave as user_changed; strata plan --date 2026-01-02 --against previous --examples 5 names some of them
  who enters and leaves, and for which reasons: strata plan --date 2026-01-02 --against previous
if all is as it should be, run again with --accept: it publishes what run `
	if text, _, _ := strings.Cut(err.Error(), guard.Waiting); text != want || guard.Waiting == "" {
		t.Errorf("got\n%s\nwant\n%s", err, want)
	}
	for _, g := range guard.Tripped {
		if g.Look == "" || g.Accepted {
			t.Errorf("%+v", g)
		}
	}
}

// Every reason that most exits may have sends the reader to another place.
func TestWhatToLookAtWhenMembersLeave(t *testing.T) {
	for reason, day := range map[string]struct{ before, after, users, look string }{
		"user_deleted": {`when: 'grp == "a"'`, `when: 'grp == "a"'`, "a", "whether all users are in the snapshot of 2026-01-02"},
		"user_changed": {`when: 'grp == "a"'`, `when: 'grp == "a"'`, "abbb", "whether the columns of the rules hold what they used to hold"},
		"rule_changed": {`when: 'grp == "a"'`, `when: 'grp == "c"'`, "aaab", "whether the edit of the definitions is meant"},
		"list_changed": {`include: l.txt`, `include: l.txt`, "aaab", "whether the list files are whole"},
		"time_passed": {
			`when: 'grp == "a" && today < date("2026-01-02")'`, `when: 'grp == "a" && today < date("2026-01-02")'`, "aaab",
			"whether the times in the snapshot still move on",
		},
	} {
		b := caseBench(t, "segments: [{name: s, "+day.before+"}]")
		b.list("l.txt", "1", "2", "3")
		snapshot(b, "2026-01-01", groupsOf("aaab")...)
		b.run("2026-01-01")
		b.list("l.txt", "1")
		b.define("segments: [{name: s, " + day.after + ", guards: {exits: {max_share: 50%, ignore_below: 1}}}]")
		snapshot(b, "2026-01-02", groupsOf(day.users)...)
		_, err := pipeline.Run(t.Context(), b.job("2026-01-02"))
		if err == nil || !strings.Contains(err.Error(), " "+reason) || !strings.Contains(err.Error(), "look at:\n  "+day.look) {
			t.Errorf("%s: %v, want %q", reason, err, day.look)
		}
	}
}
