package rules

import (
	"strings"
	"testing"

	"strata/configs"
)

const stateHead = `snapshot:
  path: users/date={date}/*.parquet
  user_id: id
output: out
`

// warnedOf spells the warnings of definitions: name, line and message.
func warnedOf(t *testing.T, yaml string) string {
	t.Helper()
	config, err := configs.Parse("s.yaml", []byte(stateHead+yaml))
	if err != nil {
		t.Fatal(err)
	}
	text := warned(t, Step{Definitions: config.Definitions(), Lists: map[string]*List{"ids.txt": list(t, "1\n")}})
	return strings.ReplaceAll(text, "s.yaml:", "")
}

// TestWarningsOfState: a segment, and what is warned of it.
func TestWarningsOfState(t *testing.T) {
	const opposite = `it is the opposite of the rule, `
	const flaps = `it is true for everyone who enters: they leave on the next date and enter again after it`
	for segment, want := range map[string]string{
		`when: ltv > 800, until: ltv < 600`:                                     ``,
		`when: ltv > 800, until: ltv < 600, min_stay: 7d, cooldown: 2w`:         ``,
		`when: visits > 8, until: visits <= 8`:                                  `useless-until 6:40 segment "x", until: ` + opposite + `and without it members leave all the same`,
		`when: visits > 8, until: "!(visits > 8)"`:                              `useless-until 6:41 segment "x", until: ` + opposite + `and without it members leave all the same`,
		`when: age > 8, until: "!(age > 8)"`:                                    `negation-null 6:38 segment "x", until: ! is unknown for users whose age is null` + "\n" + `useless-until 6:38 segment "x", until: ` + opposite + `so it only keeps members for whom both are unknown`,
		`when: age > 8, until: age < 8`:                                         ``,
		`when: visits > 8, until: visits > 3`:                                   `flapping-segment 6:40 segment "x", until: ` + flaps,
		`when: visits > 8, until: visits > 3, cooldown: 30d`:                    ``,
		`when: visits > 8, until: "true"`:                                       `flapping-segment 6:41 segment "x", until: ` + flaps,
		`when: visits > 8, until: "true", min_stay: 7d, cooldown: 30d`:          ``, // seven days in, then thirty out
		`when: visits > 8, until: "false"`:                                      ``,
		`when: visits > 8, until: visits > 3 && ltv > 2`:                        ``, // for some
		`when: visits > 8, until: age > 200`:                                    `always-false 6:40 segment "x", until: it can never be true, so nobody leaves`,
		`when: visits > 8, until: visits > 3 && visits < 2`:                     `excluding-conditions 6:54 segment "x", until: this is never true together with visits > 3`,
		`when: visits > 8, until: opt_in != true`:                               `negation-null 6:47 segment "x", until: != is unknown for users whose opt_in is null`,
		`include: ids.txt, until: visits > 3`:                                   ``,
		`include: ids.txt, min_stay: 7d`:                                        ``,
		`when: visits > 8, min_stay: 1d`:                                        `useless-period 6:43 segment "x": a min_stay of 1d keeps nobody in: the next date is a day later`,
		`when: visits > 8, cooldown: 1d`:                                        `useless-period 6:43 segment "x": a cooldown of 1d keeps nobody out: the next date is a day later`,
		`when: visits > 8, until: "false", min_stay: 7d`:                        `useless-period 6:59 segment "x": min_stay has no effect, since nobody ever leaves`,
		`when: "true", cooldown: 7d`:                                            `useless-period 6:39 segment "x": cooldown has no effect, since nobody ever leaves`,
		`when: "true", cooldown: 7d, exclude: ids.txt`:                          ``,
		`when: was("x") || visits > 8`:                                          `own-past 6:21 segment "x": the rule asks whether the user was in the segment itself`,
		`when: "visits > 8 && !was(\"x\")"`:                                     `flapping-segment 6:37 segment "x": whoever is in the segment leaves on the next date, and may enter again after it`,
		`when: visits > 8 || days_since(since("x")) < 30`:                       `own-past 6:46 segment "x": since("x") is null for whoever is not in the segment yet`,
		`when: visits > 8, until: days_since(since("x")) >= 30`:                 ``,
		`when: visits > 8, until: was("x") && ltv < 2`:                          `own-past 6:40 segment "x", until: was("x") is always true here: until is asked of members alone`,
		`when: visits > 8 && !was("other")`:                                     ``,
		`when: first_run && ltv > 1`:                                            ``,
		`when: first_run || visits > 8, until: "!first_run"`:                    ``,
		`when: first_run && visits > 8, min_stay: 7d`:                           ``,
		`when: visits > 8 && segment("founders")`:                               ``,
		`when: visits > 8 && founded`:                                           ``,
		`when: visits > 2, until: visits < 1, include: ids.txt`:                 ``,
		`when: visits > 3, min_stay: 30d`:                                       ``, // not the same as "other"
		`when: visits > 3`:                                                      `same-rule 7:25 segment "other": this is the rule of segment "x" too: both always have the same members`,
		`when: stage("l") == "b" && prev_stage("l") != "b"`:                     ``,
		`when: prev_stage("l") == "b" && prev_stage("l") == "a"`:                `excluding-conditions 6:47 segment "x": this is never true together with prev_stage("l") == "b"`,
		`when: visits > 8 && days_since(since("l")) > 30 && since("l") != null`: ``,
	} {
		got := warnedOf(t, "segments:\n  - {name: x, "+segment+`}
  - {name: other, when: visits > 3}
  - {name: founders, when: first_run}
  - {name: founded_too, when: founded && visits > 1}
traits: [{name: founded, value: first_run}]
lifecycles: [{name: l, stages: [{name: a, when: first_run}, {name: b, when: first_run || ltv > 2}, {name: c, when: "true"}]}]
`)
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", segment, got, want)
		}
	}
}

