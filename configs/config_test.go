package configs

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// base is the least that a configuration holds.
const base = "snapshot: {path: 'users/{date}/*.parquet', user_id: user_id}\noutput: out\n"

// parse reads base and more, which must be right.
func parse(t *testing.T, more string) *Config {
	t.Helper()
	c, err := Parse("conf/strata.yaml", []byte(base+more))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// messageOf reads base and more, which must be refused.
func messageOf(t *testing.T, more string) string {
	t.Helper()
	_, err := Parse("strata.yaml", []byte(base+more))
	if err == nil {
		t.Fatalf("%q was taken", more)
	}
	return err.Error()
}

func TestDefaults(t *testing.T) {
	c := parse(t, "segments: [{name: a, when: b > 1}]\n")
	g := c.Guards
	switch {
	case c.Timezone != "UTC", c.Now != EndOfDate, c.Snapshot.Duplicates.Keep != KeepNone, c.Snapshot.MaxRejects.String() != "0.1%":
		t.Errorf("time or snapshot: %+v", c)
	case g.SnapshotRows.MaxDrop.Share != 0.3, !g.SnapshotRows.MaxGrowth.Off, g.NullShare.MaxRise.Share != 0.3, !g.SegmentSize.MaxChange.Off,
		g.Exits.MaxShare.Share != 0.5, g.Exits.IgnoreBelow != 1000, g.Unknowns.MaxRise.Share != 0.3:
		t.Errorf("guards: %+v", g)
	case !c.Publish.Hive, c.Membership.Since, len(c.Membership.Also) > 0:
		t.Errorf("membership or publish: %+v", c)
	}
}

func TestValues(t *testing.T) {
	c, err := Load("examples/strata.yaml")
	if err != nil {
		t.Fatal(err)
	}
	columns := []ColumnDecl{
		{Name: "utm_source", Column: "utm-source"},
		{Name: "device_id", Column: "device_id", As: "uuid"},
		{Name: "plan", Column: "plan", NullText: []string{"null", "n/a"}},
	}
	for i := range c.Snapshot.Columns {
		c.Snapshot.Columns[i].Pos = Pos{}
	}
	s := c.Segments[5]
	switch {
	case !reflect.DeepEqual(c.Snapshot.Columns, columns):
		t.Errorf("columns: %+v", c.Snapshot.Columns)
	case c.Snapshot.Duplicates.Keep != KeepLatest, c.Snapshot.Duplicates.By != "updated_at", c.Snapshot.Ready != "_SUCCESS":
		t.Errorf("snapshot: %+v", c.Snapshot)
	case s.Name != "sms_campaign", s.Include != "lists/always.txt", s.Exclude != "lists/do_not_contact.txt":
		t.Errorf("segment: %+v", s)
	case c.Guards.SnapshotRows.MaxGrowth.Share != 0.5, c.Guards.SegmentSize.IgnoreBelow != 1000:
		t.Errorf("guards: %+v", c.Guards)
	case !c.Membership.Since, strings.Join(c.Membership.Also, " ") != "wide long", c.Membership.Columns[0] != "country":
		t.Errorf("membership: %+v", c.Membership)
	}
	if pos := s.IncludePos; pos.Line != 58 || pos.Column != 14 {
		t.Errorf("include stands at %v", pos)
	}
	checkRoundTrip(t, c.Definitions())
	checkWith(t, c)
}

// checkWith: another configuration takes over all that decides, and keeps the rest.
func checkWith(t *testing.T, c *Config) {
	t.Helper()
	other := parse(t, "segments: [{name: vip, when: b > 1, guards: none}]\n")
	got := other.With(c.Definitions(), c.Membership)
	if !got.Definitions().Equal(c.Definitions()) || !reflect.DeepEqual(got.Membership, c.Membership) {
		t.Errorf("not all is taken over: %s", got.Definitions().Canonical())
	}
	if got.Output != other.Output || got.Snapshot.Path != other.Snapshot.Path {
		t.Errorf("it reads or writes elsewhere: %+v", got.Snapshot)
	}
	for _, s := range got.Segments {
		if s.Name == "vip" && !s.Guards.Off {
			t.Errorf("the segment lost its own limits: %+v", s.Guards)
		}
	}
	if !other.Segments[0].Guards.Off || len(other.Segments) != 1 {
		t.Error("With changes the configuration")
	}
}

// checkRoundTrip: what a manifest stores means the same when it is read back, byte for byte.
func checkRoundTrip(t *testing.T, d *Definitions) {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Definitions
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&back)
	if err != nil || string(again) != string(text) {
		t.Errorf("%v: %s\nbecame\n%s", err, text, again)
	}
	if !d.Equal(&back) || string(d.Canonical()) != string(back.Canonical()) {
		t.Errorf("read back it differs:\n%s\n%s", d.Canonical(), back.Canonical())
	}
}

