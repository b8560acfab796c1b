package main

import (
	"os"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
)

// badFiles are faults of the snapshot.
var badFiles = []badInput{
	{"no_snapshot", func(s *site) {
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"not_ready", func(s *site) {
		s.config(strings.Replace(smallConfig, "user_id: user_id}", "user_id: user_id, ready: _SUCCESS}", 1))
		snapshot(s, today, users(10))
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
		s.write("users/date="+today+"/_SUCCESS", nil)
		s.run(0, "run", "--date", today)
	}},
	{"empty_snapshot", func(s *site) {
		snapshot(s, today, []row{})
		s.run(exitGuard, "run", "--date", today)
		s.run(exitGuard, "run", "--date", today, "--accept")
		s.leftNothing(today)
	}},
	{"empty_after_a_good_day", func(s *site) {
		snapshot(s, yesterday, users(6000))
		s.run(0, "run", "--date", yesterday)
		snapshot(s, today, []row{})
		s.run(exitGuard, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"half_a_snapshot", func(s *site) {
		rows := users(6000)
		snapshot(s, yesterday, rows)
		s.run(0, "run", "--date", yesterday)
		snapshot(s, today, rows[:3000])
		s.run(exitGuard, "run", "--date", today)
		s.waits(today)
		s.run(0, "status", "--date", today)
		snapshot(s, today, rows)
		s.run(0, "run", "--date", today)
	}},
	{"all_null_snapshot", func(s *site) {
		snapshot(s, yesterday, users(6000))
		s.run(0, "run", "--date", yesterday)
		snapshot(s, today, emptied(users(6000)))
		s.run(exitGuard, "run", "--date", today)
		s.waits(today)
	}},
	{"all_null_snapshot_of_small_segments", func(s *site) { // too small for the guard of exits
		snapshot(s, yesterday, users(600))
		s.run(0, "run", "--date", yesterday)
		snapshot(s, today, emptied(users(600)))
		s.run(exitGuard, "run", "--date", today)
		s.waits(today)
	}},
	{"all_null_ids", func(s *site) {
		snapshot(s, yesterday, users(600))
		s.run(0, "run", "--date", yesterday)
		snapshot(s, today, make([]row, 600))
		s.run(exitInput, "run", "--date", today)
		s.run(exitInput, "run", "--date", today, "--accept")
		s.leftNothing(today)
	}},
	{"guards_of_a_segment", func(s *site) {
		rows := users(6000)
		snapshot(s, yesterday, rows)
		s.run(0, "run", "--date", yesterday)
		for i := range 100 {
			rows[5000+i].LTV = 10
		}
		snapshot(s, today, rows)
		s.config(strings.Replace(smallConfig, "ltv > 800\n", "ltv > 800\n    guards: {exits: {max_share: 1%}}\n", 1))
		s.run(exitGuard, "run", "--date", today)
		s.waits(today)
		s.config(strings.Replace(smallConfig, "ltv > 800\n", "ltv > 800\n    guards: none\n", 1) + "guards: {exits: {max_share: 1%, ignore_below: 2500}}\n")
		s.run(0, "run", "--date", today)
	}},
	{"columns_that_come_and_go", func(s *site) {
		type slim struct {
			UserID string  `parquet:"user_id"`
			Plan   string  `parquet:"plan,dict"`
			LTV    float32 `parquet:"ltv"`
			Score  int64   `parquet:"score"`
		}
		snapshot(s, yesterday, users(10))
		s.run(0, "run", "--date", yesterday)
		snapshot(s, today, []slim{{"user-00000", "pro", 900, 1}, {"user-00001", "free", 10, 2}})
		s.run(0, "check", "--date", today)
		s.run(0, "run", "--date", today, "--accept")
		s.run(0, "status", "--date", today)
		s.write("out/runs/date="+yesterday+"/current.json", []byte("{"))
		s.run(0, "check", "--date", today) // it still tells whether the definitions fit
	}},
	{"zero_byte_file", func(s *site) {
		s.write("users/date="+today+"/part-0.parquet", nil)
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"truncated_file", func(s *site) {
		data, err := os.ReadFile(s.path(snapshot(s, today, users(1000))))
		if err != nil {
			s.t.Fatal(err)
		}
		s.write("users/date="+today+"/part-0.parquet", data[:len(data)*2/3])
		s.write("users/date="+today+"/part-1.parquet", data[:len(data)/3])
		s.write("users/date="+today+"/part-2.parquet", data)
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"head_cut_off", func(s *site) {
		data, err := os.ReadFile(s.path(snapshot(s, today, users(1000))))
		if err != nil {
			s.t.Fatal(err)
		}
		s.write("users/date="+today+"/part-0.parquet", data[len(data)/2:])
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"damaged_page", func(s *site) {
		name := snapshot(s, today, users(1000), parquet.Compression(&parquet.Zstd))
		data, err := os.ReadFile(s.path(name))
		if err != nil {
			s.t.Fatal(err)
		}
		for i := 100; i < 200; i++ {
			data[i] ^= 0x55
		}
		s.write(name, data)
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"missing_column", func(s *site) {
		s.config(strings.ReplaceAll(smallConfig, "ltv", "ltw") + "  - {name: rich, when: ltw > 9000}\n")
		snapshot(s, today, users(10))
		s.run(exitUsage, "run", "--date", today)
		s.run(exitUsage, "check", "--date", today)
		s.leftNothing(today)
	}},
	{"id_of_another_type", func(s *site) {
		type intRow struct {
			UserID int64   `parquet:"user_id"`
			Plan   string  `parquet:"plan"`
			LTV    float64 `parquet:"ltv"`
		}
		snapshot(s, yesterday, []intRow{{1, "pro", 900}, {2, "free", 10}})
		snapshot(s, today, users(10))
		s.run(0, "run", "--date", yesterday)
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
	{"null_ids", func(s *site) {
		rows := users(1000)
		for i := range 50 {
			rows[i*20].UserID = ""
		}
		snapshot(s, today, rows)
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
		s.config(strings.Replace(smallConfig, "user_id: user_id}", "user_id: user_id, max_rejects: 6%}", 1))
		s.run(0, "run", "--date", today)
	}},
	{"duplicate_ids", func(s *site) {
		rows := users(100)
		for i := range 12 {
			rows[50+i].UserID = rows[i].UserID
		}
		snapshot(s, today, rows)
		s.run(exitInput, "run", "--date", today)
		s.leftNothing(today)
	}},
}

// emptied are users without a value.
func emptied(rows []row) (out []nullableRow) {
	for _, r := range rows {
		out = append(out, nullableRow{UserID: r.UserID})
	}
	return out
}

// A nullableRow is a row with nulls.
type nullableRow struct {
	UserID string     `parquet:"user_id,optional"`
	Plan   *string    `parquet:"plan,optional,dict"`
	LTV    *float64   `parquet:"ltv,optional"`
	Seen   *time.Time `parquet:"seen,optional,timestamp(microsecond)"`
}
