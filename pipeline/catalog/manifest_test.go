package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"strata/configs"
	"strata/pipeline/objects"
	"strata/pipeline/tables"
)

func TestDate(t *testing.T) {
	d, err := ParseDate("2026-11-02")
	if err != nil || d.String() != "2026-11-02" || d.Days() != 20_759 || d.Add(-2).String() != "2026-10-31" {
		t.Errorf("%v %v %v", d, d.Days(), err)
	}
	for _, text := range []string{"", "2026-11-31", "2026-1-2", "02.11.2026", "2026-11-02T00:00:00Z", "20261102"} {
		if d, err := ParseDate(text); err == nil {
			t.Errorf("ParseDate(%q) = %v", text, d)
		}
	}
	if d.Compare(d.Add(1)) != -1 || d.Add(1).Compare(d) != 1 || d.Compare(d) != 0 || !d.Before(d.Add(1)) {
		t.Error("order")
	}
	zone := time.FixedZone("", 14*3600)
	if got := DateOf(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).In(zone)); got != d {
		t.Error(got)
	}
	for _, day := range []Date{{}, d, FromDays(0), FromDays(-1), FromDays(-719_162)} {
		data, err := json.Marshal(day)
		var back Date
		if err2 := json.Unmarshal(data, &back); err != nil || err2 != nil || back != day {
			t.Errorf("%s comes back from %s as %s (%v, %v)", day, data, back, err, err2)
		}
	}
	if FromDays(0).IsZero() || !(Date{}).IsZero() {
		t.Error("zero")
	}
}

func full() *Manifest {
	m := job{date: day(1), list: "a"}.manifest()
	m.Run, m.Previous = "r", &RunRef{day(0), "p"}
	m.Inputs = []Input{{Name: "a", Size: 1, Version: "1", Rows: 5}, {Name: "b", Size: 2, Version: "2"}}
	m.Lists = append(m.Lists, List{Path: "a.txt", SHA256: "1"})
	m.Settings.Membership.Also = []string{"wide", "long"}
	m.Tables["membership"] = []File{{Key: "k", Version: "v", Rows: 3, CRC32C: "00000001"}}
	return m
}

// What makes other data files makes another fingerprint, and nothing else does.
func TestFingerprint(t *testing.T) {
	base := full().Fingerprint()
	for name, change := range map[string]func(m *Manifest){
		"format":      func(m *Manifest) { m.Format++ },
		"now":         func(m *Manifest) { m.Now = m.Now.Add(1) },
		"today":       func(m *Manifest) { m.Today = m.Today.Add(1) },
		"previous":    func(m *Manifest) { m.Previous.Run = "q" },
		"first":       func(m *Manifest) { m.Previous = nil },
		"version":     func(m *Manifest) { m.Inputs[0].Version = "3" },
		"input":       func(m *Manifest) { m.Inputs = m.Inputs[1:] },
		"definitions": func(m *Manifest) { m.Definitions.Segments = []configs.Segment{{Name: "vip"}} },
		"timezone":    func(m *Manifest) { m.Definitions.Timezone = "Europe/Paris" },
		"list":        func(m *Manifest) { m.Lists[0].SHA256 = "2" },
		"columns":     func(m *Manifest) { m.Settings.Membership.Columns = []string{"country"} },
		"since":       func(m *Manifest) { m.Settings.Membership.Since = true },
		"also":        func(m *Manifest) { m.Settings.Membership.Also = nil },
		"duplicates":  func(m *Manifest) { m.Settings.Duplicates.By = "updated_at" },
		"scope":       func(m *Manifest) { m.Settings.Where = "true" },
		"partitions":  func(m *Manifest) { m.PartitionBits++ },
	} {
		if m := full(); true {
			change(m)
			if changed := m.ChangedFrom(full()); m.Fingerprint() == base || len(changed) != 1 {
				t.Errorf("%s does not show, or not once: %q", name, changed)
			}
		}
	}
	for name, change := range map[string]func(m *Manifest){
		"run":     func(m *Manifest) { m.Run, m.Replaces, m.Program = "s", "t", "2" },
		"clock":   func(m *Manifest) { m.Clock.Started = time.Time{} },
		"zone":    func(m *Manifest) { m.Now = m.Now.In(time.FixedZone("", 3600)) },
		"results": func(m *Manifest) { m.Users, m.Notes = 7, []string{"note"} },
		"order":   func(m *Manifest) { m.Inputs[0], m.Inputs[1] = m.Inputs[1], m.Inputs[0] },
		"lists":   func(m *Manifest) { m.Lists[0], m.Lists[1] = m.Lists[1], m.Lists[0] },
		"also":    func(m *Manifest) { m.Settings.Membership.Also = []string{"long", "wide"} },
		"status":  func(m *Manifest) { m.Status = Guarded },
	} {
		if m := full(); true {
			change(m)
			if changed := m.ChangedFrom(full()); m.Fingerprint() != base || len(changed) > 0 {
				t.Errorf("%s shows: %q", name, changed)
			}
		}
	}
	_ = (&Manifest{}).Fingerprint() // does not panic
}

