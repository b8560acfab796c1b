package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Retrying gives a driver that tries once what Bucket promises: transient errors are retried with backoff, a read that is cut off
// goes on at the byte it had reached, and a write whose answer was lost is looked up. transient tells which errors may
// pass by themselves.
func Retrying(once Bucket, transient func(error) bool) Bucket {
	return &retrying{Bucket: once, transient: transient, pause: backoff}
}

type retrying struct {
	Bucket
	transient func(error) bool
	pause     func(ctx context.Context, attempt int) error
}

// attempts bounds how often a request is made.
const attempts = 7

// backoff waits 0.1 s, 0.2 s, 0.4 s ... with jitter of half of it, at most 5 s.
func backoff(ctx context.Context, attempt int) error {
	wait := min(100*time.Millisecond<<attempt, 5*time.Second)
	timer := time.NewTimer(wait/2 + rand.N(wait/2+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// try calls until it is answered for good. doubtful tells whether an earlier attempt may have come through unanswered.
func (r *retrying) try(ctx context.Context, call func(doubtful bool) error) error {
	for attempt := 0; ; attempt++ {
		err := call(attempt > 0)
		if err == nil || !r.transient(err) || ctx.Err() != nil {
			return err
		}
		if attempt == attempts-1 {
			return fmt.Errorf("%w (tried %d times)", err, attempts)
		}
		if pause := r.pause(ctx, attempt); pause != nil {
			return pause
		}
	}
}

func (r *retrying) Stat(ctx context.Context, key string) (info Info, err error) {
	err = r.try(ctx, func(bool) (err error) {
		info, err = r.Bucket.Stat(ctx, key)
		return err
	})
	return info, err
}

func (r *retrying) List(ctx context.Context, opts ListOptions) (page Page, err error) {
	err = r.try(ctx, func(bool) (err error) {
		page, err = r.Bucket.List(ctx, opts)
		return err
	})
	return page, err
}

func (r *retrying) Delete(ctx context.Context, key, version string) error {
	return r.try(ctx, func(bool) error { return r.Bucket.Delete(ctx, key, version) })
}

func (r *retrying) Create(ctx context.Context, key string, body []byte) (Info, error) {
	return r.write(ctx, key, body, func() (Info, error) { return r.Bucket.Create(ctx, key, body) })
}

func (r *retrying) Replace(ctx context.Context, key, version string, body []byte) (Info, error) {
	return r.write(ctx, key, body, func() (Info, error) { return r.Bucket.Replace(ctx, key, version, body) })
}

// write makes a conditional write. A condition that fails after an unanswered attempt may have been met by that attempt: the
// object then holds exactly body.
func (r *retrying) write(ctx context.Context, key string, body []byte, put func() (Info, error)) (info Info, err error) {
	err = r.try(ctx, func(doubtful bool) (err error) {
		info, err = put()
		if doubtful && (errors.Is(err, ErrExists) || errors.Is(err, ErrChanged)) {
			if ours, stat, readErr := r.holds(ctx, key, body); readErr != nil {
				return readErr
			} else if ours {
				info, err = stat, nil
			}
		}
		return err
	})
	return info, err
}

// holds tells whether an object holds exactly body.
func (r *retrying) holds(ctx context.Context, key string, body []byte) (bool, Info, error) {
	data, info, err := ReadAll(ctx, r.Bucket, key, "")
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrChanged) {
		return false, Info{}, nil
	}
	return err == nil && bytes.Equal(data, body), info, err
}

func (r *retrying) Copy(ctx context.Context, from, to string) (info Info, err error) {
	err = r.try(ctx, func(doubtful bool) (err error) {
		info, err = r.Bucket.Copy(ctx, from, to)
		if !doubtful || !errors.Is(err, ErrExists) {
			return err
		}
		body, _, readErr := ReadAll(ctx, r.Bucket, from, "")
		if readErr != nil {
			return readErr
		}
		if ours, stat, readErr := r.holds(ctx, to, body); readErr != nil || ours {
			info, err = stat, readErr
		}
		return err
	})
	return info, err
}

// Read pins the newest version where the caller names none, so that it can go on reading the same one.
func (r *retrying) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	if version == "" {
		info, err := r.Stat(ctx, key)
		if err != nil {
			return nil, err
		}
		version = info.Version
	}
	body := &resuming{r: r, ctx: ctx, key: key, version: version, offset: offset, left: length}
	if err := body.open(); err != nil {
		return nil, err
	}
	return body, nil
}

// A resuming body opens its range again, behind what it has read, when the connection breaks.
type resuming struct {
	r            *retrying
	ctx          context.Context
	key, version string
	offset, left int64 // left < 0: to the end
	body         io.ReadCloser
	failures     int
}

func (b *resuming) open() error {
	return b.r.try(b.ctx, func(bool) (err error) {
		b.body, err = b.r.Bucket.Read(b.ctx, b.key, b.version, b.offset, b.left)
		return err
	})
}

func (b *resuming) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.offset += int64(n)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	if err == nil || err == io.EOF || !b.r.transient(err) || b.ctx.Err() != nil || b.failures == attempts {
		return n, err
	}
	b.failures++
	b.body.Close()
	if pause := b.r.pause(b.ctx, b.failures); pause != nil {
		return n, pause
	}
	return n, b.open()
}

func (b *resuming) Close() error { return b.body.Close() }
