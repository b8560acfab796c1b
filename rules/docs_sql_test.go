package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"strata/configs"
)

var sqlPageSchema = arrow.NewSchema([]arrow.Field{
	{Name: "user_id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "country", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "plan", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "email", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "age", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "orders_90d", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "ltv", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "sms_opt_in", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "signup_at", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "birthday", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
}, nil)

// sqlPageUsers makes users on and around everything that the page compares with; one value in six is null.
func sqlPageUsers() (users []map[string]any) {
	rng := rand.New(rand.NewPCG(17, 4))
	now := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	days := []int{-2, 0, 1, 6, 7, 8, 28, 29, 30, 31, 90, 91, 92, 180, 184, 185, 300, 306, 400}
	instants := []time.Duration{0, time.Second, 12 * time.Hour, 25 * time.Hour}
	births := []string{"1979-12-31", "1980-01-01", "1985-11-02", "1989-12-31", "1990-01-01", "2008-02-29", "2008-11-02", "2008-11-03", "2010-05-05"}
	for id := range 600 {
		user := map[string]any{
			"country": oneText(rng, "FR", "DE", "US", "fr", ""), "city": oneText(rng, "Évry", "ÉVRY", "évry", "Paris"), "plan": oneText(rng, "pro", "free", "basic"),
			"email": oneText(rng, "ann@corp.com", "zoe@CORP.com", "a@b.c", "", " ", "annika@example.org"),
			"age":   rng.IntN(50), "orders_90d": rng.IntN(45), "ltv": float64(rng.IntN(12)) * 100, "sms_opt_in": rng.IntN(2) == 0,
			"signup_at": now.Add(-time.Duration(days[rng.IntN(len(days))])*24*time.Hour - instants[rng.IntN(len(instants))]).Format("2006-01-02 15:04:05"),
			"birthday":  oneText(rng, births...),
			"tags":      [][]string{{}, {"vip"}, {"beta", "vip"}, {"new"}, {"new", "old"}}[rng.IntN(5)],
		}
		for _, f := range sqlPageSchema.Fields() {
			if rng.IntN(6) == 0 {
				user[f.Name] = nil
			}
		}
		user["user_id"] = id
		users = append(users, user)
	}
	return users
}

// oneText picks a text.
func oneText(rng *rand.Rand, from ...string) string { return from[rng.IntN(len(from))] }

const sqlPageScript = `
import duckdb, json, sys
job = json.load(sys.stdin)
db = duckdb.connect()
db.execute("SET TimeZone = 'UTC'")
db.execute("""CREATE TABLE users (user_id BIGINT, country VARCHAR, city VARCHAR, plan VARCHAR, email VARCHAR, age BIGINT,
    orders_90d BIGINT, ltv DOUBLE, sms_opt_in BOOLEAN, signup_at TIMESTAMP, birthday DATE, tags VARCHAR[])""")
names = [c[0] for c in db.execute("SELECT * FROM users").description]
db.executemany("INSERT INTO users VALUES (" + ", ".join("?" * len(names)) + ")", [[u[n] for n in names] for u in job["users"]])
for where in job["conditions"]:
    print(json.dumps([row[0] for row in db.execute("SELECT user_id FROM users WHERE " + where + " ORDER BY user_id").fetchall()]))
`

// inDuckDB returns the members of SQL conditions, as JSON lists of ids.
func inDuckDB(t *testing.T, users []map[string]any, conditions []string) []string {
	t.Helper()
	input, err := json.Marshal(map[string]any{"users": users, "conditions": conditions})
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), python(t), "-c", sqlPageScript)
	run.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	run.Stderr = &stderr
	output, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}

// inStrata returns the members of rules in the same form.
func inStrata(t *testing.T, users []map[string]any, rules []string) (members []string) {
	t.Helper()
	text, err := json.Marshal(users)
	if err != nil {
		t.Fatal(err)
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, sqlPageSchema, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	step := Step{Now: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), Definitions: &configs.Definitions{Timezone: "UTC", UserID: "user_id"}}
	step.Today = int32(step.Now.Unix()/86400) - 1
	for i, rule := range rules {
		step.Definitions.Segments = append(step.Definitions.Segments, configs.Segment{Name: fmt.Sprint("s", i), When: configs.NewExpr(rule)})
	}
	plan, err := Compile(sqlPageSchema, []Step{step}, Options{UserID: "user_id"})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := plan.NewEvaluator(0).EvalRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rules {
		ids := []string{}
		mask := answers.Cut(plan.Segments(0)[i].When)
		for row := range users {
			if mask.At(row) == 'T' {
				ids = append(ids, fmt.Sprint(row))
			}
		}
		members = append(members, "["+strings.Join(ids, ", ")+"]")
	}
	return members
}

// TestSQLPage runs every row of docs/from-sql.md on DuckDB and here, over the same users: the members are the same, neither
// nobody nor everybody; a rule that only looks like the SQL has others.
func TestSQLPage(t *testing.T) {
	users := sqlPageUsers()
	clock := strings.NewReplacer("CURRENT_TIMESTAMP", "TIMESTAMP '2026-11-03 00:00:00'", "CURRENT_DATE", "DATE '2026-11-02'")
	var conditions, rules, alike []string
	for _, table := range tablesOf(t, "docs/from-sql.md") {
		for _, row := range table.rows {
			conditions, rules = append(conditions, clock.Replace(code(row[0]))), append(rules, code(row[1]))
			alike = append(alike, "")
			if len(row) > 2 {
				alike[len(alike)-1] = code(row[2])
			}
		}
	}
	if len(rules) < 60 {
		t.Fatalf("the page has %d rows; is it read?", len(rules))
	}
	want, got := inDuckDB(t, users, conditions), inStrata(t, users, rules)
	for i, rule := range rules {
		if got[i] != want[i] {
			t.Errorf("%s\n%s\n got %s\nSQL  %s", conditions[i], rule, got[i], want[i])
		}
		if got[i] == "[]" || strings.Count(got[i], ",") == len(users)-1 {
			t.Errorf("%s tells nobody from nobody: %s", rule, got[i])
		}
		if alike[i] != "" && inStrata(t, users, alike[i:i+1])[0] == want[i] {
			t.Errorf("%s has the members of %s", alike[i], conditions[i])
		}
	}
}
