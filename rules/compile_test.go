package rules

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// nightlySchema is the schema of the nightly workload's snapshots.
func nightlySchema() *arrow.Schema {
	text, i32, f64 := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Float64
	at, flag := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, arrow.FixedWidthTypes.Boolean
	coded := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: text}
	var fields []arrow.Field
	for _, group := range []struct {
		typ   arrow.DataType
		names []string
	}{
		{text, []string{"user_id", "email"}},
		{coded, []string{"country", "language", "plan", "device", "source", "app_version"}},
		{i32, []string{"age", "orders_90d", "sessions_30d", "clicks_30d"}},
		{at, []string{"signup_at", "last_seen_at", "last_order_at"}},
		{f64, []string{"revenue_90d", "ltv", "churn_score", "interest_sms"}},
		{flag, []string{"sms_opt_in", "email_opt_in", "push_opt_in"}},
		{arrow.ListOf(text), []string{"tags"}},
	} {
		for _, name := range group.names {
			fields = append(fields, arrow.Field{Name: name, Type: group.typ, Nullable: true})
		}
	}
	return arrow.NewSchema(fields, nil)
}

// shared finds a file of the folder that stands beside the repository; without it the test is skipped.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Skip("no go.mod above this test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there: it stands beside the repository, in shared/", name)
	}
	return path
}

// TestCompileNightly lowers the definitions of the nightly workload without an interpreted node.
func TestCompileNightly(t *testing.T) {
	config, err := configs.Load(shared(t, "nightly/strata.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	step := Step{Definitions: config.Definitions(), Now: day, Today: int32(day.Unix() / 86400)}
	before := step
	before.Now, before.Today = day.AddDate(0, 0, -1), before.Today-1
	plan, err := Compile(nightlySchema(), []Step{before, step}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range plan.nodes {
		if n.op == opInterpreted {
			t.Errorf("interpreted: %s", n.interp.key)
		}
	}
	if len(plan.Segments(1)) != 24 || len(plan.Lifecycles(1)) != 1 {
		t.Errorf("%d segments and %d lifecycles", len(plan.Segments(1)), len(plan.Lifecycles(1)))
	}
	shared := 0
	for i, s := range plan.Segments(0) {
		if s.When == plan.Segments(1)[i].When {
			shared++
		}
	}
	t.Logf("%d nodes, %d cuts, %d bits, columns %v; %d of 24 segments ask the same in both steps", len(plan.nodes), len(plan.cuts), plan.Bits(), plan.Columns(), shared)
}
