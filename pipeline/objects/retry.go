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

// Retrying gives a driver that tries once what Bucket promises: transient errors are retried with backoff, a request that
// stands still is given up and made again, a read that is cut off goes on at the byte it had reached, and a write whose
// answer was lost is looked up. transient tells which errors may pass by themselves.
func Retrying(once Bucket, transient func(error) bool) Bucket {
	return &retrying{Bucket: once, transient: transient, pause: backoff, patience: time.Minute}
}

type retrying struct {
	Bucket
	transient func(error) bool
	pause     func(ctx context.Context, attempt int) error
	patience  time.Duration // for an answer, and for the next bytes of a body
}

// attempts bounds how often a request is made: with backoff, for about fifteen seconds.
const attempts = 9

// slowest is the slowest upload, in bytes a second, that is not taken for one that stands still.
const slowest = 256 << 10

// errStalled is the end of an attempt that went on for too long; it is transient.
var errStalled = errors.New("the store does not answer")

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

// try calls until it is answered for good, each time for no longer than patience. doubtful tells whether an earlier attempt
// may have come through unanswered.
func (r *retrying) try(ctx context.Context, patience time.Duration, call func(ctx context.Context, doubtful bool) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for attempt := 0; ; attempt++ {
		once, cancel := context.WithTimeoutCause(ctx, patience, errStalled)
		err := stalled(once, call(once, attempt > 0))
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return because(ctx, err)
		case !r.passes(err):
			return err
		case attempt == attempts-1:
			return fmt.Errorf("%w (tried %d times)", err, attempts)
		}
		if pause := r.pause(ctx, attempt); pause != nil {
			return because(ctx, err)
		}
	}
}

func (r *retrying) passes(err error) bool { return errors.Is(err, errStalled) || r.transient(err) }

// stalled marks an error that is the end of our patience.
func stalled(once context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(once), errStalled) {
		return fmt.Errorf("%w: %w", errStalled, err)
	}
	return err
}

// because adds why a context ended to what failed for that.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

func (r *retrying) Stat(ctx context.Context, key string) (info Info, err error) {
	err = r.try(ctx, r.patience, func(ctx context.Context, _ bool) (err error) {
		info, err = r.Bucket.Stat(ctx, key)
		return err
	})
	return info, err
}

func (r *retrying) List(ctx context.Context, opts ListOptions) (page Page, err error) {
	err = r.try(ctx, r.patience, func(ctx context.Context, _ bool) (err error) {
		page, err = r.Bucket.List(ctx, opts)
		return err
	})
	return page, err
}

func (r *retrying) Delete(ctx context.Context, key, version string) error {
	return r.try(ctx, r.patience, func(ctx context.Context, _ bool) error { return r.Bucket.Delete(ctx, key, version) })
}

func (r *retrying) Create(ctx context.Context, key string, body []byte) (Info, error) {
	return r.write(ctx, key, "", body, func(ctx context.Context) (Info, error) { return r.Bucket.Create(ctx, key, body) })
}

func (r *retrying) Replace(ctx context.Context, key, version string, body []byte) (Info, error) {
	return r.write(ctx, key, version, body, func(ctx context.Context) (Info, error) { return r.Bucket.Replace(ctx, key, version, body) })
}

// write makes a conditional write: in the place of a version, or where nothing is (""). Before it is made again, and when its condition
// fails after an unanswered attempt, the object is looked at: that attempt may have come through, or the store may have refused it
// and closed the connection before the refusal could be read.
func (r *retrying) write(
	ctx context.Context, key, version string, body []byte, put func(context.Context) (Info, error),
) (info Info, err error) {
	patience := r.patience + time.Duration(len(body)/slowest)*time.Second
	err = r.try(ctx, patience, func(once context.Context, doubtful bool) (err error) {
		if doubtful {
			var settled bool
			if info, settled, err = r.settled(once, key, version, body); settled || err != nil {
				return err
			}
		}
		info, err = put(once)
		if doubtful && (errors.Is(err, ErrExists) || errors.Is(err, ErrChanged)) {
			if stat, settled, lookErr := r.settled(once, key, version, body); settled || lookErr != nil {
				info, err = stat, lookErr
			}
		}
		return err
	})
	return info, err
}

// settled tells whether a conditional write needs no further attempt: the object holds exactly body, or is not what the
// condition says, which is an error.
func (r *retrying) settled(ctx context.Context, key, version string, body []byte) (Info, bool, error) {
	info, err := r.Bucket.Stat(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound) && version == "":
		return Info{}, false, nil
	case err != nil || info.Version == version:
		return Info{}, false, err
	}
	stat, holds, err := r.holds(ctx, key, body)
	if holds || err != nil {
		return stat, holds, err
	}
	found := ErrChanged
	if version == "" {
		found = ErrExists
	}
	return Info{}, true, fmt.Errorf("write %s: %w", r.URL(key), found)
}

// holds tells whether an object holds exactly body, and what it is then.
func (r *retrying) holds(ctx context.Context, key string, body []byte) (Info, bool, error) {
	info, err := r.Bucket.Stat(ctx, key)
	if err == nil && info.Size == int64(len(body)) {
		var data []byte
		data, info, err = ReadAll(ctx, r.Bucket, key, info.Version)
		if err == nil && bytes.Equal(data, body) {
			return info, true, nil
		}
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrChanged) {
		err = nil
	}
	return Info{}, false, err
}

// Copy has more patience, since a store may copy for minutes before it answers.
func (r *retrying) Copy(ctx context.Context, from, to string) (info Info, err error) {
	err = r.try(ctx, 10*r.patience, func(ctx context.Context, doubtful bool) (err error) {
		info, err = r.Bucket.Copy(ctx, from, to)
		if !doubtful || !errors.Is(err, ErrExists) {
			return err
		}
		body, _, readErr := ReadAll(ctx, r.Bucket, from, "")
		if readErr != nil {
			return readErr
		}
		stat, holds, readErr := r.holds(ctx, to, body)
		if readErr == nil && holds {
			info, err = stat, nil
		}
		return errors.Join(err, readErr)
	})
	return info, err
}

// Read pins the newest version where the caller names none, so that it can go on reading the same one.
func (r *retrying) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	for again := 0; ; again++ {
		pinned := version
		if pinned == "" {
			info, err := r.Stat(ctx, key)
			if err != nil {
				return nil, err
			}
			pinned = info.Version
		}
		body := &resuming{r: r, ctx: ctx, key: key, version: pinned, offset: offset, left: length}
		err := body.open()
		if err == nil {
			return body, nil
		}
		if version != "" || !errors.Is(err, ErrChanged) || again == rereads {
			return nil, err
		}
	}
}
