package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestGC(t *testing.T) {
	s := newSite(t, smallConfig)
	s.run(exitUsage, "gc")
	s.run(exitUsage, "gc", "--keep", "three")
	show := func(args ...string) {
		code, out, errs := cli(t, s.folder, args...)
		fmt.Fprintf(&s.shown, "$ strata %s\n%s%sexit %d\n", strings.Join(args, " "), out, errs, code)
	}
	show("gc", "--keep", "2d")
	for day := 1; day <= 5; day++ {
		date := fmt.Sprintf("2026-11-%02d", day)
		snapshot(s, date, users(100))
		s.run(0, "run", "--date", date)
	}
	show("gc", "--keep", "2d", "--dry-run")
	show("gc", "--keep", "2d")
	show("gc", "--keep", "2d")
	s.run(exitUsage, "run", "--date", "2026-11-02", "--force")
	s.run(exitUsage, "run", "--date", "2026-11-01")
	s.run(0, "run", "--date", "2026-11-03", "--force")
	s.run(0, "status")
	bytes := regexp.MustCompile(`(7 +)\d,\d{3}`) // manifests tell how long things took
	golden(t, "gc", steady(bytes.ReplaceAllString(s.shown.String(), "${1}BYTES"), s.folder))
}
