package objects

import (
	"context"
	"time"
)

// LockFiles makes a bucket lock as it does on file systems that cannot lock folders.
func (l *Local) LockFiles() { l.locksFiles.Store(true) }

// Locked runs act under the lock of a folder.
func (l *Local) Locked(folder string, act func() error) error {
	return l.locked(context.Background(), folder, act)
}

// Fault words an error.
func Fault(act, path string, err error) error { return fault(act, path, err) }

// AbandonedAfter is the age at which temporary files are removed.
const AbandonedAfter time.Duration = abandonedAfter

// Impatient is Retrying without pauses, for tests.
func Impatient(once Bucket, transient func(error) bool, patience time.Duration) Bucket {
	return &retrying{Bucket: once, transient: transient, patience: patience, pause: func(ctx context.Context, _ int) error {
		return context.Cause(ctx)
	}}
}

// Attempts is how often a request is made.
const Attempts = attempts
