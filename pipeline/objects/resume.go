package objects

import (
	"context"
	"errors"
	"io"
	"time"
)

// A resuming body opens its range again, behind what it has read, when the connection breaks or nothing comes any more.
type resuming struct {
	r            *retrying
	ctx          context.Context
	key, version string
	offset, left int64 // left < 0: to the end

	body     io.ReadCloser
	once     context.Context // of this body; it ends with errStalled when the timer does
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	failures int // since the last byte
}

func (b *resuming) open() error {
	return b.r.try(b.ctx, b.r.patience+time.Second, func(context.Context, bool) error {
		once, cancel := context.WithCancelCause(b.ctx)
		timer := time.AfterFunc(b.r.patience, func() { cancel(errStalled) })
		body, err := b.r.Bucket.Read(once, b.key, b.version, b.offset, b.left)
		timer.Stop()
		if err != nil {
			err = stalled(once, err)
			cancel(nil)
			return err
		}
		b.body, b.once, b.cancel, b.timer = body, once, cancel, timer
		return nil
	})
}

func (b *resuming) Read(p []byte) (int, error) {
	b.timer.Reset(b.r.patience)
	n, err := b.body.Read(p)
	b.timer.Stop()
	b.offset += int64(n)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	if n > 0 {
		b.failures = 0
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if err = stalled(b.once, err); !b.r.passes(err) || b.ctx.Err() != nil || b.failures == attempts {
		return n, because(b.ctx, err)
	}
	if pause := b.r.pause(b.ctx, b.failures); pause != nil {
		return n, because(b.ctx, err)
	}
	b.failures++
	_ = b.Close()
	return n, b.open()
}

// Close ends the body that is open. After a failure it may be called again.
func (b *resuming) Close() error {
	b.timer.Stop()
	defer b.cancel(nil)
	return b.body.Close()
}
