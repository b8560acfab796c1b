package main

import (
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"strata/pipeline"
)

// newProgress shows bars on a terminal, and writes a log line a stage elsewhere. The end function
// takes how the run ended, and waits for what is on its way.
func newProgress(stderr io.Writer, log *slog.Logger, quiet bool) (p pipeline.Progress, end func(error)) {
	if quiet {
		return nil, func(error) {}
	}
	if isTerminal(stderr) {
		b := newBars(stderr)
		return b, b.end
	}
	l := &lines{log: log}
	return l, l.end
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func newBars(terminal io.Writer) *bars {
	return &bars{all: mpb.New(mpb.WithOutput(terminal), mpb.WithRefreshRate(100*time.Millisecond))}
}

// bars are a bar per stage.
type bars struct {
	mu  sync.Mutex
	all *mpb.Progress
	bar *mpb.Bar
}

// Stage begins another bar. A stage without units to count shows that it has begun.
func (b *bars) Stage(name string, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish()
	unit := map[string]string{"assign": "users", "diff": "partitions"}[name]
	label := mpb.PrependDecorators(decor.Name(name, decor.WC{W: 8, C: decor.DindentRight}))
	if total <= 0 {
		b.bar = nil // short, and of no countable units: its name alone
		b.all.AddBar(1, label, mpb.BarFillerTrim()).SetCurrent(1)
		return
	}
	b.bar = b.all.AddBar(total, label, mpb.AppendDecorators(decor.CountersNoUnit("%d/%d "+unit), decor.Elapsed(decor.ET_STYLE_GO, decor.WC{W: 6})))
}

// Done moves the bar at hand.
func (b *bars) Done(units int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.bar.IncrInt64(units)
	}
}

func (b *bars) finish() {
	if b.bar != nil {
		b.bar.SetTotal(-1, true)
		b.bar = nil
	}
}

func (b *bars) end(failed error) {
	b.mu.Lock()
	if failed != nil && b.bar != nil {
		b.bar.Abort(false) // it stays where it got to
		b.bar = nil
	}
	b.finish()
	b.mu.Unlock()
	b.all.Wait()
}

// lines are a log line per stage.
type lines struct {
	mu    sync.Mutex
	log   *slog.Logger
	stage string
	since time.Time
	units int64
}

// Stage ends the stage before and begins another.
func (l *lines) Stage(name string, total int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finish()
	l.stage, l.since, l.units = name, time.Now(), 0
	if total > 0 {
		l.log.Info("stage begins", "stage", name, "units", total)
	}
}

// Done counts.
func (l *lines) Done(units int64) {
	l.mu.Lock()
	l.units += units
	l.mu.Unlock()
}

func (l *lines) finish() {
	if l.stage != "" {
		l.log.Info("stage done", "stage", l.stage, "units", l.units, "seconds", time.Since(l.since).Seconds())
	}
}

func (l *lines) end(failed error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if failed == nil {
		l.finish()
	}
	l.stage = ""
}

// newLog writes log lines as text or JSON.
func newLog(w io.Writer, format string, quiet bool) *slog.Logger {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelError
	}
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
