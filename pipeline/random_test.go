package pipeline_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// A story is a random history: users who arrive, change, leave and return, under definitions that change too.
type story struct {
	t      testing.TB
	r      *rand.Rand
	kind   string // of ids
	size   size
	people map[int]attributes
	number int // of the next new user
	world  *world
	lists  map[string]map[string]bool
	bench  *bench
	last   *night
	nights []*night // all, in order
	scoped bool     // nights may look at a part of the users
	sorted bool     // rows are in an order, so that statistics spare reading: every night is run without them, too
	spared int      // column chunks that they spared
	passed int      // pages that they spared in others
}

// A size says how much there is in a story.
type size struct {
	users    int // who may ever come
	arrivals int // a night
	segments int
	parts    int // files of a snapshot
}

// ample has more segments than bits in a word, and several pages of users.
var ample = size{users: 120, arrivals: 25, segments: 70, parts: 3}

// storyDates have gaps, which count by the calendar.
var storyDates = []string{"2026-03-27", "2026-03-28", "2026-03-29", "2026-04-01", "2026-04-02", "2026-04-05"}

// coverage counts what random stories have shown, so that a test which stops testing fails.
type coverage struct {
	reasons, changes, kinds, state map[string]int
	spared, passed                 int // column chunks, and pages
}

// stories is how many stories a test tells.
func stories() int {
	if n, err := strconv.Atoi(os.Getenv("STRATA_STORIES")); err == nil {
		return n
	}
	return 20
}

func TestRandomStoriesEqualTheTwin(t *testing.T) {
	stories := stories()
	seen := coverage{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, 0, 0}
	for seed := range stories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			kind := idKinds[seed%len(idKinds)]
			seen.kinds[kind]++
			told := newStory(t, uint64(seed), kind)
			told.sorted = seed%3 == 1
			told.tell(&seen)
			for word, n := range told.world.heard {
				seen.state[word] += n
			}
			seen.spared, seen.passed = seen.spared+told.spared, seen.passed+told.passed
		})
	}
	if t.Logf("statistics spared %d column chunks and %d pages", seen.spared, seen.passed); seen.spared < 5*stories {
		t.Errorf("statistics spared %d column chunks; the stories do not test them", seen.spared)
	}
	for what, counts := range map[string][2]any{
		"reason": {seen.reasons, []string{"user_new", "user_deleted", "user_changed", "time_passed", "rule_changed", "list_changed", "segment_added", "segment_removed"}},
		"change": {seen.changes, []string{"initial", "entered", "exited", "moved"}},
		"kind":   {seen.kinds, idKinds},
		"state":  {seen.state, stateWords},
	} {
		for _, name := range counts[1].([]string) {
			if counts[0].(map[string]int)[name] < 3 {
				t.Errorf("%s %s occurred %d times; the stories do not test it", what, name, counts[0].(map[string]int)[name])
			}
		}
	}
}

// newStory is an ample story in folders.
func newStory(t *testing.T, seed uint64, kind string) *story {
	output, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := objects.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return storyIn(&bench{t: t, snapshots: snapshots, output: output}, ample, seed, kind)
}

func storyIn(b *bench, size size, seed uint64, kind string) *story {
	s := &story{t: b.t, r: rand.New(rand.NewPCG(seed, 7)), kind: kind, size: size, people: map[int]attributes{}, bench: b}
	s.world = newWorld(b.t, &definitions{})
	s.lists = map[string]map[string]bool{"countries.txt": {"FR": true}}
	return s
}

func (s *story) tell(seen *coverage) {
	for _, date := range storyDates {
		s.changeDefinitions()
		s.changeLists()
		day, _ := time.Parse("2006-01-02", date)
		files := s.changePeople(date, day)
		now := s.now(day)
		var rows []person
		for _, data := range files {
			rows = append(rows, decodeRows(s.t, data)...)
		}
		s.everybody(date, now, rows)
		want := tonight(s.world, date, now, s.lists, rows, s.last)
		s.check(want, s.run(date, now))
		for _, line := range want.transitions {
			parts := strings.Split(line, "|")
			seen.changes[parts[2]]++
			seen.reasons[parts[5]]++
		}
		s.nights = append(s.nights, want)
		s.checkExplained(want)
		s.last = want
	}
}

// now is the local midnight that ends or starts the date.
func (s *story) now(day time.Time) time.Time {
	zone, err := time.LoadLocation(s.world.definitions.zone)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.world.definitions.endOfDate {
		day = day.AddDate(0, 0, 1)
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone)
}

