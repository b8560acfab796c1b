package pipeline_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"strata/configs"
	"strata/pipeline"
)

// preview asks about a date, and makes sure that the output is as it was before.
func (b *bench) preview(date string, q pipeline.Proposal) *pipeline.Previewed {
	b.t.Helper()
	before := allObjects(b.t, b.output)
	out, err := pipeline.Preview(b.t.Context(), b.job(date), q)
	if err != nil {
		b.t.Fatalf("preview of %s on %s: %v", q.Rule.Text, date, err)
	}
	if !maps.Equal(before, allObjects(b.t, b.output)) {
		b.t.Fatal("the preview has left its mark on the output")
	}
	return out
}

// overlaps spells overlaps, so that they compare.
func overlaps(p *pipeline.Previewed) string {
	return fmt.Sprint(p.Users, p.Members, p.Unknown, p.Errors, p.Segments, p.Stages)
}

// TestPreviewsOfRandomStoriesEqualTheTwin asks random rules about random nights, with rejects and duplicates.
func TestPreviewsOfRandomStoriesEqualTheTwin(t *testing.T) {
	some, unknowns := 0, int64(0)
	for seed := range 6 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newStory(t, uint64(2000+seed), idKinds[seed%len(idKinds)])
			for _, date := range storyDates[:3] {
				s.changeDefinitions()
				s.changeLists()
				day, _ := time.Parse("2006-01-02", date)
				var rows []person
				for _, data := range s.changePeople(date, day) {
					rows = append(rows, decodeRows(t, data)...)
				}
				runs := seed%2 == 0 // preview must not mind whether there is a run, but that none before leaves no state
				var before *night
				if runs {
					before = s.last
				}
				want := tonight(s.world, date, s.now(day), s.lists, rows, before)
				s.configure()
				if runs {
					s.bench.run(date)
				}
				for i := range 5 {
					rule := randomRule(s.r, s.world, 2)
					if i == 0 {
						rule = rule.join([]string{"&&", "||"}[s.r.IntN(2)], stateRule(s.r, s.world.definitions))
					}
					p := s.previewRule(want, rule)
					some += int(min(p.Members, 1))
					unknowns += p.Unknown
				}
				s.last = want
			}
		})
	}
	if some < 30 || unknowns < 30 {
		t.Errorf("%d rules took anybody, %d answers were unknown; the stories do not test it", some, unknowns)
	}
}

// previewRule compares a preview with what the twin answers user by user.
func (s *story) previewRule(want *night, rule ruleText) *pipeline.Previewed {
	s.t.Helper()
	p := s.bench.preview(want.date, pipeline.Proposal{Rule: configs.NewExpr(rule.text), Overlap: true, Examples: 4})
	m := want.moment(s.world, want, s.lists)
	expected := pipeline.Previewed{Users: int64(len(want.users))}
	var members []string
	both, size := map[string]int64{}, map[string]int64{}
	for id, one := range want.people {
		answer := s.world.ask(rule, one, m)
		expected.Members += int64(boolBit(answer == yes))
		expected.Unknown += int64(boolBit(answer == unknown))
		expected.Errors += int64(boolBit(answer == failed))
		if answer == yes {
			members = append(members, id)
		}
		for name := range want.users[id].segments {
			size[name]++
			both[name] += int64(boolBit(answer == yes))
		}
		for name, stage := range want.users[id].stages {
			size[name+" "+stage[0]]++
			both[name+" "+stage[0]] += int64(boolBit(answer == yes))
		}
	}
	for _, d := range want.definitions.segments {
		expected.Segments = append(expected.Segments, pipeline.Overlap{Name: d.name, Size: size[d.name], Both: both[d.name]})
	}
	for _, l := range want.definitions.lifecycles {
		for _, stage := range l.stages {
			name := l.name + " " + stage.name
			expected.Stages = append(expected.Stages, pipeline.Overlap{Lifecycle: l.name, Name: stage.name, Size: size[name], Both: both[name]})
		}
	}
	if got, want := overlaps(p), overlaps(&expected); got != want {
		s.t.Fatalf("%s:\n%s\nwant\n%s", rule.text, got, want)
	}
	var examples []string
	for _, id := range p.Examples {
		examples = append(examples, canonical(id))
	}
	if !slices.Equal(examples, leastHashes(members, 4)) {
		s.t.Fatalf("%s: examples %v, want %v", rule.text, examples, leastHashes(members, 4))
	}
	if p.Rejects.Total() != want.rejects[0]+want.rejects[1] || p.Duplicates != want.duplicates {
		s.t.Fatalf("%v rejects, %d duplicates; want %v, %d", p.Rejects, p.Duplicates, want.rejects, want.duplicates)
	}
	alone := s.bench.preview(want.date, pipeline.Proposal{Rule: configs.NewExpr(rule.text)})
	if alone.Members != p.Members || alone.Unknown != p.Unknown || alone.Errors != p.Errors || alone.Users != p.Users {
		s.t.Fatalf("%s alone: %s; together %s", rule.text, overlaps(alone), overlaps(p))
	}
	return p
}

