package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Local is a bucket in a folder of this machine. A write goes to a hidden temporary file beside its place, is flushed to
// the disk, and gets its name by link(2) or rename(2), so a name never stands for half an object; the version of an
// object is its inode, size and modification time.
//
// Processes on one machine may share it. Network file systems whose link(2) or flock(2) is not atomic may not do.
type Local struct{ root string }

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
		return "", err
	}
	return l.URL(key), nil
}

// CheckKey refuses keys that some store would read as another: empty, absolute, with empty, "." or ".." parts, or with NUL.
func CheckKey(key string) error {
	if key == "" || strings.ContainsRune(key, 0) || strings.HasSuffix(key, "/") {
		return fmt.Errorf("%q cannot name an object", key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || strings.HasPrefix(part, hidden) {
			return fmt.Errorf("%q cannot name an object: part %q", key, part)
		}
	}
	return nil
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
		err = ctx.Err()
	}
	if err != nil {
		return Info{}, err
	}
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return Info{}, l.fault("look at", path, err)
	}
	return infoOf(key, info), nil
}

// fault words an error of the file system; a nil error stands for a folder where a file was meant.
func (l *Local) fault(act, path string, err error) error {
	var at *fs.PathError
	switch {
	case errors.As(err, &at) && at.Op == "mkdir" && errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s %s: %w: %s is no folder; choose another place", act, path, ErrRefused, at.Path)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s %s: %w: the file system is read-only; choose another place", act, path, ErrRefused)
	case err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s %s: %w", act, path, ErrNotFound)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s %s: %w", act, path, ErrExists)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s %s: %w: permission denied; give this user access, or choose another place", act, path, ErrRefused)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%s %s: the disk is full; make room there, or choose another place", act, path)
	}
	return fmt.Errorf("%s %s: %w", act, path, err)
}

// OpenFile opens the file of exactly this version ("": the newest), for callers that read in many places.
func (l *Local) OpenFile(ctx context.Context, key, version string) (*os.File, error) {
	path, err := l.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, l.fault("read", path, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil || info.IsDir():
		err = l.fault("read", path, err)
	case version != "" && versionOf(info) != version:
		err = fmt.Errorf("read %s: %w", path, ErrChanged)
	default:
		return file, nil
	}
	file.Close()
	return nil, err
}

// Read returns a part of the file.
func (l *Local) Read(ctx context.Context, key, version string, offset, length int64) (io.ReadCloser, error) {
	file, err := l.OpenFile(ctx, key, version)
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = 1<<63 - 1 - offset
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(file, offset, length), file}, nil
}

// Create makes the file under a free name.
func (l *Local) Create(ctx context.Context, key string, body []byte) (Info, error) {
	return l.put(ctx, key, body, func(temp, path string) error { return os.Link(temp, path) })
}