func TestEqual(t *testing.T) {
	first := parse(t, "segments: [{name: a, when: b > 1}]\n").Definitions()
	for more, want := range map[string]bool{
		"segments: [{name: a, when: b > 1}]\n":                                                        true,
		"segments:\n  - name: a\n    description: x\n    when: |\n      b > 1\n":                      true,
		"segments: [{name: a, when: b > 1}]\nmembership: {since: true}\n":                             true,
		"segments: [{name: a, when: b > 1}]\ntraits: []\nlifecycles: []\n":                            true,
		"segments: [{name: a, when: b > 1, until: b < 1}]\n":                                          false,
		"segments: [{name: a, when: b > 1, min_stay: 1d}]\n":                                          false,
		"segments: [{name: a, when: b > 1, cooldown: 1d}]\n":                                          false,
		"segments: [{name: a, when: b > 2}]\n":                                                        false,
		"segments: [{name: a, when: b > 1, include: x.txt}]\n":                                        false,
		"segments: [{name: a, when: b > 1}]\ntimezone: Europe/Paris\n":                                false,
		"segments: [{name: a, when: b > 1}]\nnow: start_of_date\n":                                    false,
		"segments: [{name: a, when: b > 1}]\ntraits: [{name: x, value: z}]\n":                         false,
		"segments: [{name: a, when: b > 1}, {name: b, when: b > 1}]\n":                                false,
		"segments: [{name: a, when: b > 1}]\nlifecycles: [{name: l, stages: [{name: s, when: a}]}]\n": false,
	} {
		second := parse(t, more).Definitions()
		if first.Equal(second) != want || second.Equal(first) != want {
			t.Errorf("Equal(%s) is %v", more, !want)
		}
	}
}

func TestPathOn(t *testing.T) {
	s := Snapshot{Path: "gs://lake/{yyyy}/{mm}/{dd}/date={date}/*.parquet"}
	if got := s.PathOn(time.Date(2026, 1, 2, 23, 0, 0, 0, time.UTC)); got != "gs://lake/2026/01/02/date=2026-01-02/*.parquet" {
		t.Error(got)
	}
}

