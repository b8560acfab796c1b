package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestForget(t *testing.T) {
	s := newSite(t, richConfig)
	show := func(args ...string) {
		code, out, errs := cli(t, s.folder, args...)
		fmt.Fprintf(&s.shown, "$ strata %s\n%s%sexit %d\n\n", strings.Join(args, " "), out, errs, code)
	}
	show("forget", "--user", "user-00007")
	s.write("always.txt", []byte("user-00007\nuser-00009\n"))
	for _, date := range []string{yesterday, today} {
		snapshot(s, date, users(100))
		s.run(0, "run", "--date", date)
	}
	s.write("gone.txt", []byte("user-00008\n\n user-00009 \n"))
	s.write("empty.txt", []byte("\n"))
	show("forget")
	show("forget", "--dry-run")
	show("forget", "--user", "")
	show("forget", "--users", "nowhere.txt")
	show("forget", "--users", "empty.txt")
	show("forget", "user-00007")
	show("forget", "--user", "user-00007", "--dry-run")
	show("forget", "--user", "user-00007")
	show("forget", "--user", "user-00007")
	show("forget", "--users", "gone.txt")
	show("forget", "--user", "nobody")
	show("forget")
	show("explain", "--user", "user-00007")
	show("status")
	golden(t, "forget", steady(s.shown.String(), s.folder))
	for _, date := range []string{yesterday, today} {
		if _, out, _ := cli(t, s.folder, "run", "--date", date); !strings.Contains(out, "is up to date") {
			t.Errorf("%s went out of date: %s", date, out)
		}
	}
}