// Replace puts another file in the place of exactly this version.
func (l *Local) Replace(ctx context.Context, key, version string, body []byte) (Info, error) {
	return l.put(ctx, key, body, func(temp, path string) error {
		return l.locked(path, func() error {
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
	if err == nil && version != "" && versionOf(info) != version {
		return ErrChanged
	}
	return err
}

// put writes body to a temporary file and has it named.
func (l *Local) put(ctx context.Context, key string, body []byte, name func(temp, path string) error) (Info, error) {
	path, err := l.path(key)
	if err != nil {
		return Info{}, err
	}
	temp, info, err := l.temporary(ctx, path, body)
	if err == nil {
		defer os.Remove(temp)
		if err = ctx.Err(); err != nil {
			return Info{}, err
		}
		err = name(temp, path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return Info{}, l.fault("write", path, err)
	}
	return infoOf(key, info), nil
}

// temporary writes body, flushed, into a hidden file beside path.
func (l *Local) temporary(ctx context.Context, path string, body []byte) (string, fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	file, err := createBeside(path)
	if err != nil {
		return "", nil, err
	}
	_, err = file.Write(body)
	if err == nil {
		err = file.Sync()
	}
	var info fs.FileInfo
	if err == nil {
		info, err = file.Stat()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name())
		return "", nil, err
	}
	return file.Name(), info, nil
}

// createBeside makes a hidden file in path's folder, and the folder, which a parallel Delete may take away once or twice.
func createBeside(path string) (file *os.File, err error) {
	folder := filepath.Dir(path)
	for range 10 {
		if err = os.MkdirAll(folder, 0o777); err != nil {
			return nil, err
		}
		file, err = os.CreateTemp(folder, hidden+"*")
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err == nil {
		err = file.Chmod(0o644)
	}
	return file, err
}

// locked runs act while no other process that asks for this file's lock does. A crash gives the lock back.
func (l *Local) locked(path string, act func() error) error {
	folder, name := filepath.Split(path)
	lock, err := os.OpenFile(filepath.Join(folder, hidden+"lock-"+name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return act()
}

// syncFolder makes a new name last through a power cut.
func syncFolder(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Delete removes the file, and the folders above it that are empty then.
func (l *Local) Delete(ctx context.Context, key, version string) error {
	path, err := l.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	if version == "" {
		err = os.Remove(path)
	} else if err = unchanged(path, version); err == nil {
		err = l.locked(path, func() error {
			if err := unchanged(path, version); err != nil {
				return err
			}
			return os.Remove(path)
		})
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return l.fault("delete", path, err)
	}
	l.removeEmpty(filepath.Dir(path))
	return nil
}

// removeEmpty removes a folder and those above it while nothing but a lock is left in them.
func (l *Local) removeEmpty(folder string) {
	for ; strings.HasPrefix(folder, l.root+string(filepath.Separator)); folder = filepath.Dir(folder) {
		if os.Remove(folder) != nil {
			return
		}
	}
}

// Copy links a second name to the same file.
func (l *Local) Copy(ctx context.Context, from, to string) (Info, error) {
	source, err := l.path(from)
	if err != nil {
		return Info{}, err
	}
	target, err := l.path(to)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return Info{}, err
	}
	for range 10 {
		if err = os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
			break
		}
		if err = os.Link(source, target); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if _, statErr := os.Stat(source); statErr != nil {
			return Info{}, l.fault("copy", source, statErr)
		}
	}
	if err == nil {
		err = syncFolder(filepath.Dir(target))
	}
	if err != nil {
		return Info{}, l.fault("copy to", target, err)
	}
	return l.Stat(ctx, to)
}

// List returns a page of the files below a prefix, in byte order of their keys.
func (l *Local) List(ctx context.Context, opts ListOptions) (Page, error) {
	folder := ""
	if at := strings.LastIndexByte(opts.Prefix, '/'); at >= 0 {
		folder = opts.Prefix[:at]
	}
	w := &localWalk{root: l.root, opts: opts, limit: opts.Limit}
	if w.limit <= 0 {
		w.limit = 1000
	}
	if err := w.folder(ctx, folder); err != nil && !errors.Is(err, errPageFull) {
		return Page{}, l.fault("list", filepath.Join(l.root, folder), err)
	}
	return w.page, nil
}

// errPageFull ends a walk whose page is full.
var errPageFull = errors.New("page full")

// localWalk collects one page. Its token is the last key or prefix of the page before.
type localWalk struct {
	root  string
	opts  ListOptions
	limit int
	page  Page
}

func (w *localWalk) folder(ctx context.Context, folder string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(w.root, folder))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), hidden) {
			continue
		}
		if e.IsDir() {
			names = append(names, e.Name()+"/") // so that keys, not names, are in byte order
		} else {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if folder != "" {
			name = folder + "/" + name
		}
		if err := w.entry(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// entry takes one key, or all below a key that ends in a slash.
func (w *localWalk) entry(ctx context.Context, key string) error {
	dir, isDir := strings.CutSuffix(key, "/")
	if isDir {
		if !strings.HasPrefix(key, w.opts.Prefix) && !strings.HasPrefix(w.opts.Prefix, key) {
			return nil
		}
		if w.opts.Token > key && !strings.HasPrefix(w.opts.Token, key) {
			return nil
		}
		if w.opts.Delimiter == "" || len(key) <= len(w.opts.Prefix) {
			return w.folder(ctx, dir)
		}
		if key <= w.opts.Token || !w.holdsFiles(dir) {
			return nil
		}
		return w.take(key, func() { w.page.Prefixes = append(w.page.Prefixes, key) })
	}
	if !strings.HasPrefix(key, w.opts.Prefix) || w.opts.Token != "" && key <= w.opts.Token {
		return nil
	}
	info, err := os.Stat(filepath.Join(w.root, key))
	if err != nil {
		return nil // gone while we listed
	}
	return w.take(key, func() { w.page.Objects = append(w.page.Objects, infoOf(key, info)) })
}

// take adds an entry, or notes that there are more than fit.
func (w *localWalk) take(key string, add func()) error {
	if w.limit == 0 {
		w.page.Next = w.last()
		return errPageFull
	}
	w.limit--
	add()
	return nil
}

func (w *localWalk) last() string {
	last := ""
	if n := len(w.page.Objects); n > 0 {
		last = w.page.Objects[n-1].Key
	}
	if n := len(w.page.Prefixes); n > 0 {
		last = max(last, w.page.Prefixes[n-1])
	}
	return last
}

// holdsFiles says whether there is an object below a folder: an empty folder is none.
func (w *localWalk) holdsFiles(dir string) bool {
	found := false
	filepath.WalkDir(filepath.Join(w.root, dir), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(e.Name(), hidden) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}