// changeDefinitions edits, adds, removes and reorders.
func (s *story) changeDefinitions() {
	d := *s.world.definitions
	d.segments, d.lifecycles = slices.Clone(d.segments), slices.Clone(d.lifecycles)
	if s.last == nil || s.r.IntN(4) == 0 {
		d.zone = []string{"UTC", "Europe/Paris", "America/New_York"}[s.r.IntN(3)]
		d.endOfDate, d.since = s.r.IntN(2) == 0, s.r.IntN(2) == 0
	}
	if len(d.segments) > 3 && s.r.IntN(3) == 0 {
		s.removeSegment(&d)
	}
	for range 1 + s.r.IntN(3) {
		if len(d.segments) < s.size.segments {
			s.addSegment(&d)
		}
	}
	if s.size.segments > 64 && s.r.IntN(8) == 0 { // past one word
		for range 62 {
			s.addSegment(&d)
		}
	}
	if at := s.r.IntN(len(d.segments)); s.r.IntN(2) == 0 {
		d.segments[at].rule = plainRule(plainRules[s.r.IntN(len(plainRules))])
	}
	if at := s.r.IntN(len(d.segments)); s.r.IntN(2) == 0 {
		s.changeState(&d.segments[at], &definitions{segments: d.segments[:min(at, 3)]}, &definitions{segments: d.segments, lifecycles: d.lifecycles})
	}
	if s.r.IntN(3) == 0 {
		s.r.Shuffle(len(d.lifecycles), func(i, j int) { d.lifecycles[i], d.lifecycles[j] = d.lifecycles[j], d.lifecycles[i] })
	}
	s.changeLifecycles(&d)
	s.chooseScope(&d)
	w := *s.world
	w.definitions = &d
	s.world = &w
}

// asksStages says whether a segment looks at a lifecycle of the same night, itself or through another segment.
func (d *definitions) asksStages(one segmentDef) bool {
	text := strings.ReplaceAll(one.rule.text+one.until.text, "prev_stage(", "")
	return strings.Contains(text, "stage(") || slices.ContainsFunc(d.segments, func(other segmentDef) bool {
		return strings.Contains(text, fmt.Sprintf("segment(%q)", other.name)) && d.asksStages(other)
	})
}

// removeSegment removes a segment that nobody refers to.
func (s *story) removeSegment(d *definitions) {
	at := s.r.IntN(len(d.segments))
	if !d.mentions(fmt.Sprintf("(%q)", d.segments[at].name)) {
		d.segments = slices.Delete(d.segments, at, at+1)
	}
}

// addSegment adds one; it may refer to those before it, so there are no cycles.
func (s *story) addSegment(d *definitions) {
	s.number++
	w := *s.world
	w.definitions = &definitions{segments: d.segments[:min(len(d.segments), 3)]}
	one := segmentDef{name: fmt.Sprintf("s%d", s.number), rule: s.rule(&w, 2)}
	past := &definitions{segments: append(slices.Clone(d.segments), one), lifecycles: d.lifecycles}
	if s.r.IntN(4) == 0 {
		one.rule = one.rule.join([]string{"&&", "||"}[s.r.IntN(2)], stateRule(s.r, past))
	}
	s.changeState(&one, w.definitions, past)
	if len(d.lifecycles) > 0 && s.r.IntN(4) == 0 {
		one.rule = one.rule.join([]string{"&&", "||"}[s.r.IntN(2)], s.stageRule(d.lifecycles[s.r.IntN(len(d.lifecycles))]))
	}
	if s.r.IntN(3) == 0 {
		one.include = "include.txt"
	}
	if s.r.IntN(3) == 0 {
		one.exclude = "exclude.txt"
	}
	d.segments = append(d.segments, one)
}

// changeState gives a segment another until, stay or cooldown, now and then. until may look at the segments before it, and at
// all of the night before, so there are no cycles.
func (s *story) changeState(one *segmentDef, before, past *definitions) {
	if s.r.IntN(4) == 0 {
		one.until = ruleText{}
		if w := (*s.world); s.r.IntN(4) > 0 {
			w.definitions = before
			if one.until = s.rule(&w, 1); s.r.IntN(3) == 0 {
				one.until = one.until.join([]string{"&&", "||"}[s.r.IntN(2)], stateRule(s.r, past))
			}
		}
	}
	for _, days := range []*int{&one.minStay, &one.cooldown} {
		if s.r.IntN(4) == 0 {
			*days = []int{0, 1, 2, 3, 4, 7}[s.r.IntN(6)]
		}
	}
}

