package objectstest

import (
	"context"
	"errors"
	"io"
	"sync"

	"strata/pipeline/objects"
)

// ErrDead is what every method of a bucket returns after Kill.
var ErrDead = errors.New("the process is dead")

// A Step is one write: a Create, Replace, Copy or Delete.
type Step struct {
	N   int    // from 1
	Act string // "create", "replace", "copy" or "delete"
	Key string // that it writes
}

// Faulty is a bucket as one process sees it whose writes go wrong where a test wants them to. Writes happen one at a time, so
// that their numbers say something; the functions may use the bucket below but not this one.
type Faulty struct {
	objects.Bucket
	Before func(Step) error // its error is the answer, and the write does not happen; it may also end the process
	After  func(Step) error // its error is the answer to a write that happened: the true answer is lost

	mu    sync.Mutex
	dead  bool
	steps []Step
}

// FailAt fails with err at one step and does nothing at the others.
func FailAt(n int, err error) func(Step) error {
	return func(s Step) error {
		if s.N == n {
			return err
		}
		return nil
	}
}

// KillAt makes the process of a bucket dead at one step: before it happens, or after it. Nothing works from then on.
func (f *Faulty) KillAt(n int, after bool) {
	f.KillWhen(func(s Step) bool { return s.N == n }, after)
}

// KillWhen makes the process dead at the first step that is asked about and affirmed.
func (f *Faulty) KillWhen(is func(Step) bool, after bool) {
	kill := func(s Step) error {
		if is(s) {
			f.dead = true
			return ErrDead
		}
		return nil
	}
	if after {
		f.After = kill
	} else {
		f.Before = kill
	}
}

// Steps returns the writes so far, those that failed too.
func (f *Faulty) Steps() []Step {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Step(nil), f.steps...)
}

func (f *Faulty) alive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return ErrDead
	}
	return nil
}

// step counts a write and lets it happen or not.
func (f *Faulty) step(act, key string, write func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return ErrDead
	}
	s := Step{N: len(f.steps) + 1, Act: act, Key: key}
	f.steps = append(f.steps, s)
	if f.Before != nil {
		if err := f.Before(s); err != nil {
			return err
		}
	}
	err := write()
	if f.After != nil {
		if lost := f.After(s); lost != nil {
			return lost
		}
	}
	return err
}

// Stat is the bucket's own.
func (f *Faulty) Stat(ctx context.Context, key string) (objects.Info, error) {
	if err := f.alive(); err != nil {
		return objects.Info{}, err
	}
	return f.Bucket.Stat(ctx, key)
}

// Read is the bucket's own.
func (f *Faulty) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	return f.Bucket.Read(ctx, key, version, offset, length)
}

// List is the bucket's own.
func (f *Faulty) List(ctx context.Context, opts objects.ListOptions) (objects.Page, error) {
	if err := f.alive(); err != nil {
		return objects.Page{}, err
	}
	return f.Bucket.List(ctx, opts)
}

// Create is a step.
func (f *Faulty) Create(ctx context.Context, key string, body []byte) (info objects.Info, err error) {
	err = f.step("create", key, func() (err error) { info, err = f.Bucket.Create(ctx, key, body); return err })
	return info, err
}

// Replace is a step.
func (f *Faulty) Replace(ctx context.Context, key, version string, body []byte) (info objects.Info, err error) {
	err = f.step("replace", key, func() (err error) { info, err = f.Bucket.Replace(ctx, key, version, body); return err })
	return info, err
}

// Copy is a step.
func (f *Faulty) Copy(ctx context.Context, from, to string) (info objects.Info, err error) {
	err = f.step("copy", to, func() (err error) { info, err = f.Bucket.Copy(ctx, from, to); return err })
	return info, err
}

// Delete is a step.
func (f *Faulty) Delete(ctx context.Context, key, version string) error {
	return f.step("delete", key, func() error { return f.Bucket.Delete(ctx, key, version) })
}