// TestDesignExample: the example of DESIGN.md is taken, and all of it survives a manifest.
func TestDesignExample(t *testing.T) {
	text, err := os.ReadFile("../../shared/DESIGN.md")
	if err != nil {
		t.Skipf("the design is not here: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	c, err := Parse("strata.yaml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	dormant, moves := c.Segments[1], c.Lifecycles[0].Moves
	if dormant.Until.Text != `within(last_seen_at, "30d")` || dormant.MinStay != 7 || dormant.Cooldown != 30 {
		t.Errorf("segment: %+v", dormant)
	}
	if len(moves) != 5 || !moves.Allows("lead", "customer") || moves.Allows("lead", "churned") {
		t.Errorf("moves: %v", moves)
	}
	checkRoundTrip(t, c.Definitions())
}

func TestInclude(t *testing.T) {
	c, err := Load("testdata/include/strata.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names, lists []string
	for _, s := range c.Segments {
		names = append(names, s.Name)
	}
	for _, list := range c.Definitions().ListFiles() {
		lists = append(lists, filepath.ToSlash(c.Resolve(list)))
	}
	if got := strings.Join(names, " "); got != "deep ids far vip" || len(c.Traits) != 1 || len(c.Lifecycles) != 1 {
		t.Errorf("segments %s, traits %v, lifecycles %v", got, c.Traits, c.Lifecycles)
	}
	want := "/etc/never.txt gs://lake/always.txt testdata/include/lists/never.txt testdata/include/sub/deep/ids.txt testdata/include/sub/lists/always.txt"
	if got := strings.Join(lists, " "); got != want {
		t.Errorf("lists %s, want %s", got, want)
	}
	if pos := c.Traits[0].Value.At(1, 9); pos.String() != "testdata/include/traits.yaml:2:33" {
		t.Errorf("a place in an included file: %v", pos)
	}
}

func TestLoadWithoutFile(t *testing.T) {
	for _, path := range []string{"testdata/nothing.yaml", "testdata"} {
		_, err := Load(path)
		if _, ok := errors.AsType[Problems](err); err == nil || ok || !strings.Contains(err.Error(), path) {
			t.Errorf("Load(%s): %v", path, err)
		}
	}
}

// TestC050: the zone database is in the binary; an unknown zone is an error before anything is read, never silently UTC.
func TestC050(t *testing.T) {
	t.Setenv("ZONEINFO", "/nonexistent")
	zone, err := LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 7, 24, 12, 30, 0, 0, time.UTC).In(zone)
	if at.Hour() != 14 || zone.String() != "Europe/Berlin" {
		t.Errorf("%v in %v", at, zone)
	}
	if got := messageOf(t, "timezone: Europe/Berln\n"); !strings.Contains(got, `strata.yaml:3:11: timezone: there is no zone "Europe/Berln"`) ||
		!strings.Contains(got, `did you mean "Europe/Berlin"?`) {
		t.Error(got)
	}
	for _, name := range zoneNames() {
		if _, err := LoadZone(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"Local", "", "../etc/passwd", "Europe/", "Europe", "utc"} {
		if zone, err := LoadZone(name); err == nil {
			t.Errorf("LoadZone(%q) = %v", name, zone)
		}
	}
}

// TestC151: NO, y, on and off are never booleans: each is refused with the quotes it needs, and quoted it is text.
func TestC151(t *testing.T) {
	for more, want := range map[string]string{
		"membership: {columns: [NO, SE]}\n":   `3:24: membership.columns[0]: YAML reads NO as a boolean`,
		"y: 1\n":                              `3:1: a key: YAML reads y as a boolean`,
		"on: 1\n":                             `3:1: a key: YAML reads on as a boolean`,
		"segments: [{name: off, when: a}]\n":  `3:19: segment "off": name: YAML reads off as a boolean`,
		"segments: [{name: a, when: yes}]\n":  `3:28: segment "a": when: a rule is text; YAML reads yes as a boolean`,
		"segments: [{name: a, when: true}]\n": `hint: quote it: "true"`,
		"lifecycles: [{name: a, stages: [{name: No, when: a}]}]\n": `hint: quote it: "No"`,
	} {
		if got := messageOf(t, more); !strings.Contains(got, want) {
			t.Errorf("%s gives\n%s\nwithout\n%s", more, got, want)
		}
	}
	c := parse(t, "membership: {columns: ['NO', SE]}\nsegments: [{name: \"off\", when: \"true\"}]\n")
	if c.Membership.Columns[0] != "NO" || c.Segments[0].Name != "off" || c.Segments[0].When.Text != "true" {
		t.Errorf("%+v", c)
	}
}

// TestC152: 01234, 08999 and 1.10 where text is meant are refused; quoted, and inside rules, they stay as they are.
func TestC152(t *testing.T) {
	for _, number := range []string{"01234", "08999", "1.10", "1e3", "0x1F", "1_000", ".5", ".inf", "2026-11-02"} {
		want := "YAML reads " + number + " as a"
		for _, more := range []string{
			"segments: [{name: " + number + ", when: a}]\n", "segments: [{name: a, when: " + number + "}]\n",
			"membership: {columns: [" + number + "]}\n",
		} {
			if got := messageOf(t, more); !strings.Contains(got, want) || !strings.Contains(got, `quote it: "`+number+`"`) {
				t.Errorf("%s gives\n%s", more, got)
			}
		}
	}
	c := parse(t, "segments: [{name: a, when: zip == \"01234\"}]\nmembership: {columns: ['08999', '1.10']}\n")
	if c.Segments[0].When.Text != `zip == "01234"` || strings.Join(c.Membership.Columns, " ") != "08999 1.10" {
		t.Errorf("%+v", c)
	}
}

// TestC154: a segment without its rule, and a key that is misspelt, never run as something else.
func TestC154(t *testing.T) {
	for more, want := range map[string]string{
		"segments: [{name: a, wen: b > 1}]\n":                 `unknown key "wen"`,
		"segments: [{name: a, when: b > 1, operater: x}]\n":   `unknown key "operater"`,
		"segments: [{name: a}]\n":                             `segment "a" has neither a rule nor a list`,
		"segments: [{name: a, when: }]\n":                     `segment "a": when has no value`,
		"segments: [{name: a, when: {field: b, value: 1}}]\n": `segment "a": when: the rule is not text to YAML`,
		"segments: [{name: a, when: b, include: }]\n":         `include has no value`,
		"lifecycles: [{name: a, stages: [{name: b}]}]\n":      `stage "b": the key "when" is missing`,
		"segments: [{name: a, when: b > }]\n":                 `the rule is cut here`,
	} {
		if got := messageOf(t, more); !strings.Contains(got, want) {
			t.Errorf("%s gives\n%s\nwithout\n%s", more, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	columns := []string{"sessions_30d", "country", "age", "orders_90d", "last_seen_at"}
	for name, want := range map[string]string{
		"contry": "country", "Country": "country", "sesions_30d": "sessions_30d", "lastSeenAt": "last_seen_at", "agee": "age",
		"oders_90d": "orders_90d", "cuontry": "country", "revenue": "", "": "", "x": "", "age": "", "order": "",
		strings.Repeat("x", 1000): "",
	} {
		if got := Nearest(name, columns); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	for text, want := range map[string]string{"20%": "20%", "0.1%": "0.1%", "none": "none", "0%": "0%", "33.3%": "33.3%", "150%": "150%"} {
		var l Limit
		if err := l.UnmarshalText([]byte(text)); err != nil || l.String() != want {
			t.Errorf("%s is %v, %v", text, l, err)
		}
	}
	for _, text := range []string{"20", "", "%", "-1%", "1e3%", "NaN%", "inf%", "1.2.3%", "None", "0x1%"} {
		var l Limit
		if err := l.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s is %v", text, l)
		}
	}
	var l Limit
	if err := l.UnmarshalText([]byte("20%")); err != nil || l.Exceeded(0.2) || l.Exceeded(1.0/5) || !l.Exceeded(0.2001) || (Limit{Off: true}).Exceeded(99) {
		t.Errorf("%v: %v", l, err)
	}
}

func TestProblemCutsLongLines(t *testing.T) {
	p := &Problem{Pos: Pos{"f.yaml", 3, 501}, Source: strings.Repeat("a", 500) + "b" + strings.Repeat("c", 500), Message: "m", Hint: "h"}
	lines := strings.Split(p.Error(), "\n")
	at := strings.IndexByte(lines[2], '^')
	if shown := []rune(lines[1]); len(shown) > 200 || shown[at] != 'b' {
		t.Errorf("%s", p)
	}
	tabbed := &Problem{Pos: Pos{"f.yaml", 3, 3}, Source: "\tab", Message: "m"}
	if !strings.HasSuffix(tabbed.Error(), "| \t ^") {
		t.Errorf("%q", tabbed.Error())
	}
}