// stageRule asks for the stage of a lifecycle.
func (s *story) stageRule(l lifecycleDef) ruleText {
	name, stage := l.name, l.stages[s.r.IntN(len(l.stages))].name
	if s.r.IntN(3) == 0 {
		return atomRule(fmt.Sprintf("stage(%q) == null", name), func(w *world, p *person, m moment) tri { return truth(w.stageNow(name, p, m) == "") })
	}
	return atomRule(fmt.Sprintf("stage(%q) == %q", name, stage), func(w *world, p *person, m moment) tri {
		now := w.stageNow(name, p, m)
		if now == "" {
			return unknown
		}
		return truth(now == stage)
	})
}

// changeLifecycles adds, removes and changes lifecycles. They look at the first segment, if that does not look at them; what a
// segment looks at keeps its name.
func (s *story) changeLifecycles(d *definitions) {
	if len(d.lifecycles) > 1 && s.r.IntN(4) == 0 && !d.mentions(fmt.Sprintf("(%q)", d.lifecycles[0].name)) {
		d.lifecycles = d.lifecycles[1:]
	}
	w := *s.world
	if w.definitions = (&definitions{}); !d.asksStages(d.segments[0]) {
		w.definitions.segments = d.segments[:1]
	}
	if len(d.lifecycles) == 0 || s.r.IntN(3) == 0 {
		s.number++
		l := lifecycleDef{name: fmt.Sprintf("life%d", s.number)}
		for i := range 1 + s.r.IntN(3) {
			l.stages = append(l.stages, stageDef{fmt.Sprintf("stage%d", i), s.rule(&w, 1)})
		}
		if at := s.r.IntN(len(l.stages)); s.r.IntN(3) == 0 {
			past := &definitions{segments: d.segments, lifecycles: append(slices.Clone(d.lifecycles), l)}
			l.stages[at].rule = l.stages[at].rule.join("||", stateRule(s.r, past))
		}
		l.moves = s.randomMoves(l.stages)
		d.lifecycles = append(d.lifecycles, l)
		return
	}
	at := s.r.IntN(len(d.lifecycles))
	stages := slices.Clone(d.lifecycles[at].stages)
	switch s.r.IntN(3) {
	case 0:
		if !d.mentions(fmt.Sprintf("(%q) == %q", d.lifecycles[at].name, stages[0].name)) {
			stages[0].name = "renamed" + stages[0].name
		}
	case 1:
		stages[0].rule = s.rule(&w, 1)
	}
	d.lifecycles[at].stages = stages
	d.lifecycles[at].moves = s.randomMoves(stages)
}

// randomMoves allows some of the moves between stages; none stands for all.
func (s *story) randomMoves(stages []stageDef) (moves [][2]string) {
	if s.r.IntN(3) == 0 {
		return nil
	}
	for _, from := range stages {
		for _, to := range stages {
			if from.name != to.name && s.r.IntN(2) == 0 {
				moves = append(moves, [2]string{from.name, to.name})
			}
		}
	}
	return moves
}

// changeLists rewrites the list files now and then.
func (s *story) changeLists() {
	lists := maps.Clone(s.lists)
	for _, name := range []string{"include.txt", "exclude.txt"} {
		if lists[name] != nil && s.r.IntN(2) == 0 {
			continue
		}
		lists[name] = map[string]bool{}
		for range 4 {
			lists[name][canonical(randomID(s.r, s.kind, s.r.IntN(s.number+20)))] = true
		}
	}
	if s.r.IntN(3) == 0 {
		lists["countries.txt"] = map[string]bool{[]string{"FR", "DE", "US"}[s.r.IntN(3)]: true, "DE": s.r.IntN(2) == 0}
	}
	for name, list := range lists {
		var text strings.Builder
		for _, line := range slices.Sorted(maps.Keys(list)) {
			if list[line] {
				fmt.Fprintln(&text, line)
			} else {
				delete(list, line)
			}
		}
		s.bench.put(name, []byte(text.String()))
	}
	s.lists = lists
}