func TestWhyAgain(t *testing.T) {
	m := full()
	m.Now, m.Definitions.Timezone, m.Previous.Run = m.Now.Add(1), "Europe/Paris", "q"
	want := []string{"changed: the definitions, what the rules call now", day(0).String() + " was run again"}
	if got := m.WhyAgain(full()); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := full().WhyAgain(full()); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func TestFingerprintSurvivesJSON(t *testing.T) {
	m := full()
	data, err := encode(m)
	if err != nil {
		t.Fatal(err)
	}
	var back Manifest
	if err := json.Unmarshal(data, &back); err != nil || back.Fingerprint() != m.Fingerprint() {
		t.Error("another fingerprint", err)
	}
	if again, err := encode(&back); err != nil || !bytes.Equal(again, data) {
		t.Errorf("%v\n%s\n%s", err, data, again)
	}
}

func TestData(t *testing.T) {
	a, err := full().Data()
	if err != nil {
		t.Fatal(err)
	}
	other := full()
	other.Events = &Events{Kept: 7}
	other.Run, other.Replaces, other.Accepts, other.Program, other.Clock = "s", "r", "q", "2", Clock{Seconds: map[string]float64{"diff": 3}}
	other.Previous.Run = "q"
	other.Tables["membership"][0].Key, other.Tables["membership"][0].Version = "l", "w"
	if b, err := other.Data(); err != nil || !bytes.Equal(a, b) {
		t.Errorf("%v\n%s\n%s", err, a, b)
	}
	if full().Tables["membership"][0].Key != "k" || other.Tables["membership"][0].Key != "l" {
		t.Error("Data changes the manifest")
	}
	other.Tables["membership"][0].CRC32C = "00000002"
	if b, _ := other.Data(); bytes.Equal(a, b) {
		t.Error("other files do not show")
	}
}

// A manifest that does not name what the store holds is not committed, and every fault is told.
func TestCommitVerifies(t *testing.T) {
	for want, spoil := range map[string]func(m *memory, manifest *Manifest){
		"is missing":                     func(m *memory, _ *Manifest) { delete(m.objects, m.keysOf("00001.parquet")) },
		"has 3 bytes":                    func(m *memory, _ *Manifest) { m.put(m.keysOf("00001.parquet"), []byte("cut")) },
		"1 files for 2 partitions":       func(_ *memory, f *Manifest) { f.Tables["transitions"] = f.Tables["transitions"][:1] },
		"for partition 0 where":          func(_ *memory, f *Manifest) { f.Tables["membership"][1] = f.Tables["membership"][0] },
		"events names k for partition 3": func(_ *memory, f *Manifest) { f.Events = &Events{Files: []File{{Partition: 3, Key: "k"}}} },
		"20 rows for 21 users":           func(_ *memory, f *Manifest) { f.Users++ },
		"files of membership and of":     func(_ *memory, f *Manifest) { delete(f.Tables, "transitions") },
		"list lists/vip.txt":             func(_ *memory, f *Manifest) { f.Lists = []List{{Path: "lists/vip.txt", SHA256: "0"}} },
		"names x of 1970-01-01 as the p": func(_ *memory, f *Manifest) { f.Previous = &RunRef{FromDays(0), "x"} },
	} {
		t.Run(want, func(t *testing.T) {
			m := newMemory()
			a, err := New(m, true).Begin(t.Context(), day(0), nil)
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := job{date: day(0), bits: 1}.write(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			m.mu.Lock()
			spoil(m, manifest)
			m.mu.Unlock()
			err = a.Commit(t.Context(), manifest, false)
			if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ErrLostRace) {
				t.Errorf("Commit: %v, want %q", err, want)
			}
			if run, err := readRun(m, day(0)); run != "" || err != nil {
				t.Error(run, err)
			}
			if isCommitted, err := a.Abort(t.Context()); isCommitted || err != nil || len(ownKeys(m, a.Run)) > 0 {
				t.Error(isCommitted, err, ownKeys(m, a.Run))
			}
		})
	}
}

// keysOf is the data key of membership that ends so. The caller holds the lock.
func (m *memory) keysOf(suffix string) string {
	for key := range m.objects {
		if strings.HasSuffix(key, "membership/"+suffix) {
			return key
		}
	}
	return ""
}

func TestLoadRefuses(t *testing.T) {
	for want, text := range map[string]string{
		"is damaged":        `{"run": `,
		"a later strata":    `{"format": 99}`,
		"not the manifest":  `{"format": 1, "run": "r2", "date": "2026-11-02"}`,
		"not a date such":   `{"format": 1, "date": "yesterday"}`,
		"no such object":    "",
		"run r of 2026-11-": `{"format": 1, "run": "r", "date": "2026-11-02"}`,
	} {
		m := newMemory()
		date, _ := ParseDate("2026-11-02")
		r := RunRef{date, "r"}
		if text != "" {
			m.put(manifestKey(r), []byte(text))
		}
		if _, err := New(m, true).Load(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load of %s: %v, want %q", text, err, want)
		} else if text == "" && !errors.Is(err, objects.ErrNotFound) {
			t.Errorf("Load: %v", err)
		}
	}
}

func TestPutRefusesUnknownTables(t *testing.T) {
	a, err := New(newMemory(), true).Begin(t.Context(), day(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Put(t.Context(), "../x", 0, nil, 0); err == nil {
		t.Error("Put takes any table")
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// The layout of a manifest is a promise to its readers: what changes here needs a new Format, unless it is a key more.
func TestManifestLayout(t *testing.T) {
	nulls := int64(4)
	m := full()
	m.Gap = &Gap{From: day(-1), To: day(-1)}
	m.Events = &Events{Withdrawn: 2, Kept: 5, Added: 1, Files: []File{{Key: "k", Rows: 3, CRC32C: "00000003"}}}
	m.Status, m.Program, m.Replaces, m.Run = Committed, "1.0.0", "20261102T235900Z-0000000000", "20261103T020000Z-0123456789"
	m.Clock = Clock{Started: m.Now, Finished: m.Now.Add(time.Minute), Seconds: map[string]float64{"diff": 2, "assign": 1.5}}
	m.Rows, m.Users, m.Duplicates, m.Rejects = 10, 7, 1, Rejects{Nulls: 1, Unusable: 1}
	m.Columns = []Column{{Name: "user_id", Type: "utf8"}, {Name: "ltv", Type: "float64", Nulls: &nulls}}
	m.Definitions.Segments = []configs.Segment{{Name: "vip", When: configs.Expr{Text: "ltv > 800"}}}
	m.Names = tables.Names{Segments: []string{"vip"}, Lifecycles: []tables.Lifecycle{{Name: "journey", Stages: []string{"lead"}}}}
	m.Segments = []Segment{{Name: "vip", Size: 3, Unknown: 2, Changes: Changes{"exited": {"user_changed": 1}, "entered": {"time_passed": 2}}}}
	m.Lifecycles = []Lifecycle{{Name: "journey", Stages: []Stage{{"lead", 5}}, Changes: Changes{}, Removed: false}}
	m.Guards = []Guard{{Name: "exits", Of: "vip", Value: 0.25, Limit: "50%", Sentence: "1 of 4 members left"}}
	m.Notes = []string{"column ltv: float in a.parquet is read as double"}
	got, err := encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/manifest.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/manifest.json")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n%s", err, got)
	}
}
