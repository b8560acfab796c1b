package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"strata/pipeline/ids"
)

// scatterTexts sends text ids through an exchange with their place as their bits, from several workers.
func scatterTexts(t *testing.T, x *exchange, texts []string, workers int) {
	t.Helper()
	var wait sync.WaitGroup
	for w := range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			s := x.newScatter()
			for i := w; i < len(texts); i += workers {
				if err := scatterText(s, texts[i], uint64(i)); err != nil {
					t.Error(err)
				}
			}
			if err := s.flush(); err != nil {
				t.Error(err)
			}
		}()
	}
	wait.Wait()
}

func scatterText(s *scatter, text string, bits uint64) error {
	partition := ids.Partition(ids.Hash([]byte(text)), s.x.partitionBits)
	if high, low, ok := ids.ParseUUID([]byte(text)); ok {
		_, record, err := s.record(0, partition)
		if err == nil {
			record[0], record[1], record[2] = high, low, bits
		}
		return err
	}
	b, record, err := s.record(1, partition)
	if err == nil {
		record[0], record[1], record[2] = 0, b.addBytes([]byte(text)), bits
	}
	return err
}

func textLayouts() []layout {
	return []layout{newLayout(ids.TwoWords, 1, false, false), newLayout(ids.Bytes, 1, false, false)}
}

// gatherAll sorts every partition and returns id=bits of all users, checking order and place.
func gatherAll(t *testing.T, x *exchange) []string {
	t.Helper()
	var all []string
	for p := range 1 << x.partitionBits {
		lanes := make([]*gathered, len(x.lanes))
		for i, l := range x.lanes {
			var err error
			if lanes[i], err = x.gather(l, p); err != nil {
				t.Fatal(err)
			}
		}
		u := sortUsers(lanes, ids.Text)
		for i := range u.len() {
			text := u.ids.TextAt(i)
			if i > 0 && u.ids.TextAt(i-1) >= text {
				t.Fatalf("partition %d is not in order: %q, %q", p, u.ids.TextAt(i-1), text)
			}
			if got := ids.Partition(ids.Hash([]byte(text)), x.partitionBits); got != p {
				t.Fatalf("%q is in partition %d, belongs to %d", text, p, got)
			}
			all = append(all, fmt.Sprintf("%s=%d", text, u.record(i)[u.from.keys]))
		}
	}
	return all
}

// keyShapes are ids that a sort may trip over.
var keyShapes = map[string]func(i int, r *rand.Rand) string{
	"uuid": func(_ int, r *rand.Rand) string { return string(ids.AppendUUID(nil, r.Uint64(), r.Uint64())) },
	"uuidv7": func(i int, r *rand.Rand) string {
		return string(ids.AppendUUID(nil, 0x0190<<48|uint64(i/3), r.Uint64()))
	},
	"sequential": func(i int, _ *rand.Rand) string { return fmt.Sprintf("customer-%09d", i) },
	"email":      func(i int, r *rand.Rand) string { return fmt.Sprintf("%x@example.com", r.Uint32()|uint32(i)<<20) },
	"prefixes":   func(i int, _ *rand.Rand) string { return strings.Repeat("a", 1+i%300) + strings.Repeat("b", i/300) },
	"mixed": func(i int, r *rand.Rand) string {
		if i%2 == 0 {
			return string(ids.AppendUUID(nil, r.Uint64(), r.Uint64()))
		}
		return fmt.Sprint(i)
	},
}

func TestExchangeBringsEveryUserSortedToItsPartition(t *testing.T) {
	for name, shape := range keyShapes {
		for _, n := range []int{0, 1, 2, 63, 64, 65, 3000} {
			for _, budget := range []int64{1 << 30, 0} { // all in memory; all spilled
				t.Run(fmt.Sprintf("%s/%d/%d", name, n, budget), func(t *testing.T) {
					r := rand.New(rand.NewPCG(1, uint64(n)))
					texts, want := make([]string, n), []string{}
					for i := range texts {
						texts[i] = shape(i, r)
						want = append(want, fmt.Sprintf("%s=%d", texts[i], i))
					}
					x := newExchange(3, 3, budget, t.TempDir(), textLayouts()...)
					defer x.Close()
					scatterTexts(t, x, texts, 3)
					got := gatherAll(t, x)
					slices.Sort(got)
					slices.Sort(want)
					if !slices.Equal(got, want) {
						t.Errorf("got %d users, want %d: %.200v, want %.200v", len(got), len(want), got, want)
					}
				})
			}
		}
	}
}

func TestExchangeLeavesNoTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	x := newExchange(0, 1, 0, dir, textLayouts()...)
	scatterTexts(t, x, []string{"a", "b"}, 1)
	if x.spills.bytes == 0 {
		t.Fatal("nothing was spilled")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) > 0 {
		t.Errorf("%v stands in the folder while the run works", names)
	}
	x.Close()
}

func TestSpillFaultNamesTheWayOut(t *testing.T) {
	x := newExchange(0, 1, 0, filepath.Join(t.TempDir(), "absent"), textLayouts()...)
	s := x.newScatter()
	if err := scatterText(s, "a", 1); err != nil {
		t.Fatal(err)
	}
	err := s.flush()
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "TMPDIR") || !strings.Contains(err.Error(), "--memory") {
		t.Errorf("flush = %v; want the folder's fault, TMPDIR and --memory", err)
	}
}

func TestDuplicatesAreCountedAndNamed(t *testing.T) {
	x := newExchange(0, 1, 1<<30, t.TempDir(), textLayouts()...)
	scatterTexts(t, x, []string{"b", "a", "b", "c", "b", "a"}, 1)
	lanes := make([]*gathered, 2)
	for i, l := range x.lanes {
		lanes[i], _ = x.gather(l, 0)
	}
	u := sortUsers(lanes, ids.Text)
	if u.len() != 3 || u.duplicates != 3 || !slices.Equal(u.examples, []string{"a", "b"}) {
		t.Errorf("%d users, %d duplicates, examples %v; want 3, 3, [a b]", u.len(), u.duplicates, u.examples)
	}
}

func TestLatestRecordStands(t *testing.T) {
	l := newLayout(ids.OneWord, 1, true, false)
	record := func(id, bits, present, by, hash uint64) []uint64 { return []uint64{id, bits, present, by, hash} }
	g := &gathered{layout: l}
	for _, r := range [][]uint64{
		record(1, 10, 0, 0, 9), record(1, 11, 1, 5, 1), record(1, 12, 1, 7, 1), record(1, 13, 1, 7, 2), // the greatest hash of the latest
		record(2, 20, 0, 0, 1), record(2, 21, 0, 0, 3), // no value: the hash alone
		record(3, 30, 1, 0, 1), record(3, 31, 0, 99, 1), // a null comes last
	} {
		g.words = append(g.words, r...)
	}
	for range 20 {
		shuffled := &gathered{layout: l}
		for _, i := range rand.Perm(g.len()) {
			shuffled.words = append(shuffled.words, g.record(i)...)
		}
		u := sortUsers([]*gathered{shuffled}, ids.Int64)
		got := []uint64{}
		for i := range u.len() {
			got = append(got, u.record(i)[1])
		}
		if want := []uint64{13, 21, 30}; !slices.Equal(got, want) {
			t.Fatalf("standing records %v, want %v", got, want)
		}
	}
}

func BenchmarkSortUsers(b *testing.B) {
	for name, shape := range keyShapes {
		b.Run(name, func(b *testing.B) {
			const n = 157_000
			r := rand.New(rand.NewPCG(1, 2))
			x := newExchange(0, 1, 1<<30, b.TempDir(), textLayouts()...)
			s := x.newScatter()
			for i := range n {
				if err := scatterText(s, shape(i, r), 0); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.flush(); err != nil {
				b.Fatal(err)
			}
			lanes := []*gathered{}
			for _, l := range x.lanes {
				g, _ := x.gather(l, 0)
				lanes = append(lanes, g)
			}
			g := together(lanes)
			for b.Loop() {
				sortedKeys(g)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/user")
		})
	}
}
