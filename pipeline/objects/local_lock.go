package objects

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// locked runs act while no other process that asks for this folder's lock does. A crash gives the lock back.
func (l *Local) locked(ctx context.Context, folder string, act func() error) error {
	for {
		lock, err := l.lock(ctx, folder)
		if err != nil {
			return err
		}
		mine, err := lock.Stat()
		if there, statErr := os.Stat(lock.Name()); err == nil && statErr == nil && os.SameFile(mine, there) {
			err = act()
			return errors.Join(err, lock.Close())
		}
		_ = lock.Close() // the folder was removed while we waited; ask for the one that is there now
		if err != nil {
			return err
		}
	}
}

// lock locks a folder itself, which leaves nothing behind. Network file systems refuse that but do lock files that are open
// for writing.
func (l *Local) lock(ctx context.Context, folder string) (*os.File, error) {
	if !l.locksFiles.Load() {
		lock, err := openLocked(ctx, folder, os.O_RDONLY)
		if !errors.Is(err, syscall.EBADF) {
			return lock, err
		}
		l.locksFiles.Store(true)
	}
	return openLocked(ctx, filepath.Join(folder, hidden+"lock"), os.O_RDWR|os.O_CREATE)
}

// openLocked opens and locks. It asks again and again rather than waiting, so that ctx can end it.
func openLocked(ctx context.Context, path string, flag int) (*os.File, error) {
	lock, err := os.OpenFile(path, flag, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			break
		}
		if err = context.Cause(ctx); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	_ = lock.Close()
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