func boolBit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestPreviewEqualsTheRun: before any run, users are counted; after one without rejects and duplicates, rows. Both give what a run
// publishes for segments with the rules, and overlaps are those of the published membership.
func TestPreviewEqualsTheRun(t *testing.T) {
	const date = "2026-11-01"
	asked := map[string]string{
		"some": `country == "FR" && ltv > 100`, "others": `segment("vip") || age == null`, "all": `true`, "none": `ltv < 0.0 - 1.0`,
		"failing": `100 / (orders_90d - 1) > 3`, "split": `hash_split("x", 0.3)`,
	}
	b := nightlyBench(t)
	proposal := func(name string) pipeline.Proposal {
		return pipeline.Proposal{Rule: configs.NewExpr(asked[name]), Overlap: true, Examples: 10}
	}
	users, rows := map[string]*pipeline.Previewed{}, map[string]*pipeline.Previewed{}
	for name := range asked {
		users[name] = b.preview(date, proposal(name))
	}
	b.run(date)
	for name := range asked {
		rows[name] = b.preview(date, proposal(name))
		if got, want := overlaps(rows[name])+fmt.Sprint(rows[name].Examples), overlaps(users[name])+fmt.Sprint(users[name].Examples); got != want {
			t.Errorf("%s: rows give\n%s\nusers give\n%s", name, got, want)
		}
	}
	for _, name := range sortedKeys(asked) {
		b.config.Segments = append(b.config.Segments, configs.Segment{Name: name, When: configs.NewExpr(asked[name])})
	}
	m := b.run(date)
	both := map[string]int64{}
	for _, row := range b.table(m, "membership") {
		names := append(strings.Split(row["segments"], ","), "journey "+row["journey"])
		for _, one := range names {
			for _, other := range names {
				both[one+"|"+other]++
			}
		}
	}
	for _, s := range m.Segments[len(m.Segments)-len(asked):] {
		p := rows[s.Name]
		if s.Size != p.Members || s.Unknown != p.Unknown || s.Errors != p.Errors {
			t.Errorf("%s: the run has %d, %d, %d; the preview %d, %d, %d", s.Name, s.Size, s.Unknown, s.Errors, p.Members, p.Unknown, p.Errors)
		}
		for i, o := range slices.Concat(p.Segments, p.Stages) {
			name := o.Name
			if i >= len(p.Segments) {
				name = "journey " + name
			}
			if o.Both != both[s.Name+"|"+name] || o.Size != both[name+"|"+name] {
				t.Errorf("%s: %v; the membership has %d of %d", s.Name, o, both[s.Name+"|"+name], both[name+"|"+name])
			}
		}
	}
	if rows["failing"].Errors == 0 || rows["others"].Members == 0 || len(rows["some"].Segments) < 24 {
		t.Errorf("the rules do not show what they are for: %+v", rows["failing"])
	}
}

