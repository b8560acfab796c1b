// Command bench runs the nightly workload beside its rival, a tuned DuckDB script, on the same machine, in turn, with the
// same results.
//
//	go run ./pipeline/bench -users 10000000
//
// It generates the snapshots once, makes the first night with both, compares the second night's tables in every row, and then
// alternates runs of the second night. Wall and CPU time and peak memory are the operating system's account of each process. Only the
// ratio counts: it is taken pair by pair, since the speed of a machine drifts.
package main

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

//go:embed nightly.yaml
var nightly string

//go:embed make_snapshots.py
var makeSnapshots string

//go:embed duckdb_job.py
var duckdbJob string

//go:embed compare.py
var compare string

var (
	users  = flag.Int("users", 10_000_000, "users of the first night")
	runs   = flag.Int("runs", 5, "pairs of runs that count")
	folder = flag.String("dir", "build/bench", "where to work; snapshots made there before are used again")
	binary = flag.String("strata", "bin/strata", "the program")
	memory = flag.String("memory", "", "strata's --memory")
	limit  = flag.Float64("max-ratio", 0, "fail if strata takes more than this times DuckDB's wall time (0: never)")
)

func main() {
	flag.Parse()
	if err := bench(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A place holds everything of one bench.
type place struct{ dir, python, strata, config string }

func (p place) path(parts ...string) string {
	return filepath.Join(append([]string{p.dir}, parts...)...)
}

func bench() error {
	p, err := prepare()
	if err != nil {
		return err
	}
	fmt.Printf("%d users; first night, then both programs' tables of the second night are compared\n", *users)
	if err := p.firstNight(); err != nil {
		return err
	}
	if err := p.compareNight("2026-11-02"); err != nil {
		return err
	}
	var strata, duckdb []usage
	for i := range *runs {
		s, err := p.strataRun("2026-11-02", "--force")
		if err != nil {
			return err
		}
		d, err := p.duckdbRun("2")
		if err != nil {
			return err
		}
		strata, duckdb = append(strata, s), append(duckdb, d)
		fmt.Printf("pair %d: strata %.2f s, DuckDB %.2f s\n", i+1, s.wall, d.wall)
	}
	return p.report(strata, duckdb)
}

// prepare writes the scripts and generates the snapshots.
func prepare() (place, error) {
	dir, err := filepath.Abs(filepath.Join(*folder, fmt.Sprint(*users)))
	if err != nil {
		return place{}, err
	}
	strata, err := filepath.Abs(*binary)
	if err != nil {
		return place{}, err
	}
	p := place{dir: dir, python: os.Getenv("STRATA_PYTHON"), strata: strata}
	if p.python == "" {
		return p, errors.New("STRATA_PYTHON names no Python with duckdb, pyarrow and numpy; run make bench, which makes one")
	}
	p.config = p.path("strata.yaml")
	yaml := strings.NewReplacer("{{SNAPSHOTS}}", p.path("snapshots"), "{{OUTPUT}}", p.path("strata")).Replace(nightly)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return p, err
	}
	for name, text := range map[string]string{
		"strata.yaml": yaml, "make_snapshots.py": makeSnapshots, "duckdb_job.py": duckdbJob, "compare.py": compare,
	} {
		if err := os.WriteFile(p.path(name), []byte(text), 0o644); err != nil {
			return p, err
		}
	}
	return p, p.snapshots()
}

// snapshots generates the workload unless it is there.
func (p place) snapshots() error {
	if _, err := os.Stat(p.path("snapshots", "done")); err == nil {
		return nil
	}
	fmt.Printf("generating %d users (some minutes, once)\n", *users)
	if _, err := run(p.python, p.path("make_snapshots.py"), fmt.Sprint(*users), "16", p.path("snapshots")); err != nil {
		return err
	}
	return os.WriteFile(p.path("snapshots", "done"), nil, 0o644)
}

func (p place) firstNight() error {
	if err := os.RemoveAll(p.path("strata")); err != nil {
		return err
	}
	if _, err := p.strataRun("2026-11-01"); err != nil {
		return err
	}
	if _, err := p.strataRun("2026-11-02", "--accept"); err != nil {
		return err
	}
	if _, err := p.duckdbRun("1"); err != nil {
		return err
	}
	_, err := p.duckdbRun("2")
	return err
}

func (p place) strataRun(date string, flags ...string) (usage, error) {
	args := append([]string{"run", "-c", p.config, "--date", date, "--quiet", "--accept"}, flags...)
	if *memory != "" {
		args = append(args, "--memory", *memory)
	}
	return run(p.strata, args...)
}

func (p place) duckdbRun(night string) (usage, error) {
	previous := "-"
	if night == "2" {
		previous = p.path("duckdb-1")
	}
	return run(p.python, p.path("duckdb_job.py"), p.path("snapshots"), night, previous, p.path("duckdb-"+night))
}

func (p place) compareNight(date string) error {
	cmd := exec.Command(p.python, p.path("compare.py"), p.path("strata"), date, p.path("duckdb-2"))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the results differ: %w", err)
	}
	return nil
}

// usage is what one process took.
type usage struct{ wall, cpu, peak float64 } // seconds, seconds, MB

func run(name string, args ...string) (usage, error) {
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return usage{}, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.String())
	}
	u := usage{wall: time.Since(start).Seconds(), cpu: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = float64(r.Maxrss) * 1024 / 1e6
	}
	return u, nil
}

// report prints medians with their spread, and the ratios pair by pair.
func (p place) report(strata, duckdb []usage) error {
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\n\tstrata\tDuckDB\tDuckDB / strata, pair by pair")
	var wall float64
	for _, row := range []struct {
		name string
		of   func(usage) float64
	}{
		{"wall s", func(u usage) float64 { return u.wall }},
		{"CPU s", func(u usage) float64 { return u.cpu }},
		{"peak MB", func(u usage) float64 { return u.peak }},
	} {
		a, b, ratio := values(strata, row.of), values(duckdb, row.of), make([]float64, len(strata))
		for i := range ratio {
			ratio[i] = b[i] / a[i]
		}
		if row.name == "wall s" {
			wall = median(ratio)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", row.name, spread(a), spread(b), spread(ratio))
	}
	t.Flush()
	fmt.Printf("written MB  strata %.0f (membership %.0f, transitions %.0f), DuckDB %.0f\n", megabytes(p.path("strata", "membership", "date=2026-11-02"))+
		megabytes(p.path("strata", "transitions", "date=2026-11-02")), megabytes(p.path("strata", "membership", "date=2026-11-02")),
		megabytes(p.path("strata", "transitions", "date=2026-11-02")), megabytes(p.path("duckdb-2")))
	if *limit > 0 && 1/wall > *limit {
		return fmt.Errorf("strata took %.2f times DuckDB's wall time; the limit is %.2f", 1/wall, *limit)
	}
	return nil
}

func values(all []usage, of func(usage) float64) []float64 {
	out := make([]float64, len(all))
	for i, u := range all {
		out[i] = of(u)
	}
	return out
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

func spread(values []float64) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(values), slices.Min(values), slices.Max(values))
}

// megabytes is the size of the files below a folder.
func megabytes(folder string) float64 {
	sum := int64(0)
	_ = filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if info, err := e.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return float64(sum) / 1e6
}
