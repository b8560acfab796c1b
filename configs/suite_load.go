package configs

import (
	"fmt"
	"reflect"
	"slices"
)

// LoadSuite reads a file of tests. The error is Problems when the file could be read but is at fault.
func LoadSuite(name string) (*Suite, error) {
	data, err := readFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the tests: %w", plainError(err))
	}
	return ParseSuite(name, data)
}

// ParseSuite reads tests from data; name is the file's path. The error is Problems, every fault at once.
func ParseSuite(name string, data []byte) (*Suite, error) {
	s := &Suite{File: name, config: &Config{File: name, files: map[string]*source{}}}
	l := &loader{config: s.config}
	d := l.decode(name, data, reflect.ValueOf(s).Elem())
	problems := l.problems
	if d != nil && !d.partial {
		problems = append(problems, s.validate()...)
	}
	if len(problems) == 0 { // what was not understood does not look as if it were not there
		problems = s.validateExpectations()
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// Problem makes a Problem about a place in the file.
func (s *Suite) Problem(pos Pos, message, hint string) *Problem {
	return s.config.Problem(pos, message, hint)
}

// validate reports what single values cannot show.
func (s *Suite) validate() (problems Problems) {
	names := map[string]Pos{}
	for i := range s.Cases {
		c := &s.Cases[i]
		if first, again := names[c.Name]; again && c.Name != "" {
			problems = append(problems, s.Problem(c.NamePos, fmt.Sprintf("there are two cases %q", c.Name), fmt.Sprintf("the other is on line %d", first.Line)))
		}
		names[c.Name] = c.NamePos
		problems = append(problems, s.validateDates(c)...)
		for _, night := range c.Nights() {
			for j := range night.Expect {
				problems = append(problems, s.validateChanges(c, &night.Expect[j])...)
			}
		}
	}
	return problems
}

// validateDates checks the dates of a case, and that there are users.
func (s *Suite) validateDates(c *Case) (problems Problems) {
	fault := func(pos Pos, hint, format string, args ...any) {
		problems = append(problems, s.Problem(pos, fmt.Sprintf("case %q: ", c.Name)+fmt.Sprintf(format, args...), hint))
	}
	if len(c.Dates) > 0 && (c.Date.Text != "" || c.Users.Stated || len(c.Expect) > 0) {
		fault(c.NamePos, "put date, users and expect below dates", "it has dates, and so no date, users or expect of its own")
	}
	nights := c.Nights()
	for i, night := range nights {
		switch {
		case night.Date.Pos.Line == 0:
			fault(c.NamePos, "for example date: 2026-11-02", "a date is missing")
		case i > 0 && night.Date.Text != "" && night.Date.Text <= nights[i-1].Date.Text:
			fault(night.Date.Pos, "write the dates in order", "%s does not come after %s", night.Date.Text, nights[i-1].Date.Text)
		}
	}
	if !nights[0].Users.Stated {
		fault(c.NamePos, "for example users: [{user_id: ann, ltv: 900}]", "there are no users")
	}
	if before, first := c.Previous.Date, nights[0].Date.Text; before.Text != "" && first != "" && before.Text >= first {
		fault(before.Pos, "", "the run before is of %s, which does not come before %s", before.Text, nights[0].Date.Text)
	}
	return problems
}

// validateChanges checks that every transition says one thing.
func (s *Suite) validateChanges(c *Case, e *Expected) (problems Problems) {
	for i := range e.Transitions {
		said := 0
		for _, one := range e.Transitions[i].names() {
			if one.name != "" {
				said++
			}
		}
		if said != 1 {
			problems = append(problems, s.Problem(e.TransitionsPos,
				fmt.Sprintf("case %q: transition %d names %d of initial, entered, exited and moved; it must be one", c.Name, i+1, said),
				"for example {entered: vip, reason: user_changed}"))
		}
	}
	return problems
}

// validateExpectations reports what would pass whatever the definitions say.
func (s *Suite) validateExpectations() (problems Problems) {
	fault := func(pos Pos, message, hint string) { problems = append(problems, s.Problem(pos, message, hint)) }
	if len(s.Cases) == 0 {
		fault(s.CasesPos, "there are no cases", "strata test --help shows one")
	}
	for i := range s.Cases {
		c, expected := &s.Cases[i], 0
		if c.PreviousPos.Line > 0 && len(c.Previous.Users) == 0 {
			fault(c.PreviousPos, fmt.Sprintf("case %q: the run before has no users", c.Name), "name some, or remove previous: the date is the first run then")
		}
		for _, night := range c.Nights() {
			for j := range night.Expect {
				problems = append(problems, s.validateExpected(c, &night.Expect[j])...)
				expected++
			}
		}
		if expected == 0 {
			fault(c.NamePos, fmt.Sprintf("case %q expects nothing", c.Name), "for example expect: [{user: ann, in: [vip]}]")
		}
	}
	return problems
}

// validateExpected reports what is expected of a user and says nothing.
func (s *Suite) validateExpected(c *Case, e *Expected) (problems Problems) {
	all := e.Exactly && (e.In.Stated || e.TransitionsPos.Line > 0)
	switch {
	case e.Exactly && !all:
		problems = append(problems, s.Problem(e.User.Pos, fmt.Sprintf("case %q: exactly says nothing without in or transitions", c.Name),
			"write in: [] for no segment, transitions: [] for no transition"))
	case !all && len(e.In.Names)+len(e.NotIn.Names)+len(e.Stages)+len(e.Since)+len(e.Transitions) == 0:
		problems = append(problems, s.Problem(e.User.Pos, fmt.Sprintf("case %q: nothing is expected of this user", c.Name),
			"state in, not_in, stages, since or transitions; an empty list says something with exactly: true only"))
	}
	return problems
}

// CheckAgainst reports names of segments, lifecycles and stages that a configuration does not have.
func (s *Suite) CheckAgainst(c *Config) error {
	v := &suiteNames{suite: s, stages: map[string][]string{}}
	for _, segment := range c.Segments {
		v.segments = append(v.segments, segment.Name)
		if segment.Cooldown > 0 {
			v.cooling = append(v.cooling, segment.Name)
		}
	}
	for _, l := range c.Lifecycles {
		v.lifecycles = append(v.lifecycles, l.Name)
		for _, stage := range l.Stages {
			v.stages[l.Name] = append(v.stages[l.Name], stage.Name)
		}
	}
	for i := range s.Cases {
		v.checkCase(&s.Cases[i])
	}
	return v.problems.Err()
}

// suiteNames are the names that a test file may use.
type suiteNames struct {
	suite                *Suite
	segments, lifecycles []string
	cooling              []string // the segments with a cooldown
	stages               map[string][]string
	problems             Problems
}

func (v *suiteNames) known(pos Pos, what, name string, among []string) {
	if !slices.Contains(among, name) {
		v.problems = append(v.problems, v.suite.Problem(pos, fmt.Sprintf("there is no %s %q", what, name), didYouMean(name, among)))
	}
}

func (v *suiteNames) checkCase(c *Case) {
	for i := range c.Previous.Users {
		m := &c.Previous.Users[i]
		v.checkUser(m.In, Names{}, m.Stages, m.Since, false)
		v.checkSince(m)
		v.checkLeft(m)
	}
	for _, night := range c.Nights() {
		for i := range night.Expect {
			e := &night.Expect[i]
			v.checkUser(e.In, e.NotIn, e.Stages, e.Since, true)
			for j := range e.Transitions {
				v.checkChange(&e.Transitions[j])
			}
		}
	}
}

// checkUser checks what is said of a user. A stage may be none where it is expected.
func (v *suiteNames) checkUser(in, notIn Names, stages, since Texts, none bool) {
	for _, list := range []Names{in, notIn} {
		for i, name := range list.Names {
			v.known(list.Places[i], "segment", name, v.segments)
		}
	}
	for _, stage := range stages {
		v.known(stage.NamePos, "lifecycle", stage.Name, v.lifecycles)
		if among := v.stages[stage.Name]; among != nil && !(none && stage.Text == NoStage) {
			v.known(stage.Pos, fmt.Sprintf("stage of lifecycle %q called", stage.Name), stage.Text, among)
		}
	}
	for _, date := range since {
		v.known(date.NamePos, "segment or lifecycle", date.Name, slices.Concat(v.segments, v.lifecycles))
		v.checkDate(date)
	}
}

func (v *suiteNames) checkDate(date NamedText) {
	if (Day{Text: date.Text}).Time().IsZero() {
		v.problems = append(v.problems, v.suite.Problem(date.Pos, fmt.Sprintf("%q is not a date", date.Text), "for example 2026-11-02"))
	}
}

// checkSince reports dates since which a user of the run before was in what the user was not in.
func (v *suiteNames) checkSince(m *Member) {
	for _, date := range m.Since {
		staged := slices.ContainsFunc(m.Stages, func(stage NamedText) bool { return stage.Name == date.Name })
		known := slices.Contains(v.segments, date.Name) || v.stages[date.Name] != nil
		if known && !staged && !slices.Contains(m.In.Names, date.Name) {
			v.problems = append(v.problems, v.suite.Problem(date.NamePos, fmt.Sprintf("the user was not in %q, so there is no date since when", date.Name),
				"name a segment below in, a lifecycle below stages"))
		}
	}
}

// checkLeft reports dates on which a user of the run before left what the user was in, or what blocks nobody from coming back.
func (v *suiteNames) checkLeft(m *Member) {
	for _, date := range m.Left {
		v.known(date.NamePos, "segment", date.Name, v.segments)
		v.checkDate(date)
		message, hint := "", ""
		switch {
		case !slices.Contains(v.segments, date.Name):
		case slices.Contains(m.In.Names, date.Name):
			message, hint = "the user was in %q, and had not left it", "name it below in or below left"
		case !slices.Contains(v.cooling, date.Name):
			message, hint = "segment %q has no cooldown, so it does not matter when the user left it", "remove it"
		}
		if message != "" {
			v.problems = append(v.problems, v.suite.Problem(date.NamePos, fmt.Sprintf(message, date.Name), hint))
		}
	}
}

// NoStage is what a test expects of a user in no stage of a lifecycle.
const NoStage = "none"

func (v *suiteNames) checkChange(c *Change) {
	kind, name, pos := c.Name()
	if name == "" {
		return
	}
	if kind == "moved" {
		v.known(pos, "lifecycle", name, v.lifecycles)
	} else {
		v.known(pos, "segment or lifecycle", name, slices.Concat(v.segments, v.lifecycles))
	}
	for _, stage := range []struct {
		name string
		pos  Pos
	}{{c.From, c.FromPos}, {c.To, c.ToPos}} {
		if stage.name != "" && v.stages[name] != nil {
			v.known(stage.pos, fmt.Sprintf("stage of lifecycle %q called", name), stage.name, v.stages[name])
		}
	}
}

// Resolve turns a path of the file into one that stands alone.
func (s *Suite) Resolve(name string) string { return s.config.Resolve(name) }

// ForTests is a copy of c that publishes no more than tests look at: since-dates, and no column of the snapshot. Its scope is all
// users: tests are about who is in what.
func (c *Config) ForTests() *Config {
	out := *c
	out.Membership, out.Snapshot.Where = Membership{Since: true}, Expr{}
	out.Publish.Hive = false
	return &out
}
