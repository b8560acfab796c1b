package pipeline_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strata/configs"
	"strata/pipeline"
	"strata/readers"
)

// explain explains a user of a date.
func (b *bench) explain(date, user string, names ...string) (*pipeline.Answer, error) {
	b.t.Helper()
	return pipeline.Explain(b.t.Context(), b.job(date), pipeline.Question{User: user, Names: names, History: readers.State{}})
}

// lastChange is the newest of the twin's transitions of a user in a segment or lifecycle, as checkExplained spells it.
func (s *story) lastChange(user, name string) string {
	for _, night := range slices.Backward(s.nights) {
		if change := night.changes[user+"|"+name]; change != "" {
			return change
		}
	}
	return "none"
}

func spellChange(c *pipeline.LastChange) string {
	if c == nil {
		return "none"
	}
	return strings.Join([]string{c.Date.String(), c.Change, c.From, c.To, c.Reason}, " ")
}

// checkExplained explains some of a night's users: what is computed, what was published, since when and why is what the twin knows.
func (s *story) checkExplained(want *night) {
	s.t.Helper()
	for range 1 + s.r.IntN(2) {
		ids := make([]string, 0, len(want.users))
		for id := range want.users {
			if !want.carried[id] {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			return
		}
		slices.Sort(ids)
		id := ids[s.r.IntN(len(ids))]
		got, err := s.bench.explain(want.date, id)
		if err != nil {
			s.t.Fatalf("%s: explain %q: %v", want.date, id, err)
		}
		if len(got.Notes) > 0 || !got.Published.Known {
			s.t.Errorf("%s, user %s: published %v, notes %q", want.date, id, got.Published.Known, got.Notes)
		}
		s.checkExplainedSegments(want, id, got)
		s.checkExplainedLifecycles(want, id, got)
	}
}

func (s *story) checkExplainedSegments(want *night, id string, got *pipeline.Answer) {
	s.t.Helper()
	for i, segment := range got.Segments {
		since, in := want.users[id].segments[segment.Name]
		p := got.Published.Segments[i]
		if segment.Member != in || p.Member != in || p.Name != segment.Name {
			s.t.Errorf("%s, user %s, %s: explained %v, published %v, want %v", want.date, id, segment.Name, segment.Member, p.Member, in)
		}
		if in && s.world.definitions.since && p.Since.String() != since {
			s.t.Errorf("%s, user %s, %s: since %s, want %s", want.date, id, segment.Name, p.Since, since)
		}
		if last := spellChange(p.Last); last != s.lastChange(id, segment.Name) {
			s.t.Errorf("%s, user %s, %s: last change %q, want %q", want.date, id, segment.Name, last, s.lastChange(id, segment.Name))
		}
	}
}

func (s *story) checkExplainedLifecycles(want *night, id string, got *pipeline.Answer) {
	s.t.Helper()
	for i, l := range got.Lifecycles {
		stage, p := want.users[id].stages[l.Name], got.Published.Lifecycles[i]
		if l.Stage != stage[0] || p.Stage != stage[0] {
			s.t.Errorf("%s, user %s, %s: explained %q, published %q, want %q", want.date, id, l.Name, l.Stage, p.Stage, stage[0])
		}
		if stage[1] != "" && s.world.definitions.since && p.Since.String() != stage[1] {
			s.t.Errorf("%s, user %s, %s: since %s, want %s", want.date, id, l.Name, p.Since, stage[1])
		}
		if last := spellChange(p.Last); last != s.lastChange(id, l.Name) {
			s.t.Errorf("%s, user %s, %s: last change %q, want %q", want.date, id, l.Name, last, s.lastChange(id, l.Name))
		}
	}
}

// TestExplainNightly explains users of both nights, whose memberships another engine computed.
func TestExplainNightly(t *testing.T) {
	b := nightlyBench(t)
	b.run("2026-11-01")
	b.run("2026-11-02")
	for _, date := range []string{"2026-11-01", "2026-11-02"} {
		rows := sortSegments(expected(t, "membership-"+date))
		for i := 0; i < len(rows); i += len(rows)/25 + 1 {
			got, err := b.explain(date, strings.ToUpper(rows[i]["user_id"]))
			if err != nil {
				t.Fatal(err)
			}
			var in []string
			for _, s := range got.Segments {
				if s.Member {
					in = append(in, s.Name)
				}
			}
			slices.Sort(in)
			if strings.Join(in, ",") != rows[i]["segments"] || got.Lifecycles[0].Stage != rows[i]["journey"] || len(got.Notes) > 0 {
				t.Errorf("%s, user %s: in %v, stage %s, notes %q; want %v", date, rows[i]["user_id"], in, got.Lifecycles[0].Stage, got.Notes, rows[i])
			}
		}
	}
}

type seenUser struct {
	ID   string `parquet:"id"`
	Seen int64  `parquet:"seen"`
	N    int64  `parquet:"n"`
}

// TestExplainTells: the row that stands among duplicates, what differs from the run, and users that are not there.
func TestExplainTells(t *testing.T) {
	const text = `snapshot: {path: "users/{date}.parquet", user_id: id, duplicates: {keep: latest, by: seen}}
output: out
segments: [{name: many, when: 'n > 5'}, {name: listed, when: 'n in file("ns.txt")'}]`
	b := benchOf(t, text)
	b.list("ns.txt", "7")
	b.adjust = func(j *pipeline.Job) { j.Accept = true }
	snapshot(b, "2026-01-01", seenUser{"ann", 1, 9}, seenUser{"bob", 1, 1})
	b.run("2026-01-01")
	snapshot(b, "2026-01-02", seenUser{"ann", 2, 1}, seenUser{"carl", 1, 1}, seenUser{"ann", 3, 7}, seenUser{"ann", 1, 2})
	b.run("2026-01-02")
	got, err := b.explain("2026-01-02", "ann")
	if err != nil || !got.Segments[0].Member || !got.Segments[1].Member || got.Where.Row != 2 || got.Where.Others != 2 || len(got.Notes) > 0 {
		t.Fatalf("%+v, %v; want row 2 of 3, in both", got, err)
	}
	if since := got.Published.Segments[0].Since.String(); since != "2026-01-01" {
		t.Errorf("many since %s, which its last transition tells", since)
	}

	b.list("ns.txt", "8")
	if b.config, err = configs.Parse(b.config.File, []byte(strings.Replace(text, "n > 5", "n > 50", 1))); err != nil {
		t.Fatal(err)
	}
	got, err = b.explain("2026-01-02", "ann", "many")
	if err != nil || got.Segments[0].Member || !got.Published.Segments[0].Member || len(got.Notes) != 2 ||
		!strings.Contains(fmt.Sprint(got.Notes), "definitions") || !strings.Contains(fmt.Sprint(got.Notes), "list files") {
		t.Errorf("%+v, %v; want to hear that definitions and lists have changed", got, err)
	}

	var input *pipeline.InputError
	for user, want := range map[string]string{"bob": "the run of 2026-01-01 had it", "dora": `user "dora" is not in the snapshot of 2026-01-02, which has 4 rows`} {
		if _, err := b.explain("2026-01-02", user); !errors.As(err, &input) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", user, err, want)
		}
	}
	var notID *pipeline.NotIDError
	if _, err := b.explain("2026-01-02", ""); !errors.As(err, &notID) {
		t.Errorf("no id: %v", err)
	}
}

// TestExplainBeforeAnyRun: the snapshot is enough, and the now of a run that was told another is kept.
func TestExplainBeforeAnyRun(t *testing.T) {
	b := caseBench(t, `segments: [{name: s, when: 'grp == "a" && now < timestamp("2026-02-01T00:00:00Z")'}]`)
	snapshot(b, "2026-01-01", groupsOf("ab")...)
	got, err := b.explain("2026-01-01", "01", "s")
	if err != nil || !got.Segments[0].Member || got.Published != nil || got.User != "1" {
		t.Fatalf("%+v, %v", got, err)
	}
	b.adjust = func(j *pipeline.Job) { j.Now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }
	b.run("2026-01-01")
	b.adjust = nil
	got, err = b.explain("2026-01-01", "1", "s")
	if err != nil || got.Segments[0].Member || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "--now 2026-03-01") {
		t.Errorf("%+v, %v; want the run's now", got, err)
	}
	if _, err := b.explain("2026-01-01", "x"); err == nil || !strings.Contains(err.Error(), "not a number") {
		t.Errorf("%v; want that x is no number", err)
	}
}