func TestPreviewFaultsStandInTheRule(t *testing.T) {
	b := caseBench(t, "traits: [{name: big, value: 'grp == \"a\"'}]\nsegments: [{name: s, when: 'big'}]")
	snapshot(b, "2026-01-01", groupsOf("aab")...)
	for _, tc := range []struct{ rule, want string }{
		{" ", "the rule is empty"},
		{`gpr == "a"`, "rule:1:1: the snapshot has no column \"gpr\"\n  1 | gpr == \"a\"\n    | ^ hint: did you mean \"grp\"?"},
		{`big AND grp == "a"`, "hint: write && for AND"},
		{`segment("t")`, "there is no segment \"t\""},
		{`segment("the rule")`, "refers to itself"},
		{`grp`, "not true or false"},
		{"big &&\n  id ==", "rule:2:"},
	} {
		_, err := pipeline.Preview(t.Context(), b.job("2026-01-01"), pipeline.Proposal{Rule: configs.NewExpr(tc.rule), Overlap: true})
		var problems configs.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), `segment "the rule":`) {
			t.Errorf("%q: %v; want %q", tc.rule, err, tc.want)
		}
	}
}

func TestPreviewOfDuplicatesFollowsThePolicy(t *testing.T) {
	b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]")
	snapshot(b, "2026-01-01", append(groupsOf("aab"), groupsOf("b")...)...)
	_, err := pipeline.Preview(t.Context(), b.job("2026-01-01"), pipeline.Proposal{Rule: configs.NewExpr(`grp == "b"`)})
	var input *pipeline.InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), "repeat the user id of another row") {
		t.Errorf("Preview = %v; the policy is to fail", err)
	}
}

// TestPreviewCountsRowsOnlyWhereEachIsAUser: not where the objects are others than those of the run, nor where it found duplicates.
func TestPreviewCountsRowsOnlyWhereEachIsAUser(t *testing.T) {
	b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]")
	b.config.Snapshot.Duplicates = configs.Duplicates{Keep: configs.KeepLatest, By: "age"}
	row := func(id int64, grp string, age int64) sortedRow { return sortedRow{id, grp, &age} }
	members := func() int64 {
		return b.preview("2026-01-01", pipeline.Proposal{Rule: configs.NewExpr(`grp == "a"`)}).Members
	}
	snapshot(b, "2026-01-01", row(1, "a", 1), row(2, "b", 1))
	b.run("2026-01-01")
	snapshot(b, "2026-01-01", row(1, "a", 1), row(2, "a", 1), row(2, "b", 2), row(3, "a", 1))
	if n := members(); n != 2 {
		t.Errorf("%d members of objects that the run has not read, want 2", n)
	}
	b.run("2026-01-01")
	if n := members(); n != 2 {
		t.Errorf("%d members of objects with duplicates, want 2", n)
	}
}

// A clumped row belongs to a file in which neighbours are alike.
type clumped struct {
	ID  int64  `parquet:"id"`
	Grp string `parquet:"grp"`
}