// changePeople lets a day pass and writes its snapshot, in rows of random order over some files.
func (s *story) changePeople(date string, day time.Time) [][]byte {
	now := day.UnixMicro()
	for _, n := range slices.Sorted(maps.Keys(s.people)) {
		switch s.r.IntN(10) {
		case 0:
			delete(s.people, n)
		case 1, 2, 3:
			s.people[n] = randomAttributes(s.r, now)
		}
	}
	for range s.size.arrivals {
		s.people[s.r.IntN(s.size.users)] = randomAttributes(s.r, now)
	}
	var rows []person
	for _, n := range slices.Sorted(maps.Keys(s.people)) {
		one := person{id: randomID(s.r, s.kind, n), attributes: s.people[n]}
		rows = append(rows, one)
		if s.r.IntN(8) == 0 && one.Updated != nil { // an older row of the same user
			older := person{id: one.id, attributes: randomAttributes(s.r, now)}
			updated := *one.Updated - 1 - int64(s.r.IntN(1000))
			older.Updated = &updated
			rows = append(rows, older)
		}
	}
	rows = append(rows, person{attributes: randomAttributes(s.r, now)})
	if s.kind != "int" && s.kind != "uuid" {
		rows = append(rows, person{id: "?", attributes: randomAttributes(s.r, now)})
	}
	s.r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	if s.sorted {
		slices.SortStableFunc(rows, func(a, b person) int { return cmp.Compare(orZero(a.Seen), orZero(b.Seen)) })
	}
	return s.writeFiles(date, rows)
}

func orZero[T any](v *T) (out T) {
	if v != nil {
		out = *v
	}
	return out
}

func (s *story) writeFiles(date string, rows []person) [][]byte {
	var files [][]byte
	for i := range s.size.parts {
		data := encodeRows(s.t, s.kind, rows[len(rows)*i/s.size.parts:len(rows)*(i+1)/s.size.parts])
		s.bench.put(fmt.Sprintf("users/%s/part-%d.parquet", date, i), data)
		files = append(files, data)
	}
	return files
}

// yaml writes definitions as a user would.
func (d *definitions) yaml() string {
	var y strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&y, format+"\n", args...) }
	p("snapshot:\n  path: users/{date}/*.parquet\n  user_id: user_id\n  max_rejects: 100%%\n  duplicates: {keep: latest, by: updated}")
	if d.where.text != "" {
		p("  where: |\n    %s", d.where.text)
	}
	policy := configs.StartOfDate
	if d.endOfDate {
		policy = configs.EndOfDate
	}
	p("timezone: %s\nnow: %s\noutput: out\nmembership: {columns: [country, tags, price], since: %v, also: [wide, long]}", d.zone, policy, d.since)
	p("guards: {snapshot_rows: {max_drop: none}, null_share: {max_rise: none}, exits: {max_share: none}, unknowns: {max_rise: none}}")
	p("segments:")
	for _, segment := range d.segments {
		p("  - name: %s\n    when: |\n      %s", segment.name, segment.rule.text)
		if segment.until.text != "" {
			p("    until: |\n      %s", segment.until.text)
		}
		if segment.minStay > 0 {
			p("    min_stay: %dd", segment.minStay)
		}
		if segment.cooldown > 0 {
			p("    cooldown: %dd", segment.cooldown)
		}
		if segment.include != "" {
			p("    include: %s", segment.include)
		}
		if segment.exclude != "" {
			p("    exclude: %s", segment.exclude)
		}
	}
	p("lifecycles:")
	for _, l := range d.lifecycles {
		p("  - name: %s\n    stages:", l.name)
		for _, stage := range l.stages {
			p("      - name: %s\n        when: |\n          %s", stage.name, stage.rule.text)
		}
		if len(l.moves) > 0 {
			p("    moves:")
		}
		for _, move := range l.moves {
			p("      - %s -> %s", move[0], move[1])
		}
	}
	return y.String()
}

// configure readies the bench for the definitions of the day, with whatever resources.
func (s *story) configure() {
	s.t.Helper()
	config, err := configs.Parse("strata.yaml", []byte(s.world.definitions.yaml()))
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.world.definitions.yaml())
	}
	s.bench.config = config
	partitions := 1 << s.r.IntN(5)
	s.bench.adjust = func(j *pipeline.Job) {
		j.Workers, j.BatchRows = 1+s.r.IntN(4), 1+s.r.IntN(100)
		if s.r.IntN(2) == 0 {
			j.Memory = 1
		}
		*j = pipeline.WithPartitions(*j, partitions)
	}
}

// run makes the job's run of a date.
func (s *story) run(date string, now time.Time) *catalog.Manifest {
	s.t.Helper()
	s.configure()
	var pruned, whole spy
	s.bench.adjust = pruned.watch
	m := s.bench.run(date)
	if !m.Now.Equal(now) {
		s.t.Errorf("now is %v, want %v", m.Now, now)
	}
	if s.sorted {
		s.bench.adjust = whole.watchUnpruned
		sameRun(s.t, s.bench, m, s.bench.run(date))
		s.spared += whole.columns - pruned.columns
		if s.passed += pruned.pages; whole.pages > 0 {
			s.t.Errorf("%d pages are passed over where statistics must not be asked", whole.pages)
		}
	}
	return m
}

