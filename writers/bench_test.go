//go:build unix

package writers

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"strata/pipeline/ids"
	"strata/pipeline/tables"
)

// partitionUsers is a partition of the nightly workload: ten million users in 64.
const partitionUsers = 157_000

// nightlyLike is a membership whose sets depend on each other as those of the nightly workload do: 24 segments, about four
// a user, about one distinct set for ten users; four stages.
func nightlyLike(users int, typ ids.Type, form ids.Form, since bool) *tables.Membership {
	s := shapeOf{users: users, segments: 24, ids: typ, form: form, stages: []int{4}}
	m := s.random(11)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range m.Sets.Words {
		m.Sets.Words[i] = nightlySet(r)
		m.Stages[0][i] = uint16(1 + min(r.IntN(9), 3))
	}
	if since {
		s.randomSince(r, m)
	}
	return m
}

func nightlySet(r *rand.Rand) (set uint64) {
	put := func(bit int, share float64) bool {
		if r.Float64() < share {
			set |= 1 << bit
			return true
		}
		return false
	}
	if put(6, .7); put(5, .17) {
		put(16, .3)
	}
	if put(10, .52) {
		put(9, .35)
		put(20, .02)
	} else {
		put(8, .42)
	}
	if !put(13, .54) { // buyers
		put(11, .3)
		put(12, .12)
		put(4, .08)
		put(3, .15)
		put(22, .5)
		put(2, .04)
	}
	if put(19, .3) {
		put(15, .2)
	}
	for _, p := range []struct {
		bit   int
		share float64
	}{{0, .08}, {1, .02}, {7, .17}, {14, .02}, {17, .08}, {18, .03}, {21, .06}, {23, .004}} {
		put(p.bit, p.share)
	}
	return set
}

func BenchmarkMembership(b *testing.B) {
	for _, c := range []struct {
		name  string
		typ   ids.Type
		form  ids.Form
		since bool
	}{
		{"ids=uuid-text", ids.Text, ids.TwoWords, false},
		{"ids=uuid", ids.UUID, ids.TwoWords, false},
		{"ids=int64", ids.Int64, ids.OneWord, false},
		{"ids=text", ids.Text, ids.Bytes, false},
		{"ids=uuid-text/since", ids.Text, ids.TwoWords, true},
	} {
		m := nightlyLike(partitionUsers, c.typ, c.form, c.since)
		b.Run("writer=strata/"+c.name, func(b *testing.B) {
			var w Writer
			size := 0
			before := processorTime(b)
			for b.Loop() {
				file, err := w.Membership(m)
				if err != nil {
					b.Fatal(err)
				}
				size = len(file.Data)
			}
			report(b, m.Len(), size, before)
		})
	}
	m := nightlyLike(partitionUsers, ids.Text, ids.TwoWords, false)
	b.Run("writer=parquet-go/ids=uuid-text", func(b *testing.B) { benchmarkRows(b, m) })
}

// report gives rows a second of wall time, and processor seconds for ten million rows, which a busy machine changes less.
func report(b *testing.B, rows, size int, before time.Duration) {
	perRow := func(d time.Duration) float64 { return d.Seconds() / float64(b.N) / float64(rows) }
	b.ReportMetric(1/perRow(b.Elapsed()), "rows/s")
	b.ReportMetric(float64(size)/float64(rows), "B/row")
	b.ReportMetric(perRow(processorTime(b)-before)*1e7, "cpu-s/10M")
}

func processorTime(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// A memberRow is what parquet-go's own writer takes.
type memberRow struct {
	UserID   string   `parquet:"user_id"`
	Segments []string `parquet:"segments,list,dict"`
	Journey  *string  `parquet:"journey,optional,dict"`
	State    []byte   `parquet:"strata_state,dict"`
}

// benchmarkRows is the rival: rows through parquet-go's generic writer.
func benchmarkRows(b *testing.B, m *tables.Membership) {
	rows := make([]memberRow, m.Len())
	for i := range rows {
		rows[i].UserID = m.IDs.TextAt(i)
		for s := range members(m.Sets.Row(i)) {
			rows[i].Segments = append(rows[i].Segments, m.Names.Segments[s])
		}
		rows[i].Journey = &m.Names.Lifecycles[0].Stages[m.Stages[0][i]-1]
		rows[i].State, _ = m.AppendState(nil, i, 0)
	}
	var out bytes.Buffer
	before := processorTime(b)
	for b.Loop() {
		out.Reset()
		w := parquet.NewGenericWriter[memberRow](&out, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}))
		if _, err := w.Write(rows); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	report(b, len(rows), out.Len(), before)
}

func BenchmarkTables(b *testing.B) {
	m := nightlyLike(partitionUsers, ids.Text, ids.TwoWords, false)
	changed := ids.Column{Type: ids.Text, Form: ids.TwoWords, Words: m.IDs.Words[:2*(m.Len()/4)]}
	t := randomTransitions(1, changed, .4)
	var w Writer
	for name, encode := range map[string]func() (tables.File, error){
		"transitions": func() (tables.File, error) { return w.Transitions(t) },
		"wide":        func() (tables.File, error) { return w.Wide(m) },
		"long":        func() (tables.File, error) { return w.Long(m) },
	} {
		b.Run(fmt.Sprintf("table=%s", name), func(b *testing.B) {
			var file tables.File
			before := processorTime(b)
			for b.Loop() {
				var err error
				if file, err = encode(); err != nil {
					b.Fatal(err)
				}
			}
			report(b, int(file.Rows), len(file.Data), before)
		})
	}
}