// TestWarningsOfMoves: stages that moves do not lead to, or not out of.
func TestWarningsOfMoves(t *testing.T) {
	for moves, want := range map[string]string{
		`[d -> c, c -> b, d -> b, b -> a, a -> b]`: ``, // the design's
		`[d -> c, c -> b, b -> a]`:                 `no-way-out a for ever: every user is in some stage`,
		`[d -> c, c -> b, b -> c]`:                 "no-way-out a for ever: every user is in some stage\nno-way-in a d",
		`[d -> c, c -> b, b -> c, a -> b]`:         "no-way-in a d",
		`[d -> c, c -> d, a -> b, b -> a]`:         "no-way-in a d\nno-way-in b d",
		`[a -> b, b -> c, c -> d]`:                 `no-way-out d for ever: every user is in some stage`, // users begin in a
		`[c -> a, b -> a, a -> c]`:                 "no-way-in a d\nno-way-in b d\nno-way-in c d\nno-way-out d for ever: every user is in some stage",
		`[a -> b, b -> a, b -> c, c -> d, d -> a]`: ``,
	} {
		got := warnedOf(t, "lifecycles:\n  - name: l\n    stages: [{name: a, when: visits > 9}, {name: b, when: visits > 5}, {name: c, when: visits > 1}, {name: d, when: \"true\"}]\n    moves: "+moves+"\n")
		var short []string
		for line := range strings.Lines(got) {
			words := strings.SplitN(strings.TrimSpace(line), " ", 3)
			_, stage, _ := strings.Cut(words[2], `stage "`)
			stage, rest, _ := strings.Cut(stage, `"`)
			if words[0] == "no-way-in" {
				_, rest, _ = strings.Cut(rest, `from stage "`)
				rest, _, _ = strings.Cut(rest, `"`)
			} else {
				_, rest, _ = strings.Cut(rest, "stays ")
			}
			short = append(short, words[0]+" "+stage+" "+rest)
		}
		if text := strings.Join(short, "\n"); text != want {
			t.Errorf("%s:\n got %s\nwant %s\n%s", moves, text, want, got)
		}
	}
	got := warnedOf(t, "lifecycles:\n  - name: l\n    stages: [{name: a, when: visits > 9}, {name: b, when: visits > 5}]\n    moves: [b -> a]\n")
	if want := `no-way-out 7:21 lifecycle "l", stage "a": no move leads out of it, so who is in it stays until no stage's rule is true`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
