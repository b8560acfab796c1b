package rules

import (
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"strata/configs"
)

// BenchmarkZone shows what a time zone costs a rule about hours and days: kernels remember the stretches between changes of the clock,
// so a zone is nearly free, and looking it up for every row ("rowwise") costs many times more.
func BenchmarkZone(b *testing.B) {
	rec := nightlyRecord(b, 131072)
	for _, zone := range []string{"UTC", "Europe/Paris", "America/Sao_Paulo"} {
		for name, rule := range map[string]string{
			"hour": `hour(last_seen_at) >= 18`, "date": `weekday(date(last_seen_at)) == 7`, "add_days": `add_days(last_seen_at, 30) > signup_at`, "months": `add_months(last_seen_at, 1) > signup_at`,
		} {
			step := testStep(rule, func(s *Step) { s.Definitions.Timezone = zone })
			plan, err := Compile(rec.Schema(), []Step{step}, Options{UserID: "user_id"})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(name+"/zone="+zone, func(b *testing.B) { benchmarkEvaluator(b, plan.NewEvaluator(0), rec) })
		}
		location, err := configs.LoadZone(zone)
		if err != nil {
			b.Fatal(err)
		}
		column := rec.Column(rec.Schema().FieldIndices("last_seen_at")[0]).(*array.Timestamp)
		b.Run("hour/rowwise="+zone, func(b *testing.B) {
			late := 0
			for b.Loop() {
				for _, v := range column.TimestampValues() {
					if time.UnixMicro(int64(v)).In(location).Hour() >= 18 {
						late++
					}
				}
			}
			b.ReportMetric(float64(rec.NumRows())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// TestZonesAreNotLookedUp: over years of instants a clock asks the zone database once a stretch and place, not once a row.
func TestZonesAreNotLookedUp(t *testing.T) {
	location, err := configs.LoadZone("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{location: location}
	lookups := 0
	for second := int64(1_600_000_000); second < 1_760_000_000; second += 997 { // five years
		before := c.stretches
		if c.local(second); c.stretches != before {
			lookups++
		}
		at := time.Unix(second, 0).In(location)
		if _, offset := at.Zone(); c.local(second) != second+int64(offset) || c.instant(c.local(second)) != second && !shownTwice(at) {
			t.Fatalf("%s: local %d, back %d", at, c.local(second), c.instant(c.local(second)))
		}
	}
	if lookups > 60 {
		t.Errorf("%d look-ups for five years of instants", lookups)
	}
	lookups = 0
	for i := range int64(100_000) { // a century, in no order
		before := c.stretches
		if c.local(i * 7919 * 86400 % (100 * 365 * 86400)); c.stretches != before {
			lookups++
		}
	}
	if lookups > 1500 {
		t.Errorf("%d look-ups for 100,000 instants of a century", lookups)
	}
}

// shownTwice says whether clocks show the time of an instant again an hour later, or showed it an hour before.
func shownTwice(at time.Time) bool {
	wall := func(t time.Time) string { return t.Format(time.DateTime) }
	return wall(at) == wall(at.Add(time.Hour)) || wall(at) == wall(at.Add(-time.Hour))
}
