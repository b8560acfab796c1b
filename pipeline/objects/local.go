package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
)

// Local is a bucket in a folder of this machine. A write goes to a hidden temporary file beside its place, is flushed to
// the disk, and gets its name by link(2) or rename(2), so a name never stands for half an object; the version of an
// object is its inode, size and modification time.
//
// Processes on one machine may share it. Network file systems whose link(2) or flock(2) is not atomic may not do. A folder
// that somebody else fills while it is read is read safely as long as they write new files and rename them.
type Local struct {
	root       string
	locksFiles atomic.Bool // the file system locks files only, no folders
}

// hidden marks the names of this driver's own files, which no listing shows.
const hidden = ".strata-"

// NewLocal opens a folder as a bucket; it is made when the first object is written.
func NewLocal(root string) (*Local, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", root, err)
	}
	return &Local{root: abs}, nil
}

// OpenLocal is the Opener of local paths: the bucket is the folder.
func OpenLocal(_ context.Context, folder string) (Bucket, error) { return NewLocal(folder) }

// URL is the path of an object's file.
func (l *Local) URL(key string) string { return filepath.Join(l.root, filepath.FromSlash(key)) }

// path checks a key and returns its file.
func (l *Local) path(key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", fmt.Errorf("folder %s: %w", l.root, err)
	}
	return l.URL(key), nil
}

// versionOf tells two contents of a name apart.
func versionOf(info fs.FileInfo) string {
	inode := uint64(0)
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = stat.Ino
	}
	return fmt.Sprintf("%x-%x-%x", inode, info.Size(), info.ModTime().UnixNano())
}

func infoOf(key string, info fs.FileInfo) Info {
	return Info{Key: key, Size: info.Size(), Version: versionOf(info), Modified: info.ModTime()}
}

// Stat describes the file.
func (l *Local) Stat(ctx context.Context, key string) (Info, error) {
	path, err := l.path(key)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Info{}, err
	}
	info, err := os.Stat(path)
	if err == nil {
		err = onlyFiles(info)
	}
	if err != nil {
		return Info{}, fault("look at", path, err)
	}
	return infoOf(key, info), nil
}

// onlyFiles returns an error for what is no file: a folder is no object, and reading a pipe or a device may never end.
func onlyFiles(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return fs.ErrNotExist
	case !info.Mode().IsRegular():
		return fmt.Errorf("it is %s, not a file", info.Mode().Type())
	}
	return nil
}

// fault words an error of the file system.
func fault(act, path string, err error) error {
	var at *fs.PathError
	switch {
	case errors.As(err, &at) && at.Op == "mkdir" && errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s %s: %w: %s is no folder; choose another place", act, path, ErrRefused, at.Path)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s %s: %w: the file system is read-only; choose another place", act, path, ErrRefused)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s %s: %w", act, path, ErrNotFound)
	case errors.Is(err, fs.ErrExist):
		return existing(act, path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s %s: %w: permission denied; give this user access, or choose another place", act, path, ErrRefused)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		if errors.As(err, &at) {
			err = at.Err // the path is that of a temporary file
		}
		return fmt.Errorf("%s %s: the disk is full; make room there, or choose another place (%w)", act, path, err)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%s %s: too many open files; raise the limit (ulimit -n) or lower --workers", act, path)
	}
	return fmt.Errorf("%s %s: %w", act, path, err)
}

// existing tells a name that is taken by an object from one that is taken by a folder.
func existing(act, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s %s: %w: there is a folder of this name; remove it, or choose another place", act, path, ErrRefused)
	}
	return fmt.Errorf("%s %s: %w", act, path, ErrExists)
}

// OpenFile opens the file of exactly this version ("": the newest), for callers that read in many places.
func (l *Local) OpenFile(ctx context.Context, key, version string) (*os.File, error) {
	path, err := l.path(key)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer would block
	if err != nil {
		return nil, fault("read", path, err)
	}
	if err := isVersion(file, version); err != nil {
		_ = file.Close()
		return nil, fault("read", path, err)
	}
	return file, nil
}

// isVersion returns ErrChanged for an open file that is in another version.
func isVersion(file *os.File, version string) error {
	info, err := file.Stat()
	if err == nil {
		err = onlyFiles(info)
	}
	if err == nil && version != "" && versionOf(info) != version {
		err = ErrChanged
	}
	return err
}

// Read returns a part of the file. A file that was written over in place while it was read ends in ErrChanged.
func (l *Local) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	file, err := l.OpenFile(ctx, key, version)
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = math.MaxInt64 - offset
	}
	return &localBody{io.NewSectionReader(file, offset, length), file, version}, nil
}

type localBody struct {
	*io.SectionReader
	file    *os.File
	version string
}

func (b *localBody) Read(p []byte) (int, error) {
	n, err := b.SectionReader.Read(p)
	if errors.Is(err, io.EOF) {
		if changed := isVersion(b.file, b.version); changed != nil {
			err = changed
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fault("read", b.file.Name(), err)
	}
	return n, err
}

func (b *localBody) Close() error { return b.file.Close() }
