package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Create makes the file under a free name.
func (l *Local) Create(ctx context.Context, key string, body []byte) (Info, error) {
	return l.put(ctx, key, body, os.Link)
}

// Replace puts another file in the place of exactly this version.
func (l *Local) Replace(ctx context.Context, key, version string, body []byte) (Info, error) {
	return l.put(ctx, key, body, func(temp, path string) error {
		return l.locked(ctx, filepath.Dir(path), func() error {
			if err := unchanged(path, version); err != nil {
				return err
			}
			return os.Rename(temp, path)
		})
	})
}

// unchanged returns ErrChanged where a file is in another version.
func unchanged(path, version string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fs.ErrNotExist
	case version != "" && versionOf(info) != version:
		return ErrChanged
	}
	return nil
}

// put writes body to a temporary file and has it named.
func (l *Local) put(ctx context.Context, key string, body []byte, name func(temp, path string) error) (Info, error) {
	path, err := l.path(key)
	if err != nil {
		return Info{}, err
	}
	temp, info, err := temporary(ctx, path, body)
	if err == nil {
		defer os.Remove(temp)
		if err = context.Cause(ctx); err == nil {
			err = name(temp, path)
		}
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return Info{}, fault("write", path, err)
	}
	return infoOf(key, info), nil
}

// temporary writes body, flushed, into a hidden file beside path.
func temporary(ctx context.Context, path string, body []byte) (string, fs.FileInfo, error) {
	if ctx.Err() != nil {
		return "", nil, context.Cause(ctx)
	}
	var file *os.File
	err := inFolder(path, func() (err error) { file, err = createBeside(path); return err })
	if file == nil {
		return "", nil, err
	}
	var info fs.FileInfo
	if err == nil {
		info, err = fill(ctx, file, body)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name())
		return "", nil, err
	}
	return file.Name(), info, nil
}

// writeBytes is how much is written between two looks at the context.
const writeBytes = 8 << 20

// fill writes and flushes a new file. It sets the modification time to the nanosecond: the kernel's own clock stands still for
// milliseconds, in which an inode may be given away again and two versions would look alike.
func fill(ctx context.Context, file *os.File, body []byte) (fs.FileInfo, error) {
	for len(body) > 0 && ctx.Err() == nil {
		n, err := file.Write(body[:min(writeBytes, len(body))])
		if err != nil {
			return nil, err
		}
		body = body[n:]
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	now := time.Now()
	if err := os.Chtimes(file.Name(), now, now); err != nil {
		return nil, err
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	return file.Stat()
}

// createBeside makes a hidden file in path's folder. The umask decides who may read it, as with any other file.
func createBeside(path string) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s%016x", hidden, rand.Uint64()))
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

// inFolder makes path's folder and acts in it, again when a parallel Delete has taken the folder away in between. Folders that
// are new are flushed afterwards, when what act made keeps them from being taken away.
func inFolder(path string, act func() error) (err error) {
	var grown []string // folders that hold a new one
	for range 1000 {
		if err = makeFolder(filepath.Dir(path), &grown); err == nil {
			err = act()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	for _, folder := range grown {
		if err == nil {
			err = syncFolder(folder)
		}
	}
	return err
}

// makeFolder makes a folder and those above it that are missing, and appends the folders that it makes them in.
func makeFolder(folder string, grown *[]string) error {
	parent := filepath.Dir(folder)
	err := os.Mkdir(folder, 0o777)
	if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) && parent != folder {
		if err = makeFolder(parent, grown); err == nil {
			err = os.Mkdir(folder, 0o777)
		}
	}
	if err == nil {
		if !slices.Contains(*grown, parent) {
			*grown = append(*grown, parent)
		}
		return nil
	}
	if info, statErr := os.Stat(folder); statErr == nil && info.IsDir() {
		return nil // whatever mkdir said: a read-only file system says so before it looks
	} else if statErr == nil {
		return &fs.PathError{Op: "mkdir", Path: folder, Err: syscall.ENOTDIR}
	}
	return err
}

// syncFolder makes a new name last through a power cut, where the file system can do so.
func syncFolder(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

// Delete removes the file, and the folders above it that are empty then.
func (l *Local) Delete(ctx context.Context, key, version string) error {
	path, err := l.path(key)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	err = l.locked(ctx, filepath.Dir(path), func() error {
		if err := unchanged(path, version); err != nil {
			return err
		}
		return os.Remove(path)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return fault("delete", path, err)
	}
	l.removeEmpty(filepath.Dir(path))
	return nil
}

// removeEmpty removes a folder and those above it, up to the root, while nothing is left in them.
func (l *Local) removeEmpty(folder string) {
	for ; folder != l.root && strings.HasPrefix(folder, l.root); folder = filepath.Dir(folder) {
		removeAbandoned(folder)
		if syscall.Rmdir(folder) != nil {
			return
		}
	}
}

// abandonedAfter is the age at which a temporary file belongs to no write that is still under way.
const abandonedAfter = 24 * time.Hour

// removeAbandoned removes temporary files that crashes left in a folder. It looks at a few names only: as long as a folder
// is full of objects they disturb nobody.
func removeAbandoned(folder string) {
	dir, err := os.Open(folder)
	if err != nil {
		return
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(16)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), hidden) && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandonedAfter {
			os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// Copy links a second name to the same file, so the copy has its source's version and modification time.
func (l *Local) Copy(ctx context.Context, from, to string) (Info, error) {
	source, err := l.path(from)
	if err != nil {
		return Info{}, err
	}
	target, err := l.path(to)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Info{}, err
	}
	if _, err := l.Stat(ctx, from); err != nil {
		return Info{}, err
	}
	err = inFolder(target, func() error {
		err := os.Link(source, target)
		if _, statErr := os.Stat(source); err != nil && statErr != nil {
			return fault("copy", source, statErr)
		}
		return err
	})
	if err == nil {
		err = syncFolder(filepath.Dir(target))
	}
	if err != nil {
		return Info{}, fault("copy "+source+" to", target, err)
	}
	return l.Stat(ctx, to)
}
