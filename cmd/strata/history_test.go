package main

import (
	"fmt"
	"testing"
)

// TestHistoryKilledOnTheWay kills a backfill ten times, at writes that lie ever further on, and then a cascade; each goes on where
// it was. What is published at the end is what nobody disturbed. make history does the same over sixty days of CDNOW and ninety
// nights of 100,000 users.
func TestHistoryKilledOnTheWay(t *testing.T) {
	const dates = 6
	s, clean := historySite(t, dates), historySite(t, dates)
	all := []string{"backfill", "--from", days(dates)[0], "--to", days(dates)[dates-1]}
	kills := 0
	for kill := range 10 {
		kills += s.killed(3+11*kill%40, all...)
	}
	s.run(0, all...)
	clean.run(0, all...)
	s.sameAs(clean, "killed ten times", dates)

	for _, site := range []*site{s, clean} {
		snapshot(site, days(dates)[2], users(905)[5:])
	}
	for kill := range 5 {
		kills += s.killed(2+17*kill, "run", "--date", days(dates)[2], "--cascade")
	}
	if kills < 10 {
		t.Errorf("only %d of 15 commands were killed", kills)
	}
	s.run(0, "run", "--date", days(dates)[2], "--cascade")
	clean.run(0, all...)
	s.sameAs(clean, "a middle date mended", dates)
}

// killed runs a command that kills itself at one of its steps, or is done before: 1 or 0.
func (s *site) killed(step int, args ...string) int {
	s.t.Helper()
	p := s.start([]string{fmt.Sprintf("%s=%d", killAt, step)}, append(args, "--quiet")...)
	code := p.end()
	if code != -1 && code != 0 {
		s.t.Fatalf("step %d: exit %d\n%s", step, code, &p.errs)
	}
	return -code
}

// sameAs compares what stands with another site's.
func (s *site) sameAs(other *site, what string, dates int) {
	s.t.Helper()
	for _, date := range days(dates) {
		_, got := s.read(date)
		_, want := other.read(date)
		if len(want) == 0 || len(got) != len(want) {
			s.t.Errorf("%s: %s has %d data files, want %d", what, date, len(got), len(want))
		}
		for name := range want {
			if got[name] != want[name] {
				s.t.Errorf("%s: %s of %s differs from that of an undisturbed history", what, name, date)
			}
		}
	}
}
