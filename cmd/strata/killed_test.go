package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// richConfig makes a run write all that a run can: lists, and every table.
const richConfig = smallConfig + `  - {name: called, when: ltv > 100 && ltv < 300, include: always.txt}
lifecycles:
  - name: journey
    stages: [{name: customer, when: plan == "pro"}, {name: prospect, when: "true"}]
membership: {since: true, columns: [plan], also: [wide, long]}
`

// nightSite is a site whose first date is run, and whose second is not yet.
func nightSite(t *testing.T) *site {
	s := newSite(t, richConfig)
	s.inMemory()
	s.config(richConfig)
	s.write("always.txt", []byte("user-00007\n"))
	rows := users(2000)
	snapshot(s, yesterday, rows)
	for i := range rows {
		rows[i].LTV += float64(i % 7 * 50)
	}
	snapshot(s, today, rows[:1990])
	s.run(0, "run", "--date", yesterday)
	return s
}

// A manifest is what a reader needs of manifest.json.
type manifest struct {
	Run    string
	Tables map[string][]struct {
		Partition int
		Key       string
		Size      int64
		CRC32C    string
	}
}

// read follows current.json as a reader does and returns the run that stands, and its data files by name. No run: "".
func (s *site) read(date string) (run string, files map[string]string) {
	s.t.Helper()
	var current struct{ Run string }
	if !s.readJSON("out/runs/date="+date+"/current.json", &current) {
		return "", nil
	}
	var m manifest
	if !s.readJSON("out/runs/date="+date+"/"+current.Run+"/manifest.json", &m) {
		s.t.Errorf("current.json of %s names run %s, which has no manifest", date, current.Run)
	}
	files = map[string]string{}
	for table, list := range m.Tables {
		for _, f := range list {
			data, err := os.ReadFile(s.path("out/" + f.Key))
			sum := fmt.Sprintf("%08x", crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
			if err != nil || int64(len(data)) != f.Size || sum != f.CRC32C {
				s.t.Errorf("%s is not whole: %d bytes of %d, checksum %s of %s, %v", f.Key, len(data), f.Size, sum, f.CRC32C, err)
			}
			files[fmt.Sprintf("%s/%d", table, f.Partition)] = string(data)
		}
	}
	return current.Run, files
}

func (s *site) readJSON(name string, into any) bool {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil && !os.IsNotExist(err) {
		s.t.Errorf("%s: %v", name, err)
	}
	return err == nil
}

// listed are the runs whose files tools see that list the folders of a date.
func (s *site) listed(date string) []string {
	var runs []string
	names, _ := filepath.Glob(s.path("out/membership*/date=" + date + "/*"))
	more, _ := filepath.Glob(s.path("out/transitions/date=" + date + "/*"))
	for _, name := range append(names, more...) {
		base := filepath.Base(name)
		runs = append(runs, base[:strings.LastIndexByte(base, '-')])
	}
	slices.Sort(runs)
	return slices.Compact(runs)
}

// TestC008_KilledAtEveryWrite kills the whole job before and after each of its writes, on a date that has no run yet and on
// one that has. Whoever reads then sees whole runs only, and the next command puts all in order.
func TestC008_KilledAtEveryWrite(t *testing.T) {
	want := undisturbed(t)
	for _, replacing := range []bool{false, true} {
		for step := 0; ; step++ {
			if killedOnce(t, step, replacing, want) {
				t.Logf("replacing a run: %v; killed at %d steps", replacing, step)
				break
			}
		}
	}
}

func undisturbed(t *testing.T) map[string]string {
	s := nightSite(t)
	s.run(0, "run", "--date", today)
	_, files := s.read(today)
	if len(files) != 4 {
		t.Fatalf("%d data files, want one of each table", len(files))
	}
	return files
}

// killedOnce kills one run at a step. It reports whether the run got to its end before that step.
func killedOnce(t *testing.T, step int, replacing bool, want map[string]string) bool {
	s := nightSite(t)
	if replacing {
		s.config(strings.Replace(richConfig, "ltv > 800", "ltv > 700", 1))
		s.run(0, "run", "--date", today)
		s.config(richConfig)
	}
	before, _ := s.read(today)
	p := s.start([]string{fmt.Sprintf("%s=%d", killAt, step)}, "run", "--date", today)
	done := p.end() == 0
	if !done && p.ProcessState.ExitCode() != -1 {
		t.Fatalf("step %d: %v\n%s", step, p.ProcessState, &p.errs)
	}
	run, _ := s.read(today)
	for _, listed := range s.listed(today) {
		if listed != run && listed != before {
			t.Errorf("step %d: the folders show run %s, and %s stands", step, listed, run)
		}
	}
	s.run(0, "status")
	s.settles(fmt.Sprintf("killed at step %d, replacing %v", step, replacing), want)
	if !done && step%3 == 0 {
		s.sweeps()
	}
	return done
}

// settles runs the date again, and finds it as if nothing had happened.
func (s *site) settles(what string, want map[string]string) {
	s.t.Helper()
	s.run(0, "run", "--date", today)
	run, files := s.read(today)
	if len(files) != len(want) {
		s.t.Errorf("%s: %d data files, want %d", what, len(files), len(want))
	}
	for name := range want {
		if files[name] != want[name] {
			s.t.Errorf("%s: %s differs from that of an undisturbed run", what, name)
		}
	}
	if listed := s.listed(today); !slices.Equal(listed, []string{run}) {
		s.t.Errorf("%s: the folders show the runs %q, and %s stands", what, listed, run)
	}
}

// sweeps lets a day pass, and looks whether all is gone that does not stand.
func (s *site) sweeps() {
	s.t.Helper()
	run, _ := s.read(today)
	old := time.Now().Add(-25 * time.Hour)
	for _, pattern := range []string{"out/runs/date=" + today + "/*", "out/runs/pending/2*"} {
		names, _ := filepath.Glob(s.path(pattern))
		for _, name := range names {
			if filepath.Base(name) == run {
				continue // the files of the run that stands are known by their times
			}
			err := filepath.WalkDir(name, func(path string, _ os.DirEntry, err error) error {
				return errors.Join(err, os.Chtimes(path, old, old))
			})
			if err != nil {
				s.t.Fatal(err)
			}
		}
	}
	s.run(0, "run", "--date", yesterday, "--force")
	folders, _ := filepath.Glob(s.path("out/runs/date=" + today + "/2*"))
	for _, folder := range folders {
		if name := filepath.Base(folder); name != run {
			s.t.Errorf("run %s is still there after a day", name)
		}
	}
	if marks, _ := filepath.Glob(s.path("out/runs/pending/" + today + "*")); len(marks) > 0 {
		s.t.Errorf("marks of runs that are gone: %q", marks)
	}
}
