package main

import (
	"os"
	"strings"
	"syscall"
)

// badSetups are faults of the definitions, of what has changed since yesterday, and of the machine.
var badSetups = []badInput{
	{"cycle", func(s *site) {
		s.config(smallConfig + `  - {name: egg, when: segment("hen")}
  - {name: hen, when: segment("egg") && ltv > 1}
`)
		snapshot(s, today, users(10))
		s.run(exitUsage, "check")
		s.run(exitUsage, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"unknown_segment", func(s *site) {
		s.config(smallConfig + `  - {name: egg, when: segment("payin") || segment("hen")}` + "\n")
		s.run(exitUsage, "run", "--date", today)
	}},
	{"unknown_zone", func(s *site) {
		s.config("timezone: Europe/Pariss\n" + smallConfig)
		s.run(exitUsage, "run", "--date", today)
	}},
	{"ten_faults", func(s *site) {
		s.config(`snapshot:
  path: users/date={dat}/*.parquet
  user_id: 7
  max_rejects: lots
  duplicates: {keep: newest}
time_zone: UTC
now: noon
output: out
segments:
  - name: NO
    when: ltv > 10
  - name: vip
    when: ltv > > 800
  - name: vip
    when: ltv > 900 #really
  - name: gone
    when: segment("vipp")
    whem: true
guards:
  snapshot_rows: {max_drop: 200%}
`)
		s.run(exitUsage, "check")
	}},
	{"missing_list", func(s *site) {
		s.config(smallConfig + `  - {name: a, when: 'user_id in file("lists/a.txt")'}
  - {name: b, when: ltv > 1, include: lists/b.txt}
`)
		snapshot(s, today, users(10))
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"column_gone", func(s *site) {
		type bare struct {
			UserID string `parquet:"user_id"`
			Plan   string `parquet:"plan"`
		}
		snapshot(s, yesterday, users(10))
		snapshot(s, today, []bare{{"a", "pro"}})
		s.run(0, "run", "--date", yesterday)
		s.run(exitInput, "run", "--date", today)
		s.run(exitInput, "check", "--date", today)
		s.leftNothing(today)
	}},
	{"column_of_another_type", func(s *site) {
		type other struct {
			UserID string `parquet:"user_id"`
			Plan   string `parquet:"plan"`
			LTV    string `parquet:"ltv"`
		}
		snapshot(s, yesterday, users(10))
		snapshot(s, today, []other{{"a", "pro", "1.5"}})
		s.run(0, "run", "--date", yesterday)
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"guard", func(s *site) {
		rows := users(6000)
		snapshot(s, yesterday, rows)
		s.run(0, "run", "--date", yesterday)
		for i := range rows {
			rows[i].Plan = "free"
		}
		snapshot(s, today, rows[:3600])
		s.run(exitGuard, "run", "--date", today)
		s.waits(today)
		s.run(0, "status")
		s.run(0, "status", "--date", today)
		s.run(0, "run", "--date", today, "--accept")
		s.run(0, "status", "--date", today)
		s.run(0, "run", "--date", today)
	}},
	{"accepted_after_a_change", func(s *site) {
		rows := users(6000)
		snapshot(s, yesterday, rows)
		s.run(0, "run", "--date", yesterday)
		snapshot(s, today, rows[:3000])
		s.run(exitGuard, "run", "--date", today)
		snapshot(s, today, rows[:3600])
		s.config(strings.Replace(smallConfig, "ltv > 800", "ltv > 900", 1))
		_, _, said := cli(s.t, s.folder, "run", "--date", today, "--accept")
		if want := `changed="the objects of the snapshot, the definitions"`; !strings.Contains(said, want) {
			s.t.Errorf("the log does not say %s: %s", want, said)
		}
		s.run(0, "status", "--date", today)
	}},
	{"scope", func(s *site) {
		scoped := func(where string) {
			s.config(strings.Replace(smallConfig, "user_id: user_id}", "user_id: user_id, where: '"+where+"'}", 1) + "membership: {columns: [plan]}\n")
		}
		snapshot(s, yesterday, users(10))
		s.run(0, "run", "--date", yesterday)
		snapshot(s, today, users(9))
		for _, where := range []string{`plann == "pro"`, `plan == "pro" && ltv > 3`, `segment("vip")`, `plan`} {
			scoped(where)
			s.run(exitUsage, "check", "--date", today)
			s.run(exitUsage, "run", "--date", today)
		}
		scoped(`plan == "Pro"`)
		s.run(exitGuard, "run", "--date", today, "--accept")
		s.leftNothing(today)
		scoped(`plan == "pro"`)
		s.run(0, "run", "--date", today)
		s.run(0, "status")
		s.run(0, "status", "--date", today)
	}},
	{"unwritable_output", func(s *site) {
		s.write("out", []byte("a file, not a folder"))
		snapshot(s, today, users(10))
		s.run(exitUsage, "run", "--date", today)
	}},
	{"read_only_output", func(s *site) {
		snapshot(s, today, users(10))
		s.mount("out", syscall.MS_RDONLY, "")
		s.run(exitUsage, "run", "--date", today)
	}},
	{"full_output", func(s *site) {
		snapshot(s, today, users(20_000))
		s.mount("out", 0, "size=64k")
		s.run(exitInternal, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"full_disk_while_spilling", func(s *site) {
		snapshot(s, today, users(200_000))
		s.mount("spill", 0, "size=64k")
		s.t.Setenv("TMPDIR", s.path("spill"))
		s.run(exitInternal, "run", "--date", today, "--memory", "1MiB")
		s.leftNothing(today)
		if left, _ := os.ReadDir(s.path("spill")); len(left) > 0 {
			s.t.Errorf("temporary files stay behind: %v", left)
		}
		s.run(0, "run", "--date", today, "--memory", "100MB")
	}},
	{"no_configuration", func(s *site) {
		if err := os.Remove(s.path("strata.yaml")); err != nil {
			s.t.Fatal(err)
		}
		s.run(exitUsage, "run", "--date", today)
		s.run(exitUsage, "status")
		s.run(exitUsage, "check", "-c", "else/where.yaml")
	}},
	{"unknown_verb_and_flag", func(s *site) {
		s.run(exitUsage, "rum")
		s.run(exitUsage, "run", "--dat", today)
		s.run(exitUsage, "run", "--memory", "lots", "--batch-rows", "0", "--log-format", "xml", "--metrics-file", "no/where.prom")
	}},
}

// mount puts a small file system in memory at a folder for the length of the test, which needs root.
func (s *site) mount(name string, flags uintptr, options string) {
	s.t.Helper()
	s.write(name+"/x", nil)
	if err := os.Remove(s.path(name + "/x")); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Mount("strata", s.path(name), "tmpfs", flags, options); err != nil {
		s.t.Skipf("a file system in memory cannot be mounted here, which needs root: %v", err)
	}
	s.t.Cleanup(func() { _ = syscall.Unmount(s.path(name), 0) })
}
