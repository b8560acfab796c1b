package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// A row is a user of the small snapshots that these tests run on.
type row struct {
	UserID string     `parquet:"user_id,optional"`
	Plan   string     `parquet:"plan,dict"`
	LTV    float64    `parquet:"ltv"`
	Seen   *time.Time `parquet:"seen,optional,timestamp(microsecond)"`
}

// users are n users, every third on a paid plan.
func users(n int) []row {
	var rows []row
	for i := range n {
		seen := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)
		rows = append(rows, row{UserID: fmt.Sprintf("user-%05d", i), Plan: []string{"pro", "free", "free"}[i%3], LTV: float64(i), Seen: &seen})
	}
	return rows
}

// smallConfig is the configuration that the cases change.
const smallConfig = `snapshot: {path: "users/date={date}/*.parquet", user_id: user_id}
output: out
segments:
  - name: vip
    when: ltv > 800
  - name: paying
    when: plan == "pro"
  - name: both
    when: segment("vip") && segment("paying")
`

// A site is a folder with a configuration and snapshots, where a case runs strata.
type site struct {
	t      *testing.T
	folder string
	shown  strings.Builder // the commands and what they said
}

func newSite(t *testing.T, config string) *site {
	s := &site{t: t, folder: t.TempDir()}
	s.config(config)
	return s
}

// inMemory moves an empty site to a file system that waits for no disk, where there is one.
func (s *site) inMemory() {
	if folder, err := os.MkdirTemp("/dev/shm", "strata-test-*"); err == nil {
		s.folder = folder
		s.t.Cleanup(func() { _ = os.RemoveAll(folder) })
	}
}

func (s *site) config(text string) { s.write("strata.yaml", []byte(text)) }

func (s *site) path(name string) string { return filepath.Join(s.folder, filepath.FromSlash(name)) }

func (s *site) write(name string, data []byte) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), data, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// snapshot writes rows of any struct into a file of a date.
func snapshot[T any](s *site, date string, rows []T, options ...parquet.WriterOption) string {
	s.t.Helper()
	name := "users/date=" + date + "/part-0.parquet"
	s.write(name, nil)
	if err := parquet.WriteFile(s.path(name), rows, options...); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// run runs a command line, checks its exit code and keeps what it printed.
func (s *site) run(want int, args ...string) {
	s.t.Helper()
	code, out, errs := cli(s.t, s.folder, append(args, "--quiet")...)
	if code != want {
		s.t.Errorf("strata %s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, out, errs)
	}
	fmt.Fprintf(&s.shown, "$ strata %s\n%s%sexit %d\n", strings.Join(args, " "), out, errs, code)
}

// published are the objects of the output that a reader may meet: of the commit and of the hive folders.
func (s *site) published(date string) []string {
	var found []string
	for _, pattern := range []string{"out/runs/date=" + date + "/current.json", "out/*/date=" + date + "/*.parquet"} {
		names, err := filepath.Glob(s.path(pattern))
		if err != nil {
			s.t.Fatal(err)
		}
		found = append(found, names...)
	}
	return found
}

// leftNothing checks that nothing of a date is published, and that no data file of a half-made run stays behind.
func (s *site) leftNothing(date string) {
	s.t.Helper()
	if found := s.unpublished(date); len(found) > 0 {
		s.t.Errorf("left behind: %q", found)
	}
}

// waits checks that nothing of a date is published, and that there is a run to accept.
func (s *site) waits(date string) {
	s.t.Helper()
	if found := s.unpublished(date); len(found) == 0 {
		s.t.Error("there is no run to accept")
	}
}

// unpublished checks that nothing of a date is published, and returns the data files that there are.
func (s *site) unpublished(date string) []string {
	s.t.Helper()
	if found := s.published(date); len(found) > 0 {
		s.t.Errorf("published all the same: %q", found)
	}
	found, _ := filepath.Glob(s.path("out/runs/date=" + date + "/*/data/*/*"))
	return found
}

// A badInput is one fault of the input, made at a site; it runs strata itself.
type badInput struct {
	name string
	run  func(s *site)
}

const today, yesterday = "2026-11-02", "2026-11-01"

func TestBadInput(t *testing.T) {
	for _, tc := range append(badFiles, badSetups...) {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, smallConfig)
			tc.run(s)
			golden(t, "badinput/"+tc.name, steady(s.shown.String(), s.folder))
		})
	}
}
