package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waitFor waits until some files match a pattern below the site.
func (s *site) waitFor(n int, pattern string) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		names, _ := filepath.Glob(s.path(pattern))
		if len(names) >= n {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d files match %s, waiting for %d", len(names), pattern, n)
		}
	}
}

// held is the environment of a process that waits before it writes a key with this text.
func (s *site) held(key string) []string {
	return []string{holdAt + "=" + key, holdIn + "=" + s.folder}
}

// TestC011_TwoProcesses runs one date twice at once: both get as far as the commit before either may go on.
func TestC011_TwoProcesses(t *testing.T) {
	want := undisturbed(t)
	for _, force := range []bool{false, true} {
		s := nightSite(t)
		args := []string{"run", "--date", today}
		if force {
			s.run(0, args...)
			args = append(args, "--force")
		}
		one, other := s.start(s.held("current.json"), args...), s.start(s.held("current.json"), args...)
		s.waitFor(2, "ready-*")
		s.write("go", nil)
		codes := []int{one.end(), other.end()}
		slices.Sort(codes)
		if !slices.Equal(codes, []int{0, exitLostRace}) {
			t.Fatalf("exit codes %v, want 0 and %d\n%s%s", codes, exitLostRace, &one.errs, &other.errs)
		}
		if said := one.errs.String() + other.errs.String(); !strings.Contains(said, "another run was committed meanwhile; run again") {
			t.Errorf("the one that lost said: %s", said)
		}
		s.alone(force)
		s.settles("two at once", want)
	}
}

// alone checks that the run which stands is the only one of the date, but for the one that it replaced.
func (s *site) alone(replacing bool) {
	s.t.Helper()
	folders, _ := filepath.Glob(s.path("out/runs/date=" + today + "/2*"))
	if want := map[bool]int{false: 1, true: 2}[replacing]; len(folders) != want {
		s.t.Errorf("%d runs, want %d: %q", len(folders), want, folders)
	}
}

// A run that is committed between another's reading and beginning makes that one lose the race before it does any work.
func TestC011_CommittedMeanwhile(t *testing.T) {
	s := nightSite(t)
	p := s.start(s.held("pending/"+today), "run", "--date", today)
	s.waitFor(1, "ready-*")
	s.run(0, "run", "--date", today)
	s.write("go", nil)
	if code := p.end(); code != exitLostRace {
		t.Errorf("exit %d, want %d: %s", code, exitLostRace, &p.errs)
	}
	s.alone(false)
}

// The date before is committed anew while a run compares with it.
func TestC011_PreviousRunChanged(t *testing.T) {
	s := nightSite(t)
	p := s.start(s.held("data/"), "run", "--date", today)
	s.waitFor(1, "ready-*")
	s.run(0, "run", "--date", yesterday, "--force")
	s.write("go", nil)
	if code := p.end(); code != exitLostRace || !strings.Contains(p.errs.String(), "the run before it is now") {
		t.Errorf("exit %d, want %d: %s", code, exitLostRace, &p.errs)
	}
	s.leftNothing(today)
}

func TestRerunDoesNothingAndForceGivesTheSameBytes(t *testing.T) {
	s := nightSite(t)
	s.run(0, "run", "--date", today)
	run, files := s.read(today)
	code, out, errs := cli(t, s.folder, "run", "--date", today)
	if again, _ := s.read(today); code != 0 || again != run || !strings.Contains(out, "is up to date: run "+run) {
		t.Errorf("exit %d, run %s of %s\n%s%s", code, again, run, out, errs)
	}
	s.run(0, "run", "--date", today, "--force", "--workers", "7", "--batch-rows", "1", "--memory", "1MiB")
	again, anew := s.read(today)
	if again == run || len(anew) != len(files) {
		t.Errorf("--force left run %s with %d files", again, len(anew))
	}
	for name := range files {
		if anew[name] != files[name] {
			t.Errorf("%s differs", name)
		}
	}
}

// An interrupt ends a run within a second, wherever it is: here before its first data file, and before its commit.
func TestC010_Interrupted(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, key := range []string{"data/membership", "manifest.json", "current.json"} {
			s := nightSite(t)
			p := s.start(s.held(key), "run", "--date", today)
			s.waitFor(1, "ready-*")
			begun := time.Now()
			if err := p.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if key == "current.json" {
				s.write("go", nil) // the commit itself is not stopped half-way
			}
			code, took := p.end(), time.Since(begun)
			switch {
			case key == "current.json" && code == 0:
			case code != exitInterrupted || !strings.Contains(p.errs.String(), "strata: interrupted; nothing was published"):
				t.Errorf("%v at %s: exit %d: %s", signal, key, code, &p.errs)
			default:
				s.leftNothing(today)
			}
			if took > time.Second {
				t.Errorf("%v at %s: it took %s to end", signal, key, took)
			}
		}
	}
}

// An interrupt while users are read.
func TestC010_InterruptedWhileReading(t *testing.T) {
	s := newSite(t, smallConfig)
	rows := users(1000)
	for len(rows) < 3_000_000 {
		rows = append(rows, rows...)
	}
	snapshot(s, today, rows)
	p := s.start(nil, "run", "--date", today, "--workers", "1")
	s.waitFor(1, "out/runs/date="+today+"/*/started.json")
	begun := time.Now()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	code, took := p.end(), time.Since(begun)
	if code != exitInterrupted || took > time.Second {
		t.Errorf("exit %d after %s: %s", code, took, &p.errs)
	}
	s.leftNothing(today)
}
