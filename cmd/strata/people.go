package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/snappy"
)

// A person is a row of the demo's snapshots.
type person struct {
	UserID      string     `parquet:"user_id"`
	Country     string     `parquet:"country,dict"`
	Plan        string     `parquet:"plan,dict"`
	Device      string     `parquet:"device,dict"`
	Age         *int32     `parquet:"age,optional"`
	SignupAt    time.Time  `parquet:"signup_at,timestamp(microsecond)"`
	LastSeenAt  *time.Time `parquet:"last_seen_at,optional,timestamp(microsecond)"`
	LastOrderAt *time.Time `parquet:"last_order_at,optional,timestamp(microsecond)"`
	Orders90d   int32      `parquet:"orders_90d"`
	Clicks30d   int32      `parquet:"clicks_30d"`
	LTV         float64    `parquet:"ltv"`
	EmailOptIn  bool       `parquet:"email_opt_in"`
	Tags        []string   `parquet:"tags,list"`
}

// people are generated users who live from date to date, the same in every demo.
type people struct {
	random *rand.Rand
	alive  []person
}

func newPeople(n int) *people {
	p := &people{random: rand.New(rand.NewPCG(2026, 11))}
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for range n {
		p.alive = append(p.alive, p.born(start))
	}
	return p
}

var (
	demoCountries = []string{"US", "GB", "FR", "DE", "IN", "BR", "JP", "ES", "IT", "CA"}
	demoPlans     = []string{"free", "free", "free", "trial", "basic", "pro"}
	demoDevices   = []string{"ios", "android", "web"}
	demoTags      = []string{"vip", "beta", "newsletter", "student", "webinar"}
)

func (p *people) pick(from []string) string { return from[p.random.IntN(len(from))] }

// ago is a moment before now, by mean days, most of them near.
func (p *people) ago(now time.Time, days float64) time.Time {
	return now.Add(-time.Duration(p.random.ExpFloat64() * days * 24 * float64(time.Hour))).Truncate(time.Microsecond)
}

// born makes a user as of now.
func (p *people) born(now time.Time) person {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(p.random.UintN(256))
	}
	one := person{
		UserID: id.String(), Country: p.pick(demoCountries), Plan: p.pick(demoPlans), Device: p.pick(demoDevices),
		SignupAt: p.ago(now, 400), Clicks30d: int32(p.random.ExpFloat64() * 3), LTV: math.Round(p.random.ExpFloat64()*20000) / 100,
		EmailOptIn: p.random.Float64() < 0.7,
	}
	if p.random.Float64() < 0.8 {
		one.Age = new(int32)
		*one.Age = 16 + p.random.Int32N(64)
	}
	if p.random.Float64() < 0.95 {
		seen := p.ago(now, 35)
		one.LastSeenAt = &seen
	}
	if p.random.Float64() < 0.4 {
		order := p.ago(now, 80)
		one.LastOrderAt, one.Orders90d = &order, 1+p.random.Int32N(4)
	}
	for _, tag := range demoTags {
		if p.random.Float64() < 0.2 {
			one.Tags = append(one.Tags, tag)
		}
	}
	return one
}

// live lets a day pass: some come back, buy, change their plan, leave or arrive, and the order of rows is another.
func (p *people) live(day int, now time.Time) {
	if day > 0 {
		kept := p.alive[:0]
		for _, one := range p.alive {
			if p.random.Float64() < 0.003 {
				continue
			}
			p.change(&one, now)
			kept = append(kept, one)
		}
		p.alive = kept
		for range len(kept) / 100 {
			p.alive = append(p.alive, p.born(now))
		}
	}
	p.random.Shuffle(len(p.alive), func(i, j int) { p.alive[i], p.alive[j] = p.alive[j], p.alive[i] })
}

func (p *people) change(one *person, now time.Time) {
	if p.random.Float64() < 0.06 {
		seen := now.Add(time.Duration(p.random.Float64() * 24 * float64(time.Hour))).Truncate(time.Microsecond)
		one.LastSeenAt, one.Clicks30d = &seen, int32(p.random.ExpFloat64()*3)
	}
	if p.random.Float64() < 0.01 {
		order := now.Add(time.Duration(p.random.Float64() * 24 * float64(time.Hour))).Truncate(time.Microsecond)
		one.LastOrderAt, one.Orders90d = &order, one.Orders90d+1
		one.LTV = math.Round(100*(one.LTV+p.random.ExpFloat64()*60)) / 100
	}
	if p.random.Float64() < 0.004 {
		one.Plan = p.pick(demoPlans)
	}
}

// demoFiles is how many files a snapshot has.
const demoFiles = 4

// write writes the users into files of a folder.
func (p *people) write(ctx context.Context, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return usageError{err}
	}
	for i := range demoFiles {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := p.alive[len(p.alive)*i/demoFiles : len(p.alive)*(i+1)/demoFiles]
		path := filepath.Join(folder, fmt.Sprintf("part-%05d.parquet", i))
		if err := parquet.WriteFile(path, part, parquet.Compression(&snappy.Codec{})); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}