func TestSampleOfRowGroups(t *testing.T) {
	b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]")
	r := rand.New(rand.NewPCG(1, 2))
	var rows []clumped
	for group := range 60 {
		share := r.Float64()
		for range 100 {
			rows = append(rows, clumped{int64(len(rows)), map[bool]string{true: "a", false: "b"}[r.Float64() < share && group != 7]})
		}
	}
	folder := filepath.Join(filepath.Dir(b.config.File), "users")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(filepath.Join(folder, "2026-01-01.parquet"), rows, parquet.MaxRowsPerRowGroup(100)); err != nil {
		t.Fatal(err)
	}
	ask := func(share float64) *pipeline.Previewed {
		return b.preview("2026-01-01", pipeline.Proposal{Rule: configs.NewExpr(`grp == "a"`), Overlap: true, Sample: share})
	}
	few, half, exact := ask(0.01), ask(0.5), ask(0)
	if few.Sample == nil || few.Sample.RowGroups != 10 || few.Sample.Of != 60 || few.Users != 1000 {
		t.Errorf("1 %%: %+v over %d rows; want ten row groups, the fewest", few.Sample, few.Users)
	}
	if half.Sample == nil || half.Sample.RowGroups != 30 || !half.Sample.Steady {
		t.Errorf("half: %+v", half.Sample)
	}
	if exact.Sample != nil || exact.Users != 6000 {
		t.Errorf("all row groups: %+v, %d users; want what is exact", exact.Sample, exact.Users)
	}
	if again := ask(0.5); *again.Sample != *half.Sample {
		t.Errorf("the same question has another answer: %+v, %+v", again.Sample, half.Sample)
	}
	truth := float64(exact.Members)
	for _, s := range []*pipeline.Sample{few.Sample, half.Sample} {
		if s.Low > truth || truth > s.High || s.Low >= s.Members || s.Members >= s.High || math.Abs(s.Members-truth) > 1000 {
			t.Errorf("%+v; the truth is %v", s, truth)
		}
	}
}

// A sortedRow belongs to a file that is sorted by age; the youngest are of no known age.
type sortedRow struct {
	ID  int64  `parquet:"id"`
	Grp string `parquet:"grp"`
	Age *int64 `parquet:"age,optional"`
}

// TestPreviewSkipsWhatStatisticsSettle: where a rule can take nobody, nothing is read, once it is known how large the segments are.
// That all rows of a row group are null is not taken on trust.
func TestPreviewSkipsWhatStatisticsSettle(t *testing.T) {
	const date = "2026-01-01"
	b := caseBench(t, "segments: [{name: s, when: 'grp == \"a\"'}]\nlifecycles: [{name: l, stages: [{name: old, when: 'age > 18'}, {name: other, when: 'true'}]}]")
	var rows []sortedRow
	for i := range 2000 {
		age := int64(i / 100)
		row := sortedRow{ID: int64(i), Grp: string(rune('a' + i%3)), Age: &age}
		if age == 0 {
			row.Age = nil
		}
		rows = append(rows, row)
	}
	folder := filepath.Join(filepath.Dir(b.config.File), "users")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(filepath.Join(folder, date+".parquet"), rows, parquet.MaxRowsPerRowGroup(100)); err != nil {
		t.Fatal(err)
	}
	var ahead []string
	ask := func(rule string) (string, []string) {
		s := &spy{}
		b.adjust = s.watch
		p := b.preview(date, pipeline.Proposal{Rule: configs.NewExpr(rule), Overlap: true, Examples: 3})
		slices.Sort(s.opened)
		ahead = slices.Sorted(slices.Values(s.ahead))
		return overlaps(p) + fmt.Sprint(p.Examples), slices.Compact(s.opened)
	}
	want, all := ask("age >= 18")
	b.adjust = nil
	b.run(date)
	got, some := ask("age >= 18")
	if got != want || !strings.HasPrefix(got, "2000 200 100 0 ") {
		t.Errorf("with the sizes of the run %s, without %s", got, want)
	}
	if wanted := []string{"0 age", "0 grp", "18 grp", "18 id", "19 grp", "19 id"}; !slices.Equal(some, wanted) || len(all) < 40 {
		t.Errorf("opened %v, and %d columns without a run; want %v", some, len(all), wanted)
	}
	if wanted := []string{"18 grp", "18 id", "19 grp", "19 id"}; !slices.Equal(ahead, wanted) {
		t.Errorf("fetched ahead %v, want %v", ahead, wanted)
	}
	if _, opened := ask("id > 5000 && grp == \"b\""); len(opened) > 0 {
		t.Errorf("opened %v for a rule that takes nobody", opened)
	}
	b.config.Segments[0].When = configs.NewExpr(`grp == "c"`)
	if changed, opened := ask("age >= 18"); changed == got || len(opened) < 20 {
		t.Errorf("the sizes of changed definitions are not counted: %s, opened %v", changed, opened)
	}
}