// textID is an id as the twin writes it.
func (s *story) textID(id string) string {
	if s.kind == "uuid" && len(id) == 32 {
		return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	}
	return id
}

// check compares a run with the twin's night in everything.
func (s *story) check(want *night, m *catalog.Manifest) {
	s.t.Helper()
	var got []string
	for _, row := range s.bench.table(m, "transitions") {
		got = append(got, strings.Join([]string{
			s.textID(row["user_id"]), row["segment"], row["change"], row["from"], row["to"], row["reason"], row["at"], row["event_id"],
		}, "|"))
	}
	slices.Sort(got)
	sameLines(s.t, want.date+" transitions", got, want.transitions)
	s.checkMembership(want, m)
	s.checkCounts(want, m)
	if s.t.Failed() {
		s.t.Logf("definitions:\n%s", want.definitions.yaml())
		s.t.FailNow()
	}
}

func days(date string) string {
	t, _ := time.Parse("2006-01-02", date)
	return fmt.Sprint(t.Unix() / 86400)
}

func (s *story) checkMembership(want *night, m *catalog.Manifest) {
	s.t.Helper()
	d := want.definitions
	var membership, wide, long []string
	for id, user := range want.users {
		p := want.people[id]
		var in, since []string
		flat := []string{id}
		for _, segment := range d.segments {
			day, ok := user.segments[segment.name]
			flat = append(flat, fmt.Sprint(ok))
			if ok {
				in, since = append(in, segment.name), append(since, days(day))
				long = append(long, id+"|"+segment.name)
			}
		}
		line := []string{id, strings.Join(in, ",")}
		if d.since {
			line = append(line, strings.Join(since, ","))
		}
		for _, l := range d.lifecycles {
			line, flat = append(line, user.stages[l.name][0]), append(flat, user.stages[l.name][0])
			if day := user.stages[l.name][1]; d.since && day != "" {
				line = append(line, days(day))
			} else if d.since {
				line = append(line, "")
			}
		}
		membership = append(membership, strings.Join(append(line, text(p.Country), strings.Join(p.Tags, ",")), "|"))
		wide = append(wide, strings.Join(flat, "|"))
	}
	for _, list := range []*[]string{&membership, &wide, &long} {
		slices.Sort(*list)
	}
	columns, flat := []string{"user_id", "segments"}, []string{"user_id"}
	if d.since {
		columns = append(columns, "since")
	}
	for _, segment := range d.segments {
		flat = append(flat, segment.name)
	}
	for _, l := range d.lifecycles {
		columns, flat = append(columns, l.name), append(flat, l.name)
		if d.since {
			columns = append(columns, l.name+"_since")
		}
	}
	table := func(name string) []map[string]string {
		rows := s.bench.table(m, name)
		for _, row := range rows {
			row["user_id"] = s.textID(row["user_id"])
		}
		return rows
	}
	sameLines(s.t, want.date+" membership", lines(table("membership"), append(columns, "country", "tags")...), membership)
	sameLines(s.t, want.date+" wide", lines(table("wide"), flat...), wide)
	sameLines(s.t, want.date+" long", lines(table("long"), "user_id", "segment"), long)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *story) checkCounts(want *night, m *catalog.Manifest) {
	s.t.Helper()
	if m.Users != int64(len(want.users)) || m.Duplicates != want.duplicates || m.Rejects != (catalog.Rejects{Nulls: want.rejects[0], Unusable: want.rejects[1]}) {
		s.t.Errorf("%s: %d users, %d duplicates, rejects %v; want %d, %d, %v", want.date, m.Users, m.Duplicates, m.Rejects, len(want.users), want.duplicates, want.rejects)
	}
	for _, segment := range m.Segments {
		if segment.Removed {
			continue
		}
		size := int64(0)
		for _, user := range want.users {
			if _, ok := user.segments[segment.Name]; ok {
				size++
			}
		}
		if segment.Size != size || segment.Unknown != want.unknown[segment.Name] || segment.Errors != want.errors[segment.Name] {
			s.t.Errorf("%s %s: size %d, unknown %d, errors %d; want %d, %d, %d", want.date, segment.Name, segment.Size, segment.Unknown, segment.Errors,
				size, want.unknown[segment.Name], want.errors[segment.Name])
		}
	}
	for _, l := range m.Lifecycles {
		if !l.Removed && l.Blocked != want.blocked[l.Name] {
			s.t.Errorf("%s %s: %d moves blocked, want %d", want.date, l.Name, l.Blocked, want.blocked[l.Name])
		}
	}
}
