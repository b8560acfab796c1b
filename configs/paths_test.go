package configs

import "testing"

func TestDateInFindsTheDateOfAFile(t *testing.T) {
	for _, tc := range []struct{ path, key, want string }{
		{"users/date={date}/*.parquet", "users/date=2026-11-02/part-1.parquet", "2026-11-02"},
		{"gs://lake/users/date={date}/*.parquet", "users/date=2026-11-02/a.parquet", "2026-11-02"},
		{"/data/users/{date}.parquet", "2026-11-02.parquet", "2026-11-02"},
		{"users/{yyyy}/{mm}/{dd}", "users/2026/11/02/deep/a.parquet", "2026-11-02"},
		{"users/{yyyy}/{date}/[ab]?/**/*.parquet", "users/2026/2026-11-02/a1/x/y/a.parquet", "2026-11-02"},
		{"{date}/**", "2026-11-02/x/y", "2026-11-02"},
		{"users/{yyyy}/{mm}/*.parquet", "users/2026/11/a.parquet", ""}, // a month is no date
		{"users/{date}/*.parquet", "users/2026-13-02/a.parquet", ""},
		{"users/{date}/*.parquet", "users/2026-11-02/a.csv", ""},
		{"users/{date}/[a.parquet", "users/2026-11-02/[a.parquet", ""}, // no pattern
		{"users/all.parquet", "users/all.parquet", ""},
	} {
		day, ok := Snapshot{Path: tc.path}.DateIn(tc.key)
		got := ""
		if ok {
			got = day.Format("2006-01-02")
		}
		if got != tc.want {
			t.Errorf("the date of %s in %s is %q, want %q", tc.key, tc.path, got, tc.want)
		}
	}
}

func TestAnyDateMatchesAllDates(t *testing.T) {
	s := Snapshot{Path: "users/{yyyy}/{mm}/{dd}/{date}-*.parquet"}
	if got, want := s.AnyDate(), "users/????/??/??/????-??-??-*.parquet"; got != want {
		t.Errorf("any date of %s is %s, want %s", s.Path, got, want)
	}
}
