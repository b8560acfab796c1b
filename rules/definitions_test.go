package rules

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// Whole definitions, in several steps, against the plain reading of DESIGN.md: segments that refer to each other, lists,
// stages, what the previous run left, and what is counted.

// A plainStep answers one step row by row.
type plainStep struct {
	*stepCompiler
	rec      arrow.Record
	programs map[string]cel.Program // by segment
	untils   map[string]cel.Program // by segment that has one
	past     []formerUser           // by row
	stageOf  [][]cel.Program        // by lifecycle
	row      int
	members  map[string]bool // of this row
	stands   map[string]standing
}

// A standing is where a row stands in a lifecycle.
type standing struct {
	place           int // of the stage; -1: none
	stage           string
	unknown, failed bool // a rule before it is
	blocked         bool
}

func newPlainStep(t *testing.T, step, last Step, rec arrow.Record) *plainStep {
	t.Helper()
	location, err := loadZone(step.Definitions.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	c := &compiler{schema: rec.Schema(), opts: Options{UserID: "user_id"}, graph: newGraph(), zones: map[string]*zone{}}
	s := &stepCompiler{compiler: c, definitions: step.Definitions, lists: step.Lists, date: step.Date}
	if err := s.start(&clockwork{
		now: step.Now, today: int64(step.Today), zone: location, lists: step.Lists, horizon: last.Now, horizonDay: int64(last.Today),
	}); err != nil {
		t.Fatal(err)
	}
	s.compileRules()
	if err := s.problems().Err(); err != nil {
		return nil // some random rule does not check
	}
	p := &plainStep{stepCompiler: s, rec: rec, programs: map[string]cel.Program{}, untils: map[string]cel.Program{}}
	plan := func(r *rule) cel.Program {
		program, err := s.front.env.env.PlanProgram(r.native(), exactly)
		if err != nil {
			t.Fatal(err)
		}
		return program
	}
	for name, r := range s.rules {
		p.programs[name] = plan(r)
	}
	for name, r := range s.untils {
		p.untils[name] = plan(r)
	}
	for _, stages := range s.stages {
		var programs []cel.Program
		for _, r := range stages {
			programs = append(programs, plan(r))
		}
		p.stageOf = append(p.stageOf, programs)
	}
	return p
}

func (p *plainStep) ResolveName(name string) (any, bool) {
	if segment, ok := strings.CutPrefix(name, segmentPrefix); ok {
		return types.Bool(p.members[segment]), true
	}
	if lifecycle, ok := strings.CutPrefix(name, stagePrefix); ok {
		if stage := p.stands[lifecycle].stage; stage != "" {
			return types.String(stage), true
		}
		return unknown, true
	}
	if value, ok := p.resolvePast(name); ok {
		return value, true
	}
	o := &oracleRow{&oracle{variables: p.front.env.variables, zone: p.front.env.clock.zone, rec: p.rec, userID: "user_id"}, p.row}
	return o.ResolveName(name)
}

// resolvePast finds what the previous run left of the row's user.
func (p *plainStep) resolvePast(name string) (any, bool) {
	if segment, ok := strings.CutPrefix(name, wasPrefix); ok {
		return types.Bool(p.past[p.row].in[segment]), true
	}
	if lifecycle, ok := strings.CutPrefix(name, prevStagePrefix); ok {
		if stage := p.formerStage(lifecycle); stage != "" {
			return types.String(stage), true
		}
		return unknown, true
	}
	if of, ok := strings.CutPrefix(name, sincePrefix); ok {
		day, known := p.past[p.row].since[of]
		if p.lifecycle(of) >= 0 && p.formerStage(of) == "" || !known {
			return unknown, true
		}
		return date(day), true
	}
	return types.False, name == firstRun
}

// formerStage is the stage that the row's user stood in; empty for none, and for one that these definitions do not have.
func (p *plainStep) formerStage(lifecycle string) string {
	stage := p.past[p.row].stages[lifecycle]
	if !slices.ContainsFunc(p.definitions.Lifecycles[p.lifecycle(lifecycle)].Stages, func(s configs.Stage) bool { return s.Name == stage }) {
		return ""
	}
	return stage
}

func (p *plainStep) Parent() cel.Activation { return nil }

// answer spells a rule's answer for the row.
func (p *plainStep) answer(program cel.Program) byte {
	value, _, err := program.Eval(p)
	switch {
	case types.IsUnknown(value):
		return 'U'
	case value == nil && err != nil || types.IsError(value):
		return 'E'
	case value == types.True:
		return 'T'
	}
	return 'F'
}

// listed says whether a list names the row's user.
func (p *plainStep) listed(path string) bool {
	if path == "" {
		return false
	}
	o := &oracleRow{&oracle{variables: p.front.env.variables, rec: p.rec, userID: "user_id"}, p.row}
	id := string(o.id().(types.String))
	return slices.ContainsFunc(p.lists[path].lines, func(line string) bool {
		if n, err := strconv.ParseInt(line, 10, 64); err == nil && strconv.FormatInt(n, 10) == id {
			return true
		}
		high, low, uuid := ids.ParseUUID([]byte(line))
		return line == id || uuid && string(ids.AppendUUID(nil, high, low)) == id
	})
}

// rowAnswers spells everything a step says of a row: by segment the membership (M or -) and the rule's answer, by lifecycle
// the place of the stage, and whether a rule on the way to it was unknown or failed.
func (p *plainStep) rowAnswers(row int) string {
	p.row, p.members, p.stands = row, map[string]bool{}, map[string]standing{}
	letters := map[string]byte{}
	for _, name := range p.order {
		if at := p.lifecycle(name); at >= 0 {
			p.stands[name] = p.stand(at)
			continue
		}
		at := slices.IndexFunc(p.definitions.Segments, func(s configs.Segment) bool { return s.Name == name })
		s := p.definitions.Segments[at]
		letters[name] = p.answer(p.programs[name])
		in := letters[name] == 'T'
		if hasStateRules(s) {
			in = p.ruled(s, in)
			if p.untils[name] != nil && p.past[row].in[name] {
				letters[name] = p.answer(p.untils[name])
			}
		}
		p.members[name] = (in || p.listed(s.Include)) && !p.listed(s.Exclude)
	}
	var b strings.Builder
	for _, s := range p.definitions.Segments {
		b.WriteByte("-M"[bit(p.members[s.Name])])
		b.WriteByte(letters[s.Name])
	}
	for _, lifecycle := range p.definitions.Lifecycles {
		at := p.stands[lifecycle.Name]
		fmt.Fprint(&b, " ", at.place, at.unknown, at.failed, at.blocked)
	}
	return b.String()
}

// ruled applies until, min_stay and cooldown to a segment whose rule is true, or is not.
func (p *plainStep) ruled(s configs.Segment, when bool) bool {
	user := p.past[p.row]
	if !user.in[s.Name] {
		exit, left := user.exits[s.Name]
		return when && !(s.Cooldown > 0 && left && p.date-exit < int32(s.Cooldown))
	}
	leaves := !when
	if p.untils[s.Name] != nil {
		leaves = p.answer(p.untils[s.Name]) == 'T'
	}
	return !leaves || p.date-user.since[s.Name] < int32(s.MinStay)
}

// stand finds the first stage whose rule is true, and whether the user may move there.
func (p *plainStep) stand(lifecycle int) standing {
	at := standing{place: -1}
	for i, program := range p.stageOf[lifecycle] {
		answer := p.answer(program)
		at.unknown, at.failed = at.unknown || answer == 'U', at.failed || answer == 'E'
		if answer == 'T' {
			at.place, at.stage = i, p.definitions.Lifecycles[lifecycle].Stages[i].Name
			break
		}
	}
	d := p.definitions.Lifecycles[lifecycle]
	if before := p.formerStage(d.Name); before != "" && at.stage != "" && before != at.stage && !d.Moves.Allows(before, at.stage) {
		at.blocked, at.stage = true, before
		at.place = slices.IndexFunc(d.Stages, func(s configs.Stage) bool { return s.Name == before })
	}
	return at
}

// resolvedRow spells the same of a plan's answer.
func resolvedRow(r *Resolved, letters []byte, user int) string {
	var b strings.Builder
	for i, word := range r.Segments {
		b.WriteByte("-M"[word>>user&1])
		b.WriteByte(letters[i])
	}
	for l, stages := range r.Stages {
		stage := slices.IndexFunc(stages, func(word uint64) bool { return word>>user&1 != 0 })
		fmt.Fprint(&b, " ", stage, r.StageUnknown[l]>>user&1 != 0, r.StageFailed[l]>>user&1 != 0, r.Blocked[l]>>user&1 != 0)
	}
	return b.String()
}

// segmentLetters spells the rules' answers of a user, from what is counted and the rule's own bits.
func segmentLetters(p *Plan, step int, r *Resolved, words []uint64, user int) []byte {
	var out []byte
	for i, s := range p.Segments(step) {
		_, value := cutWords(p.place, s.Asked, words)
		switch {
		case r.Unknown[i]>>user&1 != 0:
			out = append(out, 'U')
		case r.Failed[i]>>user&1 != 0:
			out = append(out, 'E')
		default:
			out = append(out, "FT"[value>>user&1])
		}
	}
	return out
}

// randomDefinitions makes up segments that refer to each other, with lists, and a lifecycle.
func randomDefinitions(s *sampler, columns map[string]valueType) *configs.Definitions {
	d := &configs.Definitions{Timezone: one(s, someHomes), UserID: "user_id"}
	n := 2 + s.rng.IntN(4)
	rule := func(others int) configs.Expr {
		text := (&speaker{sampler: s, columns: columns, alone: true}).bool(1 + s.rng.IntN(2))
		for range s.rng.IntN(3) {
			if others > 0 {
				text = fmt.Sprintf(`(%s) %s %ssegment("s%d")`, text, one(s, []string{"&&", "||"}), one(s, []string{"", "!"}), s.rng.IntN(others))
			}
		}
		if s.rng.IntN(3) == 0 {
			text = fmt.Sprintf(pastRule(s), text)
		}
		return configs.NewExpr(text)
	}
	for i := range n {
		segment := configs.Segment{Name: fmt.Sprintf("s%d", i), When: rule(i)}
		if s.rng.IntN(3) == 0 {
			segment.Include = "ids.txt"
		}
		if s.rng.IntN(3) == 0 {
			segment.Exclude = "more.txt"
		}
		if s.rng.IntN(3) == 0 {
			segment.Until = rule(i)
		}
		segment.MinStay, segment.Cooldown = configs.Days(max(s.rng.IntN(8)-3, 0)), configs.Days(max(s.rng.IntN(8)-3, 0))
		d.Segments = append(d.Segments, segment)
	}
	s.rng.Shuffle(n, func(i, j int) { d.Segments[i], d.Segments[j] = d.Segments[j], d.Segments[i] })
	life := configs.Lifecycle{Name: "life"}
	for i := range 1 + s.rng.IntN(3) {
		life.Stages = append(life.Stages, configs.Stage{Name: fmt.Sprintf("l%d", i), When: rule(n)})
	}
	for from := range life.Stages {
		for to := range life.Stages {
			if from != to && s.rng.IntN(3) == 0 {
				life.Moves = append(life.Moves, configs.Move{From: life.Stages[from].Name, To: life.Stages[to].Name})
			}
		}
	}
	d.Lifecycles = append(d.Lifecycles, life)
	last := configs.Lifecycle{Name: "after"}
	for i := range 1 + s.rng.IntN(2) {
		text := fmt.Sprintf("%s || %s", rule(n).Text, stageRule(s))
		last.Stages = append(last.Stages, configs.Stage{Name: fmt.Sprintf("m%d", i), When: configs.NewExpr(text)})
	}
	d.Lifecycles = slices.Insert(d.Lifecycles, s.rng.IntN(2), last)
	d.Segments = append(d.Segments, configs.Segment{Name: "staged", When: configs.NewExpr(stageRule(s)), Exclude: "more.txt"})
	return d
}

// pastRule joins a rule with what the previous run left, as conditions and as values. Every random definition has s0, s1 and l0.
func pastRule(s *sampler) string {
	return one(s, []string{
		`was("s0") && (%s)`, `(%s) || !was("s1")`, `was("s0") ? (%s) : was("s1")`, `is_true(%s) == was("s0")`, `coalesce(%s, was("s1"))`,
		`(%s) && days_since(since("s0")) > 2`, `since("s1") == null || (%s)`, `since("s0") < since("s1") || (%s)`, `first_run || (%s)`,
		`(%s) || prev_stage("life") == "l0"`, `prev_stage("life") == null && (%s)`, `(prev_stage("life") == "l0" ? 1 : 2) + ((%s) ? 1 : 0) == 2`,
		`(was("s0") ? (%s) : null) == null`, `[1, 2].exists(x, x == 1 && was("s0") && (%s))`, `days_since(since("life")) >= 1 || (%s)`,
		`((%s) ? "l0" : "x") == prev_stage("life")`, `is_null(since("s0") < today && (%s))`, `coalesce(since("s1") > today, %s)`,
		`prev_stage("life").startsWith("l") || (%s)`, `(was("s0") && prev_stage("life") == "l0" ? 1 / 0 : 1) > 0 && (%s)`,
	})
}

// randomPast makes up what the previous run, of a date, left of some users.
func randomPast(s *sampler, rows int, date int32) []formerUser {
	users := make([]formerUser, rows)
	for i := range users {
		u := formerUser{in: map[string]bool{}, stages: map[string]string{}, since: map[string]int32{}, exits: map[string]int32{}}
		for n := range 7 {
			name := fmt.Sprintf("s%d", n)
			switch s.rng.IntN(3) {
			case 0:
				u.in[name], u.since[name] = true, date-int32(s.rng.IntN(6))
			case 1:
				u.exits[name] = date - int32(s.rng.IntN(6))
			}
		}
		if s.rng.IntN(3) > 0 {
			u.stages["life"], u.since["life"] = fmt.Sprintf("l%d", s.rng.IntN(4)), date-int32(s.rng.IntN(6))
		}
		users[i] = u
	}
	return users
}

// stageRule asks about the stage of the lifecycle that is there in any case.
func stageRule(s *sampler) string {
	return one(s, []string{
		`stage("life") == "l0"`, `stage("life") != "l0"`, `stage("life") == null`, `stage("life") in ["l0"]`, `has(stage("life"))`, `stage("life") > "l0"`,
		`coalesce(stage("life"), "none") == "none"`, `stage("life").startsWith("l") && segment("s0")`, `(segment("s0") ? stage("life") : "l1") == "l0"`,
		`nonempty(stage("life"))`, `"l0" == stage("life")`, `!(stage("life") in ["l0", "l0"])`,
		`stage("life") != prev_stage("life")`, `stage("life") == prev_stage("life") && days_since(since("life")) > 2`, `[stage("life"), "a"].exists(x, x == prev_stage("life"))`,
	})
}

// checkDefinitions compares a plan of three steps with the plain reading. It says whether the definitions check.
func checkDefinitions(t *testing.T, seed uint64) bool {
	s := newSampler(t, seed, []int{0, 10, 30}[seed%3])
	rec, columns := fuzzRecord(t, s, one(s, []int{1, 63, 64, 65, 130}))
	lists := map[string]*List{}
	for path, text := range map[string]string{"ids.txt": "FR\nvip\n50\n-1\n00000000-0000-0000-0000-000000000001\n", "more.txt": "vip\n50\n1\n00000000-0000-0000-0000-000000000002\n61\n"} {
		list, err := NewList([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		lists[path] = list
	}
	d := randomDefinitions(s, columns)
	day := int32(20_000 + s.rng.IntN(3000))
	steps := []Step{
		{Definitions: d, Now: time.Unix(int64(day)*86400, 0), Today: day, Date: day, Lists: lists},
		{Definitions: d, Now: time.Unix(int64(day+1)*86400, 0), Today: day + 1, Date: day + 1, Lists: lists},
		{Definitions: randomDefinitions(s, columns), Now: time.Unix(int64(day+1)*86400, 0), Today: day + 1, Date: day + 1, Lists: lists},
	}
	past := randomPast(s, int(rec.NumRows()), day)
	var plain []*plainStep
	for _, step := range steps {
		p := newPlainStep(t, step, steps[len(steps)-1], rec)
		if p == nil {
			return false
		}
		p.past = past
		plain = append(plain, p)
	}
	plan, err := Compile(rec.Schema(), steps, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	compareSteps(t, seed, plan, plain, rec)
	return true
}

// compareSteps takes the answers the way of the pipeline: bits of rows, turned into words of users, resolved.
func compareSteps(t *testing.T, seed uint64, plan *Plan, plain []*plainStep, rec arrow.Record) {
	t.Helper()
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	var rows tables.BitMatrix
	answers.Rows(&rows)
	past, err := plan.EvalPast(pastRecord(t, plan.Past(), plain[0].past))
	if err != nil {
		t.Fatal(err)
	}
	var resolved Resolved
	for from := 0; from < answers.Len(); from += 64 {
		n := min(64, answers.Len()-from)
		words := make([]uint64, max(rows.Width*64, plan.Words()))
		for u := range n {
			for w, word := range rows.Row(from + u) {
				for ; word != 0; word &= word - 1 {
					words[w*64+bits.TrailingZeros64(word)] |= 1 << u
				}
			}
		}
		past.Words(from/64, words)
		for step, p := range plain {
			plan.Resolve(step, words, &resolved)
			for u := range n {
				got := resolvedRow(&resolved, segmentLetters(plan, step, &resolved, words, u), u)
				if want := p.rowAnswers(from + u); got != want {
					t.Fatalf("seed %d, step %d, row %d: got %q, want %q\n%+v\n%s", seed, step, from+u, got, want, p.definitions, spellRow(rec, from+u))
				}
			}
		}
	}
}

// TestRandomDefinitions is the quick, seeded version of FuzzDefinitions.
func TestRandomDefinitions(t *testing.T) {
	rounds, checked := 200, 0
	if testing.Short() {
		rounds = 50
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			if checkDefinitions(t, seed) {
				checked++
			}
		})
		if t.Failed() {
			return
		}
	}
	if checked < rounds/3 {
		t.Errorf("only %d of %d definitions check", checked, rounds)
	}
}

// FuzzDefinitions compares whole plans with the plain reading.
func FuzzDefinitions(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkDefinitions(t, seed) })
}
